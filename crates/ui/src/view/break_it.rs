//! Break it: rules to take away, the search, its verdict, and the way from there to the stage; the proof of what is on the
//! stage.

use super::part::{Draw, Send};
use crate::app::Msg;
use crate::app::break_it::{Ask, Shown};
use crate::later::Later;
use crate::names::Name;
use crate::proofs::Proof;
use crate::words;
use apic_core::kvm::Fault;
use std::rc::Rc;
use wasm_bridge::worker::check::{Checked, Verdict};
use web_sys::HtmlSelectElement;
use yew::prelude::*;

/// The panel.
#[derive(PartialEq)]
pub(crate) struct BreakIt {
    pub(crate) shown: Shown,
    /// What is proved of the scenario on the stage.
    pub(crate) proofs: Rc<[Proof]>,
    pub(crate) paths: Rc<[Name]>,
    /// The run on the stage has no clock.
    pub(crate) plays: bool,
    pub(crate) later: Later,
    pub(crate) send: Send,
}

impl BreakIt {
    fn ask<E: 'static>(&self, ask: impl Fn(E) -> Ask + 'static) -> Callback<E> {
        self.send.reform(move |event| Msg::BreakIt(ask(event)))
    }
}

impl Draw for BreakIt {
    fn draw(&self) -> Html {
        let badge = if self.proofs.is_empty() { "which rule saves the tick" } else { "proved: no interrupt is lost" };
        let ontoggle = self.send.reform(|_: Event| Msg::Later);
        html! {
            <details class="card break-it" data-testid="break-it" {ontoggle}>
                <summary><b>{ "Break it" }</b>{ " " }<span class="about" data-testid="proof-badge">{ badge }</span></summary>
                <div>{ self.later.draw(|| self.body()) }</div>
            </details>
        }
    }
}

impl BreakIt {
    fn body(&self) -> Html {
        let shown = &self.shown;
        let nothing = shown.without.is_empty();
        let refusal =
            shown.failure.clone().map(|why| html! { <p class="refusal" data-testid="break-failure">{ why }</p> });
        html! {
            <>
                <div>{ self.proved() }</div>
                <fieldset><legend>{ "Rules to take away" }</legend>
                    <ul class="rules">{ for Fault::ALL.iter().map(|fault| self.rule(*fault)) }</ul></fieldset>
                { self.place() }
                <div class="row-of-buttons">
                    <button data-testid="check" disabled={shown.under_way || nothing} onclick={self.ask(|_: MouseEvent| Ask::Check)}>
                        { "Check" }</button>
                    <button data-testid="cancel-check" disabled={!shown.under_way}
                        onclick={self.ask(|_: MouseEvent| Ask::Cancel)}>{ "Stop" }</button>
                </div>
                <div role="alert">{ refusal }</div>
                <p class="about" data-testid="check-state">{ state(shown) }</p>
                <div>{ shown.checked.as_ref().and_then(|checked| self.verdict(checked)) }</div>
                <p data-testid="judged">{ self.judged() }</p>
            </>
        }
    }

    /// What is proved of each path, to be proved again.
    fn proved(&self) -> Html {
        let line = |proof: &Proof| {
            let path = proof.path.name().to_owned();
            let text = format!(
                "{}: no interrupt is lost, early or delivered twice in any interleaving of this scenario, {} states. Bound: {}. ",
                proof.path.title(),
                words::grouped(proof.states),
                proof.bound
            );
            html! {
                <li data-testid={format!("proof-{path}")}>{ text }
                    <button disabled={self.shown.under_way} data-testid={format!("prove-{path}")}
                        onclick={self.ask(move |_: MouseEvent| Ask::Prove(path.clone()))}>{ "Prove it again" }</button></li>
            }
        };
        html! { <ul class="proofs">{ for self.proofs.iter().map(line) }</ul> }
    }

