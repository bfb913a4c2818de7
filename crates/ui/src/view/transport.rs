//! The transport bar: everything that moves through the run.

use super::raw::Raw;
use crate::keys::Command;
use crate::session::Move;
use wasm_bindgen::JsCast;
use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

/// Steps per second that playing can do.
pub(crate) const SPEEDS: [u32; 6] = [1, 2, 5, 10, 30, 60];
/// The one that playing starts with.
pub(crate) const FIRST_SPEED: usize = 1;

/// Where the run is.
#[derive(Properties, PartialEq)]
pub(crate) struct TransportProps {
    pub(crate) position: usize,
    pub(crate) len: usize,
    /// Time in the run, in µs.
    pub(crate) time: AttrValue,
    pub(crate) playing: bool,
    /// Index into [`SPEEDS`].
    pub(crate) speed: usize,
    /// What the last command could not do.
    pub(crate) hint: Option<AttrValue>,
    /// Marks over the scrubber, an SVG.
    pub(crate) strip: AttrValue,
    pub(crate) oncommand: Callback<Command>,
    /// The scrubber moves: many times a second.
    pub(crate) onscrub: Callback<usize>,
    /// A position was typed.
    pub(crate) onseek: Callback<usize>,
    pub(crate) onspeed: Callback<usize>,
}

/// The transport bar.
#[component]
pub(crate) fn Transport(props: &TransportProps) -> Html {
    let go = |to: Move| props.oncommand.reform(move |_: MouseEvent| Command::Move(to));
    let (at_start, at_end) = (props.position == 0, props.position == props.len);
    html! {
        <section class="card transport" aria-label="Transport">
            <div class="buttons">
                <button class="icon" data-testid="to-start" aria-label="To start" title="To start (Home)" disabled={at_start}
                    onclick={go(Move::Start)}>{ icon("M2 2h2v12H2zM14 2v12L5 8z") }</button>
                <button data-testid="back" aria-label="Back" title="One step back (←)" disabled={at_start} onclick={go(Move::Back)}>
                    { icon("M12 2v12L3 8z") }<span class="only-wide">{ "Back" }</span></button>
                <button class="main" data-testid="step" title="One step forward (→)" disabled={at_end} onclick={go(Move::Step)}>
                    { "Step" }{ icon("M4 2v12l9-6z") }</button>
                <button data-testid="next-expiry" title="To the next expiry of a guest timer (Shift+→)" disabled={at_end}
                    onclick={go(Move::NextExpiry)}><span class="only-wide">{ "Next " }</span><span class="cap">{ "expiry" }</span></button>
                <button data-testid="next-exit" title="To the next VM exit (E)" disabled={at_end}
                    onclick={go(Move::NextExit)}><span class="only-wide">{ "Next " }</span><span class="cap">{ "exit" }</span></button>
                { play(props) }
            </div>
            { scrubber(props) }
            { position(props) }
            <p class="hint" role="status">{ props.hint.clone().unwrap_or_default() }</p>
        </section>
    }
}

fn play(props: &TransportProps) -> Html {
    let onplay = props.oncommand.reform(|_: MouseEvent| Command::PlayPause);
    let onspeed = props.onspeed.clone();
    let onchange = Callback::from(move |event: Event| {
        let chosen = event.target().and_then(|t| t.dyn_into::<HtmlSelectElement>().ok());
        if let Some(index) = chosen.and_then(|s| s.value().parse().ok()) {
            onspeed.emit(index);
        }
    });
    let (path, word) = if props.playing { ("M3 2h4v12H3zM9 2h4v12H9z", "Pause") } else { ("M4 2v12l9-6z", "Play") };
    let option = |(i, speed): (usize, &u32)| {
        html! { <option value={i.to_string()} selected={i == props.speed}>{ *speed }{ "/s" }</option> }
    };
    html! {
        <span class="play">
            <button data-testid="play" aria-label={word} aria-pressed={props.playing.to_string()} title="Play or pause (Space)" onclick={onplay}>
                { icon(path) }<span class="only-wide">{ word }</span></button>
            <select data-testid="speed" aria-label="Steps per second" title="Steps per second ([ and ])" {onchange}>
                { for SPEEDS.iter().enumerate().map(option) }
            </select>
        </span>
    }
}

fn scrubber(props: &TransportProps) -> Html {
    let onscrub = props.onscrub.clone();
    let oninput = Callback::from(move |event: InputEvent| {
        if let Some(position) = number(event.target()) {
            onscrub.emit(position);
        }
    });
    html! {
        <div class="scrub">
            <Raw class="strip" markup={props.strip.clone()} />
            <input type="range" data-testid="scrub" min="0" max={props.len.to_string()} value={props.position.to_string()}
                aria-label="Position in the run" aria-valuetext={format!("step {} of {}, {} µs", props.position, props.len, props.time)}
                {oninput} />
        </div>
    }
}

fn position(props: &TransportProps) -> Html {
    let (onseek, here) = (props.onseek.clone(), props.position);
    let onchange = Callback::from(move |event: Event| {
        let field = event.target().and_then(|t| t.dyn_into::<HtmlInputElement>().ok());
        match number(event.target()) {
            Some(position) => onseek.emit(position),
            // Not a number: what was there comes back.
            None => field.iter().for_each(|f| f.set_value(&here.to_string())),
        }
    });
    html! {
        <div class="where">
            <label>{ "step " }<input type="number" inputmode="numeric" data-testid="step-number" min="0"
                max={props.len.to_string()} value={props.position.to_string()} aria-label="Step" {onchange} /></label>
            <span>{ " of " }<span data-testid="step-total">{ props.len }</span></span>
            <span class="time" data-testid="time">{ props.time.clone() }{ " µs" }</span>
        </div>
    }
}

fn number(target: Option<web_sys::EventTarget>) -> Option<usize> {
    target?.dyn_into::<HtmlInputElement>().ok()?.value().trim().parse().ok()
}

fn icon(d: &'static str) -> Html {
    html! { <svg class="glyph" viewBox="0 0 16 16" aria-hidden="true"><path d={d} fill="currentColor" /></svg> }
}
