//! Moving, changing, picking by hand, and taking back.

use super::*;
use crate::{compare, hand};
use apic_core::driver::Pick;
use apic_core::machine::Actor;

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

/// Goes to a moment at which more than one can move on the second path; somebody who would not move next.
fn other(s: &mut Session) -> Actor {
    loop {
        if let Some(offer) = hand::offers(&s.lockstep.paths()[1]).iter().find(|o| !o.due) {
            return offer.actor;
        }
        assert!(s.go(Move::Step), "nobody else can ever move");
    }
}

#[test]
fn a_step_by_hand_keeps_the_future_that_was() {
    let mut s = first();
    s.go(Move::To(40));
    let clock: Vec<_> = s.lockstep.paths()[1].metas().to_vec();
    let due = hand::due(&s.lockstep.paths()[1]).expect("somebody");
    assert!(s.pick(1, due) && s.tree.branches().len() == 1, "what happens anyway is a step");
    let actor = other(&mut s);
    let step = s.lockstep.paths()[1].position();
    assert!(s.pick(1, actor));
    assert_eq!(s.lockstep.paths()[1].position(), step + 1);
    assert_ne!(s.lockstep.paths()[1].metas(), clock);
    let (branch, there) = (s.fragment(), s.lockstep.position());
    assert!(s.show(0) && s.lockstep.paths()[1].metas() == clock);
    assert!(s.show(1) && s.fragment() == branch && s.lockstep.position() == there);
    assert!(!s.show(1) && !s.show(7));
    let back = Session::of_fragment(&branch).expect("our own link");
    assert_eq!(back.lockstep.paths()[1].metas(), s.lockstep.paths()[1].metas());
    s.go(Move::End);
    assert!(!s.pick(1, actor), "nothing happens after the end");
}

#[test]
fn changes_are_taken_back_and_made_again() {
    let mut s = first();
    let mut seen = vec![s.fragment()];
    let mut moved = preset(FIRST).expect("ships");
    moved.vcpus[0].cpu = CpuId(2);
    s.change(&moved).expect("free core");
    seen.push(s.fragment());
    s.compare(compare::apply(s.lockstep.scenario(), &s.compare, compare::Edit::Add)).expect("allowed");
    seen.push(s.fragment());
    let actor = other(&mut s);
    assert!(s.pick(1, actor));
    seen.push(s.fragment());
    s.replaced_by(Session::of_fragment("idle-housekeeper").expect("ships"));
    seen.push(s.fragment());
    for before in seen.iter().rev().skip(1) {
        assert!(s.turn(true).is_some());
        assert_eq!(s.fragment(), *before);
    }
    assert_eq!(s.turn(true), None);
    for after in &seen[1..] {
        assert!(s.turn(false).is_some());
        assert_eq!(s.fragment(), *after);
    }
    assert_eq!((s.turn(false), s.offers()[0]), (None, Some("the choice of another scenario")));
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

/// B28's counterexample: the vCPU blocks, and its deadline stays with the processor.
fn counterexample() -> Portable {
    use apic_core::driver::explore::{Explore, Verdict, example};
    use apic_core::kvm::{Fault, Faults};
    let (shown, faults) = (example(Fault::B28), Faults::default().with(Fault::B28));
    let verdict = Explore::new(&shown.scenario, shown.path, shown.bounds, faults).finish();
    let Verdict::Violated(found) = verdict else { panic!("{verdict:?}") };
    let (scenario, path, bounds, moves) = (shown.scenario, shown.path, shown.bounds, found.moves);
    Portable { scenario, preset: None, path, bounds, faults, moves, position: Some(0) }
}

#[test]
fn a_counterexample_is_a_run_with_an_address() {
    let mut s = Session::of_script(counterexample());
    assert_eq!(s.lockstep.position(), 0);
    assert!(s.go(Move::Step));
    let there = Session::of_fragment(&s.fragment()).expect("our own link");
    assert_eq!((there.lockstep.position(), there.lockstep.len()), (1, s.lockstep.len()));
    assert!(s.go(Move::End) && !s.go(Move::Step));
    assert_eq!(s.fragment(), counterexample().encode().trim_end_matches(".0"));
    assert_eq!(Session::of_fragment(&s.fragment()).expect("our own link").lockstep.position(), s.lockstep.len());
    // An ordinary link to what is run has the clock again.
    assert!(Session::of_fragment(&s.scenario_link()).expect("our own link").script.is_none());
}

#[test]
fn a_run_without_a_clock_is_made_step_by_step_and_taken_back() {
    let mut s = Session::of_script(Portable { moves: Vec::new(), ..counterexample() });
    assert_eq!(s.lockstep.len(), 0);
    for steps in 1..=5 {
        let offers = hand::offers(&s.lockstep.paths()[0]);
        assert!(s.pick(0, offers[0].actor), "{steps}");
        assert_eq!((s.lockstep.position(), s.lockstep.len()), (steps, steps));
    }
    let again = Session::of_fragment(&s.fragment()).expect("our own link");
    assert_eq!(again.lockstep.paths()[0].metas(), s.lockstep.paths()[0].metas());
    assert!(s.turn(true).is_some());
    assert_eq!(s.lockstep.len(), 4);
    // Another scenario is run by the clock.
    let scenario = s.lockstep.scenario().clone();
    s.change(&scenario).expect("is valid");
    assert!(s.script.is_none() && s.lockstep.len() > 20);
    assert!(s.turn(true).is_some() && s.script.is_some());
    assert_eq!(s.lockstep.len(), 4);
}
