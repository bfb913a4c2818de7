//! Something the person should know: dismissible, and never in the way.

use super::part::{Draw, Send};
use crate::app::Msg;
use yew::prelude::*;

/// A message, or none.
#[derive(PartialEq)]
pub(crate) struct Notice {
    pub(crate) text: Option<AttrValue>,
    pub(crate) send: Send,
}

impl Draw for Notice {
    fn draw(&self) -> Html {
        let props = self;
        let body = props.text.clone().map(|text| {
            let onclick = props.send.reform(|_: MouseEvent| Msg::Dismiss);
            html! {
                <div class="notice" data-testid="notice">
                    <p>{ text }</p>
                    <button class="quiet" data-testid="dismiss" {onclick}>{ "Dismiss" }</button>
                </div>
            }
        });
        html! { <div role="alert">{ body }</div> }
    }
}
