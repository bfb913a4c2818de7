//! All knobs. A new one is a row here, and a sentence in `static/glossary/knobs.json`.

#![allow(clippy::cast_lossless, reason = "one macro for fields of several widths, u64 among them")]

use super::super::schema::{Device, Housekeeper, Load, OtherExits, OtherInterrupts, Rival, Scenario};
use super::super::schema::{GuestIdle, PiInjectTimer, TimerMode};
use super::Group::{Device as Dev, Guest, Host, Housekeeper as Keeper, Run, Topology as Topo, Vcpu, Vm};
use super::Shape::{Choice, Flag, Hex, OneOf, Range};
use super::{Group, Knob, Shape};
use crate::host::Topology;
use crate::kvm::{Era, Vendor};
use crate::units::{CpuId, VcpuId, Vector};

/// An hour, in µs.
const HOUR: u64 = 3_600_000_000;
/// A second, in ns.
const SECOND: u64 = 1_000_000_000;
const CPUS: u64 = Topology::MAX_CPUS as u64;

const ERAS: [&str; Era::ALL.len()] = {
    let mut names = [""; Era::ALL.len()];
    let mut i = 0;
    while i < names.len() {
        names[i] = Era::ALL[i].name();
        i += 1;
    }
    names
};

type Get = fn(&Scenario, usize) -> Option<u64>;
type Set = fn(&mut Scenario, usize, u64);

const fn knob(key: &'static str, group: Group, shape: Shape, get: Get, set: Set) -> Knob {
    Knob { key, group, shape, get, set }
}

/// A whole number that is always there.
macro_rules! plain {
    ($key:literal, $group:ident, $shape:expr, $($at:ident).+ as $kind:ty) => {
        knob($key, $group, $shape, |s, _| Some(s.$($at).+ as u64), |s, _, v| s.$($at).+ = v as $kind)
    };
}

macro_rules! flag {
    ($key:literal, $group:ident, $($at:ident).+) => {
        knob($key, $group, Flag, |s, _| Some(s.$($at).+.into()), |s, _, v| s.$($at).+ = v != 0)
    };
}

/// One of a few values that have names.
macro_rules! named {
    ($key:literal, $group:ident, [$($name:literal = $value:path),*], $($at:ident).+) => {
        knob($key, $group, Choice(&[$($name),*]),
            |s, _| [$($value),*].iter().position(|v| *v == s.$($at).+).map(|place| place as u64),
            |s, _, v| if let Some(value) = [$($value),*].get(v as usize) { s.$($at).+ = *value })
    };
}

/// A number in a part that may be missing: how to find the part, to read and to write.
macro_rules! inner {
    ($key:literal, $group:ident, $shape:expr, |$s:ident, $i:ident| $part:expr, $part_mut:expr, $at:ident as $kind:ty) => {
        knob(
            $key,
            $group,
            $shape,
            |$s, $i| $part.map(|part| part.$at as u64),
            |$s, $i, value| {
                if let Some(part) = $part_mut {
                    part.$at = value as $kind;
                }
            },
        )
    };
}

macro_rules! topology {
    ($key:literal, $at:ident) => {
        knob(
            $key,
            Topo,
            Range(1, CPUS),
            |s, _| Some(s.host.topology.$at.into()),
            |s, _, v| {
                s.reshape(Topology { $at: v as u16, ..s.host.topology });
            },
        )
    };
}

fn keeper(s: &Scenario, cpu: usize) -> Option<&Housekeeper> {
    s.host.housekeepers.iter().find(|h| h.cpu.index() == cpu)
}

fn keeper_mut(s: &mut Scenario, cpu: usize) -> Option<&mut Housekeeper> {
    s.host.housekeepers.iter_mut().find(|h| h.cpu.index() == cpu)
}

/// Idle, busy or in bursts, for a CPU that keeps house.
fn load(s: &Scenario, cpu: usize) -> Option<u64> {
    let cpu = CpuId(u16::try_from(cpu).ok()?);
    let there = s.housekeeping().any(|c| c == cpu);
    there.then(|| match s.load_of(cpu) {
        Load::Idle => 0,
        Load::Busy => 1,
        Load::Bursts { .. } => 2,
    })
}

/// Phase of the tick of a housekeeper that becomes busy: between a guest's arming and its expiry for the periods that the presets
/// use, so that the housekeeper has an earlier event of its own.
const TICK_PHASE_US: u64 = 400;

fn set_load(s: &mut Scenario, cpu: usize, value: u64) {
    let load = match value {
        0 => Load::Idle,
        1 => Load::Busy,
        _ => Load::Bursts { busy_us: 2_000, idle_us: 2_000 },
    };
    if let Some(keeper) = keeper_mut(s, cpu) {
        keeper.load = load;
    } else if load != Load::Idle {
        s.host.housekeepers.push(Housekeeper { cpu: CpuId(cpu as u16), load, tick_phase_us: TICK_PHASE_US });
    }
}

