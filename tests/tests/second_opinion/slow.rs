//! The bench's KVM once more, as slowly and as literally as the kernel's source reads: raw register words at their offsets,
//! arrays of bits, signed nanoseconds, functions in the order of `arch/x86/kvm/lapic.c`. Nothing is shared with the model but
//! the language of the script.
#![expect(clippy::cast_sign_loss, clippy::cast_possible_wrap, reason = "as the kernel mixes its s64 and u64")]

use apic_core::bench::script::{Command, Register, TimerPath, Vendor};
use apic_core::bench::{Answer, DescriptorState, Exit, Fired, Kernel, Outcome, Reading, World};
use apic_core::kvm::{Mode, VcpuMode};
use apic_core::lapic::VectorSet;
use apic_core::units::{CpuId, Ns, Vector};
use std::collections::BTreeMap;
use std::convert::Infallible;

mod lapic;
mod vcpu;

pub(crate) const APIC_TASKPRI: usize = 0x80;
pub(crate) const APIC_PROCPRI: usize = 0xa0;
pub(crate) const APIC_EOI: usize = 0xb0;
pub(crate) const APIC_SPIV: usize = 0xf0;
pub(crate) const APIC_ESR: usize = 0x280;
pub(crate) const APIC_LVTT: usize = 0x320;
pub(crate) const APIC_TMICT: usize = 0x380;
pub(crate) const APIC_TMCCT: usize = 0x390;
pub(crate) const APIC_TDCR: usize = 0x3e0;
pub(crate) const APIC_SELF_IPI: usize = 0x3f0;

pub(crate) const APIC_LVT_MASKED: u32 = 1 << 16;
pub(crate) const TIMER_MODE_MASK: u32 = 3 << 17;
pub(crate) const ONESHOT: u32 = 0;
pub(crate) const PERIODIC: u32 = 1 << 17;
pub(crate) const TSCDEADLINE: u32 = 2 << 17;
pub(crate) const X2APIC_ENABLE: u64 = 1 << 10;
pub(crate) const ENABLE: u64 = 1 << 11;

/// Where the thread is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    Guest,
    Loop,
    Away,
    Sleep,
}

#[derive(Clone)]
pub(crate) struct SavedState {
    apic_base: u64,
    regs: [u32; 0x400],
    irr: [bool; 256],
    isr: [bool; 256],
    tscdeadline: u64,
}

pub(crate) struct Slow {
    pub(crate) kernel: Kernel,
    pub(crate) svm: bool,
    pub(crate) path: TimerPath,
    pub(crate) bus_cycle_ns: u64,
    pub(crate) tsc_khz: u64,
    pub(crate) auto_eoi: bool,
    pub(crate) now: i64,

    pub(crate) apic_base: u64,
    pub(crate) regs: [u32; 0x400],
    pub(crate) irr: [bool; 256],
    pub(crate) isr: [bool; 256],
    pub(crate) timer_mode: u32,
    pub(crate) divide_count: u32,
    pub(crate) period: i64,
    pub(crate) target_expiration: i64,
    pub(crate) tscdeadline: u64,
    pub(crate) pending: i32,
    pub(crate) hv_timer_in_use: bool,
    pub(crate) hrtimer: Option<i64>,

    pub(crate) pir: [bool; 256],
    pub(crate) on: bool,
    pub(crate) ipi_on_its_way: bool,
    pub(crate) eoi_exit_bitmap: [bool; 256],

    pub(crate) rvi: u32,
    pub(crate) svi: u32,
    pub(crate) recognised: bool,
    pub(crate) in_guest_mode: bool,
    pub(crate) at: At,
    pub(crate) hv_before_sleep: bool,
    pub(crate) rflags_if: bool,
    pub(crate) hlt: bool,
    pub(crate) saved: Option<SavedState>,

    pub(crate) expiries: u64,
    pub(crate) ipis: u64,
    pub(crate) fired: Vec<Fired>,
    pub(crate) exits: BTreeMap<Exit, u64>,
}

