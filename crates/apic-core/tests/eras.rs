//! Which steps are taken under which kernel's rules: `Rule::possible_under` promises neither too little nor too much.

use apic_core::kvm::{Era, Rules, Switch};
use apic_core::machine::Config;
use apic_core::rule::Rule;
use apic_core::run::Sim;
use apic_core::scenario::{
    Arm, GuestIdle, Load, Move, OtherExits, PRESETS, PathKind, PiInjectTimer, Rival, Scenario, TimerMode,
};
use apic_core::units::{CpuId, VcpuId};
use std::collections::BTreeSet;

/// Every preset, and the first of them with whatever leads a tick astray.
fn scenarios() -> Vec<Scenario> {
    let presets: Vec<Scenario> = PRESETS.iter().map(|p| p.scenario().expect("ships valid")).collect();
    let plain = apic_core::scenario::preset("pinned-vs-offloaded").expect("ships");
    let changes: [fn(&mut Scenario); 21] = [
        |s| s.guest.timer = TimerMode::OneShot,
        |s| s.guest.timer = TimerMode::Periodic,
        |s| s.guest.arms = vec![arm(50_000, 50_000)],
        |s| s.guest.arms = vec![arm(0, 55_000_000_000)],
        |s| s.guest.other_exits = Some(other(990, 30_000)),
        |s| s.guest.other_exits = Some(other(998, 1_000)),
        |s| s.vm.hlt_in_guest = false,
        |s| (s.vm.hlt_in_guest, s.vm.mwait_in_guest, s.guest.idle) = (false, true, GuestIdle::Hlt),
        |s| (s.vm.hlt_in_guest, s.guest.idle, s.guest.period_us) = (false, GuestIdle::Hlt, 120),
        |s| s.moves = vec![Move { vcpu: VcpuId(0), at_us: 500, cpu: CpuId(2) }],
        |s| s.moves = vec![Move { vcpu: VcpuId(0), at_us: 999, cpu: CpuId(2) }],
        |s| s.vcpus[0].rival = Some(Rival { first_us: 900, period_us: 100_000, for_us: 500 }),
        |s| s.host.housekeepers[0].load = Load::Idle,
        |s| s.host.nohz_full.clear(),
        |s| (s.vm.apicv, s.guest.other_exits) = (false, Some(other(1_500, 1_000))),
        |s| sleeps_and_moves(s),
        |s| {
            s.vm.apicv = false;
            sleeps_and_moves(s);
        },
        |s| s.guest.idle = GuestIdle::Hlt,
        |s| s.host.housekeepers[0].load = Load::Bursts { busy_us: 300, idle_us: 500 },
        // Armed behind the housekeeper's tick, then moved away: its interrupt finds nothing (R7).
        |s| s.guest.arms = vec![arm(0, 900_000), arm(600_000, 2_600_000)],
        |s| s.vm.vendor = apic_core::kvm::Vendor::Svm,
    ];
    let astray = changes.iter().map(|change| {
        let mut s = plain.clone();
        change(&mut s);
        s
    });
    presets.into_iter().chain(astray).collect()
}

const fn arm(at_ns: u64, deadline_ns: u64) -> Arm {
    Arm { at_ns, deadline_ns }
}

/// Its timer fires where it was.
fn sleeps_and_moves(s: &mut Scenario) {
    (s.vm.hlt_in_guest, s.guest.idle) = (false, GuestIdle::Hlt);
    s.moves = vec![Move { vcpu: VcpuId(0), at_us: 500, cpu: CpuId(2) }];
}

const fn other(first_us: u64, handling_ns: u64) -> OtherExits {
    OtherExits { period_us: 1_300, first_us, handling_ns, interrupts: None }
}

