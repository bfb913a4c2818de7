//! A compiler of C++: libFuzzer is written in it, and is built from its sources.

use super::apt;
use crate::error::Error;
use crate::shell;

/// Any that the build of libFuzzer finds by itself.
const NAMES: [&str; 3] = ["c++", "g++", "clang++"];

/// Makes sure that there is one.
pub(crate) fn cxx() -> Result<(), Error> {
    if std::env::var_os("CXX").is_some() || NAMES.iter().any(|name| shell::find(name).is_some()) {
        return Ok(());
    }
    apt::install(&["g++"], "libFuzzer, which tries the reader of recordings, is C++", "about 60 MB")
}
