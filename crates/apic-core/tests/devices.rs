//! VT-d as a second poster: SN, NV, NDST and the wake-up list (E5, E7; B7, B8). Whole ticks as text, races by hand, and
//! older kernels that lose what a device posted.

mod kit;

use apic_core::effect::{Effect, Field, NotSent};
use apic_core::kvm::{Era, Switch};
use apic_core::machine::{Actor, Violation};
use apic_core::run::{History, Sim};
use apic_core::scenario::{Device, GuestIdle, Move, PRESETS, PathKind, Rival, Scenario, preset};
use apic_core::units::{CpuId, VcpuId, Vector};
use apic_core::vmx::PiDesc;
use kit::{CORE, all, effects, scenario, told};

const V: VcpuId = VcpuId(0);
const THERE: CpuId = CpuId(2);
const VECTOR: Vector = Vector::DEVICE;

fn device(first_us: u64) -> Device {
    Device { vcpu: V, vector: VECTOR, first_us, period_us: 100_000, urgent: false }
}

/// A rival takes the core from 200 µs on, and the device posts in the middle of its time.
fn preempted(change: impl FnOnce(&mut Scenario)) -> Scenario {
    scenario(|s| {
        s.vcpus[0].rival = Some(Rival { first_us: 200, period_us: 100_000, for_us: 300 });
        s.devices = vec![device(300)];
        change(s);
    })
}

/// The guest halts, HLT exits, nobody polls, and the device posts while the vCPU sleeps.
fn sleeping(change: impl FnOnce(&mut Scenario)) -> Scenario {
    scenario(|s| {
        s.vm.hlt_in_guest = false;
        s.vm.halt_poll_ns = 0;
        s.guest.idle = GuestIdle::Hlt;
        s.devices = vec![device(600)];
        change(s);
    })
}

/// The rules from the first step that follows `from` to the first after it that follows `to`.
#[track_caller]
fn check(s: &Scenario, path: PathKind, from: &str, to: &str, expect: &str) {
    let rules = told(&all(s, path));
    let begin = rules.iter().position(|r| *r == from).unwrap_or_else(|| panic!("no {from}: {rules:?}"));
    let end = rules[begin..].iter().position(|r| *r == to).unwrap_or_else(|| panic!("no {to}: {rules:?}"));
    assert_eq!(rules[begin..=begin + end].join(" "), expect.split_whitespace().collect::<Vec<_>>().join(" "));
}

/// How long the device's interrupts waited for their handlers, in µs.
fn waits(s: &Scenario, path: PathKind) -> Vec<u64> {
    effects(&all(s, path), |e| match e {
        Effect::DeviceDelivered { waited_ns, .. } => Some(waited_ns / 1_000),
        _ => None,
    })
}

fn rule_of(sim: &Sim, actor: Actor) -> &'static str {
    sim.machine().next(actor).map_or("none", |n| n.rule().id())
}

/// One step of an actor; nothing is lost by it.
#[track_caller]
fn go(sim: &mut Sim, actor: Actor) -> Vec<Effect> {
    let mut effects = Vec::new();
    sim.pick(actor, &mut effects).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(sim.machine().check_invariants(), Ok(()), "after {effects:?}");
    effects
}

/// The clock goes on until this actor's next step follows `rule`.
#[track_caller]
fn to(s: &Scenario, actor: Actor, rule: &str) -> Sim {
    let mut sim = Sim::new(s, PathKind::Posted);
    until(&mut sim, actor, rule);
    sim
}

#[track_caller]
fn until(sim: &mut Sim, actor: Actor, rule: &str) {
    for _ in 0..3_000 {
        if rule_of(sim, actor) == rule {
            return;
        }
        let due = sim.clock().first().expect("somebody can move").0;
        go(sim, due);
    }
    panic!("{actor:?} never comes to {rule}");
}

/// Lets some actors alone go on until `actor`'s next step follows `rule`.
#[track_caller]
fn only(sim: &mut Sim, actors: &[Actor], actor: Actor, rule: &str) {
    for _ in 0..100 {
        if rule_of(sim, actor) == rule {
            return;
        }
        let able = actors.iter().find(|a| sim.machine().next(**a).is_some());
        go(sim, *able.unwrap_or_else(|| panic!("nobody can move before {rule}")));
    }
    panic!("{actor:?} never comes to {rule}");
}

