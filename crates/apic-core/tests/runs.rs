//! Properties of every run: stepping, seeking, determinism, invariants.

use apic_core::driver::Pick;
use apic_core::effect::Effect;
use apic_core::host::Topology;
use apic_core::kvm::Era;
use apic_core::machine::Actor;
use apic_core::run::{History, Lockstep, Sim};
use apic_core::scenario::{
    Device, Guest, GuestIdle, Host, Housekeeper, Load, Meta, Move, OtherExits, PRESETS, PathKind, PiInjectTimer, Rival,
    Run, Scenario, TimerMode, Vcpu, Vm, crowd,
};
use apic_core::units::{CpuId, VcpuId, Vector};
use proptest::prelude::*;

/// The paths that a scenario allows.
fn paths(scenario: &Scenario) -> Vec<PathKind> {
    scenario.allowed_paths().collect()
}

fn presets() -> impl Iterator<Item = (&'static str, Scenario)> {
    PRESETS.iter().map(|p| (p.name, p.scenario().expect("ships valid")))
}

/// Scenarios of one socket with up to six CPUs, up to three vCPUs, and every kind of load, disturbance, kernel and halt.
fn scenarios() -> impl Strategy<Value = Scenario> {
    let load = prop_oneof![
        Just(Load::Idle),
        Just(Load::Busy),
        (50u64..900, 50u64..900).prop_map(|(busy_us, idle_us)| Load::Bursts { busy_us, idle_us }),
    ];
    let guest = (60u64..2_500, 0u64..20_000, any::<bool>(), proptest::option::of((30u64..700, 0u64..40_000)));
    let timer = prop_oneof![Just(TimerMode::TscDeadline), Just(TimerMode::OneShot), Just(TimerMode::Periodic)];
    let rival = proptest::option::of((20u64..700, 300u64..1_500, 10u64..290));
    let rival = rival.prop_map(|r| r.map(|(first_us, period_us, for_us)| Rival { first_us, period_us, for_us }));
    let device = proptest::option::of((20u64..900, 40u64..1_500, any::<bool>()));
    let disturbed = (rival, proptest::option::of(40u64..3_000), timer, device);
    let vm = (0usize..Era::ALL.len(), any::<[bool; 6]>(), prop_oneof![Just(0u32), Just(200_000)], disturbed);
    (5u16..7, 1usize..4, load, guest, vm, (0u64..1_000, any::<u64>())).prop_map(
        |(
            cpus,
            vcpus,
            load,
            (period_us, handler_ns, halts, other),
            (era, vm, halt_poll_ns, disturbed),
            (phase, seed),
        )| {
            let (rival, moved, timer, device) = disturbed;
            let [advance, hlt_in_guest, mwait_in_guest, apicv, preemption_timer, isolated] = vm;
            Scenario {
                meta: Meta { title: "generated".into(), question: "does it hold?".into(), ..Meta::default() },
                host: Host {
                    topology: Topology { sockets: 1, llcs: 1, cores: cpus, smt: 1 },
                    nohz_full: (1..cpus).map(CpuId).filter(|c| isolated || c.0 > 1).collect(),
                    hz: 1_000,
                    tsc_khz: 2_100_000,
                    housekeepers: vec![Housekeeper { cpu: CpuId(0), load, tick_phase_us: phase }],
                },
                vm: Vm {
                    era: Era::ALL[era],
                    pi_inject_timer: PiInjectTimer::On,
                    hlt_in_guest,
                    mwait_in_guest: mwait_in_guest || Era::ALL[era] == Era::Seed2019,
                    apicv,
                    preemption_timer,
                    lapic_timer_advance: advance,
                    halt_poll_ns,
                    ..Vm::default()
                },
                vcpus: (0..vcpus as u16)
                    .map(|i| Vcpu {
                        cpu: CpuId(i + 1),
                        start_us: u64::from(i) * 37,
                        rival: rival.filter(|_| i == 0 && moved.is_none()),
                    })
                    .collect(),
                moves: (moved.iter())
                    .map(|at_us| Move { vcpu: VcpuId(0), at_us: *at_us, cpu: CpuId(cpus - 1) })
                    .collect(),
                devices: (device.iter())
                    // Before, SN and NDST lost interrupts (B7, B8): tests of their own.
                    .filter(|_| apicv && Era::ALL[era] >= Era::V5_8)
                    .flat_map(|(first_us, period_us, urgent)| {
                        let device = |vcpu, vector| Device {
                            vcpu: VcpuId(vcpu),
                            vector: Vector::new(vector),
                            first_us: *first_us,
                            period_us: *period_us,
                            urgent: *urgent,
                        };
                        [device(0, 0x31), device(vcpus as u16 - 1, 0xf8)]
                    })
                    .collect(),
                guest: Guest {
                    timer,
                    period_us,
                    handler_ns,
                    idle: if halts { GuestIdle::Hlt } else { GuestIdle::Busy },
                    other_exits: other.map(|(period_us, handling_ns)| OtherExits {
                        period_us,
                        first_us: 10,
                        handling_ns,
                        interrupts: None,
                    }),
                    ..Guest::default()
                },
                run: Run { expiries: 12, seed, ..Run::default() },
                costs: apic_core::scenario::CostChoice::default(),
            }
        },
    )
}

