//! The thread, the processor's posted interrupts and virtual interrupts: `vcpu_run`, `vcpu_enter_guest`, `vcpu_block`,
//! `vmx_deliver_posted_interrupt`, `svm_deliver_interrupt`, and the manual's steps.

use super::{
    APIC_EOI, APIC_PROCPRI, APIC_SELF_IPI, APIC_TASKPRI, At, ENABLE, Slow, TSCDEADLINE, X2APIC_ENABLE, at, offset,
};
use apic_core::bench::script::{Register, TimerPath};
use apic_core::bench::{Exit, Fired, Kernel};
use apic_core::units::Vector;

impl Slow {
    pub(crate) fn vmexit(&mut self, why: Exit) {
        self.count_exit(why);
        self.recognised = false;
        self.in_guest_mode = false;
        self.at = At::Loop;
    }

    pub(crate) fn host_interrupt_exit(&mut self) {
        self.vmexit(if self.svm { Exit::Intr } else { Exit::ExternalInterrupt });
    }

    /// Out of guest mode or out of sleep, and away until `entry`.
    pub(crate) fn go_away(&mut self) {
        self.end_of_sleep();
        self.recognised = false;
        self.in_guest_mode = false;
        self.at = At::Away;
    }

    pub(crate) fn out_to_user_space(&mut self) {
        if self.at != At::Away {
            self.go_away();
            self.at = At::Loop;
        }
    }

    fn end_of_sleep(&mut self) {
        if self.at == At::Sleep && self.hv_before_sleep {
            self.hv_before_sleep = false;
            self.restart_apic_timer();
        }
    }

    pub(crate) fn everything_at_this_instant(&mut self) {
        loop {
            if self.at == At::Loop {
                self.vcpu_run();
            } else if self.at == At::Guest && self.recognised && self.rflags_if {
                self.virtual_interrupt_delivery();
            } else if self.at == At::Sleep {
                self.look_for_something_to_wake_for();
                if self.at == At::Sleep {
                    return;
                }
            } else {
                return;
            }
        }
    }

    fn vcpu_run(&mut self) {
        self.kvm_inject_pending_timer_irqs();
        if self.hlt && self.path != TimerPath::Posted {
            if !self.runnable() {
                self.vcpu_block();
                return;
            }
            self.hlt = false;
        }
        // vcpu_enter_guest
        self.in_guest_mode = true;
        self.sync_pir_to_irr();
        self.at = At::Guest;
        self.apic_update_ppr();
        self.evaluate();
        if self.preemption_timer_time().is_some_and(|t| t <= self.now) {
            self.preemption_timer_exit();
        }
    }

    pub(crate) fn sync_pir_to_irr(&mut self) {
        if !self.on {
            return;
        }
        self.on = false;
        for v in 0..256 {
            if self.pir[v] {
                self.irr[v] = true;
                self.pir[v] = false;
            }
        }
        self.rvi = Self::highest(&self.irr).unwrap_or(0);
    }

    fn evaluate(&mut self) {
        self.recognised = self.apic_base & ENABLE != 0 && self.rvi >> 4 > self.regs[APIC_PROCPRI] >> 4;
    }

    fn virtual_interrupt_delivery(&mut self) {
        let vector = self.rvi;
        self.isr[vector as usize] = true;
        self.svi = vector;
        self.regs[APIC_PROCPRI] = vector & 0xf0;
        self.irr[vector as usize] = false;
        self.rvi = Self::highest(&self.irr).unwrap_or(0);
        self.recognised = false;
        self.hlt = false;
        self.fired.push(Fired { vector: Vector::new(vector as u8), at: at(self.now) });
        if self.auto_eoi {
            self.virtualized_eoi();
        }
    }

    fn virtualized_eoi(&mut self) {
        let Some(vector) = self.clear_highest_isr() else { return };
        if self.eoi_exit_bitmap[vector as usize] {
            self.vmexit(if self.svm { Exit::AvicUnacceleratedAccess } else { Exit::EoiInduced });
        } else {
            self.evaluate();
        }
    }

