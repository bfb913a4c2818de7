//! The flows step by step, and the race matrix of the posted path: which rules a tick follows, in order.
//!
//! `check` compares whole ticks as text; the race tests pick the interleaving by hand.

use apic_core::effect::{Effect, Field, NotSent};
use apic_core::machine::Actor;
use apic_core::run::{History, Sim, StepRecord};
use apic_core::scenario::{PathKind, Scenario, preset};
use apic_core::units::{CpuId, VcpuId, Vector};

const V: VcpuId = VcpuId(0);
const HK: CpuId = CpuId(0);
const CORE: CpuId = CpuId(3);

fn scenario(change: impl FnOnce(&mut Scenario)) -> Scenario {
    let mut scenario = preset("pinned-vs-offloaded").expect("ships with Exitless");
    scenario.run.expiries = 2;
    change(&mut scenario);
    scenario.validate().expect("the test's scenario is valid");
    scenario
}

/// The rules of the first tick, from arming to EOI, without the host's own ticks.
#[track_caller]
fn check(scenario: &Scenario, path: PathKind, expect: &str) {
    let history = History::new(scenario, path);
    let records = history.records(0..history.len());
    let mut rules = Vec::new();
    let mut own_tick = false;
    for (i, r) in records.iter().enumerate() {
        // K1, C3, T1, T2 on the housekeeper for its own tick.
        let upcoming = records[i..].iter().filter(|n| n.cpu == r.cpu).take(3);
        own_tick |= r.rule.id() == "K1" && upcoming.clone().any(|n| n.rule.id() == "T1");
        if own_tick && r.cpu == HK {
            own_tick = r.rule.id() != "T2";
            continue;
        }
        rules.push(r.rule.id());
        if r.rule.id() == "C14" {
            break;
        }
    }
    let expect: Vec<&str> = expect.split_whitespace().collect();
    assert_eq!(rules, expect);
}

const ARM_POSTED: &str = "A1 A2 A3 A4 A5 A6 N3 R5 A8 P6b P6d P8";

#[test]
fn pinned_tick() {
    check(
        &scenario(|_| ()),
        PathKind::Pinned,
        "A1 A2 A3 A4 A5 A6 R0 A8 P6b P6d P8 \
         K1 P1 P2 P2b P3 P3b P3d P3c P4 T2 P5 P5b P5c P5d P5e P6 P6b P6c P6d P7 P8 C13 C14",
    );
}

#[test]
fn posted_tick() {
    check(
        &scenario(|_| ()),
        PathKind::Posted,
        &format!("{ARM_POSTED} K1 C3 C4 C5 C6 C7 C8 C8b C9 C10 C11 T2 I4 C12 C12b C12c C13 C14"),
    );
}

#[test]
fn without_advance_nobody_waits() {
    let s = scenario(|s| s.vm.lapic_timer_advance = false);
    check(&s, PathKind::Posted, &format!("{ARM_POSTED} K1 C3 C4 C5 C7 C8 C8b C9 C10 C11 T2 I4 C12 C12b C12c C13 C14"));
}

/// Row 5 of the exit budget: posting configured, housekeeper idle, so expiry takes the pinned way.
#[test]
fn idle_housekeeper_refuses_the_timer() {
    let s = preset("idle-housekeeper").expect("ships with Exitless");
    check(
        &s,
        PathKind::Posted,
        "A1 A2 A3 A4 A5 A6 N4 R3 A8 P6b P6d P8 \
         K1 P1 P2 P2b P3 C5 P3b P3d P3c P4 T2 P5 P5b P5c P5d P5e P6 P6b P6c P6d P7 P8 C13 C14",
    );
}

/// Flow D: the vCPU handles another exit when its timer expires on the housekeeper.
#[test]
fn outside_guest_mode_the_expiry_is_left_pending() {
    let s = busy_at_expiry(30_000);
    check(
        &s,
        PathKind::Posted,
        &format!("{ARM_POSTED} X1 P2 K1 C3 C4 C5 D1 D1b D2 C11 T2 X2 D4 P5b P5c P5d P5e P6 P6b P6c P6d P7 P8 C13 C14"),
    );
    let records = all(&s, PathKind::Posted);
    let no_ipi = find(&records, "D2");
    assert!(
        no_ipi.effects.iter().any(|e| matches!(
            e,
            Effect::IpiNotSent { vector: Vector::RESCHEDULE, why: NotSent::OutsideGuestMode, .. }
        ))
    );
}