/// Steps one by one, checking everything that must hold after each step.
fn walk(scenario: &Scenario, path: PathKind, steps: usize) -> Sim {
    let mut sim = Sim::new(scenario, path);
    for _ in 0..steps {
        let Some(record) = sim.follow_recorded(&[]) else { break };
        if let Err(violation) = sim.machine().check_invariants() {
            panic!("{violation}, after {record:?}");
        }
        assert_eq!(sim.clock().disagreement(sim.machine()), None, "the clock's book is wrong after {record:?}");
    }
    sim
}

#[test]
fn invariants_hold_and_the_clock_keeps_its_book_on_every_preset() {
    for (_, scenario) in presets() {
        for path in paths(&scenario) {
            let steps = History::new(&scenario, path).len();
            assert!(steps > 30);
            walk(&scenario, path, steps);
        }
    }
}

#[test]
fn running_on_equals_stepping() {
    for (name, scenario) in presets() {
        for path in paths(&scenario) {
            let mut history = History::new(&scenario, path);
            let mut silent = Sim::new(&scenario, path);
            for n in 0..history.len() {
                assert!(silent.step_silently().is_some());
                if n % 97 == 0 || n + 1 == history.len() {
                    history.seek(n + 1);
                    assert_eq!(
                        history.machine().encode(),
                        silent.machine().encode(),
                        "{name} {path:?} after {}",
                        n + 1
                    );
                }
            }
        }
    }
}

/// Long runs take the clock's steps without a look at each: the same ones, and not one more than asked for.
#[test]
fn running_on_silently_takes_the_same_steps() {
    let crowd = crowd(70).expect("a valid scenario");
    let mut compared = 0;
    for (name, scenario) in presets().chain([("crowd", crowd)]) {
        for path in paths(&scenario) {
            // A replay ends, and a kernel may lose its ticks: what never comes is not waited for.
            let mut first = Sim::new(&scenario, path);
            if !(0..20_000).any(|_| first.step_silently().is_some() && first.machine().handlers() > 41) {
                continue;
            }
            compared += 1;
            let (mut on, mut stepping) = (Sim::new(&scenario, path), Sim::new(&scenario, path));
            for ticks in [1, 2, 0, 1, 7, 30] {
                let handlers = stepping.machine().handlers();
                let steps = on.run_on_silently(ticks);
                for _ in 0..steps {
                    assert!(stepping.machine().handlers() - handlers < ticks, "{name} {path:?}: a step too many");
                    assert!(stepping.step_silently().is_some());
                }
                assert!(on == stepping, "{name} {path:?} after {}", on.steps());
            }
        }
    }
    assert!(compared > 40, "{compared}");
}

