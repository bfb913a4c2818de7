//! The page: its state, and what every message does to it.

mod act;
pub(crate) mod break_it;
pub(crate) mod breaks;
pub(crate) mod define;
pub(crate) mod hand;
pub(crate) mod knobs;
mod later;
pub(crate) mod lessons;
mod listen;
pub(crate) mod measure;
mod page;
pub(crate) mod recording;

use crate::address::{self, Address};
use crate::breaks::Breaks;
use crate::compare;
use crate::course;
use crate::keys::Command;
use crate::later::Later;
use crate::session::{Move, Session};
use crate::shown::{Choice, Picture, Shown};
use crate::view::header::Theme;
use crate::view::part::Send;
use crate::view::transport::{FIRST_SPEED, SPEEDS};
use crate::view::{presets, share};
use act::{refused, refused_at_start};
use apic_core::effect::Bank;
use apic_core::scenario::Scenario;
use define::Defined;
use gloo_timers::callback::{Interval, Timeout};
use lessons::Lessons;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bridge::browser::{self, Frame, Listener};
use web_sys::{Element, HtmlElement};
use yew::prelude::*;

/// Where the theme is remembered.
const THEME: &str = "exitless.theme";
/// Where the speed is remembered.
const SPEED: &str = "exitless.speed";
/// Quiet time before a sentence is announced and the address follows, in ms.
const QUIET_MS: u32 = 350;
/// Most steps per second at which each is announced while playing.
const SPOKEN_SPEED: u32 = 1;
/// How long "Link copied" stands, in ms.
const COPIED_MS: u32 = 2_000;

pub(crate) enum Msg {
    Command(Command),
    /// To this position.
    Seek(usize),
    /// To the moment after this step of this path.
    SeekStep(usize, u32),
    /// The scrubber moved; the next frame goes there.
    Scrub(usize),
    Frame,
    /// Playing: one step more.
    Play,
    Speed(usize),
    Choose(String),
    Place(Box<Scenario>),
    /// Another path, another era, another alignment.
    Compare(compare::Edit),
    /// The kept scenario is edited, and this one kept.
    Swap,
    /// Something about breakpoints.
    Break(breaks::Ask),
    /// Something else is looked for in the list.
    Filter(String),
    /// Nothing was typed there for a moment.
    Find,
    /// Something about long runs.
    Measure(measure::Ask),
    /// Something about definitions of terms.
    Define(define::Ask),
    /// Something about knobs.
    Knobs(knobs::Ask),
    /// Something about rules that are taken away.
    BreakIt(break_it::Ask),
    /// Something about a recording, or about what leaves.
    Recording(recording::Ask),
    /// Something about playing by hand and its branches.
    Hand(hand::Ask),
    /// Something about lessons.
    Lesson(lessons::Ask),
    /// A panel was opened that stands in the second part of the program.
    Later,
    /// That part is there, or will not come.
    Loaded(Later),
    Picture(Picture),
    /// The queues of hrtimers are looked at, or no longer.
    Queues(bool),
    GridPath(usize),
    /// The list shows rows that are not in the document.
    Look(usize),
    /// The person changed the address, or went back.
    AddressChanged,
    WriteAddress,
    Share,
    Copied(bool),
    /// "Link copied" has stood long enough.
    Shared,
    CloseShare,
    Theme(Theme),
    Dismiss,
    /// Something to announce at once.
    Say(String),
    /// It has been quiet for a moment.
    Quiet,
    Resized,
}

