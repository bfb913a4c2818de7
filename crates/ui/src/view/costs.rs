//! What steps cost, and where each figure comes from: told under the ledger, and turned among the knobs.

use super::knobs::Knobs;
use super::part::{Draw, Send};
use crate::app::Msg;
use crate::knobs::{self, Field};
use crate::later::Later;
use apic_core::cost::{self, Cost, CostKind, Origin};
use yew::prelude::*;

/// Which set.
#[derive(PartialEq)]
pub(crate) struct Costs {
    pub(crate) set: AttrValue,
    pub(crate) later: Later,
    pub(crate) send: Send,
}

impl Draw for Costs {
    fn draw(&self) -> Html {
        let ontoggle = self.send.reform(|_: Event| Msg::Later);
        html! {
            <details class="costs" {ontoggle}>
                <summary>{ "Costs: Skylake server, assumed where no source exists" }</summary>
                <div>{ self.later.draw(|| self.body()) }</div>
            </details>
        }
    }
}

impl Costs {
    fn body(&self) -> Html {
        let Some(set) = cost::set(&self.set) else { return Html::default() };
        html! {
            <>
                <p>{ set.about }{ ". Each step draws its cost from the interval." }</p>
                <div class="scroll" tabindex="0" role="region" aria-label="Costs">
                    <table>
                        <thead><tr><th>{ "what" }</th><th>{ "ns" }</th><th>{ "origin" }</th></tr></thead>
                        <tbody>{ for set.costs.iter().map(line) }</tbody>
                    </table>
                </div>
            </>
        }
    }
}

fn origin(cost: &Cost) -> (&'static str, String) {
    match cost.origin {
        Origin::Published { machine, source } => ("published", format!("{machine}; {source}")),
        Origin::ShareOf { whole } => ("share of", whole.to_owned()),
        Origin::Assumed { why } => ("assumed", why.to_owned()),
        Origin::Gap { stands_in } => ("no source", format!("that of {stands_in} stands in")),
    }
}

fn line(cost: &Cost) -> Html {
    let (word, more) = origin(cost);
    html! {
        <tr>
            <td>{ cost.kind.what() }</td>
            <td class="num">{ cost.min_ns }{ "–" }{ cost.max_ns }</td>
            <td><b>{ word }</b>{ ": " }{ more }</td>
        </tr>
    }
}

/// The choice of a set, and of each cost of one's own.
pub(super) fn editor(props: &Knobs) -> Html {
    let (costs, was) = (&props.scenario.costs, &props.baseline.costs);
    let own = costs.own.as_ref();
    let changed = usize::from(costs.set != was.set) + own.map_or(0, |own| own.costs.len());
    let changed = if costs == was { 0 } else { changed.max(1) };
    let names: Vec<&str> = cost::SETS.iter().map(|set| set.name).collect();
    let body = html! {
        <>
            <div class="knob" data-knob="costs.set">
                <code>{ "costs.set" }</code>
                <span class="knob-control">{ props.select(Field::Set, &names, &costs.set, "costs.set", "knob-costs.set".to_owned()) }</span>
                <span class="knob-what">{ costs.set().about }{ ". Each step draws its cost from the interval." }</span>
                { props.why(Field::Set) }
            </div>
            <p class="about">{ own.map(|own| format!("Own values: {}.", own.source)) }</p>
            { for costs.set().costs.iter().map(|cost| row(props, cost)) }
        </>
    };
    props.section("Costs", changed, Field::Costs, body)
}

fn row(props: &Knobs, cost: &Cost) -> Html {
    let (kind, what) = (cost.kind, cost.kind.what());
    let (min, max) = knobs::price(&props.scenario, kind);
    let own = knobs::own(&props.scenario, kind);
    let (word, more) = match own {
        Some(_) => ("own value", format!("the set says {}–{} ns", cost.min_ns, cost.max_ns)),
        None => origin(cost),
    };
    let tail = match own {
        Some(own) => own.tail,
        None => cost.tail,
    };
    let tail = tail.map(|tail| format!(", once in {} up to {} ns", tail.one_in, tail.max_ns));
    let end = |most: bool, now: u32, word: &str| {
        let (field, label) = (Field::Cost(kind, most), [what, ", ", word].concat());
        props.number(field, now.to_string(), label, format!("cost-{}-{word}", name(kind)))
    };
    html! {
        <div class="knob" data-cost={name(kind)} data-changed={own.is_some().to_string()}>
            <span>{ what }</span>
            <span class="knob-control">{ end(false, min, "least") }{ "–" }{ end(true, max, "most") }{ " ns" }{ tail }</span>
            <span class="changed">{ own.map(|_| "changed") }{ own.map(|_| props.reset(Field::Cost(kind, false), what)) }</span>
            <span class="knob-what"><b>{ word }</b>{ ": " }{ more }</span>
            { props.why(Field::Cost(kind, false)) }
            { props.why(Field::Cost(kind, true)) }
        </div>
    }
}

/// The kind's number: as short as an id can be.
fn name(kind: CostKind) -> String {
    (kind as usize).to_string()
}