fn pi(sim: &Sim) -> (bool, bool, Vector, CpuId) {
    let pi = sim.machine().vcpus()[0].pi();
    (pi.on(), pi.sn(), pi.nv(), pi.ndst())
}

/// The VT-d unit's rule, X = (ON = 0) and (URG or SN = 0): the descriptor before, and whether it notifies.
#[test]
fn the_unit_notifies_only_if_it_set_on() {
    for (on, sn, urgent, expect) in [
        (false, false, false, true),
        (false, false, true, true),
        (false, true, false, false),
        (false, true, true, true),
        (true, false, false, false),
        (true, true, true, false),
    ] {
        let mut pi = PiDesc::new(CORE);
        if on {
            pi.test_and_set_on();
        }
        if sn {
            pi.test_and_set_sn();
        }
        let sent = pi.post_by_hardware(VECTOR, urgent);
        assert_eq!(sent, expect.then_some((Vector::POSTED_INTR, CORE)), "ON {on}, SN {sn}, URG {urgent}");
        assert_eq!((pi.on(), pi.sn()), (on || expect, sn));
        assert!(pi.pir().contains(VECTOR));
    }
    // Not as KVM's poster: a bit that is set already does not keep it from notifying.
    let mut pi = PiDesc::new(CORE);
    pi.test_and_set_pir(VECTOR);
    assert!(pi.post_by_hardware(VECTOR, false).is_some());
}

/// In the guest: no exit, as with KVM's own posts, but the vector and the CPU are the descriptor's.
#[test]
fn a_device_posts_to_a_running_vcpu() {
    let s = scenario(|s| s.devices = vec![device(300)]);
    for path in [PathKind::Posted, PathKind::Pinned, PathKind::PreemptionTimer, PathKind::NotPosted] {
        check(&s, path, "Vd1", "G1", "Vd1 Vd2 Vd3 C12 C12b C12c C13 C14 G1");
        assert_eq!(waits(&s, path), [0]);
    }
    let ledger = {
        let mut history = History::new(&s, PathKind::Posted);
        history.seek(history.len());
        history.ledger().clone()
    };
    assert_eq!((ledger.device_posts, ledger.device_notifications, ledger.device_handlers), (1, 1, 1));
    assert_eq!((ledger.handlers, ledger.ipis_sent, ledger.exits_firing), (2, 2, 0), "the timer's own figures");
}

/// K08 with a device: SN is set while the thread waits for its core; the post sets neither ON nor notifies, and ON is
/// derived anew when the thread is back.
#[test]
fn a_device_posts_to_a_preempted_vcpu() {
    let s = preempted(|_| ());
    check(&s, PathKind::Posted, "S1", "G1", "S1 P1 P2 I3 W4 S2 Vd1 S3 E7 W11 W12 P6 P6b P6c P6d P8 C13 C14 G1");
    let why = effects(&all(&s, PathKind::Posted), |e| match e {
        Effect::NotificationNotSent { why, vector, to, .. } => Some((*why, *vector, *to)),
        _ => None,
    });
    assert_eq!(why, [(NotSent::Suppressed, Vector::POSTED_INTR, CORE)]);
    // 500 µs is when the rival is done.
    assert!(matches!(waits(&s, PathKind::Posted)[..], [200..210]));
}

/// URG: notified all the same. The host acknowledges the notification (I2), and ON brings the interrupt in.
#[test]
fn an_urgent_interrupt_is_notified_whatever_sn_says() {
    let s = preempted(|s| s.devices[0].urgent = true);
    check(&s, PathKind::Posted, "W4", "P6c", "W4 S2 Vd1 Vd2 Vd3 I2 S3 E7 W11 W12 P6 P6b P6c");
}

/// B8: before 5.0 nobody derived ON anew, and the next sync did not look at PIR.
#[test]
fn before_5_0_a_suppressed_interrupt_waited_for_the_next_post() {
    let lost = |s: &Scenario| {
        let mut sim = Sim::new(s, PathKind::Pinned);
        (0..300).find_map(|_| {
            sim.follow_recorded(&[]);
            sim.machine().check_invariants().err()
        })
    };
    let old = preempted(|s| s.vm.era = Era::V4_7);
    assert_eq!(lost(&old), Some(Violation::Lost(V)));
    check(&old, PathKind::Pinned, "W4", "P8", "W4 S2 Vd1 S3 E7 W11 P6 P6b P6d P8");
    // The timer's own interrupt sets ON, and so brings the device's in: 500 µs late.
    assert!(matches!(waits(&old, PathKind::Pinned)[..], [700..720]));
    let mended = preempted(|s| {
        s.vm.era = Era::V4_7;
        s.vm.rules.insert(Switch::SnRederivesOn, true);
    });
    assert_eq!(lost(&mended), None);
    assert!(matches!(waits(&mended, PathKind::Pinned)[..], [200..210]));
    // The rule alone, in today's kernel.
    let broken = preempted(|s| s.vm.rules = [(Switch::SnRederivesOn, false)].into());
    assert_eq!(lost(&broken), Some(Violation::Lost(V)));
}

