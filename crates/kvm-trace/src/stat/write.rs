//! The table as `perf kvm stat report` prints it.

use super::{StatRow, StatTable};
use std::fmt;

impl fmt::Display for StatTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scope) = &self.scope {
            writeln!(f, "\n\nAnalyze events for {scope}:\n")?;
        }
        writeln!(
            f,
            "{:>40} {:>10} {:>9} {:>9} {:>11} {:>11} {:>16}\n",
            "VM-EXIT", "Samples", "Samples%", "Time%", "Min Time", "Max Time", "Avg time"
        )?;
        for row in &self.rows {
            writeln!(f, "{row}")?;
        }
        if let Some(total) = self.total {
            writeln!(f, "\nTotal Samples:{}, Total events handled time:{}.\n", total.samples, total.time)?;
        }
        if self.lost > 0 {
            writeln!(f, "\nLost events: {}\n", self.lost)?;
        }
        Ok(())
    }
}

impl fmt::Display for StatRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = self.error.map_or_else(|| format!("{:>8}", "-nan%"), |error| format!("{error:>8}"));
        write!(
            f,
            "{:>40} {:>10} {:>9} {:>9} {:>11} {:>11} {:>11} ( +-{error} )",
            self.name, self.samples, self.samples_share, self.time_share, self.min, self.max, self.avg,
        )
    }
}
