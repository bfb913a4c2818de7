//! The kernel as a world that obeys the bench's script.

use std::thread;
use std::time::{Duration, Instant};

use apic_core::bench::script::{Command, Register};
use apic_core::bench::{Answer, Fired, Outcome, Reading, World};
use apic_core::lapic::{BusNs, VectorSet};
use apic_core::units::{Ns, Vector};
use kvm_bindings::kvm_lapic_state;

use crate::guest::{HandlerEoi, Stub};
use crate::host::Host;
use crate::observe::{Observation, READABLE};
use crate::vm::{End, Event, Ran, Vm, VmError, ioctl, msr};

/// How often the guest gets to run while time passes. Between two of these moments ticks coalesce, as they do for a
/// vCPU whose thread is not running.
const SLICE: Duration = Duration::from_micros(500);

/// Who accesses registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Route {
    /// The guest: `wrmsr`, `rdmsr` and `mov`.
    Guest,
    /// The host, by `KVM_SET_MSRS` and `KVM_GET_MSRS`; but `IA32_APIC_BASE` and the xAPIC page are the guest's.
    Host,
}

/// A command that a kernel cannot obey.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// The machine failed.
    #[error(transparent)]
    Vm(#[from] VmError),
    /// The kernel does not show it, or settles it before the VM exists.
    #[error("{0:?} cannot be asked of a running kernel")]
    NotAsked(Command),
}

/// A span of the script's time within which something happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Span {
    /// Not before.
    pub from: Ns,
    /// Not after.
    pub to: Ns,
}

impl Span {
    /// Its length.
    pub fn width(self) -> Ns {
        self.to.minus(self.from)
    }
}

struct Saved {
    page: kvm_lapic_state,
    apic_base: u64,
    tsc_deadline: u64,
}

/// A VM, and what the script has told it.
pub struct Kernel {
    vm: Vm,
    route: Route,
    start: Instant,
    /// Guest TSC at the script's time 0.
    tsc_start: u64,
    interrupts: bool,
    auto_eoi: bool,
    halted: bool,
    fired: Vec<Fired>,
    saved: Option<Saved>,
    span: Span,
}

