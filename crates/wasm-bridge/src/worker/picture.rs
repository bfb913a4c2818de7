//! Pictures of what a job has found: drawn in the lab, with the places in them that can be gone to, and with the same as
//! a table.

use apic_core::run::Occurrence;
use serde::{Deserialize, Serialize};

/// What can be drawn. A job that has no such picture answers with none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Chart {
    /// Expiry to handler, as quantile dots.
    Latency,
    /// The same, cumulative.
    LatencyCurve,
    /// Change of latency from tick to tick, as quantile dots.
    Jitter,
    /// Exits a second, by reason.
    Exits,
    /// Guest time lost.
    GuestTime,
    /// Housekeepers' time.
    Housekeepers,
    /// Costs at which a conclusion flips.
    Flips,
}

/// Where it is drawn.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Canvas {
    /// CSS pixels; the height follows from what is drawn.
    pub width: u32,
    /// Device pixels per CSS pixel.
    pub ratio: f64,
    /// Colours of the page as they are now.
    pub inks: Inks,
}

/// Red, green, blue.
pub type Ink = [u8; 3];

/// Colours.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Inks {
    /// Of words.
    pub text: Ink,
    /// Of axes and grid.
    pub line: Ink,
    /// Of paths, by their order; after the last, the first again.
    pub paths: Vec<Ink>,
}

/// What was drawn; its pixels come beside it.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Picture {
    /// Width and height in CSS pixels.
    pub size: (u32, u32),
    /// What can be pointed at and reached by keyboard, in order.
    pub marks: Vec<Mark>,
    /// The same as a table.
    pub table: Table,
}

/// A place in a picture.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Mark {
    /// What it says.
    pub words: String,
    /// The moment it stands for, if there is one.
    pub moment: Option<Moment>,
    /// Left, top, width and height in CSS pixels.
    pub place: (i32, i32, u32, u32),
}

/// A moment of one of the paths.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Moment {
    /// By its place among those compared.
    pub path: u8,
    /// When.
    pub at: Occurrence,
}

/// A picture's twin in words.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Table {
    /// What it is.
    pub caption: String,
    /// Heads of the columns after the first.
    pub columns: Vec<String>,
    /// Rows.
    pub rows: Vec<Row>,
    /// What has to be known beside it.
    pub note: String,
}

/// A row of a table.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Row {
    /// Its head.
    pub head: String,
    /// Cells: words, and the moment they stand for.
    pub cells: Vec<(String, Option<Moment>)>,
}
