//! Costs fitted to a table of `perf kvm stat`.

use super::{Turn, Work};
use crate::words::time;
use apic_core::link;
use apic_core::run::{ExitTimes, Fit, calibrate};
use apic_core::scenario::{OwnCosts, Scenario};
use kvm_trace::{StatTable, read_stat};
use wasm_bridge::worker::costs::{Calibrate, Calibrated};
use wasm_bridge::worker::picture::{Row, Table};
use wasm_bridge::worker::{Answer, Progress};

/// Longest table that is read: a real one has some thirty lines.
const MOST_BYTES: usize = 1 << 20;

pub(super) struct Running {
    scenario: Scenario,
    table: StatTable,
    name: String,
}

/// # Errors
/// What is wrong with the table, and what would be valid.
pub(super) fn begin(asked: &Calibrate) -> Result<Running, String> {
    if asked.table.len() > MOST_BYTES {
        return Err(format!(
            "the table has {} bytes; at most {MOST_BYTES} are read, and perf prints a few thousand",
            asked.table.len()
        ));
    }
    let table = read_stat(asked.table.as_bytes()).map_err(|e| e.to_string())?;
    let scenario = link::decode(&asked.link).map_err(|e| e.to_string())?.scenario;
    Ok(Running { scenario, table, name: asked.name.clone() })
}

impl Work for Running {
    fn turn(&mut self) -> Turn {
        let rows: Vec<ExitTimes> = self
            .table
            .rows
            .iter()
            .map(|row| ExitTimes {
                reason: row.name.clone(),
                samples: row.samples,
                min_ns: row.min.ns(),
                avg_ns: row.avg.ns(),
                max_ns: row.max.ns(),
                error_hundredths: row.error.map(kvm_trace::Percent::hundredths),
            })
            .collect();
        let told = calibrate(&self.scenario, &rows);
        if told.own.is_empty() {
            let names: Vec<_> = rows.iter().map(|row| row.reason.as_str()).collect();
            return Turn::Refused(format!(
                "no cost of this run can be fitted to a table of {}; one with exits that the run makes is valid, such as \
                 EXTERNAL_INTERRUPT or MSR_WRITE",
                names.join(", ")
            ));
        }
        let source = format!("fitted to {}, a table of perf kvm stat", self.name);
        let mut rows: Vec<Row> = told.fits.iter().map(row).collect();
        rows.extend(told.absent.iter().map(|reason| Row {
            head: reason.clone(),
            cells: vec![("–".to_owned(), None), ("not in this run".to_owned(), None)],
        }));
        let untold: Vec<_> = told.untold.iter().map(|kind| kind.what()).collect();
        let note = format!(
            "A row's time is from exit to entry: the two transitions are in no row, HLT includes sleep, and a posted \
             interrupt is in none. What the table does not tell stays as the set has it: {}.",
            untold.join("; ")
        );
        let columns = ["least, average, most", "what was scaled to it"].map(str::to_owned).to_vec();
        let table = Table { caption: format!("Costs {source}"), columns, rows, note };
        Turn::Done(Answer::Calibrated(Calibrated { own: OwnCosts { source, costs: told.own }, table }))
    }

    fn progress(&self) -> Progress {
        Progress { done: 0, of: 1 }
    }
}

fn row(fit: &Fit) -> Row {
    let times = &fit.times;
    let span = |ns: u64| time(i64::try_from(ns).unwrap_or(i64::MAX));
    let scaled: Vec<_> = fit.scaled.iter().map(|kind| kind.what()).collect();
    let what = match fit.too_long_ns {
        Some(ns) => format!("nothing: what other rows or the scenario settle takes {} of it already", span(ns)),
        None => scaled.join("; "),
    };
    let times = [times.min_ns, times.avg_ns, times.max_ns].map(span).join(", ");
    Row { head: fit.times.reason.clone(), cells: vec![(times, None), (what, None)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
Analyze events for all VMs, all VCPUs:

             VM-EXIT    Samples  Samples%     Time%    Min Time    Max Time         Avg time

  EXTERNAL_INTERRUPT      42916    49.36%    42.79%      0.47us    106.09us      0.71us ( +-   1.09% )
           MSR_WRITE      44000    50.64%    57.21%      0.52us     61.10us      0.83us ( +-   0.80% )

Total Samples:86916, Total events handled time:66990.36us.
";

    fn asked(table: &str) -> Result<Running, String> {
        let (link, name) = ("pinned-vs-offloaded".to_owned(), "what was pasted".to_owned());
        begin(&Calibrate { link, table: table.to_owned(), name })
    }

    #[test]
    fn a_table_gives_costs_that_the_scenario_takes() {
        let mut running = asked(TABLE).expect("a table");
        let Turn::Done(Answer::Calibrated(found)) = running.turn() else { panic!() };
        assert_eq!(found.table.rows.len(), 2);
        let mut scenario = running.scenario.clone();
        scenario.costs.own = Some(found.own);
        scenario.validate().expect("valid costs");
    }

    #[test]
    fn what_is_no_table_is_refused_with_what_would_be() {
        for (table, says) in
            [("", "empty"), ("PID  COMMAND  %CPU\n1 init 0.0\n", "perf kvm stat report"), ("\0\0", "not text")]
        {
            let why = asked(table).err().unwrap_or_default();
            assert!(why.contains(says), "{table:?}: {why}");
        }
        assert!(asked(&"x".repeat(MOST_BYTES + 1)).is_err_and(|why| why.contains("at most 1048576")));
        let other = TABLE.replace("EXTERNAL_INTERRUPT", "CPUID").replace("MSR_WRITE", "IO_INSTRUCTION");
        match asked(&other).expect("a table").turn() {
            Turn::Refused(why) => assert!(why.contains("CPUID, IO_INSTRUCTION"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}
