//! The smallest scenario that shows each fault.

use super::Bounds;
use crate::host::Topology;
use crate::kvm::{Era, Fault, Faults, Vendor};
use crate::machine::Config;
use crate::scenario::{
    CostChoice, Device, Guest, GuestIdle, Host, Housekeeper, Load, Meta, Move, OtherExits, PRESETS, PathKind, Rival,
    Run, Scenario, ScenarioError, TimerMode, Vcpu, Vm,
};
use crate::units::{CpuId, VcpuId, Vector};

/// A scenario that holds, and no longer does without one rule.
#[derive(Clone, PartialEq, Debug)]
pub struct Example {
    /// What is run.
    pub scenario: Scenario,
    /// Which path of it.
    pub path: PathKind,
    /// How much of it.
    pub bounds: Bounds,
}

/// The example of a fault.
pub fn example(fault: Fault) -> Example {
    let mut scenario = base();
    scenario.meta.title = format!("Without {}", fault.info().id);
    let (vm, guest) = (&mut scenario.vm, &mut scenario.guest);
    let (mut expiries, mut store_buffer) = (1, 0);
    let path = match fault {
        Fault::B1 => PathKind::NotPosted,
        Fault::B14 => {
            guest.timer = TimerMode::OneShot;
            PathKind::PreemptionTimer
        }
        Fault::B15 => PathKind::PreemptionTimer,
        Fault::B6 | Fault::B9 | Fault::B30 => {
            // MWAIT is passed through, so that posting is configured; HLT exits.
            (vm.hlt_in_guest, vm.mwait_in_guest) = (false, true);
            guest.idle = GuestIdle::Hlt;
            store_buffer = u8::from(fault == Fault::B30);
            if fault == Fault::B9 {
                scenario.host.housekeepers.clear();
            }
            PathKind::Posted
        }
        Fault::B28 => {
            (vm.era, vm.hlt_in_guest) = (Era::Proposal2026, false);
            guest.idle = GuestIdle::Hlt;
            PathKind::VirtualTimer
        }
        // Before 6.18 the vCPU leaves guest mode to arm its timer.
        Fault::B17 => {
            vm.era = Era::V5_18;
            PathKind::Posted
        }
        // An exit of another kind, and the way back in, while the housekeeper posts.
        Fault::B22 | Fault::B23 | Fault::PosterBarrier => {
            guest.other_exits = Some(OtherExits { period_us: 1_000, first_us: 900, handling_ns: 0, interrupts: None });
            store_buffer = if fault == Fault::B23 { 0 } else { 2 };
            PathKind::Posted
        }
        Fault::B7 => {
            (vm.hlt_in_guest, vm.mwait_in_guest) = (false, true);
            guest.idle = GuestIdle::Hlt;
            scenario.host.topology.cores = 3;
            scenario.host.nohz_full.push(CpuId(2));
            scenario.moves.push(Move { vcpu: VcpuId(0), at_us: 500, cpu: CpuId(2) });
            scenario.devices.push(DEVICE);
            PathKind::Posted
        }
        Fault::B8 => {
            scenario.vcpus[0].rival = Some(Rival { first_us: 200, period_us: 1_000, for_us: 300 });
            scenario.devices.push(DEVICE);
            PathKind::Posted
        }
        Fault::DrainBeforeClear => {
            guest.timer = TimerMode::Periodic;
            expiries = 2;
            PathKind::Posted
        }
        Fault::B2 | Fault::B3 | Fault::B4 | Fault::OnBeforePir => PathKind::Posted,
    };
    scenario.run = Run { expiries: expiries.into(), paths: vec![path], ..Run::default() };
    Example { scenario, path, bounds: Bounds { expiries, store_buffer, ..Bounds::DEFAULT } }
}

/// What VT-d posts for.
const DEVICE: Device =
    Device { vcpu: VcpuId(0), vector: Vector::new(0x31), first_us: 600, period_us: 1_000, urgent: false };

/// The bound within which a scenario is searched if nobody asks for another one: two expiries of every vCPU; one where
/// devices come in between as well.
pub fn usual_bounds(scenario: &Scenario) -> Bounds {
    let expiries = if scenario.devices.is_empty() { 2 } else { 1 };
    Bounds { expiries, vcpus: u8::MAX, housekeepers: u8::MAX, ..Bounds::DEFAULT }
}

