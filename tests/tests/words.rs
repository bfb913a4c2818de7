//! What a step says is what it does: for every step of every preset, and of every recording replayed, on both paths.

use apic_core::effect::Effect;
use apic_core::host::TimerId;
use apic_core::run::{History, StepRecord};
use apic_core::scenario::{Arm, PRESETS, PathKind, Scenario, preset};
use kvm_trace::read_arms;

const RECORDINGS: [(&str, &str); 3] = [
    ("deadline-halt", include_str!("../../crates/kvm-trace/tests/data/traces/deadline-halt.perf-script.txt")),
    ("deadline-busy", include_str!("../../crates/kvm-trace/tests/data/traces/deadline-busy.perf-script.txt")),
    ("periodic-halt", include_str!("../../crates/kvm-trace/tests/data/traces/periodic-halt.perf-script.txt")),
];

/// The recording's one vCPU, on the host that the preset `recorded-arms` has.
fn replayed(text: &str) -> Scenario {
    let list = read_arms(text.as_bytes()).expect("a recording with arms");
    let arms = list.replay(list.vcpus()[0]);
    let mut scenario = preset("recorded-arms").expect("it ships");
    scenario.run.expiries = u32::try_from(arms.len()).expect("few");
    scenario.guest.arms = arms.iter().map(|a| Arm { at_ns: a.at_ns, deadline_ns: a.deadline_ns }).collect();
    scenario
}

fn each_run(mut look: impl FnMut(&str, &Scenario, &History)) {
    let presets = PRESETS.iter().map(|p| (p.name, p.scenario().expect("it ships")));
    let recordings = RECORDINGS.iter().map(|(name, text)| (*name, replayed(text)));
    for (name, scenario) in presets.chain(recordings) {
        for path in scenario.allowed_paths() {
            look(name, &scenario, &History::new(&scenario, path));
        }
    }
}

/// What has to stand in the sentence of a step with this effect.
fn words_of(effect: &Effect) -> Vec<String> {
    match effect {
        Effect::Exit { vcpu, reason, .. } => vec![format!("vCPU {vcpu}"), format!("exited ({reason})")],
        Effect::Enter { vcpu, cpu } => vec![format!("vCPU {vcpu} entered"), format!("core {cpu}")],
        Effect::IpiSent { vector, to, .. } => {
            vec![format!("vector {vector}"), format!("core {to}")]
        }
        Effect::NotificationSent { vector, to, .. } => vec![format!("vector {vector}"), format!("core {to}")],
        Effect::NotificationNotSent { .. } => vec!["did not notify".to_owned()],
        Effect::DevicePosted { device, vector, vcpu, .. } => {
            vec![format!("Device {device}"), vector.to_string(), format!("vCPU {vcpu}")]
        }
        Effect::DeviceDelivered { vcpu, .. } => vec![format!("vCPU {vcpu}'s handler for the device started")],
        Effect::WakeupList { cpu, vcpu, .. } => vec![format!("vCPU {vcpu}"), format!("wake-up list of core {cpu}")],
        Effect::Bit { vector, .. } => vec![vector.to_string()],
        Effect::TimerQueued { timer: TimerId::Lapic(_), rule, .. } => vec![format!("({})", rule.id())],
        Effect::TimerRefused { target, rule, .. } => vec![format!("ore {target}"), format!("({})", rule.id())],
        Effect::TimerFired { timer: TimerId::Lapic(vcpu), .. } => {
            vec![format!("ran the timer callback of vCPU {vcpu}")]
        }
        Effect::Delivered { vcpu, .. } => vec![format!("vCPU {vcpu}'s handler started")],
        Effect::Eoi { vector, .. } => vec!["EOI".to_owned(), vector.to_string()],
        _ => Vec::new(),
    }
}

#[track_caller]
fn check(name: &str, record: &StepRecord, text: &str) {
    for words in record.effects.iter().flat_map(words_of) {
        assert!(text.contains(&words), "{name}, step {}: \"{text}\" does not say \"{words}\"", record.index);
    }
    let exits = record.effects.iter().any(|e| matches!(e, Effect::Exit { .. }));
    assert_eq!(text.contains("exited ("), exits, "{name}, step {}: {text}", record.index);
}

#[test]
fn every_step_says_what_it_does() {
    each_run(|name, scenario, history| {
        for record in history.records(0..history.len()) {
            check(name, &record, &scene::narrate(&record, scenario).text());
        }
    });
}

/// An arm is answered by a handler unless the guest arms anew before its deadline.
#[test]
fn every_arm_that_comes_due_has_its_handler() {
    for (name, text) in RECORDINGS {
        let scenario = replayed(text);
        let arms = &scenario.guest.arms;
        let overtaken = arms.windows(2).filter(|pair| pair[1].at_ns < pair[0].deadline_ns).count();
        for path in PathKind::ALL {
            let mut history = History::new(&scenario, *path);
            history.seek(history.len());
            let (armed, handled) = (history.ledger().exits_arming, history.ledger().handlers);
            assert_eq!(
                (armed, handled),
                (arms.len() as u64, (arms.len() - overtaken) as u64),
                "{name}, {}",
                path.name()
            );
        }
    }
}
