//! What the steps of a path add up to, as distributions: latency, a tick's price to the guest and to the housekeeper, and
//! the time from exit to entry by reason.
//!
//! Nothing of this is kept in keyframes: it is gathered by replaying the run.

use super::{Distribution, History, Ledger, Signed};
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
        let (vcpus, cpus) = (start.machine().vcpus().len(), start.machine().cpus().len());
        let mut measurer = Measurer {
            told: Measured::default(),
            vcpus: vec![PerVcpu::default(); vcpus],
            serves: vec![None; cpus],
            before: (Ns::ZERO, Ns::ZERO),
        };
        self.replay(start, steps, |sim, cpu, taken, effects| {
            measurer.step(sim.machine().now(), cpu, taken, effects, sim.ledger());
        });
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

struct Measurer {
    told: Measured,
    vcpus: Vec<PerVcpu>,
    /// Per CPU: the vCPU that its last step was about.
    serves: Vec<Option<VcpuId>>,
    /// Guest time lost and housekeeper time before this step.
    before: (Ns, Ns),
}

#[derive(Clone, Default)]
struct PerVcpu {
    /// Since its last arming.
    tick: Option<Tick>,
    exit: Option<Exit>,
}

#[derive(Clone, Copy, Default)]
struct Tick {
    lost: Ns,
    housekeeper: Ns,
    delivered: bool,
}

/// An exit that is under way.
#[derive(Clone, Copy)]
struct Exit {
    reason: &'static str,
    cpu: CpuId,
    /// The first and the last step of host code so far.
    host: Option<(Ns, Ns)>,
}

impl Measurer {
    fn step(&mut self, now: Ns, cpu: CpuId, taken: Taken, effects: &[Effect], ledger: &Ledger) {
        let lost = ledger.guest_time_lost.minus(self.before.0);
        let housekeeper = ledger.housekeeper_time.minus(self.before.1);
        self.before = (ledger.guest_time_lost, ledger.housekeeper_time);
        if !matches!(taken.rule, Rule::Vd1 | Rule::Vd2) {
            self.serves[cpu.index()] = taken.vcpu.or(self.serves[cpu.index()]);
        }
        // The interrupt's end is about no vCPU: it is charged to the one it served.
        if let Some(v) = self.serves[cpu.index()]
            && let Some(tick) = &mut self.vcpus[v.index()].tick
        {
            tick.lost = tick.lost.plus(lost);
            tick.housekeeper = tick.housekeeper.plus(housekeeper);
        }
        if is_host_code(taken.rule) {
            for vcpu in &mut self.vcpus {
                if let Some(exit) = vcpu.exit.as_mut().filter(|exit| exit.cpu == cpu) {
                    exit.host = Some((exit.host.map_or(now, |(first, _)| first), now));
                }
            }
        }
        for effect in effects {
            self.effect(effect);
        }
    }

    fn effect(&mut self, effect: &Effect) {
        match *effect {
            Effect::Armed { vcpu, .. } => {
                if let Some(tick) = self.vcpus[vcpu.index()].tick.replace(Tick::default()) {
                    self.told.add(tick);
                }
            }
            Effect::Delivered { vcpu, late_ns, .. } => {
                self.told.latency.add(late_ns);
                if let Some(tick) = &mut self.vcpus[vcpu.index()].tick {
                    tick.delivered = true;
                }
            }
            Effect::Exit { vcpu, cpu, reason, .. } => {
                self.vcpus[vcpu.index()].exit = Some(Exit { reason, cpu, host: None });
            }
            Effect::Enter { vcpu, .. } => {
                if let Some(Exit { reason, host: Some((first, last)), .. }) = self.vcpus[vcpu.index()].exit.take() {
                    self.told.add_exit(reason, last.minus(first));
                }
            }
            _ => {}
        }
    }

    /// The last tick of a vCPU counts if its handler has started.
    fn finish(mut self) -> Measured {
        for tick in self.vcpus.iter().filter_map(|v| v.tick).filter(|tick| tick.delivered) {
            self.told.add(tick);
        }
        self.told
    }
}

impl Measured {
    fn add(&mut self, tick: Tick) {
        self.guest_time_lost.add(tick.lost.as_ns());
        self.housekeeper_time.add(tick.housekeeper.as_ns());
    }

    fn add_exit(&mut self, reason: &'static str, time: Ns) {
        let known = self.exits.iter().position(|(name, _)| *name == reason);
        let i = known.unwrap_or_else(|| {
            self.exits.push((reason, Distribution::default()));
            self.exits.len() - 1
        });
        self.exits[i].1.add(time.as_ns());
    }
}
