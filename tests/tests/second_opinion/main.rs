//! A second opinion on the bench: the same script, put to the model and to a slow transliteration of the sources, a million
//! commands per run.
//!
//! A disagreement is printed as the shortest script that shows it, ready for `exitless apic`, with the seed.
//! `EXITLESS_SEED` and `EXITLESS_COMMANDS` ask for other commands or for more.

mod generate;
mod slow;

use apic_core::bench::script::{Command, Vendor};
use apic_core::bench::{Bench, Outcome, World};
use generate::Generator;
use slow::Slow;

const SEED: u64 = 0x0e17_1e55;
const COMMANDS: usize = 1_000_000;
/// Commands of one script.
const LENGTH: usize = 200;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn shown(outcome: &Outcome) -> String {
    outcome.answer().map_or_else(|| format!("{outcome:?}"), ToString::to_string)
}

/// The first command on which the two disagree, and what each says.
fn disagreement(script: &[Command]) -> Option<(usize, String, String)> {
    let svm = script.contains(&Command::Vendor(Vendor::Svm));
    let (mut model, mut slow) = (Bench::new(), Slow::new(svm));
    for (i, &command) in script.iter().enumerate() {
        let by_model = model.obey(command).expect("scripts here can be obeyed");
        let Ok(by_slow) = slow.obey(command);
        if by_model != by_slow {
            return Some((i, shown(&by_model), shown(&by_slow)));
        }
    }
    None
}

/// Leaves out whatever can be left out.
fn shortest(script: &[Command]) -> Vec<Command> {
    let mut script = script.to_vec();
    if let Some((i, ..)) = disagreement(&script) {
        script.truncate(i + 1);
    }
    let mut i = 0;
    while i < script.len() {
        let without: Vec<_> = script.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, c)| *c).collect();
        if generate::is_valid(&without) && disagreement(&without).is_some() {
            script = without;
        } else {
            i += 1;
        }
    }
    script
}

#[test]
fn a_million_commands_are_answered_alike() {
    let seed = number("EXITLESS_SEED", SEED);
    let commands = number("EXITLESS_COMMANDS", COMMANDS as u64) as usize;
    let mut generator = Generator::new(seed);
    let mut done = 0;
    while done < commands {
        let script = generator.script(LENGTH);
        done += script.len();
        if disagreement(&script).is_none() {
            continue;
        }
        let script = shortest(&script);
        let (_, model, slow) = disagreement(&script).expect("it still disagrees");
        let lines: Vec<_> = script.iter().map(|&command| generate::line(command)).collect();
        panic!("seed {seed:#x}\n{}\nmodel: {model}\nslow:  {slow}", lines.join("\n"));
    }
}

#[test]
fn scripts_are_written_as_they_are_read() {
    let mut generator = Generator::new(1);
    for command in generator.script(2_000) {
        let line = generate::line(command);
        let read = apic_core::bench::script::read_line(1, &line).expect("a command");
        assert_eq!(read, Some(command), "{line}");
    }
}