const SLEEPS: &str = "E1 P6b E1b P2 P6b E2 E4 P6b E4b W1 W2 W3 E5";
const WOKEN: &str = "Vd1 Vd2 Vd3 I5 W5 W6 W7 W8 E7 W9 W10 W12 P6b P6c E4b E8 P6b E9 P6 P6b P6d P8 C13 C14 G1";

/// E5, E7: the wake-up list from 5.17 on.
#[test]
fn a_device_wakes_a_vcpu() {
    check(&sleeping(|_| ()), PathKind::Posted, "E1", "G1", &format!("{SLEEPS} {WOKEN}"));
    // 2 µs of it are the way back on to the core.
    assert!(matches!(waits(&sleeping(|_| ()), PathKind::Posted)[..], [2..5]));
    let records = all(&sleeping(|_| ()), PathKind::Posted);
    let vectors = effects(&records, |e| match e {
        Effect::NotificationSent { vector, to, .. } => Some((*vector, *to)),
        _ => None,
    });
    assert_eq!(vectors, [(Vector::POSTED_INTR_WAKEUP, CORE)]);
}

/// Before: the list is joined before the block, and left after it; a post that came before NV changed ends the block before
/// it begins.
#[test]
fn before_5_17_the_list_was_joined_earlier() {
    let old = |s: &mut Scenario| s.vm.era = Era::V5_10;
    let sleeps = "E1 P2 E1b P6b E2 W1 W2 W3 E4 P6b E4b E5";
    let woken = "Vd1 Vd2 Vd3 I5 W5 W6 W7 W8 E7 W11 W12 P6b P6c E4b E8 W13 W9 P6b E9 P6 P6b P6d P8 C13 C14 G1";
    check(&sleeping(old), PathKind::Pinned, "E1", "G1", &format!("{sleeps} {woken}"));

    let mut sim = to(
        &sleeping(|s| {
            old(s);
            s.devices[0].first_us = 1;
        }),
        Actor::Sw(CORE),
        "W2",
    );
    go(&mut sim, Actor::Iommu);
    go(&mut sim, Actor::Sw(CORE));
    let read = go(&mut sim, Actor::Sw(CORE));
    assert_eq!(read, [Effect::OnRead { vcpu: V, on: true }]);
    let undo: Vec<_> = (0..4)
        .map(|_| {
            let rule = rule_of(&sim, Actor::Sw(CORE));
            go(&mut sim, Actor::Sw(CORE));
            rule
        })
        .collect();
    assert_eq!(undo, ["W13", "W9", "P6", "P6b"]);
    assert!(!sim.machine().vcpus()[0].blocked());
}

/// A post after the last look and before NV changes is notified with 0xf2, which wakes nobody: the CPU sends itself 0xf1.
#[test]
fn a_post_before_nv_changed_is_not_forgotten() {
    let s = sleeping(|s| s.devices[0].first_us = 1);
    let mut sim = Sim::new(&s, PathKind::Posted);
    only(&mut sim, &[Actor::Guest(V), Actor::Sw(CORE)], Actor::Sw(CORE), "W1");
    go(&mut sim, Actor::Iommu);
    only(&mut sim, &[Actor::Sw(CORE)], Actor::Sw(CORE), "W3");
    assert_eq!(pi(&sim), (true, false, Vector::POSTED_INTR_WAKEUP, CORE));
    let read = go(&mut sim, Actor::Sw(CORE));
    let vector = Vector::POSTED_INTR_WAKEUP;
    assert_eq!(read, [Effect::OnRead { vcpu: V, on: true }, Effect::SelfIpi { vector, cpu: CORE, vcpu: V }]);
    go(&mut sim, Actor::Sw(CORE));
    assert!(sim.machine().vcpus()[0].asleep());
    // Without the notification's help.
    let here = [Actor::Irq(CORE), Actor::Sw(CORE)];
    only(&mut sim, &here, Actor::Sw(CORE), "W7");
    only(&mut sim, &here, Actor::Sw(CORE), "W9");
}