    /// `kvm_arch_vcpu_runnable`.
    fn runnable(&mut self) -> bool {
        self.sync_pir_to_irr();
        self.apic_update_ppr();
        let highest = Self::highest(&self.irr).unwrap_or(0);
        self.apic_base & ENABLE != 0 && highest & 0xf0 > self.regs[APIC_PROCPRI] & 0xf0 && self.rflags_if
    }

    fn vcpu_block(&mut self) {
        self.at = At::Sleep;
        self.hv_before_sleep = self.hv_timer_in_use;
        if self.hv_timer_in_use {
            self.start_sw_timer();
        }
    }

    /// A sleeper is woken at this instant, or finds by itself that there is nothing to wake for.
    fn look_for_something_to_wake_for(&mut self) {
        self.kvm_inject_pending_timer_irqs();
        if self.runnable() {
            self.end_of_sleep();
            self.at = At::Loop;
        }
    }

    /// `vmx_deliver_posted_interrupt` or `svm_deliver_interrupt`.
    pub(crate) fn deliver_interrupt(&mut self, vector: u32, elsewhere: bool) {
        if !self.set_request(vector) {
            return;
        }
        if self.in_guest_mode && elsewhere {
            self.ipis += 1;
            self.notification_interrupt();
        }
    }

    /// Whether a notification is due.
    fn set_request(&mut self, vector: u32) -> bool {
        if self.svm {
            self.irr[vector as usize] = true;
            self.rvi = Self::highest(&self.irr).unwrap_or(0);
            return true;
        }
        if self.pir[vector as usize] {
            return false;
        }
        self.pir[vector as usize] = true;
        if self.on {
            return false;
        }
        self.on = true;
        true
    }

    pub(crate) fn device_posts(&mut self, vector: u32) {
        if self.set_request(vector) {
            self.ipis += 1;
            self.ipi_on_its_way = true;
        }
    }

    /// The notification vector reaches the CPU.
    pub(crate) fn notification_interrupt(&mut self) {
        match self.at {
            At::Guest if self.apicv_active() => {
                self.sync_pir_to_irr();
                self.evaluate();
            }
            At::Guest | At::Loop | At::Away | At::Sleep => {}
        }
    }

    fn hrtimer_is_elsewhere(&self) -> bool {
        let series = matches!(self.kernel, Kernel::Seed2019 | Kernel::V4);
        let pushed = self.release(4, 3) && !self.release(4, 7);
        self.path == TimerPath::Posted && (series || pushed || self.release(5, 3))
    }

    /// When the hrtimer's interrupt comes, a wait at its end included or missing.
    pub(crate) fn hrtimer_time(&self) -> Option<i64> {
        let mut time = self.hrtimer?;
        if self.timer_mode == TSCDEADLINE {
            let exact = self.time_of(self.tscdeadline);
            if exact.checked_sub(time) == Some(1) {
                time = exact;
            }
            let series = matches!(self.kernel, Kernel::Seed2019 | Kernel::V4);
            let skips_the_wait = self.release(5, 10) && !self.release(5, 12) && self.in_guest_mode;
            if self.path == TimerPath::Posted && self.apicv_active() && (series || skips_the_wait) {
                time = (time - 1000).max(0);
            }
        }
        Some(time)
    }

    pub(crate) fn preemption_timer_time(&self) -> Option<i64> {
        if self.at != At::Guest || !self.hv_timer_in_use {
            return None;
        }
        let time = self.time_of(self.tscdeadline);
        let forgets_counts = self.release(5, 1) && !self.release(5, 13) && self.timer_mode != TSCDEADLINE;
        Some(if forgets_counts { (time - 1000).max(0) } else { time })
    }

    pub(crate) fn hrtimer_interrupt(&mut self) {
        let elsewhere = self.hrtimer_is_elsewhere();
        if !elsewhere && self.at == At::Guest {
            self.host_interrupt_exit();
        }
        while self.hrtimer_time().is_some_and(|t| t <= self.now) {
            self.apic_timer_fn(elsewhere);
        }
    }

