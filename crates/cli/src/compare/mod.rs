//! `exitless compare`: the model on the arms of a recording, and where the two part.
//!
//! The model's run is written as the kernel's tracepoints would print it and read back, so that both sides are told by the
//! same rules, and what no recording shows is shown by neither.
//!
//! | file | is |
//! | --- | --- |
//! | `told` | ticks, as a comparison needs them |
//! | `model` | path, costs and run of the model |
//! | `difference` | two ticks beside each other; causes |
//! | `report`, `json` | what is printed |

mod difference;
mod json;
mod model;
mod report;
mod told;

use crate::args::CompareArgs;
use crate::error::Failure;
use crate::import::Source;
use apic_core::run::{Calibration, Distribution, Signed};
use apic_core::scenario::{PathKind, Scenario, preset};
use difference::{Agreement, Cause, sentence};
use kvm_trace::{Inference, Outcome, Path, Tid};
use model::Replay;
use std::collections::BTreeMap;
use std::io::Write;
use told::{Recorded, Told};

pub(crate) fn print(args: &CompareArgs, out: &mut impl Write) -> Result<(), Failure> {
    let comparison = Comparison::new(args)?;
    if args.json { json::print(&comparison, out) } else { report::print(&comparison, out) }
}

/// How many ticks could be compared, and how many agree.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
struct Count {
    compared: u64,
    agree: u64,
}

impl Count {
    fn add(&mut self, same: Option<bool>) {
        self.compared += u64::from(same.is_some());
        self.agree += u64::from(same == Some(true));
    }
}

/// Ticks that part.
struct Difference {
    number: u64,
    line: u64,
    words: String,
}

/// How long things took on one side, over the ticks that are compared.
#[derive(Default)]
struct Times {
    lateness: Signed,
    expiry_to_accept: Distribution,
}

impl Times {
    fn add(&mut self, told: &Told) {
        if let Some(ns) = told.lateness_ns {
            self.lateness.add(ns);
        }
        if let Some(ns) = told.expiry_to_accept_ns {
            self.expiry_to_accept.add(ns);
        }
    }
}

/// What came of it.
struct Comparison {
    name: String,
    thread: Tid,
    /// The preset that the model ran on; none if it was the recorded placement.
    preset: Option<String>,
    path: PathKind,
    /// Why that path.
    why: &'static str,
    /// Ticks of the vCPU in the recording.
    recorded: u64,
    /// Of these, set beside one of the model's.
    compared: u64,
    /// Of these, without a difference.
    agree: u64,
    paths: Count,
    exits: Count,
    outcomes: Count,
    /// Handlers of the compared ticks: accepted by the guest's local APIC.
    handlers: [u64; 2],
    /// Handlers that the model started.
    started: u64,
    machine: Times,
    model: Times,
    /// Every tick that does not agree, under its likely cause.
    differences: BTreeMap<Cause, Vec<Difference>>,
    /// What is left out, and how often.
    not_compared: Vec<(u64, String)>,
    calibration: Option<Calibration>,
    /// Where the model's costs come from, in words.
    costs: String,
}

impl Comparison {
    fn new(args: &CompareArgs) -> Result<Self, Failure> {
        let source = Source::open(&args.file)?;
        let name = source.name.clone();
        let recorded = Recorded::read(source)?;
        let vcpu = recorded.arms.choose(&name, args.vcpu.map(Tid))?;
        let thread = vcpu.thread;
        let arms = recorded.arms.replayed(&name, thread)?;
        let ticks = recorded.ticks(thread);
        let (path, why) = match args.path {
            Some(path) => (path, "--path asks for it"),
            None => model::expected(&ticks),
        };
        let mut scenario = match &args.preset {
            Some(preset_name) => preset(preset_name).map_err(Failure::scenario("--preset"))?,
            None => recorded.arms.placement(&name, vcpu)?,
        };
        let replay = Replay::of(&arms);
        replay.put(&mut scenario, &arms, path);
        let origin = match (&args.preset, args.path) {
            (_, Some(_)) => "--path",
            (Some(_), None) => "--preset",
            (None, None) => name.as_str(),
        };
        scenario.validate().map_err(Failure::scenario(origin))?;
        let calibration = model::fit(&mut scenario, &name, &recorded, thread);
        let run = model::run(&scenario, path)?;
        let costs = costs(&scenario, &recorded, thread, calibration.is_some());
        let mut told = Self {
            name,
            thread,
            preset: args.preset.clone(),
            path,
            why,
            recorded: ticks.len() as u64,
            compared: 0,
            agree: 0,
            paths: Count::default(),
            exits: Count::default(),
            outcomes: Count::default(),
            handlers: [0; 2],
            started: run.handlers,
            machine: Times::default(),
            model: Times::default(),
            differences: BTreeMap::new(),
            not_compared: Vec::new(),
            calibration,
            costs,
        };
        let exits = recorded.has("kvm_exit");
        // The last that was not coalesced: its interrupt is what a coalesced one finds waiting.
        let mut waits: Option<&Told> = None;
        let mut undecided: BTreeMap<Inference, u64> = BTreeMap::new();
        let mut unseen = 0;
        for (place, arm) in arms.iter().enumerate() {
            let Some(machine) = ticks.get(&arm.number).copied() else { continue };
            if machine.outcome != Outcome::Coalesced {
                waits = Some(machine);
            }
            let Some(model) = run.ticks.get(replay.slot(&arms, place)) else { continue };
            told.pair(machine, model, waits, exits);
            unseen += u64::from(machine.unseen);
            if machine.path == Path::Undecided {
                *undecided.entry(machine.path_rule).or_default() += 1;
            }
        }
        told.leave_out(&recorded, &run, (&undecided, unseen, exits), arms.len() as u64, &replay);
        Ok(told)
    }

