//! What a recording means: vCPUs, ticks and their paths, exits, what housekeepers did, what is missing.
//!
//! [`Analysis`] takes the records of a file in their order and hands out each [`Fact`] as soon as it is known. What it
//! keeps does not grow with the file: two ticks to a vCPU, a few words to a CPU, distributions of bounded size.

mod classify;
mod cpu;
mod names;
mod rule;
mod summary;
mod tick;
mod vcpu;

use std::collections::BTreeMap;
use std::io::BufRead;

use crate::{ClockOffset, Cpu, Event, EventKind, Hrtimer, HrtimerMode, Lost, ReadError, Record, Tid, read_records};
use classify::Seen;
use cpu::{Cpus, Running, is_idle};
use names::Names;
use vcpu::{Around, VcpuState};

pub use cpu::CpuSeen;
pub use rule::{Basis, Inference, InferenceInfo};
pub use summary::{Clocks, ExitTimes, Latencies, LostSpan, Missing, Order, Summary};
pub use tick::{
    Accepted, Armed, ArmedBy, At, Callback, ExitSpan, Expiry, Fact, Outcome, Path, Reason, Tick, TickExit, TimerKind,
    Whereabouts,
};
pub use vcpu::VcpuSeen;

/// The callback of KVM's APIC timer.
const APIC_TIMER: &str = "apic_timer_fn";

const MSR_IA32_TSC_DEADLINE: u32 = 0x6e0;
const MSR_X2APIC_LVTT: u32 = 0x832;
const MSR_X2APIC_TMICT: u32 = 0x838;

/// Threads beyond this are not followed as vCPUs.
const MOST_VCPUS: usize = 4_096;

/// If time runs back by more on one CPU, what follows is not what came next: another recording, or lines out of order.
const BACK_TOO_FAR_NS: u64 = 10_000_000;

/// Clocks whose distance changes by more have been set, or the file is of two recordings.
const CLOCK_STEP_NS: u64 = 100_000_000;

/// Reads a recording to its end, hands out what it shows, and sums it up.
///
/// # Errors
///
/// As [`read_records`](crate::read_records); and if there is no event of KVM or of its timer in it.
pub fn analyze(reader: impl BufRead, mut each: impl FnMut(&Fact)) -> Result<Summary, ReadError> {
    let mut analysis = Analysis::default();
    let coverage = read_records(reader, |line, record| analysis.record(line, record, &mut each))?;
    analysis.finish(coverage, &mut each)
}

/// A recording, as far as it was read.
#[derive(Default)]
pub struct Analysis {
    names: Names,
    seen: Seen,
    vcpus: Vec<VcpuState>,
    by_thread: BTreeMap<Tid, usize>,
    by_hrtimer: BTreeMap<Hrtimer, usize>,
    not_followed: u64,
    cpus: Cpus,
    facts: Vec<Fact>,
    sums: Summary,
}

impl Analysis {
    /// The next record, with the number of its line; what it brings to light goes to `each`.
    pub fn record(&mut self, line: u64, record: &Record<'_>, each: &mut dyn FnMut(&Fact)) {
        match record {
            Record::Event(event) => self.event(line, event),
            Record::Lost(lost) => self.lost(line, *lost),
        }
        self.hand_out(each);
    }

    /// Whose thread it is, if it is a vCPU's.
    pub fn vcpu(&self, thread: Tid) -> Option<&VcpuSeen> {
        self.by_thread.get(&thread).map(|at| &self.vcpus[*at].about)
    }

    /// The end of the file.
    ///
    /// # Errors
    ///
    /// If there is no event of KVM or of its timer.
    pub fn finish(mut self, coverage: crate::Coverage, each: &mut dyn FnMut(&Fact)) -> Result<Summary, ReadError> {
        if !self.names.any(|name| name.starts_with("kvm_")) && self.vcpus.is_empty() {
            let first = self.names.list().iter().take(5).map(|(name, _)| &**name).collect::<Vec<_>>().join(", ");
            return Err(ReadError::NoKvmEvents { events: coverage.events, first });
        }
        for at in 0..self.vcpus.len() {
            self.with(at, VcpuState::finish);
        }
        self.hand_out(each);
        let mut sums = self.sums;
        sums.coverage = coverage;
        sums.events = self.names.into_sorted();
        sums.vcpus = self.vcpus.into_iter().map(|vcpu| vcpu.about).collect();
        sums.threads_not_followed = self.not_followed;
        sums.cpus = self.cpus.seen().map(|(cpu, about)| (cpu, *about)).collect();
        Ok(sums)
    }

