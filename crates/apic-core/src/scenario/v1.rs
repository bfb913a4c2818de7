//! The document's shape in links of version 1. Types that have not changed since are used as they are; whoever changes
//! one of those leaves a copy of it here.

use super::schema::{self, Arm, GuestIdle, Host, Meta, Run, TimerMode, Vcpu, Vm};
use crate::units::Vector;
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Scenario {
    meta: Meta,
    host: Host,
    vm: Vm,
    vcpus: Vec<Vcpu>,
    guest: Guest,
    run: Run,
    /// The set's name.
    costs: String,
}

#[derive(Deserialize)]
struct Guest {
    timer: TimerMode,
    vector: Vector,
    period_us: u64,
    handler_ns: u64,
    idle: GuestIdle,
    /// Period and first, in µs; handling, in ns.
    other_exits: Option<(u64, u64, u64)>,
    arms: Vec<Arm>,
}

impl From<Scenario> for schema::Scenario {
    fn from(old: Scenario) -> Self {
        let other_exits = old.guest.other_exits.map(|(period_us, first_us, handling_ns)| schema::OtherExits {
            period_us,
            first_us,
            handling_ns,
            interrupts: None,
        });
        let guest = schema::Guest {
            timer: old.guest.timer,
            vector: old.guest.vector,
            period_us: old.guest.period_us,
            handler_ns: old.guest.handler_ns,
            idle: old.guest.idle,
            other_exits,
            arms: old.guest.arms,
        };
        let costs = schema::CostChoice { set: old.costs, own: None };
        Self { meta: old.meta, host: old.host, vm: old.vm, vcpus: old.vcpus, guest, run: old.run, costs }
    }
}