/// A post after NV changed brings its own 0xf1, and the CPU sends none.
#[test]
fn a_post_after_nv_changed_needs_no_help() {
    let s = sleeping(|s| s.devices[0].first_us = 1);
    let mut sim = Sim::new(&s, PathKind::Posted);
    only(&mut sim, &[Actor::Guest(V), Actor::Sw(CORE)], Actor::Sw(CORE), "W3");
    go(&mut sim, Actor::Iommu);
    assert_eq!(go(&mut sim, Actor::Sw(CORE)), [Effect::OnRead { vcpu: V, on: false }]);
    until(&mut sim, Actor::Sw(CORE), "W7");
}

/// A waker may come while the thread is on its way out: it runs again as soon as it is out.
#[test]
fn a_thread_that_is_woken_on_its_way_out_comes_back() {
    let s = sleeping(|s| s.devices[0].first_us = 999_999);
    for at in ["W2", "W3", "E5"] {
        let mut sim = Sim::new(&s, PathKind::Posted);
        only(&mut sim, &[Actor::Guest(V), Actor::Sw(CORE)], Actor::Sw(CORE), at);
        // The housekeeper's callback alone, meanwhile.
        let hk = CpuId(0);
        only(&mut sim, &[Actor::Irq(hk), Actor::Sw(hk), Actor::Clock(hk)], Actor::Sw(hk), "E6");
        assert!(go(&mut sim, Actor::Sw(hk)).contains(&Effect::Woken { vcpu: V, cpu: CORE }), "{at}");
        only(&mut sim, &[Actor::Sw(CORE)], Actor::Sw(CORE), "E7");
        only(&mut sim, &[Actor::Sw(CORE)], Actor::Sw(CORE), "D4");
    }
}

/// The vCPU slept on core 3 and belongs on core 2 now: it is notified where its list is, and leaves that list from afar.
#[test]
fn a_vcpu_that_moved_in_its_sleep_is_found_on_its_old_list() {
    let s = sleeping(|s| s.moves = vec![Move { vcpu: V, at_us: 300, cpu: THERE }]);
    let records = all(&s, PathKind::Posted);
    let on = |rule: &str| records.iter().find(|r| r.rule.id() == rule).map(|r| r.cpu);
    assert_eq!([on("Vd3"), on("W7"), on("E7"), on("W9")], [Some(CORE), Some(CORE), Some(THERE), Some(THERE)]);
    let left = effects(&records, |e| match e {
        Effect::WakeupList { cpu, on: false, .. } => Some(*cpu),
        _ => None,
    });
    assert_eq!(left[0], CORE);
    let control = records.iter().find(|r| r.rule.id() == "W10").expect("loaded");
    for (field, from, to) in [(Field::Nv, 0xf1, 0xf2), (Field::Ndst, 3, 2)] {
        assert!(control.effects.contains(&Effect::Set { vcpu: V, field, from, to }), "{control:?}");
    }
    assert!(matches!(waits(&s, PathKind::Posted)[..], [2..5]));
}

/// While the handler on core 3 goes through its list, a thread on core 2 waits for the lock.
#[test]
fn leaving_a_list_waits_for_its_lock() {
    let s = sleeping(|s| {
        s.moves = vec![Move { vcpu: V, at_us: 300, cpu: THERE }];
        // Its timer wakes it, too, at about the same time.
        s.devices[0].first_us = 998;
    });
    let mut sim = to(&s, Actor::Sw(CORE), "W6");
    let others = [THERE, CpuId(0)].map(|c| [Actor::Clock(c), Actor::Irq(c), Actor::Sw(c)]).concat();
    while let Some(able) = others.iter().find(|a| sim.machine().next(**a).is_some()) {
        go(&mut sim, *able);
        if sim.machine().vcpus()[0].cpu() == THERE {
            break;
        }
    }
    assert_eq!(sim.machine().vcpus()[0].cpu(), THERE, "E7");
    assert_eq!(rule_of(&sim, Actor::Sw(THERE)), "none", "W9 has to wait");
    only(&mut sim, &[Actor::Sw(CORE)], Actor::Sw(CORE), "W8");
    assert_eq!(rule_of(&sim, Actor::Sw(THERE)), "none");
    go(&mut sim, Actor::Sw(CORE));
    assert_eq!(rule_of(&sim, Actor::Sw(THERE)), "W9");
    assert!(sim.clock().agrees_with(sim.machine()));
}

