//! The document's shape.

use super::path::PathKind;
use crate::cost::{CostKind, Tail};
use crate::host::Topology;
use crate::kvm::{Era, Overrides, Vendor};
use crate::units::{CpuId, VcpuId, Vector};
use serde::{Deserialize, Serialize};

/// Everything that decides a run, but the choices made in it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What the scenario is about.
    pub meta: Meta,
    /// The machine it runs on.
    pub host: Host,
    /// The virtual machine and KVM's policy for it.
    #[serde(default)]
    pub vm: Vm,
    /// The vCPUs, each pinned to a CPU. vCPU 0 is the first.
    pub vcpus: Vec<Vcpu>,
    /// vCPUs that are moved to another CPU during the run.
    #[serde(default)]
    pub moves: Vec<Move>,
    /// Assigned devices whose interrupts VT-d posts.
    #[serde(default)]
    pub devices: Vec<Device>,
    /// What the guest does.
    #[serde(default)]
    pub guest: Guest,
    /// How long, and which paths.
    #[serde(default)]
    pub run: Run,
    /// What things cost.
    #[serde(default)]
    pub costs: CostChoice,
}

/// Words about a scenario.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meta {
    /// A few words.
    pub title: String,
    /// The question it answers.
    pub question: String,
    /// One or two sentences under the question.
    #[serde(default)]
    pub summary: String,
    /// Where its figures come from.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Rule id at whose first step the stage opens.
    #[serde(default)]
    pub opens_at: Option<String>,
}

/// The host.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Shape.
    pub topology: Topology,
    /// `nohz_full=`: CPUs whose timers housekeepers take over. The others keep house.
    pub nohz_full: Vec<CpuId>,
    /// Scheduler tick of busy housekeepers (`CONFIG_HZ`): 100, 250, 300 or 1000.
    #[serde(default = "default_hz")]
    pub hz: u32,
    /// Host and guest TSC frequency.
    #[serde(default = "default_tsc_khz")]
    pub tsc_khz: u64,
    /// What each housekeeper does; one that is not listed is idle.
    #[serde(default)]
    pub housekeepers: Vec<Housekeeper>,
}

/// One housekeeper.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Housekeeper {
    /// Which CPU.
    pub cpu: CpuId,
    /// Its load.
    pub load: Load,
    /// Phase of its tick after time zero, in µs.
    #[serde(default)]
    pub tick_phase_us: u64,
}

/// What a housekeeper is busy with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Load {
    /// Nothing: its tick is stopped and its next event far away.
    Idle,
    /// Always something to run: its tick goes on.
    Busy,
    /// Busy and idle by turns, busy first.
    Bursts {
        /// Microseconds of work.
        busy_us: u64,
        /// Microseconds of idleness after it.
        idle_us: u64,
    },
}

/// `kvm.pi_inject_timer`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PiInjectTimer {
    /// −1: on if a CPU is `nohz_full`.
    #[default]
    Auto,
    /// 1.
    On,
    /// 0.
    Off,
}

/// The virtual machine and KVM's policy.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vm {
    /// Intel or AMD. A path may belong to one of them.
    pub vendor: Vendor,
    /// The kernel whose rules hold.
    pub era: Era,
    /// Rules that differ from the era's, by name.
    pub rules: Overrides,
    /// APICv with posted interrupts and virtual-interrupt delivery; on AMD, AVIC.
    pub apicv: bool,
    /// `kvm.pi_inject_timer`.
    pub pi_inject_timer: PiInjectTimer,
    /// HLT does not exit.
    pub hlt_in_guest: bool,
    /// MWAIT does not exit.
    pub mwait_in_guest: bool,
    /// `kvm_intel.preemption_timer`.
    pub preemption_timer: bool,
    /// `kvm.lapic_timer_advance`.
    pub lapic_timer_advance: bool,
    /// `kvm.halt_poll_ns`: longest that a vCPU polls before it blocks, in ns; 0 is never.
    pub halt_poll_ns: u32,
}

impl Default for Vm {
    fn default() -> Self {
        Self {
            vendor: Vendor::Vmx,
            era: Era::V6_19,
            rules: Overrides::new(),
            apicv: true,
            pi_inject_timer: PiInjectTimer::Auto,
            hlt_in_guest: true,
            mwait_in_guest: false,
            preemption_timer: false,
            lapic_timer_advance: true,
            halt_poll_ns: 200_000,
        }
    }
}

/// An assigned device: it interrupts one vCPU periodically. Its interrupt-remapping entry is in posted mode.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Which vCPU its interrupts are for.
    pub vcpu: VcpuId,
    /// Their vector in the guest.
    pub vector: Vector,
    /// The first at, in µs.
    #[serde(default)]
    pub first_us: u64,
    /// Once per so many µs.
    pub period_us: u64,
    /// The entry's URG: the interrupt is notified whatever SN says. KVM never sets it.
    #[serde(default)]
    pub urgent: bool,
}

