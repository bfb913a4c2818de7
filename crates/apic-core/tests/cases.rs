//! KVM's control flow, case by case (K01 and on), with scheduling and migration.

mod kit;

use apic_core::effect::{Bank, Effect, NotSent};
use apic_core::host::{TimerId, Topology};
use apic_core::kvm::Era;
use apic_core::machine::Config;
use apic_core::run::{History, StepRecord};
use apic_core::scenario::{Arm, GuestIdle, Housekeeper, Load, Move, OtherExits, PathKind, Rival, Scenario, TimerMode};
use apic_core::units::{CpuId, VcpuId, Vector};
use kit::{CORE, HK, all, effects, scenario, told};

const V: VcpuId = VcpuId(0);

/// A VM without passthrough on a host with the preemption timer.
fn ordinary(change: impl FnOnce(&mut Scenario)) -> Scenario {
    scenario(|s| {
        s.vm.hlt_in_guest = false;
        s.vm.preemption_timer = true;
        change(s);
    })
}

/// Where the vCPU's timer was queued, time after time.
fn queued(records: &[StepRecord]) -> Vec<CpuId> {
    effects(records, |e| match e {
        Effect::TimerQueued { timer: TimerId::Lapic(_), cpu, .. } => Some(*cpu),
        _ => None,
    })
}

fn to_core_2(at_us: u64) -> impl FnOnce(&mut Scenario) {
    move |s| s.moves = vec![Move { vcpu: V, at_us, cpu: CpuId(2) }]
}

/// K01, K02: what KVM makes of the parameter, by host and era.
#[test]
fn k01_k02_who_keeps_the_deadline() {
    #[track_caller]
    fn check(s: &Scenario, post: bool, hv: bool) {
        let cfg = Config::new(s, PathKind::Posted);
        assert_eq!((cfg.can_post, cfg.can_hv), (post, hv));
        let rules = told(&all(s, PathKind::Posted));
        assert_eq!((rules.contains(&"C9"), rules.contains(&"Hv2")), (post, hv));
    }
    check(&ordinary(|s| s.host.nohz_full.clear()), false, true);
    check(&ordinary(|s| s.vm.hlt_in_guest = true), true, false);
    check(&ordinary(|_| ()), false, true);
    check(&ordinary(|s| s.vm.era = Era::V5_3), true, false);
    check(&ordinary(|s| s.vm.era = Era::V5_18), false, true);
}

/// K04: the vCPU stays in the guest: no exit at expiry, and the host counts no notification.
#[test]
fn k04_a_posted_tick_leaves_no_trace_on_the_host() {
    let s = scenario(|s| s.run.expiries = 5);
    let mut history = History::new(&s, PathKind::Posted);
    history.seek(history.len());
    assert_eq!((history.ledger().exits_firing, history.machine().cpus()[CORE.index()].pin_count()), (0, 0));
}

/// K07: a halted vCPU is woken, once per tick, and injects when it resumes.
#[test]
fn k07_a_halted_vcpu_is_woken() {
    let s = scenario(|s| {
        s.vm.hlt_in_guest = false;
        s.vm.mwait_in_guest = true;
        s.guest.idle = GuestIdle::Hlt;
        s.run.expiries = 3;
    });
    let records = all(&s, PathKind::Posted);
    let woken = effects(&records, |e| matches!(e, Effect::Woken { .. }).then_some(()));
    assert_eq!(woken.len(), 3);
    assert!(!told(&records).contains(&"C9"));
}

