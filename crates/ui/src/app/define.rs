//! Definitions of terms: shown beside a word while the pointer is on either, while the word has the focus, or once it is
//! pressed; gone with Escape (WCAG 2.2, "Content on Hover or Focus").

use super::{App, Msg, element};
use crate::glossary::{COLUMNS, Glossary};
use crate::view::glossary::{DEFINITION, DIALOG};
use crate::view::term::TERM;
use gloo_timers::callback::Timeout;
use wasm_bindgen::JsCast;
use wasm_bridge::browser::{self, Listener};
use web_sys::{Element, Event, HtmlDialogElement, HtmlElement, KeyboardEvent, PointerEvent};
use yew::prelude::*;

/// How long a pointer rests on a word before its definition comes, and is away before it goes, in ms.
const REST_MS: u32 = 250;
/// Air between a word and its definition, and to the window's edge, in pixels.
const AIR: f64 = 6.0;

/// What is asked of the glossary.
pub(crate) enum Ask {
    /// The pointer came to a word.
    Over(Element),
    /// The pointer is on the definition.
    On,
    /// The pointer is elsewhere.
    Off,
    /// A word has the focus.
    Focus(Element),
    /// Something else has.
    Blur,
    /// A word was pressed.
    Press(Element),
    /// It has rested long enough.
    Open(Element),
    /// It has been away long enough; or Escape.
    Close,
    /// The file is here, or will not come.
    Loaded(Glossary),
    /// A rule's words are looked at.
    Wanted,
    /// Something is looked for in the dialog.
    Search(AttrValue),
    /// The window moved under the word.
    Moved,
}

/// Which definition is shown, and of what.
#[derive(Default)]
pub(crate) struct Defined {
    pub(crate) glossary: Glossary,
    /// What is looked for in the dialog.
    pub(crate) words: AttrValue,
    pub(crate) term: AttrValue,
    word: Option<Element>,
    /// It was asked for with a press: a pointer that leaves does not close it.
    pinned: bool,
    waiting: Option<Timeout>,
}

impl App {
    /// Follows a question about terms.
    pub(super) fn define(&mut self, ctx: &Context<Self>, ask: Ask) -> bool {
        let defined = &mut self.defined;
        match ask {
            Ask::Over(word) if defined.word.as_ref() == Some(&word) => {
                defined.waiting = None;
                false
            }
            Ask::Over(word) => self.after(ctx, || Ask::Open(word)),
            Ask::On => {
                defined.waiting = None;
                false
            }
            Ask::Off if defined.pinned || defined.word.is_none() => {
                defined.waiting = None;
                false
            }
            Ask::Off if defined.waiting.is_some() && defined.word.is_some() => false,
            Ask::Off => self.after(ctx, || Ask::Close),
            Ask::Focus(word) | Ask::Open(word) => self.open(ctx, word),
            Ask::Blur | Ask::Close => self.close(),
            Ask::Press(word) => {
                let again = defined.pinned && defined.word.as_ref() == Some(&word);
                if again {
                    return self.close();
                }
                self.open(ctx, word);
                self.defined.pinned = true;
                self.say_definition();
                true
            }
            Ask::Loaded(glossary) => {
                defined.glossary = glossary;
                if defined.pinned {
                    self.say_definition();
                }
                true
            }
            Ask::Wanted => {
                self.load(ctx);
                false
            }
            Ask::Search(words) => {
                defined.words = words;
                true
            }
            Ask::Moved => {
                self.place();
                false
            }
        }
    }

    /// The dialog with all terms.
    pub(super) fn all_terms(&mut self, ctx: &Context<Self>) -> bool {
        self.close();
        self.load(ctx);
        let dialog = element(DIALOG).and_then(|e| e.dyn_into::<HtmlDialogElement>().ok());
        if let Some(dialog) = dialog.filter(|d| !d.open()) {
            let _refused = dialog.show_modal();
        }
        true
    }

    fn after(&mut self, ctx: &Context<Self>, ask: impl FnOnce() -> Ask + 'static) -> bool {
        let link = ctx.link().clone();
        self.defined.waiting = Some(Timeout::new(REST_MS, move || link.send_message(Msg::Define(ask()))));
        false
    }

    fn open(&mut self, ctx: &Context<Self>, word: Element) -> bool {
        if self.defined.word.as_ref() == Some(&word) {
            self.defined.waiting = None;
            return false;
        }
        self.close();
        self.load(ctx);
        let _refused = word.set_attribute("aria-describedby", DEFINITION);
        self.defined.term = word.get_attribute(TERM).unwrap_or_default().into();
        self.defined.word = Some(word);
        true
    }

    fn close(&mut self) -> bool {
        let defined = &mut self.defined;
        (defined.waiting, defined.pinned, defined.term) = (None, false, AttrValue::default());
        let word = defined.word.take();
        if let Some(word) = &word {
            let _refused = word.remove_attribute("aria-describedby");
        }
        word.is_some()
    }

