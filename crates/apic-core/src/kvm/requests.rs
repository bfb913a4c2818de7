//! `vcpu->requests` (`KVM_REQ_*`), as far as the timer uses it.

use serde::{Deserialize, Serialize};

/// A request bit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Request {
    /// `KVM_REQ_UNBLOCK` (bit 2; `KVM_REQ_PENDING_TIMER` before 5.13).
    Unblock,
    /// `KVM_REQ_MIGRATE_TIMER` (bit 8).
    MigrateTimer,
    /// `KVM_REQ_EVENT` (bit 14).
    Event,
}

impl Request {
    /// The bit's mask, as the 6.14+ `requests` trace field prints it.
    pub const fn mask(self) -> u32 {
        match self {
            Self::Unblock => 1 << 2,
            Self::MigrateTimer => 1 << 8,
            Self::Event => 1 << 14,
        }
    }
}

/// The request word.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Requests(u32);

impl Requests {
    /// `kvm_make_request`.
    pub const fn make(&mut self, request: Request) {
        self.0 |= request.mask();
    }

    /// `kvm_clear_request`.
    pub const fn clear(&mut self, request: Request) {
        self.0 &= !request.mask();
    }

    /// Whether a request is made.
    pub const fn has(self, request: Request) -> bool {
        self.0 & request.mask() != 0
    }

    /// `kvm_request_pending`: any bit at all aborts a VM entry.
    pub const fn pending(self) -> bool {
        self.0 != 0
    }

    /// The word.
    pub const fn bits(self) -> u32 {
        self.0
    }
}
