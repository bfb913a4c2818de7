//! The search: every interleaving of a bounded scenario, on the machine that the clock and a person drive too.
//!
//! Breadth first, so that a counterexample is the shortest there is. `next` and `apply` are the machine's own; what the
//! search adds is who chooses.
//!
//! # Time
//!
//! In a simulation a step is due when its cost is paid. Here costs do not count: a step that waits for nothing can be taken
//! now, or later, or after anything else. What it may *not* do is happen before the instant that it waits for: a clock event
//! does not fire before what it is programmed to, a busy-wait does not end before its deadline. So there is one more choice
//! beside the actors' steps: *time passes* ([`Move::Time`]), to the next instant that anything is compared with.
//!
//! Why no behaviour is missed. A run of the machine is a sequence of steps, each at some time, no earlier than the one before
//! and no earlier than what it waits for; how long a step takes is bounded by nothing. What a step does depends on the time
//! only by comparison with instants: expiries, deadlines, deadlines less the timer advance, ends of waits, a load's or a
//! rival's appointments. Between two neighbouring instants all times compare alike, so a run is matched, step by step, by
//! one in which each step happens at the last instant that has passed. Instants that a step computes from the time (the end of
//! a busy-wait) are computed from that instant, which is the earliest time that compares alike: the wait of the matching run
//! is the longest, and time passes over its end just as well. `Machine::next_instant` lists the instants. Not matched are
//! quantities that are *learnt* from durations (the timer advance, the halt-polling window): they are held still. The guest's TSC is
//! a function of time, so the guard "TSC below the deadline" is one of the comparisons.
//!
//! Time ends a little after the last deadline. What is enabled then can still be taken; only what is programmed for later
//! (another host tick) is not.
//!
//! # Memory
//!
//! Plain stores to words that other CPUs read wait in the CPU's store buffer ([`crate::host::StoreBuffers`]); that they
//! reach memory is a choice too ([`Move::Drain`]).
//!
//! # States
//!
//! A state is what `Machine::feed` says, by a 64-bit fingerprint. Of n states, two share one by chance with a probability of
//! about n² / 2⁶⁵: below one in a million for five million. A shared fingerprint could hide a state, never invent a
//! counterexample: those are replayed.
//!
//! # Properties
//!
//! After every move: the machine's invariants, and no handler before its deadline. At the end, over the whole graph: from
//! every state in which a guest has an interrupt coming, a state can be reached in which its handler starts. Under weak fairness of every
//! CPU that is "no interrupt is lost, and no vCPU sleeps for ever".

mod graph;
mod library;
mod moves;
mod portable;
mod system;
mod verdict;
mod visited;

pub use crate::machine::Bounds;
pub use library::{Example, example, known, repaired};
pub use moves::{Made, Move};
pub use portable::Portable;
pub use system::System;
pub use verdict::{Broken, Counterexample, Replay, Verdict};

use crate::kvm::Faults;
use crate::machine::Machine;
use crate::scenario::{PathKind, Scenario};
use crate::units::VcpuId;
use graph::Graph;
use std::collections::VecDeque;
use visited::{Fingerprint, Visited};

/// How far a search is.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Progress {
    /// States seen.
    pub states: usize,
    /// Moves made from them.
    pub moves: usize,
    /// Moves from the beginning to the states that are being looked at.
    pub depth: usize,
    /// States whose moves have not been made yet.
    pub frontier: usize,
}

/// A search, in slices.
#[derive(Debug)]
pub struct Explore {
    system: System,
    limit: usize,
    visited: Visited,
    graph: Graph,
    frontier: VecDeque<Machine>,
    /// Machines that are done with: their memory is used again.
    spare: Vec<Machine>,
    /// States expanded, and the first one of the next depth.
    expanded: usize,
    depth: usize,
    next_depth_at: usize,
    moves: Vec<Move>,
    verdict: Option<Verdict>,
}

