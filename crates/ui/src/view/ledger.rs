//! What each path has cost since the start.

use super::costs::Costs;
use super::part::{Draw, Send, part};
use super::term::term;
use crate::figures::{self, Cell, Row};
use crate::later::Later;
use crate::names::Name;
use std::rc::Rc;
use yew::prelude::*;

/// The table's rows.
#[derive(PartialEq)]
pub(crate) struct Ledger {
    pub(crate) paths: Rc<[Name]>,
    pub(crate) rows: Rc<[Row]>,
    pub(crate) cost_set: AttrValue,
    pub(crate) later: Later,
    pub(crate) send: Send,
}

impl Draw for Ledger {
    fn draw(&self) -> Html {
        let props = self;
        let head =
            props.paths.iter().map(|p| html! { <th scope="col" title={p.title.clone()}>{ p.head.clone() }</th> });
        let row = |row: &Row| {
            let class = row.cells.iter().any(|c| c.changed).then_some("hot");
            let cells = props.paths.iter().zip(&row.cells).map(|(path, cell)| number(row.key, &path.key, cell));
            // A VM without devices has nothing to say of them.
            let hidden = row.key.starts_with("device") && row.cells.iter().all(|c| c.value == 0);
            html! { <tr {class} {hidden}><th scope="row">{ term(row.label) }</th>{ for cells }</tr> }
        };
        let per_tick =
            (0..props.paths.len()).map(|path| html! { <td>{ figures::exits_per_tick(&props.rows, path) }</td> });
        html! {
            <section class="card" aria-labelledby="ledger-title">
                <h2 id="ledger-title" class="panel">{ "Ledger, since the start" }</h2>
                <table class="figures" data-testid="ledger">
                    <thead><tr><td></td>{ for head }</tr></thead>
                    <tbody>{ for props.rows.iter().map(row) }</tbody>
                    <tfoot><tr><th scope="row">{ term("exits per tick") }</th>{ for per_tick }</tr></tfoot>
                </table>
                <p class="foot">{ "Moved, not removed." }</p>
                { part(Costs { set: props.cost_set.clone(), later: props.later.clone(), send: props.send.clone() }) }
            </section>
        }
    }
}

fn number(key: &'static str, path: &AttrValue, cell: &Cell) -> Html {
    let class = cell.changed.then_some("new");
    let changed = cell.changed.then(|| html! { <span class="unseen">{ " changed" }</span> });
    html! {
        <td {class} data-ledger={key} data-path={path.clone()} data-value={cell.value.to_string()}>
            { cell.text.clone() }<span>{ changed }</span>
        </td>
    }
}
