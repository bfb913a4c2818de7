//! The ledger as a table.

use crate::words;
use apic_core::run::Ledger;
use apic_core::units::Ns;

/// One line of the ledger.
struct Line {
    /// Key in the ledger's JSON.
    key: &'static str,
    label: &'static str,
    read: fn(&Ledger) -> u64,
    time: bool,
}

/// A number on one path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Cell {
    pub(crate) value: u64,
    pub(crate) text: String,
    /// The last step changed it.
    pub(crate) changed: bool,
}

/// A line on every path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    pub(crate) key: &'static str,
    pub(crate) label: &'static str,
    pub(crate) cells: Vec<Cell>,
}

const LINES: &[Line] = &[
    Line { key: "exits_arming", label: "exits while arming", read: |l| l.exits_arming, time: false },
    Line { key: "exits_firing", label: "exits while firing", read: |l| l.exits_firing, time: false },
    Line { key: "exits_eoi", label: "exits at EOI", read: |l| l.exits_eoi, time: false },
    Line { key: "exits_other", label: "other exits", read: |l| l.exits_other, time: false },
    Line { key: "ipis_sent", label: "IPIs sent", read: |l| l.ipis_sent, time: false },
    Line { key: "ipis_suppressed", label: "IPIs not needed", read: |l| l.ipis_suppressed, time: false },
    Line { key: "guest_time_lost_ns", label: "guest time lost", read: |l| l.guest_time_lost.as_ns(), time: true },
    Line { key: "housekeeper_time_ns", label: "housekeeper time", read: |l| l.housekeeper_time.as_ns(), time: true },
    Line { key: "handlers", label: "handlers started", read: |l| l.handlers, time: false },
    Line { key: "device_posts", label: "device interrupts", read: |l| l.device_posts, time: false },
    Line { key: "device_notifications", label: "notified by VT-d", read: |l| l.device_notifications, time: false },
    Line { key: "device_handlers", label: "device handlers", read: |l| l.device_handlers, time: false },
];

/// The table, from the ledgers of each path before and after the last step.
pub(crate) fn rows(paths: &[(&Ledger, &Ledger)]) -> Vec<Row> {
    let cell = |line: &Line, (before, after): &(&Ledger, &Ledger)| {
        let value = (line.read)(after);
        let text = if line.time { words::span(Ns::from_ns(value)) } else { words::grouped(value) };
        Cell { value, text, changed: (line.read)(before) != value }
    };
    let row = |l: &Line| Row { key: l.key, label: l.label, cells: paths.iter().map(|p| cell(l, p)).collect() };
    LINES.iter().map(row).collect()
}

/// How many exits the timer has cost for each tick that reached the guest, to a tenth; "–" before the first.
pub(crate) fn exits_per_tick(rows: &[Row], path: usize) -> String {
    let count = |key: &str| {
        let row = rows.iter().find(|row| row.key == key);
        row.and_then(|row| row.cells.get(path)).map_or(0, |cell| cell.value)
    };
    let exits: u64 = ["exits_arming", "exits_firing", "exits_eoi"].into_iter().map(count).sum();
    match count("handlers") {
        0 => "–".to_owned(),
        ticks => {
            let tenths = (exits * 20 + ticks) / (ticks * 2);
            format!("{}.{}", tenths / 10, tenths % 10)
        }
    }
}

#[cfg(test)]
pub(crate) fn labels() -> impl Iterator<Item = &'static str> {
    LINES.iter().map(|line| line.label).chain(["exits per tick"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_ledger_has_its_line() {
        let before = Ledger::default();
        let after = Ledger { exits_firing: 4, guest_time_lost: Ns::from_ns(7_912), ..Ledger::default() };
        let rows = rows(&[(&before, &after)]);
        let json = serde_json::to_value(&after).expect("plain");
        let keys = json.as_object().expect("an object");
        assert_eq!(rows.len(), keys.len());
        for row in &rows {
            assert_eq!(keys.get(row.key).and_then(serde_json::Value::as_u64), Some(row.cells[0].value), "{}", row.key);
            assert_eq!(row.cells[0].changed, row.cells[0].value != 0, "{}", row.key);
        }
        let per_tick = |exits_arming, exits_firing, handlers| {
            let ledger = Ledger { exits_arming, exits_firing, handlers, ..Ledger::default() };
            exits_per_tick(&super::rows(&[(&before, &ledger)]), 0)
        };
        assert_eq!(
            [per_tick(4, 4, 4), per_tick(5, 0, 4), per_tick(1, 0, 0), per_tick(2, 0, 3)],
            ["2.0", "1.3", "–", "0.7"]
        );
        let lost = rows.iter().find(|row| row.key == "guest_time_lost_ns").expect("a line");
        assert_eq!(lost.cells[0].text, "7.9 µs");
    }
}
