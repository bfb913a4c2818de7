//! Registers: `kvm_lapic_reg_write`, `kvm_lapic_reg_read`, `kvm_apic_set_base`, `kvm_set_lapic_tscdeadline_msr`; and what
//! of a guest's access the processor does without KVM.
//!
//! In x2APIC mode registers are MSRs, and what is refused is #GP. In xAPIC mode they are 32 bits in memory, and what is
//! refused is ignored. With the local APIC disabled the guest still uses MSRs, and all but two are refused.

use super::super::answer::{Exit, Reading};
use super::super::script::Register;
use super::super::shared::Shared;
use super::{Kvm, Virtualization};
use crate::lapic::{ApicMode, Lvtt, Svr, Tdcr, TimerMode};
use crate::units::{Ns, Tsc, Vector};

/// The access is refused.
pub(super) struct Gp;

type Access = Result<(), Gp>;

impl Kvm {
    /// The guest's write: what the processor virtualizes, it does; all else exits.
    pub(super) fn guest_writes(&mut self, sh: &mut Shared, register: Register, value: u64) -> Access {
        let x2apic = self.base.mode() == ApicMode::X2apic;
        let virtualized = matches!(register, Register::Tpr | Register::Eoi | Register::SelfIpi)
            && self.apicv_active()
            && (x2apic || register != Register::SelfIpi);
        if !virtualized {
            self.leave(sh, self.write_exit(register));
            return self.guest_write_emulated(sh, register, value);
        }
        let byte = value as u8;
        // "Virtualizing MSR-Based APIC Accesses": EOI takes 0 only, the others 8 bits.
        let refused = if register == Register::Eoi { value != 0 } else { value > 0xff };
        if x2apic && refused {
            return Err(Gp);
        }
        match register {
            Register::Tpr => {
                self.vapic.write_tpr(byte);
            }
            Register::Eoi => self.guest_eoi(sh),
            _ if byte < 16 => {
                // Not a vector that self-IPI virtualization takes: KVM emulates it, and parks it in IRR.
                let incomplete = self.virtualization == Virtualization::Avic;
                self.leave(sh, if incomplete { Exit::AvicIncompleteIpi } else { Exit::ApicWrite });
                self.accept_from_thread(sh, Vector::new(byte));
            }
            _ => {
                self.vapic.self_ipi(Vector::new(byte));
            }
        }
        Ok(())
    }

    fn guest_write_emulated(&mut self, sh: &mut Shared, register: Register, value: u64) -> Access {
        if register == Register::ApicBase {
            self.base = self.base.written(value).ok_or(Gp)?;
            return Ok(());
        }
        self.host_writes(sh, register, value)
    }

    /// EOI, with whatever the processor does about it.
    pub(super) fn guest_eoi(&mut self, sh: &mut Shared) {
        if !self.apicv_active() {
            self.leave(sh, self.write_exit(Register::Eoi));
            self.vapic.eoi_before_evaluation();
            return;
        }
        let Some(v) = self.vapic.eoi_before_evaluation() else { return };
        if self.eoi_exits.contains(v) {
            let avic = self.virtualization == Virtualization::Avic;
            self.leave(sh, if avic { Exit::AvicUnacceleratedAccess } else { Exit::EoiInduced });
        } else {
            self.vapic.evaluate();
        }
    }

    /// The write itself: the guest's, once it was intercepted, or user space's (`KVM_SET_MSRS`).
    pub(super) fn host_writes(&mut self, sh: &mut Shared, register: Register, value: u64) -> Access {
        match register {
            Register::ApicBase => {
                self.base = self.base.written_by_host(value).ok_or(Gp)?;
                Ok(())
            }
            Register::TscDeadline => {
                self.write_tsc_deadline(sh, Tsc::from_cycles(value));
                Ok(())
            }
            _ => match self.base.mode() {
                ApicMode::X2apic if value >> 32 == 0 => self.reg_write(sh, register, value as u32),
                ApicMode::Xapic => {
                    let _ignored = self.reg_write(sh, register, value as u32);
                    Ok(())
                }
                ApicMode::X2apic | ApicMode::Disabled | ApicMode::Invalid => Err(Gp),
            },
        }
    }

    /// `kvm_lapic_reg_write`.
    fn reg_write(&mut self, sh: &mut Shared, register: Register, value: u32) -> Access {
        let x2apic = self.base.mode() == ApicMode::X2apic;
        match register {
            Register::Lvtt => {
                let lvtt = Lvtt::from_written(value);
                self.lvtt = if self.svr.enabled() { lvtt } else { lvtt.mask() };
                self.update_lvtt(sh);
            }
            Register::Tdcr => self.write_tdcr(sh, Tdcr::from_written(value)),
            Register::Tmict => {
                if self.timer.mode != TimerMode::TscDeadline {
                    self.cancel_timer(sh);
                    self.tmict = value;
                    self.start_timer(sh, None);
                }
            }
            Register::Svr => {
                self.svr = Svr::from_written(value);
                if !self.svr.enabled() {
                    self.lvtt = self.lvtt.mask();
                    self.update_lvtt(sh);
                    self.timer.pending = false;
                }
            }
            Register::Tpr => self.vapic.set_tpr(value as u8),
            Register::Eoi => {
                self.vapic.eoi_before_evaluation();
            }
            Register::Esr if x2apic && value != 0 => return Err(Gp),
            // KVM keeps no errors.
            Register::Esr => {}
            Register::SelfIpi if x2apic && value <= 0xff => self.accept_from_thread(sh, Vector::new(value as u8)),
            Register::SelfIpi
            | Register::Tmcct
            | Register::Ppr
            | Register::Irr
            | Register::Isr
            | Register::ApicBase
            | Register::TscDeadline => return Err(Gp),
        }
        Ok(())
    }