/// The seed posts whatever the mode, arms by the slow path, and waits for nothing.
#[test]
fn seed_tick() {
    let s = preset("seed-2019").expect("ships with Exitless");
    check(
        &s,
        PathKind::Posted,
        "A1 A2 A3 A4 A5 A6 N3 R5 A8 P6 P6b P6d P8 \
         K1 C3 C4 C7 C8 C8b C9 C10 C11 T2 I4 C12 C12b C12c C13 C14",
    );
}

/// B2: under the seed's rules the handler starts before the deadline; under today's it never does.
#[test]
fn only_the_seed_is_early() {
    let late = |name: &str| -> Vec<i64> {
        let records = all(&preset(name).expect("ships"), PathKind::Posted);
        let late = records.iter().flat_map(|r| &r.effects).filter_map(|e| match e {
            Effect::Delivered { late_ns, .. } => Some(*late_ns),
            _ => None,
        });
        late.collect()
    };
    assert!(late("seed-2019").iter().any(|ns| *ns < 0), "{:?}", late("seed-2019"));
    assert!(late("pinned-vs-offloaded").iter().all(|ns| *ns >= 0), "{:?}", late("pinned-vs-offloaded"));
}

/// A deadline that is not further ahead than the advance is delivered while arming, straight into PIR, without an IPI.
#[test]
fn an_expired_deadline_is_delivered_while_arming() {
    use apic_core::scenario::Arm;
    let s = scenario(|s| s.guest.arms = vec![Arm { at_ns: 50_000, deadline_ns: 50_000 }]);
    check(&s, PathKind::Posted, "A1 A2 A3 A4 A5 A6 A7 P5b P5c P5d P5e A8 P6b P6c P6d P7 P8 C13 C14");
    let records = all(&s, PathKind::Posted);
    assert!(records.iter().flat_map(|r| &r.effects).all(|e| !matches!(e, Effect::IpiSent { .. })));
}

/// R4: the housekeeper is inside its timer interrupt when the guest re-arms, so the timer stays for this shot.
#[test]
fn a_housekeeper_in_its_timer_interrupt_refuses() {
    let s = scenario(|_| ());
    let mut sim = Sim::new(&s, PathKind::Posted);
    // The housekeeper enters its own tick's interrupt; meanwhile the guest arms.
    hold(&mut sim, Actor::Clock(HK), "K1");
    go(&mut sim, Actor::Clock(HK), 1);
    go(&mut sim, Actor::Irq(HK), 1);
    assert_eq!(rule_of(&sim, Actor::Sw(HK)), "T1");
    hold_by(&mut sim, &[Actor::Guest(V), Actor::Sw(CORE)], Actor::Sw(CORE), "R5");
    let effects = go(&mut sim, Actor::Sw(CORE), 1);
    assert!(effects.iter().any(|e| matches!(e, Effect::TimerRefused { rule: apic_core::rule::Rule::R4, .. })));
    assert_eq!(sim.machine().timer_queued(V).map(|(cpu, _)| cpu), Some(CORE));
}

/// R8: hrtimer_cancel waits while the callback runs on another CPU.
#[test]
fn cancelling_waits_for_the_callback() {
    let s = early_rearm();
    let mut sim = to(&s, Actor::Sw(HK), "C5");
    hold_by(&mut sim, &[Actor::Guest(V), Actor::Sw(CORE)], Actor::Sw(CORE), "A2");
    go(&mut sim, Actor::Sw(CORE), 1);
    assert!(sim.machine().next(Actor::Sw(CORE)).is_none(), "A3 has to wait");
    hold(&mut sim, Actor::Sw(HK), "C11");
    go(&mut sim, Actor::Sw(HK), 1);
    assert_eq!(rule_of(&sim, Actor::Sw(CORE)), "A3");
}

