//! What a job has found as figures: a plot and its table, both of the same values. Pure; `draw.rs` puts a plot on any
//! backend of plotters, and `canvas.rs` is the browser's.

#[cfg(target_family = "wasm")]
pub(crate) mod canvas;
pub(crate) mod draw;

use wasm_bridge::worker::picture::{Moment, Table};

/// A plot, and the same as a table.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Figure {
    pub(crate) plot: Plot,
    pub(crate) table: Table,
}

/// How values are drawn.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Plot {
    /// Quantile dots, a lane for each path. Every dot stands for as many values as every other.
    Dots(Vec<Lane>),
    /// Cumulative curves through points, one for each path.
    Curves(Vec<Lane>),
    /// Bars from zero, and what a value on their axis is called.
    Bars(Vec<Bar>, Unit),
}

/// What an axis of bars counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unit {
    PerSecond,
    /// Of one.
    Share,
    /// How many times as much.
    Times,
}

impl Unit {
    /// A value on the axis.
    pub(crate) fn name(self, value: f64) -> String {
        match self {
            Self::PerSecond => format!("{value:.0}/s"),
            Self::Times => format!("{value:.1} ×"),
            Self::Share => format!("{:.2} %", 100.0 * value),
        }
    }
}

/// One path's values.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Lane {
    pub(crate) name: String,
    pub(crate) points: Vec<Point>,
    /// The curve through them, as values and shares; dots have none.
    pub(crate) line: Vec<(f64, f64)>,
}

/// One value.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Point {
    /// In nanoseconds.
    pub(crate) x: f64,
    /// Share of all values that do not exceed it, 0 to 1.
    pub(crate) share: f64,
    pub(crate) words: String,
    pub(crate) moment: Option<Moment>,
}

/// One bar.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Bar {
    pub(crate) words: String,
    pub(crate) value: f64,
    /// Whose it is: the path's place among those compared.
    pub(crate) path: usize,
    pub(crate) moment: Option<Moment>,
}
