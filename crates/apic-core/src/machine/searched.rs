//! What an exhaustive search asks of the machine: which states are the same state, which instants can make a difference,
//! and what waits in store buffers.

use super::actor::{Actor, Place};
use super::config::Config;
use super::state::{Cpu, ExitTo, Vcpu, VcpuPc};
use super::userspace::{Errand, UserPc};
use super::{Ipi, Machine, Taken};
use crate::effect::Observer;
use crate::host::StoreBuffers;
use crate::kvm::Mode;
use crate::lapic::TimerMode;
use crate::units::{CpuId, Ns, Tsc, VcpuId};
use crate::vmx::PREEMPTION_TIMER_RATE;
use serde::Serialize;
use std::hash::{Hash, Hasher};

/// A plain store of the vCPU's thread to a word that other CPUs read. Everything else they share is written by locked
/// operations or under locks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) enum Store {
    /// `vcpu->mode = OUTSIDE_GUEST_MODE`.
    Outside(VcpuId),
    /// `smp_store_release(&vcpu->mode, IN_GUEST_MODE)`: on x86 a plain store.
    InGuest(VcpuId),
    /// `atomic_set(&ktimer->pending, 0)`: on x86 a plain store.
    NotPending(VcpuId),
    /// `prepare_to_rcuwait`: the head of the wait queue.
    Queued(VcpuId),
}

/// Memory as the search has it.
pub(super) type Stores = StoreBuffers<Store>;

