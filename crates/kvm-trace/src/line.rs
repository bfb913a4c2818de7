//! What stands in front of an event.
//!
//! | tool | line |
//! | --- | --- |
//! | `perf script` | `COMM TID [CPU] SECONDS.FRACTION: SYSTEM:EVENT: FIELDS` |
//! | ftrace | `COMM-TID [CPU] FLAGS SECONDS.FRACTION: EVENT: FIELDS` |
//! | `trace-cmd report` | as ftrace, the flags only if asked for, the system never |
//!
//! perf prints `PID/TID` if asked to, and a sample's period before the event; ftrace can print the
//! process in parentheses before the CPU. A comm may hold spaces, brackets, dashes and digits, so the
//! line is taken apart around the first `[CPU]` that has a thread before it and a time behind it.
//!
//! Left out: clocks that do not print seconds with a fraction (ftrace's `counter` and `x86-tsc`),
//! and lines without a CPU (`perf script -F -cpu`).

use memchr::{memchr, memchr_iter};

use crate::fields::{decimal, word};
use crate::{Cpu, Tid, TraceTime};

/// A thread's name and number fit into this many bytes, however padded. Without a limit, a line of
/// nothing but brackets would cost the square of its length.
const LONGEST_HEAD: usize = 256;

/// One line, taken apart; the fields are not yet read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) comm: &'a str,
    pub(crate) thread: Tid,
    pub(crate) cpu: Cpu,
    /// ftrace's columns of flags, three to five of them; perf prints none.
    pub(crate) flags: Option<&'a str>,
    pub(crate) time: TraceTime,
    /// Without the system prefix.
    pub(crate) name: &'a str,
    pub(crate) fields: &'a str,
}

impl<'a> Line<'a> {
    pub(crate) fn parse(line: &'a str) -> Option<Self> {
        let head = &line.as_bytes()[..line.len().min(LONGEST_HEAD)];
        memchr_iter(b'[', head).find_map(|open| Self::around(line, open))
    }

    /// Takes `line` apart around the bracket at `open`, if that is the one of the CPU.
    fn around(line: &'a str, open: usize) -> Option<Self> {
        let (head, rest) = line.split_at(open);
        let rest = &rest[1..];
        let close = memchr(b']', &rest.as_bytes()[..rest.len().min(LONGEST_HEAD)])?;
        let cpu = Cpu(decimal(&rest[..close])?.try_into().ok()?);
        let (comm, thread) = who(head.trim_ascii())?;
        let (flags, time, rest) = when(&rest[close + 1..])?;
        let (name, fields) = what(rest)?;
        Some(Self { comm, thread, cpu, flags, time, name, fields })
    }
}

/// `COMM TID`, `COMM PID/TID` or `COMM-TID`, the last also with ` (PROCESS)` behind it.
fn who(head: &str) -> Option<(&str, Tid)> {
    // Only ftrace's column for the process ends in a parenthesis: a thread's number stands last.
    let head = match head.strip_suffix(')').and_then(|head| head.rsplit_once('(')) {
        Some((head, _process)) => head.trim_ascii_end(),
        None => head,
    };
    let bytes = head.as_bytes();
    let digits = bytes.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let (before, thread) = head.split_at(bytes.len() - digits);
    let thread = Tid(decimal(thread)?.try_into().ok()?);
    let comm = match before.as_bytes().last()? {
        b' ' | b'\t' => before.trim_ascii_end(),
        b'-' => &before[..before.len() - 1],
        b'/' => perf_comm(before)?,
        _ => return None,
    };
    Some((comm, thread))
}

/// The name in front of `PID/`.
fn perf_comm(before: &str) -> Option<&str> {
    let before = before.strip_suffix('/')?;
    let digits = before.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (comm, process) = before.split_at(before.len() - digits);
    let blank = comm.ends_with([' ', '\t']);
    (blank && !process.is_empty()).then(|| comm.trim_ascii_end())
}

/// `[FLAGS] SECONDS.FRACTION:`, and what follows it.
fn when(text: &str) -> Option<(Option<&str>, TraceTime, &str)> {
    let (first, rest) = word(text)?;
    if let Some(time) = time(first) {
        return Some((None, time, rest));
    }
    let (second, rest) = word(rest)?;
    Some((Some(first), time(second)?, rest))
}

/// `SECONDS.FRACTION:` with one to nine digits of fraction.
fn time(word: &str) -> Option<TraceTime> {
    const SCALE: [u64; 10] = [1_000_000_000, 100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];
    let word = word.strip_suffix(':')?;
    let point = word.bytes().position(|b| !b.is_ascii_digit())?;
    let (seconds, fraction) = word.split_at(point);
    let fraction = fraction.strip_prefix('.')?;
    let ns = decimal(fraction)? * SCALE.get(fraction.len())?;
    decimal(seconds)?.checked_mul(1_000_000_000)?.checked_add(ns).map(TraceTime::from_ns)
}

