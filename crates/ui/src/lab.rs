//! The page's way to its lab (`crates/lab`): starts a worker when something is first asked of it, asks, hears, stops.
//!
//! One of these for each panel that asks: it has a worker to itself and one job at a time, so that a worker that does not
//! answer can be ended without harm to others.

use gloo_timers::callback::Timeout;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bridge::worker::picture::{Canvas, Chart, Picture};
use wasm_bridge::worker::{Answer, Client, FromLab, Heard, Job, NotAMessage, Progress, ToLab};
use web_sys::ImageBitmap;
use yew::AttrValue;

/// How long a worker may take to say that it has stopped, in ms. Between its turns it needs some 30.
const PATIENCE_MS: u32 = 400;

/// What comes from a worker, or does not: to be given to [`Lab::hear`].
#[derive(Debug)]
pub(crate) enum News {
    Heard(Heard),
    /// It was asked to stop this job some time ago.
    NoAnswer(u32),
}

/// What became of the job that was asked for.
#[derive(Debug)]
pub(crate) enum Told {
    Progress(Progress, Option<Answer>),
    Done(Answer),
    Cancelled,
    /// What was asked to be drawn, if there is something to draw and a way to draw it.
    Drawn(Chart, Option<(Picture, ImageBitmap)>),
    /// Why not, in whole sentences.
    Failed(AttrValue),
}

/// A worker of the lab and its job.
pub(crate) struct Lab {
    send: Rc<dyn Fn(News)>,
    client: Option<Client>,
    /// The job under way.
    job: Option<u32>,
    jobs: u32,
    patience: Option<Timeout>,
}

impl Lab {
    /// Without a worker so far; `send` brings its news back to [`Lab::hear`].
    pub(crate) fn new(send: impl Fn(News) + 'static) -> Self {
        Self { send: Rc::new(send), client: None, job: None, jobs: 0, patience: None }
    }

    /// Asks for a job in place of whatever is under way.
    ///
    /// # Errors
    /// Why it cannot even be asked, in whole sentences.
    pub(crate) fn ask(&mut self, job: Job) -> Result<(), AttrValue> {
        self.ask_with(job, None)
    }

    /// The same, with a file beside it.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(crate) fn ask_with(&mut self, job: Job, file: Option<&JsValue>) -> Result<(), AttrValue> {
        self.patience = None;
        if self.client.is_none() {
            let send = self.send.clone();
            let client = Client::start(&address(), move |heard| send(News::Heard(heard)));
            self.client = Some(client.map_err(|why| no_workers(&why))?);
        }
        self.jobs += 1;
        self.job = Some(self.jobs);
        if let Some(client) = &self.client {
            client.send(&ToLab::Begin { id: self.jobs, job }, file);
        }
        Ok(())
    }

    /// Asks the worker to stop; one that does not answer is ended.
    pub(crate) fn cancel(&mut self) {
        let (Some(id), Some(client)) = (self.job, &self.client) else { return };
        client.send(&ToLab::Cancel { id }, None);
        let send = self.send.clone();
        self.patience = Some(Timeout::new(PATIENCE_MS, move || send(News::NoAnswer(id))));
    }

    /// Asks for a picture of what the last job has found. A worker that was ended has found nothing.
    pub(crate) fn draw(&self, chart: Chart, canvas: Canvas) {
        if let Some(client) = &self.client {
            client.send(&ToLab::Draw { chart, canvas }, None);
        }
    }

    /// What the news are about the job under way, or about a picture; news of other jobs are none.
    pub(crate) fn hear(&mut self, news: News) -> Option<Told> {
        let news = match news {
            News::Heard(Heard::Said(FromLab::Drawn { chart, picture }, pixels)) => {
                return Some(Told::Drawn(chart, picture.zip(pixels)));
            }
            other => other,
        };
        let job = self.job?;
        let told = match news {
            News::Heard(Heard::Said(FromLab::Progress { id, progress, so_far }, _)) if id == job => {
                return Some(Told::Progress(progress, so_far));
            }
            News::Heard(Heard::Said(FromLab::Done { id, answer }, _)) if id == job => Told::Done(answer),
            News::Heard(Heard::Said(FromLab::Cancelled { id }, _)) if id == job => Told::Cancelled,
            News::Heard(Heard::Said(FromLab::Refused { id, why }, _)) if id == job => {
                Told::Failed([why.as_str(), "."].concat().into())
            }
            News::NoAnswer(id) if id == job => {
                self.client = None;
                Told::Cancelled
            }
            News::Heard(Heard::Said(..)) | News::NoAnswer(_) => return None,
            News::Heard(Heard::NotUnderstood(why)) => {
                self.client = None;
                Told::Failed(not_understood(why).into())
            }
            News::Heard(Heard::Stopped(why)) => {
                self.client = None;
                Told::Failed(stopped(&why))
            }
        };
        self.job = None;
        self.patience = None;
        Some(told)
    }
}

/// The lab's address: beside the page's own script, which knows its version.
fn address() -> String {
    let script =
        web_sys::window().and_then(|w| w.document()).and_then(|d| d.query_selector("script[data-lab]").ok()?);
    script.and_then(|s| s.get_attribute("data-lab")).unwrap_or_default()
}

fn no_workers(why: &str) -> AttrValue {
    ["This browser does not let the page start a worker, which this needs. ", why].concat().trim_end().to_owned().into()
}

fn not_understood(why: NotAMessage) -> &'static str {
    match why {
        NotAMessage::OtherVersion(_) => "The page and its lab are of different versions: reload the page.",
        NotAMessage::Damaged => "What the lab said was damaged on the way: try again.",
    }
}

fn stopped(why: &str) -> AttrValue {
    let said = if why.is_empty() { String::new() } else { [" It said: ", why, "."].concat() };
    let advice = "The lab did not start, or stopped. Either lab.js, lab_bg.wasm or static/lab-start.js is missing beside the \
                  page, or a policy of this site forbids workers (it needs worker-src 'self').";
    [advice, &said].concat().into()
}