impl Machine {
    /// A plain store by the CPU that runs this vCPU's thread.
    #[expect(
        clippy::inline_always,
        reason = "which store it is is known where it is made, and most often nothing buffers it"
    )]
    #[inline(always)]
    pub(super) fn plain_store(&mut self, v: VcpuId, store: Store) {
        if self.cfg.store_buffer == 0 { self.write(store) } else { self.buffer(v, store) }
    }

    #[cold]
    fn buffer(&mut self, v: VcpuId, store: Store) {
        let cpu = self.vcpus[v.index()].cpu;
        if self.stores.depth(cpu) >= self.cfg.store_buffer {
            self.drain(cpu);
        }
        self.stores.push(cpu, store);
    }

    #[inline]
    fn write(&mut self, store: Store) {
        match store {
            Store::Outside(v) => self.vcpus[v.index()].mode.store_outside(),
            Store::InGuest(v) => self.vcpus[v.index()].mode.store_in_guest(),
            // The field is what the thread itself sees; others see 1 until now (`pending_seen`).
            Store::NotPending(_) => {}
            Store::Queued(v) => self.vcpus[v.index()].blocking.queued = true,
        }
    }

    /// The oldest store of a CPU reaches memory. Returns what it was, in the kernel's words, if there was one.
    pub(crate) fn drain(&mut self, cpu: CpuId) -> Option<&'static str> {
        let store = self.stores.drain(cpu)?;
        self.write(store);
        Some(match store {
            Store::Outside(_) => "vcpu->mode = OUTSIDE_GUEST_MODE",
            Store::InGuest(_) => "vcpu->mode = IN_GUEST_MODE",
            Store::NotPending(_) => "pending = 0",
            Store::Queued(_) => "the wait queue's head",
        })
    }

    /// Whether stores wait in a CPU's buffer.
    pub(crate) fn buffers(&self, cpu: CpuId) -> bool {
        self.stores.depth(cpu) > 0
    }

    /// `vcpu->mode` as a load on this CPU sees it.
    #[inline]
    pub(super) fn mode_seen(&self, cpu: CpuId, v: VcpuId) -> Mode {
        let memory = self.vcpus[v.index()].mode.get();
        if self.stores.is_empty() { memory } else { self.mode_buffered(cpu, v).unwrap_or(memory) }
    }

    #[cold]
    fn mode_buffered(&self, cpu: CpuId, v: VcpuId) -> Option<Mode> {
        self.stores.newest(cpu, |store| match store {
            Store::Outside(w) if w == v => Some(Mode::Outside),
            Store::InGuest(w) if w == v => Some(Mode::InGuest),
            _ => None,
        })
    }

    /// `lapic_timer.pending` as a load on this CPU sees it.
    #[inline]
    pub(super) fn pending_seen(&self, cpu: CpuId, v: VcpuId) -> bool {
        let vcpu = &self.vcpus[v.index()];
        let waits = |(c, store)| c != cpu && store == Store::NotPending(v);
        vcpu.timer.pending || !self.stores.is_empty() && self.stores.iter().any(waits)
    }

    /// Whether the thread's next step begins with a locked operation or a fence, or ends a stretch that has one: every store
    /// that waits in its CPU's buffer reaches memory first. What is left are steps of plain loads and stores.
    pub(crate) fn fences(&self, actor: Actor) -> bool {
        use super::block::{BlockPc, Stage};
        use super::hv_timer::HvPc;
        use crate::kvm::Fault;
        let Actor::Sw(cpu) = actor else {
            return matches!(actor, Actor::Irq(c) if self.cpus[c.index()].pi_stage.is_some());
        };
        let c = &self.cpus[cpu.index()];
        let (super::Running::Vcpu(v), None) = (c.running, c.irq) else { return true };
        let vcpu = &self.vcpus[v.index()];
        let entry_barrier = !self.cfg.faults.has(Fault::B22);
        match vcpu.pc {
            VcpuPc::ArmDispatch | VcpuPc::Exited(_) | VcpuPc::EnterMode | VcpuPc::Wait | VcpuPc::Enter => false,
            VcpuPc::Hv(HvPc::Dispatch | HvPc::Update) => false,
            // smp_mb__after_srcu_read_unlock stands between the store of IN_GUEST_MODE and these.
            VcpuPc::SyncOn => entry_barrier || vcpu.pi.on(),
            VcpuPc::EnterCheck => entry_barrier,
            // set_current_state: xchg. What follows it is the last look before schedule().
            VcpuPc::Block(BlockPc::Look(Stage::Last)) => !self.cfg.faults.has(Fault::B30) || vcpu.pi.on(),
            VcpuPc::Block(BlockPc::Decide(Stage::Last)) => !self.cfg.faults.has(Fault::B30),
            VcpuPc::Block(BlockPc::Look(_)) => vcpu.pi.on(),
            VcpuPc::Block(BlockPc::Prepare | BlockPc::Poll | BlockPc::Halt | BlockPc::Decide(_)) => false,
            _ => true,
        }
    }

    /// What an actor can do now, done now.
    #[inline]
    pub(crate) fn act<O: Observer>(&mut self, actor: Actor, obs: &mut O) -> Taken {
        let now = self.now;
        self.advance(Place::of(actor), now, obs).0
    }

    /// Lets time pass.
    pub(crate) fn pass_time(&mut self, to: Ns) {
        self.now = self.now.max(to);
    }

    /// The first instant after now that anything is compared with: what actors and timers wait for, deadlines, and
    /// deadlines less the timer advance. [`Ns::NEVER`] if there is none.
    pub(crate) fn next_instant(&self) -> Ns {
        let of_actors = self.choices(|_| ());
        self.next_instant_with(of_actors)
    }

    /// Names the actors that can move now, and returns the first instant that another one waits for.
    #[inline]
    pub(crate) fn choices(&self, mut can: impl FnMut(Actor)) -> Ns {
        let mut first = Ns::NEVER;
        for actor in self.actors() {
            match self.next(actor) {
                Some(next) if next.earliest(self.now) <= self.now => can(actor),
                Some(next) => first = first.min(next.earliest(self.now)),
                None => {}
            }
        }
        first
    }

    /// Names the CPUs in whose buffers stores wait.
    pub(crate) fn waiting_stores(&self, mut of: impl FnMut(CpuId)) {
        if !self.stores.is_empty() {
            (0..self.cpus.len() as u16).map(CpuId).filter(|cpu| self.buffers(*cpu)).for_each(&mut of);
        }
    }

    fn next_instant_with(&self, of_actors: Ns) -> Ns {
        (0..self.parts()).fold(of_actors, |first, part| first.min(self.instant_of(part)))
    }

    /// The first instant after now that is compared with something of one part, beside what actors wait for.
    pub(crate) fn instant_of(&self, part: usize) -> Ns {
        let mut next = Ns::NEVER;
        let mut at = |t: Ns| {
            if t > self.now && t < next {
                next = t;
            }
        };
        let cpus = self.cpus.len();
        match (self.cpus.get(part), self.vcpus.get(part.wrapping_sub(cpus))) {
            (Some(c), _) => {
                at(c.not_before);
                if let Some((expires, _)) = c.base.queue().iter().find(|(expires, _)| *expires > self.now) {
                    at(*expires);
                }
            }
            (None, Some(vcpu)) => {
                let timer = &vcpu.timer;
                let advance = Ns::from_ns(u64::from(timer.timer_advance_ns));
                for deadline in [vcpu.guest.deadline, vcpu.armed_for, timer.target_expiration, vcpu.processor_timer] {
                    at(deadline.minus(advance));
                    at(deadline);
                }
                if timer.mode == TimerMode::Periodic {
                    at(timer.target_expiration.plus(timer.period));
                }
            }
            (None, None) => {}
        }
        next
    }

    /// Whether the vCPU's guest has an interrupt coming: it armed its timer, and its handler has not run since.
    pub(crate) fn waits(&self, v: VcpuId, until: Ns) -> bool {
        let vcpu = &self.vcpus[v.index()];
        let guest = &vcpu.guest;
        if self.ends_after(vcpu, until) {
            return false;
        }
        if self.cfg.mode != TimerMode::Periodic {
            return guest.arms_made() > guest.handled();
        }
        // Expiries of a period may fall together, so that they cannot be counted.
        let queued = self.timer_queued(v).is_some_and(|(_, expires)| expires <= until);
        let held = vcpu.timer.hv_timer_in_use && vcpu.timer.target_expiration <= until;
        let requested = !vcpu.pi.pir().is_empty() || !vcpu.vapic.virr().is_empty() || vcpu.inject.is_some();
        guest.arms_made() > 0 && guest.handled() == 0 || vcpu.timer.pending || requested || queued || held
    }

    /// Whether the next expiry comes after `until`: what counts down is late if it was started late, a count of TMICT when KVM
    /// starts it, the preemption timer at VM entry.
    fn ends_after(&self, vcpu: &Vcpu, until: Ns) -> bool {
        let in_cycles = |cycles| self.cfg.khz.ns_reaching(Tsc::from_cycles(cycles));
        let at = match vcpu.pc {
            VcpuPc::Wait | VcpuPc::Enter if vcpu.timer.hv_timer_in_use => {
                self.now.plus(in_cycles(vcpu.hv_count << PREEMPTION_TIMER_RATE))
            }
            VcpuPc::InGuest if vcpu.timer.hv_timer_in_use && !vcpu.processor_timer.is_never() => vcpu.processor_timer,
            _ if self.cfg.mode == TimerMode::TscDeadline || vcpu.timer.pending => return false,
            VcpuPc::ArmDispatch | VcpuPc::ArmSet | VcpuPc::ArmStart => self.now.plus(self.cfg.period),
            _ => vcpu.timer.target_expiration,
        };
        at > until
    }

    /// Whether the expiry that the guest waits for is over as far as timers go: what is left is to tell the guest.
    pub(crate) fn expired(&self, v: VcpuId) -> bool {
        let vcpu = &self.vcpus[v.index()];
        // What the processor keeps, it keeps while the guest runs or will.
        let kept = (vcpu.timer.hv_timer_in_use || !vcpu.processor_timer.is_never()) && !vcpu.asleep();
        let runs = vcpu.queued_on.is_some() || vcpu.callback_on.is_some() || kept;
        vcpu.armed_for <= self.now && !runs
    }

    /// Handlers started by the guest that has started the fewest.
    pub(crate) fn fewest_handled(&self) -> usize {
        self.vcpus.iter().map(|v| v.guest.handled()).min().unwrap_or(0)
    }

    /// Feeds everything on which the future and the properties depend to `h`, and nothing else: no numbers of messages, no
    /// times at which things began, no counters for people. Two states that feed alike behave alike.
    ///
    /// Each structure is taken apart by name, so that a new field cannot be forgotten here: add it, or say why it does not
    /// count.
    pub(crate) fn feed<H: Hasher>(&self, h: &mut H) {
        let Self { cfg: _, now, cpus, vcpus, next_ipi: _, handlers: _, vtd, touched: _, stores } = self;
        now.hash(h);
        vtd.feed(h);
        for c in cpus {
            c.feed(*now, h);
        }
        for v in vcpus {
            v.feed(*now, &self.cfg, h);
        }
        if !stores.is_empty() {
            stores.hash(h);
        }
    }
}

