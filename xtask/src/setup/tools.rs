//! The programs that turn a wasm file into a site: wasm-bindgen, trunk, wasm-opt, esbuild. Each in the cache, by version.
//!
//! trunk would fetch the other two itself; where its source cannot be reached it cannot, so they come from the
//! crate and npm registries instead, and Trunk.toml names the same versions.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::announce;
use crate::error::Error;
use crate::places::Places;
use crate::shell;

/// Must equal the `wasm-bindgen` in Cargo.lock; the glue code of another version does not fit.
const WASM_BINDGEN: &str = "0.2.130";
/// 0.22 needs a newer Rust than this workspace asks for.
const TRUNK: &str = "0.21.14";
const CARGO_MUTANTS: &str = "27.1.0";
const MDBOOK: &str = "0.5.4";
const BINARYEN: &str = "132.0.0";
const ESBUILD: &str = "0.28.2";

/// Folders to put in front of PATH for a build of the site.
pub(crate) struct SiteTools {
    pub(crate) path: Vec<PathBuf>,
    pub(crate) trunk: PathBuf,
    pub(crate) esbuild: PathBuf,
    pub(crate) wasm_bindgen: PathBuf,
    pub(crate) wasm_opt: PathBuf,
}

pub(crate) fn site(places: &Places) -> Result<SiteTools, Error> {
    let bindgen = wasm_bindgen(places)?;
    let trunk = crate_tool(
        places,
        &Tool {
            krate: "trunk",
            version: TRUNK,
            binary: "trunk",
            asked: &["--version"],
            locked: true,
            // Its own speed does not matter, and its own release profile costs 18 minutes instead of 8.
            opt_level: "0",
            why: "assembles the page and its wasm into a site",
            cost: "built from source once, 4 to 9 minutes",
        },
    )?;
    // npm's binaryen is the program compiled to wasm, so it runs wherever Node does.
    let wasm_opt = npm_tool(
        places,
        &NpmTool {
            package: "binaryen",
            version: BINARYEN,
            binary: "wasm-opt",
            why: "its wasm-opt makes the page's wasm a fifth smaller",
            cost: "from npm, 20 MB",
        },
    )?;
    let esbuild = npm_tool(
        places,
        &NpmTool {
            package: "esbuild",
            version: ESBUILD,
            binary: "esbuild",
            why: "takes comments and blanks out of the site's scripts and styles",
            cost: "from npm, 10 MB",
        },
    )?;
    Ok(SiteTools {
        trunk: trunk.join("trunk"),
        esbuild: esbuild.join("esbuild"),
        wasm_bindgen: bindgen.join("wasm-bindgen"),
        wasm_opt: wasm_opt.join("wasm-opt"),
        path: vec![bindgen, trunk, wasm_opt],
    })
}

/// The folder with `wasm-bindgen` and `wasm-bindgen-test-runner`.
pub(crate) fn wasm_bindgen(places: &Places) -> Result<PathBuf, Error> {
    let lock = places.root.join("Cargo.lock");
    let text = fs::read_to_string(&lock).map_err(Error::file("read", &lock))?;
    if let Some(locked) = locked_version(&text, "wasm-bindgen")
        && locked != WASM_BINDGEN
    {
        return Err(Error::BindgenVersion { locked: locked.to_owned(), tool: WASM_BINDGEN });
    }
    crate_tool(
        places,
        &Tool {
            krate: "wasm-bindgen-cli",
            version: WASM_BINDGEN,
            binary: "wasm-bindgen",
            asked: &["--version"],
            // Its lock file names a crate version that no longer exists.
            locked: false,
            opt_level: "1",
            why: "writes the JavaScript beside the wasm, and runs the wasm tests",
            cost: "built from source once, 3 to 5 minutes",
        },
    )
}

/// The folder with `cargo-mutants`; only `cargo xtask mutants` needs it.
pub(crate) fn cargo_mutants(places: &Places) -> Result<PathBuf, Error> {
    crate_tool(
        places,
        &Tool {
            krate: "cargo-mutants",
            version: CARGO_MUTANTS,
            binary: "cargo-mutants",
            // As cargo calls it: its own name is its first argument.
            asked: &["mutants", "--version"],
            locked: true,
            opt_level: "1",
            why: "breaks the model in small ways, to see whether the tests see it",
            cost: "built from source once, 1 to 3 minutes",
        },
    )
}

/// The folder with `mdbook`, for the example of a book.
pub(crate) fn mdbook(places: &Places) -> Result<PathBuf, Error> {
    crate_tool(
        places,
        &Tool {
            krate: "mdbook",
            version: MDBOOK,
            binary: "mdbook",
            asked: &["--version"],
            locked: true,
            opt_level: "0",
            why: "builds the book of examples/ in the browser tests",
            cost: "built from source once, 2 to 4 minutes",
        },
    )
}

