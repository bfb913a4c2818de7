//! A recording on the stage, and what leaves of it and of a run: all the work is the lab's.

use super::{App, Msg, element};
use crate::keys::Command;
use crate::lab::{Lab, News, Told};
use crate::session::Move;
use wasm_bindgen::JsCast;
use wasm_bindgen::JsValue;
use wasm_bridge::worker::recording::{self as told, Form, Go, Look, Looked, Open, Opened};
use wasm_bridge::worker::{Answer, Job, Progress, export};
use wasm_bridge::{browser, files};
use web_sys::{File, HtmlElement};
use yew::prelude::*;

/// What is asked.
#[derive(Debug)]
pub(crate) enum Ask {
    /// A file was dropped or chosen.
    Read(File),
    /// A text was pasted.
    Paste(String),
    Cancel,
    /// Back to the simulated run.
    Close,
    /// Ticks are searched.
    Find(String),
    /// To a position of a vCPU.
    Go(u16, u64),
    Save(Form),
    News(News),
    /// A moment of the run leaves; as pixels, if that is wanted.
    Export(export::Form, bool),
    /// What the lab says to that.
    Exported(News),
    Saved(bool),
}

/// What is seen of a recording.
#[derive(Clone, PartialEq, Default)]
pub(crate) struct Shown {
    pub(crate) reading: Option<Progress>,
    pub(crate) opened: Option<std::rc::Rc<Opened>>,
    pub(crate) looked: Option<std::rc::Rc<Looked>>,
    /// How many ticks a query found, and the first of them.
    pub(crate) found: AttrValue,
    pub(crate) list: AttrValue,
    pub(crate) refusal: Option<AttrValue>,
    pub(crate) failure: Option<AttrValue>,
    /// What became of the last file.
    pub(crate) saved: AttrValue,
}

/// The recording's lab, the one that writes files, and what is shown.
pub(crate) struct Recording {
    lab: Lab,
    writer: Lab,
    as_png: bool,
    /// What is asked once the job under way is over.
    next: Option<told::Ask>,
    busy: bool,
    pub(crate) shown: Shown,
}

impl Recording {
    pub(super) fn new(ctx: &Context<App>) -> Self {
        let send = |news: fn(News) -> Ask| {
            let link = ctx.link().clone();
            Lab::new(move |heard| link.send_message(Msg::Recording(news(heard))))
        };
        let link = ctx.link().clone();
        files::keep_page_when_dropped(move |file| link.send_message(Msg::Recording(Ask::Read(file))));
        let (lab, writer) = (send(Ask::News), send(Ask::Exported));
        Self { lab, writer, as_png: false, next: None, busy: false, shown: Shown::default() }
    }

    /// Whether a recording is on the stage.
    pub(super) fn is_open(&self) -> bool {
        self.shown.looked.is_some()
    }

    fn open(&mut self, name: String, pasted: Option<String>, file: Option<&JsValue>) {
        let job = Job::Open(Open { name, pasted });
        self.shown = Shown { reading: Some(Progress::default()), ..Shown::default() };
        self.next = None;
        self.busy = true;
        if let Err(why) = self.lab.ask_with(job, file) {
            self.shown = Shown { failure: Some(why), ..Shown::default() };
        }
    }

    /// Asks now, or when the answer to what was asked before is there: only the last question counts.
    fn ask(&mut self, ask: told::Ask) {
        if self.busy {
            self.next = Some(ask);
            return;
        }
        self.busy = true;
        if let Err(why) = self.lab.ask(Job::Recording(ask)) {
            self.shown.failure = Some(why);
        }
    }
}

impl App {
    fn look(&self, go: Go) -> Look {
        let at = self.recording.shown.looked.as_ref().map_or((0, 0), |looked| (looked.vcpu, looked.position));
        Look { vcpu: at.0, position: at.1, go, width: self.choice.width }
    }

    /// What moves the run moves the recording while one is on the stage; whether it did.
    pub(super) fn moves_recording(&mut self, msg: &Msg) -> bool {
        let Some(looked) = self.recording.shown.looked.clone() else { return false };
        let go = match msg {
            Msg::Command(Command::Move(to)) => {
                self.playing = None;
                match to {
                    Move::Start => Go::To(1),
                    Move::Back => Go::To(looked.position.saturating_sub(1)),
                    Move::Step => Go::To(looked.position + 1),
                    Move::End => Go::To(looked.len),
                    Move::NextExpiry => Go::Expiry(true),
                    Move::PreviousExpiry => Go::Expiry(false),
                    Move::NextExit => Go::Exit,
                    Move::To(position) => Go::To(*position as u64),
                }
            }
            Msg::Play if looked.position < looked.len => Go::To(looked.position + 1),
            Msg::Play => {
                self.playing = None;
                return true;
            }
            Msg::SeekStep(_, step) => Go::To(u64::from(*step) + 1),
            Msg::Seek(position) | Msg::Scrub(position) => Go::To(*position as u64),
            Msg::Command(Command::Vcpu(vcpu)) => {
                let look = Look { vcpu: *vcpu, position: 0, ..self.look(Go::To(1)) };
                self.recording.ask(told::Ask::Look(look));
                return true;
            }
            // Nothing of these is in a recording.
            Msg::Command(Command::Run(_) | Command::Hand | Command::Undo | Command::Redo) => return true,
            _ => return false,
        };
        let look = self.look(go);
        self.recording.ask(told::Ask::Look(look));
        true
    }

