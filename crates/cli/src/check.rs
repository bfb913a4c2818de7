//! `exitless check`: every interleaving of a bounded scenario, and the shortest run that breaks a property.
//!
//! `text` is for people, `all` the table of every preset and every fault.

mod all;
mod text;

use crate::args::CheckArgs;
use crate::error::Failure;
use crate::load::{self, Loaded};
use apic_core::driver::explore::{
    Bounds, Counterexample, Explore, Made, Portable, Progress, Replay, Verdict, usual_bounds,
};
use apic_core::kvm::{Fault, Faults};
use apic_core::run::StepRecord;
use apic_core::scenario::{PathKind, Scenario};
use scene::narrate;
use serde::Serialize;
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// States between two looks at the clock.
const SLICE: usize = 1 << 16;

/// One path, searched.
pub(crate) struct Checked {
    pub(crate) scenario: Scenario,
    pub(crate) preset: Option<String>,
    pub(crate) path: PathKind,
    pub(crate) bounds: Bounds,
    pub(crate) faults: Faults,
    pub(crate) verdict: Verdict,
    pub(crate) progress: Progress,
    pub(crate) took: Duration,
}

/// A move of a counterexample.
#[derive(Serialize)]
pub(crate) struct Line {
    /// Time after it, in ns.
    pub(crate) at_ns: u64,
    /// Where; nowhere if time passes.
    pub(crate) cpu: Option<u16>,
    /// The rule that a step followed.
    pub(crate) rule: Option<&'static str>,
    pub(crate) words: String,
}

pub(crate) fn check(args: &CheckArgs, out: &mut impl Write) -> Result<ExitCode, Failure> {
    if args.all {
        return all::print(args, out);
    }
    let faults = faults(args.broken.as_slice())?;
    if let Some(text) = args.scenario.as_deref().filter(|text| Portable::claims(text)) {
        return replay(text, args, out);
    }
    let loaded = load::named(args.scenario.as_deref(), args.preset.as_deref(), "check")?;
    let bounds = bounds(&args.bound, usual_bounds(&loaded.scenario))?;
    let paths = paths(&loaded, args.path.as_deref())?;
    let mut checked = Vec::new();
    for path in paths {
        let Loaded { scenario, preset, .. } = &loaded;
        checked.push(search(scenario, preset.clone(), path, bounds, faults));
    }
    if args.json {
        let documents: Vec<_> = checked.iter().map(document).collect();
        crate::json::write(&documents, out)?;
    } else {
        for (i, one) in checked.iter().enumerate() {
            if i > 0 {
                writeln!(out)?;
            }
            text::print(one, out)?;
        }
    }
    Ok(status(checked.iter().map(|c| &c.verdict)))
}

/// 1 if anything is violated, else 3 if anything is not finished.
fn status<'a>(verdicts: impl Iterator<Item = &'a Verdict>) -> ExitCode {
    let worst = verdicts.map(|verdict| match verdict {
        Verdict::Holds => 0,
        Verdict::Unfinished => 1,
        Verdict::Violated(_) => 2,
    });
    ExitCode::from([0, 3, 1][worst.max().unwrap_or(0)])
}

/// Searches one path.
pub(crate) fn search(
    scenario: &Scenario,
    preset: Option<String>,
    path: PathKind,
    bounds: Bounds,
    faults: Faults,
) -> Checked {
    let began = Instant::now();
    let mut explore = Explore::new(scenario, path, bounds, faults);
    while explore.verdict().is_none() {
        explore.run(SLICE);
    }
    let verdict = explore.verdict().cloned().unwrap_or(Verdict::Unfinished);
    let (progress, took) = (explore.progress(), began.elapsed());
    Checked { scenario: scenario.clone(), preset, path, bounds, faults, verdict, progress, took }
}

impl Checked {
    /// The counterexample, if there is one.
    pub(crate) fn found(&self) -> Option<&Counterexample> {
        if let Verdict::Violated(found) = &self.verdict { Some(found) } else { None }
    }

    /// It as a line that can be sent.
    pub(crate) fn link(&self) -> Option<String> {
        let found = self.found()?;
        let portable = Portable {
            scenario: self.scenario.clone(),
            preset: self.preset.clone(),
            path: self.path,
            bounds: self.bounds,
            faults: self.faults,
            moves: found.moves.clone(),
            position: None,
        };
        Some(portable.encode())
    }

    /// Its moves in words.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let Some(found) = self.found() else { return Vec::new() };
        let mut replay = Replay::new(&self.scenario, self.path, self.bounds, self.faults);
        let mut lines = Vec::new();
        for (index, chosen) in found.moves.iter().enumerate() {
            let mut effects = Vec::new();
            let cpu = chosen.cpu(replay.machine());
            let Some(made) = replay.make(*chosen, &mut effects) else { break };
            let at = replay.machine().now();
            let (rule, words) = match (made, cpu) {
                (Made::Step(taken), Some(cpu)) => {
                    let (index, vcpu, rule) = (index as u32, taken.vcpu, taken.rule);
                    let record = StepRecord { index, at, cpu, vcpu, rule, effects };
                    (Some(rule.id()), narrate(&record, &self.scenario).text())
                }
                (Made::Step(taken), None) => (Some(taken.rule.id()), taken.rule.info().title.to_owned()),
                (Made::Drained(cpu, store), _) => {
                    (None, format!("The store buffer of core {cpu} drains: {store} is seen by all."))
                }
                (Made::Passed(to), _) => (None, format!("Time passes to {to}.")),
            };
            lines.push(Line { at_ns: at.as_ns(), cpu: cpu.map(|c| c.0), rule, words });
        }
        lines
    }
}

