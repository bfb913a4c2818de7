//! Breakpoints, steps on one core, and the search in the list.

use super::{App, Msg};
use crate::found::{self, Found};
use crate::later::behind;
use crate::session::Move;
use apic_core::units::CpuId;
use gloo_timers::callback::Timeout;
use std::rc::Rc;
use yew::prelude::*;

/// How long nothing is typed before the list is searched, in ms.
const TYPING_MS: u32 = 120;

/// What is asked of the breakpoints.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Ask {
    Add(String),
    Remove(usize),
    Toggle(usize),
    /// The core to step on.
    Core(u16),
    /// To its next step, or the one before.
    OnCore(bool),
}

impl App {
    pub(super) fn breakpoint(&mut self, ctx: &Context<Self>, ask: &Ask) -> bool {
        let lockstep = &self.session.lockstep;
        let breaks = Rc::make_mut(&mut self.breaks);
        match ask {
            Ask::Add(text) => match breaks.add(text, lockstep) {
                Ok(()) => {
                    self.break_refusal = None;
                    self.spoken = format!("Breakpoint {}: {} places in this run.", text.trim(), breaks.hits()).into();
                }
                Err(why) => self.break_refusal = Some(why.into()),
            },
            Ask::Remove(i) => breaks.remove(*i, lockstep),
            Ask::Toggle(i) => breaks.toggle(*i, lockstep),
            Ask::Core(core) => self.core = *core,
            Ask::OnCore(forward) => {
                let to = self.session.beside_on(CpuId(self.core), *forward);
                return self.stop_at(
                    ctx,
                    to,
                    if *forward { "No later step on this core." } else { "No earlier step on this core." },
                );
            }
        }
        true
    }

    /// To the next breakpoint, or the one before.
    pub(super) fn run_to(&mut self, ctx: &Context<Self>, forward: bool) -> bool {
        let to = self.breaks.beside(self.session.lockstep.position(), forward);
        let nowhere = match (self.breaks.hits(), forward) {
            (0, _) => "No breakpoint in this run.",
            (_, true) => "No later breakpoint.",
            (_, false) => "No earlier breakpoint.",
        };
        self.stop_at(ctx, to, nowhere)
    }

    fn stop_at(&mut self, ctx: &Context<Self>, to: Option<usize>, nowhere: &'static str) -> bool {
        self.playing = None;
        if !to.is_some_and(|to| self.go(ctx, Move::To(to))) {
            self.hint = Some(nowhere.into());
        }
        true
    }

    /// One step while playing; `false` at the end, and at a breakpoint.
    pub(super) fn play_on(&mut self, ctx: &Context<Self>) -> bool {
        if !self.go(ctx, Move::Step) {
            return std::mem::take(&mut self.playing).is_some();
        }
        if self.breaks.is_at(self.session.lockstep.position()) {
            self.playing = None;
            self.hint = Some("Stopped at a breakpoint.".into());
        }
        true
    }

    /// Looks for something else in the list, once nothing has been typed for a moment: in a long run it takes as long as
    /// some frames.
    pub(super) fn filter(&mut self, ctx: &Context<Self>, text: String) -> bool {
        self.filter = text.into();
        let link = ctx.link().clone();
        self.typing = Some(Timeout::new(TYPING_MS, move || link.send_message(Msg::Find)));
        false
    }

    /// Nothing has been typed for a moment.
    pub(super) fn found(&mut self) -> bool {
        self.typing = None;
        self.look_for();
        true
    }

    /// Looks for what is asked for.
    fn look_for(&mut self) {
        match found::search(&self.session.lockstep, &self.filter) {
            Ok(found) => {
                self.filter_refusal = None;
                self.shown.list(&self.session, found);
            }
            Err(why) => self.filter_refusal = Some(why.into()),
        }
    }

    /// The run is another one.
    pub(super) fn look_again(&mut self) {
        match self.later.here() {
            Some(here) => behind(here, || {
                Rc::make_mut(&mut self.breaks).find(&self.session.lockstep);
                self.look_for();
            }),
            // So far nothing can have been asked for.
            None => self.shown.list(&self.session, Found::default()),
        }
        let cores = self.session.lockstep.scenario().host.topology.cpus() as u16;
        self.core = self.core.min(cores.saturating_sub(1));
    }
}