impl Kernel {
    /// A fresh VM as a script finds it.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub fn new(host: &Host, route: Route, bus: Option<BusNs>) -> Result<Self, KernelError> {
        let vm = Vm::new(host, bus)?;
        let start = Instant::now();
        let tsc_start = vm.host_read(msr::TSC)?.unwrap_or_default();
        Ok(Self {
            vm,
            route,
            start,
            tsc_start,
            interrupts: true,
            auto_eoi: true,
            halted: false,
            fired: Vec::new(),
            saved: None,
            span: Span::default(),
        })
    }

    /// Time since the start.
    pub fn now(&self) -> Ns {
        self.at(Instant::now())
    }

    /// When the last command's effect took place.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Whether the guest halts.
    pub fn halted(&self) -> bool {
        self.halted
    }

    /// The guest's IF.
    pub fn interrupts(&self) -> bool {
        self.interrupts
    }

    /// Whether handlers end with an EOI.
    pub fn auto_eoi(&self) -> bool {
        self.auto_eoi
    }

    /// Whether there is something to restore.
    pub fn has_saved(&self) -> bool {
        self.saved.is_some()
    }

    /// The guest's TSC frequency, in kHz.
    ///
    /// # Errors
    /// If the kernel does not say.
    pub fn tsc_khz(&self) -> Result<u32, KernelError> {
        Ok(self.vm.vcpu.get_tsc_khz().map_err(ioctl("KVM_GET_TSC_KHZ"))?)
    }

    /// The machine itself, for what the script does not say.
    pub fn vm(&mut self) -> &mut Vm {
        &mut self.vm
    }

    /// All readable registers, as the guest could read them, but read by the host: the guest does not run.
    ///
    /// # Errors
    /// If the kernel fails.
    pub fn observe(&mut self) -> Result<Observation, KernelError> {
        let from = self.now();
        let own = self.vm.host_read_all([msr::APIC_BASE, msr::TSC_DEADLINE])?;
        let [apic_base, tsc_deadline] = own.unwrap_or_default();
        let words: Option<[u64; 24]> = match apic_base & 0xc00 {
            0xc00 => self.vm.host_read_all(REGISTERS)?,
            0x800 => {
                let page = self.vm.vcpu.get_lapic().map_err(ioctl("KVM_GET_LAPIC"))?;
                Some(REGISTERS.map(|index| in_page(&page, index)))
            }
            _ => None,
        };
        self.span = Span { from, to: self.now() };
        let mut observation = Observation([Reading::GeneralProtection; READABLE.len()]);
        for (place, register) in observation.0.iter_mut().zip(READABLE) {
            let at = REGISTERS.iter().position(|known| *known == index(register));
            *place = match (register, words, at) {
                (Register::ApicBase, ..) => Reading::Value(apic_base),
                (Register::TscDeadline, ..) => Reading::Value(self.to_script(tsc_deadline)),
                (Register::Irr | Register::Isr, Some(words), Some(at)) => Reading::Bank(vectors(&words[at..at + 8])),
                (_, Some(words), Some(at)) => Reading::Value(words[at]),
                _ => Reading::GeneralProtection,
            };
        }
        Ok(observation)
    }

    fn at(&self, instant: Instant) -> Ns {
        let since = instant.saturating_duration_since(self.start);
        Ns::from_ns(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    /// A deadline of the script's as one of the guest's, and back. 0 is no deadline in both.
    fn to_guest(&self, deadline: u64) -> u64 {
        if deadline == 0 { 0 } else { deadline.wrapping_add(self.tsc_start) }
    }

    fn to_script(&self, deadline: u64) -> u64 {
        if deadline == 0 { 0 } else { deadline.wrapping_sub(self.tsc_start) }
    }

    fn xapic(&self) -> Result<bool, KernelError> {
        Ok(self.vm.host_read(msr::APIC_BASE)?.is_some_and(|base| base & 0xc00 == 0x800))
    }

    fn end_handlers(&self) -> Result<(), KernelError> {
        let eoi = match (self.auto_eoi, self.xapic()?) {
            (false, _) => HandlerEoi::None,
            (true, false) => HandlerEoi::Msr,
            (true, true) => HandlerEoi::Mmio,
        };
        self.vm.end_handlers(eoi);
        Ok(())
    }

    /// Keeps what handlers reported.
    fn keep(&mut self, ran: &Ran) {
        for &(event, instant) in &ran.events {
            if let Event::Handler(vector) = event {
                self.fired.push(Fired { vector: Vector::new(vector), at: self.at(instant) });
            }
        }
    }

    fn run(&mut self, stub: Stub, index: u32, data: u64) -> Result<End, KernelError> {
        let from = self.now();
        let ran = self.vm.run(stub, self.interrupts, index, data)?;
        self.span = Span { from, to: self.now() };
        self.keep(&ran);
        Ok(ran.end)
    }

    /// Lets the guest take what it can take now.
    fn live(&mut self) -> Result<(), KernelError> {
        if self.halted {
            return self.halt(Duration::from_micros(200));
        }
        // A first run may only bring what is pending into IRR, for the second one to take.
        let mut quiet = 0;
        while quiet < 2 {
            let ran = self.vm.run(Stub::Live, self.interrupts, 0, 0)?;
            self.keep(&ran);
            quiet = if ran.is_quiet() { quiet + 1 } else { 0 };
        }
        Ok(())
    }

    fn halt(&mut self, limit: Duration) -> Result<(), KernelError> {
        if self.vm.host_read(msr::APIC_BASE)?.is_none_or(|base| base & 0x800 == 0) {
            // Without a local APIC nothing can wake it, the alarm neither.
            thread::sleep(limit);
            return Ok(());
        }
        let ran = self.vm.halt(self.interrupts, limit)?;
        self.keep(&ran);
        self.halted = ran.end == End::Alarm && ran.is_quiet();
        if self.halted && self.interrupts && self.waits()? {
            // The alarm came together with an interrupt, and was taken first.
            let ran = self.vm.halt(true, SLICE)?;
            self.keep(&ran);
            self.halted = ran.end == End::Alarm && ran.is_quiet();
        }
        Ok(())
    }

    /// Whether anything is requested.
    fn waits(&mut self) -> Result<bool, KernelError> {
        Ok(matches!(self.observe()?.get(Register::Irr), Reading::Bank(irr) if !irr.is_empty()))
    }

    fn write(&mut self, register: Register, value: u64) -> Result<Outcome, KernelError> {
        let value = if register == Register::TscDeadline { self.to_guest(value) } else { value };
        let own_msr = matches!(register, Register::ApicBase | Register::TscDeadline);
        let end = if !own_msr && self.xapic()? {
            self.run(Stub::WritePage, (index(register) - msr::X2APIC) * 16, value & u64::from(u32::MAX))?
        } else if self.route == Route::Host && register != Register::ApicBase || self.halted {
            let from = self.now();
            let written = self.vm.host_write(index(register), value)?;
            self.span = Span { from, to: self.now() };
            if written { End::Done(0) } else { End::GeneralProtection }
        } else {
            self.run(Stub::WriteMsr, index(register), value)?
        };
        if register == Register::ApicBase {
            self.end_handlers()?;
        }
        let span = self.span;
        self.live()?;
        self.span = span;
        Ok(if end == End::GeneralProtection { Outcome::Fault } else { Outcome::Done })
    }

    fn read(&mut self, register: Register) -> Result<Outcome, KernelError> {
        let from = self.now();
        let own_msr = matches!(register, Register::ApicBase | Register::TscDeadline);
        let page = !own_msr && self.xapic()?;
        let reading = if let Some(first) = bank(register) {
            let mut words = [0; 8];
            let mut refused = false;
            for (word, index) in words.iter_mut().zip(first..) {
                match self.read_one(index, page)? {
                    Some(value) => *word = value,
                    None => refused = true,
                }
            }
            if refused { Reading::GeneralProtection } else { Reading::Bank(vectors(&words)) }
        } else {
            match self.read_one(index(register), page)? {
                Some(value) if register == Register::TscDeadline => Reading::Value(self.to_script(value)),
                Some(value) => Reading::Value(value),
                None => Reading::GeneralProtection,
            }
        };
        self.span = Span { from, to: self.now() };
        Ok(Outcome::Answer(Answer::Register(register, reading)))
    }

    fn read_one(&mut self, index: u32, page: bool) -> Result<Option<u64>, KernelError> {
        let end = if page {
            self.run(Stub::ReadPage, (index - msr::X2APIC) * 16, 0)?
        } else if self.route == Route::Host || self.halted {
            return Ok(self.vm.host_read(index)?);
        } else {
            self.run(Stub::ReadMsr, index, 0)?
        };
        Ok(match end {
            End::Done(value) if page => Some(value & u64::from(u32::MAX)),
            End::Done(value) => Some(value),
            _ => None,
        })
    }

    fn advance(&mut self, ns: Ns) -> Result<(), KernelError> {
        let from = self.now();
        let end = from.plus(ns);
        self.live()?;
        while self.now() < end {
            let left = Duration::from_nanos(end.minus(self.now()).as_ns());
            if self.halted {
                self.halt(left.max(SLICE))?;
            } else {
                thread::sleep(left.min(SLICE));
                self.live()?;
            }
        }
        self.span = Span { from, to: self.now() };
        Ok(())
    }

    fn save(&mut self) -> Result<(), KernelError> {
        let from = self.now();
        let page = self.vm.vcpu.get_lapic().map_err(ioctl("KVM_GET_LAPIC"))?;
        let msr = |index| self.vm.host_read(index).map(Option::unwrap_or_default);
        let (apic_base, tsc_deadline) = (msr(msr::APIC_BASE)?, msr(msr::TSC_DEADLINE)?);
        self.saved = Some(Saved { page, apic_base, tsc_deadline });
        self.span = Span { from, to: self.now() };
        Ok(())
    }

    /// As QEMU orders it: APIC base, page, deadline.
    fn restore(&mut self) -> Result<(), KernelError> {
        let Some(saved) = &self.saved else { return Ok(()) };
        let from = self.now();
        self.vm.host_write(msr::APIC_BASE, saved.apic_base)?;
        self.vm.vcpu.set_lapic(&saved.page).map_err(ioctl("KVM_SET_LAPIC"))?;
        self.vm.host_write(msr::TSC_DEADLINE, saved.tsc_deadline)?;
        let span = Span { from, to: self.now() };
        self.end_handlers()?;
        self.live()?;
        self.span = span;
        Ok(())
    }
}

impl World for Kernel {
    type Error = KernelError;

    fn obey(&mut self, command: Command) -> Result<Outcome, KernelError> {
        match command {
            Command::Write(register, value) => return self.write(register, value),
            Command::Read(register) => return self.read(register),
            Command::Tpr(value) => return self.write(Register::Tpr, value.into()),
            Command::Eoi => return self.write(Register::Eoi, 0),
            Command::Advance(ns) => self.advance(ns)?,
            Command::Pause(ns) => {
                let from = self.now();
                thread::sleep(Duration::from_nanos(ns.as_ns()));
                let to = self.now();
                self.live()?;
                self.span = Span { from, to };
            }
            Command::AutoEoi(on) => {
                self.auto_eoi = on;
                self.end_handlers()?;
            }
            Command::InterruptFlag(on) => {
                self.interrupts = on;
                self.live()?;
            }
            Command::Hlt => {
                self.halted = true;
                let now = self.now();
                self.span = Span { from: now, to: now };
            }
            Command::Save => self.save()?,
            Command::Restore => self.restore()?,
            Command::Fired => return Ok(Outcome::Answer(Answer::Fired(std::mem::take(&mut self.fired)))),
            other => return Err(KernelError::NotAsked(other)),
        }
        Ok(Outcome::Done)
    }
}

/// A register's MSR, or the first of eight.
pub fn index(register: Register) -> u32 {
    match register {
        Register::ApicBase => msr::APIC_BASE,
        Register::TscDeadline => msr::TSC_DEADLINE,
        Register::Tpr => 0x808,
        Register::Ppr => 0x80a,
        Register::Eoi => 0x80b,
        Register::Svr => 0x80f,
        Register::Isr => 0x810,
        Register::Irr => 0x820,
        Register::Esr => 0x828,
        Register::Lvtt => 0x832,
        Register::Tmict => 0x838,
        Register::Tmcct => 0x839,
        Register::Tdcr => 0x83e,
        Register::SelfIpi => 0x83f,
    }
}

fn bank(register: Register) -> Option<u32> {
    matches!(register, Register::Irr | Register::Isr).then(|| index(register))
}

/// What [`Kernel::observe`] reads at once: single ones, then the banks.
const REGISTERS: [u32; 24] = [
    0x80f, 0x808, 0x80a, 0x828, 0x832, 0x838, 0x839, 0x83e, 0x820, 0x821, 0x822, 0x823, 0x824, 0x825, 0x826, 0x827,
    0x810, 0x811, 0x812, 0x813, 0x814, 0x815, 0x816, 0x817,
];

/// The register of an x2APIC MSR in a saved page.
fn in_page(page: &kvm_lapic_state, index: u32) -> u64 {
    let at = (index - msr::X2APIC) as usize * 16;
    let bytes = page.regs[at..at + 4].iter().rev();
    bytes.fold(0, |word, byte| word << 8 | u64::from(byte.cast_unsigned()))
}

fn vectors(words: &[u64]) -> VectorSet {
    let mut set = VectorSet::default();
    for (word, base) in words.iter().zip((0..=255_u8).step_by(32)) {
        for bit in (0..32).filter(|bit| word >> bit & 1 == 1) {
            set.test_and_set(Vector::new(base + bit));
        }
    }
    set
}
