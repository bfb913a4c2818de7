//! What single releases do otherwise, where it shows in a step or in a field, and what surrounds a tick.

mod kit;

use apic_core::effect::{Effect, Field};
use apic_core::kvm::{Era, Switch, Vendor};
use apic_core::rule::Rule;
use apic_core::scenario::{
    Arm, GuestIdle, Housekeeper, Load, OtherExits, OtherInterrupts, PathKind, PiInjectTimer, Rival, Scenario, TimerMode,
};
use apic_core::units::CpuId;
use kit::{HK, all, effects, scenario, told};

/// HLT exits, and the guest halts between its ticks.
fn halting(era: Era) -> Scenario {
    scenario(|s| {
        s.vm.era = era;
        s.vm.hlt_in_guest = false;
        s.vm.mwait_in_guest = true;
        s.guest.idle = GuestIdle::Hlt;
    })
}

/// Until 6.11 HLT takes the slow path.
#[test]
fn halting_is_a_fastpath_since_6_12() {
    for (era, expect) in [(Era::V5_18, "E1 P2 E1b P6b E2 E4"), (Era::V6_18, "E1 P6b E1b P2 P6b E2 E4")] {
        let rules = told(&all(&halting(era), PathKind::Pinned)).join(" ");
        assert!(rules.contains(expect), "{era:?}: {rules}");
    }
    // Without PIR there is nothing to sync.
    let rules = told(&all(&halting(Era::V6_18), PathKind::Avic)).join(" ");
    assert!(rules.contains("E1 E1b P2 E2 E4"), "{rules}");
}

/// Until 5.9 the thread kicks itself for what it finds.
#[test]
fn the_thread_kicked_itself() {
    #[track_caller]
    fn check(era: Era, path: PathKind, expect: &str) {
        let s = scenario(|s| {
            s.vm.era = era;
            s.guest.arms = vec![Arm { at_ns: 50_000, deadline_ns: 50_000 }];
        });
        let rules = told(&all(&s, path)).join(" ");
        assert!(rules.contains(expect), "{rules}");
    }
    check(Era::V5_3, PathKind::Posted, "A6 A7 A7k A8 P5 P5b");
    check(Era::V5_8, PathKind::NoApicv, "A6 A7 A7k A8 P5 P5b J1");
    check(Era::V5_10, PathKind::NoApicv, "A6 A7 A8 P5 P5b J1");
    // Nobody kicked before the series.
    check(Era::V4_7, PathKind::Pinned, "A6 A7 A8 P5 P5b");
}

/// Whom the first search names.
#[track_caller]
fn check_search(era: Era, rule: Rule, cpu: CpuId) {
    let s = scenario(|s| {
        s.vm.era = era;
        s.vm.rules.insert(Switch::Kick, true);
        s.host.nohz_full = vec![CpuId(2), CpuId(3)];
        s.host.housekeepers = vec![
            Housekeeper { cpu: HK, load: Load::Idle, tick_phase_us: 0 },
            Housekeeper { cpu: CpuId(1), load: Load::Busy, tick_phase_us: 400 },
        ];
    });
    let records = all(&s, PathKind::NotPosted);
    let search = records.iter().find(|r| r.effects.iter().any(|e| matches!(e, Effect::TargetNamed { .. })));
    let search = search.expect("a housekeeper is looked for");
    assert_eq!(search.rule, rule);
    assert!(search.effects.iter().any(|e| matches!(e, Effect::TargetNamed { cpu: named, .. } if *named == cpu)));
}

/// 4.3 names the first housekeeper, 4.7 looks for the nearest busy one.
#[test]
fn the_first_search_named_the_first_housekeeper() {
    check_search(Era::V4_3, Rule::N5, HK);
    check_search(Era::V4_7, Rule::N3, CpuId(1));
}

/// `halt_poll_ns_shrink` is 2 from 6.11 on; before it was 0, and a long halt closed the window.
#[test]
fn a_long_halt_closed_the_window() {
    let windows = |era| {
        let s = scenario(|s| {
            s.vm.era = era;
            s.vm.hlt_in_guest = false;
            s.guest.idle = GuestIdle::Hlt;
            s.run.expiries = 10;
            // Short halts open the window, a long one shrinks it.
            let arm = |at_us: u64, deadline_us: u64| Arm { at_ns: at_us * 1_000, deadline_ns: deadline_us * 1_000 };
            s.guest.arms = (0..5).map(|i| arm(i * 150, (i + 1) * 150)).chain([arm(750, 2_000)]).collect();
        });
        effects(&all(&s, PathKind::Pinned), |e| match e {
            Effect::Set { field: Field::HaltPollNs, from, to, .. } if to < from => Some((*from, *to)),
            _ => None,
        })
    };
    let (before, after) = (windows(Era::V5_18), windows(Era::V6_18));
    assert!(matches!(before[..], [(40_000.., 0)]), "{before:?}");
    assert!(matches!(after[..], [(from, to)] if to == from / 2 && to >= 10_000), "{after:?}");
}