    fn hand_out(&mut self, each: &mut dyn FnMut(&Fact)) {
        for fact in self.facts.drain(..) {
            if let Fact::Tick(Tick { refused: Some((cpu, _)), .. }) = fact
                && let Some(state) = self.cpus.at(cpu)
            {
                state.about.refusals += 1;
            }
            self.sums.add(&fact);
            each(&fact);
        }
    }

    /// Lets a vCPU act.
    fn with<T>(&mut self, at: usize, act: impl FnOnce(&mut VcpuState, &mut Around<'_>) -> T) -> T {
        let idle = |cpu| self.cpus.idle(cpu);
        let offset = self.sums.clocks.offset;
        act(&mut self.vcpus[at], &mut Around { seen: self.seen, facts: &mut self.facts, idle: &idle, offset })
    }

    /// The vCPU whose thread printed an event that only vCPUs' threads print (V1).
    fn own(&mut self, at: At, event: &Event<'_>) -> Option<usize> {
        if let Some(vcpu) = self.by_thread.get(&event.thread) {
            return Some(*vcpu);
        }
        if self.vcpus.len() >= MOST_VCPUS {
            self.not_followed += 1;
            return None;
        }
        self.by_thread.insert(event.thread, self.vcpus.len());
        self.vcpus.push(VcpuState::new(event.thread, event.comm, at));
        Some(self.vcpus.len() - 1)
    }

    fn event(&mut self, line: u64, event: &Event<'_>) {
        let at = At { line, time: event.time, cpu: event.cpu };
        self.names.count(event.name);
        self.time(at);
        let thread = self.by_thread.get(&event.thread).copied();
        if let Some(vcpu) = thread {
            self.vcpus[vcpu].seen_at(at);
        }
        let (just_expired, callback) = match self.cpus.at(event.cpu) {
            Some(cpu) => {
                cpu.about.events += 1;
                let idle = is_idle(event.thread);
                cpu.idle = Some(idle);
                cpu.about.was_idle |= idle;
                if cpu.current.replace(event.thread).is_some_and(|current| current != event.thread) {
                    self.sums.missing.unmarked(at);
                }
                cpu.about.was_busy |= !idle && thread.is_none();
                (cpu.just_expired.take(), cpu.callback)
            }
            None => (None, None),
        };
        match event.kind {
            EventKind::HrtimerStart { hrtimer, function: APIC_TIMER, expires, mode } => {
                self.seen.hrtimers = true;
                if just_expired == Some(hrtimer) && self.is_restart(event.thread, hrtimer, mode) {
                    self.sums.restarts += 1;
                    if let Some(vcpu) = self.by_hrtimer.get(&hrtimer).copied() {
                        self.with(vcpu, |vcpu, around| vcpu.restarted(at, expires, mode, around));
                    }
                } else if let Some(vcpu) = self.own(at, event) {
                    if self.by_hrtimer.len() < MOST_VCPUS || self.by_hrtimer.contains_key(&hrtimer) {
                        self.by_hrtimer.insert(hrtimer, vcpu);
                    }
                    self.with(vcpu, |vcpu, around| vcpu.started(at, hrtimer, expires, mode, around));
                }
            }
            EventKind::HrtimerStart { function: "tick_nohz_handler" | "tick_sched_timer", expires, .. } => {
                if let Some(cpu) = self.cpus.at(event.cpu) {
                    cpu.tick(expires);
                }
            }
            EventKind::HrtimerExpireEntry { hrtimer, function: APIC_TIMER, now } => {
                self.seen.hrtimers = true;
                self.sums.clocks.between(line, ClockOffset::between(event.time, now));
                self.expiry(at, event, hrtimer, now);
            }
            EventKind::HrtimerExpireExit { hrtimer } => {
                if let Some(cpu) = self.cpus.at(event.cpu) {
                    cpu.just_expired = Some(hrtimer);
                }
                self.callback_ends(at, hrtimer);
            }
            EventKind::Accept(accept) => {
                self.sums.accepts += 1;
                self.seen.accepts = true;
                let callback = callback.and_then(|running| running.vcpu);
                let vcpu = callback.or(thread).or_else(|| self.by_apicid(accept.apicid));
                let in_callback = callback.is_some() || vcpu != thread;
                let timers = vcpu
                    .is_some_and(|vcpu| self.with(vcpu, |vcpu, around| vcpu.accept(at, &accept, in_callback, around)));
                self.sums.accepts_of_others += u64::from(!timers);
            }
            EventKind::ApicvAccept(accept) => {
                let vcpu = callback.and_then(|running| running.vcpu).or(thread);
                if let Some(vcpu) = vcpu.or_else(|| self.by_apicid(accept.apicid)) {
                    self.vcpus[vcpu].accept_apicv(&accept);
                }
            }
            EventKind::SchedSwitch { prev, prev_runnable, next, .. } => {
                self.seen.switches = true;
                if let Some(vcpu) = self.by_thread.get(&prev) {
                    let gone = if prev_runnable { Whereabouts::Preempted } else { Whereabouts::Asleep };
                    self.vcpus[*vcpu].switched(gone);
                }
                if let Some(vcpu) = self.by_thread.get(&next) {
                    self.vcpus[*vcpu].seen_at(at);
                    self.vcpus[*vcpu].switched(Whereabouts::Host);
                }
                if let Some(cpu) = self.cpus.at(event.cpu) {
                    cpu.current = Some(next);
                    cpu.idle = Some(is_idle(next));
                    cpu.about.was_idle |= is_idle(next);
                }
            }
            _ => self.guest(at, event),
        }
    }

    /// What only a vCPU's own thread prints.
    fn guest(&mut self, at: At, event: &Event<'_>) {
        match event.kind {
            EventKind::KvmEntry(entry) => {
                self.seen.entries = true;
                self.act(at, event, |vcpu, around| vcpu.entry(at, entry, around));
            }
            EventKind::KvmExit(exit) => {
                self.seen.exits = true;
                self.act(at, event, |vcpu, around| vcpu.exit(at, &exit, around));
            }
            EventKind::MsrWrite { index: MSR_IA32_TSC_DEADLINE, data, refused: false } => {
                self.write(at, event, ArmedBy::Deadline, data);
            }
            EventKind::MsrWrite { index: MSR_X2APIC_TMICT, data, refused: false } => {
                // With kvm_apic recorded, this line only ends the write that was already seen.
                let vcpu = self.own(at, event);
                if vcpu.is_some_and(|vcpu| self.vcpus[vcpu].count_open) {
                    self.act(at, event, VcpuState::settle);
                } else {
                    self.write(at, event, ArmedBy::Count, data);
                }
            }
            EventKind::ApicWrite { register: "APIC_TMICT", value } => {
                self.act(at, event, VcpuState::settle);
                self.write(at, event, ArmedBy::Count, value);
                self.act(at, event, |vcpu, _| vcpu.count_open = true);
            }
            EventKind::MsrWrite { index: MSR_X2APIC_LVTT, data: lvtt, refused: false }
            | EventKind::ApicWrite { register: "APIC_LVTT", value: lvtt } => {
                self.act(at, event, |vcpu, around| {
                    vcpu.settle(around);
                    vcpu.about.vector = Some((crate::Vector(lvtt as u8), Inference::V4));
                });
            }
            EventKind::MsrWrite { .. }
            | EventKind::MsrRead { .. }
            | EventKind::ApicWrite { .. }
            | EventKind::ApicRead { .. } => self.act(at, event, VcpuState::settle),
            EventKind::HvTimerState { vcpu: number, in_use } => self.act(at, event, |vcpu, _| {
                vcpu.about.vcpu = Some(number);
                vcpu.hv = Some(in_use);
            }),
            EventKind::Eoi { apicid, vector } => {
                self.sums.eois += 1;
                self.sums.eois_of_nothing += u64::from(vector.is_none());
                self.act(at, event, |vcpu, _| vcpu.eoi(at, apicid, vector));
            }
            EventKind::InjVirq { vector, soft: false, .. } => {
                self.act(at, event, |vcpu, _| vcpu.injected(at, vector));
            }
            EventKind::VcpuWakeup { .. } => self.act(at, event, |vcpu, _| vcpu.woke()),
            _ => {}
        }
    }

    fn act(&mut self, at: At, event: &Event<'_>, act: impl FnOnce(&mut VcpuState, &mut Around<'_>)) {
        if let Some(vcpu) = self.own(at, event) {
            self.with(vcpu, act);
        }
    }