/// R7: a timer cancelled from another CPU leaves a superfluous interrupt there.
#[test]
fn a_remote_cancel_leaves_a_superfluous_interrupt() {
    use apic_core::scenario::Arm;
    // Armed behind the housekeeper's tick at 400 µs, which makes the housekeeper program it; then moved away.
    let arms = vec![Arm { at_ns: 0, deadline_ns: 900_000 }, Arm { at_ns: 600_000, deadline_ns: 2_600_000 }];
    let s = scenario(|s| s.guest.arms = arms);
    let records = all(&s, PathKind::Posted);
    let superfluous = find(&records, "T3");
    assert_eq!(superfluous.cpu, HK);
    assert_eq!(superfluous.at.as_ns() / 1_000, 899);
}

// What surrounds the tick.

/// A vCPU that runs on a housekeeper: its timer stays there, posting or not, and expiry makes it exit.
#[test]
fn a_housekeeper_keeps_its_own_timer() {
    let s = scenario(|s| {
        s.host.nohz_full = vec![CpuId(2), CpuId(3)];
        s.host.housekeepers[0].cpu = CpuId(1);
        s.vcpus[0].cpu = HK;
    });
    let records = all(&s, PathKind::Posted);
    assert!(rules(&records).windows(2).any(|two| two == ["N1", "R0"]), "{:?}", rules(&records));
    let fired = find(&records, "P3");
    assert_eq!(fired.cpu, HK);
}

/// The guest halts in non-root operation between its ticks; the virtual interrupt ends that, without an exit.
#[test]
fn a_halted_guest_wakes_by_its_virtual_interrupt() {
    use apic_core::scenario::GuestIdle;
    let records = all(&scenario(|s| s.guest.idle = GuestIdle::Hlt), PathKind::Posted);
    let own: Vec<&str> = records.iter().filter(|r| r.cpu == CORE).map(|r| r.rule.id()).collect();
    let tick = "P8 G2 I4 C12 C12b C12c C13 C14 A1";
    let tick: Vec<&str> = tick.split_whitespace().collect();
    assert!(own.windows(tick.len()).any(|w| w == tick), "{own:?}");
    let wakes = Effect::Set { vcpu: V, field: Field::Activity, from: 1, to: 0 };
    assert!(find(&records, "C13").effects.contains(&wakes));
    assert!(rules(&records).iter().filter(|id| **id == "G2").count() > 1, "it halts again after its tick");
    let returns = Effect::Set { vcpu: V, field: Field::If, from: 0, to: 1 };
    assert!(find(&records, "G1").effects.contains(&returns));
}

/// A housekeeper whose load comes and goes: its tick stops and returns with it.
#[test]
fn a_load_takes_the_tick_along() {
    use apic_core::scenario::Load;
    let s = scenario(|s| s.host.housekeepers[0].load = Load::Bursts { busy_us: 300, idle_us: 500 });
    let records = all(&s, PathKind::Pinned);
    let (idle, busy) = (find(&records, "H1"), find(&records, "H2"));
    assert_eq!((idle.at.as_ns() / 1_000, busy.at.as_ns() / 1_000), (300, 800));
    let never = |e: &Effect| matches!(e, Effect::ClockEvent { to, .. } if to.is_never());
    assert!(idle.effects.iter().any(never), "{idle:?}");
    let soon = |e: &Effect| matches!(e, Effect::ClockEvent { to, .. } if !to.is_never());
    assert!(busy.effects.iter().any(soon), "{busy:?}");
}

/// The timer expires on the vCPU's own core while KVM works on another exit: the host takes it in root operation, so it
/// costs no exit of its own.
#[test]
fn an_expiry_in_root_operation_needs_no_exit() {
    let records = all(&busy_at_expiry(30_000), PathKind::Pinned);
    let taken = records.iter().position(|r| r.rule.id() == "I1").expect("the host takes it");
    let after = rules(&records[taken..]);
    assert_eq!(after[..6], ["I1", "P3", "P3b", "P3d", "P3c", "P4"]);
    assert!(rules(&records[..taken]).iter().all(|id| *id != "P1"));
}

/// What is latched while KVM's interrupts are on is taken before its thread goes on.
#[test]
fn with_interrupts_on_the_thread_waits_for_the_handler() {
    let mut sim = Sim::new(&busy_at_expiry(30_000), PathKind::Pinned);
    for _ in 0..200 {
        if rule_of(&sim, Actor::Irq(CORE)) == "I1" {
            break;
        }
        let due = sim.clock().first().expect("somebody can move").0;
        go(&mut sim, due, 1);
    }
    assert_eq!(rule_of(&sim, Actor::Irq(CORE)), "I1");
    assert_eq!(sim.machine().next(Actor::Sw(CORE)), None);
    go(&mut sim, Actor::Irq(CORE), 1);
    assert_eq!(rule_of(&sim, Actor::Sw(CORE)), "P3");
}