/// A time that has come, whenever it did.
fn ahead(at: Ns, now: Ns) -> Ns {
    if at <= now { Ns::ZERO } else { at }
}

impl Cpu {
    /// Everything that owns memory by name, the rest as it is.
    pub(super) fn copy_from(&mut self, other: &Self) {
        self.base.copy_from(&other.base);
        self.inbound.clone_from(&other.inbound);
        self.io_work.clone_from(&other.io_work);
        let (base, inbound, io_work) =
            (std::mem::take(&mut self.base), std::mem::take(&mut self.inbound), std::mem::take(&mut self.io_work));
        *self = Self { base, inbound, io_work, ..*other };
    }

    pub(super) fn feed<H: Hasher>(&self, now: Ns, h: &mut H) {
        let Self {
            running,
            base,
            clock_event,
            irr,
            irq,
            pi_stage,
            inbound,
            toggle_at,
            home_of,
            runnable,
            need_resched,
            wanted_at,
            rival_at,
            io_work,
            not_before,
            pin_count: _,
        } = self;
        running.hash(h);
        base.hash(h);
        clock_event.hash(h);
        irr.hash(h);
        irq.hash(h);
        pi_stage.hash(h);
        h.write_u8(inbound.len() as u8);
        for Ipi { id: _, vector, from: _, to: _, vcpu, sent_at: _ } in inbound {
            vector.hash(h);
            vcpu.hash(h);
        }
        ahead(*toggle_at, now).hash(h);
        home_of.hash(h);
        h.write_u8(u8::from(*runnable) | u8::from(*need_resched) << 1);
        wanted_at.hash(h);
        rival_at.hash(h);
        h.write_u8(io_work.len() as u8);
        for v in io_work {
            v.hash(h);
        }
        ahead(*not_before, now).hash(h);
    }
}

