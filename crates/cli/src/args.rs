//! The command line.

use crate::quantity::{Picos, Share};
use apic_core::scenario::PathKind;
use clap::{Args as ClapArgs, Parser, Subcommand};
use std::path::PathBuf;
use std::str::FromStr;

const RUN_HELP: &str = "\
What to run:
  scenario.toml, scenario.json   a scenario file; `-` reads one from standard input
  v3.…, '#…', https://…#…        a link, as the page's address carries it
  idle-housekeeper               the name of a preset, the same as --preset

A link is a moment. Ledger, expiries and events are told up to it: after the beats that the link
names, or where the page opens if it names none. \"end\" has the totals of the whole run beside it.
Everything else, and a link whose run is changed by --paths, --expiries, --seed or --arms-from, is
told to the end. --at says otherwise.

Recordings are the text of `perf script` or `trace-cmd report`. An arm counts if the guest wrote a
deadline or an initial count; --expiries is the number of arms unless it is given.

--calibrate takes the table that `perf kvm stat report --event=vmexit --stdio` prints on your host, and
scales the model's costs until its exits take the table's least, average and most time. The report
says what the table cannot tell. The fitted costs stand under costs.own with --json, in the form that
a scenario carries them.

Exit status: 0; 2 if the command line, the scenario, the link, the recording or the table is at
fault; 1 if the output could not be written.";

const CHECK_HELP: &str = "\
Every interleaving of the scenario's steps is tried, on each of its paths, within a bound: expiries a vCPU,
vCPUs, housekeepers with a load, stores that a CPU's store buffer holds (x86-TSO; 0 is none). Time is
one of the choices: no step happens before what it waits for, and any may happen later.

What must hold: the machine's invariants after every step; no handler before its deadline; and from every
state in which a guest has an interrupt coming, some order of steps starts its handler.

--break takes rules away: B1 to B30 as docs/break-it.md lists them. A counterexample is the shortest there
is; the line that begins with c1. plays it again.

Exit status: 0 it holds; 1 it is violated, or the output could not be written; 2 if the command line or
the scenario is at fault; 3 if the bound was not exhausted, which proves nothing.";

const RENDER_HELP: &str = "\
Of a moment; --step says which, else a link's own, else where the page opens:
  svg       figure that stands alone: style, title and description inside
  png       the same in pixels
  card      Markdown for a design review: question, a figure per path, ledger, assumptions, link
Of a tick, or of --range:
  txt       80 columns, for a mail
  md        the sentences, as Markdown
  apng      a frame per beat, played once; at most 2,000
Of the whole run, or up to --step, or of --range:
  csv       a row per step, and a row per expiry with its times
  perfetto  JSON that Perfetto opens: tracks per CPU and vCPU, an arrow per IPI
  vcd       PIR, ON, vcpu->mode and more as signals, for GTKWave and Surfer
  stat      the table that `perf kvm stat report` would print, of one path

A beat is one press of Step in the page. Without --format, the end of the name after -o says it.
With -o, a card's figures are files beside it; else they are inside. docs/render.md has examples.

Exit status: 0; 2 if the command line, the scenario, the link or the recording is at fault; 1 if
the output could not be written.";

const APIC_HELP: &str = "\
Settings:
  era E   vendor vmx|svm|qemu|hardware   path pending|posted|hv   bus NS   tsc-khz N   auto-eoi 0|1
Guest and time:
  write REG VALUE   read REG   advance NS   pause NS   hlt   if 0|1   tpr N   eoi   save   restore
  REG: LVTT TDCR TMICT TMCCT SVR APIC_BASE TPR PPR EOI SELF_IPI TSC_DEADLINE IRR ISR ESR
Posting side:
  post VECTOR   notify   exit   entry   eoi-exit VECTOR 0|1
Questions, each since it was last asked:
  expiries   fired   ipis   exits   state

Numbers are decimal or 0x…; # starts a comment. docs/bench-script.md has an example of each.

At the start: era 6.19, vendor vmx, path pending, x2APIC on, SVR 0x1ff, all else at reset, bus 1 ns,
guest TSC 0 at time 0 and 1 GHz, vCPU in guest mode, IF=1, TPR 0, automatic EOI on. What is due
happens at its instant: there are no costs.

