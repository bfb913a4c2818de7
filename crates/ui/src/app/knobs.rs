//! Turning knobs: each change is another run of the same scenario, told to undo; what is refused is told at its field.

use super::{App, Msg, element};
use crate::compare::why;
use crate::knobs::{self, Field, Refusal};
use apic_core::scenario::{Scenario, ScenarioError};
use std::rc::Rc;
use wasm_bridge::browser;
use yew::prelude::*;

/// The columns that are read of the file of sentences: the knob's key, its names in the kernel, its unit, what it does.
pub(crate) const COLUMNS: [&str; 4] = ["key", "kernel", "unit", "what"];
/// Rows of that file.
pub(crate) type Words = Rc<[[AttrValue; COLUMNS.len()]]>;

/// What is asked of the knobs.
pub(crate) enum Ask {
    /// The panel was opened, or closed.
    Opened(bool),
    /// The sentences are here, or will not come.
    Words(Option<Vec<[String; COLUMNS.len()]>>),
    /// A value was typed or chosen.
    Turn(Field, String),
    /// As it was in the preset.
    Reset(Field),
    /// Only rules with these words.
    Rules(AttrValue),
}

/// What the panel remembers.
#[derive(Default)]
pub(crate) struct Panel {
    pub(crate) open: bool,
    pub(crate) words: Option<Words>,
    pub(crate) refusal: Option<Rc<Refusal>>,
    pub(crate) rules: AttrValue,
}

impl App {
    pub(super) fn knobs(&mut self, ctx: &Context<Self>, ask: Ask) -> bool {
        match ask {
            Ask::Opened(open) => {
                self.knobs.open = open;
                if open && self.knobs.words.is_none() {
                    Self::fetch_words(ctx);
                }
            }
            Ask::Words(rows) => {
                let cells = |row: [String; COLUMNS.len()]| row.map(AttrValue::from);
                self.knobs.words = Some(rows.into_iter().flatten().map(cells).collect());
            }
            Ask::Turn(field, typed) => match knobs::turn(self.session.lockstep.scenario(), field, &typed) {
                Ok(turned) => self.turned(ctx, field, &typed, Ok(turned)),
                Err(refusal) => self.knobs.refusal = Some(Rc::new(refusal)),
            },
            Ask::Reset(field) => {
                let back = knobs::reset(self.session.lockstep.scenario(), &self.shown.baseline, field);
                self.turned(ctx, field, "", back);
            }
            Ask::Rules(words) => self.knobs.rules = words,
        }
        true
    }

    fn turned(&mut self, ctx: &Context<Self>, field: Field, typed: &str, turned: Result<Scenario, ScenarioError>) {
        self.address.write(&self.session);
        let done = turned.and_then(|turned| {
            // What was typed again is no change.
            if turned == *self.session.lockstep.scenario() {
                Ok(false)
            } else {
                self.session.change(&turned).map(|()| true)
            }
        });
        self.knobs.refusal = None;
        match done {
            Ok(true) => {
                self.rerun(ctx);
                self.address.push(&self.session);
                self.hint = Some("A new run of the changed scenario. Undo brings the old one back.".into());
            }
            Ok(false) => {}
            Err(error) => {
                let why = [&why(&error), " Nothing has changed."].concat();
                let refusal = Refusal { field, typed: typed.to_owned(), why, nearest: None };
                self.knobs.refusal = Some(Rc::new(refusal));
            }
        }
    }

    /// The file's address stands in the page, with the mark of its version.
    fn fetch_words(ctx: &Context<Self>) {
        let Some(address) = element("app").and_then(|app| app.get_attribute("data-knobs")) else { return };
        let link = ctx.link().clone();
        yew::platform::spawn_local(async move {
            link.send_message(Msg::Knobs(Ask::Words(browser::table(&address, COLUMNS).await)));
        });
    }
}