/// A search of [`suite`].
#[derive(Clone, PartialEq, Debug)]
pub struct Searched {
    /// What it is called.
    pub name: String,
    /// The preset that it is, unchanged.
    pub preset: Option<&'static str>,
    /// What is searched.
    pub scenario: Scenario,
    /// Which path of it.
    pub path: PathKind,
    /// How much of it.
    pub bounds: Bounds,
    /// Without which rules.
    pub faults: Faults,
    /// Whether it has to hold. `None`: a kernel that had a bug has it here too, if this path meets it.
    pub holds: Option<bool>,
}

/// Every preset on each of its paths, repaired where its kernel was not; every fault's example, with the rule and without.
///
/// # Errors
/// What is wrong with a preset.
pub fn suite() -> Result<Vec<Searched>, ScenarioError> {
    let mut suite = Vec::new();
    for preset in PRESETS {
        let scenario = preset.scenario()?;
        for path in scenario.run.paths.clone() {
            let (own, name) = (known(&scenario, path), [preset.name, " ", path.name()].concat());
            let (bounds, faults, holds) = (usual_bounds(&scenario), Faults::default(), own.is_empty().then_some(true));
            let shipped = Searched {
                name: name.clone(),
                preset: Some(preset.name),
                scenario: scenario.clone(),
                path,
                bounds,
                faults,
                holds,
            };
            if holds.is_none() {
                let ids: Vec<_> = own.iter().map(|f| f.info().id).collect();
                let scenario = repaired(&scenario, path);
                let repaired = [&name, " (repaired)"].concat();
                let name = [&name, " (", &ids.join(", "), " as in its kernel)"].concat();
                suite.push(Searched { name, ..shipped.clone() });
                suite.push(Searched { name: repaired, preset: None, scenario, holds: Some(true), ..shipped });
            } else {
                suite.push(shipped);
            }
        }
    }
    for fault in Fault::ALL {
        let (Example { scenario, path, bounds }, id) = (example(*fault), fault.info().id);
        let (name, faults) = ([id, ": the rule in force"].concat(), Faults::default());
        let with = Searched { name, preset: None, scenario, path, bounds, faults, holds: Some(true) };
        let (name, holds) = ([id, ": without it"].concat(), Some(fault.is_redundant()));
        suite.push(with.clone());
        suite.push(Searched { name, faults: faults.with(*fault), holds, ..with });
    }
    Ok(suite)
}

/// The faults that a scenario's kernel has of itself, on this path.
pub fn known(scenario: &Scenario, path: PathKind) -> Vec<Fault> {
    let rules = Config::new(scenario, path).rules;
    let has = |fault: &Fault| {
        if matches!(fault, Fault::B7 | Fault::B8) && scenario.devices.is_empty() {
            return false;
        }
        let made_by = fault.info().rules;
        !made_by.is_empty() && made_by.iter().all(|(switch, on)| rules.has(*switch) == *on)
    };
    Fault::ALL.iter().copied().filter(has).collect()
}

/// The same scenario on a kernel without those faults.
pub fn repaired(scenario: &Scenario, path: PathKind) -> Scenario {
    let mut repaired = scenario.clone();
    for fault in known(scenario, path) {
        // The last rule of a fault is the one that is missing; the others are what it takes to miss it.
        if let Some((switch, on)) = fault.info().rules.last() {
            repaired.vm.rules.insert(*switch, !on);
        }
    }
    repaired
}

/// One vCPU on an isolated core, one busy housekeeper whose tick comes before the expiry, so that it accepts the timer (R5).
fn base() -> Scenario {
    Scenario {
        meta: Meta::default(),
        host: Host {
            topology: Topology { sockets: 1, llcs: 1, cores: 2, smt: 1 },
            nohz_full: vec![CpuId(1)],
            hz: 1_000,
            tsc_khz: 2_500_000,
            housekeepers: vec![Housekeeper { cpu: CpuId(0), load: Load::Busy, tick_phase_us: 400 }],
        },
        vm: Vm { vendor: Vendor::Vmx, ..Vm::default() },
        vcpus: vec![Vcpu { cpu: CpuId(1), start_us: 0, rival: None }],
        moves: Vec::new(),
        devices: Vec::new(),
        guest: Guest::default(),
        run: Run::default(),
        costs: CostChoice::default(),
    }
}
