//! Long runs in the lab, and the ways from what they found to the stage.

use super::{App, Msg, element};
use crate::chart;
use crate::lab::{Lab, News, Told};
use crate::session::Move;
use crate::ticks;
use crate::words;
use apic_core::scenario::OwnCosts;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bridge::worker::costs::{Calibrate, Sensitivity};
use wasm_bridge::worker::long_run::LongRun;
use wasm_bridge::worker::picture::{Chart, Moment, Picture, Table};
use wasm_bridge::worker::{Answer, Job, Progress};
use web_sys::{HtmlElement, SvgElement};
use yew::prelude::*;

/// Id of the element with the canvas in it.
pub(crate) const PLACE: &str = "chart";

/// Most steps of a path that the stage is run on to: beyond, a step on it takes longer than a frame.
const MOST_STEPS: u32 = 1_000_000;
/// Most ticks that a scenario may have.
const MOST_TICKS: u32 = 1_000_000;

/// What is asked of the Measure panel.
#[derive(Debug)]
pub(crate) enum Ask {
    /// A long run of so many ticks, as typed.
    Run(String),
    /// Which conclusion flips at which cost.
    Flips,
    /// Costs fitted to a table, and where that is from.
    Calibrate(String, String),
    /// The scenario's costs are the set's again.
    Uncalibrate,
    Cancel,
    /// Another picture.
    Chart(Chart),
    /// A mark has the focus, or the pointer.
    Point(usize),
    /// A key was pressed on a mark.
    Key(usize, String),
    /// To the moment of a mark.
    Mark(usize),
    /// To a moment.
    Go(Moment),
    /// The stage is run on to the moment beyond its end.
    RunOn,
    /// The panel was opened or folded away.
    Toggled,
    /// The lab has said something.
    News(News),
    /// The same of the second worker.
    Fitted(News),
}

/// What the panel shows.
#[derive(Clone, PartialEq)]
pub(crate) struct Shown {
    /// How far the run is, if one is under way.
    pub(crate) under_way: Option<Progress>,
    pub(crate) chart: Chart,
    pub(crate) picture: Option<Rc<Picture>>,
    /// What lies over its pixels.
    pub(crate) marks: AttrValue,
    /// What the mark with the focus says.
    pub(crate) said: AttrValue,
    /// What is wrong with what was typed.
    pub(crate) refusal: Option<AttrValue>,
    /// What is wrong with the table of exits.
    pub(crate) table_refusal: Option<AttrValue>,
    /// What became of the last table of exits.
    pub(crate) fits: Option<Rc<Table>>,
    /// Why the lab did not do it.
    pub(crate) failure: Option<AttrValue>,
    /// It was stopped before its end.
    pub(crate) cancelled: bool,
    /// Why a moment cannot be gone to at once.
    pub(crate) beyond: Option<AttrValue>,
    /// The moment to which the stage can be run on.
    pub(crate) ahead: Option<Moment>,
}

impl Default for Shown {
    fn default() -> Self {
        Self {
            under_way: None,
            chart: Chart::Latency,
            picture: None,
            marks: AttrValue::default(),
            said: AttrValue::default(),
            refusal: None,
            table_refusal: None,
            fits: None,
            failure: None,
            cancelled: false,
            beyond: None,
            ahead: None,
        }
    }
}

/// The panel's lab, and what it shows.
pub(crate) struct Measure {
    lab: Lab,
    /// A second worker, so that a table does not end a run.
    fitter: Lab,
    /// The run that was measured, as the session counts them.
    run: Option<u32>,
    /// A picture has been asked for and has not come, and whether it will be out of date.
    drawing: Option<bool>,
    /// The mark that has the focus again once the new picture is there.
    refocus: Option<usize>,
    pub(crate) shown: Shown,
}

impl Measure {
    pub(super) fn new(ctx: &Context<App>) -> Self {
        let link = ctx.link().clone();
        let lab = Lab::new(move |news| link.send_message(Msg::Measure(Ask::News(news))));
        let link = ctx.link().clone();
        let fitter = Lab::new(move |news| link.send_message(Msg::Measure(Ask::Fitted(news))));
        Self { lab, fitter, run: None, drawing: None, refocus: None, shown: Shown::default() }
    }

    /// Begins a job of this run.
    fn begin(&mut self, run: u32, chart: Chart, job: Job) {
        let fits = self.shown.fits.take();
        self.shown = Shown { chart, fits, under_way: Some(Progress::default()), ..Shown::default() };
        (self.run, self.drawing) = (Some(run), None);
        if let Err(why) = self.lab.ask(job) {
            (self.shown.under_way, self.shown.failure) = (None, Some(why));
        }
    }

