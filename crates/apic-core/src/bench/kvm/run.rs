//! The vCPU's thread and the processor: exits, entries, halting, posted interrupts, delivery.

use super::super::answer::Exit;
use super::super::shared::Shared;
use super::timer::By;
use super::{Kvm, Place, Virtualization};
use crate::units::Vector;

impl Kvm {
    /// VM exit. What follows it is done at once; [`Kvm::run`] enters again.
    pub(super) fn leave(&mut self, sh: &mut Shared, why: Exit) {
        sh.exited(why);
        self.step_out();
        self.place = Place::Between;
    }

    fn step_out(&mut self) {
        self.vapic.cease_recognition();
        self.mode.store_outside();
    }

    /// `exit`: leaves, or leaves off sleeping, and stays outside.
    pub(super) fn leave_for_good(&mut self, sh: &mut Shared) {
        if self.place == Place::Blocked {
            self.stop_blocking(sh);
        }
        self.step_out();
        self.place = Place::Outside;
    }

    /// The VM stops: user space calls the vCPU back from guest mode or from sleep.
    pub(super) fn pause(&mut self, sh: &mut Shared) {
        self.resumes = self.place != Place::Outside;
        self.leave_for_good(sh);
    }

    /// The VM runs again.
    pub(super) fn resume_paused(&mut self) {
        if self.resumes {
            self.place = Place::Between;
        }
    }

    /// Leaves for an `ioctl` of user space, after which [`Kvm::run`] enters again.
    pub(super) fn step_out_for_user_space(&mut self, sh: &mut Shared) {
        if self.place == Place::Blocked {
            self.stop_blocking(sh);
        }
        if self.place != Place::Outside {
            self.step_out();
            self.place = Place::Between;
            self.from_user_space = true;
        }
    }

    /// Everything that happens at this instant by itself: entries, and handlers that can start.
    pub(super) fn run(&mut self, sh: &mut Shared) {
        loop {
            match self.place {
                Place::Between => self.enter(sh),
                Place::Guest if self.vapic.recognised() && sh.interrupt_flag => self.take_interrupt(sh),
                Place::Blocked => {
                    self.look_for_something_to_wake_for(sh);
                    if self.place == Place::Blocked {
                        return;
                    }
                }
                Place::Guest | Place::Outside => return,
            }
        }
    }

    /// Virtual-interrupt delivery, the handler, and its EOI.
    fn take_interrupt(&mut self, sh: &mut Shared) {
        let Some(v) = self.vapic.deliver() else { return };
        if std::mem::take(&mut self.window) {
            sh.exited(Exit::InterruptWindow);
        }
        sh.handler(v);
        if sh.auto_eoi {
            self.guest_eoi(sh);
        }
    }

    /// The tail of `vcpu_run` and `vcpu_enter_guest`.
    fn enter(&mut self, sh: &mut Shared) {
        if std::mem::take(&mut self.from_user_space) {
            self.inject_first(sh);
        }
        self.inject_pending(sh);
        if sh.halted && !Self::hlt_in_guest(sh) {
            if !self.runnable(sh) {
                return self.block(sh);
            }
            sh.halted = false;
        }
        self.mode.store_in_guest();
        self.sync_pir_to_irr();
        self.place = Place::Guest;
        self.evaluate_at_entry(sh);
        // A preemption timer of 0 ends the run before the first instruction, and before a virtual interrupt.
        if self.hv_due(sh) {
            self.preemption_timer_exit(sh);
        }
    }

    /// `vcpu_run` that comes from user space calls `vcpu_enter_guest` before it looks at its pending timer: without APICv
    /// that has taken an interrupt from IRR by then, and a tick of the same vector does not coalesce with it.
    fn inject_first(&mut self, sh: &mut Shared) {
        if self.virtualization == Virtualization::None && !sh.halted && self.runnable(sh) {
            self.vapic.evaluate_at_entry();
            self.take_interrupt(sh);
        }
    }

