//! A Rust compiler with a standard library for wasm32.
//!
//! In this order: the compiler on PATH, if it has that library; Debian's compiler with the library that an earlier run
//! has built into the cache; `rustup target add`; Debian's compiler from its packages, and the library built from the
//! source that Debian ships. The last is for machines where rustup cannot download.
//!
//! The built library is a private sysroot in the cache. Nothing is written into folders that a package manager owns.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{announce, apt, tools};
use crate::error::Error;
use crate::places::Places;
use crate::shell;

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

pub(super) const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
/// Where Debian puts the source of the standard library.
pub(super) const DEBIAN_SOURCE: &str = "/usr/lib/rustlib/src/rust/library";
const DEBIAN_PACKAGES: [&str; 5] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "lld-22"];

/// How to compile for wasm32 on this machine.
pub(crate) enum WasmToolchain {
    /// The cargo on PATH can do it.
    Path,
    /// Debian's cargo and rustc, with the standard library in a sysroot of ours.
    Debian { sysroot: PathBuf },
}

impl WasmToolchain {
    /// A cargo that builds for wasm32, into a target folder of its own.
    pub(crate) fn cargo(&self, places: &Places) -> Result<Command, Error> {
        let mut command = match self {
            Self::Path => shell::cargo(&places.root),
            Self::Debian { .. } => Command::new(DEBIAN_CARGO),
        };
        command.current_dir(&places.root);
        self.environment(&mut command, places, &[])?;
        Ok(command)
    }

    /// Makes `command`, and the cargo that it starts itself, use this toolchain and the programs in `tools`.
    pub(crate) fn environment(&self, command: &mut Command, places: &Places, tools: &[PathBuf]) -> Result<(), Error> {
        self.environment_with(command, places, tools, self.sysroot_flag())
    }

    /// The same, with other flags for the compiler than those that name its standard library.
    pub(super) fn environment_with(
        &self,
        command: &mut Command,
        places: &Places,
        tools: &[PathBuf],
        flags: String,
    ) -> Result<(), Error> {
        let mut path = tools.to_vec();
        let flags: Vec<String> = sources_by_name().into_iter().chain([flags]).collect();
        command.env("CARGO_TARGET_DIR", places.wasm_target());
        if let Self::Debian { .. } = self {
            path.push("/usr/bin".into());
            foreign_compiler(command).env("RUSTC", DEBIAN_RUSTC).env("RUSTDOC", "/usr/bin/rustdoc");
        }
        command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags.join(" "));
        command.env("PATH", shell::path_with(&path)?);
        Ok(())
    }

    /// What the compiler and rustdoc must be told to find the standard library; nothing if they know.
    pub(crate) fn sysroot_flag(&self) -> String {
        match self {
            Self::Path => String::new(),
            Self::Debian { sysroot } => format!("--sysroot={}", sysroot.display()),
        }
    }

    pub(crate) fn says(&self) -> String {
        match self {
            Self::Path => "the Rust on PATH builds for wasm32".into(),
            Self::Debian { sysroot } => format!("{DEBIAN_RUSTC} builds for wasm32 with {}", sysroot.display()),
        }
    }
}

/// The program names the place of every panic: in a dependency by its name, not by where this machine keeps its source.
fn sources_by_name() -> Option<String> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")))?;
    let flag = format!("--remap-path-prefix={}=", home.join("registry/src").display());
    // Flags are parted by blanks, so a path with one cannot be named.
    (!flag.contains(' ')).then_some(flag)
}

pub(crate) fn wasm(places: &Places) -> Result<WasmToolchain, Error> {
    if has_std(&std_of_path(places)) {
        return Ok(WasmToolchain::Path);
    }
    if let Some(sysroot) = debian_sysroot(places).filter(|sysroot| has_std(&std_folder(sysroot))) {
        return Ok(WasmToolchain::Debian { sysroot });
    }
    if shell::find("rustup").is_some() {
        announce(&format!("Rust's {TARGET} target"), "the page is Rust compiled to WebAssembly", "with rustup, 20 MB");
        let added = shell::run("rustup target add", Command::new("rustup").args(["target", "add", TARGET]));
        if added.is_ok() && has_std(&std_of_path(places)) {
            return Ok(WasmToolchain::Path);
        }
        println!("rustup could not install it; trying Debian's compiler instead.");
    }
    debian(places)
}

/// Clippy for the toolchain that compiles for wasm32.
pub(crate) fn clippy(toolchain: &WasmToolchain) -> Result<(), Error> {
    match toolchain {
        WasmToolchain::Path => tools::require_component("clippy"),
        WasmToolchain::Debian { .. } if Path::new("/usr/bin/cargo-clippy").is_file() => Ok(()),
        WasmToolchain::Debian { .. } => {
            apt::install(&["rust-web-clippy"], "lints the wasm32 crates with the compiler that builds them", "5 MB")
        }
    }
}

