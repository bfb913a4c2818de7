//! A run as one table, because one file is what other tools open: the column `row` says `step` or `expiry`, and a cell that
//! has no meaning in its row is empty. Steps come in the order of time, all paths together; expiries after them, path by
//! path.

use super::taken;
use crate::expiry::Expiry;
use crate::narrate::narrate;
use apic_core::run::{Lockstep, Way};
use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, Write};

/// The first line.
pub const HEAD: &str = "row,path,time_ns,cpu,vcpu,step,rule,title,sentence,effects,tick,deadline_ns,fired_on,own_core,\
fired_at_ns,exit,placement_rule,handler_at_ns,late_ns";

/// Cells of a step's row that belong to expiries.
const NO_EXPIRY: &str = ",,,,,,,,,";
/// Cells of an expiry's row that belong to steps.
const NO_STEP: &str = ",,,,,";

/// A number, or nothing.
pub fn cell(value: Option<impl Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// A text, in quotes if it needs them (RFC 4180).
pub fn text(text: &str) -> Cow<'_, str> {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\"")).into()
    } else {
        text.into()
    }
}

/// The first line of the table.
///
/// # Errors
/// Those of the output, here and below.
pub fn head(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{HEAD}")
}

/// The steps of the last beat.
///
/// # Errors
/// Those of the output.
pub fn beat(run: &Lockstep, out: &mut impl Write) -> io::Result<()> {
    for (p, history, record) in taken(run) {
        let (path, info) = (history.way().key(), record.rule.info());
        let sentence = narrate(record, run.scenario_of(p)).text();
        let effects = serde_json::to_string(&record.effects)?;
        write!(out, "step,{path},{},{},{},{}", record.at.as_ns(), record.cpu, cell(record.vcpu), record.index)?;
        write!(out, ",{},{},{},{}", info.id, text(info.title), text(&sentence), text(&effects))?;
        writeln!(out, "{NO_EXPIRY}")?;
    }
    Ok(())
}

/// Expiries of a path. Their time is that of the deadline.
///
/// # Errors
/// Those of the output.
pub fn expiries(way: Way, expiries: &[Expiry], out: &mut impl Write) -> io::Result<()> {
    for e in expiries {
        let (deadline, yes) = (e.deadline_ns.as_ns(), |is: bool| if is { "yes" } else { "no" });
        let ns = |at: Option<apic_core::units::Ns>| cell(at.map(apic_core::units::Ns::as_ns));
        write!(out, "expiry,{},{deadline},,{}{NO_STEP},{}", way.key(), e.vcpu, e.tick)?;
        write!(out, ",{deadline},{},{},{}", cell(e.fired_on), yes(e.own_core), ns(e.fired_at_ns))?;
        write!(out, ",{},{}", yes(e.exit), e.placement_rule.id())?;
        writeln!(out, ",{},{}", ns(e.handler_at_ns), cell(e.late_ns))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes() {
        for (from, to) in [("CPU 0/KVM", "CPU 0/KVM"), ("a,b", "\"a,b\""), ("a\"b", "\"a\"\"b\""), ("a\r", "\"a\r\"")] {
            assert_eq!(text(from), to);
        }
    }
}
