//! The other ways of a tick, step by step: preemption timer, offload without posting, blocked vCPU, AMD, APIC-timer
//! virtualization, userspace, injection without APICv; and what the kernels before posting did.

mod kit;

use apic_core::effect::{Effect, NotSent};
use apic_core::kvm::{Era, Switch, Vendor};
use apic_core::machine::Actor;
use apic_core::run::{History, Sim};
use apic_core::scenario::{Arm, GuestIdle, Move, OtherExits, PathKind, PiInjectTimer, Scenario};
use apic_core::units::{CpuId, VcpuId, Vector};
use kit::{CORE, HK, all, check_tick, effects, scenario, told};

/// HLT is intercepted, and the guest halts between its ticks.
fn halting(change: impl FnOnce(&mut Scenario)) -> Scenario {
    scenario(|s| {
        s.vm.hlt_in_guest = false;
        s.guest.idle = GuestIdle::Hlt;
        change(s);
    })
}

/// The reasons of all exits.
fn exits(s: &Scenario, path: PathKind) -> Vec<String> {
    effects(&all(s, path), |e| match e {
        Effect::Exit { reason, vector, .. } => Some(vector.map_or((*reason).to_owned(), |v| format!("{reason} {v}"))),
        _ => None,
    })
}

const ARM_HV: &str = "A1 A2 A3 A4 A5 A6h A8 P6b P6d Hv1 P8";
const ENTRY: &str = "P6 P6b P6c P6d P7 P8 C13 C14";

#[test]
fn preemption_timer() {
    let fast = format!("{ARM_HV} Hv2 Hv3 Hv4 P5b P5c P5d P5e Hv5 P6b P6c P6d P7 P8 C13 C14");
    check_tick(&scenario(|_| ()), PathKind::PreemptionTimer, &fast);
    assert_eq!(exits(&scenario(|_| ()), PathKind::PreemptionTimer), ["MSR_WRITE", "PREEMPTION_TIMER"].repeat(2));
    // 5.8 to 6.17: fastpath because the preemption timer can keep the deadline.
    check_tick(&scenario(|s| s.vm.era = Era::V5_18), PathKind::PreemptionTimer, &fast);
    // Up to 5.12 the timer is given up before its expiry is handled (B14).
    check_tick(
        &scenario(|s| s.vm.era = Era::V5_10),
        PathKind::PreemptionTimer,
        &format!("{ARM_HV} Hv2 Hv3 Hv5 Hv4 P5b P5c P5d P5e P6b P6c P6d P7 P8 C13 C14"),
    );
    // Before 5.8: slow both ways, and left pending.
    check_tick(
        &scenario(|s| s.vm.era = Era::V5_3),
        PathKind::PreemptionTimer,
        &format!("A1 A2 A3 A4 A5 A6h A8 P6 P6b P6d Hv1 P8 Hv2 Hv3 Hv5 Hv4 A7k P5 P5b P5c P5d P5e {ENTRY}"),
    );
}

/// Without APICv the fastpath cannot deliver: the expiry is left pending, and the loop is left.
#[test]
fn preemption_timer_without_apicv() {
    check_tick(
        &scenario(|s| s.vm.apicv = false),
        PathKind::PreemptionTimer,
        "A1 A2 A3 A4 A5 A6h A8 P6d Hv1 P8 Hv2 Hv3 Hv4 Hv5 D3 P2 P5 P5b J1 J2 P5e J3 P6 P6d P7 J4 J7 P2 J8 J3 P6 P6d P8",
    );
}

/// A deadline that is not further ahead than the advance expires while it is given to the preemption timer.
#[test]
fn preemption_timer_expired_while_arming() {
    let s = scenario(|s| s.guest.arms = vec![Arm { at_ns: 50_000, deadline_ns: 50_000 }]);
    check_tick(&s, PathKind::PreemptionTimer, "A1 A2 A3 A4 A5 A6h A7 P5b P5c P5d P5e Hv5 A8 P6b P6c P6d P7 P8 C13 C14");
}

