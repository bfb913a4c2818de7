//! hrtimer bases and where a timer may be queued (`kernel/time/hrtimer.c`, Linux 6.12: `switch_hrtimer_base`,
//! `hrtimer_check_target`, `__remove_hrtimer`). Hard mode only, no slack.
//!
//! Left out: soft timers, clocks other than `CLOCK_MONOTONIC`, CPU hotplug, `hrtimer_hang` handling.

use crate::rule::Rule;
use crate::units::{CpuId, Ns, VcpuId};
use serde::{Deserialize, Serialize};

/// Which timer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum TimerId {
    /// A CPU's own scheduler tick (`tick_nohz_handler`).
    Tick(CpuId),
    /// A vCPU's emulated local APIC timer (`apic_timer_fn`).
    Lapic(VcpuId),
    /// What the I/O thread of a userspace irqchip sleeps for, on a vCPU's behalf.
    IoThread(VcpuId),
}

/// One CPU's queue of hrtimers.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct HrtimerBase {
    /// Sorted by expiry, then by [`TimerId`].
    queue: Vec<(Ns, TimerId)>,
    /// `cpu_base->expires_next`: what the clock event is programmed to. [`Ns::NEVER`] inside `hrtimer_interrupt`.
    expires_next: Ns,
    /// The timer whose callback runs now.
    running: Option<TimerId>,
    /// `hrtimer_interrupt` runs on this CPU.
    in_interrupt: bool,
}

impl Default for HrtimerBase {
    fn default() -> Self {
        // Room from the start: a rare long interrupt elsewhere may be the first to leave a timer here, ticks later.
        Self { queue: Vec::with_capacity(4), expires_next: Ns::NEVER, running: None, in_interrupt: false }
    }
}

impl HrtimerBase {
    /// Takes over another base's state, keeping this one's memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.queue.clone_from(&other.queue);
        let queue = std::mem::take(&mut self.queue);
        *self = Self { queue, ..*other };
    }

    /// What the clock event is programmed to.
    pub fn expires_next(&self) -> Ns {
        self.expires_next
    }

    /// The timer whose callback runs now.
    pub fn running(&self) -> Option<TimerId> {
        self.running
    }

    /// Whether `hrtimer_interrupt` runs on this CPU.
    pub fn in_interrupt(&self) -> bool {
        self.in_interrupt
    }

    /// Timers queued, earliest first.
    pub fn queue(&self) -> &[(Ns, TimerId)] {
        &self.queue
    }

    /// Expiry of the earliest timer, or [`Ns::NEVER`].
    pub fn first_expiry(&self) -> Ns {
        self.queue.first().map_or(Ns::NEVER, |(at, _)| *at)
    }

    /// Queues on the CPU's own base; reprograms the clock event when the timer comes first. Returns whether it did.
    pub fn enqueue_local(&mut self, timer: TimerId, expires: Ns) -> bool {
        self.insert(timer, expires);
        // Inside hrtimer_interrupt nothing is programmed: its exit does that for all (rule R4's `expires_next`).
        let first = !self.in_interrupt && expires < self.expires_next;
        if first {
            self.expires_next = expires;
        }
        first
    }

    /// Queues on somebody else's base: its hardware is not touched (R5).
    pub fn enqueue_remote(&mut self, timer: TimerId, expires: Ns) {
        self.insert(timer, expires);
    }

    /// Takes a timer out. On the CPU's own base the clock event follows; on a remote one it stays early (R7).
    pub fn remove(&mut self, timer: TimerId, local: bool) -> bool {
        let Some(at) = self.queue.iter().position(|(_, t)| *t == timer) else { return false };
        self.queue.remove(at);
        if local && at == 0 && !self.in_interrupt {
            self.expires_next = self.first_expiry();
        }
        true
    }

    /// `hrtimer_interrupt` begins: `expires_next` is ∞ until it ends (R4).
    pub fn interrupt_begins(&mut self) {
        self.expires_next = Ns::NEVER;
        self.in_interrupt = true;
    }

    /// Takes the next timer that is due at `now` and marks its callback as running.
    pub fn pop_due(&mut self, now: Ns) -> Option<(Ns, TimerId)> {
        let due = self.queue.first().is_some_and(|(at, _)| *at <= now);
        let popped = due.then(|| self.queue.remove(0));
        self.running = popped.map(|(_, timer)| timer);
        popped
    }

    /// The callback returned.
    pub fn callback_done(&mut self) {
        self.running = None;
    }

    /// `hrtimer_interrupt` ends: programs the clock event for what is queued.
    pub fn interrupt_ends(&mut self) {
        self.expires_next = self.first_expiry();
        self.in_interrupt = false;
    }

    fn insert(&mut self, timer: TimerId, expires: Ns) {
        let at = self.queue.partition_point(|entry| *entry < (expires, timer));
        self.queue.insert(at, (expires, timer));
    }
}

