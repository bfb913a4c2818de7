//! The link, for when the clipboard was refused.

use super::event::field;
use super::part::{Draw, Send};
use crate::app::Msg;
use yew::prelude::*;

/// Id of the field that holds the link.
pub(crate) const FIELD: &str = "share-link";

/// The link to show, or none.
#[derive(PartialEq)]
pub(crate) struct Share {
    pub(crate) link: Option<AttrValue>,
    pub(crate) send: Send,
}

impl Draw for Share {
    fn draw(&self) -> Html {
        let body = self.link.clone().map(|link| {
            html! {
                <div class="notice share" data-testid="share-panel">
                    <label for={FIELD}>{ "The browser did not let the page copy. Copy the link from here:" }</label>
                    <input id={FIELD} readonly={true} value={link} onfocus={|e: FocusEvent| select_all(&e)} />
                    <button class="quiet" onclick={self.send.reform(|_: MouseEvent| Msg::Shared)}>{ "Close" }</button>
                </div>
            }
        });
        html! { <div>{ body }</div> }
    }
}

fn select_all(event: &FocusEvent) {
    if let Some(field) = field(event) {
        field.select();
    }
}