    fn pair(&mut self, machine: &Told, model: &Told, waits: Option<&Told>, exits: bool) {
        self.compared += 1;
        let agreement = Agreement::of(machine, model, exits);
        self.paths.add(agreement.path);
        self.exits.add(agreement.exit);
        self.outcomes.add(agreement.outcome);
        for (side, told) in [machine, model].into_iter().enumerate() {
            self.handlers[side] += u64::from(told.outcome == Outcome::Accepted);
        }
        self.machine.add(machine);
        self.model.add(model);
        if agreement.is_full() {
            self.agree += 1;
            return;
        }
        let cause = Cause::of(machine, model, agreement);
        let words = sentence(machine, model, agreement, cause, waits);
        let difference = Difference { number: machine.number, line: machine.line, words };
        self.differences.entry(cause).or_default().push(difference);
    }

    /// What cannot be compared, each with its number.
    fn leave_out(
        &mut self,
        recorded: &Recorded,
        run: &model::Model,
        (undecided, unseen, exits): (&BTreeMap<Inference, u64>, u64, bool),
        arms: u64,
        replay: &Replay,
    ) {
        let summary = recorded.arms.summary();
        let mut add = |n: u64, words: String| {
            if n > 0 {
                self.not_compared.push((n, words));
            }
        };
        add(unseen, format!("arrivals of posted notifications: no line shows them ({})", Inference::N1.id()));
        if !exits {
            add(self.compared, "exits: no kvm_exit is recorded".to_owned());
        }
        for (rule, n) in undecided {
            add(*n, format!("paths: {} ({})", lower(rule.info().title), rule.id()));
        }
        let left = self.recorded.saturating_sub(arms);
        add(
            left,
            "ticks without a deadline: no host timer was started for them, or the recording begins later".to_owned(),
        );
        let cut = if run.cut { "the model's run has more steps than are kept" } else { "the model's run ended before" };
        add(arms.saturating_sub(self.compared), format!("ticks: {cut}"));
        add(recorded.more + recorded.arms.more(), "ticks and arms beyond the first million".to_owned());
        add(summary.missing.markers, "places where events were lost".to_owned());
        if let (Replay::Arms, restarts) = (replay, summary.restarts) {
            add(
                restarts,
                "restarts of a periodic timer: in the model the guest arms anew in place of each, which costs it an exit"
                    .to_owned(),
            );
        }
        if self.preset.is_none() {
            let moves = summary.vcpus.iter().filter(|vcpu| vcpu.thread == self.thread).map(|vcpu| vcpu.moves).sum();
            add(moves, "moves of the vCPU to another CPU: in the model it stays".to_owned());
        }
    }
}

/// Where the model's costs come from.
fn costs(scenario: &Scenario, recorded: &Recorded, thread: Tid, fitted: bool) -> String {
    let set = scenario.costs.set();
    let why = if fitted {
        "as far as the recording's exits did not settle them"
    } else if recorded.exits(thread).is_empty() {
        "as the recording has no exits with their entries to fit them to"
    } else {
        "as none of the recording's exits could be fitted"
    };
    format!("the set {} ({}), {why}", set.name, set.about)
}

fn lower(title: &str) -> String {
    let mut chars = title.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}