/// B18: the old timer fires while KVM emulates the new write on the slow path. Its tick vanishes, and the request that it
/// left makes `vcpu_run` look for nothing.
#[test]
fn an_expiry_during_the_slow_path_vanishes() {
    use apic_core::kvm::Era;
    let mut s = early_rearm();
    s.vm.era = Era::V5_18;
    let mut sim = to(&s, Actor::Sw(HK), "C5");
    hold_by(&mut sim, &[Actor::Guest(V), Actor::Sw(CORE)], Actor::Sw(CORE), "A2");
    go(&mut sim, Actor::Sw(CORE), 1);
    hold(&mut sim, Actor::Sw(HK), "T2");
    assert!(sim.machine().vcpus()[0].timer().pending);
    hold(&mut sim, Actor::Sw(CORE), "A8");
    assert!(!sim.machine().vcpus()[0].timer().pending);
    go(&mut sim, Actor::Sw(CORE), 1);
    assert_eq!(rule_of(&sim, Actor::Sw(CORE)), "P5n");
    go(&mut sim, Actor::Sw(CORE), 1);
    assert_eq!(rule_of(&sim, Actor::Sw(CORE)), "P6");
}

// The race matrix of the posted path: what the vCPU does while the housekeeper posts.

/// Row 2: the vCPU leaves between the two reads of its mode. No notification; the next entry syncs.
#[test]
fn race_exit_between_the_reads() {
    let mut sim = to(&busy_at_expiry(30_000), Actor::Sw(HK), "C9");
    leave_guest(&mut sim);
    let effects = go(&mut sim, Actor::Sw(HK), 1);
    assert!(effects.iter().any(|e| matches!(e, Effect::IpiNotSent { why: NotSent::OutsideGuestMode, .. })));
    let rest = run_to_handler(&mut sim);
    assert!(rules(&rest).contains(&"P6c") && !rules(&rest).contains(&"C12"));
}

/// Row 3: the vCPU leaves while the notification is under way. The host acknowledges it; the next entry syncs.
#[test]
fn race_exit_before_arrival() {
    let mut sim = to(&busy_at_expiry(30_000), Actor::Sw(HK), "C9");
    go(&mut sim, Actor::Sw(HK), 1);
    leave_guest(&mut sim);
    go(&mut sim, Actor::Wire(CORE), 1);
    assert_eq!(rule_of(&sim, Actor::Irq(CORE)), "I2");
    let effects = go(&mut sim, Actor::Irq(CORE), 1);
    assert!(effects.iter().any(|e| matches!(e, Effect::NotificationMissed { .. })));
    assert_eq!(sim.machine().cpus()[CORE.index()].pin_count(), 1);
    let rest = run_to_handler(&mut sim);
    assert!(rules(&rest).contains(&"P6c") && !rules(&rest).contains(&"C12"));
}

/// Row 4, first half: posted after mode := IN_GUEST_MODE and before the sync. The sync takes it; the notification,
/// latched, is recognised after entry and finds PIR empty.
#[test]
fn race_post_before_the_sync() {
    let mut sim = entering(&["P6"]);
    hold(&mut sim, Actor::Sw(HK), "C10");
    go(&mut sim, Actor::Wire(CORE), 1);
    assert!(sim.machine().next(Actor::Irq(CORE)).is_none(), "interrupts are off");
    let rest = run_to_handler(&mut sim);
    assert!(rules(&rest).contains(&"P6c"));
    // Delivery of a virtual interrupt comes before recognition of an external one.
    assert!(!rules(&rest).contains(&"C12"), "{:?}", rules(&rest));
    assert_handled_once(&mut sim, &rest, true);
}

/// Row 4, second half: posted after the sync. The latched notification brings it in right after entry.
#[test]
fn race_post_after_the_sync() {
    let mut sim = entering(&["P6", "P6b"]);
    hold(&mut sim, Actor::Sw(HK), "C10");
    go(&mut sim, Actor::Wire(CORE), 1);
    let rest = run_to_handler(&mut sim);
    assert!(!rules(&rest).contains(&"P6c") && rules(&rest).contains(&"C12c"));
    assert_handled_once(&mut sim, &rest, false);
}

