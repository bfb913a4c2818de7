//! From the fields of a line to what it says.

use super::{Accept, Entry, EventKind, Exit, HrtimerMode};
use crate::fields::{Pairs, Words, decimal, hex, narrow, signed};
use crate::{ApicId, Hrtimer, MonotonicTime, Tid, Vcpu, Vector};

/// Interrupts of the host's APIC that have events; there is none for posted-interrupt notifications.
const IRQ_VECTORS: [&str; 11] = [
    "local_timer",
    "reschedule",
    "spurious_apic",
    "error_apic",
    "x86_platform_ipi",
    "irq_work",
    "call_function",
    "call_function_single",
    "threshold_apic",
    "deferred_error_apic",
    "thermal_apic",
];

impl<'a> EventKind<'a> {
    /// `None` if a field that the event must have is missing or damaged.
    pub(super) fn parse(name: &str, fields: &'a str) -> Option<Self> {
        Some(match name {
            "kvm_entry" => Self::KvmEntry(entry(fields)?),
            "kvm_exit" => Self::KvmExit(exit(fields)?),
            "kvm_msr" => msr(fields)?,
            "kvm_apic" => apic(fields)?,
            "kvm_apic_accept_irq" => Self::Accept(accept(fields)?),
            "kvm_apicv_accept_irq" => Self::ApicvAccept(accept(fields)?),
            "kvm_eoi" | "kvm_pv_eoi" => eoi(fields)?,
            "hrtimer_start" => hrtimer_start(fields)?,
            "hrtimer_expire_entry" => hrtimer_expire_entry(fields)?,
            "hrtimer_expire_exit" => Self::HrtimerExpireExit { hrtimer: hrtimer(fields)? },
            "hrtimer_cancel" => Self::HrtimerCancel { hrtimer: hrtimer(fields)? },
            "hrtimer_init" | "hrtimer_setup" => {
                let mode = Pairs::new(fields).find(|(key, _)| *key == "mode").map(|(_, mode)| mode);
                let mode = mode.map_or(Some(None), |mode| HrtimerMode::parse(mode).map(Some))?;
                Self::HrtimerInit { hrtimer: hrtimer(fields)?, mode }
            }
            "sched_switch" => sched_switch(fields)?,
            "kvm_apic_ipi" => {
                let how = fields.rsplit_once('(')?.1.strip_suffix(')')?;
                Self::ApicIpi { dst: narrow(hex(after(fields, "dst")?))?, vector: vector(after(fields, "vec")?)?, how }
            }
            "kvm_inj_virq" => inj_virq(fields)?,
            "kvm_hv_timer_state" => {
                let (vcpu, in_use) = state(fields, "hv_timer")?;
                Self::HvTimerState { vcpu, in_use }
            }
            "kvm_apic_virt_timer_state" => {
                let (vcpu, in_use) = state(fields, "apic_virt_timer")?;
                Self::VirtTimerState { vcpu, in_use }
            }
            "kvm_wait_lapic_expire" => {
                Self::WaitLapicExpire { vcpu: vcpu(after(fields, "vcpu")?)?, delta: signed(after(fields, "delta")?)? }
            }
            "kvm_vcpu_wakeup" => {
                let how = Words(fields).next()?;
                let slept = how == "wait";
                (slept || how == "poll").then_some(())?;
                Self::VcpuWakeup { slept, ns: decimal(after(fields, "time")?)? }
            }
            "kvm_pi_irte_update" => {
                let enabled = fields.strip_prefix("PI is ")?.starts_with("enabled");
                Self::PiIrteUpdate { enabled, vcpu: vcpu(after(fields, "vcpu")?)? }
            }
            "kvm_avic_doorbell" => Self::AvicDoorbell { vcpu: vcpu(value(fields, "vcpuid")?)? },
            "kvm_avic_incomplete_ipi" => {
                let id = narrow(decimal(value(fields, "id")?))?;
                Self::AvicIncompleteIpi { vcpu: vcpu(value(fields, "vcpu")?)?, id }
            }
            _ => irq(name, fields)?,
        })
    }
}

/// The word behind the word `key`, without the punctuation at its end.
fn after<'a>(fields: &'a str, key: &str) -> Option<&'a str> {
    let mut words = Words(fields);
    words.find(|word| *word == key)?;
    words.next().map(bare)
}

/// The value of `key=value`, without the punctuation at its end.
fn value<'a>(fields: &'a str, key: &str) -> Option<&'a str> {
    Pairs::new(fields).find(|(name, _)| *name == key).map(|(_, value)| bare(value))
}

fn bare(word: &str) -> &str {
    word.trim_end_matches([',', ':'])
}

fn vcpu(digits: &str) -> Option<Vcpu> {
    Some(Vcpu(narrow(decimal(digits))?))
}

