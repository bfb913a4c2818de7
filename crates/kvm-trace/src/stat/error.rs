//! Why a file gave no table. Each message says what is wrong, where, and what would be right.

use super::StatTime;

/// Records exits and prints the table that [`read_stat`](super::read_stat) reads.
pub const STAT_COMMAND: &str =
    "perf kvm stat record -a sleep 10 && perf kvm stat report --event=vmexit --stdio > exits.txt";

/// Why a table could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StatError {
    /// Reading failed below the text.
    #[error("line {line}: the file could not be read: {source}")]
    Io {
        /// The line that was being read, counted from 1.
        line: u64,
        /// What the system said.
        source: std::io::Error,
    },

    /// There is nothing in the file.
    #[error("the file is empty: expected the table of `perf kvm stat report`. `{STAT_COMMAND}` makes it")]
    Empty,

    /// A NUL byte, or bytes that are no UTF-8.
    #[error(
        "line {line} is not text: expected the table of `perf kvm stat report`. If the file is a perf.data, `perf kvm \
         stat report --stdio` beside it prints the table"
    )]
    Binary {
        /// Counted from 1.
        line: u64,
    },

    /// Text, but not one row.
    #[error(
        "line {line}: not a line of `perf kvm stat report`, and the file has no row of it: expected rows such as \
         `EXTERNAL_INTERRUPT 6871 9.29% 2.96% 0.44us 57.88us 0.72us ( +- 4.02% )`. `{STAT_COMMAND}` makes them"
    )]
    NoTable {
        /// The first line that was not understood, counted from 1 (1 if there is none).
        line: u64,
    },

    /// The same tool, but not a table of exits.
    #[error(
        "line {line}: this is a table of \"{of}\": expected one of VM-EXIT, as `perf kvm stat report --event=vmexit` prints"
    )]
    OtherEvents {
        /// Counted from 1.
        line: u64,
        /// What the header names.
        of: String,
    },

    /// A second table begins.
    #[error("line {line}: a second table begins here: keep one of them in the file")]
    SecondTable {
        /// Counted from 1.
        line: u64,
    },

    /// The same reason again.
    #[error("line {line}: {name} has a row above already: keep one table in the file")]
    Twice {
        /// Counted from 1.
        line: u64,
        /// The reason.
        name: String,
    },

    /// No table has so many rows.
    #[error("line {line}: more than {most} rows: a table of exit reasons has fewer than a hundred")]
    TooMany {
        /// Counted from 1.
        line: u64,
        /// How many are read.
        most: usize,
    },

    /// A row that cannot be understood.
    #[error("line {line}: {what}")]
    BadRow {
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        what: BadRow,
    },
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRow {
    /// Too few columns.
    #[error(
        "a row with {found} columns: expected 8, which are VM-EXIT, Samples, Samples%, Time%, Min Time, Max Time, Avg \
         time and its error (perf of Linux 4.0 or newer)"
    )]
    Columns {
        /// How many there are.
        found: usize,
    },

    /// A column that is not what its head says.
    #[error(
        "\"{found}\" is no value of the column {column}: expected a count above 0, at most 100.00%, or a time such as 0.44us"
    )]
    Column {
        /// Its head.
        column: &'static str,
        /// What stands there.
        found: String,
    },

    /// The average lies outside.
    #[error("least {min}, average {avg}, most {max}: expected them in this order")]
    Order {
        /// Min Time.
        min: StatTime,
        /// Avg time.
        avg: StatTime,
        /// Max Time.
        max: StatTime,
    },
}
