//! Searches, and what a run without a clock has come to.

use super::{Turn, Work};
use apic_core::driver::explore::{Bounds, Example, Explore, Portable, Replay, Verdict, example, lost, usual_bounds};
use apic_core::kvm::{Fault, Faults};
use apic_core::link;
use apic_core::scenario::{PathKind, Scenario};
use wasm_bridge::worker::check::{self, Check, Checked, Judge, Judged, What};
use wasm_bridge::worker::{Answer, Progress};

/// States of one turn: some milliseconds of work.
const STATES: usize = 4_000;
/// Bytes that a search may take: a browser may give a page a gigabyte, and no more.
const MEMORY: usize = 900 << 20;
/// States within which a run is judged.
const JUDGED: usize = 200_000;

pub(super) struct Searching {
    scenario: Scenario,
    preset: Option<String>,
    path: PathKind,
    bounds: Bounds,
    faults: Faults,
    explore: Explore,
    /// What did not finish, and what is tried instead of it.
    unfinished: Option<(Checked, Vec<Bounds>)>,
}

/// # Errors
/// What is wrong with what is asked, and what would be valid.
pub(super) fn begin(asked: &Check) -> Result<Searching, String> {
    let known = |id: &String| Fault::from_id(id).ok_or_else(|| format!("no rule is called \"{id}\""));
    let without = asked.without.iter().map(known).collect::<Result<Vec<_>, _>>()?;
    let faults: Faults = without.iter().copied().collect();
    let (scenario, preset, path, bounds) = match &asked.what {
        What::Example => {
            let first = without.first().ok_or("no rule is taken away; pick one or more")?;
            let Example { scenario, path, bounds } = example(*first);
            (scenario, None, path, bounds)
        }
        What::Here { link, path } => {
            let link = link::decode(link).map_err(|e| e.to_string())?;
            let path = PathKind::from_name(path).ok_or_else(|| format!("no path is called \"{path}\""))?;
            link.scenario.allows(path).map_err(|e| e.to_string())?;
            let bounds = Bounds { vcpus: 1, ..usual_bounds(&link.scenario) };
            (link.scenario, link.preset, path, bounds)
        }
    };
    let explore = Explore::new(&scenario, path, bounds, faults).within_memory(MEMORY);
    Ok(Searching { scenario, preset, path, bounds, faults, explore, unfinished: None })
}

impl Work for Searching {
    fn turn(&mut self) -> Turn {
        self.explore.run(STATES);
        let Some(verdict) = self.explore.verdict() else { return Turn::More };
        let finished = *verdict != Verdict::Unfinished;
        match &mut self.unfinished {
            None if finished => Turn::Done(Answer::Check(self.checked())),
            None => {
                let smaller = self.bounds.smaller();
                self.unfinished = Some((self.checked(), smaller));
                self.smaller()
            }
            Some((first, _)) if finished => {
                let mut first = first.clone();
                let nearest = (self.bounds.to_string(), self.explore.progress().states as u64);
                first.verdict = Some(check::Verdict::Unfinished { nearest: Some(nearest) });
                Turn::Done(Answer::Check(first))
            }
            Some(_) => self.smaller(),
        }
    }

    fn progress(&self) -> Progress {
        Progress { done: self.explore.progress().states as u64, of: 0 }
    }

    fn so_far(&self) -> Option<Answer> {
        Some(Answer::Check(self.checked()))
    }
}

impl Searching {
    /// Tries the next smaller bound.
    fn smaller(&mut self) -> Turn {
        let Some((first, left)) = &mut self.unfinished else { return Turn::More };
        if left.is_empty() {
            return Turn::Done(Answer::Check(first.clone()));
        }
        self.bounds = left.remove(0);
        self.explore = Explore::new(&self.scenario, self.path, self.bounds, self.faults).within_memory(MEMORY);
        Turn::More
    }