/// B7: on the way to sleep the vCPU is preempted and moved; 5.0 to 5.3 rewrote NDST then, and left it on the old list.
#[test]
fn before_5_4_a_vcpu_that_moved_was_never_found() {
    let moving = |era| {
        sleeping(|s| {
            s.vm.era = era;
            s.vm.halt_poll_ns = 200_000;
            s.moves = vec![Move { vcpu: V, at_us: 1_500, cpu: THERE }];
            // Short halts first, so that the vCPU polls; then one that the device alone ends.
            s.guest.period_us = 300;
            s.devices[0].first_us = 2_000;
            s.devices[0].period_us = 200;
        })
    };
    let violation = |s: &Scenario| {
        let mut sim = Sim::new(s, PathKind::Pinned);
        let mut effects = Vec::new();
        // The thread is preempted as soon as somebody wants its core while it polls.
        for _ in 0..3_000 {
            let wanted = rule_of(&sim, Actor::Wire(CORE)) == "S1" && rule_of(&sim, Actor::Sw(CORE)) == "E3";
            let actor = if wanted { Actor::Wire(CORE) } else { sim.clock().first().expect("somebody can move").0 };
            sim.pick(actor, &mut effects).expect("it can");
            if let Err(violation) = sim.machine().check_invariants() {
                return Some(violation);
            }
        }
        None
    };
    assert_eq!(violation(&moving(Era::V5_3)), Some(Violation::WakeupList(V)));
    assert_eq!(violation(&moving(Era::V5_8)), None);
    assert_eq!(violation(&moving(Era::V6_19)), None);
}

/// A thread that polls, or is about to sleep, and whose core is wanted: preempted, SN; in the second case it is on the list
/// as well, and nobody is notified.
#[test]
fn preempted_on_the_way_to_sleep() {
    let rival = |first_us: u64| Some(Rival { first_us, period_us: 100_000, for_us: 300 });
    let s = sleeping(|s| {
        s.vcpus[0].rival = rival(1);
        s.devices[0].first_us = 100;
    });
    let mut sim = Sim::new(&s, PathKind::Posted);
    only(&mut sim, &[Actor::Guest(V), Actor::Sw(CORE)], Actor::Sw(CORE), "W1");
    go(&mut sim, Actor::Wire(CORE));
    assert_eq!(rule_of(&sim, Actor::Sw(CORE)), "W1");
    only(&mut sim, &[Actor::Sw(CORE)], Actor::Sw(CORE), "S2");
    assert_eq!(pi(&sim), (false, true, Vector::POSTED_INTR_WAKEUP, CORE));
    until(&mut sim, Actor::Sw(CORE), "E7");
    assert_eq!(pi(&sim), (false, true, Vector::POSTED_INTR_WAKEUP, CORE), "the device posted meanwhile");
    go(&mut sim, Actor::Sw(CORE));
    let back: Vec<_> = (0..5)
        .map(|_| {
            let rule = rule_of(&sim, Actor::Sw(CORE));
            go(&mut sim, Actor::Sw(CORE));
            rule
        })
        .collect();
    assert_eq!(back, ["W9", "W10", "W12", "P6b", "P6c"]);

    // Polling.
    let s = sleeping(|s| {
        s.vm.halt_poll_ns = 200_000;
        s.guest.period_us = 60;
        s.vcpus[0].rival = rival(410);
        s.run.expiries = 12;
        s.devices[0].first_us = 450;
    });
    check(&s, PathKind::Pinned, "W4", "E3b", "W4 S2 K1 I1 P3 P3b P3d P3c P4 T2 Vd1 S3 E7 W11 W12 E3b");
}

