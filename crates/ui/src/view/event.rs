//! What an event says, without its types.

use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlInputElement, HtmlSelectElement};

/// The entry that was chosen in a select.
pub(crate) fn chosen(event: &Event) -> Option<String> {
    Some(select(event)?.value())
}

/// The select that an event is about.
pub(crate) fn select(event: &Event) -> Option<HtmlSelectElement> {
    event.target()?.dyn_into().ok()
}

/// The field that an event is about.
pub(crate) fn field(event: &Event) -> Option<HtmlInputElement> {
    event.target()?.dyn_into().ok()
}

/// Whether the part that was toggled is open now.
pub(crate) fn is_open(event: &Event) -> bool {
    event.target().and_then(|t| t.dyn_into::<Element>().ok()).is_some_and(|e| e.has_attribute("open"))
}

/// The whole number in a field.
pub(crate) fn number(event: &Event) -> Option<usize> {
    field(event)?.value().trim().parse().ok()
}

/// An attribute of the innermost element around the pressed one that has it.
pub(crate) fn pressed<T: std::str::FromStr>(event: &Event, selector: &str, attribute: &str) -> Option<T> {
    let pressed = event.target()?.dyn_into::<Element>().ok()?;
    pressed.closest(selector).ok()??.get_attribute(attribute)?.parse().ok()
}
