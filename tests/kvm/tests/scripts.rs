//! Every register rule that a kernel can show, one script each, by both routes.
//!
//! The comparison is the assertion: a script says nothing of what is expected. What the rules are, and their sources, is
//! in the model.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use apic_core::bench::{Bench, script};
use apic_core::lapic::BusNs;
use apic_core::units::Ns;
use kvm_differential::host::{Host, say};
use kvm_differential::kernel::Route;
use kvm_differential::lockstep::{self, Stop, Tally};
use kvm_differential::script::{Op, Script};

/// As for generated scripts.
const ATTEMPTS: usize = 3;

/// Scripts in the bench's language; `count-for NS` writes TMICT, `deadline-in NS` TSC_DEADLINE, `halt-for NS` arms and halts.
const SCRIPTS: [(&str, &str); 35] = [
    (
        "reset values",
        "read LVTT\nread TDCR\nread TMICT\nread TMCCT\nread SVR\nread APIC_BASE\nread TPR\nread PPR\nread ESR",
    ),
    ("T01 deadline of the past", "write LVTT 0x400ef\nwrite TSC_DEADLINE 1\nread TSC_DEADLINE\nfired"),
    ("T01 deadline to come", "write LVTT 0x400ef\ndeadline-in 5000000\nfired\nread TSC_DEADLINE"),
    ("T02 one-shot", "write LVTT 0xee\nwrite TDCR 0xb\nwrite TMICT 0x10000\nadvance 5000000\nfired\nread TMCCT"),
    ("T03 one-shot to periodic", "write LVTT 0xee\nwrite TMICT 0x99999900\nwrite LVTT 0x200ee\nread TMICT\nread TMCCT"),
    ("T04 the count goes down", "write LVTT 0xee\nwrite TMICT 0xffffffff\nread TMCCT\nadvance 3000000\nread TMCCT"),
    (
        "T05 a finished one-shot stays finished",
        "write LVTT 0xee\ncount-for 3000000\nread TMCCT\nadvance 9000000\nread TMCCT\nfired",
    ),
    (
        "finished, then periodic",
        "write LVTT 0xee\ncount-for 3000000\nwrite LVTT 0x200ee\nadvance 9000000\nread TMCCT\nfired",
    ),
    ("T13 zero stops", "write LVTT 0xee\nwrite TMICT 0xf0000000\nwrite TMICT 0\nread TMCCT\nadvance 5000000\nfired"),
    (
        "T14 zero disarms",
        "write LVTT 0x400ee\ndeadline-in 100000000000\nwrite TSC_DEADLINE 0\nread TSC_DEADLINE\nfired",
    ),
    (
        "T16 a deadline in another mode",
        "write LVTT 0xee\nwrite TSC_DEADLINE 5\nread TSC_DEADLINE\nwrite LVTT 0x200ee\nwrite TSC_DEADLINE 5\nfired",
    ),
    (
        "T17 a count in deadline mode",
        "write LVTT 0x400ee\nwrite TMICT 5\nread TMICT\nread TMCCT\ndeadline-in 100000000000\nwrite TMICT 7\nread TSC_DEADLINE\nfired",
    ),
    // 2^64 / 10^6 cycles ahead and a little: `start_sw_tscdeadline` multiplies by 10^6 before it divides.
    (
        "a deadline that wraps",
        "write LVTT 0x400ee\nwrite TSC_DEADLINE 18446764073710\nadvance 40000000\nread TSC_DEADLINE\nfired",
    ),
    (
        "to and from deadline mode",
        "write LVTT 0xee\nwrite TMICT 0xf0000000\nwrite LVTT 0x400ee\nread TMICT\ndeadline-in 100000000000\nwrite LVTT 0xee\nread TSC_DEADLINE\nwrite LVTT 0x400ee\nread TSC_DEADLINE",
    ),
    (
        "T19 the same divisor",
        "write LVTT 0xee\nwrite TDCR 0xb\nwrite TMICT 0xf0000000\nwrite TDCR 0xb\nwrite TDCR 0xf\nread TMCCT",
    ),
    (
        "TDCR while running",
        "write LVTT 0xee\nwrite TDCR 0xb\nwrite TMICT 0xf0000000\nwrite TDCR 0x0\nwrite TDCR 0x3\nwrite TDCR 0xa\nwrite TDCR 0x8\nwrite TDCR 0xb\nread TMCCT",
    ),
    (
        "every divisor",
        "write LVTT 0x100ee\nwrite TDCR 0x0\nwrite TMICT 0xf0000000\nwrite TDCR 0x1\nwrite TMICT 0xf0000000\nwrite TDCR 0x2\nwrite TMICT 0xf0000000\nwrite TDCR 0x3\nwrite TMICT 0xf0000000\nwrite TDCR 0x8\nwrite TMICT 0xf0000000\nwrite TDCR 0x9\nwrite TMICT 0xf0000000\nwrite TDCR 0xa\nwrite TMICT 0xf0000000\nadvance 9000000",
    ),
    (
        "TDCR after a one-shot is over",
        "write LVTT 0xee\nwrite TDCR 0xb\ncount-for 3000000\nfired\nwrite TDCR 0x0\nadvance 3000000\nfired\nwrite TDCR 0x0\nfired",
    ),
    (
        "T21 period clamp, then one-shot",
        "write LVTT 0x200ee\nwrite TDCR 0xb\nwrite TMICT 1000\nread TMCCT\nwrite LVTT 0xee\nadvance 3000000\nread TMCCT",
    ),
    (
        "T25 vector 15",
        "write LVTT 0x0f\ncount-for 3000000\nread IRR\nfired\nwrite SELF_IPI 0\nwrite SELF_IPI 0x10\nread IRR\nfired",
    ),
    (
        "masked expiry, then unmasked",
        "write LVTT 0x100ee\ncount-for 3000000\nfired\nread TMCCT\nwrite LVTT 0xef\nfired\nread IRR",
    ),
    (
        "masked deadline, then unmasked",
        "write LVTT 0x500ee\ndeadline-in 4000000\nread TSC_DEADLINE\nwrite LVTT 0x400ee\nread TSC_DEADLINE\nfired",
    ),
    (
        "masked expiry, then armed again",
        "write LVTT 0x100ee\ncount-for 3000000\nwrite TMICT 0xf0000000\nwrite LVTT 0xee\nfired",
    ),
    (
        "SVR disables",
        "write LVTT 0xee\nwrite TMICT 0xf0000000\nwrite SVR 0xff\nread LVTT\nread TMCCT\nwrite LVTT 0xee\nread LVTT\nwrite SELF_IPI 0x51\nread IRR\nwrite SVR 0x1ff\nread LVTT\nwrite LVTT 0xee\nfired",
    ),
    (
        "expiry while SVR disables",
        "write LVTT 0xee\nwrite SVR 0xff\nwrite LVTT 0xee\ncount-for 3000000\nwrite SVR 0x1ff\nfired\nwrite LVTT 0xee\nfired",
    ),
    (
        "T23 APIC_BASE disables",
        "write LVTT 0x400ee\ndeadline-in 100000000000\nwrite APIC_BASE 0xfee00100\nread TSC_DEADLINE\nwrite TSC_DEADLINE 5\nread LVTT\nwrite LVTT 0\nwrite APIC_BASE 0xfee00d00\nwrite APIC_BASE 0xfee00900\nread TSC_DEADLINE\nread LVTT\nwrite TPR 0x20\nread PPR\nwrite APIC_BASE 0xfee00d00\nread TPR",
    ),
    (
        "APIC_BASE refuses",
        "write APIC_BASE 0xfee00900\nwrite APIC_BASE 0xfee00500\nwrite APIC_BASE 0xfee00d01\nwrite APIC_BASE 0xfee00f00\nwrite APIC_BASE 0xffffffffffffffff\nwrite APIC_BASE 0xfee00c00\nread APIC_BASE",
    ),
    (
        "reserved bits",
        "write LVTT 0xffffffff\nwrite LVTT 0x1000000ee\nwrite TDCR 0xffffffff\nwrite SVR 0xffffffff\nwrite TPR 0xffffffff\ntpr 0\nwrite TMICT 0x100000000\nwrite EOI 1\nwrite ESR 0\nwrite ESR 1\nread ESR\nwrite SELF_IPI 0x1ee\nwrite PPR 0\nwrite TMCCT 0\nwrite IRR 0\nwrite ISR 0\nread EOI\nread SELF_IPI",
    ),
    (
        "mode 11",
        "write LVTT 0x600ee\nwrite TMICT 1000000\nread TMCCT\nadvance 5000000\nfired\nwrite LVTT 0xee\nwrite TMICT 0xf0000000\nwrite LVTT 0x600ee\nread TMCCT\nwrite TDCR 0xb\nread TMCCT",
    ),
    (
        "priorities",
        "if 0\nwrite SELF_IPI 0x31\nwrite SELF_IPI 0x5f\nwrite SELF_IPI 0x51\nread IRR\ntpr 0x50\nif 1\nfired\nread IRR\ntpr 0x4f\nfired\ntpr 0\nfired\nread IRR",
    ),
    (
        "T26 saved and restored while counting",
        "write LVTT 0xee\nwrite TMICT 0xf0000000\nadvance 3000000\nsave\nadvance 3000000\nrestore\nread TMCCT\nwrite TMICT 0\nrestore\nread TMCCT",
    ),
    (
        "restored with a tick in IRR, and over",
        "write LVTT 0x31\nif 0\ncount-for 3000000\nread IRR\nsave\nif 1\nfired\nrestore\nfired\nread TMCCT",
    ),
    (
        "restored over another mode",
        "write LVTT 0xee\nwrite TMICT 0xf0000000\nsave\nwrite LVTT 0x400ee\nrestore\nread TMICT\nread TMCCT\nwrite LVTT 0x400ee\ndeadline-in 100000000000\nsave\nwrite TSC_DEADLINE 0\nrestore\nread TSC_DEADLINE\nwrite LVTT 0xee\nrestore\nread TSC_DEADLINE",
    ),
    (
        "T32 only the last count expires",
        "write LVTT 0xee\nwrite TMICT 0xf0000000\nwrite TMICT 0xf1000000\ncount-for 3000000\nadvance 9000000\nfired",
    ),
    ("halting", "write LVTT 0xee\nhalt-for 4000000\nfired"),
];

