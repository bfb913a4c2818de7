//! The list of steps: only the rows around what is looked at, as markup.

use crate::words;
use apic_core::run::Lockstep;
use std::fmt::Write;
use std::ops::Range;

/// Height of a row in CSS pixels; `static/panels.css` gives rows the same (`--row`).
pub(crate) const ROW: u32 = 28;
/// Rows in the document at a time.
pub(crate) const WINDOW: usize = 44;
/// Tallest scroll area that browsers draw without rounding rows apart.
const TALLEST: u64 = 8_000_000;

/// Height of the whole list in pixels; a very long one is scaled.
pub(crate) fn height(len: usize) -> u64 {
    (len as u64 * u64::from(ROW)).min(TALLEST)
}

/// Where a row begins.
pub(crate) fn top_of(row: usize, len: usize) -> u64 {
    row as u64 * height(len) / len.max(1) as u64
}

/// The row at a place.
pub(crate) fn row_at(top: u32, len: usize) -> usize {
    (u64::from(top) * len as u64 / height(len).max(1)) as usize
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
        let (len, mut drawn, mut times) = (10_000, 0..0, 0);
        for row in 0..1_000 {
            let rows = around(row, len, &drawn);
            assert!(rows.contains(&row));
            times += usize::from(rows != drawn);
            drawn = rows;
        }
        assert!(times < 130, "{times}");
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
        for len in [1, 100, 1_000_000] {
            let last = top_of(len - 1, len);
            assert!(last < height(len) && height(len) <= TALLEST, "{len}");
            let found = row_at(last as u32, len);
            assert!(found < len && found + 4 >= len - 1, "{len}: {found}");
        }
        assert_eq!((height(100), top_of(3, 100), row_at(84, 100)), (2_800, 84, 3));
        assert_eq!((height(0), top_of(0, 0), row_at(9, 0)), (0, 0, 0));
    }
}