#[test]
fn the_silent_and_the_recording_run_are_the_same_run() {
    for (_, scenario) in presets() {
        let (mut silent, mut recording) =
            (Sim::new(&scenario, PathKind::Posted), Sim::new(&scenario, PathKind::Posted));
        for _ in 0..500 {
            let taken = silent.step_silently().map(|t| t.rule);
            assert_eq!(taken, recording.follow_recorded(&[]).map(|r| r.rule));
        }
        assert_eq!(silent.machine().encode(), recording.machine().encode());
    }
}

#[test]
fn every_armed_tick_is_delivered_once() {
    for (name, scenario) in presets() {
        for history in Lockstep::new(&scenario).paths() {
            let records = history.records(0..history.len());
            let count = |is: fn(&Effect) -> bool| records.iter().flat_map(|r| &r.effects).filter(|e| is(e)).count();
            let armed = count(|e| matches!(e, Effect::Armed { .. }));
            let delivered = count(|e| matches!(e, Effect::Delivered { .. }));
            // What was armed last, once per vCPU at most, may still lie ahead.
            assert!(armed >= delivered && armed - delivered <= scenario.vcpus.len(), "{name}: {armed} {delivered}");
            assert_eq!(delivered as u64, history.clone_at_end().ledger().handlers, "{name}");
        }
    }
}

/// The last moment of a history, without moving it.
trait AtEnd {
    fn clone_at_end(&self) -> History;
}

impl AtEnd for History {
    fn clone_at_end(&self) -> History {
        let mut end = self.clone();
        end.seek(end.len());
        end
    }
}

#[test]
fn beats_cover_every_step_of_every_path_in_order() {
    for (name, scenario) in presets() {
        let mut lockstep = Lockstep::new(&scenario);
        let mut taken = vec![0u32; lockstep.paths().len()];
        let mut last = apic_core::units::Ns::ZERO;
        for i in 0..lockstep.len() {
            let beat = lockstep.beat(i).expect("in range");
            assert!(beat.at >= last, "{name}: time goes back at beat {i}");
            last = beat.at;
            for (p, n) in taken.iter_mut().enumerate() {
                if let Some(step) = beat.steps[p] {
                    assert_eq!(step, *n, "{name}: path {p} jumps at beat {i}");
                    assert_eq!(lockstep.beat_of(p, step as usize), i);
                    *n += 1;
                }
            }
        }
        for (p, n) in taken.iter().enumerate() {
            assert_eq!(*n as usize, lockstep.paths()[p].len(), "{name}: path {p}");
        }
        let covered: Vec<usize> = lockstep.ticks().iter().flat_map(Clone::clone).collect();
        assert_eq!(covered, (0..lockstep.len()).collect::<Vec<_>>(), "{name}: ticks");
        lockstep.seek(usize::MAX);
        assert_eq!(lockstep.position(), lockstep.len());
    }
}

#[test]
fn each_preset_opens_at_the_moment_it_names() {
    for (name, scenario) in presets() {
        let mut lockstep = Lockstep::new(&scenario);
        lockstep.seek(lockstep.opening());
        let wanted = scenario.meta.opens_at.clone().unwrap_or_default();
        let rules: Vec<&str> = lockstep.paths().iter().filter_map(|p| Some(p.last()?.rule.id())).collect();
        assert!(rules.contains(&wanted.as_str()), "{name}: {rules:?} instead of {wanted}");
    }
}