Exit status: 0; 2 if a line cannot be read or obeyed; 1 if the output could not be written.";

const IMPORT_HELP: &str = "\
What a recording shows is told with the rule that it was read by; the summary lists the rules. Lines that
are not understood are counted and the first of them shown.

Record all that is read with:
  perf record -a -e 'kvm:*' -e 'timer:hrtimer_*' -e 'irq_vectors:local_timer_*' \\
    -e 'irq_vectors:reschedule_*' -e sched:sched_switch -- sleep 1
  perf script > recording.txt

Progress goes to standard error if it takes longer than two seconds.

Exit status: 0; 2 if the command line or the recording is at fault; 1 if the output could not be written.";

const COMPARE_HELP: &str = "\
The model makes the recording's arms at their recorded times, where the recording has the vCPU, and each tick is
set beside the recording's. Both are read by the rules of `exitless import`: the model's run is first written as
the kernel's tracepoints would print it. Without --path, the path is the one that the recording shows.

Costs are fitted to the recording's exits, where it has kvm_exit and kvm_entry. All others are assumed, so the
model's times are no measurement of your host.

Exit status: 0; 2 if the command line, the preset or the recording is at fault; 1 if the output could not be
written.";

const LESSON_HELP: &str = "\
A lesson is TOML with Markdown in its words: docs/lessons.md. Right answers are not written down, they are
the model's: a figure of the lesson's run, the core where a step happens, the vector that it sets. What a
lesson claims in words names the figures that make it true, and they are looked up.

Exit status: 0; 2 if a lesson is at fault; 1 if the output could not be written.";

/// Shows where a virtual machine's timer tick goes: KVM's emulated local APIC timer and VMX posted
/// interrupts, step by step, on several paths.
#[derive(Parser, Debug)]
#[command(name = "exitless", version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Run a scenario on its paths and print the ledger
    #[command(after_help = RUN_HELP)]
    Run(RunArgs),
    /// Write a figure, a table or a data file of a run
    #[command(after_help = RENDER_HELP)]
    Render(RenderArgs),
    /// Ask a local APIC, one command per line: KVM's, QEMU's or a processor's
    #[command(after_help = APIC_HELP)]
    Apic(ApicArgs),
    /// Try every interleaving of a bounded scenario
    #[command(after_help = CHECK_HELP)]
    Check(CheckArgs),
    /// List the scenarios that ship with Exitless
    Presets(PresetsArgs),
    /// Print the arms of a recording as a scenario has them
    Arms(ArmsArgs),
    /// Print what steps cost, where each figure comes from, and what was published
    Costs(CostsArgs),
    /// Say how many exits must have been avoided for a claimed benefit
    Breakeven(BreakevenArgs),
    /// Sum a recording up, or turn it into a scenario, a Perfetto trace or a table
    #[command(after_help = IMPORT_HELP)]
    Import(ImportArgs),
    /// Run the model on a recording's arms and list where the two part, with likely causes
    #[command(after_help = COMPARE_HELP)]
    Compare(CompareArgs),
    /// Hold lessons against the model and say what is wrong in them
    #[command(after_help = LESSON_HELP)]
    Lesson(LessonArgs),
}

#[derive(ClapArgs, Debug)]
pub(crate) struct LessonArgs {
    #[command(subcommand)]
    pub(crate) command: LessonCommand,
}

#[derive(Subcommand, Debug)]
pub(crate) enum LessonCommand {
    /// Say what is wrong in lessons, or how each answers
    Check(LessonCheckArgs),
    /// Write the questions on common beliefs as mdbook-quiz reads them
    Quiz(LessonQuizArgs),
    /// Write lessons as files that the page fetches
    Pack(LessonPackArgs),
}

