//! The events that bear on arming the timer, by name, their fields by name.
//!
//! | event | fields | source |
//! | --- | --- | --- |
//! | `kvm_msr` | `msr_write INDEX = 0xDATA`, `msr_read …`, ` (#GP)` behind it if refused | `arch/x86/kvm/trace.h` |
//! | `kvm_apic` | `apic_write NAME = 0xVALUE`, `apic_read …` | `arch/x86/kvm/trace.h` |
//! | `kvm_entry`, `kvm_exit` | not read | `arch/x86/kvm/trace.h` |
//! | `hrtimer_start` | `hrtimer=` `function=` `expires=` `mode=` | `include/trace/events/timer.h` |
//! | `hrtimer_expire_entry` | `hrtimer=` `function=` `now=` | `include/trace/events/timer.h` |
//! | `hrtimer_expire_exit` | `hrtimer=` | `include/trace/events/timer.h` |
//!
//! Left out: fields that nothing here asks for (`softexpires`, `was_armed`, exit reasons).

use crate::line::{Line, decimal};
use crate::{Cpu, Hrtimer, MonotonicTime, Tid, TraceTime};

/// One line of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The name of the thread that ran on the CPU. For an interrupt that is whoever was interrupted.
    pub comm: &'a str,
    /// The thread that ran on the CPU.
    pub thread: Tid,
    /// The CPU that recorded the event.
    pub cpu: Cpu,
    /// When, on the recording's clock.
    pub time: TraceTime,
    /// The event's name without its system: `kvm_msr`, not `kvm:kvm_msr`.
    pub name: &'a str,
    /// What it says.
    pub kind: EventKind<'a>,
}

/// What an event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind<'a> {
    /// `kvm_msr: msr_write`: the guest wrote an MSR. Printed after KVM acted on the write.
    MsrWrite {
        /// Which MSR.
        index: u32,
        /// The value written.
        data: u64,
        /// The write had no effect but a #GP in the guest.
        refused: bool,
    },
    /// `kvm_msr: msr_read`: the guest read an MSR.
    MsrRead {
        /// Which MSR.
        index: u32,
        /// The value read.
        data: u64,
    },
    /// `kvm_apic: apic_write`: the guest wrote a register of its local APIC, by whichever way.
    /// Printed before KVM acts on the write.
    ApicWrite {
        /// The register's name, such as `APIC_TMICT`, or its offset in hex where it has none.
        register: &'a str,
        /// The value written.
        value: u64,
    },
    /// `kvm_apic: apic_read`: the guest read a register of its local APIC.
    ApicRead {
        /// The register's name or offset.
        register: &'a str,
        /// The value read.
        value: u64,
    },
    /// `kvm_entry`: the vCPU is about to run guest code.
    KvmEntry,
    /// `kvm_exit`: the vCPU left guest code.
    KvmExit,
    /// `hrtimer_start`: a host timer was queued, by the CPU and thread of the line.
    HrtimerStart {
        /// Which timer.
        hrtimer: Hrtimer,
        /// What it will call.
        function: &'a str,
        /// When, on the timer's clock.
        expires: MonotonicTime,
        /// How it was queued; kernels before 4.15 do not print it.
        mode: Option<HrtimerMode>,
    },
    /// `hrtimer_expire_entry`: a host timer's function is about to be called.
    HrtimerExpireEntry {
        /// Which timer.
        hrtimer: Hrtimer,
        /// What is called.
        function: &'a str,
        /// The timer's clock, read when the interrupt handler began to look for expired timers.
        now: MonotonicTime,
    },
    /// `hrtimer_expire_exit`: the function has returned. If it asked for a restart, the
    /// `hrtimer_start` of it is this CPU's next event.
    HrtimerExpireExit {
        /// Which timer.
        hrtimer: Hrtimer,
    },
    /// Any other event.
    Other,
}

/// How an hrtimer was queued: the bits of the kernel's `enum hrtimer_mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HrtimerMode(u32);

impl HrtimerMode {
    /// `HRTIMER_MODE_ABS` and nothing else: how the kernel requeues a timer whose function asked for
    /// it. KVM itself started its APIC timer in this mode in 5.3 only; it was pinned before and
    /// has been marked for the hard interrupt since.
    pub const ABS: Self = Self(0);

    /// A number (`0x8`) or names (`ABS|HARD`).
    fn parse(text: &str) -> Option<Self> {
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            return Some(Self(hex(text)?.try_into().ok()?));
        }
        text.split('|').try_fold(Self(0), |Self(bits), name| {
            let bit = match name {
                "ABS" => 0,
                "REL" => 1,
                "PINNED" => 2,
                "SOFT" => 4,
                "HARD" => 8,
                _ => return None,
            };
            Some(Self(bits | bit))
        })
    }
}

