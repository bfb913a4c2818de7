//! Lessons: fetched when they are asked for, and gone through part by part.

use super::{App, Msg, refused};
use crate::course::{Course, Guess, Outcome, named};
use crate::session::{Move, Session};
use lesson::{Heading, Lesson, Task, packed};
use std::rc::Rc;
use wasm_bridge::browser;
use yew::prelude::*;

/// Where the parts that are done are remembered: `name/part`, one after another.
const DONE: &str = "exitless.lessons";

/// What is asked of the lessons.
#[derive(Debug)]
pub(crate) enum Ask {
    /// Show which there are, or no longer.
    List,
    Contents(Option<Vec<Heading>>),
    /// A lesson, at this part.
    Open(String, usize),
    Loaded(String, usize, Option<Box<Lesson>>),
    Part(usize),
    Stop(usize),
    /// An answer is marked.
    Mark(Guess),
    /// A number is typed.
    Type(String),
    /// What is marked is the answer.
    Answer,
    Skip,
    Hint,
    Solution,
    /// Back to the part's own run.
    Again,
    Leave,
}

/// What the lessons' panel shows.
#[derive(Clone, PartialEq, Default)]
pub(crate) struct Lessons {
    /// Whether the list is shown.
    pub(crate) listed: bool,
    pub(crate) contents: Option<Rc<[Heading]>>,
    pub(crate) course: Option<Rc<Course>>,
    /// What is wrong with the answer that was typed.
    pub(crate) refusal: Option<AttrValue>,
    /// Why there is no list or no lesson.
    pub(crate) failure: Option<AttrValue>,
    /// `name/part` of what was done, from storage.
    pub(crate) done: Rc<[String]>,
}

impl Lessons {
    pub(super) fn new() -> Self {
        let done = browser::stored(DONE).unwrap_or_default();
        Self { done: done.split_ascii_whitespace().map(str::to_owned).collect(), ..Self::default() }
    }

    /// How many parts of a lesson are done.
    pub(crate) fn parts_done(&self, name: &str) -> usize {
        self.done.iter().filter(|done| done.rsplit_once('/').is_some_and(|(of, _)| of == name)).count()
    }
}

/// Where a file of the lessons is: the page's script knows the version.
fn address(file: &str) -> String {
    let script =
        web_sys::window().and_then(|w| w.document()).and_then(|d| d.query_selector("script[data-lessons]").ok()?);
    script.and_then(|s| s.get_attribute("data-lessons")).unwrap_or_default().replace('*', file)
}

impl App {
    /// Whether a question is open, so that what comes after it must not be seen.
    pub(super) fn held(&self) -> bool {
        self.session.limit.is_some()
    }

    pub(super) fn lessons(&mut self, ctx: &Context<Self>, ask: Ask) -> bool {
        let link = ctx.link().clone();
        let send = move |ask: Ask| link.send_message(Msg::Lesson(ask));
        match ask {
            Ask::List => {
                self.lessons.listed = !self.lessons.listed;
                if self.lessons.listed && self.lessons.contents.is_none() {
                    yew::platform::spawn_local(async move {
                        let bytes = browser::bytes(&address(packed::CONTENTS)).await;
                        send(Ask::Contents(bytes.and_then(|bytes| packed::unpack_contents(&bytes))));
                    });
                }
            }
            Ask::Contents(contents) => {
                self.lessons.failure = contents.is_none().then(|| missing("The list of lessons"));
                self.lessons.contents = contents.map(Rc::from);
            }
            Ask::Open(name, part) => {
                yew::platform::spawn_local(async move {
                    let bytes = browser::bytes(&address(&packed::file_of(&name))).await;
                    let lesson = bytes.and_then(|bytes| packed::unpack(&bytes));
                    send(Ask::Loaded(name, part, lesson.map(Box::new)));
                });
                return false;
            }
            Ask::Loaded(name, _, None) => {
                self.lessons.failure = Some(missing(&["The lesson “", &name, "”"].concat()));
            }
            Ask::Loaded(_, part, Some(lesson)) => {
                (self.lessons.listed, self.lessons.failure) = (false, None);
                let outcomes = self.lessons.course.take().filter(|old| old.lesson.name == lesson.name);
                let mut course = Course::new(Rc::from(lesson), part);
                if let Some(old) = outcomes {
                    course.outcomes.clone_from(&old.outcomes);
                }
                self.lessons.course = Some(Rc::new(course));
                return self.open_part(ctx);
            }
            Ask::Part(part) => {
                self.with_course(|course| course.open(part));
                return self.open_part(ctx);
            }
            Ask::Stop(stop) => {
                self.with_course(|course| course.stop = stop);
                let last = self.lessons.course.as_ref().and_then(|course| match &course.here()?.task {
                    Task::Watch { stops } => Some(stop + 1 == stops.len()),
                    _ => None,
                });
                if last == Some(true) {
                    self.settle(Outcome::Done);
                }
                self.go_to_part(ctx);
            }
            Ask::Mark(guess) => {
                self.lessons.refusal = None;
                self.with_course(|course| course.marked = Some(guess));
            }
            Ask::Type(typed) => match Guess::number(&typed) {
                Ok(guess) => return self.lessons(ctx, Ask::Mark(guess)),
                Err(valid) => {
                    self.with_course(|course| course.marked = None);
                    self.lessons.refusal = (!typed.trim().is_empty()).then(|| valid.into());
                }
            },
            Ask::Answer => match self.lessons.course.as_ref().and_then(|course| course.marked) {
                Some(guess) => {
                    self.settle(Outcome::Answered(guess));
                    self.unlock(ctx);
                }
                None => self.lessons.refusal = Some("Choose an answer first, or pass the question over.".into()),
            },
            Ask::Skip => {
                self.settle(Outcome::Skipped);
                self.unlock(ctx);
            }
            Ask::Hint => self.with_course(|course| course.hint = true),
            Ask::Solution => {
                let solution = self.lessons.course.as_ref().and_then(|course| match &course.here()?.task {
                    Task::Try { solution, .. } => Some(solution.clone()),
                    _ => None,
                });
                match solution.map(|link| Session::of_fragment(&link)) {
                    Some(Ok(session)) => self.replace(ctx, session),
                    _ => return false,
                }
                self.look_at_goals();
            }
            Ask::Again => return self.open_part(ctx),
            Ask::Leave => self.leave_lesson(),
        }
        true
    }

