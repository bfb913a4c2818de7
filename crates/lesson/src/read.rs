//! From a lesson's document to the lesson, with every answer taken from the model.

use crate::document::{ChoiceDoc, LessonDoc, PartDoc, PredictDoc, RunDoc, TruthDoc, TryDoc};
use crate::figure::Value;
use crate::goal::{Bound, Goal};
use crate::lesson::{Answer, Choice, Lesson, Part, Stop, Task};
use crate::markdown::to_html;
use crate::place::Place;
use apic_core::link::{self, Link};
use apic_core::run::{Compare, History};
use apic_core::scenario::{PathKind, Scenario, preset};
use thiserror::Error;

/// Everything that is wrong with a lesson.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct LessonError(pub Vec<Wrong>);

/// One thing that is wrong: where, what, and what would be valid.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{file}:{line}: {key}: {what}")]
pub struct Wrong {
    /// The file's name.
    pub file: String,
    /// The line at which the part begins, or at which the document cannot be read; from 1.
    pub line: usize,
    /// The key, as a path.
    pub key: String,
    /// What is wrong, and what would be valid.
    pub what: String,
}

/// Key and words, before the file and the line are known.
type Found = (String, String);

/// Reads a lesson and holds it against the model. `file` is its name, `NN-name.toml`: number and name of the lesson.
///
/// # Errors
/// All that is wrong in it, with file and line; only the first thing, where the document cannot be read at all.
pub fn read(file: &str, text: &str) -> Result<Lesson, LessonError> {
    let wrong = |at: usize, (key, what): Found| Wrong { file: file.to_owned(), line: line_of(text, at), key, what };
    let document: LessonDoc = toml::from_str(text).map_err(|e| {
        let at = e.span().map_or(0, |span| span.start);
        LessonError(vec![wrong(at, ("the document".to_owned(), e.message().trim().to_owned()))])
    })?;
    let mut found = Vec::new();
    let (number, name) = named(file).unwrap_or_else(|what| {
        found.push(wrong(0, ("the file's name".to_owned(), what)));
        (0, String::new())
    });
    for (key, empty) in [("title", document.title.trim().is_empty()), ("about", document.about.trim().is_empty())] {
        if empty {
            found.push(wrong(0, (key.to_owned(), "is empty; a few words".to_owned())));
        }
    }
    if !(1..=60).contains(&document.minutes) {
        found.push(wrong(0, ("minutes".to_owned(), format!("is {}; valid are 1 to 60", document.minutes))));
    }
    let mut parts = Vec::new();
    for (i, spanned) in document.parts.iter().enumerate() {
        match part(spanned.get_ref()) {
            Ok(part) => parts.push(part),
            Err(all) => found.extend(
                all.into_iter().map(|(key, what)| wrong(spanned.span().start, (format!("part[{i}].{key}"), what))),
            ),
        }
    }
    // Predict first, then try: a lesson that only shows teaches no more than none.
    let has = |is: fn(&Task) -> bool| document.parts.len() > parts.len() || parts.iter().any(|part| is(&part.task));
    if !has(|task| matches!(task, Task::Predict { .. })) {
        found.push(wrong(0, ("part".to_owned(), "none asks for a prediction; at least one has a predict".to_owned())));
    }
    if !has(|task| matches!(task, Task::Try { .. })) {
        found.push(wrong(0, ("part".to_owned(), "none has a goal; at least one has a try".to_owned())));
    }
    if !found.is_empty() {
        return Err(LessonError(found));
    }
    let LessonDoc { title, about, minutes, terms, .. } = document;
    Ok(Lesson { name, number, title, about, minutes, terms, parts })
}

/// From 1.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

/// Number and name.
fn named(file: &str) -> Result<(u16, String), String> {
    let valid =
        || "is not that of a lesson; valid is a number, a hyphen and a name, as in 03-the-first-posted-timer.toml";
    let stem = file.rsplit('/').next().and_then(|base| base.strip_suffix(".toml")).ok_or_else(valid)?;
    let (number, name) = stem.split_once('-').ok_or_else(valid)?;
    let number = number.parse().map_err(|_| valid())?;
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if plain { Ok((number, name.to_owned())) } else { Err(valid().to_owned()) }
}

/// A scenario with the histories of its paths.
pub(crate) struct Ran {
    scenario: Scenario,
    preset: String,
    histories: Vec<History>,
}