    fn load(&mut self, ctx: &Context<Self>) {
        if !matches!(self.defined.glossary, Glossary::Unread | Glossary::Missing) {
            return;
        }
        self.defined.glossary = Glossary::Coming;
        let link = ctx.link().clone();
        let files = element("app").and_then(|app| app.get_attribute("data-glossary")).unwrap_or_default();
        yew::platform::spawn_local(async move {
            let mut rows = Vec::new();
            for file in files.split(' ') {
                rows.push(browser::table(file, COLUMNS).await);
            }
            let rows = rows.into_iter().collect::<Option<Vec<_>>>().map(|files| files.concat());
            link.send_message(Msg::Define(Ask::Loaded(Glossary::of(rows))));
        });
    }

    fn say_definition(&mut self) {
        if let Some(entry) = self.defined.glossary.entry(&self.defined.term) {
            self.spoken = format!("{}: {}", entry.name, entry.what).into();
        }
    }

    /// Puts the definition beside its word: to the left of a table's row, so that the next row stays in sight, if there is
    /// room; else below, or above where there is more. A word that has become another one, or has gone out of sight, has
    /// none.
    pub(super) fn place(&mut self) {
        let Some(word) = &self.defined.word else { return };
        let window = web_sys::window();
        let size = |side: fn(&web_sys::Window) -> Result<wasm_bindgen::JsValue, wasm_bindgen::JsValue>| {
            window.as_ref().and_then(|w| side(w).ok()?.as_f64()).unwrap_or_default()
        };
        let (wide, tall) = (size(web_sys::Window::inner_width), size(web_sys::Window::inner_height));
        let at = word.get_bounding_client_rect();
        let seen = word.is_connected() && at.bottom() > 0.0 && at.top() < tall;
        if !seen || word.get_attribute(TERM).unwrap_or_default() != *self.defined.term {
            self.send.emit(Msg::Define(Ask::Close));
            return;
        }
        let Some(definition) = element(DEFINITION).and_then(|e| e.dyn_into::<HtmlElement>().ok()) else { return };
        let (width, height) = (f64::from(definition.offset_width()), f64::from(definition.offset_height()));
        let below = at.bottom() + AIR;
        let beside = at.left() > width + 2.0 * AIR && word.closest("th").is_ok_and(|head| head.is_some());
        let top = if beside {
            at.top().min(tall - height - AIR).max(AIR)
        } else if below + height + AIR > tall && at.top() > tall - at.bottom() {
            at.top() - AIR - height
        } else {
            below
        };
        let left = if beside { at.left() - width - AIR } else { at.left().min(wide - width - AIR).max(AIR) };
        for (side, value) in [("left", left), ("top", top)] {
            let _refused = definition.style().set_property(side, &format!("{}px", value as i32));
        }
    }
}

/// What the page hears of words with definitions.
pub(super) fn listeners(ctx: &Context<App>) -> [Option<Listener>; 6] {
    let hear = |ask: fn(&Event) -> Option<Ask>| {
        let link = ctx.link().clone();
        move |event: Event| {
            if let Some(ask) = ask(&event) {
                link.send_message(Msg::Define(ask));
            }
        }
    };
    [
        Listener::on_window(
            "pointerover",
            hear(|event| {
                // A finger presses; it does not hover.
                let hovers = event.dyn_ref::<PointerEvent>().is_some_and(|e| e.pointer_type() != "touch");
                hovers.then(|| match place(event) {
                    Place::Word(word) => Ask::Over(word),
                    Place::Definition => Ask::On,
                    Place::Elsewhere => Ask::Off,
                })
            }),
        ),
        Listener::on_window(
            "focusin",
            hear(|event| match place(event) {
                Place::Word(word) => Some(Ask::Focus(word)),
                _ => Some(Ask::Blur),
            }),
        ),
        Listener::on_window(
            "click",
            hear(|event| match place(event) {
                Place::Word(word) => Some(Ask::Press(word)),
                Place::Definition => None,
                Place::Elsewhere => Some(Ask::Close),
            }),
        ),
        Listener::on_window(
            "keydown",
            hear(|event| event.dyn_ref::<KeyboardEvent>().filter(|e| e.key() == "Escape").map(|_| Ask::Close)),
        ),
        Listener::on_window("scroll", hear(|_| Some(Ask::Moved))),
        Listener::on_window("resize", hear(|_| Some(Ask::Moved))),
    ]
}

enum Place {
    Word(Element),
    Definition,
    Elsewhere,
}

/// Where something happened.
fn place(event: &Event) -> Place {
    let inside = |selector: &str| {
        let target = event.target()?.dyn_into::<Element>().ok()?;
        target.closest(selector).ok()?
    };
    match inside("[data-term]") {
        Some(word) => Place::Word(word),
        None if inside("#definition").is_some() => Place::Definition,
        None => Place::Elsewhere,
    }
}
