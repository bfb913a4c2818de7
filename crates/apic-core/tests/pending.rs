//! A tick that is pending: it wakes a vCPU that halts, once, and comes behind what a restored IRR holds.

use apic_core::bench::{Answer, Bench, Outcome, World, script};

/// What a script's last command answers.
#[track_caller]
fn check(mut bench: Bench, text: &str, expect: &str) {
    let mut last = None;
    for (line, command) in script::read(text).expect("a script") {
        let outcome = bench.obey(command).unwrap_or_else(|error| panic!("line {line}: {error}"));
        last = outcome.answer().map(Answer::to_string).or(last);
        assert_ne!(outcome, Outcome::Fault, "line {line}");
    }
    assert_eq!(last.as_deref(), Some(expect));
}

const ONE_SHOT: &str = "write LVTT 0xee\nwrite TDCR 0xb\nwrite TMICT 1000\nhlt\nadvance 5000\nfired\n";

#[test]
fn a_halted_vcpu_takes_its_tick_once() {
    for settings in ["", "vendor svm\n", "path posted\n", "path hv\n"] {
        check(Bench::new(), &format!("{settings}{ONE_SHOT}"), "fired 0xee@1000");
    }
}

#[test]
fn without_apicv_too() {
    check(Bench::without_apicv(), ONE_SHOT, "fired 0xee@1000");
}

/// One-shot, over, with its tick in IRR when it is saved.
const RESTORED: &str = "write LVTT 0x31\nif 0\nwrite TMICT 1000\nadvance 5000\nsave\nif 1\nfired\nrestore\nfired\n";

#[test]
fn a_restored_irr_goes_before_a_tick_that_expires_at_once() {
    // By software the one from IRR is taken first; with virtual-interrupt delivery both are one bit.
    check(Bench::without_apicv(), RESTORED, "fired 0x31@5000 0x31@5000");
    check(Bench::new(), RESTORED, "fired 0x31@5000");
}
