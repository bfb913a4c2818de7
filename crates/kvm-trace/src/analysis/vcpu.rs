//! One vCPU: what its lines add up to.
//!
//! At most two ticks are under way: one armed, whose timer has not expired, and one fired, which waits to be accepted or
//! has been and may still see its entry and its EOI.

use super::classify::{LOCAL_TIMER, POSTED_INTR, RESCHEDULE, Seen, classify};
use super::rule::Inference;
use super::tick::{
    Accepted, Armed, ArmedBy, At, ExitSpan, Expiry, Fact, Outcome, Reason, Tick, TickExit, TimerKind, Whereabouts,
};
use crate::{
    Accept, ApicId, ClockOffset, Cpu, Entry, Exit, Hrtimer, HrtimerMode, MonotonicTime, Tid, TraceTime, Vcpu, Vector,
};

/// Stays of a vCPU on CPUs that are kept; further moves are counted.
const STAYS: usize = 256;

/// A vCPU, as far as it is known.
#[derive(Clone, Debug)]
pub struct VcpuSeen {
    /// Its thread.
    pub thread: Tid,
    /// The thread's name.
    pub comm: Box<str>,
    /// Its number within its machine.
    pub vcpu: Option<Vcpu>,
    /// Its local APIC.
    pub apicid: Option<ApicId>,
    /// The timer's vector, and V4 or V5.
    pub vector: Option<(Vector, Inference)>,
    /// Where it was from when, the first of them (V3).
    pub stays: Vec<(TraceTime, Cpu)>,
    /// How often it changed its CPU.
    pub moves: u64,
    /// Writes that armed.
    pub arms: u64,
    /// Ticks begun.
    pub ticks: u64,
    /// It was seen halted.
    pub halts: bool,
    /// First and last deadline written, each with when its host timer was due: what gives its TSC's rate.
    pub deadlines: Option<[(u64, MonotonicTime); 2]>,
}

#[derive(Clone, Copy)]
struct Start {
    at: At,
    expires: MonotonicTime,
    mode: Option<HrtimerMode>,
}

#[derive(Clone, Copy)]
struct Outside {
    at: At,
    reason: Reason,
    vector: Option<Vector>,
    external: bool,
}

/// What a vCPU is told about the rest of the world.
pub(super) struct Around<'a> {
    pub(super) seen: Seen,
    pub(super) facts: &'a mut Vec<Fact>,
    /// Whether a CPU was last seen idle.
    pub(super) idle: &'a dyn Fn(Cpu) -> Option<bool>,
    /// From the timers' clock to that of the lines.
    pub(super) offset: Option<ClockOffset>,
}

impl Around<'_> {
    fn is_past(&self, deadline: MonotonicTime, time: TraceTime) -> bool {
        self.offset.is_some_and(|offset| offset.to_recorded(deadline) <= time)
    }
}

pub(super) struct VcpuState {
    pub(super) about: VcpuSeen,
    pub(super) hrtimer: Option<Hrtimer>,
    pub(super) cpu: Cpu,
    pub(super) whereabouts: Whereabouts,
    pub(super) hv: Option<bool>,
    forced_exit: bool,
    outside: Option<Outside>,
    /// A start that has not found its arm.
    start: Option<Start>,
    /// An expiry of that start.
    early: Option<Expiry>,
    /// The last arm is an initial count, and the line of its MSR may still come.
    pub(super) count_open: bool,
    /// A tick was made of a start alone, and nothing of the guest came since: the line of its write may still come.
    fresh: bool,
    armed: Option<Tick>,
    fired: Option<Tick>,
    /// How the last tick was armed.
    by: Option<ArmedBy>,
    /// Where its timers fired when they did not fire at home.
    away: Option<Cpu>,
}

