//! What the last step did, in words.

use super::part::Draw;
use super::term::marked;
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
        <details>
            <summary>
                <span class={format!("badge {}", props.badge)}>{ props.who.clone() }</span>
                { " " }<span class="rule-id" data-testid="rule">{ rule.id }</span>{ " " }{ rule.title }
            </summary>
            <p>{ marked(rule.what) }</p>
            <p class="source">{ "Source: " }{ rule.source }</p>
        </details>
    }
}
