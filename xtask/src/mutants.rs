//! `cargo xtask mutants`: breaks the model in every small way that cargo-mutants knows, and counts what the tests see.
//!
//! `.cargo/mutants.toml` says where. Three passes, each with what survived the one before: the unit tests, all tests of
//! apic-core, and those above it that ask the model most. Every survivor has its line in `docs/mutants.md`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::error::Error;
use crate::places::Places;
use crate::setup;
use crate::shell;

/// Killed mutants in a hundred viable ones, at least.
const ENOUGH: usize = 95;
const EXPLAINED: &str = "docs/mutants.md";

/// What a pass builds and runs, from the quickest to the slowest.
const PASSES: [(&str, &[&str]); 3] = [
    ("the unit tests", &["--cargo-arg=--lib"]),
    ("all tests of apic-core", &[]),
    (
        "the tests above it",
        &[
            // A baseline would ask apic-core for tests that are not its own. It is what CI runs; so is the time it needs.
            "--baseline=skip",
            "--timeout=300",
            "--test-package=exitless-tests",
            "--cargo-test-arg=--test=conformance",
            "--cargo-test-arg=--test=ticks",
            "--cargo-test-arg=--test=second_opinion",
        ],
    ),
];

/// `patterns`: only mutants whose name matches one of these regular expressions. The share of all is no matter then, nor
/// what is explained of others.
pub(crate) fn run(places: &Places, patterns: &[String]) -> Result<(), Error> {
    if let Some(option) = patterns.iter().find(|pattern| pattern.starts_with('-')) {
        return Err(Error::Usage(format!("mutants takes parts of files' or functions' names, got {option:?}")));
    }
    let tool = setup::cargo_mutants(places)?.join("cargo-mutants");
    let explained = places.root.join(EXPLAINED);
    let explained = fs::read_to_string(&explained).map_err(Error::file("read", &explained))?;
    let folder = places.target().join("mutation");
    fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
    let results = folder.join("mutants.out");
    if results.exists() {
        // No result of an earlier run may pass for one of this.
        fs::remove_dir_all(&results).map_err(Error::file("remove", &results))?;
    }
    let mut tally = Tally::default();
    for (name, options) in PASSES {
        println!("\n== {name}");
        let mut pass = Command::new(&tool);
        pass.current_dir(&places.root).env("CARGO_TARGET_DIR", folder.join("build"));
        pass.arg("mutants").arg("--output").arg(&folder).args(options);
        // The first pass tries all that are asked for, each later one what has survived so far. `--iterate` would try again what
        // ran out of time, which costs as much as all the others.
        let names = tally.survivors.iter().map(|name| exactly(name));
        let wanted: Vec<String> = if tally.viable() == 0 { patterns.to_vec() } else { names.collect() };
        pass.args(wanted.iter().flat_map(|pattern| ["--re", pattern.as_str()]));
        let codes = [0, MISSED, TIMED_OUT];
        shell::run_allowing(&codes, &format!("cargo mutants, {name},"), &mut pass)?;
        tally.add(&results)?;
        if tally.survivors.is_empty() {
            break;
        }
    }
    println!("\n{}", tally.line());
    let findings = tally.findings(&explained, patterns.is_empty());
    if findings.is_empty() {
        return Ok(());
    }
    Err(Error::Findings { heading: "cargo xtask mutants is not green".into(), findings })
}

/// Status with which cargo-mutants ends when mutants were missed.
const MISSED: i32 = 2;
/// Status with which it ends when a mutant ran out of time, which is a way to be seen.
const TIMED_OUT: i32 = 3;

/// Mutants by what became of them: `file:line:column: what was done`.
#[derive(Default)]
struct Tally {
    killed: BTreeSet<String>,
    survivors: BTreeSet<String>,
}

impl Tally {
    /// Adds a pass: what it saw, and what is left.
    fn add(&mut self, results: &Path) -> Result<(), Error> {
        let read = |name: &str| -> Result<BTreeSet<String>, Error> {
            let path = results.join(name);
            let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
            Ok(text.lines().map(str::to_owned).collect())
        };
        self.killed.append(&mut read("caught.txt")?);
        self.killed.append(&mut read("timeout.txt")?);
        self.survivors = &read("missed.txt")? - &self.killed;
        Ok(())
    }

    fn viable(&self) -> usize {
        self.killed.len() + self.survivors.len()
    }

