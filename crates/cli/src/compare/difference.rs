//! Where a tick of the machine and the same tick of the model part, and the likely cause.

use super::told::{Exit, Told};
use kvm_trace::{Inference, Outcome, Path};

/// What of a tick is compared: none where the recording does not tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Agreement {
    pub(super) path: Option<bool>,
    pub(super) exit: Option<bool>,
    pub(super) outcome: Option<bool>,
}

impl Agreement {
    /// `exits`: whether the recording has exits.
    pub(super) fn of(machine: &Told, model: &Told, exits: bool) -> Self {
        let told = |told: &Told| told.path != Path::Undecided;
        let decided = |told: &Told| !matches!(told.outcome, Outcome::Undecided | Outcome::Open);
        let path = (told(machine) && told(model)).then_some(machine.path == model.path);
        let exit = exits.then_some(same_exit(machine.exit, model.exit));
        let outcome = (decided(machine) && decided(model)).then_some(machine.outcome == model.outcome);
        Self { path, exit: exit.filter(|_| machine.path != Path::Undecided), outcome }
    }

    /// Nothing that can be compared differs.
    pub(super) fn is_full(self) -> bool {
        [self.path, self.exit, self.outcome].into_iter().flatten().all(|same| same)
    }
}

/// A vector that is not printed is not held against anyone.
fn same_exit(machine: Option<Exit>, model: Option<Exit>) -> bool {
    match (machine, model) {
        (Some(Some(machine)), Some(Some(model))) => machine == model,
        (machine, model) => machine.is_some() == model.is_some(),
    }
}

macro_rules! causes {
    ($($cause:ident: $name:literal, $words:literal;)*) => {
        /// Why the machine probably did not do what the model did.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub(super) enum Cause { $(#[doc = $words] $cause,)* }

        impl Cause {
            /// Name in data.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$cause => $name,)* }
            }

            /// In words, to stand behind a colon.
            pub(super) const fn words(self) -> &'static str {
                match self { $(Self::$cause => $words,)* }
            }
        }
    };
}

causes! {
    Pinned: "queued-pinned", "the timer fired on the vCPU's own CPU, because KVM queued it as pinned there";
    IdleRefused: "idle-housekeeper", "the timer fired on the vCPU's own CPU, because an idle housekeeper refused it (H1)";
    BusyRefused: "busy-housekeeper", "the timer fired on the vCPU's own CPU, because a housekeeper refused it (H2)";
    OwnCpu: "own-cpu", "the timer fired on the vCPU's own CPU";
    OtherCpu: "other-cpu", "the timer fired on another CPU, and in the model on the vCPU's own";
    Kicked: "kicked", "the timer's CPU could not post, and made the vCPU exit";
    LeftPending: "left-pending", "the vCPU was outside guest mode, and its thread took the interrupt later";
    PostedAfterAll: "posted", "the interrupt was posted, and the model had to leave it to the vCPU's thread";
    Asleep: "asleep", "the vCPU slept or polled in a halt";
    Awake: "awake", "the vCPU did not sleep, and in the model it did";
    Preempted: "preempted", "another thread ran on the vCPU's CPU";
    NotPreempted: "not-preempted", "the vCPU's thread ran, and in the model another one did";
    PreemptionTimer: "preemption-timer", "the VMX preemption timer kept the deadline";
    HostTimer: "host-timer", "a timer of the host kept the deadline, and in the model the VMX preemption timer";
    Passed: "passed", "the deadline had passed when it was written";
    PassedInModel: "passed-in-model", "in the model the deadline had passed when it was written: it arms later than the guest did";
    Coalesced: "coalesced", "it expired while the one before still waited, and in the model nothing waited";
    Forgotten: "forgotten", "the guest armed anew before it was injected";
    Overwritten: "overwritten", "the guest armed anew, or stopped the timer, before it expired";
    LostInModel: "lost-in-model", "in the model the tick was lost, because the one before still waited or the guest armed anew";
    InHost: "in-host", "the vCPU was in the host already";
    InGuest: "in-guest", "the vCPU was in guest code, and in the model in the host";
    LateNotification: "late-notification", "the notification found the vCPU on its way out of the guest";
    OtherVector: "other-vector", "the exit was for another vector";
    Unknown: "unknown", "no rule says why";
}

