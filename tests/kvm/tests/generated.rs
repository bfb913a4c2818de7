//! Scripts by chance, put to the kernel's `lapic.c` and to the model.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use apic_core::bench::Bench;
use kvm_differential::generate;
use kvm_differential::host::{Host, say};
use kvm_differential::kernel::Route;
use kvm_differential::lockstep::{self, Stop, Tally};
use kvm_differential::script::Script;
use proptest::strategy::Strategy;

/// Where chance starts, unless `EXITLESS_KVM_SEED` says otherwise.
const SEED: u64 = 0x1a_21c;
/// How many scripts, unless `EXITLESS_KVM_CASES` says otherwise.
const CASES: u64 = 600;
/// A script that differs is put to both again: host load can delay a timer, but not three times in the same place.
const ATTEMPTS: usize = 3;
/// Most of a script's time is sleep.
const AT_ONCE: usize = 6;

#[derive(Default)]
struct Sum {
    tally: Tally,
    repeated: u64,
    unexplained: Vec<String>,
}

#[test]
fn generated_scripts_agree() {
    let Some(host) = Host::or_skip("generated_scripts_agree") else { return };
    let (seed, cases) = (number("EXITLESS_KVM_SEED", SEED), number("EXITLESS_KVM_CASES", CASES));
    let in_service = host.in_service_shows().expect("a VM that runs");
    let (next, sum) = (AtomicU64::new(0), Mutex::new(Sum::default()));
    let locked = || sum.lock().unwrap_or_else(PoisonError::into_inner);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let case = next.fetch_add(1, Ordering::Relaxed);
                    if case >= cases {
                        break;
                    }
                    let (result, repeated) = one(&host, seed, case, in_service);
                    let mut sum = locked();
                    sum.repeated += repeated;
                    match result {
                        Ok(tally) => sum.tally.add(tally),
                        Err(words) => sum.unexplained.push(words),
                    }
                }
            });
        }
    });
    let Sum { tally, repeated, unexplained } = &*locked();
    let (scripts, comparisons, differences) = (tally.cases, tally.comparisons, unexplained.len());
    say(&format!(
        "generated_scripts_agree: {scripts} cases, {comparisons} comparisons, {differences} unexplained differences \
         (seed {seed:#x}, {repeated} repeated for the host's timing)"
    ));
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
}

/// One script, up to three times; what it is at its smallest if it differs each time. And how often it was repeated.
fn one(host: &Host, seed: u64, case: u64, in_service: bool) -> (Result<Tally, String>, u64) {
    let route = if case.is_multiple_of(3) { Route::Host } else { Route::Guest };
    let run = |script: &Script| lockstep::run(host, route, Bench::without_apicv(), script);
    let tree = generate::scripts(in_service).new_tree(&mut generate::runner(seed, case)).expect("nothing is filtered");
    let script = proptest::strategy::ValueTree::current(&tree);
    for attempt in 0..ATTEMPTS {
        match run(&script) {
            Ok(tally) => return (Ok(tally), attempt as u64),
            Err(Stop::Differs(_)) => {}
            Err(stop) => return (Err(format!("seed {seed:#x}, case {case}, {route:?}: {stop}")), 0),
        }
    }
    let differs = |script: &Script| (0..ATTEMPTS).all(|_| run(script).is_err());
    let smallest = generate::shrink(tree, 300, differs);
    let words = match run(&smallest) {
        Err(stop) => stop.to_string(),
        Ok(_) => format!("differs only sometimes: {smallest:?}"),
    };
    (Err(format!("seed {seed:#x}, case {case}, {route:?}: {words}")), ATTEMPTS as u64)
}

fn number(name: &str, default: u64) -> u64 {
    let Ok(text) = std::env::var(name) else { return default };
    let parsed = text.strip_prefix("0x").map_or_else(|| text.parse(), |hex| u64::from_str_radix(hex, 16));
    parsed.unwrap_or_else(|_| panic!("{name}={text}: a number is valid"))
}