/// Row 5: posted while a fastpath handler runs: mode is still IN_GUEST_MODE, interrupts are off, re-entry syncs.
#[test]
fn race_post_into_the_fastpath() {
    let mut sim = to(&early_rearm(), Actor::Sw(HK), "C9");
    hold_by(&mut sim, &[Actor::Guest(V), Actor::Sw(CORE)], Actor::Sw(CORE), "A2");
    let effects = go(&mut sim, Actor::Sw(HK), 1);
    assert!(effects.iter().any(|e| matches!(e, Effect::IpiSent { vector: Vector::POSTED_INTR, .. })));
    go(&mut sim, Actor::Wire(CORE), 1);
    assert!(sim.machine().next(Actor::Irq(CORE)).is_none(), "interrupts are off");
    let rest = run_to_handler(&mut sim);
    assert!(rules(&rest).contains(&"P6c"));
    assert_handled_once(&mut sim, &rest, true);
}

/// D2 and D3: the vCPU enters between the mode read and the kick. It is sent a reschedule IPI, and its last look sees
/// the request anyway.
#[test]
fn race_kick_while_entering() {
    let mut sim = to(&busy_at_expiry(2_000), Actor::Sw(HK), "C5");
    leave_guest(&mut sim);
    hold(&mut sim, Actor::Sw(HK), "D2");
    hold(&mut sim, Actor::Sw(CORE), "D4");
    // The request is there, so the thread would look; let it do so only after the kick, as if it had just passed.
    let effects = go(&mut sim, Actor::Sw(HK), 1);
    assert!(effects.iter().any(|e| matches!(e, Effect::IpiNotSent { vector: Vector::RESCHEDULE, .. })));
    let rest = run_to_handler(&mut sim);
    assert!(rules(&rest).contains(&"P5c"));

    // Entering already when the expiry is found: mode was read as OUTSIDE, then becomes IN_GUEST.
    let mut sim = to(&busy_at_expiry(2_000), Actor::Sw(HK), "C4");
    leave_guest(&mut sim);
    hold(&mut sim, Actor::Sw(CORE), "P6");
    hold(&mut sim, Actor::Sw(HK), "D1");
    go(&mut sim, Actor::Sw(CORE), 1);
    go(&mut sim, Actor::Sw(HK), 2);
    let effects = go(&mut sim, Actor::Sw(HK), 1);
    assert!(effects.iter().any(|e| matches!(e, Effect::IpiSent { vector: Vector::RESCHEDULE, .. })));
    assert!(effects.contains(&Effect::Set { vcpu: V, field: Field::Mode, from: 1, to: 2 }));
    // The IPI arrives when the entry has been given up: the host only acknowledges it.
    let mut late = sim.clone();
    hold(&mut late, Actor::Sw(CORE), "D4");
    go(&mut late, Actor::Wire(CORE), 1);
    assert_eq!(rule_of(&late, Actor::Irq(CORE)), "I3");
    let rest = run_to_handler(&mut sim);
    assert!(rules(&rest).contains(&"D3") && rules(&rest).contains(&"D4"));
}

/// The two writes of a callback that cannot post: a thread that finds the expiry between them is asked to look again, for
/// nothing.
#[test]
fn race_between_pending_and_the_request() {
    let mut sim = to(&busy_at_expiry(2_000), Actor::Sw(HK), "C5");
    leave_guest(&mut sim);
    hold(&mut sim, Actor::Sw(HK), "D1b");
    assert!(sim.machine().vcpus()[0].timer().pending && !sim.machine().vcpus()[0].requests().pending());
    hold(&mut sim, Actor::Sw(CORE), "P6");
    assert!(!sim.machine().vcpus()[0].timer().pending, "vcpu_run looks at pending whether it was asked or not");
    go(&mut sim, Actor::Sw(HK), 1);
    hold(&mut sim, Actor::Sw(CORE), "P6d");
    go(&mut sim, Actor::Sw(CORE), 1); // D3
    assert_eq!(rule_of(&sim, Actor::Sw(CORE)), "P5n");
    let handlers = sim.machine().handlers();
    let rest = run_to_handler(&mut sim);
    assert_eq!(sim.machine().handlers(), handlers + 1, "{:?}", rules(&rest));
}

