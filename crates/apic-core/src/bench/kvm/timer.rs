//! The timer: its back ends (hrtimer here or elsewhere, VMX preemption timer) and `apic_timer_expired`.

use super::super::answer::Exit;
use super::super::kernel::Posts;
use super::super::script::TimerPath;
use super::super::shared::Shared;
use super::{Kvm, Place, Virtualization};
use crate::lapic::{ADVANCE_NS_INIT, Circumstances, Expiry, HvTimer, Start, TimerMode};
use crate::units::{Ns, Vector};

/// Who finds or delivers an interrupt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// Another CPU, in an interrupt handler.
    Elsewhere,
    /// The vCPU's own CPU, in an interrupt handler.
    Here,
    /// The vCPU's own thread.
    Thread,
}

/// By how much a timer comes early for which nobody waits. Where somebody waits, the bench lets the timer come when the
/// wait ends: the costs that the advance makes up for do not exist here.
const EARLY: Ns = Ns::from_ns(ADVANCE_NS_INIT as u64);

impl Kvm {
    /// Whether the hrtimer runs on another CPU.
    fn hrtimer_elsewhere(sh: &Shared) -> bool {
        sh.path == TimerPath::Posted && sh.kernel.offloads()
    }

    /// `kvm_can_post_timer_interrupt`.
    fn can_post(&self, sh: &Shared) -> bool {
        sh.path == TimerPath::Posted && self.apicv_active() && sh.kernel.posts() != Posts::Never
    }

    /// `kvm_can_use_hv_timer`, and for what.
    fn hv(&self, sh: &Shared) -> HvTimer {
        let can = sh.path == TimerPath::Hv && self.virtualization != Virtualization::Avic;
        if can { sh.kernel.rules().hv_timer } else { HvTimer::No }
    }

    /// `cancel_apic_timer`.
    pub(super) fn cancel_timer(&mut self, sh: &Shared) {
        self.hrtimer = None;
        let pending = self.timer.pending && !sh.kernel.rules().mode_change_clears_pending;
        self.timer.cancel();
        self.timer.pending = pending;
    }

    /// `__start_apic_timer`; `restored` is the current count that user space brought.
    pub(super) fn start_timer(&mut self, sh: &mut Shared, restored: Option<u32>) {
        self.timer.pending = false;
        if matches!(self.timer.mode, TimerMode::OneShot | TimerMode::Periodic) {
            let rate = sh.rate(self.tdcr.divisor());
            let fires_expired = sh.kernel.rules().restore_fires_expired;
            if !self.timer.set_target(self.tmict, restored, rate, fires_expired, sh.clock.instant()) {
                return;
            }
        }
        self.restart_timer(sh);
    }

    /// `restart_apic_timer`.
    pub(super) fn restart_timer(&mut self, sh: &mut Shared) {
        let start = self.timer.start(self.hv(sh), sh.clock.instant());
        self.carry_out(sh, start);
    }

    /// `kvm_lapic_switch_to_sw_timer`.
    pub(super) fn switch_to_sw_timer(&mut self, sh: &mut Shared) {
        let start = self.timer.start_sw(sh.clock.instant());
        self.carry_out(sh, start);
    }

    fn carry_out(&mut self, sh: &mut Shared, start: Start) {
        match start {
            Start::Nothing => {}
            Start::Hrtimer(at) => self.hrtimer = Some(at),
            Start::Hv => self.hrtimer = None,
            Start::HvExpired => {
                self.hrtimer = None;
                self.expired(sh, By::Thread);
                self.timer.stop_hv();
            }
            // Less than a nanosecond away: the wait before the entry makes up for it.
            Start::Expired if self.timer.mode == TimerMode::TscDeadline && self.timer.tscdeadline > sh.clock.tsc() => {
                self.hrtimer = Some(sh.now());
            }
            Start::Expired => {
                self.expired(sh, By::Thread);
                if self.timer.mode == TimerMode::Periodic {
                    self.advance_periodic(sh);
                    self.hrtimer = Some(self.timer.target_expiration);
                }
            }
        }
    }

    fn advance_periodic(&mut self, sh: &Shared) {
        let to_now = sh.kernel.rules().periodic_catches_up_to_now;
        self.timer.advance_periodic(to_now, sh.clock.instant());
    }

    pub(super) fn next_expiry(&self, sh: &Shared) -> Option<Ns> {
        let hv = self.hv_expiry(sh);
        let due = [self.hrtimer_expiry(sh), hv].into_iter().flatten().min()?;
        Some(due.max(sh.now()))
    }

    fn hrtimer_expiry(&self, sh: &Shared) -> Option<Ns> {
        let due = self.hrtimer?;
        if self.timer.mode != TimerMode::TscDeadline {
            return Some(due);
        }
        // Rounding down put the hrtimer up to a nanosecond before the deadline; the wait makes up for that too.
        let exact = sh.clock.when(self.timer.tscdeadline);
        let due = if exact.minus(due) == Ns::from_ns(1) { exact } else { due };
        let posts = match sh.kernel.posts() {
            Posts::InGuestMode => self.mode.is_in_guest(),
            Posts::Always | Posts::UnlessPending => true,
            Posts::Never => false,
        };
        let early = posts && self.can_post(sh) && sh.kernel.posts_early();
        Some(if early { due.minus(EARLY) } else { due })
    }