fn bursts(s: &Scenario, cpu: usize) -> Option<(u64, u64)> {
    match keeper(s, cpu)?.load {
        Load::Bursts { busy_us, idle_us } => Some((busy_us, idle_us)),
        Load::Idle | Load::Busy => None,
    }
}

fn bursts_mut(s: &mut Scenario, cpu: usize) -> Option<(&mut u64, &mut u64)> {
    match &mut keeper_mut(s, cpu)?.load {
        Load::Bursts { busy_us, idle_us } => Some((busy_us, idle_us)),
        Load::Idle | Load::Busy => None,
    }
}

fn interrupts(s: &Scenario) -> Option<&OtherInterrupts> {
    s.guest.other_exits.as_ref()?.interrupts.as_ref()
}

fn interrupts_mut(s: &mut Scenario) -> Option<&mut OtherInterrupts> {
    s.guest.other_exits.as_mut()?.interrupts.as_mut()
}

fn rival(s: &Scenario, vcpu: usize) -> Option<&Rival> {
    s.vcpus.get(vcpu)?.rival.as_ref()
}

fn rival_mut(s: &mut Scenario, vcpu: usize) -> Option<&mut Rival> {
    s.vcpus.get_mut(vcpu)?.rival.as_mut()
}

/// A device that is added: its vector is none that Linux gives to a timer or to IPIs.
const DEVICE: Device =
    Device { vcpu: VcpuId(0), vector: Vector::new(0x31), first_us: 150, period_us: 700, urgent: false };

