//! `exitless breakeven`: how many exits must have been avoided for a claimed benefit.
//!
//! Of a second on a vCPU, let a share s have been exits that are gone. What the guest gets done is proportional to its own
//! time, so a benefit b is 1 + b = 1 / (1 − s), and s = b / (1 + b). At a cost c each, s / c exits a second are gone.

use crate::args::BreakevenArgs;
use crate::error::Failure;
use crate::quantity::{Picos, Share, decimals, grouped};
use serde::Serialize;
use std::io::Write;

/// What is taken for granted.
const ASSUMPTIONS: [&str; 5] = [
    "What the guest gets done is proportional to the time that it has for itself.",
    "Each avoided exit cost the same, from leaving guest code to being back in it. The time from exit to entry that perf kvm \
     stat prints leaves out both transitions.",
    "Nothing came in the exits' place on these CPUs: no slower arming, no other exits.",
    "Work that moved to a housekeeper is not counted. Moved, not removed.",
    "The benefit is spread evenly over the vCPUs.",
];

/// The answer, in whole exits a second.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Answer {
    /// Share of a vCPU's time that the avoided exits took, in millionths of a millionth.
    time: u128,
    per_vcpu: u128,
    /// The same if the benefit is a share of CPU time and not of work done.
    per_vcpu_of_time: u128,
    in_all: u128,
    /// Benefit of one avoided exit a tick of a 1000 Hz guest, in millionths of a per cent.
    of_1000_hz: u128,
}

/// Millionths.
const ONE: u128 = 1_000_000;
/// Picoseconds of a second.
const SECOND: u128 = 1_000_000_000_000;

fn answer(benefit: Share, cost: Picos, cpus: u32) -> Answer {
    let (b, c) = (u128::from(benefit.0), u128::from(cost.0));
    let rounded = |n: u128, d: u128| (n + d / 2) / d;
    // s / c, s being b / (1 + b).
    let rate = |times: u128| rounded(b * SECOND * times, (ONE + b) * c);
    let lost = 1_000 * c;
    Answer {
        time: rounded(b * SECOND, ONE + b),
        per_vcpu: rate(1),
        per_vcpu_of_time: rounded(b * SECOND, ONE * c),
        in_all: rate(cpus.into()),
        of_1000_hz: rounded(lost * 100_000_000, SECOND.saturating_sub(lost).max(1)),
    }
}

#[derive(Serialize)]
struct Document {
    benefit_ppm: u64,
    exit_cost_ps: u64,
    vcpus: u32,
    exits_avoided_per_second_and_vcpu: u128,
    exits_avoided_per_second: u128,
    if_the_benefit_is_a_share_of_cpu_time: u128,
    assumptions: [&'static str; ASSUMPTIONS.len()],
}

pub(crate) fn print(args: &BreakevenArgs, out: &mut impl Write) -> Result<(), Failure> {
    let (benefit, cost, cpus) = (args.benefit, args.exit_cost, args.cpus);
    let found = answer(benefit, cost, cpus);
    if args.json {
        let document = Document {
            benefit_ppm: benefit.0,
            exit_cost_ps: cost.0,
            vcpus: cpus,
            exits_avoided_per_second_and_vcpu: found.per_vcpu,
            exits_avoided_per_second: found.in_all,
            if_the_benefit_is_a_share_of_cpu_time: found.per_vcpu_of_time,
            assumptions: ASSUMPTIONS,
        };
        return crate::json::write(&document, out);
    }
    let small = |value: u128, digits| decimals(u64::try_from(value).unwrap_or(u64::MAX), digits);
    writeln!(
        out,
        "A benefit of {benefit} at {cost} an exit: {} exits a second and vCPU were avoided.",
        grouped(found.per_vcpu)
    )?;
    if cpus > 1 {
        writeln!(out, "On {cpus} vCPUs: {} exits a second in all.", grouped(found.in_all))?;
    }
    writeln!(out, "They took {} ms of each second.", small(found.time / ONE, 3))?;
    writeln!(
        out,
        "If the benefit is a share of CPU time, not of work done: {} exits a second and vCPU.",
        grouped(found.per_vcpu_of_time)
    )?;
    writeln!(
        out,
        "For scale: a guest tick of 1000 Hz makes 1,000 expiries a second. One avoided exit each is a benefit of {} %.",
        small(found.of_1000_hz, 6)
    )?;
    writeln!(out, "\nAssumed:")?;
    for line in ASSUMPTIONS {
        writeln!(out, "- {line}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(benefit: &str, cost: &str, cpus: u32) -> Answer {
        answer(benefit.parse().expect("a share"), cost.parse().expect("a time"), cpus)
    }

    /// By hand: 0.03 / 1.03 / 1.4 µs = 20804.4; 0.03 / 1.4 µs = 21428.6; 1.4 ms of a second: 0.0014 / 0.9986.
    #[test]
    fn by_hand() {
        let found = of("3%", "1.4us", 4);
        assert_eq!((found.per_vcpu, found.in_all, found.per_vcpu_of_time), (20_804, 83_218, 21_429));
        assert_eq!((found.time, found.of_1000_hz), (29_126_213_592, 140_196));
        assert_eq!(of("100%", "500ns", 1).per_vcpu, 1_000_000);
        assert_eq!(of("10000%", "1ns", 65_536).per_vcpu, 990_099_010);
    }

    /// Giving the avoided exits back takes the benefit away again.
    #[test]
    fn there_and_back() {
        for (benefit, cost) in [("3%", "710ns"), ("0.5%", "1.2us"), ("40%", "106.09us"), ("3%", "2494.75cycles@2.5GHz")]
        {
            let (b, c): (Share, Picos) = (benefit.parse().expect("a share"), cost.parse().expect("a time"));
            let lost = of(benefit, cost, 1).per_vcpu * u128::from(c.0);
            let back = (SECOND * ONE / (SECOND - lost)) - ONE;
            assert!(
                back.abs_diff(b.0.into()) * u128::from(c.0) <= u128::from(c.0) + ONE * u128::from(c.0) / 1_000,
                "{back}"
            );
            assert!(back.abs_diff(b.0.into()) <= 1_000, "{benefit}: {back}");
        }
    }
}
