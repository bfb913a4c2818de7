//! `exitless lesson`.

use super::run;
use std::process::Output;

fn stdout(done: &Output) -> String {
    String::from_utf8_lossy(&done.stdout).into_owned()
}

fn stderr(done: &Output) -> String {
    String::from_utf8_lossy(&done.stderr).into_owned()
}

fn shipped(name: &str) -> String {
    format!("{}/../../static/lessons/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_lesson_is_told_with_the_models_answers() {
    let done = run(&["lesson", "check", &shipped("01-one-tick-pinned.toml"), &shipped("inventory.toml")], b"");
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let told = stdout(&done);
    assert!(told.contains("How many exits?: predict: 2 exits for each tick"), "{told}");
    assert!(told.contains("20 questions on 10 beliefs"), "{told}");
}

#[test]
fn lessons_that_are_wrong_are_told_file_by_file() {
    let folder = std::env::temp_dir().join(format!("exitless-lessons-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let text = std::fs::read_to_string(shipped("01-one-tick-pinned.toml")).expect("a lesson");
    let (one, two) = (folder.join("01-one.toml"), folder.join("02-two.toml"));
    std::fs::write(&one, text.replace("pinned R0", "pinned R5")).expect("written");
    std::fs::write(&two, "title = 5").expect("written");
    let done = run(&["lesson", "check", &one.display().to_string(), &two.display().to_string()], b"");
    std::fs::remove_dir_all(&folder).expect("removed");
    assert_eq!(done.status.code(), Some(2));
    let told = stderr(&done);
    assert!(told.contains("01-one.toml:6: part[0].watch[1].at: “pinned R5”: the run takes no such step"), "{told}");
    assert!(told.contains("02-two.toml:1: the document: "), "{told}");
    assert_eq!(stdout(&done), "");
}

#[test]
fn lessons_and_the_quiz_are_data() {
    let done = run(&["lesson", "check", "--json", &shipped("03-the-first-posted-timer.toml")], b"");
    let lessons: serde_json::Value = serde_json::from_str(&stdout(&done)).expect("JSON");
    assert_eq!(lessons[0]["name"], "the-first-posted-timer");
    assert_eq!(lessons[0]["parts"][1]["task"]["Predict"]["answer"]["Cell"]["right"], 0xec);
    let done = run(&["lesson", "quiz", &shipped("inventory.toml")], b"");
    assert_eq!(stdout(&done).matches("[[questions]]").count(), 20);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let done = run(&["lesson", "check", "no-such-lesson.toml"], b"");
    assert_eq!(done.status.code(), Some(2));
    assert!(stderr(&done).contains("no-such-lesson.toml"));
}

#[test]
fn lessons_are_packed_for_the_page() {
    let folder = std::env::temp_dir().join(format!("exitless-packed-{}", std::process::id()));
    let out = folder.display().to_string();
    let (one, two) = (shipped("01-one-tick-pinned.toml"), shipped("00-the-parts.toml"));
    let done = run(&["lesson", "pack", "-o", &out, &one, &two, &shipped("inventory.toml")], b"");
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let read = |name: &str| std::fs::read(folder.join(name)).expect(name);
    let contents = lesson::packed::unpack_contents(&read("contents.bin")).expect("contents");
    let names: Vec<_> = contents.iter().map(|heading| heading.name.as_str()).collect();
    assert_eq!(names, ["the-parts", "one-tick-pinned"]);
    let lesson = lesson::packed::unpack(&read("one-tick-pinned.bin")).expect("a lesson");
    assert_eq!(lesson.title, "One tick, pinned");
    std::fs::remove_dir_all(&folder).expect("removed");
}
