//! `cargo xtask`: everything one does with this repository.
//!
//! Each command first sets up what it needs (see [`setup`]), so a fresh clone needs no step before it.
//! It knows nothing of the model; it only builds, serves and checks what the other crates are.

mod bench;
mod compress;
mod dist;
mod embed;
mod error;
mod fences;
mod fuzz;
mod http;
mod licences;
mod lint;
mod mutants;
mod offline;
mod phases;
mod places;
mod serve;
mod setup;
mod shell;
mod split;
mod test;

use std::process::ExitCode;

use error::Error;
use places::Places;

const HELP: &str = "\
cargo xtask COMMAND

  serve [--port N] [--release]   build the playground and serve it on this machine; prints its address
  test                           every test: native, wasm, the built site, the browser
  dist                           the deployable static site in dist/, with a size table
  lint                           formatting, clippy (native and wasm32), docs, dependency fences, licences
  bench [PART...] [--json | --write] [--smoke]
                                 benchmarks: of the machine natively, in Node and in Chromium, in turns; of the event
                                 queue beside other engines; of the reader of recordings. One PART or more:
                                 --native (the machine here only), --wasm (here and in Node), --peers, --recordings,
                                 --browser (the built page). --write puts the figures into docs/benchmarks.md;
                                 --smoke only asks whether everything runs
  mutants [NAME...]              how many small faults in the model the tests see (half an hour and more); only those
                                 in the files and functions named
  fuzz [--seconds N]             libFuzzer on the reader of recordings, for a minute or N seconds; `test` runs it for 20
  setup                          only install what the commands above need
  serve-dir DIR [--port N] [--csp POLICY] [--mime EXT=TYPE]
                                 serve a folder that is already built; the browser tests use this

Every command sets up what it needs first, and says what it installs and why. Tools go to
~/.cache/exitless (or $XDG_CACHE_HOME/exitless, or $EXITLESS_CACHE), never into the checkout.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error @ Error::Usage(_)) => {
            eprintln!("error: {error}\n\n{HELP}");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Error> {
    let Some((command, options)) = arguments.split_first() else {
        print!("{HELP}");
        return Ok(());
    };
    let places = Places::find()?;
    match command.as_str() {
        "serve" => serve::site(&places, options),
        "serve-dir" => serve::folder(options),
        "test" => no_options(options).and_then(|()| test::run(&places)),
        "dist" => no_options(options).and_then(|()| dist::run(&places)),
        "lint" => no_options(options).and_then(|()| lint::run(&places)),
        "setup" => no_options(options).and_then(|()| setup::everything(&places)),
        "mutants" => mutants::run(&places, options),
        "bench" => bench::run(&places, options),
        "fuzz" => fuzz::run(&places, options),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(Error::Usage(format!(
            "there is no command {other:?}; valid are serve, test, dist, lint, bench, fuzz, mutants, setup, serve-dir"
        ))),
    }
}

fn no_options(options: &[String]) -> Result<(), Error> {
    match options.first() {
        None => Ok(()),
        Some(option) => Err(Error::Usage(format!("this command takes no option, got {option:?}"))),
    }
}