impl Explore {
    /// At the beginning of one path of a scenario.
    pub fn new(scenario: &Scenario, path: PathKind, bounds: Bounds, faults: Faults) -> Self {
        let system = System::new(scenario, path, bounds, faults);
        let machine = system.start();
        let mut visited = Visited::new();
        visited.insert(fingerprint(&machine));
        Self {
            limit: bounds.states as usize,
            graph: Graph::new(machine.cpus().len(), machine.vcpus().len()),
            visited,
            frontier: VecDeque::from([machine]),
            spare: Vec::new(),
            expanded: 0,
            depth: 0,
            next_depth_at: 1,
            moves: Vec::new(),
            verdict: None,
            system,
        }
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        Progress {
            states: self.visited.len(),
            moves: self.graph.edges(),
            depth: self.depth,
            frontier: self.frontier.len(),
        }
    }

    /// The answer, once there is one.
    pub fn verdict(&self) -> Option<&Verdict> {
        self.verdict.as_ref()
    }

    /// Looks at so many states more, and says how far it is. Dropping the search cancels it.
    pub fn run(&mut self, states: usize) -> Progress {
        for _ in 0..states {
            if self.verdict.is_some() {
                break;
            }
            self.verdict = match self.frontier.pop_front() {
                Some(machine) => self.expand(machine).map(|found| Verdict::Violated(Box::new(found))),
                None => Some(self.conclude()),
            };
            if self.verdict.is_none() && self.visited.len() > self.limit {
                self.verdict = Some(Verdict::Unfinished);
            }
        }
        self.progress()
    }

    /// To the end.
    pub fn finish(&mut self) -> Verdict {
        loop {
            self.run(1 << 16);
            if let Some(verdict) = &self.verdict {
                return verdict.clone();
            }
        }
    }

    /// Makes every move from a state.
    fn expand(&mut self, machine: Machine) -> Option<Counterexample> {
        let state = self.expanded as u32;
        if self.expanded == self.next_depth_at {
            self.depth += 1;
            self.next_depth_at = self.visited.len();
        }
        self.expanded += 1;
        if self.system.is_final(&machine) {
            self.graph.close(u8::MAX);
            self.spare.push(machine);
            return None;
        }
        let mut choices = std::mem::take(&mut self.moves);
        choices.clear();
        self.system.moves(&machine, &mut choices);
        let (mut found, mut delivers) = (None, 0);
        for chosen in &choices {
            let mut child = self.copy(&machine);
            let (delivered, early) = self.system.make(&mut child, *chosen);
            if let Some(v) = delivered {
                delivers |= 1 << v.0;
            }
            let (number, new) = self.visited.insert(fingerprint(&child));
            self.graph.edge(number);
            let mut broken = early;
            if new {
                let (waits, expired) = self.system.flags(&child);
                self.graph.add(state, *chosen, waits, expired);
                broken = broken.or_else(|| child.check_invariants().err().map(Broken::from));
                self.frontier.push_back(child);
            } else {
                self.spare.push(child);
            }
            if let Some(broken) = broken {
                let mut moves = self.graph.path_to(state);
                moves.push(*chosen);
                found = Some(Counterexample { broken, moves });
                break;
            }
        }
        self.graph.close(delivers);
        self.moves = choices;
        self.spare.push(machine);
        found
    }

    /// A copy of a machine, in memory that is done with if there is some.
    #[inline]
    fn copy(&mut self, machine: &Machine) -> Machine {
        let Some(mut copy) = self.spare.pop() else { return machine.clone() };
        copy.copy_from(machine);
        copy
    }

    /// Every state was looked at: what can still happen from each?
    fn conclude(&self) -> Verdict {
        match self.graph.stranded() {
            None => Verdict::Holds,
            Some((state, vcpu)) => Verdict::Violated(Box::new(Counterexample {
                broken: Broken::Stranded(VcpuId(vcpu as u16)),
                moves: self.graph.path_to(state),
            })),
        }
    }
}

fn fingerprint(machine: &Machine) -> u64 {
    use std::hash::Hasher as _;
    let mut print = Fingerprint::new();
    machine.feed(&mut print);
    print.finish()
}

#[cfg(test)]
mod tests;
