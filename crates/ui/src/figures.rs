//! The ledger as a table.

use crate::words;
use apic_core::run::Ledger;
use apic_core::units::Ns;

/// One line of the ledger.
struct Line {
    /// Key in the ledger's JSON.
    key: &'static str,
    label: &'static str,
    what: &'static str,
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
    pub(crate) what: &'static str,
    pub(crate) cells: Vec<Cell>,
}

const LINES: &[Line] = &[
    Line {
        key: "exits_arming",
        label: "exits while arming",
        what: "the guest programmed its timer",
        read: |l| l.exits_arming,
        time: false,
    },
    Line {
        key: "exits_firing",
        label: "exits while firing",
        what: "the timer's expiry made the guest leave",
        read: |l| l.exits_firing,
        time: false,
    },
    Line { key: "exits_eoi", label: "exits at EOI", what: "without APICv only", read: |l| l.exits_eoi, time: false },
    Line {
        key: "exits_other",
        label: "other exits",
        what: "the host's own tick on this core, the guest's other work",
        read: |l| l.exits_other,
        time: false,
    },
    Line { key: "ipis_sent", label: "IPIs sent", what: "for the timer", read: |l| l.ipis_sent, time: false },
    Line {
        key: "ipis_suppressed",
        label: "IPIs not needed",
        what: "ON was set, or the vCPU was outside guest mode or running here",
        read: |l| l.ipis_suppressed,
        time: false,
    },
    Line {
        key: "guest_time_lost_ns",
        label: "guest time lost",
        what: "a vCPU was kept from its code by arming, firing or posted-interrupt processing",
        read: |l| l.guest_time_lost.as_ns(),
        time: true,
    },
    Line {
        key: "housekeeper_time_ns",
        label: "housekeeper time",
        what: "CPUs without a vCPU worked on guest timers",
        read: |l| l.housekeeper_time.as_ns(),
        time: true,
    },
    Line {
        key: "handlers",
        label: "handlers started",
        what: "ticks that reached the guest",
        read: |l| l.handlers,
        time: false,
    },
    Line {
        key: "device_posts",
        label: "device interrupts",
        what: "posted by VT-d",
        read: |l| l.device_posts,
        time: false,
    },
    Line {
        key: "device_notifications",
        label: "notified by VT-d",
        what: "only where the post set ON",
        read: |l| l.device_notifications,
        time: false,
    },
    Line {
        key: "device_handlers",
        label: "device handlers",
        what: "device interrupts that reached the guest",
        read: |l| l.device_handlers,
        time: false,
    },
];

/// The table, from the ledgers of each path before and after the last step.
pub(crate) fn rows(paths: &[(&Ledger, &Ledger)]) -> Vec<Row> {
    let cell = |line: &Line, (before, after): &(&Ledger, &Ledger)| {
        let value = (line.read)(after);
        let text = if line.time { words::span(Ns::from_ns(value)) } else { words::grouped(value) };
        Cell { value, text, changed: (line.read)(before) != value }
    };
    let row =
        |l: &Line| Row { key: l.key, label: l.label, what: l.what, cells: paths.iter().map(|p| cell(l, p)).collect() };
    LINES.iter().map(row).collect()
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
        let lost = rows.iter().find(|row| row.key == "guest_time_lost_ns").expect("a line");
        assert_eq!(lost.cells[0].text, "7.9 µs");
    }
}