impl<'a> Event<'a> {
    /// Reads one line; `None` if it is no event, or an event named above without the fields that
    /// it must have.
    pub fn parse(line: &'a str) -> Option<Self> {
        let Line { comm, thread, cpu, time, name, fields } = Line::parse(line)?;
        let kind = EventKind::parse(name, fields)?;
        Some(Self { comm, thread, cpu, time, name, kind })
    }
}

impl<'a> EventKind<'a> {
    fn parse(name: &str, fields: &'a str) -> Option<Self> {
        let hrtimer = || Some(Hrtimer(hex(field(fields, "hrtimer")?)?));
        let ns = |name| Some(MonotonicTime::from_ns(decimal(field(fields, name)?)?));
        Some(match name {
            "kvm_msr" => {
                let Access { what, register, value, refused } = Access::parse(fields)?;
                let index = hex(register)?.try_into().ok()?;
                match what {
                    "msr_write" => Self::MsrWrite { index, data: value, refused },
                    "msr_read" => Self::MsrRead { index, data: value },
                    _ => return None,
                }
            }
            "kvm_apic" => match Access::parse(fields)? {
                Access { what: "apic_write", register, value, .. } => Self::ApicWrite { register, value },
                Access { what: "apic_read", register, value, .. } => Self::ApicRead { register, value },
                _ => return None,
            },
            "kvm_entry" => Self::KvmEntry,
            "kvm_exit" => Self::KvmExit,
            "hrtimer_start" => Self::HrtimerStart {
                hrtimer: hrtimer()?,
                function: field(fields, "function")?,
                expires: ns("expires")?,
                mode: match field(fields, "mode") {
                    Some(mode) => Some(HrtimerMode::parse(mode)?),
                    None => None,
                },
            },
            "hrtimer_expire_entry" => {
                Self::HrtimerExpireEntry { hrtimer: hrtimer()?, function: field(fields, "function")?, now: ns("now")? }
            }
            "hrtimer_expire_exit" => Self::HrtimerExpireExit { hrtimer: hrtimer()? },
            _ => Self::Other,
        })
    }
}

/// `WHAT REGISTER = VALUE`, the one form here in which the fields have no names.
struct Access<'a> {
    what: &'a str,
    register: &'a str,
    value: u64,
    refused: bool,
}

impl<'a> Access<'a> {
    fn parse(fields: &'a str) -> Option<Self> {
        let (left, right) = fields.split_once('=')?;
        let (what, register) = left.trim().split_once(char::is_whitespace)?;
        let mut right = right.split_whitespace();
        let value = hex(right.next()?)?;
        Some(Self { what, register: register.trim(), value, refused: right.next() == Some("(#GP)") })
    }
}

/// The value of `name=value` among blank-separated fields.
fn field<'a>(fields: &'a str, name: &str) -> Option<&'a str> {
    fields.split_whitespace().find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
}

