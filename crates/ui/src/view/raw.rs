//! Markup that another crate made: set at once, and only when it differs. Diffing hundreds of marks as virtual nodes
//! takes longer than a frame.

use super::event::pressed;
use super::part::Send;
use crate::app::Msg;
use web_sys::Element;
use yew::prelude::*;

/// What stands inside, and what to do when a mark is pressed.
#[derive(Properties, PartialEq)]
pub(crate) struct RawProps {
    #[prop_or_default]
    pub(crate) class: &'static str,
    #[prop_or_default]
    pub(crate) testid: &'static str,
    pub(crate) markup: AttrValue,
    /// The path whose marks they are, and whom to tell that one was pressed.
    #[prop_or_default]
    pub(crate) marks: Option<(usize, Send)>,
}

/// An element whose content is the markup.
pub(crate) struct Raw {
    place: NodeRef,
}

impl Component for Raw {
    type Message = ();
    type Properties = RawProps;

    fn create(_: &Context<Self>) -> Self {
        Self { place: NodeRef::default() }
    }

    fn changed(&mut self, ctx: &Context<Self>, old: &RawProps) -> bool {
        let new = ctx.props();
        if new.markup != old.markup {
            self.write(&new.markup);
        }
        new.class != old.class || new.marks != old.marks
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let props = ctx.props();
        let onclick = props.marks.clone().map(|(path, send)| {
            Callback::from(move |event: MouseEvent| {
                if let Some(step) = pressed(&event, "[data-step]", "data-step") {
                    send.emit(Msg::SeekStep(path, step));
                }
            })
        });
        html! { <div ref={self.place.clone()} class={props.class} data-testid={props.testid} {onclick}></div> }
    }

    fn rendered(&mut self, ctx: &Context<Self>, first: bool) {
        if first {
            self.write(&ctx.props().markup);
        }
    }
}

impl Raw {
    fn write(&self, markup: &str) {
        if let Some(place) = self.place.cast::<Element>() {
            place.set_inner_html(markup);
        }
    }
}