    /// The guest wrote its deadline or its initial count.
    fn write(&mut self, at: At, event: &Event<'_>, by: ArmedBy, written: u64) {
        if written == 0 {
            self.sums.disarms += 1;
            self.act(at, event, VcpuState::disarm);
        } else {
            self.sums.arms += 1;
            self.act(at, event, |vcpu, around| vcpu.arm(at, by, written, around));
        }
    }

    /// Whether a timer that starts directly behind its callback was started by that. The mode tells, or, before 4.15, who
    /// prints it and how it had been armed.
    fn is_restart(&self, thread: Tid, hrtimer: Hrtimer, mode: Option<HrtimerMode>) -> bool {
        let owner = self.by_hrtimer.get(&hrtimer).map(|vcpu| &self.vcpus[*vcpu]);
        mode.map_or_else(
            || owner.is_some_and(|vcpu| vcpu.about.thread != thread || vcpu.is_periodic()),
            |mode| mode == HrtimerMode::ABS,
        )
    }

    fn expiry(&mut self, at: At, event: &Event<'_>, hrtimer: Hrtimer, now: crate::MonotonicTime) {
        self.sums.expiries += 1;
        let owner = self.by_hrtimer.get(&hrtimer).copied();
        let mut away = false;
        if let Some(vcpu) = owner {
            let state = &self.vcpus[vcpu];
            let at_home = state.cpu == at.cpu;
            away = !at_home;
            let expiry = Expiry {
                at,
                timer: TimerKind::Hrtimer,
                now: Some(now),
                at_home,
                own_thread: event.thread == state.about.thread,
                idle: is_idle(event.thread),
            };
            self.with(vcpu, |vcpu, around| vcpu.expired(expiry, around));
        } else {
            self.sums.expiries_of_unknown += 1;
        }
        if let Some(cpu) = self.cpus.at(at.cpu) {
            cpu.callback = Some(Running { hrtimer, vcpu: owner, from: at, away });
            cpu.about.expiries_for_others += u64::from(away);
            cpu.about.while_idle += u64::from(away && is_idle(event.thread));
        }
    }