    fn rule(&self, fault: Fault) -> Html {
        let info = fault.info();
        let era = info.real.map_or("counterfactual".to_owned(), |kernels| ["real: ", kernels].concat());
        html! {
            <li><label>
                <input type="checkbox" data-testid={format!("rule-{}", info.id)} checked={self.shown.without.has(fault)}
                    onchange={self.ask(move |_: Event| Ask::Toggle(fault))} />
                <span><b>{ info.id }</b>{ " " }{ info.title }{ " " }<span class="about">{ "(" }{ era }{ ")" }</span></span>
            </label>
            <details class="more"><summary>{ "without it" }</summary>
                <p>{ info.what }{ " " }{ info.symptom }</p><p class="source">{ "Repair: " }{ info.repair }</p></details></li>
        }
    }

    /// Where it is searched.
    fn place(&self) -> Html {
        let value = self.shown.path.clone().unwrap_or_default();
        let onchange = self.ask(|event: Event| {
            let value = event.target_dyn_into::<HtmlSelectElement>().map(|s| s.value()).unwrap_or_default();
            Ask::Path((!value.is_empty()).then_some(value))
        });
        let option = |name: &Name| {
            let path = name.way.path;
            html! {
                <option value={path.name()} selected={value == path.name()}>{ "on the stage, " }{ path.title() }</option>
            }
        };
        html! {
            <label class="place">{ "searched in " }
                <select data-testid="check-where" ~value={value.clone()} {onchange}>
                    <option value="" selected={value.is_empty()}>{ "the smallest scenario that shows the first rule" }</option>
                    { for self.paths.iter().filter(|name| name.way.era.is_none()).map(option) }
                </select></label>
        }
    }

    fn verdict(&self, checked: &Checked) -> Option<Html> {
        let seen = format!("{} states. Bound: {}.", words::grouped(checked.states), checked.bound);
        let said = match checked.verdict.as_ref()? {
            Verdict::Holds => html! {
                <p data-testid="verdict">{ "Holds: no interrupt is lost, early or delivered twice in any interleaving. " }{ seen }</p>
            },
            Verdict::Violated { broken, moves, .. } => html! {
                <>
                    <p data-testid="verdict">{ "Violated: " }{ broken }{ ". The shortest run that shows it has " }{ moves }
                        { " moves. " }{ seen }</p>
                    <div class="row-of-buttons">
                        <button data-testid="watch" onclick={self.ask(|_: MouseEvent| Ask::Watch)}>{ "Watch it" }</button>
                        <button data-testid="try" onclick={self.ask(|_: MouseEvent| Ask::Try)}>{ "Lose it by hand" }</button>
                    </div>
                </>
            },
            Verdict::Unfinished { nearest } => {
                let nearest = nearest.as_ref().map_or_else(String::new, |(bound, states)| {
                    format!(" The nearest bound that finishes: {bound} ({} states).", words::grouped(*states))
                });
                let text = format!(
                    "Not finished: more than {} states, {} still to be looked at. Covered is every interleaving of up to {} \
                     moves, and in them nothing was violated. This proves nothing. Bound: {}.{nearest}",
                    words::grouped(checked.states),
                    words::grouped(checked.frontier),
                    checked.depth,
                    checked.bound
                );
                html! { <p data-testid="verdict">{ text }</p> }
            }
        };
        Some(said)
    }

    /// The game's tally.
    fn judged(&self) -> Option<String> {
        let judged = self.shown.judged.as_ref().filter(|_| self.plays)?;
        let par = match self.shown.checked.as_ref().and_then(|checked| checked.verdict.as_ref()) {
            Some(Verdict::Violated { moves, .. }) => format!(" Par is {moves}."),
            _ => String::new(),
        };
        let said = if judged.broken.is_some() { "lost" } else { "nothing is lost yet" };
        Some(format!("The run on the stage: {} moves, {said}.{par}", judged.moves))
    }
}

fn state(shown: &Shown) -> String {
    match &shown.checked {
        Some(checked) if shown.under_way => format!(
            "{} states, depth {}, {} to be looked at, {} states a second",
            words::grouped(checked.states),
            checked.depth,
            words::grouped(checked.frontier),
            words::grouped(shown.per_second)
        ),
        None if shown.under_way => "The search begins.".to_owned(),
        _ if shown.cancelled => "Stopped. This proves nothing.".to_owned(),
        _ => String::new(),
    }
}
