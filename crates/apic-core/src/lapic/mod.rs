//! What the guest sees: its local APIC.
//!
//! Modelled here: the virtual-APIC page (VIRR, VISR, VTPR, VPPR) with its 256-bit sets, and the local timer in
//! TSC-deadline mode as KVM keeps it (`struct kvm_timer`). Left out for now: one-shot and periodic counting, LVT
//! registers other than the timer's, the ESR, xAPIC addressing.

mod bits;
mod timer;
mod vapic;

pub use bits::VectorSet;
pub use timer::{ADVANCE_NS_INIT, ADVANCE_NS_MAX, KvmTimer, Lvtt};
pub use vapic::VirtualApic;