impl VcpuState {
    pub(super) fn new(thread: Tid, comm: &str, at: At) -> Self {
        Self {
            about: VcpuSeen {
                thread,
                comm: comm.into(),
                vcpu: None,
                apicid: None,
                vector: None,
                stays: vec![(at.time, at.cpu)],
                moves: 0,
                arms: 0,
                ticks: 0,
                halts: false,
                deadlines: None,
            },
            hrtimer: None,
            cpu: at.cpu,
            whereabouts: Whereabouts::Unknown,
            hv: None,
            forced_exit: false,
            outside: None,
            start: None,
            early: None,
            count_open: false,
            fresh: false,
            armed: None,
            fired: None,
            by: None,
            away: None,
        }
    }

    /// Its thread printed a line.
    pub(super) fn seen_at(&mut self, at: At) {
        if self.cpu != at.cpu {
            self.cpu = at.cpu;
            self.about.moves += 1;
            if self.about.stays.len() < STAYS {
                self.about.stays.push((at.time, at.cpu));
            }
        }
    }

    /// Its timer queues itself again, as far as one can tell.
    pub(super) fn is_periodic(&self) -> bool {
        matches!(self.by, Some(ArmedBy::Count | ArmedBy::Restart))
    }

    fn open(&mut self) -> Tick {
        self.about.ticks += 1;
        Tick::new(self.about.thread, self.about.ticks - 1)
    }

    fn close(&self, mut tick: Tick, outcome: Outcome, rule: Inference, around: &mut Around<'_>) {
        (tick.path, tick.path_rule) = classify(&tick, self.hv, around.seen);
        (tick.outcome, tick.outcome_rule) =
            if tick.gap { (Outcome::Undecided, Inference::U1) } else { (outcome, rule) };
        around.facts.push(Fact::Tick(tick));
    }

    /// The fired tick is over; `unaccepted` is what became of it if nothing accepted it.
    fn close_fired(&mut self, unaccepted: (Outcome, Inference), around: &mut Around<'_>) {
        let Some(tick) = self.fired.take() else { return };
        let (outcome, rule) = if tick.accepted.is_some() {
            (Outcome::Accepted, Inference::C1)
        } else if around.seen.accepts {
            unaccepted
        } else {
            (Outcome::Undecided, Inference::U2)
        };
        self.close(tick, outcome, rule, around);
    }

    fn close_armed(&mut self, outcome: Outcome, rule: Inference, around: &mut Around<'_>) {
        let Some(tick) = self.armed.take() else { return };
        if tick.deadline.is_none() && outcome == Outcome::Overwritten {
            // Without a timer of the host, nothing tells that it had not come due.
            return self.close(tick, Outcome::Undecided, Inference::U4, around);
        }
        self.close(tick, outcome, rule, around);
    }

    /// Its thread started its timer, not from the callback.
    pub(super) fn started(
        &mut self,
        at: At,
        hrtimer: Hrtimer,
        expires: MonotonicTime,
        mode: Option<HrtimerMode>,
        around: &mut Around<'_>,
    ) {
        self.hrtimer = Some(hrtimer);
        if self.armed.as_ref().or(self.fired.as_ref()).is_some_and(|tick| tick.deadline == Some(expires)) {
            // KVM moved the timer along with its vCPU (`__kvm_migrate_apic_timer`).
            return;
        }
        if self.start.is_some() {
            self.settle(around);
        }
        self.start = Some(Start { at, expires, mode });
    }

    /// The callback of a periodic timer asked to be called again.
    pub(super) fn restarted(
        &mut self,
        at: At,
        expires: MonotonicTime,
        mode: Option<HrtimerMode>,
        around: &mut Around<'_>,
    ) {
        self.close_armed(Outcome::Undecided, Inference::U4, around);
        let mut tick = self.open();
        self.by = Some(ArmedBy::Restart);
        tick.armed = Some(Armed { at, by: ArmedBy::Restart, written: 0, exit: None });
        (tick.arm_rule, tick.deadline, tick.mode) = (Inference::L4, Some(expires), mode);
        self.armed = Some(tick);
    }