    fn callback_ends(&mut self, at: At, hrtimer: Hrtimer) {
        let Some(cpu) = self.cpus.at(at.cpu) else { return };
        let Some(running) = cpu.callback.take_if(|running| running.hrtimer == hrtimer) else { return };
        if running.away {
            cpu.about.time_for_others_ns += at.time.ns_since(running.from.time);
        }
        if let Some(vcpu) = running.vcpu {
            let thread = self.vcpus[vcpu].about.thread;
            self.facts.push(Fact::Callback(Callback { thread, from: running.from, to: at, away: running.away }));
        }
    }

    /// The vCPU with this local APIC, if there is one and only one.
    fn by_apicid(&self, apicid: crate::ApicId) -> Option<usize> {
        let mut found = self.vcpus.iter().enumerate().filter(|(_, vcpu)| vcpu.about.apicid == Some(apicid));
        let (vcpu, _) = found.next()?;
        found.next().is_none().then_some(vcpu)
    }

    /// Holds the order of the lines to that of their times.
    fn time(&mut self, at: At) {
        let before = self.cpus.at(at.cpu).and_then(|cpu| cpu.last.replace(at.time));
        self.sums.missing.resumes(at);
        if self.sums.order.next(at, before) > BACK_TOO_FAR_NS {
            self.gap(None);
        }
    }

    fn lost(&mut self, line: u64, lost: Lost) {
        let after = match lost.cpu {
            Some(cpu) => self.cpus.at(cpu).and_then(|cpu| cpu.last),
            None => self.sums.order.last(),
        };
        self.sums.missing.add(line, lost, after);
        self.gap(lost.cpu);
    }

    /// Events are missing, of one CPU or of any. A tick has lines on several, so that none under way is spared.
    fn gap(&mut self, cpu: Option<Cpu>) {
        for vcpu in 0..self.vcpus.len() {
            self.with(vcpu, VcpuState::gap);
        }
        let of = |state: &mut cpu::CpuState| {
            (state.callback, state.just_expired, state.current) = (None, None, None);
        };
        match cpu {
            Some(cpu) => drop(self.cpus.at(cpu).map(of)),
            None => self.cpus.all().for_each(of),
        }
    }
}
