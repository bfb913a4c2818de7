//! Which format, which moment and which beats the command line asks for.

use crate::args::{RenderArgs, RenderFormat as Format};
use crate::error::Failure;
use crate::load::{At, parse_at};
use apic_core::run::Lockstep;
use clap::ValueEnum as _;
use std::ops::Range;

/// Most frames of an animation: half an hour at a second each.
const MOST_FRAMES: usize = 2_000;

/// What of a run is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Which {
    /// Beats, for what is of several.
    pub(super) beats: Range<usize>,
}

/// Whether a format is of one moment, of a tick unless it is told, or of the whole run unless it is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Span {
    Moment,
    Tick,
    Run,
}

const fn span(format: Format) -> Span {
    match format {
        Format::Svg | Format::Png | Format::Card => Span::Moment,
        Format::Txt | Format::Md | Format::Apng => Span::Tick,
        Format::Csv | Format::Perfetto | Format::Vcd | Format::Stat => Span::Run,
    }
}

/// Whether it is of the run as a whole, for other tools.
pub(super) const fn is_data(format: Format) -> bool {
    matches!(span(format), Span::Run)
}

fn formats() -> String {
    let names = Format::value_variants().iter().filter_map(clap::ValueEnum::to_possible_value);
    names.map(|name| name.get_name().to_owned()).collect::<Vec<_>>().join(", ")
}

/// The format that is named, or that the file's name ends with.
pub(super) fn format(args: &RenderArgs) -> Result<Format, Failure> {
    let end = args.output.as_deref().and_then(|file| file.extension()).and_then(|end| end.to_str());
    let format = match (args.format, end.map(|end| Format::from_str(end, true))) {
        (Some(format), _) | (None, Some(Ok(format))) => format,
        (None, Some(Err(_))) => {
            let problem = format!("no format is called \"{}\"", end.unwrap_or_default());
            return Err(Failure::value("-o", problem, format!("--format with one of: {}", formats())));
        }
        (None, None) => return Err(Failure::value("--format", "none is named", format!("one of: {}", formats()))),
    };
    if args.theme.is_some() && !matches!(format, Format::Svg | Format::Png | Format::Apng | Format::Card) {
        return Err(Failure::value("--theme", "this format has no colours", "svg, png, apng or card"));
    }
    if args.scale.is_some() && !matches!(format, Format::Png | Format::Apng) {
        return Err(Failure::value("--scale", "this format has no pixels", "png or apng"));
    }
    if args.range.is_some() && span(format) == Span::Moment {
        return Err(Failure::value(
            "--range",
            "this format shows one moment",
            "--step, or apng, txt, md, csv and others",
        ));
    }
    Ok(format)
}

/// The moment that is asked for, where a scenario has one of its own.
pub(super) fn at(args: &RenderArgs, format: Format, own: At) -> Result<At, Failure> {
    match (&args.step, span(format), own) {
        (Some(step), ..) => parse_at("--step", step),
        (None, Span::Run, _) => Ok(At::End),
        (None, _, At::End) => Ok(At::Opening),
        (None, _, own) => Ok(own),
    }
}

/// What of the run is written, once its length is known.
pub(super) fn which(args: &RenderArgs, format: Format, at: At, run: &Lockstep) -> Result<Which, Failure> {
    let all = run.len();
    if let (At::Beat(beat), true) = (at, args.step.is_some())
        && beat > all
    {
        let problem = format!("the run has {all} beats, and {beat} is beyond them");
        return Err(Failure::value("--step", problem, format!("end, opening, or 0 to {all}")));
    }
    let beats = match (&args.range, span(format)) {
        (Some(range), _) => parse_range(range, all)?,
        (None, Span::Moment) => run.position()..run.position(),
        (None, Span::Tick) => run.ticks().get(run.tick_of(run.position().saturating_sub(1))).cloned().unwrap_or(0..0),
        (None, Span::Run) => 0..run.position(),
    };
    if format == Format::Stat && beats.start > 0 {
        return Err(Failure::value("--range", "exits are counted from the start", format!("0..{}", beats.end)));
    }
    if format == Format::Apng && beats.len() >= MOST_FRAMES {
        let problem = format!("{} beats are {} frames", beats.len(), beats.len() + 1);
        return Err(Failure::value("--range", problem, format!("at most {} beats", MOST_FRAMES - 1)));
    }
    Ok(Which { beats })
}

fn parse_range(text: &str, all: usize) -> Result<Range<usize>, Failure> {
    let wrong = |problem: String| {
        let valid = format!("two numbers of beats from 0 to {all}, the smaller first, such as 0..{}", all.min(40));
        Failure::value("--range", problem, valid)
    };
    let end = |text: &str, default: usize| if text.is_empty() { Some(default) } else { text.parse().ok() };
    let parsed = text.split_once("..").and_then(|(a, b)| Some((end(a.trim(), 0)?, end(b.trim(), all)?)));
    let (from, to) = parsed.ok_or_else(|| wrong(format!("\"{text}\" is no range")))?;
    if to > all {
        return Err(wrong(format!("the run has {all} beats, and {to} is beyond them")));
    }
    if from >= to {
        return Err(wrong(format!("nothing lies between {from} and {to}")));
    }
    Ok(from..to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Option<&Range<usize>>) {
        assert_eq!(parse_range(text, 100).ok().as_ref(), expect, "{text}");
    }

    #[test]
    fn ranges() {
        check("0..40", Some(&(0..40)));
        check("12..", Some(&(12..100)));
        check("..40", Some(&(0..40)));
        check("..", Some(&(0..100)));
        for text in ["", "5", "7..7", "9..3", "0..101", "a..b", "-1..4", "0..99999999999999999999"] {
            check(text, None);
        }
    }
}