    pub(super) fn recording(&mut self, ctx: &Context<Self>, ask: Ask) -> bool {
        match ask {
            Ask::Read(file) => {
                self.playing = None;
                self.recording.open(file.name(), None, Some(&file));
                show_panel();
            }
            Ask::Paste(text) => self.recording.open("pasted text".to_owned(), Some(text), None),
            Ask::Cancel => self.recording.lab.cancel(),
            Ask::Close => {
                self.playing = None;
                self.recording.shown = Shown::default();
                self.spoken = "The recording is closed; the simulated run is shown again.".into();
            }
            Ask::Find(query) => self.recording.ask(told::Ask::Find(query)),
            Ask::Go(vcpu, position) => {
                let look = Look { vcpu, ..self.look(Go::To(position)) };
                self.recording.ask(told::Ask::Look(look));
            }
            Ask::Save(form) => {
                let look = self.look(Go::To(self.look(Go::Exit).position));
                self.recording.ask(told::Ask::Save(form, look));
            }
            Ask::News(news) => return self.recording_news(news),
            Ask::Export(form, as_png) => {
                let link = self.session.fragment();
                let address = browser::address(&link);
                let job = export::Export { link, address, form, dark: as_png.then_some(false), width: 1_000 };
                self.recording.as_png = as_png;
                self.recording.shown.saved = "Writing…".into();
                if let Err(why) = self.recording.writer.ask(Job::Export(job)) {
                    self.recording.shown.saved = why;
                }
            }
            Ask::Exported(news) => match self.recording.writer.hear(news) {
                Some(Told::Done(Answer::Export(file))) if self.recording.as_png => {
                    let link = ctx.link().clone();
                    let name = file.name.replace(".svg", ".png");
                    self.recording.shown.saved = ["Saved ", &name, "."].concat().into();
                    yew::platform::spawn_local(async move {
                        let saved = files::save_png(&name, &file.text).await;
                        link.send_message(Msg::Recording(Ask::Saved(saved)));
                    });
                }
                Some(Told::Done(Answer::Export(file))) => self.save(&file),
                Some(Told::Failed(why)) => self.recording.shown.saved = why,
                _ => return false,
            },
            Ask::Saved(true) => self.spoken = self.recording.shown.saved.clone(),
            Ask::Saved(false) => self.recording.shown.saved = "The browser did not draw or save the picture.".into(),
        }
        true
    }

    fn save(&mut self, file: &told::File) {
        let words =
            if files::save(&file.name, &file.kind, &file.text) { "Saved " } else { "The browser did not save " };
        self.recording.shown.saved = [words, &file.name, "."].concat().into();
        self.spoken = self.recording.shown.saved.clone();
    }

    fn recording_news(&mut self, news: News) -> bool {
        let Some(heard) = self.recording.lab.hear(news) else { return false };
        self.recording.busy = matches!(heard, Told::Progress(..));
        let mut next = None;
        let shown = &mut self.recording.shown;
        match heard {
            Told::Progress(progress, _) => shown.reading = shown.reading.and(Some(progress)),
            Told::Done(Answer::Recording(answer)) => {
                shown.reading = None;
                match answer {
                    told::Told::Opened(opened) => {
                        shown.opened = Some(opened.into());
                        next = Some(told::Ask::Look(self.look(Go::Expiry(true))));
                        self.spoken = "The recording is on the stage.".into();
                    }
                    told::Told::Looked(looked) => {
                        let first = shown.looked.is_none();
                        self.spoken = looked.sentence.clone().into();
                        shown.looked = Some(looked.into());
                        next = first.then(|| told::Ask::Find(String::new()));
                    }
                    told::Told::Found(count, list) => {
                        let ticks = if count == 1 { " tick" } else { " ticks" };
                        shown.found = [count.to_string().as_str(), ticks].concat().into();
                        shown.list = list.into();
                        shown.refusal = None;
                    }
                    told::Told::NoQuery(why) => shown.refusal = Some(why.into()),
                    told::Told::File(file) => self.save(&file),
                }
            }
            Told::Done(_) | Told::Drawn(..) => {}
            Told::Cancelled => {
                *shown = Shown::default();
                self.spoken = "Reading was stopped.".into();
            }
            Told::Failed(why) if shown.looked.is_none() => *shown = Shown { failure: Some(why), ..Shown::default() },
            Told::Failed(why) => shown.failure = Some(why),
        }
        if !self.recording.busy
            && let Some(ask) = self.recording.next.take().or(next)
        {
            self.recording.ask(ask);
        }
        true
    }
}

/// The panel, where a dropped file is told of.
pub(super) fn show_panel() {
    if let Some(panel) = element("recording") {
        let _refused = panel.set_attribute("open", "");
        if let Some(panel) = panel.dyn_ref::<HtmlElement>() {
            panel.scroll_into_view();
        }
    }
}
