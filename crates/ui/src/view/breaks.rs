//! Breakpoints, and steps on one core.

use super::event::chosen;
use super::part::{Draw, Send};
use super::raw::Raw;
use crate::app::Msg;
use crate::app::breaks::Ask;
use crate::breaks::{Break, Breaks};
use crate::condition::CLAUSES;
use crate::keys::Command;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use web_sys::HtmlFormElement;
use yew::prelude::*;

/// The breakpoints.
#[derive(PartialEq)]
pub(crate) struct Breakpoints {
    pub(crate) breaks: Rc<Breaks>,
    /// Why the last one was not taken.
    pub(crate) refusal: Option<AttrValue>,
    pub(crate) cores: u16,
    /// The core whose steps are gone through.
    pub(crate) core: u16,
    pub(crate) send: Send,
}

impl Draw for Breakpoints {
    fn draw(&self) -> Html {
        let ask = |ask: Ask| self.send.reform(move |_: MouseEvent| Msg::Break(ask.clone()));
        let command = |command: Command| self.send.reform(move |_: MouseEvent| Msg::Command(command));
        let send = self.send.clone();
        let onsubmit = Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let form = event.target_dyn_into::<HtmlFormElement>();
            let typed = form
                .and_then(|f| f.get_with_name("breakpoint"))
                .and_then(|f| f.dyn_into::<web_sys::HtmlInputElement>().ok());
            if let Some(typed) = typed {
                send.emit(Msg::Break(Ask::Add(typed.value())));
            }
        });
        let refusal = self.refusal.clone().map(|text| {
            html! { <p class="refusal" id="breakpoint-refusal" data-testid="breakpoint-refusal">{ text }</p> }
        });
        let nowhere = self.breaks.hits() == 0;
        let core = self.core;
        let oncore = self
            .send
            .reform(move |e: Event| Msg::Break(Ask::Core(chosen(&e).and_then(|c| c.parse().ok()).unwrap_or(core))));
        let option = |c: u16| html! { <option value={c.to_string()} selected={c == core}>{ "core " }{ c }</option> };
        html! {
            <section class="card breaks" aria-labelledby="breaks-title">
                <h2 id="breaks-title" class="panel">{ "Breakpoints" }</h2>
                <form class="row-of-buttons" {onsubmit}>
                    <input name="breakpoint" data-testid="breakpoint" aria-label="Stop when" placeholder="ON becomes 1"
                        autocomplete="off" spellcheck="false" aria-invalid={self.refusal.is_some().to_string()}
                        aria-describedby={self.refusal.is_some().then_some("breakpoint-refusal")} />
                    <button data-testid="add-breakpoint">{ "Add" }</button>
                    <button type="button" data-testid="run-back" disabled={nowhere} title="Back to the breakpoint before (Shift+B)"
                        onclick={command(Command::Run(false))}>{ "Run back" }</button>
                    <button type="button" data-testid="run-on" disabled={nowhere} title="On to the next breakpoint (B)"
                        onclick={command(Command::Run(true))}>{ "Run on" }</button>
                </form>
                <div role="alert">{ refusal }</div>
                <ul class="tree" data-testid="breakpoints" aria-label="Breakpoints">
                    { for self.breaks.list().iter().enumerate().map(|(i, b)| line(self, i, b)) }
                </ul>
                <details class="about">
                    <summary>{ "What can be asked for" }</summary>
                    <Raw class="" markup={clauses()} />
                    <p>{ "Several, joined by “and”, hold for one step. Playing stops at a breakpoint too." }</p>
                </details>
                <div class="row-of-buttons">
                    <select data-testid="step-core" aria-label="Steps on" ~value={core.to_string()} onchange={oncore}>{ for (0..self.cores).map(option) }</select>
                    <button data-testid="core-back" onclick={ask(Ask::OnCore(false))}>{ "Step before" }</button>
                    <button data-testid="core-next" onclick={ask(Ask::OnCore(true))}>{ "Next step there" }</button>
                </div>
            </section>
        }
    }
}

/// What can be asked for, as a list.
fn clauses() -> AttrValue {
    let mut list = String::from("<dl class=\"clauses\">");
    for (example, what) in CLAUSES {
        // Angle brackets are all that there is to escape.
        for part in ["<dt>", &example.replace('>', "&gt;"), "</dt><dd>", &what.replace('<', "&lt;"), "</dd>"] {
            list.push_str(part);
        }
    }
    list.push_str("</dl>");
    list.into()
}

fn line(props: &Breakpoints, i: usize, b: &Break) -> Html {
    let remove = props.send.reform(move |_: MouseEvent| Msg::Break(Ask::Remove(i)));
    let toggle = props.send.reform(move |_: Event| Msg::Break(Ask::Toggle(i)));
    html! {
        <li>
            <label><input type="checkbox" data-testid={format!("break-{i}")} checked={b.on} onchange={toggle} />{ " " }<span class="chip">{ b.text.clone() }</span></label>
            <button class="quiet small" aria-label={format!("Remove breakpoint {}", b.text)} data-testid={format!("unbreak-{i}")} onclick={remove}>{ "Remove" }</button>
        </li>
    }
}
