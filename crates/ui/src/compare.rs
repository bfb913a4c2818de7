//! What is compared with what: changes of it, and why some cannot be.

use apic_core::kvm::Era;
use apic_core::run::{Align, Compare, Way};
use apic_core::scenario::{PathKind, Scenario, ScenarioError};

/// Most paths that the page shows at a time.
pub(crate) const MOST: usize = 4;

/// A change of what is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Edit {
    /// Another path in this place.
    Path(usize, PathKind),
    /// Another era in this place; `None` is the scenario's own.
    Era(usize, Option<Era>),
    /// One path more.
    Add,
    /// One path less.
    Remove(usize),
    Align(Align),
}

/// What is compared after the change.
pub(crate) fn apply(scenario: &Scenario, compare: &Compare, edit: Edit) -> Compare {
    let mut ways = compare.ways(scenario);
    let mut align = compare.align;
    match edit {
        Edit::Path(i, path) => ways.iter_mut().skip(i).take(1).for_each(|way| way.path = path),
        Edit::Era(i, era) => {
            let era = era.filter(|era| *era != scenario.vm.era);
            ways.iter_mut().skip(i).take(1).for_each(|way| way.era = era);
        }
        Edit::Add => ways.extend(another(scenario, &ways).filter(|_| ways.len() < MOST)),
        Edit::Remove(i) if i < ways.len() && ways.len() > 1 => {
            ways.remove(i);
        }
        Edit::Remove(_) => {}
        Edit::Align(to) => align = to,
    }
    Compare { ways, align }
}

/// A way that is not compared yet: another path, or an older era of the first.
fn another(scenario: &Scenario, ways: &[Way]) -> Option<Way> {
    let paths = PathKind::ALL.iter().copied().map(Way::of);
    let eras = Era::ALL.iter().rev().filter_map(|era| Some(Way { era: Some(*era), ..*ways.first()? }));
    paths.chain(eras).find(|way| !ways.contains(way) && way.allowed_by(scenario).is_ok())
}

/// As a scenario and a comparison say it: paths in the scenario's own era are the scenario's paths.
pub(crate) fn settle(scenario: &Scenario, compare: Compare) -> (Scenario, Compare) {
    let mut scenario = scenario.clone();
    if compare.ways.is_empty() || compare.ways.iter().any(|way| way.era.is_some()) {
        return (scenario, compare);
    }
    scenario.run.paths = compare.ways.iter().map(|way| way.path).collect();
    (scenario, Compare { ways: Vec::new(), ..compare })
}

/// The paths that a scenario refuses, each with the reason.
pub(crate) fn refused(scenario: &Scenario) -> Vec<(PathKind, String)> {
    let reason = |path: &PathKind| Some((*path, why(&scenario.allows(*path).err()?)));
    PathKind::ALL.iter().filter_map(reason).collect()
}

/// Why not, and what would be valid.
pub(crate) fn why(error: &ScenarioError) -> String {
    crate::place::reason(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use apic_core::scenario::preset;

    fn first() -> Scenario {
        preset("pinned-vs-offloaded").expect("ships")
    }

    #[test]
    fn the_same_path_in_another_era_is_compared_with_itself() {
        let s = first();
        let mut compare = apply(&s, &Compare::default(), Edit::Path(0, PathKind::Posted));
        assert!(compare.check(&s).is_err(), "the same twice");
        compare = apply(&s, &compare, Edit::Era(0, Some(Era::V5_3)));
        compare.check(&s).expect("two eras");
        assert_eq!(settle(&s, compare.clone()), (s.clone(), compare.clone()));
        // The scenario's own era, chosen by name, is no era of its own.
        assert_eq!(apply(&s, &compare, Edit::Era(0, Some(s.vm.era))).ways[0].era, None);
    }

    #[test]
    fn paths_in_the_scenarios_own_era_are_the_scenarios_paths() {
        let s = first();
        let added = apply(&s, &Compare::default(), Edit::Add);
        let (changed, compare) = settle(&s, added);
        assert_eq!((changed.run.paths.len(), compare), (s.run.paths.len() + 1, Compare::default()));
    }

    #[test]
    fn one_path_stays_and_four_are_the_most() {
        let s = first();
        let mut compare = Compare::default();
        for _ in 0..9 {
            compare = apply(&s, &compare, Edit::Add);
            compare.check(&s).expect("what is offered can be");
        }
        assert_eq!(compare.ways.len(), MOST);
        for _ in 0..9 {
            compare = apply(&s, &compare, Edit::Remove(0));
        }
        assert_eq!(compare.ways.len(), 1);
    }

    #[test]
    fn what_is_refused_says_why_and_what_would_be_valid() {
        let refused = refused(&first());
        let (_, why) = refused.iter().find(|(path, _)| *path == PathKind::VirtualTimer).expect("6.19 has none");
        assert!(why.contains("proposed") && why.contains("Valid: \"2026\""), "{why}");
    }
}
