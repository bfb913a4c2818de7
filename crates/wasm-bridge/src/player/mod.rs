//! One run and a moment in it, for programs: the engine of `<exitless-stage>` and of the npm package.
//!
//! What comes back as an object crosses the boundary as JSON, and `npm/index.d.ts` has its types; [`state`] is where they
//! are made. Everything else is text: SVG, the tick in 80 columns, sentences.

pub mod state;

use apic_core::link::{self, Link, LinkError};
use apic_core::run::{Lockstep, Marks};
use apic_core::scenario::{PRESETS, preset};
use js_sys::{Error, Reflect};
use scene::export::{mail, told};
use scene::{Figure, Moment, PageData, Projection, Theme, View};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// Narrowest picture, in pixels: below it nothing has room.
const NARROWEST: u32 = 300;
/// Widest picture, in pixels.
const WIDEST: u32 = 4_000;

/// Why something that was asked for cannot be had.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// For programs: `newer-link`, `damaged-link`, `not-a-link`, `long-link`, `scenario`, `theme`, `moment`, `path`.
    pub code: &'static str,
    /// For people: what is wrong, and what would be valid.
    pub text: String,
}

impl Refusal {
    fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    fn thrown(self) -> JsValue {
        let error = Error::new(&self.text);
        // A fresh object takes any property.
        let _set = Reflect::set(&error, &"code".into(), &self.code.into());
        error.into()
    }
}

impl From<LinkError> for Refusal {
    fn from(error: LinkError) -> Self {
        let code = match error {
            LinkError::NotALink { .. } => "not-a-link",
            LinkError::Newer { .. } => "newer-link",
            LinkError::Damaged => "damaged-link",
            LinkError::TooLong { .. } => "long-link",
            LinkError::Scenario(_) => "scenario",
        };
        Self::new(code, error.to_string())
    }
}

/// A run of every path of a scenario in lockstep, and a moment in it.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Player {
    lockstep: Lockstep,
    /// As it was opened; its position is not kept.
    link: Link,
    /// The tick on stage, and its page.
    page: Option<(usize, PageData)>,
}

impl Player {
    /// Opens a preset's name, a link, or a whole address with one.
    ///
    /// # Errors
    /// What is wrong with it, and what would be valid.
    pub fn opened(source: &str) -> Result<Self, Refusal> {
        let link = link::decode(source)?;
        let mut lockstep = Lockstep::comparing(&link.scenario, &link.compare, &link.picks);
        let at = link.position.map_or_else(|| lockstep.opening(), |position| position as usize);
        lockstep.seek(at);
        Ok(Self { lockstep, link, page: None })
    }

    /// The run.
    pub fn lockstep(&self) -> &Lockstep {
        &self.lockstep
    }

    /// Collects the tick on stage, unless it was already.
    fn page(&mut self) -> (&Lockstep, &PageData) {
        let Self { lockstep, page, .. } = self;
        let tick = lockstep.tick_of(lockstep.position().saturating_sub(1));
        let kept = page.take().filter(|(kept, _)| *kept == tick);
        let collected = kept.unwrap_or_else(|| (tick, PageData::collect(lockstep, tick)));
        (lockstep, &page.insert(collected).1)
    }

    fn moments(&self) -> Vec<(usize, Moment)> {
        (0..self.lockstep.paths().len()).map(|path| (path, Moment::of(&self.lockstep, path))).collect()
    }

    /// The link of the moment, without its `#`.
    pub fn fragment(&self) -> String {
        let position = self.lockstep.position();
        let position = (position != self.lockstep.opening()).then_some(position as u32);
        link::encode(&Link { position, ..self.link.clone() })
    }

    /// The stages of the moment as one picture that stands alone.
    ///
    /// # Errors
    /// If there is no such theme.
    pub fn drawn(&mut self, width: u32, theme: &str) -> Result<String, Refusal> {
        let figure = Figure { width: width.clamp(NARROWEST + 40, WIDEST), theme: theme_named(theme)? };
        let (sentence, moments) = (told(&self.lockstep).text(), self.moments());
        Ok(figure.draw(self.page().1, &moments, &sentence).svg)
    }

    /// Where a jump leads, or `None` if there is no such moment that way.
    ///
    /// # Errors
    /// If there is no such kind of moment.
    pub fn place_of(&self, kind: &str, forward: bool) -> Result<Option<usize>, Refusal> {
        let marks = match kind {
            "exit" => Marks::EXIT,
            "entry" => Marks::ENTER,
            "expiry" => Marks::EXPIRY,
            "ipi" => Marks::IPI,
            "ipi-not-sent" => Marks::NO_IPI,
            "delivery" => Marks::DELIVERED,
            "arming" => Marks::ARMED,
            _ => {
                let valid = "exit, entry, expiry, ipi, ipi-not-sent, delivery, arming";
                return Err(Refusal::new("moment", format!("no moment is called \"{kind}\"; there are: {valid}")));
            }
        };
        Ok(if forward { self.lockstep.next(marks) } else { self.lockstep.previous(marks) })
    }