/// Plays a counterexample that was sent.
fn replay(text: &str, args: &CheckArgs, out: &mut impl Write) -> Result<ExitCode, Failure> {
    if !args.broken.is_empty() || !args.bound.is_empty() || args.path.is_some() {
        let problem = "a counterexample brings its own path, faults and bounds";
        return Err(Failure::value("c1.…", problem, "leave --path, --break and --bound out"));
    }
    let Portable { scenario, preset, path, bounds, faults, moves, position: _ } = Portable::decode(text)?;
    let began = Instant::now();
    let mut played = Replay::new(&scenario, path, bounds, faults);
    let followed = played.follow(&moves).ok_or_else(|| {
        Failure::value("c1.…", "one of its moves cannot be made", "a counterexample of this version of the machine")
    })?;
    let verdict = match followed {
        Some(broken) => Verdict::Violated(Box::new(Counterexample { broken, moves })),
        // That nothing can be delivered any more takes a search to see.
        None => match search(&scenario, preset.clone(), path, bounds, faults).verdict {
            Verdict::Violated(found) if found.moves == moves => Verdict::Violated(found),
            other => other,
        },
    };
    let progress = Progress { states: 0, moves: 0, depth: 0, frontier: 0 };
    let checked = Checked { scenario, preset, path, bounds, faults, verdict, progress, took: began.elapsed() };
    if args.json {
        crate::json::write(&[document(&checked)], out)?;
    } else {
        text::print_run(&checked, out)?;
    }
    Ok(status(std::iter::once(&checked.verdict)))
}

/// The faults named.
fn faults(ids: &[String]) -> Result<Faults, Failure> {
    let known = |id: &String| {
        Fault::from_id(id.trim()).ok_or_else(|| {
            let valid: Vec<_> = Fault::ALL.iter().map(|f| f.info().id).collect();
            let problem = format!("no fault is called \"{id}\"");
            Failure::value("--break", problem, format!("one or more of: {}", valid.join(",")))
        })
    };
    ids.iter().map(known).collect()
}

/// What is bounded otherwise than usual.
fn bounds(given: &[String], mut bounds: Bounds) -> Result<Bounds, Failure> {
    const VALID: &str = "expiries=1..255, vcpus=1..8, housekeepers=0..255, store-buffer=0..8 or states=1..100000000";
    for one in given {
        let refuse = || Failure::value("--bound", format!("\"{one}\" bounds nothing"), VALID);
        let (name, value) = one.split_once('=').ok_or_else(refuse)?;
        let value: u32 = value.trim().parse().map_err(|_| refuse())?;
        let small = u8::try_from(value).map_err(|_| refuse());
        match (name.trim(), value) {
            ("expiries", 1..) => bounds.expiries = small?,
            ("vcpus", 1..=8) => bounds.vcpus = small?,
            ("housekeepers", _) => bounds.housekeepers = small?,
            ("store-buffer", 0..=8) => bounds.store_buffer = small?,
            ("states", 1..=100_000_000) => bounds.states = value,
            _ => return Err(refuse()),
        }
    }
    Ok(bounds)
}

/// The path named, or all that the scenario compares.
fn paths(loaded: &Loaded, named: Option<&str>) -> Result<Vec<PathKind>, Failure> {
    let Some(name) = named else { return Ok(loaded.scenario.run.paths.clone()) };
    let path = PathKind::from_name(name).ok_or_else(|| {
        let all: Vec<_> = PathKind::ALL.iter().map(|p| p.name()).collect();
        Failure::value("--path", format!("no path is called \"{name}\""), format!("one of: {}", all.join(", ")))
    })?;
    loaded.scenario.allows(path).map_err(Failure::scenario("--path"))?;
    Ok(vec![path])
}

#[derive(Serialize)]
pub(crate) struct Document {
    title: String,
    preset: Option<String>,
    path: &'static str,
    bounds: BoundsOut,
    without: Vec<&'static str>,
    verdict: &'static str,
    states: usize,
    moves: usize,
    depth: usize,
    frontier: usize,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counterexample: Option<Vec<Line>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

#[derive(Serialize)]
struct BoundsOut {
    expiries: u8,
    vcpus: usize,
    housekeepers: u8,
    store_buffer: u8,
    states: u32,
}

pub(crate) fn document(checked: &Checked) -> Document {
    let Bounds { expiries, housekeepers, store_buffer, states, .. } = checked.bounds;
    let progress = checked.progress;
    Document {
        title: checked.scenario.meta.title.clone(),
        preset: checked.preset.clone(),
        path: checked.path.name(),
        bounds: BoundsOut { expiries, vcpus: vcpus(checked), housekeepers, store_buffer, states },
        without: checked.faults.iter().map(|f| f.info().id).collect(),
        verdict: word(&checked.verdict),
        states: progress.states,
        moves: progress.moves,
        depth: progress.depth,
        frontier: progress.frontier,
        seconds: checked.took.as_secs_f64(),
        broken: checked.found().map(|found| found.broken.to_string()),
        counterexample: checked.found().map(|_| checked.lines()),
        link: checked.link(),
    }
}

/// vCPUs that were searched.
fn vcpus(checked: &Checked) -> usize {
    checked.scenario.vcpus.len().min(checked.bounds.vcpus.into())
}

/// The verdict in one word.
pub(crate) fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "holds",
        Verdict::Violated(_) => "violated",
        Verdict::Unfinished => "unfinished",
    }
}
