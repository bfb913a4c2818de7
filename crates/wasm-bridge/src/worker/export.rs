//! What is on the stage leaves: as a figure, a text, a table, signals, a trace, a document.

use serde::{Deserialize, Serialize};

/// A form in which a run leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Form {
    /// A figure of the moment.
    Svg,
    /// The tick as text of 80 columns.
    Mail,
    /// The tick's sentences, as Markdown.
    Narration,
    /// The card of a design review.
    Card,
    /// A row per step and per expiry.
    Csv,
    /// The trace event format.
    Perfetto,
    /// Signals.
    Vcd,
}

/// What is to leave.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Export {
    /// The moment.
    pub link: String,
    /// The page's address with that link.
    pub address: String,
    /// As what.
    pub form: Form,
    /// A figure's colours: dark, light, or both.
    pub dark: Option<bool>,
    /// A figure's width in pixels.
    pub width: u32,
}
