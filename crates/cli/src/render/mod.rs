//! `exitless render`: whatever is on the stage leaves as a figure, a table or a data file.
//!
//! | file | writes |
//! | --- | --- |
//! | `which` | nothing: which format, which moment, which beats |
//! | `figure` | SVG, and the figures of a card |
//! | `pixels`, `frames` | PNG; APNG |
//! | `data` | what goes through the whole run: CSV, Perfetto, VCD, and the sentences |

mod data;
mod figure;
mod frames;
mod pixels;
mod which;

use crate::args::{RenderArgs, RenderFormat as Format};
use crate::error::Failure;
use crate::load;
use crate::moment::Moment;
use crate::spread;
use apic_core::driver::Pick;
use apic_core::link::{self, Link};
use apic_core::run::{Align, Compare};
use scene::{Figure, Theme};
use std::fs::File;
use std::io::{BufWriter, IsTerminal as _, Write};
use std::path::Path;
use which::Which;

/// What is rendered, and how.
struct Job<'a> {
    args: &'a RenderArgs,
    moment: Moment,
    /// Choices made by hand, per path.
    picks: Vec<Vec<Pick>>,
    /// What is compared, and how.
    compare: Compare,
    which: Which,
    figure: Figure,
}

pub(crate) fn render(args: &RenderArgs, stdout: &mut impl Write) -> Result<(), Failure> {
    let format = which::format(args)?;
    let to_stdout = args.output.as_deref().is_none_or(load::is_stdin);
    if matches!(format, Format::Png | Format::Apng) && to_stdout && std::io::stdout().is_terminal() {
        return Err(Failure::value("--format", "pixels mean nothing to a terminal", "-o FILE, or a pipe"));
    }
    let mut loaded = load::load(&args.what, None)?;
    loaded.at = which::at(args, format, loaded.at)?;
    if which::is_data(format) {
        // Data have one clock, however a link aligns what it compares.
        loaded.compare.align = Align::Time;
    }
    let (picks, compare, at) = (loaded.picks.clone(), loaded.compare.clone(), loaded.at);
    let moment = Moment::new(loaded);
    let which = which::which(args, format, at, &moment.lockstep)?;
    let theme = match args.theme {
        None => Theme::Auto,
        Some(crate::args::RenderTheme::Light) => Theme::Light,
        Some(crate::args::RenderTheme::Dark) => Theme::Dark,
    };
    let job = Job { args, moment, picks, compare, which, figure: Figure { width: args.width, theme } };
    match args.output.as_deref().filter(|file| !load::is_stdin(file)) {
        None => job.write(format, stdout),
        Some(file) => to_file(file, |out| job.write(format, out)),
    }
}

/// Writes a file; what goes wrong with it is told with its name.
fn to_file(file: &Path, write: impl FnOnce(&mut BufWriter<File>) -> Result<(), Failure>) -> Result<(), Failure> {
    let named = |source| Failure::Write { file: file.display().to_string(), source };
    let mut out = BufWriter::new(File::create(file).map_err(named)?);
    let written = write(&mut out).and_then(|()| Ok(out.flush()?));
    written.map_err(|failure| match failure {
        Failure::Output(source) => named(source),
        other => other,
    })
}

impl Job<'_> {
    fn write(&self, format: Format, out: &mut impl Write) -> Result<(), Failure> {
        match format {
            Format::Svg => figure::svg(self, out),
            Format::Png => pixels::png(self, out),
            Format::Apng => frames::apng(self, out),
            Format::Txt => figure::mail(self, out),
            Format::Card => figure::card(self, out),
            Format::Md => data::narration(self, out),
            Format::Csv => data::csv(self, out),
            Format::Perfetto => data::perfetto(self, out),
            Format::Vcd => data::vcd(self, out),
            Format::Stat => spread::print_stat("--format stat", &self.moment, out),
        }
    }

    /// The moment's link: an address, if one was given, and the fragment.
    fn link(&self) -> String {
        let link = Link {
            scenario: self.moment.scenario().clone(),
            preset: self.moment.preset.clone(),
            position: u32::try_from(self.moment.lockstep.position()).ok(),
            vcpu: 0,
            picks: self.picks.clone(),
            compare: self.compare.clone(),
        };
        format!("{}#{}", self.args.page.trim_end_matches('#'), link::encode(&link))
    }
}
