//! Long runs in the lab.

use super::{App, Msg};
use crate::lab::{Lab, News, Told};
use crate::ticks;
use std::rc::Rc;
use wasm_bridge::worker::long_run::{Findings, LongRun};
use wasm_bridge::worker::{Answer, Job, Progress};
use yew::prelude::*;

/// What is asked of the Measure panel.
#[derive(Debug)]
pub(crate) enum Ask {
    /// A long run of so many ticks, as typed.
    Run(String),
    Cancel,
    /// The lab has said something.
    News(News),
}

/// What the panel shows.
#[derive(Clone, PartialEq, Default)]
pub(crate) struct Shown {
    /// How far the run is, if one is under way.
    pub(crate) under_way: Option<Progress>,
    pub(crate) findings: Option<Rc<Findings>>,
    /// What is wrong with what was typed.
    pub(crate) refusal: Option<AttrValue>,
    /// Why the lab did not do it.
    pub(crate) failure: Option<AttrValue>,
    /// It was stopped before its end.
    pub(crate) cancelled: bool,
}

/// The panel's lab, and what it shows.
pub(crate) struct Measure {
    lab: Lab,
    pub(crate) shown: Shown,
}

impl Measure {
    pub(super) fn new(ctx: &Context<App>) -> Self {
        let link = ctx.link().clone();
        Self { lab: Lab::new(move |news| link.send_message(Msg::Measure(Ask::News(news)))), shown: Shown::default() }
    }
}

impl App {
    pub(super) fn measure(&mut self, ask: Ask) -> bool {
        let measure = &mut self.measure;
        let shown = &mut measure.shown;
        match ask {
            Ask::Run(typed) => match ticks::read(&typed) {
                Err(why) => shown.refusal = Some(why.into()),
                Ok(handlers) => {
                    *shown = Shown { under_way: Some(Progress::default()), ..Shown::default() };
                    let job = LongRun { link: self.session.fragment(), handlers };
                    if let Err(why) = measure.lab.ask(Job::LongRun(job)) {
                        *shown = Shown { failure: Some(why), ..Shown::default() };
                    }
                }
            },
            Ask::Cancel => measure.lab.cancel(),
            Ask::News(news) => match measure.lab.hear(news) {
                None => return false,
                Some(Told::Progress(progress, so_far)) => {
                    shown.under_way = Some(progress);
                    if let Some(Answer::LongRun(findings)) = so_far {
                        shown.findings = Some(Rc::new(findings));
                    }
                }
                Some(Told::Done(Answer::LongRun(findings))) => {
                    shown.under_way = None;
                    shown.findings = Some(Rc::new(findings));
                    self.spoken = "The long run is over.".into();
                }
                Some(Told::Cancelled) => {
                    shown.under_way = None;
                    shown.cancelled = true;
                    self.spoken = "The long run was stopped.".into();
                }
                Some(Told::Failed(why)) => {
                    shown.under_way = None;
                    shown.failure = Some(why);
                }
            },
        }
        true
    }
}