/// V18: a count of 0 is an exit before the guest's first instruction.
#[test]
fn a_late_entry_with_the_preemption_timer_exits_at_once() {
    let s = scenario(|s| {
        s.vm.lapic_timer_advance = false;
        s.guest.other_exits =
            Some(OtherExits { period_us: 10_000, first_us: 990, handling_ns: 30_000, interrupts: None });
    });
    let records = all(&s, PathKind::PreemptionTimer);
    let count = effects(&records, |e| match e {
        Effect::PreemptionTimerLoaded { count, .. } => Some(*count),
        _ => None,
    });
    assert_eq!(count[1], 0);
    let entered = records.iter().position(|r| r.rule.id() == "X2").expect("the other exit");
    assert!(told(&records[entered..]).starts_with(&["X2", "P6", "P6b", "P6d", "Hv1", "P8", "Hv2"]));
}

/// -ERANGE: 2^37 cycles are 55 s at 2.5 GHz.
#[test]
fn a_far_deadline_goes_to_an_hrtimer() {
    let tick = |s: &Scenario| told(&all(s, PathKind::PreemptionTimer))[..8].join(" ");
    let far = scenario(|s| s.guest.arms = vec![Arm { at_ns: 0, deadline_ns: 54_900_000_000 }]);
    assert_eq!(tick(&far), "A1 A2 A3 A4 A5 A6h A8 P6b");
    let too_far = scenario(|s| s.guest.arms = vec![Arm { at_ns: 0, deadline_ns: 55_000_000_000 }]);
    assert_eq!(tick(&too_far), "A1 A2 A3 A4 A5 A6e A6 N3");
}

const ARM_HR: &str = "A1 A2 A3 A4 A5 A6 N3 R5 A8 P6b P6d P8";

#[test]
fn offloaded_and_not_posted() {
    let tick = format!("{ARM_HR} K1 C3 C4 D1 D1b D2 C11 T2 I4 P1 P2 I3 D4 P5b P5c P5d P5e {ENTRY}");
    check_tick(&scenario(|_| ()), PathKind::NotPosted, &tick);
    assert_eq!(exits(&scenario(|_| ()), PathKind::NotPosted), ["MSR_WRITE", "EXTERNAL_INTERRUPT 0xfd"].repeat(2));
    // The same comes of a VM that cannot be posted to, whatever the path would like.
    check_tick(&scenario(|s| s.vm.hlt_in_guest = false), PathKind::Posted, &tick);
}

#[test]
fn without_apicv() {
    check_tick(
        &scenario(|_| ()),
        PathKind::NoApicv,
        "A1 A2 A3 A4 A5 A6 R0 A8 P6d P8 K1 P1 P2 P2b P3 P3b P3d P3c P4 T2 P5 P5b J1 J2 P5e J3 P6 P6d P7 J4 \
         J7 P2 J8 J3 P6 P6d P8",
    );
    assert_eq!(
        exits(&scenario(|_| ()), PathKind::NoApicv),
        ["MSR_WRITE", "EXTERNAL_INTERRUPT 0xec", "MSR_WRITE"].repeat(2)
    );
}

/// The guest's interrupts are off when its second tick comes: one more exit, for the window.
#[test]
fn without_apicv_a_guest_that_masks_interrupts_exits_once_more() {
    let arms = vec![Arm { at_ns: 0, deadline_ns: 600_000 }, Arm { at_ns: 600_500, deadline_ns: 602_500 }];
    let s = scenario(|s| {
        s.guest.arms = arms;
        s.guest.handler_ns = 4_000;
    });
    let records = all(&s, PathKind::NoApicv);
    let window: Vec<_> = records.iter().filter(|r| matches!(r.rule.id(), "J5" | "J6")).map(|r| r.rule.id()).collect();
    assert_eq!(window, ["J5", "J6"], "{:?}", told(&records));
    let handlers = effects(&records, |e| matches!(e, Effect::Delivered { .. }).then_some(()));
    assert_eq!(handlers.len(), 2);
}

