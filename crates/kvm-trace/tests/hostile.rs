//! Files made to hurt: mutated recordings, and streams that try to make the analysis keep more than it may.
//!
//! What must hold is in `fuzz/src/check.rs`, which the fuzzer shares: `cargo xtask fuzz` runs libFuzzer on its corpus for a
//! bounded time. Here the same holds without it, of the corpus and of a bounded number of mutations of recordings;
//! `PROPTEST_CASES=100000 cargo test -p kvm-trace --test hostile` runs it for longer.

#[path = "../fuzz/src/check.rs"]
mod check;

use std::fmt::Write as _;
use std::io::{self, BufReader, Read};

use allocation_counter::measure;
use kvm_trace::{Coverage, analyze, read_events};
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
    check::bounds(&summary);
    assert_eq!((summary.coverage.unparsed, summary.missing.markers), (6_000, 6_000));
    assert!(summary.threads_not_followed > 0);
    assert_eq!(summary.events.iter().map(|(_, n)| n).sum::<u64>(), 30_000);
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
        check::read(&bytes, buffer);
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..600), buffer in 1..64_usize) {
        check::read(&bytes, buffer);
    }
}

/// Twenty recordings in a row, from a stream.
#[test]
fn a_long_recording_is_read_from_a_stream() {
    let one = RECORDINGS[0].as_bytes();
    let mut stream: Box<dyn Read> = Box::new(io::empty());
    for _ in 0..20 {
        stream = Box::new(stream.chain(one));
    }
    let summary = analyze(BufReader::new(stream), |_| {}).expect("a recording");
    assert_eq!((summary.arms, summary.coverage.lines), (20 * 200, 20 * 3_300));
    // Nineteen times both CPUs' time begins anew, when no tick is under way: no latency spans two recordings.
    assert_eq!((summary.order.backwards_on_cpu, summary.missing.ticks), (38, 0));
    assert_eq!(summary.latencies.arm_to_expiry.max(), Some(1_014_000));
    check::bounds(&summary);
}

/// A recording so many times in a row, as a stream that is nowhere in memory.
struct Again {
    text: &'static [u8],
    at: usize,
    left: usize,
}

impl Again {
    fn new(text: &'static str, times: usize) -> BufReader<Self> {
        BufReader::new(Self { text: text.as_bytes(), at: 0, left: times * text.len() })
    }
}

impl Read for Again {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = buffer.len().min(self.text.len() - self.at).min(self.left);
        buffer[..n].copy_from_slice(&self.text[self.at..self.at + n]);
        self.at = (self.at + n) % self.text.len();
        self.left -= n;
        Ok(n)
    }
}

/// No line allocates: four recordings take as many allocations as sixteen.
#[test]
fn a_line_allocates_nothing() {
    for recording in RECORDINGS {
        let events = |times: usize| {
            let mut lines = 0;
            let used = measure(|| {
                let coverage = read_events(Again::new(recording, times), |_, _| lines += 1).expect("events");
                assert_eq!(coverage.events, lines);
            });
            assert!(lines > 3_000 * times as u64);
            used.count_total
        };
        assert_eq!(events(4), events(16));
    }
}

/// What is kept does not follow the file: 60 MB, and the distributions of 30,000 ticks.
#[test]
fn memory_is_constant() {
    let most = |times: usize| {
        let used = measure(|| {
            let summary = analyze(Again::new(RECORDINGS[0], times), |_| {}).expect("a recording");
            assert_eq!(summary.arms, 200 * times as u64);
        });
        used.bytes_max
    };
    // A distribution is exact to 65,536 values, half a megabyte, and in buckets after that; there are six.
    let many = most(150);
    assert!(many <= 6 * (1 << 20), "{many} bytes");
}

/// The corpus of the fuzzer: each file is read whole and in every half, and within the memory that it may take.
#[test]
fn the_corpus_holds() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/recording");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path()).collect();
    files.sort();
    assert!(files.len() >= 14);
    for file in files {
        let bytes = std::fs::read(&file).expect("a file");
        for (buffer, part) in
            [(1, &bytes[..]), (4_096, &bytes[..]), (7, &bytes[bytes.len() / 2..]), (7, &bytes[..bytes.len() / 2])]
        {
            let used = measure(|| check::read(part, buffer));
            check::memory(part.len(), used.bytes_max);
        }
    }
}
