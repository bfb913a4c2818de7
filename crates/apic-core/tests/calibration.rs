//! Costs fitted to tables of exits.

use apic_core::cost::CostKind;
use apic_core::run::{Calibration, Distribution, ExitTimes, History, Measured, calibrate};
use apic_core::scenario::{OtherExits, OwnCosts, PathKind, Scenario, preset};

fn scenario(ticks: u32) -> Scenario {
    let mut scenario = preset("pinned-vs-offloaded").expect("ships");
    scenario.run.expiries = ticks;
    scenario.run.paths = vec![PathKind::Pinned];
    scenario
}

/// A table to the 10 ns that perf prints.
fn table(measured: &Measured) -> Vec<ExitTimes> {
    let tens = |ns: Option<u64>| (ns.expect("some") + 5) / 10 * 10;
    let row = |(reason, times): &(&str, Distribution)| ExitTimes {
        reason: (*reason).to_owned(),
        samples: times.count(),
        min_ns: tens(times.min()),
        avg_ns: tens(times.average()),
        max_ns: tens(times.max()),
        error_hundredths: times.error_hundredths(),
    };
    measured.exits.iter().map(row).collect()
}

fn run(scenario: &Scenario) -> Measured {
    History::new(scenario, scenario.run.paths[0]).measure(usize::MAX)
}

fn calibrated(scenario: &Scenario, table: &[ExitTimes]) -> (Scenario, Calibration) {
    let told = calibrate(scenario, table);
    let mut fitted = scenario.clone();
    fitted.costs.own = Some(OwnCosts { source: "a test".to_owned(), costs: told.own.clone() });
    fitted.validate().expect("calibrated costs are valid");
    (fitted, told)
}

/// Least and average to `percent`; the most is not exceeded, and the tail is there.
#[track_caller]
fn check(found: &[ExitTimes], expect: &[ExitTimes], percent: u64) {
    for row in expect {
        let found = found.iter().find(|f| f.reason == row.reason).expect("the reason");
        let near = |found: u64, expect: u64| found.abs_diff(expect) * 100 <= expect * percent + 1_000;
        assert!(near(found.min_ns, row.min_ns) && near(found.avg_ns, row.avg_ns), "{found:?} for {row:?}");
        assert!(found.max_ns <= row.max_ns + row.max_ns / 100 + 10, "{found:?} for {row:?}");
        assert!(found.max_ns * 4 > row.max_ns, "{found:?} for {row:?}");
    }
}

/// A table of the model's own run calibrates to itself, whatever the costs of that run were.
#[test]
fn there_and_back() {
    let plain = scenario(3_000);
    let own = table(&run(&plain));
    let (fitted, told) = calibrated(&plain, &own);
    assert_eq!(told.fits.len(), 2);
    assert!(told.absent.is_empty());
    check(&table(&run(&fitted)), &own, 2);
}

fn row(reason: &str, samples: u64, min_ns: u64, avg_ns: u64, max_ns: u64, error: u64) -> ExitTimes {
    ExitTimes { reason: reason.to_owned(), samples, min_ns, avg_ns, max_ns, error_hundredths: Some(error) }
}

/// Another machine's table: the model's exits take the table's times, and as broad.
#[test]
fn the_models_exits_take_the_tables_times() {
    let rows = [
        row("EXTERNAL_INTERRUPT", 42_916, 900, 1_400, 60_000, 90),
        row("MSR_WRITE", 40_000, 700, 1_000, 8_000, 20),
        row("HLT", 1_000, 2_000, 800_000, 4_000_000, 300),
    ];
    let (fitted, told) = calibrated(&scenario(4_000), &rows);
    check(&table(&run(&fitted)), &rows[..2], 2);
    assert_eq!(told.absent, ["HLT"]);
    assert_eq!(
        told.fits.iter().map(|f| f.times.reason.as_str()).collect::<Vec<_>>(),
        ["EXTERNAL_INTERRUPT", "MSR_WRITE"]
    );
    assert_eq!(told.fits[0].carrier, Some(CostKind::TimerInterrupt));
    // What lies before kvm_exit and after kvm_entry, and what the guest does, no table tells.
    for kind in [CostKind::VmExit, CostKind::VmEntry, CostKind::IpiFlight, CostKind::GuestEoi, CostKind::TargetSearch] {
        assert!(told.untold.contains(&kind), "{kind:?}");
    }
    // The standard deviation, which the table has as an error of so many samples, is that of the table.
    let error = run(&fitted).exit("EXTERNAL_INTERRUPT").and_then(Distribution::error_hundredths).expect("some");
    let expect = 90 * (42_916_u64 * 10_000 / 4_000).isqrt() / 100;
    assert!(error.abs_diff(expect) * 3 < expect, "{error}, expected about {expect}");
}

/// However far apart two rows are, what they share leaves room for both.
#[test]
fn rows_that_are_scaled_differently_are_both_met() {
    for (interrupt, write) in [(250, 4_000), (4_000, 120)] {
        let rows = [
            row("MSR_WRITE", 90_000, write, write + write / 4, 4 * write, 10),
            row("EXTERNAL_INTERRUPT", 42_916, interrupt, interrupt + 200, 60_000, 90),
        ];
        let (fitted, told) = calibrated(&scenario(3_000), &rows);
        assert!(told.fits.iter().all(|fit| fit.too_long_ns.is_none()), "{:?}", told.fits);
        check(&table(&run(&fitted)), &rows, 5);
    }
}

/// On the offloaded path the same table moves the housekeeper's time too: it is the same machine's interrupt.
#[test]
fn the_housekeeper_is_the_same_machine() {
    let plain = scenario(500);
    let (mut fitted, _) = calibrated(&plain, &[row("EXTERNAL_INTERRUPT", 9_000, 1_800, 2_800, 90_000, 100)]);
    let mut posted = plain.clone();
    posted.run.paths = vec![PathKind::Posted];
    fitted.run.paths = vec![PathKind::Posted];
    let time = |s: &Scenario| run(s).housekeeper_time.average().expect("ticks");
    assert!(time(&fitted) > 2 * time(&posted), "{} and {}", time(&fitted), time(&posted));
}

/// A row that is shorter than what the model's other rows leave it says so, and breaks nothing.
#[test]
fn what_cannot_be_met_is_said() {
    let mut with_others = scenario(200);
    with_others.guest.other_exits =
        Some(OtherExits { period_us: 700, first_us: 100, handling_ns: 5_000, interrupts: None });
    let (fitted, told) = calibrated(
        &with_others,
        &[row("EXTERNAL_INTERRUPT", 900, 600, 800, 9_000, 10), row("CPUID", 900, 400, 500, 600, 10)],
    );
    let cpuid = told.fits.iter().find(|f| f.times.reason == "CPUID").expect("a fit");
    assert!(cpuid.too_long_ns.is_some_and(|ns| ns >= 5_000), "{cpuid:?}");
    assert!(run(&fitted).exit("CPUID").is_some());
    let (_, told) = calibrated(&scenario(20), &[]);
    assert_eq!((told.own.len(), told.untold.len()), (0, CostKind::ALL.len()));
}