impl Cause {
    pub(super) fn of(machine: &Told, model: &Told, agreement: Agreement) -> Self {
        if agreement.path == Some(false) {
            return Self::of_path(machine, model);
        }
        if agreement.outcome == Some(false) {
            return match machine.outcome {
                Outcome::Coalesced => Self::Coalesced,
                Outcome::Forgotten => Self::Forgotten,
                Outcome::Overwritten | Outcome::Stopped => Self::Overwritten,
                Outcome::Accepted => Self::LostInModel,
                Outcome::Open | Outcome::Undecided => Self::Unknown,
            };
        }
        match (machine.exit, model.exit) {
            (None, Some(_)) => Self::InHost,
            (Some(_), None) if machine.path == Path::Posted => Self::LateNotification,
            (Some(_), None) => Self::InGuest,
            (Some(_), Some(_)) => Self::OtherVector,
            (None, None) => Self::Unknown,
        }
    }

    fn of_path(machine: &Told, model: &Told) -> Self {
        use Path as P;
        match (machine.path, model.path) {
            (P::Hv, _) => Self::PreemptionTimer,
            (P::Preempted | P::Woken | P::Pinned | P::Posted | P::Offloaded, P::Immediate) => Self::PassedInModel,
            (P::Preempted, _) => Self::Preempted,
            (P::Woken, _) => Self::Asleep,
            (P::Immediate, _) => Self::Passed,
            (_, P::Hv) => Self::HostTimer,
            (_, P::Preempted) => Self::NotPreempted,
            (_, P::Woken) => Self::Awake,
            (P::Pinned, P::Posted | P::Offloaded) => match machine.refused {
                _ if machine.pinned == Some(true) => Self::Pinned,
                Some(Inference::H1) => Self::IdleRefused,
                Some(_) => Self::BusyRefused,
                None => Self::OwnCpu,
            },
            (P::Posted | P::Offloaded, P::Pinned) => Self::OtherCpu,
            (P::Offloaded, P::Posted) if machine.exit.is_some() => Self::Kicked,
            (P::Offloaded, P::Posted) => Self::LeftPending,
            (P::Posted, P::Offloaded) => Self::PostedAfterAll,
            _ => Self::Unknown,
        }
    }
}

/// The difference as a sentence without its full stop.
///
/// `waits` is the tick whose interrupt a coalesced one found waiting.
pub(super) fn sentence(
    machine: &Told,
    model: &Told,
    agreement: Agreement,
    cause: Cause,
    waits: Option<&Told>,
) -> String {
    let (expected, found) = if agreement.exit == Some(false) {
        (exit(model), exit(machine))
    } else if agreement.path == Some(false) {
        let way = |told: &Told| format!("{} ({})", told.path.name(), told.path_rule.id());
        (way(model), way(machine))
    } else {
        let end = |told: &Told| format!("{} ({})", told.outcome.name(), told.outcome_rule.id());
        (end(model), end(machine))
    };
    let why = waits.filter(|_| cause == Cause::Coalesced).map_or_else(String::new, waited);
    format!("tick {}: expected {expected}; the trace has {found}: {}{why}", machine.number + 1, cause.words())
}

/// Why the interrupt of a tick waited, and for how long.
fn waited(told: &Told) -> String {
    let why = match told.path {
        Path::Woken => "its vCPU's thread had been woken, and another one ran on its CPU",
        Path::Preempted => "another thread ran on its vCPU's CPU",
        _ => "its vCPU had not come to inject it",
    };
    let late = told.lateness_ns.and_then(|ns| u64::try_from(ns).ok()).unwrap_or(0);
    match told.expiry_to_accept_ns {
        Some(ns) if late > ns => {
            let late = apic_core::units::Ns::from_ns(late);
            format!("; tick {} expired {late} late, and this one at once behind it", told.number + 1)
        }
        Some(ns) => format!("; tick {} waited {}, as {why}", told.number + 1, apic_core::units::Ns::from_ns(ns)),
        None => format!("; tick {} waited, as {why}", told.number + 1),
    }
}

/// As KVM prints it.
fn exit(told: &Told) -> String {
    match told.exit {
        None => "no exit".to_owned(),
        Some(_) if told.path == Path::Hv => "PREEMPTION_TIMER".to_owned(),
        Some(None) => "EXTERNAL_INTERRUPT".to_owned(),
        Some(Some(vector)) => format!("EXTERNAL_INTERRUPT {:#04x}", vector.0),
    }
}
