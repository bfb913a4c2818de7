//! What the page does with the second part of the program: asks for it, and keeps what has to wait for it.

use super::{App, Msg};
use crate::later::{Later, behind};
use yew::prelude::*;

impl App {
    /// Does what needs the second part of the program, or keeps it until that is there.
    pub(super) fn later(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        if let Some(here) = self.later.here() {
            return behind(here, || self.with_later(ctx, msg));
        }
        self.waiting.push(msg);
        self.want_later(ctx)
    }

    /// A panel was opened that stands in the second part.
    pub(super) fn want_later(&mut self, ctx: &Context<Self>) -> bool {
        if !self.later.is_wanted() {
            return false;
        }
        self.later = Later::Coming;
        let link = ctx.link().clone();
        yew::platform::spawn_local(async move { link.send_message(Msg::Loaded(Later::load().await)) });
        true
    }

    /// The second part is there, or will not come.
    pub(super) fn loaded(&mut self, ctx: &Context<Self>, later: Later) -> bool {
        if let Later::Missing(why) = &later {
            self.spoken = why.clone();
            // Of the lessons nothing is shown yet that could say it.
            if self.waiting.iter().any(|msg| matches!(msg, Msg::Lesson(_))) {
                self.lessons.failure = Some(why.clone());
            }
            // A file was dropped, and its panel may be closed.
            if self.waiting.iter().any(|msg| matches!(msg, Msg::Recording(_))) {
                super::recording::show_panel();
            }
            // Who asked for it asks again.
            self.waiting.clear();
        }
        self.later = later;
        for msg in std::mem::take(&mut self.waiting) {
            self.later(ctx, msg);
        }
        true
    }

    /// What moves the run moves the recording while one is on the stage; whether it did.
    pub(super) fn recorded_moves(&mut self, msg: &Msg) -> bool {
        let here = self.later.here().filter(|_| self.recording.is_open());
        here.is_some_and(|here| behind(here, || self.moves_recording(msg)))
    }

    /// The chart has another place, or other colours.
    pub(super) fn draw_chart(&mut self) {
        if let Some(here) = self.later.here() {
            behind(here, || self.measure.draw());
        }
    }

    /// The document is as it is shown.
    pub(super) fn rendered_later(&mut self) {
        if let Some(here) = self.later.here() {
            behind(here, || self.measure.rendered());
        }
    }

    /// The run has changed: are the goals of the open part of a lesson met?
    pub(super) fn goals(&mut self) {
        if let Some(here) = self.later.here() {
            behind(here, || self.look_at_goals());
        }
    }

    /// In the second part.
    fn with_later(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::Compare(edit) => self.compare(ctx, edit),
            Msg::Swap => {
                if self.session.swap() {
                    self.rerun(ctx);
                }
                true
            }
            Msg::Break(ask) => self.breakpoint(ctx, &ask),
            Msg::Find => self.found(),
            Msg::Queues(open) => {
                self.choice.queues = self.later.here().filter(|_| open);
                self.shown.look_up(&self.session, self.choice);
                true
            }
            Msg::Measure(ask) => self.measure(ctx, ask),
            Msg::Knobs(ask) => self.knobs(ctx, ask),
            Msg::BreakIt(ask) => self.break_it(ctx, ask),
            Msg::Lesson(ask) => self.lessons(ctx, ask),
            Msg::Recording(ask) => self.recording(ctx, ask),
            _ => false,
        }
    }
}