/// Each path of a preset alone, where the step that the preset names is another path's: something has happened.
#[test]
fn a_run_opens_where_something_has_happened() {
    for (name, mut scenario) in presets() {
        scenario.meta.opens_at = None;
        for path in scenario.run.paths.clone() {
            scenario.run.paths = vec![path];
            let mut lockstep = Lockstep::new(&scenario);
            lockstep.seek(lockstep.opening());
            let ledger = lockstep.paths()[0].ledger();
            assert!(lockstep.position() > 0, "{name}, {path:?}");
            let seen = ledger.handlers + ledger.ipis_sent + ledger.device_notifications;
            assert!(seen > 0, "{name}, {path:?}: {ledger:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Forward n, then back n, from anywhere, is where it was.
    #[test]
    fn forward_and_back_is_the_identity(scenario in scenarios(), from in 0usize..400, n in 0usize..400) {
        scenario.validate().expect("generated scenarios are valid");
        let mut history = History::new(&scenario, PathKind::Posted);
        history.seek(from);
        let (was, ledger, last) = (history.machine().encode(), history.ledger().clone(), history.last().cloned());
        history.seek(from + n);
        history.seek(from);
        prop_assert_eq!(history.machine().encode(), was);
        prop_assert_eq!(history.ledger(), &ledger);
        prop_assert_eq!(history.last(), last.as_ref());
    }

    /// Jumping to a step equals walking to it.
    #[test]
    fn run_n_equals_n_single_steps(scenario in scenarios(), n in 0usize..900) {
        let mut history = History::new(&scenario, PathKind::Posted);
        let n = n.min(history.len());
        history.seek(n);
        let walked = walk(&scenario, PathKind::Posted, n);
        prop_assert_eq!(history.sim(), &walked);
    }

    /// Both paths deliver, whatever the load, the disturbance and the era.
    #[test]
    fn invariants_hold_whatever_the_scenario(scenario in scenarios()) {
        for path in paths(&scenario) {
            let sim = walk(&scenario, path, 1_500);
            // Without a kick an expiry may wait for ever (B1), and without the later repairs it may be lost.
            let correct = scenario.vm.era >= Era::V5_18;
            prop_assert!(!correct || sim.ledger().handlers > 0, "no tick in 1,500 steps of {path:?}");
        }
    }

    /// A person may pick any enabled step at any time: nothing is lost, and the clock can take over.
    #[test]
    fn any_interleaving_keeps_the_invariants(
        mut scenario in scenarios(),
        which in any::<usize>(),
        choices in proptest::collection::vec(any::<u16>(), 1..400),
    ) {
        // Older rules are broken in ways that only some interleavings show; they have tests of their own.
        // A hand that lets time pass meets the lockup by lost periods before 6.19 (B13).
        let periodic = scenario.guest.timer == TimerMode::Periodic;
        scenario.vm.era = scenario.vm.era.max(if periodic { Era::V6_19 } else { Era::V5_18 });
        let allowed = paths(&scenario);
        let path = allowed[which % allowed.len()];
        let mut sim = Sim::new(&scenario, path);
        let (mut effects, mut picks) = (Vec::new(), Vec::new());
        for choice in &choices {
            let enabled: Vec<Actor> = sim.machine().enabled().map(|(a, _)| a).collect();
            prop_assert!(!enabled.is_empty(), "nobody can move");
            let actor = enabled[usize::from(*choice) % enabled.len()];
            picks.push(Pick { step: sim.steps(), actor });
            sim.pick(actor, &mut effects).expect("it was enabled");
            prop_assert_eq!(sim.machine().check_invariants(), Ok(()), "after {:?}", effects);
            prop_assert_eq!(sim.clock().disagreement(sim.machine()), None);
        }
        let handlers = sim.machine().handlers();
        let mut rules = Vec::new();
        for _ in 0..2_000 {
            rules.extend(sim.step_silently().map(|taken| taken.rule.id()));
        }
        prop_assert!(sim.machine().handlers() > handlers, "no tick after the hand let go on {path:?}: {:?}", &rules[..rules.len().min(120)]);
        // The same list of choices gives the same run.
        let mut again = History::following(&scenario, path, &picks);
        again.seek(picks.len());
        prop_assert!(again.position() == picks.len() || again.len() < picks.len());
    }
}
