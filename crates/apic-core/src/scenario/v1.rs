//! The document's shape in links of version 1. Types that have not changed since are used as they are; whoever changes
//! one of those leaves a copy of it here.

use super::path::PathKind;
use super::schema::{self, Arm, GuestIdle, Host, Meta, PiInjectTimer};
use super::v2::{CostChoice, OtherExits};
use crate::kvm;
use crate::units::{CpuId, Vector};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Scenario {
    meta: Meta,
    host: Host,
    vm: Vm,
    vcpus: Vec<(CpuId, u64)>,
    guest: Guest,
    run: (u32, u64, Vec<PathKind>),
    costs: CostChoice,
}

#[derive(Deserialize)]
struct Vm {
    era: Era,
    apicv: bool,
    pi_inject_timer: PiInjectTimer,
    hlt_in_guest: bool,
    mwait_in_guest: bool,
    preemption_timer: bool,
    lapic_timer_advance: bool,
}

#[derive(Deserialize)]
enum Era {
    Seed2019,
    V6_19,
}

#[derive(Deserialize)]
enum TimerMode {
    TscDeadline,
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

impl From<Scenario> for schema::Scenario {
    fn from(old: Scenario) -> Self {
        let TimerMode::TscDeadline = old.guest.timer;
        let vm = schema::Vm {
            era: match old.vm.era {
                Era::Seed2019 => kvm::Era::Seed2019,
                Era::V6_19 => kvm::Era::V6_19,
            },
            apicv: old.vm.apicv,
            pi_inject_timer: old.vm.pi_inject_timer,
            hlt_in_guest: old.vm.hlt_in_guest,
            mwait_in_guest: old.vm.mwait_in_guest,
            preemption_timer: old.vm.preemption_timer,
            lapic_timer_advance: old.vm.lapic_timer_advance,
            ..schema::Vm::default()
        };
        let guest = schema::Guest {
            timer: schema::TimerMode::TscDeadline,
            vector: old.guest.vector,
            period_us: old.guest.period_us,
            handler_ns: old.guest.handler_ns,
            idle: old.guest.idle,
            other_exits: old.guest.other_exits.map(Into::into),
            arms: old.guest.arms,
        };
        let (expiries, seed, paths) = old.run;
        Self {
            meta: old.meta,
            host: old.host,
            vm,
            vcpus: old.vcpus.into_iter().map(|(cpu, start_us)| schema::Vcpu { cpu, start_us, rival: None }).collect(),
            moves: Vec::new(),
            devices: Vec::new(),
            guest,
            run: schema::Run { expiries, seed, paths },
            costs: old.costs.into(),
        }
    }
}