/// Where a bus cycle is longer (`KVM_CAP_X86_APIC_BUS_CYCLES_NS`).
const ON_OTHER_BUSES: [&str; 3] = ["T02 one-shot", "T04 the count goes down", "every divisor"];

#[test]
fn every_rule_agrees() {
    let Some(host) = Host::or_skip("every_rule_agrees") else { return };
    let mut tally = Tally::default();
    let mut unexplained = Vec::new();
    for (name, text) in SCRIPTS {
        let buses = if ON_OTHER_BUSES.contains(&name) { vec![None, BusNs::new(3), BusNs::new(40)] } else { vec![None] };
        for bus in buses {
            for route in [Route::Guest, Route::Host] {
                let script = Script { bus, ops: text.lines().map(op).collect() };
                match several(|| lockstep::run(&host, route, Bench::without_apicv(), &script)) {
                    Ok(one) => tally.add(one),
                    Err(stop) => unexplained.push(format!("{name}, {route:?}, {bus:?}: {stop}")),
                }
            }
        }
    }
    let (cases, comparisons, differences) = (tally.cases, tally.comparisons, unexplained.len());
    say(&format!("every_rule_agrees: {cases} cases, {comparisons} comparisons, {differences} unexplained differences"));
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
}

fn several(run: impl Fn() -> Result<Tally, Stop>) -> Result<Tally, Stop> {
    let mut result = run();
    for _ in 1..ATTEMPTS {
        if !matches!(result, Err(Stop::Differs(_))) {
            break;
        }
        result = run();
    }
    result
}

fn op(line: &str) -> Op {
    let timed = |(name, ns): (&str, &str)| {
        let ns = Ns::from_ns(ns.parse().ok()?);
        match name {
            "count-for" => Some(Op::CountFor(ns)),
            "deadline-in" => Some(Op::DeadlineIn(ns)),
            "halt-for" => Some(Op::HaltFor(ns)),
            _ => None,
        }
    };
    line.split_once(' ').and_then(timed).unwrap_or_else(|| {
        let command = script::read_line(1, line).unwrap_or_else(|error| panic!("{line}: {error}"));
        Op::Do(command.unwrap_or_else(|| panic!("no command")))
    })
}
