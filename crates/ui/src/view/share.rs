//! The link, for when the clipboard was refused.

use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;
use yew::prelude::*;

/// The link to show, or none.
#[derive(Properties, PartialEq)]
pub(crate) struct ShareProps {
    pub(crate) link: Option<AttrValue>,
    pub(crate) onclose: Callback<()>,
}

/// The link in a field, selected.
#[component]
pub(crate) fn Share(props: &ShareProps) -> Html {
    let field = use_node_ref();
    {
        let field = field.clone();
        use_effect_with(props.link.clone(), move |link| {
            if let Some(field) = field.cast::<HtmlInputElement>().filter(|_| link.is_some()) {
                let _refused = field.focus();
                field.select();
            }
        });
    }
    let body = props.link.clone().map(|link| {
        html! {
            <div class="notice share" data-testid="share-panel">
                <label for="share-link">{ "The browser did not let the page copy. Copy it from here:" }</label>
                <input id="share-link" ref={field} readonly={true} value={link} onfocus={select_all} />
                <button class="quiet" onclick={props.onclose.reform(|_| ())}>{ "Close" }</button>
            </div>
        }
    });
    html! { <div>{ body }</div> }
}

fn select_all(event: FocusEvent) {
    if let Some(field) = event.target().and_then(|t| t.dyn_into::<HtmlInputElement>().ok()) {
        field.select();
    }
}
