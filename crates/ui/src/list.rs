//! The list of steps: only the rows around what is looked at, as markup.

use crate::words;
use apic_core::run::Lockstep;
use std::fmt::Write;
use std::ops::Range;

/// Height of a row in CSS pixels; `static/app.css` gives rows the same (`--row`).
pub(crate) const ROW: f64 = 28.0;
/// Rows in the document at a time.
pub(crate) const WINDOW: usize = 44;
/// Tallest scroll area that browsers draw without rounding rows apart.
const TALLEST: f64 = 8_000_000.0;

/// A piece of the list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Window {
    pub(crate) rows: Range<usize>,
    /// `li` elements; every text in them is the model's own, never a person's.
    pub(crate) markup: String,
}

/// Height of the whole list, and how many list pixels one scrolled pixel stands for.
pub(crate) fn extent(len: usize) -> (f64, f64) {
    let full = len as f64 * ROW;
    let height = full.min(TALLEST);
    (height, if height > 0.0 { full / height } else { 1.0 })
}

/// The rows to draw around `row`.
pub(crate) fn around(row: usize, len: usize) -> Range<usize> {
    let first = row.saturating_sub(WINDOW / 2).min(len.saturating_sub(WINDOW));
    first..(first + WINDOW).min(len)
}

/// Markup of some rows. `cursor` is the beat taken last.
pub(crate) fn window(lockstep: &Lockstep, rows: Range<usize>, cursor: Option<usize>) -> Window {
    let paths = lockstep.paths();
    let len = lockstep.len();
    let mut markup = String::with_capacity(rows.len() * 220);
    for i in rows.clone() {
        let Some(beat) = lockstep.beat(i) else { continue };
        let mut takers = paths.iter().zip(beat.steps).filter_map(|(p, step)| step.map(|s| (p, s as usize)));
        let Some((first, step)) = takers.next() else { continue };
        let Some(meta) = first.metas().get(step) else { continue };
        let info = meta.rule.info();
        let both = takers.next().is_some();
        let (badge, name) = if both { ("both", "both paths") } else { (first.path().name(), first.path().title()) };
        let short = if both { "both" } else { first.path().title() };
        let (class, selected) = match cursor {
            Some(c) if c == i => (" here", "true"),
            Some(c) if i < c => ("", "false"),
            _ => (" ahead", "false"),
        };
        let _infallible = write!(
            markup,
            "<li id=\"beat-{i}\" class=\"row{class}\" role=\"option\" aria-selected=\"{selected}\" \
             aria-setsize=\"{len}\" aria-posinset=\"{}\" data-beat=\"{i}\" data-rule=\"{}\"><span class=\"at\">",
            i + 1,
            info.id,
        );
        words::push_micros(&mut markup, meta.at);
        let _infallible = write!(
            markup,
            "</span><span class=\"rule\">{}</span><span class=\"title\" title=\"{title}\">{title}</span>\
             <span class=\"badge {badge}\" title=\"{name}\">{short}</span></li>",
            info.id,
            title = info.title,
        );
    }
    Window { rows, markup }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apic_core::rule::Rule;
    use apic_core::scenario::preset;

    #[test]
    fn the_window_stays_inside_and_is_never_larger() {
        for len in [0, 1, WINDOW - 1, WINDOW, WINDOW + 1, 100_000] {
            for row in [0, len / 2, len.saturating_sub(1)] {
                let rows = around(row, len);
                assert!(rows.end <= len && rows.len() == WINDOW.min(len), "{len} {row} {rows:?}");
                assert!(len == 0 || rows.contains(&row));
            }
        }
    }

    #[test]
    fn rows_carry_their_beat_and_one_is_selected() {
        let lockstep = Lockstep::new(&preset("pinned-vs-offloaded").expect("ships"));
        let w = window(&lockstep, 0..10, Some(3));
        assert_eq!(w.markup.matches("<li ").count(), 10);
        assert_eq!(w.markup.matches("aria-selected=\"true\"").count(), 1);
        assert!(w.markup.contains("id=\"beat-3\" class=\"row here\""));
    }

    #[test]
    fn no_title_needs_escaping() {
        for rule in Rule::ALL {
            assert!(!rule.info().title.contains(['<', '&', '"']), "{}", rule.id());
        }
    }

    #[test]
    fn a_very_long_list_is_scaled() {
        let (height, scale) = extent(1_000_000);
        assert!((height * scale - 1_000_000.0 * ROW).abs() < 1.0 && height <= TALLEST);
        let (height, scale) = extent(100);
        assert!((height - 2_800.0).abs() < 1e-9 && (scale - 1.0).abs() < 1e-9);
    }
}
