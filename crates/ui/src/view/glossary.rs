//! A definition beside its word, and all of them in a dialog.

use super::event::field;
use super::part::{Draw, Send};
use super::raw::Raw;
use crate::app::Msg;
use crate::app::define::Ask;
use crate::glossary::{Entry, Glossary};
use crate::words::push_text;
use yew::prelude::*;

/// Id of what shows a definition.
pub(crate) const DEFINITION: &str = "definition";
/// Id of the dialog.
pub(crate) const DIALOG: &str = "glossary";

/// A definition beside its word, if one is asked for. Where it stands, `app/define.rs` says.
#[derive(PartialEq)]
pub(crate) struct Definition {
    /// The term; empty if there is none.
    pub(crate) term: AttrValue,
    pub(crate) glossary: Glossary,
}

impl Draw for Definition {
    fn draw(&self) -> Html {
        html! {
            <div id={DEFINITION} class="definition" role="tooltip" hidden={self.term.is_empty()} data-testid="definition">
                <p class="defined">{ self.term.clone() }</p>
                <div>{ told(self.glossary.entry(&self.term), &self.glossary) }</div>
            </div>
        }
    }
}

/// What an entry says; or why it cannot be told.
pub(super) fn told(entry: Option<&Entry>, glossary: &Glossary) -> Html {
    let (what, source) = match (entry, glossary) {
        (Some(entry), _) => (entry.what.clone(), format!("Source: {}", entry.source)),
        (None, Glossary::Unread | Glossary::Coming) => ("…".into(), String::new()),
        (None, Glossary::Missing) => ("The definitions could not be loaded.".into(), String::new()),
        (None, Glossary::Read(_)) => ("No definition.".into(), String::new()),
    };
    html! { <><p>{ what }</p><p class="source">{ source }</p></> }
}

/// All definitions, to look something up.
#[derive(PartialEq)]
pub(crate) struct All {
    /// What is looked for.
    pub(crate) words: AttrValue,
    pub(crate) glossary: Glossary,
    pub(crate) send: Send,
}

impl Draw for All {
    fn draw(&self) -> Html {
        let oninput = self
            .send
            .reform(|e: InputEvent| Msg::Define(Ask::Search(field(&e).map(|f| f.value()).unwrap_or_default().into())));
        let found = self.glossary.search(&self.words);
        let count = match (&self.glossary, found.len()) {
            (Glossary::Read(_), 0) => {
                "Nothing is called so. Valid: a register, a field, a function, a word of the page.".to_owned()
            }
            (Glossary::Read(_), 1) => "1 term".to_owned(),
            (Glossary::Read(_), n) => format!("{n} terms"),
            (Glossary::Missing, _) => "The definitions could not be loaded.".to_owned(),
            _ => "Loading…".to_owned(),
        };
        html! {
            <dialog id={DIALOG} class="help glossary" aria-labelledby="glossary-title" data-testid="glossary-dialog">
                <form method="dialog" class="panel-head"><h2 id="glossary-title">{ "Glossary" }</h2><button>{ "Close" }</button></form>
                <label>{ "Look for " }<input autofocus={true} data-testid="glossary-search" value={self.words.clone()} {oninput} /></label>
                <p class="foot" role="status">{ count }</p>
                <Raw markup={list(&found)} />
            </dialog>
        }
    }
}

/// The definitions as markup: as virtual nodes they are kilobytes of program.
fn list(found: &[&Entry]) -> AttrValue {
    let mut out = String::from("<dl tabindex=\"0\" aria-label=\"Terms\">");
    for entry in found {
        for (before, text) in [
            ("<div><dt>", &entry.name),
            (" <span class=\"also\">", &entry.also),
            ("</span></dt><dd>", &entry.what),
            ("<p class=\"source\">Source: ", &entry.source),
        ] {
            out.push_str(before);
            push_text(&mut out, text);
        }
        out.push_str("</p></dd></div>");
    }
    out.push_str("</dl>");
    out.into()
}