/// All of them, group by group.
pub const KNOBS: &[Knob] = &[
    named!("vm.vendor", Vm, ["vmx" = Vendor::Vmx, "svm" = Vendor::Svm], vm.vendor),
    knob(
        "vm.era",
        Vm,
        Choice(&ERAS),
        |s, _| Era::ALL.iter().position(|era| *era == s.vm.era).map(|place| place as u64),
        |s, _, v| s.vm.era = Era::ALL.get(v as usize).copied().unwrap_or(s.vm.era),
    ),
    flag!("vm.apicv", Vm, vm.apicv),
    named!(
        "vm.pi_inject_timer",
        Vm,
        ["auto" = PiInjectTimer::Auto, "on" = PiInjectTimer::On, "off" = PiInjectTimer::Off],
        vm.pi_inject_timer
    ),
    flag!("vm.hlt_in_guest", Vm, vm.hlt_in_guest),
    flag!("vm.mwait_in_guest", Vm, vm.mwait_in_guest),
    flag!("vm.preemption_timer", Vm, vm.preemption_timer),
    flag!("vm.lapic_timer_advance", Vm, vm.lapic_timer_advance),
    plain!("vm.halt_poll_ns", Vm, Range(0, u32::MAX as u64), vm.halt_poll_ns as u32),
    named!(
        "guest.timer",
        Guest,
        ["tsc-deadline" = TimerMode::TscDeadline, "one-shot" = TimerMode::OneShot, "periodic" = TimerMode::Periodic],
        guest.timer
    ),
    plain!("guest.period_us", Guest, Range(1, HOUR), guest.period_us as u64),
    plain!("guest.handler_ns", Guest, Range(0, SECOND), guest.handler_ns as u64),
    knob(
        "guest.vector",
        Guest,
        Hex(16, 255),
        |s, _| Some(s.guest.vector.number().into()),
        |s, _, v| s.guest.vector = Vector::new(v as u8),
    ),
    named!("guest.idle", Guest, ["busy" = GuestIdle::Busy, "hlt" = GuestIdle::Hlt], guest.idle),
    knob(
        "guest.other_exits",
        Guest,
        Flag,
        |s, _| Some(s.guest.other_exits.is_some().into()),
        |s, _, v| {
            let others = OtherExits { period_us: 300, first_us: 100, handling_ns: 1_000, interrupts: None };
            s.guest.other_exits = (v != 0).then(|| s.guest.other_exits.unwrap_or(others));
        },
    ),
    inner!(
        "guest.other_exits.period_us",
        Guest,
        Range(1, HOUR),
        |s, _i| s.guest.other_exits.as_ref(),
        s.guest.other_exits.as_mut(),
        period_us as u64
    ),
    inner!(
        "guest.other_exits.first_us",
        Guest,
        Range(0, HOUR),
        |s, _i| s.guest.other_exits.as_ref(),
        s.guest.other_exits.as_mut(),
        first_us as u64
    ),
    inner!(
        "guest.other_exits.handling_ns",
        Guest,
        Range(0, SECOND),
        |s, _i| s.guest.other_exits.as_ref(),
        s.guest.other_exits.as_mut(),
        handling_ns as u64
    ),
    knob(
        "guest.other_exits.interrupts",
        Guest,
        Flag,
        |s, _| s.guest.other_exits.map(|others| others.interrupts.is_some().into()),
        |s, _, v| {
            if let Some(others) = &mut s.guest.other_exits {
                let some = OtherInterrupts { per_mille: 500, handling_ns: 1_000 };
                others.interrupts = (v != 0).then(|| others.interrupts.unwrap_or(some));
            }
        },
    ),
    inner!(
        "guest.other_exits.interrupts.per_mille",
        Guest,
        Range(1, 1_000),
        |s, _i| interrupts(s),
        interrupts_mut(s),
        per_mille as u16
    ),
    inner!(
        "guest.other_exits.interrupts.handling_ns",
        Guest,
        Range(0, SECOND),
        |s, _i| interrupts(s),
        interrupts_mut(s),
        handling_ns as u64
    ),
    plain!("host.hz", Host, OneOf(&[100, 250, 300, 1_000]), host.hz as u32),
    plain!("host.tsc_khz", Host, Range(100_000, 10_000_000), host.tsc_khz as u64),
    topology!("host.topology.sockets", sockets),
    topology!("host.topology.llcs", llcs),
    topology!("host.topology.cores", cores),
    topology!("host.topology.smt", smt),
    knob("host.housekeepers[].load", Keeper, Choice(&["idle", "busy", "in bursts"]), load, set_load),
    inner!(
        "host.housekeepers[].tick_phase_us",
        Keeper,
        Range(0, HOUR),
        |s, i| keeper(s, i).filter(|k| k.load != Load::Idle),
        keeper_mut(s, i),
        tick_phase_us as u64
    ),
    knob(
        "host.housekeepers[].load.bursts.busy_us",
        Keeper,
        Range(1, HOUR),
        |s, i| bursts(s, i).map(|b| b.0),
        |s, i, v| {
            if let Some((busy, _)) = bursts_mut(s, i) {
                *busy = v;
            }
        },
    ),
    knob(
        "host.housekeepers[].load.bursts.idle_us",
        Keeper,
        Range(1, HOUR),
        |s, i| bursts(s, i).map(|b| b.1),
        |s, i, v| {
            if let Some((_, idle)) = bursts_mut(s, i) {
                *idle = v;
            }
        },
    ),
    inner!("vcpus[].start_us", Vcpu, Range(0, HOUR), |s, i| s.vcpus.get(i), s.vcpus.get_mut(i), start_us as u64),
    knob(
        "vcpus[].rival",
        Vcpu,
        Flag,
        |s, i| s.vcpus.get(i).map(|v| v.rival.is_some().into()),
        |s, i, v| {
            if let Some(vcpu) = s.vcpus.get_mut(i) {
                let rival = Rival { first_us: 500, period_us: 2_000, for_us: 200 };
                vcpu.rival = (v != 0).then(|| vcpu.rival.unwrap_or(rival));
            }
        },
    ),
    inner!("vcpus[].rival.first_us", Vcpu, Range(0, HOUR), |s, i| rival(s, i), rival_mut(s, i), first_us as u64),
    inner!("vcpus[].rival.period_us", Vcpu, Range(2, HOUR), |s, i| rival(s, i), rival_mut(s, i), period_us as u64),
    inner!("vcpus[].rival.for_us", Vcpu, Range(1, HOUR - 1), |s, i| rival(s, i), rival_mut(s, i), for_us as u64),
    knob(
        "devices",
        Dev,
        Flag,
        |s, i| (i == 0).then(|| (!s.devices.is_empty()).into()),
        |s, _, v| {
            if v == 0 {
                s.devices.clear();
            } else if s.devices.is_empty() {
                s.devices.push(DEVICE);
            }
        },
    ),
    knob(
        "devices[].vcpu",
        Dev,
        Range(0, CPUS - 1),
        |s, i| s.devices.get(i).map(|d| d.vcpu.0.into()),
        |s, i, v| {
            if let Some(device) = s.devices.get_mut(i) {
                device.vcpu = VcpuId(v as u16);
            }
        },
    ),
    knob(
        "devices[].vector",
        Dev,
        Hex(16, 255),
        |s, i| s.devices.get(i).map(|d| d.vector.number().into()),
        |s, i, v| {
            if let Some(device) = s.devices.get_mut(i) {
                device.vector = Vector::new(v as u8);
            }
        },
    ),
    inner!("devices[].first_us", Dev, Range(0, HOUR), |s, i| s.devices.get(i), s.devices.get_mut(i), first_us as u64),
    inner!("devices[].period_us", Dev, Range(2, HOUR), |s, i| s.devices.get(i), s.devices.get_mut(i), period_us as u64),
    plain!("run.expiries", Run, Range(1, 1_000_000), run.expiries as u32),
    plain!("run.seed", Run, Range(0, u64::MAX), run.seed as u64),
];
