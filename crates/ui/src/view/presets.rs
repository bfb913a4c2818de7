//! The question, and the choice of another.

use apic_core::scenario::PRESETS;
use wasm_bindgen::JsCast;
use web_sys::HtmlSelectElement;
use yew::prelude::*;

/// The scenario's words, and the choice.
#[derive(Properties, PartialEq)]
pub(crate) struct PresetsProps {
    pub(crate) question: AttrValue,
    pub(crate) summary: AttrValue,
    pub(crate) sources: Vec<String>,
    /// The preset it came from.
    pub(crate) origin: Option<String>,
    /// Whether it is no longer the preset's.
    pub(crate) edited: bool,
    pub(crate) onchoose: Callback<String>,
}

/// The question as the heading, with the chooser beside it.
#[component]
pub(crate) fn Presets(props: &PresetsProps) -> Html {
    let titles = use_memo((), |()| {
        let title = |p: &apic_core::scenario::Preset| p.scenario().map_or_else(|_| p.name.to_owned(), |s| s.meta.title);
        PRESETS.iter().map(|p| (p.name, title(p))).collect::<Vec<_>>()
    });
    let onchoose = props.onchoose.clone();
    let onchange = Callback::from(move |event: Event| {
        if let Some(select) = event.target().and_then(|t| t.dyn_into::<HtmlSelectElement>().ok()) {
            onchoose.emit(select.value());
        }
    });
    let origin = props.origin.as_deref().filter(|_| !props.edited);
    let again = props.origin.clone().filter(|_| props.edited);
    let over = again.map(|name| {
        let onclick = props.onchoose.reform(move |_: MouseEvent| name.clone());
        html! { <button class="quiet" data-testid="start-over" {onclick}>{ "Undo my changes" }</button> }
    });
    html! {
        <div class="question">
            <div class="question-words">
                <h1>{ props.question.clone() }</h1>
                <p class="summary">{ props.summary.clone() }</p>
                <div>{ sources(&props.sources) }</div>
            </div>
            <div class="preset">
                <label for="preset">{ "Scenario" }</label>
                <select id="preset" data-testid="preset" {onchange}>
                    <option value="" hidden={true} selected={origin.is_none()}>{ "Your own" }</option>
                    { for titles.iter().map(|(name, title)| html! {
                        <option value={*name} selected={origin == Some(*name)}>{ title.clone() }</option>
                    }) }
                </select>
                <span>{ over }</span>
            </div>
        </div>
    }
}

fn sources(sources: &[String]) -> Html {
    if sources.is_empty() {
        return Html::default();
    }
    html! {
        <details class="sources">
            <summary>{ "Sources" }</summary>
            <ul>{ for sources.iter().map(|s| html! { <li>{ s.clone() }</li> }) }</ul>
        </details>
    }
}