/// `handle_fastpath_hlt` (6.12): an interrupt that was posted while HLT exited is seen there, and the guest goes on.
#[test]
fn race_post_into_the_halt() {
    use apic_core::scenario::GuestIdle;
    let halting = scenario(|s| {
        s.vm.hlt_in_guest = false;
        s.vm.mwait_in_guest = true;
        s.guest.idle = GuestIdle::Hlt;
        s.guest.other_exits = busy_at_expiry(1).guest.other_exits;
    });
    let mut sim = Sim::new(&halting, PathKind::Posted);
    hold_by(&mut sim, &[Actor::Guest(V), Actor::Sw(CORE)], Actor::Guest(V), "E1");
    hold_by(&mut sim, &[Actor::Irq(HK), Actor::Sw(HK), Actor::Clock(HK)], Actor::Sw(HK), "C9");
    go(&mut sim, Actor::Guest(V), 1);
    hold(&mut sim, Actor::Sw(HK), "C10");
    let rest = run_to_handler(&mut sim);
    let own: Vec<&str> = rest.iter().filter(|r| r.cpu == CORE && r.rule.id() != "I4").map(|r| r.rule.id()).collect();
    assert!(own.join(" ").starts_with("P6b P6c E1b P6b"), "{own:?}");
    assert!(!own.contains(&"P2") && !own.contains(&"E2"), "{own:?}");
    assert!(!sim.machine().vcpus()[0].blocked());
}

/// A CPU whose thread was woken is not idle any more, though that thread does not run yet (`idle_cpu`).
#[test]
fn a_cpu_with_a_woken_thread_is_not_idle() {
    use apic_core::scenario::{GuestIdle, Load, Vcpu};
    const OTHER: CpuId = CpuId(1);
    let s = scenario(|s| {
        s.host.nohz_full = vec![CpuId(2), CORE];
        s.host.housekeepers[0].load = Load::Idle;
        s.vcpus.push(Vcpu { cpu: OTHER, start_us: 10, rival: None });
        s.vm.hlt_in_guest = false;
        s.guest.idle = GuestIdle::Hlt;
    });
    let mut sim = Sim::new(&s, PathKind::NotPosted);
    let others =
        [Actor::Guest(VcpuId(1)), Actor::Wire(OTHER), Actor::Irq(OTHER), Actor::Sw(OTHER), Actor::Clock(OTHER)];
    hold_by(&mut sim, &others, Actor::Sw(OTHER), "E7");
    hold_by(&mut sim, &[Actor::Guest(V), Actor::Sw(CORE)], Actor::Sw(CORE), "N3");
    let effects = go(&mut sim, Actor::Sw(CORE), 1);
    assert!(effects.iter().any(|e| matches!(e, Effect::TargetNamed { cpu: OTHER, .. })), "{effects:?}");
}

// What the tests are written in.

/// The guest executes CPUID just before its timer expires, and KVM works on it for so long.
fn busy_at_expiry(handling_ns: u64) -> Scenario {
    use apic_core::scenario::OtherExits;
    scenario(|s| {
        s.guest.other_exits = Some(OtherExits { period_us: 10_000, first_us: 998, handling_ns, interrupts: None });
    })
}

/// The guest arms again without waiting for the expiry, at about the time at which that comes.
fn early_rearm() -> Scenario {
    use apic_core::scenario::Arm;
    let arms = vec![Arm { at_ns: 0, deadline_ns: 900_000 }, Arm { at_ns: 899_900, deadline_ns: 1_900_000 }];
    scenario(|s| s.guest.arms = arms)
}

fn all(scenario: &Scenario, path: PathKind) -> Vec<StepRecord> {
    let history = History::new(scenario, path);
    history.records(0..history.len())
}

#[track_caller]
fn find<'a>(records: &'a [StepRecord], rule: &str) -> &'a StepRecord {
    records.iter().find(|r| r.rule.id() == rule).unwrap_or_else(|| panic!("no step follows {rule}"))
}

fn rules(records: &[StepRecord]) -> Vec<&'static str> {
    records.iter().map(|r| r.rule.id()).collect()
}

fn rule_of(sim: &Sim, actor: Actor) -> &'static str {
    sim.machine().next(actor).map_or("none", |n| n.rule().id())
}