    pub(crate) fn preemption_timer_exit(&mut self) {
        self.vmexit(Exit::PreemptionTimer);
        self.kvm_lapic_expired_hv_timer();
    }

    pub(crate) fn exit_for_read(&mut self, register: Register) {
        let own_msr = matches!(register, Register::ApicBase | Register::TscDeadline);
        let x2apic = self.apic_base & X2APIC_ENABLE != 0;
        let enabled = self.apic_base & ENABLE != 0;
        let write_only = matches!(register, Register::Eoi | Register::SelfIpi);
        let exits = own_msr || !enabled || register == Register::Tmcct || write_only && x2apic;
        if !exits {
            return;
        }
        self.vmexit(match (self.svm, own_msr || !enabled, x2apic) {
            (true, true, _) => Exit::Msr,
            (true, false, _) => Exit::AvicUnacceleratedAccess,
            (false, false, false) => Exit::ApicAccess,
            (false, ..) => Exit::MsrRead,
        });
    }

    fn exit_for_write(&mut self, register: Register) {
        let own_msr = matches!(register, Register::ApicBase | Register::TscDeadline);
        let x2apic = self.apic_base & X2APIC_ENABLE != 0;
        let enabled = self.apic_base & ENABLE != 0;
        self.vmexit(match (self.svm, own_msr || !enabled, x2apic) {
            (true, true, _) => Exit::Msr,
            (true, false, _) => Exit::AvicUnacceleratedAccess,
            (false, false, false) => Exit::ApicWrite,
            (false, ..) => Exit::MsrWrite,
        });
    }

    /// A write by the guest, or by user space while the guest does not run: whether it is accepted.
    pub(crate) fn write(&mut self, register: Register, value: u64) -> bool {
        let by_guest = self.at == At::Guest && !self.hlt;
        if by_guest {
            let x2apic = self.apic_base & X2APIC_ENABLE != 0;
            let enabled = self.apic_base & ENABLE != 0;
            match register {
                Register::Tpr | Register::Eoi if enabled => return self.virtualized_write(offset(register), value),
                Register::SelfIpi if enabled && x2apic => return self.virtualized_write(APIC_SELF_IPI, value),
                _ => self.exit_for_write(register),
            }
        } else {
            self.out_to_user_space();
        }
        match register {
            Register::ApicBase => return self.kvm_apic_set_base(value, !by_guest),
            Register::TscDeadline => {
                self.kvm_set_lapic_tscdeadline_msr(value);
                return true;
            }
            _ => {}
        }
        match (self.apic_base & ENABLE != 0, self.apic_base & X2APIC_ENABLE != 0) {
            (true, true) => value >> 32 == 0 && self.kvm_lapic_reg_write(offset(register), value as u32),
            (true, false) => {
                self.kvm_lapic_reg_write(offset(register), value as u32);
                true
            }
            (false, _) => false,
        }
    }

    /// TPR, EOI and self-IPI virtualization.
    fn virtualized_write(&mut self, reg: usize, value: u64) -> bool {
        let x2apic = self.apic_base & X2APIC_ENABLE != 0;
        let reserved = if reg == APIC_EOI { !0 } else { !0xff };
        if x2apic && value & reserved != 0 {
            return false;
        }
        let byte = (value & 0xff) as u32;
        match reg {
            APIC_TASKPRI => {
                self.regs[APIC_TASKPRI] = byte;
                self.apic_update_ppr();
                self.evaluate();
            }
            APIC_EOI => self.virtualized_eoi(),
            _ if byte >> 4 == 0 => {
                self.vmexit(if self.svm { Exit::AvicIncompleteIpi } else { Exit::ApicWrite });
                self.apic_accept_irq(byte, false);
            }
            _ => {
                self.irr[byte as usize] = true;
                self.rvi = self.rvi.max(byte);
                self.evaluate();
            }
        }
        true
    }
}
