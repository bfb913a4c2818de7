//! Tables of `perf kvm stat report`: read into values, and written in the same layout.
//!
//! The layout is that of `tools/perf/builtin-kvm.c` (Linux 6.12): a banner, a header, one row per exit reason, a footer.
//! An event's time is what lies between `kvm_exit` and `kvm_entry` of one vCPU. So HLT includes the sleep, and an
//! interrupt that was posted is in no row.
//!
//! Widths do not matter, nor do lines around the table. Tables of MMIO and port accesses, and of other tools, are refused
//! with the line.

mod error;
mod row;
mod write;

use crate::reader::next_line;
use std::io::BufRead;

pub use error::{BadRow, STAT_COMMAND, StatError};
pub use row::{Percent, StatRow, StatTime};

/// Rows of one table; KVM has fewer than a hundred exit reasons.
const MOST_ROWS: usize = 4_096;

/// A table of exits by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatTable {
    /// The banner without its first words: `all VMs, all VCPUs`.
    pub scope: Option<String>,
    /// In the order of the file.
    pub rows: Vec<StatRow>,
    /// Of the footer.
    pub total: Option<StatTotal>,
    /// Events that perf lost; the table knows nothing of them.
    pub lost: u64,
}

/// The table's footer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatTotal {
    /// Exits in all.
    pub samples: u64,
    /// Time from exit to entry in all.
    pub time: StatTime,
}

impl StatTable {
    /// The row of an exit reason, by the name that KVM prints.
    pub fn row(&self, name: &str) -> Option<&StatRow> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// Exits in all.
    pub fn samples(&self) -> u64 {
        self.rows.iter().fold(0, |sum, row| sum.saturating_add(row.samples))
    }
}

/// What a line is.
enum Line<'a> {
    /// Blank, or a comment.
    Nothing,
    Banner(&'a str),
    Header(&'a str),
    Row(Result<StatRow, BadRow>),
    Total(StatTotal),
    Lost(u64),
    Other,
}

/// Reads a table to the end of the file.
///
/// # Errors
///
/// If reading fails, or the file has no table of exits in it, or a row cannot be understood: with the line, and what would
/// be right.
pub fn read_stat(mut reader: impl BufRead) -> Result<StatTable, StatError> {
    let mut table = StatTable::default();
    let mut bytes = Vec::new();
    let (mut line, mut first_other, mut tables) = (0, None, 0);
    loop {
        line += 1;
        match next_line(&mut reader, &mut bytes) {
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(source) => return Err(StatError::Io { line, source }),
        }
        let Some(text) = str::from_utf8(&bytes).ok().filter(|text| !text.contains('\0')) else {
            return Err(StatError::Binary { line });
        };
        match classify(text) {
            Line::Nothing => {}
            Line::Banner(scope) => {
                tables += 1;
                table.scope = Some(scope.to_owned());
            }
            Line::Header("VM-EXIT") => tables += usize::from(table.scope.is_none()),
            Line::Header(of) => return Err(StatError::OtherEvents { line, of: of.to_owned() }),
            Line::Row(row) => {
                let row = row.map_err(|what| StatError::BadRow { line, what })?;
                if table.row(&row.name).is_some() {
                    return Err(StatError::Twice { line, name: row.name });
                }
                if table.rows.len() >= MOST_ROWS {
                    return Err(StatError::TooMany { line, most: MOST_ROWS });
                }
                table.rows.push(row);
            }
            Line::Total(total) => table.total = Some(total),
            Line::Lost(lost) => table.lost = lost,
            Line::Other => {
                first_other.get_or_insert(line);
            }
        }
        if tables > 1 {
            return Err(StatError::SecondTable { line });
        }
    }
    match (table.rows.is_empty(), line) {
        (false, _) => Ok(table),
        (true, 1) => Err(StatError::Empty),
        (true, _) => Err(StatError::NoTable { line: first_other.unwrap_or(1) }),
    }
}

fn classify(text: &str) -> Line<'_> {
    let text = text.trim();
    if text.is_empty() || text.starts_with('#') {
        return Line::Nothing;
    }
    if let Some(scope) = text.strip_prefix("Analyze events for ") {
        return Line::Banner(scope.trim_end_matches(':'));
    }
    if let Some((of, columns)) = text.split_once("Samples")
        && columns.contains("Time%")
        && columns.contains("Min Time")
    {
        return Line::Header(of.trim());
    }
    let count = |text: &str| text.trim().trim_end_matches('.').parse().ok();
    if let Some(lost) = text.strip_prefix("Lost events:").and_then(count) {
        return Line::Lost(lost);
    }
    if let Some(total) = text.strip_prefix("Total Samples:").and_then(total) {
        return Line::Total(total);
    }
    StatRow::parse(text).map_or(Line::Other, Line::Row)
}

/// `86823, Total events handled time:77531.93us.`
fn total(text: &str) -> Option<StatTotal> {
    let (samples, time) = text.split_once(',')?;
    let time = time.trim().strip_prefix("Total events handled time:")?.trim_end_matches('.');
    Some(StatTotal { samples: samples.trim().parse().ok()?, time: StatTime::parse(time)? })
}
