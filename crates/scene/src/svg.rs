//! A display list as SVG. Classes and presentation attributes only: no styles, so a strict content policy holds.

use crate::display::{Anchor, DisplayList, Mark, Shape, When, push_length, push_number};
use crate::page::{Projection, View};

/// Markup as it is written.
pub(crate) struct Markup(String);

impl Markup {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self(String::with_capacity(bytes))
    }

    pub(crate) fn finish(self) -> String {
        self.0
    }

    pub(crate) fn out(&mut self) -> &mut String {
        &mut self.0
    }

    /// As it is.
    pub(crate) fn raw(&mut self, markup: &str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text for element content, and for attributes, which are all in double quotes.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                // XML has no place for other control characters, not even escaped.
                c if c.is_control() && c != '\n' && c != '\t' => {}
                c => self.0.push(c),
            }
        }
        self
    }

    /// ` name="value"`.
    pub(crate) fn attribute(&mut self, name: &str, value: &str) -> &mut Self {
        self.name(name).text(value).raw("\"")
    }

    /// Attributes that are lengths.
    pub(crate) fn lengths<const N: usize>(&mut self, names: [&str; N], values: [f64; N]) -> &mut Self {
        for (name, value) in names.into_iter().zip(values) {
            push_length(&mut self.name(name).0, value);
            self.0.push('"');
        }
        self
    }

    /// An attribute that is a whole number.
    pub(crate) fn number(&mut self, name: &str, value: u64) -> &mut Self {
        push_number(&mut self.name(name).0, value);
        self.raw("\"")
    }

    /// A picture's size, and that it is drawn one to one.
    pub(crate) fn size(&mut self, width: f64, height: f64) -> &mut Self {
        self.name("viewBox").raw("0 0");
        for length in [width, height] {
            push_length(&mut self.raw(" ").0, length);
        }
        self.raw("\"").lengths(["width", "height"], [width, height])
    }

    fn name(&mut self, name: &str) -> &mut Self {
        self.raw(" ").raw(name).raw("=\"")
    }
}

/// Names of what makes a rectangle.
pub(crate) const RECT: [&str; 4] = ["x", "y", "width", "height"];

/// Letters, digits and dashes: what an id may be made of.
fn id(prefix: &str) -> String {
    prefix.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect()
}

/// The picture, and where in it each mark begins; and the end of the last.
///
/// `provenance` tells of a step whether it is simulated, observed or inferred.
pub(crate) fn stage_svg(
    list: &DisplayList,
    path: usize,
    view: &View,
    alt: &str,
    provenance: &dyn Fn(u32) -> &'static str,
) -> (String, Vec<usize>) {
    let id = id(&view.id);
    let mut out = Markup::with_capacity(16 * 1024);
    let projection = match view.projection {
        Projection::Wide => "wide",
        Projection::Tall => "tall",
    };
    out.raw("<svg class=\"stage ").raw(projection).raw("\"");
    out.size(list.width, list.height).raw(" role=\"img\"").attribute("aria-label", alt).raw(">");
    out.raw("<defs><pattern id=\"").raw(&id).raw(
        "-hatch\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><rect \
         class=\"hatch-back\" width=\"7\" height=\"7\"/><line class=\"hatch-line\" x1=\"0\" y1=\"0\" x2=\"0\" \
         y2=\"7\"/></pattern><pattern id=\"",
    );
    out.raw(&id).raw(
        "-dots\" width=\"9\" height=\"9\" patternUnits=\"userSpaceOnUse\"><rect class=\"dot-back\" width=\"9\" \
         height=\"9\"/><circle class=\"dot\" cx=\"2\" cy=\"2\" r=\"1\"/></pattern></defs>",
    );
    let mut cuts = Vec::with_capacity(list.marks.len() + 1);
    for mark in &list.marks {
        cuts.push(out.0.len());
        write_mark(&mut out, mark, path, &id, provenance);
    }
    cuts.push(out.0.len());
    out.raw("</svg>");
    (out.finish(), cuts)
}

fn write_mark(out: &mut Markup, mark: &Mark, path: usize, id: &str, provenance: &dyn Fn(u32) -> &'static str) {
    let from = mark.step.map(provenance);
    let inferred = from == Some("inferred");
    let when = match mark.when {
        When::Past => "\"",
        When::Now => " now\"",
        When::Future => " future\"",
    };
    out.raw("<g class=\"mark mark-")
        .raw(mark.kind)
        .raw(if inferred { " inferred" } else { "" })
        .raw(when)
        .attribute("data-kind", mark.kind);
    out.number("data-path", path as u64);
    if let Some(step) = mark.step {
        out.number("data-step", u64::from(step)).attribute("data-provenance", from.unwrap_or_default());
    }
    for (key, value) in &mark.data {
        out.raw(" data-").raw(key).raw("=\"").text(value).raw("\"");
    }
    out.raw(">");
    if !mark.label.is_empty() {
        out.raw("<title>").text(&mark.label).raw(if inferred { " (inferred)</title>" } else { "</title>" });
    }
    for shape in &mark.shapes {
        write_shape(out, shape, id);
    }
    out.raw("</g>");
}

/// A pattern's reference must be an attribute of the shape: a stylesheet does not know the stage's ids.
fn pattern(class: &str) -> Option<&'static str> {
    let mut classes = class.split(' ');
    match (classes.next(), classes.next()) {
        (Some("exit"), _) => Some("hatch"),
        (Some("lane"), Some("lane-hk")) => Some("dots"),
        _ => None,
    }
}

fn write_shape(out: &mut Markup, shape: &Shape, id: &str) {
    match shape {
        Shape::Rect(at, class) => {
            out.raw("<rect").attribute("class", class).lengths(RECT, *at);
            if let Some(pattern) = pattern(class) {
                out.raw(" fill=\"url(#").raw(id).raw("-").raw(pattern).raw(")\"");
            }
        }
        Shape::Line(at, class) => {
            out.raw("<line").attribute("class", class).lengths(["x1", "y1", "x2", "y2"], *at);
        }
        Shape::Path(d, class) => {
            out.raw("<path").attribute("class", class).attribute("d", d);
        }
        Shape::Circle(at, class) => {
            out.raw("<circle").attribute("class", class).lengths(["cx", "cy", "r"], *at);
        }
        Shape::Text { at, anchor, class, text } => {
            out.raw("<text").attribute("class", class).lengths(["x", "y"], [at.0, at.1]);
            match anchor {
                Anchor::Start => {}
                Anchor::Middle => _ = out.attribute("text-anchor", "middle"),
                Anchor::End => _ = out.attribute("text-anchor", "end"),
            }
            out.raw(">").text(text).raw("</text>");
            return;
        }
    }
    out.raw("/>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let mut markup = Markup::with_capacity(0);
        markup.text(text);
        assert_eq!(markup.finish(), expect);
    }

    #[test]
    fn what_means_something_to_xml_is_escaped() {
        check("<b a=\"x\" c='y'>&", "&lt;b a=&quot;x&quot; c='y'&gt;&amp;");
        check("a\u{0}b\u{1b}c", "abc");
        check("ON 0 → 1", "ON 0 → 1");
    }
}
