//! A page out of a run: replayed once per tick.

use super::{Doing, Moment, PageData, PathSteps, Start};
use apic_core::machine::{Machine, Running, Vcpu};
use apic_core::run::{Align, Lockstep};
use apic_core::units::{Ns, VcpuId};

impl Start {
    /// As a machine stands.
    pub fn of(machine: &Machine) -> Self {
        let cpus = machine.cpus().iter().map(|cpu| match cpu.running() {
            Running::Idle => Doing::Idle,
            Running::Load => Doing::Load,
            Running::Vcpu(v) if machine.vcpus().get(v.index()).is_some_and(Vcpu::in_guest) => Doing::Guest(v),
            Running::Vcpu(v) => Doing::Kvm(v),
        });
        let all = || (0..machine.vcpus().len()).map(|i| VcpuId(i as u16));
        Self {
            cpus: cpus.collect(),
            in_handler: all().filter(|v| !machine.vcpus()[v.index()].interrupts_on()).collect(),
            timers: all().filter_map(|v| machine.timer_queued(v).map(|(cpu, at)| (v, cpu, at))).collect(),
        }
    }
}

impl PageData {
    /// The page of a tick, by its number in [`Lockstep::ticks`]; beyond the last tick, an empty page.
    pub fn collect(lockstep: &Lockstep, tick: usize) -> Self {
        let beats = lockstep.ticks().get(tick).cloned().unwrap_or(0..0);
        let paths = lockstep.paths().iter().enumerate().map(|(p, history)| {
            let steps = lockstep.steps_taken(p, beats.start)..lockstep.steps_taken(p, beats.end);
            let start = Start::of(&history.machine_at(steps.start));
            let records = history.records(steps);
            let places = records.iter().map(|r| lockstep.place(p, r.index)).collect();
            PathSteps { way: history.way(), start, records, places, even: lockstep.alignment() == Align::Step }
        });
        Self::of_two(lockstep.scenario(), lockstep.kept(), paths.collect())
    }
}

impl Moment {
    /// A path's present.
    pub fn of(lockstep: &Lockstep, path: usize) -> Self {
        let beat = lockstep.last_beat();
        let mut taken = beat.iter().flat_map(|b| b.steps.iter().enumerate());
        let place = taken.find_map(|(p, step)| step.map(|step| lockstep.place(p, step)));
        Self {
            taken: lockstep.paths().get(path).map_or(0, |history| history.position() as u32),
            now: place.map_or(Ns::ZERO, Ns::from_ns),
            time: beat.map_or(Ns::ZERO, |b| b.at),
            step: beat.and_then(|b| b.steps.get(path).copied().flatten()),
        }
    }
}
