//! Long runs: asked for, watched, stopped, and what they found.

use super::part::{Draw, Send};
use crate::app::Msg;
use crate::app::measure::{Ask, Shown};
use crate::words;
use apic_core::run::Example;
use apic_core::units::Ns;
use wasm_bindgen::JsCast;
use wasm_bridge::worker::long_run::{Findings, RANKS};
use web_sys::{HtmlFormElement, HtmlInputElement};
use yew::prelude::*;

/// The panel.
#[derive(PartialEq)]
pub(crate) struct Measure {
    pub(crate) shown: Shown,
    pub(crate) send: Send,
}

/// What the field offers at first.
const FIRST: &str = "100 000";

impl Draw for Measure {
    fn draw(&self) -> Html {
        let shown = &self.shown;
        let busy = shown.under_way.is_some();
        let send = self.send.clone();
        let onsubmit = Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let field = event.target_dyn_into::<HtmlFormElement>().and_then(|f| f.get_with_name("ticks"));
            if let Some(typed) = field.and_then(|f| f.dyn_into::<HtmlInputElement>().ok()) {
                send.emit(Msg::Measure(Ask::Run(typed.value())));
            }
        });
        let oncancel = self.send.reform(|_: MouseEvent| Msg::Measure(Ask::Cancel));
        let refusal = shown.refusal.clone().map(|why| {
            html! { <p class="refusal" id="ticks-refusal" data-testid="ticks-refusal">{ why }</p> }
        });
        let failure =
            shown.failure.clone().map(|why| html! { <p class="refusal" data-testid="lab-failure">{ why }</p> });
        html! {
            <details class="card measure" data-testid="measure">
                <summary><b>{ "Measure" }</b>{ " " }<span class="about">{ "a long run, beside the page" }</span></summary>
                <form class="row-of-buttons" {onsubmit}>
                    <label>{ "ticks per path " }
                        <input name="ticks" data-testid="ticks" inputmode="numeric" ~defaultValue={FIRST} autocomplete="off"
                            aria-invalid={shown.refusal.is_some().to_string()}
                            aria-describedby={shown.refusal.is_some().then_some("ticks-refusal")} /></label>
                    <button data-testid="long-run" disabled={busy}>{ "Run" }</button>
                    <button type="button" data-testid="cancel-run" disabled={!busy} onclick={oncancel}>{ "Stop" }</button>
                </form>
                <div role="alert">{ refusal }{ failure }</div>
                { progress(shown) }
                { shown.findings.as_deref().map(table) }
            </details>
        }
    }
}

fn progress(shown: &Shown) -> Html {
    let Some(progress) = shown.under_way else {
        let words = if shown.cancelled { "Stopped: what was found until then." } else { "" };
        return html! { <p class="about" data-testid="run-state">{ words }</p> };
    };
    let of = words::grouped(progress.of);
    let text = [words::grouped(progress.done).as_str(), " of ", &of, " ticks"].concat();
    html! {
        <p class="about" data-testid="run-state">
            <progress max={progress.of.max(1).to_string()} value={progress.done.to_string()} aria-label="How far the run is" />
            { " " }{ text }
        </p>
    }
}

/// Latency by rank, path by path.
fn table(findings: &Findings) -> Html {
    let head = |i: usize| match RANKS[i] {
        0 => "least".to_owned(),
        1_000 => "most".to_owned(),
        rank if rank % 10 == 0 => format!("{} %", rank / 10),
        rank => format!("{}.{} %", rank / 10, rank % 10),
    };
    let cell = |e: &Example| html! { <td>{ signed(e.ns) }</td> };
    let row = |i: usize| {
        html! {
            <tr><th scope="row">{ head(i) }</th>
            { for findings.paths.iter().filter_map(|p| p.latency.ranks.get(i)).map(cell) }</tr>
        }
    };
    html! {
        <table data-testid="latency-table">
            <caption>{ "From expiry to the handler's first instruction" }</caption>
            <thead><tr><td></td>{ for findings.paths.iter().map(|p| html! { <th scope="col">{ p.title.clone() }</th> }) }</tr></thead>
            <tbody>{ for (0..RANKS.len()).map(row) }</tbody>
        </table>
    }
}

fn signed(ns: i64) -> String {
    let size = words::span(Ns::from_ns(ns.unsigned_abs()));
    if ns < 0 { ["−", &size].concat() } else { size }
}
