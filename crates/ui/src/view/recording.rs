//! A recording: opened, read, searched; and what leaves, of it or of the simulated run.

use super::event::pressed;
use super::part::{Draw, Send};
use super::raw::Raw;
use crate::app::Msg;
use crate::app::recording::{Ask, Shown};
use crate::later::Later;
use wasm_bindgen::JsCast;
use wasm_bridge::files;
use wasm_bridge::worker::export;
use wasm_bridge::worker::recording::{Form, Looked};
use web_sys::{HtmlFormElement, HtmlInputElement};
use yew::prelude::*;

/// The panel.
#[derive(PartialEq)]
pub(crate) struct Recording {
    pub(crate) shown: Shown,
    pub(crate) later: Later,
    pub(crate) send: Send,
}

/// The value of a form's field.
fn typed(event: &SubmitEvent, field: &str) -> String {
    event.prevent_default();
    let field = event.target_dyn_into::<HtmlFormElement>().and_then(|form| form.get_with_name(field));
    // A text area has a value as well, and `unchecked` asks for it by that name alone.
    field.map(|field| field.unchecked_into::<HtmlInputElement>().value()).unwrap_or_default()
}

impl Draw for Recording {
    fn draw(&self) -> Html {
        let ontoggle = self.send.reform(|_: Event| Msg::Later);
        html! {
            <details class="card recording" id="recording" data-testid="recording" {ontoggle}>
                <summary><b>{ "Recording" }</b>{ " " }<span class="about">{ "open what perf or ftrace recorded on a host" }</span></summary>
                <div>{ self.later.draw(|| self.body()) }</div>
            </details>
        }
    }
}

impl Recording {
    fn body(&self) -> Html {
        let (shown, send) = (&self.shown, &self.send);
        let onchange = Callback::from({
            let send = send.clone();
            move |event: Event| {
                if let Some(file) = files::chosen(&event) {
                    send.emit(Msg::Recording(Ask::Read(file)));
                }
            }
        });
        let onpaste = send.reform(|event: SubmitEvent| Msg::Recording(Ask::Paste(typed(&event, "pasted"))));
        let failure =
            shown.failure.clone().map(|why| html! { <p class="refusal" data-testid="recording-failure">{ why }</p> });
        html! {
            <>
                <p class="foot">{ "The text of perf script or trace-cmd report, also gzip, up to 2 GB. It is read on this machine and goes nowhere." }</p>
                <div class="row-of-buttons">
                    <label>{ "file " }<input type="file" data-testid="open-recording" {onchange} /></label>
                    <span class="about">{ "or drop it anywhere" }</span>
                    <span>{ reading(shown, send) }</span>
                </div>
                <details>
                    <summary>{ "Paste a recording" }</summary>
                    <form onsubmit={onpaste}>
                        <textarea name="pasted" rows="4" data-testid="pasted" aria-label="Text of a recording" spellcheck="false" />
                        <button data-testid="read-pasted">{ "Read it" }</button>
                    </form>
                </details>
                <div role="alert">{ failure }</div>
                <div>{ shown.opened.as_ref().filter(|_| shown.looked.is_some()).map(|opened| html! {
                    <>
                        <Raw testid="recording-about" markup={opened.about.clone()} />
                        { search(shown, send) }
                        <details><summary>{ "Ledger, of the whole recording" }</summary>
                            <Raw markup={opened.ledger.clone()} /></details>
                        <div class="row-of-buttons" role="group" aria-label="Save of this recording">
                            { save(send, Form::Card, "save-recorded-card", "Card") }
                            { save(send, Form::Svg, "save-recorded-svg", "Figure, SVG") }
                            { save(send, Form::Csv, "save-recorded-csv", "Ticks, CSV") }
                        </div>
                        <p class="about" role="status" data-testid="recording-saved">{ shown.saved.clone() }</p>
                    </>
                }) }</div>
            </>
        }
    }
}

/// How far the reading is, and the way to stop it; or the way back.
fn reading(shown: &Shown, send: &Send) -> Html {
    if let Some(progress) = shown.reading {
        let percent = progress.done.saturating_mul(100) / progress.of.max(1);
        let oncancel = send.reform(|_: MouseEvent| Msg::Recording(Ask::Cancel));
        return html! {
            <>
                <progress max="100" value={percent.to_string()} aria-label="How much of the file is read" />
                <span data-testid="reading">{ percent }{ " % read" }</span>
                <button type="button" data-testid="stop-reading" onclick={oncancel}>{ "Stop" }</button>
            </>
        };
    }
    if shown.looked.is_none() {
        return Html::default();
    }
    let onclose = send.reform(|_: MouseEvent| Msg::Recording(Ask::Close));
    html! { <button type="button" data-testid="close-recording" onclick={onclose}>{ "Close it" }</button> }
}

