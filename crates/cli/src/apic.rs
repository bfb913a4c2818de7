//! `exitless apic`: a script for the bench, one command per line, one line per answer.

use crate::args::ApicArgs;
use crate::error::Failure;
use apic_core::bench::{Bench, World as _, script};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};

/// Reads, obeys and answers line by line, so that a person at a terminal sees each answer at once.
pub(crate) fn answer(args: &ApicArgs, out: &mut impl Write) -> Result<(), Failure> {
    let name = args.file.display().to_string();
    let unreadable = |source| Failure::Read { file: name.clone(), source };
    let lines: Box<dyn BufRead> = if args.file.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(&args.file).map_err(unreadable)?))
    };
    let mut bench = Bench::new();
    for (i, line) in lines.lines().enumerate() {
        let number = i + 1;
        let Some(command) = script::read_line(number, &line.map_err(unreadable)?)? else { continue };
        let outcome = bench.obey(command).map_err(|source| Failure::Bench { line: number, source })?;
        if let Some(answer) = outcome.answer() {
            writeln!(out, "{answer}")?;
            out.flush()?;
        }
    }
    Ok(())
}
