//! The document's shape in links of version 2, which had neither devices, nor costs of one's own, nor other interrupts. Types that have
//! not changed since are used as they are; whoever changes one of those leaves a copy of it here.

use super::schema::{self, Arm, GuestIdle, Host, Meta, Move, PiInjectTimer, Run, TimerMode, Vcpu};
use crate::kvm::{Era, Overrides, Vendor};
use crate::units::Vector;
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Scenario {
    meta: Meta,
    host: Host,
    vm: Vm,
    vcpus: Vec<Vcpu>,
    moves: Vec<Move>,
    guest: Guest,
    run: Run,
    costs: CostChoice,
}

#[derive(Deserialize)]
struct Vm {
    vendor: Vendor,
    era: Era,
    rules: Overrides,
    apicv: bool,
    pi_inject_timer: PiInjectTimer,
    hlt_in_guest: bool,
    mwait_in_guest: bool,
    preemption_timer: bool,
    lapic_timer_advance: bool,
    halt_poll_ns: u32,
    /// A device was refused: no link has one.
    _device: Option<()>,
}

#[derive(Deserialize)]
struct Guest {
    timer: TimerMode,
    vector: Vector,
    period_us: u64,
    handler_ns: u64,
    idle: GuestIdle,
    other_exits: Option<OtherExits>,
    arms: Vec<Arm>,
}

/// The same in version 1.
#[derive(Deserialize)]
pub(super) struct OtherExits {
    period_us: u64,
    first_us: u64,
    handling_ns: u64,
}

/// The same in version 1.
#[derive(Deserialize)]
pub(super) struct CostChoice {
    set: String,
}

impl From<Scenario> for schema::Scenario {
    fn from(old: Scenario) -> Self {
        let guest = schema::Guest {
            timer: old.guest.timer,
            vector: old.guest.vector,
            period_us: old.guest.period_us,
            handler_ns: old.guest.handler_ns,
            idle: old.guest.idle,
            other_exits: old.guest.other_exits.map(Into::into),
            arms: old.guest.arms,
        };
        Self {
            meta: old.meta,
            host: old.host,
            vm: old.vm.into(),
            vcpus: old.vcpus,
            moves: old.moves,
            devices: Vec::new(),
            guest,
            run: old.run,
            costs: old.costs.into(),
        }
    }
}

impl From<Vm> for schema::Vm {
    fn from(old: Vm) -> Self {
        Self {
            vendor: old.vendor,
            era: old.era,
            rules: old.rules,
            apicv: old.apicv,
            pi_inject_timer: old.pi_inject_timer,
            hlt_in_guest: old.hlt_in_guest,
            mwait_in_guest: old.mwait_in_guest,
            preemption_timer: old.preemption_timer,
            lapic_timer_advance: old.lapic_timer_advance,
            halt_poll_ns: old.halt_poll_ns,
        }
    }
}

impl From<OtherExits> for schema::OtherExits {
    fn from(old: OtherExits) -> Self {
        Self { period_us: old.period_us, first_us: old.first_us, handling_ns: old.handling_ns, interrupts: None }
    }
}

impl From<CostChoice> for schema::CostChoice {
    fn from(old: CostChoice) -> Self {
        Self { set: old.set, own: None }
    }
}
