//! `--to csv`: a row for each event, and a row for each tick with its latencies, where the tick ends.
//!
//! One table, because one file is what other tools open: the column `row` says `event` or `tick`, and a cell that has no
//! meaning in its row is empty.

use super::Sink;
use super::held::Held;
use kvm_trace::{Analysis, ArmedBy, At, Fact, Record, Summary, Tick};
use scene::export::csv::{cell, text};
use std::io::{self, Write};

const HEAD: &str = "row,line,time_ns,cpu,thread,comm,event,tick,armed_by,arm_rule,armed_line,expiry_line,expiry_rule,\
fired_on,path,path_rule,outcome,outcome_rule,lateness_ns,arm_to_expiry_ns,expiry_to_accept_ns,accept_to_entry_ns,\
expiry_to_entry_ns,exit_line,exit_vector,refused_by,refused_rule,arrival_shown";

/// Cells of an event's row that belong to ticks.
const NO_TICK: &str = ",,,,,,,,,,,,,,,,,,,,,";

pub(super) struct Csv<W: Write> {
    out: Held<W>,
    begun: bool,
}

impl<W: Write> Csv<W> {
    pub(super) const fn new(out: Held<W>) -> Self {
        Self { out, begun: false }
    }

    fn begin(&mut self) -> io::Result<()> {
        if !std::mem::replace(&mut self.begun, true) {
            writeln!(self.out, "{HEAD}")?;
        }
        Ok(())
    }

    fn tick(&mut self, tick: &Tick) -> io::Result<()> {
        self.begin()?;
        let out = &mut self.out;
        let (armed, expiry) = (tick.armed.map(|armed| armed.at), tick.expiry.map(|expiry| expiry.at));
        let at: Option<At> = expiry.or(armed).or(tick.accept());
        write!(out, "tick,{},{}", cell(at.map(|at| at.line)), cell(at.map(|at| at.time.ns())))?;
        write!(out, ",{},{},,,{}", cell(at.map(|at| at.cpu.0)), tick.thread.0, tick.number)?;
        let by = tick.armed.map(|armed| armed_by(armed.by));
        write!(out, ",{},{}", by.unwrap_or(""), if armed.is_some() { tick.arm_rule.id() } else { "" })?;
        write!(out, ",{},{}", cell(armed.map(|at| at.line)), cell(expiry.map(|at| at.line)))?;
        write!(out, ",{},{}", tick.expiry_rule().id(), cell(expiry.map(|at| at.cpu.0)))?;
        write!(out, ",{},{}", tick.path.name(), tick.path_rule.id())?;
        write!(out, ",{},{}", tick.outcome.name(), tick.outcome_rule.id())?;
        write!(out, ",{},{}", cell(tick.lateness_ns()), cell(tick.arm_to_expiry_ns()))?;
        write!(out, ",{},{}", cell(tick.expiry_to_accept_ns()), cell(tick.accept_to_entry_ns()))?;
        write!(out, ",{},{}", cell(tick.expiry_to_entry_ns()), cell(tick.exit.map(|exit| exit.at.line)))?;
        let vector = tick.exit.and_then(|exit| exit.vector).map(|vector| format!("{:#04x}", vector.0));
        write!(out, ",{}", vector.as_deref().unwrap_or(""))?;
        let (by, rule) = tick.refused.map_or((None, ""), |(cpu, rule)| (Some(cpu.0), rule.id()));
        writeln!(out, ",{},{rule},{}", cell(by), if tick.arrival_is_not_shown() { "no" } else { "" })
    }
}

pub(super) const fn armed_by(by: ArmedBy) -> &'static str {
    match by {
        ArmedBy::Deadline => "deadline",
        ArmedBy::Count => "initial count",
        ArmedBy::Start => "start",
        ArmedBy::Restart => "restart",
    }
}

impl<W: Write> Sink for Csv<W> {
    fn record(&mut self, line: u64, record: &Record<'_>, analysis: &Analysis) -> io::Result<()> {
        let Record::Event(event) = record else { return Ok(()) };
        self.begin()?;
        let (comm, name) = (text(event.comm), text(event.name));
        let (time, cpu, thread) = (event.time.ns(), event.cpu.0, event.thread.0);
        writeln!(self.out, "event,{line},{time},{cpu},{thread},{comm},{name}{NO_TICK}")?;
        if analysis.vcpu(event.thread).is_some() { self.out.release() } else { Ok(()) }
    }

    fn fact(&mut self, fact: &Fact) -> io::Result<()> {
        if let Fact::Tick(tick) = fact { self.tick(tick) } else { Ok(()) }
    }

    fn end(&mut self, _: Summary) -> io::Result<()> {
        self.out.release()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_as_many_cells() {
        assert_eq!(NO_TICK.matches(',').count() + 7, HEAD.split(',').count());
    }
}