#[derive(ClapArgs, Debug)]
pub(crate) struct LessonCheckArgs {
    /// Lessons: `NN-name.toml`
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// One JSON document: the lessons as the page has them
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct LessonPackArgs {
    /// The folder that they are written to; it is made if it is not there
    #[arg(short, value_name = "FOLDER")]
    pub(crate) output: PathBuf,
    /// Lessons: `NN-name.toml`
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct LessonQuizArgs {
    /// The questions (`static/lessons/inventory.toml`), held against the model first
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// What to run, and what is changed in it.
#[derive(ClapArgs, Debug)]
pub(crate) struct Chosen {
    /// A scenario file, `-`, a link or a preset's name
    #[arg(value_name = "SCENARIO|LINK", conflicts_with = "preset")]
    pub(crate) scenario: Option<String>,
    /// Run a preset; `exitless presets` lists them
    #[arg(long, value_name = "NAME")]
    pub(crate) preset: Option<String>,
    /// Paths to compare, in this order: pinned, posted
    #[arg(long, visible_alias = "path", value_name = "PATHS", value_delimiter = ',')]
    pub(crate) paths: Vec<String>,
    /// Handlers started, per path, after which the run ends
    #[arg(long, value_name = "N", value_parser = number::<u32>)]
    pub(crate) expiries: Option<u32>,
    /// Seed of the cost samples
    #[arg(long, value_name = "S", value_parser = number::<u64>)]
    pub(crate) seed: Option<u64>,
    /// Replay the arms of a recording (`-` reads standard input); on recorded-arms if nothing else is named
    #[arg(long, value_name = "FILE")]
    pub(crate) arms_from: Option<PathBuf>,
    /// The vCPU of the recording, by its thread, where there are several
    #[arg(long, value_name = "TID", requires = "arms_from", value_parser = number::<u32>)]
    pub(crate) vcpu: Option<u32>,
    /// Fit the costs to a table of `perf kvm stat report` (`-` reads standard input)
    #[arg(long, value_name = "FILE")]
    pub(crate) calibrate: Option<PathBuf>,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) what: Chosen,
    /// Up to where the run is told: end, opening, or a number of beats
    #[arg(long, value_name = "WHEN")]
    pub(crate) at: Option<String>,
    /// One JSON document instead of the table
    #[arg(long, conflicts_with = "events")]
    pub(crate) json: bool,
    /// One JSON object per step and line, one path after the other
    #[arg(long)]
    pub(crate) events: bool,
    /// What the kernel's tracepoints would print, as ftrace text, of one path
    #[arg(long, conflicts_with_all = ["events", "json", "kvm_stat"])]
    pub(crate) ftrace: bool,
    /// The table that `perf kvm stat report` would print, of one path
    #[arg(long, conflicts_with_all = ["events", "json"])]
    pub(crate) kvm_stat: bool,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct CheckArgs {
    /// A scenario file, `-`, a link, a preset's name, or a counterexample
    #[arg(value_name = "SCENARIO", conflicts_with = "preset")]
    pub(crate) scenario: Option<String>,
    /// Check a preset; `exitless presets` lists them
    #[arg(long, value_name = "NAME")]
    pub(crate) preset: Option<String>,
    /// One path instead of all that the scenario compares
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Option<String>,
    /// Without these rules: B22, or several with commas
    #[arg(long = "break", value_name = "IDS", value_delimiter = ',')]
    pub(crate) broken: Vec<String>,
    /// Bounds: expiries=2, vcpus=1, housekeepers=1, store-buffer=2, states=10000000
    #[arg(long, value_name = "NAME=N", value_delimiter = ',')]
    pub(crate) bound: Vec<String>,
    /// Every preset, and every rule in force and taken away
    #[arg(long)]
    pub(crate) all: bool,
    /// One JSON document instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct RenderArgs {
    #[command(flatten)]
    pub(crate) what: Chosen,
    /// What to write
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<RenderFormat>,
    /// The moment: end, opening, or a number of beats
    #[arg(long, value_name = "N", conflicts_with = "range")]
    pub(crate) step: Option<String>,
    /// Beats, the first and the one after the last: 0..40, 12.., ..40
    #[arg(long, value_name = "A..B")]
    pub(crate) range: Option<String>,
    /// Colours of a figure; without it an SVG has both, and pixels are light
    #[arg(long, value_name = "THEME")]
    pub(crate) theme: Option<RenderTheme>,
    /// Width of a figure, in pixels of its own
    #[arg(long, value_name = "PIXELS", default_value_t = 960, value_parser = clap::value_parser!(u32).range(340..=4_096))]
    pub(crate) width: u32,
    /// Pixels of the picture per pixel of the figure; 2 for png and 1 for apng if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4))]
    pub(crate) scale: Option<u32>,
    /// How long an animation shows each beat, in ms
    #[arg(long, value_name = "MS", default_value_t = 1_000, value_parser = clap::value_parser!(u16).range(20..))]
    pub(crate) pace: u16,
    /// Address of the page, for the link of a card or a mail
    #[arg(long, value_name = "ADDRESS", default_value = "")]
    pub(crate) page: String,
    /// The file to write; `-`, and nothing, are standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// What can be written.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RenderFormat {
    /// A figure that stands alone
    Svg,
    /// The same in pixels
    Png,
    /// Pixels that move
    Apng,
    /// 80 columns of text
    Txt,
    /// The sentences
    Md,
    /// Steps and expiries as a table
    Csv,
    /// A trace that Perfetto opens
    Perfetto,
    /// Signals
    Vcd,
    /// A table of exits
    Stat,
    /// Markdown for a design review
    Card,
}

/// Colours.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RenderTheme {
    Light,
    Dark,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct ApicArgs {
    /// The script; `-` reads standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) file: PathBuf,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct PresetsArgs {
    /// One JSON document instead of the list
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct ArmsArgs {
    /// The text of `perf script` or `trace-cmd report`; `-` reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The vCPU, by its thread, where there are several
    #[arg(long, value_name = "TID", value_parser = number::<u32>)]
    pub(crate) vcpu: Option<u32>,
    /// Print no more than so many
    #[arg(long, value_name = "N", value_parser = number::<usize>)]
    pub(crate) first: Option<usize>,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct CostsArgs {
    /// One set of costs instead of all
    #[arg(long, value_name = "NAME")]
    pub(crate) set: Option<String>,
    /// One JSON document instead of the tables
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct BreakevenArgs {
    /// What is claimed: so much more work done, such as 3%
    #[arg(long, value_name = "SHARE")]
    pub(crate) benefit: Share,
    /// What one exit costs: 1.4us, 740ns, or cycles at a clock, 2900cycles@2.5GHz
    #[arg(long, value_name = "TIME")]
    pub(crate) exit_cost: Picos,
    /// vCPUs over which the benefit is spread
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) cpus: u32,
    /// One JSON document instead of sentences
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct ImportArgs {
    /// The text of `perf script` or `trace-cmd report`, also compressed by gzip; `-` reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The summary; also printed if nothing else is asked for
    #[arg(long)]
    pub(crate) summary: bool,
    /// The summary as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
    /// What to turn it into
    #[arg(long, value_name = "FORMAT", conflicts_with_all = ["summary", "json"])]
    pub(crate) to: Option<ImportFormat>,
    /// The vCPU of the scenario, by its thread, where there are several
    #[arg(long, value_name = "TID", value_parser = number::<u32>)]
    pub(crate) vcpu: Option<u32>,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct CompareArgs {
    /// The text of `perf script` or `trace-cmd report`, also compressed by gzip; `-` reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Run the arms on a preset's host, not where the recording has the vCPU
    #[arg(long, value_name = "NAME")]
    pub(crate) preset: Option<String>,
    /// The path that is expected, such as posted
    #[arg(long, value_name = "NAME", value_parser = path)]
    pub(crate) path: Option<PathKind>,
    /// The vCPU, by its thread, where there are several
    #[arg(long, value_name = "TID", value_parser = number::<u32>)]
    pub(crate) vcpu: Option<u32>,
    /// One JSON document instead of the report
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a recording can be turned into.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ImportFormat {
    /// TOML that replays the arms of one vCPU where it ran, with what is assumed in comments
    Scenario,
    /// JSON that Perfetto opens: tracks per CPU and vCPU
    Perfetto,
    /// One table of all events and of all ticks with their latencies
    Csv,
}

/// A path, or the names of those there are.
fn path(text: &str) -> Result<PathKind, String> {
    let names = || PathKind::ALL.iter().map(|path| path.name()).collect::<Vec<_>>().join(", ");
    PathKind::from_name(text).ok_or_else(|| format!("no path is called that; one of: {}", names()))
}

/// A number, or what would be one.
fn number<T: FromStr>(text: &str) -> Result<T, String> {
    let bits = size_of::<T>() * 8;
    text.parse().map_err(|_| format!("a whole number below 2^{bits} is valid"))
}
