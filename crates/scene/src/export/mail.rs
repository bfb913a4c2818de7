//! A tick of all paths as text of 80 columns, for a mail.

use crate::page::{Moment, PageData};
use crate::text::wrapped;
use std::fmt::Write as _;

/// The paths by number, each at its moment; under them where it comes from, and where to see it move.
pub fn text(page: &PageData, paths: &[(usize, Moment)], source: &str) -> String {
    let meta = &page.scenario().meta;
    let mut out = String::new();
    for line in [&meta.title, &meta.question].into_iter().filter(|line| !line.trim().is_empty()) {
        let _ = writeln!(out, "{}", wrapped(line));
    }
    for (path, moment) in paths {
        let _ = write!(out, "\n{}", page.text(*path, moment));
    }
    let _ = writeln!(out, "\n{}", wrapped(&crate::figure::provenance(page)));
    // A link is one word: it is kept whole, however long.
    let _ = writeln!(out, "{source}");
    out
}
