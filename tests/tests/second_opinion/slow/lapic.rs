//! `arch/x86/kvm/lapic.c`, function by function.

use super::{
    APIC_EOI, APIC_ESR, APIC_LVT_MASKED, APIC_LVTT, APIC_PROCPRI, APIC_SELF_IPI, APIC_SPIV, APIC_TASKPRI, APIC_TDCR,
    APIC_TMCCT, APIC_TMICT, ENABLE, ONESHOT, PERIODIC, SavedState, Slow, TIMER_MODE_MASK, TSCDEADLINE, X2APIC_ENABLE,
};
use apic_core::bench::Kernel;
use apic_core::bench::script::TimerPath;

impl Slow {
    pub(crate) fn apic_enabled(&self) -> bool {
        self.regs[APIC_SPIV] & 1 << 8 != 0 && self.apic_base & ENABLE != 0
    }

    pub(crate) fn apicv_active(&self) -> bool {
        self.apic_base & ENABLE != 0
    }

    pub(crate) fn highest(bits: &[bool; 256]) -> Option<u32> {
        (0..256).rev().find(|&n| bits[n as usize])
    }

    pub(crate) fn apic_update_ppr(&mut self) {
        let tpr = self.regs[APIC_TASKPRI];
        let isrv = Self::highest(&self.isr).unwrap_or(0);
        self.regs[APIC_PROCPRI] = if tpr & 0xf0 >= isrv & 0xf0 { tpr & 0xff } else { isrv & 0xf0 };
    }

    pub(crate) fn apic_get_tmcct(&self) -> u32 {
        if self.timer_mode == TSCDEADLINE || self.regs[APIC_TMICT] == 0 || self.period == 0 {
            return 0;
        }
        let mut remaining = self.target_expiration - self.now;
        if remaining < 0 {
            remaining = 0;
        }
        let ns = remaining % self.period;
        (ns as u64 / (self.bus_cycle_ns * u64::from(self.divide_count))) as u32
    }

    fn limit_periodic_timer_frequency(&mut self) {
        if self.timer_mode == PERIODIC && self.period != 0 && self.period < 200_000 {
            self.period = 200_000;
        }
    }

    pub(crate) fn cancel_apic_timer(&mut self) {
        self.hrtimer = None;
        self.hv_timer_in_use = false;
        if self.release(5, 19) {
            self.pending = 0;
        }
    }

    pub(crate) fn apic_update_lvtt(&mut self) {
        let timer_mode = self.regs[APIC_LVTT] & TIMER_MODE_MASK;
        if self.timer_mode == timer_mode {
            return;
        }
        if self.release(4, 15) {
            if (self.timer_mode == TSCDEADLINE) != (timer_mode == TSCDEADLINE) {
                self.cancel_apic_timer();
                self.regs[APIC_TMICT] = 0;
                self.period = 0;
                self.tscdeadline = 0;
            }
            self.timer_mode = timer_mode;
            self.limit_periodic_timer_frequency();
        } else {
            self.timer_mode = timer_mode;
            self.hrtimer = None;
            self.hv_timer_in_use = false;
        }
    }

    pub(crate) fn update_divide_count(&mut self) {
        let tmp1 = self.regs[APIC_TDCR] & 0xf;
        let tmp2 = (tmp1 & 0x3 | (tmp1 & 0x8) >> 1) + 1;
        self.divide_count = 0x1 << (tmp2 & 0x7);
    }

    fn tmict_to_ns(&self, tmict: u32) -> i64 {
        (u64::from(tmict) * self.bus_cycle_ns * u64::from(self.divide_count)) as i64
    }

    fn nsec_to_cycles(&self, ns: i64) -> u64 {
        self.tsc_at(ns)
    }

    fn update_target_expiration(&mut self, old_divisor: u32) {
        self.period = self.tmict_to_ns(self.regs[APIC_TMICT]);
        self.limit_periodic_timer_frequency();
        let remaining = (self.target_expiration - self.now).max(0);
        let new = (remaining as u128 * u128::from(self.divide_count) / u128::from(old_divisor)) as i64;
        let cycles = self.nsec_to_cycles(new).wrapping_sub(self.nsec_to_cycles(remaining));
        self.tscdeadline = self.tscdeadline.wrapping_add(cycles);
        self.target_expiration = self.now + new;
    }

