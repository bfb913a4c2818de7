//! A word with a definition: on hover, on focus and when pressed. `app/define.rs` listens for all of them at once.

use crate::terms;
use crate::words;
use yew::prelude::*;

/// The attribute that names a word's entry in the glossary.
pub(crate) const TERM: &str = "data-term";

/// A word as the glossary has it.
pub(crate) fn term(name: &'static str) -> Html {
    spelled(name, words::breakable(name).into())
}

/// A word that is spelled otherwise.
fn spelled(name: &'static str, text: AttrValue) -> Html {
    html! { <button type="button" class="term" data-term={name}>{ text }</button> }
}

/// A sentence with its terms.
pub(crate) fn marked(sentence: &str) -> Html {
    let piece = |p: &terms::Piece<'_>| match p.term {
        Some(term) => spelled(term, p.text.to_owned().into()),
        None => html! { p.text.to_owned() },
    };
    // In an element of its own: how many pieces there are changes from step to step.
    html! { <span>{ for terms::pieces(sentence).iter().map(piece) }</span> }
}