const ARM_HERE: &str = "A1 A2 A3 A4 A5 A6 R0 A8 P6b P6d P8";
/// From 6.12 HLT is handled in the fastpath: mp_state is written before mode.
const HALT: &str = "E1 P6b E1b P2 P6b E2 E4 P6b E4b E5";
const WAKE: &str = "E7 P6b E4b E8 P6b E9";
const INJECT: &str = "P5b P5c P5d P5e P6b P6c E2";

#[test]
fn blocked() {
    check_tick(
        &halting(|_| ()),
        PathKind::Pinned,
        &format!("{ARM_HERE} {HALT} K1 I1 P3 P3b P3d E6 P4 T2 {WAKE} P5 {INJECT} P6 P6b P6d P7 P8 C13 C14"),
    );
}

/// Before 5.3 nobody kicks, but the callback has always woken a vCPU that sleeps (`swake_up` in `apic_timer_expired`).
#[test]
fn blocked_before_there_was_a_kick() {
    for era in [Era::Before4_3, Era::V4_3, Era::V4_7, Era::Seed2019] {
        let records = all(&halting(|s| s.vm.era = era), PathKind::Pinned);
        let rules = told(&records).join(" ");
        assert!(rules.contains("K1 I1 P3 P3b P3d E6 P4 T2 E7"), "{era:?}: {rules}");
        let handlers = effects(&records, |e| matches!(e, Effect::Delivered { .. }).then_some(()));
        assert_eq!(handlers.len(), 2, "{era:?}");
    }
}

/// Posting is configured, and nothing can be posted: pending, and a wake-up.
#[test]
fn blocked_and_offloaded() {
    let s = halting(|s| s.vm.mwait_in_guest = true);
    check_tick(
        &s,
        PathKind::Posted,
        &format!("{ARM_HR} {HALT} K1 C3 C4 C5 D1 D1b E6 C11 T2 {WAKE} D4 {INJECT} P6 P6b P6d P7 P8 C13 C14"),
    );
    let ipis = effects(&all(&s, PathKind::Posted), |e| matches!(e, Effect::IpiSent { .. }).then_some(()));
    assert!(ipis.is_empty());
}

/// The preemption timer does not count while the vCPU is out: an hrtimer takes over.
#[test]
fn blocked_with_the_preemption_timer() {
    check_tick(
        &halting(|_| ()),
        PathKind::PreemptionTimer,
        &format!(
            "{ARM_HV} E1 P6b E1b P2 P6b E2 Hv6 A6 N3 R5 E4 P6b E4b E5 K1 C3 C4 D1 D1b E6 C11 T2 E7 P6b E4b E8 Hv7 P6b E9 D4 {INJECT} \
             P6 P6b P6d P7 P8 C13 C14"
        ),
    );
}

/// A vCPU that halts for a short while polls, once it has learnt to; then no thread sleeps or is woken.
#[test]
fn polling() {
    let s = halting(|s| {
        s.guest.period_us = 120;
        s.run.expiries = 8;
    });
    let records = all(&s, PathKind::Pinned);
    let rules = told(&records);
    assert!(rules.contains(&"E3") && rules.contains(&"E5"), "a window that was too short");
    let last_halt = rules.iter().rposition(|r| *r == "E1").expect("it halts");
    assert!(rules[last_halt..].contains(&"E3b") && !rules[last_halt..].contains(&"E5"), "{:?}", &rules[last_halt..]);
    assert!(rules.contains(&"E3c"));
    let off = halting(|s| {
        s.guest.period_us = 120;
        s.run.expiries = 8;
        s.vm.halt_poll_ns = 0;
    });
    assert!(!told(&all(&off, PathKind::Pinned)).contains(&"E3"));
}

