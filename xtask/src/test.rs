//! `cargo xtask test`: every test there is, from unit tests to a browser on the built site.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::dist;
use crate::error::Error;
use crate::fuzz;
use crate::phases::Phases;
use crate::places::Places;
use crate::setup::{self, TARGET, WasmToolchain};
use crate::shell;

/// Crates with tests that run as wasm, in Node.
const WASM_TESTED: [&str; 1] = ["wasm-bridge"];

/// Long enough for some hundred thousand inputs.
const SECONDS_OF_FUZZING: u32 = 20;

pub(crate) fn run(places: &Places) -> Result<(), Error> {
    let mut phases = Phases::default();
    let ready = phases.run("set-up", || {
        let toolchain = setup::wasm_toolchain(places)?;
        setup::site_tools(places)?;
        let bindgen = setup::wasm_bindgen(places)?;
        let chromium = setup::chromium()?;
        let firefox = setup::firefox();
        setup::node_packages(places)?;
        setup::mdbook(places)?;
        Ok((toolchain, bindgen, chromium, firefox))
    });
    phases.run("native tests", || {
        shell::run("cargo test", shell::cargo(&places.root).args(["test", "--locked"]))?;
        // What of the page and the lab is pure; no default members, as they are built for wasm32 otherwise.
        let packages = ["--package", "ui", "--package", "lab"];
        shell::run("cargo test", shell::cargo(&places.root).args(["test", "--locked"]).args(packages))
    });
    phases.run("fuzzing the reader of recordings", || fuzz::recordings(places, SECONDS_OF_FUZZING));
    phases.run("every interleaving", || {
        // Millions of states: optimised, as `cargo xtask serve` builds.
        let mut cargo = shell::cargo(&places.root);
        cargo.args([
            "test",
            "--locked",
            "--profile",
            "serve",
            "--package",
            "exitless-tests",
            "--test",
            "interleavings",
        ]);
        shell::run("the searches", cargo.args(["--", "--nocapture"]))
    });
    phases.run_with(ready.as_ref(), "wasm tests", |(toolchain, bindgen, ..)| wasm(places, toolchain, bindgen));
    let bridge = phases
        .run_with(ready.as_ref(), "the bridge", |(toolchain, bindgen, ..)| bridge(places, toolchain, bindgen, "serve"));
    let site = phases.run_with(ready.as_ref(), "dist", |_| dist::run(places));
    let command_line = phases.run("the exitless command and the benchmark", || {
        let mut cargo = shell::cargo(&places.root);
        let packages = ["--package", "exitless", "--package", "machine-bench", "--package", "mdbook-exitless"];
        shell::run("building them", cargo.args(["build", "--locked"]).args(packages))
    });
    let needed = ready.as_ref().filter(|_| bridge.is_some() && site.is_some() && command_line.is_some());
    phases.run_with(needed, "browser tests", |(.., chromium, firefox)| browser(places, chromium, firefox.as_deref()));
    phases.finish("test")
}

fn wasm(places: &Places, toolchain: &WasmToolchain, bindgen: &Path) -> Result<(), Error> {
    let mut cargo = toolchain.cargo(places)?;
    cargo
        .args(["test", "--locked", "--lib", "--target", TARGET])
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", bindgen.join("wasm-bindgen-test-runner"));
    for krate in WASM_TESTED {
        cargo.args(["-p", krate]);
    }
    shell::run("wasm tests", &mut cargo)
}

/// The interface for host pages as wasm, for `same.test.mjs` and `machine.mjs`: the page leaves it out.
pub(crate) fn bridge(places: &Places, toolchain: &WasmToolchain, bindgen: &Path, profile: &str) -> Result<(), Error> {
    let mut cargo = toolchain.cargo(places)?;
    cargo.args(["rustc", "--locked", "--package", "wasm-bridge", "--lib", "--crate-type", "cdylib"]);
    shell::run("building the bridge", cargo.args(["--target", TARGET, "--profile", profile]))?;
    let wasm = places.wasm_target().join(TARGET).join(profile).join("wasm_bridge.wasm");
    let mut tool = Command::new(bindgen.join("wasm-bindgen"));
    shell::run("writing its JavaScript", tool.args(["--target", "web", "--out-dir"]).arg(places.bridge()).arg(wasm))
}

/// Every `*.test.mjs` in tests/browser, against the site in dist/.
fn browser(places: &Places, chromium: &Path, firefox: Option<&Path>) -> Result<(), Error> {
    let folder = places.browser_tests();
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .map_err(Error::file("read", &folder))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(".test.mjs"))
        .collect();
    files.sort();
    let mut node = browser_node(places, chromium)?;
    if let Some(firefox) = firefox {
        node.env("EXITLESS_FIREFOX", firefox);
    }
    shell::run("browser tests", node.arg("--test").args(files))
}

/// Node in tests/browser, told where everything is that `helpers.mjs` needs.
pub(crate) fn browser_node(places: &Places, chromium: &Path) -> Result<Command, Error> {
    let mut node = Command::new("node");
    browser_environment(places, chromium, &mut node)?;
    Ok(node)
}

/// Tells a program where everything is that `helpers.mjs` needs.
pub(crate) fn browser_environment(places: &Places, chromium: &Path, program: &mut Command) -> Result<(), Error> {
    let xtask = std::env::current_exe().map_err(Error::file("find", "xtask"))?;
    program
        .current_dir(places.browser_tests())
        .env("EXITLESS_CHROMIUM", chromium)
        .env("EXITLESS_XTASK", xtask)
        .env("EXITLESS_DIST", places.dist())
        .env("EXITLESS_BRIDGE", places.bridge())
        .env("EXITLESS_NPM", places.npm())
        .env("EXITLESS_MDBOOK", setup::mdbook(places)?.join("mdbook"))
        .env("EXITLESS_MDBOOK_EXITLESS", places.target().join("debug/mdbook-exitless"))
        .env("EXITLESS_CLI", places.target().join("debug/exitless"))
        .env("EXITLESS_MACHINE_BENCH", places.target().join("debug/machine-bench"));
    Ok(())
}
