//! QEMU's local APIC in user space (`hw/intc/apic.c`, `apic_common.c`), under KVM without an in-kernel one.
//!
//! What differs from KVM: a count of N lasts N + 1 ticks; TMCCT reads N at the instant of loading; a masked timer is not
//! armed at all; a new divisor moves the count but not the timer that is armed; after reset the count is not divided,
//! whatever TDCR reads; there is no TSC-deadline mode and no shortest period; the virtual clock stands still while the VM
//! is paused; a vector below 16 is delivered if nothing has priority.
//!
//! There is no descriptor: `post` is an interrupt that a device thread raises, `notify` and `eoi-exit` change nothing.

use super::answer::{DescriptorState, Exit, Outcome, Reading};
use super::script::Register;
use super::shared::Shared;
use super::world::Local;
use crate::kvm::VcpuMode;
use crate::lapic::{ApicBase, ApicMode, Lvtt, Svr, Tdcr, VirtualApic, regs::esr};
use crate::units::{CpuId, Ns, Vector};
use crate::vmx::PiDesc;

/// LVTT bit 17, which is all that QEMU looks at.
const PERIODIC: u32 = 1 << 17;

#[derive(Clone)]
struct Registers {
    base: ApicBase,
    svr: Svr,
    /// As written: QEMU keeps every bit.
    lvtt: u32,
    tdcr: Tdcr,
    /// `count_shift`: 0 until TDCR is written.
    divided: u64,
    initial_count: u32,
    load_time: Ns,
    /// `timer_expiry`, by the virtual clock.
    timer: Option<Ns>,
    esr: u32,
    irr_isr: VirtualApic,
}

pub(super) struct Qemu {
    regs: Registers,
    /// How long the virtual clock stood still.
    stood_still: Ns,
    stopped_at: Option<Ns>,
    in_guest: bool,
    window: bool,
    saved: Option<Registers>,
}

impl Qemu {
    pub(super) fn new() -> Self {
        let regs = Registers {
            base: ApicBase::X2APIC,
            svr: Svr::from_written(0x1ff),
            lvtt: Lvtt::RESET.register(),
            tdcr: Tdcr::default(),
            divided: 1,
            initial_count: 0,
            load_time: Ns::ZERO,
            timer: None,
            esr: 0,
            irr_isr: VirtualApic::default(),
        };
        Self { regs, stood_still: Ns::ZERO, stopped_at: None, in_guest: true, window: false, saved: None }
    }

    /// `QEMU_CLOCK_VIRTUAL`.
    fn clock(&self, sh: &Shared) -> Ns {
        self.stopped_at.unwrap_or(sh.now()).minus(self.stood_still)
    }

    /// Ticks since the count was loaded.
    fn ticks(&self, now: Ns, sh: &Shared) -> u64 {
        now.minus(self.regs.load_time).as_ns() / (sh.bus.as_ns() * self.regs.divided)
    }

    fn periodic(&self) -> bool {
        self.regs.lvtt & PERIODIC != 0
    }

    fn masked(&self) -> bool {
        Lvtt::from_written(self.regs.lvtt).masked()
    }

    /// `apic_timer_update` with `apic_next_timer`.
    fn update_timer(&mut self, now: Ns, sh: &Shared) {
        let initial = u64::from(self.regs.initial_count);
        let ticks = self.ticks(now, sh);
        let next = if self.masked() || self.periodic() && initial == 0 {
            None
        } else if self.periodic() {
            Some((ticks / (initial + 1) + 1) * (initial + 1))
        } else {
            (ticks < initial).then_some(initial + 1)
        };
        let tick = sh.bus.as_ns() * self.regs.divided;
        self.regs.timer = next.map(|n| self.regs.load_time.plus(Ns::from_ns(n.saturating_mul(tick))));
    }

    /// `apic_get_current_count`.
    fn current_count(&self, sh: &Shared) -> u32 {
        let initial = u64::from(self.regs.initial_count);
        let ticks = self.ticks(self.clock(sh), sh);
        let count = if self.periodic() { initial - ticks % (initial + 1) } else { initial.saturating_sub(ticks) };
        count as u32
    }