/// The page.
pub(crate) struct App {
    session: Session,
    shown: Shown,
    choice: Choice,
    theme: Theme,
    notice: Option<AttrValue>,
    hint: Option<AttrValue>,
    /// Why the last choice of what to compare was not followed.
    compare_refusal: Option<AttrValue>,
    knobs: knobs::Panel,
    breaks: Rc<Breaks>,
    /// Why the last breakpoint was not taken.
    break_refusal: Option<AttrValue>,
    /// The core whose steps are gone through.
    core: u16,
    /// What is looked for in the list, and why it is not found.
    filter: AttrValue,
    filter_refusal: Option<AttrValue>,
    typing: Option<Timeout>,
    measure: measure::Measure,
    break_it: break_it::BreakIt,
    later: Later,
    /// What waits for the second part of the program.
    waiting: Vec<Msg>,
    recording: recording::Recording,
    playing: Option<Interval>,
    speed: usize,
    scrub: Option<(usize, Option<Frame>)>,
    address: Address,
    spoken: AttrValue,
    defined: Defined,
    quiet: Option<Timeout>,
    copied: Option<Timeout>,
    link: Option<AttrValue>,
    /// The link has just been shown: its field gets the focus.
    show_link: bool,
    presets: Rc<[(&'static str, String)]>,
    send: Send,
    stages: NodeRef,
    lessons: Lessons,
    _listeners: Vec<Option<Listener>>,
}

impl Component for App {
    type Message = Msg;
    type Properties = ();

    fn create(ctx: &Context<Self>) -> Self {
        let asked = browser::fragment();
        let lesson = course::named(&asked).is_some();
        // No link was followed: what was worked on last, if it can still be read.
        let kept = address::last().filter(|_| asked.is_empty());
        let restored = kept.and_then(|last| Session::of_fragment(&last).ok());
        let hint =
            restored.as_ref().filter(|s| s.edited).map(|_| AttrValue::from("This is what you had at your last visit."));
        let wanted = if lesson { "" } else { &asked };
        let (session, notice) = match restored.map_or_else(|| Session::of_fragment(wanted), Ok) {
            Ok(session) => (session, None),
            // The presets ship with the page, and a test reads them all.
            Err(error) => (Session::first(), Some(refused_at_start(&error.to_string()))),
        };
        let speed = browser::stored(SPEED).and_then(|speed| speed.parse().ok()).filter(|speed| *speed < SPEEDS.len());
        let theme = browser::stored(THEME).map_or(Theme::Auto, |name| Theme::from_name(&name));
        apply_theme(theme);
        let grid_path = session.lockstep.paths().len().saturating_sub(1);
        let choice = Choice { width: 980, picture: Picture::Set(Bank::Pir), grid_path, by_hand: false, queues: None };
        let shown = Shown::of(&session, choice);
        let mut app = Self {
            session,
            shown,
            choice,
            theme,
            notice,
            hint,
            compare_refusal: None,
            knobs: knobs::Panel::default(),
            breaks: Rc::default(),
            break_refusal: None,
            core: 0,
            filter: AttrValue::default(),
            filter_refusal: None,
            typing: None,
            measure: measure::Measure::new(ctx),
            break_it: break_it::BreakIt::new(ctx),
            later: Later::default(),
            waiting: Vec::new(),
            recording: recording::Recording::new(ctx),
            playing: None,
            speed: speed.unwrap_or(FIRST_SPEED),
            scrub: None,
            address: Address::default(),
            spoken: AttrValue::default(),
            defined: Defined::default(),
            quiet: None,
            copied: None,
            link: None,
            show_link: false,
            presets: presets::all(),
            send: ctx.link().callback(|msg| msg),
            stages: NodeRef::default(),
            lessons: Lessons::new(),
            _listeners: listen::listeners(ctx),
        };
        if app.lesson_of(ctx, &asked) {
            return app;
        }
        if app.notice.is_none() {
            app.address.write(&app.session);
        }
        app
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        if self.recorded_moves(&msg) {
            return true;
        }
        match msg {
            Msg::Command(command) => self.command(ctx, command),
            Msg::Seek(position) => self.go(ctx, Move::To(position)),
            Msg::SeekStep(path, step) => {
                let beat = self.session.lockstep.beat_of(path, step as usize);
                self.go(ctx, Move::To(beat + 1))
            }
            Msg::Scrub(position) => {
                self.playing = None;
                let frame = self.scrub.take().and_then(|(_, frame)| frame);
                let link = ctx.link().clone();
                self.scrub = Some((position, frame.or_else(|| Frame::request(move || link.send_message(Msg::Frame)))));
                false
            }
            Msg::Frame => match self.scrub.take() {
                Some((position, _)) => self.go(ctx, Move::To(position)),
                None => false,
            },
            Msg::Play => self.play_on(ctx),
            Msg::Speed(speed) => self.set_speed(ctx, speed),
            Msg::Choose(preset) => match Session::of_fragment(&preset) {
                Ok(session) => {
                    self.leave_lesson();
                    self.address.write(&self.session);
                    self.replace(ctx, session);
                    self.address.push(&self.session);
                    true
                }
                Err(error) => self.refuse(&error.to_string()),
            },
            Msg::Place(scenario) => {
                self.address.write(&self.session);
                if let Err(error) = self.session.change(&scenario) {
                    return self.refuse(&error.to_string());
                }
                self.rerun(ctx);
                self.address.push(&self.session);
                true
            }
            Msg::Filter(text) => self.filter(ctx, text),
            Msg::Compare(_) | Msg::Swap | Msg::Break(_) | Msg::Find | Msg::Queues(_) => self.later(ctx, msg),
            Msg::Measure(_) | Msg::Knobs(_) | Msg::BreakIt(_) | Msg::Lesson(_) => self.later(ctx, msg),
            Msg::Recording(_) => self.later(ctx, msg),
            Msg::Later => self.want_later(ctx),
            Msg::Loaded(later) => self.loaded(ctx, later),
            Msg::Hand(ask) => self.hand(ctx, ask),
            Msg::Define(ask) => self.define(ctx, ask),
            Msg::Picture(picture) => {
                self.choice.picture = picture;
                self.shown.look_up(&self.session, self.choice);
                true
            }
            Msg::GridPath(path) => {
                self.choice.grid_path = path;
                self.shown.look_up(&self.session, self.choice);
                true
            }
            Msg::Look(row) => {
                self.shown.rows_around(&self.session.lockstep, row);
                true
            }
            Msg::AddressChanged => self.address_changed(ctx),
            Msg::WriteAddress => {
                self.address.write(&self.session);
                false
            }
            Msg::Share => {
                let link = ctx.link().clone();
                let address = browser::address(&self.session.fragment());
                self.link = Some(address.clone().into());
                self.want_later(ctx);
                yew::platform::spawn_local(async move {
                    link.send_message(Msg::Copied(browser::copy(address).await));
                });
                true
            }
            Msg::Copied(true) => {
                let link = ctx.link().clone();
                self.spoken = "Link copied.".into();
                self.copied = Some(Timeout::new(COPIED_MS, move || link.send_message(Msg::Shared)));
                true
            }
            Msg::Copied(false) => {
                self.show_link = true;
                true
            }
            Msg::Shared => {
                self.copied = None;
                true
            }
            Msg::CloseShare => {
                self.show_link = false;
                self.link.take().is_some()
            }
            Msg::Theme(theme) => {
                self.theme = theme;
                browser::store(THEME, theme.name());
                apply_theme(theme);
                self.draw_chart();
                true
            }
            Msg::Dismiss => std::mem::take(&mut self.notice).is_some(),
            Msg::Say(text) => {
                self.spoken = text.into();
                true
            }
            Msg::Quiet => self.quiet(),
            Msg::Resized => {
                self.draw_chart();
                self.resized()
            }
        }
    }

    fn view(&self, _: &Context<Self>) -> Html {
        self.page()
    }

    fn rendered(&mut self, ctx: &Context<Self>, first: bool) {
        if first {
            self.judge(ctx);
            ctx.link().send_message(Msg::Resized);
            if let Some(app) = element("app") {
                let _refused = app.set_attribute("data-ready", "true");
            }
        }
        self.place();
        self.rendered_later();
        if self.show_link
            && let Some(field) = element(share::FIELD).and_then(|e| e.dyn_into::<HtmlElement>().ok())
        {
            self.show_link = false;
            let _refused = field.focus();
        }
    }
}

/// The element with this id.
fn element(id: &str) -> Option<Element> {
    web_sys::window()?.document()?.get_element_by_id(id)
}

fn apply_theme(theme: Theme) {
    browser::mark_root("data-theme", (theme != Theme::Auto).then(|| theme.name()));
}