    /// The guest armed its timer.
    pub(super) fn arm(&mut self, at: At, by: ArmedBy, written: u64, around: &mut Around<'_>) {
        self.about.arms += 1;
        self.count_open = false;
        let by_exit = self.outside.filter(|outside| matches!(outside.reason.name(), "MSR_WRITE" | "msr"));
        let armed = Some(Armed { at, by, written, exit: by_exit.map(|outside| outside.at) });
        self.by = Some(by);
        let start = self.start.take();
        let early = self.early.take();
        if start.is_none() && self.fresh {
            self.fresh = false;
            let tick = self.armed.as_mut().or(self.fired.as_mut());
            if let Some(tick) = tick.filter(|t| t.armed.is_none_or(|armed| armed.by == ArmedBy::Start)) {
                (tick.armed, tick.arm_rule) = (armed, Inference::L1);
                return;
            }
        }
        if self.fired.as_ref().is_some_and(|tick| tick.accepted.is_none()) {
            self.close_fired((Outcome::Forgotten, Inference::C3), around);
        }
        self.close_armed(Outcome::Overwritten, Inference::C4, around);
        let mut tick = self.open();
        tick.armed = armed;
        if let Some(start) = start {
            (tick.arm_rule, tick.deadline, tick.mode) = (Inference::L1, Some(start.expires), start.mode);
            if by == ArmedBy::Deadline {
                let first = self.about.deadlines.map_or((written, start.expires), |[first, _]| first);
                self.about.deadlines = Some([first, (written, start.expires)]);
            }
        }
        self.armed = Some(tick);
        if let Some(expiry) = early {
            self.expired(expiry, around);
        }
    }

    /// The guest stopped its timer.
    pub(super) fn disarm(&mut self, around: &mut Around<'_>) {
        self.settle(around);
        self.close_armed(Outcome::Stopped, Inference::C5, around);
    }

    /// The thread went on to something else: a start that is still open belongs to the arm before, or is one itself.
    pub(super) fn settle(&mut self, around: &mut Around<'_>) {
        self.count_open = false;
        self.fresh = false;
        let Some(start) = self.start.take() else { return };
        let early = self.early.take();
        match &mut self.armed {
            Some(tick) if tick.deadline.is_none() => {
                (tick.arm_rule, tick.deadline, tick.mode) = (Inference::L2, Some(start.expires), start.mode);
            }
            // A periodic timer that KVM moved along with its vCPU.
            Some(_) if self.about.arms > 0 => {}
            _ => {
                if self.fired.as_ref().is_some_and(|tick| tick.accepted.is_none()) {
                    self.close_fired((Outcome::Forgotten, Inference::C3), around);
                }
                self.close_armed(Outcome::Overwritten, Inference::C4, around);
                let mut tick = self.open();
                tick.armed = Some(Armed { at: start.at, by: ArmedBy::Start, written: 0, exit: None });
                (tick.arm_rule, tick.deadline, tick.mode) = (Inference::L3, Some(start.expires), start.mode);
                self.armed = Some(tick);
                self.fresh = early.is_some();
            }
        }
        if let Some(expiry) = early {
            self.expired(expiry, around);
        }
    }

    /// Its timer expired.
    pub(super) fn expired(&mut self, expiry: Expiry, around: &mut Around<'_>) {
        if self.start.is_some() && self.early.is_none() {
            // Whose expiry this is, is known when the start has found its arm.
            self.early = Some(expiry);
            return;
        }
        let mut tick = self.armed.take().unwrap_or_else(|| self.open());
        tick.found = self.whereabouts;
        if expiry.timer == TimerKind::Hrtimer {
            if !expiry.at_home {
                self.away = Some(expiry.at.cpu);
            } else if expiry.own_thread {
                let due = |o: &&Outside| o.external && o.vector.is_none_or(|vector| vector == LOCAL_TIMER);
                tick.exit = self.outside.as_ref().filter(due).map(|o| TickExit { at: o.at, vector: o.vector });
                if let Some(cpu) = self.away.filter(|_| !tick.mode.is_some_and(HrtimerMode::is_pinned)) {
                    let rule = if (around.idle)(cpu) == Some(true) { Inference::H1 } else { Inference::H2 };
                    tick.refused = Some((cpu, rule));
                }
            }
        }
        tick.expiry = Some(expiry);
        if self.fired.as_ref().is_some_and(|fired| fired.accepted.is_none() && !fired.gap) && around.seen.accepts {
            return self.close(tick, Outcome::Coalesced, Inference::C2, around);
        }
        self.close_fired((Outcome::Undecided, Inference::U4), around);
        self.fired = Some(tick);
    }

