//! One row of the table, and the numbers in it as they are printed: times in hundredths of a microsecond, shares in
//! hundredths of a per cent.

use super::BadRow;
use std::fmt;

/// A time as the table prints it, to 10 ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StatTime(u64);

impl StatTime {
    /// Rounded to the 10 ns that the table prints.
    pub const fn from_ns(ns: u64) -> Self {
        Self(ns.saturating_add(5) / 10)
    }

    /// In nanoseconds; the table's are whole tens.
    pub const fn ns(self) -> u64 {
        self.0.saturating_mul(10)
    }

    /// `0.44us`, or the same with a space before the unit.
    pub(super) fn parse(text: &str) -> Option<Self> {
        hundredths(text.strip_suffix("us")?.trim_end()).map(Self)
    }
}

impl fmt::Display for StatTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{:02}us", self.0 / 100, self.0 % 100))
    }
}

/// A share in hundredths of a per cent, as the table prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u64);

impl Percent {
    /// `part` of `whole`, rounded; zero of nothing is 0 %.
    pub const fn of(part: u128, whole: u128) -> Self {
        if whole == 0 {
            return Self(0);
        }
        Self((part.saturating_mul(20_000) / whole).div_ceil(2) as u64)
    }

    /// From hundredths of a per cent: 929 is 9.29 %.
    pub const fn from_hundredths(hundredths: u64) -> Self {
        Self(hundredths)
    }

    /// In hundredths of a per cent.
    pub const fn hundredths(self) -> u64 {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        hundredths(text.strip_suffix('%')?).map(Self)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{:02}%", self.0 / 100, self.0 % 100))
    }
}

/// `12.34` as 1234, and `12` as 1200. More digits than two are cut: perf prints two.
fn hundredths(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) {
        return None;
    }
    let part: u64 = part.bytes().chain(*b"0").take(2).fold(0, |n, b| n * 10 + u64::from(b - b'0'));
    whole.parse::<u64>().ok()?.checked_mul(100)?.checked_add(part)
}

/// Exits for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatRow {
    /// As KVM's tracepoint prints it: `EXTERNAL_INTERRUPT`.
    pub name: String,
    /// How many; never 0.
    pub samples: u64,
    /// Of all exits.
    pub samples_share: Percent,
    /// Of the time from exit to entry of all exits.
    pub time_share: Percent,
    /// Least time from exit to entry.
    pub min: StatTime,
    /// Most.
    pub max: StatTime,
    /// On average.
    pub avg: StatTime,
    /// Standard error of the average, as a share of it. `None` where perf printed no number.
    pub error: Option<Percent>,
}

impl StatRow {
    /// Reads a row. `None` if the line does not end as rows do, so that it is no row at all.
    pub(super) fn parse(text: &str) -> Option<Result<Self, BadRow>> {
        let (columns, error) = text.strip_suffix(')')?.rsplit_once('(')?;
        let error = error.trim().strip_prefix("+-")?.trim();
        let words: Vec<&str> = columns.split_whitespace().collect();
        Some(Self::of_words(&words, error))
    }

    fn of_words(words: &[&str], error: &str) -> Result<Self, BadRow> {
        let [name @ .., samples, samples_share, time_share, min, max, avg] = words else {
            return Err(BadRow::Columns { found: words.len() + 1 });
        };
        if name.is_empty() {
            return Err(BadRow::Columns { found: words.len() + 1 });
        }
        let column = |column, found: &str| BadRow::Column { column, found: found.to_owned() };
        let time = |name, text: &str| StatTime::parse(text).ok_or_else(|| column(name, text));
        let share = |name, text: &str| {
            let share = Percent::parse(text).filter(|share| share.0 <= 10_000);
            share.ok_or_else(|| column(name, text))
        };
        let row = Self {
            name: name.join(" "),
            samples: samples.parse().ok().filter(|n| *n > 0).ok_or_else(|| column("Samples", samples))?,
            samples_share: share("Samples%", samples_share)?,
            time_share: share("Time%", time_share)?,
            min: time("Min Time", min)?,
            max: time("Max Time", max)?,
            avg: time("Avg time", avg)?,
            error: match error {
                "nan%" | "-nan%" => None,
                error => Some(Percent::parse(error).ok_or_else(|| column("Avg time", error))?),
            },
        };
        if row.min > row.avg || row.avg > row.max {
            return Err(BadRow::Order { min: row.min, avg: row.avg, max: row.max });
        }
        Ok(row)
    }
}
