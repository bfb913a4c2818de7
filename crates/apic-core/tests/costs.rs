//! The model's exits next to what was published of them.

use apic_core::cost::published::{EXTERNAL_INTERRUPT_WITHOUT, Figure};
use apic_core::run::History;
use apic_core::scenario::{PathKind, preset};

/// Least, average, most and error of the exit by external interrupt, of fewer samples than were published.
#[test]
fn the_exit_by_external_interrupt_is_as_published() {
    check(6_000, 15, 200);
}

/// `percent` of tolerance for least and average; `error` of tolerance for the standard deviation.
#[track_caller]
fn check(ticks: u32, percent: u64, error: u64) {
    let Figure::Spread { min_ns, avg_ns, max_ns, error_hundredths, samples } = EXTERNAL_INTERRUPT_WITHOUT.figure else {
        panic!("a spread")
    };
    let mut scenario = preset("pinned-vs-offloaded").expect("ships");
    scenario.run.expiries = ticks;
    let told = History::new(&scenario, PathKind::Pinned).measure(usize::MAX);
    let exits = told.exit("EXTERNAL_INTERRUPT").expect("the pinned path exits");
    let (min, avg, max) = (exits.min().expect("some"), exits.average().expect("some"), exits.max().expect("some"));
    let near = |found: u64, expect: u64, percent: u64| found.abs_diff(expect) * 100 <= expect * percent;
    assert!(near(min, min_ns, percent) && near(avg, avg_ns, percent), "least {min}, average {avg}");
    assert!(max <= max_ns + 600 && max > max_ns / 3, "most {max}");
    // The error of fewer samples is larger by the root of their ratio.
    let expect = error_hundredths * (samples * 10_000 / u64::from(ticks)).isqrt() / 100;
    let found = exits.error_hundredths().expect("some");
    assert!(near(found, expect, error), "error {found}, expected about {expect}");
}
