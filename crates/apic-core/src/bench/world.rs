//! The bench itself: settings, time, questions; and one vCPU of the vendor that was asked for.

use super::World;
use super::answer::{Answer, DescriptorState, Outcome, Reading};
use super::hardware::Hardware;
use super::kvm::Kvm;
use super::qemu::Qemu;
use super::script::{Command, Register, Vendor};
use super::shared::{MAX_EVENTS, Shared};
use crate::units::{Ns, Vector};
use thiserror::Error;

/// A command that the bench cannot carry out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum BenchError {
    /// `restore` without `save`.
    #[error("restore: nothing was saved; save comes first")]
    NothingSaved,
    /// Too much happened at once.
    #[error("more than {MAX_EVENTS} expiries and handlers in one command; a longer period or a shorter time is valid")]
    TooMuch,
}

/// A local APIC and the CPU that has it, as one vendor makes them.
///
/// Whatever a method changes, [`Local::settle`] afterwards lets the guest react to.
pub(super) trait Local {
    /// The guest writes; or user space, if the guest does not run. [`Outcome::Fault`] is #GP.
    fn write(&mut self, sh: &mut Shared, register: Register, value: u64) -> Outcome;
    /// The guest reads; or user space.
    fn read(&mut self, sh: &mut Shared, register: Register) -> Reading;
    /// When the timer does something next, if time only passes.
    fn next_due(&self, sh: &Shared) -> Option<Ns>;
    /// What is due now happens.
    fn due(&mut self, sh: &mut Shared);
    /// The guest takes the interrupts that it can.
    fn settle(&mut self, sh: &mut Shared);
    /// The guest executes HLT.
    fn hlt(&mut self, sh: &mut Shared);
    /// The VM stops running.
    fn stop(&mut self, sh: &mut Shared);
    /// It runs again.
    fn resume(&mut self, sh: &mut Shared);
    /// Registers are saved.
    fn save(&mut self, sh: &mut Shared);
    /// They are restored. `false`: there are none.
    fn restore(&mut self, sh: &mut Shared) -> bool;
    /// Somebody posts a vector.
    fn post(&mut self, sh: &mut Shared, v: Vector);
    /// The notification that is under way arrives, if there is one.
    fn land(&mut self, sh: &mut Shared);
    /// A notification arrives.
    fn notify(&mut self, sh: &mut Shared);
    /// The vCPU leaves guest mode and stays outside.
    fn exit(&mut self, sh: &mut Shared);
    /// It enters.
    fn entry(&mut self, sh: &mut Shared);
    /// The vector's bit in the EOI-exit bitmap.
    fn eoi_exit(&mut self, v: Vector, on: bool);
    /// The posting side.
    fn state(&self, sh: &Shared) -> DescriptorState;
}

/// The world of `exitless apic`: no costs, so what is due happens at its instant.
pub struct Bench {
    shared: Shared,
    vendor: Vendor,
    local: Box<dyn Local>,
}

impl Default for Bench {
    fn default() -> Self {
        Self::new()
    }
}

impl Bench {
    /// As every script finds it: era 6.19, vendor vmx, path pending, x2APIC on, SVR 0x1ff, all else at reset, bus 1 ns,
    /// guest TSC 0 at time 0 and 1 GHz, in guest mode, IF = 1, TPR 0, automatic EOI on.
    pub fn new() -> Self {
        Self { shared: Shared::new(), vendor: Vendor::Vmx, local: made_by(Vendor::Vmx) }
    }

    /// The same on a processor without APICv: interrupts are injected by software. No script asks for this; a comparison
    /// with a real kernel may have to.
    pub fn without_apicv() -> Self {
        Self { shared: Shared::new(), vendor: Vendor::Vmx, local: Box::new(Kvm::without_apicv()) }
    }

    fn pass(&mut self, span: Ns) -> Result<(), BenchError> {
        let end = self.shared.now().plus(span);
        while let Some(due) = self.local.next_due(&self.shared).filter(|due| *due <= end) {
            self.shared.clock.now = self.shared.now().max(due);
            self.local.due(&mut self.shared);
            self.local.settle(&mut self.shared);
            if self.shared.overrun() {
                return Err(BenchError::TooMuch);
            }
        }
        self.shared.clock.now = end;
        Ok(())
    }

