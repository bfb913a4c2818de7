//! A moment of all paths as one picture that stands alone: the stages under each other, what they are of, the sentence under
//! them, and where it all comes from.

use crate::display::{push_length, text_width};
use crate::page::{Moment, PageData, Projection, View};
use crate::svg::Markup;
use crate::theme::Theme;

/// Around everything, in pixels.
const EDGE_PIXELS: u32 = 16;
const EDGE: f64 = EDGE_PIXELS as f64;
/// From line to line of text.
const LINE: f64 = 18.0;

/// How a figure is to be drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Figure {
    /// Pixels, its edges included; below 340 nothing has room.
    pub width: u32,
    /// Its colours.
    pub theme: Theme,
}

/// A figure, drawn.
#[derive(Clone, PartialEq, Debug)]
pub struct Drawn {
    /// A file of its own: SVG with style, title and description inside.
    pub svg: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// The picture in words: each path and its tick, and the sentence.
    pub alt: String,
}

/// A line of text of a figure.
struct Line {
    class: &'static str,
    text: String,
    /// Height.
    takes: f64,
}

/// Fills lines up to a width.
fn lines(text: &str, class: &'static str, room: f64, out: &mut Vec<Line>) {
    // Headings are larger and bolder than the text that widths are known of.
    let (scale, takes) = match class {
        "figure-title" => (1.45, 24.0),
        "figure-path" => (1.15, LINE),
        "figure-dim" => (0.95, LINE),
        _ => (1.0, LINE),
    };
    let width = |text: &str| text_width(text, "") * scale;
    let mut line = String::new();
    for word in text.split_whitespace() {
        let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if !line.is_empty() && width(&longer) > room {
            out.push(Line { class, text: std::mem::replace(&mut line, word.to_owned()), takes });
        } else {
            line = longer;
        }
    }
    if !line.is_empty() {
        out.push(Line { class, text: line, takes });
    }
}

/// Writes lines from a height downwards, and returns where they end.
fn write_lines(body: &mut Markup, from: f64, lines: &[Line]) -> f64 {
    let mut y = from;
    for line in lines {
        y += line.takes;
        body.raw("<text").attribute("class", line.class).lengths(["x", "y"], [EDGE, y - 5.0]);
        body.raw(">").text(&line.text).raw("</text>");
    }
    y
}

/// What the axis is worth.
const AXIS: &str = "Time axis: one column per event, not to scale.";

/// Whose doing it is, and what the figures are worth.
pub(crate) fn provenance(page: &PageData) -> String {
    let scenario = page.scenario();
    let set = scenario.costs.set();
    let own = scenario
        .costs
        .own
        .as_ref()
        .map_or_else(String::new, |own| format!(" In place of {} of these: {}.", own.costs.len(), own.source));
    format!(
        "Simulated by Exitless {}, seed {}. Costs: {}: {}.{own}",
        env!("CARGO_PKG_VERSION"),
        scenario.run.seed,
        set.name,
        set.about
    )
}

