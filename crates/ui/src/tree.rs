//! Futures that were played out by hand: a small tree of named branches. A choice keeps the future that was, and opens
//! another beside it.

use apic_core::driver::Pick;

/// Longest name of a branch, in characters.
const LONGEST: usize = 40;

/// One future.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Branch {
    pub(crate) name: String,
    /// The branch that it left; the first one left none.
    pub(crate) parent: Option<usize>,
    /// The position at which it left.
    pub(crate) from: usize,
    /// Choices made by hand, per path, those of the branch it left among them.
    picks: Vec<Vec<Pick>>,
    /// Where it was looked at last.
    position: usize,
}

/// All of them, and the one that is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Tree {
    branches: Vec<Branch>,
    here: usize,
    /// Branches ever made, for their names.
    made: usize,
}

impl Tree {
    /// The run as a link brings it.
    pub(crate) fn new(picks: Vec<Vec<Pick>>) -> Self {
        let name = if picks.iter().all(Vec::is_empty) { "By the clock" } else { "As linked" };
        let first = Branch { name: name.to_owned(), parent: None, from: 0, picks, position: 0 };
        Self { branches: vec![first], here: 0, made: 0 }
    }

    /// The branches, each after the one it left.
    pub(crate) fn branches(&self) -> &[Branch] {
        &self.branches
    }

    /// Number of the one that is shown.
    pub(crate) fn here(&self) -> usize {
        self.here
    }

    /// The choices of the one that is shown.
    pub(crate) fn picks(&self) -> &[Vec<Pick>] {
        &self.branches[self.here].picks
    }

    /// A choice on a path, at a position. What was to happen there stays in its branch if a person chose any of it.
    pub(crate) fn pick(&mut self, path: usize, pick: Pick, position: usize) {
        let later = |picks: &Vec<Pick>| picks.iter().any(|p| p.step >= pick.step);
        if self.here == 0 || self.picks().get(path).is_some_and(later) {
            self.fork(position);
        }
        let picks = &mut self.branches[self.here].picks;
        if picks.len() <= path {
            picks.resize(path + 1, Vec::new());
        }
        picks[path].retain(|p| p.step < pick.step);
        picks[path].push(pick);
    }

    /// Another branch with the same choices, from this position on.
    pub(crate) fn fork(&mut self, position: usize) {
        self.branches[self.here].position = position;
        self.made += 1;
        let (name, picks) = (format!("Branch {}", self.made), self.picks().to_vec());
        self.branches.push(Branch { name, parent: Some(self.here), from: position, picks, position });
        self.here = self.branches.len() - 1;
    }

    /// Shows another branch; returns where it was looked at last. `None` if it is shown, or there is none.
    pub(crate) fn show(&mut self, branch: usize, position: usize) -> Option<usize> {
        let there = self.branches.get(branch).filter(|_| branch != self.here)?.position;
        self.branches[self.here].position = position;
        self.here = branch;
        Some(there)
    }

    /// Calls the shown branch something else; an empty name changes nothing.
    pub(crate) fn rename(&mut self, name: &str) {
        let name: String = name.trim().chars().take(LONGEST).collect();
        if !name.is_empty() {
            self.branches[self.here].name = name;
        }
    }

    /// Only what is shown stays, as choices of these paths: `from` gives the place that each had.
    pub(crate) fn keep(&mut self, from: &[Option<usize>]) {
        let picks = self.picks();
        if picks.iter().any(|picks| !picks.is_empty()) {
            let kept = |was: &Option<usize>| was.and_then(|p| picks.get(p)).cloned().unwrap_or_default();
            let all = from.iter().map(kept).collect();
            *self = Self::new(all);
        }
    }

    /// How far a branch stands from the first.
    pub(crate) fn depth(&self, branch: usize) -> usize {
        std::iter::successors(self.branches.get(branch), |b| self.branches.get(b.parent?)).count().saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apic_core::machine::Actor;
    use apic_core::units::CpuId;

    fn pick(step: u32, cpu: u16) -> Pick {
        Pick { step, actor: Actor::Sw(CpuId(cpu)) }
    }

    #[test]
    fn choices_one_after_the_other_are_one_branch() {
        let mut tree = Tree::new(Vec::new());
        tree.pick(1, pick(7, 0), 12);
        tree.pick(1, pick(9, 3), 14);
        assert_eq!((tree.branches().len(), tree.here()), (2, 1));
        assert_eq!(tree.picks(), [vec![], vec![pick(7, 0), pick(9, 3)]]);
        assert_eq!((tree.branches()[1].from, tree.branches()[0].picks.len()), (12, 0), "the clock's own run stays");
    }

    #[test]
    fn a_choice_before_others_keeps_them_in_their_branch() {
        let mut tree = Tree::new(Vec::new());
        tree.pick(0, pick(7, 0), 12);
        tree.pick(0, pick(9, 0), 14);
        tree.pick(0, pick(8, 1), 13);
        assert_eq!(tree.picks(), [vec![pick(7, 0), pick(8, 1)]]);
        assert_eq!(tree.branches()[1].picks, [vec![pick(7, 0), pick(9, 0)]]);
        assert_eq!((tree.branches()[2].parent, tree.depth(2)), (Some(1), 2));
        assert_eq!(tree.show(1, 20), Some(13));
        assert_eq!(tree.show(2, 30), Some(20));
        assert_eq!((tree.show(2, 1), tree.show(9, 1)), (None, None));
        tree.rename("  too early ");
        tree.rename(" ");
        assert_eq!(tree.branches()[2].name, "too early");
    }

    #[test]
    fn paths_that_stay_keep_their_choices() {
        let mut tree = Tree::new(vec![vec![pick(1, 0)], vec![pick(2, 0)]]);
        tree.keep(&[None, Some(0)]);
        assert_eq!(tree.picks(), [vec![], vec![pick(1, 0)]]);
    }
}