fn vector(digits: &str) -> Option<Vector> {
    Some(Vector(narrow(decimal(digits))?))
}

/// `vcpu N[,] [rip 0x…][[immediate exit]] [intr_info 0x…] [error_code 0x…]`; nothing must be there.
fn entry(fields: &str) -> Option<Entry> {
    let mut found = Entry::default();
    // The kernel puts no blank in front of it.
    let fields = match fields.find("[immediate exit]") {
        Some(at) => {
            found.immediate_exit = true;
            &fields[..at]
        }
        None => fields,
    };
    let mut words = Words(fields);
    while let Some(word) = words.next() {
        match word {
            "vcpu" => found.vcpu = Some(vcpu(bare(words.next()?))?),
            "rip" => found.rip = Some(hex(words.next()?)?),
            "intr_info" => found.intr_info = Some(narrow(hex(words.next()?))?),
            _ => {}
        }
    }
    Some(found)
}

/// `[vcpu N] reason NAME [rip 0x…] [info A B | info1 A info2 B] [intr_info A] [error_code A] [requests A] [vcpu N]`.
fn exit(fields: &str) -> Option<Exit<'_>> {
    let mut found = Exit {
        vcpu: None,
        reason: "",
        rip: None,
        info1: None,
        info2: None,
        intr_info: None,
        error_code: None,
        requests: None,
    };
    let mut words = Words(fields);
    while let Some(word) = words.next() {
        match word {
            "vcpu" => found.vcpu = Some(vcpu(bare(words.next()?))?),
            "reason" => found.reason = words.next()?,
            // An early trace-cmd prints letters behind the number.
            "rip" => found.rip = hex(words.next()?),
            "info" => {
                found.info1 = Some(hex(words.next()?)?);
                found.info2 = Some(hex(words.next()?)?);
            }
            "info1" => found.info1 = Some(hex(words.next()?)?),
            "info2" => found.info2 = Some(hex(words.next()?)?),
            "intr_info" => found.intr_info = Some(narrow(hex(words.next()?))?),
            "error_code" => found.error_code = Some(narrow(hex(words.next()?))?),
            "requests" => found.requests = Some(hex(words.next()?)?),
            _ => {}
        }
    }
    (!found.reason.is_empty()).then_some(found)
}

/// `WHAT REGISTER = VALUE [(#GP)]`.
struct Access<'a> {
    what: &'a str,
    register: &'a str,
    value: u64,
    refused: bool,
}

fn access(fields: &str) -> Option<Access<'_>> {
    let mut words = Words(fields);
    let (what, register) = (words.next()?, words.next()?);
    (words.next()? == "=").then_some(())?;
    let value = hex(words.next()?)?;
    Some(Access { what, register, value, refused: words.next() == Some("(#GP)") })
}

fn msr(fields: &str) -> Option<EventKind<'_>> {
    let Access { what, register, value, refused } = access(fields)?;
    let index = narrow(hex(register))?;
    match what {
        "msr_write" => Some(EventKind::MsrWrite { index, data: value, refused }),
        "msr_read" => Some(EventKind::MsrRead { index, data: value }),
        _ => None,
    }
}

fn apic(fields: &str) -> Option<EventKind<'_>> {
    let Access { what, register, value, .. } = access(fields)?;
    match what {
        "apic_write" => Some(EventKind::ApicWrite { register, value }),
        "apic_read" => Some(EventKind::ApicRead { register, value }),
        _ => None,
    }
}

/// `apicid HEX vec DEC (MODE|TRIGGER)`.
fn accept(fields: &str) -> Option<Accept<'_>> {
    let mut words = Words(fields);
    let (mut apicid, mut vec, mut how) = (None, None, None);
    while let Some(word) = words.next() {
        match word {
            "apicid" => apicid = Some(ApicId(narrow(hex(words.next()?))?)),
            "vec" => vec = Some(vector(words.next()?)?),
            _ if how.is_none() && word.starts_with('(') => {
                how = word.strip_prefix('(')?.strip_suffix(')')?.split_once('|');
            }
            _ => {}
        }
    }
    let (mode, trigger) = how?;
    Some(Accept { apicid: apicid?, vector: vec?, mode, level: trigger == "level" })
}

/// `apicid HEX vector DEC`, −1 for none.
fn eoi(fields: &str) -> Option<EventKind<'_>> {
    let apicid = ApicId(narrow(hex(after(fields, "apicid")?))?);
    let vector = match after(fields, "vector")? {
        "-1" => None,
        digits => Some(vector(digits)?),
    };
    Some(EventKind::Eoi { apicid, vector })
}

