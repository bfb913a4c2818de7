//! A figure is a file of its own: nothing outside it is needed, and its words are those of the narration.

use apic_core::run::Lockstep;
use apic_core::scenario::{PRESETS, preset};
use scene::export::told;
use scene::{Drawn, Figure, Moment, PageData, Theme};
use std::collections::BTreeSet;

const SVG: &str = "http://www.w3.org/2000/svg";

fn draw(run: &Lockstep, width: u32, theme: Theme) -> Drawn {
    let page = PageData::collect(run, run.tick_of(run.position().saturating_sub(1)));
    let paths: Vec<_> = (0..run.paths().len()).map(|path| (path, Moment::of(run, path))).collect();
    Figure { width, theme }.draw(&page, &paths, &told(run).text())
}

#[track_caller]
fn check(drawn: &Drawn, run: &Lockstep, theme: Theme) {
    let doc = roxmltree::Document::parse(&drawn.svg).unwrap_or_else(|e| panic!("{e}\n{}", drawn.svg));
    let root = doc.root_element();
    assert_eq!((root.tag_name().name(), root.tag_name().namespace()), ("svg", Some(SVG)));
    for (name, length) in [("width", drawn.width), ("height", drawn.height)] {
        assert_eq!(root.attribute(name), Some(length.to_string().as_str()));
    }
    // Words: the two that the root names, first of all.
    let mut children = root.children().filter(roxmltree::Node::is_element);
    let (title, desc) = (children.next().expect("a title"), children.next().expect("a description"));
    assert_eq!((title.tag_name().name(), desc.tag_name().name()), ("title", "desc"));
    let ids = format!("{} {}", title.attribute("id").expect("an id"), desc.attribute("id").expect("an id"));
    assert_eq!(root.attribute("aria-labelledby"), Some(ids.as_str()));
    assert_eq!(title.text(), Some(run.scenario().meta.title.as_str()));
    assert_eq!(desc.text(), Some(drawn.alt.as_str()));
    assert!(drawn.alt.ends_with(&told(run).text()), "{}", drawn.alt);
    for path in run.paths() {
        assert!(drawn.alt.contains(path.path().title()), "{}", drawn.alt);
    }
    // Nothing comes from elsewhere.
    let all = || doc.descendants().filter(roxmltree::Node::is_element);
    assert!(all().all(|n| !matches!(n.tag_name().name(), "script" | "image" | "use" | "a" | "link" | "foreignObject")));
    let mut ids = BTreeSet::new();
    for node in all() {
        for a in node.attributes() {
            assert!(!a.name().starts_with("on") && a.name() != "href", "{}", a.name());
            assert!(!a.value().contains("http:") && !a.value().contains("https:"), "{}", a.value());
            if let Some(id) = a.value().strip_prefix("url(#").and_then(|v| v.strip_suffix(')')) {
                assert!(all().any(|n| n.attribute("id") == Some(id)), "{id}");
            }
            if a.name() == "id" {
                assert!(ids.insert(a.value().to_owned()), "{} twice", a.value());
            }
        }
    }
    let style = all().find(|n| n.tag_name().name() == "style").and_then(|n| n.text()).expect("a style sheet");
    assert!(!style.contains("@import") && !style.contains("url(") && !style.contains("var("));
    assert_eq!(style.contains("prefers-color-scheme:dark"), theme == Theme::Auto);
    assert_eq!(
        all().filter(|n| n.attribute("class").is_some_and(|c| c.starts_with("stage "))).count(),
        run.paths().len()
    );
}

#[test]
fn every_preset_stands_alone() {
    for preset in PRESETS {
        let mut run = Lockstep::new(&preset.scenario().expect("it ships"));
        for position in [0, run.opening(), run.len()] {
            run.seek(position);
            for (width, theme) in [(340, Theme::Light), (960, Theme::Auto), (960, Theme::Dark)] {
                check(&draw(&run, width, theme), &run, theme);
            }
        }
    }
}

/// Words are broken into lines that lie under each other; none is lost.
#[test]
fn lines_and_words_stay_inside() {
    let mut run = Lockstep::new(&preset("pinned-vs-offloaded").expect("it ships"));
    run.seek(run.opening());
    for width in [340, 640, 1_400] {
        let drawn = draw(&run, width, Theme::Auto);
        let doc = roxmltree::Document::parse(&drawn.svg).expect("well formed");
        let own = doc.root_element().children().filter(|n| n.has_tag_name((SVG, "text")));
        let lines: Vec<(f64, &str)> = own
            .map(|n| {
                let y = n.attribute("y").and_then(|y| y.parse().ok()).expect("a place");
                (y, n.text().expect("words"))
            })
            .collect();
        assert!(lines.len() >= 6, "{lines:?}");
        for pair in lines.windows(2) {
            assert!(pair[1].0 - pair[0].0 >= 17.0, "{pair:?}");
        }
        assert!(lines.last().is_some_and(|(y, _)| *y < f64::from(drawn.height) - 10.0));
        // No letter is narrower than 3.5 pixels on average.
        assert!(lines.iter().all(|(_, text)| text.chars().count() as f64 * 3.5 < f64::from(width)), "{lines:?}");
        let words: Vec<_> = lines.iter().flat_map(|(_, text)| text.split_whitespace()).collect();
        let sentence = told(&run).text();
        let sentence: Vec<_> = sentence.split_whitespace().collect();
        assert!(words.windows(sentence.len()).any(|w| w == sentence), "{words:?}");
    }
}

#[test]
fn text_from_a_scenario_is_escaped() {
    let mut scenario = preset("pinned-vs-offloaded").expect("it ships");
    scenario.meta.title = "</title><script>\"&'".to_owned();
    scenario.meta.question = "<b>\u{1b}]]>".to_owned();
    let run = Lockstep::new(&scenario);
    let drawn = draw(&run, 960, Theme::Auto);
    let doc = roxmltree::Document::parse(&drawn.svg).expect("well formed");
    assert!(doc.descendants().all(|n| !matches!(n.tag_name().name(), "script" | "b")));
    assert!(drawn.svg.contains("&lt;script&gt;"));
}
