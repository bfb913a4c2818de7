//! The display list: marks with their meaning, made of plain shapes. Every medium draws from it.

/// Whether a mark has happened at the moment that is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// It has.
    Past,
    /// It is what the step just taken did.
    Now,
    /// It has not; drawn faint.
    Future,
}

/// Which point of a text its place names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Anchor {
    /// Its left end.
    Start,
    /// Its middle.
    Middle,
    /// Its right end.
    End,
}

/// Something that can be drawn.
#[derive(Clone, PartialEq, Debug)]
pub enum Shape {
    /// A rectangle: x, y, width, height.
    Rect([f64; 4], &'static str),
    /// A line: x1, y1, x2, y2.
    Line([f64; 4], &'static str),
    /// SVG path data.
    Path(String, &'static str),
    /// A circle: x, y, radius.
    Circle([f64; 3], &'static str),
    /// Text at a baseline point.
    Text {
        /// Place.
        at: (f64, f64),
        /// What of the text is there.
        anchor: Anchor,
        /// Classes.
        class: &'static str,
        /// The words.
        text: String,
    },
}

/// One mark: something that happened, was refused or was left undone.
#[derive(Clone, PartialEq, Debug)]
pub struct Mark {
    /// `data-kind`, and the first class.
    pub kind: &'static str,
    /// The step it belongs to, by its number in its path's run.
    pub step: Option<u32>,
    /// Past, present or future.
    pub when: When,
    /// For assistive technology: the mark in words.
    pub label: String,
    /// Further `data-` attributes.
    pub data: Vec<(&'static str, String)>,
    /// What is drawn.
    pub shapes: Vec<Shape>,
}

/// All marks of one stage, back to front.
#[derive(Clone, PartialEq, Debug)]
pub struct DisplayList {
    /// Pixels.
    pub width: f64,
    /// Pixels.
    pub height: f64,
    /// Back to front.
    pub marks: Vec<Mark>,
}

/// A rectangle that text occupies, for keeping labels apart.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Area {
    /// Left.
    pub x0: f64,
    /// Top.
    pub y0: f64,
    /// Right.
    pub x1: f64,
    /// Bottom.
    pub y1: f64,
}

impl Area {
    /// Whether the two share more than an edge.
    pub fn meets(&self, other: &Self) -> bool {
        self.x0 < other.x1 && other.x0 < self.x1 && self.y0 < other.y1 && other.y0 < self.y1
    }
}

/// Size of ordinary text in pixels; `dim` and `mono` text is one smaller.
pub(crate) const TEXT: f64 = 13.0;
/// Size of secondary text in pixels.
pub(crate) const SMALL: f64 = 12.0;

fn size(class: &str) -> f64 {
    if class.split(' ').any(|c| matches!(c, "dim" | "mono" | "note")) { SMALL } else { TEXT }
}

/// How wide a text comes out at most, in pixels: measured on wide faces (DejaVu Sans), so that others leave some air.
pub(crate) fn text_width(text: &str, class: &str) -> f64 {
    let size = size(class);
    if class.split(' ').any(|c| c == "mono") {
        return text.chars().count() as f64 * size * 0.603;
    }
    let em: f64 = text
        .chars()
        .map(|c| match c {
            'i' | 'j' | 'l' | ' ' | ',' | '.' | ':' | '\'' | '(' | ')' | '[' | ']' => 0.35,
            'f' | 't' | 'r' | 'I' => 0.41,
            'm' | 'M' | 'W' | 'w' | '←' | '→' => 0.9,
            'A'..='Z' | '_' => 0.69,
            _ => 0.62,
        })
        .sum();
    em * size
}

/// The area of a text at a baseline point.
pub(crate) fn text_area(at: (f64, f64), anchor: Anchor, class: &str, text: &str) -> Area {
    let (width, size) = (text_width(text, class), size(class));
    let x0 = match anchor {
        Anchor::Start => at.0,
        Anchor::Middle => at.0 - width / 2.0,
        Anchor::End => at.0 - width,
    };
    Area { x0, y0: at.1 - size * 0.8, x1: x0 + width, y1: at.1 + size * 0.25 }
}

impl Shape {
    /// The area of a text; `None` for other shapes.
    pub fn text_area(&self) -> Option<Area> {
        match self {
            Self::Text { at, anchor, class, text } => Some(text_area(*at, *anchor, class, text)),
            _ => None,
        }
    }
}

/// Builds path data.
#[derive(Default)]
pub(crate) struct Pen(String);

impl Pen {
    pub(crate) fn to(mut self, command: char, points: &[(f64, f64)]) -> Self {
        self.0.push(command);
        for (i, (x, y)) in points.iter().enumerate() {
            if i > 0 {
                self.0.push(' ');
            }
            push_length(&mut self.0, *x);
            self.0.push(' ');
            push_length(&mut self.0, *y);
        }
        self
    }

    pub(crate) fn close(mut self, class: &'static str) -> Shape {
        self.0.push('z');
        Shape::Path(self.0, class)
    }

    pub(crate) fn open(self, class: &'static str) -> Shape {
        Shape::Path(self.0, class)
    }
}

/// A length with at most one decimal. Not by `write!`: there are hundreds of them in a picture, and one on every step.
pub(crate) fn push_length(out: &mut String, value: f64) {
    // Whole numbers only: formatting of floats is ten kilobytes of program.
    let tenths = (value * 10.0).round() as i64;
    if tenths < 0 {
        out.push('-');
    }
    let tenths = tenths.unsigned_abs();
    push_number(out, tenths / 10);
    if !tenths.is_multiple_of(10) {
        out.push('.');
        push_number(out, tenths % 10);
    }
}

/// A whole number.
pub(crate) fn push_number(out: &mut String, number: u64) {
    if number > 9 {
        push_number(out, number / 10);
    }
    out.push(char::from(b'0' + (number % 10) as u8));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: f64, expect: &str) {
        let mut out = String::new();
        push_length(&mut out, value);
        assert_eq!(out, expect);
    }

    #[test]
    fn lengths_have_at_most_one_decimal() {
        check(0.0, "0");
        check(-0.04, "0");
        check(-0.06, "-0.1");
        check(9.96, "10");
        check(1_234.56, "1234.6");
        check(-10.0, "-10");
        check(f64::NAN, "0");
    }
}
