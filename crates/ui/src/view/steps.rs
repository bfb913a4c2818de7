//! The list of steps. Only the rows around what is looked at are in the document; the scroll area is as tall as if all
//! were.

use super::event::pressed;
use super::part::Send;
use super::raw::Raw;
use crate::app::Msg;
use crate::list;
use std::ops::Range;
use web_sys::{Element, HtmlElement};
use yew::prelude::*;

/// A piece of the list, and where the run is.
#[derive(Properties, PartialEq)]
pub(crate) struct StepsProps {
    pub(crate) len: usize,
    /// The beat taken last.
    pub(crate) cursor: Option<usize>,
    pub(crate) rows: Range<usize>,
    pub(crate) markup: AttrValue,
    pub(crate) send: Send,
}

/// The list.
pub(crate) struct Steps {
    scroller: NodeRef,
    space: NodeRef,
    window: NodeRef,
}

impl Component for Steps {
    type Message = ();
    type Properties = StepsProps;

    fn create(_: &Context<Self>) -> Self {
        Self { scroller: NodeRef::default(), space: NodeRef::default(), window: NodeRef::default() }
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let props = ctx.props();
        let active = props.cursor.map(|c| format!("beat-{c}"));
        let (scroller, rows, send, len) = (self.scroller.clone(), props.rows.clone(), props.send.clone(), props.len);
        let onscroll = Callback::from(move |_: Event| {
            if let Some(row) = outside(&scroller, &rows, len) {
                send.emit(Msg::Look(row));
            }
        });
        let (send, cursor) = (props.send.clone(), props.cursor);
        let onkeydown = Callback::from(move |event: KeyboardEvent| {
            if let Some(beat) = keyed(&event.key(), cursor, len) {
                event.prevent_default();
                send.emit(Msg::Seek(beat + 1));
            }
        });
        let send = props.send.clone();
        let onclick = Callback::from(move |event: MouseEvent| {
            if let Some(beat) = pressed::<usize>(&event, "[data-beat]", "data-beat") {
                send.emit(Msg::Seek(beat + 1));
            }
        });
        html! {
            <section class="card" aria-labelledby="steps-title">
                <h2 id="steps-title" class="panel">{ "Steps" }</h2>
                <div class="row row-head" aria-hidden="true">
                    <span class="at">{ "µs" }</span><span class="rule">{ "rule" }</span><span>{ "what" }</span><span>{ "path" }</span>
                </div>
                <div class="steps" ref={self.scroller.clone()} role="listbox" tabindex="0" aria-labelledby="steps-title"
                    aria-activedescendant={active} data-testid="steps-list" {onscroll} {onkeydown} {onclick}>
                    <div class="steps-space" role="presentation" ref={self.space.clone()}>
                        <div class="steps-window" role="presentation" ref={self.window.clone()}>
                            <Raw markup={props.markup.clone()} />
                        </div>
                    </div>
                </div>
            </section>
        }
    }

    fn changed(&mut self, ctx: &Context<Self>, old: &StepsProps) -> bool {
        let new = ctx.props();
        if new.cursor != old.cursor || new.len != old.len {
            self.reveal(new.cursor.unwrap_or(0), new.len);
        }
        true
    }

    fn rendered(&mut self, ctx: &Context<Self>, first: bool) {
        let props = ctx.props();
        set(&self.space, "height", list::height(props.len));
        set(&self.window, "top", list::top_of(props.rows.start, props.len));
        self.mark(props);
        if first {
            self.reveal(props.cursor.unwrap_or(0), props.len);
        }
    }
}

impl Steps {
    /// Marks the rows in the document as taken, present or ahead.
    fn mark(&self, props: &StepsProps) {
        let Some(rows) = self.window.cast::<Element>().and_then(|w| w.first_element_child()) else { return };
        let mut next = rows.first_element_child();
        for beat in props.rows.clone() {
            let Some(row) = next else { break };
            let (class, present) = list::class(beat, props.cursor);
            if row.class_name() != class {
                row.set_class_name(class);
                let _refused = row.set_attribute("aria-selected", if present { "true" } else { "false" });
            }
            next = row.next_element_sibling();
        }
    }

    /// Scrolls so that the row is in sight, with some before it.
    fn reveal(&self, row: usize, len: usize) {
        let Some(scroller) = self.scroller.cast::<Element>() else { return };
        set(&self.space, "height", list::height(len));
        let (top, seen) = (scroller.scroll_top(), scroller.client_height());
        let at = list::top_of(row, len) as i32;
        if at < top || at + list::ROW.cast_signed() > top + seen {
            scroller.set_scroll_top((at - seen / 3).max(0));
        }
    }
}

/// The first row in sight, if rows in sight are not in the document.
fn outside(scroller: &NodeRef, rows: &Range<usize>, len: usize) -> Option<usize> {
    let scroller = scroller.cast::<Element>()?;
    let first = list::row_at(scroller.scroll_top().max(0).cast_unsigned(), len);
    let seen = (scroller.client_height().max(0).cast_unsigned() / list::ROW) as usize + 1;
    let last = (first + seen).min(len);
    (first < rows.start || last > rows.end).then_some(first + seen / 2)
}

/// The beat that a key of the list goes to.
fn keyed(key: &str, cursor: Option<usize>, len: usize) -> Option<usize> {
    let here = cursor.unwrap_or(0);
    let last = len.checked_sub(1)?;
    match key {
        "ArrowDown" => Some(cursor.map_or(0, |c| c + 1).min(last)),
        "ArrowUp" => here.checked_sub(1),
        "PageDown" => Some((here + 10).min(last)),
        "PageUp" => Some(here.saturating_sub(10)),
        _ => None,
    }
}

/// A length through the CSSOM, which the policy allows.
fn set(node: &NodeRef, property: &str, pixels: u64) {
    if let Some(element) = node.cast::<HtmlElement>() {
        let _refused = element.style().set_property(property, &format!("{pixels}px"));
    }
}

#[cfg(test)]
mod tests {
    use super::keyed;

    #[test]
    fn keys_stay_inside_the_list() {
        assert_eq!(keyed("ArrowDown", None, 5), Some(0));
        assert_eq!(keyed("ArrowDown", Some(4), 5), Some(4));
        assert_eq!(keyed("ArrowUp", Some(0), 5), None);
        assert_eq!(keyed("PageUp", Some(3), 5), Some(0));
        assert_eq!(keyed("PageDown", Some(3), 5), Some(4));
        assert_eq!(keyed("ArrowDown", None, 0), None);
        assert_eq!(keyed("x", Some(1), 5), None);
    }
}
