//! Markup that another crate made: set only when it differs, and of a picture only the marks that differ. Diffing hundreds
//! of marks as virtual nodes takes longer than a frame.

use super::event::pressed;
use super::part::Send;
use crate::app::Msg;
use crate::patch::{Difference, differences};
use std::rc::Rc;
use web_sys::Element;
use yew::prelude::*;

/// What stands inside, and what to do when a mark is pressed.
#[derive(Properties, PartialEq)]
pub(crate) struct RawProps {
    #[prop_or_default]
    pub(crate) class: &'static str,
    #[prop_or_default]
    pub(crate) testid: AttrValue,
    pub(crate) markup: AttrValue,
    /// Where in a picture's markup each mark begins, and where the last one ends. Each is one element of the picture.
    #[prop_or_default]
    pub(crate) cuts: Rc<[usize]>,
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
        if new.markup != old.markup
            && let Some(place) = self.place.cast::<Element>()
            && patch(&place, old, new).is_none()
        {
            place.set_inner_html(&new.markup);
        }
        new.class != old.class || new.testid != old.testid || new.marks != old.marks
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
        html! { <div ref={self.place.clone()} class={props.class} data-testid={props.testid.clone()} {onclick}></div> }
    }

    fn rendered(&mut self, ctx: &Context<Self>, first: bool) {
        if let (true, Some(place)) = (first, self.place.cast::<Element>()) {
            place.set_inner_html(&ctx.props().markup);
        }
    }
}

/// Most marks that are set one by one: beyond, the whole picture is quicker.
const MOST: usize = 8;

/// Sets what of a picture differs: its own attributes, and marks. `None` if it has to be set as a whole.
fn patch(place: &Element, old: &RawProps, new: &RawProps) -> Option<()> {
    let (head, marks) = differing(old, new)?;
    let picture = place.first_element_child()?;
    // What is not a mark comes before them.
    let children = picture.children();
    let before = children.length().checked_sub(new.cuts.len() as u32 - 1)?;
    for mark in marks {
        let (element, piece) = (children.item(before + mark as u32)?, new.piece(mark)?);
        if differences(old.piece(mark)?, piece).and_then(|found| set(&element, &found)).is_none() {
            element.set_outer_html(piece);
        }
    }
    set(&picture, &head)
}

/// Sets values of an element and of its children, which have no elements of their own.
fn set(element: &Element, differences: &[Difference]) -> Option<()> {
    let parts = element.children();
    for Difference { element: number, attribute, value } in differences {
        let part = number.checked_sub(1).map_or_else(|| Some(element.clone()), |i| parts.item(i as u32))?;
        match attribute {
            Some(name) => part.set_attribute(name, value).ok()?,
            None => part.set_text_content(Some(value)),
        }
    }
    Some(())
}

/// In which attributes of their own and in which marks two pictures differ; `None` if that is not all in which they do, or
/// if it is too much.
fn differing<'a>(old: &RawProps, new: &'a RawProps) -> Option<(Vec<Difference<'a>>, Vec<usize>)> {
    if new.cuts.len() != old.cuts.len() {
        return None;
    }
    let head = differences(old.head()?, new.head()?).filter(|found| found.iter().all(|d| d.element == 0))?;
    let marks: Vec<usize> = (0..new.cuts.len() - 1).filter(|i| new.piece(*i) != old.piece(*i)).collect();
    (marks.len() <= MOST).then_some((head, marks))
}

impl RawProps {
    /// The markup of a mark.
    fn piece(&self, mark: usize) -> Option<&str> {
        self.markup.get(*self.cuts.get(mark)?..*self.cuts.get(mark + 1)?)
    }

    /// What comes before the marks: the picture's tag, and what they refer to.
    fn head(&self) -> Option<&str> {
        self.markup.get(..*self.cuts.first()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apic_core::run::Lockstep;
    use apic_core::scenario::preset;
    use scene::{Moment, PageData, Projection, View};

    fn drawn(lockstep: &Lockstep, width: u32) -> RawProps {
        let page = PageData::collect(lockstep, lockstep.tick_of(lockstep.position().saturating_sub(1)));
        let view = View { width, projection: Projection::for_width(width), id: "s0".to_owned() };
        let stage = page.draw(1, &Moment::of(lockstep, 1), &view);
        RawProps {
            class: "",
            testid: AttrValue::default(),
            markup: stage.svg.into(),
            cuts: stage.cuts.into(),
            marks: None,
        }
    }

    #[test]
    fn within_a_tick_few_marks_differ_and_they_make_the_new_picture() {
        for width in [360, 1_000] {
            let mut lockstep = Lockstep::new(&preset("pinned-vs-offloaded").expect("ships"));
            let tick = lockstep.ticks()[1].clone();
            lockstep.seek(tick.start + 1);
            let mut before = drawn(&lockstep, width);
            for position in tick.start + 2..=tick.end {
                lockstep.seek(position);
                let after = drawn(&lockstep, width);
                let (head, differing) = differing(&before, &after).expect("one tick");
                assert!(head.iter().all(|d| d.attribute == Some("aria-label")), "{head:?}");
                let pieces = (0..after.cuts.len() - 1).map(|i| {
                    let of = if differing.contains(&i) { &after } else { &before };
                    of.piece(i).expect("a mark")
                });
                assert_eq!(pieces.collect::<String>(), after.markup[after.cuts[0]..after.markup.len() - 6]);
                before = after;
            }
        }
    }

    #[test]
    fn another_size_or_other_marks_are_another_picture() {
        let mut lockstep = Lockstep::new(&preset("pinned-vs-offloaded").expect("ships"));
        lockstep.seek(30);
        let (wide, wider) = (drawn(&lockstep, 1_000), drawn(&lockstep, 1_004));
        assert_eq!(differing(&wide, &wider), None);
        assert_eq!(differing(&wide, &wide), Some((Vec::new(), Vec::new())));
        lockstep.seek(lockstep.ticks()[2].start + 30);
        assert_eq!(differing(&wide, &drawn(&lockstep, 1_000)), None);
    }
}
