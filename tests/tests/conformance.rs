//! The conformance cases, answered natively. `tests/browser/conformance.test.mjs` does the same in wasm.
//!
//! A case is a script for the bench (`docs/bench-script.md`). A line `#= …` says what the command before it answers; every
//! answer has such a line, so that a case cannot pass by saying less.

use apic_core::bench::{Bench, World as _, script};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance")
}

fn cases() -> Vec<(String, String)> {
    let mut cases: Vec<_> = std::fs::read_dir(folder())
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).expect("a text"))
        })
        .collect();
    cases.sort();
    cases
}

/// The first line whose answer is not the one that stands below it.
fn answered(text: &str) -> Result<usize, String> {
    let mut bench = Bench::new();
    let mut unsaid: Option<String> = None;
    let mut answers = 0;
    for (i, line) in text.lines().enumerate() {
        let number = i + 1;
        if let Some(expected) = line.strip_prefix("#= ") {
            let answer = unsaid.take().ok_or_else(|| format!("line {number}: nothing was answered"))?;
            if answer != expected {
                return Err(format!("line {number}: expected {expected:?}, answered {answer:?}"));
            }
            answers += 1;
            continue;
        }
        let Some(command) = script::read_line(number, line).map_err(|e| e.to_string())? else { continue };
        if let Some(answer) = unsaid.take() {
            return Err(format!("line {number}: before it, {answer:?} is expected nowhere"));
        }
        let outcome = bench.obey(command).map_err(|e| format!("line {number}: {e}"))?;
        unsaid = outcome.answer().map(ToString::to_string);
    }
    unsaid.map_or(Ok(answers), |answer| Err(format!("at the end, {answer:?} is expected nowhere")))
}

#[test]
fn every_case_is_answered_as_it_says() {
    let cases = cases();
    assert!(cases.len() >= 60, "{}", cases.len());
    let mut failures = Vec::new();
    for (name, text) in &cases {
        match answered(text) {
            Ok(answers) => assert!(answers > 0, "{name} asks nothing"),
            Err(why) => failures.push(format!("{name}: {why}")),
        }
        assert!(text.starts_with("# ") && text.contains("ource"), "{name} names no source");
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The examples of the description are scripts of their own.
#[test]
fn every_example_is_answered_as_it_says() {
    let page = folder().join("../../docs/bench-script.md");
    let text = std::fs::read_to_string(page).expect("the description");
    let examples: Vec<_> = text.split("```text\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let scripts: Vec<_> = examples.iter().filter(|example| example.contains("#= ")).collect();
    assert!(scripts.len() >= 8, "{}", scripts.len());
    for script in scripts {
        answered(script).unwrap_or_else(|why| panic!("{why}, in\n{script}"));
    }
}

#[test]
fn a_case_that_says_too_little_or_something_else_fails() {
    assert_eq!(answered("ipis\n#= ipis 0\n"), Ok(1));
    for wrong in ["ipis\n#= ipis 1\n", "ipis\nipis\n#= ipis 0\n", "ipis\n", "#= ipis 0\n", "jump\n"] {
        assert!(answered(wrong).is_err(), "{wrong:?}");
    }
}

/// Every case that was found, and where it is pinned: `index.md` has a row for each.
#[test]
fn every_listed_case_is_pinned_somewhere() {
    let index = std::fs::read_to_string(folder().join("index.md")).expect("index.md");
    let mut seen = BTreeSet::new();
    for row in
        index.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| id") && !line.starts_with("| --"))
    {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [id, _, pinned] = cells[..] else { panic!("three cells: {row}") };
        assert!(seen.insert(id), "{id} twice");
        for place in pinned.split(", ") {
            let place = place.trim_matches('`');
            let (file, test) = place.split_once("::").map_or((place, None), |(file, test)| (file, Some(test)));
            let path = if file.contains('/') { folder().join("../..").join(file) } else { folder().join(file) };
            let held = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{id}: {}: {e}", path.display()));
            assert!(test.is_none_or(|test| held.contains(&format!("fn {test}("))), "{id}: {place}");
        }
    }
    for file in std::fs::read_dir(folder()).expect("the folder") {
        let name = file.expect("an entry").file_name().to_string_lossy().into_owned();
        assert!(name == "index.md" || index.contains(&format!("`{name}`")), "{name} is in no row of index.md");
    }
    let listed = [
        ("T", &[1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 26, 28, 29, 31, 32, 33][..]),
        ("V", &[3, 4, 5, 6, 9, 10, 11, 12, 14, 16, 17, 18, 19, 20]),
        ("K", &[1, 2, 4, 5, 7, 8, 9, 11, 12, 13, 16, 17, 18, 19, 20]),
        ("Q", &[1, 2, 3, 4, 5, 6, 10, 11]),
    ];
    for (letter, numbers) in listed {
        for n in numbers {
            let id = format!("{letter}{n:02}");
            assert!(seen.contains(id.as_str()), "{id} is in no row of index.md");
        }
    }
}