    fn set_target_expiration(&mut self, count_reg: usize) -> bool {
        self.period = self.tmict_to_ns(self.regs[APIC_TMICT]);
        if self.period == 0 {
            self.tscdeadline = 0;
            return false;
        }
        self.limit_periodic_timer_frequency();
        let mut deadline = self.period;
        if count_reg != APIC_TMICT {
            deadline = self.tmict_to_ns(self.regs[count_reg]);
            if deadline <= 0 {
                let fires = self.timer_mode == ONESHOT && self.release(6, 2);
                deadline = if fires { 0 } else { self.period };
            } else if deadline > self.period {
                deadline = self.period;
            }
        }
        self.tscdeadline = self.tsc_at(self.now) + self.nsec_to_cycles(deadline);
        self.target_expiration = self.now + deadline;
        true
    }

    pub(crate) fn advance_periodic_target_expiration(&mut self) {
        self.target_expiration += self.period;
        if self.release(6, 19) && self.target_expiration < self.now {
            self.target_expiration = self.now;
        }
        let delta = self.target_expiration - self.now;
        self.tscdeadline = if delta < 0 {
            // Out of every timer's reach.
            self.tsc_at(self.now).wrapping_add(1 << 63)
        } else {
            self.tsc_at(self.now) + self.nsec_to_cycles(delta)
        };
    }

    fn kvm_can_post_timer_interrupt(&self) -> bool {
        let series = matches!(self.kernel, Kernel::Seed2019 | Kernel::V4);
        self.path == TimerPath::Posted && self.apicv_active() && (series || self.release(5, 3))
    }

    /// `apic_timer_expired`; `elsewhere` is whether the callback's CPU is another one.
    fn apic_timer_expired(&mut self, from_timer_fn: bool, elsewhere: bool) {
        self.expiries += 1;
        if self.kernel == Kernel::Seed2019 && from_timer_fn && self.kvm_can_post_timer_interrupt() {
            self.kvm_apic_inject_pending_timer_irqs(elsewhere);
            return;
        }
        if self.pending != 0 {
            return;
        }
        if !from_timer_fn && self.apicv_active() && self.release(5, 8) {
            self.kvm_apic_inject_pending_timer_irqs(elsewhere);
            return;
        }
        if self.kvm_can_post_timer_interrupt() {
            let now = match self.kernel {
                Kernel::Seed2019 => false,
                Kernel::V4 => from_timer_fn,
                _ => self.in_guest_mode,
            };
            if now {
                self.kvm_apic_inject_pending_timer_irqs(elsewhere);
                return;
            }
        }
        self.pending += 1;
        if from_timer_fn {
            let kick = self.kernel == Kernel::V4 || self.release(5, 3);
            self.kvm_vcpu_kick(elsewhere, kick);
        }
    }

    fn kvm_apic_inject_pending_timer_irqs(&mut self, elsewhere: bool) {
        self.kvm_apic_local_deliver(elsewhere);
        if self.timer_mode == TSCDEADLINE {
            self.tscdeadline = 0;
        } else if self.timer_mode == ONESHOT {
            self.tscdeadline = 0;
            self.target_expiration = 0;
        }
    }

    fn kvm_apic_local_deliver(&mut self, elsewhere: bool) {
        let reg = self.regs[APIC_LVTT];
        if self.apic_base & ENABLE != 0 && reg & APIC_LVT_MASKED == 0 {
            self.apic_accept_irq(reg & 0xff, elsewhere);
        }
    }

    pub(crate) fn apic_accept_irq(&mut self, vector: u32, elsewhere: bool) {
        if self.apic_enabled() {
            self.deliver_interrupt(vector, elsewhere);
        }
    }

    pub(crate) fn kvm_inject_pending_timer_irqs(&mut self) {
        let unmasked = self.regs[APIC_LVTT] & APIC_LVT_MASKED == 0;
        if self.apic_enabled() && unmasked && self.pending > 0 {
            self.kvm_apic_inject_pending_timer_irqs(false);
            self.pending = 0;
        }
    }

