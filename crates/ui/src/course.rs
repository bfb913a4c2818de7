//! A lesson on its way: which part is open, what was answered, and what must not be seen yet.

use apic_core::run::Lockstep;
use apic_core::units::{CpuId, Vector};
use lesson::{Answer, Goal, Lesson, Part, Place, Task, Value};
use std::rc::Rc;

/// An answer, as it was given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Guess {
    /// The sentence with this index.
    Choice(usize),
    Number(Value),
    Core(CpuId),
    Cell(Vector),
}

impl Guess {
    /// Whether it is right.
    pub(crate) fn is_right(self, answer: &Answer) -> bool {
        match (self, answer) {
            (Self::Choice(guess), Answer::Choice { right, .. }) => guess == *right,
            (Self::Number(guess), Answer::Number { right, .. }) => guess == *right,
            (Self::Core(guess), Answer::Core { right, .. }) => guess == *right,
            (Self::Cell(guess), Answer::Cell { right }) => guess == *right,
            _ => false,
        }
    }

    /// In words.
    pub(crate) fn words(self, answer: &Answer) -> String {
        match (self, answer) {
            (Self::Choice(i), Answer::Choice { choices, .. }) => {
                choices.get(i).map(|c| c.says.clone()).unwrap_or_default()
            }
            (Self::Number(value), Answer::Number { of, .. }) => format!("{value} {of}"),
            (Self::Number(value), _) => value.to_string(),
            (Self::Core(core), _) => format!("core {core}"),
            (Self::Cell(vector), _) => format!("PIR[{vector}]"),
            (Self::Choice(_), _) => String::new(),
        }
    }

    /// A number as it is typed: whole, or with decimals.
    ///
    /// # Errors
    /// What would be valid.
    pub(crate) fn number(typed: &str) -> Result<Self, &'static str> {
        const VALID: &str = "A number is needed, such as 2 or 1.5.";
        let (whole, rest) = typed.trim().split_once(['.', ',']).unwrap_or((typed.trim(), ""));
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit()) && text.len() <= 6;
        if whole.is_empty() || !digits(whole) || !digits(rest) {
            return Err(VALID);
        }
        let under = 10_i64.pow(rest.len() as u32);
        let over = [whole, rest].concat().parse().map_err(|_| VALID)?;
        Ok(Self::Number(Value { over, under }))
    }
}

/// What is right, in words.
pub(crate) fn right(answer: &Answer) -> String {
    let right = match answer {
        Answer::Choice { right, .. } => Guess::Choice(*right),
        Answer::Number { right, .. } => Guess::Number(*right),
        Answer::Core { right, .. } => Guess::Core(*right),
        Answer::Cell { right } => Guess::Cell(*right),
    };
    right.words(answer)
}

/// What became of a part.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Outcome {
    #[default]
    Open,
    /// Passed over, knowingly.
    Skipped,
    Answered(Guess),
    /// A worked example was gone through, a goal was met.
    Done,
}

/// A goal, its figure in the run, and whether that is as it must be.
pub(crate) type Standing = (Goal, Option<(Value, bool)>);

/// A lesson on its way.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Course {
    pub(crate) lesson: Rc<Lesson>,
    /// Index of the part that is open.
    pub(crate) part: usize,
    /// Index of the moment of a worked example.
    pub(crate) stop: usize,
    /// By part.
    pub(crate) outcomes: Vec<Outcome>,
    /// What is marked and not yet given as the answer.
    pub(crate) marked: Option<Guess>,
    /// Goals of the open part with their figures, and the par last, if it has one.
    pub(crate) figures: Vec<Standing>,
    pub(crate) hint: bool,
}

impl Course {
    /// At the begin of a part; of the first if there is no such part.
    pub(crate) fn new(lesson: Rc<Lesson>, part: usize) -> Self {
        let outcomes = vec![Outcome::Open; lesson.parts.len()];
        let mut course = Self { lesson, part: 0, stop: 0, outcomes, marked: None, figures: Vec::new(), hint: false };
        course.open(part);
        course
    }

