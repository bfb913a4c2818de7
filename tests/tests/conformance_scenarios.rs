//! Conformance cases that need a host: a vCPU that moves, a parameter that follows from `nohz_full=`.
//!
//! A case is a scenario (`exitless run FILE` runs it). A line `#= PATH QUESTION ANSWER` says what is found on a path of it.

use apic_core::effect::Effect;
use apic_core::host::TimerId;
use apic_core::machine::Config;
use apic_core::run::{History, StepRecord};
use apic_core::scenario::{PathKind, Scenario};
use apic_core::units::Vector;
use std::collections::BTreeMap;
use std::path::Path;

/// What is found, in the words of a case.
fn answer(scenario: &Scenario, path: PathKind, question: &str) -> Result<String, String> {
    let history = History::new(scenario, path);
    let records = history.records(0..history.len());
    Ok(match question {
        // Who keeps the guest's deadline while it runs.
        "keeper" => {
            let cfg = Config::new(scenario, path);
            match (cfg.can_post, cfg.can_hv) {
                (true, _) => "posted",
                (_, true) => "preemption-timer",
                _ => "hrtimer",
            }
            .to_owned()
        }
        // How often the guest exits, by reason.
        "exits" => {
            let mut counts = BTreeMap::new();
            for reason in found(&records, |e| match e {
                Effect::Exit { reason, .. } => Some(*reason),
                _ => None,
            }) {
                *counts.entry(reason).or_insert(0) += 1;
            }
            joined(counts.iter().map(|(reason, n)| format!("{reason}={n}")))
        }
        // On which CPU, exit by exit.
        "exits-on" => joined(found(&records, |e| match e {
            Effect::Exit { cpu, .. } => Some(cpu.0.to_string()),
            _ => None,
        })),
        // On which CPUs the vCPU's hrtimer was queued, time after time.
        "queued-on" => joined(found(&records, |e| match e {
            Effect::TimerQueued { timer: TimerId::Lapic(_), cpu, .. } => Some(cpu.0.to_string()),
            _ => None,
        })),
        // To which CPUs a notification went.
        "notified" => joined(found(&records, |e| match e {
            Effect::IpiSent { vector: Vector::POSTED_INTR, to, .. } => Some(to.0.to_string()),
            _ => None,
        })),
        other => return Err(format!("{other:?} is no question")),
    })
}

fn found<T>(records: &[StepRecord], pick: impl Fn(&Effect) -> Option<T>) -> Vec<T> {
    records.iter().flat_map(|r| &r.effects).filter_map(pick).collect()
}

fn joined(words: impl IntoIterator<Item = String>) -> String {
    let words: Vec<String> = words.into_iter().collect();
    if words.is_empty() { "nowhere".to_owned() } else { words.join(" ") }
}

/// The rules of the steps that the vCPU's CPUs take, one after the other: what a case calls `steps`.
fn steps(scenario: &Scenario, path: PathKind) -> String {
    let history = History::new(scenario, path);
    let records = history.records(0..history.len());
    let own = records.iter().filter(|r| r.vcpu.is_some());
    own.map(|r| r.rule.id()).collect::<Vec<_>>().join(" ")
}

/// How many answers a case has.
fn answered(text: &str) -> Result<usize, String> {
    let scenario = Scenario::from_toml(text).map_err(|e| e.to_string())?;
    let mut answers = 0;
    for (i, line) in text.lines().enumerate() {
        let Some(said) = line.strip_prefix("#= ") else { continue };
        let at = |why: String| format!("line {}: {why}", i + 1);
        let mut words = said.splitn(3, ' ');
        let (Some(path), Some(question), Some(expect)) = (words.next(), words.next(), words.next()) else {
            return Err(at("a path, a question and an answer".to_owned()));
        };
        let path = PathKind::from_name(path).ok_or_else(|| at(format!("{path:?} is no path")))?;
        scenario.allows(path).map_err(|e| at(e.to_string()))?;
        if question == "steps" {
            let all = steps(&scenario, path);
            if !format!(" {all} ").contains(&format!(" {expect} ")) {
                return Err(at(format!("expected {expect:?} in {all:?}")));
            }
        } else {
            let answer = answer(&scenario, path, question).map_err(at)?;
            if answer != expect {
                return Err(at(format!("expected {expect:?}, found {answer:?}")));
            }
        }
        answers += 1;
    }
    Ok(answers)
}

#[test]
fn every_case_is_found_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
    let files = std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path());
    let mut cases: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "toml")).collect();
    cases.sort();
    assert!(cases.len() >= 6, "{}", cases.len());
    let mut failures = Vec::new();
    for case in &cases {
        let name = case.file_stem().unwrap_or_default().to_string_lossy();
        let text = std::fs::read_to_string(case).expect("a text");
        match answered(&text) {
            Ok(answers) => assert!(answers > 0, "{name} says nothing"),
            Err(why) => failures.push(format!("{name}: {why}")),
        }
        assert!(text.starts_with("# ") && text.contains("# Source: "), "{name} names no source");
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_case_that_says_something_else_fails() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
    let good = std::fs::read_to_string(folder.join("K12-a-vCPU-moves-and-is-posted-to.toml")).expect("a text");
    let wrong = [
        ("keeper posted", "keeper hrtimer"),
        ("queued-on 0 0", "queued-on 0 2"),
        ("notified 2 2", "notified 3 3"),
        ("S2 E7 M2 P6", "S2 E7 M1 P6"),
        ("#= posted keeper posted", "#= posted colour red"),
        ("#= posted keeper posted", "#= posted keeper"),
        ("#= posted keeper posted", "#= direct keeper posted"),
    ];
    assert!(answered(&good).is_ok_and(|answers| answers == 4));
    for (from, to) in wrong {
        assert!(answered(&good.replace(from, to)).is_err(), "{to}");
    }
}
