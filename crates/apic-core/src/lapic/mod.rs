//! What the guest sees: its local APIC.
//!
//! | file | holds |
//! | --- | --- |
//! | `bits` | sets of the 256 vectors |
//! | `regs` | register layouts: LVTT, TDCR, SVR, `IA32_APIC_BASE`, ESR, the bus clock |
//! | `rules` | what differs between kernels, as named switches |
//! | `timer` | `struct kvm_timer`, and what an expiry does to it |
//! | `count` | how it counts and is armed |
//! | `vapic` | the virtual-APIC page: VIRR, VISR, VTPR, VPPR, RVI, SVI |
//!
//! Nothing here knows the time or touches a host timer: time is a parameter, and what to do is the answer. Left out: LVT
//! entries other than the timer's, the ICR, level-triggered interrupts.

mod bits;
mod count;
pub mod regs;
mod rules;
mod timer;
mod vapic;

pub use bits::VectorSet;
pub use count::{CountRate, Instant, MIN_PERIOD, Start};
pub use regs::{ApicBase, ApicMode, BusNs, Divisor, Lvtt, Svr, Tdcr, TimerMode};
pub use rules::{HvTimer, LapicRules, PirOnRestore};
pub use timer::{ADVANCE_NS_INIT, ADVANCE_NS_MAX, Circumstances, Expiry, KvmTimer};
pub use vapic::VirtualApic;