const ARM_AVIC: &str = "A1 A2 A3 A4 A5 A6 N3 R5 A8 P6d P8";

#[test]
fn avic() {
    check_tick(&scenario(|_| ()), PathKind::Avic, &format!("{ARM_AVIC} K1 C3 C4 C5 C6 C7 F1 F2 C10 C11 T2 F3 C13 C14"));
    assert_eq!(exits(&scenario(|_| ()), PathKind::Avic), ["msr"; 2]);
}

/// AMD acknowledges nothing at the exit: the host takes its interrupt when interrupts come on.
#[test]
fn amd_pinned() {
    let amd = |s: &mut Scenario| s.vm.vendor = Vendor::Svm;
    check_tick(
        &scenario(amd),
        PathKind::Pinned,
        "A1 A2 A3 A4 A5 A6 R0 A8 P6d P8 K1 P1 P2 I1 P3 P3b P3d P3c P4 T2 F4 P5 P5b F1 F2 P5e P6 P6d P7 P8 C13 C14",
    );
    assert_eq!(exits(&scenario(amd), PathKind::Pinned), ["msr", "interrupt 0xec"].repeat(2));
    assert!(scenario(amd).allows(PathKind::PreemptionTimer).is_err());
}

#[test]
fn the_virtual_timer_needs_no_exit() {
    let proposed = |s: &mut Scenario| s.vm.era = Era::Proposal2026;
    check_tick(&scenario(proposed), PathKind::VirtualTimer, "V1 V2 C13 C14");
    assert!(exits(&scenario(proposed), PathKind::VirtualTimer).is_empty());
}

/// The vCPU is out when its deadline comes: the processor delivers after the next entry.
#[test]
fn the_virtual_timer_waits_for_the_guest() {
    let s = scenario(|s| {
        s.vm.era = Era::Proposal2026;
        s.guest.other_exits =
            Some(OtherExits { period_us: 10_000, first_us: 990, handling_ns: 30_000, interrupts: None });
    });
    check_tick(&s, PathKind::VirtualTimer, "V1 X1 P2 X2 P6 P6b P6d P8 V2 C13 C14");
}

/// B28 is what happens without V3.
#[test]
fn a_blocked_vcpu_gives_its_virtual_timer_to_an_hrtimer() {
    check_tick(
        &halting(|s| s.vm.era = Era::Proposal2026),
        PathKind::VirtualTimer,
        &format!(
            "V1 E1 P6b E1b P2 P6b E2 V3 A6 N3 R5 E4 P6b E4b E5 K1 C3 C4 D1 D1b E6 C11 T2 E7 P6b E4b E8 V4 P6b E9 D4 {INJECT} \
             P6 P6b P6d P7 P8 C13 C14"
        ),
    );
}

/// R8 also where a woken vCPU takes its hrtimer away: it waits for the callback that woke it.
#[test]
fn unblocking_waits_for_the_callback() {
    let s = halting(|s| s.vm.era = Era::Proposal2026);
    let mut sim = Sim::new(&s, PathKind::VirtualTimer);
    let rule = |sim: &Sim, cpu| sim.machine().next(Actor::Sw(cpu)).map(|n| n.rule().id());
    let mut effects = Vec::new();
    while rule(&sim, HK) != Some("C11") {
        let due = sim.clock().first().expect("somebody can move").0;
        sim.pick(due, &mut effects).expect("it can");
    }
    while let Some(next) = rule(&sim, CORE) {
        assert_ne!(next, "V4");
        sim.pick(Actor::Sw(CORE), &mut effects).expect("it can");
    }
    sim.pick(Actor::Sw(HK), &mut effects).expect("C11");
    assert_eq!(rule(&sim, CORE), Some("V4"));
}

