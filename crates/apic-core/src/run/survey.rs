//! A long run of one path of which no step is kept: what it adds up to, and where the moments are that stand for it.
//!
//! It takes the very steps of a [`super::History`] of the same scenario, only more of them, so that a moment found here
//! can be gone to there. It can be run in parts, and read between them.

use super::history::is_told;
use super::measure::{Measurer, Sink};
use super::sim::Sim;
use super::{Examples, Ledger, Occurrence, Way};
use crate::driver::Pick;
use crate::effect::Effect;
use crate::scenario::Scenario;
use crate::units::{CpuId, Ns};

/// Most handlers that a survey runs to.
pub const MOST_HANDLERS: u32 = 10_000_000;

/// A long run of one path.
#[derive(Clone, Debug)]
pub struct Survey {
    way: Way,
    picks: Vec<Pick>,
    /// Handlers after which it ends.
    wanted: u32,
    sim: Sim,
    measurer: Measurer<Seen>,
    effects: Vec<Effect>,
    over: bool,
}

/// What a survey has seen.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    /// From the deadline to the first instruction of the guest's handler; below zero it is early.
    pub latency: Examples,
    /// How much the latency differs from that of the same vCPU's handler before: what the guest sees of a period as jitter.
    pub jitter: Examples,
    /// Guest time lost per tick, from one arming of a vCPU to its next.
    pub guest_time_lost: Examples,
    /// Housekeeper time per tick.
    pub housekeeper_time: Examples,
    /// Exits by reason, in the order of first occurrence.
    pub exits: Vec<Exits>,
    /// Each CPU that worked on guest timers without a vCPU of its own, in their order.
    pub housekeepers: Vec<Housekeeper>,
    /// Per vCPU, the latency of its last handler.
    last: Vec<Option<i64>>,
}

/// The exits of one reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exits {
    /// As KVM prints it.
    pub reason: &'static str,
    /// How many.
    pub count: u64,
    /// The first.
    pub first: Occurrence,
    /// From exit to entry, as `perf kvm stat` measures it.
    pub times: Examples,
}

/// What guest timers cost one CPU.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Housekeeper {
    /// Which.
    pub cpu: CpuId,
    /// All its time for them.
    pub time: Ns,
    /// The step that added most, and how much that was.
    pub most: (Ns, Occurrence),
}

impl Survey {
    /// At time zero, to so many handlers (at most [`MOST_HANDLERS`]), following choices made by hand.
    pub fn new(scenario: &Scenario, way: Way, picks: &[Pick], handlers: u32) -> Self {
        let mut picks = picks.to_vec();
        // The first choice for a step counts, as in a history.
        picks.sort_by_key(|p| p.step);
        picks.dedup_by_key(|p| p.step);
        let sim = Sim::new(&way.scenario(scenario), way.path);
        let measurer = Measurer::new(&sim, Seen::default());
        let arms = scenario.guest.arms.len() as u32;
        let wanted = if arms == 0 { handlers } else { handlers.min(arms) }.min(MOST_HANDLERS);
        Self { way, picks, wanted, sim, measurer, effects: Vec::new(), over: false }
    }

    /// Takes at most so many steps more; `false` once the run is at its end.
    pub fn run_on(&mut self, steps: u32) -> bool {
        for _ in 0..steps {
            if self.over {
                break;
            }
            let Some((cpu, taken)) = self.sim.follow(&self.picks, &mut self.effects) else {
                self.over = true;
                break;
            };
            self.measurer.step(&self.sim, cpu, taken, &self.effects);
            let machine = self.sim.machine();
            self.over = (machine.handlers() >= self.wanted || machine.arms_are_over()) && is_told(machine);
        }
        !self.over
    }

    /// Which path it is, and in which era.
    pub fn way(&self) -> Way {
        self.way
    }

    /// Handlers after which it ends.
    pub fn wanted(&self) -> u32 {
        self.wanted
    }

    /// Handlers started so far.
    pub fn handlers(&self) -> u32 {
        self.sim.machine().handlers()
    }

    /// Steps so far.
    pub fn steps(&self) -> u32 {
        self.sim.steps()
    }

    /// Guest time so far.
    pub fn elapsed(&self) -> Ns {
        self.sim.machine().now()
    }

    /// The ledger so far.
    pub fn ledger(&self) -> &Ledger {
        self.sim.ledger()
    }

    /// What it has seen so far. Ticks that are under way are not in it.
    pub fn seen(&self) -> &Seen {
        self.measurer.told()
    }
}

impl Sink for Seen {
    fn latency(&mut self, at: Occurrence, late_ns: i64) {
        self.latency.add(late_ns, at);
        let v = at.vcpu.index();
        if self.last.len() <= v {
            self.last.resize(v + 1, None);
        }
        if let Some(before) = self.last[v].replace(late_ns) {
            self.jitter.add((late_ns - before).abs(), at);
        }
    }

    fn tick(&mut self, at: Occurrence, lost: Ns, housekeeper: Ns) {
        self.guest_time_lost.add(signed(lost), at);
        self.housekeeper_time.add(signed(housekeeper), at);
    }

    fn left(&mut self, at: Occurrence, reason: &'static str) {
        match self.exits.iter_mut().find(|e| e.reason == reason) {
            Some(exits) => exits.count += 1,
            None => self.exits.push(Exits { reason, count: 1, first: at, times: Examples::default() }),
        }
    }

    fn exit(&mut self, at: Occurrence, reason: &'static str, time: Ns) {
        if let Some(exits) = self.exits.iter_mut().find(|e| e.reason == reason) {
            exits.times.add(signed(time), at);
        }
    }

    fn housekeeper(&mut self, at: Occurrence, cpu: CpuId, time: Ns) {
        match self.housekeepers.binary_search_by_key(&cpu, |h| h.cpu) {
            Ok(i) => {
                let known = &mut self.housekeepers[i];
                known.time = known.time.plus(time);
                if time > known.most.0 {
                    known.most = (time, at);
                }
            }
            Err(i) => self.housekeepers.insert(i, Housekeeper { cpu, time, most: (time, at) }),
        }
    }
}

fn signed(ns: Ns) -> i64 {
    i64::try_from(ns.as_ns()).unwrap_or(i64::MAX)
}