    /// An interrupt was accepted that may be the timer's: whether it is.
    pub(super) fn accept(&mut self, at: At, accept: &Accept<'_>, in_callback: bool, around: &mut Around<'_>) -> bool {
        if self.about.apicid.is_some_and(|known| known != accept.apicid) {
            return false;
        }
        if self.start.is_some() {
            let fresh = self.early.is_some();
            self.settle(around);
            self.fresh = fresh;
        }
        let hv = self.hv == Some(true) && self.armed.as_ref().is_some_and(|tick| tick.deadline.is_none());
        let waits = hv || self.fired.as_ref().is_some_and(|tick| tick.accepted.is_none());
        match self.about.vector {
            Some((vector, _)) if vector != accept.vector => return false,
            Some(_) => {}
            None if waits || in_callback => self.about.vector = Some((accept.vector, Inference::V5)),
            None => return false,
        }
        let accepted = Accepted { at, in_callback, found: self.whereabouts };
        if let Some(tick) = &mut self.fired {
            match tick.accepted {
                None => {
                    tick.accepted = Some(accepted);
                    self.about.apicid = Some(accept.apicid);
                    return true;
                }
                Some(first) if first.in_callback && !in_callback && tick.accepted_again.is_none() => {
                    tick.accepted_again = Some(at);
                    return true;
                }
                Some(_) => {}
            }
        }
        // The preemption timer, or a deadline that had passed: no timer of the host. Or the host's timer was due, and
        // the line of its expiry is missing.
        let due = |tick: &mut Tick| tick.deadline.is_none_or(|deadline| around.is_past(deadline, at.time));
        let Some(mut tick) = self.armed.take_if(due) else { return false };
        tick.accepted = Some(accepted);
        tick.found = self.whereabouts;
        self.close_fired((Outcome::Undecided, Inference::U4), around);
        self.fired = Some(tick);
        true
    }

    /// `kvm_apicv_accept_irq` follows the accept that it confirms.
    pub(super) fn accept_apicv(&mut self, accept: &Accept<'_>) {
        if self.about.vector.is_some_and(|(vector, _)| vector == accept.vector)
            && let Some(tick) = self.fired.as_mut().filter(|tick| tick.accepted.is_some())
        {
            tick.apicv = true;
        }
    }

    pub(super) fn exit(&mut self, at: At, exit: &Exit<'_>, around: &mut Around<'_>) {
        self.settle(around);
        self.about.vcpu = exit.vcpu.or(self.about.vcpu);
        let vector = exit.host_vector();
        let external = exit.is_external_interrupt();
        self.about.halts |= matches!(exit.reason, "HLT" | "hlt");
        self.outside = Some(Outside { at, reason: Reason::new(exit.reason), vector, external });
        self.whereabouts = Whereabouts::Host;
        let forced = std::mem::take(&mut self.forced_exit);
        if exit.is_preemption_timer() {
            if !forced && self.hv != Some(false) && self.armed.is_some() {
                let expiry = Expiry {
                    at,
                    timer: TimerKind::Preemption,
                    now: None,
                    at_home: true,
                    own_thread: true,
                    idle: false,
                };
                self.expired(expiry, around);
                if let Some(tick) = self.fired.as_mut().filter(|tick| tick.expiry == Some(expiry)) {
                    tick.exit = Some(TickExit { at, vector: None });
                }
            }
        } else if external {
            let kick = vector.is_none_or(|vector| vector == RESCHEDULE || vector == POSTED_INTR);
            let from_afar = |tick: &&mut Tick| {
                tick.expiry.is_some_and(|expiry| !expiry.at_home)
                    && tick.exit.is_none()
                    && tick.accepted_again.is_none()
                    && tick.accepted.is_none_or(|accepted| accepted.in_callback)
            };
            // Where the guest has armed anew, its handler has run, and the kick is for something else.
            let by_guest = |tick: &Tick| tick.armed.is_some_and(|armed| armed.by != ArmedBy::Restart);
            let kick = kick && !self.armed.as_ref().is_some_and(by_guest);
            // An exit for which nobody knows the vector is this tick's only while it waits.
            let kick = kick && (vector.is_some() || self.fired.is_some_and(|tick| tick.accepted.is_none()));
            if let Some(tick) = self.fired.as_mut().filter(|_| kick).filter(from_afar) {
                tick.exit = Some(TickExit { at, vector });
            }
        }
    }

