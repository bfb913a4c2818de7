//! Whether the benchmark runs to its end and leaves no row out. What the figures are is no matter here.

use apic_core::scenario::PathKind;
use std::process::Command;

fn prints(options: &[&str]) -> String {
    let ran = Command::new(env!("CARGO_BIN_EXE_machine-bench")).arg("--smoke").args(options).output();
    let ran = ran.expect("it starts");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).expect("it prints text")
}

const SIZES: [u64; 4] = [1, 64, 1_024, 10_000];

#[test]
fn every_row_is_in_the_tables() {
    let text = prints(&[]);
    for path in PathKind::ALL {
        let rows = text.lines().filter(|line| line.starts_with(&format!("| {} |", path.name()))).count();
        assert_eq!(rows, 1, "{} in:\n{text}", path.name());
    }
    for vcpus in SIZES {
        for path in ["pinned", "posted"] {
            let rows = text.lines().filter(|line| line.starts_with(&format!("| {vcpus} | {path} |"))).count();
            assert_eq!(rows, 1, "{vcpus} {path} in:\n{text}");
        }
    }
    assert!(text.contains("A history of "), "{text}");
    // A table is one: as many cells in each row as in its head.
    let tables = text.split("\n\n").filter(|block| block.starts_with('|'));
    let cells = |line: &str| line.matches('|').count();
    for table in tables {
        let head = cells(table.lines().next().unwrap_or_default());
        assert!(table.lines().all(|line| cells(line) == head), "{table}");
    }
}

#[test]
fn every_figure_is_a_number_above_zero() {
    let report: serde_json::Value = serde_json::from_str(&prints(&["--json"])).expect("JSON");
    let rows = |name: &str| report[name].as_array().cloned().unwrap_or_default();
    assert_eq!(rows("paths").len(), PathKind::ALL.len());
    assert_eq!(rows("scaling").len(), 2 * SIZES.len());
    let positive = |value: &serde_json::Value| value.as_f64().is_some_and(|number| number > 0.0);
    for row in rows("paths").iter().chain(&rows("scaling")) {
        assert!(positive(&row["steps_per_tick"]), "{row}");
        assert!(positive(&row["speeds"][0]["ticks_per_second"]), "{row}");
        assert!(positive(&row["speeds"][0]["ns_per_step"]), "{row}");
    }
    assert!(rows("paths").iter().all(|row| positive(&row["bytes_per_recorded_tick"])));
    assert!(
        rows("scaling").iter().all(|row| positive(&row["memory"]["machine"]) && positive(&row["memory"]["driver"]))
    );
    assert!(positive(&report["recording"]["ns_per_seek"]));
}

#[test]
fn what_it_does_not_know_is_refused() {
    let ran = Command::new(env!("CARGO_BIN_EXE_machine-bench")).arg("--fast").output().expect("it starts");
    assert!(!ran.status.success());
    assert!(String::from_utf8_lossy(&ran.stderr).contains("--smoke"));
}