    fn checked(&self) -> Checked {
        let progress = self.explore.progress();
        let verdict = self.explore.verdict().map(|verdict| match verdict {
            Verdict::Holds => check::Verdict::Holds,
            Verdict::Unfinished => check::Verdict::Unfinished { nearest: None },
            Verdict::Violated(found) => check::Verdict::Violated {
                broken: found.broken.to_string(),
                moves: found.moves.len() as u32,
                text: Portable {
                    scenario: self.scenario.clone(),
                    preset: self.preset.clone(),
                    path: self.path,
                    bounds: self.bounds,
                    faults: self.faults,
                    moves: found.moves.clone(),
                    position: Some(0),
                }
                .encode(),
            },
        });
        Checked {
            states: progress.states as u64,
            moves: progress.moves as u64,
            depth: progress.depth as u32,
            frontier: progress.frontier as u64,
            memory: self.explore.memory() as u64,
            bound: self.bounds.to_string(),
            path: self.path.name().to_owned(),
            verdict,
        }
    }
}

pub(super) struct Judging(Portable);

/// # Errors
/// What is wrong with the text.
pub(super) fn judge(asked: &Judge) -> Result<Judging, String> {
    Portable::decode(&asked.text).map(Judging).map_err(|e| e.to_string())
}

impl Work for Judging {
    fn turn(&mut self) -> Turn {
        let Portable { scenario, path, bounds, faults, moves, .. } = &self.0;
        let mut replay = Replay::new(scenario, *path, *bounds, *faults);
        let Some(shown) = replay.follow(moves) else {
            return Turn::Refused(
                "one of its moves cannot be made; it was made by another version of the machine".into(),
            );
        };
        let broken = shown.or_else(|| lost(scenario, &replay, *path, *bounds, *faults, JUDGED));
        let (broken, moves) = (broken.map(|broken| broken.to_string()), moves.len() as u32);
        Turn::Done(Answer::Judge(Judged { broken, moves }))
    }

    fn progress(&self) -> Progress {
        Progress::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(work: &mut dyn Work) -> Answer {
        loop {
            match work.turn() {
                Turn::More => {}
                Turn::Done(answer) => return answer,
                Turn::Refused(why) => panic!("{why}"),
            }
        }
    }

    #[test]
    fn what_a_search_finds_is_judged_the_same() {
        for fault in Fault::ALL.iter().filter(|f| !f.is_redundant() && **f != Fault::B7) {
            let asked = Check { what: What::Example, without: vec![fault.info().id.to_owned()] };
            let Answer::Check(found) = done(&mut begin(&asked).expect("is known")) else { panic!("{fault:?}") };
            let Some(check::Verdict::Violated { broken, moves, text }) = found.verdict else { panic!("{fault:?}") };
            let judged = done(&mut judge(&Judge { text }).expect("our own text"));
            assert_eq!(judged, Answer::Judge(Judged { broken: Some(broken), moves }), "{fault:?}");
        }
    }

    #[test]
    fn a_run_that_has_only_begun_has_lost_nothing() {
        let shown = example(Fault::B1);
        let run = |faults| Portable {
            scenario: shown.scenario.clone(),
            preset: None,
            path: shown.path,
            bounds: shown.bounds,
            faults,
            moves: Vec::new(),
            position: None,
        };
        let text = run(Faults::default().with(Fault::B1)).encode();
        let judged = done(&mut judge(&Judge { text }).expect("our own text"));
        assert_eq!(judged, Answer::Judge(Judged { broken: None, moves: 0 }));
    }

    #[test]
    fn a_preset_holds_within_its_usual_bound() {
        let what = What::Here { link: "pinned-vs-offloaded".into(), path: "posted".into() };
        let asked = Check { what, without: Vec::new() };
        let Answer::Check(found) = done(&mut begin(&asked).expect("ships")) else { panic!("a search") };
        assert_eq!(found.verdict, Some(check::Verdict::Holds));
        assert_eq!(found.bound, "2 expiries, 1 vCPU, 2 stores a buffer");
        for (without, says) in [("B99", "no rule is called"), ("", "no rule is called")] {
            let asked = Check { what: What::Example, without: vec![without.to_owned()] };
            assert!(begin(&asked).is_err_and(|why| why.contains(says)));
        }
    }
}
