//! One tick of a guest's timer, as far as a recording shows it, and the other facts that are handed out.

use super::rule::Inference;
use crate::{Cpu, HrtimerMode, MonotonicTime, Tid, TraceTime, Vector};

/// A line that shows something: where in the file, when, and on which CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// Counted from 1.
    pub line: u64,
    /// On the recording's clock.
    pub time: TraceTime,
    /// Where.
    pub cpu: Cpu,
}

/// How a tick was armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArmedBy {
    /// The guest wrote `IA32_TSC_DEADLINE`.
    Deadline,
    /// The guest wrote the initial count.
    Count,
    /// No write was recorded; the host's timer was started.
    Start,
    /// The periodic timer queued itself again.
    Restart,
}

/// The beginning of a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Armed {
    /// The line of the guest's write, else of the timer's start.
    pub at: At,
    /// By what.
    pub by: ArmedBy,
    /// What the guest wrote; zero if no write is seen.
    pub written: u64,
    /// The exit by which it wrote, where exits are recorded: nearer to the write than the line of it (L6).
    pub exit: Option<At>,
}

impl Armed {
    /// When the guest wrote, as near as the lines tell.
    pub fn wrote(&self) -> At {
        self.exit.unwrap_or(self.at)
    }
}

/// Which timer expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerKind {
    /// A timer of the host.
    Hrtimer,
    /// The processor's VMX preemption timer.
    Preemption,
}

/// The expiry of a tick's timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// Where and when.
    pub at: At,
    /// Which timer.
    pub timer: TimerKind,
    /// The timer's own clock; none for the preemption timer.
    pub now: Option<MonotonicTime>,
    /// On the CPU on which the vCPU was last seen.
    pub at_home: bool,
    /// It interrupted the vCPU's own thread.
    pub own_thread: bool,
    /// It interrupted the idle thread.
    pub idle: bool,
}

/// Where a vCPU's thread is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Whereabouts {
    /// Not seen yet.
    #[default]
    Unknown,
    /// In guest code.
    Guest,
    /// In the host, on a CPU.
    Host,
    /// Asleep, or polling in a halt.
    Asleep,
    /// Runnable, while another thread runs.
    Preempted,
}

/// The interrupt reached the virtual local APIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Where and when.
    pub at: At,
    /// In the timer's callback, not in the vCPU's thread.
    pub in_callback: bool,
    /// Where the vCPU was.
    pub found: Whereabouts,
}

/// A vCPU's exit that a tick has to do with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TickExit {
    /// Where and when.
    pub at: At,
    /// Host vector, if it is an external interrupt and the vector is printed.
    pub vector: Option<Vector>,
}

/// The way from deadline to guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Path {
    /// The host's timer fired on the vCPU's own CPU, in its thread.
    Pinned,
    /// The VMX preemption timer.
    Hv,
    /// Fired on another CPU, which posted the interrupt into the running guest.
    Posted,
    /// Fired on another CPU, which left it to the vCPU's thread.
    Offloaded,
    /// The vCPU was halted and was woken.
    Woken,
    /// The vCPU's thread had been preempted.
    Preempted,
    /// The deadline had passed when it was written.
    Immediate,
    /// The recording does not tell.
    Undecided,
}

impl Path {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Pinned,
        Self::Hv,
        Self::Posted,
        Self::Offloaded,
        Self::Woken,
        Self::Preempted,
        Self::Immediate,
        Self::Undecided,
    ];

    /// Name in data.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pinned => "pinned",
            Self::Hv => "hv",
            Self::Posted => "posted",
            Self::Offloaded => "offloaded",
            Self::Woken => "woken",
            Self::Preempted => "preempted",
            Self::Immediate => "immediate",
            Self::Undecided => "undecided",
        }
    }
}

/// What became of a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Outcome {
    /// Accepted by the guest's local APIC.
    Accepted,
    /// Expired while the one before still waited; the guest sees one interrupt of the two.
    Coalesced,
    /// Expired, and forgotten because the guest armed anew.
    Forgotten,
    /// Armed anew before it expired.
    Overwritten,
    /// Stopped by the guest before it expired.
    Stopped,
    /// Under way when the recording ended.
    Open,
    /// The recording does not tell.
    Undecided,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Accepted,
        Self::Coalesced,
        Self::Forgotten,
        Self::Overwritten,
        Self::Stopped,
        Self::Open,
        Self::Undecided,
    ];

    /// Name in data.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Coalesced => "coalesced",
            Self::Forgotten => "forgotten",
            Self::Overwritten => "overwritten",
            Self::Stopped => "stopped",
            Self::Open => "open",
            Self::Undecided => "undecided",
        }
    }
}

