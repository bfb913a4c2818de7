//! Playing by hand, the futures that were played out, and what can be taken back.

use super::event::field;
use super::part::{Draw, Send};
use crate::app::Msg;
use crate::app::hand::Ask;
use crate::keys::Command;
use crate::tree::{Branch, Tree};
use std::rc::Rc;
use yew::prelude::*;

/// The branches, and what can be done with them.
#[derive(PartialEq)]
pub(crate) struct Branches {
    pub(crate) tree: Rc<Tree>,
    pub(crate) by_hand: bool,
    /// What would be taken back, and what made again.
    pub(crate) offers: [Option<&'static str>; 2],
    pub(crate) send: Send,
}

impl Draw for Branches {
    fn draw(&self) -> Html {
        let ask = |command: Command| self.send.reform(move |_: MouseEvent| Msg::Command(command));
        let turn = |testid: &'static str,
                    word: &'static str,
                    key: &str,
                    command: Command,
                    what: Option<&'static str>| {
            let title = what.map_or_else(|| format!("{word} ({key})"), |what| format!("{word} {what} ({key})"));
            html! { <button data-testid={testid} disabled={what.is_none()} {title} onclick={ask(command)}>{ word }</button> }
        };
        let fork = self.send.reform(|_: MouseEvent| Msg::Hand(Ask::Fork));
        html! {
            <section class="card branches" aria-labelledby="branches-title">
                <div class="panel-head">
                    <h2 id="branches-title" class="panel">{ "By hand" }</h2>
                    <p class="about">{ "Pick who moves next, at any moment. The future that was stays, as a branch." }</p>
                </div>
                <div class="row-of-buttons">
                    <button class="toggle" data-testid="hand" aria-pressed={self.by_hand.to_string()} title="Offer every step that can be taken (H)"
                        onclick={ask(Command::Hand)}>{ "Play by hand" }</button>
                    <button data-testid="fork" title="Open a branch at this moment" onclick={fork}>{ "Fork here" }</button>
                    { turn("undo", "Undo", "Ctrl+Z", Command::Undo, self.offers[0]) }
                    { turn("redo", "Redo", "Ctrl+Shift+Z", Command::Redo, self.offers[1]) }
                </div>
                <div>{ tree(self) }</div>
            </section>
        }
    }
}

fn tree(props: &Branches) -> Html {
    let branches = props.tree.branches();
    if branches.len() < 2 {
        return Html::default();
    }
    let here = props.tree.here();
    let onrename =
        props.send.reform(|e: Event| Msg::Hand(Ask::Rename(field(&e).map(|f| f.value()).unwrap_or_default())));
    let line = |(i, branch): (usize, &Branch)| {
        let onclick = props.send.reform(move |_: MouseEvent| Msg::Hand(Ask::Show(i)));
        let from = branch.parent.map(|p| format!(" from step {} of {}", branch.from, branches[p].name));
        let class = format!("branch depth-{}", props.tree.depth(i).min(6));
        html! {
            <li {class}>
                <button class="quiet" data-testid={format!("branch-{i}")} aria-current={(i == here).then_some("true")} {onclick}>
                    { branch.name.clone() }
                </button>
                <span class="about">{ from }</span>
            </li>
        }
    };
    html! {
        <>
            <ul class="tree" aria-label="Branches" data-testid="branches">{ for branches.iter().enumerate().map(line) }</ul>
            <label class="about">{ "Name of this branch " }
                <input data-testid="branch-name" maxlength="40" ~value={branches[here].name.clone()} onchange={onrename} /></label>
        </>
    }
}
