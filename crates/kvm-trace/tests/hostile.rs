//! Files made to hurt: mutated recordings, and streams that try to make the analysis keep more than it may.
//!
//! This is the fuzz target of the reader on a stable compiler: a corpus (the recordings, and a line of each format) and
//! mutations of it, a bounded number of each on every run. `PROPTEST_CASES=100000 cargo test -p kvm-trace --test hostile`
//! runs it for longer.

use std::fmt::Write as _;
use std::io::{BufReader, Read};

use kvm_trace::{Coverage, Fact, Summary, analyze, read_arms, read_events, read_stat};
use proptest::prelude::*;

const RECORDINGS: [&str; 3] = [
    include_str!("data/traces/deadline-busy.perf-script.txt"),
    include_str!("data/traces/deadline-halt.perf-script.txt"),
    include_str!("data/traces/periodic-halt.perf-script.txt"),
];

/// A line of each format: as quoted on public lists, and in the exact words of Linux 6.12 and of trace-cmd.
const FORMATS: &str = "\
CPU 0/KVM-7289 [023] d.... 2925.640967: kvm_exit: vcpu 0 reason EXTERNAL_INTERRUPT intr_info 0x800000ec
CPU 0/KVM-7289 [023] d.... 2925.640976: kvm_entry: vcpu 0
dbs_load_kernel 426566 [004] 108229.766087: kvm:kvm_apic_accept_irq: apicid 0 vec 236 (Fixed|edge)
fc_vcpu 0-2779478 [077] .... 1820822.383989: kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x5a1b20 info 384 0
CPU 1/KVM-9454 [003] d..2 881.674195: hrtimer_start: hrtimer=00000000a1b2c3d4 function=apic_timer_fn expires=881674387000 softexpires=881674387000 mode=ABS|HARD was_armed=0
CPU 1/KVM-9454 [003] d..2 881.674196: kvm_exit: vcpu 1 reason MSR_WRITE rip 0xffffffff8106f2a4 info1 0x0000000000000000 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000
CPU 1/KVM-9454 [003] d..2 881.674197: kvm_hv_timer_state: vcpu_id 1 hv_timer 0
<idle>-0 [000] d.h1 881.674389: hrtimer_expire_entry: hrtimer=00000000a1b2c3d4 function=apic_timer_fn now=881674388210
<idle>-0 [000] d.h1 881.674390: kvm_wait_lapic_expire: vcpu 1: delta -1830 (early)
<idle>-0 [000] d.h1 881.674391: kvm_apic_accept_irq: apicid 1 vec 236 (Fixed|edge)
<idle>-0 [000] d.h1 881.674391: kvm_apicv_accept_irq: apicid 1 vec 236 (Fixed|edge)
CPU 1/KVM-9454 (  812) [003] d..2. 881.674500: kvm_exit: reason EXTERNAL_INTERRUPT rip 0x1 info 0 800000fd vcpu 1
cpus=4
CPU:3 [LOST 17 EVENTS]
CPU:3 [17 EVENTS DROPPED]
";

#[test]
fn a_line_of_each_format_is_understood() {
    let mut vectors = Vec::new();
    let coverage = read_events(FORMATS.as_bytes(), |_, event| {
        if let kvm_trace::EventKind::KvmExit(exit) = event.kind {
            vectors.push(exit.host_vector().map(|vector| vector.0));
        }
    })
    .expect("events");
    let Coverage { lines, events, lost_markers, unparsed, .. } = coverage;
    assert_eq!((lines, events, lost_markers, unparsed), (15, 12, 2, 0));
    assert_eq!(vectors, [Some(0xec), None, None, Some(0xfd)]);
    // Lines that a person has trimmed have neither thread nor CPU, and are shown.
    let trimmed = "220.696238: kvm_apic_ipi: dst b0 vec 176 (Fixed|physical|assert|edge|self)\n";
    let coverage = read_events(format!("{FORMATS}{trimmed}").as_bytes(), |_, _| {}).expect("events");
    assert_eq!((coverage.unparsed, coverage.first_unparsed[0].line), (1, 16));
}

/// Neither names nor threads, CPUs, gaps, reasons, moves or lines not understood can make a summary grow.
#[test]
fn what_is_kept_is_bounded() {
    let mut text = String::new();
    for n in 0..6_000_u32 {
        let cpu = n * 7;
        writeln!(text, "vmm {n} [{cpu}] {n}.0: kvm:kvm_entry: vcpu {n}").expect("a string");
        writeln!(text, "vmm 1 [{}] {n}.0: kvm:kvm_exit: vcpu 1 reason R{n} rip 0x1", n % 900).expect("a string");
        writeln!(text, "vmm 1 [{}] {n}.1: kvm:kvm_entry: vcpu 1", n % 900).expect("a string");
        writeln!(text, "vmm {n} [{cpu}] {n}.2: kvm:event_{n}: {}", "x".repeat(100)).expect("a string");
        writeln!(
            text,
            "vmm {n} [{cpu}] {n}.3: timer:hrtimer_start: hrtimer=0x{n:x} function=apic_timer_fn expires={n} mode=0x8"
        )
        .expect("a string");
        writeln!(text, "CPU:{n} [LOST {n} EVENTS]\nno event {}", "y".repeat(1_000)).expect("a string");
    }
    let summary = analyze(text.as_bytes(), |_| {}).expect("a recording");
    check_bounds(&summary);
    assert_eq!((summary.coverage.unparsed, summary.missing.markers), (6_000, 6_000));
    assert!(summary.threads_not_followed > 0);
    assert_eq!(summary.events.iter().map(|(_, n)| n).sum::<u64>(), 30_000);
}

