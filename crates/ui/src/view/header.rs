//! The top of the page.

use super::event::chosen;
use super::part::{Draw, Send};
use crate::app::Msg;
use crate::app::lessons::Ask;
use crate::keys::Command;
use wasm_bindgen::JsCast;
use yew::prelude::*;

/// Light, dark, or as the system wishes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Theme {
    #[default]
    Auto,
    Light,
    Dark,
}

impl Theme {
    const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// As it is remembered, and as `data-theme` says it; `Auto` is remembered as nothing.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub(crate) fn from_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|t| t.name() == name).unwrap_or_default()
    }
}

/// The top of the page.
#[derive(PartialEq)]
pub(crate) struct Header {
    pub(crate) theme: Theme,
    /// Whether the link was copied a moment ago.
    pub(crate) copied: bool,
    pub(crate) send: Send,
}

impl Draw for Header {
    fn draw(&self) -> Html {
        let props = self;
        let onchange = props.send.reform(|e: Event| Msg::Theme(Theme::from_name(&chosen(&e).unwrap_or_default())));
        let option = |theme: Theme| {
            let words = match theme {
                Theme::Auto => "Auto",
                Theme::Light => "Light",
                Theme::Dark => "Dark",
            };
            html! { <option value={theme.name()} selected={theme == props.theme}>{ words }</option> }
        };
        html! {
            <header class="top">
                <a class="skip" href="#stages" onclick={|e: MouseEvent| focus_main(&e)}>{ "Skip to the stages" }</a>
                <b class="brand">{ "Exitless" }</b>
                <nav aria-label="Pages"><a aria-current="page" href="#" onclick={|e: MouseEvent| stay(&e)}>{ "Playground" }</a></nav>
                <button class="quiet" data-testid="lessons" onclick={props.send.reform(|_: MouseEvent| Msg::Lesson(Ask::List))}>{ "Lessons" }</button>
                <span class="fill"></span>
                <label class="theme">
                    <span class="only-wide">{ "Theme" }</span>
                    <select data-testid="theme" ~value={props.theme.name()} aria-label="Theme" {onchange}>{ for Theme::ALL.map(option) }</select>
                </label>
                <button data-testid="share" onclick={props.send.reform(|_: MouseEvent| Msg::Share)}>
                    { if props.copied { "Link copied" } else { "Share" } }
                </button>
                <button data-testid="help" aria-label="Keyboard help" onclick={props.send.reform(|_: MouseEvent| Msg::Command(Command::Help))}>{ "?" }</button>
            </header>
        }
    }
}

/// The fragment belongs to the state of the run: links within the page move the focus and leave the address alone.
fn stay(event: &MouseEvent) {
    event.prevent_default();
}

fn focus_main(event: &MouseEvent) {
    event.prevent_default();
    let main = web_sys::window().and_then(|w| w.document()).and_then(|d| d.get_element_by_id("stages"));
    if let Some(main) = main.and_then(|m| m.dyn_into::<web_sys::HtmlElement>().ok()) {
        let _refused = main.focus();
    }
}

#[cfg(test)]
mod tests {
    use super::Theme;

    #[test]
    fn themes_are_remembered_by_name() {
        for theme in Theme::ALL {
            assert_eq!(Theme::from_name(theme.name()), theme);
        }
        assert_eq!(Theme::from_name("sepia"), Theme::Auto);
    }
}