/// Hex digits, with or without `0x`.
fn hex(digits: &str) -> Option<u64> {
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u64::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The event that `rest` of a line is; `None` if it is not understood.
    #[track_caller]
    fn check(rest: &str, expect: Option<EventKind<'_>>) {
        for line in [
            format!("CPU 1/KVM 9454 [003] 881.674195: timer:{rest}"),
            format!("CPU 1/KVM-9454 [003] d..2. 881.674195: {rest}"),
        ] {
            let kind = Event::parse(&line).map(|event| event.kind);
            assert_eq!(kind, expect, "{line}");
        }
    }

    #[test]
    fn msr() {
        check(
            "kvm_msr: msr_write 6e0 = 0x488ef2db93e",
            Some(EventKind::MsrWrite { index: 0x6e0, data: 0x488_ef2d_b93e, refused: false }),
        );
        check(
            "kvm_msr: msr_write 830 = 0xb0000440b0",
            Some(EventKind::MsrWrite { index: 0x830, data: 0xb0_0004_40b0, refused: false }),
        );
        check("kvm_msr: msr_write 6e0 = 0x1 (#GP)", Some(EventKind::MsrWrite { index: 0x6e0, data: 1, refused: true }));
        check("kvm_msr: msr_read 1b = 0xfee00900", Some(EventKind::MsrRead { index: 0x1b, data: 0xfee0_0900 }));
        for damaged in [
            "",
            "msr_write",
            "msr_write 6e0",
            "msr_write 6e0 =",
            "msr_write = 0x1",
            "msr_write 6e0 = 0x",
            "msr_write 6e0 = 0x1g",
            "msr_write 6e0 = 0x10000000000000000",
            "msr_write 100000000 = 0x1",
            "msr_poke 6e0 = 0x1",
            "msr_write +6e0 = 0x1",
            "msr_write 6e0 = +1",
        ] {
            check(&format!("kvm_msr: {damaged}"), None);
        }
    }

    #[test]
    fn apic() {
        check(
            "kvm_apic: apic_write APIC_TMICT = 0xf4240",
            Some(EventKind::ApicWrite { register: "APIC_TMICT", value: 1_000_000 }),
        );
        check("kvm_apic: apic_read APIC_TMCCT = 0x10", Some(EventKind::ApicRead { register: "APIC_TMCCT", value: 16 }));
        check("kvm_apic: apic_write APIC_TMICT", None);
        check("kvm_apic: apic_poke APIC_TMICT = 0x1", None);
    }

    #[test]
    fn hrtimer_start() {
        let start = |mode| {
            Some(EventKind::HrtimerStart {
                hrtimer: Hrtimer(0xa1b2_c3d4),
                function: "apic_timer_fn",
                expires: MonotonicTime::from_ns(881_674_387_000),
                mode,
            })
        };
        let hard = Some(HrtimerMode(8));
        check(
            "hrtimer_start: hrtimer=00000000a1b2c3d4 function=apic_timer_fn expires=881674387000 \
             softexpires=881674387000 mode=ABS|HARD was_armed=0",
            start(hard),
        );
        // As perf prints it, as ftrace names a module's function, and by name, whatever the order.
        check(
            "hrtimer_start: hrtimer=0xa1b2c3d4 function=apic_timer_fn [kvm] expires=881674387000 \
             softexpires=1 mode=0x8 was_armed=0",
            start(hard),
        );
        check(
            "hrtimer_start: mode=0x8 softexpires=1 expires=881674387000 new=1 \
             function=apic_timer_fn hrtimer=0xa1b2c3d4",
            start(hard),
        );
        // Before 4.15, and before 5.3.
        check(
            "hrtimer_start: hrtimer=0xa1b2c3d4 function=apic_timer_fn expires=881674387000 softexpires=1",
            start(None),
        );
        check(
            "hrtimer_start: hrtimer=0xa1b2c3d4 function=apic_timer_fn expires=881674387000 mode=ABS|PINNED",
            start(Some(HrtimerMode(2))),
        );
        check(
            "hrtimer_start: hrtimer=0xa1b2c3d4 function=apic_timer_fn expires=881674387000 mode=ABS",
            start(Some(HrtimerMode::ABS)),
        );
        for damaged in [
            "",
            "hrtimer=0xa1 function=f",
            "hrtimer=0xa1 function=f softexpires=1",
            "hrtimer=0xa1 function=f expires=-1",
            "hrtimer=0xa1 function=f expires=1 mode=WILD",
            "hrtimer=ptrval function=f expires=1",
            "hrtimer=0xa1 expires=1",
        ] {
            check(&format!("hrtimer_start: {damaged}"), None);
        }
    }

    #[test]
    fn hrtimer_expire() {
        check(
            "hrtimer_expire_entry: hrtimer=00000000a1b2c3d4 function=apic_timer_fn now=881674388210",
            Some(EventKind::HrtimerExpireEntry {
                hrtimer: Hrtimer(0xa1b2_c3d4),
                function: "apic_timer_fn",
                now: MonotonicTime::from_ns(881_674_388_210),
            }),
        );
        check(
            "hrtimer_expire_exit: hrtimer=00000000a1b2c3d4",
            Some(EventKind::HrtimerExpireExit { hrtimer: Hrtimer(0xa1b2_c3d4) }),
        );
        check("hrtimer_expire_entry: hrtimer=0xa1 function=f", None);
        check("hrtimer_expire_exit:", None);
    }

    #[test]
    fn others() {
        check("kvm_entry: vcpu 0, rip 0xffffffff8106f2a4", Some(EventKind::KvmEntry));
        check("kvm_exit: vcpu 0 reason EXTERNAL_INTERRUPT intr_info 0x800000ec", Some(EventKind::KvmExit));
        check("kvm_hv_timer_state: vcpu_id 1 hv_timer 0", Some(EventKind::Other));
        check("kvm_apic_ipi: dst b0 vec 176 (Fixed|physical|assert|edge|self)", Some(EventKind::Other));
    }
}
