//! Names, times and numbers in words. Integers only: these strings end in event lines.

use apic_core::effect::NotSent;
use apic_core::kvm::Mode;
use apic_core::scenario::Scenario;
use apic_core::units::{CpuId, Ns};

/// A span of time with sensible precision: "85 ns", "0.71 µs", "12.3 µs", "998 µs", "1 ms".
pub(crate) fn span(ns: u64) -> String {
    let (unit, name, decimals) = match ns {
        0..100 => (1, "ns", 0),
        100..9_995 => (1_000, "µs", 2),
        9_995..99_950 => (1_000, "µs", 1),
        99_950..999_500 => (1_000, "µs", 0),
        999_500..9_995_000 => (1_000_000, "ms", 2),
        9_995_000..99_950_000 => (1_000_000, "ms", 1),
        99_950_000..999_500_000 => (1_000_000, "ms", 0),
        _ => (1_000_000_000, "s", 2),
    };
    format!("{} {name}", decimal(ns, unit, decimals))
}

/// A moment: "1.000 ms", or "never".
pub(crate) fn moment(at: Ns) -> String {
    if at.is_never() {
        return "never".to_owned();
    }
    let us = at.as_ns().saturating_add(500) / 1_000;
    format!("{}.{:03} ms", us / 1_000, us % 1_000)
}

/// A moment in microseconds, to the nanosecond: "1000.217".
pub(crate) fn exact(at: Ns) -> String {
    format!("{}.{:03}", at.as_ns() / 1_000, at.as_ns() % 1_000)
}

/// `ns / unit`, rounded, without trailing zeros.
fn decimal(ns: u64, unit: u64, decimals: u32) -> String {
    let scale = 10_u64.pow(decimals);
    // By parts: the product of a long time and the scale needs more than 64 bits, which is two kilobytes of program.
    let scaled = ns / unit * scale + (ns % unit * scale + unit / 2) / unit;
    let (whole, rest) = (scaled / scale, scaled % scale);
    if rest == 0 {
        return whole.to_string();
    }
    let digits = format!("{rest:0width$}", width = decimals as usize);
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

/// "core 3"; "CPU 3" where cores have several hardware threads.
pub(crate) fn core(cpu: CpuId, scenario: &Scenario) -> String {
    let noun = if scenario.host.topology.smt > 1 { "CPU" } else { "core" };
    format!("{noun} {cpu}")
}

/// Whether a CPU keeps house.
pub(crate) fn keeps_house(cpu: CpuId, scenario: &Scenario) -> bool {
    !scenario.host.nohz_full.contains(&cpu)
}

/// "core 0, the housekeeper," with its comma for the middle of a sentence; "core 3" for the others.
pub(crate) fn actor(cpu: CpuId, scenario: &Scenario) -> String {
    let name = core(cpu, scenario);
    if !keeps_house(cpu, scenario) {
        return name;
    }
    let only = scenario.host.topology.iter().filter(|c| keeps_house(*c, scenario)).count() == 1;
    format!("{name}, {} housekeeper,", if only { "the" } else { "a" })
}

/// With its first letter in upper case. "vCPU" keeps its own.
pub(crate) fn capital(text: &str) -> String {
    let mut rest = text.chars();
    match rest.next() {
        Some(first) if !text.starts_with("vCPU") && !text.starts_with("vcpu") => {
            std::iter::once(first.to_ascii_uppercase()).chain(rest).collect()
        }
        _ => text.to_owned(),
    }
}

/// The kernel's name of a `vcpu->mode`.
pub(crate) fn mode(value: u64) -> &'static str {
    match value {
        0 => Mode::Outside.name(),
        1 => Mode::InGuest.name(),
        _ => Mode::Exiting.name(),
    }
}

/// Why an IPI was not sent, in few words.
pub(crate) const fn why_not(why: NotSent) -> &'static str {
    match why {
        NotSent::BitAlreadySet => "the PIR bit was 1",
        NotSent::OnAlreadySet => "ON was 1",
        NotSent::OutsideGuestMode => "outside guest mode",
        NotSent::RunningHere => "runs on this core",
        NotSent::Suppressed => "SN is 1",
    }
}

/// The same for attributes.
pub(crate) const fn why_not_id(why: NotSent) -> &'static str {
    match why {
        NotSent::BitAlreadySet => "bit_already_set",
        NotSent::OnAlreadySet => "on_already_set",
        NotSent::OutsideGuestMode => "outside_guest_mode",
        NotSent::RunningHere => "running_here",
        NotSent::Suppressed => "suppressed",
    }
}

/// "1 exit", "2 exits".
pub(crate) fn count(n: u32, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// With its first letter in lower case, unless it begins with an abbreviation.
pub(crate) fn small(text: &str) -> String {
    let mut rest = text.chars();
    match (rest.next(), rest.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            std::iter::once(first.to_ascii_lowercase()).chain(rest).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ns: u64, expect: &str) {
        assert_eq!(span(ns), expect);
    }

    #[test]
    fn spans_have_sensible_precision() {
        check(0, "0 ns");
        check(85, "85 ns");
        check(710, "0.71 µs");
        check(900, "0.9 µs");
        check(1_234, "1.23 µs");
        check(12_345, "12.3 µs");
        check(997_640, "998 µs");
        check(999_700, "1 ms");
        check(1_000_000, "1 ms");
        check(12_345_678, "12.3 ms");
        check(u64::MAX, "18446744073.71 s");
    }

    #[test]
    fn moments_are_in_milliseconds() {
        assert_eq!(moment(Ns::from_us(400)), "0.400 ms");
        assert_eq!(moment(Ns::from_ns(1_000_499)), "1.000 ms");
        assert_eq!(moment(Ns::NEVER), "never");
    }

    #[test]
    fn capitals_leave_names_alone() {
        assert_eq!(capital("core 0"), "Core 0");
        assert_eq!(capital("vCPU 0"), "vCPU 0");
        assert_eq!(capital(""), "");
        assert_eq!(small("Without APICv"), "without APICv");
        assert_eq!(small("AMD AVIC"), "AMD AVIC");
        assert_eq!(small(""), "");
    }
}
