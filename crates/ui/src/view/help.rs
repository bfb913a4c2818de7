//! The keyboard help.

use crate::keys;
use web_sys::HtmlDialogElement;
use yew::prelude::*;

/// Opens whenever `asked` grows.
#[derive(Properties, PartialEq)]
pub(crate) struct HelpProps {
    pub(crate) asked: u32,
}

/// The keyboard help.
#[component]
pub(crate) fn Help(props: &HelpProps) -> Html {
    let dialog = use_node_ref();
    {
        let dialog = dialog.clone();
        use_effect_with(props.asked, move |asked| {
            if let Some(dialog) = dialog.cast::<HtmlDialogElement>().filter(|d| *asked > 0 && !d.open()) {
                let _refused = dialog.show_modal();
            }
        });
    }
    let row = |(keys, what): &(&[&str], &str)| {
        html! { <tr><td>{ for keys.iter().map(|k| html! { <><kbd>{ *k }</kbd>{ " " }</> }) }</td><td>{ *what }</td></tr> }
    };
    html! {
        <dialog ref={dialog} class="help" aria-labelledby="help-title" data-testid="help-dialog">
            <h2 id="help-title">{ "Keyboard" }</h2>
            <table><tbody>{ for keys::HELP.iter().map(row) }</tbody></table>
            <p>
                { "Everything else is reached with Tab. To move a vCPU or a housekeeper: focus its token, Enter to pick \
                   it up, arrows to choose a core, Enter to drop it, Esc to leave it where it was." }
            </p>
            <form method="dialog"><button autofocus={true}>{ "Close" }</button></form>
        </dialog>
    }
}