fn debian(places: &Places) -> Result<WasmToolchain, Error> {
    let source = Path::new(DEBIAN_SOURCE);
    if debian_sysroot(places).is_none() || !source.is_dir() || shell::find("rust-lld").is_none() {
        apt::install(
            &DEBIAN_PACKAGES,
            "a Rust compiler for wasm32, since rustup's has no standard library for it here",
            "250 MB, half a minute",
        )?;
    }
    let sysroot = debian_sysroot(places).ok_or_else(|| Error::Missing {
        program: DEBIAN_RUSTC.into(),
        remedy: format!("rustup target add {TARGET}, or as root: apt-get install {}", DEBIAN_PACKAGES.join(" ")),
    })?;
    if !has_std(&std_folder(&sysroot)) {
        build_std(places, &sysroot)?;
    }
    Ok(WasmToolchain::Debian { sysroot })
}

/// Where the library for Debian's compiler belongs: named by the compiler, as no other can read it.
fn debian_sysroot(places: &Places) -> Option<PathBuf> {
    let version = shell::probe(foreign_compiler(Command::new(DEBIAN_RUSTC).arg("-vV")))?;
    let field = |name: &str| version.lines().find_map(|line| line.strip_prefix(name));
    let release = field("release: ")?;
    let commit = field("commit-hash: ")?.get(..9)?;
    Some(places.cache.join(format!("wasm32-std-{release}-{commit}")))
}

/// Compiles the standard library in a throw-away crate and keeps what comes out.
fn build_std(places: &Places, sysroot: &Path) -> Result<(), Error> {
    announce(
        "the wasm32 standard library",
        "Debian ships its source, not the library itself",
        "built once, one to two minutes",
    );
    let work = places.cache.join("build/wasm32-std");
    fs::create_dir_all(&work).map_err(Error::file("create", &work))?;
    let manifest = "[package]\nname = \"throwaway\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[lib]\npath = \"lib.rs\"\n[workspace]\n";
    for (name, text) in [("Cargo.toml", manifest), ("lib.rs", "")] {
        let file = work.join(name);
        fs::write(&file, text).map_err(Error::file("write", &file))?;
    }
    let mut cargo = Command::new(DEBIAN_CARGO);
    foreign_compiler(&mut cargo)
        .current_dir(&work)
        .args(["build", "--release", "--target", TARGET])
        // `test` is for `cargo test`, which otherwise stops with E0463.
        .arg("-Zbuild-std=std,panic_abort,proc_macro,test")
        .env("RUSTC_BOOTSTRAP", "1")
        // Without bitcode a build with link-time optimisation cannot read the library.
        .env("RUSTFLAGS", "-Cembed-bitcode=yes")
        .env("CARGO_TARGET_DIR", work.join("target"))
        .env("RUSTC", DEBIAN_RUSTC)
        .env("PATH", shell::path_with(&["/usr/bin".into()])?);
    shell::run("building the wasm32 standard library", &mut cargo)?;

    // Collected beside its place and moved there whole: an interrupted run leaves no half a library.
    let partial = sysroot.with_extension("partial");
    let _ = fs::remove_dir_all(&partial);
    let kept = std_folder(&partial);
    fs::create_dir_all(&kept).map_err(Error::file("create", &kept))?;
    let built = work.join("target").join(TARGET).join("release/deps");
    for entry in fs::read_dir(&built).map_err(Error::file("read", &built))?.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.ends_with(".rlib") && !name.starts_with("libthrowaway") {
            fs::copy(entry.path(), kept.join(&*name)).map_err(Error::file("copy", entry.path()))?;
        }
    }
    let _ = fs::remove_dir_all(sysroot);
    fs::rename(&partial, sysroot).map_err(Error::file("create", sysroot))?;
    let _ = fs::remove_dir_all(&work);
    Ok(())
}

fn std_folder(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib").join(TARGET).join("lib")
}

/// Where the compiler on PATH looks for its wasm32 library; an empty path if there is no such compiler.
fn std_of_path(places: &Places) -> PathBuf {
    let mut rustc = Command::new("rustc");
    rustc.current_dir(&places.root).args(["--print", "target-libdir", "--target", TARGET]);
    shell::probe(&mut rustc).map(PathBuf::from).unwrap_or_default()
}

fn has_std(folder: &Path) -> bool {
    fs::read_dir(folder)
        .is_ok_and(|entries| entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-")))
}

/// `cargo run` hands down variables that are about its own compiler; another compiler must not see them.
pub(super) fn foreign_compiler(command: &mut Command) -> &mut Command {
    for name in ["LD_LIBRARY_PATH", "RUSTUP_TOOLCHAIN", "RUSTUP_HOME", "CARGO", "RUSTFLAGS", "RUSTC_WRAPPER"] {
        command.env_remove(name);
    }
    command
}