    /// When the preemption timer ends the guest's run; it counts in guest mode only.
    fn hv_expiry(&self, sh: &Shared) -> Option<Ns> {
        if self.place != Place::Guest || !self.timer.hv_timer_in_use {
            return None;
        }
        let due = sh.clock.when(self.timer.tscdeadline);
        Some(if sh.kernel.hv_early(self.timer.mode) { due.minus(EARLY) } else { due })
    }

    /// Whichever is due.
    pub(super) fn expiry_due(&mut self, sh: &mut Shared) {
        if self.hrtimer_expiry(sh).is_some_and(|due| due <= sh.now()) {
            self.timer_fn(sh);
        } else if self.hv_due(sh) {
            self.preemption_timer_exit(sh);
        }
    }

    pub(super) fn hv_due(&self, sh: &Shared) -> bool {
        self.hv_expiry(sh).is_some_and(|due| due <= sh.now())
    }

    /// `hrtimer_interrupt` with `apic_timer_fn`, again and again until the next expiry lies ahead: a periodic timer that lags
    /// expires for every missed period before the guest enters again. On the vCPU's own CPU the interrupt ends the guest's
    /// run first.
    fn timer_fn(&mut self, sh: &mut Shared) {
        let by = if Self::hrtimer_elsewhere(sh) { By::Elsewhere } else { By::Here };
        if by == By::Here && self.place == Place::Guest {
            self.leave(sh, self.host_interrupt());
        }
        while self.hrtimer_expiry(sh).is_some_and(|due| due <= sh.now()) && !sh.overrun() {
            self.hrtimer = None;
            self.expired(sh, by);
            if self.timer.mode == TimerMode::Periodic && self.timer.period != Ns::ZERO {
                self.advance_periodic(sh);
                self.hrtimer = Some(self.timer.target_expiration);
            }
        }
    }

    /// `kvm_lapic_expired_hv_timer`.
    pub(super) fn preemption_timer_exit(&mut self, sh: &mut Shared) {
        self.leave(sh, Exit::PreemptionTimer);
        self.expired(sh, By::Thread);
        self.timer.stop_hv();
        if self.timer.mode == TimerMode::Periodic && self.timer.period != Ns::ZERO {
            self.advance_periodic(sh);
            self.restart_timer(sh);
        }
    }

    /// `apic_timer_expired`.
    fn expired(&mut self, sh: &mut Shared, by: By) {
        sh.expired();
        let from_timer_fn = by != By::Thread;
        let posts = self.can_post(sh).then(|| sh.kernel.posts());
        if from_timer_fn && posts == Some(Posts::Always) {
            // The seed's apic_timer_expired_pi looks at nothing else.
            return self.inject(sh, by);
        }
        let how = Circumstances {
            from_timer_fn,
            direct: self.apicv_active() && sh.kernel.rules().direct_when_arming,
            use_posted: match posts {
                Some(Posts::UnlessPending) => from_timer_fn,
                Some(Posts::InGuestMode) => self.mode.is_in_guest(),
                _ => false,
            },
        };
        match self.timer.expired(how) {
            Expiry::Coalesced => {}
            Expiry::Deliver => self.inject(sh, by),
            // What the vCPU thread pends, it finds itself.
            Expiry::Pend if from_timer_fn => self.kick(sh, by),
            Expiry::Pend => {}
        }
    }

    /// `kvm_apic_inject_pending_timer_irqs`.
    fn inject(&mut self, sh: &mut Shared, by: By) {
        if self.base.enabled() && !self.lvtt.masked() {
            self.accept(sh, self.lvtt.vector(), by);
        }
        self.timer.injected();
    }

    /// `kvm_inject_pending_timer_irqs`, in the vCPU's thread.
    pub(super) fn inject_pending(&mut self, sh: &mut Shared) {
        // apic_has_pending_timer
        if self.timer.pending && self.base.enabled() && self.svr.enabled() && !self.lvtt.masked() {
            self.inject(sh, By::Thread);
            self.timer.pending = false;
        }
    }

    /// `kvm_vcpu_kick`; before it existed here, only the wake-up. A vCPU that sleeps looks around when the interrupt handler
    /// is done ([`Kvm::run`]).
    fn kick(&mut self, sh: &mut Shared, by: By) {
        if by == By::Elsewhere && sh.kernel.kicks() && self.mode.is_in_guest() {
            sh.tally.ipis += 1;
            self.leave(sh, self.host_interrupt());
        }
    }

    /// `__apic_accept_irq`, fixed and edge-triggered: dropped while the local APIC is disabled in hardware or software.
    fn accept(&mut self, sh: &mut Shared, v: Vector, by: By) {
        if self.base.enabled() && self.svr.enabled() {
            self.deliver(sh, v, by);
        }
    }

    /// An interrupt that the vCPU's own thread makes.
    pub(super) fn accept_from_thread(&mut self, sh: &mut Shared, v: Vector) {
        self.accept(sh, v, By::Thread);
    }

    fn host_interrupt(&self) -> Exit {
        if self.virtualization == Virtualization::Avic { Exit::Intr } else { Exit::ExternalInterrupt }
    }
}
