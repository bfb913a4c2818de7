//! Long runs: asked for, watched, stopped; and what they found, as pictures and tables that lead to the stage.

use super::descriptor::segments;
use super::event::pressed;
use super::part::{Draw, Send};
use super::raw::Raw;
use crate::app::Msg;
use crate::app::measure::{Ask, PLACE, Shown};
use crate::chart;
use crate::later::Later;
use crate::words;
use wasm_bindgen::JsCast;
use wasm_bridge::worker::picture::{Chart, Moment, Row, Table};
use web_sys::{File, HtmlFormElement, HtmlInputElement, HtmlTextAreaElement};
use yew::prelude::*;

/// The panel.
#[derive(PartialEq)]
pub(crate) struct Measure {
    pub(crate) shown: Shown,
    /// Where the scenario's own costs are from, if it has some.
    pub(crate) costs: Option<AttrValue>,
    pub(crate) later: Later,
    pub(crate) send: Send,
}

/// What the field offers at first.
const FIRST: &str = "100 000";

const CHARTS: [(Chart, &str); 6] = [
    (Chart::Latency, "Latency"),
    (Chart::LatencyCurve, "Cumulative"),
    (Chart::Jitter, "Jitter"),
    (Chart::Exits, "Exits"),
    (Chart::GuestTime, "Lost"),
    (Chart::Housekeepers, "Housekeepers"),
];

impl Draw for Measure {
    fn draw(&self) -> Html {
        let ontoggle = self.send.reform(|_: Event| Msg::Measure(Ask::Toggled));
        html! {
            <details class="card measure" data-testid="measure" {ontoggle}>
                <summary><b>{ "Measure" }</b>{ " " }<span class="about">{ "long runs, and what they add up to" }</span></summary>
                <div>{ self.later.draw(|| self.body()) }</div>
            </details>
        }
    }
}

impl Measure {
    fn body(&self) -> Html {
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
        let onflips = self.send.reform(|_: MouseEvent| Msg::Measure(Ask::Flips));
        let oncancel = self.send.reform(|_: MouseEvent| Msg::Measure(Ask::Cancel));
        let refusal = shown.refusal.clone().map(|why| {
            html! { <p class="refusal" id="ticks-refusal" data-testid="ticks-refusal">{ why }</p> }
        });
        let failure =
            shown.failure.clone().map(|why| html! { <p class="refusal" data-testid="lab-failure">{ why }</p> });
        html! {
            <>
                <form class="row-of-buttons" {onsubmit}>
                    <label>{ "ticks per path " }
                        <input name="ticks" data-testid="ticks" inputmode="numeric" ~defaultValue={FIRST} autocomplete="off"
                            aria-invalid={shown.refusal.is_some().to_string()}
                            aria-describedby={shown.refusal.is_some().then_some("ticks-refusal")} /></label>
                    <button data-testid="long-run" disabled={busy}>{ "Run" }</button>
                    <button type="button" data-testid="flips" disabled={busy} onclick={onflips}>{ "Which cost flips it?" }</button>
                    <button type="button" data-testid="cancel-run" disabled={!busy} onclick={oncancel}>{ "Stop" }</button>
                </form>
                <div role="alert">{ refusal }{ failure }</div>
                { progress(shown) }
                { found(shown, &self.send) }
                { calibration(self) }
            </>
        }
    }
}

fn progress(shown: &Shown) -> Html {
    let Some(progress) = shown.under_way else {
        let words = if shown.cancelled { "Stopped: what was found until then." } else { "" };
        return html! { <p class="about" data-testid="run-state">{ words }</p> };
    };
    let of = words::grouped(progress.of);
    let what = if shown.chart == Chart::Flips { " costs" } else { " ticks" };
    let text = [words::grouped(progress.done).as_str(), " of ", &of, what].concat();
    html! {
        <p class="about" data-testid="run-state">
            <progress max={progress.of.max(1).to_string()} value={progress.done.to_string()} aria-label="How far the run is" />
            { " " }{ text }
        </p>
    }
}

/// The picture with its choice, and its table. The place of the picture is always there: its width and its colours are
/// asked for before the first picture.
fn found(shown: &Shown, send: &Send) -> Html {
    let ask = |ask: fn(usize) -> Ask| send.reform(move |i: usize| Msg::Measure(ask(i)));
    let (point, mark) = (ask(Ask::Point), ask(Ask::Mark));
    let at = |event: &Event| pressed::<usize>(event, "[data-mark]", "data-mark");
    let onpick = mark.clone();
    let onclick = Callback::from(move |event: MouseEvent| at(&event).into_iter().for_each(|i| onpick.emit(i)));
    let onhover = point.clone();
    let onmouseover = Callback::from(move |event: MouseEvent| at(&event).into_iter().for_each(|i| onhover.emit(i)));
    let onfocusin = Callback::from(move |event: FocusEvent| at(&event).into_iter().for_each(|i| point.emit(i)));
    let keys = send.clone();
    let onkeydown = Callback::from(move |event: KeyboardEvent| {
        let Some(i) = at(&event) else { return };
        let key = event.key();
        if matches!(key.as_str(), "Enter" | " ") {
            event.prevent_default();
            mark.emit(i);
        } else if chart::beside(&key, i, usize::MAX).is_some() {
            event.prevent_default();
            keys.emit(Msg::Measure(Ask::Key(i, key)));
        }
    });
    let chosen = CHARTS.iter().position(|(chart, _)| *chart == shown.chart);
    let onchart = send.reform(|i: usize| Msg::Measure(Ask::Chart(CHARTS[i.min(CHARTS.len() - 1)].0)));
    let class = if shown.picture.is_some() { "found" } else { "found nothing" };
    let run_on = shown.ahead.map(|moment| {
        let onclick = send.reform(|_: MouseEvent| Msg::Measure(Ask::RunOn));
        let tick = words::grouped(moment.at.handlers.into());
        html! { <button data-testid="run-stage-on" {onclick}>{ "Run the stage on to tick " }{ tick }</button> }
    });
    html! {
        <div {class}>
            <div>{ (shown.chart != Chart::Flips).then(|| {
                segments("chart", "What is drawn", &CHARTS.map(|(_, name)| name), chosen, &onchart)
            }) }</div>
            <div id={PLACE} class="chart" data-testid="chart" {onclick} {onmouseover} {onfocusin} {onkeydown}>
                <div class="inks" aria-hidden="true">
                    { for ["ink-text", "ink-line", "ink-0", "ink-1", "ink-2", "ink-3"].map(|class| html! { <span {class}></span> }) }
                </div>
                <canvas aria-hidden="true"></canvas>
                <Raw class="chart-marks" testid="chart-marks" markup={shown.marks.clone()} />
            </div>
            <p class="about said" data-testid="mark-said">{ shown.said.clone() }</p>
            <div class="row-of-buttons" role="status" data-testid="beyond">{ shown.beyond.clone() }{ run_on }</div>
            { shown.picture.as_ref().map(|picture| twin(&picture.table, send)) }
        </div>
    }
}

