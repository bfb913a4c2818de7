//! Lessons as they ship, and what is said of those that are wrong.
#![cfg(feature = "text")]

use lesson::{Answer, Lesson, LessonError, Task, inventory, read};
use std::fs;
use std::path::Path;

/// Every lesson with its file's name.
fn shipped() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../static/lessons");
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("the lessons").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let named = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    files.iter().map(|path| (named(path), fs::read_to_string(path).expect("a text"))).collect()
}

fn lessons() -> Vec<Lesson> {
    let lessons = shipped().into_iter().filter(|(file, _)| file != "inventory.toml");
    lessons.map(|(file, text)| read(&file, &text).unwrap_or_else(|error| panic!("{error}"))).collect()
}

#[test]
fn every_lesson_holds_against_the_model() {
    let lessons = lessons();
    assert!(lessons.len() >= 10);
    for (i, lesson) in lessons.iter().enumerate() {
        assert_eq!(usize::from(lesson.number), i, "{}: numbers go on one by one", lesson.name);
    }
}

#[test]
fn every_lesson_has_a_worked_example_a_question_and_a_problem_in_this_order() {
    for lesson in lessons() {
        let kind = |task: &Task| match task {
            Task::Watch { .. } => 0,
            Task::Predict { .. } => 1,
            Task::Try { .. } => 2,
        };
        let kinds: Vec<_> = lesson.parts.iter().map(|part| kind(&part.task)).collect();
        assert!(kinds.is_sorted(), "{}: {kinds:?}", lesson.name);
        assert!((0..3).all(|kind| kinds.contains(&kind)), "{}: {kinds:?}", lesson.name);
    }
}

#[test]
fn answers_are_given_in_every_way_there_is() {
    let lessons = lessons();
    let answers = lessons.iter().flat_map(|lesson| &lesson.parts).filter_map(|part| match &part.task {
        Task::Predict { answer, .. } => Some(match answer {
            Answer::Choice { .. } => 0,
            Answer::Number { .. } => 1,
            Answer::Core { .. } => 2,
            Answer::Cell { .. } => 3,
        }),
        _ => None,
    });
    let kinds: std::collections::BTreeSet<_> = answers.collect();
    assert_eq!(kinds.len(), 4);
}

#[test]
fn every_run_of_a_lesson_is_a_link_that_decodes() {
    for lesson in lessons() {
        for part in &lesson.parts {
            let mut links = vec![&part.link];
            if let Task::Try { solution, .. } = &part.task {
                links.push(solution);
            }
            for link in links {
                assert!(apic_core::link::decode(link).is_ok(), "{}: {}", lesson.name, part.title);
            }
        }
    }
}

