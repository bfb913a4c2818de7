//! The list of steps. Only the rows around what is looked at are in the document; the scroll area is as tall as if all
//! were.

use super::event::{field, pressed};
use super::part::Send;
use crate::app::Msg;
use crate::list::{self, Is, Rows, Taken};
use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;
use web_sys::{Element, HtmlElement};
use yew::prelude::*;

/// A piece of the list, and where the run is.
#[derive(Properties, PartialEq)]
pub(crate) struct StepsProps {
    pub(crate) len: usize,
    /// Rows taken.
    pub(crate) taken: Taken,
    pub(crate) rows: Rows,
    /// What is looked for.
    pub(crate) filter: AttrValue,
    /// Why nothing is found.
    pub(crate) refusal: Option<AttrValue>,
    pub(crate) send: Send,
}

/// The list.
pub(crate) struct Steps {
    scroller: NodeRef,
    space: NodeRef,
    window: NodeRef,
    drawn: Option<Drawn>,
    seen: Rc<Cell<Seen>>,
}

/// How far the list is scrolled, and how high it is, as the last scroll event found them: to ask at any other time would
/// make the browser lay out the page at once.
#[derive(Clone, Copy, Default)]
struct Seen {
    top: i32,
    height: i32,
}

impl Seen {
    fn of(scroller: &Element) -> Self {
        Self { top: scroller.scroll_top(), height: scroller.client_height() }
    }
}

/// What stands in the document.
struct Drawn {
    len: usize,
    taken: Taken,
    rows: Rows,
}

impl Component for Steps {
    type Message = ();
    type Properties = StepsProps;

    fn create(_: &Context<Self>) -> Self {
        let (scroller, space, window) = (NodeRef::default(), NodeRef::default(), NodeRef::default());
        Self { scroller, space, window, drawn: None, seen: Rc::default() }
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let props = ctx.props();
        let cursor = props.taken.0.checked_sub(1);
        let active = cursor.filter(|_| props.taken.1).map(|row| format!("beat-{}", props.rows.found.beat(row)));
        let (scroller, beats, send, len) =
            (self.scroller.clone(), props.rows.beats.clone(), props.send.clone(), props.len);
        let seen = self.seen.clone();
        let onscroll = Callback::from(move |_: Event| {
            let Some(scroller) = scroller.cast::<Element>() else { return };
            seen.set(Seen::of(&scroller));
            if let Some(row) = outside(seen.get(), &beats, len) {
                send.emit(Msg::Look(row));
            }
        });
        let (send, found) = (props.send.clone(), props.rows.found.clone());
        let onkeydown = Callback::from(move |event: KeyboardEvent| {
            if let Some(row) = keyed(&event.key(), cursor, len) {
                event.prevent_default();
                send.emit(Msg::Seek(found.beat(row) + 1));
            }
        });
        let oninput = props.send.reform(|e: InputEvent| Msg::Filter(field(&e).map(|f| f.value()).unwrap_or_default()));
        let refusal =
            props.refusal.clone().map(|text| html! { <p class="refusal" data-testid="filter-refusal">{ text }</p> });
        let count = props.rows.found.is_part().then(|| format!("{len} found"));
        let send = props.send.clone();
        let onclick = Callback::from(move |event: MouseEvent| {
            if let Some(beat) = pressed::<usize>(&event, "[data-beat]", "data-beat") {
                send.emit(Msg::Seek(beat + 1));
            }
        });
        html! {
            <section class="card" aria-labelledby="steps-title">
                <div class="panel-head">
                    <h2 id="steps-title" class="panel">{ "Steps" }</h2>
                    <label class="about">{ "Find " }
                        <input type="search" data-testid="filter" placeholder="words, or ON becomes 1" ~value={props.filter.clone()} {oninput} />
                    </label>
                </div>
                <div role="alert">{ refusal }</div>
                <p class="foot found" role="status" data-testid="found">{ count }</p>
                <div class="row row-head" aria-hidden="true">
                    <span class="at">{ "µs" }</span><span class="rule">{ "rule" }</span><span>{ "what" }</span><span>{ "path" }</span>
                </div>
                <div class="steps" ref={self.scroller.clone()} role="listbox" tabindex="0" aria-labelledby="steps-title"
                    aria-activedescendant={active} data-testid="steps-list" {onscroll} {onkeydown} {onclick}>
                    <div class="steps-space" role="presentation" ref={self.space.clone()}>
                        <div class="steps-window" role="presentation" ref={self.window.clone()}></div>
                    </div>
                </div>
            </section>
        }
    }

