//! The question, and the choice of another.

use super::event::chosen;
use super::part::{Draw, Send};
use crate::app::Msg;
use apic_core::scenario::PRESETS;
use std::rc::Rc;
use yew::prelude::*;

/// The scenario's words, and the choice.
#[derive(PartialEq)]
pub(crate) struct Presets {
    pub(crate) question: AttrValue,
    pub(crate) summary: AttrValue,
    pub(crate) sources: Vec<String>,
    /// The preset it came from.
    pub(crate) origin: Option<String>,
    /// Whether it is no longer the preset's.
    pub(crate) edited: bool,
    /// Names and titles of all presets.
    pub(crate) all: Rc<[(&'static str, String)]>,
    pub(crate) send: Send,
}

impl Draw for Presets {
    fn draw(&self) -> Html {
        let props = self;
        let onchange = props.send.reform(|e: Event| Msg::Choose(chosen(&e).unwrap_or_default()));
        let origin = props.origin.as_deref().filter(|_| !props.edited);
        let again = props.origin.clone().filter(|_| props.edited);
        let over = again.map(|name| {
            let onclick = props.send.reform(move |_: MouseEvent| Msg::Choose(name.clone()));
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
                    <select id="preset" data-testid="preset" ~value={origin.unwrap_or_default().to_owned()} {onchange}>
                        <option value="" hidden={true} selected={origin.is_none()}>{ "Your own" }</option>
                        { for props.all.iter().map(|(name, title)| html! {
                            <option value={*name} selected={origin == Some(*name)}>{ title.clone() }</option>
                        }) }
                    </select>
                    <span>{ over }</span>
                </div>
            </div>
        }
    }
}

/// Names and titles of all presets.
pub(crate) fn all() -> Rc<[(&'static str, String)]> {
    PRESETS.iter().map(|p| (p.name, p.scenario().map_or_else(|_| p.name.to_owned(), |s| s.meta.title))).collect()
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