    /// Another part.
    pub(crate) fn open(&mut self, part: usize) {
        self.part = if part < self.lesson.parts.len() { part } else { 0 };
        (self.stop, self.marked, self.hint) = (0, None, false);
        self.figures.clear();
    }

    /// The part that is open; lessons have at least two.
    pub(crate) fn here(&self) -> Option<&Part> {
        self.lesson.parts.get(self.part)
    }

    pub(crate) fn outcome(&self) -> Outcome {
        self.outcomes.get(self.part).copied().unwrap_or_default()
    }

    pub(crate) fn settle(&mut self, outcome: Outcome) {
        if let Some(settled) = self.outcomes.get_mut(self.part) {
            *settled = outcome;
        }
    }

    /// Behind `#` in the address: parts count from 1 there.
    pub(crate) fn fragment(&self) -> String {
        format!("{PREFIX}{}/{}", self.lesson.name, self.part + 1)
    }

    /// The last position to be seen while the question is open.
    pub(crate) fn hold(&self, lockstep: &Lockstep) -> Option<usize> {
        match &self.here()?.task {
            Task::Predict { hold, .. } if self.outcome() == Outcome::Open => position(lockstep, hold),
            _ => None,
        }
    }

    /// Where the part is looked at first: a question just before what it asks for.
    pub(crate) fn begin(&self, lockstep: &Lockstep) -> Option<usize> {
        match &self.here()?.task {
            Task::Watch { stops } => position(lockstep, &stops.get(self.stop)?.at),
            Task::Predict { hold, reveal, .. } => {
                position(lockstep, if self.outcome() == Outcome::Open { hold } else { reveal })
            }
            Task::Try { .. } => None,
        }
    }

    /// Looks at the goals of the open part again, after its run has changed. Whether they have just been met.
    pub(crate) fn look(&mut self, lockstep: &Lockstep) -> bool {
        let Some(Task::Try { goals, par, .. }) = self.here().map(|part| part.task.clone()) else { return false };
        let met = |goal: &Goal| lockstep.paths().iter().find_map(|path| goal.met(path, lockstep.scenario()));
        self.figures = goals.iter().chain(&par).map(|goal| (*goal, met(goal))).collect();
        let done = self.figures.iter().take(goals.len()).all(|(_, figure)| figure.is_some_and(|(_, met)| met));
        let new = done && self.outcome() != Outcome::Done;
        if new {
            self.settle(Outcome::Done);
        }
        new
    }
}

/// The position just after a step of one of the paths.
pub(crate) fn position(lockstep: &Lockstep, place: &Place) -> Option<usize> {
    let path = lockstep.paths().iter().position(|history| history.path() == place.path)?;
    let step = place.step(&lockstep.paths()[path])?;
    Some(lockstep.beat_of(path, step) + 1)
}

/// What an address of a lesson begins with.
const PREFIX: &str = "lesson/";

