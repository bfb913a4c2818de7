//! A recording that is open: read once, kept as ticks and exits, and told moment by moment.
//!
//! | file | holds |
//! | --- | --- |
//! | `steps.rs` | a tick as steps, each with the rule that found it |
//! | `stage.rs` | a moment: the stage, and words |
//! | `query.rs` | the search |
//! | `about.rs` | what the recording holds, its ledger, lateness over all of it |
//! | `save.rs` | files |

mod about;
mod query;
mod save;
mod stage;
mod steps;

use kvm_trace::{Analysis, Callback, Chunks, ExitSpan, Fact, Summary, Tick, Tid, TraceTime};
use std::collections::BTreeMap;

pub(crate) use save::data_address;

/// Ticks, exits and callbacks that are kept, each: a few hundred megabytes at most. Further ones are in the summary alone.
const MOST: usize = 400_000;

/// A vCPU's part of the recording.
#[derive(Default)]
struct Vcpu {
    thread: Option<Tid>,
    /// By number.
    ticks: Vec<Tick>,
    /// By their first line.
    exits: Vec<ExitSpan>,
    callbacks: Vec<Callback>,
    /// Steps before each tick, and in all.
    before: Vec<u64>,
}

/// A recording that is being read.
pub(crate) struct Reading {
    name: String,
    chunks: Chunks,
    analysis: Analysis,
    of: BTreeMap<Tid, Vcpu>,
    kept: usize,
    more: u64,
}

/// A recording.
pub(crate) struct Recording {
    name: String,
    summary: Summary,
    vcpus: Vec<Vcpu>,
    /// Its first moment.
    zero: TraceTime,
    /// Facts that were not kept.
    more: u64,
}

/// Keeps a fact.
fn keep(of: &mut BTreeMap<Tid, Vcpu>, kept: &mut usize, more: &mut u64, fact: &Fact) {
    if *kept >= MOST {
        *more += 1;
        return;
    }
    *kept += 1;
    match fact {
        Fact::Tick(tick) => of.entry(tick.thread).or_default().ticks.push(*tick),
        Fact::Exit(span) => of.entry(span.thread).or_default().exits.push(*span),
        Fact::Callback(callback) => of.entry(callback.thread).or_default().callbacks.push(*callback),
    }
}

impl Reading {
    pub(crate) fn new(name: String) -> Self {
        let (chunks, analysis) = (Chunks::default(), Analysis::default());
        Self { name, chunks, analysis, of: BTreeMap::new(), kept: 0, more: 0 }
    }

    /// The next piece of the file.
    ///
    /// # Errors
    /// If it is not text, in words.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Result<(), String> {
        let Self { chunks, analysis, of, kept, more, .. } = self;
        let read = chunks.read(bytes, &mut |line, record| {
            analysis.record(line, record, &mut |fact| keep(of, kept, more, fact));
        });
        read.map_err(|error| error.to_string())
    }

    /// The end of the file.
    ///
    /// # Errors
    /// If it is no recording of a guest's timer, in words.
    pub(crate) fn finish(self) -> Result<Recording, String> {
        let Self { name, chunks, mut analysis, mut of, mut kept, mut more } = self;
        let words = |error: kvm_trace::ReadError| error.to_string();
        let coverage = chunks
            .finish(&mut |line, record| {
                analysis.record(line, record, &mut |fact| keep(&mut of, &mut kept, &mut more, fact));
            })
            .map_err(words)?;
        let summary =
            analysis.finish(coverage, &mut |fact| keep(&mut of, &mut kept, &mut more, fact)).map_err(words)?;
        // As the vCPUs were first seen.
        let mut vcpus: Vec<Vcpu> = Vec::new();
        for seen in &summary.vcpus {
            if let Some(mut vcpu) = of.remove(&seen.thread).filter(|vcpu| !vcpu.ticks.is_empty()) {
                vcpu.thread = Some(seen.thread);
                vcpus.push(vcpu);
            }
        }
        if vcpus.is_empty() {
            return Err(format!(
                "events of KVM, but no guest's timer among them: record with `{}`",
                kvm_trace::RECORD_ALL_COMMAND
            ));
        }
        let zero = summary.order.extent.map_or(TraceTime::from_ns(0), |(from, _)| from);
        for vcpu in &mut vcpus {
            vcpu.arrange();
        }
        Ok(Recording { name, summary, vcpus, zero, more })
    }
}

impl Vcpu {
    fn arrange(&mut self) {
        self.ticks.sort_by_key(|tick| tick.number);
        self.exits.sort_by_key(|span| span.from.line);
        self.callbacks.sort_by_key(|callback| callback.from.line);
        let mut all = 0;
        self.before = vec![0];
        for tick in 0..self.ticks.len() {
            all += self.steps(tick).len() as u64;
            self.before.push(all);
        }
    }

    /// Steps in all.
    fn len(&self) -> u64 {
        self.before.last().copied().unwrap_or(0)
    }

    /// The tick whose step was taken last.
    fn tick_at(&self, position: u64) -> usize {
        let after = self.before.partition_point(|before| *before < position.max(1));
        after.saturating_sub(1).min(self.ticks.len().saturating_sub(1))
    }
}

impl Recording {
    /// By number; the last one beyond.
    fn vcpu(&self, number: u16) -> (u16, &Vcpu) {
        let number = usize::from(number).min(self.vcpus.len() - 1);
        (number as u16, &self.vcpus[number])
    }

    /// Nanoseconds since the first line.
    fn since(&self, time: TraceTime) -> u64 {
        time.ns_since(self.zero)
    }
}