    fn set_vendor(&mut self, vendor: Vendor) {
        if vendor != self.vendor {
            self.vendor = vendor;
            self.local = made_by(vendor);
            (self.shared.interrupt_flag, self.shared.halted) = (true, false);
        }
    }

    fn carry_out(&mut self, command: Command) -> Result<Outcome, BenchError> {
        let (sh, local) = (&mut self.shared, &mut *self.local);
        match command {
            Command::Era(kernel) => sh.kernel = kernel,
            Command::Vendor(vendor) => self.set_vendor(vendor),
            Command::Path(path) => sh.path = path,
            Command::Bus(bus) => sh.bus = bus,
            Command::TscKhz(khz) => sh.clock.set_khz(khz),
            Command::AutoEoi(on) => sh.auto_eoi = on,
            Command::Write(register, value) => return Ok(local.write(sh, register, value)),
            Command::Read(register) => {
                let reading = local.read(sh, register);
                return Ok(Outcome::Answer(Answer::Register(register, reading)));
            }
            Command::Advance(span) => self.pass(span)?,
            Command::Pause(span) => {
                local.stop(sh);
                self.pass(span)?;
                self.local.resume(&mut self.shared);
            }
            Command::Hlt => local.hlt(sh),
            Command::InterruptFlag(on) => sh.interrupt_flag = on,
            Command::Tpr(tpr) => return Ok(local.write(sh, Register::Tpr, u64::from(tpr))),
            Command::Eoi => return Ok(local.write(sh, Register::Eoi, 0)),
            Command::Save => local.save(sh),
            Command::Restore => {
                if !local.restore(sh) {
                    return Err(BenchError::NothingSaved);
                }
            }
            Command::Post(v) => local.post(sh, v),
            Command::Notify => local.notify(sh),
            Command::Exit => local.exit(sh),
            Command::Entry => local.entry(sh),
            Command::EoiExit(v, on) => local.eoi_exit(v, on),
            Command::Expiries | Command::Fired | Command::Ipis | Command::Exits | Command::State => {
                return Ok(Outcome::Answer(self.answer(command)));
            }
        }
        Ok(Outcome::Done)
    }

    fn answer(&mut self, question: Command) -> Answer {
        let tally = &mut self.shared.tally;
        match question {
            Command::Expiries => Answer::Expiries(std::mem::take(&mut tally.expiries)),
            Command::Fired => Answer::Fired(std::mem::take(&mut tally.fired)),
            Command::Ipis => Answer::Ipis(std::mem::take(&mut tally.ipis)),
            Command::Exits => Answer::Exits(std::mem::take(&mut tally.exits).into_iter().collect()),
            _ => Answer::State(Box::new(self.local.state(&self.shared))),
        }
    }
}

/// Whether a notification that is under way arrives before a command. The poster's own commands, and a look at what it
/// did, come before it arrives; so does an exit, which it may miss.
const fn lands_before(command: Command) -> bool {
    !matches!(
        command,
        Command::Post(_) | Command::Notify | Command::Exit | Command::State | Command::Ipis | Command::EoiExit(..)
    )
}

impl World for Bench {
    type Error = BenchError;

    fn obey(&mut self, command: Command) -> Result<Outcome, BenchError> {
        self.shared.tally.events = 0;
        if lands_before(command) {
            self.local.land(&mut self.shared);
            self.local.settle(&mut self.shared);
        }
        let outcome = self.carry_out(command)?;
        self.local.settle(&mut self.shared);
        self.pass(Ns::ZERO)?;
        Ok(outcome)
    }
}

fn made_by(vendor: Vendor) -> Box<dyn Local> {
    match vendor {
        Vendor::Vmx => Box::new(Kvm::vmx()),
        Vendor::Svm => Box::new(Kvm::svm()),
        Vendor::Qemu => Box::new(Qemu::new()),
        Vendor::Hardware => Box::new(Hardware::new()),
    }
}