/// Where `switch_hrtimer_base` leaves a timer, and by which rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placement {
    /// The CPU whose base it is.
    pub cpu: CpuId,
    /// R0 to R5.
    pub rule: Rule,
}

/// What `switch_hrtimer_base` looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SwitchBase {
    /// The arming CPU.
    pub me: CpuId,
    /// The CPU that `get_nohz_timer_target` named.
    pub target: CpuId,
    /// The new expiry.
    pub expires: Ns,
    /// The target base's `expires_next`.
    pub target_expires_next: Ns,
    /// The target is inside `hrtimer_interrupt`.
    pub target_in_interrupt: bool,
    /// `HRTIMER_MODE_ABS_PINNED`, or `timers_migration` off.
    pub pinned: bool,
    /// The timer is queued here and is the local next timer.
    pub force_local: bool,
    /// The timer's callback runs now, on this CPU's base.
    pub callback_on: Option<CpuId>,
}

/// The acceptance rules R0 to R5.
pub fn switch_hrtimer_base(q: &SwitchBase) -> Placement {
    let stay = |rule| Placement { cpu: q.me, rule };
    if let Some(cpu) = q.callback_on {
        return Placement { cpu, rule: Rule::R2 };
    }
    if q.pinned || q.target == q.me {
        return stay(Rule::R0);
    }
    if q.force_local {
        return stay(Rule::R1);
    }
    if q.target_in_interrupt {
        return stay(Rule::R4);
    }
    if q.expires < q.target_expires_next {
        return stay(Rule::R3);
    }
    Placement { cpu: q.target, rule: Rule::R5 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: SwitchBase = SwitchBase {
        me: CpuId(3),
        target: CpuId(0),
        expires: Ns::from_us(1_000),
        target_expires_next: Ns::from_us(400),
        target_in_interrupt: false,
        pinned: false,
        force_local: false,
        callback_on: None,
    };

    #[track_caller]
    fn check(q: SwitchBase, cpu: u16, rule: Rule) {
        assert_eq!(switch_hrtimer_base(&q), Placement { cpu: CpuId(cpu), rule });
    }

    #[test]
    fn acceptance_rules() {
        check(BASE, 0, Rule::R5);
        check(SwitchBase { pinned: true, ..BASE }, 3, Rule::R0);
        check(SwitchBase { target: CpuId(3), ..BASE }, 3, Rule::R0);
        check(SwitchBase { force_local: true, ..BASE }, 3, Rule::R1);
        check(SwitchBase { callback_on: Some(CpuId(1)), ..BASE }, 1, Rule::R2);
        check(SwitchBase { target_expires_next: Ns::NEVER, ..BASE }, 3, Rule::R3);
        check(SwitchBase { target_in_interrupt: true, target_expires_next: Ns::NEVER, ..BASE }, 3, Rule::R4);
        // Equal is not earlier: accepted.
        check(SwitchBase { target_expires_next: BASE.expires, ..BASE }, 0, Rule::R5);
    }

    #[test]
    fn a_remote_removal_leaves_the_clock_event_early() {
        let lapic = TimerId::Lapic(VcpuId(0));
        let tick = TimerId::Tick(CpuId(0));
        let mut base = HrtimerBase::default();
        assert!(base.enqueue_local(tick, Ns::from_us(900)));
        assert!(base.enqueue_local(lapic, Ns::from_us(500)));
        assert!(base.remove(lapic, false));
        assert_eq!(base.expires_next(), Ns::from_us(500), "R7: stale-early");
        base.enqueue_local(lapic, Ns::from_us(500));
        assert!(base.remove(lapic, true));
        assert_eq!(base.expires_next(), Ns::from_us(900));
        assert!(!base.remove(lapic, true));
    }

    #[test]
    fn nothing_is_programmed_inside_the_interrupt() {
        let tick = TimerId::Tick(CpuId(0));
        let mut base = HrtimerBase::default();
        base.enqueue_local(tick, Ns::from_us(10));
        base.interrupt_begins();
        assert_eq!(base.pop_due(Ns::from_us(9)), None);
        assert_eq!(base.pop_due(Ns::from_us(10)), Some((Ns::from_us(10), tick)));
        assert!(!base.enqueue_local(tick, Ns::from_us(20)));
        assert!(base.expires_next().is_never());
        base.callback_done();
        base.interrupt_ends();
        assert_eq!(base.expires_next(), Ns::from_us(20));
    }
}