/// `[PERIOD] [SYSTEM:]EVENT:`, and the fields.
fn what(text: &str) -> Option<(&str, &str)> {
    let (mut event, mut fields) = word(text)?;
    if event.as_bytes()[0].is_ascii_digit() && decimal(event).is_some() {
        (event, fields) = word(fields)?;
    }
    let event = event.strip_suffix(':')?;
    let name = match memchr(b':', event.as_bytes()) {
        Some(_) => event.rsplit_once(':').map_or(event, |(_system, name)| name),
        None => event,
    };
    (!name.is_empty()).then(|| (name, fields.trim_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `expect` is comm, thread, CPU, nanoseconds, event, fields.
    #[track_caller]
    fn check(line: &str, expect: Option<(&str, u32, u32, u64, &str, &str)>) {
        let found = Line::parse(line);
        let expect = expect.map(|(comm, thread, cpu, ns, name, fields)| Line {
            comm,
            thread: Tid(thread),
            cpu: Cpu(cpu),
            flags: found.and_then(|found| found.flags),
            time: TraceTime::from_ns(ns),
            name,
            fields,
        });
        assert_eq!(found, expect, "{line}");
    }

    #[test]
    fn perf_script() {
        check(
            "dbs_load_kernel 426566 [004] 108229.766087: kvm:kvm_apic_accept_irq: apicid 0 vec 236 (Fixed|edge)",
            Some((
                "dbs_load_kernel",
                426_566,
                4,
                108_229_766_087_000,
                "kvm_apic_accept_irq",
                "apicid 0 vec 236 (Fixed|edge)",
            )),
        );
        // A vCPU of QEMU, process and thread, nanoseconds, period.
        check(
            "  CPU 1/KVM  9450/9454 [003]   881.674195123:      1   kvm:kvm_eoi: apicid 1 vector 236",
            Some(("CPU 1/KVM", 9454, 3, 881_674_195_123, "kvm_eoi", "apicid 1 vector 236")),
        );
        // Without the system, without fields.
        check("a 1 [0] 0.5: kvm_x:", Some(("a", 1, 0, 500_000_000, "kvm_x", "")));
        // Names made to mislead.
        check("x [0] y-3 7 [001] 1.0: a:b: c", Some(("x [0] y-3", 7, 1, 1_000_000_000, "b", "c")));
        check(":-1 12 [001] 1.0: a:b: [002] 3.0: d", Some((":-1", 12, 1, 1_000_000_000, "b", "[002] 3.0: d")));
    }

    #[test]
    fn ftrace_and_trace_cmd() {
        check(
            "CPU 0/KVM-7289 [023] d.... 2925.640976: kvm_entry: vcpu 0",
            Some(("CPU 0/KVM", 7289, 23, 2_925_640_976_000, "kvm_entry", "vcpu 0")),
        );
        check(
            "fc_vcpu 0-2779478 [077] .... 1820822.383989: kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x5a1b20 info 384 0",
            Some((
                "fc_vcpu 0",
                2_779_478,
                77,
                1_820_822_383_989_000,
                "kvm_exit",
                "vcpu 0 reason EPT_VIOLATION rip 0x5a1b20 info 384 0",
            )),
        );
        check(
            "<idle>-0 [000] d.h1 881.674390: kvm_wait_lapic_expire: vcpu 1: delta -1830 (early)",
            Some(("<idle>", 0, 0, 881_674_390_000, "kvm_wait_lapic_expire", "vcpu 1: delta -1830 (early)")),
        );
        check(
            "CPU 0/KVM-7289 [023] 2925.640976: kvm_entry: vcpu 0",
            Some(("CPU 0/KVM", 7289, 23, 2_925_640_976_000, "kvm_entry", "vcpu 0")),
        );
        for process in ["(  812)", "(-----)", "(812)"] {
            check(
                &format!("a b-813 {process} [001] d..2. 1.000001: kvm_entry: vcpu 0"),
                Some(("a b", 813, 1, 1_000_001_000, "kvm_entry", "vcpu 0")),
            );
        }
    }

    #[test]
    fn not_a_line() {
        for line in [
            "",
            "   ",
            "[",
            "[]",
            "a 1 [001]",
            "a 1 [001] ",
            "a 1 [001] 1.0",
            "a 1 [001] 1.0:",
            "a 1 [001] 1.0: ",
            "a 1 [001] 1.0: event",
            "a 1 [001] 1.0: :",
            "a 1 [001] 1: e:",
            "a 1 [001] 1.: e",
            "a 1 [001] +1.0: e:",
            "a 1 [001] 1.+0: e:",
            "a 1 [001] 1.0000000000: e:",
            "a 1 [001] 18446744074.0: e:",
            "a 1 [001] d..1 extra 1.0: e:",
            "a [001] 1.0: e:",
            "a 4294967296 [001] 1.0: e:",
            &format!("{} 1 [001] 1.0: e:", "a".repeat(LONGEST_HEAD)),
            "a x/1 [001] 1.0: e:",
            "a 1 [4294967296] 1.0: e:",
            "a 1 [-1] 1.0: e:",
            "[001] 1.0: e:",
            "                       EXTERNAL_INTERRUPT       6871      9.29%      2.96%      0.44us",
            "        ffffffff8106f2a4 native_write_msr+0x4 ([kernel.kallsyms])",
        ] {
            check(line, None);
        }
    }
}