impl Slow {
    pub(crate) fn new(svm: bool) -> Self {
        let mut regs = [0; 0x400];
        regs[APIC_LVTT] = APIC_LVT_MASKED;
        regs[APIC_SPIV] = 0x1ff;
        Self {
            kernel: Kernel::LATEST,
            svm,
            path: TimerPath::Pending,
            bus_cycle_ns: 1,
            tsc_khz: 1_000_000,
            auto_eoi: true,
            now: 0,
            apic_base: 0xfee0_0d00,
            regs,
            irr: [false; 256],
            isr: [false; 256],
            timer_mode: ONESHOT,
            divide_count: 2,
            period: 0,
            target_expiration: 0,
            tscdeadline: 0,
            pending: 0,
            hv_timer_in_use: false,
            hrtimer: None,
            pir: [false; 256],
            on: false,
            ipi_on_its_way: false,
            eoi_exit_bitmap: [false; 256],
            rvi: 0,
            svi: 0,
            recognised: false,
            in_guest_mode: true,
            at: At::Guest,
            hv_before_sleep: false,
            rflags_if: true,
            hlt: false,
            saved: None,
            expiries: 0,
            ipis: 0,
            fired: Vec::new(),
            exits: BTreeMap::new(),
        }
    }

    pub(crate) fn release(&self, major: u8, minor: u8) -> bool {
        let (is_major, is_minor) = self.kernel.base();
        u32::from(is_major) * 100 + u32::from(is_minor) >= u32::from(major) * 100 + u32::from(minor)
    }

    pub(crate) fn count_exit(&mut self, exit: Exit) {
        *self.exits.entry(exit).or_insert(0) += 1;
    }

    /// Guest TSC at a time; the frequency never changes after time 0 here.
    pub(crate) fn tsc_at(&self, ns: i64) -> u64 {
        (ns as u128 * u128::from(self.tsc_khz) / 1_000_000) as u64
    }

    /// The first time at which the TSC has reached a value.
    pub(crate) fn time_of(&self, tsc: u64) -> i64 {
        let ns = (u128::from(tsc) * 1_000_000).div_ceil(u128::from(self.tsc_khz));
        i64::try_from(ns).unwrap_or(i64::MAX)
    }

    fn advance(&mut self, ns: i64) {
        let end = self.now + ns;
        loop {
            let hr = self.hrtimer_time();
            let hv = self.preemption_timer_time();
            let next = hr.into_iter().chain(hv).min().unwrap_or(i64::MAX);
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            if self.hrtimer_time().is_some_and(|t| t <= self.now) {
                self.hrtimer_interrupt();
            } else {
                self.preemption_timer_exit();
            }
            self.everything_at_this_instant();
        }
        self.now = end;
    }

    fn question(&mut self, command: Command) -> Outcome {
        Outcome::Answer(match command {
            Command::Expiries => Answer::Expiries(std::mem::replace(&mut self.expiries, 0)),
            Command::Ipis => Answer::Ipis(std::mem::replace(&mut self.ipis, 0)),
            Command::Fired => Answer::Fired(std::mem::take(&mut self.fired)),
            Command::Exits => Answer::Exits(std::mem::take(&mut self.exits).into_iter().collect()),
            Command::Read(register) => Answer::Register(register, self.read(register)),
            _ => Answer::State(Box::new(self.state())),
        })
    }

    fn state(&self) -> DescriptorState {
        let mut mode = VcpuMode::default();
        if self.in_guest_mode {
            mode.store_in_guest();
        }
        assert_eq!(mode.get() == Mode::InGuest, self.in_guest_mode);
        DescriptorState {
            pir: set(&self.pir),
            on: self.on,
            sn: false,
            nv: Vector::new(0xf2),
            ndst: CpuId(0),
            virr: set(&self.irr),
            visr: set(&self.isr),
            rvi: self.rvi as u8,
            svi: self.svi as u8,
            vppr: self.regs[APIC_PROCPRI] as u8,
            mode: mode.get(),
            halted: self.hlt,
        }
    }

    fn read(&mut self, register: Register) -> Reading {
        if self.at == At::Guest && !self.hlt {
            self.exit_for_read(register);
        } else {
            self.out_to_user_space();
        }
        match register {
            Register::ApicBase => return Reading::Value(self.apic_base),
            Register::TscDeadline => return Reading::Value(self.kvm_get_lapic_tscdeadline_msr()),
            _ => {}
        }
        if self.apic_base & ENABLE == 0 {
            return Reading::GeneralProtection;
        }
        let write_only = matches!(register, Register::Eoi | Register::SelfIpi);
        match register {
            _ if write_only && self.apic_base & X2APIC_ENABLE != 0 => Reading::GeneralProtection,
            _ if write_only => Reading::Value(0),
            Register::Irr => Reading::Bank(set(&self.irr)),
            Register::Isr => Reading::Bank(set(&self.isr)),
            Register::Tmcct => Reading::Value(self.apic_get_tmcct().into()),
            _ => Reading::Value(self.regs[offset(register)].into()),
        }
    }
}

