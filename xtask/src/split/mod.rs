//! The page's program in two parts: what is needed at first, and what is loaded when a panel is first opened.
//!
//! The page names the border itself: code behind `later::behind` (`crates/ui/src/later.rs`) cannot be called before the
//! second part is there. From the linker's relocations follows what is reached without crossing the border; that is the
//! first part. All else, functions and constants, is the second. Both parts use one memory and one table, so a call
//! across the border is a call like any other, and nothing is in both.
//!
//! `program.rs` reads which function or constant refers to which; `parts.rs` makes two modules of one.

mod parts;
mod program;

use crate::error::Error;
use program::Program;
use std::fs;
use std::path::Path;

/// What the functions at the border are called, as the compiler spells it.
const BORDER: &str = "5later6behind";

/// Splits a program. `linked` is what the linker left, with its relocations; `bound` what wasm-bindgen made of that, which
/// becomes the first part, with the second beside it in `second`.
pub(crate) fn split(linked: &Path, bound: &Path, second: &Path) -> Result<(), Error> {
    let read = |path: &Path| fs::read(path).map_err(Error::file("read", path));
    let program = Program::read(&read(linked)?)?;
    let later = program.later(BORDER);
    if later.functions.is_empty() {
        return Err(Error::Unexpected {
            what: linked.display().to_string(),
            detail: format!("nothing in it is behind {BORDER}: see crates/ui/src/later.rs"),
        });
    }
    let parts = parts::parts(&read(bound)?, &later, BORDER)?;
    fs::write(bound, parts.first).map_err(Error::file("write", bound))?;
    fs::write(second, parts.second).map_err(Error::file("write", second))
}
