//! What cannot do what it is configured for says so.

use apic_core::kvm::Era;
use apic_core::run::Way;
use apic_core::scenario::{PathKind, Scenario, preset};
use scene::unused;

fn ways(scenario: &Scenario) -> Vec<Way> {
    scenario.run.paths.iter().copied().map(Way::of).collect()
}

#[track_caller]
fn check(name: &str, expect: &[&str]) {
    let scenario = preset(name).expect("ships");
    let told = unused(&scenario, None, &ways(&scenario));
    assert_eq!(told.len(), expect.len(), "{told:?}");
    for (sentence, part) in told.iter().zip(expect) {
        assert!(sentence.contains(part), "{sentence}");
    }
}

#[test]
fn presets_that_post_say_nothing_and_the_idle_housekeeper_says_why() {
    check("pinned-vs-offloaded", &[]);
    check("preemption-timer", &[]);
    check("amd-avic", &[]);
    check("idle-housekeeper", &["Offloaded: no expiry is ever posted. Every housekeeper is idle."]);
}

#[test]
fn each_way_speaks_for_itself() {
    let scenario = preset("pinned-vs-offloaded").expect("ships");
    let mut kept = scenario.clone();
    kept.vm.apicv = false;
    let way = |era, kept| Way { era, kept, ..Way::of(PathKind::Posted) };
    let told = unused(&scenario, Some(&kept), &[way(None, false), way(Some(Era::V4_7), false), way(None, true)]);
    assert!(told.iter().any(|s| s.starts_with("Offloaded, era 4.7: ") && s.contains("no posting")), "{told:?}");
    let last = told.last().expect("the kept one");
    assert!(last.starts_with("Offloaded, as kept: ") && last.contains("APICv is off"), "{last}");
    assert!(!told.iter().any(|s| s.starts_with("Offloaded: ")), "{told:?}");
}

#[test]
fn a_vcpu_on_a_housekeeper_keeps_its_timer() {
    let mut scenario = preset("two-vcpus-one-housekeeper").expect("ships");
    let cpu = scenario.vcpus[1].cpu;
    scenario.host.nohz_full.retain(|c| *c != cpu);
    let told = unused(&scenario, None, &ways(&scenario));
    assert!(told.iter().any(|s| s.contains("the timer of vCPU 1 stays")), "{told:?}");
}