/// Name and part, from 0, of the lesson that a fragment names.
pub(crate) fn named(fragment: &str) -> Option<(String, usize)> {
    let named = fragment.strip_prefix(PREFIX)?;
    let (name, part) = named.split_once('/').unwrap_or((named, "1"));
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    plain.then(|| (name.to_owned(), part.parse().unwrap_or(1_usize).saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Move, Session};
    use apic_core::rule::Rule;

    fn lesson(file: &str) -> Rc<Lesson> {
        let path = format!("{}/../../static/lessons/{file}.toml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).expect("a lesson");
        Rc::new(lesson::read(&format!("{file}.toml"), &text).expect("it holds"))
    }

    fn session(course: &Course) -> Session {
        Session::of_fragment(&course.here().expect("a part").link).expect("a link")
    }

    #[test]
    fn fragments_of_lessons_are_read_as_they_are_written() {
        let course = Course::new(lesson("01-one-tick-pinned"), 2);
        assert_eq!(course.fragment(), "lesson/one-tick-pinned/3");
        assert_eq!(named(&course.fragment()), Some(("one-tick-pinned".to_owned(), 2)));
        assert_eq!(named("lesson/one-tick-pinned"), Some(("one-tick-pinned".to_owned(), 0)));
        assert_eq!(named("lesson/one/zero"), Some(("one".to_owned(), 0)));
        for other in ["pinned-vs-offloaded", "lesson/", "lesson/../x", "lessons/one"] {
            assert_eq!(named(other), None, "{other}");
        }
    }

    #[test]
    fn a_part_that_is_not_there_is_the_first() {
        assert_eq!(Course::new(lesson("01-one-tick-pinned"), 99).part, 0);
    }

    #[test]
    fn a_question_holds_the_future_until_it_is_answered_or_passed_over() {
        for outcome in [Outcome::Skipped, Outcome::Answered(Guess::Choice(0))] {
            let mut course = Course::new(lesson("01-one-tick-pinned"), 1);
            let mut session = session(&course);
            session.limit = course.hold(&session.lockstep);
            let limit = session.limit.expect("a question holds");
            session.go(Move::To(course.begin(&session.lockstep).expect("a place")));
            assert_eq!(session.lockstep.position(), limit);
            for to in [Move::Step, Move::End, Move::NextExit, Move::To(limit + 5)] {
                assert!(!session.go(to), "{to:?}");
            }
            assert!(session.go(Move::Back));
            course.settle(outcome);
            session.limit = course.hold(&session.lockstep);
            assert_eq!(session.limit, None);
            assert!(session.go(Move::To(course.begin(&session.lockstep).expect("a place"))));
            let history = &session.lockstep.paths()[0];
            assert_eq!(history.last().map(|record| record.rule), Some(Rule::C13));
        }
    }

    #[test]
    fn answers_are_right_or_not_and_say_so_in_words() {
        let choice = |right| lesson::Choice { says: right, because: String::new() };
        let sentences = Answer::Choice { choices: vec![choice("Yes".into()), choice("No".into())], right: 1 };
        let number = Answer::Number { of: "exits".into(), right: Value { over: 3, under: 2 } };
        let check = |typed: Guess, answer: &Answer, right: bool, words: &str| {
            assert_eq!((typed.is_right(answer), typed.words(answer).as_str()), (right, words));
        };
        check(Guess::Choice(1), &sentences, true, "No");
        check(Guess::Choice(0), &sentences, false, "Yes");
        check(Guess::number("1.5").expect("a number"), &number, true, "1.5 exits");
        check(Guess::number("2").expect("a number"), &number, false, "2 exits");
        check(Guess::Core(CpuId(2)), &Answer::Core { right: CpuId(2), cores: 4 }, true, "core 2");
        check(Guess::Cell(Vector::new(0xec)), &Answer::Cell { right: Vector::new(0xec) }, true, "PIR[0xec]");
        check(Guess::Core(CpuId(2)), &sentences, false, "core 2");
        assert_eq!(right(&number), "1.5 exits");
        for typed in ["", "two", "-1", "1.2.3", "1234567", "0x2"] {
            assert!(Guess::number(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn a_goal_is_met_once_the_run_meets_it() {
        let mut course = Course::new(lesson("02-who-runs-the-timer"), 3);
        let before = session(&course);
        assert!(!course.look(&before.lockstep));
        assert_eq!(course.outcome(), Outcome::Open);
        assert!(course.figures.iter().any(|(_, figure)| figure.is_some_and(|(_, met)| !met)));
        let Some(Task::Try { solution, .. }) = course.here().map(|part| part.task.clone()) else { panic!("a problem") };
        let after = Session::of_fragment(&solution).expect("a link");
        assert!(course.look(&after.lockstep), "just met");
        assert!(!course.look(&after.lockstep), "not again");
        assert_eq!(course.outcome(), Outcome::Done);
    }
}
