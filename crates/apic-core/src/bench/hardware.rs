//! No hypervisor: a processor's own local APIC, as the manual describes it.
//!
//! What differs from KVM: a masked expiry is lost on every path; the current count reads the initial count at the instant of
//! loading; there is no shortest period; errors are logged; a disabled local APIC forgets its registers; reserved bits are
//! refused in x2APIC mode.
//!
//! There is no VM, so there are no VM exits and no descriptor: `post` is a message from a device, `notify`, `exit`, `entry`
//! and `eoi-exit` change nothing, and while the VM does not run (`pause`) the processor executes nothing and the timer
//! counts on. `save` and `restore` are software that writes the registers back, the count where it stood.

use super::answer::{DescriptorState, Outcome, Reading};
use super::script::Register;
use super::shared::Shared;
use super::world::Local;
use crate::kvm::VcpuMode;
use crate::lapic::{ApicBase, ApicMode, Lvtt, Svr, Tdcr, TimerMode, VirtualApic, regs::esr};
use crate::units::{CpuId, Ns, Tsc, Vector};
use crate::vmx::PiDesc;

#[derive(Clone)]
pub(super) struct Hardware {
    base: ApicBase,
    svr: Svr,
    lvtt: Lvtt,
    tdcr: Tdcr,
    tmict: u32,
    /// When the count reaches 0.
    zero_at: Option<Ns>,
    deadline: Tsc,
    /// ESR as it reads, and what it will read after the next write.
    esr: u32,
    errors: u32,
    irr_isr: VirtualApic,
    executing: bool,
    saved: Option<Box<(Self, Ns)>>,
}

impl Hardware {
    pub(super) fn new() -> Self {
        Self {
            base: ApicBase::X2APIC,
            svr: Svr::from_written(0x1ff),
            lvtt: Lvtt::RESET,
            tdcr: Tdcr::default(),
            tmict: 0,
            zero_at: None,
            deadline: Tsc::ZERO,
            esr: 0,
            errors: 0,
            irr_isr: VirtualApic::default(),
            executing: true,
            saved: None,
        }
    }

    fn tick(&self, sh: &Shared) -> u64 {
        sh.rate(self.tdcr.divisor()).tick().as_ns()
    }

    /// The counter: rounded up, so that it is the initial count until the first tick has passed.
    fn count(&self, sh: &Shared) -> u32 {
        let left = self.zero_at.map_or(0, |at| at.minus(sh.now()).as_ns());
        left.div_ceil(self.tick(sh)) as u32
    }

    /// An interrupt arrives: below 16 it is an error instead.
    fn request(&mut self, v: Vector) {
        if v.number() < 16 {
            self.errors |= esr::RECEIVE_ILLEGAL_VECTOR;
        } else {
            self.irr_isr.request(v);
        }
    }

    fn write_base(&mut self, value: u64) -> Option<()> {
        let new = self.base.written(value)?;
        if !new.enabled() {
            // "Local APIC State After Power-Up or Reset".
            *self = Self { base: new, svr: Svr::RESET, saved: self.saved.take(), ..Self::new() };
        }
        self.base = new;
        Some(())
    }

    fn write_lvtt(&mut self, lvtt: Lvtt) {
        let (old, new) = (self.lvtt.mode(), lvtt.mode());
        if (old == TimerMode::TscDeadline) != (new == TimerMode::TscDeadline) {
            (self.zero_at, self.tmict, self.deadline) = (None, 0, Tsc::ZERO);
        }
        self.lvtt = if self.svr.enabled() { lvtt } else { lvtt.mask() };
    }

    fn write_tdcr(&mut self, sh: &Shared, tdcr: Tdcr) {
        let left = self.zero_at.map_or(0, |at| at.minus(sh.now()).as_ns());
        let (old, new) = (self.tdcr.divisor().factor(), tdcr.divisor().factor());
        self.tdcr = tdcr;
        let scaled = u128::from(left) * u128::from(new) / u128::from(old);
        let scaled = Ns::from_ns(u64::try_from(scaled).unwrap_or(u64::MAX));
        self.zero_at = self.zero_at.map(|_| sh.now().plus(scaled));
    }

    fn write_x2apic(&mut self, sh: &Shared, register: Register, value: u64) -> Option<()> {
        let low = u32::try_from(value).ok()?;
        let refused = match register {
            Register::Lvtt => Lvtt::has_reserved(low) || Lvtt::from_written(low).mode() == TimerMode::Reserved,
            Register::Tdcr => Tdcr::has_reserved(low),
            Register::Svr => Svr::has_reserved(low),
            Register::Tpr | Register::SelfIpi => low > 0xff,
            Register::Eoi | Register::Esr => low != 0,
            Register::Tmict => false,
            _ => true,
        };
        if refused {
            return None;
        }
        self.write_register(sh, register, low);
        Some(())
    }

