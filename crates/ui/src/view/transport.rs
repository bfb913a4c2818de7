//! The transport bar: everything that moves through the run.

use super::event::{chosen, field, number};
use super::part::{Draw, Send, part};
use super::raw::Raw;
use crate::app::Msg;
use crate::keys::Command;
use crate::session::Move;
use yew::prelude::*;

/// Steps per second that playing can do.
pub(crate) const SPEEDS: [u32; 6] = [1, 2, 5, 10, 30, 60];
/// The one that playing starts with.
pub(crate) const FIRST_SPEED: usize = 1;

/// Where the run is.
#[derive(PartialEq)]
pub(crate) struct Transport {
    pub(crate) position: usize,
    pub(crate) len: usize,
    /// Time in the run, with its unit.
    pub(crate) time: AttrValue,
    pub(crate) playing: bool,
    /// Index into [`SPEEDS`].
    pub(crate) speed: usize,
    /// What the last command could not do.
    pub(crate) hint: Option<AttrValue>,
    /// Marks over the scrubber, an SVG.
    pub(crate) strip: AttrValue,
    pub(crate) send: Send,
}

impl Draw for Transport {
    fn draw(&self) -> Html {
        let props = self;
        html! {
            <section class="card transport" aria-label="Transport">
                { scrubber(props) }
                { part(Buttons {
                    at_start: props.position == 0,
                    at_end: props.position == props.len,
                    playing: props.playing,
                    speed: props.speed,
                    send: props.send.clone(),
                }) }
                { position(props) }
                <p class="hint" role="status">{ props.hint.clone().unwrap_or_default() }</p>
            </section>
        }
    }
}

/// What stays the same from step to step.
#[derive(PartialEq)]
struct Buttons {
    at_start: bool,
    at_end: bool,
    playing: bool,
    speed: usize,
    send: Send,
}

impl Draw for Buttons {
    fn draw(&self) -> Html {
        html! { <div class="buttons">{ for BUTTONS.iter().map(|b| button(b, self)) }{ play(self) }</div> }
    }
}

/// A button that goes somewhere.
struct Button {
    testid: &'static str,
    class: &'static str,
    /// The whole name, for those who do not see the glyph.
    label: &'static str,
    title: &'static str,
    to: Move,
    /// Written only where there is room.
    wide: &'static str,
    word: &'static str,
    glyph: &'static str,
}

const BUTTONS: [Button; 5] = [
    Button {
        testid: "to-start",
        class: "",
        label: "To start",
        title: "To start (Home)",
        to: Move::Start,
        wide: "",
        word: "",
        glyph: "M2 2h2v12H2zM14 2v12L5 8z",
    },
    Button {
        testid: "back",
        class: "",
        label: "Back",
        title: "One step back (←)",
        to: Move::Back,
        wide: "Back",
        word: "",
        glyph: "M10 2v12L2 8zM12 2h2v12h-2z",
    },
    Button {
        testid: "step",
        class: "main",
        label: "Step",
        title: "One step forward (→)",
        to: Move::Step,
        wide: "",
        word: "Step",
        glyph: "M2 2h2v12H2zM6 2v12l8-6z",
    },
    Button {
        testid: "next-expiry",
        class: "",
        label: "Next expiry",
        title: "To the next expiry of a guest timer (Shift+→)",
        to: Move::NextExpiry,
        wide: "Next ",
        word: "expiry",
        glyph: "",
    },
    Button {
        testid: "next-exit",
        class: "",
        label: "Next exit",
        title: "To the next VM exit (E)",
        to: Move::NextExit,
        wide: "Next ",
        word: "exit",
        glyph: "",
    },
];

fn button(b: &Button, props: &Buttons) -> Html {
    let to = b.to;
    let onclick = props.send.reform(move |_: MouseEvent| Msg::Command(Command::Move(to)));
    let disabled = if matches!(to, Move::Start | Move::Back) { props.at_start } else { props.at_end };
    html! {
        <button data-testid={b.testid} class={b.class} aria-label={b.label} title={b.title} {disabled} {onclick}>
            { icon(b.glyph) }<span class="only-wide">{ b.wide }</span><span class="cap">{ b.word }</span>
        </button>
    }
}

fn play(props: &Buttons) -> Html {
    let onplay = props.send.reform(|_: MouseEvent| Msg::Command(Command::PlayPause));
    let here = props.speed;
    let onchange =
        props.send.reform(move |e: Event| Msg::Speed(chosen(&e).and_then(|s| s.parse().ok()).unwrap_or(here)));
    let (path, word) = if props.playing { ("M3 2h4v12H3zM9 2h4v12H9z", "Pause") } else { ("M4 2v12l9-6z", "Play") };
    let option = |(i, speed): (usize, &u32)| {
        html! { <option value={i.to_string()} selected={i == props.speed}>{ *speed }{ "/s" }</option> }
    };
    html! {
        <span class="play">
            <button data-testid="play" aria-label={word} aria-pressed={props.playing.to_string()} title="Play or pause (Space)" onclick={onplay}>
                { icon(path) }<span class="only-wide">{ word }</span></button>
            <select data-testid="speed" ~value={props.speed.to_string()} aria-label="Steps per second" title="Steps per second ([ and ])" {onchange}>
                { for SPEEDS.iter().enumerate().map(option) }
            </select>
        </span>
    }
}

fn scrubber(props: &Transport) -> Html {
    let here = props.position;
    let oninput = props.send.reform(move |e: InputEvent| Msg::Scrub(number(&e).unwrap_or(here)));
    html! {
        <div class="scrub">
            <Raw class="strip" markup={props.strip.clone()} />
            <input type="range" data-testid="scrub" min="0" max={props.len.to_string()} value={props.position.to_string()}
                aria-label="Position in the run" aria-valuetext={format!("step {} of {}, {}", props.position, props.len, props.time)}
                {oninput} />
        </div>
    }
}

fn position(props: &Transport) -> Html {
    let (send, here) = (props.send.clone(), props.position);
    let onchange = Callback::from(move |event: Event| match number(&event) {
        Some(position) => send.emit(Msg::Seek(position)),
        // Not a number: what was there comes back.
        None => field(&event).iter().for_each(|f| f.set_value(&here.to_string())),
    });
    html! {
        <div class="where">
            <label>{ "step " }<input type="number" inputmode="numeric" data-testid="step-number" min="0"
                max={props.len.to_string()} value={props.position.to_string()} aria-label="Step" {onchange} /></label>
            <span>{ " of " }<span data-testid="step-total">{ props.len }</span></span>
            <span class="time" data-testid="time">{ props.time.clone() }</span>
        </div>
    }
}

/// A glyph; hidden where there is none.
fn icon(d: &'static str) -> Html {
    html! { <svg class="glyph" hidden={d.is_empty()} viewBox="0 0 16 16" aria-hidden="true"><path d={d} fill="currentColor" /></svg> }
}
