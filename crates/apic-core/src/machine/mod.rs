//! The machine: plain data, and one transition function.
//!
//! *Actors* each stand at a named point of a flow. [`Machine::next`] says what an actor can do now; [`Machine::apply`]
//! lets it do exactly that, one thing that hardware or the kernel does atomically, and returns the rule it followed.
//! Time is data: the driver says when a step takes effect, and nothing here reads a clock.
//!
//! One file per concern: `actor` (who can move, and in which order at one time), `vcpu_thread` (KVM in the vCPU's thread),
//! `irq` (host interrupt handlers and the timer callback), `deliver` (from LVTT to PIR and ON), `hardware` (the processor:
//! recognition, posted-interrupt processing, IPIs in flight, clock events), `guest` (what the guest executes), `pi` (the
//! descriptor of a vCPU that blocks or is preempted, and the wake-up list), `vtd` (devices that post), `config` (what a
//! scenario and a path make constant).

mod actor;
mod block;
mod bounded;
mod config;
mod deliver;
mod guest;
mod hardware;
mod host_irr;
mod hv_timer;
mod inject;
mod invariants;
mod irq;
mod parts;
mod pi;
mod sched;
mod searched;
mod state;
mod userspace;
mod vcpu_thread;
mod vtd;

pub use actor::Actor;
pub(crate) use actor::Place;
pub use bounded::Bounds;
pub use config::Config;
pub(crate) use config::bend;
pub use invariants::Violation;
pub(crate) use parts::Part;
pub use state::{Cpu, Ipi, Next, Running, Vcpu};

use crate::cost::CostKind;
use crate::effect::{Effect, Field, Observer};
use crate::host::TimerId;
use crate::rule::Rule;
use crate::units::{CpuId, Ns, Tsc, VcpuId};
use actor::Touched;
use searched::Stores;
use serde::Serialize;
use std::sync::Arc;
use vtd::Vtd;

/// Everything that can change, and the configuration that cannot.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    #[serde(skip)]
    cfg: Arc<Config>,
    now: Ns,
    cpus: Vec<Cpu>,
    vcpus: Vec<Vcpu>,
    next_ipi: u32,
    handlers: u32,
    vtd: Vtd,
    #[serde(skip)]
    touched: Touched,
    /// Plain stores that have not reached memory. Only a search gives CPUs store buffers.
    #[serde(skip_serializing_if = "Stores::is_empty")]
    stores: Stores,
}

/// Two machines are equal if their states are.
impl PartialEq for Machine {
    fn eq(&self, other: &Self) -> bool {
        self.encode() == other.encode()
    }
}

/// What a step did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Taken {
    /// The rule it followed.
    pub rule: Rule,
    /// The vCPU it is about, if one.
    pub vcpu: Option<VcpuId>,
}

/// Who says when an actor takes its next step.
pub(crate) trait Pace {
    /// Hears what the actor can do next, and that it is `now`. Says when it does that, if it does before anybody else moves.
    fn plan(&mut self, next: Option<Next>, now: Ns) -> Option<Ns>;
}

/// One step, and what comes next.
struct OneStep(Option<Next>);

impl Pace for OneStep {
    #[inline]
    fn plan(&mut self, next: Option<Next>, _: Ns) -> Option<Ns> {
        self.0 = next;
        None
    }
}

