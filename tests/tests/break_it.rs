//! `docs/break-it.md` is made from the code and from searches, and stays true to them.
//!
//! `EXITLESS_WRITE=1` writes it anew; without that, a difference fails.

use apic_core::driver::explore::{Bounds, Example, Explore, Progress, Verdict, example, known, repaired, usual_bounds};
use apic_core::kvm::{Fault, Faults, NOT_EXPRESSED};
use apic_core::scenario::PRESETS;
use std::fmt::Write as _;
use std::path::Path;

const HEAD: &str = "\
# Break it

Made from the code and from searches; a test holds it to them (`tests/tests/break_it.rs`). `exitless check` searches: it tries every
interleaving of a scenario's steps within a bound, with x86-TSO store buffers, and checks after each move that no interrupt is
lost, early or delivered twice; at the end, that from every state in which a guest has an interrupt coming some order of steps
starts its handler. How time and memory are choices too stands in the head of `crates/apic-core/src/driver/explore/mod.rs`.

A verdict holds for the model within its bound, and for nothing else.

## Rules taken away

Each scenario holds with the rule in force, and no longer without it. \"Moves\" are the shortest run that shows it: no shorter one
does. *Counterfactual* is what no kernel did.

`exitless check --break B22 …` takes a rule away in a scenario of yours; `exitless check --all` does what these tables show.
";

fn search(shown: &Example, faults: Faults) -> (Verdict, Progress) {
    let mut explore = Explore::new(&shown.scenario, shown.path, shown.bounds, faults);
    (explore.finish(), explore.progress())
}

fn bound(bounds: Bounds) -> String {
    let count = |n: u8, one: &str, more: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {more}") };
    let stores = count(bounds.store_buffer, "store a buffer", "stores a buffer");
    let stores = if bounds.store_buffer == 0 { "no store buffers".to_owned() } else { stores };
    format!("{}, {stores}", count(bounds.expiries, "expiry", "expiries"))
}

fn faults() -> String {
    let mut page = String::new();
    let _ = writeln!(
        page,
        "| fault | the rule | without it | what the guest feels | real in | repair | searched | with it | without it |"
    );
    let _ = writeln!(page, "| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for fault in Fault::ALL {
        let (info, shown) = (fault.info(), example(*fault));
        let (with, seen) = search(&shown, Faults::default());
        let (without, then) = search(&shown, Faults::default().with(*fault));
        assert_eq!(with, Verdict::Holds, "{fault:?}");
        let broken = match without {
            Verdict::Violated(found) => {
                assert!(!fault.is_redundant(), "{fault:?}");
                format!("{} moves: {}", found.moves.len(), found.broken)
            }
            Verdict::Holds if fault.is_redundant() => format!("holds too, {} states", then.states),
            other => panic!("{fault:?}: {other:?}"),
        };
        let cells = [
            info.id,
            info.title,
            info.what,
            info.symptom,
            info.real.unwrap_or("*counterfactual*"),
            info.repair,
            &format!("{}; {}", shown.path.name(), bound(shown.bounds)),
            &format!("holds, {} states", seen.states),
            &broken,
        ];
        let _ = writeln!(page, "| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
    }
    page
}

fn not_expressed() -> String {
    let mut page =
        "\n## What the machine cannot show\n\n| bug | what it is | why it is not here |\n| --- | --- | --- |\n"
            .to_owned();
    for bug in NOT_EXPRESSED {
        let _ = writeln!(page, "| {} | {} | {} |", bug.id, bug.title, bug.why);
    }
    page
}

fn presets() -> String {
    let bounds = Bounds { expiries: 1, vcpus: 1, ..Bounds::DEFAULT };
    let mut page = format!(
        "\n## Presets\n\nBound: {}, 1 vCPU. The command line searches further unless told otherwise.\n\n",
        bound(bounds)
    );
    page.push_str("| preset | path | verdict | states | moves | depth |\n| --- | --- | --- | --- | --- | --- |\n");
    for preset in PRESETS {
        let scenario = preset.scenario().expect("ships valid");
        for path in &scenario.run.paths {
            let shown = Example { scenario: scenario.clone(), path: *path, bounds };
            let own: Vec<_> = known(&scenario, *path).iter().map(|f| f.info().id).collect();
            let (verdict, seen) = search(&shown, Faults::default());
            let said = match verdict {
                Verdict::Holds => "holds".to_owned(),
                Verdict::Violated(found) => {
                    let repaired = Example { scenario: repaired(&scenario, *path), ..shown };
                    assert_eq!(search(&repaired, Faults::default()).0, Verdict::Holds, "{} {path:?}", preset.name);
                    format!(
                        "violated in {} moves, as in its kernel ({}); repaired, it holds",
                        found.moves.len(),
                        own.join(", ")
                    )
                }
                Verdict::Unfinished => panic!("{} {path:?}", preset.name),
            };
            let Progress { states, moves, depth, .. } = seen;
            let _ = writeln!(page, "| {} | {} | {said} | {states} | {moves} | {depth} |", preset.name, path.name());
        }
    }
    page
}

#[test]
fn the_page_says_what_searches_find() {
    let expect = format!("{HEAD}\n{}{}{}", faults(), not_expressed(), presets());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/break-it.md");
    if std::env::var_os("EXITLESS_WRITE").is_some() {
        std::fs::write(&path, expect).expect("docs/ can be written");
        return;
    }
    let actual = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = actual.lines().zip(expect.lines()).position(|(a, b)| a != b);
    assert!(
        actual == expect,
        "docs/break-it.md is stale (first at line {}): EXITLESS_WRITE=1 cargo test -p exitless-tests --test break_it",
        differs.unwrap_or(actual.lines().count().min(expect.lines().count())) + 1
    );
}

/// What the page says of each preset that holds as it ships.
fn proofs() -> String {
    let mut proofs = String::new();
    for preset in PRESETS {
        let scenario = preset.scenario().expect("ships valid");
        let bounds = Bounds { vcpus: 1, ..usual_bounds(&scenario) };
        for path in &scenario.run.paths {
            let (verdict, seen) =
                search(&Example { scenario: scenario.clone(), path: *path, bounds }, Faults::default());
            if verdict == Verdict::Holds {
                let _ = writeln!(proofs, "{}\t{}\t{}\t{bounds}", preset.name, path.name(), seen.states);
            }
        }
    }
    proofs
}

#[test]
fn the_badges_say_what_searches_find() {
    let expect = proofs();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/ui/src/proofs.txt");
    if std::env::var_os("EXITLESS_WRITE").is_some() {
        std::fs::write(&path, expect).expect("the file can be written");
        return;
    }
    let actual = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(actual, expect, "stale: EXITLESS_WRITE=1 cargo test -p exitless-tests --test break_it");
}