fn check_bounds(summary: &Summary) {
    assert!(summary.events.len() <= 4_097);
    assert!(summary.vcpus.len() <= 4_096 && summary.vcpus.iter().all(|vcpu| vcpu.stays.len() <= 256));
    assert!(summary.cpus.len() <= 8_192);
    assert!(summary.exits.len() <= 256);
    assert!(summary.missing.spans.len() <= 64);
    let unparsed = &summary.coverage.first_unparsed;
    assert!(unparsed.len() <= 8 && unparsed.iter().all(|unparsed| unparsed.text.chars().count() <= 160));
}

/// Every way in; facts come at most a few to a line.
fn read(bytes: &[u8], buffer: usize) {
    let mut facts = 0_u64;
    let mut lates = 0_i64;
    let summary = analyze(BufReader::with_capacity(buffer, bytes), |fact| {
        facts += 1;
        if let Fact::Tick(tick) = fact {
            lates = lates.wrapping_add(tick.lateness_ns().unwrap_or(0));
            let _ = (tick.arm_to_expiry_ns(), tick.expiry_to_entry_ns(), tick.arrival_is_not_shown());
        }
    });
    if let Ok(summary) = summary {
        check_bounds(&summary);
        let lines = summary.coverage.lines;
        assert!(facts <= 4 * lines + 2 * summary.vcpus.len() as u64, "{facts} facts of {lines} lines");
        assert_eq!(summary.coverage.events, summary.events.iter().map(|(_, n)| n).sum::<u64>());
    }
    let _ = (read_arms(bytes), read_stat(bytes));
}

/// A stretch of the corpus, whole lines.
fn stretch() -> impl Strategy<Value = String> {
    (0..4_usize, any::<proptest::sample::Index>(), 1..60_usize).prop_map(|(file, at, lines)| {
        let text = RECORDINGS.get(file).copied().unwrap_or(FORMATS);
        let all: Vec<_> = text.lines().collect();
        let from = at.index(all.len());
        let mut text = all[from..(from + lines).min(all.len())].join("\n");
        text.push('\n');
        text
    })
}

/// What happens to files on their way.
#[derive(Clone, Debug)]
enum Damage {
    Flip(proptest::sample::Index, u8),
    Cut(proptest::sample::Index),
    Drop(proptest::sample::Index, usize),
    Twice(proptest::sample::Index, usize),
    Insert(proptest::sample::Index, Vec<u8>),
    Digits(proptest::sample::Index, u64),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<proptest::sample::Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Flip(at, byte)),
        at().prop_map(Damage::Cut),
        (at(), 1..200_usize).prop_map(|(at, n)| Damage::Drop(at, n)),
        (at(), 1..400_usize).prop_map(|(at, n)| Damage::Twice(at, n)),
        (at(), proptest::collection::vec(any::<u8>(), 1..20)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (at(), prop_oneof![Just(0), Just(u64::MAX), any::<u64>()]).prop_map(|(at, n)| Damage::Digits(at, n)),
    ]
}

fn apply(bytes: &mut Vec<u8>, damage: &Damage) {
    if bytes.is_empty() {
        return;
    }
    let len = bytes.len();
    match damage {
        Damage::Flip(at, byte) => bytes[at.index(len)] ^= byte,
        Damage::Cut(at) => bytes.truncate(at.index(len)),
        Damage::Drop(at, n) => {
            let from = at.index(len);
            bytes.drain(from..(from + n).min(len));
        }
        Damage::Twice(at, n) => {
            let from = at.index(len);
            let again = bytes[from..(from + n).min(len)].to_vec();
            bytes.extend(again);
        }
        Damage::Insert(at, more) => {
            let from = at.index(len);
            bytes.splice(from..from, more.iter().copied());
        }
        // A number is replaced by another one.
        Damage::Digits(at, n) => {
            let from = at.index(len);
            let Some(from) = bytes[from..].iter().position(u8::is_ascii_digit).map(|skip| from + skip) else { return };
            let to = bytes[from..].iter().position(|b| !b.is_ascii_digit()).map_or(len, |n| from + n);
            bytes.splice(from..to, n.to_string().into_bytes());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_recordings(
        parts in proptest::collection::vec(stretch(), 1..5),
        damages in proptest::collection::vec(damage(), 0..12),
        buffer in 1..4_096_usize,
    ) {
        let mut bytes = parts.concat().into_bytes();
        for damage in &damages {
            apply(&mut bytes, damage);
        }
        read(&bytes, buffer);
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..600), buffer in 1..64_usize) {
        read(&bytes, buffer);
    }
}

/// Twenty recordings in a row, from a stream.
#[test]
fn a_long_recording_is_read_from_a_stream() {
    let one = RECORDINGS[0].as_bytes();
    let mut stream: Box<dyn Read> = Box::new(std::io::empty());
    for _ in 0..20 {
        stream = Box::new(stream.chain(one));
    }
    let summary = analyze(BufReader::new(stream), |_| {}).expect("a recording");
    assert_eq!((summary.arms, summary.coverage.lines), (20 * 200, 20 * 3_300));
    // Nineteen times both CPUs' time begins anew, when no tick is under way: no latency spans two recordings.
    assert_eq!((summary.order.backwards_on_cpu, summary.missing.ticks), (38, 0));
    assert_eq!(summary.latencies.arm_to_expiry.max(), Some(1_014_000));
    check_bounds(&summary);
}
