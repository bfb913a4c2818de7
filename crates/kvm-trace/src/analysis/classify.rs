//! Which way a tick took, by the lines that it left: its signature.

use super::rule::Inference;
use super::tick::{Path, Tick, TimerKind, Whereabouts};
use crate::Vector;

/// The host's vector for a reschedule IPI, by which KVM kicks a vCPU.
pub(super) const RESCHEDULE: Vector = Vector(0xfd);
/// The host's vector for its own timer.
pub(super) const LOCAL_TIMER: Vector = Vector(0xec);
/// The host's vector for posted-interrupt notifications.
pub(super) const POSTED_INTR: Vector = Vector(0xf2);

/// Which events have occurred in the recording so far; one that never did was probably not recorded.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) accepts: bool,
    pub(super) entries: bool,
    pub(super) exits: bool,
    pub(super) hrtimers: bool,
    pub(super) switches: bool,
}

/// Path and rule. `hv` is what `kvm_hv_timer_state` said last.
pub(super) fn classify(tick: &Tick, hv: Option<bool>, seen: Seen) -> (Path, Inference) {
    use Inference as I;
    if tick.gap {
        return (Path::Undecided, I::U1);
    }
    let Some(expiry) = tick.expiry else { return unexpired(tick, hv, seen) };
    if expiry.timer == TimerKind::Preemption {
        return (Path::Hv, I::S3);
    }
    if tick.woken || tick.found == Whereabouts::Asleep {
        return (Path::Woken, I::S9);
    }
    if tick.found == Whereabouts::Preempted {
        return (Path::Preempted, I::S10);
    }
    if expiry.at_home {
        return match (expiry.own_thread, tick.exit) {
            (true, Some(_)) => (Path::Pinned, I::S1),
            (true, None) => (Path::Pinned, I::S2),
            (false, _) => (Path::Undecided, I::U3),
        };
    }
    let kicked = tick.exit.is_some_and(|exit| exit.vector != Some(POSTED_INTR));
    match (tick.accepted, tick.accepted_again) {
        (None, _) if !seen.accepts => (Path::Undecided, I::U2),
        // Coalesced or forgotten: where it fired is known, and that nothing was posted.
        (None, _) => (Path::Offloaded, I::S8),
        (Some(accepted), None) if accepted.in_callback && !kicked => {
            (Path::Posted, if seen.exits { I::S5 } else { I::S6 })
        }
        _ if kicked => (Path::Offloaded, I::S7),
        _ => (Path::Offloaded, I::S8),
    }
}

/// A tick of which no expiry is seen.
fn unexpired(tick: &Tick, hv: Option<bool>, seen: Seen) -> (Path, Inference) {
    let accepted_at_once = tick.accepted.is_some() && tick.entries == 0 && tick.armed.is_some();
    match hv {
        Some(true) if tick.accepted.is_some() && tick.deadline.is_none() => (Path::Hv, Inference::S4),
        _ if accepted_at_once && tick.deadline.is_none() && (seen.entries || seen.hrtimers) => {
            (Path::Immediate, Inference::S11)
        }
        _ => (Path::Undecided, Inference::U4),
    }
}
