//! The command language of the bench, typed.

use super::error::ScriptError;
use super::kernel::Kernel;
use super::parse;
use crate::lapic::BusNs;
use crate::units::{Ns, TscKhz, Vector};
use std::fmt;

/// What one line asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    /// `era E`: the kernel whose rules hold from here on.
    Era(Kernel),
    /// `vendor V`.
    Vendor(Vendor),
    /// `path P`: how the timer's expiry reaches the guest.
    Path(TimerPath),
    /// `bus NS`: nanoseconds per bus cycle (`KVM_CAP_X86_APIC_BUS_CYCLES_NS`), at least 1.
    Bus(BusNs),
    /// `tsc-khz N`: the guest's TSC frequency.
    TscKhz(TscKhz),
    /// `auto-eoi 0|1`: whether the guest's handler ends with an EOI.
    AutoEoi(bool),
    /// `write REG VALUE`: the guest writes a register.
    Write(Register, u64),
    /// `read REG`: the guest reads a register. Answered.
    Read(Register),
    /// `advance NS`: time passes.
    Advance(Ns),
    /// `pause NS`: time passes and the VM does not run.
    Pause(Ns),
    /// `hlt`: the guest executes HLT.
    Hlt,
    /// `if 0|1`: the guest's interrupt flag.
    InterruptFlag(bool),
    /// `tpr N`: the guest sets its task priority; N is the whole register.
    Tpr(u8),
    /// `eoi`: the guest writes 0 to its EOI register.
    Eoi,
    /// `save`: `KVM_GET_LAPIC` and `KVM_GET_MSRS`.
    Save,
    /// `restore`: `KVM_SET_LAPIC` and `KVM_SET_MSRS` of what `save` saved.
    Restore,
    /// `post VECTOR`: set PIR, set ON, notify if ON was 0.
    Post(Vector),
    /// `notify`: the notification vector arrives at the vCPU's CPU.
    Notify,
    /// `exit`: the vCPU leaves guest mode, and stays outside.
    Exit,
    /// `entry`: the vCPU enters guest mode.
    Entry,
    /// `eoi-exit VECTOR 0|1`: the vector's bit in the EOI-exit bitmap.
    EoiExit(Vector, bool),
    /// `expiries`: how often the timer expired since this was last asked. Answered.
    Expiries,
    /// `fired`: handler entries since this was last asked. Answered.
    Fired,
    /// `ipis`: notifications sent since this was last asked. Answered.
    Ipis,
    /// `exits`: VM exits by reason since this was last asked. Answered.
    Exits,
    /// `state`: the posting side. Answered.
    State,
}

/// Whose local APIC it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Vendor {
    /// `vmx`: KVM on Intel, with posted interrupts and virtual-interrupt delivery.
    Vmx,
    /// `svm`: KVM on AMD, with AVIC.
    Svm,
    /// `qemu`: QEMU's own local APIC (`hw/intc/apic.c`).
    Qemu,
    /// `hardware`: no hypervisor; the timer as the manual describes it.
    Hardware,
}

/// How the timer's expiry reaches the guest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimerPath {
    /// `pending`: an hrtimer on the vCPU's own CPU; the vCPU thread injects what is pending.
    Pending,
    /// `posted`: an hrtimer on another CPU, posted where KVM posts.
    Posted,
    /// `hv`: the VMX preemption timer.
    Hv,
}

macro_rules! registers {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A register that a script can name.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Register {
            $($(#[$doc])* $variant,)*
        }

        impl Register {
            /// All of them, in the order of the script's description.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in a script.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

registers! {
    /// Timer entry of the local vector table (MSR 0x832).
    Lvtt = "LVTT",
    /// Divide configuration (MSR 0x83e).
    Tdcr = "TDCR",
    /// Initial count (MSR 0x838).
    Tmict = "TMICT",
    /// Current count (MSR 0x839); read-only.
    Tmcct = "TMCCT",
    /// Spurious-interrupt vector, with the software enable bit (MSR 0x80f).
    Svr = "SVR",
    /// `IA32_APIC_BASE` (MSR 0x1b).
    ApicBase = "APIC_BASE",
    /// Task priority (MSR 0x808).
    Tpr = "TPR",
    /// Processor priority (MSR 0x80a); read-only.
    Ppr = "PPR",
    /// End of interrupt (MSR 0x80b); write-only.
    Eoi = "EOI",
    /// Self-IPI (MSR 0x83f); write-only.
    SelfIpi = "SELF_IPI",
    /// `IA32_TSC_DEADLINE` (MSR 0x6e0).
    TscDeadline = "TSC_DEADLINE",
    /// Interrupt requests: eight registers of 32 bits (MSRs 0x820 to 0x827), read as one number; read-only.
    Irr = "IRR",
    /// In service: eight registers of 32 bits (MSRs 0x810 to 0x817), read as one number; read-only.
    Isr = "ISR",
    /// Error status (MSR 0x828).
    Esr = "ESR",
}

impl fmt::Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Reads one line; `number` counts from 1. `None` for an empty line or a comment.
///
/// # Errors
/// What is wrong, in which line, and what would be valid.
pub fn read_line(number: usize, line: &str) -> Result<Option<Command>, ScriptError> {
    parse::command(line).map_err(|problem| ScriptError { line: number, problem })
}

/// Reads a whole script: commands with the number of their line.
///
/// # Errors
/// As [`read_line`], for the first line that is wrong.
pub fn read(text: &str) -> Result<Vec<(usize, Command)>, ScriptError> {
    let mut commands = Vec::new();
    for (i, line) in text.lines().enumerate() {
        commands.extend(read_line(i + 1, line)?.map(|command| (i + 1, command)));
    }
    Ok(commands)
}