    fn write_register(&mut self, sh: &Shared, register: Register, value: u32) {
        match register {
            Register::Lvtt => self.write_lvtt(Lvtt::from_written(value & !(1 << 12))),
            Register::Tdcr => self.write_tdcr(sh, Tdcr::from_written(value)),
            Register::Tmict if self.lvtt.mode() != TimerMode::TscDeadline => {
                self.tmict = value;
                let count = sh.rate(self.tdcr.divisor()).ns_of(value);
                self.zero_at = (value != 0).then(|| sh.now().plus(count));
            }
            Register::Svr => {
                self.svr = Svr::from_written(value);
                if !self.svr.enabled() {
                    self.lvtt = self.lvtt.mask();
                }
            }
            Register::Tpr => {
                self.irr_isr.write_tpr(value as u8);
            }
            Register::Eoi => {
                self.irr_isr.eoi();
            }
            Register::Esr => self.esr = std::mem::take(&mut self.errors),
            Register::SelfIpi if self.base.mode() == ApicMode::X2apic => match value as u8 {
                0..16 => self.errors |= esr::SEND_ILLEGAL_VECTOR,
                vector => {
                    self.irr_isr.request(Vector::new(vector));
                }
            },
            _ => {}
        }
    }
}

impl Local for Hardware {
    fn write(&mut self, sh: &mut Shared, register: Register, value: u64) -> Outcome {
        let written = match register {
            Register::ApicBase => self.write_base(value),
            Register::TscDeadline => {
                if self.base.enabled() && self.lvtt.mode() == TimerMode::TscDeadline {
                    self.deadline = Tsc::from_cycles(value);
                }
                Some(())
            }
            _ => match self.base.mode() {
                ApicMode::X2apic => self.write_x2apic(sh, register, value),
                ApicMode::Xapic => {
                    self.write_register(sh, register, value as u32);
                    Some(())
                }
                ApicMode::Disabled | ApicMode::Invalid => None,
            },
        };
        if written.is_some() { Outcome::Done } else { Outcome::Fault }
    }

    fn read(&mut self, sh: &mut Shared, register: Register) -> Reading {
        let mode = self.base.mode();
        Reading::Value(match register {
            Register::ApicBase => self.base.register(),
            Register::TscDeadline => self.deadline.as_cycles(),
            _ if !self.base.enabled() => return Reading::GeneralProtection,
            Register::Eoi | Register::SelfIpi if mode == ApicMode::X2apic => return Reading::GeneralProtection,
            Register::Eoi | Register::SelfIpi => 0,
            Register::Lvtt => self.lvtt.register().into(),
            Register::Tdcr => self.tdcr.register().into(),
            Register::Tmict => self.tmict.into(),
            Register::Tmcct => self.count(sh).into(),
            Register::Svr => self.svr.register().into(),
            Register::Tpr => self.irr_isr.vtpr().into(),
            Register::Ppr => self.irr_isr.vppr().into(),
            Register::Esr => self.esr.into(),
            Register::Irr => return Reading::Bank(*self.irr_isr.virr()),
            Register::Isr => return Reading::Bank(*self.irr_isr.visr()),
        })
    }

    fn next_due(&self, sh: &Shared) -> Option<Ns> {
        if self.deadline != Tsc::ZERO {
            return Some(sh.clock.when(self.deadline).max(sh.now()));
        }
        self.zero_at
    }

    fn due(&mut self, sh: &mut Shared) {
        sh.expired();
        self.deadline = Tsc::ZERO;
        if let Some(at) = self.zero_at {
            let period = sh.rate(self.tdcr.divisor()).ns_of(self.tmict);
            self.zero_at = (self.lvtt.mode() == TimerMode::Periodic && self.tmict != 0).then(|| at.plus(period));
        }
        if !self.lvtt.masked() {
            self.request(self.lvtt.vector());
        }
    }

    fn settle(&mut self, sh: &mut Shared) {
        let takes = self.executing && sh.interrupt_flag && self.base.enabled();
        while takes && self.irr_isr.evaluate_at_entry() {
            let Some(v) = self.irr_isr.deliver() else { return };
            sh.handler(v);
            if sh.auto_eoi {
                self.irr_isr.eoi();
            }
        }
    }

    fn hlt(&mut self, sh: &mut Shared) {
        sh.halted = true;
    }

    fn stop(&mut self, _: &mut Shared) {
        self.executing = false;
    }

    fn resume(&mut self, _: &mut Shared) {
        self.executing = true;
    }

    fn save(&mut self, sh: &mut Shared) {
        self.saved = None;
        self.saved = Some(Box::new((self.clone(), sh.now())));
    }

    fn restore(&mut self, sh: &mut Shared) -> bool {
        let Some(saved) = self.saved.take() else { return false };
        let (then, at) = &*saved;
        let zero_at = then.zero_at.map(|zero| sh.now().plus(zero.minus(*at)));
        *self = Self { zero_at, saved: Some(saved.clone()), ..then.clone() };
        true
    }

    fn post(&mut self, _: &mut Shared, v: Vector) {
        self.request(v);
    }

    fn land(&mut self, _: &mut Shared) {}

    fn notify(&mut self, _: &mut Shared) {}

    fn exit(&mut self, _: &mut Shared) {}

    fn entry(&mut self, _: &mut Shared) {}

    fn eoi_exit(&mut self, _: Vector, _: bool) {}

    fn state(&self, sh: &Shared) -> DescriptorState {
        let none = PiDesc::new(CpuId(0));
        let mut mode = VcpuMode::default();
        mode.store_in_guest();
        DescriptorState {
            pir: *none.pir(),
            on: false,
            sn: false,
            nv: none.nv(),
            ndst: none.ndst(),
            virr: *self.irr_isr.virr(),
            visr: *self.irr_isr.visr(),
            rvi: self.irr_isr.rvi(),
            svi: self.irr_isr.svi(),
            vppr: self.irr_isr.vppr(),
            mode: mode.get(),
            halted: sh.halted,
        }
    }
}