/// K08: the vCPU's thread is preempted when its timer expires: nothing is sent, and the tick comes when it runs again. SN
/// stays 0: no hardware posts to this VM.
#[test]
fn k08_a_preempted_vcpu_gets_its_tick_later() {
    let rival = |s: &mut Scenario| s.vcpus[0].rival = Some(Rival { first_us: 900, period_us: 100_000, for_us: 500 });
    for path in [PathKind::Posted, PathKind::Avic] {
        let s = scenario(rival);
        let records = all(&s, path);
        let rules = told(&records).join(" ");
        assert!(
            rules.contains("S1 P1 P2") && rules.contains("S2") && rules.contains("C4 C5 D1 D1b D2 C11 T2 S3 E7 P6 "),
            "{rules}"
        );
        // The thread comes back behind the place where vcpu_run looks at pending: its next entry is given up first.
        let back = if path == PathKind::Posted { "E7 P6 P6b D3 D4" } else { "E7 P6 D3 D4" };
        assert!(rules.contains(back), "{rules}");
        let why = effects(&records, |e| match e {
            Effect::IpiNotSent { vector: Vector::RESCHEDULE, why, .. } => Some(*why),
            _ => None,
        });
        assert_eq!(why, [NotSent::OutsideGuestMode]);
        let first = effects(&records, |e| match e {
            Effect::Delivered { late_ns, .. } => Some(*late_ns),
            _ => None,
        })[0];
        assert!((400_000..450_000).contains(&first), "{first}");
        let history = History::new(&s, path);
        for n in 0..history.len() {
            assert!(!history.machine_at(n).vcpus()[0].pi().sn());
        }
    }
}

/// A local timer fires on the vCPU's core while its rival runs there: no exit, and the vCPU finds it pending.
#[test]
fn a_pinned_timer_fires_under_the_rival() {
    let s = scenario(|s| s.vcpus[0].rival = Some(Rival { first_us: 900, period_us: 100_000, for_us: 500 }));
    let rules = told(&all(&s, PathKind::Pinned)).join(" ");
    assert!(rules.contains("K1 I1 P3 P3b P3d P3c P4 T2 S3 E7 P6 P6b D3 P5 P5b"), "{rules}");
}

/// K11: the preemption timer moves with the vCPU: it is worked out anew.
#[test]
fn k11_a_vcpu_that_moves_takes_its_preemption_timer_along() {
    let records = all(&scenario(to_core_2(500)), PathKind::PreemptionTimer);
    let rules = told(&records).join(" ");
    assert!(rules.contains("S2 E7 M1 A6h M2 P6 P6b P6d Hv1 P8 Hv2"), "{rules}");
    let fired = records.iter().find(|r| r.rule.id() == "Hv2").expect("it fires");
    assert_eq!(fired.cpu, CpuId(2));
}

/// K12: a timer that may be posted stays where it is, and is posted to the new core.
#[test]
fn k12_a_posted_timer_stays_when_its_vcpu_moves() {
    let s = scenario(to_core_2(500));
    let records = all(&s, PathKind::Posted);
    assert_eq!(queued(&records), [HK; 2]);
    assert!(told(&records).join(" ").contains("S2 E7 M2 P6 P6b P6d P8"), "{:?}", told(&records));
    let to = effects(&records, |e| match e {
        Effect::IpiSent { vector: Vector::POSTED_INTR, to, .. } => Some(*to),
        _ => None,
    });
    assert_eq!(to, [CpuId(2); 2]);
}

/// K13: without posting the hrtimer is cancelled and started from the new core: there, if it is pinned.
#[test]
fn k13_an_hrtimer_follows_its_vcpu() {
    let s = scenario(to_core_2(500));
    let pinned = all(&s, PathKind::Pinned);
    assert_eq!(queued(&pinned), [CORE, CpuId(2), CpuId(2)]);
    assert!(told(&pinned).join(" ").contains("S2 E7 M2 R0 P6"), "{:?}", told(&pinned));
    let offered = told(&all(&s, PathKind::NotPosted)).join(" ");
    assert!(offered.contains("M2 N3 R5 P6") || offered.contains("M2 N3 R3 P6"), "{offered}");
}

