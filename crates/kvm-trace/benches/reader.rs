//! How fast recordings are read, beside a plain reader made of regular expressions, on one core.
//!
//! The file is a real recording, repeated in memory to 100 MB and more. Absolute figures hold for the machine they were
//! taken on.

use kvm_trace::{Event, Fact, analyze, read_arms, read_events};
use regex::bytes::Regex;
use std::hint::black_box;
use std::time::{Duration, Instant};

const RECORDINGS: [(&str, &str); 2] = [
    ("deadline-busy", include_str!("../tests/data/traces/deadline-busy.perf-script.txt")),
    ("deadline-halt", include_str!("../tests/data/traces/deadline-halt.perf-script.txt")),
];

/// Median of five runs.
fn median(mut sample: impl FnMut() -> u64) -> (u64, Duration) {
    let mut samples: Vec<_> = (0..5)
        .map(|_| {
            let start = Instant::now();
            let events = black_box(sample());
            (events, start.elapsed())
        })
        .collect();
    samples.sort_by_key(|(_, time)| *time);
    samples[2]
}

/// What one writes in an afternoon: one expression for the line, others for the fields of the events that matter.
struct Plain {
    line: Regex,
    fields: Vec<(&'static [u8], Regex)>,
}

impl Plain {
    fn new() -> Self {
        let regex = |text: &str| Regex::new(text).expect("a regular expression");
        let fields = [
            ("kvm_msr", r"^msr_(read|write) ([0-9a-f]+) = 0x([0-9a-f]+)"),
            ("kvm_apic", r"^apic_(read|write) (\S+) = 0x([0-9a-f]+)"),
            ("kvm_eoi", r"^apicid ([0-9a-f]+) vector (-?\d+)"),
            ("kvm_apic_accept_irq", r"^apicid ([0-9a-f]+) vec (\d+) \((\w+)\|(\w+)\)"),
            ("hrtimer_start", r"hrtimer=(\S+) function=(\S+) expires=(\d+)"),
            ("hrtimer_expire_entry", r"hrtimer=(\S+) function=(\S+) now=(\d+)"),
            ("hrtimer_expire_exit", r"hrtimer=(\S+)"),
        ];
        Self {
            line: regex(r"^\s*(.+?)\s+(\d+)\s+\[(\d+)\]\s+(\d+)\.(\d+):\s+(?:(\w+):)?(\w+):\s*(.*)$"),
            fields: fields.map(|(name, text)| (name.as_bytes(), regex(text))).into(),
        }
    }

    fn events(&self, text: &[u8]) -> u64 {
        let mut events = 0;
        for line in text.split(|b| *b == b'\n') {
            let Some(found) = self.line.captures(line) else { continue };
            let (name, rest) = (&found[7], &found[8]);
            if let Some((_, fields)) = self.fields.iter().find(|(known, _)| *known == name) {
                black_box(fields.captures(rest));
            }
            events += 1;
        }
        events
    }
}

/// Takes an event; what is in it must have been read.
fn count(line: u64, event: &Event<'_>) {
    black_box((line, *event));
}

/// Takes a fact.
fn take(fact: &Fact) {
    black_box(fact);
}

fn main() {
    let quick = std::env::args().any(|a| a == "--test");
    let size = if quick { 1 << 20 } else { 100_000_000 };
    let plain = Plain::new();
    for (name, recording) in RECORDINGS {
        let text = recording.repeat(size / recording.len() + 1);
        let megabytes = text.len() as f64 / 1e6;
        println!("{name}, repeated to {megabytes:.0} MB in memory, median of 5 runs, one core");
        let row = |what: &str, (events, time): (u64, Duration)| {
            let rate = megabytes / time.as_secs_f64();
            let ns = time.as_nanos() as f64 / events as f64;
            println!("  {what:<20} {rate:>6.0} MB/s  {ns:>6.1} ns/event  {events} events");
        };
        row("events", median(|| read_events(text.as_bytes(), count).map_or(0, |c| c.events)));
        row("ticks and summary", median(|| analyze(text.as_bytes(), take).map_or(0, |s| s.coverage.events)));
        row("arms", median(|| read_arms(text.as_bytes()).map_or(0, |list| list.coverage.events)));
        row("regular expressions", median(|| plain.events(text.as_bytes())));
    }
}