/// `IRQ 0xHEX`, `Soft/INTn 0xHEX` or, before 6.0, `irq DEC`.
fn inj_virq(fields: &str) -> Option<EventKind<'_>> {
    let mut words = Words(fields);
    let (kind, number) = (words.next()?, words.next()?);
    let number = if number.starts_with("0x") { hex(number) } else { decimal(number) };
    let soft = match kind {
        "IRQ" | "irq" => false,
        "Soft/INTn" => true,
        _ => return None,
    };
    let reinjected = words.next() == Some("[reinjected]");
    Some(EventKind::InjVirq { vector: Vector(narrow(number)?), soft, reinjected })
}

/// `vcpu_id HEX KEY HEX`.
fn state(fields: &str, key: &str) -> Option<(Vcpu, bool)> {
    let vcpu = Vcpu(narrow(hex(after(fields, "vcpu_id")?))?);
    Some((vcpu, hex(after(fields, key)?)? != 0))
}

fn hrtimer(fields: &str) -> Option<Hrtimer> {
    Pairs::new(fields).find(|(key, _)| *key == "hrtimer").and_then(|(_, value)| Some(Hrtimer(hex(value)?)))
}

/// trace-cmd appends the offset within the function.
fn function(value: &str) -> &str {
    value.split_once(['/', '+']).map_or(value, |(name, _)| name)
}

fn hrtimer_start(fields: &str) -> Option<EventKind<'_>> {
    let (mut hrtimer, mut called, mut expires, mut mode) = (None, None, None, None);
    for (key, value) in Pairs::new(fields) {
        match key {
            "hrtimer" => hrtimer = Some(Hrtimer(hex(value)?)),
            "function" => called = Some(function(value)),
            "expires" => expires = Some(MonotonicTime::from_ns(decimal(value)?)),
            "mode" => mode = Some(HrtimerMode::parse(value)?),
            _ => {}
        }
    }
    Some(EventKind::HrtimerStart { hrtimer: hrtimer?, function: called?, expires: expires?, mode })
}

fn hrtimer_expire_entry(fields: &str) -> Option<EventKind<'_>> {
    let (mut hrtimer, mut called, mut now) = (None, None, None);
    for (key, value) in Pairs::new(fields) {
        match key {
            "hrtimer" => hrtimer = Some(Hrtimer(hex(value)?)),
            "function" => called = Some(function(value)),
            "now" => now = Some(MonotonicTime::from_ns(decimal(value)?)),
            _ => {}
        }
    }
    Some(EventKind::HrtimerExpireEntry { hrtimer: hrtimer?, function: called?, now: now? })
}

impl HrtimerMode {
    /// A number (`0x8`) or names (`ABS|HARD`).
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            return Some(Self(narrow(hex(text))?));
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

/// The kernel's form or that of trace-cmd. A name may hold anything, so both are read from their ends.
fn sched_switch(fields: &str) -> Option<EventKind<'_>> {
    let (prev, next) = fields.rsplit_once(" ==> ")?;
    let tid = |digits| Some(Tid(narrow(decimal(digits))?));
    let runnable = |state: &str| state.starts_with('R');
    if let Some(next) = next.strip_prefix("next_comm=") {
        let (next_comm, next) = next.rsplit_once(" next_pid=")?;
        let (_, prev) = prev.rsplit_once(" prev_pid=")?;
        let mut prev = Words(prev);
        return Some(EventKind::SchedSwitch {
            prev: tid(prev.next()?)?,
            prev_runnable: runnable(prev.find_map(|word| word.strip_prefix("prev_state="))?),
            next: tid(Words(next).next()?)?,
            next_comm,
        });
    }
    // `COMM:PID [PRIO]`, the one that goes with its state behind it.
    let (prev, state) = prev.rsplit_once(']')?;
    let (_, prev) = prev.rsplit_once(" [")?.0.rsplit_once(':')?;
    let (next_comm, next) = next.rsplit_once(" [")?.0.rsplit_once(':')?;
    Some(EventKind::SchedSwitch {
        prev: tid(prev)?,
        prev_runnable: runnable(state.trim_ascii()),
        next: tid(next)?,
        next_comm,
    })
}

/// `STEM_entry: vector=DEC` and `STEM_exit: vector=DEC` of the host's APIC interrupts; any other event.
fn irq<'a>(name: &str, fields: &'a str) -> Option<EventKind<'a>> {
    let (stem, begins) = match name.strip_suffix("_entry") {
        Some(stem) => (stem, true),
        None => match name.strip_suffix("_exit") {
            Some(stem) => (stem, false),
            None => return Some(EventKind::Other),
        },
    };
    if !IRQ_VECTORS.contains(&stem) {
        return Some(EventKind::Other);
    }
    let vector = vector(value(fields, "vector")?)?;
    Some(if begins { EventKind::IrqEntry { vector } } else { EventKind::IrqExit { vector } })
}
