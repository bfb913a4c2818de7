//! The transition system of a search, as Stateright wants one.

use apic_core::driver::explore::{Move, System};
use apic_core::machine::Machine;
use stateright::{Model, Property};
use std::hash::{Hash, Hasher};

/// A state of the machine, as Stateright wants one.
#[derive(Clone, Debug)]
pub(crate) struct State {
    machine: Machine,
    /// A handler started too early on the way here.
    early: bool,
}

/// What a machine feeds, byte by byte.
#[derive(Default, PartialEq, Eq)]
struct Bytes(Vec<u8>);

impl Hasher for Bytes {
    fn finish(&self) -> u64 {
        0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, h: &mut H) {
        System::feed(&self.machine, h);
        self.early.hash(h);
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        let bytes = |state: &Self| {
            let mut bytes = Bytes::default();
            state.hash(&mut bytes);
            bytes
        };
        bytes(self) == bytes(other)
    }
}

/// The system.
pub(crate) struct Wrapped(pub(crate) System);

impl Model for Wrapped {
    type State = State;
    type Action = Move;

    fn init_states(&self) -> Vec<State> {
        vec![State { machine: self.0.start(), early: false }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Move>) {
        if !self.0.is_final(&state.machine) {
            self.0.moves(&state.machine, actions);
        }
    }

    fn next_state(&self, last: &State, chosen: Move) -> Option<State> {
        let mut machine = last.machine.clone();
        let (_, early) = self.0.make(&mut machine, chosen);
        Some(State { machine, early: early.is_some() })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("invariants", |_: &Self, state: &State| state.machine.check_invariants().is_ok()),
            Property::always("no early handler", |_: &Self, state: &State| !state.early),
        ]
    }
}
