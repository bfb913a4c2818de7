//! The same transition system, searched by Stateright: as many states, and the same verdicts.

mod model;

use apic_core::driver::explore::{Bounds, Explore, System, Verdict, example};
use apic_core::kvm::{Fault, Faults};
use apic_core::scenario::{PathKind, Scenario, preset};
use model::Wrapped;
use stateright::{Checker as _, Model as _};

/// States that Stateright reaches, and whether every property holds.
fn stateright(system: System) -> (usize, bool) {
    let checker = Wrapped(system).checker().spawn_bfs().join();
    let holds = checker.discoveries().is_empty();
    (checker.unique_state_count(), holds)
}

#[track_caller]
fn check(name: &str, scenario: &Scenario, path: PathKind, bounds: Bounds, faults: Faults) {
    let mut explore = Explore::new(scenario, path, bounds, faults);
    let verdict = explore.finish();
    let (states, holds) = stateright(System::new(scenario, path, bounds, faults));
    assert_eq!(holds, verdict == Verdict::Holds, "{name}: {verdict:?}");
    if holds {
        assert_eq!(states, explore.progress().states, "{name}");
    }
}

#[test]
fn as_many_states_and_the_same_verdicts() {
    let within = |expiries, store_buffer| Bounds { expiries, store_buffer, ..Bounds::DEFAULT };
    for (name, path, bounds) in [
        ("pinned-vs-offloaded", PathKind::Pinned, within(2, 2)),
        ("pinned-vs-offloaded", PathKind::Posted, within(2, 2)),
        ("pinned-vs-offloaded", PathKind::Posted, within(2, 0)),
        ("idle-housekeeper", PathKind::Posted, within(2, 2)),
        ("blocked-vcpu", PathKind::Pinned, within(1, 2)),
        ("blocked-vcpu", PathKind::Posted, within(1, 2)),
        ("offload-without-posting", PathKind::NotPosted, within(2, 1)),
        ("preemption-timer", PathKind::PreemptionTimer, within(2, 2)),
        ("amd-avic", PathKind::Avic, within(2, 2)),
        ("apic-timer-virtualization", PathKind::VirtualTimer, within(2, 2)),
        ("userspace-irqchip", PathKind::Userspace, within(2, 2)),
        ("userspace-irqchip", PathKind::NoApicv, within(2, 2)),
    ] {
        check(name, &preset(name).expect("a preset"), path, bounds, Faults::default());
    }
}

#[test]
fn the_same_faults() {
    for fault in Fault::ALL {
        // What only the whole graph shows, Stateright is not asked for.
        if matches!(fault, Fault::B1 | Fault::B17 | Fault::B28) {
            continue;
        }
        let shown = example(*fault);
        check(fault.info().id, &shown.scenario, shown.path, shown.bounds, Faults::default().with(*fault));
    }
}
