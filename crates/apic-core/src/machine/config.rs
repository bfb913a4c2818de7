//! What a scenario and a path make constant for a run.

use crate::host::{CpuSet, Topology};
use crate::kvm::{Faults, Rules, Switch, TimerConfig, Vendor};
use crate::lapic::{BusNs, CountRate, HvTimer, Tdcr, TimerMode};
use crate::scenario::{self, Arm, Device, GuestIdle, Load, Move, OtherExits, PathKind, PiInjectTimer, Rival, Scenario};
use crate::units::{CpuId, Ns, TscKhz, Vector};
use std::sync::Arc;

/// Constants of a run.
#[derive(Clone, Debug)]
pub struct Config {
    /// Shape of the host.
    pub host: Topology,
    /// Housekeeping CPUs for timers.
    pub housekeeping: CpuSet,
    /// The era's rules, as the path bends them.
    pub rules: Rules,
    /// Whose virtualization extensions the processor has.
    pub vendor: Vendor,
    /// APICv (AVIC) is active.
    pub apicv: bool,
    /// `kvm_can_post_timer_interrupt`.
    pub can_post: bool,
    /// `kvm_can_use_hv_timer`.
    pub can_hv: bool,
    /// The processor keeps the guest's deadline.
    pub virtual_timer: bool,
    /// The timer is started pinned.
    pub pinned: bool,
    /// The local APIC is emulated in userspace.
    pub userspace: bool,
    /// TSC frequency.
    pub khz: TscKhz,
    pub(super) vector: Vector,
    /// Mode of the guest's timer, where the local APIC has that mode.
    pub(super) mode: TimerMode,
    pub(super) rate: CountRate,
    pub(super) hv_timer: HvTimer,
    pub(super) moves: Vec<Move>,
    /// Devices that post.
    pub(super) devices: Vec<Device>,
    pub(super) advance: bool,
    pub(super) period: Ns,
    pub(super) handler: Ns,
    pub(super) halts: bool,
    /// HLT exits, and the vCPU blocks.
    pub(super) hlt_exits: bool,
    pub(super) halt_poll_max: Ns,
    pub(super) other_exits: Option<OtherExits>,
    pub(super) arms: Vec<Arm>,
    pub(super) vcpus: Vec<VcpuConfig>,
    /// Rules that a search has switched off.
    pub(super) faults: Faults,
    /// Stores that a CPU's buffer holds; 0 is memory in which every store is seen at once.
    pub(super) store_buffer: usize,
    /// The timer advance and the polling window learn from what happens.
    pub(super) learns: bool,
    tick_period: Ns,
    loads: Vec<(Load, Ns)>,
}

/// Guests of the model divide the bus clock by 1.
const TDCR: Tdcr = Tdcr::from_written(0xb);

/// Constants of a vCPU.
#[derive(Clone, Copy, Debug)]
pub(super) struct VcpuConfig {
    pub(super) cpu: CpuId,
    pub(super) start: Ns,
    pub(super) rival: Option<Rival>,
}

impl Config {
    /// For one path of a scenario that validated.
    pub fn new(scenario: &Scenario, path: PathKind) -> Arc<Self> {
        Arc::new(Self::of(scenario, path, &[]))
    }

