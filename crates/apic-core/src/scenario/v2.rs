//! The document's shape in links of version 2, which had neither costs of one's own nor other interrupts. Types that have
//! not changed since are used as they are; whoever changes one of those leaves a copy of it here.

use super::schema::{self, Arm, GuestIdle, Host, Meta, Move, Run, TimerMode, Vcpu, Vm};
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
            vm: old.vm,
            vcpus: old.vcpus,
            moves: old.moves,
            guest,
            run: old.run,
            costs: old.costs.into(),
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
