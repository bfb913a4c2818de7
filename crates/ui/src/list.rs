//! The list of steps: only the rows around what is looked at, as markup.

use crate::found::Found;
use crate::names::{self, Name};
use crate::words;
use apic_core::run::{Align, Lockstep};
use apic_core::units::Ns;
use std::fmt::Write;
use std::ops::Range;
use std::rc::Rc;
use yew::AttrValue;

/// Height of a row in CSS pixels; `static/styles/list.css` gives rows the same (`--row`).
pub(crate) const ROW: u32 = 28;
/// Rows in the document at a time.
pub(crate) const WINDOW: usize = 36;
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
const MARGIN: usize = 10;

/// The rows to draw around `row`: those that are drawn, if it stands well inside.
pub(crate) fn around(row: usize, len: usize, drawn: &Range<usize>) -> Range<usize> {
    let first = row.saturating_sub(WINDOW / 2).min(len.saturating_sub(WINDOW));
    let wanted = first..(first + WINDOW).min(len);
    let before = drawn.start == 0 || row >= drawn.start + MARGIN;
    let after = drawn.end == len || row + MARGIN < drawn.end;
    if drawn.contains(&row) && drawn.end <= len && before && after { drawn.clone() } else { wanted }
}

/// What a row is at a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Is {
    Taken,
    Present,
    Ahead,
}

/// How far the rows are taken, and whether the last of them is the present.
pub(crate) type Taken = (usize, bool);

impl Is {
    pub(crate) fn of(row: usize, (taken, exact): Taken) -> Self {
        match row + 1 {
            n if n == taken && exact => Self::Present,
            n if n <= taken => Self::Taken,
            _ => Self::Ahead,
        }
    }

    /// Its class, and the value of `aria-selected`.
    pub(crate) const fn attributes(self) -> (&'static str, &'static str) {
        match self {
            Self::Taken => ("row", "false"),
            Self::Present => ("row here", "true"),
            Self::Ahead => ("row ahead", "false"),
        }
    }
}

/// Some rows of the list as markup, without what each [`Is`]: that changes with every step, and the rows do not.
#[derive(Clone, PartialEq, Default)]
pub(crate) struct Rows {
    /// Which rows they are: beats, if all are listed.
    pub(crate) beats: Range<usize>,
    /// What is listed.
    pub(crate) found: Found,
    markup: AttrValue,
    /// Where in it each row begins, and where the last one ends.
    cuts: Rc<[usize]>,
}

impl Rows {
    /// Some of them as they are at a moment.
    pub(crate) fn at(&self, beats: Range<usize>, taken: Taken) -> String {
        let mut markup = String::with_capacity(beats.len() * 260);
        for beat in beats {
            let (class, selected) = Is::of(beat, taken).attributes();
            for part in ["<li class=\"", class, "\" aria-selected=\"", selected, "\"", self.of(beat..beat + 1)] {
                markup.push_str(part);
            }
        }
        markup
    }

    /// The markup of some of them, without the beginnings of their tags; empty for those that are not here.
    fn of(&self, beats: Range<usize>) -> &str {
        let cut = |beat: usize| self.cuts.get(beat.checked_sub(self.beats.start)?).copied();
        cut(beats.start).zip(cut(beats.end)).and_then(|(a, b)| self.markup.get(a..b)).unwrap_or_default()
    }

    /// The rows that both have, if these are the same in both.
    pub(crate) fn shared(&self, other: &Self) -> Option<Range<usize>> {
        let beats = self.beats.start.max(other.beats.start)..self.beats.end.min(other.beats.end);
        (!beats.is_empty() && self.of(beats.clone()) == other.of(beats.clone())).then_some(beats)
    }
}

/// Draws rows.
pub(crate) fn draw(lockstep: &Lockstep, names: &[Name], found: &Found, beats: Range<usize>) -> Rows {
    let paths = lockstep.paths();
    let len = found.len(lockstep.len());
    let mut markup = String::with_capacity(beats.len() * 220);
    let mut cuts = Vec::with_capacity(beats.len() + 1);
    for row in beats.clone() {
        cuts.push(markup.len());
        let i = found.beat(row);
        let Some(beat) = lockstep.beat(i) else { continue };
        let takers = || beat.steps.iter().enumerate().take(names.len()).filter_map(|(p, step)| Some((p, (*step)?)));
        let Some((first, step)) = takers().next() else { continue };
        let rule = |(p, step): (usize, u32)| paths[p].metas()[step as usize].rule.info();
        let info = rule((first, step));
        let _infallible = write!(
            markup,
            " id=\"beat-{i}\" role=\"option\" aria-setsize=\"{len}\" aria-posinset=\"{}\" data-beat=\"{i}\" \
             data-rule=\"{}\"><span class=\"at\">",
            row + 1,
            info.id,
        );
        push_when(&mut markup, lockstep, first, step);
        let _infallible =
            write!(markup, "</span><span class=\"rule\">{}</span><span class=\"title\">{}", info.id, info.title);
        for other in takers().skip(1).map(rule).filter(|other| other.id != info.id) {
            let _infallible = write!(markup, " · {} {}", other.id, other.title);
        }
        markup.push_str("</span><span class=\"badge ");
        let taking = takers().count();
        if taking == names.len() && taking > 1 {
            let word = names::together(taking);
            let _infallible = write!(markup, "both\">{word}");
        } else {
            let _infallible = write!(markup, "{}\">", if taking == 1 { names[first].way.path.name() } else { "" });
            for (n, (p, _)) in takers().enumerate() {
                markup.push_str(if n > 0 { ", " } else { "" });
                markup.push_str(&names[p].short);
            }
        }
        markup.push_str("</span></li>");
    }
    cuts.push(markup.len());
    Rows { beats, found: found.clone(), markup: markup.into(), cuts: cuts.into() }
}

