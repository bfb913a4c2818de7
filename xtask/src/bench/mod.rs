//! `cargo xtask bench`: how fast the machine is, natively and as wasm; how fast the event queue is beside other engines;
//! how fast recordings are read; and with `--browser`, how fast the page is.
//!
//! Benchmarks print figures; they are no tests, as their figures depend on the machine and on its other work. So each
//! says on which machine, with which compiler and beside how much other work it was taken.

mod document;
mod host;

use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value};

use crate::dist;
use crate::error::Error;
use crate::places::Places;
use crate::setup;
use crate::shell;
use crate::test;

/// What the figures go into.
const DOCUMENT: &str = "docs/benchmarks.md";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    /// The machine here, and as wasm in these engines.
    Machine(&'static [&'static str]),
    Peers,
    Recordings,
    Page,
}

const ALL: [Part; 3] = [Part::Machine(&["node", "chromium"]), Part::Peers, Part::Recordings];

/// What becomes of the figures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    Text,
    Json,
    /// Text, which also goes into [`DOCUMENT`].
    Document,
}

#[derive(PartialEq, Eq, Debug)]
struct Asked {
    parts: Vec<Part>,
    form: Form,
    smoke: bool,
}

impl Asked {
    fn read(options: &[String]) -> Result<Self, Error> {
        let mut asked = Self { parts: Vec::new(), form: Form::Text, smoke: false };
        for option in options {
            match option.as_str() {
                "--native" => asked.parts.push(Part::Machine(&[])),
                "--wasm" => asked.parts.push(Part::Machine(&["node"])),
                "--peers" => asked.parts.push(Part::Peers),
                "--recordings" => asked.parts.push(Part::Recordings),
                "--browser" => asked.parts.push(Part::Page),
                "--json" => asked.form = Form::Json,
                "--write" => asked.form = Form::Document,
                "--smoke" => asked.smoke = true,
                _ => {
                    let known = "--native, --wasm, --peers, --recordings, --browser, --json, --write and --smoke";
                    return Err(Error::Usage(format!("bench knows {known}, not {option:?}")));
                }
            }
        }
        if asked.parts.is_empty() {
            asked.parts = ALL.to_vec();
        }
        let strange = |part: &Part| !ALL.contains(part);
        if asked.form == Form::Document && (asked.smoke || asked.parts.iter().any(strange)) {
            return Err(Error::Usage(format!(
                "{DOCUMENT} has the whole figures: --write goes with no part, --peers or --recordings"
            )));
        }
        if asked.form == Form::Json && asked.parts.iter().any(|part| matches!(part, Part::Recordings | Part::Page)) {
            // What they print is for people.
            asked.parts.retain(|part| !matches!(part, Part::Recordings | Part::Page));
        }
        Ok(asked)
    }
}

pub(crate) fn run(places: &Places, options: &[String]) -> Result<(), Error> {
    let asked = Asked::read(options)?;
    let mut json = Map::new();
    for part in &asked.parts {
        let (name, command) = match part {
            Part::Machine(engines) => ("machine", machine(places, engines)?),
            Part::Peers => ("peers", peers(places)?),
            Part::Recordings => ("recordings", recordings(places)),
            Part::Page => {
                page(places)?;
                continue;
            }
        };
        let host = host::Host::new(places);
        let figures = figures(*part, command, &asked)?;
        let place = host.after();
        match asked.form {
            Form::Json => {
                let figures = serde_json::from_str(&figures)
                    .map_err(|error| Error::Unexpected { what: name.to_owned(), detail: error.to_string() })?;
                json.insert(name.to_owned(), figures);
                json.insert(format!("{name}_measured"), Value::String(place));
            }
            Form::Text => println!("\n{place}\n\n{figures}"),
            Form::Document => {
                println!("\n{place}\n\n{figures}");
                document::replace(&places.root.join(DOCUMENT), name, &format!("{place}\n\n{figures}"))?;
            }
        }
    }
    if asked.form == Form::Json {
        println!("{}", Value::Object(json));
    }
    Ok(())
}

/// What a benchmark prints.
fn figures(part: Part, mut command: Benchmark, asked: &Asked) -> Result<String, Error> {
    if asked.form == Form::Json {
        command.flags.push("--json");
    }
    if asked.smoke {
        command.flags.push(if part == Part::Recordings { "--test" } else { "--smoke" });
    }
    let printed = shell::output("the benchmark", command.program.args(command.flags).args(command.rest))?;
    // What is no Markdown keeps its lines.
    Ok(if part == Part::Recordings { format!("```text\n{printed}\n```") } else { printed })
}

