//! Recordings: their arms put into a scenario, and printed as a scenario has them (`exitless arms`).

use crate::args::ArmsArgs;
use crate::error::Failure;
use crate::import::Source;
use apic_core::scenario::{Arm, Scenario};
use kvm_trace::{ArmList, ReplayArm, Tid, read_arms};
use std::io::Write;
use std::path::Path;

/// One vCPU's part of a recording.
#[derive(Debug)]
pub(crate) struct Recording {
    /// Where it came from, in words.
    pub(crate) name: String,
    /// The thread of the vCPU.
    pub(crate) vcpu: Tid,
    /// Arms that it made.
    pub(crate) arms: usize,
    /// Those whose deadline is known.
    pub(crate) replay: Vec<ReplayArm>,
    /// The whole recording.
    pub(crate) list: ArmList,
}

impl Recording {
    /// Reads a file (`-` for standard input) and chooses its vCPU: the one there is, or the one asked for.
    pub(crate) fn read(file: &Path, vcpu: Option<u32>) -> Result<Self, Failure> {
        let Source { name, reader } = Source::open(file)?;
        let list = read_arms(reader).map_err(|source| Failure::Recording { file: name.clone(), source })?;
        let vcpu = choose(&name, &list, vcpu.map(Tid))?;
        let replay = list.replay(vcpu);
        if replay.is_empty() {
            let problem = format!("no arm of thread {} has a deadline: no hrtimer was started for any", vcpu.0);
            return Err(Failure::value(name, problem, "a vCPU whose timer is an hrtimer of the host"));
        }
        let arms = count(&list, vcpu);
        Ok(Self { name, vcpu, arms, replay, list })
    }

    /// The guest arms its timer as recorded, and the run ends with the last of these arms.
    pub(crate) fn replay_on(&self, scenario: &mut Scenario) {
        let arm = |a: &ReplayArm| Arm { at_ns: a.at_ns, deadline_ns: a.deadline_ns };
        scenario.guest.arms = self.replay.iter().map(arm).collect();
        scenario.run.expiries = u32::try_from(self.replay.len()).unwrap_or(u32::MAX);
    }
}

fn count(list: &ArmList, vcpu: Tid) -> usize {
    list.arms.iter().filter(|arm| arm.thread == vcpu).count()
}

fn choose(name: &str, list: &ArmList, asked: Option<Tid>) -> Result<Tid, Failure> {
    let threads = list.vcpus();
    let named = || {
        let each = threads.iter().map(|t| format!("{} ({} arms)", t.0, count(list, *t)));
        each.collect::<Vec<_>>().join(", ")
    };
    match (asked, threads.as_slice()) {
        (Some(vcpu), _) if threads.contains(&vcpu) => Ok(vcpu),
        (Some(vcpu), _) => {
            let problem = format!("thread {} arms no timer in {name}", vcpu.0);
            Err(Failure::value("--vcpu", problem, format!("one of the threads that do: {}", named())))
        }
        (None, [only]) => Ok(*only),
        (None, _) => {
            let problem = format!("{} vCPU threads arm a timer, and one can be replayed", threads.len());
            Err(Failure::value(name, problem, format!("--vcpu with one of: {}", named())))
        }
    }
}

/// `exitless arms`: a `guest.arms` list in TOML, to be pasted into a scenario.
pub(crate) fn print(args: &ArmsArgs, out: &mut impl Write) -> Result<(), Failure> {
    let recording = Recording::read(&args.file, args.vcpu)?;
    let shown = args.first.unwrap_or(usize::MAX).min(recording.replay.len());
    if shown == 0 {
        return Err(Failure::value("--first", "0 arms are no list", format!("1 to {}", recording.replay.len())));
    }
    writeln!(out, "# {}: {shown} of {} arms of thread {}.", recording.name, recording.arms, recording.vcpu.0)?;
    writeln!(out, "# Times in ns after the first arm of the recording.")?;
    writeln!(out, "[guest]\narms = [")?;
    for arm in &recording.replay[..shown] {
        writeln!(out, "  {{ at_ns = {}, deadline_ns = {} }},", arm.at_ns, arm.deadline_ns)?;
    }
    Ok(writeln!(out, "]")?)
}
