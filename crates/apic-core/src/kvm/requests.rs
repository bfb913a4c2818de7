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
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash, Debug, Serialize, Deserialize)]
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

#[cfg(test)]
mod tests {
    use super::*;

    /// `KVM_REQ_UNBLOCK` is 2 (`include/linux/kvm_host.h`); `KVM_ARCH_REQ(0)` and `KVM_ARCH_REQ(6)` are 8 and 14
    /// (`arch/x86/include/asm/kvm_host.h`).
    const BITS: [(Request, u32); 3] =
        [(Request::Unblock, 0x4), (Request::MigrateTimer, 0x100), (Request::Event, 0x4000)];

    #[test]
    fn each_request_is_a_bit_of_its_own() {
        for (request, bit) in BITS {
            let mut requests = Requests::default();
            assert!(!requests.pending() && !requests.has(request));
            requests.make(request);
            requests.make(request);
            assert_eq!(requests.bits(), bit, "{request:?}, made twice");
            assert!(requests.pending());
            for (other, _) in BITS {
                assert_eq!(requests.has(other), other == request, "{other:?}");
            }
            requests.clear(request);
            requests.clear(request);
            assert_eq!(requests, Requests::default(), "{request:?}, cleared twice");
        }
    }

    #[test]
    fn clearing_one_request_leaves_the_others() {
        let mut requests = Requests::default();
        for (request, _) in BITS {
            requests.make(request);
        }
        assert_eq!(requests.bits(), 0x4104);
        requests.clear(Request::MigrateTimer);
        assert_eq!(requests.bits(), 0x4004);
    }
}