    fn write_tdcr(&mut self, sh: &mut Shared, tdcr: Tdcr) {
        let old = self.tdcr.divisor();
        self.tdcr = tdcr;
        let running = self.timer.period != Ns::ZERO && sh.kernel.rules().tdcr_applies_at_once;
        if tdcr.divisor() != old && running {
            self.hrtimer = None;
            self.timer.rescale(self.tmict, sh.rate(tdcr.divisor()), old, sh.clock.instant());
            self.restart_timer(sh);
        }
    }

    /// `kvm_set_lapic_tscdeadline_msr`.
    pub(super) fn write_tsc_deadline(&mut self, sh: &mut Shared, deadline: Tsc) {
        if self.base.enabled() && self.timer.mode == TimerMode::TscDeadline {
            self.hrtimer = None;
            self.timer.tscdeadline = deadline;
            self.start_timer(sh, None);
        }
    }

    /// `apic_update_lvtt`.
    pub(super) fn update_lvtt(&mut self, sh: &Shared) {
        let (old, new) = (self.timer.mode, self.lvtt.mode());
        if old == new {
            return;
        }
        if !sh.kernel.rules().mode_change_keeps_counting {
            self.hrtimer = None;
            self.timer.stop_hv();
            self.timer.mode = new;
            return;
        }
        if (old == TimerMode::TscDeadline) != (new == TimerMode::TscDeadline) {
            self.cancel_timer(sh);
            self.tmict = 0;
            self.timer.period = Ns::ZERO;
            self.timer.tscdeadline = Tsc::ZERO;
        }
        self.timer.mode = new;
        self.timer.limit_period();
    }

    /// `kvm_get_lapic_tscdeadline_msr`.
    pub(super) fn tsc_deadline(&self) -> Tsc {
        let readable = self.base.enabled() && self.timer.mode == TimerMode::TscDeadline;
        if readable { self.timer.tscdeadline } else { Tsc::ZERO }
    }

    pub(super) fn current_count(&self, sh: &Shared) -> u32 {
        self.timer.current_count(self.tmict, sh.rate(self.tdcr.divisor()), sh.now())
    }

    /// Counts the exit of a guest's read, if it is one.
    pub(super) fn guest_reads(&mut self, sh: &mut Shared, register: Register) {
        let msr = matches!(register, Register::ApicBase | Register::TscDeadline);
        let xapic = self.base.mode() == ApicMode::Xapic;
        let from_page = self.apicv_active()
            && !msr
            && register != Register::Tmcct
            && (xapic || !matches!(register, Register::Eoi | Register::SelfIpi));
        if from_page {
            return;
        }
        let exit = match (self.virtualization, msr || !xapic) {
            (Virtualization::Avic, _) if !msr && self.apicv_active() => Exit::AvicUnacceleratedAccess,
            (Virtualization::Avic, _) => Exit::Msr,
            (_, true) => Exit::MsrRead,
            (_, false) => Exit::ApicAccess,
        };
        self.leave(sh, exit);
    }

    fn write_exit(&self, register: Register) -> Exit {
        let msr = matches!(register, Register::ApicBase | Register::TscDeadline);
        let xapic = self.base.mode() == ApicMode::Xapic;
        match (self.virtualization, msr || !xapic) {
            (Virtualization::Avic, _) if !msr && self.apicv_active() => Exit::AvicUnacceleratedAccess,
            (Virtualization::Avic, _) => Exit::Msr,
            (_, true) => Exit::MsrWrite,
            (Virtualization::Posted, false) => Exit::ApicWrite,
            (Virtualization::None, false) => Exit::ApicAccess,
        }
    }

    /// What a read gives, whoever reads.
    pub(super) fn register(&self, sh: &Shared, register: Register) -> Reading {
        let mode = self.base.mode();
        let always = matches!(register, Register::ApicBase | Register::TscDeadline);
        if !always && !matches!(mode, ApicMode::X2apic | ApicMode::Xapic) {
            return Reading::GeneralProtection;
        }
        Reading::Value(match register {
            Register::Lvtt => self.lvtt.register().into(),
            Register::Tdcr => self.tdcr.register().into(),
            Register::Tmict => self.tmict.into(),
            Register::Tmcct => self.current_count(sh).into(),
            Register::Svr => self.svr.register().into(),
            Register::ApicBase => self.base.register(),
            Register::Tpr => self.vapic.vtpr().into(),
            Register::Ppr => self.vapic.vppr().into(),
            Register::TscDeadline => self.tsc_deadline().as_cycles(),
            Register::Irr => return Reading::Bank(*self.vapic.virr()),
            Register::Isr => return Reading::Bank(*self.vapic.visr()),
            Register::Esr => 0,
            Register::Eoi | Register::SelfIpi if mode == ApicMode::X2apic => return Reading::GeneralProtection,
            Register::Eoi | Register::SelfIpi => 0,
        })
    }
}