/// A program, its flags, and what comes after them.
struct Benchmark {
    program: Command,
    flags: Vec<&'static str>,
    rest: Vec<String>,
}

/// `benches/machine`, natively, and through tests/browser/machine.mjs as wasm, built for speed.
fn machine(places: &Places, engines: &[&str]) -> Result<Benchmark, Error> {
    let mut cargo = shell::cargo(&places.root);
    cargo.args(["build", "--locked", "--profile", "bench", "--package", "machine-bench"]);
    shell::run("building the benchmark", &mut cargo)?;
    let mut program = Command::new(places.target().join("release/machine-bench"));
    let mut rest = Vec::new();
    if !engines.is_empty() {
        test::bridge(places, &setup::wasm_toolchain(places)?, &setup::wasm_bindgen(places)?, "release")?;
        let chromium = if engines.contains(&"chromium") {
            setup::node_packages(places)?;
            setup::chromium()?
        } else {
            Path::new("").to_owned()
        };
        test::browser_environment(places, &chromium, &mut program)?;
        rest.extend(["--worker", "machine.mjs"].map(str::to_owned));
        rest.extend(engines.iter().map(|engine| (*engine).to_owned()));
    }
    Ok(Benchmark { program, flags: Vec::new(), rest })
}

fn recordings(places: &Places) -> Benchmark {
    let mut program = shell::cargo(&places.root);
    program.args(["bench", "--locked", "--package", "kvm-trace", "--bench", "reader", "--"]);
    Benchmark { program, flags: Vec::new(), rest: Vec::new() }
}

fn page(places: &Places) -> Result<(), Error> {
    let chromium = setup::chromium()?;
    setup::node_packages(places)?;
    dist::run(places)?;
    shell::run("browser benchmarks", test::browser_node(places, &chromium)?.arg("bench.mjs"))?;
    shell::run(
        "benchmarks of recordings in the page",
        test::browser_node(places, &chromium)?.arg("bench-recordings.mjs"),
    )
}

/// The workspace in benches/peers, and SimPy in a Python environment of its own.
fn peers(places: &Places) -> Result<Benchmark, Error> {
    const SIMPY: &str = "simpy==4.1.2";
    let environment = places.cache_folder()?.join("simpy-4.1.2");
    let python = environment.join("bin/python");
    if shell::probe(Command::new(&python).args(["-c", "import simpy"])).is_none() {
        println!("Installing {SIMPY} into {}, to measure it beside our queue.", environment.display());
        shell::run("making a Python environment", Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
        shell::run("installing SimPy", Command::new(&python).args(["-m", "pip", "install", "--quiet", SIMPY]))?;
    }
    let folder = places.root.join("benches/peers");
    let target = places.target().join("peers");
    let mut cargo = shell::cargo(&folder);
    // desim is made of coroutines, which are unstable; the compiler lets only this program have them.
    cargo.env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_DIR", &target);
    shell::run("building the peers", cargo.args(["build", "--release", "--locked"]))?;
    let mut program = Command::new(target.join("release/peers"));
    program.current_dir(&folder);
    Ok(Benchmark { program, flags: Vec::new(), rest: vec![python.display().to_string(), "simpy_peer.py".to_owned()] })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(options: &[&str]) -> Result<Asked, Error> {
        Asked::read(&options.iter().map(|option| (*option).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn no_part_is_every_part_but_the_page() {
        let asked = read(&["--smoke"]).expect("valid");
        assert_eq!(asked, Asked { parts: ALL.to_vec(), form: Form::Text, smoke: true });
        assert_eq!(read(&["--wasm"]).expect("valid").parts, [Part::Machine(&["node"])]);
        assert_eq!(read(&["--json"]).expect("valid").parts, ALL[..2]);
    }

    #[test]
    fn only_whole_figures_are_written_down() {
        assert!(read(&["--write"]).is_ok());
        assert!(read(&["--write", "--peers"]).is_ok());
        for options in [&["--write", "--smoke"], &["--write", "--native"], &["--browser", "--write"]] {
            assert!(matches!(read(options), Err(Error::Usage(_))), "{options:?}");
        }
        assert!(matches!(read(&["--fast"]), Err(Error::Usage(_))));
    }
}
