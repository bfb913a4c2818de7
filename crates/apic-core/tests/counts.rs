//! One-shot and periodic timers on every path.

mod kit;

use apic_core::effect::{Effect, Field};
use apic_core::kvm::Era;
use apic_core::rule::Rule;
use apic_core::scenario::{OtherExits, PathKind, Scenario, TimerMode};
use apic_core::vmx::ExitPhase;
use kit::{HK, all, check_tick, effects, scenario, told};

fn counting(timer: TimerMode, change: impl FnOnce(&mut Scenario)) -> Scenario {
    scenario(|s| {
        s.guest.timer = timer;
        change(s);
    })
}

/// A write to TMICT is never a fastpath, and owes no busy-wait on an hrtimer.
#[test]
fn one_shot() {
    let s = counting(TimerMode::OneShot, |_| ());
    let arm = "A1 A2 A3 A4 A5 A6p N3 R5 A8 P6 P6b P6d P8";
    check_tick(&s, PathKind::Posted, &format!("{arm} K1 C3 C4 C5 C7 C8 C8b C9 C10 C11 T2 I4 C12 C12b C12c C13 C14"));
    check_tick(
        &s,
        PathKind::Pinned,
        "A1 A2 A3 A4 A5 A6p R0 A8 P6 P6b P6d P8 K1 P1 P2 P2b P3 P3b P3d P3c P4 T2 P5 P5b P5c P5d P5e P6 P6b P6c P6d P8 C13 C14",
    );
    check_tick(
        &s,
        PathKind::PreemptionTimer,
        "A1 A2 A3 A4 A5 A6h A8 P6 P6b P6d Hv1 P8 Hv2 Hv3 Hv4 P5b P5c P5d P5e Hv5 P6b P6c P6d P7 P8 C13 C14",
    );
}

/// Programmed once, it goes on by itself: on the CPU where its callback runs (R6), or by the preemption timer.
#[test]
fn periodic() {
    for path in scenario(|_| ()).allowed_paths() {
        let s = counting(TimerMode::Periodic, |s| s.run.expiries = 5);
        let records = all(&s, path);
        let arming = effects(&records, |e| matches!(e, Effect::Exit { phase: ExitPhase::Arming, .. }).then_some(()));
        assert_eq!(arming.len(), 1, "{}", path.name());
        let times = records.iter().filter(|r| r.effects.iter().any(|e| matches!(e, Effect::Delivered { .. })));
        let times: Vec<u64> = times.map(|r| r.at.as_ns()).collect();
        assert_eq!(times.len(), 5, "{}", path.name());
        for pair in times.windows(2) {
            assert!((980_000..1_020_000).contains(&(pair[1] - pair[0])), "{}: {times:?}", path.name());
        }
    }
}

#[test]
fn a_periodic_hrtimer_is_requeued_where_it_ran() {
    let s = counting(TimerMode::Periodic, |s| s.run.expiries = 3);
    let queued = |path| {
        effects(&all(&s, path), |e| match e {
            Effect::TimerQueued { timer: apic_core::host::TimerId::Lapic(_), cpu, rule, .. } => Some((*cpu, *rule)),
            _ => None,
        })
    };
    assert_eq!(queued(PathKind::Posted)[..3], [(HK, Rule::R5), (HK, Rule::R6), (HK, Rule::R6)]);
    assert_eq!(queued(PathKind::Pinned)[..3], [(kit::CORE, Rule::R0), (kit::CORE, Rule::R6), (kit::CORE, Rule::R6)]);
    assert!(queued(PathKind::PreemptionTimer).is_empty());
}

/// K09: a second expiry while one is pending is ignored, and the target advances all the same.
#[test]
fn a_second_expiry_is_ignored_and_the_period_goes_on() {
    let s = counting(TimerMode::Periodic, |s| {
        s.guest.period_us = 300;
        s.guest.other_exits =
            Some(OtherExits { period_us: 100_000, first_us: 290, handling_ns: 400_000, interrupts: None });
        s.run.expiries = 3;
    });
    let records = all(&s, PathKind::NotPosted);
    let dropped = records.iter().position(|r| r.effects.iter().any(|e| matches!(e, Effect::Dropped { .. })));
    let rest = &records[dropped.expect("the second expiry comes while the first is pending")..];
    let returned = rest.iter().find(|r| matches!(r.rule.id(), "C11" | "P4")).expect("its callback returns");
    let advanced =
        |e: &Effect| matches!(e, Effect::Set { field: Field::TargetExpiration, from, to, .. } if to - from == 300_000);
    assert!(returned.effects.iter().any(advanced), "{:?}", returned.effects);
}

/// The shortest period is 200 µs.
#[test]
fn a_short_period_is_lengthened() {
    let s = counting(TimerMode::Periodic, |s| {
        s.guest.period_us = 50;
        s.run.expiries = 4;
    });
    let records = all(&s, PathKind::Pinned);
    let times = records.iter().filter(|r| r.effects.iter().any(|e| matches!(e, Effect::Delivered { .. })));
    let times: Vec<u64> = times.map(|r| r.at.as_ns()).collect();
    assert!(times.windows(2).all(|p| (195_000..205_000).contains(&(p[1] - p[0]))), "{times:?}");
}

/// B14: up to 5.12 nobody waited for the preemption timer's one-shot interrupts, which came early.
#[test]
fn one_shot_by_the_preemption_timer_was_early() {
    let waits = |era| {
        let s = counting(TimerMode::OneShot, |s| s.vm.era = era);
        told(&all(&s, PathKind::PreemptionTimer)).contains(&"P7")
    };
    assert!(!waits(Era::V5_10) && waits(Era::V5_18));
    // B15 is the same in 5.2. TSC deadlines were waited for there too: ee66e453db13 added the preemption timer to a test that
    // recorded them already.
    assert!(!waits(Era::SeriesV4));
    let deadline = scenario(|s| s.vm.era = Era::SeriesV4);
    assert!(told(&all(&deadline, PathKind::PreemptionTimer)).contains(&"P7"));
}

/// What expires while it is given to the preemption timer was waited for also in those kernels.
#[test]
fn one_shot_that_expires_while_arming_is_waited_for() {
    let s = counting(TimerMode::OneShot, |s| {
        s.vm.era = Era::V5_10;
        s.guest.period_us = 1;
    });
    let rules = told(&all(&s, PathKind::PreemptionTimer)).join(" ");
    assert!(rules.contains("A6h A7 P5b P5c P5d P5e Hv5 A8 P6 P6b P6c P6d P7 P8"), "{rules}");
}

#[test]
fn userspace_goes_on_by_itself_too() {
    let s = counting(TimerMode::Periodic, |s| s.run.expiries = 2);
    let rules = told(&all(&s, PathKind::Userspace));
    assert_eq!(rules.iter().filter(|r| **r == "U1").count(), 1);
    assert_eq!(rules.iter().filter(|r| **r == "U6").count(), 2);
}
