//! What a block asks for, and the figure it becomes.

use apic_core::link::{self, Link};
use apic_core::run::Lockstep;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use scene::export::told;
use scene::{Drawn, Figure, Moment, PageData, Theme};
use serde::Deserialize;
use std::fmt::Write as _;

/// Who turns the chapter into something to read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Renderer {
    Html,
    /// Anything that knows pictures and links.
    Other,
}

/// Where a figure stands.
pub(crate) struct Place<'a> {
    /// The chapter's file, from the book's source folder.
    pub(crate) chapter: &'a str,
    /// An address, or a folder of the book.
    pub(crate) site: &'a str,
    pub(crate) renderer: Renderer,
}

impl Place<'_> {
    /// The site, from the chapter's page.
    fn site(&self) -> String {
        let site = format!("{}/", self.site.trim_end_matches('/'));
        if site.contains("://") || site.starts_with('/') {
            return site;
        }
        "../".repeat(self.chapter.matches('/').count()) + &site
    }
}

/// The keys of a block.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// A preset's name.
    preset: Option<String>,
    /// A link, or a whole address with one.
    link: Option<String>,
    /// Steps taken; without it where the link or the preset opens.
    step: Option<u32>,
    caption: Option<String>,
    view: Option<String>,
    theme: Option<String>,
    controls: Option<String>,
    speed: Option<f64>,
}

/// The figure of a block's text. `first` is the first of its chapter, which brings the script.
pub(crate) fn figure(text: &str, place: &Place, first: bool) -> Result<String, String> {
    let asked: Asked = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    one_of("view", asked.view.as_deref(), &["stage", "ledger", "text"], true)?;
    one_of("theme", asked.theme.as_deref(), &["auto", "light", "dark"], false)?;
    one_of("controls", asked.controls.as_deref(), &["full", "step", "none"], false)?;
    let source = match (&asked.preset, &asked.link) {
        (Some(_), Some(_)) => return Err("both preset and link are given; one of them is valid".to_owned()),
        (Some(one), None) | (None, Some(one)) => one.as_str(),
        (None, None) => "pinned-vs-offloaded",
    };
    let mut link = link::decode(source).map_err(|error| error.to_string())?;
    let mut run = Lockstep::comparing(&link.scenario, &link.compare, &link.picks);
    if let Some(step) = asked.step {
        if step as usize > run.len() {
            return Err(format!("step {step} is beyond the end; 0 to {} are valid", run.len()));
        }
        link.position = Some(step);
    }
    run.seek(link.position.map_or_else(|| run.opening(), |position| position as usize));
    let state = link::encode(&Link { position: link.position, ..link.clone() });
    let drawn = drawn(&run);
    let picture = format!("data:image/svg+xml;base64,{}", STANDARD.encode(&drawn.svg));
    let caption = asked.caption.as_deref().unwrap_or(&link.scenario.meta.question);
    let address = format!("{}#{state}", place.site());
    if place.renderer == Renderer::Other {
        let alt = drawn.alt.replace(['[', ']'], "");
        return Ok(format!("![{alt}]({picture})\n\n{caption} <{address}>\n"));
    }
    // No blank line: it would end the block of HTML.
    let mut out = String::from("<figure class=\"exitless\">\n");
    let _ = write!(out, "<exitless-stage state=\"{}\"", escaped(&state));
    // Where the site is a folder of the book, the script knows it better: this page may be the one of all chapters.
    if place.site.contains("://") {
        let _ = write!(out, " src=\"{}\"", escaped(&address));
    }
    let speed = asked.speed.map(|speed| speed.to_string());
    for (name, value) in
        [("view", &asked.view), ("theme", &asked.theme), ("controls", &asked.controls), ("speed", &speed)]
    {
        if let Some(value) = value {
            let _ = write!(out, " {name}=\"{}\"", escaped(value));
        }
    }
    let _ = write!(
        out,
        "><img src=\"{picture}\" width=\"{}\" height=\"{}\" alt=\"{}\"></exitless-stage>\n<figcaption>{} <a href=\"{}\">Open it in Exitless</a></figcaption>\n",
        drawn.width,
        drawn.height,
        escaped(&drawn.alt),
        escaped(caption),
        escaped(&address),
    );
    if first {
        let _ = writeln!(
            out,
            "<script type=\"module\" src=\"{}embed/exitless-stage.js\"></script>",
            escaped(&place.site())
        );
    }
    out.push_str("</figure>\n");
    Ok(out)
}

/// Whether a key has one of the values there are, or several.
fn one_of(key: &str, value: Option<&str>, valid: &[&str], several: bool) -> Result<(), String> {
    let Some(value) = value else { return Ok(()) };
    let known = |word: &str| valid.contains(&word);
    if if several { value.split([' ', ',']).filter(|w| !w.is_empty()).all(known) } else { known(value) } {
        return Ok(());
    }
    Err(format!("{key} is \"{value}\"; valid are: {}", valid.join(", ")))
}

fn drawn(run: &Lockstep) -> Drawn {
    let page = PageData::collect(run, run.tick_of(run.position().saturating_sub(1)));
    let paths: Vec<_> = (0..run.paths().len()).map(|path| (path, Moment::of(run, path))).collect();
    Figure { width: 760, theme: Theme::Auto }.draw(&page, &paths, &told(run).text())
}

/// For text and attributes in double quotes, on one line.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(text: &str, chapter: &str, site: &str) -> Result<String, String> {
        figure(text, &Place { chapter, site, renderer: Renderer::Html }, true)
    }

    #[test]
    fn a_figure_is_one_block_with_picture_caption_and_script() {
        let out = html("caption = \"<b> & \\\"c\\\"\"\nstep = 7\nview = \"stage ledger\"", "deep/er/a.md", "x")
            .expect("valid");
        assert!(!out.contains("\n\n"), "{out}");
        for part in [
            "<exitless-stage state=\"v3.",
            "view=\"stage ledger\"><img src=\"data:image/svg+xml;base64,",
            "<figcaption>&lt;b&gt; &amp; &quot;c&quot; <a href=\"../../x/#v3.",
            "src=\"../../x/embed/exitless-stage.js\"",
        ] {
            assert!(out.contains(part), "{part}: {out}");
        }
        let out = html("", "a.md", "https://example.org/e").expect("valid");
        assert!(out.contains("src=\"https://example.org/e/#pinned-vs-offloaded\""), "{out}");
    }

    #[track_caller]
    fn refused(text: &str, part: &str) {
        let error = html(text, "a.md", "x").expect_err(text);
        assert!(error.contains(part), "{error}");
    }

    #[test]
    fn what_cannot_be_drawn_says_what_would_be_valid() {
        refused("preset = \"tea\"", "pinned-vs-offloaded");
        refused("hight = 3", "unknown field `hight`");
        refused("step = 99999999", "are valid");
        refused("theme = \"mauve\"", "auto, light, dark");
        refused("view = \"stage tea\"", "stage, ledger, text");
        refused("preset = \"amd-avic\"\nlink = \"amd-avic\"", "one of them");
        refused("link = \"v99.A\"", "version 99");
    }
}