    /// The steps of one path from `from` to before `to`, in words and in data: a JSON array.
    ///
    /// # Errors
    /// If the run has no such path.
    pub fn event_list(&self, path: &str, from: u32, to: u32) -> Result<String, Refusal> {
        let paths = self.lockstep.paths();
        let history = paths.iter().find(|history| history.way().key() == path).ok_or_else(|| {
            let keys: Vec<String> = paths.iter().map(|history| history.way().key()).collect();
            Refusal::new("path", format!("this run has no path \"{path}\"; it has: {}", keys.join(", ")))
        })?;
        let to = (to as usize).min(history.len());
        let records = history.records((from as usize).min(to)..to);
        let line = |record| scene::event_line(record, self.lockstep.scenario(), path);
        Ok(format!("[{}]", records.iter().map(line).collect::<Vec<_>>().join(",")))
    }
}

#[wasm_bindgen]
impl Player {
    /// [`Player::opened`].
    ///
    /// # Errors
    /// An `Error` with a `code`.
    #[wasm_bindgen(constructor)]
    pub fn new(source: &str) -> Result<Self, JsValue> {
        Self::opened(source).map_err(Refusal::thrown)
    }

    /// Steps taken.
    #[wasm_bindgen(getter)]
    pub fn position(&self) -> u32 {
        self.lockstep.position() as u32
    }

    /// Steps in all.
    #[wasm_bindgen(getter)]
    pub fn length(&self) -> u32 {
        self.lockstep.len() as u32
    }

    /// Where the run opens.
    #[wasm_bindgen(getter)]
    pub fn opening(&self) -> u32 {
        self.lockstep.opening() as u32
    }

    /// How many paths run.
    #[wasm_bindgen(getter)]
    pub fn paths(&self) -> u32 {
        self.lockstep.paths().len() as u32
    }

    /// Goes to the moment after so many steps, or to the end.
    pub fn seek(&mut self, position: u32) {
        self.lockstep.seek(position as usize);
    }

    /// Where the next moment of a kind is, or the previous one; `undefined` if there is none.
    ///
    /// # Errors
    /// An `Error` with a `code`, if there is no such kind.
    pub fn find(&self, kind: &str, forward: bool) -> Result<Option<u32>, JsValue> {
        self.place_of(kind, forward).map(|place| place.map(|place| place as u32)).map_err(Refusal::thrown)
    }

    /// The moment in values, as JSON.
    pub fn state(&mut self) -> String {
        let (fragment, moments) = (self.fragment(), self.moments());
        let preset = self.link.preset.clone();
        let (lockstep, page) = self.page();
        let state = state::State::of(lockstep, fragment, preset.as_deref(), page, &moments);
        serde_json::to_string(&state).unwrap_or_default()
    }

    /// [`Player::event_list`].
    ///
    /// # Errors
    /// An `Error` with a `code`, if the run has no such path.
    pub fn events(&self, path: &str, from: u32, to: u32) -> Result<String, JsValue> {
        self.event_list(path, from, to).map_err(Refusal::thrown)
    }

    /// What happened last, in one sentence or two: the caption and the announcement.
    pub fn sentence(&self) -> String {
        told(&self.lockstep).text()
    }

    /// The link of the moment, without its `#`.
    pub fn link(&self) -> String {
        self.fragment()
    }

    /// The stage of the n-th path as SVG whose colours [`stage_css`] brings. `id` is the beginning of the ids inside:
    /// two stages of one document need two.
    pub fn stage(&mut self, path: u32, width: u32, id: &str) -> String {
        let width = width.clamp(NARROWEST, WIDEST);
        let view = View { width, projection: Projection::for_width(width), id: id.to_owned() };
        let path = path as usize;
        let moment = Moment::of(&self.lockstep, path);
        self.page().1.draw(path, &moment, &view).svg
    }

    /// [`Player::drawn`].
    ///
    /// # Errors
    /// An `Error` with a `code`, if there is no such theme.
    pub fn figure(&mut self, width: u32, theme: &str) -> Result<String, JsValue> {
        self.drawn(width, theme).map_err(Refusal::thrown)
    }

    /// The tick of every path as text of 80 columns; `address` is what stands before the link under it.
    pub fn text(&mut self, address: &str) -> String {
        let source = format!("{}#{}", address.trim_end_matches('#'), self.fragment());
        let moments = self.moments();
        mail::text(self.page().1, &moments, &source)
    }
}

/// The style sheet that [`Player::stage`] needs: `light` or `dark`.
///
/// # Errors
/// An `Error` with a `code`, if there is no such theme.
#[wasm_bindgen]
pub fn stage_css(theme: &str) -> Result<String, JsValue> {
    theme_named(theme).map(Theme::css).map_err(Refusal::thrown)
}

/// The presets: name, title and question, as JSON.
#[wasm_bindgen]
pub fn presets() -> String {
    let known = PRESETS.iter().filter_map(|known| Some((known.name, preset(known.name).ok()?)));
    let listed: Vec<_> = known.map(|(name, scenario)| state::Listed::of(name, scenario)).collect();
    serde_json::to_string(&listed).unwrap_or_default()
}

fn theme_named(name: &str) -> Result<Theme, Refusal> {
    match name {
        "auto" => Ok(Theme::Auto),
        "light" => Ok(Theme::Light),
        "dark" => Ok(Theme::Dark),
        _ => Err(Refusal::new("theme", format!("no theme is called \"{name}\"; there are: auto, light, dark"))),
    }
}

#[cfg(test)]
mod tests;
