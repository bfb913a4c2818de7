//! Playing by hand, branches, undo and redo.

use super::{App, Msg, element};
use crate::hand;
use apic_core::machine::Actor;
use gloo_timers::callback::Timeout;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;
use yew::prelude::*;

/// What is asked of the branches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Ask {
    /// This actor of this path moves.
    Pick(usize, Actor),
    /// A branch opens here.
    Fork,
    /// Another branch is shown.
    Show(usize),
    /// The shown branch is called something else.
    Rename(String),
    /// The step that was picked is no longer offered: its neighbour gets the focus.
    Refocus(usize),
}

impl App {
    pub(super) fn hand(&mut self, ctx: &Context<Self>, ask: Ask) -> bool {
        match ask {
            Ask::Pick(path, actor) => {
                let run = self.session.run;
                if !self.session.pick(path, actor) {
                    return false;
                }
                (self.playing, self.hint) = (None, None);
                if self.session.run == run {
                    self.shown.moved(&self.session, self.choice);
                } else {
                    self.shown.rerun(&self.session, self.choice);
                    self.look_again();
                    self.judge(ctx);
                }
                self.moved(ctx);
                let link = ctx.link().clone();
                Timeout::new(0, move || link.send_message(Msg::Hand(Ask::Refocus(path)))).forget();
            }
            Ask::Fork => {
                self.session.fork();
                self.spoken = "A branch opens here; the other one stays.".into();
            }
            Ask::Show(branch) => {
                if !self.session.show(branch) {
                    return false;
                }
                self.rerun(ctx);
            }
            Ask::Rename(name) => Rc::make_mut(&mut self.session.tree).rename(&name),
            Ask::Refocus(path) => {
                self.refocus(path);
                return false;
            }
        }
        true
    }

    /// Steps are offered, or no longer.
    pub(super) fn by_hand(&mut self) -> bool {
        self.playing = None;
        self.choice.by_hand = !self.choice.by_hand;
        self.shown.draw(&self.session.lockstep, self.choice);
        let offered: usize = self.session.lockstep.paths().iter().map(|path| hand::offers(path).len()).sum();
        self.spoken = if self.choice.by_hand {
            format!("By hand: {offered} steps can be taken now.").into()
        } else {
            "By the clock.".into()
        };
        true
    }

    /// Takes the last change back, or makes it again.
    pub(super) fn turn(&mut self, ctx: &Context<Self>, back: bool) -> bool {
        let Some(what) = self.session.turn(back) else {
            self.hint = Some(if back { "Nothing to undo." } else { "Nothing to redo." }.into());
            return true;
        };
        self.rerun(ctx);
        let done = if back { "Undone" } else { "Made again" };
        self.hint = Some(format!("{done}: {what}.").into());
        true
    }

    /// The run is another one: everything is drawn for it.
    pub(super) fn rerun(&mut self, ctx: &Context<Self>) {
        (self.playing, self.hint, self.compare_refusal) = (None, None, None);
        self.choice.grid_path = self.choice.grid_path.min(self.session.lockstep.paths().len().saturating_sub(1));
        self.shown.rerun(&self.session, self.choice);
        self.look_again();
        self.goals();
        self.judge(ctx);
        self.moved(ctx);
    }

    /// Whoever picks with the keyboard finds the next offers where the last ones were.
    fn refocus(&self, path: usize) {
        let lost = element("app")
            .and_then(|app| app.owner_document()?.active_element())
            .is_none_or(|e| e.tag_name() == "BODY");
        let first = || {
            let key = &self.shown.paths.get(path)?.key;
            let selector = format!("[data-testid=\"offers-{key}\"] button");
            element("stages")?.query_selector(&selector).ok()??.dyn_into::<HtmlElement>().ok()
        };
        if let Some(button) = lost.then(first).flatten() {
            let _refused = button.focus();
        }
    }
}
