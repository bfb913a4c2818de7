//! What leaves of a recording: a figure of the moment, a table of ticks, the card of a design review.

use super::Recording;
use super::stage::cause;
use kvm_trace::RECORD_ALL_COMMAND;
use scene::export::csv::{cell, text};
use std::fmt::Write as _;
use wasm_bridge::worker::recording::{File, Form, Look};

/// Pixels of a figure.
const WIDTH: u32 = 1_000;

/// A picture as an address.
pub(crate) fn data_address(svg: &str) -> String {
    let mut out = "data:image/svg+xml,".to_owned();
    for byte in svg.bytes() {
        match byte {
            b'A'..=b'Z'
            | b'a'..=b'z'
            | b'0'..=b'9'
            | b'-'
            | b'_'
            | b'.'
            | b'!'
            | b'~'
            | b'*'
            | b'/'
            | b':'
            | b'='
            | b';'
            | b',' => {
                out.push(char::from(byte));
            }
            other => _ = write!(out, "%{other:02X}"),
        }
    }
    out
}

impl Recording {
    /// A file.
    pub(crate) fn save(&self, form: Form, look: Look) -> File {
        let (number, position) = self.place(look);
        let (_, vcpu) = self.vcpu(number);
        let tick = vcpu.tick_at(position);
        let stem: String =
            self.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(60).collect();
        let (what, end, kind, text) = match form {
            Form::Svg => ("figure", "svg", "image/svg+xml", self.figure(number, position)),
            Form::Card => ("card", "md", "text/markdown", self.card(number, position)),
            Form::Csv => ("ticks", "csv", "text/csv", self.table()),
        };
        let name = match form {
            Form::Csv => format!("exitless-{stem}-{what}.{end}"),
            _ => format!("exitless-{stem}-tick-{}-{what}.{end}", vcpu.ticks[tick].number + 1),
        };
        File { name, kind: kind.to_owned(), text }
    }

    fn figure(&self, number: u16, position: u64) -> String {
        let (_, vcpu) = self.vcpu(number);
        let tick = vcpu.tick_at(position);
        let steps = vcpu.steps(tick);
        let drawing = self.drawing(vcpu, tick, &steps, (position - vcpu.before[tick]) as usize);
        let title = format!("{}: tick {} of {}", self.name, vcpu.ticks[tick].number + 1, vcpu.ticks.len());
        drawing.figure(WIDTH, &title, &cause(vcpu, tick))
    }

    fn card(&self, number: u16, position: u64) -> String {
        let (_, vcpu) = self.vcpu(number);
        let tick = vcpu.tick_at(position);
        let plain = |text: &str| text.replace(['|', '\n', '<', '>', '`'], " ");
        let (name, cause) = (plain(&self.name), cause(vcpu, tick));
        let told = &vcpu.ticks[tick];
        let mut out = String::new();
        // Writing to a string cannot fail.
        let o = &mut out;
        let _ = writeln!(o, "# Where did tick {} go?\n", told.number + 1);
        let _ = writeln!(o, "Recorded: {name}, {} lines, {} ticks.\n", self.summary.coverage.lines, self.summary.ticks);
        let _ = writeln!(o, "![{}](<{}>)\n", plain(&cause), data_address(&self.figure(number, position)));
        let _ = writeln!(o, "> {}\n", plain(&cause));
        let _ = writeln!(o, "Solid marks are observed: a line shows them. Dashed marks are inferred from lines.\n");
        let _ = writeln!(o, "## Ledger, of the whole recording\n\n| | |\n| --- | ---: |");
        for (name, value) in self.rows() {
            let _ = writeln!(o, "| {} | {} |", plain(&name), plain(&value));
        }
        let _ = writeln!(
            o,
            "\n## Rules that this tick is told by\n\n| rule | basis | what | source |\n| --- | --- | --- | --- |"
        );
        let rules = [
            Some(told.arm_rule),
            Some(told.expiry_rule()),
            Some(told.path_rule),
            Some(told.outcome_rule),
            told.refused.map(|(_, rule)| rule),
        ];
        for rule in rules.into_iter().flatten() {
            let info = rule.info();
            let (what, source) = (plain(info.what), plain(info.source));
            let _ = writeln!(o, "| {} | {} | {what} | {source} |", info.id, info.basis.name());
        }
        let _ = writeln!(o, "\n## To see it again\n");
        let _ = writeln!(o, "- record: `{RECORD_ALL_COMMAND}`, then `perf script`");
        let _ = writeln!(
            o,
            "- command: `exitless import FILE`, and `exitless compare FILE` for the model on the same arms"
        );
        let _ = writeln!(o, "- model: Exitless {}", env!("CARGO_PKG_VERSION"));
        out
    }

    fn table(&self) -> String {
        let mut out = "thread,tick,path,path_rule,outcome,outcome_rule,armed_line,expiry_line,fired_on,lateness_ns,\
                       arm_to_expiry_ns,expiry_to_accept_ns,accept_to_entry_ns\n"
            .to_owned();
        for tick in self.vcpus.iter().flat_map(|vcpu| &vcpu.ticks) {
            let (armed, expiry) = (tick.armed.map(|a| a.at.line), tick.expiry.map(|e| e.at));
            let _ = writeln!(
                out,
                "{},{},{},{},{},{},{},{},{},{},{},{},{}",
                tick.thread.0,
                tick.number + 1,
                text(tick.path.name()),
                tick.path_rule.id(),
                tick.outcome.name(),
                tick.outcome_rule.id(),
                cell(armed),
                cell(expiry.map(|at| at.line)),
                cell(expiry.map(|at| at.cpu.0)),
                cell(tick.lateness_ns()),
                cell(tick.arm_to_expiry_ns()),
                cell(tick.expiry_to_accept_ns()),
                cell(tick.accept_to_entry_ns())
            );
        }
        out
    }
}
