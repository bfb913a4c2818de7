//! What the paths that are compared are called, in words and in data.

use apic_core::run::{Lockstep, Way};
use yew::AttrValue;

/// Longest title that fits where there is little room.
const SHORT: usize = 10;

/// A path's names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Name {
    pub(crate) way: Way,
    /// In data attributes: `posted`, or `posted@5.3`.
    pub(crate) key: AttrValue,
    /// "Offloaded", or "Offloaded, era 5.3".
    pub(crate) title: AttrValue,
    /// The title where it is short, else the path's letter.
    pub(crate) short: AttrValue,
    /// Over a column of a narrow table: the title, where there are no more than two.
    pub(crate) head: AttrValue,
}

/// The letter of the n-th path.
pub(crate) fn letter(index: usize) -> char {
    char::from(b'A' + (index % 26) as u8)
}

/// The names of all paths of a run.
pub(crate) fn of(lockstep: &Lockstep) -> Vec<Name> {
    let name = |(i, path): (usize, &apic_core::run::History)| {
        let way = path.way();
        let title = way.title();
        let short: AttrValue = if title.len() <= SHORT { title.clone().into() } else { letter(i).to_string().into() };
        let title = AttrValue::from(title);
        let head = if lockstep.paths().len() > 2 { short.clone() } else { title.clone() };
        Name { way, key: way.key().into(), title, short, head }
    };
    lockstep.paths().iter().enumerate().map(name).collect()
}

/// How several of them are called together: all of two are "both", all of more are "all".
pub(crate) fn together(of: usize) -> &'static str {
    if of == 2 { "both" } else { "all" }
}