    /// Asks for the picture, unless one is on its way: then again when that has come.
    pub(super) fn draw(&mut self) {
        if self.run.is_none() {
            return;
        }
        if let Some(stale) = &mut self.drawing {
            *stale = true;
        } else if let Some(place) = element(PLACE) {
            self.drawing = Some(false);
            self.lab.draw(self.shown.chart, chart::canvas(&place));
        }
    }

    fn drawn(&mut self, what: Chart, picture: Option<(Picture, web_sys::ImageBitmap)>) {
        let stale = self.drawing.take() == Some(true) || what != self.shown.chart;
        if let Some((picture, pixels)) = picture.filter(|_| what == self.shown.chart)
            && let Some(place) = element(PLACE)
        {
            chart::put(&place, &pixels);
            self.refocus = focused();
            self.shown.marks = chart::marks(&picture).into();
            self.shown.picture = Some(Rc::new(picture));
        }
        if stale {
            self.draw();
        }
    }

    /// The document is as it is shown.
    pub(super) fn rendered(&mut self) {
        if let Some(mark) = self.refocus.take() {
            focus(mark);
        }
    }
}

/// The mark that has the focus.
fn focused() -> Option<usize> {
    let place = element(PLACE)?;
    place.owner_document()?.active_element()?.closest("[data-mark]").ok()??.get_attribute("data-mark")?.parse().ok()
}

/// Gives a mark the focus, and makes it the one that Tab reaches.
fn focus(mark: usize) {
    let Some(place) = element(PLACE) else { return };
    let find = |selector: &str| place.query_selector(selector).ok().flatten();
    if let Some(before) = find("[data-mark][tabindex=\"0\"]") {
        let _refused = before.set_attribute("tabindex", "-1");
    }
    let found = find(&["[data-mark=\"", &mark.to_string(), "\"]"].concat());
    if let Some(mark) = found.and_then(|m| m.dyn_into::<SvgElement>().ok()) {
        let _refused = mark.set_attribute("tabindex", "0");
        let _refused = mark.focus();
    }
}

impl App {
    pub(super) fn measure(&mut self, ctx: &Context<Self>, ask: Ask) -> bool {
        let measure = &mut self.measure;
        let shown = &mut measure.shown;
        match ask {
            Ask::Run(typed) => match ticks::read(&typed) {
                Err(why) => shown.refusal = Some(why.into()),
                Ok(handlers) => {
                    let chart = if shown.chart == Chart::Flips { Chart::Latency } else { shown.chart };
                    let job = LongRun { link: self.session.scenario_link(), handlers };
                    measure.begin(self.session.run, chart, Job::LongRun(job));
                }
            },
            Ask::Flips => {
                let job = Sensitivity { link: self.session.scenario_link() };
                measure.begin(self.session.run, Chart::Flips, Job::Sensitivity(job));
            }
            Ask::Calibrate(table, name) => {
                let job = Calibrate { link: self.session.scenario_link(), table, name };
                shown.table_refusal = measure.fitter.ask(Job::Calibrate(job)).err();
            }
            Ask::Uncalibrate => return self.take_costs(ctx, None),
            Ask::Fitted(news) => return self.fitted(ctx, news),
            Ask::Cancel => measure.lab.cancel(),
            Ask::Chart(chart) => {
                shown.chart = chart;
                measure.draw();
            }
            Ask::Point(mark) => {
                let words = shown.picture.as_ref().and_then(|p| p.marks.get(mark)).map(|mark| mark.words.clone());
                shown.said = words.unwrap_or_default().into();
            }
            Ask::Key(mark, key) => {
                let marks = shown.picture.as_ref().map_or(0, |p| p.marks.len());
                if let Some(mark) = chart::beside(&key, mark, marks) {
                    focus(mark);
                }
                return false;
            }
            Ask::Mark(mark) => {
                let moment = shown.picture.as_ref().and_then(|p| p.marks.get(mark)?.moment);
                return moment.is_some_and(|moment| self.go_to_moment(ctx, moment));
            }
            Ask::Go(moment) => return self.go_to_moment(ctx, moment),
            Ask::RunOn => return self.run_on(ctx),
            Ask::Toggled => measure.draw(),
            Ask::News(news) => return self.lab_said(news),
        }
        true
    }