/// R8 also where a vCPU that moved restarts its hrtimer (M2).
#[test]
fn migrating_waits_for_the_callback() {
    const THERE: CpuId = CpuId(2);
    let s = scenario(|s| s.moves = vec![Move { vcpu: VcpuId(0), at_us: 999, cpu: THERE }]);
    let mut sim = Sim::new(&s, PathKind::NotPosted);
    let rule = |sim: &Sim, actor| sim.machine().next(actor).map(|n| n.rule().id());
    let mut effects = Vec::new();
    while rule(&sim, Actor::Sw(HK)) != Some("D1") {
        let due = sim.clock().first().expect("somebody can move").0;
        sim.pick(due, &mut effects).expect("it can");
    }
    let others: Vec<Actor> = [CORE, THERE].map(|c| [Actor::Wire(c), Actor::Irq(c), Actor::Sw(c)]).concat();
    while let Some(able) = others.iter().find(|a| sim.machine().next(**a).is_some()) {
        assert_ne!(rule(&sim, *able), Some("M2"));
        sim.pick(*able, &mut effects).expect("it can");
        assert_eq!(sim.machine().check_invariants(), Ok(()));
    }
    while rule(&sim, Actor::Sw(HK)) != Some("T2") {
        sim.pick(Actor::Sw(HK), &mut effects).expect("it can");
    }
    assert_eq!(rule(&sim, Actor::Sw(THERE)), Some("M2"));
}

#[test]
fn userspace() {
    check_tick(
        &scenario(|_| ()),
        PathKind::Userspace,
        "U1 P2 U2 U3 U4 P6 P6d P8 K1 C3 U5 T2 U6 I4 P1 P2 I3 U7 U8 U4 P6 P6d J4 U9 P2 U2 U10 U4 P6 P6d P8",
    );
    check_tick(
        &halting(|_| ()),
        PathKind::Userspace,
        "U1 P2 U2 U3 U4 P6 P6d P8 E1 P2 U2 U11 K1 C3 U5 T2 U6 E7 U11 U8 U4 P6 P6d J4 U9 P2 U2 U10 U4 P6 P6d P8",
    );
}

/// Before 4.3 the timer stays on its core by itself; 4.3 moves it and forgets the vCPU (B1); 4.7 pins it.
#[test]
fn before_posting() {
    let posted = |era| {
        scenario(|s| {
            s.vm.era = era;
            s.guest.other_exits =
                Some(OtherExits { period_us: 10_000, first_us: 1_500, handling_ns: 1_000, interrupts: None });
            s.run.expiries = 1;
        })
    };
    let arm = |how: &str| format!("A1 A2 A3 A4 A5 A6 {how} A8 P6 P6b P6d P8");
    let local = "K1 P1 P2 P2b P3 P3b P3d P4 T2 P5 P5b P5c P5d P5e P6 P6b P6c P6d P8 C13 C14";
    check_tick(&posted(Era::Before4_3), PathKind::Posted, &format!("{} {local}", arm("N0 R0")));
    check_tick(&posted(Era::V4_7), PathKind::Posted, &format!("{} {local}", arm("R0")));
    let lost = all(&posted(Era::V4_3), PathKind::Posted);
    assert!(told(&lost).join(" ").contains("K1 C3 C4 D1 D1b C11 T2 X1 P2 X2 D4 P5b"), "{:?}", told(&lost));
    let late = effects(&lost, |e| match e {
        Effect::Delivered { late_ns, .. } => Some(*late_ns),
        _ => None,
    });
    assert!(late[0] > 500_000, "half a millisecond late, because the guest left only then: {late:?}");
    // The kick is what was missing.
    let mut mended = posted(Era::V4_3);
    mended.vm.rules.insert(Switch::Kick, true);
    assert!(told(&all(&mended, PathKind::Posted)).join(" ").contains("C4 D1 D1b D2 C11 T2 I4 P1 P2 I3 D4"));
}

