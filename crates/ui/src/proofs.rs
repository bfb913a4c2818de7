//! What is proved of the presets, from a file that a test writes and holds to the searches (`tests/tests/break_it.rs`).

use crate::session::Session;
use apic_core::scenario::PathKind;
use std::rc::Rc;

/// A line for each path: preset, path, states, bound.
const PROOFS: &str = include_str!("proofs.txt");

/// That a path of a preset holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Proof {
    pub(crate) path: PathKind,
    pub(crate) states: u64,
    /// In words.
    pub(crate) bound: &'static str,
}

/// What is proved of the scenario on the stage: nothing if it is not a preset as it ships.
pub(crate) fn of(session: &Session) -> Rc<[Proof]> {
    let preset = session.origin.as_deref().filter(|_| !session.edited && session.script.is_none());
    let line = |line: &'static str| {
        let mut fields = line.splitn(4, '\t');
        let (named, path) = (fields.next()?, PathKind::from_name(fields.next()?)?);
        let (states, bound) = (fields.next()?.parse().ok()?, fields.next()?);
        (Some(named) == preset).then_some(Proof { path, states, bound })
    };
    PROOFS.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_proved_and_what_is_changed_is_not() {
        let mut session = Session::first();
        let proofs = of(&session);
        let paths: Vec<_> = proofs.iter().map(|proof| proof.path).collect();
        assert_eq!(paths, [PathKind::Pinned, PathKind::Posted]);
        assert!(proofs.iter().all(|proof| proof.states > 1_000 && proof.bound.starts_with("2 expiries")));
        session.edited = true;
        assert!(of(&session).is_empty());
    }
}