/// Takes steps of one actor, whoever is due; returns the effects of the last.
#[track_caller]
fn go(sim: &mut Sim, actor: Actor, steps: usize) -> Vec<Effect> {
    let mut effects = Vec::new();
    for _ in 0..steps {
        sim.pick(actor, &mut effects).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(sim.machine().check_invariants(), Ok(()));
    }
    effects
}

/// Lets one actor go on until its next step follows `rule`.
#[track_caller]
fn hold(sim: &mut Sim, actor: Actor, rule: &str) {
    hold_by(sim, &[actor], actor, rule);
}

/// Lets some actors go on, in turn, until `until`'s next step follows `rule`.
#[track_caller]
fn hold_by(sim: &mut Sim, actors: &[Actor], until: Actor, rule: &str) {
    for _ in 0..200 {
        if rule_of(sim, until) == rule {
            return;
        }
        let able = actors.iter().copied().find(|a| sim.machine().next(*a).is_some());
        go(sim, able.unwrap_or_else(|| panic!("nobody can move before {rule}")), 1);
    }
    panic!("{until:?} never comes to {rule}");
}

/// Runs by the clock until the actor's next step follows `rule`.
#[track_caller]
fn to(scenario: &Scenario, actor: Actor, rule: &str) -> Sim {
    let mut sim = Sim::new(scenario, PathKind::Posted);
    for _ in 0..2_000 {
        if rule_of(&sim, actor) == rule {
            return sim;
        }
        match sim.clock().first() {
            Some((Actor::Guest(_), _)) if sim.machine().now().as_ns() >= 400_000 => {
                // What the guest does near its expiry is the test's to choose.
                let next = [Actor::Irq(HK), Actor::Sw(HK), Actor::Clock(HK)];
                let able =
                    next.into_iter().find(|a| sim.machine().next(*a).is_some()).expect("the housekeeper can move");
                go(&mut sim, able, 1);
            }
            Some((due, _)) => {
                go(&mut sim, due, 1);
            }
            None => break,
        }
    }
    panic!("{actor:?} never comes to {rule}");
}

/// The guest's CPUID exits; mode becomes OUTSIDE.
#[track_caller]
fn leave_guest(sim: &mut Sim) {
    assert_eq!(rule_of(sim, Actor::Guest(V)), "X1");
    go(sim, Actor::Guest(V), 1);
    go(sim, Actor::Sw(CORE), 1);
    assert_eq!(rule_of(sim, Actor::Sw(CORE)), "X2");
}

/// The vCPU is on its way in and has done these steps, before the housekeeper reads its mode.
#[track_caller]
fn entering(done: &[&str]) -> Sim {
    let mut sim = to(&busy_at_expiry(2_000), Actor::Sw(HK), "C5");
    leave_guest(&mut sim);
    hold(&mut sim, Actor::Sw(CORE), done[0]);
    for rule in done {
        assert_eq!(rule_of(&sim, Actor::Sw(CORE)), *rule);
        go(&mut sim, Actor::Sw(CORE), 1);
    }
    sim
}

/// Runs by the clock until the guest's handler starts.
#[track_caller]
fn run_to_handler(sim: &mut Sim) -> Vec<StepRecord> {
    let handlers = sim.machine().handlers();
    let mut records = Vec::new();
    for _ in 0..300 {
        records.extend(sim.follow_recorded(&[]));
        assert_eq!(sim.machine().check_invariants(), Ok(()), "after {:?}", records.last());
        if sim.machine().handlers() > handlers {
            return records;
        }
    }
    panic!("the handler never starts: {:?}", rules(&records));
}

/// The tick is handled once; if `empty`, the notification arrived too late to bring anything.
#[track_caller]
fn assert_handled_once(sim: &mut Sim, until_handler: &[StepRecord], empty: bool) {
    let mut records = until_handler.to_vec();
    for _ in 0..12 {
        records.extend(sim.follow_recorded(&[]));
    }
    let drained = find(&records, "C12c");
    let brought = drained.effects.iter().any(|e| matches!(e, Effect::Bit { .. }));
    assert_eq!(brought, !empty, "{drained:?}");
    assert_eq!(records.iter().filter(|r| r.rule.id() == "C13").count(), 1);
}