impl Machine {
    /// The machine at time zero.
    pub fn new(cfg: Arc<Config>) -> Self {
        let mut cpus: Vec<Cpu> = cfg.host.iter().map(|cpu| Cpu::new(&cfg, cpu)).collect();
        let vcpus: Vec<Vcpu> = cfg.vcpus.iter().map(|v| Vcpu::new(&cfg, v)).collect();
        for (i, vcpu) in vcpus.iter().enumerate() {
            let cpu = &mut cpus[vcpu.cpu.index()];
            cpu.running = Running::Vcpu(VcpuId(i as u16));
            cpu.home_of = Some(VcpuId(i as u16));
        }
        for cpu in cfg.host.iter() {
            let c = &mut cpus[cpu.index()];
            if c.running != Running::Idle && cfg.housekeeping.contains(cpu) {
                c.base.enqueue_local(TimerId::Tick(cpu), cfg.next_tick(cpu, Ns::ZERO));
                c.clock_event = c.base.expires_next();
            }
        }
        for (i, vcpu) in cfg.vcpus.iter().enumerate() {
            let rival = vcpu.rival.map_or(Ns::NEVER, |r| Ns::from_us(r.first_us));
            cpus[vcpus[i].cpu.index()].rival_at = rival;
        }
        let vtd = Vtd::new(&cfg);
        let mut machine = Self {
            cfg,
            now: Ns::ZERO,
            cpus,
            vcpus,
            next_ipi: 0,
            handlers: 0,
            vtd,
            touched: Touched::default(),
            stores: Stores::default(),
        };
        for cpu in machine.cfg.host.iter() {
            machine.plan(cpu);
        }
        machine
    }

    /// What never changes in this run.
    pub fn config(&self) -> &Config {
        &self.cfg
    }

    /// Time of the last step.
    pub fn now(&self) -> Ns {
        self.now
    }

    /// The host's CPUs.
    pub fn cpus(&self) -> &[Cpu] {
        &self.cpus
    }

    /// The vCPUs.
    pub fn vcpus(&self) -> &[Vcpu] {
        &self.vcpus
    }

    /// Handlers of the timer started so far, in all guests.
    pub fn handlers(&self) -> u32 {
        self.handlers
    }

    /// Whether a recorded list of arms was replayed to its end: the last one made, and nothing armed or waiting.
    pub fn arms_are_over(&self) -> bool {
        let unarmed = |v: &Vcpu| v.timer.tscdeadline == Tsc::ZERO && v.processor_timer.is_never();
        let idle = |v: &Vcpu| v.guest.arms_made() >= self.cfg.arms.len() && unarmed(v) && v.inject.is_none();
        let empty = |v: &Vcpu| v.pi.pir().is_empty() && v.vapic.virr().is_empty();
        !self.cfg.arms.is_empty() && self.vcpus.iter().all(|v| idle(v) && empty(v))
    }

