//! What is compared with what: paths, eras, and what counts as one moment of each.

use super::descriptor::segments;
use super::event;
use super::part::{Draw, Send};
use crate::app::Msg;
use crate::compare::{self, Edit, MOST};
use crate::later::Later;
use crate::names::{Name, letter};
use apic_core::kvm::Era;
use apic_core::run::Align;
use apic_core::scenario::{PathKind, Scenario};
use std::rc::Rc;
use yew::prelude::*;

/// What is compared.
#[derive(PartialEq)]
pub(crate) struct Compare {
    pub(crate) paths: Rc<[Name]>,
    pub(crate) scenario: Rc<Scenario>,
    pub(crate) align: Align,
    /// The kept scenario, if one is kept.
    pub(crate) kept: Option<Rc<Scenario>>,
    /// Why the last choice was not followed.
    pub(crate) refusal: Option<AttrValue>,
    pub(crate) later: Later,
    pub(crate) send: Send,
}

const ALIGNMENTS: [(&str, &str); 3] = [("Time", "by time"), ("Expiry", "this expiry = 0"), ("Step", "by step")];

impl Draw for Compare {
    fn draw(&self) -> Html {
        let titles: Vec<&str> = self.paths.iter().map(|p| p.title.as_str()).collect();
        let how = ALIGNMENTS[self.aligned().unwrap_or(0)].1;
        let ontoggle = self.send.reform(|_: Event| Msg::Later);
        html! {
            <details class="card compare" data-testid="compare" {ontoggle}>
                <summary><b>{ "Compare" }</b>{ " " }<span class="about">{ titles.join(" · ") }{ ", " }{ how }</span></summary>
                <div>{ self.later.draw(|| self.body()) }</div>
            </details>
        }
    }
}

impl Compare {
    fn aligned(&self) -> Option<usize> {
        Align::ALL.iter().position(|a| *a == self.align)
    }

    fn body(&self) -> Html {
        let (props, align) = (self, self.aligned());
        let refused = compare::refused(&self.scenario);
        let refusal =
            props.refusal.clone().map(|text| html! { <p class="refusal" data-testid="compare-refusal">{ text }</p> });
        let onalign = props.send.reform(|i: usize| Msg::Compare(Edit::Align(Align::ALL[i.min(2)])));
        let full = props.paths.len() >= MOST;
        html! {
            <>
                <div class="ways">{ for props.paths.iter().enumerate().map(|(i, name)| way(props, &refused, i, name)) }</div>
                <div role="alert">{ refusal }</div>
                <div class="compare-foot">
                    <button data-testid="add-way" disabled={full} title={full.then_some("Four are the most")}
                        onclick={edit(props, Edit::Add)}>{ "Add a path" }</button>
                    <span class="about">{ "One moment is" }</span>
                    { segments("align", "What counts as one moment", &ALIGNMENTS.map(|(name, _)| name), align, &onalign) }
                </div>
                { kept(props) }
                <div class="foot">{ told(&refused) }</div>
            </>
        }
    }
}

/// A second scenario: this one as it is now, to be compared with what it becomes.
fn kept(props: &Compare) -> Html {
    let Some(kept) = &props.kept else {
        return html! {
            <div class="compare-foot">
                <button data-testid="keep" onclick={edit(props, Edit::Keep)}>{ "Keep this scenario" }</button>
                <span class="about">{ "and compare what you change with it." }</span>
            </div>
        };
    };
    let swap = props.send.reform(|_: MouseEvent| Msg::Swap);
    let differs = compare::differences(&props.scenario, kept);
    let differs = if differs.is_empty() { "nothing so far".to_owned() } else { differs.join(", ") };
    html! {
        <div class="compare-foot">
            <button data-testid="keep" onclick={edit(props, Edit::Keep)}>{ "Keep this one instead" }</button>
            <button data-testid="swap" onclick={swap}>{ "Edit the kept one" }</button>
            <button class="quiet" data-testid="forget" onclick={edit(props, Edit::Forget)}>{ "Forget it" }</button>
            <span class="about" data-testid="kept">{ "A scenario is kept. There: " }{ differs }{ "." }</span>
        </div>
    }
}

