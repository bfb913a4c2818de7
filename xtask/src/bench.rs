//! `cargo xtask bench`: how fast the machine is, with `--wasm` how fast it is in Node, with `--browser` how
//! fast the page is, and with `--peers` how fast the event queue is beside other engines.
//!
//! Benchmarks print figures; they are no tests, as their figures depend on the machine and on its other work.

use std::process::Command;

use crate::dist;
use crate::error::Error;
use crate::places::Places;
use crate::setup;
use crate::shell;
use crate::test;

pub(crate) fn run(places: &Places, options: &[String]) -> Result<(), Error> {
    let option = match options {
        [] => "",
        [option] if ["--browser", "--wasm"].contains(&option.as_str()) => option,
        [option] if option == "--peers" => return peers(places),
        _ => return Err(Error::Usage("bench knows only --browser, --wasm and --peers".into())),
    };
    shell::run("cargo bench", shell::cargo(&places.root).args(["bench", "--locked", "--benches"]))?;
    match option {
        "--browser" => browser(places),
        "--wasm" => wasm(places),
        _ => Ok(()),
    }
}

/// The machine as wasm in Node, built for speed.
fn wasm(places: &Places) -> Result<(), Error> {
    test::bridge(places, &setup::wasm_toolchain(places)?, &setup::wasm_bindgen(places)?, "release")?;
    let mut node = Command::new("node");
    node.current_dir(places.browser_tests()).env("EXITLESS_BRIDGE", places.bridge());
    shell::run("the machine as wasm", node.arg("speed.mjs"))
}

fn browser(places: &Places) -> Result<(), Error> {
    let chromium = setup::chromium()?;
    setup::node_packages(places)?;
    dist::run(places)?;
    shell::run("browser benchmarks", test::browser_node(places, &chromium)?.arg("bench.mjs"))
}

/// The workspace in benches/peers, and SimPy in a Python environment of its own.
fn peers(places: &Places) -> Result<(), Error> {
    const SIMPY: &str = "simpy==4.1.2";
    let environment = places.cache_folder()?.join("simpy-4.1.2");
    let python = environment.join("bin/python");
    if shell::probe(Command::new(&python).args(["-c", "import simpy"])).is_none() {
        println!("Installing {SIMPY} into {}, to measure it beside our queue.", environment.display());
        shell::run("making a Python environment", Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
        shell::run("installing SimPy", Command::new(&python).args(["-m", "pip", "install", "--quiet", SIMPY]))?;
    }
    let folder = places.root.join("benches/peers");
    let mut cargo = shell::cargo(&folder);
    // desim is made of coroutines, which are unstable; the compiler lets only this program have them.
    cargo.env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_DIR", places.target().join("peers"));
    shell::run("the peers", cargo.args(["run", "--release", "--locked", "--"]).arg(&python).arg("simpy_peer.py"))
}
