//! A verdict in 80 columns.

use super::{Checked, Line, search, vcpus};
use crate::error::Failure;
use crate::quantity::grouped;
use apic_core::driver::explore::{Bounds, Verdict};
use apic_core::units::Ns;
use std::io::Write;

const WIDTH: usize = 80;
/// Where the words of a move begin.
const MARGIN: usize = 27;

/// What was searched, and what came of it.
pub(super) fn print(checked: &Checked, out: &mut impl Write) -> Result<(), Failure> {
    heading(checked, out)?;
    let progress = checked.progress;
    let (states, moves) = (grouped(progress.states as u128), grouped(progress.moves as u128));
    let seconds = checked.took.as_secs_f64();
    match &checked.verdict {
        Verdict::Holds => {
            let text = format!(
                "Holds: no interrupt is lost, early or delivered twice in any interleaving. {states} states, \
                 {moves} moves, depth {}, {seconds:.2} s.",
                progress.depth
            );
            paragraph(&text, out)?;
        }
        Verdict::Violated(found) => {
            let text = format!("Violated: {}.", found.broken);
            paragraph(&text, out)?;
            let text = format!(
                "The shortest run that shows it has {} moves; {states} states were seen, {seconds:.2} s.",
                found.moves.len()
            );
            paragraph(&text, out)?;
            print_run(checked, out)?;
        }
        Verdict::Unfinished => {
            let text = format!(
                "Not finished: more than {states} states. Covered is every interleaving of up to {} moves, and in them \
                 nothing was violated; {} states were still to be looked at. This proves nothing. {seconds:.2} s.",
                progress.depth,
                grouped(progress.frontier as u128)
            );
            paragraph(&text, out)?;
            if let Some(smaller) = nearest(checked) {
                let Bounds { expiries, store_buffer, .. } = smaller.bounds;
                let text = format!(
                    "The nearest bound that finishes: --bound expiries={expiries},vcpus={},store-buffer={store_buffer} \
                     ({} states).",
                    vcpus(&smaller),
                    grouped(smaller.progress.states as u128)
                );
                paragraph(&text, out)?;
            }
        }
    }
    Ok(())
}

fn heading(checked: &Checked, out: &mut impl Write) -> Result<(), Failure> {
    let Bounds { expiries, store_buffer, .. } = checked.bounds;
    let title = &checked.scenario.meta.title;
    let named = if title.is_empty() { "A scenario" } else { title };
    writeln!(out, "{named}: {}", checked.path.name())?;
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let bound = format!(
        "Bound: {} a vCPU, {}, {}.",
        count(expiries.into(), if expiries == 1 { "expiry" } else { "expirie" }),
        count(vcpus(checked), "vCPU"),
        if store_buffer == 0 {
            "no store buffers".to_owned()
        } else {
            count(store_buffer.into(), "store") + " a buffer"
        }
    );
    paragraph(&bound, out)?;
    for fault in checked.faults.iter() {
        let info = fault.info();
        let real = info.real.map_or("counterfactual".to_owned(), |kernels| format!("real in {kernels}"));
        paragraph(&format!("Without {}: {} ({real}). {}", info.id, lower(info.title), info.what), out)?;
    }
    Ok(())
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    let second_is_small = text.chars().nth(1).is_some_and(char::is_lowercase) || text.starts_with("A ");
    match chars.next() {
        Some(first) if second_is_small => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

/// The moves of a counterexample, one after the other, and how to send it.
pub(super) fn print_run(checked: &Checked, out: &mut impl Write) -> Result<(), Failure> {
    let Some(found) = checked.found() else { return Ok(()) };
    writeln!(out)?;
    let mut shown = None;
    for (n, Line { at_ns, cpu, rule, words }) in checked.lines().iter().enumerate() {
        let time = if shown == Some(*at_ns) { String::new() } else { Ns::from_ns(*at_ns).to_string() };
        shown = Some(*at_ns);
        let core = cpu.map_or(String::new(), |cpu| cpu.to_string());
        let head = format!("{:>4} {time:>13} {core:>2} {:<4}", n + 1, rule.unwrap_or(""));
        print_indented(&head, words, out)?;
    }
    writeln!(out)?;
    paragraph(&format!("Then: {}.", found.broken), out)?;
    for fault in checked.faults.iter().filter(|f| !f.is_redundant()) {
        let info = fault.info();
        paragraph(&format!("What would have saved it: {} ({}).", lower(info.title), info.repair), out)?;
    }
    if let Some(link) = checked.link() {
        writeln!(out, "\nTo play it again: exitless check {link}")?;
    }
    Ok(())
}

/// The nearest smaller bound whose search ends.
fn nearest(checked: &Checked) -> Option<Checked> {
    let within = Bounds { vcpus: vcpus(checked) as u8, ..checked.bounds };
    within.smaller().into_iter().find_map(|bounds| {
        let smaller = search(&checked.scenario, None, checked.path, bounds, checked.faults);
        (smaller.verdict != Verdict::Unfinished).then_some(smaller)
    })
}

fn paragraph(text: &str, out: &mut impl Write) -> Result<(), Failure> {
    for line in wrapped(text, WIDTH) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn print_indented(head: &str, words: &str, out: &mut impl Write) -> Result<(), Failure> {
    for (i, line) in wrapped(words, WIDTH - MARGIN).iter().enumerate() {
        let head = if i == 0 { head } else { "" };
        let gap = MARGIN.saturating_sub(head.chars().count());
        writeln!(out, "{head}{:gap$}{line}", "")?;
    }
    Ok(())
}

/// Lines of at most so many characters, broken at spaces.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().map_or(0, |line| line.chars().count());
        if last > 0 && last + 1 + word.chars().count() > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrapped("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrapped("unbreakable word", 4), ["unbreakable", "word"]);
        assert_eq!(wrapped("", 4), [""]);
    }
}