fn edit(props: &Compare, edit: Edit) -> Callback<MouseEvent> {
    props.send.reform(move |_: MouseEvent| Msg::Compare(edit))
}

fn way(props: &Compare, refused: &[(PathKind, String)], i: usize, name: &Name) -> Html {
    let (path, era) = (name.way.path, name.way.era);
    let onpath = select(props, path.name(), move |name| Some(Edit::Path(i, PathKind::from_name(name)?)));
    let here = era.map_or("", Era::name);
    let onera =
        select(props, here, move |name| Some(Edit::Era(i, Era::ALL.iter().copied().find(|e| e.name() == name))));
    let letter = letter(i);
    let option = |p: &PathKind| {
        let not = if refused.iter().any(|(refused, _)| refused == p) { " (not in this scenario)" } else { "" };
        html! { <option value={p.name()} selected={*p == path}>{ p.title() }{ not }</option> }
    };
    let era_option =
        |e: &Era| html! { <option value={e.name()} selected={era == Some(*e)}>{ "era " }{ e.name() }</option> };
    html! {
        <div class="way" role="group" aria-label={format!("Path {letter}")}>
            <span class="badge letter">{ letter }</span>
            <select data-testid={format!("way-{i}")} ~value={path.name()} aria-label={format!("Path {letter}")} onchange={onpath}>
                { for PathKind::ALL.iter().map(option) }
            </select>
            <select data-testid={format!("era-{i}")} ~value={here} aria-label={format!("Era of path {letter}")} onchange={onera}>
                <option value="" selected={era.is_none()}>{ "era " }{ props.scenario.vm.era.name() }{ ", the scenario's" }</option>
                { for Era::ALL.iter().filter(|e| **e != props.scenario.vm.era).map(era_option) }
            </select>
            { of_kept(props, i, name) }
            <button class="quiet" data-testid={format!("drop-{i}")} disabled={props.paths.len() < 2}
                aria-label={format!("Remove path {letter}, {}", name.title)} onclick={edit(props, Edit::Remove(i))}>{ "Remove" }</button>
        </div>
    }
}

/// Whose path it is, where a scenario is kept.
fn of_kept(props: &Compare, i: usize, name: &Name) -> Html {
    if props.kept.is_none() {
        return html! { <span></span> };
    }
    let kept = name.way.kept;
    let here = if kept { "kept" } else { "" };
    let onchange = select(props, here, move |value| Some(Edit::Kept(i, value == "kept")));
    html! {
        <select data-testid={format!("of-{i}")} ~value={here} aria-label={format!("Scenario of path {}", letter(i))} {onchange}>
            <option value="" selected={!kept}>{ "as edited" }</option>
            <option value="kept" selected={kept}>{ "as kept" }</option>
        </select>
    }
}

/// What is refused does not stay chosen.
fn select(props: &Compare, here: &'static str, wanted: impl Fn(&str) -> Option<Edit> + 'static) -> Callback<Event> {
    let send = props.send.clone();
    Callback::from(move |event: Event| {
        let Some(select) = event::select(&event) else { return };
        let edit = wanted(&select.value());
        select.set_value(here);
        if let Some(edit) = edit {
            send.emit(Msg::Compare(edit));
        }
    })
}

fn told(refused: &[(PathKind, String)]) -> Html {
    if refused.is_empty() {
        return Html::default();
    }
    let line = |(path, why): &(PathKind, String)| {
        html! { <li data-path={path.name()}><b>{ path.title() }</b>{ ": " }{ why.clone() }</li> }
    };
    html! { <><p>{ "Not in this scenario:" }</p><ul data-testid="refused-paths">{ for refused.iter().map(line) }</ul></> }
}
