//! A command made of phases: a heading and a duration for each, and one line per phase at the end.
//!
//! A failed phase does not keep the ones after it from running, unless they need what it gives.

use std::time::{Duration, Instant};

use crate::error::Error;

#[derive(Default)]
pub(crate) struct Phases {
    done: Vec<Phase>,
}

struct Phase {
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

enum Outcome {
    Passed,
    Failed,
    /// Something that it needs failed before.
    NotRun,
}

impl Phases {
    /// Runs one phase and returns its result, `None` if it failed.
    pub(crate) fn run<T>(&mut self, name: &'static str, work: impl FnOnce() -> Result<T, Error>) -> Option<T> {
        println!("\n== {name}");
        let start = Instant::now();
        let result = work();
        let took = start.elapsed();
        let outcome = match &result {
            Ok(_) => Outcome::Passed,
            Err(error) => {
                eprintln!("error: {error}");
                Outcome::Failed
            }
        };
        println!("== {name}: {}, {}", outcome.word(), seconds(took));
        self.done.push(Phase { name, outcome, took });
        result.ok()
    }

    /// Runs a phase on what an earlier one gave; not if that one failed.
    pub(crate) fn run_with<N, T>(
        &mut self,
        needed: Option<N>,
        name: &'static str,
        work: impl FnOnce(N) -> Result<T, Error>,
    ) -> Option<T> {
        if let Some(needed) = needed {
            return self.run(name, || work(needed));
        }
        self.done.push(Phase { name, outcome: Outcome::NotRun, took: Duration::ZERO });
        None
    }

    /// Prints the summary; an error if anything failed or could not run.
    pub(crate) fn finish(self, command: &str) -> Result<(), Error> {
        println!("\n== cargo xtask {command}");
        for phase in &self.done {
            println!("{:8} {:>8}  {}", phase.outcome.word(), seconds(phase.took), phase.name);
        }
        let findings: Vec<String> = self
            .done
            .iter()
            .filter(|phase| !matches!(phase.outcome, Outcome::Passed))
            .map(|phase| phase.name.to_owned())
            .collect();
        if findings.is_empty() {
            return Ok(());
        }
        Err(Error::Findings { heading: format!("cargo xtask {command} is not green"), findings })
    }
}

impl Outcome {
    fn word(&self) -> &'static str {
        match self {
            Self::Passed => "ok",
            Self::Failed => "FAILED",
            Self::NotRun => "not run",
        }
    }
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_phase_makes_the_command_fail_and_later_ones_still_run() {
        let mut phases = Phases::default();
        assert!(phases.run("first", || Err::<(), _>(Error::Usage("no".into()))).is_none());
        assert_eq!(phases.run("second", || Ok(7)), Some(7));
        let message = phases.finish("test").map_err(|error| error.to_string());
        assert_eq!(message, Err("cargo xtask test is not green:\n  first".to_owned()));
    }

    #[test]
    fn a_phase_that_could_not_run_is_not_green() {
        let mut phases = Phases::default();
        assert_eq!(phases.run_with(None::<()>, "browser tests", |()| Ok(7)), None);
        assert!(phases.finish("test").is_err());
    }
}
