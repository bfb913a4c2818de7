//! Questions on what is commonly believed about posted interrupts: two for each belief, asked before and after.
//!
//! Like a lesson's predictions they are held against the model, where they are about a run.

use crate::document::{ChoiceDoc, RunDoc, TruthDoc};
use crate::lesson::Choice;
use crate::read::{Findings, LessonError, Ran, Wrong, line_of, one_right};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toml::Spanned;

/// All questions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Inventory {
    /// In order.
    pub questions: Vec<Question>,
}

/// One question.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Question {
    /// What many believe.
    pub belief: String,
    /// Markdown.
    pub ask: String,
    /// In order, with what speaks for each as HTML.
    pub choices: Vec<Choice>,
    /// Index of the right one.
    pub right: usize,
    /// Markdown: why it is so.
    pub explain: String,
    /// A run that shows it, behind `#` in the playground's address.
    pub link: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InventoryDoc {
    question: Vec<Spanned<QuestionDoc>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuestionDoc {
    belief: String,
    ask: String,
    choice: Vec<ChoiceDoc>,
    explain: String,
    run: Option<RunDoc>,
    #[serde(default)]
    truth: Vec<TruthDoc>,
}

/// Reads the questions and holds them against the model.
///
/// # Errors
/// All that is wrong, with file and line.
pub fn read(file: &str, text: &str) -> Result<Inventory, LessonError> {
    let wrong =
        |at: usize, key: String, what: String| Wrong { file: file.to_owned(), line: line_of(text, at), key, what };
    let document: InventoryDoc = toml::from_str(text).map_err(|e| {
        let at = e.span().map_or(0, |span| span.start);
        LessonError(vec![wrong(at, "the document".to_owned(), e.message().trim().to_owned())])
    })?;
    let mut found = Vec::new();
    let mut questions = Vec::new();
    for (i, spanned) in document.question.iter().enumerate() {
        let mut findings = Findings::default();
        let read = question(spanned.get_ref(), &mut findings);
        questions.extend(read);
        let all = findings.0.into_iter();
        found.extend(all.map(|(key, what)| wrong(spanned.span().start, format!("question[{i}].{key}"), what)));
    }
    let inventory = Inventory { questions };
    for (belief, count) in inventory.beliefs() {
        if count != 2 && found.is_empty() {
            found.push(wrong(0, "belief".to_owned(), format!("“{belief}” has {count} questions; each has two")));
        }
    }
    if found.is_empty() { Ok(inventory) } else { Err(LessonError(found)) }
}

fn question(doc: &QuestionDoc, findings: &mut Findings) -> Option<Question> {
    findings.words("ask", &doc.ask);
    findings.words("explain", &doc.explain);
    let mut link = None;
    if let Some(run) = &doc.run {
        match Ran::new(run, None) {
            Ok(ran) => {
                for (i, truth) in doc.truth.iter().enumerate() {
                    findings.take(&format!("truth[{i}]"), ran.check(truth));
                }
                if doc.truth.is_empty() {
                    findings
                        .0
                        .push(("truth".to_owned(), "is missing: what in the run makes the choice right?".to_owned()));
                }
                link = Some(ran.link());
            }
            Err(found) => findings.0.push(found),
        }
    } else if !doc.truth.is_empty() {
        findings.0.push(("run".to_owned(), "is missing: of which run is this the truth?".to_owned()));
    }
    let (choices, right) = one_right("choice", &doc.choice, findings)?;
    let trimmed = |text: &str| text.trim().to_owned();
    let (belief, ask, explain) = (trimmed(&doc.belief), trimmed(&doc.ask), trimmed(&doc.explain));
    Some(Question { belief, ask, choices, right, explain, link })
}

impl Inventory {
    /// Every belief with the number of its questions.
    pub fn beliefs(&self) -> BTreeMap<&str, usize> {
        let mut beliefs = BTreeMap::new();
        for question in &self.questions {
            *beliefs.entry(question.belief.as_str()).or_default() += 1;
        }
        beliefs
    }

    /// The questions as mdbook-quiz reads them: TOML, one `[[questions]]` each.
    pub fn quiz(&self) -> String {
        let questions = self.questions.iter().map(|question| {
            let wrong = question.choices.iter().enumerate().filter(|(i, _)| *i != question.right);
            QuizQuestion {
                kind: "MultipleChoice",
                prompt: Prompt {
                    prompt: &question.ask,
                    distractors: wrong.map(|(_, choice)| choice.says.as_str()).collect(),
                },
                answer: QuizAnswer { answer: &question.choices[question.right].says },
                context: &question.explain,
            }
        });
        toml::to_string(&Quiz { questions: questions.collect() }).unwrap_or_default()
    }
}

/// The document of mdbook-quiz (its README, "Multiple choice").
#[derive(Serialize)]
struct Quiz<'a> {
    questions: Vec<QuizQuestion<'a>>,
}

#[derive(Serialize)]
struct QuizQuestion<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    context: &'a str,
    prompt: Prompt<'a>,
    answer: QuizAnswer<'a>,
}

#[derive(Serialize)]
struct Prompt<'a> {
    prompt: &'a str,
    distractors: Vec<&'a str>,
}

#[derive(Serialize)]
struct QuizAnswer<'a> {
    answer: &'a str,
}
