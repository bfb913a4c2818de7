//! A set of the 256 vectors as a grid: a row per priority class, class 15 on top, a column per low nibble.
//!
//! Classes on the SVG: `grid` on the root; `cells` the empty cells, one path; `unusable` the vectors that are never
//! delivered (0 to 15) or belong to exceptions (16 to 31), one path; `cell` a set bit, with `data-vector`; `ring` around
//! a bit that the last step changed; `ghost` where the last step cleared one; `threshold` the line below which the
//! processor priority holds vectors back; `class-label` the row names.

use crate::display::{Pen, Shape, num};
use crate::svg::escaped;
use apic_core::lapic::VectorSet;
use apic_core::units::Vector;
use std::fmt::Write as _;

/// A set to draw.
#[derive(Clone, Copy, Debug)]
pub struct Grid<'a> {
    /// Id of the SVG element.
    pub id: &'a str,
    /// "PIR", "VIRR", "VISR".
    pub name: &'a str,
    /// The bits.
    pub set: &'a VectorSet,
    /// Bits that the last step changed, with their new values.
    pub changed: &'a [(Vector, bool)],
    /// Processor priority, where the set is held back by one.
    pub vppr: Option<u8>,
    /// Pixels.
    pub width: u32,
}

/// Room for the row names.
const LABELS: f64 = 30.0;
const AIR: f64 = 2.0;

struct Cells {
    width: f64,
    height: f64,
}

impl Cells {
    fn of(&self, number: u8) -> [f64; 4] {
        let (row, column) = (f64::from(15 - (number >> 4)), f64::from(number & 15));
        let (x, y) = (LABELS + column * self.width, row * self.height);
        [x + AIR / 2.0, y + AIR / 2.0, self.width - AIR, self.height - AIR]
    }

    /// Many cells as one path.
    fn path(&self, numbers: impl Iterator<Item = u8>, class: &'static str) -> String {
        let mut d = String::new();
        for number in numbers {
            let [x, y, width, height] = self.of(number).map(num);
            let _ = write!(d, "M{x} {y}h{width}v{height}h-{width}z");
        }
        format!("<path class=\"{class}\" d=\"{d}\"/>")
    }
}

/// The grid as SVG.
pub fn grid_svg(grid: &Grid<'_>) -> String {
    let width = f64::from(grid.width.max(120));
    let cells = Cells { width: (width - LABELS) / 16.0, height: ((width - LABELS) / 16.0 * 0.62).max(11.0) };
    let height = cells.height * 16.0;
    let mut out = String::with_capacity(8 * 1024);
    let _ = write!(
        out,
        "<svg class=\"grid\" id=\"{}\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\" aria-label=\"{}\">",
        escaped(grid.id),
        escaped(&in_words(grid)),
        w = num(width),
        h = num(height),
    );
    out += &cells.path(32..=255, "cells");
    out +=
        "<g><title>Vectors 0 to 31 are not usable: 0 to 15 are never delivered, 16 to 31 belong to exceptions.</title>";
    out += &cells.path(0..=31, "unusable");
    // One stroke through each.
    let mut strokes = String::new();
    for number in 0..=31 {
        let [x, y, w, h] = cells.of(number);
        if let Shape::Path(d, _) = Pen::default().to('M', &[(x, y + h)]).to('L', &[(x + w, y)]).open("") {
            strokes += &d;
        }
    }
    let _ = write!(out, "<path class=\"unusable\" d=\"{strokes}\"/></g>");
    for class in 0..16u8 {
        let y = f64::from(15 - class) * cells.height + cells.height * 0.78;
        let _ = write!(out, "<text class=\"class-label\" x=\"0\" y=\"{}\">{class:x}x</text>", num(y));
    }
    for vector in grid.set.iter() {
        let [x, y, w, h] = cells.of(vector.number());
        let _ = write!(
            out,
            "<rect class=\"cell\" data-vector=\"{vector}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"><title>vector \
             {vector}, class {}, set in {}</title></rect>",
            num(x),
            num(y),
            num(w),
            num(h),
            vector.class().number(),
            escaped(grid.name)
        );
    }
    for (vector, on) in grid.changed {
        let [x, y, w, h] = cells.of(vector.number());
        let (class, what) = if *on { ("ring", "set") } else { ("ghost", "cleared") };
        let _ = write!(
            out,
            "<rect class=\"{class}\" data-vector=\"{vector}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"><title>vector \
             {vector}, {what} by the last step</title></rect>",
            num(x - 1.0),
            num(y - 1.0),
            num(w + 2.0),
            num(h + 2.0)
        );
    }
    if let Some(vppr) = grid.vppr.filter(|v| *v >> 4 > 0) {
        let y = num(f64::from(15 - (vppr >> 4)) * cells.height);
        let _ = write!(
            out,
            "<g><title>VPPR {vppr:#04x}: vectors below this line wait</title><line class=\"threshold\" x1=\"{}\" y1=\"{y}\" \
             x2=\"{}\" y2=\"{y}\"/></g>",
            num(LABELS),
            num(width)
        );
    }
    out.push_str("</svg>");
    out
}

/// "PIR: vector 0xec, class 14."
fn in_words(grid: &Grid<'_>) -> String {
    const MANY: usize = 8;
    let set: Vec<Vector> = grid.set.iter().collect();
    if set.is_empty() {
        return format!("{}: no vector set", grid.name);
    }
    let named: Vec<String> =
        set.iter().rev().take(MANY).map(|v| format!("vector {v}, class {}", v.class().number())).collect();
    let rest = set.len().saturating_sub(MANY);
    let rest = if rest > 0 { format!("; and {rest} more") } else { String::new() };
    format!("{}: {}{rest}", grid.name, named.join("; "))
}
