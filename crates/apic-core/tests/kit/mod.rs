//! What tests of whole ticks are written in.
#![allow(dead_code, reason = "each test file uses a part of it")]

use apic_core::effect::Effect;
use apic_core::run::{History, StepRecord};
use apic_core::scenario::{PathKind, Scenario, preset};
use apic_core::units::CpuId;

/// The housekeeper, and the vCPU's core.
pub(crate) const HK: CpuId = CpuId(0);
pub(crate) const CORE: CpuId = CpuId(3);

/// One vCPU on core 3, a 1 ms deadline timer, core 0 a busy housekeeper; with something changed.
#[track_caller]
pub(crate) fn scenario(change: impl FnOnce(&mut Scenario)) -> Scenario {
    let mut scenario = preset("pinned-vs-offloaded").expect("ships with Exitless");
    scenario.run.expiries = 2;
    change(&mut scenario);
    scenario.validate().expect("the test's scenario is valid");
    scenario
}

/// The whole run, in full.
pub(crate) fn all(scenario: &Scenario, path: PathKind) -> Vec<StepRecord> {
    scenario.allows(path).expect("the test's path is allowed");
    let history = History::new(scenario, path);
    history.records(0..history.len())
}

/// The rules of some steps in order, without the housekeeper's own ticks.
pub(crate) fn told(records: &[StepRecord]) -> Vec<&'static str> {
    let mut rules = Vec::new();
    let mut own_tick = false;
    for (i, r) in records.iter().enumerate() {
        let upcoming = records[i..].iter().filter(|n| n.cpu == r.cpu).take(3);
        own_tick |= r.rule.id() == "K1" && upcoming.clone().any(|n| n.rule.id() == "T1");
        if own_tick && r.cpu == HK {
            own_tick = r.rule.id() != "T2";
            continue;
        }
        rules.push(r.rule.id());
    }
    rules
}

/// The rules of the first tick: from the first step up to the second arming.
#[track_caller]
pub(crate) fn check_tick(scenario: &Scenario, path: PathKind, expect: &str) {
    let records = all(scenario, path);
    let arms = |r: &StepRecord| r.effects.iter().any(|e| matches!(e, Effect::Armed { .. }));
    let second = records.iter().enumerate().filter(|(_, r)| arms(r)).nth(1).map_or(records.len(), |(i, _)| i);
    let expect: Vec<&str> = expect.split_whitespace().collect();
    assert_eq!(told(&records[..second]), expect, "{}", path.name());
}

/// Effects of a whole run that `pick` picks.
pub(crate) fn effects<T>(records: &[StepRecord], pick: impl Fn(&Effect) -> Option<T>) -> Vec<T> {
    records.iter().flat_map(|r| &r.effects).filter_map(pick).collect()
}
