//! `exitless lesson`: lessons and questions, held against the model.

use crate::args::{LessonCheckArgs, LessonCommand, LessonPackArgs, LessonQuizArgs};
use crate::error::Failure;
use lesson::inventory::{self, Inventory};
use lesson::{Answer, Lesson, Task, packed};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The file of questions, among lessons.
const INVENTORY: &str = "inventory.toml";

pub(crate) fn lesson(command: &LessonCommand, out: &mut impl Write) -> Result<(), Failure> {
    match command {
        LessonCommand::Check(args) => check(args, out),
        LessonCommand::Quiz(args) => quiz(args, out),
        LessonCommand::Pack(args) => pack(args, out),
    }
}

/// Lessons and inventories, each with its file's name.
type Read = (Vec<(String, Lesson)>, Vec<(String, Inventory)>);

/// Everything that is wrong in all of them is told at once.
fn read(files: &[PathBuf]) -> Result<Read, Failure> {
    let (mut lessons, mut inventories, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for path in files {
        let (name, text) = text(path)?;
        if path.file_name().is_some_and(|file| file == INVENTORY) {
            match inventory::read(&name, &text) {
                Ok(read) => inventories.push((name, read)),
                Err(error) => wrong.push(error.to_string()),
            }
        } else {
            match lesson::read(&name, &text) {
                Ok(read) => lessons.push((name, read)),
                Err(error) => wrong.push(error.to_string()),
            }
        }
    }
    if wrong.is_empty() { Ok((lessons, inventories)) } else { Err(Failure::Lessons(wrong.join("\n"))) }
}

fn check(args: &LessonCheckArgs, out: &mut impl Write) -> Result<(), Failure> {
    let (lessons, inventories) = read(&args.files)?;
    if args.json {
        let documents: Vec<_> = lessons.iter().map(|(_, lesson)| lesson).collect();
        return crate::json::write(&documents, out);
    }
    for (name, lesson) in &lessons {
        tell(name, lesson, out)?;
    }
    for (name, inventory) in &inventories {
        writeln!(out, "{name}: {} questions on {} beliefs", inventory.questions.len(), inventory.beliefs().len())?;
    }
    Ok(())
}

fn pack(args: &LessonPackArgs, out: &mut impl Write) -> Result<(), Failure> {
    let (mut lessons, _) = read(&args.files)?;
    lessons.sort_by_key(|(_, lesson)| lesson.number);
    let failed = |path: &Path| {
        let file = path.display().to_string();
        move |source| Failure::Write { file, source }
    };
    std::fs::create_dir_all(&args.output).map_err(failed(&args.output))?;
    let write = |name: &str, bytes: Vec<u8>| {
        let path = args.output.join(name);
        std::fs::write(&path, bytes).map_err(failed(&path))
    };
    for (_, lesson) in &lessons {
        write(&packed::file_of(&lesson.name), packed::pack(lesson))?;
    }
    let contents: Vec<_> = lessons.iter().map(|(_, lesson)| lesson.heading()).collect();
    write(packed::CONTENTS, packed::pack_contents(&contents))?;
    Ok(writeln!(out, "{} lessons in {}", lessons.len(), args.output.display())?)
}

/// What a lesson asks, and what the model answers.
fn tell(name: &str, lesson: &Lesson, out: &mut impl Write) -> Result<(), Failure> {
    writeln!(out, "{name}: {}, {} parts", lesson.title, lesson.parts.len())?;
    for part in &lesson.parts {
        let told = match &part.task {
            Task::Watch { stops } => format!("watch, {} moments", stops.len()),
            Task::Predict { answer: Answer::Choice { choices, right }, .. } => {
                format!("predict: {}", choices[*right].says)
            }
            Task::Predict { answer: Answer::Number { of, right }, .. } => format!("predict: {right} {of}"),
            Task::Predict { answer: Answer::Core { right, .. }, .. } => format!("predict: core {}", right.0),
            Task::Predict { answer: Answer::Cell { right }, .. } => format!("predict: PIR[{right}]"),
            Task::Try { goals, par, .. } => {
                let par = par.map_or(String::new(), |par| format!(", par {}", par.bound));
                format!("try: {} goals{par}", goals.len())
            }
        };
        writeln!(out, "  {}: {told}", part.title)?;
    }
    Ok(())
}

fn quiz(args: &LessonQuizArgs, out: &mut impl Write) -> Result<(), Failure> {
    let (name, text) = text(&args.file)?;
    let read: Inventory = inventory::read(&name, &text).map_err(|error| Failure::Lessons(error.to_string()))?;
    Ok(write!(out, "{}", read.quiz())?)
}

/// A file's name as messages have it, and its text.
fn text(path: &Path) -> Result<(String, String), Failure> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| Failure::Read { file: name.clone(), source })?;
    Ok((name, text))
}