    /// After all parts of the page are drawn: then the one layout that scrolling asks for is the last.
    fn rendered(&mut self, ctx: &Context<Self>, first: bool) {
        let &StepsProps { len, taken, ref rows, .. } = ctx.props();
        if let (true, Some(scroller)) = (first, self.scroller.cast::<Element>()) {
            self.seen.set(Seen::of(&scroller));
        }
        let old = self.drawn.take();
        if old.as_ref().is_none_or(|old| old.len != len) {
            set(&self.space, "height", list::height(len));
        }
        if old.as_ref().is_none_or(|old| old.len != len || old.rows.beats.start != rows.beats.start) {
            set(&self.window, "top", list::top_of(rows.beats.start, len));
        }
        if let Some(window) = self.window.cast::<Element>()
            && old.as_ref().and_then(|old| keep(&window, old, rows, taken)).is_none()
        {
            window.set_inner_html(&rows.at(rows.beats.clone(), taken));
        }
        if old.is_none_or(|old| (old.len, old.taken) != (len, taken)) {
            self.reveal(taken.0.saturating_sub(1), len);
        }
        self.drawn = Some(Drawn { len, taken, rows: rows.clone() });
    }
}

impl Steps {
    /// Scrolls so that the row is in sight, with some before it.
    fn reveal(&self, row: usize, len: usize) {
        let (seen, at) = (self.seen.get(), list::top_of(row, len) as i32);
        if at < seen.top || at + list::ROW.cast_signed() > seen.top + seen.height {
            let top = (at - seen.height / 3).max(0);
            self.seen.set(Seen { top, ..seen });
            if let Some(scroller) = self.scroller.cast::<Element>() {
                scroller.set_scroll_top(top);
            }
        }
    }
}

/// Makes the rows in the document the new ones, if they share some: takes away and adds at the ends, and marks those that
/// stay as taken, present or ahead where that changed.
fn keep(window: &Element, old: &Drawn, new: &Rows, taken: Taken) -> Option<()> {
    let shared = new.shared(&old.rows)?;
    for _ in old.rows.beats.start..shared.start {
        window.first_element_child()?.remove();
    }
    for _ in shared.end..old.rows.beats.end {
        window.last_element_child()?.remove();
    }
    let elements = window.children();
    for beat in shared.clone() {
        let is = Is::of(beat, taken);
        if is != Is::of(beat, old.taken) {
            let (row, (class, selected)) = (elements.item((beat - shared.start) as u32)?, is.attributes());
            row.set_class_name(class);
            row.set_attribute("aria-selected", selected).ok()?;
        }
    }
    for (place, beats) in [("afterbegin", new.beats.start..shared.start), ("beforeend", shared.end..new.beats.end)] {
        if !beats.is_empty() {
            window.insert_adjacent_html(place, &new.at(beats, taken)).ok()?;
        }
    }
    Some(())
}

/// The first row in sight, if rows in sight are not in the document.
fn outside(seen: Seen, rows: &Range<usize>, len: usize) -> Option<usize> {
    let first = list::row_at(seen.top.max(0).cast_unsigned(), len);
    let seen = (seen.height.max(0).cast_unsigned() / list::ROW) as usize + 1;
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