/// One tick: from the arm to the guest, as far as the recording shows it, each part with the rule that found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// The vCPU's thread.
    pub thread: Tid,
    /// Ticks of this vCPU before it.
    pub number: u64,
    /// Its beginning; none if the recording began later.
    pub armed: Option<Armed>,
    /// L1 to L5.
    pub arm_rule: Inference,
    /// When the host's timer is due, on its own clock.
    pub deadline: Option<MonotonicTime>,
    /// How the host's timer was queued.
    pub mode: Option<HrtimerMode>,
    /// Its timer's expiry.
    pub expiry: Option<Expiry>,
    /// Where the vCPU was then.
    pub found: Whereabouts,
    /// The exit that the expiry cost the vCPU: before it on the vCPU's own CPU, after it from another one.
    pub exit: Option<TickExit>,
    /// First accept.
    pub accepted: Option<Accepted>,
    /// A second accept, in the vCPU's thread, after one in the callback.
    pub accepted_again: Option<At>,
    /// `kvm_apicv_accept_irq` was printed for it.
    pub apicv: bool,
    /// Injected by software.
    pub injected: Option<At>,
    /// The entry that took it into the guest; with a posted interrupt there is none (N1).
    pub entered: Option<At>,
    /// Its end, if KVM sees that; with APICv it does not (N2).
    pub ended: Option<At>,
    /// A housekeeper that refused its timer, and H1 or H2.
    pub refused: Option<(Cpu, Inference)>,
    /// Events are missing while it was under way.
    pub gap: bool,
    /// The vCPU woke between expiry and accept.
    pub woken: bool,
    /// Entries of the vCPU since it was armed.
    pub entries: u32,
    /// Which way it took.
    pub path: Path,
    /// S1 to S11, U1 to U4.
    pub path_rule: Inference,
    /// What became of it.
    pub outcome: Outcome,
    /// C1 to C6, U1 to U4.
    pub outcome_rule: Inference,
}

impl Tick {
    pub(super) const fn new(thread: Tid, number: u64) -> Self {
        Self {
            thread,
            number,
            armed: None,
            arm_rule: Inference::L5,
            deadline: None,
            mode: None,
            expiry: None,
            found: Whereabouts::Unknown,
            exit: None,
            accepted: None,
            accepted_again: None,
            apicv: false,
            injected: None,
            entered: None,
            ended: None,
            refused: None,
            gap: false,
            woken: false,
            entries: 0,
            path: Path::Undecided,
            path_rule: Inference::U4,
            outcome: Outcome::Undecided,
            outcome_rule: Inference::U4,
        }
    }

    /// How long after the programmed time the timer was found expired, on the timer's own clock; negative if before.
    pub fn lateness_ns(&self) -> Option<i64> {
        self.expiry?.now?.ns().checked_signed_diff(self.deadline?.ns())
    }

    /// E1 to E3.
    pub fn expiry_rule(&self) -> Inference {
        match self.expiry {
            Some(Expiry { timer: TimerKind::Hrtimer, .. }) => Inference::E1,
            Some(Expiry { timer: TimerKind::Preemption, .. }) => Inference::E2,
            None => Inference::E3,
        }
    }

    /// The accept that the guest goes by: in its thread if there are two.
    pub fn accept(&self) -> Option<At> {
        self.accepted_again.or(self.accepted.map(|accepted| accepted.at))
    }

    /// From the arm, as [`Armed::wrote`] has it, to the expiry, in ns.
    pub fn arm_to_expiry_ns(&self) -> Option<u64> {
        between(self.armed?.wrote(), self.expiry?.at)
    }

    /// From the expiry to the accept, in ns.
    pub fn expiry_to_accept_ns(&self) -> Option<u64> {
        between(self.expiry?.at, self.accept()?)
    }

    /// From the accept to the entry that took it into the guest, in ns.
    pub fn accept_to_entry_ns(&self) -> Option<u64> {
        between(self.accept()?, self.entered?)
    }

    /// From the expiry to the entry that took it into the guest, in ns.
    pub fn expiry_to_entry_ns(&self) -> Option<u64> {
        between(self.expiry?.at, self.entered?)
    }

    /// Whether it reached the running guest by a notification, whose arrival no recording shows (N1).
    pub fn arrival_is_not_shown(&self) -> bool {
        self.path == Path::Posted && self.entered.is_none()
    }
}

/// None where time runs backwards.
fn between(from: At, to: At) -> Option<u64> {
    to.time.ns().checked_sub(from.time.ns())
}

/// The name of an exit reason: at most 31 bytes, so that it is as cheap as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reason {
    bytes: [u8; 31],
    len: u8,
}

impl Reason {
    pub(super) fn new(name: &str) -> Self {
        let mut len = name.len().min(31);
        while !name.is_char_boundary(len) {
            len -= 1;
        }
        let mut bytes = [0; 31];
        bytes[..len].copy_from_slice(&name.as_bytes()[..len]);
        Self { bytes, len: len as u8 }
    }

    /// As KVM prints it.
    pub fn name(&self) -> &str {
        str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or("")
    }
}

/// A vCPU outside guest code: from an exit to the entry that follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitSpan {
    /// Whose.
    pub thread: Tid,
    /// Why.
    pub reason: Reason,
    /// Host vector of an external interrupt.
    pub vector: Option<Vector>,
    /// The exit.
    pub from: At,
    /// The entry.
    pub to: At,
}

/// A CPU in a vCPU's timer callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Callback {
    /// Whose timer.
    pub thread: Tid,
    /// It began.
    pub from: At,
    /// It ended.
    pub to: At,
    /// On another CPU than the vCPU's: a housekeeper's time.
    pub away: bool,
}

/// What is handed out while a recording is read, as soon as it is known.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "handed out one by one, by reference, and not kept")]
pub enum Fact {
    /// A tick is over.
    Tick(Tick),
    /// A vCPU is back in guest code.
    Exit(ExitSpan),
    /// A timer's callback is over.
    Callback(Callback),
}
