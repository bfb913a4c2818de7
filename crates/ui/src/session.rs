//! What the person has in front of them: a run of a scenario, a moment in it, and a selected vCPU.

use crate::compare;
use apic_core::driver::Pick;
use apic_core::link::{self, Link, LinkError};
use apic_core::machine::Machine;
use apic_core::run::{Compare, Ledger, Lockstep, Marks, Way};
use apic_core::scenario::{Scenario, ScenarioError, preset};
use apic_core::units::VcpuId;

/// The preset that a page without a fragment shows.
pub(crate) const FIRST: &str = "pinned-vs-offloaded";

/// A way to another moment of the same run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Move {
    Start,
    End,
    Step,
    Back,
    NextExpiry,
    PreviousExpiry,
    NextExit,
    /// To this position.
    To(usize),
}

/// A run, a moment in it, and a selected vCPU.
pub(crate) struct Session {
    pub(crate) lockstep: Lockstep,
    /// Machine and ledger of each path one beat before: what the last one changed is the difference.
    pub(crate) before: Vec<(Machine, Ledger)>,
    /// The preset it came from, for "start over".
    pub(crate) origin: Option<String>,
    /// Whether the scenario is no longer the preset's.
    pub(crate) edited: bool,
    pub(crate) vcpu: VcpuId,
    /// What is compared, and how.
    pub(crate) compare: Compare,
    /// Choices made by hand, per path, as a link may bring them.
    pub(crate) picks: Vec<Vec<Pick>>,
    /// Counts the runs, so that what is drawn once per run knows when to draw again.
    pub(crate) run: u32,
}

impl Session {
    /// The run of a link.
    pub(crate) fn of_link(link: Link) -> Self {
        let mut lockstep = Lockstep::comparing(&link.scenario, &link.compare, &link.picks);
        let position = link.position.map_or_else(|| lockstep.opening(), |p| p as usize);
        let before = enter(&mut lockstep, position);
        let vcpu = VcpuId(link.vcpu.min(last_vcpu(&link.scenario)));
        let shipped = link.preset.as_deref().and_then(|name| preset(name).ok());
        let edited = shipped.is_none_or(|shipped| shipped != link.scenario);
        let Link { preset: origin, picks, compare, .. } = link;
        Self { lockstep, before, origin, edited, vcpu, compare, picks, run: 0 }
    }

    /// The run of a fragment; an empty one asks for the first preset.
    pub(crate) fn of_fragment(fragment: &str) -> Result<Self, LinkError> {
        link::decode(if fragment.is_empty() { FIRST } else { fragment }).map(Self::of_link)
    }

    /// The first preset, where it opens.
    pub(crate) fn first() -> Self {
        // Not `expect`, which would bring along how to print every error.
        Self::of_fragment(FIRST).unwrap_or_else(|_| unreachable!("the presets ship with the page"))
    }

    /// What a link to this moment holds.
    pub(crate) fn fragment(&self) -> String {
        let position = self.lockstep.position();
        link::encode(&Link {
            scenario: self.lockstep.scenario().clone(),
            preset: self.origin.clone(),
            position: (position != self.lockstep.opening()).then_some(position as u32),
            vcpu: self.vcpu.0,
            picks: self.picks.clone(),
            compare: self.compare.clone(),
        })
    }

    /// Goes there. `false` if there is no such moment, or it is this one.
    pub(crate) fn go(&mut self, to: Move) -> bool {
        let (here, len) = (self.lockstep.position(), self.lockstep.len());
        let target = match to {
            Move::Start => Some(0),
            Move::End => Some(len),
            Move::Step => (here < len).then_some(here + 1),
            Move::Back => here.checked_sub(1),
            Move::NextExpiry => self.lockstep.next(Marks::EXPIRY),
            Move::PreviousExpiry => self.lockstep.previous(Marks::EXPIRY),
            Move::NextExit => self.lockstep.next(Marks::EXIT),
            Move::To(position) => Some(position.min(len)),
        };
        let Some(target) = target.filter(|t| *t != here) else { return false };
        self.before = enter(&mut self.lockstep, target);
        true
    }

