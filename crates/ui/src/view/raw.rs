//! Markup that another crate made: set at once, and only when it differs. Diffing hundreds of marks as virtual nodes
//! takes longer than a frame.

use wasm_bindgen::JsCast;
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
    /// The pressed mark's `data-step`.
    #[prop_or_default]
    pub(crate) onstep: Option<Callback<u32>>,
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
        new.class != old.class || new.onstep != old.onstep
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let props = ctx.props();
        let onclick = props.onstep.clone().map(|onstep| {
            Callback::from(move |event: MouseEvent| {
                if let Some(step) = mark_of(&event) {
                    onstep.emit(step);
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

/// `data-step` of the mark that was pressed, if it was one.
fn mark_of(event: &MouseEvent) -> Option<u32> {
    let pressed = event.target()?.dyn_into::<Element>().ok()?;
    pressed.closest("[data-step]").ok()??.get_attribute("data-step")?.parse().ok()
}
