//! A lesson as its author writes it: TOML, with Markdown in its words.

use crate::figure::Figure;
use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LessonDoc {
    pub(crate) title: String,
    pub(crate) about: String,
    pub(crate) minutes: u16,
    #[serde(default)]
    pub(crate) terms: Vec<String>,
    #[serde(rename = "part")]
    pub(crate) parts: Vec<Spanned<PartDoc>>,
}

/// Exactly one of `watch`, `predict` and `try`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartDoc {
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) run: RunDoc,
    #[serde(default)]
    pub(crate) watch: Vec<StopDoc>,
    pub(crate) predict: Option<PredictDoc>,
    pub(crate) r#try: Option<TryDoc>,
}

/// A preset, and what is different about it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunDoc {
    pub(crate) preset: String,
    /// Keys of a scenario that replace those of the preset; tables key by key, lists as a whole.
    #[serde(default)]
    pub(crate) change: toml::Table,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StopDoc {
    pub(crate) at: String,
    pub(crate) says: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PredictDoc {
    pub(crate) ask: String,
    pub(crate) hold: String,
    pub(crate) reveal: String,
    pub(crate) explain: String,
    /// What is true of the run; checked.
    #[serde(default)]
    pub(crate) truth: Vec<TruthDoc>,
    #[serde(default)]
    pub(crate) choice: Vec<ChoiceDoc>,
    pub(crate) number: Option<NumberDoc>,
    pub(crate) core: Option<CoreDoc>,
    pub(crate) cell: Option<CellDoc>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChoiceDoc {
    pub(crate) says: String,
    pub(crate) because: String,
    #[serde(default)]
    pub(crate) right: bool,
}

/// The answer is a figure's value.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NumberDoc {
    pub(crate) of: String,
    pub(crate) figure: Figure,
    pub(crate) path: String,
}

/// The answer is where a step happens, or where the IPI goes that it sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CoreDoc {
    pub(crate) of: Option<String>,
    pub(crate) destination: Option<String>,
}

/// The answer is the bit of PIR that a step sets.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CellDoc {
    pub(crate) set_by: String,
}

/// `{ figure, path, is }`, or `at_most`, or `at_least`; or `{ step, core }`; or `{ never }`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TruthDoc {
    pub(crate) figure: Option<Figure>,
    pub(crate) path: Option<String>,
    pub(crate) is: Option<toml::Value>,
    pub(crate) at_most: Option<toml::Value>,
    pub(crate) at_least: Option<toml::Value>,
    /// A step that the run takes.
    pub(crate) step: Option<String>,
    /// On this core.
    pub(crate) core: Option<u16>,
    /// A step that the run does not take.
    pub(crate) never: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TryDoc {
    pub(crate) ask: String,
    pub(crate) goal: Vec<TruthDoc>,
    pub(crate) par: Option<TruthDoc>,
    pub(crate) hint: String,
    /// Like `run.change`, on top of it.
    pub(crate) solution: toml::Table,
}
