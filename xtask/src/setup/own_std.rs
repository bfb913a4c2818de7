//! A standard library compiled along with the page: for size, and without the words of panics.
//!
//! It makes the site a tenth smaller. A panic ends in `unreachable` either way, and the page says that it has stopped.
//! Neither cargo's `build-std` nor rustc's `panic=immediate-abort` is stable yet; `RUSTC_BOOTSTRAP` lets a stable compiler
//! take them, for this one build. Where the compiler or its source cannot, the library it came with serves, and the
//! site is larger.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::announce;
use super::rust_target::{DEBIAN_RUSTC, DEBIAN_SOURCE, TARGET, WasmToolchain, foreign_compiler};
use crate::error::Error;
use crate::places::Places;
use crate::shell;

const FLAGS: &str = "-Zunstable-options -Cpanic=immediate-abort";

/// Whether this compiler can do it; installs the library's source if it is missing.
pub(crate) fn possible(toolchain: &WasmToolchain, places: &Places) -> bool {
    let can = understood(toolchain, places) && (has_source(toolchain, places) || installed(toolchain, places));
    if !can {
        println!("The page takes the standard library as the compiler brings it: it will be larger.");
    }
    can
}

/// Like [`WasmToolchain::environment`], for a build with a standard library of its own.
pub(crate) fn environment(
    toolchain: &WasmToolchain,
    command: &mut Command,
    places: &Places,
    path: &[PathBuf],
) -> Result<(), Error> {
    toolchain.environment_with(command, places, path, FLAGS.into())?;
    command
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort")
        .env("CARGO_UNSTABLE_BUILD_STD_FEATURES", "optimize_for_size");
    Ok(())
}

fn rustc(toolchain: &WasmToolchain, places: &Places) -> Command {
    let mut rustc = match toolchain {
        WasmToolchain::Path => Command::new("rustc"),
        WasmToolchain::Debian { .. } => Command::new(DEBIAN_RUSTC),
    };
    if let WasmToolchain::Debian { .. } = toolchain {
        foreign_compiler(&mut rustc);
    }
    rustc.current_dir(&places.root);
    rustc
}

/// Whether the compiler knows the flags.
fn understood(toolchain: &WasmToolchain, places: &Places) -> bool {
    let mut rustc = rustc(toolchain, places);
    rustc.env("RUSTC_BOOTSTRAP", "1").args(FLAGS.split(' ')).args(["--print", "cfg", "--target", TARGET]);
    shell::probe(&mut rustc).is_some()
}

fn has_source(toolchain: &WasmToolchain, places: &Places) -> bool {
    match toolchain {
        WasmToolchain::Debian { .. } => Path::new(DEBIAN_SOURCE).is_dir(),
        WasmToolchain::Path => shell::probe(rustc(toolchain, places).args(["--print", "sysroot"]))
            .is_some_and(|sysroot| Path::new(&sysroot).join("lib/rustlib/src/rust/library").is_dir()),
    }
}

fn installed(toolchain: &WasmToolchain, places: &Places) -> bool {
    announce(
        "the source of Rust's standard library",
        "the page compiles a small one along, which makes the site a tenth smaller",
        "with rustup, 5 MB",
    );
    let added = shell::run("rustup component add", Command::new("rustup").args(["component", "add", "rust-src"]));
    added.is_ok() && has_source(toolchain, places)
}
