//! Tables of `perf kvm stat report`: read, written, and refused in words.

use kvm_trace::{Percent, StatRow, StatTable, StatTime, StatTotal, read_stat};
use proptest::prelude::*;

/// In the layout of Linux 6.12; the first row is that of the series of 2019.
const TABLE: &str = "

Analyze events for all VMs, all VCPUs:

                                 VM-EXIT    Samples  Samples%     Time%    Min Time    Max Time         Avg time

                      EXTERNAL_INTERRUPT       6871     9.29%     2.96%      0.44us     57.88us      0.72us ( +-   4.02% )
                               MSR_WRITE      36045    48.74%    50.10%      0.81us    106.09us      2.32us ( +-   0.31% )
                                     HLT          1     0.01%    46.94%   1200.00us   1200.00us   1200.00us ( +-   0.00% )

Total Samples:42917, Total events handled time:89771.52us.

";

fn read(text: &str) -> StatTable {
    read_stat(text.as_bytes()).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

#[test]
fn a_table_is_read_to_its_last_digit() {
    let table = read(TABLE);
    assert_eq!(table.scope.as_deref(), Some("all VMs, all VCPUs"));
    assert_eq!(
        table.rows.iter().map(|r| r.name.as_str()).collect::<Vec<_>>(),
        ["EXTERNAL_INTERRUPT", "MSR_WRITE", "HLT"]
    );
    assert_eq!(
        table.row("EXTERNAL_INTERRUPT"),
        Some(&StatRow {
            name: "EXTERNAL_INTERRUPT".to_owned(),
            samples: 6_871,
            samples_share: Percent::from_hundredths(929),
            time_share: Percent::from_hundredths(296),
            min: StatTime::from_ns(440),
            max: StatTime::from_ns(57_880),
            avg: StatTime::from_ns(720),
            error: Some(Percent::from_hundredths(402)),
        })
    );
    assert_eq!(table.total, Some(StatTotal { samples: 42_917, time: StatTime::from_ns(89_771_520) }));
    assert_eq!((table.samples(), table.lost), (42_917, 0));
}

#[test]
fn it_is_written_as_perf_writes_it() {
    assert_eq!(read(TABLE).to_string(), TABLE);
}

#[test]
fn widths_and_lines_around_it_do_not_matter() {
    let narrow = TABLE.split(' ').filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ");
    assert_eq!(read(&narrow), read(TABLE));
    assert_eq!(read(&TABLE.replace('\n', "\r\n")), read(TABLE));
    let row = "EXTERNAL_INTERRUPT 6871 9.29% 2.96% 0.44us 57.88us 0.72us ( +- 4.02% )";
    assert_eq!(read(row).rows, read(TABLE).rows[..1]);
    let around = format!("$ perf kvm stat report\n# a comment\n{TABLE}\nLost events: 12\n\n$\n");
    assert_eq!(read(&around), StatTable { lost: 12, ..read(TABLE) });
    assert_eq!(read(&row.replace("57.88us", "58us")).rows[0].max, StatTime::from_ns(58_000));
    assert_eq!(read(&row.replace("57.88us", "57.8us")).rows[0].max, StatTime::from_ns(57_800));
    // One sample has no standard error.
    assert_eq!(read(&row.replace("4.02%", "-nan%")).rows[0].error, None);
    assert_eq!(
        read(&row.replace("( +- 4.02% )", "( +-1234.56% )")).rows[0].error,
        Some(Percent::from_hundredths(123_456))
    );
}

/// The message of what `from` replaced by `to` in the table is refused with, in one line.
#[track_caller]
fn check(from: &str, to: &str, parts: &[&str]) {
    assert!(TABLE.contains(from), "{from:?} is not in the table");
    refused(TABLE.replacen(from, to, 1).as_bytes(), parts);
}

#[track_caller]
fn refused(bytes: &[u8], parts: &[&str]) {
    let message = read_stat(bytes).expect_err("no table").to_string();
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
    assert!(!message.contains('\n') && !message.contains("  "), "{message:?}");
}

#[test]
fn rows_that_cannot_be_understood() {
    check("6871", "0", &["line 7", "\"0\" is no value of the column Samples"]);
    check("6871", "-3", &["line 7", "\"-3\" is no value of the column Samples"]);
    check("9.29%", "109.29%", &["line 7", "\"109.29%\"", "Samples%", "at most 100.00%"]);
    check("0.44us", "0.44ms", &["line 7", "\"0.44ms\" is no value of the column Min Time"]);
    check("57.88us", "57.8.8us", &["line 7", "\"57.8.8us\"", "Max Time"]);
    check("0.72us", "0.43us", &["line 7", "least 0.44us, average 0.43us, most 57.88us", "in this order"]);
    check("0.72us", "57.89us", &["line 7", "in this order"]);
    check("4.02%", "4,02%", &["line 7", "\"4,02%\"", "Avg time"]);
    // Before Linux 4.0 there were neither Min Time nor Max Time.
    check("0.44us     57.88us", "", &["line 7", "a row with 6 columns: expected 8"]);
    check("                      EXTERNAL_INTERRUPT ", "", &["line 7", "a row with 7 columns"]);
    check("MSR_WRITE", "EXTERNAL_INTERRUPT", &["line 8", "EXTERNAL_INTERRUPT has a row above already"]);
    refused(format!("{TABLE}{TABLE}").as_bytes(), &["line 15", "a second table begins here"]);
}

#[test]
fn other_tables() {
    check("VM-EXIT", "MMIO Access", &["line 5", "a table of \"MMIO Access\"", "--event=vmexit"]);
    let expect = "expected rows such as `EXTERNAL_INTERRUPT 6871";
    refused(b"Event                     Total %Total CurAvg/s\nkvm_entry   4   0.1   2\n", &["line 1", expect]);
    refused(b"\n Performance counter stats for 'sleep 1':\n\n 0.53 msec task-clock\n", &["line 2", expect]);
    refused(b"vmm 9 [001] 2.000012: kvm:kvm_msr: msr_write 6e0 = 0x10\n", &["line 1", expect]);
    refused(b"# nothing\n\n", &["line 1", expect]);
    refused(b"", &["empty", "perf kvm stat report --event=vmexit"]);
    refused(b"PERFILE2\0\0", &["line 1 is not text"]);
    refused(b"\n\xff\xfe", &["line 2 is not text"]);
}

fn rows() -> impl Strategy<Value = StatRow> {
    let times = (0..5_000_000u64, 0..5_000_000u64, 0..5_000_000u64);
    let shares = (0..=10_000u64, 0..=10_000u64, proptest::option::of(0..100_000u64));
    ("[A-Z_]{1,30}|0x[0-9a-f]{1,8}:POUT", 1..u64::MAX, shares, times).prop_map(|(name, samples, shares, times)| {
        let mut times = [times.0, times.1, times.2].map(|t| StatTime::from_ns(t * 10));
        times.sort_unstable();
        StatRow {
            name,
            samples,
            samples_share: Percent::from_hundredths(shares.0),
            time_share: Percent::from_hundredths(shares.1),
            min: times[0],
            avg: times[1],
            max: times[2],
            error: shares.2.map(Percent::from_hundredths),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(rows in proptest::collection::vec(rows(), 1..20), lost in 0..9u64) {
        let mut table = StatTable { rows, lost, scope: Some("all VMs, VCPU 3".to_owned()), total: None };
        table.rows.sort_by(|a, b| a.name.cmp(&b.name));
        table.rows.dedup_by(|a, b| a.name == b.name);
        prop_assert_eq!(read(&table.to_string()), table);
    }

    #[test]
    fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read_stat(&bytes[..]);
    }

    /// Bytes that get further: the table with a piece cut out and another put in.
    #[test]
    fn nor_does_a_damaged_table(at in 0..TABLE.len(), cut in 0..200usize, piece in "[ 0-9.%us()+-]{0,12}|\\PC{0,6}|\n") {
        let (before, after) = (&TABLE[..at], &TABLE[(at + cut).min(TABLE.len())..]);
        if let Ok(table) = read_stat(format!("{before}{piece}{after}").as_bytes()) {
            prop_assert!(!table.rows.is_empty());
            for row in &table.rows {
                prop_assert!(row.samples > 0 && row.min <= row.avg && row.avg <= row.max);
                prop_assert!(row.samples_share.hundredths() <= 10_000);
            }
        }
    }
}
