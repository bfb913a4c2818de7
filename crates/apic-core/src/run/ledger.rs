//! What a path has cost so far. Work that moved to a housekeeper is shown there: moved, not removed.

use crate::units::Ns;
use serde::{Deserialize, Serialize};

/// Counters of one path since the start of the run.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// Exits because the guest programmed its timer.
    pub exits_arming: u64,
    /// Exits because the timer expired.
    pub exits_firing: u64,
    /// Exits because the guest wrote EOI.
    pub exits_eoi: u64,
    /// All other exits.
    pub exits_other: u64,
    /// IPIs sent, and AVIC doorbells rung, for the timer.
    pub ipis_sent: u64,
    /// IPIs that were not needed: ON was set, or the vCPU was outside guest mode or running here.
    pub ipis_suppressed: u64,
    /// Time in which a vCPU was kept from its guest code by arming, firing or posted-interrupt processing, ns.
    #[serde(rename = "guest_time_lost_ns")]
    pub guest_time_lost: Ns,
    /// Time that CPUs without a vCPU spent on guest timers, ns.
    #[serde(rename = "housekeeper_time_ns")]
    pub housekeeper_time: Ns,
    /// Handlers of the timer started in the guests.
    pub handlers: u64,
    /// Interrupts of devices that VT-d posted.
    pub device_posts: u64,
    /// Notifications that VT-d sent for them.
    pub device_notifications: u64,
    /// Handlers of devices started in the guests.
    pub device_handlers: u64,
}
