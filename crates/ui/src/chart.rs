//! A picture of the lab on the page: colours to draw it with, its pixels on their canvas, and over them what can be pointed
//! at and reached by keyboard.

use crate::words;
use wasm_bindgen::JsCast;
use wasm_bridge::browser;
use wasm_bridge::worker::picture::{Canvas, Ink, Inks, Picture};
use web_sys::{Element, HtmlCanvasElement, ImageBitmap, ImageBitmapRenderingContext};

/// Width where the place has none, because it is folded away.
const WIDTH: u32 = 600;
/// Widths that are drawn.
const WIDTHS: (u32, u32) = (240, 1_600);

/// Where a picture is drawn: as wide as its place, in the colours that its place has now.
pub(crate) fn canvas(place: &Element) -> Canvas {
    let width = u32::try_from(place.client_width()).unwrap_or(0);
    let width = if width == 0 { WIDTH } else { width.max(WIDTHS.0).min(WIDTHS.1) };
    let ink = |name: &str| {
        let swatch = place.query_selector(&[".ink-", name].concat()).ok().flatten();
        let style = swatch.and_then(|s| web_sys::window()?.get_computed_style(&s).ok().flatten());
        style.and_then(|s| s.get_property_value("color").ok()).map_or([128; 3], |colour| rgb(&colour))
    };
    let paths = ["0", "1", "2", "3"].map(ink).to_vec();
    Canvas { width, ratio: browser::pixel_ratio(), inks: Inks { text: ink("text"), line: ink("line"), paths } }
}

/// A computed colour: `rgb(1, 2, 3)`.
fn rgb(colour: &str) -> Ink {
    let mut numbers = colour.split(|c: char| !c.is_ascii_digit() && c != '.').filter(|part| !part.is_empty());
    [(); 3].map(|()| numbers.next().and_then(|n| n.split('.').next()?.parse().ok()).unwrap_or(0))
}

/// Puts the pixels on the canvas of a place.
pub(crate) fn put(place: &Element, pixels: &ImageBitmap) {
    let canvas = place.query_selector("canvas").ok().flatten().and_then(|c| c.dyn_into::<HtmlCanvasElement>().ok());
    let Some(canvas) = canvas else { return };
    canvas.set_width(pixels.width());
    canvas.set_height(pixels.height());
    let context = canvas.get_context("bitmaprenderer").ok().flatten();
    if let Some(context) = context.and_then(|c| c.dyn_into::<ImageBitmapRenderingContext>().ok()) {
        context.transfer_from_image_bitmap(pixels);
    }
}

/// What lies over the picture: one of its marks can be reached with Tab, the others with arrows.
pub(crate) fn marks(picture: &Picture) -> String {
    let (width, height) = picture.size;
    let head = ["<svg viewBox=\"0 0 ", &width.to_string(), " ", &height.to_string()].concat();
    let mut svg = head + "\" role=\"group\" aria-label=\"Arrow keys go from mark to mark, Enter goes to its moment\">";
    for (i, mark) in picture.marks.iter().enumerate() {
        let tab = if i == 0 { "0" } else { "-1" };
        let role = if mark.moment.is_some() { "button" } else { "img" };
        let words = words::escaped(&mark.words);
        let (x, y, width, height) = mark.place;
        let (at, size) = ([x, y].map(|n| n.to_string()), [width, height].map(|n| n.to_string()));
        for part in [
            "<g class=\"mark\" data-mark=\"",
            &i.to_string(),
            "\" role=\"",
            role,
            "\" tabindex=\"",
            tab,
            "\" aria-label=\"",
            &words,
            "\"><title>",
            &words,
            "</title><rect x=\"",
            &at[0],
            "\" y=\"",
            &at[1],
            "\" width=\"",
            &size[0],
            "\" height=\"",
            &size[1],
            "\"/></g>",
        ] {
            svg.push_str(part);
        }
    }
    svg.push_str("</svg>");
    svg
}

/// The mark that a key goes to from this one of so many; `None` if the key means something else.
pub(crate) fn beside(key: &str, here: usize, of: usize) -> Option<usize> {
    let last = of.checked_sub(1)?;
    match key {
        "ArrowRight" | "ArrowDown" => Some((here + 1).min(last)),
        "ArrowLeft" | "ArrowUp" => Some(here.saturating_sub(1)),
        "PageDown" => Some((here + 10).min(last)),
        "PageUp" => Some(here.saturating_sub(10)),
        "Home" => Some(0),
        "End" => Some(last),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bridge::worker::picture::Mark;

    #[test]
    fn computed_colours_are_read() {
        assert_eq!(rgb("rgb(1, 20, 255)"), [1, 20, 255]);
        assert_eq!(rgb("rgba(1, 20, 3, 0.5)"), [1, 20, 3]);
        assert_eq!(rgb(""), [0, 0, 0]);
    }

    #[test]
    fn keys_go_from_mark_to_mark_and_stay_within() {
        for (key, here, expect) in [
            ("ArrowRight", 0, Some(1)),
            ("ArrowRight", 49, Some(49)),
            ("ArrowLeft", 0, Some(0)),
            ("PageDown", 45, Some(49)),
            ("Home", 7, Some(0)),
            ("End", 7, Some(49)),
            ("e", 7, None),
        ] {
            assert_eq!(beside(key, here, 50), expect, "{key}");
        }
        assert_eq!(beside("Home", 0, 0), None);
    }

    #[test]
    fn one_mark_is_in_the_order_of_tab_and_words_are_escaped() {
        let mark = |words: &str| Mark { words: words.to_owned(), moment: None, place: (1, -2, 3, 4) };
        let picture = Picture { size: (100, 50), marks: vec![mark("a < b"), mark("c")], ..Picture::default() };
        let svg = marks(&picture);
        assert_eq!((svg.matches("tabindex=\"0\"").count(), svg.matches("tabindex=\"-1\"").count()), (1, 1));
        assert!(svg.contains("aria-label=\"a &lt; b\"") && svg.contains("y=\"-2\""), "{svg}");
    }
}