    /// IPIs under way, by destination, in the order they were sent.
    pub fn in_flight(&self) -> impl Iterator<Item = Ipi> + '_ {
        self.cpus.iter().flat_map(|c| c.inbound.iter().copied())
    }

    /// Where and for when a vCPU's timer is queued on the host.
    pub fn timer_queued(&self, vcpu: VcpuId) -> Option<(CpuId, Ns)> {
        let cpu = self.vcpus.get(vcpu.index())?.queued_on?;
        let queue = self.cpus[cpu.index()].base.queue();
        queue.iter().find(|(_, t)| *t == TimerId::Lapic(vcpu)).map(|(at, _)| (cpu, *at))
    }

    /// TMCCT, as the vCPU would read it now.
    pub fn current_count(&self, vcpu: VcpuId) -> Option<u32> {
        let vcpu = self.vcpus.get(vcpu.index())?;
        Some(vcpu.timer.current_count(vcpu.tmict, self.cfg.rate, self.now))
    }

    /// The canonical bytes of the state: equal states have equal bytes, on every platform.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// All actors, in the fixed order that breaks ties.
    pub fn actors(&self) -> impl Iterator<Item = Actor> + use<> {
        let (cpus, vcpus) = (self.cpus.len(), self.vcpus.len());
        (0..Actor::count(cpus, vcpus)).map(move |i| Actor::from_index(i, cpus))
    }

    /// The steps that can be taken now: every actor that is not blocked, and what it would do.
    pub fn enabled(&self) -> impl Iterator<Item = (Actor, Next)> + '_ {
        self.actors().filter_map(|a| Some((a, self.next(a)?)))
    }

    /// What an actor can do now, if anything.
    #[inline]
    pub fn next(&self, actor: Actor) -> Option<Next> {
        self.next_of(Place::of(actor))
    }

    /// What the actor at this place can do now, if anything.
    #[inline(never)]
    pub(crate) fn next_of(&self, place: Place) -> Option<Next> {
        match place.kind() {
            Place::IRQ => self.look_at_irq(place.cpu()),
            Place::SW => self.look_at_sw(place.cpu()),
            Place::WIRE => self.next_wire(place.cpu()),
            Place::CLOCK => self.next_clock(place.cpu()),
            _ => match place.vcpu() {
                Some(v) => self.look_at_guest(v),
                None => self.next_iommu(),
            },
        }
    }

    // Functions of their own: what one needs to begin, the others need not pay for.

    #[inline(never)]
    fn look_at_irq(&self, cpu: CpuId) -> Option<Next> {
        self.next_irq(cpu)
    }

    #[inline(never)]
    fn look_at_sw(&self, cpu: CpuId) -> Option<Next> {
        self.next_sw(cpu)
    }

    #[inline(never)]
    fn look_at_guest(&self, v: VcpuId) -> Option<Next> {
        self.next_guest(v)
    }

    /// Lets an actor do what [`Machine::next`] says it can, at time `at` (never before `now`). `None` if it cannot do
    /// anything; the state is unchanged then.
    #[inline]
    pub fn apply<O: Observer>(&mut self, actor: Actor, at: Ns, obs: &mut O) -> Option<Taken> {
        let next = self.next(actor)?;
        Some(self.advance(Place::of(actor), at.max(next.earliest(self.now)), obs).0)
    }

    /// [`Machine::apply`] and [`Machine::next`] in one, for a driver that knows that the actor can move at `at`: what it
    /// did, and what it can do now.
    #[inline(never)]
    pub(crate) fn advance<O: Observer>(&mut self, place: Place, at: Ns, obs: &mut O) -> (Taken, Option<Next>) {
        let mut one = OneStep(None);
        let (taken, _) = self.advance_on(place, at, obs, &mut one);
        (taken, one.0)
    }

    /// [`Machine::advance`], and on with the same actor for as long as one step follows from another: software on its CPU
    /// goes on, and nobody has to look again.
    ///
    /// Returns what the last step did, and how many steps there were.
    #[expect(clippy::inline_always, reason = "a run of steps is one piece of code, which has what it needs at hand")]
    #[inline(always)]
    pub(crate) fn advance_on<O: Observer>(
        &mut self,
        who: Place,
        at: Ns,
        obs: &mut O,
        pace: &mut impl Pace,
    ) -> (Taken, u32) {
        self.touched.clear();
        self.now = self.now.max(at);
        let (taken, next) = match who.kind() {
            Place::IRQ => (self.step_irq_hardware(who.cpu(), obs), self.next_irq(who.cpu())),
            Place::SW => return self.advance_sw(who.cpu(), obs, pace),
            Place::WIRE => (self.step_wire(who.cpu(), obs), self.next_wire(who.cpu())),
            Place::CLOCK => (self.step_clock(who.cpu(), obs), self.next_clock(who.cpu())),
            _ => match who.vcpu() {
                Some(v) => (self.step_guest(v, obs), self.next_guest(v)),
                None => (self.step_iommu(obs), self.next_iommu()),
            },
        };
        pace.plan(next, self.now);
        (taken, 1)
    }

    /// The CPU on which an actor acts. The VT-d unit acts on none; its last step is told at the CPU that it would notify.
    pub fn cpu_of(&self, actor: Actor) -> CpuId {
        match actor {
            Actor::Irq(c) | Actor::Sw(c) | Actor::Wire(c) | Actor::Clock(c) => c,
            Actor::Guest(v) => self.vcpus[v.index()].cpu,
            Actor::Iommu => self.vtd.at,
        }
    }

    /// Actors beside the acting one whose next step the last `apply` may have changed.
    #[inline]
    pub(crate) fn touched(&self) -> &[Place] {
        self.touched.as_slice()
    }

    #[expect(clippy::inline_always, reason = "a step is one piece of code, which has what it needs at hand")]
    #[inline(always)]
    fn next_sw(&self, cpu: CpuId) -> Option<Next> {
        let c = &self.cpus[cpu.index()];
        if let Some(next) = self.next_irq_handler(cpu, c) {
            return Some(next);
        }
        // What is latched while interrupts are on is taken before anything else runs here.
        if c.irr.highest().is_some() && self.host_interrupts_on(cpu) {
            return None;
        }
        match c.running {
            Running::Vcpu(v) => self.next_vcpu_thread(c, v),
            Running::Idle if c.runnable => Some(self.next_schedule_in()),
            Running::Load if c.home_of.is_some() => Some(Next::at(Rule::S3, c.toggle_at, self.now)),
            Running::Idle | Running::Load if !c.io_work.is_empty() => Some(self.next_io_thread()),
            Running::Idle | Running::Load => {
                let rule = if c.running == Running::Idle { Rule::H2 } else { Rule::H1 };
                (!c.toggle_at.is_never()).then(|| Next::at(rule, c.toggle_at, self.now))
            }
        }
    }

    #[expect(clippy::inline_always, reason = "a run of steps is one piece of code, which has what it needs at hand")]
    #[inline(always)]
    fn advance_sw<O: Observer>(&mut self, cpu: CpuId, obs: &mut O, pace: &mut impl Pace) -> (Taken, u32) {
        let mut steps = 0;
        // A handler, to its end.
        while let Some(taken) = self.step_irq_handler(cpu, obs) {
            steps += 1;
            let c = &self.cpus[cpu.index()];
            let next = if c.irq.is_some() { self.next_irq_handler(cpu, c) } else { self.look_at_sw(cpu) };
            match pace.plan(next, self.now) {
                Some(at) if self.touched.is_empty() => self.now = at,
                _ => return (taken, steps),
            }
        }
        let c = &self.cpus[cpu.index()];
        let taken = match c.running {
            Running::Vcpu(v) => return self.advance_vcpu_thread(cpu, v, steps, obs, pace),
            Running::Idle if c.runnable => {
                let v = c.home_of;
                if let Some(v) = v {
                    self.schedule_in(cpu, v, obs);
                }
                Taken { rule: Rule::E7, vcpu: v }
            }
            Running::Load if c.home_of.is_some() => self.rival_ends(cpu, obs),
            Running::Idle | Running::Load if !c.io_work.is_empty() => {
                let v = self.step_io_thread(cpu, obs);
                Taken { rule: Rule::U6, vcpu: Some(v) }
            }
            Running::Idle | Running::Load => self.step_load(cpu, obs),
        };
        pace.plan(self.look_at_sw(cpu), self.now);
        (taken, steps + 1)
    }

    /// Steps of the thread on its CPU, after so many of a handler. It often goes on alone: no handler has begun, nothing is
    /// latched, and nobody has to look again.
    #[expect(clippy::inline_always, reason = "a run of steps is one piece of code, which has what it needs at hand")]
    #[inline(always)]
    fn advance_vcpu_thread<O: Observer>(
        &mut self,
        cpu: CpuId,
        v: VcpuId,
        mut steps: u32,
        obs: &mut O,
        pace: &mut impl Pace,
    ) -> (Taken, u32) {
        loop {
            let (rule, pc) = self.step_vcpu_thread(v, obs);
            steps += 1;
            let vcpu = &mut self.vcpus[v.index()];
            vcpu.pc = pc;
            let (c, taken) = (&self.cpus[cpu.index()], Taken { rule, vcpu: Some(v) });
            if !c.runs_undisturbed(v) {
                self.touch_after_step(v);
                pace.plan(self.look_at_sw(cpu), self.now);
                return (taken, steps);
            }
            match pace.plan(self.next_at(c, v, &self.vcpus[v.index()], pc), self.now) {
                Some(at) if self.touched.is_empty() => self.now = at,
                Some(_) => return (taken, steps),
                None => {
                    if pc.in_guest() {
                        self.touch_after_step(v);
                    }
                    return (taken, steps);
                }
            }
        }
    }

    /// Who looks again after a step of the thread.
    fn touch_after_step(&mut self, v: VcpuId) {
        let vcpu = &self.vcpus[v.index()];
        // It could do nothing outside, and waits while an interrupt is about to be delivered.
        if vcpu.in_guest() && !vcpu.awaits_delivery() {
            self.touched.push(Actor::Guest(v));
        }
        if vcpu.in_guest() && vcpu.interruptible() {
            self.touched.push(Actor::Irq(vcpu.cpu));
        } else {
            self.touch_latched(vcpu.cpu);
        }
    }

    /// H1, H2: a housekeeper's load ends or returns.
    fn step_load<O: Observer>(&mut self, cpu: CpuId, obs: &mut O) -> Taken {
        let busy = self.cpus[cpu.index()].running == Running::Idle;
        let lasts = self.cfg.load_span(cpu, busy);
        let tick = TimerId::Tick(cpu);
        let c = &mut self.cpus[cpu.index()];
        c.running = if busy { Running::Load } else { Running::Idle };
        c.toggle_at = self.now.plus(lasts);
        if busy {
            c.base.enqueue_local(tick, self.cfg.next_tick(cpu, self.now));
        } else {
            c.base.remove(tick, true);
        }
        obs.effect(Effect::Load { cpu, busy });
        self.program_clock_event(cpu, obs);
        Taken { rule: if busy { Rule::H2 } else { Rule::H1 }, vcpu: None }
    }

    /// The CPU's clock event follows its base.
    fn program_clock_event<O: Observer>(&mut self, cpu: CpuId, obs: &mut O) {
        let c = &mut self.cpus[cpu.index()];
        let to = c.base.expires_next();
        if c.clock_event != to {
            obs.effect(Effect::ClockEvent { cpu, from: c.clock_event, to });
            c.clock_event = to;
            self.touched.push(Actor::Clock(cpu));
        }
    }

    /// Whether the host takes interrupts on this CPU now (it is in root operation).
    #[inline]
    fn host_interrupts_on(&self, cpu: CpuId) -> bool {
        let c = &self.cpus[cpu.index()];
        c.irq.is_none()
            && match c.running {
                Running::Vcpu(v) => self.vcpus[v.index()].pc.interrupts_on(self.vcpus[v.index()].fast),
                Running::Idle | Running::Load => true,
            }
    }

    /// The vCPU that is in non-root operation on this CPU.
    #[inline]
    fn guest_on(&self, cpu: CpuId) -> Option<VcpuId> {
        match self.cpus[cpu.index()].running {
            Running::Vcpu(v) if self.vcpus[v.index()].in_guest() => Some(v),
            _ => None,
        }
    }

    /// Software on this CPU went on in root operation: its interrupt hardware looks again if something is latched.
    #[inline]
    fn touch_latched(&mut self, cpu: CpuId) {
        if self.cpus[cpu.index()].irr.highest().is_some() {
            self.touched.push(Actor::Irq(cpu));
        }
    }

    /// A guest went on, entered or left: the interrupt hardware looks again if there is anything that it could take, or
    /// could have taken, between two of the guest's instructions.
    #[inline]
    fn touch_guest_events(&mut self, cpu: CpuId, v: VcpuId) {
        if self.vcpus[v.index()].interruptible() {
            self.touched.push(Actor::Irq(cpu));
        } else {
            self.touch_latched(cpu);
        }
    }

    /// All three actors that share a CPU look again.
    #[inline]
    fn touch_cpu(&mut self, cpu: CpuId) {
        self.touched.push(Actor::Sw(cpu));
        self.touched.push(Actor::Irq(cpu));
        if let Running::Vcpu(v) = self.cpus[cpu.index()].running {
            self.touched.push(Actor::Guest(v));
        }
    }

    /// Reports a field's change, if it is one.
    fn report<O: Observer>(obs: &mut O, vcpu: VcpuId, field: Field, from: u64, to: u64) {
        if O::RECORDS && from != to {
            obs.effect(Effect::Set { vcpu, field, from, to });
        }
    }

    /// A step of KVM's vCPU thread or of an interrupt handler.
    fn kvm_step(&self, rule: Rule, cost: CostKind) -> Next {
        Next::after(rule, cost, self.now)
    }
}