/// Runs everything under an era's kernel; no step is outside of what the run's rules allow. Returns the rules that were
/// seen where the path left the era's rules as they are.
fn seen(era: Era) -> BTreeSet<Rule> {
    let mut seen = BTreeSet::new();
    for mut s in scenarios() {
        s.vm.era = era;
        s.vm.pi_inject_timer = PiInjectTimer::On;
        s.vm.mwait_in_guest |= era == Era::Seed2019;
        s.run.paths = vec![PathKind::Posted];
        if s.validate().is_err() {
            continue;
        }
        for path in s.allowed_paths() {
            let rules = Config::new(&s, path).rules;
            let own = rules == Rules::mixed(era, &s.vm.rules) && s.vm.rules.is_empty();
            let mut sim = Sim::new(&s, path);
            for _ in 0..600 {
                let Some(taken) = sim.step_silently() else { break };
                let rule = taken.rule;
                assert!(rule.possible_under(rules), "{era:?}, {}: {} should not happen", path.name(), rule.id());
                if own {
                    seen.insert(rule);
                }
            }
        }
    }
    seen
}

/// Steps that need two things to happen at once, which other tests bring about; and R6, which is told by C11 and P4.
const RARE: [Rule; 6] = [Rule::R4, Rule::R6, Rule::J5, Rule::J6, Rule::C6, Rule::I2];

/// Where the timer is pinned whenever it is not posted, another CPU leaves an expiry pending only if the vCPU was just moved
/// there and the timer did not follow yet.
const AFTER_A_MOVE: [Rule; 5] = [Rule::C4, Rule::C11, Rule::D1, Rule::D1b, Rule::D4];
const PINNED: [Era; 3] = [Era::Before4_3, Era::V4_7, Era::Seed2019];

/// What happens because a device posts: it has tests of its own, and only its presets show it here.
fn is_a_devices(rule: Rule) -> bool {
    let id = rule.id();
    id.starts_with('W') || id.starts_with("Vd") || id == "I5" || id.starts_with("C12")
}

fn is_rare(era: Era, rule: Rule) -> bool {
    RARE.contains(&rule)
        || is_a_devices(rule)
        || PINNED.contains(&era) && AFTER_A_MOVE.contains(&rule)
        || refused(era, rule)
}

/// A scenario of the seed's era has to let MWAIT through, and then there is no preemption timer.
fn refused(era: Era, rule: Rule) -> bool {
    era == Era::Seed2019 && rule.possible_under(Rules::of(era)) && !rule.possible_under(without_hv(era))
}

fn without_hv(era: Era) -> Rules {
    let mut rules = Rules::of(era);
    rules.set(Switch::HvTimer, false);
    rules
}

/// No run takes a step that its kernel cannot take, and what is said to be possible is taken.
#[test]
fn every_era_takes_the_steps_that_it_can() {
    let mut missing = Vec::new();
    for era in Era::ALL {
        let seen = seen(*era);
        let possible = |rule: &Rule| rule.eras().any(|e| e == *era);
        let unseen = Rule::ALL.iter().filter(|r| possible(r) && !seen.contains(r) && !is_rare(*era, **r));
        missing.extend(unseen.map(|r| (era.name(), r.id())));
    }
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn eras_follow_from_the_switches() {
    #[track_caller]
    fn check(rule: Rule, first: Option<Era>, last: Option<Era>) {
        let eras: Vec<Era> = rule.eras().collect();
        assert_eq!((eras.first().copied(), eras.last().copied()), (first, last), "{}", rule.id());
    }
    let newest = Era::ALL.last().copied();
    check(Rule::A1, Some(Era::Before4_3), newest);
    check(Rule::N0, Some(Era::Before4_3), Some(Era::Before4_3));
    check(Rule::N5, Some(Era::V4_3), Some(Era::V4_3));
    check(Rule::A7k, Some(Era::SeriesV4), Some(Era::V5_8));
    check(Rule::C5, Some(Era::V5_3), newest);
    check(Rule::V1, Some(Era::Proposal2026), newest);
    check(Rule::R1, None, None);
    assert!(!Rule::N3.eras().any(|era| era == Era::V4_7), "pinned");
}