    /// The same, with some rules changed.
    pub(super) fn of(scenario: &Scenario, path: PathKind, changed: &[(Switch, bool)]) -> Self {
        let vm = &scenario.vm;
        let (mut rules, timer) = bend(scenario, path);
        for (switch, on) in changed {
            rules.set(*switch, *on);
        }
        let can_post = rules.can_post(timer);
        let loads = scenario.host.topology.iter().map(|cpu| {
            let phase = scenario.host.housekeepers.iter().find(|h| h.cpu == cpu).map_or(0, |h| h.tick_phase_us);
            (scenario.load_of(cpu), Ns::from_us(phase))
        });
        Self {
            host: scenario.host.topology,
            housekeeping: scenario.housekeeping().collect(),
            rules,
            vendor: timer.vendor,
            apicv: timer.apicv,
            can_post,
            can_hv: rules.can_hv(timer),
            virtual_timer: rules.virtual_timer(timer),
            pinned: rules.has(Switch::Pinned) && !(rules.has(Switch::UnpinnedIfPosting) && can_post),
            userspace: path == PathKind::Userspace,
            khz: scenario.tsc_khz(),
            vector: scenario.guest.vector,
            mode: match scenario.guest.timer {
                scenario::TimerMode::Periodic => TimerMode::Periodic,
                // A local APIC in userspace has no deadlines: the guest makes do with one-shot counts.
                scenario::TimerMode::TscDeadline if path != PathKind::Userspace => TimerMode::TscDeadline,
                _ => TimerMode::OneShot,
            },
            rate: CountRate { bus: BusNs::DEFAULT, divisor: TDCR.divisor() },
            hv_timer: match (rules.can_hv(timer), rules.has(Switch::HvTimerPeriods)) {
                (false, _) => HvTimer::No,
                (true, false) => HvTimer::Deadline,
                (true, true) => HvTimer::Every,
            },
            moves: {
                let mut moves = scenario.moves.clone();
                moves.sort_by_key(|m| m.at_us);
                moves
            },
            // Without a descriptor there is nothing to post into.
            devices: if timer.apicv && timer.vendor == Vendor::Vmx { scenario.devices.clone() } else { Vec::new() },
            advance: vm.lapic_timer_advance && rules.has(Switch::TimerAdvance),
            period: Ns::from_us(scenario.guest.period_us),
            handler: Ns::from_ns(scenario.guest.handler_ns),
            halts: scenario.guest.idle == GuestIdle::Hlt,
            hlt_exits: !vm.hlt_in_guest,
            halt_poll_max: Ns::from_ns(u64::from(vm.halt_poll_ns)),
            other_exits: scenario.guest.other_exits,
            arms: scenario.guest.arms.clone(),
            vcpus: scenario
                .vcpus
                .iter()
                .map(|v| VcpuConfig { cpu: v.cpu, start: Ns::from_us(v.start_us), rival: v.rival })
                .collect(),
            faults: Faults::default(),
            store_buffer: 0,
            learns: true,
            tick_period: Ns::from_ns(1_000_000_000 / u64::from(scenario.host.hz.max(1))),
            loads: loads.collect(),
        }
    }

    /// TDCR as the guest leaves it.
    pub const fn tdcr(&self) -> Tdcr {
        TDCR
    }

    /// The CPU's load.
    pub fn load(&self, cpu: CpuId) -> Load {
        self.loads[cpu.index()].0
    }

    /// First tick of the CPU's grid after `now`.
    pub(super) fn next_tick(&self, cpu: CpuId, now: Ns) -> Ns {
        let period = self.tick_period.as_ns();
        let phase = self.loads[cpu.index()].1.as_ns() % period;
        let since = now.as_ns().saturating_sub(phase);
        let next = if now.as_ns() < phase { phase } else { phase + (since / period + 1) * period };
        Ns::from_ns(next)
    }

    /// How long a stretch of work or idleness lasts; [`Ns::NEVER`] if the load does not change.
    pub(super) fn load_span(&self, cpu: CpuId, busy: bool) -> Ns {
        match self.load(cpu) {
            Load::Bursts { busy_us, idle_us } => Ns::from_us(if busy { busy_us } else { idle_us }),
            Load::Idle | Load::Busy => Ns::NEVER,
        }
    }
}

/// The era's rules and the VM's policy, as a path bends them. A path is one way; what the scenario says of the others
/// does not count on it.
pub(crate) fn bend(scenario: &Scenario, path: PathKind) -> (Rules, TimerConfig) {
    let vm = &scenario.vm;
    let mut rules = Rules::mixed(vm.era, &vm.rules);
    let pi_inject_timer = match vm.pi_inject_timer {
        PiInjectTimer::Auto => rules.has(Switch::PostByDefault) && !scenario.host.nohz_full.is_empty(),
        PiInjectTimer::On => true,
        PiInjectTimer::Off => false,
    };
    let mut timer = TimerConfig {
        vendor: vm.vendor,
        pi_inject_timer,
        apicv: vm.apicv,
        mwait_in_guest: vm.mwait_in_guest,
        hlt_in_guest: vm.hlt_in_guest,
        preemption_timer: vm.preemption_timer,
        virtual_timer: path == PathKind::VirtualTimer,
    };
    match path {
        PathKind::Posted | PathKind::VirtualTimer => {}
        PathKind::Avic => timer.vendor = Vendor::Svm,
        PathKind::PreemptionTimer => timer.preemption_timer = true,
        // The path called pinned is the kernel before posting: the parameter does not exist there.
        PathKind::Pinned | PathKind::NoApicv | PathKind::NotPosted | PathKind::Userspace => {
            timer.preemption_timer = false;
        }
    }
    if !matches!(path, PathKind::Posted | PathKind::Avic) {
        timer.pi_inject_timer = false;
    }
    match path {
        PathKind::Pinned | PathKind::NoApicv => {
            rules.set(Switch::Pinned, true);
            rules.set(Switch::UnpinnedIfPosting, false);
        }
        PathKind::NotPosted => rules.set(Switch::Pinned, false),
        _ => {}
    }
    timer.apicv &= !matches!(path, PathKind::NoApicv | PathKind::Userspace);
    (rules, timer)
}