    /// Another scenario in place of this one, at the same position if it still exists. Choices made by hand belong to
    /// the run that was.
    ///
    /// # Errors
    /// What is wrong with it; then nothing has changed.
    pub(crate) fn change(&mut self, scenario: &Scenario) -> Result<(), ScenarioError> {
        scenario.validate()?;
        self.compare.check(scenario)?;
        let position = self.lockstep.position();
        self.picks.clear();
        self.enter(Lockstep::comparing(scenario, &self.compare, &[]), position);
        self.vcpu = VcpuId(self.vcpu.0.min(last_vcpu(scenario)));
        self.edited = true;
        Ok(())
    }

    /// Compares something else, at the same step of the path that moved last, of those that stay. Choices made by hand stay with
    /// their paths.
    ///
    /// # Errors
    /// Why it cannot be compared; then nothing has changed.
    pub(crate) fn compare(&mut self, compare: Compare) -> Result<(), ScenarioError> {
        compare.check(self.lockstep.scenario())?;
        let (scenario, compare) = compare::settle(self.lockstep.scenario(), compare);
        let (before, after) = (self.compare.ways(self.lockstep.scenario()), compare.ways(&scenario));
        let was = |way: &Way| before.iter().position(|other| other == way);
        if self.picks.iter().any(|picks| !picks.is_empty()) {
            let picks = |way: &Way| was(way).and_then(|p| self.picks.get(p)).cloned().unwrap_or_default();
            self.picks = after.iter().map(picks).collect();
        }
        let lockstep = Lockstep::comparing(&scenario, &compare, &self.picks);
        // Of the paths that stay, the one that moved last.
        let lead = after.iter().enumerate().filter_map(|(p, way)| {
            let path = &self.lockstep.paths()[was(way)?];
            let last = path.position().checked_sub(1);
            Some((last.map(|last| path.metas()[last].at), p, last))
        });
        let stays = lead.max().map(|(_, p, last)| last.map_or(0, |last| lockstep.beat_of(p, last) + 1));
        self.edited |= scenario != *self.lockstep.scenario();
        self.compare = compare;
        self.enter(lockstep, stays.unwrap_or_else(|| self.lockstep.position()));
        Ok(())
    }

    /// Another run in place of this one.
    fn enter(&mut self, lockstep: Lockstep, position: usize) {
        self.lockstep = lockstep;
        self.before = enter(&mut self.lockstep, position);
        self.run += 1;
    }

    /// Selects a vCPU; `false` if there is none with this number.
    pub(crate) fn select(&mut self, vcpu: VcpuId) -> bool {
        let known = vcpu.0 <= last_vcpu(self.lockstep.scenario());
        if known {
            self.vcpu = vcpu;
        }
        known
    }

    /// The tick whose page is on stage: that of the last beat taken.
    pub(crate) fn tick(&self) -> usize {
        self.lockstep.tick_of(self.lockstep.position().saturating_sub(1))
    }
}

/// Goes to a moment, or to the end, by way of the one before; returns how that one was. One replay serves both.
fn enter(lockstep: &mut Lockstep, position: usize) -> Vec<(Machine, Ledger)> {
    let position = position.min(lockstep.len());
    lockstep.seek(position.saturating_sub(1));
    let before = lockstep.paths().iter().map(|p| (p.machine().clone(), p.ledger().clone())).collect();
    lockstep.seek(position);
    before
}