    fn lab_said(&mut self, news: News) -> bool {
        let measure = &mut self.measure;
        let Some(told) = measure.lab.hear(news) else { return false };
        let shown = &mut measure.shown;
        match told {
            Told::Drawn(chart, picture) => measure.drawn(chart, picture),
            Told::Progress(progress, _) => {
                shown.under_way = Some(progress);
                measure.draw();
            }
            Told::Done(_) => {
                shown.under_way = None;
                self.spoken = "The lab is done.".into();
                measure.draw();
            }
            Told::Cancelled => {
                (shown.under_way, shown.cancelled) = (None, true);
                self.spoken = "The lab was stopped.".into();
                measure.draw();
            }
            Told::Failed(why) => (shown.under_way, shown.failure) = (None, Some(why)),
        }
        true
    }

    /// What became of a table of exits.
    fn fitted(&mut self, ctx: &Context<Self>, news: News) -> bool {
        match self.measure.fitter.hear(news) {
            Some(Told::Done(Answer::Calibrated(found))) => {
                self.measure.shown.table_refusal = None;
                self.measure.shown.fits = Some(Rc::new(found.table));
                self.take_costs(ctx, Some(found.own))
            }
            Some(Told::Failed(why)) => {
                self.measure.shown.table_refusal = Some(why);
                true
            }
            _ => false,
        }
    }

    /// The scenario runs at these costs, or at its set's, which can be taken back.
    fn take_costs(&mut self, ctx: &Context<Self>, own: Option<OwnCosts>) -> bool {
        if own.is_none() {
            self.measure.shown.fits = None;
        }
        let mut scenario = self.session.lockstep.scenario().clone();
        scenario.costs.own = own;
        self.address.write(&self.session);
        if let Err(error) = self.session.change(&scenario) {
            return self.refuse(&error.to_string());
        }
        self.spoken = "The run has new costs. Undo takes them back.".into();
        self.rerun(ctx);
        self.address.push(&self.session);
        true
    }

    /// The stage goes to a moment of the run that was measured, or it is said why not.
    fn go_to_moment(&mut self, ctx: &Context<Self>, moment: Moment) -> bool {
        let (path, step) = (usize::from(moment.path), moment.at.step);
        let shown = &mut self.measure.shown;
        (shown.beyond, shown.ahead) = (None, None);
        if self.measure.run != Some(self.session.run) {
            shown.beyond = Some("What was measured is another run than the one on the stage: run it again.".into());
            return true;
        }
        let lockstep = &self.session.lockstep;
        let Some(history) = lockstep.paths().get(path) else { return false };
        if (step as usize) < history.len() {
            self.playing = None;
            let beat = lockstep.beat_of(path, step as usize);
            self.go(ctx, Move::To(beat + 1));
            if let Some(stages) = element("stages").and_then(|e| e.dyn_into::<HtmlElement>().ok()) {
                stages.scroll_into_view();
            }
            return true;
        }
        let ends = words::grouped(history.len() as u64);
        let (at, tick) = (words::grouped(step.into()), words::grouped(moment.at.handlers.into()));
        let where_it_is = ["That is step ", &at, " of this path, at tick ", &tick].concat();
        let on_stage = ["; on the stage the run ends with step ", &ends, ". "].concat();
        let by_hand = lockstep.paths().iter().any(|p| !p.picks().is_empty());
        let why_not = if by_hand {
            Some("It holds choices made by hand, so it is not run on.")
        } else if step >= MOST_STEPS || moment.at.handlers >= MOST_TICKS {
            Some("The stage is run on to a million steps and no further.")
        } else {
            None
        };
        shown.beyond = Some([&where_it_is, &on_stage, why_not.unwrap_or_default()].concat().into());
        shown.ahead = why_not.is_none().then_some(moment);
        true
    }

    /// Runs the stage on until it holds the moment, which can be taken back, and goes there.
    fn run_on(&mut self, ctx: &Context<Self>) -> bool {
        let Some(moment) = self.measure.shown.ahead.take() else { return false };
        let mut scenario = self.session.lockstep.scenario().clone();
        scenario.run.expiries = moment.at.handlers + 1;
        self.address.write(&self.session);
        if let Err(error) = self.session.change(&scenario) {
            return self.refuse(&error.to_string());
        }
        // The longer run begins as the one that was measured.
        self.measure.run = Some(self.session.run);
        self.rerun(ctx);
        self.address.push(&self.session);
        self.go_to_moment(ctx, moment)
    }
}
