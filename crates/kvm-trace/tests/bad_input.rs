//! What is no recording, and that nothing whatever makes the reader panic.

use std::io::{self, BufRead, BufReader, Read};

use kvm_trace::{ArmList, ReadError, read_arms, read_events};
use proptest::prelude::*;

const GOOD: &str = "\
vmm 9 [001] 2.000010: timer:hrtimer_start: hrtimer=0xa function=apic_timer_fn expires=1001 mode=0x8
vmm 9 [001] 2.000012: kvm:kvm_msr: msr_write 6e0 = 0x10
vmm 9 [001] 2.000020: timer:hrtimer_expire_entry: hrtimer=0xa function=apic_timer_fn now=1002
vmm 9 [001] 2.000021: timer:hrtimer_expire_exit: hrtimer=0xa
";

/// The message has all of `parts`, and is one line.
#[track_caller]
fn check(bytes: &[u8], parts: &[&str]) {
    let message = read_arms(bytes).expect_err("no recording").to_string();
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
    assert!(!message.contains('\n') && !message.contains("  "), "{message:?}");
}

fn unparsed(list: &ArmList) -> Vec<u64> {
    list.coverage.first_unparsed.iter().map(|unparsed| unparsed.line).collect()
}

#[test]
fn empty() {
    check(b"", &["empty", "perf record -a -e kvm:kvm_msr", "perf script"]);
}

#[test]
fn binary() {
    let expect = "expected what `perf script` prints";
    check(b"PERFILE2\x68\0\0\0\0\0\0\0", &["line 1 is not text", expect]);
    check(&[GOOD.as_bytes(), b"a\0b\n"].concat(), &["line 5 is not text", expect]);
    check(&[GOOD.as_bytes(), b"\xff\xfe\n"].concat(), &["line 5 is not text", expect]);
    check(b"\x1f\x8b\x08\xff\xff", &["line 1 is not text", expect]);
    // A NUL anywhere in a line that would otherwise be read.
    check(b"v\0 9 [001] 2.0: e: f\n", &["line 1 is not text"]);
}

#[test]
fn a_name_cut_in_the_middle_of_a_character_is_no_binary() {
    let line = b"caf\xc3 9 [001] 2.000030: kvm:kvm_entry: vcpu 0\n";
    let list = read_arms(&[GOOD.as_bytes(), line].concat()[..]).expect("arms");
    assert_eq!((list.coverage.events, list.coverage.unparsed), (5, 0));
}

#[test]
fn another_tool() {
    let report = "\n# a comment\n\
        Analyze events for all VMs, all VCPUs:\n\n\
                        EXTERNAL_INTERRUPT       6871      9.29%      2.96%      0.44us\n";
    check(report.as_bytes(), &["line 3: not a line of a recording", "5 lines", "`perf script`"]);
    check(b"# only a comment\n", &["line 1: not a line of a recording"]);
}

#[test]
fn recorded_without_what_is_needed() {
    let line = |n: usize| GOOD.lines().nth(n).unwrap();
    let record = "perf record -a -e kvm:kvm_msr,kvm:kvm_apic,kvm:kvm_entry,timer:hrtimer_start,\
                  timer:hrtimer_expire_entry,timer:hrtimer_expire_exit";
    check(line(0).as_bytes(), &["no arm", "1 lines", "msr_write 6e0", record]);
    let no_start = format!("# perf\n{}\n{}\n", line(1), line(2));
    check(no_start.as_bytes(), &["line 2: the guest arms", "hrtimer_start", record]);
    let no_expiry = format!("{}\n{}\n", line(0), line(1));
    check(no_expiry.as_bytes(), &["line 2: the guest arms", "hrtimer_expire_entry", record]);
}

#[test]
fn lines_not_understood_are_counted() {
    let mut text = GOOD.to_owned();
    for _ in 0..20 {
        text += "\nno event at all\n# comment\n\r\n";
    }
    text += "vmm 9 [001] 2.000022: kvm:kvm_msr: damaged";
    let list = read_arms(text.as_bytes()).expect("arms");
    assert_eq!(list.arms.len(), 1);
    assert_eq!((list.coverage.lines, list.coverage.events), (85, 4));
    assert_eq!(list.coverage.unparsed, 21);
    assert_eq!(unparsed(&list), [6, 10, 14, 18, 22, 26, 30, 34]);
    assert_eq!(&*list.coverage.first_unparsed[0].text, "no event at all");
    assert!(list.coverage.cut);
}

#[test]
fn a_line_without_end_is_not_kept() {
    // 64 MB would take a while to push through, but must not be held.
    let endless = io::repeat(b'x').take(64 << 20);
    let rest = [b"\n".as_slice(), GOOD.as_bytes()].concat();
    let list = read_arms(BufReader::new(endless.chain(&rest[..]))).expect("arms");
    assert_eq!((list.coverage.lines, unparsed(&list)), (5, vec![1]));
    // Neither is a character that the cut may have split taken for binary data.
    let wide = "é".repeat(100_000);
    for shift in ["", "x"] {
        let list = read_arms(format!("{shift}{wide}\n{GOOD}").as_bytes()).expect("arms");
        assert_eq!(unparsed(&list), [1]);
    }
    // A cut event is not an event.
    let long = format!("{GOOD}vmm 9 [001] 2.000022: e: {}\n", "x".repeat(100_000));
    assert_eq!(unparsed(&read_arms(long.as_bytes()).expect("arms")), [5]);
}

