//! What steps cost, and where each figure comes from.

use super::part::Draw;
use apic_core::cost::{self, Cost, Origin};
use yew::prelude::*;

/// Which set.
#[derive(PartialEq)]
pub(crate) struct Costs {
    pub(crate) set: AttrValue,
}

impl Draw for Costs {
    fn draw(&self) -> Html {
        let props = self;
        let Some(set) = cost::set(&props.set) else { return html! { <div></div> } };
        html! {
            <details class="costs">
                <summary>{ "Costs: Skylake server, assumed where no source exists" }</summary>
                <p>{ set.about }{ ". Each step draws its cost from the interval." }</p>
                <div class="scroll" tabindex="0" role="region" aria-label="Costs">
                    <table>
                        <thead><tr><th>{ "what" }</th><th>{ "ns" }</th><th>{ "origin" }</th></tr></thead>
                        <tbody>{ for set.costs.iter().map(line) }</tbody>
                    </table>
                </div>
            </details>
        }
    }
}

fn line(cost: &Cost) -> Html {
    let (word, more) = match cost.origin {
        Origin::Published { machine, source } => ("published", format!("{machine}; {source}")),
        Origin::ShareOf { whole } => ("share of", whole.to_owned()),
        Origin::Assumed { why } => ("assumed", why.to_owned()),
        Origin::Gap { stands_in } => ("no source", format!("that of {stands_in} stands in")),
    };
    html! {
        <tr>
            <td>{ cost.kind.what() }</td>
            <td class="num">{ cost.min_ns }{ "–" }{ cost.max_ns }</td>
            <td><b>{ word }</b>{ ": " }{ more }</td>
        </tr>
    }
}