    fn start_sw_tscdeadline(&mut self) {
        if self.tscdeadline == 0 {
            return;
        }
        let guest_tsc = self.tsc_at(self.now);
        let ns = self.tscdeadline.wrapping_sub(guest_tsc).wrapping_mul(1_000_000) / self.tsc_khz;
        // Whatever is less than a nanosecond away is waited for.
        if self.tscdeadline > guest_tsc {
            self.hrtimer = Some(self.now + ns as i64);
        } else {
            self.apic_timer_expired(false, false);
        }
    }

    fn start_sw_period(&mut self) {
        if self.period == 0 {
            return;
        }
        if self.now >= self.target_expiration {
            self.apic_timer_expired(false, false);
            if self.timer_mode == ONESHOT {
                return;
            }
            self.advance_periodic_target_expiration();
        }
        self.hrtimer = Some(self.target_expiration);
    }

    fn start_hv_timer(&mut self) -> bool {
        let taught = match self.timer_mode {
            TSCDEADLINE => self.release(4, 8),
            _ => self.release(4, 10),
        };
        if self.svm || self.path != TimerPath::Hv || !taught || self.tscdeadline == 0 {
            return false;
        }
        let guest_tsc = self.tsc_at(self.now);
        let delta_tsc = self.tscdeadline.max(guest_tsc) - guest_tsc;
        if delta_tsc > 0xffff_ffff << 5 | 0x1f {
            return false;
        }
        self.hv_timer_in_use = true;
        self.hrtimer = None;
        if self.timer_mode != PERIODIC && delta_tsc == 0 {
            self.apic_timer_expired(false, false);
            self.hv_timer_in_use = false;
        }
        true
    }

    pub(crate) fn start_sw_timer(&mut self) {
        self.hv_timer_in_use = false;
        if self.timer_mode != PERIODIC && self.pending != 0 {
            return;
        }
        match self.timer_mode {
            PERIODIC | ONESHOT => self.start_sw_period(),
            TSCDEADLINE => self.start_sw_tscdeadline(),
            _ => {}
        }
    }

    pub(crate) fn restart_apic_timer(&mut self) {
        if self.timer_mode != PERIODIC && self.pending != 0 {
            return;
        }
        if !self.start_hv_timer() {
            self.start_sw_timer();
        }
    }

    pub(crate) fn kvm_lapic_expired_hv_timer(&mut self) {
        self.apic_timer_expired(false, false);
        self.hv_timer_in_use = false;
        if self.timer_mode == PERIODIC && self.period != 0 {
            self.advance_periodic_target_expiration();
            self.restart_apic_timer();
        }
    }

    pub(crate) fn apic_timer_fn(&mut self, elsewhere: bool) {
        self.hrtimer = None;
        self.apic_timer_expired(true, elsewhere);
        if self.timer_mode == PERIODIC && self.period != 0 {
            self.advance_periodic_target_expiration();
            self.hrtimer = Some(self.target_expiration);
        }
    }

    fn start_apic_timer(&mut self, count_reg: usize) {
        self.pending = 0;
        if matches!(self.timer_mode, PERIODIC | ONESHOT) && !self.set_target_expiration(count_reg) {
            return;
        }
        self.restart_apic_timer();
    }

    /// `kvm_lapic_reg_write`: whether it is accepted.
    pub(crate) fn kvm_lapic_reg_write(&mut self, reg: usize, mut val: u32) -> bool {
        let x2apic = self.apic_base & X2APIC_ENABLE != 0;
        let sw_enabled = self.regs[APIC_SPIV] & 1 << 8 != 0;
        match reg {
            APIC_TASKPRI => {
                self.regs[reg] = val & 0xff;
                self.apic_update_ppr();
            }
            APIC_EOI => {
                self.clear_highest_isr();
            }
            APIC_SPIV => {
                self.regs[reg] = val & 0x3ff;
                if val & 1 << 8 == 0 {
                    self.regs[APIC_LVTT] |= APIC_LVT_MASKED;
                    self.apic_update_lvtt();
                    self.pending = 0;
                }
            }
            APIC_LVTT => {
                if !sw_enabled {
                    val |= APIC_LVT_MASKED;
                }
                self.regs[reg] = val & (APIC_LVT_MASKED | 1 << 12 | 0xff | TIMER_MODE_MASK);
                self.apic_update_lvtt();
            }
            APIC_TMICT => {
                if self.timer_mode != TSCDEADLINE {
                    self.cancel_apic_timer();
                    self.regs[reg] = val;
                    self.start_apic_timer(APIC_TMICT);
                }
            }
            APIC_TDCR => {
                let old_divisor = self.divide_count;
                self.regs[reg] = val & 0xb;
                self.update_divide_count();
                if self.release(4, 15) && self.divide_count != old_divisor && self.period != 0 {
                    self.hrtimer = None;
                    self.update_target_expiration(old_divisor);
                    self.restart_apic_timer();
                }
            }
            APIC_ESR => return !x2apic || val == 0,
            APIC_SELF_IPI => {
                if !x2apic || val & !0xff != 0 {
                    return false;
                }
                self.apic_accept_irq(val, false);
            }
            _ => return false,
        }
        true
    }