/// IsRunning: cleared when the vCPU blocks or is scheduled out, set when it is back.
#[test]
fn avic_follows_the_vcpu() {
    let flips = |s: &Scenario| -> Vec<(&str, u64)> {
        let records = all(s, PathKind::Avic);
        let of = |e: &Effect| match e {
            Effect::Set { field: Field::IsRunning, to, .. } => Some(*to),
            _ => None,
        };
        records.iter().flat_map(|r| r.effects.iter().filter_map(of).map(|to| (r.rule.id(), to))).collect()
    };
    assert_eq!(flips(&halting(Era::V6_19))[..2], [("E4", 0), ("E8", 1)]);
    // Until 5.16 it was cleared before the polling.
    assert_eq!(flips(&halting(Era::V5_10))[..2], [("E2", 0), ("E8", 1)]);
    let s = scenario(|s| s.vcpus[0].rival = Some(Rival { first_us: 900, period_us: 100_000, for_us: 500 }));
    assert_eq!(flips(&s), [("S2", 0), ("E7", 1)]);
    let intel = effects(&all(&halting(Era::V6_19), PathKind::Posted), |e| {
        matches!(e, Effect::Set { field: Field::IsRunning, .. }).then_some(())
    });
    assert!(intel.is_empty());
}

/// Until 5.16 a loaded vCPU's doorbell was rung, in guest mode or not; then nobody hears it, and VMRUN looks at IRR.
#[test]
fn the_doorbell_followed_is_running() {
    let rung = |reads_mode| {
        let s = scenario(|s| {
            s.vm.era = Era::SeriesV4;
            s.vm.rules.insert(Switch::DoorbellReadsMode, reads_mode);
            s.guest.other_exits =
                Some(OtherExits { period_us: 10_000, first_us: 990, handling_ns: 30_000, interrupts: None });
            s.run.expiries = 1;
        });
        effects(&all(&s, PathKind::Avic), |e| match e {
            Effect::DoorbellHeard { heard, .. } => Some(*heard),
            _ => None,
        })
    };
    assert_eq!(rung(false), [false]);
    assert!(rung(true).is_empty());
}

/// A host interrupt that is not the timer's: its handler runs with interrupts off, and the timer waits for its end. On AMD
/// interrupts are on only then.
#[test]
fn another_interrupts_handler_is_not_interrupted() {
    let s = |vendor| {
        scenario(|s| {
            s.vm.vendor = vendor;
            let interrupts = Some(OtherInterrupts { per_mille: 1_000, handling_ns: 30_000 });
            s.guest.other_exits = Some(OtherExits { period_us: 10_000, first_us: 990, handling_ns: 1, interrupts });
        })
    };
    let rules = told(&all(&s(Vendor::Vmx), PathKind::Pinned)).join(" ");
    assert!(rules.contains("X1 P2 K1 X2 I1 P3 P3b P3d P3c P4 T2 P5"), "{rules}");
    let rules = told(&all(&s(Vendor::Svm), PathKind::Pinned)).join(" ");
    assert!(rules.contains("X1 P2 K1 X2 I1 P3 P3b P3d P3c P4 T2 F4 P5"), "{rules}");
}

/// A housekeeper has its tick while a vCPU's rival runs there, and none while it is idle.
#[test]
fn a_rival_on_a_housekeeper_keeps_the_tick() {
    let s = scenario(|s| {
        s.host.nohz_full = vec![CpuId(2), CpuId(3)];
        s.host.housekeepers[0].cpu = CpuId(1);
        s.vcpus[0].cpu = HK;
        s.vcpus[0].rival = Some(Rival { first_us: 600, period_us: 100_000, for_us: 2_500 });
    });
    let ticks: Vec<u64> = (all(&s, PathKind::Posted).iter())
        .filter(|r| r.cpu == HK && r.rule == Rule::T1)
        .map(|r| r.at.as_ns() / 1_000_000)
        .collect();
    assert_eq!(ticks[..3], [1, 2, 3]);
}

/// Lateness counts from the instant that the guest meant: its deadline, or its write to TMICT plus the count.
#[test]
fn lateness_counts_from_what_the_guest_meant() {
    for timer in [TimerMode::TscDeadline, TimerMode::OneShot] {
        for path in [PathKind::Posted, PathKind::Pinned, PathKind::PreemptionTimer, PathKind::Userspace] {
            let records = all(&scenario(|s| s.guest.timer = timer), path);
            let meant = effects(&records, |e| match e {
                Effect::Armed { at, .. } => Some(at.as_ns()),
                _ => None,
            });
            let handled: Vec<(u64, i64)> = records
                .iter()
                .flat_map(|r| r.effects.iter().map(move |e| (r.at.as_ns(), e)))
                .filter_map(|(at, e)| match e {
                    Effect::Delivered { late_ns, .. } => Some((at, *late_ns)),
                    _ => None,
                })
                .collect();
            assert!(!handled.is_empty());
            for ((at, late), meant) in handled.iter().zip(meant) {
                assert_eq!(at.cast_signed() - meant.cast_signed(), *late, "{timer:?} {}", path.name());
            }
        }
    }
}

/// The seed's parameter was off unless asked for; nothing of the series holds then.
#[test]
fn the_seed_unasked_is_the_kernel_before_it() {
    let s = scenario(|s| {
        s.vm.era = Era::Seed2019;
        s.vm.mwait_in_guest = true;
        s.vm.pi_inject_timer = PiInjectTimer::Off;
    });
    let rules = told(&all(&s, PathKind::Posted)).join(" ");
    assert!(rules.contains("A6 R0") && rules.contains("P3b P3d P4") && !rules.contains("P3c"), "{rules}");
}
