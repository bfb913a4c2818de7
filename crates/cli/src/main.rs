//! `exitless`: runs a scenario of the machine and says where the timer's work went.
//!
//! ```text
//! args ──► load ──► moment ──► report   a table
//!            ▲         ├─────► json     one document
//!          arms        ├─────► events   a line per step
//!                      └─────► render   figures, tables and data
//! ```
//!
//! | file | is |
//! | --- | --- |
//! | `args` | the command line |
//! | `load` | where a scenario comes from: file, link, preset, recording |
//! | `apic` | `exitless apic`: a script for the bench |
//! | `arms` | recordings: their arms in a scenario, and `exitless arms` |
//! | `check` | `exitless check`: every interleaving; `check/` prints verdicts and the table of all |
//! | `import` | recordings: summed up, and turned into scenarios, Perfetto traces and tables |
//! | `compare` | recordings: the model on their arms, and where the two part |
//! | `lessons` | `exitless lesson`: lessons held against the model |
//! | `calibration` | `--calibrate`: costs fitted to a table of `perf kvm stat` |
//! | `moment` | the paths run, and up to where they are told |
//! | `spread` | distributions: of latency, of a tick's price, of exits |
//! | `report`, `json`, `events`, `ftrace`, `presets` | what is printed; `table` sets columns |
//! | `render` | `exitless render`: what is on the stage leaves; `scene` draws and writes it |
//! | `progress` | long work, told on standard error |
//! | `crosscheck` | the published table beside the preset that stands for it |
//! | `breakeven`, `costs`, `quantity` | `exitless breakeven` and `exitless costs`; numbers with units |
//! | `error` | what can go wrong, and the exit status for it |

mod apic;
mod args;
mod arms;
mod breakeven;
mod calibration;
mod check;
mod compare;
mod costs;
mod crosscheck;
mod error;
mod events;
mod ftrace;
mod import;
mod json;
mod lessons;
mod load;
mod moment;
mod presets;
mod progress;
mod quantity;
mod render;
mod report;
mod spread;
mod table;

use args::{Args, Command, RunArgs};
use clap::Parser as _;
use clap::error::ErrorKind;
use error::Failure;
use moment::Moment;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut out = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    let done = dispatch(&mut out).and_then(|status| Ok(out.flush().map(|()| status)?));
    let failure = match done {
        Ok(status) => return status,
        Err(failure) => failure,
    };
    // A reader that has seen enough (`| head`) is no failure.
    if failure.is_closed_pipe() {
        return ExitCode::SUCCESS;
    }
    // If nobody reads the message either, the status still tells.
    let _ = writeln!(io::stderr(), "exitless: {}", failure.message());
    failure.status()
}

fn dispatch(out: &mut impl Write) -> Result<ExitCode, Failure> {
    let args = match Args::try_parse() {
        Ok(args) => args,
        // `--help` and `--version` arrive as errors too.
        Err(e) if !e.use_stderr() => return Ok(write!(out, "{e}").map(|()| ExitCode::SUCCESS)?),
        Err(e) if e.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let valid = "run, render, check, apic, presets, arms, costs, import, compare or breakeven; --help says what they do";
            return Err(Failure::value("command line", "no command is named", valid));
        }
        Err(e) => return Err(Failure::Usage(e.to_string())),
    };
    match args.command {
        Command::Check(args) => return check::check(&args, out),
        Command::Run(args) => run(&args, out),
        Command::Render(args) => render::render(&args, out),
        Command::Apic(args) => apic::answer(&args, out),
        Command::Presets(args) => presets::print(args.json, out),
        Command::Arms(args) => arms::print(&args, out),
        Command::Costs(args) => costs::print(&args, out),
        Command::Breakeven(args) => breakeven::print(&args, out),
        Command::Import(args) => import::print(&args, out),
        Command::Compare(args) => compare::print(&args, out),
        Command::Lesson(args) => lessons::lesson(&args.command, out),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn run(args: &RunArgs, out: &mut impl Write) -> Result<(), Failure> {
    let loaded = load::load(&args.what, args.at.as_deref())?;
    let moment = Moment::new(loaded);
    if args.events {
        events::print(&moment, out)
    } else if args.ftrace {
        ftrace::print(&moment, out)
    } else if args.kvm_stat {
        spread::print_stat("--kvm-stat", &moment, out)
    } else if args.json {
        json::print(&moment, out)
    } else {
        report::print(&moment, out)
    }
}