#[test]
fn a_reader_that_fails() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let error = read_arms(BufReader::new(GOOD.as_bytes().chain(Failing))).expect_err("fails");
    assert_eq!(error.to_string(), "line 5: the file could not be read: the disk is gone");
    assert!(matches!(error, ReadError::Io { line: 5, .. }));
}

/// Bytes that get further into the reader than random ones.
fn nearly_a_recording() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "vmm",
        "CPU 1/KVM-9",
        "9",
        "8/9",
        "[001]",
        "[",
        "]",
        "-",
        "(",
        ")",
        "/",
        ":",
        ".",
        "d..2.",
        "2.000010:",
        "18446744073.709551615:",
        "99999999999.9:",
        "0.9999999999:",
        "kvm:kvm_msr:",
        "kvm_apic:",
        "timer:hrtimer_start:",
        "hrtimer_expire_entry:",
        "hrtimer_expire_exit:",
        "kvm_entry:",
        "msr_write",
        "msr_read",
        "apic_write",
        "6e0",
        "838",
        "APIC_TMICT",
        "=",
        "0x10",
        "0x0",
        "(#GP)",
        "0xffffffffffffffff",
        "hrtimer=0xa",
        "hrtimer=0xb",
        "function=apic_timer_fn",
        "expires=1001",
        "expires=18446744073709551615",
        "now=0",
        "now=18446744073709551615",
        "mode=0x0",
        "mode=ABS|HARD",
        "\n",
        "\r\n",
        "#",
        "é",
        "\t",
    ];
    let whole = GOOD.lines().map(str::to_owned).collect::<Vec<_>>();
    let piece = prop_oneof![
        3 => proptest::sample::select(words.to_vec()).prop_map(|word| format!("{word} ")),
        2 => proptest::sample::select(words.to_vec()).prop_map(str::to_owned),
        2 => proptest::sample::select(whole.clone()).prop_map(|line| format!("{line}\n")),
        1 => (proptest::sample::select(whole), 0..100_usize, any::<char>()).prop_map(
            |(line, at, other)| {
                let at = at.min(line.len());
                format!("{}{other}{}\n", &line[..at], &line[at..])
            }
        ),
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat().into_bytes())
}

/// Reads `bytes` whichever way, and holds the result to what is promised of it.
fn read(bytes: &[u8]) -> Result<(), TestCaseError> {
    let Ok(list) = read_arms(bytes) else {
        return Ok(());
    };
    prop_assert!(!list.arms.is_empty());
    prop_assert!(list.coverage.first_unparsed.len() <= 8);
    prop_assert!(list.coverage.events + list.coverage.unparsed <= list.coverage.lines);
    prop_assert_eq!(list.coverage.lines, bytes.lines().count() as u64);
    let mut replayed = 0;
    for vcpu in list.vcpus() {
        let arms = list.replay(vcpu);
        prop_assert!(arms.is_sorted_by_key(|arm| arm.at_ns));
        prop_assert!(arms.iter().all(|arm| arm.at_ns <= arm.deadline_ns));
        replayed += arms.len();
    }
    prop_assert!((1..=list.arms.len()).contains(&replayed));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        read(&bytes)?;
        read(&[GOOD.as_bytes(), &bytes].concat())?;
    }

    #[test]
    fn arbitrary_pieces_of_recordings(bytes in nearly_a_recording()) {
        read(&bytes)?;
        read(&[GOOD.as_bytes(), &bytes].concat())?;
    }

    /// Where the file's buffers end makes no difference.
    #[test]
    fn any_buffer_size(bytes in nearly_a_recording(), size in 1..80_usize) {
        let read = |reader: &mut dyn BufRead| {
            let mut events = Vec::new();
            let result = read_events(reader, |line, event| events.push(format!("{line} {event:?}")));
            (result.map_err(|error| error.to_string()), events)
        };
        prop_assert_eq!(
            read(&mut BufReader::with_capacity(size, &bytes[..])),
            read(&mut &bytes[..]),
        );
    }

    /// A thread may be called whatever fits into the line.
    #[test]
    fn any_name(comm in "[^\\s\\[\\x00](.{0,13}[^\\s\\x00])?") {
        prop_assume!(!comm.contains(['\n', '\0']) && !comm.starts_with('#'));
        for line in [
            format!("{comm} 9 [001] 2.000030: kvm:kvm_entry: vcpu 0"),
            format!("{comm}-9 [001] d..1. 2.000030: kvm_entry: vcpu 0"),
        ] {
            let mut seen = 0;
            let result = read_events(line.as_bytes(), |_, event| {
                seen += 1;
                assert_eq!((event.comm, event.thread.0, event.cpu.0), (comm.as_str(), 9, 1));
            });
            prop_assert!(result.is_ok(), "{}", line);
            prop_assert_eq!(seen, 1);
        }
    }
}