    pub(super) fn entry(&mut self, at: At, entry: Entry, around: &mut Around<'_>) {
        self.settle(around);
        self.about.vcpu = entry.vcpu.or(self.about.vcpu);
        self.whereabouts = Whereabouts::Guest;
        self.forced_exit = entry.immediate_exit;
        if let Some(Outside { at: from, reason, vector, .. }) = self.outside.take() {
            around.facts.push(Fact::Exit(ExitSpan { thread: self.about.thread, reason, vector, from, to: at }));
        }
        if let Some(tick) = &mut self.armed {
            tick.entries = tick.entries.saturating_add(1);
        }
        if let Some(tick) = self.fired.as_mut().filter(|tick| tick.entered.is_none()) {
            // Posted into a running guest, it needs no entry.
            let posted = |accepted: Accepted| accepted.in_callback && accepted.found == Whereabouts::Guest;
            let kicked = tick.exit.is_some();
            let waits = tick.accepted.is_some_and(|accepted| !posted(accepted) || kicked);
            if waits || tick.accepted_again.is_some() {
                tick.entered = Some(at);
            }
        }
    }

    /// The guest ended an interrupt.
    pub(super) fn eoi(&mut self, at: At, apicid: ApicId, vector: Option<Vector>) {
        self.about.apicid = Some(apicid);
        let timers = self.about.vector.map(|(vector, _)| vector);
        if vector.is_some()
            && vector == timers
            && let Some(tick) = self.fired.as_mut().filter(|tick| tick.accepted.is_some() && tick.ended.is_none())
        {
            tick.ended = Some(at);
        }
    }

    pub(super) fn injected(&mut self, at: At, vector: Vector) {
        let timers = self.about.vector.map(|(vector, _)| vector);
        if timers == Some(vector)
            && let Some(tick) = self.fired.as_mut().filter(|tick| tick.accepted.is_some() && tick.injected.is_none())
        {
            tick.injected = Some(at);
        }
    }

    /// The vCPU had halted and goes on.
    pub(super) fn woke(&mut self) {
        self.whereabouts = Whereabouts::Host;
        self.about.halts = true;
        if let Some(tick) = self.fired.as_mut().filter(|tick| tick.accepted.is_none()) {
            tick.woken = true;
        }
    }

    /// Its thread left a CPU or came to one.
    pub(super) fn switched(&mut self, whereabouts: Whereabouts) {
        self.whereabouts = whereabouts;
    }

    /// Events are missing: nothing that is under way can be trusted, but a tick that its own thread accepted is over.
    pub(super) fn gap(&mut self, around: &mut Around<'_>) {
        if self.fired.is_some_and(|tick| tick.accepted.is_some_and(|accepted| !accepted.in_callback)) {
            self.close_fired((Outcome::Undecided, Inference::U1), around);
        }
        self.outside = None;
        self.start = None;
        self.early = None;
        self.whereabouts = Whereabouts::Unknown;
        for tick in [&mut self.armed, &mut self.fired].into_iter().flatten() {
            tick.gap = true;
        }
    }

    pub(super) fn finish(&mut self, around: &mut Around<'_>) {
        self.settle(around);
        self.close_fired((Outcome::Open, Inference::C6), around);
        self.close_armed(Outcome::Open, Inference::C6, around);
    }
}
