//! Steps that were looked for: which presses of Step a condition or some words find.

use crate::condition::Condition;
use apic_core::effect::Effect;
use apic_core::rule::Rule;
use apic_core::run::{Lockstep, StepMeta};
use std::rc::Rc;

/// Some beats of a run in order, or all of them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Found(Option<Rc<[u32]>>);

impl Found {
    /// How many, of a run with so many beats.
    pub(crate) fn len(&self, beats: usize) -> usize {
        self.0.as_ref().map_or(beats, |found| found.len())
    }

    /// The n-th of them.
    pub(crate) fn beat(&self, n: usize) -> usize {
        self.0.as_ref().map_or(n, |found| found.get(n).map_or(usize::MAX, |beat| *beat as usize))
    }

    /// How many come before this position, and whether the last of them led to it.
    pub(crate) fn taken(&self, position: usize) -> (usize, bool) {
        match &self.0 {
            None => (position, position > 0),
            Some(found) => {
                let taken = found.partition_point(|beat| (*beat as usize) < position);
                (taken, taken > 0 && found[taken - 1] as usize + 1 == position)
            }
        }
    }

    /// Whether steps are left out.
    pub(crate) fn is_part(&self) -> bool {
        self.0.is_some()
    }
}

/// What a person looks for in the list: a condition, or words of rules. No words at all find everything.
///
/// # Errors
/// If nothing is found, and the words are no condition: what would be.
pub(crate) fn search(lockstep: &Lockstep, text: &str) -> Result<Found, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Found(None));
    }
    let unread = match Condition::read(text) {
        Ok(condition) => return Ok(Found(Some(beats(lockstep, &[&condition]).into()))),
        Err(unread) => unread,
    };
    let wanted = text.to_ascii_lowercase();
    let told = |rule: &Rule| {
        let info = rule.info();
        info.id.eq_ignore_ascii_case(&wanted) || info.title.to_ascii_lowercase().contains(&wanted)
    };
    let rules: Vec<bool> = Rule::ALL.iter().map(told).collect();
    let index = |rule: Rule| Rule::ALL.iter().position(|r| *r == rule).unwrap_or(0);
    let found = in_short(lockstep, |meta| rules[index(meta.rule)]);
    if found.is_empty() {
        return Err(format!(
            "No step is called “{}”. As a condition: {unread}",
            text.chars().take(40).collect::<String>()
        ));
    }
    Ok(Found(Some(found.into())))
}

/// The beats with a step for which one of the conditions holds.
pub(crate) fn beats(lockstep: &Lockstep, conditions: &[&Condition]) -> Vec<u32> {
    if conditions.iter().all(|c| c.is_short()) {
        return in_short(lockstep, |meta| conditions.iter().any(|c| c.holds(meta, &[])));
    }
    let mut hits: Vec<Vec<bool>> = Vec::new();
    for path in lockstep.paths() {
        let mut of = Vec::with_capacity(path.len());
        path.each(|_, meta: &StepMeta, effects: &[Effect]| of.push(conditions.iter().any(|c| c.holds(meta, effects))));
        hits.push(of);
    }
    gather(lockstep, |path, step| hits[path].get(step as usize).copied().unwrap_or(false))
}

fn in_short(lockstep: &Lockstep, is: impl Fn(&StepMeta) -> bool) -> Vec<u32> {
    gather(lockstep, |path, step| is(&lockstep.paths()[path].metas()[step as usize]))
}

fn gather(lockstep: &Lockstep, is: impl Fn(usize, u32) -> bool) -> Vec<u32> {
    let hit = |beat: &u32| {
        let steps = lockstep.beat(*beat as usize).map(|b| b.steps).unwrap_or_default();
        steps.iter().enumerate().any(|(path, step)| step.is_some_and(|step| is(path, step)))
    };
    (0..lockstep.len() as u32).filter(hit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use apic_core::scenario::preset;

    fn first() -> Lockstep {
        Lockstep::new(&preset("pinned-vs-offloaded").expect("ships"))
    }

    #[track_caller]
    fn check(text: &str, rules: &[&str]) {
        let lockstep = first();
        let found = search(&lockstep, text).expect("found");
        let mut told: Vec<&str> = Vec::new();
        for n in 0..found.len(lockstep.len()) {
            let beat = lockstep.beat(found.beat(n)).expect("inside");
            for (path, step) in beat.steps.iter().enumerate().filter_map(|(p, s)| Some((p, (*s)?))) {
                let id = lockstep.paths()[path].metas()[step as usize].rule.id();
                if !told.contains(&id) {
                    told.push(id);
                }
            }
        }
        assert_eq!(told, rules, "{text}");
    }

    #[test]
    fn words_and_conditions_find_steps() {
        check("send the notification", &["C9"]);
        check("c9", &["C9"]);
        check("ON becomes 1", &["P5d", "C8b"]);
        check("exit EXTERNAL_INTERRUPT", &["P1"]);
    }

    #[test]
    fn nothing_says_what_would_be_a_condition() {
        let e = search(&first(), "nowhere to be found").expect_err("nothing");
        assert!(e.contains("No step is called “nowhere to be found”") && e.contains("Valid: exit"), "{e}");
        assert_eq!(search(&first(), "  "), Ok(Found::default()));
    }

    #[test]
    fn positions_among_what_was_found() {
        let found = Found(Some(Rc::from([3, 7])));
        assert_eq!(
            [2, 3, 4, 5, 8, 9].map(|p| found.taken(p)),
            [(0, false), (0, false), (1, true), (1, false), (2, true), (2, false)]
        );
        assert_eq!((found.len(99), found.beat(1), found.is_part()), (2, 7, true));
        let all = Found::default();
        assert_eq!((all.len(99), all.beat(5), all.taken(0), all.taken(4)), (99, 5, (0, false), (4, true)));
    }
}
