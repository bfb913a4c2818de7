//! Skylake server: shares of two published wholes.
//!
//! The exit by external interrupt was published with its least, average, most and error, and the model's has them too
//! (`tests/costs.rs`). Which steps carry the spread is assumed: taking the interrupt, with code that may be out of the cache,
//! carries what lies between least and average; leaving it, where softirqs run, the tail. How often the tail strikes
//! follows from the error: 1.09 % of 0.71 µs over 42916 samples is a standard deviation of 1.6 µs.

use super::{Cost, CostKind, CostSet, ns_of_cycles};

/// The clock at which this set's cycles are time.
const MHZ: u32 = 2_500;

const ARM: &str = "WRMSR TSC_DEADLINE with a past deadline until the handler: 2494.75 cycles with fastpath, 3028.5 \
    without, Skylake server (kvm-unit-tests tscdeadline_immed, fastpath series v4, May 2020); at 2.5 GHz";
const EXT: &str = "EXTERNAL_INTERRUPT exit to entry: 0.71 µs on average, 0.47 µs least, 106.09 µs most, Skylake server, \
    5.2-rc (perf kvm stat, 0c5f81dad46c)";
const FLIGHT: &str = "no isolated figure exists; within 3293 cycles for an x2APIC IPI, sent and handled, Skylake server \
    (kvm-unit-tests, ICR fastpath)";
const POSTED: &str = "no isolated figure exists; 300 to 600 cycles for processing and delivery together";
const HANDLER: &str = "guest handler and EOI of about 500 cycles";

const fn cycles(kind: CostKind, min: u32, max: u32, why: &'static str) -> Cost {
    Cost::assumed(kind, ns_of_cycles(min, MHZ), ns_of_cycles(max, MHZ), why)
}

/// Skylake server, 2.5 GHz.
pub const SKYLAKE: CostSet = CostSet {
    name: "skylake",
    about: "Skylake server at 2.5 GHz; shares of published round trips, assumed where no source exists",
    costs: &[
        Cost::assumed(CostKind::Instruction, 1, 4, "a few cycles"),
        Cost::share(CostKind::VmExit, 240, 320, ARM),
        Cost::share(CostKind::VmEntry, 200, 280, ARM),
        Cost::share(CostKind::KvmStep, 10, 20, ARM),
        Cost::share(CostKind::Atomic, 8, 25, ARM),
        Cost::share(CostKind::FastpathDispatch, 30, 50, ARM),
        Cost::share(CostKind::SlowpathDispatch, 120, 200, ARM),
        Cost::share(CostKind::SlowpathTail, 80, 140, ARM),
        Cost::assumed(
            CostKind::TargetSearch,
            40,
            90,
            "0.23 to 0.46 µs per probed CPU were seen under function tracing (2019-06-18), far less without",
        ),
        Cost::assumed(CostKind::HrtimerStart, 80, 140, "no figure for programming the clock event exists"),
        Cost::share(CostKind::TimerInterrupt, 140, 456, EXT),
        Cost::share(CostKind::TimerCallback, 20, 40, EXT),
        Cost::share(CostKind::TimerReturn, 120, 180, EXT).with_tail(105_700, 1_452),
        Cost::assumed(CostKind::TickWork, 800, 1_600, "a scheduler tick of 1 to 2 µs"),
        Cost::assumed(CostKind::IpiFlight, 200, 400, FLIGHT),
        Cost::share(CostKind::HostIrq, 60, 120, EXT),
        cycles(CostKind::PiProcessing, 100, 200, POSTED),
        cycles(CostKind::VirtualDelivery, 100, 200, POSTED),
        cycles(CostKind::GuestEoi, 150, 300, HANDLER),
        cycles(CostKind::GuestReturn, 100, 200, HANDLER),
        Cost::assumed(CostKind::ContextSwitch, 500, 1_000, "no figure for the way out of a halt exists"),
        Cost::assumed(
            CostKind::WakeUp,
            1_500,
            3_000,
            "no figure for exit, wake-up and re-entry of a halted vCPU exists",
        ),
        Cost::assumed(
            CostKind::UserExit,
            400,
            800,
            "no isolated figure exists; a system call and the dispatch around it",
        ),
        Cost::assumed(
            CostKind::UserWork,
            1_000,
            3_000,
            "no figure exists; about that of a signal between threads, 2.4 µs",
        ),
    ],
};
