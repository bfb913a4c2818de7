//! What is compared with what: changes of it, and why some cannot be.

use apic_core::kvm::Era;
use apic_core::run::{Align, Compare, Way};
use apic_core::scenario::knob::{Group, differing};
use apic_core::scenario::{PathKind, Scenario, ScenarioError};
use std::sync::Arc;

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
    /// Of the kept scenario, or of this one.
    Kept(usize, bool),
    /// The scenario as it is now is kept, and its last path compared with the same one of what this becomes.
    Keep,
    /// No scenario is kept any longer.
    Forget,
}

/// What is compared after the change.
pub(crate) fn apply(scenario: &Scenario, compare: &Compare, edit: Edit) -> Compare {
    let mut ways = compare.ways(scenario);
    let (mut align, mut kept) = (compare.align, compare.kept.clone());
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
        Edit::Kept(i, of_kept) => ways.iter_mut().skip(i).take(1).for_each(|way| way.kept = of_kept && kept.is_some()),
        Edit::Keep => {
            ways.retain(|way| !way.kept);
            let as_kept = |way: &Way| Way { kept: true, ..*way };
            let mirrored: Vec<Way> = ways.iter().map(as_kept).collect();
            // As many of them as there is room for, the last ones: what posts stands behind what it is compared with.
            let room = MOST.saturating_sub(ways.len()).max(1);
            ways.truncate(MOST - 1);
            ways.extend(&mirrored[mirrored.len().saturating_sub(room)..]);
            kept = Some(Arc::new(scenario.clone()));
        }
        Edit::Forget => {
            kept = None;
            ways.retain(|way| !way.kept);
            if ways.is_empty() {
                ways = scenario.run.paths.iter().copied().map(Way::of).collect();
            }
        }
    }
    Compare { ways, align, kept }
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
    if compare.ways.is_empty() || compare.ways.iter().any(|way| way.era.is_some() || way.kept) {
        return (scenario, compare);
    }
    scenario.run.paths = compare.ways.iter().map(|way| way.path).collect();
    (scenario, Compare { ways: Vec::new(), ..compare })
}

/// In what the kept scenario differs from this one, in keys of the document: `vm.apicv = false`.
pub(crate) fn differences(scenario: &Scenario, kept: &Scenario) -> Vec<String> {
    let knob = |(knob, i): (&'static apic_core::scenario::knob::Knob, usize)| {
        let path = if knob.group.is_indexed() { knob.path(i) } else { knob.key.to_owned() };
        let value = knob.get(kept, i).map_or_else(|| "–".to_owned(), |value| knob.text(value));
        [&path, " = ", &value].concat()
    };
    // What each core does follows from the shape where that differs.
    let shape = scenario.host.topology == kept.host.topology;
    let mut all: Vec<String> =
        differing(scenario, kept).filter(|(k, _)| shape || k.group != Group::Housekeeper).map(knob).collect();
    let mut other = |differs: bool, what: &str| {
        if differs {
            all.push(what.to_owned());
        }
    };
    other(scenario.vm.rules != kept.vm.rules, "vm.rules");
    other(scenario.costs != kept.costs, "costs");
    let seats = |s: &Scenario| s.vcpus.iter().map(|v| v.cpu).collect::<Vec<_>>();
    other(seats(scenario) != seats(kept) || scenario.host.nohz_full != kept.host.nohz_full, "placement");
    all
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
    fn a_kept_scenario_stays_beside_what_this_one_becomes() {
        let s = first();
        let compare = apply(&s, &Compare::default(), Edit::Keep);
        assert_eq!(
            compare.ways.iter().map(|way| way.key()).collect::<Vec<_>>(),
            ["pinned", "posted", "pinned@kept", "posted@kept"]
        );
        let mut edited = s.clone();
        edited.vm.apicv = false;
        edited.guest.period_us = 250;
        compare.check(&edited).expect("both can be run");
        assert_eq!(differences(&edited, &s), ["vm.apicv = true", "guest.period_us = 1000"]);
        assert_eq!(settle(&edited, compare.clone()).1, compare, "kept ways are no paths of the scenario");
        let one = apply(&edited, &compare, Edit::Kept(0, true));
        assert!(one.check(&edited).is_err(), "the same twice");
        let none = apply(&edited, &compare, Edit::Forget);
        assert_eq!(settle(&edited, none).1, Compare::default());
    }

    #[test]
    fn what_is_refused_says_why_and_what_would_be_valid() {
        let refused = refused(&first());
        let (_, why) = refused.iter().find(|(path, _)| *path == PathKind::VirtualTimer).expect("6.19 has none");
        assert!(why.contains("proposed") && why.contains("Valid: \"2026\""), "{why}");
    }
}