/// Number of the last vCPU; validation keeps at least one.
fn last_vcpu(scenario: &Scenario) -> u16 {
    (scenario.vcpus.len() as u16).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use apic_core::machine::Actor;
    use apic_core::units::CpuId;

    fn first() -> Session {
        Session::of_fragment("").expect("asks for the first preset")
    }

    #[test]
    fn a_bare_page_opens_at_the_presets_moment() {
        let s = first();
        assert_eq!(s.lockstep.position(), s.lockstep.opening());
        assert_eq!(s.fragment(), FIRST);
    }

    #[test]
    fn a_fragment_brings_the_same_moment_back() {
        let mut s = first();
        assert!(s.go(Move::Step) && s.go(Move::NextExit));
        let back = Session::of_fragment(&s.fragment()).expect("our own link");
        assert_eq!(back.lockstep.position(), s.lockstep.position());
        assert!(!back.edited);
    }

    #[test]
    fn what_was_one_beat_before_is_what_was_seen_there() {
        let mut s = first();
        for to in [Move::Start, Move::Step, Move::Step, Move::To(40), Move::Back, Move::NextExit, Move::End] {
            s.go(to);
            let position = s.lockstep.position();
            let mut lockstep = s.lockstep.clone();
            lockstep.seek(position.saturating_sub(1));
            for (before, path) in s.before.iter().zip(lockstep.paths()) {
                assert_eq!((&before.0, &before.1), (path.machine(), path.ledger()), "{to:?}");
            }
        }
    }

    #[test]
    fn moves_end_at_the_ends() {
        let mut s = first();
        assert!(s.go(Move::Start));
        assert!(!s.go(Move::Back) && !s.go(Move::PreviousExpiry) && !s.go(Move::Start));
        assert!(s.go(Move::To(usize::MAX)));
        assert_eq!(s.lockstep.position(), s.lockstep.len());
        assert!(!s.go(Move::Step) && !s.go(Move::NextExit) && !s.go(Move::End));
    }

    #[test]
    fn steps_forward_and_back_meet() {
        let mut s = first();
        s.go(Move::Start);
        let mut taken = 0;
        while s.go(Move::Step) {
            taken += 1;
        }
        assert_eq!(taken, s.lockstep.len());
        while s.go(Move::Back) {
            taken -= 1;
        }
        assert_eq!((taken, s.lockstep.position()), (0, 0));
    }

    #[test]
    fn a_scenario_that_cannot_be_run_changes_nothing() {
        let mut s = Session::of_fragment("two-vcpus-one-housekeeper").expect("a preset that ships");
        let before = s.fragment();
        let mut wrong = s.lockstep.scenario().clone();
        wrong.vcpus[1].cpu = wrong.vcpus[0].cpu;
        assert!(s.change(&wrong).is_err());
        assert_eq!((s.fragment(), s.run), (before, 0));
    }

    #[test]
    fn a_changed_scenario_keeps_the_position_and_is_linked_as_a_whole() {
        let mut s = first();
        let position = s.lockstep.position();
        let mut moved = preset(FIRST).expect("ships");
        moved.vcpus[0].cpu = CpuId(2);
        s.change(&moved).expect("free core");
        assert_eq!(s.lockstep.position(), position);
        let back = Session::of_fragment(&s.fragment()).expect("our own link");
        assert_eq!(back.lockstep.scenario(), &moved);
        assert!(back.edited);
    }

    #[test]
    fn another_comparison_keeps_the_step_of_a_path_that_stays() {
        use apic_core::kvm::Era;
        use apic_core::run::Align;
        use apic_core::scenario::PathKind;
        let mut s = first();
        // Where the second path moved last.
        let alone = |beat: &usize| s.lockstep.beat(*beat).is_some_and(|b| b.steps[0].is_none() && b.steps[1].is_some());
        let beat = (40..s.lockstep.len()).find(alone).expect("the paths part");
        s.go(Move::To(beat + 1));
        let steps = s.lockstep.paths()[1].position();
        for edit in [compare::Edit::Add, compare::Edit::Era(0, Some(Era::V4_7)), compare::Edit::Align(Align::Expiry)] {
            let wanted = compare::apply(s.lockstep.scenario(), &s.compare, edit);
            s.compare(wanted).expect("allowed");
            assert_eq!(s.lockstep.paths()[1].position(), steps, "{edit:?}");
        }
        let back = Session::of_fragment(&s.fragment()).expect("our own link");
        assert_eq!((back.compare, back.lockstep.position()), (s.compare.clone(), s.lockstep.position()));
        let (before, run) = (s.fragment(), s.run);
        let twice = compare::apply(s.lockstep.scenario(), &s.compare, compare::Edit::Path(2, PathKind::Posted));
        assert!(s.compare(twice).is_err(), "there already");
        assert_eq!((s.fragment(), s.run), (before, run));
    }

    #[test]
    fn choices_made_by_hand_are_followed_and_kept_in_the_link() {
        let mut link = link::decode(FIRST).expect("a preset");
        let pick = Pick { step: 11, actor: Actor::Clock(CpuId(3)) };
        link.picks = vec![vec![pick], Vec::new()];
        let session = Session::of_link(link);
        assert_eq!(session.lockstep.paths()[0].metas()[11].cpu, CpuId(3), "the clock would have moved core 0");
        let again = link::decode(&session.fragment()).expect("its own link");
        assert_eq!(again.picks, vec![vec![pick], Vec::new()]);
    }
}
