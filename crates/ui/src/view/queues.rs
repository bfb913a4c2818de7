//! The queues of hrtimers, folded until somebody looks.

use super::event::is_open;
use super::part::{Draw, Send};
use super::raw::Raw;
use crate::app::Msg;
use crate::later::Later;
use crate::names::Name;
use crate::queues::{Queue, Row};
use std::rc::Rc;
use yew::prelude::*;

/// The queues.
#[derive(PartialEq)]
pub(crate) struct Queues {
    pub(crate) later: Later,
    pub(crate) open: bool,
    pub(crate) paths: Rc<[Name]>,
    pub(crate) rows: Rc<[Row]>,
    /// CPUs that are not listed.
    pub(crate) more: usize,
    pub(crate) send: Send,
}

impl Draw for Queues {
    fn draw(&self) -> Html {
        let ontoggle = self.send.reform(|e: Event| Msg::Queues(is_open(&e)));
        html! {
            <details class="card" data-testid="queues" {ontoggle}>
                <summary><h2 class="panel">{ "hrtimer queues" }</h2></summary>
                <div>{ self.later.draw(|| html! { <Raw markup={table(self)} /> }) }</div>
            </details>
        }
    }
}

/// The table as markup: dozens of cells as virtual nodes are kilobytes of program.
fn table(queues: &Queues) -> AttrValue {
    if !queues.open {
        return AttrValue::default();
    }
    let mut out = String::from("<table class=\"fields\"><thead><tr><td></td>");
    for path in queues.paths.iter() {
        add(&mut out, &["<th scope=\"col\">", &path.head, "</th>"]);
    }
    out.push_str("</tr></thead><tbody>");
    for row in queues.rows.iter() {
        let cpu = row.cpu.to_string();
        add(&mut out, &["<tr data-cpu=\"", &cpu, "\"><th scope=\"row\">core ", &cpu, "</th>"]);
        for (path, queue) in queues.paths.iter().zip(&row.cells) {
            cell(&mut out, &path.key, queue);
        }
        out.push_str("</tr>");
    }
    out.push_str(
        "</tbody></table><p class=\"foot\">When, in µs, and whose; then <button type=\"button\" class=\"term\" \
         data-term=\"expires_next\">expires_next</button>, to which the CPU’s clock event is programmed.",
    );
    if queues.more > 0 {
        add(&mut out, &[" ", &queues.more.to_string(), " more CPUs have timers."]);
    }
    out.push_str("</p>");
    out.into()
}

fn cell(out: &mut String, path: &str, queue: &Queue) {
    let (class, changed) = if queue.changed { ("new", " changed") } else { ("", "") };
    add(
        out,
        &["<td class=\"", class, "\" data-path=\"", path, "\" data-next=\"", &queue.next, "\"><ul class=\"queue\">"],
    );
    for (at, whose) in &queue.timers {
        add(out, &["<li>", at, " <span class=\"whose\">", whose, "</span></li>"]);
    }
    let empty = if queue.timers.is_empty() { "<li>empty</li>" } else { "" };
    add(
        out,
        &[
            empty,
            "</ul><span class=\"chip\">→ ",
            &queue.next,
            "</span><span class=\"unseen\">",
            changed,
            "</span></td>",
        ],
    );
}

fn add(out: &mut String, parts: &[&str]) {
    for part in parts {
        out.push_str(part);
    }
}