struct Tool {
    krate: &'static str,
    version: &'static str,
    binary: &'static str,
    /// How it is asked for its version.
    asked: &'static [&'static str],
    locked: bool,
    opt_level: &'static str,
    why: &'static str,
    cost: &'static str,
}

/// Installs a tool from the crate registry unless it is there and answers with its version.
fn crate_tool(places: &Places, tool: &Tool) -> Result<PathBuf, Error> {
    let home = places.cache.join(format!("{}-{}", tool.krate, tool.version));
    let bin = home.join("bin");
    let answers = || {
        shell::probe(Command::new(bin.join(tool.binary)).args(tool.asked))
            .is_some_and(|version| version.ends_with(tool.version))
    };
    if answers() {
        return Ok(bin);
    }
    announce(&format!("{} {}", tool.krate, tool.version), tool.why, tool.cost);
    let build = places.cache.join("build/tools");
    let mut cargo = shell::cargo(&places.cache_folder()?);
    cargo
        .args(["install", "--force", tool.krate, "--version", tool.version, "--root"])
        .arg(&home)
        .env("CARGO_TARGET_DIR", &build)
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", tool.opt_level)
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "256")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
        .env_remove("RUSTFLAGS");
    if tool.locked {
        cargo.arg("--locked");
    }
    shell::run(&format!("installing {}", tool.krate), &mut cargo)?;
    if !answers() {
        return Err(Error::Unexpected {
            what: bin.join(tool.binary).display().to_string(),
            detail: format!("it should be version {}", tool.version),
        });
    }
    // A gigabyte that nothing needs any more.
    let _ = fs::remove_dir_all(&build);
    Ok(bin)
}

struct NpmTool {
    package: &'static str,
    version: &'static str,
    binary: &'static str,
    why: &'static str,
    cost: &'static str,
}

/// The folder with a program from the npm registry.
fn npm_tool(places: &Places, tool: &NpmTool) -> Result<PathBuf, Error> {
    node()?;
    let home = places.cache.join(format!("{}-{}", tool.package, tool.version));
    let bin = home.join("node_modules/.bin");
    let answers = || shell::probe(Command::new(bin.join(tool.binary)).arg("--version")).is_some();
    if answers() {
        return Ok(bin);
    }
    announce(&format!("{} {}", tool.package, tool.version), tool.why, tool.cost);
    fs::create_dir_all(&home).map_err(Error::file("create", &home))?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(&home);
    npm.arg(format!("{}@{}", tool.package, tool.version));
    shell::run(&format!("installing {}", tool.package), &mut npm)?;
    if !answers() {
        return Err(Error::Unexpected {
            what: bin.join(tool.binary).display().to_string(),
            detail: "it does not run".into(),
        });
    }
    Ok(bin)
}

/// Node and npm: for wasm-opt, for the wasm tests and for the browser tests.
pub(crate) fn node() -> Result<(), Error> {
    for program in ["node", "npm"] {
        if shell::find(program).is_none() {
            return Err(Error::Missing {
                program: program.into(),
                remedy: "install Node.js 20 or newer (Debian: apt-get install nodejs npm)".into(),
            });
        }
    }
    Ok(())
}

/// A part of the Rust toolchain that rustup installs by default, but a minimal one lacks.
pub(crate) fn require_component(name: &'static str) -> Result<(), Error> {
    let subcommand = if name == "rustfmt" { "fmt" } else { name };
    let mut cargo = shell::cargo(Path::new("."));
    if shell::probe(cargo.args([subcommand, "--version"])).is_some() {
        return Ok(());
    }
    Err(Error::Missing { program: format!("cargo {subcommand}"), remedy: format!("rustup component add {name}") })
}

/// The version of `package` in a Cargo.lock.
fn locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name).skip(1);
    lines.next()?.strip_prefix("version = \"")?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "[[package]]\nname = \"wasm-bindgen-macro\"\nversion = \"9.9.9\"\n\n[[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.100\"\n";

    #[test]
    fn the_locked_version_is_read_by_the_exact_name() {
        assert_eq!(locked_version(LOCK, "wasm-bindgen"), Some("0.2.100"));
        assert_eq!(locked_version(LOCK, "yew"), None);
    }

    #[test]
    fn trunk_is_told_the_versions_that_set_up_installs() {
        let config = include_str!("../../../Trunk.toml");
        let major = BINARYEN.split('.').next().unwrap_or_default();
        assert!(config.contains(&format!("wasm_bindgen = \"{WASM_BINDGEN}\"")));
        assert!(config.contains(&format!("wasm_opt = \"version_{major}\"")));
    }
}