impl Ran {
    pub(crate) fn new(run: &RunDoc, more: Option<&toml::Table>) -> Result<Self, Found> {
        let at = |key: &str, what: String| (key.to_owned(), what);
        let scenario = preset(&run.preset).map_err(|e| at("run.preset", e.to_string()))?;
        let mut tree = serde_json::to_value(&scenario).map_err(|e| at("run.preset", e.to_string()))?;
        for (key, change) in [("run.change", Some(&run.change)), ("try.solution", more)] {
            let Some(change) = change else { continue };
            let change = serde_json::to_value(change).map_err(|e| at(key, e.to_string()))?;
            lay_over(&mut tree, change);
            // Checked one by one, so that the one that is wrong is named.
            Scenario::from_json(&tree.to_string()).map_err(|e| at(key, e.to_string()))?;
        }
        let scenario = Scenario::from_json(&tree.to_string()).map_err(|e| at("run.change", e.to_string()))?;
        let histories = scenario.run.paths.iter().map(|path| History::new(&scenario, *path)).collect();
        Ok(Self { scenario, preset: run.preset.clone(), histories })
    }

    fn history(&self, path: PathKind) -> Result<&History, String> {
        self.histories.iter().find(|history| history.path() == path).ok_or_else(|| {
            let names: Vec<_> = self.histories.iter().map(|history| history.path().name()).collect();
            format!("the run has no path {}; it has {}", path.name(), names.join(", "))
        })
    }

    /// A step that the run takes.
    fn place(&self, text: &str) -> Result<(Place, &History), String> {
        let place = Place::parse(text).map_err(|valid| format!("“{text}” is no place: {valid}"))?;
        let history = self.history(place.path)?;
        if place.step(history).is_none() {
            return Err(format!("“{text}”: the run takes no such step"));
        }
        Ok((place, history))
    }

    pub(crate) fn link(&self) -> String {
        link::encode(&Link {
            scenario: self.scenario.clone(),
            preset: Some(self.preset.clone()),
            position: None,
            vcpu: 0,
            picks: Vec::new(),
            compare: Compare::default(),
        })
    }

    fn goal(&self, truth: &TruthDoc) -> Result<Goal, String> {
        let figure = truth.figure.ok_or("has no figure")?;
        let path = path(truth.path.as_deref().ok_or("has no path")?)?;
        self.history(path)?;
        let bound = match (&truth.is, &truth.at_most, &truth.at_least) {
            (Some(value), None, None) => Bound::Is(number(value)?),
            (None, Some(value), None) => Bound::AtMost(number(value)?),
            (None, None, Some(value)) => Bound::AtLeast(number(value)?),
            _ => return Err("needs exactly one of is, at_most and at_least".to_owned()),
        };
        if truth.step.is_some() || truth.core.is_some() || truth.never.is_some() {
            return Err("is about a figure, so step, core and never have no place in it".to_owned());
        }
        Ok(Goal { figure, path, bound })
    }

    /// The goal's value in this run, and whether it is as it must be.
    fn value(&self, goal: &Goal) -> Result<(Value, bool), String> {
        let history = self.history(goal.path)?;
        goal.met(history, &self.scenario).ok_or_else(|| "the run counts nothing that this could be said of".to_owned())
    }

    /// Whether what is claimed is so.
    pub(crate) fn check(&self, truth: &TruthDoc) -> Result<(), String> {
        match (truth.figure, &truth.step, &truth.never) {
            (Some(_), None, None) => {
                let goal = self.goal(truth)?;
                let (value, holds) = self.value(&goal)?;
                if holds { Ok(()) } else { Err(format!("is to be {}; in the model it is {value}", goal.bound)) }
            }
            (None, Some(step), None) => {
                let (place, history) = self.place(step)?;
                let core = place.core(history).map(|cpu| cpu.0);
                match truth.core {
                    Some(claimed) if core != Some(claimed) => Err(format!(
                        "“{step}” is to happen on core {claimed}; in the model it is core {}",
                        core.unwrap_or(0)
                    )),
                    _ => Ok(()),
                }
            }
            (None, None, Some(never)) => match Place::parse(never) {
                Err(valid) => Err(format!("“{never}” is no place: {valid}")),
                Ok(place) if place.step(self.history(place.path)?).is_none() => Ok(()),
                Ok(_) => Err(format!("“{never}” is never to happen; in the model it does")),
            },
            _ => Err("needs exactly one of figure, step and never".to_owned()),
        }
    }
}

