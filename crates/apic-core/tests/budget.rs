//! The exit budget: what each configuration pays per tick, for an edge timer and a guest that is busy.

mod kit;

use apic_core::effect::Effect;
use apic_core::kvm::Era;
use apic_core::scenario::{Load, PathKind, Scenario};
use apic_core::vmx::ExitPhase;
use kit::{all, effects, scenario};

/// Exits per tick by phase (arming, expiry, EOI), the reason at expiry, and messages sent by the housekeeper.
#[track_caller]
fn check(s: &Scenario, path: PathKind, arm: usize, expiry: &[&str], eoi: usize, messages: usize) {
    const TICKS: usize = 10;
    let mut s = s.clone();
    s.run.expiries = TICKS as u32;
    let records = all(&s, path);
    let exits = |wanted| {
        effects(&records, |e| match e {
            Effect::Exit { phase, reason, vector, .. } if *phase == wanted => {
                Some(vector.map_or((*reason).to_owned(), |v| format!("{reason} {v}")))
            }
            _ => None,
        })
    };
    assert_eq!(exits(ExitPhase::Arming).len(), arm * TICKS, "{}: arming", path.name());
    assert_eq!(exits(ExitPhase::Firing), expiry.repeat(TICKS), "{}: expiry", path.name());
    assert_eq!(exits(ExitPhase::Eoi).len(), eoi * TICKS, "{}: EOI", path.name());
    let sent = effects(&records, |e| matches!(e, Effect::IpiSent { .. } | Effect::DoorbellRung { .. }).then_some(()));
    assert_eq!(sent.len(), messages * TICKS, "{}: messages", path.name());
    let handlers = effects(&records, |e| matches!(e, Effect::Delivered { .. }).then_some(()));
    assert_eq!(handlers.len(), TICKS);
}

const TIMER: &str = "EXTERNAL_INTERRUPT 0xec";
const KICK: &str = "EXTERNAL_INTERRUPT 0xfd";

#[test]
fn software_timer_local() {
    check(&scenario(|_| ()), PathKind::Pinned, 1, &[TIMER], 0, 0);
    // Without nohz_full an unpinned timer stays as well.
    let home = |s: &mut Scenario| s.host.nohz_full.clear();
    check(&scenario(home), PathKind::NotPosted, 1, &[TIMER], 0, 0);
}

#[test]
fn preemption_timer() {
    check(&scenario(|_| ()), PathKind::PreemptionTimer, 1, &["PREEMPTION_TIMER"], 0, 0);
}

#[test]
fn offload_without_posting() {
    check(&scenario(|_| ()), PathKind::NotPosted, 1, &[KICK], 0, 1);
}

#[test]
fn offload_and_posting() {
    check(&scenario(|_| ()), PathKind::Posted, 1, &[], 0, 1);
    check(&scenario(|_| ()), PathKind::Avic, 1, &[], 0, 1);
}

#[test]
fn posting_configured_but_the_housekeeper_idle() {
    check(&scenario(|s| s.host.housekeepers[0].load = Load::Idle), PathKind::Posted, 1, &[TIMER], 0, 0);
}

#[test]
fn apic_timer_virtualization() {
    check(&scenario(|s| s.vm.era = Era::Proposal2026), PathKind::VirtualTimer, 0, &[], 0, 0);
}

#[test]
fn no_apicv() {
    check(&scenario(|_| ()), PathKind::NoApicv, 1, &[TIMER], 1, 0);
}

/// Three round trips to userspace, one of them by a signal that the I/O thread sends.
#[test]
fn userspace_irqchip() {
    check(&scenario(|_| ()), PathKind::Userspace, 1, &[KICK], 1, 1);
    let trips = effects(&all(&scenario(|_| ()), PathKind::Userspace), |e| match e {
        Effect::Exit { .. } => Some(()),
        _ => None,
    });
    assert_eq!(trips.len(), 3 * 2);
}

/// Arming is fast or slow by era: slow means that the vCPU left guest mode for it.
#[test]
fn arming_is_a_fastpath_or_not() {
    let slow = |era, path| {
        let s = scenario(|s| s.vm.era = era);
        kit::told(&all(&s, path))[..12].contains(&"P6")
    };
    for era in [Era::V5_8, Era::V5_10, Era::V5_18] {
        assert!(!slow(era, PathKind::PreemptionTimer) && slow(era, PathKind::Posted) && slow(era, PathKind::Pinned));
    }
    for path in [PathKind::PreemptionTimer, PathKind::Posted, PathKind::Pinned] {
        assert!(slow(Era::V5_3, path) && !slow(Era::V6_18, path));
    }
}
