//! A display list as SVG. Classes and presentation attributes only: no styles, so a strict content policy holds.

use crate::display::{Anchor, DisplayList, Mark, Shape, When, num};
use crate::page::{Projection, View};
use std::fmt::Write as _;

/// Colours for a picture that stands alone, light and dark: what each class needs.
pub const STANDALONE_CSS: &str = include_str!("standalone.css");

/// Text for element content and attributes.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // XML has no place for other control characters, not even escaped.
            c if c.is_control() && c != '\n' && c != '\t' => {}
            c => out.push(c),
        }
    }
    out
}

/// Letters, digits and dashes: what an id may be made of.
fn id(prefix: &str) -> String {
    prefix.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect()
}

pub(crate) fn stage_svg(list: &DisplayList, path: usize, view: &View, alt: &str) -> String {
    let id = id(&view.id);
    let mut out = String::with_capacity(16 * 1024);
    let (width, height) = (num(list.width), num(list.height));
    let projection = match view.projection {
        Projection::Wide => "wide",
        Projection::Tall => "tall",
    };
    let standalone = if view.standalone { " standalone" } else { "" };
    let xmlns = if view.standalone { " xmlns=\"http://www.w3.org/2000/svg\"" } else { "" };
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "<svg{xmlns} class=\"stage {projection}{standalone}\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\" aria-label=\"{}\">",
        escaped(alt)
    );
    if view.standalone {
        let _ = write!(out, "<style>{STANDALONE_CSS}</style>");
    }
    let _ = write!(
        out,
        "<defs><pattern id=\"{id}-hatch\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\" \
         patternTransform=\"rotate(45)\"><rect class=\"hatch-back\" width=\"7\" height=\"7\"/><line class=\"hatch-line\" \
         x1=\"0\" y1=\"0\" x2=\"0\" y2=\"7\"/></pattern><pattern id=\"{id}-dots\" width=\"9\" height=\"9\" \
         patternUnits=\"userSpaceOnUse\"><rect class=\"dot-back\" width=\"9\" height=\"9\"/><circle class=\"dot\" cx=\"2\" \
         cy=\"2\" r=\"1\"/></pattern></defs>"
    );
    for mark in &list.marks {
        write_mark(&mut out, mark, path, &id);
    }
    out.push_str("</svg>");
    out
}

fn write_mark(out: &mut String, mark: &Mark, path: usize, id: &str) {
    let when = match mark.when {
        When::Past => "",
        When::Now => " now",
        When::Future => " future",
    };
    let _ = write!(out, "<g class=\"mark mark-{}{when}\" data-kind=\"{}\" data-path=\"{path}\"", mark.kind, mark.kind);
    if let Some(step) = mark.step {
        let _ = write!(out, " data-step=\"{step}\" data-provenance=\"simulated\"");
    }
    for (key, value) in &mark.data {
        let _ = write!(out, " data-{key}=\"{}\"", escaped(value));
    }
    out.push('>');
    if !mark.label.is_empty() {
        let _ = write!(out, "<title>{}</title>", escaped(&mark.label));
    }
    for shape in &mark.shapes {
        write_shape(out, shape, id);
    }
    out.push_str("</g>");
}

/// A pattern's reference must be an attribute of the shape: a stylesheet does not know the stage's ids.
fn pattern(class: &str) -> Option<&'static str> {
    let first = class.split(' ').next().unwrap_or_default();
    match first {
        "exit" => Some("hatch"),
        "lane" if class.contains("lane-hk") => Some("dots"),
        _ => None,
    }
}

fn write_shape(out: &mut String, shape: &Shape, id: &str) {
    let _ = match shape {
        Shape::Rect([x, y, w, h], class) => {
            let fill = pattern(class).map_or_else(String::new, |p| format!(" fill=\"url(#{id}-{p})\""));
            write!(
                out,
                "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"{fill}/>",
                num(*x),
                num(*y),
                num(*w),
                num(*h)
            )
        }
        Shape::Line([x1, y1, x2, y2], class) => write!(
            out,
            "<line class=\"{class}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>",
            num(*x1),
            num(*y1),
            num(*x2),
            num(*y2)
        ),
        Shape::Path(d, class) => write!(out, "<path class=\"{class}\" d=\"{d}\"/>"),
        Shape::Circle([x, y, r], class) => {
            write!(out, "<circle class=\"{class}\" cx=\"{}\" cy=\"{}\" r=\"{}\"/>", num(*x), num(*y), num(*r))
        }
        Shape::Text { at, anchor, class, text } => {
            let anchor = match anchor {
                Anchor::Start => "",
                Anchor::Middle => " text-anchor=\"middle\"",
                Anchor::End => " text-anchor=\"end\"",
            };
            write!(
                out,
                "<text class=\"{class}\" x=\"{}\" y=\"{}\"{anchor}>{}</text>",
                num(at.0),
                num(at.1),
                escaped(text)
            )
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        assert_eq!(escaped(text), expect);
    }

    #[test]
    fn what_means_something_to_xml_is_escaped() {
        check("<b a=\"x\" c='y'>&", "&lt;b a=&quot;x&quot; c=&#39;y&#39;&gt;&amp;");
        check("a\u{0}b\u{1b}c", "abc");
        check("ON 0 → 1", "ON 0 → 1");
    }
}