    /// `apic_irq_pending`: what could be delivered now.
    fn pending(&self) -> Option<Vector> {
        let v = self.regs.irr_isr.virr().highest().filter(|v| self.regs.svr.enabled() && v.number() != 0)?;
        let ppr = self.regs.irr_isr.vppr();
        (ppr == 0 || v.number() >> 4 > ppr >> 4).then_some(v)
    }

    fn running(&self, sh: &Shared) -> bool {
        self.in_guest && !sh.halted
    }

    /// Every access is an exit to user space, and back.
    fn access(&self, sh: &mut Shared, register: Register, msr: Exit) {
        let memory =
            self.regs.base.mode() == ApicMode::Xapic && !matches!(register, Register::ApicBase | Register::TscDeadline);
        if self.running(sh) {
            sh.exited(if memory { Exit::EptViolation } else { msr });
        }
    }

    /// `apic_set_base`.
    fn set_base(&mut self, value: u64) -> Option<()> {
        let new = self.regs.base.written(value)?;
        if !new.enabled() {
            self.regs.svr = Svr::from_written(self.regs.svr.register() & !0x100);
        }
        self.regs.base = new;
        Some(())
    }

    /// `apic_register_write`. `None` is refused, which matters in x2APIC mode.
    fn register_write(&mut self, sh: &Shared, register: Register, value: u32) -> Option<()> {
        match register {
            Register::Lvtt => {
                self.regs.lvtt = value;
                self.update_timer(self.clock(sh), sh);
            }
            Register::Tmict => {
                (self.regs.initial_count, self.regs.load_time) = (value, self.clock(sh));
                self.update_timer(self.regs.load_time, sh);
            }
            Register::Tdcr => {
                self.regs.tdcr = Tdcr::from_written(value);
                self.regs.divided = self.regs.tdcr.divisor().factor().into();
            }
            Register::Svr => self.regs.svr = Svr::from_written(value & 0x1ff),
            Register::Tpr => self.regs.irr_isr.set_tpr(value as u8),
            Register::Eoi => {
                self.regs.irr_isr.eoi_before_evaluation();
            }
            Register::SelfIpi if self.regs.base.mode() == ApicMode::X2apic => {
                self.regs.irr_isr.request(Vector::new(value as u8));
            }
            Register::SelfIpi => return None,
            // Read-only, and ESR: ignored.
            Register::Tmcct | Register::Ppr | Register::Irr | Register::Isr | Register::Esr => {}
            Register::ApicBase | Register::TscDeadline => {}
        }
        Some(())
    }
}

impl Local for Qemu {
    fn write(&mut self, sh: &mut Shared, register: Register, value: u64) -> Outcome {
        self.access(sh, register, Exit::MsrWrite);
        let written = match (register, self.regs.base.mode()) {
            (Register::ApicBase, _) => self.set_base(value),
            // No in-kernel local APIC: the MSR is there and does nothing.
            (Register::TscDeadline, _) => Some(()),
            (_, ApicMode::X2apic) => self.register_write(sh, register, value as u32),
            (_, ApicMode::Xapic) => self.register_write(sh, register, value as u32).or(Some(())),
            (_, ApicMode::Disabled | ApicMode::Invalid) => None,
        };
        if written.is_some() { Outcome::Done } else { Outcome::Fault }
    }