impl Figure {
    /// Draws some of the page's paths, by number, each at its moment, with a sentence below.
    pub fn draw(&self, page: &PageData, paths: &[(usize, Moment)], sentence: &str) -> Drawn {
        let meta = &page.scenario().meta;
        let inner = self.width.saturating_sub(2 * EDGE_PIXELS);
        let room = f64::from(inner);
        let mut body = Markup::with_capacity(64 * 1024);
        let mut head = Vec::new();
        lines(&meta.title, "figure-title", room, &mut head);
        lines(&meta.question, "figure-dim", room, &mut head);
        let mut y = write_lines(&mut body, EDGE, &head);
        let mut alts = Vec::new();
        for (path, moment) in paths {
            let Some(steps) = page.paths().get(*path) else { continue };
            let projection = Projection::for_width(inner);
            let stage = page.draw(*path, moment, &View { width: inner, projection, id: format!("s{path}") });
            let mut heading = Vec::new();
            let title = steps.way.title();
            let tally = format!("{title}: {}. This tick: {}.", steps.way.path.about(), stage.tally.text());
            lines(&tally, "figure-path", room, &mut heading);
            y = write_lines(&mut body, y + 8.0, &heading) + 4.0;
            body.raw("<g transform=\"translate(").length(EDGE).raw(" ").length(y).raw(")\">");
            body.raw(&stage.svg).raw("</g>");
            y += f64::from(stage.height);
            alts.push(format!("{title}, this tick: {}.", stage.tally.text()));
        }
        let mut foot = Vec::new();
        lines(sentence, "figure-sentence", room, &mut foot);
        lines(&format!("{} {AXIS}", provenance(page)), "figure-dim", room, &mut foot);
        y = write_lines(&mut body, y + 8.0, &foot) + EDGE;

        let alt = format!("{} {sentence}", alts.join(" "));
        let title = if meta.title.is_empty() { "A timer tick" } else { &meta.title };
        let (width, height) = (f64::from(self.width), y.ceil());
        let mut out = Markup::with_capacity(8 * 1024);
        out.raw("<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"figure\"").size(width, height);
        out.raw(" role=\"img\" aria-labelledby=\"title desc\"><title id=\"title\">").text(title);
        out.raw("</title><desc id=\"desc\">").text(&alt).raw("</desc><style>\n").raw(&self.theme.css());
        out.raw("</style><rect class=\"paper\" width=\"100%\" height=\"100%\"/>").raw(&body.finish()).raw("</svg>\n");
        Drawn { svg: out.finish(), width: self.width, height: whole(height), alt }
    }
}

/// A picture of a recording as a file of its own: title, picture, words.
pub(crate) fn around(
    width: u32,
    theme: Theme,
    title: &str,
    words: &str,
    draw: impl Fn(&View) -> (String, Vec<usize>, u32),
) -> String {
    let inner = width.saturating_sub(2 * EDGE_PIXELS);
    let room = f64::from(inner);
    let mut body = Markup::with_capacity(32 * 1024);
    let mut head = Vec::new();
    lines(title, "figure-title", room, &mut head);
    let mut y = write_lines(&mut body, EDGE, &head) + 4.0;
    let view = View { width: inner, projection: Projection::for_width(inner), id: "s0".to_owned() };
    let (svg, _, height) = draw(&view);
    body.raw("<g transform=\"translate(").length(EDGE).raw(" ").length(y).raw(")\">").raw(&svg).raw("</g>");
    y += f64::from(height);
    let mut foot = Vec::new();
    lines(words, "figure-sentence", room, &mut foot);
    let legend = "Recorded. Solid: a line of the recording shows it. Dashed: lines imply it (inferred).";
    lines(&[legend, " ", AXIS].concat(), "figure-dim", room, &mut foot);
    y = write_lines(&mut body, y + 8.0, &foot) + EDGE;
    let mut out = Markup::with_capacity(8 * 1024);
    out.raw("<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"figure\"").size(f64::from(width), y.ceil());
    out.raw(" role=\"img\" aria-labelledby=\"title desc\"><title id=\"title\">").text(title);
    out.raw("</title><desc id=\"desc\">").text(words).raw("</desc><style>\n").raw(&theme.css());
    out.raw(".inferred :is(line,path,rect,circle){stroke-dasharray:3 3}</style>");
    out.raw("<rect class=\"paper\" width=\"100%\" height=\"100%\"/>").raw(&body.finish()).raw("</svg>\n");
    out.finish()
}

impl Markup {
    /// A length by itself.
    fn length(&mut self, length: f64) -> &mut Self {
        push_length(self.out(), length);
        self
    }
}

#[expect(clippy::cast_sign_loss, reason = "a height is not negative")]
const fn whole(length: f64) -> u32 {
    length as u32
}