    /// What VM entry evaluates; without APICv, what `kvm_check_and_inject_events` injects or asks a window for.
    fn evaluate_at_entry(&mut self, sh: &Shared) {
        let deliverable = self.vapic.evaluate_at_entry();
        if !self.base.enabled() {
            self.vapic.cease_recognition();
        }
        self.window = deliverable && self.virtualization == Virtualization::None && !sh.interrupt_flag;
    }

    /// `sync_pir_to_irr`: ON first, then PIR.
    pub(super) fn sync_pir_to_irr(&mut self) {
        if self.pi.test_and_clear_on() {
            self.vapic.or_into_virr(self.pi.drain_pir());
        }
    }

    /// `kvm_arch_vcpu_runnable`, for a vCPU that halted.
    fn runnable(&mut self, sh: &Shared) -> bool {
        self.sync_pir_to_irr();
        let interrupt = self.vapic.evaluate_at_entry() && self.base.enabled();
        self.vapic.cease_recognition();
        interrupt && sh.interrupt_flag
    }

    /// `vcpu_block`: sleeps; the preemption timer hands over to the hrtimer, since it counts in guest mode only.
    fn block(&mut self, sh: &mut Shared) {
        self.place = Place::Blocked;
        self.hv_when_awake = self.timer.hv_timer_in_use;
        if self.hv_when_awake {
            self.switch_to_sw_timer(sh);
        }
    }

    fn stop_blocking(&mut self, sh: &mut Shared) {
        if std::mem::take(&mut self.hv_when_awake) {
            self.restart_timer(sh);
        }
    }

    /// A vCPU that is woken looks for something to wake for, and sleeps on if there is nothing. The bench lets it look after
    /// everything that happens, whoever would wake it (`kvm_vcpu_wake_up`, or user space that called it back).
    fn look_for_something_to_wake_for(&mut self, sh: &mut Shared) {
        self.inject_pending(sh);
        if self.runnable(sh) {
            self.stop_blocking(sh);
            self.place = Place::Between;
        }
    }

    /// `vmx_deliver_interrupt`, `svm_deliver_interrupt`.
    pub(super) fn deliver(&mut self, sh: &mut Shared, v: Vector, by: By) {
        match self.virtualization {
            Virtualization::Posted => {
                // vmx_deliver_posted_interrupt
                if self.pi.test_and_set_pir(v) || self.pi.test_and_set_on() {
                    return;
                }
            }
            Virtualization::Avic | Virtualization::None => {
                self.vapic.request(v);
            }
        }
        if by == By::Elsewhere && self.mode.is_in_guest() && self.virtualization != Virtualization::None {
            sh.tally.ipis += 1;
            self.notification_arrives(sh);
        } else if by == By::Elsewhere && self.mode.is_in_guest() {
            sh.tally.ipis += 1;
            self.leave(sh, Exit::ExternalInterrupt);
        }
    }

    /// `post`: a device's interrupt, by VT-d or AVIC. The notification is under way until it lands.
    pub(super) fn post_by_device(&mut self, sh: &mut Shared, v: Vector) {
        match self.virtualization {
            Virtualization::Posted => {
                if self.pi.test_and_set_pir(v) || self.pi.test_and_set_on() {
                    return;
                }
            }
            Virtualization::Avic | Virtualization::None => {
                self.vapic.request(v);
            }
        }
        sh.tally.ipis += 1;
        self.in_flight = true;
    }

    /// The notification vector, or AVIC's doorbell, arrives: posted-interrupt processing in guest mode, a wake-up for a vCPU
    /// that sleeps, an EOI and nothing else where the vCPU is outside.
    pub(super) fn notification_arrives(&mut self, sh: &mut Shared) {
        match self.place {
            Place::Guest if self.apicv_active() => {
                self.sync_pir_to_irr();
                // SDM, "Posted-Interrupt Processing", ends with an evaluation; so does the doorbell.
                self.vapic.evaluate();
            }
            Place::Guest if self.virtualization == Virtualization::None => self.leave(sh, Exit::ExternalInterrupt),
            Place::Guest | Place::Between | Place::Outside | Place::Blocked => {}
        }
    }
}