/// A vCPU's thread is given another CPU to run on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// Which vCPU.
    pub vcpu: VcpuId,
    /// When, in µs.
    pub at_us: u64,
    /// The CPU it goes to.
    pub cpu: CpuId,
}

/// Another thread that runs on the vCPU's CPU now and then, in its stead.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rival {
    /// It first wants the CPU at, in µs.
    #[serde(default)]
    pub first_us: u64,
    /// Once per so many µs.
    pub period_us: u64,
    /// How long it runs each time, in µs.
    pub for_us: u64,
}

/// One vCPU.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vcpu {
    /// The CPU it is pinned to.
    pub cpu: CpuId,
    /// When it first arms its timer, in µs.
    #[serde(default)]
    pub start_us: u64,
    /// A thread that competes for its CPU.
    #[serde(default)]
    pub rival: Option<Rival>,
}

/// Mode of the guest's timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimerMode {
    /// `IA32_TSC_DEADLINE`.
    #[default]
    TscDeadline,
    /// TMICT, once.
    OneShot,
    /// TMICT, again and again.
    Periodic,
}

/// What a guest does between ticks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuestIdle {
    /// It computes.
    #[default]
    Busy,
    /// It halts: in non-root operation with `hlt_in_guest`, else its vCPU blocks in the host.
    Hlt,
}

/// The guest's workload, the same on every vCPU.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Guest {
    /// Mode of its local APIC timer.
    pub timer: TimerMode,
    /// Vector in LVTT. Linux uses 0xec (236).
    pub vector: Vector,
    /// Period of its tick, in µs; the handler re-arms on the grid.
    pub period_us: u64,
    /// Time its handler works between EOI and re-arming, in ns.
    pub handler_ns: u64,
    /// What it does between ticks.
    pub idle: GuestIdle,
    /// Exits that have nothing to do with the timer.
    pub other_exits: Option<OtherExits>,
    /// A recorded list of arms to replay instead of the period.
    pub arms: Vec<Arm>,
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            timer: TimerMode::TscDeadline,
            vector: Vector::LOCAL_TIMER,
            period_us: 1_000,
            handler_ns: 3_000,
            idle: GuestIdle::Busy,
            other_exits: None,
            arms: Vec::new(),
        }
    }
}

/// A guest that also executes CPUID now and then, and a host that interrupts it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherExits {
    /// Once per so many µs.
    pub period_us: u64,
    /// The first at, in µs.
    #[serde(default)]
    pub first_us: u64,
    /// How long KVM works on one, in ns.
    pub handling_ns: u64,
    /// Some of them are host interrupts instead, none of the timer's.
    #[serde(default)]
    pub interrupts: Option<OtherInterrupts>,
}

/// Host interrupts on a vCPU's core that have nothing to do with its timer: EXTERNAL_INTERRUPT exits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherInterrupts {
    /// So many of a thousand of the other exits, evenly spread.
    pub per_mille: u16,
    /// How long the host works on one, in ns.
    pub handling_ns: u64,
}

/// One recorded arm, both times in ns after the first arm of the recording.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// When the guest wrote its deadline.
    pub at_ns: u64,
    /// The host time the deadline stands for.
    pub deadline_ns: u64,
}

/// How long, and which paths.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Run {
    /// Handlers started, per path and over all vCPUs, after which the run ends. With `guest.arms`, at most as many as
    /// there are arms.
    pub expiries: u32,
    /// Seed of the cost samples.
    pub seed: u64,
    /// Paths to compare, at least one.
    pub paths: Vec<PathKind>,
}

impl Default for Run {
    fn default() -> Self {
        Self { expiries: 4, seed: 1, paths: vec![PathKind::Pinned, PathKind::Posted] }
    }
}

/// Which costs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CostChoice {
    /// Name of the set.
    pub set: String,
    /// Costs that stand in place of the set's.
    pub own: Option<OwnCosts>,
}

impl Default for CostChoice {
    fn default() -> Self {
        Self { set: "skylake".to_owned(), own: None }
    }
}

/// Costs of one's own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnCosts {
    /// Where they come from, in words.
    pub source: String,
    /// What is known; for the rest the set's stand.
    pub costs: Vec<OwnCost>,
}

/// One of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnCost {
    /// What is paid for.
    pub kind: CostKind,
    /// Least, in ns.
    pub min_ns: u32,
    /// Most, in ns, but for the tail.
    pub max_ns: u32,
    /// The rare long case, if there is one.
    #[serde(default)]
    pub tail: Option<Tail>,
}

const fn default_hz() -> u32 {
    1_000
}

const fn default_tsc_khz() -> u64 {
    2_500_000
}