    /// In tenths of a percent, rounded down: 94.96 % is not 95 %.
    fn permille(&self) -> usize {
        self.killed.len() * 1000 / self.viable().max(1)
    }

    fn line(&self) -> String {
        let permille = self.permille();
        format!("killed {} of {} viable ({}.{} %)", self.killed.len(), self.viable(), permille / 10, permille % 10)
    }

    /// What is not as it has to be. `whole`: nothing was left out, so that each explanation has its survivor.
    fn findings(&self, explained: &str, whole: bool) -> Vec<String> {
        let mut findings = Vec::new();
        if self.viable() == 0 {
            findings.push("there was no viable mutant".to_owned());
        } else if whole && self.killed.len() * 100 < ENOUGH * self.viable() {
            findings.push(format!("fewer than {ENOUGH} % were killed"));
        }
        let mut rows: Vec<String> = explained.lines().filter_map(explanation).collect();
        for survivor in &self.survivors {
            match rows.iter().position(|row| *row == without_position(survivor)) {
                Some(row) => {
                    rows.swap_remove(row);
                }
                None => findings.push(format!("survives, and {EXPLAINED} does not say why: {survivor}")),
            }
        }
        if whole {
            findings.extend(rows.iter().map(|row| format!("{EXPLAINED} explains what does not survive: {row}")));
        }
        findings
    }
}

/// A regular expression for this mutant and no other.
fn exactly(name: &str) -> String {
    let mut pattern = String::from("^");
    for c in name.chars() {
        // Only these: `\<` would mean the begin of a word.
        if "\\.+*?()|[]{}^$#&-~".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern + "$"
}

/// `- file: what was done` in front of an explanation, both in one pair of backticks; other lines are prose.
fn explanation(line: &str) -> Option<String> {
    let (mutant, _) = line.strip_prefix("- `")?.split_once('`')?;
    Some(mutant.to_owned())
}

/// Lines and columns move with every change; what was done in which function does not.
fn without_position(mutant: &str) -> String {
    let mut parts = mutant.splitn(4, ':');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(file), Some(_), Some(_), Some(what)) => format!("{file}:{what}"),
        _ => mutant.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# Survivors\n\nProse with `code`.\n\n- `a/b.rs: replace | with ^ in F::f`: disjoint bits.\n";
    const SURVIVOR: &str = "a/b.rs:7:3: replace | with ^ in F::f";

    fn tally(killed: usize, survivors: &[&str]) -> Tally {
        Tally {
            killed: (0..killed).map(|i| i.to_string()).collect(),
            survivors: survivors.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[track_caller]
    fn check(tally: &Tally, whole: bool, expect: &[&str]) {
        let findings = tally.findings(PAGE, whole);
        assert_eq!(findings.len(), expect.len(), "{findings:?}");
        for (finding, words) in findings.iter().zip(expect) {
            assert!(finding.contains(words), "{finding:?}");
        }
    }

    #[test]
    fn every_survivor_has_its_explanation_and_the_other_way_round() {
        check(&tally(19, &[SURVIVOR]), true, &[]);
        check(&tally(18, &[SURVIVOR]), true, &["fewer than 95 %"]);
        check(&tally(18, &[SURVIVOR]), false, &[]);
        check(&tally(99, &[]), true, &["explains what does not survive: a/b.rs: replace"]);
        check(&tally(99, &[]), false, &[]);
        // One explanation covers one place.
        check(&tally(99, &[SURVIVOR, "a/b.rs:9:3: replace | with ^ in F::f"]), true, &["does not say why: a/b.rs:9:3"]);
        check(&tally(99, &[SURVIVOR, "a/c.rs:7:3: replace | with ^ in F::f"]), true, &["does not say why: a/c.rs"]);
        check(&tally(0, &[]), false, &["no viable mutant"]);
    }

    #[test]
    fn a_mutant_is_asked_for_by_its_whole_name() {
        assert_eq!(exactly("a/b.rs:7:3: replace | with ^"), r"^a/b\.rs:7:3: replace \| with \^$");
    }

    #[test]
    fn the_share_is_rounded_down() {
        assert_eq!(tally(19, &[SURVIVOR]).line(), "killed 19 of 20 viable (95.0 %)");
        assert_eq!(tally(999, &[SURVIVOR, "x"]).line(), "killed 999 of 1001 viable (99.8 %)");
    }
}
