//! A table of fields with one column per path.

use super::part::{Draw, Send};
use super::term::term;
use crate::app::Msg;
use crate::facts::{Cell, Row, Rows};
use crate::keys::Command;
use crate::names::Name;
use crate::words;
use std::rc::Rc;
use yew::prelude::*;

/// Longest old value that fits beside the new one.
const SHORT: usize = 6;

/// Rows of such a table.
pub(crate) fn rows(paths: &[Name], groups: &[Rows]) -> Html {
    let row = |row: &Row| {
        let cells = paths.iter().zip(&row.cells).map(|(path, cell)| value(row.name, &path.key, cell));
        html! { <tr><th scope="row">{ term(row.name) }</th>{ for cells }</tr> }
    };
    let head = |title: &'static str| {
        let columns = (paths.len() + 1).to_string();
        html! { <tr class="gap" hidden={title.is_empty()}><th colspan={columns} scope="rowgroup">{ title }</th></tr> }
    };
    let group = |g: &Rows| html! { <tbody>{ head(g.title) }{ for g.rows.iter().map(row) }</tbody> };
    html! { <>{ for groups.iter().map(group) }</> }
}

fn value(field: &'static str, path: &AttrValue, cell: &Cell) -> Html {
    let class = match (cell.was.is_some(), cell.lit) {
        (true, true) => "new lit",
        (true, false) => "new",
        (false, true) => "lit",
        (false, false) => "",
    };
    let changed = cell.was.as_ref().map(|was| {
        // Where it fits, the old value is seen; it is always read.
        let class = if was.len() <= SHORT { "was" } else { "unseen" };
        html! { <span {class}>{ " was " }{ was.clone() }</span> }
    });
    html! {
        <td {class} data-field={field} data-path={path.clone()} data-value={cell.value.clone()}><span class="chip">{ words::breakable(&cell.value) }</span><span>{ changed }</span></td>
    }
}

/// KVM's side of the selected vCPU.
#[derive(PartialEq)]
pub(crate) struct Registers {
    pub(crate) vcpu: u16,
    pub(crate) paths: Rc<[Name]>,
    pub(crate) rows: Rc<[Rows]>,
    pub(crate) send: Send,
}

impl Draw for Registers {
    fn draw(&self) -> Html {
        let props = self;
        html! {
            <section class="card" aria-labelledby="timer-title">
                <h2 id="timer-title" class="panel">{ "Local APIC timer and vCPU state, vCPU " }{ props.vcpu }</h2>
                <table class="fields">
                    <thead>
                        <tr><td></td>{ for props.paths.iter().map(|p| html! { <th scope="col" title={p.title.clone()}>{ p.head.clone() }</th> }) }</tr>
                    </thead>
                    { rows(&props.paths, &props.rows) }
                </table>
                <p class="foot">{ "A dotted underline marks a word with a definition. " }
                    <button class="quiet small" data-testid="glossary" title="All definitions (G)"
                        onclick={props.send.reform(|_: MouseEvent| Msg::Command(Command::Glossary))}>{ "Glossary" }</button></p>
            </section>
        }
    }
}
