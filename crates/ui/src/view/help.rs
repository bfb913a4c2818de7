//! The keyboard help.

use super::part::Draw;
use crate::keys;
use yew::prelude::*;

/// Id of the dialog.
pub(crate) const DIALOG: &str = "help";

/// The keyboard help.
#[derive(PartialEq)]
pub(crate) struct Help;

impl Draw for Help {
    fn draw(&self) -> Html {
        let row = |(keys, what): &(&[&str], &str)| {
            html! { <tr><td>{ for keys.iter().map(|k| html! { <><kbd>{ *k }</kbd>{ " " }</> }) }</td><td>{ *what }</td></tr> }
        };
        html! {
            <dialog id={DIALOG} class="help" aria-labelledby="help-title" data-testid="help-dialog">
                <h2 id="help-title">{ "Keyboard" }</h2>
                <table><tbody>{ for keys::HELP.iter().map(row) }</tbody></table>
                <p>
                    { "Everything else is reached with Tab. To move a vCPU or a housekeeper: focus its token, Enter to pick \
                       it up, arrows to choose a core, Enter to drop it, Esc to leave it where it was." }
                </p>
                <p>{ "A dotted underline marks a word with a definition: point at it, focus it or press it. The glossary (G) has them all." }</p>
                <form method="dialog"><button autofocus={true}>{ "Close" }</button></form>
            </dialog>
        }
    }
}
