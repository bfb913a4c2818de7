//! Where a scenario comes from, and what the command line changes in it.

use crate::args::Chosen;
use crate::arms::Recording;
use crate::calibration::{self, Calibrated};
use crate::error::Failure;
use apic_core::driver::Pick;
use apic_core::link::{self, Link};
use apic_core::run::{Compare, Way};
use apic_core::scenario::{PRESETS, PathKind, Scenario, preset};
use std::io::Read as _;
use std::path::Path;

/// What a recording is replayed on if nothing else is named.
const REPLAY_BASE: &str = "recorded-arms";

/// Up to where a run is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum At {
    /// The whole of it.
    End,
    /// Where the page opens.
    Opening,
    /// After so many beats.
    Beat(usize),
}

/// A scenario, ready to run.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) scenario: Scenario,
    /// The preset that it is, or was before it was changed.
    pub(crate) preset: Option<String>,
    /// Choices made by hand, per path.
    pub(crate) picks: Vec<Vec<Pick>>,
    /// What is compared, and how, if not the scenario's paths by time.
    pub(crate) compare: Compare,
    pub(crate) at: At,
    pub(crate) recording: Option<Recording>,
    pub(crate) calibrated: Option<Calibrated>,
}

/// What the command line asks for.
pub(crate) fn load(args: &Chosen, at: Option<&str>) -> Result<Loaded, Failure> {
    if args.scenario.as_deref() == Some("-") && args.arms_from.as_deref().is_some_and(is_stdin) {
        let problem = "standard input can be read once, and the scenario is read from it";
        return Err(Failure::value("--arms-from", problem, "a file for one of the two"));
    }
    let from_stdin = |file: &Option<std::path::PathBuf>| file.as_deref().is_some_and(is_stdin);
    if from_stdin(&args.calibrate) && (args.scenario.as_deref() == Some("-") || from_stdin(&args.arms_from)) {
        let problem = "standard input can be read once, and something else is read from it";
        return Err(Failure::value("--calibrate", problem, "a file for one of the two"));
    }
    let mut loaded = base(args)?;
    let original = loaded.scenario.clone();
    if let Some(file) = &args.arms_from {
        let recording = Recording::read(file, args.vcpu)?;
        recording.replay_on(&mut loaded.scenario);
        loaded.recording = Some(recording);
    }
    if !args.paths.is_empty() {
        choose_paths(&mut loaded, &args.paths)?;
    }
    let run = &mut loaded.scenario.run;
    run.expiries = args.expiries.unwrap_or(run.expiries);
    run.seed = args.seed.unwrap_or(run.seed);
    if let Some(file) = &args.calibrate {
        // The run that shows what exits pay for has to be one that can be made.
        loaded.scenario.validate().map_err(|e| Failure::scenario(changed_by(args, e.path().unwrap_or("")))(e))?;
        loaded.calibrated = Some(calibration::apply(file, &mut loaded.scenario)?);
    }
    if loaded.scenario != original {
        loaded.scenario.validate().map_err(|e| Failure::scenario(changed_by(args, e.path().unwrap_or("")))(e))?;
        // The beats of another run are other beats.
        loaded.at = At::End;
    }
    if let Some(at) = at {
        loaded.at = parse_at("--at", at)?;
    }
    Ok(loaded)
}

/// The option that a key's value came from.
fn changed_by(args: &Chosen, key: &str) -> &'static str {
    match key {
        key if key.starts_with("guest.arms") && args.arms_from.is_some() => "--arms-from",
        key if key.starts_with("costs.own") && args.calibrate.is_some() => "--calibrate",
        key if key.starts_with("run.paths") => "--paths",
        key if key.starts_with("run.expiries") && args.expiries.is_some() => "--expiries",
        key if key.starts_with("run.expiries") => "--arms-from",
        _ => "the scenario as changed",
    }
}

fn base(args: &Chosen) -> Result<Loaded, Failure> {
    match (&args.scenario, &args.preset) {
        (None, None) if args.arms_from.is_some() => named(None, Some(REPLAY_BASE), "run"),
        (scenario, preset) => named(scenario.as_deref(), preset.as_deref(), "run"),
    }
}

