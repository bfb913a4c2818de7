//! A set of the 256 vectors as a grid: a row per priority class, class 15 on top, a column per low nibble.
//!
//! Classes on the SVG: `grid` on the root; `cells` the empty cells, one path; `unusable` the vectors that are never
//! delivered (0 to 15) or belong to exceptions (16 to 31), one path; `cell` a set bit, with `data-vector`; `ring` around
//! a bit that the last step changed; `ghost` where the last step cleared one; `threshold` the line below which the
//! processor priority holds vectors back; `class-label` the row names.

use crate::display::push_length;
use crate::svg::{Markup, RECT};
use apic_core::lapic::VectorSet;
use apic_core::units::Vector;

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
    fn path(&self, numbers: impl Iterator<Item = u8>) -> String {
        let mut path = String::new();
        for number in numbers {
            let [x, y, width, height] = self.of(number);
            push(&mut path, [("M", x), (" ", y), ("h", width), ("v", height), ("h", -width)]);
            path.push('z');
        }
        path
    }

    /// One stroke through each.
    fn strokes(&self, numbers: impl Iterator<Item = u8>) -> String {
        let mut path = String::new();
        for number in numbers {
            let [x, y, width, height] = self.of(number);
            push(&mut path, [("M", x), (" ", y + height), ("L", x + width), (" ", y)]);
        }
        path
    }
}

fn push<const N: usize>(path: &mut String, pieces: [(&str, f64); N]) {
    for (command, length) in pieces {
        path.push_str(command);
        push_length(path, length);
    }
}

fn path(out: &mut Markup, class: &str, d: &str) {
    out.raw("<path").attribute("class", class).attribute("d", d).raw("/>");
}

/// The grid as SVG.
pub fn grid_svg(grid: &Grid<'_>) -> String {
    let width = f64::from(grid.width.max(120));
    let cells = Cells { width: (width - LABELS) / 16.0, height: ((width - LABELS) / 16.0 * 0.62).max(11.0) };
    let height = cells.height * 16.0;
    let mut out = Markup::with_capacity(8 * 1024);
    out.raw("<svg class=\"grid\"").attribute("id", grid.id).size(width, height);
    out.raw(" role=\"img\"").attribute("aria-label", &in_words(grid)).raw(">");
    path(&mut out, "cells", &cells.path(32..=255));
    out.raw(
        "<g><title>Vectors 0 to 31 are not usable: 0 to 15 are never delivered, 16 to 31 belong to exceptions.</title>",
    );
    path(&mut out, "unusable", &cells.path(0..=31));
    path(&mut out, "unusable", &cells.strokes(0..=31));
    out.raw("</g>");
    for class in 0..16u8 {
        let y = f64::from(15 - class) * cells.height + cells.height * 0.78;
        out.raw("<text class=\"class-label\"").lengths(["x", "y"], [0.0, y]).raw(">");
        out.raw(&format!("{class:x}x")).raw("</text>");
    }
    let mut cell = |class: &str, vector: Vector, grow: f64, more: &[&str]| {
        let [x, y, w, h] = cells.of(vector.number());
        let name = vector.to_string();
        out.raw("<rect").attribute("class", class).attribute("data-vector", &name);
        out.lengths(RECT, [x - grow, y - grow, w + 2.0 * grow, h + 2.0 * grow]);
        out.raw("><title>vector ").raw(&name);
        for words in more {
            out.text(words);
        }
        out.raw("</title></rect>");
    };
    for vector in grid.set.iter() {
        cell("cell", vector, 0.0, &[", class ", &vector.class().number().to_string(), ", set in ", grid.name]);
    }
    for (vector, on) in grid.changed {
        let (class, what) = if *on { ("ring", "set") } else { ("ghost", "cleared") };
        cell(class, *vector, 1.0, &[", ", what, " by the last step"]);
    }
    if let Some(vppr) = grid.vppr.filter(|v| *v >> 4 > 0) {
        let y = f64::from(15 - (vppr >> 4)) * cells.height;
        out.raw("<g><title>VPPR ").raw(&Vector::new(vppr).to_string()).raw(": vectors below this line wait</title>");
        out.raw("<line class=\"threshold\"").lengths(["x1", "y1", "x2", "y2"], [LABELS, y, width, y]).raw("/></g>");
    }
    out.raw("</svg>");
    out.finish()
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
