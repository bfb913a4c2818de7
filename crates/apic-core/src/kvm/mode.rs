//! `vcpu->mode` (`include/linux/kvm_host.h`): only the moves that KVM makes exist.

use serde::{Deserialize, Serialize};

/// The value of `vcpu->mode`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Mode {
    /// `OUTSIDE_GUEST_MODE`.
    Outside,
    /// `IN_GUEST_MODE`: from just before VM entry to just after VM exit; fastpath handlers run in it too.
    InGuest,
    /// `EXITING_GUEST_MODE`: somebody asked the vCPU to leave.
    Exiting,
}

impl Mode {
    /// The kernel's own name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Outside => "OUTSIDE_GUEST_MODE",
            Self::InGuest => "IN_GUEST_MODE",
            Self::Exiting => "EXITING_GUEST_MODE",
        }
    }
}

/// Answer of [`VcpuMode::exiting_guest_mode`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kick {
    /// Was in guest mode: the caller has to send the reschedule IPI.
    WasInGuest,
    /// Was not: the vCPU looks at its requests before it enters anyway.
    NotInGuest(Mode),
}

/// `vcpu->mode` with its three writers. There is no general setter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VcpuMode(Mode);

impl Default for VcpuMode {
    fn default() -> Self {
        Self(Mode::Outside)
    }
}

impl VcpuMode {
    /// The value.
    pub const fn get(self) -> Mode {
        self.0
    }

    /// Whether `vcpu->mode == IN_GUEST_MODE`.
    pub const fn is_in_guest(self) -> bool {
        matches!(self.0, Mode::InGuest)
    }

    /// The vCPU thread's `smp_store_release(&vcpu->mode, IN_GUEST_MODE)` in `vcpu_enter_guest`.
    pub const fn store_in_guest(&mut self) {
        self.0 = Mode::InGuest;
    }

    /// The vCPU thread's store of `OUTSIDE_GUEST_MODE` after an exit or an aborted entry.
    pub const fn store_outside(&mut self) {
        self.0 = Mode::Outside;
    }

    /// A kicker's `cmpxchg(&vcpu->mode, IN_GUEST_MODE, EXITING_GUEST_MODE)` (`kvm_vcpu_exiting_guest_mode`).
    pub const fn exiting_guest_mode(&mut self) -> Kick {
        match self.0 {
            Mode::InGuest => {
                self.0 = Mode::Exiting;
                Kick::WasInGuest
            }
            other => Kick::NotInGuest(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `cmpxchg`: only `IN_GUEST_MODE` is exchanged, and only then is an IPI owed.
    #[test]
    fn a_kick_moves_only_a_vcpu_that_is_in_guest_mode() {
        let mut mode = VcpuMode::default();
        assert_eq!((mode.exiting_guest_mode(), mode.get()), (Kick::NotInGuest(Mode::Outside), Mode::Outside));
        assert!(!mode.is_in_guest());
        mode.store_in_guest();
        assert!(mode.is_in_guest());
        assert_eq!((mode.exiting_guest_mode(), mode.get()), (Kick::WasInGuest, Mode::Exiting));
        assert!(!mode.is_in_guest(), "what is exiting gets no posted interrupt");
        assert_eq!((mode.exiting_guest_mode(), mode.get()), (Kick::NotInGuest(Mode::Exiting), Mode::Exiting));
        mode.store_outside();
        assert_eq!(mode.get(), Mode::Outside);
    }
}
