//! What was measured and published, and on which machine. Shares are taken of some of these; all of them can be listed.
//!
//! Figures of different machines are never set into one sum or one chart.

use serde::Serialize;

/// One published figure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Published {
    /// What was measured.
    pub what: &'static str,
    /// How much.
    #[serde(flatten)]
    pub figure: Figure,
    /// On which machine.
    pub machine: &'static str,
    /// Where it stands.
    pub source: &'static str,
}

/// A figure in its own unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// TSC cycles of that machine, in hundredths: before and after the change that the source is about, or the same twice.
    CyclesHundredths(u64, u64),
    /// Least, average and most, in ns, with the average's standard error in hundredths of a per cent.
    Spread {
        /// Least, ns.
        min_ns: u64,
        /// Average, ns.
        avg_ns: u64,
        /// Most, ns.
        max_ns: u64,
        /// Standard error of the average, in hundredths of a per cent.
        error_hundredths: u64,
        /// How many.
        samples: u64,
    },
    /// Nanoseconds, in hundredths: before and after, or the same twice.
    NsHundredths(u64, u64),
}

impl Figure {
    /// In nanoseconds, before and after, where the figure is cycles of a clock of so many MHz; the only place where that
    /// is done. A figure in nanoseconds is what it is, and a spread has its average.
    pub const fn ns_at(self, mhz: u64) -> Option<(u64, u64)> {
        match self {
            Self::CyclesHundredths(..) if mhz == 0 => None,
            Self::CyclesHundredths(before, after) => Some((before * 10 / mhz, after * 10 / mhz)),
            Self::Spread { avg_ns, .. } => Some((avg_ns, avg_ns)),
            Self::NsHundredths(before, after) => Some((before / 100, after / 100)),
        }
    }
}

const SKX: &str = "Skylake server";
const SERIES: &str = "perf kvm stat, Wanpeng Li, exitless timer series v2 to v7 (2019-06 to 2019-07) and 0c5f81dad46c";
const FASTPATH: &str = "kvm-unit-tests, TSC_DEADLINE fastpath series v4 (2020-04-28)";
const DVH: &str = "DVH, ASPLOS'20, by way of a replication's repository";
const IPIV: &str = "[PATCH 0/5] IPI virtualization, kvm list, 2021-07-16";

const fn cycles(what: &'static str, before: u64, after: u64, machine: &'static str, source: &'static str) -> Published {
    Published { what, figure: Figure::CyclesHundredths(before, after), machine, source }
}

/// EXTERNAL_INTERRUPT exit to entry, timers pinned.
pub const EXTERNAL_INTERRUPT_WITHOUT: Published = Published {
    what: "EXTERNAL_INTERRUPT exit to entry, without the series",
    figure: Figure::Spread { min_ns: 470, avg_ns: 710, max_ns: 106_090, error_hundredths: 109, samples: 42_916 },
    machine: SKX,
    source: SERIES,
};

/// The same with the series.
pub const EXTERNAL_INTERRUPT_WITH: Published = Published {
    what: "EXTERNAL_INTERRUPT exit to entry, with the series",
    figure: Figure::Spread { min_ns: 440, avg_ns: 720, max_ns: 57_880, error_hundredths: 402, samples: 6_871 },
    machine: SKX,
    source: SERIES,
};

/// All of them.
pub const ALL: &[Published] = &[
    EXTERNAL_INTERRUPT_WITHOUT,
    EXTERNAL_INTERRUPT_WITH,
    cycles("vmcall round trip", 155_900, 152_900, SKX, "kvm-unit-tests vmcall, two versions of a PMU-skip patch"),
    cycles("WRMSR TSC_DEADLINE, deadline passed, until the handler, APICv", 302_850, 249_475, SKX, FASTPATH),
    cycles("the same without APICv", 478_075, 385_100, SKX, FASTPATH),
    cycles("the same with adaptive advance", 312_375, 258_300, SKX, FASTPATH),
    cycles("WRMSR TSC_DEADLINE, 3000 cycles ahead, until the handler, APICv", 576_570, 528_500, SKX, FASTPATH),
    cycles("the same with adaptive advance, 3000 cycles ahead", 466_375, 453_700, SKX, FASTPATH),
    Published {
        what: "cyclictest in the guest, average, preemption timer in use",
        figure: Figure::NsHundredths(554_050, 460_200),
        machine: SKX,
        source: "TSC_DEADLINE fastpath series v3 and v4 (2020-04)",
    },
    cycles("IPI, x2APIC ICR fastpath", 423_800, 329_300, SKX, "kvm-unit-tests ipi, ICR fastpath series"),
    cycles("hypercall, plain VM", 157_500, 157_500, "DVH paper's machine", DVH),
    cycles("programming the timer, plain VM", 200_500, 200_500, "DVH paper's machine", DVH),
    cycles("sending an IPI, plain VM", 327_300, 327_300, "DVH paper's machine", DVH),
    cycles("notifying a device, plain VM", 498_400, 498_400, "DVH paper's machine", DVH),
    cycles(
        "IPI sent, handled, acknowledged, xAPIC",
        605_900,
        471_300,
        "an Intel processor with IPI virtualization",
        IPIV,
    ),
    cycles(
        "IPI sent, handled, acknowledged, x2APIC",
        433_800,
        364_500,
        "an Intel processor with IPI virtualization",
        IPIV,
    ),
    Published {
        what: "get_nohz_timer_target, worst case, under function tracing",
        figure: Figure::NsHundredths(4_346_000, 4_346_000),
        machine: "a 40-CPU machine, 39 of them isolated",
        source: "Wanpeng Li, LKML, 2019-06-18",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_figure_has_its_machine_and_its_source() {
        for (i, p) in ALL.iter().enumerate() {
            assert!(p.what.len() > 5 && p.machine.len() > 5 && p.source.len() > 10, "{p:?}");
            assert!(ALL[..i].iter().all(|other| other.what != p.what), "{} is listed twice", p.what);
            match p.figure {
                Figure::Spread { min_ns, avg_ns, max_ns, .. } => assert!(min_ns <= avg_ns && avg_ns <= max_ns, "{p:?}"),
                Figure::CyclesHundredths(before, after) | Figure::NsHundredths(before, after) => {
                    assert!(before >= after && after > 0, "{p:?}");
                }
            }
        }
    }

    #[test]
    fn cycles_become_time_at_a_stated_clock() {
        // 2494.75 cycles at 2.5 GHz.
        assert_eq!(Figure::CyclesHundredths(302_850, 249_475).ns_at(2_500), Some((1_211, 997)));
        assert_eq!(Figure::CyclesHundredths(1, 1).ns_at(0), None);
        assert_eq!(EXTERNAL_INTERRUPT_WITH.figure.ns_at(1), Some((720, 720)));
    }
}
