//! The page as text of 80 columns: a line per step, a column per core.

use crate::page::{Moment, PageData};
use crate::words;
use apic_core::effect::{Bank, Effect, Field};
use apic_core::run::StepRecord;
use apic_core::units::CpuId;
use std::fmt::Write as _;

const WIDTH: usize = 80;
const TIME: usize = 11;

/// Cuts a text to a number of characters.
fn clipped(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// Fills lines up to the width, breaking at spaces.
pub(crate) fn wrapped(text: &str) -> String {
    let mut out = String::new();
    let mut line = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if line > 0 && line + 1 + length > WIDTH {
            out.push('\n');
            line = 0;
        } else if line > 0 {
            out.push(' ');
            line += 1;
        }
        out.push_str(word);
        line += length;
    }
    out
}

/// What a step did, in a few characters.
fn cell(record: &StepRecord) -> String {
    let telling = record.effects.iter().find_map(|e| match e {
        Effect::Exit { reason, vector, .. } => {
            Some(vector.map_or_else(|| format!("EXIT {reason}"), |v| format!("EXIT {reason} {v}")))
        }
        Effect::Enter { vcpu, .. } => Some(format!("enter vCPU {vcpu}")),
        Effect::IpiSent { vector, to, .. } => Some(format!("{vector} ==> {to}")),
        Effect::IpiNotSent { vector, why, .. } => Some(format!("no {vector}: {}", words::why_not(*why))),
        Effect::IpiArrived { vector, from, .. } => Some(format!("{vector} from {from}")),
        Effect::NotificationSent { vector, to, .. } => Some(format!("VT-d {vector} ==> {to}")),
        Effect::NotificationNotSent { vector, why, .. } => Some(format!("no VT-d {vector}: {}", words::why_not(*why))),
        Effect::NotificationArrived { vector, .. } => Some(format!("{vector} from VT-d")),
        Effect::TimerQueued { rule, .. } => Some(format!("timer queued ({})", rule.id())),
        Effect::TimerRefused { rule, .. } => Some(format!("refused ({})", rule.id())),
        Effect::TimerFired { .. } => Some("hrtimer fires".to_owned()),
        Effect::Delivered { vector, .. } | Effect::DeviceDelivered { vector, .. } => Some(format!("handler {vector}")),
        Effect::Eoi { vector, .. } => Some(format!("EOI {vector}")),
        Effect::Bit { bank: Bank::Pir, vector, on: true, .. } => Some(format!("PIR[{vector}] <- 1")),
        Effect::Bit { bank: Bank::Pir, vector, on: false, .. } => Some(format!("PIR[{vector}] -> VIRR")),
        Effect::Set { field: Field::On, from, to, .. } => Some(format!("ON {from} -> {to}")),
        Effect::Set { field: Field::Sn, from, to, .. } => Some(format!("SN {from} -> {to}")),
        Effect::Set { field: Field::Nv, from, to, .. } => Some(format!("NV {from:#x} -> {to:#x}")),
        Effect::Set { field: Field::Ndst, from, to, .. } => Some(format!("NDST {from} -> {to}")),
        _ => None,
    });
    telling.unwrap_or_else(|| record.rule.info().title.to_owned())
}

pub(crate) fn page(page: &PageData, path: usize, moment: &Moment) -> String {
    let Some(steps) = page.paths().get(path) else { return String::new() };
    let lanes: Vec<(CpuId, String)> =
        page.lanes(path).lanes().map(|l| (l.cpu, format!("{}: {}", l.name, l.role))).collect();
    let column = (WIDTH - TIME) / lanes.len().max(1);
    let mut out = format!("{}, this tick: {}\n", steps.way.title(), page.tally(path).text());
    let mut head = format!("{:TIME$}", "");
    for (_, name) in &lanes {
        let _ = write!(head, "{:column$}", clipped(name, column - 1));
    }
    out += head.trim_end();
    out.push('\n');
    for record in &steps.records {
        let now = record.index + 1 == moment.taken;
        let time = words::exact(record.at);
        let mut line = format!("{}{time:>9} ", if now { '>' } else { ' ' });
        for (cpu, _) in &lanes {
            let text = if *cpu == record.cpu { cell(record) } else { ".".to_owned() };
            let _ = write!(line, "{:column$}", clipped(&text, column - 1));
        }
        out += line.trim_end();
        out.push('\n');
    }
    out += &wrapped(&page.last_sentence(path, moment));
    out.push('\n');
    out
}
