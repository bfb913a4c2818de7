//! What holds of the reader, whatever it is given: for the fuzzer, and for the tests that run without one.

use kvm_trace::{Fact, Summary, analyze, read_arms, read_stat};
use std::io::BufReader;

/// Reads `bytes` in every way, through a buffer of that size.
pub(crate) fn read(bytes: &[u8], buffer: usize) {
    let mut facts = 0_u64;
    let mut lates = 0_i64;
    let summary = analyze(BufReader::with_capacity(buffer, bytes), |fact| {
        facts += 1;
        if let Fact::Tick(tick) = fact {
            lates = lates.wrapping_add(tick.lateness_ns().unwrap_or(0));
            let _ = (tick.arm_to_expiry_ns(), tick.expiry_to_entry_ns(), tick.arrival_is_not_shown());
        }
    });
    match summary {
        Ok(summary) => {
            bounds(&summary);
            // Facts come at most a few to a line.
            let lines = summary.coverage.lines;
            assert!(facts <= 4 * lines + 2 * summary.vcpus.len() as u64, "{facts} facts of {lines} lines");
            assert_eq!(summary.coverage.events, summary.events.iter().map(|(_, n)| n).sum::<u64>());
            assert_eq!(summary.outcomes.iter().sum::<u64>(), summary.ticks);
        }
        // A message is for people: in one line, and not the file itself.
        Err(error) => {
            let message = error.to_string();
            assert!(!message.is_empty() && message.len() < 4_096, "{} bytes of message", message.len());
        }
    }
    let _ = (read_arms(bytes), read_stat(bytes));
}

/// Nothing of a summary grows with the file.
pub(crate) fn bounds(summary: &Summary) {
    assert!(summary.events.len() <= 4_097);
    assert!(summary.vcpus.len() <= 4_096 && summary.vcpus.iter().all(|vcpu| vcpu.stays.len() <= 256));
    assert!(summary.cpus.len() <= 8_192);
    assert!(summary.exits.len() <= 256);
    assert!(summary.missing.spans.len() <= 64);
    let unparsed = &summary.coverage.first_unparsed;
    assert!(unparsed.len() <= 8 && unparsed.iter().all(|unparsed| unparsed.text.chars().count() <= 160));
}

/// Besides a list of arms, which is asked for, and the state of 8192 CPUs and 4096 vCPUs, memory follows the input: a few times its length.
pub(crate) fn memory(len: usize, most: u64) {
    let allowed = 16_000_000 + 64 * len as u64;
    assert!(most <= allowed, "{most} bytes for an input of {len}, of at most {allowed}");
}