/// The time of a step, as the paths are aligned: since the start, from the expiry, or its number in the tick.
fn push_when(text: &mut String, lockstep: &Lockstep, path: usize, step: u32) {
    match lockstep.alignment() {
        Align::Time => words::push_micros(text, lockstep.paths()[path].metas()[step as usize].at),
        Align::Expiry => words::push_signed(text, lockstep.from_expiry(path, step)),
        Align::Step => {
            let _infallible = write!(text, "{}", lockstep.step_in_tick(path, step) + 1);
        }
    }
}

/// The present as the paths are aligned, with its unit: "1 000.214 µs", "expiry +0.214 µs".
pub(crate) fn present(lockstep: &Lockstep) -> String {
    let mut text = String::new();
    let taken = lockstep.last_beat().and_then(|b| {
        let at = b.steps.iter().position(Option::is_some)?;
        Some((at, b.steps[at]?, b.at))
    });
    match (taken, lockstep.alignment()) {
        (Some((path, step, _)), Align::Expiry) => {
            text.push_str("expiry ");
            words::push_signed(&mut text, lockstep.from_expiry(path, step));
        }
        (taken, _) => words::push_micros(&mut text, taken.map_or(Ns::ZERO, |(.., at)| at)),
    }
    text.push_str(" µs");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use apic_core::rule::Rule;
    use apic_core::run::Compare;
    use apic_core::scenario::preset;

    fn rows_of(lockstep: &Lockstep, beats: Range<usize>) -> Rows {
        draw(lockstep, &names::of(lockstep), &Found::default(), beats)
    }

    #[test]
    fn aligned_by_expiry_times_count_from_it_and_by_step_a_row_tells_every_path() {
        let scenario = preset("pinned-vs-offloaded").expect("ships");
        let aligned = |align| {
            let lockstep = Lockstep::comparing(&scenario, &Compare { align, ..Compare::default() }, &[]);
            rows_of(&lockstep, 0..60).at(0..60, (0, false))
        };
        let rows = aligned(Align::Expiry);
        assert!(rows.contains(">+0.000<") && rows.contains(">−"), "{rows}");
        let rows = aligned(Align::Step);
        assert!(rows.contains("\"at\">1<") && rows.contains(" · "), "{rows}");
    }

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
        let rows = rows_of(&lockstep, 0..10);
        let markup = rows.at(0..10, (4, true));
        assert_eq!((markup.matches("<li ").count(), markup.matches("</li>").count()), (10, 10));
        assert!(markup.contains("<li class=\"row here\" aria-selected=\"true\" id=\"beat-3\""), "{markup}");
        assert_eq!((markup.matches("row ahead").count(), markup.matches("\"true\"").count()), (6, 1));
        assert!(rows.of(3..4).contains("data-beat=\"3\""));
        assert_eq!((rows.of(4..4), rows.of(4..11)), ("", ""));
        assert_eq!([0, 1, 2].map(|row| Is::of(row, (2, true))), [Is::Taken, Is::Present, Is::Ahead]);
        assert_eq!([0, 1, 2].map(|row| Is::of(row, (2, false))), [Is::Taken, Is::Taken, Is::Ahead]);
    }

    #[test]
    fn rows_of_one_run_are_shared_and_those_of_another_are_not() {
        let lockstep = Lockstep::new(&preset("pinned-vs-offloaded").expect("ships"));
        let rows = rows_of(&lockstep, 0..10);
        assert_eq!(rows.shared(&rows_of(&lockstep, 6..14)), Some(6..10));
        assert_eq!(rows_of(&lockstep, 6..14).shared(&rows), Some(6..10));
        assert_eq!(rows.shared(&rows_of(&lockstep, 10..14)), None);
        let other = Lockstep::new(&preset("idle-housekeeper").expect("ships"));
        assert_eq!(rows.shared(&rows_of(&other, 0..10)), None);
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
