//! What both projections draw alike: the flight of an IPI, and the cross at the end of what did not happen.

use super::layout::Canvas;
use super::story::{Ipi, message, message_words, sender};
use crate::display::{Pen, Shape};
use crate::words;

/// Pixels along the flight and across it.
const HEAD: (f64, f64) = (11.0, 9.0);
/// Pixels of a side.
const TAIL: f64 = 7.0;

/// A square where it left, a line, and a head where it arrives. The two points must not be the same.
pub(super) fn arrow((x1, y1): (f64, f64), (x2, y2): (f64, f64)) -> Vec<Shape> {
    let length = ((x2 - x1) * (x2 - x1) + (y2 - y1) * (y2 - y1)).sqrt();
    let (ux, uy) = ((x2 - x1) / length, (y2 - y1) / length);
    let (x, y) = (x2 - ux * HEAD.0, y2 - uy * HEAD.0);
    let (dx, dy) = (uy * HEAD.1 / 2.0, ux * HEAD.1 / 2.0);
    let head = Pen::default().to('M', &[(x2, y2)]).to('L', &[(x - dx, y + dy), (x + dx, y - dy)]).close("ipi");
    let tail = Shape::Rect([x1 - TAIL / 2.0, y1 - TAIL / 2.0, TAIL, TAIL], "ipi");
    vec![Shape::Line([x1, y1, x, y], "ipi"), head, tail]
}

pub(super) fn cross(x: f64, y: f64, class: &'static str) -> Shape {
    const ARM: f64 = 4.0;
    Pen::default()
        .to('M', &[(x - ARM, y - ARM)])
        .to('L', &[(x + ARM, y + ARM)])
        .to('M', &[(x + ARM, y - ARM)])
        .to('L', &[(x - ARM, y + ARM)])
        .open(class)
}

impl Canvas<'_> {
    pub(super) fn push_ipi(&mut self, ipi: &Ipi, shapes: Vec<Shape>) {
        let name = |cpu| words::core(cpu, self.scenario());
        let from = ipi.from.map_or_else(String::new, |cpu| format!(" from {}", name(cpu)));
        let label = format!("{},{from} to {}", message_words(ipi.vector, ipi.from), name(ipi.to));
        self.push("ipi", ipi.sent, label, shapes)
            .with("vector", message(ipi.vector))
            .with("from", sender(ipi.from))
            .with("to", ipi.to)
            .with("id", ipi.id);
    }
}
