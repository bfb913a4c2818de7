//! Something the person should know: dismissible, and never in the way.

use yew::prelude::*;

/// A message, or none.
#[derive(Properties, PartialEq)]
pub(crate) struct NoticeProps {
    pub(crate) text: Option<AttrValue>,
    pub(crate) ondismiss: Callback<()>,
}

/// The message. Its frame is always there, so that screen readers notice when it fills.
#[component]
pub(crate) fn Notice(props: &NoticeProps) -> Html {
    let body = props.text.clone().map(|text| {
        let onclick = props.ondismiss.reform(|_| ());
        html! {
            <div class="notice" data-testid="notice">
                <p>{ text }</p>
                <button class="quiet" data-testid="dismiss" {onclick}>{ "Dismiss" }</button>
            </div>
        }
    });
    html! { <div role="alert">{ body }</div> }
}
