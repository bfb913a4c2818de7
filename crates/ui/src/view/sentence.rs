//! What the last step did, in words.

use super::glossary::told;
use super::part::{Draw, Send};
use super::term::marked;
use crate::app::Msg;
use crate::app::define::Ask;
use crate::glossary::Glossary;
use yew::prelude::*;

/// The sentence.
#[derive(PartialEq)]
pub(crate) struct Sentence {
    /// "Pinned", "Offloaded", "Both paths"; empty before the first step.
    pub(crate) who: AttrValue,
    /// Class of the badge: a path's name, or `both`.
    pub(crate) badge: AttrValue,
    pub(crate) rule: Option<&'static apic_core::rule::RuleInfo>,
    pub(crate) main: AttrValue,
    pub(crate) aside: Option<AttrValue>,
    /// Where the rule's words are, once they were asked for.
    pub(crate) glossary: Glossary,
    pub(crate) send: Send,
}

impl Draw for Sentence {
    fn draw(&self) -> Html {
        let props = self;
        let aside = props.aside.clone().map(|aside| html! { <span class="aside">{ " " }{ marked(&aside) }</span> });
        html! {
            <section class="card sentence" aria-label="What happened">
                <p class="say" data-testid="sentence">{ marked(&props.main) }<span>{ aside }</span></p>
                <div class="why">{ why(props) }</div>
            </section>
        }
    }
}

fn why(props: &Sentence) -> Html {
    let Some(rule) = props.rule else { return Html::default() };
    html! {
        <details ontoggle={props.send.reform(|_: Event| Msg::Define(Ask::Wanted))}>
            <summary>
                <span class={format!("badge {}", props.badge)}>{ props.who.clone() }</span>
                { " " }<span class="rule-id" data-testid="rule">{ rule.id }</span>{ " " }{ rule.title }
            </summary>
            <div>{ told(props.glossary.entry(rule.id), &props.glossary) }</div>
        </details>
    }
}
