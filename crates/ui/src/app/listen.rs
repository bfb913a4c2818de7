//! What the page hears from its window: keys, the address, its size.

use super::{App, Msg, define};
use crate::keys::{self, Focus, Press};
use wasm_bindgen::JsCast;
use wasm_bridge::browser::Listener;
use web_sys::{Event, HtmlElement, HtmlInputElement, KeyboardEvent};
use yew::Context;

pub(super) fn listeners(ctx: &Context<App>) -> Vec<Option<Listener>> {
    let send = |msg: fn() -> Msg| {
        let link = ctx.link().clone();
        move |_: Event| link.send_message(msg())
    };
    let link = ctx.link().clone();
    let keydown = move |event: Event| {
        let Ok(event) = event.dyn_into::<KeyboardEvent>() else { return };
        if event.default_prevented() {
            return;
        }
        let press = Press {
            key: &event.key(),
            shift: event.shift_key(),
            other: event.ctrl_key() || event.alt_key() || event.meta_key(),
        };
        if let Some(command) = keys::command(press, focus(&event)) {
            event.prevent_default();
            link.send_message(Msg::Command(command));
        }
    };
    let mut all = vec![
        Listener::on_window("keydown", keydown),
        Listener::on_window("popstate", send(|| Msg::AddressChanged)),
        Listener::on_window("hashchange", send(|| Msg::AddressChanged)),
        Listener::on_window("pagehide", send(|| Msg::WriteAddress)),
        Listener::on_window("resize", send(|| Msg::Resized)),
    ];
    all.extend(define::listeners(ctx));
    all
}

/// What has the focus when a key is pressed.
fn focus(event: &KeyboardEvent) -> Focus {
    let Some(element) = event.target().and_then(|t| t.dyn_into::<HtmlElement>().ok()) else { return Focus::Page };
    if element.is_content_editable() || element.closest("dialog").is_ok_and(|d| d.is_some()) {
        return Focus::Typing;
    }
    let kind = element.dyn_ref::<HtmlInputElement>().map(HtmlInputElement::type_).unwrap_or_default();
    Focus::of(&element.tag_name().to_ascii_lowercase(), &kind)
}
