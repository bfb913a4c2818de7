//! Tables for people: columns, and numbers as they stand in them.

use apic_core::units::Ns;

/// Columns two spaces apart, some of them flush right.
pub(crate) fn align(rows: &[Vec<String>], right: impl Fn(usize) -> bool) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let chars = |row: &Vec<String>, c: usize| row.get(c).map_or(0, |cell| cell.chars().count());
    let widths: Vec<usize> = (0..columns).map(|c| rows.iter().map(|r| chars(r, c)).max().unwrap_or(0)).collect();
    let cell = |(c, text): (usize, &String)| {
        let width = widths[c];
        if right(c) { format!("{text:>width$}") } else { format!("{text:<width$}") }
    };
    let line = |row: &Vec<String>| row.iter().enumerate().map(cell).collect::<Vec<_>>().join("  ");
    rows.iter().map(|row| line(row).trim_end().to_owned()).collect()
}

/// Zero is "0", without a unit.
pub(crate) fn span(ns: Ns) -> String {
    if ns == Ns::ZERO { "0".to_owned() } else { ns.to_string() }
}

pub(crate) fn signed(ns: i64) -> String {
    let size = span(Ns::from_ns(ns.unsigned_abs()));
    if ns < 0 { format!("-{size}") } else { size }
}