/// The scenario that a command was given, as a file, a link or a preset.
pub(crate) fn named(scenario: Option<&str>, by_preset: Option<&str>, command: &str) -> Result<Loaded, Failure> {
    let shipped = |name: &str| {
        let scenario = preset(name).map_err(Failure::scenario("--preset"))?;
        Ok(whole(scenario, Some(name)))
    };
    match (scenario, by_preset) {
        (_, Some(name)) => shipped(name),
        (Some("-"), None) => from_text("standard input", &read(Path::new("-"))?),
        (Some(text), None) if is_link(text) => from_link(text),
        (Some(text), None) if looks_like_a_file(text) => from_text(text, &read(Path::new(text))?),
        (Some(text), None) if PRESETS.iter().any(|p| p.name == text) => shipped(text),
        (Some(text), None) => Err(Failure::value(
            format!("\"{text}\""),
            "neither a file, a link nor a preset",
            format!(
                "a .toml or .json file, - for standard input, a link that begins with v3. or #, or one of: {}",
                names()
            ),
        )),
        (None, None) => Err(Failure::value(
            command,
            format!("nothing to {command} is named"),
            format!(
                "a scenario file, a link, {}or --preset with one of: {}",
                if command == "run" { "--arms-from FILE, " } else { "" },
                names()
            ),
        )),
    }
}

fn whole(scenario: Scenario, preset: Option<&str>) -> Loaded {
    let (preset, compare) = (preset.map(str::to_owned), Compare::default());
    Loaded { scenario, preset, picks: Vec::new(), compare, at: At::End, recording: None, calibrated: None }
}

fn from_text(origin: &str, text: &str) -> Result<Loaded, Failure> {
    let scenario = Scenario::from_text(text).map_err(Failure::scenario(origin))?;
    Ok(whole(scenario, None))
}

fn from_link(text: &str) -> Result<Loaded, Failure> {
    let link = link::decode(text)?;
    let at = link.position.map_or(At::Opening, |beats| At::Beat(beats as usize));
    let Link { scenario, preset, picks, compare, .. } = link;
    Ok(Loaded { scenario, preset, picks, compare, at, recording: None, calibrated: None })
}

/// A fragment, an address with one, or the bare form `v3.…`.
fn is_link(text: &str) -> bool {
    let versioned = || {
        let (version, _) = text.strip_prefix('v')?.split_once('.')?;
        Some(!version.is_empty() && version.bytes().all(|b| b.is_ascii_digit()))
    };
    !Path::new(text).exists() && (text.contains('#') || versioned() == Some(true))
}

fn looks_like_a_file(text: &str) -> bool {
    let path = Path::new(text);
    let known = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("toml") || e.eq_ignore_ascii_case("json"));
    known || text.contains(std::path::MAIN_SEPARATOR) || path.is_file()
}

/// The paths named, each with the choices that were made on it.
fn choose_paths(loaded: &mut Loaded, names: &[String]) -> Result<(), Failure> {
    let valid = || {
        let all: Vec<_> = PathKind::ALL.iter().map(|p| p.name()).collect();
        format!("all, or one or more of: {}", all.join(","))
    };
    let known = |name: &String| {
        PathKind::from_name(name.trim())
            .ok_or_else(|| Failure::value("--paths", format!("no path is called \"{name}\""), valid()))
    };
    let all = names.len() == 1 && names[0].trim() == "all";
    let paths: Vec<PathKind> = if all {
        loaded.scenario.allowed_paths().collect()
    } else {
        names.iter().map(known).collect::<Result<_, _>>()?
    };
    let before = std::mem::take(&mut loaded.compare).ways(&loaded.scenario);
    let picks_of = |path: &PathKind| {
        let at = before.iter().position(|way| *way == Way::of(*path));
        at.and_then(|at| loaded.picks.get(at)).cloned().unwrap_or_default()
    };
    loaded.picks = paths.iter().map(picks_of).collect();
    loaded.scenario.run.paths = paths;
    Ok(())
}

/// A place in a run, as an option names it.
pub(crate) fn parse_at(option: &str, text: &str) -> Result<At, Failure> {
    match text {
        "end" => Ok(At::End),
        "opening" => Ok(At::Opening),
        _ => text.parse().map(At::Beat).map_err(|_| {
            let problem = format!("\"{text}\" is no place in a run");
            Failure::value(option, problem, "end, opening, or a number of beats from 0")
        }),
    }
}

fn names() -> String {
    PRESETS.iter().map(|p| p.name).collect::<Vec<_>>().join(", ")
}

pub(crate) fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

fn read(file: &Path) -> Result<String, Failure> {
    let text = if is_stdin(file) {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    text.map_err(|source| Failure::Read { file: file.display().to_string(), source })
}
