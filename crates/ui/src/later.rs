//! The second part of the program: what stands behind panels that few people open at first.
//!
//! `cargo xtask dist` cuts the program in two at [`behind`] (`xtask/src/split`): functions and constants that nothing
//! reaches but by way of it are in a file of their own, which is loaded when such a panel is first opened. Both parts are
//! one program with one memory, so what is behind the border is ordinary code. Only it needs [`Here`], which nobody has
//! before the file is there.
//!
//! To put a panel there: its body is drawn by [`Later::draw`], and its messages are among those that `app/later.rs`
//! handles.

use std::fmt;
use wasm_bridge::browser;
use yew::prelude::*;

/// The second part is there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Here(());

/// Whether the second part is there.
#[derive(Clone, PartialEq, Default)]
pub(crate) enum Later {
    /// Nobody has asked for it.
    #[default]
    Away,
    Coming,
    Here(Here),
    /// Why it did not come, in whole sentences.
    Missing(AttrValue),
}

/// Does something in the second part. This is the border: `xtask` knows it by its name, so it must stay a function.
#[inline(never)]
pub(crate) fn behind<R>(_: Here, work: impl FnOnce() -> R) -> R {
    work()
}

impl Later {
    /// Loads it.
    pub(crate) async fn load() -> Self {
        match browser::second_part().await {
            Ok(()) => Self::Here(Here(())),
            Err(why) => Self::Missing(why.into()),
        }
    }

    pub(crate) fn here(&self) -> Option<Here> {
        if let Self::Here(here) = self { Some(*here) } else { None }
    }

    /// Whether it has to be asked for.
    pub(crate) fn is_wanted(&self) -> bool {
        matches!(self, Self::Away | Self::Missing(_))
    }

    /// What the second part draws, or in its place why it is not there.
    pub(crate) fn draw(&self, draw: impl FnOnce() -> Html) -> Html {
        match self {
            Self::Here(here) => behind(*here, draw),
            _ => self.instead(),
        }
    }

    fn instead(&self) -> Html {
        let Self::Missing(why) = self else { return html! { <p class="about" role="status">{ "Loading…" }</p> } };
        html! { <p class="refusal" role="alert" data-testid="later-failure">{ why.clone() }</p> }
    }
}

impl fmt::Debug for Here {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Here")
    }
}
