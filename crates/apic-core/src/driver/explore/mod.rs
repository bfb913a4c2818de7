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
//! A state is what `Machine::feed` says, as numbers of parts that are kept once each (CPUs, vCPUs, the rest), and by the
//! sum of their 64-bit fingerprints. Of n states, two share one by chance with a probability of
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
mod lost;
mod moves;
mod portable;
mod store;
mod system;
mod verdict;
mod visited;

pub use crate::machine::Bounds;
pub use library::{Example, Searched, example, known, repaired, suite, usual_bounds};
pub use lost::lost;
pub use moves::{Made, Move};
pub use portable::Portable;
pub use system::System;
pub use verdict::{Broken, Counterexample, Replay, Verdict};

use crate::kvm::Faults;
use crate::scenario::{PathKind, Scenario};
use crate::units::{Ns, VcpuId};
use graph::Graph;
use std::collections::VecDeque;
use store::Store;
use visited::Visited;

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
    memory: usize,
    visited: Visited,
    graph: Graph,
    store: Store,
    /// States to be expanded, each as the numbers of its parts.
    frontier: VecDeque<u32>,
    /// The state that is expanded, one that a move led to, and what the move reaches.
    state: Vec<u32>,
    child: Vec<u32>,
    reached: Vec<usize>,
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
        let graph = Graph::new(machine.cpus().len(), machine.vcpus().len());
        let (store, mut visited) = (Store::new(machine), Visited::default());
        visited.insert(mixed(store.print()));
        Self {
            limit: bounds.states as usize,
            memory: usize::MAX,
            graph,
            visited,
            frontier: store.loaded().iter().copied().collect(),
            state: vec![0; store.width()],
            child: vec![0; store.width()],
            reached: Vec::new(),
            store,
            expanded: 0,
            depth: 0,
            next_depth_at: 1,
            moves: Vec::new(),
            verdict: None,
            system,
        }
    }

    /// The same, in so many bytes of memory: it gives up, as for [`Bounds::states`], when a third of them is taken, because
    /// tables that grow need twice as much for a moment.
    #[must_use]
    pub fn within_memory(self, bytes: usize) -> Self {
        Self { memory: bytes / 3, ..self }
    }

    /// Bytes of memory that it has taken, about.
    pub fn memory(&self) -> usize {
        self.visited.bytes() + self.graph.bytes() + self.store.bytes() + size_of::<u32>() * self.frontier.capacity()
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        Progress {
            states: self.visited.len(),
            moves: self.graph.edges(),
            depth: self.depth,
            frontier: self.visited.len() - self.expanded,
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
            self.verdict = if self.frontier.is_empty() {
                Some(self.conclude())
            } else {
                self.expand().map(|found| Verdict::Violated(Box::new(found)))
            };
            // Now and then is enough to look at memory: a state takes some hundred bytes.
            let full = self.expanded.is_multiple_of(1 << 10) && self.memory() > self.memory;
            if self.verdict.is_none() && (full || self.visited.len() > self.limit) {
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

    /// Makes every move from the first state of the frontier.
    fn expand(&mut self) -> Option<Counterexample> {
        let number = self.expanded as u32;
        if self.expanded == self.next_depth_at {
            self.depth += 1;
            self.next_depth_at = self.visited.len();
        }
        self.expanded += 1;
        for (part, kept) in self.state.iter_mut().zip(self.frontier.drain(..self.store.width())) {
            *part = kept;
        }
        self.store.load(&self.state);
        if self.system.is_final(self.store.machine()) {
            self.graph.close(u8::MAX);
            return None;
        }
        let mut choices = std::mem::take(&mut self.moves);
        choices.clear();
        let next = self.system.moves_with(self.store.machine(), self.store.instant(), &mut choices);
        let (mut found, mut delivers) = (None, 0);
        let (now, print) = (self.store.machine().now(), self.store.print());
        for chosen in &choices {
            let (delivered, early, reaches) = self.make(*chosen, next, print);
            if let Some(v) = delivered {
                delivers |= 1 << v.0;
            }
            let (to, new) = self.visited.insert(mixed(reaches));
            self.graph.edge(to);
            let mut broken = early;
            if new {
                let child = self.store.machine();
                let (waits, expired) = self.system.flags(child);
                self.graph.add(number, *chosen, waits, expired);
                broken = broken.or_else(|| child.check_invariants().err().map(Broken::from));
                self.frontier.extend(&self.child);
            }
            self.store.undo(now);
            if let Some(broken) = broken {
                let mut moves = self.graph.path_to(number);
                moves.push(*chosen);
                found = Some(Counterexample { broken, moves });
                break;
            }
        }
        self.graph.close(delivers);
        self.moves = choices;
        found
    }

    /// Makes a move from the state that is loaded, whose fingerprint is given. Leaves the state that it leads to in
    /// `self.child`, and returns whose handler started, what is wrong with that, and the state's fingerprint.
    #[inline]
    fn make(&mut self, chosen: Move, next: Ns, print: u64) -> (Option<VcpuId>, Option<Broken>, u64) {
        let actor = match chosen {
            Move::Step(actor) => Some(actor),
            Move::Drain(_) => None,
            Move::Time => {
                self.store.machine_mut().pass_time(next);
                return (None, None, self.store.settle_later(&mut self.child));
            }
        };
        self.reached.clear();
        self.store.machine().reach(actor, |part| self.reached.push(part));
        let (delivered, early) = self.system.make(self.store.machine_mut(), chosen);
        (delivered, early, self.store.settle(&self.reached, print, &mut self.child))
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

/// The fingerprint of a state, from the sum of its parts' fingerprints.
fn mixed(sum: u64) -> u64 {
    let mixed = (sum ^ sum >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 29
}

#[cfg(test)]
mod tests;