#[test]
fn the_inventory_asks_twice_about_each_of_ten_beliefs() {
    let (_, text) = shipped().into_iter().find(|(file, _)| file == "inventory.toml").expect("the inventory");
    let inventory = inventory::read("inventory.toml", &text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(inventory.questions.len(), 20);
    let beliefs = inventory.beliefs();
    assert_eq!(beliefs.len(), 10);
    assert!(beliefs.values().all(|count| *count == 2), "{beliefs:?}");
    // Whoever always ticks the same place is not right.
    for place in 0..3 {
        let right = inventory.questions.iter().filter(|question| question.right == place).count();
        assert!(right < 15, "place {place} is right {right} times");
    }
}

#[test]
fn the_quiz_has_every_question_with_its_answer_once() {
    let (_, text) = shipped().into_iter().find(|(file, _)| file == "inventory.toml").expect("the inventory");
    let inventory = inventory::read("inventory.toml", &text).expect("it holds");
    let quiz: toml::Table = inventory.quiz().parse().expect("TOML");
    let questions = quiz["questions"].as_array().expect("a list");
    assert_eq!(questions.len(), inventory.questions.len());
    for (question, written) in inventory.questions.iter().zip(questions) {
        assert_eq!(written["type"].as_str(), Some("MultipleChoice"));
        let answer = written["answer"]["answer"].as_str();
        assert_eq!(answer, Some(question.choices[question.right].says.as_str()));
        let distractors = written["prompt"]["distractors"].as_array().expect("a list");
        assert_eq!(distractors.len() + 1, question.choices.len());
        assert!(!distractors.iter().any(|wrong| wrong.as_str() == answer));
    }
}

/// A lesson that is right, to break.
const RIGHT: &str = r#"
title = "Title"
about = "About."
minutes = 5

[[part]]
title = "Predict"
text = "Text."
run = { preset = "pinned-vs-offloaded" }

[part.predict]
ask = "Ask?"
hold = "posted C7"
reveal = "posted C8"
explain = "Because."
truth = [{ figure = "exits-firing", path = "posted", is = 0 }]
choice = [{ says = "Yes", because = "It is.", right = true }, { says = "No", because = "It is not." }]

[[part]]
title = "Try"
text = "Text."
run = { preset = "idle-housekeeper" }

[part.try]
ask = "Do."
hint = "How."
goal = [{ figure = "exits-firing", path = "posted", is = 0 }]
solution.host.housekeepers = [{ cpu = 0, load = "busy", tick_phase_us = 400 }]
"#;

fn wrong(file: &str, text: &str) -> LessonError {
    read(file, text).expect_err("it is wrong")
}

#[test]
fn the_lesson_to_break_is_right() {
    let lesson = read("folder/03-name.toml", RIGHT).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((lesson.number, lesson.name.as_str()), (3, "name"));
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_what_would_be_valid() {
    let check = |from: &str, to: &str, line: usize, key: &str, valid: &str| {
        assert!(RIGHT.contains(from), "{from}");
        let LessonError(all) = wrong("03-name.toml", &RIGHT.replacen(from, to, 1));
        let told = &all[0];
        assert_eq!((told.line, told.key.as_str()), (line, key), "{told}");
        assert!(told.what.contains(valid), "{told}");
        assert!(told.to_string().starts_with(&format!("03-name.toml:{line}: {key}: ")), "{told}");
    };
    check("title = \"Title\"", "title = \"\"", 1, "title", "a few words");
    check("minutes = 5", "minutes = 90", 1, "minutes", "1 to 60");
    check("minutes = 5", "minuets = 5", 4, "the document", "expected one of `title`");
    check("minutes = 5", "minutes = 5 5", 4, "the document", "");
    check("preset = \"pinned-vs-offloaded\"", "preset = \"nothing\"", 6, "part[0].run.preset", "pinned-vs-offloaded");
    check(
        "}\n\n[part.predict]",
        ", change.vm.era = \"4.2\" }\n\n[part.predict]",
        6,
        "part[0].run.change",
        "unknown variant",
    );
    check("\"posted C7\"", "\"offloaded C7\"", 6, "part[0].predict.hold", "begins with a path: pinned");
    check("\"posted C7\"", "\"avic F1\"", 6, "part[0].predict.hold", "it has pinned, posted");
    check("\"posted C7\"", "\"posted Hv2\"", 6, "part[0].predict.hold", "takes no such step");
    check("\"posted C7\"", "\"posted C9\"", 6, "part[0].predict.reveal", "the answer would be seen");
    check(
        "path = \"posted\", is = 0",
        "path = \"posted\", is = 1",
        6,
        "part[0].predict.truth[0]",
        "in the model it is 0",
    );
    check("path = \"posted\", is = 0", "path = \"posted\", is = 0.5", 6, "part[0].predict.truth[0]", "\"3/2\"");
    check(
        "path = \"posted\", is = 0",
        "path = \"posted\"",
        6,
        "part[0].predict.truth[0]",
        "exactly one of is, at_most and at_least",
    );
    check(
        "truth = [{ figure = \"exits-firing\", path = \"posted\", is = 0 }]",
        "",
        6,
        "part[0].predict.truth",
        "what in the run",
    );
    check(
        "[{ figure = \"exits-firing\", path = \"posted\", is = 0 }]\nch",
        "[{ step = \"posted C9\", core = 2 }]\nch",
        6,
        "part[0].predict.truth[0]",
        "in the model it is core 0",
    );
    check(
        "[{ figure = \"exits-firing\", path = \"posted\", is = 0 }]\nch",
        "[{ never = \"posted C9\" }]\nch",
        6,
        "part[0].predict.truth[0]",
        "in the model it does",
    );
    check(", right = true", "", 6, "part[0].predict.choice", "one of two or more");
    check("ask = \"Ask?\"", "ask = \" \"", 6, "part[0].predict.ask", "some words");
    check("explain = \"Because.\"", "explain = \"[x](file:///x)\"", 6, "part[0].predict.explain", "https://…");
    check("busy\", tick_phase_us = 400", "idle\"", 19, "part[1].try.goal", "the solution does not reach it: 4");
    check("busy\"", "lazy\"", 19, "part[1].try.solution", "unknown variant");
    check(
        "preset = \"idle-housekeeper\"",
        "preset = \"pinned-vs-offloaded\"",
        19,
        "part[1].try.goal",
        "before anything is changed",
    );
    check(
        "[part.try]\nask = \"Do.\"\nhint = \"How.\"\ngoal",
        "[[part.watch]]\nat = \"posted A1\"\nsays = \"x\"\n[part.other]\ngoal",
        27,
        "the document",
        "unknown field",
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let text = RIGHT.replacen("posted C7", "posted Hv2", 1).replacen("minutes = 5", "minutes = 0", 1);
    let LessonError(all) = wrong("name.toml", &text);
    let keys: Vec<_> = all.iter().map(|wrong| wrong.key.as_str()).collect();
    assert_eq!(keys, ["the file's name", "minutes", "part[0].predict.hold"]);
}

#[test]
fn a_lesson_without_a_question_or_a_problem_is_none() {
    let second = RIGHT.rfind("[[part]]").expect("two parts");
    let first = RIGHT.find("[[part]]").expect("a part");
    let LessonError(all) = wrong("03-name.toml", &RIGHT[..second]);
    assert!(all[0].what.contains("a try"), "{}", all[0]);
    let LessonError(all) = wrong("03-name.toml", &[&RIGHT[..first], &RIGHT[second..]].concat());
    assert!(all[0].what.contains("a predict"), "{}", all[0]);
}
