//! What sets the paths of this tick apart, as a table.

use super::part::Draw;
use crate::names::Name;
use crate::words;
use scene::Aspect;
use std::rc::Rc;
use yew::prelude::*;

/// The questions of [`scene::PageData::aspects`], with the answers of this tick.
#[derive(PartialEq)]
pub(crate) struct Differ {
    pub(crate) paths: Rc<[Name]>,
    pub(crate) aspects: Rc<[Aspect]>,
}

impl Draw for Differ {
    fn draw(&self) -> Html {
        if self.paths.len() < 2 {
            return html! { <div></div> };
        }
        let head = self.paths.iter().map(|p| html! { <th scope="col">{ p.title.clone() }</th> });
        let answer = |(path, answer): (&Name, &String)| {
            html! { <td data-path={path.key.clone()} data-value={answer.clone()}><span class="chip">{ words::breakable(answer) }</span></td> }
        };
        let row = |a: &Aspect| {
            let answers = self.paths.iter().zip(&a.answers).map(answer);
            html! { <tr data-aspect={a.key}><th scope="row">{ a.what }</th>{ for answers }</tr> }
        };
        let (apart, alike): (Vec<&Aspect>, Vec<&Aspect>) = self.aspects.iter().partition(|a| a.differs());
        let same: Vec<String> = alike.iter().map(|a| format!("{}: {}", a.what, a.answers[0])).collect();
        let same = if same.is_empty() { String::new() } else { format!("The same on all: {}.", same.join("; ")) };
        html! {
            <section class="card" aria-labelledby="differ-title">
                <h2 id="differ-title" class="panel">{ "What differs in this tick, for vCPU 0" }</h2>
                <div class="scroll-x">
                    <table class="fields differences" data-testid="differences">
                        <thead><tr><td></td>{ for head }</tr></thead>
                        <tbody>{ for apart.into_iter().map(row) }</tbody>
                    </table>
                </div>
                <p class="foot" data-testid="alike">{ same }</p>
            </section>
        }
    }
}