pub(crate) fn offset(register: Register) -> usize {
    match register {
        Register::Lvtt => APIC_LVTT,
        Register::Tdcr => APIC_TDCR,
        Register::Tmict => APIC_TMICT,
        Register::Tmcct => APIC_TMCCT,
        Register::Svr => APIC_SPIV,
        Register::Tpr => APIC_TASKPRI,
        Register::Ppr => APIC_PROCPRI,
        Register::Eoi => APIC_EOI,
        Register::SelfIpi => APIC_SELF_IPI,
        Register::Irr => 0x200,
        Register::Isr => 0x100,
        Register::Esr => APIC_ESR,
        Register::ApicBase | Register::TscDeadline => unreachable!("MSRs of their own"),
    }
}

fn set(bits: &[bool; 256]) -> VectorSet {
    let mut set = VectorSet::default();
    for n in (0..=255u8).filter(|&n| bits[usize::from(n)]) {
        set.test_and_set(Vector::new(n));
    }
    set
}

impl World for Slow {
    type Error = Infallible;

    fn obey(&mut self, command: Command) -> Result<Outcome, Infallible> {
        use Command::{Entry, EoiExit, Exit as Leave, Hlt, Ipis, Notify, Post, State};
        if !matches!(command, Post(_) | Notify | Leave | State | Ipis | EoiExit(..)) {
            if self.ipi_on_its_way {
                self.ipi_on_its_way = false;
                self.notification_interrupt();
            }
            self.everything_at_this_instant();
        }
        let mut outcome = Outcome::Done;
        match command {
            Command::Era(kernel) => self.kernel = kernel,
            Command::Vendor(vendor) => assert_eq!(vendor == Vendor::Svm, self.svm, "the vendor stays"),
            Command::Path(path) => self.path = path,
            Command::Bus(bus) => self.bus_cycle_ns = bus.as_ns(),
            Command::TscKhz(khz) => {
                assert_eq!(self.now, 0, "the frequency stays");
                self.tsc_khz = khz.as_khz();
            }
            Command::AutoEoi(on) => self.auto_eoi = on,
            Command::Write(register, value) => {
                if !self.write(register, value) {
                    outcome = Outcome::Fault;
                }
            }
            Command::Tpr(tpr) => {
                if !self.write(Register::Tpr, tpr.into()) {
                    outcome = Outcome::Fault;
                }
            }
            Command::Eoi => {
                if !self.write(Register::Eoi, 0) {
                    outcome = Outcome::Fault;
                }
            }
            Command::Advance(span) => self.advance(span.as_ns() as i64),
            Command::Pause(span) => {
                let ran = self.at != At::Away;
                self.go_away();
                self.advance(span.as_ns() as i64);
                if ran {
                    self.at = At::Loop;
                }
            }
            Hlt if self.at == At::Guest && !self.hlt => {
                self.hlt = true;
                if self.path != TimerPath::Posted {
                    self.vmexit(Exit::Hlt);
                }
            }
            Hlt => {}
            Command::InterruptFlag(on) => self.rflags_if = on,
            Command::Save => self.kvm_get_lapic(),
            Command::Restore => self.kvm_set_lapic(),
            Post(v) => self.device_posts(v.number().into()),
            Notify => {
                self.ipi_on_its_way = false;
                self.notification_interrupt();
            }
            Leave => self.go_away(),
            Entry if self.at == At::Away => self.at = At::Loop,
            Entry => {}
            EoiExit(v, on) => self.eoi_exit_bitmap[usize::from(v.number())] = on,
            Command::Read(_) | Command::Expiries | Command::Fired | Ipis | Command::Exits | State => {
                outcome = self.question(command);
            }
        }
        self.everything_at_this_instant();
        self.advance(0);
        Ok(outcome)
    }
}

pub(crate) fn at(now: i64) -> Ns {
    Ns::from_ns(now as u64)
}
