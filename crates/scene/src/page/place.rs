//! Keeping labels apart: each tries its places in order and takes the first that is free.

use crate::display::{Anchor, Area, Shape, text_area};

/// Areas that are taken.
#[derive(Default)]
pub(super) struct Placer {
    taken: Vec<Area>,
    bounds: Option<Area>,
}

/// Air between two labels.
const AIR: f64 = 4.0;

impl Placer {
    pub(super) fn new(bounds: Area) -> Self {
        Self { taken: Vec::new(), bounds: Some(bounds) }
    }

    /// Keeps labels out of an area.
    pub(super) fn block(&mut self, area: Area) {
        self.taken.push(area);
    }

    fn free(&self, area: &Area) -> bool {
        let inside =
            self.bounds.is_none_or(|b| area.x0 >= b.x0 && area.x1 <= b.x1 && area.y0 >= b.y0 && area.y1 <= b.y1);
        let aired = Area { x0: area.x0 - AIR, x1: area.x1 + AIR, ..*area };
        inside && !self.taken.iter().any(|t| t.meets(&aired))
    }

    /// Whether a text has room at a place.
    pub(super) fn fits(&self, text: &str, at: (f64, f64), class: &str) -> bool {
        self.free(&text_area(at, Anchor::Start, class, text))
    }

    /// The first text, longest first, that fits at one of the places, best first.
    pub(super) fn label(
        &mut self,
        texts: &[&str],
        places: &[((f64, f64), Anchor)],
        class: &'static str,
    ) -> Option<Shape> {
        for text in texts {
            for (at, anchor) in places {
                let area = text_area(*at, *anchor, class, text);
                if self.free(&area) {
                    self.taken.push(area);
                    return Some(Shape::Text { at: *at, anchor: *anchor, class, text: (*text).to_owned() });
                }
            }
        }
        None
    }

    /// Like [`Placer::label`], with the text centred but moved sideways to stay inside.
    pub(super) fn centred(&mut self, texts: &[&str], at: (f64, f64), class: &'static str) -> Option<Shape> {
        let bounds = self.bounds?;
        for text in texts {
            let half = crate::display::text_width(text, class) / 2.0;
            if bounds.x1 - bounds.x0 < half * 2.0 {
                continue;
            }
            let x = at.0.min(bounds.x1 - half).max(bounds.x0 + half);
            if let Some(shape) = self.label(&[text], &[((x, at.1), Anchor::Middle)], class) {
                return Some(shape);
            }
        }
        None
    }
}

impl Placer {
    /// The first of several stacks, best first, that finds room.
    pub(super) fn stacks(
        &mut self,
        variants: &[&[&str]],
        at: (f64, f64),
        anchor: Anchor,
        slack: f64,
        class: &'static str,
    ) -> Vec<Shape> {
        let found = variants.iter().find_map(|lines| self.stack(lines, at, anchor, slack, class));
        found.unwrap_or_default()
    }

    /// Lines of text under each other, moved down until they are free, at most `slack` pixels.
    fn stack(
        &mut self,
        lines: &[&str],
        at: (f64, f64),
        anchor: Anchor,
        slack: f64,
        class: &'static str,
    ) -> Option<Vec<Shape>> {
        const LINE: f64 = 15.0;
        const STEP: f64 = 4.0;
        let areas = |dy: f64| -> Vec<((f64, f64), Area)> {
            let place = |i: usize| (at.0, at.1 + dy + i as f64 * LINE);
            lines.iter().enumerate().map(|(i, l)| (place(i), text_area(place(i), anchor, class, l))).collect()
        };
        let tries = std::iter::successors(Some(0.0), |dy| Some(dy + STEP)).take_while(|dy| *dy <= slack);
        let found = tries.map(areas).find(|a| a.iter().all(|(_, area)| self.free(area)))?;
        self.taken.extend(found.iter().map(|(_, area)| *area));
        let shape = |(at, line): ((f64, f64), &&str)| Shape::Text { at, anchor, class, text: (*line).to_owned() };
        Some(found.iter().map(|(at, _)| *at).zip(lines).map(shape).collect())
    }
}