impl Vcpu {
    pub(super) fn feed<H: Hasher>(&self, now: Ns, cfg: &Config, h: &mut H) {
        let Self {
            cpu,
            mode,
            requests,
            pc,
            pc_time,
            fast,
            pi,
            vapic,
            lvtt,
            timer,
            hv_deadline,
            processor_timer,
            hv_count,
            inject,
            window,
            blocking,
            user,
            arming_for,
            home,
            moves,
            tmict,
            // The guest's deadline in TSC cycles.
            wrmsr: _,
            armed_for,
            expired_for,
            queued_on,
            callback_on,
            // Tells two names of one step apart.
            expired_remotely: _,
            is_running,
            audit,
            guest,
        } = self;
        cpu.hash(h);
        mode.hash(h);
        requests.hash(h);
        pc.hash(h);
        pc_time.hash(h);
        pi.hash(h);
        vapic.hash(h);
        lvtt.hash(h);
        timer.feed(h);
        if timer.hv_timer_in_use {
            hv_deadline.hash(h);
            // Worked out before entry, and used at entry.
            if matches!(pc, VcpuPc::Wait | VcpuPc::Enter) {
                hv_count.hash(h);
            }
        }
        processor_timer.hash(h);
        inject.hash(h);
        h.write_u8(u8::from(*fast) | u8::from(*window) << 1 | u8::from(*is_running) << 2);
        audit.feed(h);
        blocking.feed(now, h);
        user.hash(h);
        arming_for.hash(h);
        home.hash(h);
        moves.hash(h);
        // Written by the guest, and counted from by whoever emulates the write: until then it matters.
        let arming = match pc {
            VcpuPc::ArmDispatch | VcpuPc::ArmSet | VcpuPc::ArmStart => true,
            VcpuPc::User(user) | VcpuPc::Exited(ExitTo::User(user)) => {
                matches!(user, UserPc::Leave(Errand::Arm) | UserPc::Work(Errand::Arm))
            }
            _ => false,
        };
        if arming && cfg.mode != TimerMode::TscDeadline {
            tmict.hash(h);
        }
        armed_for.hash(h);
        expired_for.hash(h);
        queued_on.hash(h);
        callback_on.hash(h);
        guest.feed(h);
    }
}
