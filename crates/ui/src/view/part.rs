//! A part of the page that is drawn again only when its values differ.
//!
//! One component for all parts: each component type that Yew instantiates is some ten kilobytes of program.

use crate::app::Msg;
use std::any::Any;
use std::rc::Rc;
use yew::prelude::*;

/// Where parts send what was asked of them. One for the whole page: a new one would differ from the last, and every part
/// be drawn again.
pub(crate) type Send = Callback<Msg>;

/// What a part shows, and how.
pub(crate) trait Draw: PartialEq + 'static {
    /// Draws it.
    fn draw(&self) -> Html;
}

/// The part that shows these values.
pub(crate) fn part(values: impl Draw) -> Html {
    node(Values(Rc::new(values)))
}

/// Apart from [`part`], so that it is compiled once and not once per part.
#[inline(never)]
fn node(values: Values) -> Html {
    html! { <Part {values} /> }
}

trait Drawn: Any {
    fn draw(&self) -> Html;
    fn is(&self, other: &dyn Any) -> bool;
    fn as_any(&self) -> &dyn Any;
}

impl<T: Draw> Drawn for T {
    fn draw(&self) -> Html {
        Draw::draw(self)
    }

    fn is(&self, other: &dyn Any) -> bool {
        other.downcast_ref::<T>() == Some(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[derive(Clone)]
struct Values(Rc<dyn Drawn>);

impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        self.0.is(other.0.as_any())
    }
}

#[derive(Properties, PartialEq)]
struct PartProps {
    values: Values,
}

struct Part;

impl Component for Part {
    type Message = ();
    type Properties = PartProps;

    fn create(_: &Context<Self>) -> Self {
        Self
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        ctx.props().values.0.draw()
    }
}