    fn read(&mut self, sh: &mut Shared, register: Register) -> Reading {
        self.access(sh, register, Exit::MsrRead);
        let mode = self.regs.base.mode();
        Reading::Value(match register {
            Register::ApicBase => self.regs.base.register(),
            Register::TscDeadline => 0,
            _ if !matches!(mode, ApicMode::X2apic | ApicMode::Xapic) => return Reading::GeneralProtection,
            Register::Lvtt => self.regs.lvtt.into(),
            Register::Tdcr => self.regs.tdcr.register().into(),
            Register::Tmict => self.regs.initial_count.into(),
            Register::Tmcct => self.current_count(sh).into(),
            Register::Svr => self.regs.svr.register().into(),
            Register::Tpr => self.regs.irr_isr.vtpr().into(),
            Register::Ppr => self.regs.irr_isr.vppr().into(),
            Register::Eoi => 0,
            Register::Irr => return Reading::Bank(*self.regs.irr_isr.virr()),
            Register::Isr => return Reading::Bank(*self.regs.irr_isr.visr()),
            Register::Esr => self.regs.esr.into(),
            Register::SelfIpi => {
                self.regs.esr |= esr::ILLEGAL_REGISTER;
                if mode == ApicMode::X2apic {
                    return Reading::GeneralProtection;
                }
                0
            }
        })
    }

    fn next_due(&self, _: &Shared) -> Option<Ns> {
        if self.stopped_at.is_some() { None } else { self.regs.timer.map(|at| at.plus(self.stood_still)) }
    }

    /// `apic_timer`, in the I/O thread, which kicks the vCPU with a signal.
    fn due(&mut self, sh: &mut Shared) {
        let Some(expiry) = self.regs.timer.take() else { return };
        sh.expired();
        let lvtt = Lvtt::from_written(self.regs.lvtt);
        if !lvtt.masked() {
            self.regs.irr_isr.request(lvtt.vector());
            if self.running(sh) {
                sh.exited(Exit::ExternalInterrupt);
            }
        }
        self.update_timer(expiry, sh);
    }

    fn settle(&mut self, sh: &mut Shared) {
        while let Some(v) = self.pending().filter(|_| self.in_guest) {
            if !sh.interrupt_flag {
                self.window = true;
                return;
            }
            if std::mem::take(&mut self.window) && !sh.halted {
                sh.exited(Exit::InterruptWindow);
            }
            self.regs.irr_isr.acknowledge(v);
            sh.handler(v);
            if sh.auto_eoi {
                self.write(sh, Register::Eoi, 0);
            }
        }
        self.window = false;
    }

    fn hlt(&mut self, sh: &mut Shared) {
        if self.running(sh) {
            sh.exited(Exit::Hlt);
        }
        sh.halted = true;
    }

    fn stop(&mut self, sh: &mut Shared) {
        self.stopped_at = Some(sh.now());
    }

    fn resume(&mut self, sh: &mut Shared) {
        if let Some(at) = self.stopped_at.take() {
            self.stood_still = self.stood_still.plus(sh.now().minus(at));
        }
    }

    fn save(&mut self, _: &mut Shared) {
        self.saved = Some(self.regs.clone());
    }

    /// `vmstate_apic_common`: times are kept as the virtual clock's, so what was due in between is due now.
    fn restore(&mut self, _: &mut Shared) -> bool {
        let Some(saved) = self.saved.clone() else { return false };
        self.regs = saved;
        true
    }

    fn post(&mut self, sh: &mut Shared, v: Vector) {
        self.regs.irr_isr.request(v);
        if self.running(sh) {
            sh.exited(Exit::ExternalInterrupt);
        }
    }

    fn land(&mut self, _: &mut Shared) {}

    fn notify(&mut self, _: &mut Shared) {}

    fn exit(&mut self, _: &mut Shared) {
        self.in_guest = false;
    }

    fn entry(&mut self, _: &mut Shared) {
        self.in_guest = true;
    }

    fn eoi_exit(&mut self, _: Vector, _: bool) {}

    fn state(&self, sh: &Shared) -> DescriptorState {
        let none = PiDesc::new(CpuId(0));
        let mut mode = VcpuMode::default();
        if self.in_guest {
            mode.store_in_guest();
        }
        let apic = &self.regs.irr_isr;
        DescriptorState {
            pir: *none.pir(),
            on: false,
            sn: false,
            nv: none.nv(),
            ndst: none.ndst(),
            virr: *apic.virr(),
            visr: *apic.visr(),
            rvi: apic.rvi(),
            svi: apic.svi(),
            vppr: apic.vppr(),
            mode: mode.get(),
            halted: sh.halted,
        }
    }
}