/// A table of exits, and the costs that are fitted to it.
fn calibration(panel: &Measure) -> Html {
    let (shown, send) = (&panel.shown, panel.send.clone());
    let onsubmit = Callback::from(move |event: SubmitEvent| {
        event.prevent_default();
        let field = event.target_dyn_into::<HtmlFormElement>().and_then(|f| f.get_with_name("exits"));
        if let Some(table) = field.and_then(|f| f.dyn_into::<HtmlTextAreaElement>().ok()) {
            send.emit(Msg::Measure(Ask::Calibrate(table.value(), "what was pasted".to_owned())));
        }
    });
    let send = panel.send.clone();
    let onfile = Callback::from(move |event: Event| {
        let Some(field) = event.target_dyn_into::<HtmlInputElement>() else { return };
        let Some(file) = field.files().and_then(|files| files.get(0)) else { return };
        let (name, send) = (file.name(), send.clone());
        yew::platform::spawn_local(async move {
            let table = text_of(&file).await.unwrap_or_default();
            send.emit(Msg::Measure(Ask::Calibrate(table, name)));
        });
        // The same file again is a new choice.
        field.set_value("");
    });
    let refusal = shown.table_refusal.clone().map(|why| {
        html! { <p class="refusal" id="exits-refusal" data-testid="exits-refusal">{ why }</p> }
    });
    let onback = panel.send.reform(|_: MouseEvent| Msg::Measure(Ask::Uncalibrate));
    let own = panel.costs.clone().map(|source| {
        html! { <>
            <span data-testid="own-costs">{ "This run's costs are " }{ source }{ "." }</span>{ " " }
            <button type="button" class="quiet" data-testid="set-costs" onclick={onback}>{ "Back to the set's" }</button>
        </> }
    });
    html! {
        <details class="part" data-testid="calibration">
            <summary>{ "Fit the costs to your own host" }</summary>
            <form {onsubmit}>
                <label>{ "What perf kvm stat report prints" }
                    <textarea name="exits" data-testid="exits" rows="6" spellcheck="false"
                        placeholder="EXTERNAL_INTERRUPT  6871  9.29%  2.96%  0.44us  57.88us  0.72us ( +-  4.02% )"
                        aria-invalid={shown.table_refusal.is_some().to_string()}
                        aria-describedby={shown.table_refusal.is_some().then_some("exits-refusal")} /></label>
                <div class="row-of-buttons">
                    <button data-testid="fit">{ "Fit" }</button>
                    <label>{ "or a file " }<input type="file" data-testid="exits-file" accept=".txt,text/plain" onchange={onfile} /></label>
                </div>
            </form>
            <div role="alert">{ refusal }</div>
            <p class="about">{ own }</p>
            { shown.fits.as_ref().map(|fits| plain(fits, &panel.send, "fits")) }
        </details>
    }
}

/// What is in a file, as text.
async fn text_of(file: &File) -> Option<String> {
    wasm_bindgen_futures::JsFuture::from(file.text()).await.ok()?.as_string()
}

/// The picture as a table.
fn twin(table: &Table, send: &Send) -> Html {
    html! {
        <details class="twin" data-testid="twin"><summary>{ "The same as a table" }</summary>{ plain(table, send, "chart-table") }</details>
    }
}

fn plain(table: &Table, send: &Send, testid: &'static str) -> Html {
    let cell = |(text, moment): &(String, Option<Moment>)| {
        let Some(moment) = *moment else { return html! { <td>{ text.clone() }</td> } };
        let onclick = send.reform(move |_: MouseEvent| Msg::Measure(Ask::Go(moment)));
        html! { <td><button class="quiet" {onclick}>{ text.clone() }</button></td> }
    };
    let row =
        |row: &Row| html! { <tr><th scope="row">{ row.head.clone() }</th>{ for row.cells.iter().map(cell) }</tr> };
    html! {
        <div class="scroll twin-table" tabindex="0" role="region" aria-label={table.caption.clone()}>
            <table data-testid={testid}>
                <caption>{ table.caption.clone() }</caption>
                <thead><tr><td></td>{ for table.columns.iter().map(|name| html! { <th scope="col">{ name.clone() }</th> }) }</tr></thead>
                <tbody>{ for table.rows.iter().map(row) }</tbody>
            </table>
            <p class="foot">{ table.note.clone() }</p>
        </div>
    }
}