    pub(crate) fn clear_highest_isr(&mut self) -> Option<u32> {
        let vector = Self::highest(&self.isr)?;
        self.isr[vector as usize] = false;
        self.svi = Self::highest(&self.isr).unwrap_or(0);
        self.apic_update_ppr();
        Some(vector)
    }

    pub(crate) fn kvm_get_lapic_tscdeadline_msr(&self) -> u64 {
        if self.apic_base & ENABLE != 0 && self.timer_mode == TSCDEADLINE { self.tscdeadline } else { 0 }
    }

    pub(crate) fn kvm_set_lapic_tscdeadline_msr(&mut self, data: u64) {
        if self.apic_base & ENABLE != 0 && self.timer_mode == TSCDEADLINE {
            self.hrtimer = None;
            self.tscdeadline = data;
            self.start_apic_timer(APIC_TMICT);
        }
    }

    /// `kvm_apic_set_base`.
    pub(crate) fn kvm_apic_set_base(&mut self, value: u64, host_initiated: bool) -> bool {
        let mode = |base: u64| (base & ENABLE != 0, base & X2APIC_ENABLE != 0);
        let (old, new) = (mode(self.apic_base), mode(value));
        if value == self.apic_base {
            return true;
        }
        if value >> 46 != 0 || value & 0x2ff != 0 || new == (false, true) {
            return false;
        }
        let to_xapic = old == (true, true) && new == (true, false);
        let from_disabled = old == (false, false) && new == (true, true);
        if !host_initiated && (to_xapic || from_disabled) {
            return false;
        }
        self.apic_base = value;
        true
    }

    /// `kvm_vcpu_ioctl_get_lapic`, `kvm_apic_get_state`.
    pub(crate) fn kvm_get_lapic(&mut self) {
        self.out_to_user_space();
        self.sync_pir_to_irr();
        let mut regs = self.regs;
        regs[APIC_TMCCT] = self.apic_get_tmcct();
        self.saved = Some(SavedState {
            apic_base: self.apic_base,
            regs,
            irr: self.irr,
            isr: self.isr,
            tscdeadline: self.kvm_get_lapic_tscdeadline_msr(),
        });
    }

    /// `kvm_apic_set_state`, after `IA32_APIC_BASE` and before `IA32_TSC_DEADLINE`.
    pub(crate) fn kvm_set_lapic(&mut self) {
        let Some(s) = self.saved.clone() else { return };
        self.out_to_user_space();
        self.apic_base = s.apic_base;
        if self.release(6, 7) {
            self.pir = [false; 256];
            self.on = false;
        }
        self.regs = s.regs;
        (self.irr, self.isr) = (s.irr, s.isr);
        self.apic_update_ppr();
        self.cancel_apic_timer();
        self.apic_update_lvtt();
        self.update_divide_count();
        self.start_apic_timer(if self.release(5, 11) { APIC_TMCCT } else { APIC_TMICT });
        self.regs[APIC_TMCCT] = 0;
        if self.release(4, 11) && !self.release(6, 7) {
            self.pir = [false; 256];
            self.on = false;
        }
        self.rvi = Self::highest(&self.irr).unwrap_or(0);
        self.svi = Self::highest(&self.isr).unwrap_or(0);
        self.kvm_set_lapic_tscdeadline_msr(s.tscdeadline);
    }

    fn kvm_vcpu_kick(&mut self, elsewhere: bool, kick: bool) {
        if elsewhere && kick && self.in_guest_mode {
            self.ipis += 1;
            self.host_interrupt_exit();
        }
    }
}
