//! What the steps of a path add up to, as distributions: latency, a tick's price to the guest and to the housekeeper, and
//! the time from exit to entry by reason.
//!
//! Nothing of this is kept in keyframes: it is gathered by replaying the run.

use super::sim::Sim;
use super::{Distribution, History, Occurrence, Signed};
use crate::effect::Effect;
use crate::machine::Taken;
use crate::rule::Rule;
use crate::units::{CpuId, Ns, VcpuId};

/// Distributions of one path, in nanoseconds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Measured {
    /// From the deadline to the first instruction of the guest's handler, over all handlers; below zero it is early.
    pub latency: Signed,
    /// Guest time lost per tick: from one arming of a vCPU to its next.
    pub guest_time_lost: Distribution,
    /// Housekeeper time per tick. Where one host interrupt serves several vCPUs, the last of them is charged with entering
    /// and leaving it.
    pub housekeeper_time: Distribution,
    /// From exit to entry, by reason in the order of first occurrence, as `perf kvm stat` measures it: from the first host
    /// code after the exit to the last host code before the entry, without the wait for the deadline. An interrupt that was
    /// posted is in none.
    pub exits: Vec<(&'static str, Distribution)>,
}

impl Measured {
    /// The time from exit to entry for one reason, by the name that KVM prints.
    pub fn exit(&self, reason: &str) -> Option<&Distribution> {
        self.exits.iter().find(|(name, _)| *name == reason).map(|(_, times)| times)
    }
}

impl History {
    /// Measures the first `steps` steps. The position does not change.
    pub fn measure(&self, steps: usize) -> Measured {
        let start = self.start();
        let mut measurer = Measurer::new(&start, Measured::default());
        self.replay(start, steps, |sim, cpu, taken, effects| measurer.step(sim, cpu, taken, effects));
        measurer.finish()
    }
}

/// Whether a step on a CPU is host code between the tracepoints `kvm_exit` and `kvm_entry`. What a wire or a clock does to
/// the CPU is no code; `kvm_entry` comes before the wait for the deadline.
pub(super) fn is_host_code(rule: Rule) -> bool {
    !matches!(
        rule,
        Rule::I4 | Rule::F3 | Rule::K1 | Rule::Hv1 | Rule::P7 | Rule::P8 | Rule::J4 | Rule::Vd1 | Rule::Vd2 | Rule::Vd3
    )
}