    /// The lesson that the address names; `false` if it names none.
    pub(super) fn lesson_of(&mut self, ctx: &Context<Self>, fragment: &str) -> bool {
        let Some((name, part)) = named(fragment) else { return false };
        if let Some(course) = self.lessons.course.as_ref().filter(|course| course.lesson.name == name) {
            if course.part != part {
                self.later(ctx, Msg::Lesson(Ask::Part(part)));
            }
        } else {
            self.later(ctx, Msg::Lesson(Ask::Open(name, part)));
        }
        true
    }

    pub(super) fn leave_lesson(&mut self) {
        self.lessons.course = None;
        self.session.limit = None;
        self.address.lesson = None;
        self.address.write(&self.session);
    }

    /// After the run has changed. Says so if that met the goals of the open part.
    pub(super) fn look_at_goals(&mut self) {
        let Some(mut course) = self.lessons.course.as_deref().cloned() else { return };
        let met = course.look(&self.session.lockstep);
        self.lessons.course = Some(Rc::new(course));
        if met {
            self.remember();
            self.spoken = "The goal is met.".into();
        }
    }

    fn with_course(&mut self, change: impl FnOnce(&mut Course)) {
        if let Some(course) = &mut self.lessons.course {
            change(Rc::make_mut(course));
        }
    }

    fn settle(&mut self, outcome: Outcome) {
        self.with_course(|course| course.settle(outcome));
        self.remember();
    }

    /// The open part is done, and stays so on the next visit.
    fn remember(&mut self) {
        let Some(course) = &self.lessons.course else { return };
        let done = format!("{}/{}", course.lesson.name, course.part + 1);
        if !self.lessons.done.contains(&done) {
            self.lessons.done = self.lessons.done.iter().cloned().chain([done]).collect();
            browser::store(DONE, &self.lessons.done.join(" "));
        }
    }

    /// The run of the open part, where it begins.
    fn open_part(&mut self, ctx: &Context<Self>) -> bool {
        let Some(course) = self.lessons.course.clone() else { return false };
        let Some(part) = course.here() else { return false };
        match Session::of_fragment(&part.link) {
            Ok(session) => self.replace(ctx, session),
            Err(error) => {
                self.lessons.course = None;
                self.notice = Some(refused(&error.to_string()));
                return true;
            }
        }
        self.lessons.refusal = None;
        self.session.limit = course.hold(&self.session.lockstep);
        self.address.lesson = Some(course.fragment());
        self.go_to_part(ctx);
        self.look_at_goals();
        self.address.push(&self.session);
        true
    }

    fn go_to_part(&mut self, ctx: &Context<Self>) {
        let begin = self.lessons.course.as_ref().and_then(|course| course.begin(&self.session.lockstep));
        if let Some(begin) = begin {
            self.go(ctx, Move::To(begin));
        }
    }

    /// The question is settled: the future is free, and the moment that answers it is shown.
    fn unlock(&mut self, ctx: &Context<Self>) {
        self.session.limit = None;
        self.lessons.refusal = None;
        self.go_to_part(ctx);
    }
}

fn missing(what: &str) -> AttrValue {
    let rest = " could not be loaded: the connection failed, or a file is missing beside the page (static/lessons). \
                What is shown has not changed.";
    [what, rest].concat().into()
}