/// A wake-up vector that is late finds the guest running: an exit, and an empty list.
#[test]
fn a_late_wakeup_vector_costs_an_exit() {
    let s = sleeping(|s| s.devices[0].first_us = 998);
    let mut sim = to(&s, Actor::Iommu, "Vd2");
    go(&mut sim, Actor::Iommu);
    // The timer wakes the vCPU first.
    for _ in 0..200 {
        if sim.machine().vcpus()[0].in_handler() {
            break;
        }
        let actors: Vec<Actor> = sim.machine().actors().filter(|a| *a != Actor::Wire(CORE)).collect();
        let due = actors
            .into_iter()
            .filter_map(|a| Some((sim.machine().next(a)?.earliest(sim.machine().now()), a)))
            .min_by_key(|(at, _)| *at);
        go(&mut sim, due.expect("somebody can move").1);
    }
    assert!(sim.machine().vcpus()[0].in_guest());
    go(&mut sim, Actor::Wire(CORE));
    let here = [Actor::Irq(CORE), Actor::Sw(CORE)];
    only(&mut sim, &here, Actor::Irq(CORE), "P1");
    let exit = go(&mut sim, Actor::Irq(CORE));
    assert!(
        exit.iter().any(|e| matches!(e, Effect::Exit { vector: Some(Vector::POSTED_INTR_WAKEUP), .. })),
        "{exit:?}"
    );
    let rules: Vec<_> = (0..4)
        .map(|_| {
            let rule = rule_of(&sim, Actor::Sw(CORE));
            go(&mut sim, Actor::Sw(CORE));
            rule
        })
        .collect();
    assert_eq!(rules, ["P2", "P2b", "W5", "W8"]);
}

/// KVM's own poster beside the device: it looks at PIR and ON, and at neither SN nor NV. What the device's ON says is
/// enough for it, and its own ON is enough for the device.
#[test]
fn two_posters_share_on() {
    // The device's notification is under way when the timer is posted.
    let s = scenario(|s| s.devices = vec![device(998)]);
    let mut sim = to(&s, Actor::Iommu, "Vd2");
    let hk = CpuId(0);
    only(&mut sim, &[Actor::Clock(hk), Actor::Irq(hk), Actor::Sw(hk)], Actor::Sw(hk), "C8b");
    let posted = go(&mut sim, Actor::Sw(hk));
    let not_sent = |e: &Effect| matches!(e, Effect::IpiNotSent { why: NotSent::OnAlreadySet, .. });
    assert!(posted.iter().any(not_sent), "{posted:?}");
    go(&mut sim, Actor::Iommu);
    only(&mut sim, &[Actor::Wire(CORE), Actor::Irq(CORE)], Actor::Guest(V), "C14");
    let apic = sim.machine().vcpus()[0].vapic();
    assert!(apic.visr().contains(Vector::LOCAL_TIMER) && apic.virr().contains(VECTOR), "both came with one");

    // The seed posts to a preempted vCPU and sets ON, whatever SN says; the device finds it set.
    let s = scenario(|s| {
        *s = preset("seed-2019").expect("ships");
        s.run.expiries = 2;
        s.vcpus[0].rival = Some(Rival { first_us: 900, period_us: 100_000, for_us: 300 });
        s.devices = vec![device(1_100)];
    });
    let why = effects(&all(&s, PathKind::Posted), |e| match e {
        Effect::NotificationNotSent { why, .. } => Some(*why),
        _ => None,
    });
    assert_eq!(why, [NotSent::OnAlreadySet]);
    assert_eq!(waits(&s, PathKind::Posted).len(), 1);
}

/// Polling sees what a device posted: no list, no wake-up vector.
#[test]
fn polling_sees_a_device() {
    let s = sleeping(|s| {
        s.vm.halt_poll_ns = 200_000;
        s.guest.period_us = 60;
        s.run.expiries = 12;
        s.devices[0].first_us = 450;
    });
    let rules = told(&all(&s, PathKind::Pinned)).join(" ");
    assert!(rules.contains("Vd1 E3b") || rules.contains("Vd1 Vd2 E3b"), "{rules}");
    assert!(!rules[rules.find("Vd1").unwrap_or(0)..].contains("W7"));
}

