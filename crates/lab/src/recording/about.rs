//! What a recording holds, in markup; its ledger; and how late its ticks were, over all of it.

use super::Recording;
use super::stage::span;
use kvm_trace::{Outcome, Path};
use std::fmt::Write as _;
use wasm_bridge::worker::recording::Opened;

/// Columns of the strip: its size does not follow the recording's.
const COLUMNS: usize = 600;

/// Text as markup.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// "1 tick", "2 ticks".
fn count(n: u64, one: &str) -> String {
    format!("{n} {one}{}", if n == 1 { "" } else { "s" })
}

impl Recording {
    /// The recording as a whole.
    pub(crate) fn opened(&self) -> Opened {
        let vcpus = self.vcpus.len() as u16;
        Opened { about: self.about(), ledger: self.ledger(), strip: self.strip(), vcpus }
    }

    fn about(&self) -> String {
        let (s, coverage) = (&self.summary, &self.summary.coverage);
        let mut out = format!(
            "<p><b>{}</b>: {}, {}, {}. It stays on this machine.</p>",
            escaped(&self.name),
            count(coverage.lines, "line"),
            count(coverage.events, "event"),
            count(s.ticks, "tick")
        );
        let mut say = |words: String| _ = write!(out, "<p class=\"foot\">{}</p>", escaped(&words));
        if self.vcpus.len() > 1 {
            say(format!("{} vCPUs arm timers: the keys 1 to 9 choose one.", self.vcpus.len()));
        }
        if coverage.unparsed > 0 {
            let first: Vec<_> =
                coverage.first_unparsed.iter().map(|u| format!("line {}: {}", u.line, u.text)).collect();
            say(format!("{} not understood. The first: {}", count(coverage.unparsed, "line"), first.join("; ")));
        }
        if coverage.cut {
            say("The file was cut in the middle of its last line.".to_owned());
        }
        if s.missing.markers > 0 {
            let (places, ticks) = (count(s.missing.markers, "place"), count(s.missing.ticks, "tick"));
            say(format!("Events were lost at {places}: {ticks} undecided."));
        }
        if let Some((line, back)) = s.order.first {
            let back = span(back.cast_signed());
            say(format!(
                "Time runs backwards on one CPU, first in line {line}, by {back}: lines are out of order, or of several recordings."
            ));
        }
        if let Some(line) = s.clocks.first_step {
            say(format!("The recording's clock was set, or the file is of two recordings: line {line}."));
        }
        if self.more > 0 {
            let more = self.more;
            say(format!(
                "{more} facts beyond the first {} are in the ledger alone; `exitless import` lists all.",
                super::MOST
            ));
        }
        out
    }

    pub(super) fn rows(&self) -> Vec<(String, String)> {
        let s = &self.summary;
        let mut rows = Vec::new();
        let mut put = |name: &str, value: String| rows.push((name.to_owned(), value));
        put("ticks", s.ticks.to_string());
        for path in Path::ALL {
            let n = s.paths[path as usize];
            if n > 0 {
                put(&format!("accepted: {}", path.name()), n.to_string());
            }
        }
        for outcome in Outcome::ALL.into_iter().filter(|outcome| *outcome != Outcome::Accepted) {
            let n = s.outcomes[outcome as usize];
            if n > 0 {
                put(outcome.name(), n.to_string());
            }
        }
        if let Some(late) = s.latencies.lateness.summary() {
            put("lateness, median", span(late.p50));
            put("lateness, 99 %", span(late.p99));
            put("lateness, most", span(late.max));
        }
        if let Some(waits) = s.latencies.expiry_to_accept.summary() {
            put("expiry to accept, median", span(waits.p50.cast_signed()));
            put("expiry to accept, 99 %", span(waits.p99.cast_signed()));
        }
        for exits in &s.exits {
            let average = exits.times.average().unwrap_or(0).cast_signed();
            put(
                &format!("exits: {}", exits.reason.name()),
                format!("{}, on average {}", exits.times.count(), span(average)),
            );
        }
        for (cpu, seen) in s.cpus.iter().filter(|(_, seen)| seen.expiries_for_others > 0) {
            let time = span(seen.time_for_others_ns.cast_signed());
            put(&format!("CPU {} for others", cpu.0), format!("{} expiries, {time}", seen.expiries_for_others));
        }
        rows
    }

    fn ledger(&self) -> String {
        let row = |(name, value): (String, String)| {
            format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>", escaped(&name), escaped(&value))
        };
        let rows: String = self.rows().into_iter().map(row).collect();
        format!("<table class=\"figures\" data-testid=\"recorded-ledger\"><tbody>{rows}</tbody></table>")
    }

    /// One path, whatever the length: in each column the latest tick there.
    fn strip(&self) -> String {
        let (_, vcpu) = self.vcpu(0);
        let len = vcpu.len().max(1);
        let mut latest = vec![0_u64; COLUMNS];
        for (tick, before) in vcpu.ticks.iter().zip(&vcpu.before) {
            let column = (u128::from(*before) * COLUMNS as u128 / u128::from(len)) as usize;
            let late = tick.lateness_ns().and_then(|ns| u64::try_from(ns).ok()).unwrap_or(0);
            let waited = tick.expiry_to_accept_ns().unwrap_or(0);
            let of = &mut latest[column.min(COLUMNS - 1)];
            *of = (*of).max(late + waited);
        }
        let most = latest.iter().copied().max().unwrap_or(0).max(1);
        let mut path = String::new();
        for (x, ns) in latest.iter().enumerate().filter(|(_, ns)| **ns > 0) {
            // The square root shows what is small beside what is large.
            let height = (u128::from(*ns) * 144 / u128::from(most)).isqrt().max(1);
            let _ = write!(path, "M{x} 12V{}", 12 - height);
        }
        format!(
            "<svg viewBox=\"0 0 {COLUMNS} 12\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><path class=\"late\" d=\"{path}\"/></svg>"
        )
    }
}
