//! One CPU of the host: who runs there, and whose timer it is handling.

use super::tick::At;
use crate::{Cpu, Hrtimer, MonotonicTime, Tid, TraceTime};

/// What a CPU did for vCPUs that were elsewhere, and what its own tick is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuSeen {
    /// Lines that it printed.
    pub events: u64,
    /// Timers of vCPUs on other CPUs that expired here.
    pub expiries_for_others: u64,
    /// Of these, while it was idle.
    pub while_idle: u64,
    /// Time in their callbacks, ns.
    pub time_for_others_ns: u64,
    /// Timers that it refused by H1 or H2.
    pub refusals: u64,
    /// Period of its scheduler tick, ns: the least distance of two.
    pub tick_ns: Option<u64>,
    /// When one of them was due.
    pub tick_at: Option<MonotonicTime>,
    /// It was seen idle.
    pub was_idle: bool,
    /// A thread that is no vCPU and not the idle thread was seen on it.
    pub was_busy: bool,
}

/// A callback of a vCPU's timer that is running.
#[derive(Clone, Copy)]
pub(super) struct Running {
    pub(super) hrtimer: Hrtimer,
    /// Whose, by place; none if its start was not recorded.
    pub(super) vcpu: Option<usize>,
    pub(super) from: At,
    pub(super) away: bool,
}

#[derive(Clone, Copy, Default)]
pub(super) struct CpuState {
    pub(super) about: CpuSeen,
    pub(super) last: Option<TraceTime>,
    pub(super) idle: Option<bool>,
    /// Who runs, by the last switch.
    pub(super) current: Option<Tid>,
    pub(super) callback: Option<Running>,
    /// The last event was the end of this timer's callback.
    pub(super) just_expired: Option<Hrtimer>,
}

/// CPUs beyond this are not followed; Linux knows 8192.
const MOST: usize = 8_192;

/// By number.
#[derive(Default)]
pub(super) struct Cpus(Vec<CpuState>);

impl Cpus {
    pub(super) fn at(&mut self, cpu: Cpu) -> Option<&mut CpuState> {
        let at = usize::try_from(cpu.0).ok().filter(|at| *at < MOST)?;
        if at >= self.0.len() {
            self.0.resize_with(at + 1, CpuState::default);
        }
        self.0.get_mut(at)
    }

    pub(super) fn idle(&self, cpu: Cpu) -> Option<bool> {
        self.0.get(usize::try_from(cpu.0).ok()?)?.idle
    }

    /// Those that printed anything.
    pub(super) fn seen(&self) -> impl Iterator<Item = (Cpu, &CpuSeen)> {
        let numbered = (0..).map(Cpu).zip(&self.0);
        numbered.map(|(cpu, state)| (cpu, &state.about)).filter(|(_, about)| about.events > 0)
    }

    pub(super) fn all(&mut self) -> impl Iterator<Item = &mut CpuState> {
        self.0.iter_mut()
    }
}

/// Whether the thread is a CPU's idle thread.
pub(super) const fn is_idle(thread: Tid) -> bool {
    thread.0 == 0
}

impl CpuState {
    /// The CPU's scheduler tick was started.
    pub(super) fn tick(&mut self, expires: MonotonicTime) {
        if let Some(before) = self.about.tick_at
            && let Some(period) = expires.ns().checked_sub(before.ns()).filter(|ns| *ns > 0)
        {
            self.about.tick_ns = Some(self.about.tick_ns.map_or(period, |known| known.min(period)));
        }
        self.about.tick_at = Some(expires);
    }
}
