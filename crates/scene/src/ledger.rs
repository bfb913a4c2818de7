//! The ledger in words: its rows, and whose time it is now.

use crate::expiry::Expiry;
use apic_core::run::{Ledger, Way};
use apic_core::scenario::PathKind;
use apic_core::units::Ns;

/// A row of the ledger: the page's words, and the figure.
pub type LedgerRow = (&'static str, fn(&Ledger) -> String);

/// In the order of the page.
const ROWS: [LedgerRow; 9] = [
    ("exits while arming", |l| l.exits_arming.to_string()),
    ("exits while firing", |l| l.exits_firing.to_string()),
    ("exits at EOI", |l| l.exits_eoi.to_string()),
    ("other exits", |l| l.exits_other.to_string()),
    ("IPIs sent", |l| l.ipis_sent.to_string()),
    ("IPIs not needed", |l| l.ipis_suppressed.to_string()),
    ("guest time lost", |l| span(l.guest_time_lost)),
    ("housekeeper time", |l| span(l.housekeeper_time)),
    ("handlers", |l| l.handlers.to_string()),
];

/// The same for devices that post, where there are any.
const DEVICE_ROWS: [LedgerRow; 3] = [
    ("device interrupts", |l| l.device_posts.to_string()),
    ("notified by VT-d", |l| l.device_notifications.to_string()),
    ("device handlers", |l| l.device_handlers.to_string()),
];

/// The rows of some ledgers side by side: those of devices, if one of them has any.
pub fn ledger_rows<'a>(mut ledgers: impl Iterator<Item = &'a Ledger>) -> impl Iterator<Item = LedgerRow> {
    let devices = ledgers.any(|ledger| ledger.device_posts > 0);
    ROWS.into_iter().chain(DEVICE_ROWS.into_iter().filter(move |_| devices))
}

/// Zero is "0", without a unit.
fn span(ns: Ns) -> String {
    if ns == Ns::ZERO { "0".to_owned() } else { ns.to_string() }
}

/// What a path adds up to so far.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    /// Which path.
    pub way: Way,
    /// Its counters.
    pub ledger: &'a Ledger,
    /// Its expiries.
    pub expiries: &'a [Expiry],
}

/// Whose time it is now, if there is something to say about that.
pub fn verdict(accounts: &[Account<'_>]) -> Option<&'static str> {
    if accounts.iter().any(|a| a.ledger.housekeeper_time > Ns::ZERO) {
        return Some("Moved, not removed.");
    }
    let offered = accounts.iter().find(|a| a.way.path == PathKind::Posted)?;
    let stayed = !offered.expiries.is_empty() && offered.expiries.iter().all(|e| e.own_core);
    stayed.then_some("Nothing moved: every timer stayed on the vCPU's own core.")
}