/// Tables key by key, everything else as a whole.
fn lay_over(under: &mut serde_json::Value, over: serde_json::Value) {
    match (under, over) {
        (serde_json::Value::Object(under), serde_json::Value::Object(over)) => {
            for (key, value) in over {
                lay_over(under.entry(key).or_insert(serde_json::Value::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}

fn path(name: &str) -> Result<PathKind, String> {
    PathKind::from_name(name).ok_or_else(|| {
        let names: Vec<_> = PathKind::ALL.iter().map(|path| path.name()).collect();
        format!("no path is called “{name}”; there are {}", names.join(", "))
    })
}

/// A whole number, or "3/2".
fn number(value: &toml::Value) -> Result<Value, String> {
    let valid = || "valid is a whole number, or a ratio such as \"3/2\"".to_owned();
    match value {
        toml::Value::Integer(whole) => Ok(Value::whole(*whole)),
        toml::Value::String(ratio) => {
            let (over, under) = ratio.split_once('/').ok_or_else(valid)?;
            let read = |text: &str| text.trim().parse::<i64>().map_err(|_| valid());
            let value = Value { over: read(over)?, under: read(under)? };
            if value.under > 0 { Ok(value) } else { Err(valid()) }
        }
        _ => Err(valid()),
    }
}

/// What has been found wrong so far; a value in place of what could not be read.
#[derive(Default)]
pub(crate) struct Findings(pub(crate) Vec<Found>);

impl Findings {
    pub(crate) fn take<T>(&mut self, key: &str, result: Result<T, String>) -> Option<T> {
        result.map_err(|what| self.0.push((key.to_owned(), what))).ok()
    }

    pub(crate) fn words(&mut self, key: &str, markdown: &str) -> String {
        if markdown.trim().is_empty() {
            self.0.push((key.to_owned(), "is empty; some words".to_owned()));
        }
        self.take(key, to_html(markdown)).unwrap_or_default()
    }
}

fn part(doc: &PartDoc) -> Result<Part, Vec<Found>> {
    let mut findings = Findings::default();
    let text = findings.words("text", &doc.text);
    if doc.title.trim().is_empty() {
        findings.0.push(("title".to_owned(), "is empty; a few words".to_owned()));
    }
    let ran = match Ran::new(&doc.run, None) {
        Ok(ran) => ran,
        Err(found) => {
            findings.0.push(found);
            return Err(findings.0);
        }
    };
    let task = match (doc.watch.as_slice(), &doc.predict, &doc.r#try) {
        (stops @ [_, ..], None, None) => {
            let stop = |(i, stop): (usize, &crate::document::StopDoc)| {
                let at = findings.take(&format!("watch[{i}].at"), ran.place(&stop.at));
                let says = findings.words(&format!("watch[{i}].says"), &stop.says);
                at.map(|(at, _)| Stop { at, says })
            };
            Some(Task::Watch { stops: stops.iter().enumerate().filter_map(stop).collect() })
        }
        ([], Some(doc), None) => predict(doc, &ran, &mut findings),
        ([], None, Some(task)) => attempt(task, &doc.run, &ran, &mut findings),
        _ => {
            findings.0.push(("task".to_owned(), "needs exactly one of watch, predict and try".to_owned()));
            None
        }
    };
    match task {
        Some(task) if findings.0.is_empty() => Ok(Part { title: doc.title.clone(), text, link: ran.link(), task }),
        _ => Err(findings.0),
    }
}

fn predict(doc: &PredictDoc, ran: &Ran, findings: &mut Findings) -> Option<Task> {
    let ask = findings.words("predict.ask", &doc.ask);
    let explain = findings.words("predict.explain", &doc.explain);
    let hold = findings.take("predict.hold", ran.place(&doc.hold));
    let reveal = findings.take("predict.reveal", ran.place(&doc.reveal));
    if let (Some((hold, before)), Some((reveal, after))) = (&hold, &reveal)
        && hold.path == reveal.path
        && hold.step(before) >= reveal.step(after)
    {
        findings.0.push(("predict.reveal".to_owned(), "comes before hold: the answer would be seen".to_owned()));
    }
    for (i, truth) in doc.truth.iter().enumerate() {
        findings.take(&format!("predict.truth[{i}]"), ran.check(truth));
    }
    let answer = match (doc.choice.as_slice(), &doc.number, &doc.core, &doc.cell) {
        (choices @ [_, _, ..], None, None, None) => {
            if doc.truth.is_empty() {
                findings.0.push((
                    "predict.truth".to_owned(),
                    "is missing: what in the run makes the choice right?".to_owned(),
                ));
            }
            one_right("predict.choice", choices, findings).map(|(choices, right)| Answer::Choice { choices, right })
        }
        ([], Some(number), None, None) => findings.take("predict.number", {
            path(&number.path).and_then(|path| {
                let value = ran.history(path).map(|history| number.figure.of(history, &ran.scenario, history.len()))?;
                let right = value.ok_or("the run counts nothing that this could be said of")?;
                Ok(Answer::Number { of: number.of.clone(), right })
            })
        }),
        ([], None, Some(core), None) => findings.take("predict.core", {
            let cores = ran.scenario.host.topology.cpus();
            let right = match (&core.of, &core.destination) {
                (Some(of), None) => ran.place(of).map(|(place, history)| place.core(history)),
                (None, Some(to)) => ran.place(to).map(|(place, history)| place.destination(history)),
                _ => Err("needs exactly one of of and destination".to_owned()),
            };
            right
                .and_then(|right| right.ok_or_else(|| "this step sends no IPI".to_owned()))
                .map(|right| Answer::Core { right, cores })
        }),
        ([], None, None, Some(cell)) => findings.take("predict.cell", {
            let vector = ran.place(&cell.set_by).map(|(place, history)| place.vector(history));
            vector
                .and_then(|right| right.ok_or_else(|| "this step sets no bit of PIR".to_owned()))
                .map(|right| Answer::Cell { right })
        }),
        _ => {
            let what = "needs exactly one kind of answer: two or more choice, or one of number, core and cell";
            findings.0.push(("predict".to_owned(), what.to_owned()));
            None
        }
    };
    Some(Task::Predict { ask, hold: hold?.0, answer: answer?, reveal: reveal?.0, explain })
}

/// Choices and the index of the right one.
pub(crate) fn one_right(key: &str, choices: &[ChoiceDoc], findings: &mut Findings) -> Option<(Vec<Choice>, usize)> {
    let rights: Vec<_> = choices.iter().enumerate().filter(|(_, choice)| choice.right).map(|(i, _)| i).collect();
    let read = |(i, choice): (usize, &ChoiceDoc)| Choice {
        says: choice.says.clone(),
        because: findings.words(&format!("{key}[{i}].because"), &choice.because),
    };
    let read: Vec<_> = choices.iter().enumerate().map(read).collect();
    match rights[..] {
        [right] if read.len() > 1 => Some((read, right)),
        _ => {
            let what = format!("{} of {} are right; valid is one of two or more", rights.len(), read.len());
            findings.0.push((key.to_owned(), what));
            None
        }
    }
}

fn attempt(doc: &TryDoc, run: &RunDoc, ran: &Ran, findings: &mut Findings) -> Option<Task> {
    let ask = findings.words("try.ask", &doc.ask);
    let hint = findings.words("try.hint", &doc.hint);
    let goal = |(i, truth)| findings.take(&format!("try.goal[{i}]"), ran.goal(truth));
    let goals: Vec<_> = doc.goal.iter().enumerate().filter_map(goal).collect();
    if doc.goal.is_empty() {
        findings.0.push(("try.goal".to_owned(), "is empty; at least one".to_owned()));
    }
    let par = doc.par.as_ref().and_then(|par| findings.take("try.par", ran.goal(par)));
    let solved = match Ran::new(run, Some(&doc.solution)) {
        Ok(solved) => solved,
        Err(found) => {
            findings.0.push(found);
            return None;
        }
    };
    let all = goals.iter().map(|goal| ("try.goal", goal)).chain(par.iter().map(|par| ("try.par", par)));
    for (key, goal) in all {
        if let Some((value, false)) = findings.take(key, solved.value(goal)) {
            let what = format!("the solution does not reach it: {value}, and it is to be {}", goal.bound);
            findings.0.push((key.to_owned(), what));
        }
    }
    // A problem that is solved before it begins is none.
    let met = goals.iter().all(|goal| ran.value(goal).is_ok_and(|(_, met)| met));
    if met && findings.0.is_empty() {
        findings.0.push(("try.goal".to_owned(), "is met before anything is changed".to_owned()));
    }
    Some(Task::Try { ask, goals, par, hint, solution: solved.link() })
}