/// B4: the fourth version of the series waits for a deadline that it has not recorded.
#[test]
fn the_fourth_version_does_not_wait() {
    let s = scenario(|s| s.vm.era = Era::SeriesV4);
    check_tick(
        &s,
        PathKind::Posted,
        "A1 A2 A3 A4 A5 A6 N3 R5 A8 P6 P6b P6d P8 K1 C3 C4 C7 C8 C8b C9 C10 C11 T2 I4 C12 C12b C12c C13 C14",
    );
    let mut mended = s;
    mended.vm.rules.insert(Switch::WaitReadsNewDeadline, true);
    assert!(told(&all(&mended, PathKind::Posted)).join(" ").contains("C4 C6 C7"));
}

/// B3: 5.10 and 5.11 looked for the vector in IRR first.
#[test]
fn five_ten_does_not_wait() {
    let early = |era| {
        let s = scenario(|s| s.vm.era = era);
        let late = effects(&all(&s, PathKind::Posted), |e| match e {
            Effect::Delivered { late_ns, .. } => Some(*late_ns),
            _ => None,
        });
        late.iter().any(|ns| *ns < 0)
    };
    assert!(early(Era::V5_10));
    assert!(!early(Era::V5_8) && !early(Era::V5_18) && !early(Era::V5_3));
}

/// B25: from 5.3 to 5.17 nohz_full alone took the preemption timer away from ordinary guests.
#[test]
fn nohz_full_alone_switched_posting_on() {
    let ordinary = |era| {
        scenario(|s| {
            s.vm.era = era;
            s.vm.hlt_in_guest = false;
            s.vm.preemption_timer = true;
        })
    };
    let used = |era, rule| told(&all(&ordinary(era), PathKind::Posted)).contains(&rule);
    assert!(used(Era::V5_3, "C9") && !used(Era::V5_3, "Hv2"));
    assert!(used(Era::V5_18, "Hv2") && !used(Era::V5_18, "C9"));
}

/// The parameter's default: off in the seed, `nohz_full` from the second version on.
#[test]
fn the_parameter_was_off_at_first() {
    let s = |inject| {
        scenario(|s| {
            s.vm.era = Era::Seed2019;
            s.vm.mwait_in_guest = true;
            s.vm.pi_inject_timer = inject;
        })
    };
    assert!(!told(&all(&s(PiInjectTimer::Auto), PathKind::Posted)).contains(&"C9"));
    assert!(told(&all(&s(PiInjectTimer::On), PathKind::Posted)).contains(&"C9"));
}

/// Before 5.17 a post that found the vCPU outside guest mode made a full kick.
#[test]
fn an_older_post_kicks() {
    let s = scenario(|s| {
        s.vm.era = Era::SeriesV4;
        s.guest.other_exits =
            Some(OtherExits { period_us: 10_000, first_us: 990, handling_ns: 30_000, interrupts: None });
    });
    let records = all(&s, PathKind::Posted);
    assert!(told(&records).join(" ").contains("C8 C8b C9 D2 C10"), "{:?}", told(&records));
    let not_sent = effects(&records, |e| match e {
        Effect::IpiNotSent { vector, why, .. } => Some((*vector, *why)),
        _ => None,
    });
    assert_eq!(not_sent, [(Vector::RESCHEDULE, NotSent::OutsideGuestMode)]);
}

#[test]
fn every_path_that_a_scenario_allows_runs() {
    for s in [scenario(|_| ()), halting(|s| s.vm.era = Era::Proposal2026)] {
        for path in s.allowed_paths() {
            let history = History::new(&s, path);
            assert_eq!(
                history
                    .records(0..history.len())
                    .iter()
                    .flat_map(|r| &r.effects)
                    .filter(|e| matches!(e, Effect::Delivered { .. }))
                    .count(),
                2,
                "{}",
                path.name()
            );
        }
    }
}
