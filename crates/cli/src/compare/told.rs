//! Ticks as a comparison needs them: of a recording, or of the model's run read back as one.

use crate::error::Failure;
use crate::import::{Arms, Sink, Source, stream};
use apic_core::run::Distribution;
use kvm_trace::{Cpu, Fact, Inference, Outcome, Path, Reason, Summary, Tick, Tid, Vector};
use std::collections::BTreeMap;
use std::io;

/// Ticks that are kept; further ones are counted. The model runs no more arms.
const MOST: usize = 1_000_000;

/// Exit reasons that are kept apart.
const REASONS: usize = 256;

/// A vCPU's exit that a tick has to do with: the host's vector, if it is printed.
pub(super) type Exit = Option<Vector>;

/// One tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Told {
    /// Ticks of this vCPU before it.
    pub(super) number: u64,
    /// The line that shows it best: its expiry's, else its arm's, else its accept's.
    pub(super) line: u64,
    pub(super) path: Path,
    pub(super) path_rule: Inference,
    pub(super) outcome: Outcome,
    pub(super) outcome_rule: Inference,
    /// Where its timer fired, and whether that was the vCPU's own CPU.
    pub(super) fired: Option<(Cpu, bool)>,
    pub(super) exit: Option<Exit>,
    /// Queued as pinned; none if no mode is printed.
    pub(super) pinned: Option<bool>,
    /// H1 or H2.
    pub(super) refused: Option<Inference>,
    /// Accepted in the timer's callback, not in the vCPU's thread.
    pub(super) in_callback: bool,
    /// `kvm_apicv_accept_irq` was printed for it.
    pub(super) apicv: bool,
    /// KVM injected it, or saw its EOI.
    pub(super) by_software: bool,
    /// Its notification's arrival is not shown (N1).
    pub(super) unseen: bool,
    pub(super) lateness_ns: Option<i64>,
    pub(super) expiry_to_accept_ns: Option<u64>,
}

impl Told {
    fn new(tick: &Tick) -> Self {
        let at = tick.expiry.map(|expiry| expiry.at).or(tick.armed.map(|armed| armed.at)).or(tick.accept());
        Self {
            number: tick.number,
            line: at.map_or(0, |at| at.line),
            path: tick.path,
            path_rule: tick.path_rule,
            outcome: tick.outcome,
            outcome_rule: tick.outcome_rule,
            fired: tick.expiry.map(|expiry| (expiry.at.cpu, expiry.at_home)),
            exit: tick.exit.map(|exit| exit.vector),
            pinned: tick.mode.map(kvm_trace::HrtimerMode::is_pinned),
            refused: tick.refused.map(|(_, rule)| rule),
            in_callback: tick.accepted.is_some_and(|accepted| accepted.in_callback),
            apicv: tick.apicv,
            by_software: tick.injected.or(tick.ended).is_some(),
            unseen: tick.arrival_is_not_shown(),
            lateness_ns: tick.lateness_ns(),
            expiry_to_accept_ns: tick.expiry_to_accept_ns(),
        }
    }
}

/// What is gathered while a recording is read.
#[derive(Default)]
pub(super) struct Recorded {
    pub(super) arms: Arms,
    /// By thread, in the order in which they ended.
    ticks: BTreeMap<Tid, Vec<Told>>,
    kept: usize,
    /// Ticks that were not kept.
    pub(super) more: u64,
    exits: BTreeMap<Tid, Vec<(Reason, Distribution)>>,
}

impl Recorded {
    pub(super) fn read(source: Source) -> Result<Self, Failure> {
        let mut recorded = Self::default();
        stream(source, &mut recorded)?;
        Ok(recorded)
    }

    /// A thread's ticks, by number.
    pub(super) fn ticks(&self, thread: Tid) -> BTreeMap<u64, &Told> {
        self.ticks.get(&thread).into_iter().flatten().map(|told| (told.number, told)).collect()
    }

    /// How long a thread's exits took to the next entry, by reason.
    pub(super) fn exits(&self, thread: Tid) -> &[(Reason, Distribution)] {
        self.exits.get(&thread).map_or(&[], Vec::as_slice)
    }

    /// Whether an event of this name is in the recording at all.
    pub(super) fn has(&self, event: &str) -> bool {
        self.arms.summary().events.iter().any(|(name, _)| &**name == event)
    }
}

impl Sink for Recorded {
    fn fact(&mut self, fact: &Fact) -> io::Result<()> {
        match fact {
            Fact::Tick(tick) if self.kept < MOST => {
                self.kept += 1;
                self.ticks.entry(tick.thread).or_default().push(Told::new(tick));
            }
            Fact::Tick(_) => self.more += 1,
            Fact::Exit(span) => {
                let known = self.exits.entry(span.thread).or_default();
                let ns = span.to.time.ns_since(span.from.time);
                let at = known.iter().position(|(reason, _)| *reason == span.reason);
                let at = at.or_else(|| {
                    (known.len() < REASONS).then(|| {
                        known.push((span.reason, Distribution::default()));
                        known.len() - 1
                    })
                });
                if let Some(at) = at {
                    known[at].1.add(ns);
                }
            }
            Fact::Callback(_) => {}
        }
        self.arms.fact(fact)
    }

    fn end(&mut self, summary: Summary) -> io::Result<()> {
        self.arms.end(summary)
    }
}
