//! The table, the list of presets, and an output that goes away.

use crate::{exitless, json, stdout};
use apic_core::scenario::PRESETS;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

#[test]
fn the_table_has_the_words_of_the_page() {
    let table = stdout(&["run", "--preset", "pinned-vs-offloaded"], b"");
    let row = |name: &str| -> Vec<String> {
        let line = table.lines().find(|l| l.starts_with(name)).unwrap_or_else(|| panic!("{name} is not in:\n{table}"));
        line[name.len()..].split("  ").map(str::trim).filter(|c| !c.is_empty()).map(str::to_owned).collect()
    };
    assert!(table.starts_with("Pinned or offloaded\nWhere does the tick go?\n"), "{table}");
    assert_eq!(row("exits while arming"), ["4", "4"]);
    assert_eq!(row("exits while firing"), ["4", "0"]);
    assert_eq!(row("other exits"), ["0", "0"]);
    assert_eq!(row("IPIs sent"), ["0", "4"]);
    assert_eq!(row("IPIs not needed"), ["0", "0"]);
    assert_eq!(row("handlers"), ["4", "4"]);
    assert_eq!(row("housekeeper time")[0], "0");
    for name in ["guest time lost", "housekeeper time"] {
        assert!(row(name)[1].ends_with("µs") || row(name)[1].ends_with("ns"), "{table}");
    }
    let heads = ["count", "least", "p50", "p90", "p99", "p99.9", "most"];
    assert!(table.lines().any(|l| l.split_whitespace().eq(heads)), "{table}");
    for name in ["deadline to handler", "guest time lost, per tick", "housekeeper time, per tick"] {
        assert_eq!(row(name)[..2], ["Pinned", "4"], "{table}");
    }
    for part in [
        "Moved, not removed.",
        "Costs: skylake",
        "assumed where no source exists",
        "core 0, a housekeeper   4 times  R5",
    ] {
        assert!(table.contains(part), "{part:?} is not in:\n{table}");
    }
}

/// Without the busy-wait the handler starts before its deadline; the table says so.
#[test]
fn early_handlers_are_named() {
    let seed = stdout(&["run", "seed-2019"], b"");
    assert!(seed.contains("Offloaded: 4 handlers were early, by up to "), "{seed}");
    let merged = stdout(&["run", "pinned-vs-offloaded"], b"");
    assert!(!merged.contains("early"), "{merged}");
}

#[test]
fn nothing_is_called_moved_that_stayed() {
    let table = stdout(&["run", "--preset", "idle-housekeeper"], b"");
    assert!(table.contains("Nothing moved") && !table.contains("Moved, not removed."), "{table}");
    assert!(table.contains("core 3, the vCPU's own  4 times  R3"), "{table}");
}

#[test]
fn presets_are_listed_with_their_questions() {
    let (list, document) = (stdout(&["presets"], b""), json(&["presets", "--json"], b""));
    assert_eq!(list.lines().count(), PRESETS.len());
    for (i, preset) in PRESETS.iter().enumerate() {
        let question = preset.scenario().expect("ships valid").meta.question;
        assert!(list.lines().any(|l| l.starts_with(preset.name) && l.ends_with(&question)), "{list}");
        assert_eq!((&document[i]["name"], &document[i]["question"]), (&preset.name.into(), &question.into()));
    }
}

#[test]
fn help_and_version() {
    assert_eq!(stdout(&["--version"], b""), format!("exitless {}\n", env!("CARGO_PKG_VERSION")));
    assert!(stdout(&["--help"], b"").contains("posted"));
    let help = stdout(&["run", "--help"], b"");
    for part in ["--arms-from", "A link is a moment", "Exit status"] {
        assert!(help.contains(part), "{part:?} is not in:\n{help}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let args = ["run", "--preset", "pinned-vs-offloaded", "--expiries", "2000", "--events"];
    let mut child = exitless(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut first).expect("a line");
    assert!(first.starts_with("{\"path\":\"pinned\",\"index\":0,"), "{first}");
    let mut errors = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut errors).expect("UTF-8");
    assert!(child.wait().expect("it ends").success() && errors.is_empty(), "{errors}");
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_cannot_be_written_is_status_1() {
    for args in
        [["run", "--preset", "idle-housekeeper"].as_slice(), &["run", "idle-housekeeper", "--json"], &["--help"]]
    {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
        let output = exitless(args).stdout(full).output().expect("it runs");
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.starts_with("exitless: writing the output: "), "{message}");
    }
}