/// Who is told what is measured, each with the moment that stands for it.
pub(super) trait Sink {
    /// A handler started.
    fn latency(&mut self, at: Occurrence, late_ns: i64);
    /// A tick is over: what it cost the guest and the housekeepers. Its moment is its handler's start.
    fn tick(&mut self, at: Occurrence, lost: Ns, housekeeper: Ns);
    /// A guest was left.
    fn left(&mut self, _at: Occurrence, _reason: &'static str) {}
    /// It was entered again after so much host code. Its moment is the exit.
    fn exit(&mut self, at: Occurrence, reason: &'static str, time: Ns);
    /// A CPU without a vCPU worked for guest timers.
    fn housekeeper(&mut self, _at: Occurrence, _cpu: CpuId, _time: Ns) {}
}

/// Follows a run step by step.
#[derive(Clone, Debug)]
pub(super) struct Measurer<S> {
    told: S,
    vcpus: Vec<PerVcpu>,
    /// Per CPU: the vCPU that its last step was about.
    serves: Vec<Option<VcpuId>>,
    /// Per CPU: exits whose host code runs there.
    exits: Vec<u32>,
    /// Guest time lost and housekeeper time before this step.
    before: (Ns, Ns),
}

#[derive(Clone, Default, Debug)]
struct PerVcpu {
    /// Since its last arming.
    tick: Option<Tick>,
    exit: Option<Exit>,
}

#[derive(Clone, Copy, Debug)]
struct Tick {
    /// Its handler's start, or else its arming.
    at: Occurrence,
    lost: Ns,
    housekeeper: Ns,
    delivered: bool,
}

/// An exit that is under way.
#[derive(Clone, Copy, Debug)]
struct Exit {
    at: Occurrence,
    reason: &'static str,
    cpu: CpuId,
    /// The first and the last step of host code so far.
    host: Option<(Ns, Ns)>,
}

impl<S: Sink> Measurer<S> {
    /// Before the first step of a run.
    pub(super) fn new(start: &Sim, told: S) -> Self {
        let (vcpus, cpus) = (start.machine().vcpus().len(), start.machine().cpus().len());
        Self {
            told,
            vcpus: vec![PerVcpu::default(); vcpus],
            serves: vec![None; cpus],
            exits: vec![0; cpus],
            before: (Ns::ZERO, Ns::ZERO),
        }
    }

    /// What was told so far.
    pub(super) fn told(&self) -> &S {
        &self.told
    }

    /// The step that a simulation has just taken on a CPU.
    pub(super) fn step(&mut self, sim: &Sim, cpu: CpuId, taken: Taken, effects: &[Effect]) {
        let (now, ledger) = (sim.machine().now(), sim.ledger());
        let lost = ledger.guest_time_lost.minus(self.before.0);
        let housekeeper = ledger.housekeeper_time.minus(self.before.1);
        self.before = (ledger.guest_time_lost, ledger.housekeeper_time);
        if !matches!(taken.rule, Rule::Vd1 | Rule::Vd2) {
            self.serves[cpu.index()] = taken.vcpu.or(self.serves[cpu.index()]);
        }
        // The interrupt's end is about no vCPU: it is charged to the one it served.
        let serves = self.serves[cpu.index()];
        if let Some(v) = serves
            && let Some(tick) = &mut self.vcpus[v.index()].tick
        {
            tick.lost = tick.lost.plus(lost);
            tick.housekeeper = tick.housekeeper.plus(housekeeper);
        }
        let vcpu = taken.vcpu.or(serves).unwrap_or(VcpuId(0));
        let at = Occurrence { step: sim.steps() - 1, at: now, vcpu, handlers: sim.machine().handlers() };
        if housekeeper != Ns::ZERO {
            self.told.housekeeper(at, cpu, housekeeper);
        }
        if self.exits[cpu.index()] > 0 && is_host_code(taken.rule) {
            for vcpu in &mut self.vcpus {
                if let Some(exit) = vcpu.exit.as_mut().filter(|exit| exit.cpu == cpu) {
                    exit.host = Some((exit.host.map_or(now, |(first, _)| first), now));
                }
            }
        }
        for effect in effects {
            self.effect(effect, at);
        }
    }

    fn effect(&mut self, effect: &Effect, here: Occurrence) {
        match *effect {
            Effect::Armed { vcpu, .. } => {
                let at = Occurrence { vcpu, ..here };
                let tick = Tick { at, lost: Ns::ZERO, housekeeper: Ns::ZERO, delivered: false };
                if let Some(tick) = self.vcpus[vcpu.index()].tick.replace(tick) {
                    self.told.tick(tick.at, tick.lost, tick.housekeeper);
                }
            }
            Effect::Delivered { vcpu, late_ns, .. } => {
                let at = Occurrence { vcpu, ..here };
                self.told.latency(at, late_ns);
                if let Some(tick) = &mut self.vcpus[vcpu.index()].tick {
                    (tick.at, tick.delivered) = (at, true);
                }
            }
            Effect::Exit { vcpu, cpu, reason, .. } => {
                let at = Occurrence { vcpu, ..here };
                self.told.left(at, reason);
                if let Some(before) = self.vcpus[vcpu.index()].exit.replace(Exit { at, reason, cpu, host: None }) {
                    self.exits[before.cpu.index()] -= 1;
                }
                self.exits[cpu.index()] += 1;
            }
            Effect::Enter { vcpu, .. } => {
                if let Some(Exit { at, reason, cpu, host }) = self.vcpus[vcpu.index()].exit.take() {
                    self.exits[cpu.index()] -= 1;
                    if let Some((first, last)) = host {
                        self.told.exit(at, reason, last.minus(first));
                    }
                }
            }
            _ => {}
        }
    }

    /// The last tick of a vCPU counts if its handler has started.
    fn finish(mut self) -> S {
        for tick in self.vcpus.iter().filter_map(|v| v.tick).filter(|tick| tick.delivered) {
            self.told.tick(tick.at, tick.lost, tick.housekeeper);
        }
        self.told
    }
}

impl Sink for Measured {
    fn latency(&mut self, _: Occurrence, late_ns: i64) {
        self.latency.add(late_ns);
    }

    fn tick(&mut self, _: Occurrence, lost: Ns, housekeeper: Ns) {
        self.guest_time_lost.add(lost.as_ns());
        self.housekeeper_time.add(housekeeper.as_ns());
    }

    fn exit(&mut self, _: Occurrence, reason: &'static str, time: Ns) {
        let known = self.exits.iter().position(|(name, _)| *name == reason);
        let i = known.unwrap_or_else(|| {
            self.exits.push((reason, Distribution::default()));
            self.exits.len() - 1
        });
        self.exits[i].1.add(time.as_ns());
    }
}