fn search(shown: &Shown, send: &Send) -> Html {
    let onsubmit = send.reform(|event: SubmitEvent| Msg::Recording(Ask::Find(typed(&event, "query"))));
    let send = send.clone();
    let onclick = Callback::from(move |event: MouseEvent| {
        let of = |attribute| pressed::<u32>(&event, "[data-go]", attribute);
        if let (Some(vcpu), Some(position)) = (of("data-vcpu"), of("data-go")) {
            send.emit(Msg::Recording(Ask::Go(vcpu as u16, position.into())));
        }
    });
    let refusal = shown
        .refusal
        .clone()
        .map(|why| html! { <p class="refusal" id="query-refusal" data-testid="query-refusal">{ why }</p> });
    html! {
        <>
            <form class="row-of-buttons" {onsubmit}>
                <label>{ "ticks with " }<input name="query" data-testid="query" placeholder="late > 50us" autocomplete="off" size="28"
                    aria-describedby={shown.refusal.is_some().then_some("query-refusal")} /></label>
                <button data-testid="find-ticks">{ "Find" }</button>
                <span role="status" data-testid="ticks-found">{ shown.found.clone() }</span>
            </form>
            <div role="alert">{ refusal }</div>
            <ul class="found-ticks" {onclick}><Raw testid="found-ticks" markup={shown.list.clone()} /></ul>
        </>
    }
}

fn save(send: &Send, form: Form, testid: &'static str, what: &'static str) -> Html {
    let onclick = send.reform(move |_: MouseEvent| Msg::Recording(Ask::Save(form)));
    html! { <button type="button" data-testid={testid} {onclick}>{ what }</button> }
}

/// The stage of a recording, in the place of the paths'.
#[derive(PartialEq)]
pub(crate) struct RecordedStage {
    pub(crate) looked: std::rc::Rc<Looked>,
    pub(crate) later: Later,
    pub(crate) send: Send,
}

impl Draw for RecordedStage {
    fn draw(&self) -> Html {
        self.later.draw(|| self.body())
    }
}

impl RecordedStage {
    fn body(&self) -> Html {
        html! {
            <>
                <section class="card stage-card recorded" aria-labelledby="recorded-title">
                    <div class="stage-head">
                        <h2 id="recorded-title">{ "Recorded" }</h2>
                        <span class="about">{ "Solid: observed, a line shows it. Dashed: inferred from lines." }</span>
                    </div>
                    <Raw class="stage-place" testid="stage-recorded" markup={self.looked.svg.clone()}
                        marks={Some((0, self.send.clone()))} />
                </section>
                <section class="card recorded-why" aria-label="What became of this tick">
                    <Raw testid="recorded-why" markup={self.looked.why.clone()} />
                </section>
            </>
        }
    }
}

/// What leaves of a run.
#[derive(PartialEq)]
pub(crate) struct Export {
    pub(crate) saved: AttrValue,
    pub(crate) later: Later,
    pub(crate) send: Send,
}

impl Draw for Export {
    fn draw(&self) -> Html {
        let ontoggle = self.send.reform(|_: Event| Msg::Later);
        html! {
            <details class="card export" data-testid="export" {ontoggle}>
                <summary><b>{ "Save" }</b>{ " " }<span class="about">{ "this moment as a figure, a table, a document" }</span></summary>
                <div>{ self.later.draw(|| self.body()) }</div>
            </details>
        }
    }
}

impl Export {
    fn body(&self) -> Html {
        use export::Form as F;
        const ALL: [(F, bool, &str, &str); 8] = [
            (F::Card, false, "card", "Design-review card"),
            (F::Svg, false, "svg", "Figure, SVG"),
            (F::Svg, true, "png", "Figure, PNG"),
            (F::Mail, false, "txt", "Text for mail"),
            (F::Narration, false, "md", "Narration"),
            (F::Csv, false, "csv", "Events, CSV"),
            (F::Perfetto, false, "perfetto", "Perfetto"),
            (F::Vcd, false, "vcd", "Signals, VCD"),
        ];
        let button = |(form, as_png, end, what): (F, bool, &'static str, &'static str)| {
            let onclick = self.send.reform(move |_: MouseEvent| Msg::Recording(Ask::Export(form, as_png)));
            html! { <button type="button" data-testid={["save-", end].concat()} {onclick}>{ what }</button> }
        };
        html! {
            <>
                <div class="row-of-buttons" role="group" aria-label="Save as">{ for ALL.into_iter().map(button) }</div>
                <p class="about" role="status" data-testid="saved">{ self.saved.clone() }</p>
            </>
        }
    }
}