/// No interrupt of a device is lost, whatever else happens: each is answered by a handler, those that met by one.
#[test]
fn every_post_is_answered() {
    let mut runs: Vec<(String, Scenario)> = PRESETS
        .iter()
        .filter(|p| p.name.starts_with("device"))
        .map(|p| (p.name.to_owned(), p.scenario().expect("ships")))
        .collect();
    assert_eq!(runs.len(), 2);
    for period_us in [7, 37, 181, 450] {
        for era in [Era::V5_8, Era::V5_18, Era::V6_19] {
            let busy = |s: &mut Scenario| {
                s.vm.era = era;
                s.run.expiries = 20;
                s.devices = vec![
                    Device { first_us: 11, period_us, ..device(0) },
                    Device {
                        vector: Vector::new(0xf8),
                        first_us: 23,
                        period_us: period_us * 3,
                        urgent: true,
                        ..device(0)
                    },
                ];
            };
            runs.push((format!("preempted, {period_us}, {era:?}"), preempted(busy)));
            let rival = Some(Rival { first_us: 200, period_us: 700, for_us: 300 });
            runs.push((
                format!("sleeping, {period_us}, {era:?}"),
                sleeping(|s| {
                    busy(s);
                    s.vcpus[0].rival = rival;
                }),
            ));
            let moves = vec![Move { vcpu: V, at_us: 1_500, cpu: THERE }];
            runs.push((
                format!("moving, {period_us}, {era:?}"),
                sleeping(|s| {
                    busy(s);
                    s.moves = moves;
                }),
            ));
        }
    }
    for (name, s) in &runs {
        for path in s.allowed_paths() {
            let mut sim = Sim::new(s, path);
            let mut longest = 0;
            for _ in 0..20_000 {
                let Some(record) = sim.follow_recorded(&[]) else { break };
                assert_eq!(sim.machine().check_invariants(), Ok(()), "{name}, {path:?}: {record:?}");
                let waited = record.effects.iter().filter_map(|e| match e {
                    Effect::DeviceDelivered { waited_ns, .. } => Some(*waited_ns),
                    _ => None,
                });
                longest = waited.chain([longest]).max().unwrap_or(0);
                if sim.machine().handlers() >= s.run.expiries {
                    break;
                }
            }
            // No longer than the rival has the core.
            assert!((1..340_000).contains(&longest), "{name}, {path:?}: {longest} ns");
            let (posts, handlers) = (sim.ledger().device_posts, sim.ledger().device_handlers);
            assert!(handlers > 0 && handlers <= posts, "{name}, {path:?}");
        }
    }
}

/// Where nothing posts but KVM, SN and NV stay as they are, and there is no list.
#[test]
fn without_a_device_the_descriptor_is_left_alone() {
    let s = sleeping(|s| s.devices.clear());
    let rules = told(&all(&s, PathKind::Posted));
    assert!(rules.iter().all(|r| !r.starts_with('W') && !r.starts_with("Vd")), "{rules:?}");
    let history = History::new(&s, PathKind::Posted);
    for n in 0..history.len() {
        let machine = history.machine_at(n);
        let pi = machine.vcpus()[0].pi();
        assert!(!pi.sn() && pi.nv() == Vector::POSTED_INTR && machine.wakeup_list(CORE).is_empty());
    }
}

/// What a scenario may not ask for, and what it is told.
#[test]
fn impossible_devices_are_refused_by_name() {
    let refused = |change: fn(&mut Scenario)| {
        let mut s = scenario(|s| s.devices = vec![device(300)]);
        change(&mut s);
        s.validate().expect_err("it is wrong").to_string()
    };
    for (change, expect) in [
        ((|s| s.devices[0].vcpu = VcpuId(1)) as fn(&mut Scenario), "devices[0].vcpu: 1 is out of range; 0 to 0"),
        (|s| s.devices[0].vector = Vector::new(15), "devices[0].vector: 15 is out of range; 16 to 255"),
        (|s| s.devices[0].vector = Vector::LOCAL_TIMER, "devices[0].vector: 0xec is the timer's vector (guest.vector)"),
        (|s| s.devices.push(device(1)), "devices[1].vector: vCPU 0 gets vector 0x31 from another device already"),
        (|s| s.devices[0].period_us = 1, "devices[0].period_us: 1 is out of range; 2 to"),
        (|s| s.vm.apicv = false, "devices: without APICv nothing is posted; vm.apicv = true"),
        (|s| s.vm.vendor = apic_core::kvm::Vendor::Svm, "devices: VT-d is Intel's"),
        (|s| s.vm.era = Era::V4_3, "devices: KVM uses VT-d posting from Linux 4.4 on; vm.era = \"4.7\" or later"),
        (|s| s.run.paths = vec![PathKind::Userspace], "devices: it has no descriptor that VT-d could post into"),
    ] {
        let told = refused(change);
        assert!(told.starts_with(expect), "{told}");
    }
}
