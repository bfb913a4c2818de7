//! What the page says of each preset's first two ticks, word for word: `tests/narration/*.txt`.
//!
//! A changed sentence is a change of these files, to be read where it stands. `EXITLESS_WRITE=1` writes them anew;
//! without that, a difference fails.

use apic_core::run::{Compare, Lockstep, StepRecord, Way};
use apic_core::scenario::{PRESETS, Scenario};
use scene::{narrate_beat, opening};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Ticks that a golden tells.
const TICKS: usize = 2;

fn file(preset: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/narration").join(format!("{preset}.txt"))
}

/// Rule and sentence of each press of Step. What an earlier tick has said already is counted, not repeated.
fn told(scenario: &Scenario) -> String {
    let mut lockstep = Lockstep::new(scenario);
    let ways: Vec<Way> = Compare::default().ways(scenario);
    let mut text = format!("{}\n{}\n", scenario.meta.question, opening(scenario, &ways).text());
    let mut said: BTreeSet<String> = BTreeSet::new();
    for (number, tick) in lockstep.ticks().to_vec().into_iter().take(TICKS).enumerate() {
        text.push_str("\nTick ");
        text.push_str(&(number + 1).to_string());
        text.push('\n');
        let mut again = 0;
        let mut new = BTreeSet::new();
        for beat in tick {
            lockstep.seek(beat + 1);
            let line = line(&lockstep, &ways, scenario);
            if said.contains(&line) {
                again += 1;
                continue;
            }
            text.push_str(&repeated(std::mem::take(&mut again)));
            text.push_str(&line);
            new.insert(line);
        }
        text.push_str(&repeated(again));
        said.append(&mut new);
    }
    text
}

fn line(lockstep: &Lockstep, ways: &[Way], scenario: &Scenario) -> String {
    let beat = lockstep.last_beat().expect("a step was taken");
    let taken = |(i, way): (usize, &Way)| -> Option<(Way, &StepRecord)> {
        beat.steps[i].and(lockstep.paths()[i].last()).map(|record| (*way, record))
    };
    let steps: Vec<(Way, &StepRecord)> = ways.iter().enumerate().filter_map(taken).collect();
    let rules: BTreeSet<&str> = steps.iter().map(|(_, record)| record.rule.id()).collect();
    let rules: Vec<&str> = rules.into_iter().collect();
    format!("{}: {}\n", rules.join(" "), narrate_beat(&steps, ways, scenario, None).text())
}

fn repeated(sentences: usize) -> String {
    match sentences {
        0 => String::new(),
        n => format!("… {n} as in the tick before\n"),
    }
}

#[test]
fn each_preset_is_told_as_it_was() {
    let write = std::env::var_os("EXITLESS_WRITE").is_some();
    let mut differing = Vec::new();
    for preset in PRESETS {
        let now = told(&preset.scenario().expect("it ships"));
        let file = file(preset.name);
        if write {
            std::fs::write(&file, &now).expect("the folder is there");
        }
        let was = std::fs::read_to_string(&file).unwrap_or_default();
        if was != now {
            let line = was.lines().zip(now.lines()).take_while(|(was, now)| was == now).count();
            let [was, now] = [&was, &now].map(|text| text.lines().nth(line).unwrap_or("(nothing)"));
            differing.push(format!("{}.txt, line {}:\n  was: {was}\n  now: {now}", preset.name, line + 1));
        }
    }
    assert!(
        differing.is_empty(),
        "{}\nIf that is meant: EXITLESS_WRITE=1 cargo test -p scene --test goldens",
        differing.join("\n")
    );
}

#[test]
fn no_golden_is_left_of_a_preset_that_is_gone() {
    let folder = file("").parent().expect("a folder").to_owned();
    let named = |name: &str| PRESETS.iter().any(|p| format!("{}.txt", p.name) == name);
    let left: Vec<String> = std::fs::read_dir(folder)
        .expect("it is there")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !named(name))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}