/// A vCPU that is moved while it sleeps wakes on the new core.
#[test]
fn a_sleeping_vcpu_wakes_where_it_was_moved_to() {
    let s = scenario(|s| {
        s.vm.hlt_in_guest = false;
        s.guest.idle = GuestIdle::Hlt;
        to_core_2(500)(s);
    });
    for path in [PathKind::Pinned, PathKind::PreemptionTimer, PathKind::Userspace] {
        let records = all(&s, path);
        let loaded = effects(&records, |e| match e {
            Effect::ScheduledIn { cpu, .. } => Some(*cpu),
            _ => None,
        });
        assert_eq!(loaded[0], CpuId(2), "{}", path.name());
    }
}

/// K17: the SMT sibling wins over a busy housekeeper of another node.
#[test]
fn k17_the_nearest_housekeeper_wins() {
    let s = scenario(|s| {
        s.host.topology = Topology { sockets: 2, llcs: 1, cores: 2, smt: 2 };
        s.host.nohz_full = [1, 2, 3, 5, 6, 7].map(CpuId).to_vec();
        s.host.nohz_full.retain(|c| c.0 != 2);
        let busy = |cpu| Housekeeper { cpu: CpuId(cpu), load: Load::Busy, tick_phase_us: 400 };
        s.host.housekeepers = [0, 2, 4].map(busy).to_vec();
    });
    assert_eq!(queued(&all(&s, PathKind::Posted))[0], CpuId(2));
}

/// K18: all housekeepers idle: the closest is named, and refuses.
#[test]
fn k18_an_idle_housekeeper_is_named_and_refuses() {
    let s = scenario(|s| s.host.housekeepers[0].load = Load::Idle);
    let records = all(&s, PathKind::Posted);
    let named = effects(&records, |e| match e {
        Effect::TargetNamed { cpu, .. } => Some(*cpu),
        _ => None,
    });
    assert_eq!((named[0], queued(&records)[0]), (HK, CORE));
}

/// K19: AVIC has no ON. Two expiries while the guest's interrupts are off: two doorbells, one IRR bit, one more handler.
#[test]
fn k19_every_delivery_rings() {
    let s = scenario(|s| {
        s.guest.timer = TimerMode::Periodic;
        s.guest.period_us = 300;
        s.guest.handler_ns = 700_000;
        s.host.housekeepers[0].tick_phase_us = 100;
    });
    let records = all(&s, PathKind::Avic);
    let rung = effects(&records, |e| matches!(e, Effect::DoorbellRung { .. }).then_some(()));
    let bits = effects(&records, |e| matches!(e, Effect::Bit { bank: Bank::Virr, on: true, .. }).then_some(()));
    let handlers = effects(&records, |e| matches!(e, Effect::Delivered { .. }).then_some(()));
    assert_eq!((rung.len(), bits.len(), handlers.len()), (3, 2, 2));
}

/// K20: a past deadline in the fastpath: delivered without a round of vcpu_run with APICv, not without.
#[test]
fn k20_a_past_deadline_in_the_fastpath() {
    let arms = || vec![Arm { at_ns: 50_000, deadline_ns: 50_000 }];
    let s = scenario(|s| s.guest.arms = arms());
    let direct = told(&all(&s, PathKind::Posted)).join(" ");
    assert!(direct.contains("A7 P5b P5c P5d P5e A8 P6b P6c P6d P7 P8 C13") && !direct.contains("P5 "), "{direct}");
    let without = told(&all(&s, PathKind::NoApicv)).join(" ");
    assert!(without.contains("A7 A8 D3 P2 P5 P5b J1 J2 P5e J3 P6"), "{without}");
}

/// A notification that was on its way to the old core only acknowledges itself there (B21).
#[test]
fn b21_a_notification_to_the_old_core_is_harmless() {
    let s = scenario(|s| {
        to_core_2(999)(s);
        s.guest.other_exits =
            Some(OtherExits { period_us: 100_000, first_us: 50_000, handling_ns: 1, interrupts: None });
    });
    let records = all(&s, PathKind::Posted);
    let delivered = effects(&records, |e| matches!(e, Effect::Delivered { .. }).then_some(()));
    assert_eq!(delivered.len(), 2);
}
