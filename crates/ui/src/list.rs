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

/// Height of the whole list, and how many list pixels one scrolled pixel stands for.
pub(crate) fn extent(len: usize) -> (f64, f64) {
    let full = len as f64 * ROW;
    let height = full.min(TALLEST);
    (height, if height > 0.0 { full / height } else { 1.0 })
}

/// Rows between the cursor and the end of the window at which another window is drawn.
const MARGIN: usize = 14;

/// The rows to draw around `row`: those that are drawn, if it stands well inside.
pub(crate) fn around(row: usize, len: usize, drawn: &Range<usize>) -> Range<usize> {
    let first = row.saturating_sub(WINDOW / 2).min(len.saturating_sub(WINDOW));
    let wanted = first..(first + WINDOW).min(len);
    let before = drawn.start == 0 || row >= drawn.start + MARGIN;
    let after = drawn.end == len || row + MARGIN < drawn.end;
    if drawn.contains(&row) && drawn.end <= len && before && after { drawn.clone() } else { wanted }
}

/// What a row is at a moment: its class, and whether it is the one taken last.
pub(crate) fn class(row: usize, cursor: Option<usize>) -> (&'static str, bool) {
    match cursor {
        Some(c) if c == row => ("row here", true),
        Some(c) if row < c => ("row", false),
        _ => ("row ahead", false),
    }
}

/// Markup of some rows, without [`class`]: that changes with every step, and the rows do not.
pub(crate) fn markup(lockstep: &Lockstep, rows: Range<usize>) -> String {
    let paths = lockstep.paths();
    let len = lockstep.len();
    let mut markup = String::with_capacity(rows.len() * 220);
    for i in rows {
        let Some(beat) = lockstep.beat(i) else { continue };
        let mut takers = paths.iter().zip(beat.steps).filter_map(|(p, step)| step.map(|s| (p, s as usize)));
        let Some((first, step)) = takers.next() else { continue };
        let Some(meta) = first.metas().get(step) else { continue };
        let info = meta.rule.info();
        let both = takers.next().is_some();
        let (badge, short) = if both { ("both", "both") } else { (first.path().name(), first.path().title()) };
        let _infallible = write!(
            markup,
            "<li id=\"beat-{i}\" role=\"option\" aria-setsize=\"{len}\" aria-posinset=\"{}\" data-beat=\"{i}\" \
             data-rule=\"{}\"><span class=\"at\">",
            i + 1,
            info.id,
        );
        words::push_micros(&mut markup, meta.at);
        let _infallible = write!(
            markup,
            "</span><span class=\"rule\">{}</span><span class=\"title\">{}</span><span class=\"badge {badge}\">{short}</span></li>",
            info.id, info.title,
        );
    }
    markup
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
                let rows = around(row, len, &(0..0));
                assert!(rows.end <= len && rows.len() == WINDOW.min(len), "{len} {row} {rows:?}");
                assert!(len == 0 || rows.contains(&row));
            }
        }
    }

    #[test]
    fn the_window_is_drawn_again_only_near_its_ends() {
        let (len, mut drawn, mut draws) = (10_000, 0..0, 0);
        for row in 0..1_000 {
            let rows = around(row, len, &drawn);
            assert!(rows.contains(&row));
            draws += usize::from(rows != drawn);
            drawn = rows;
        }
        assert!(draws < 130, "{draws}");
    }

    #[test]
    fn rows_carry_their_beat_and_one_is_the_present() {
        let lockstep = Lockstep::new(&preset("pinned-vs-offloaded").expect("ships"));
        let markup = markup(&lockstep, 0..10);
        assert_eq!(markup.matches("<li ").count(), 10);
        assert!(markup.contains("data-beat=\"3\""));
        let classes: Vec<_> = (0..5).map(|row| class(row, Some(3)).0).collect();
        assert_eq!(classes, ["row", "row", "row", "row here", "row ahead"]);
        assert_eq!(class(0, None), ("row ahead", false));
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
