//! Which tests name which rules, read from the sources of the tests.
//!
//! A test names a rule by its id, in a string or as `Rule::ID`; a constant that a test uses counts with what it holds.

use apic_core::rule::Rule;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Tests by the id of the rule that they name.
pub(crate) type Pins = BTreeMap<&'static str, BTreeSet<String>>;

/// Where the model is tested.
const FOLDERS: [&str; 4] = ["crates/apic-core/src", "crates/apic-core/tests", "crates/scene/tests", "tests/tests"];

pub(crate) fn found(root: &Path) -> Pins {
    let mut pins = Pins::new();
    for folder in FOLDERS {
        for file in sources(&root.join(folder)) {
            let text = std::fs::read_to_string(&file).expect("a source is text");
            let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            for (test, rule) in rules_by_test(&text) {
                pins.entry(rule.id()).or_default().insert(format!("{stem}::{test}"));
            }
        }
    }
    pins
}

/// Every Rust file below a folder, in order of path.
fn sources(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("model_doc") {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The rules that each test of a source names.
fn rules_by_test(text: &str) -> BTreeSet<(String, Rule)> {
    let mut constants: BTreeMap<String, BTreeSet<Rule>> = BTreeMap::new();
    let mut found = BTreeSet::new();
    let (mut item, mut is_test) = (Item::Nothing, false);
    for line in text.lines() {
        let code = line.split("//").next().unwrap_or_default();
        match code.trim() {
            "#[test]" => is_test = true,
            start if start.starts_with("const ") => item = Item::Constant(second_word(start)),
            start if start.starts_with("fn ") => {
                item = if is_test { Item::Test(second_word(start)) } else { Item::Nothing };
                is_test = false;
            }
            _ => {}
        }
        for word in code.split(|c: char| !c.is_alphanumeric() && c != '_') {
            match (&item, Rule::from_id(word)) {
                (Item::Test(name), Some(rule)) => {
                    found.insert((name.clone(), rule));
                }
                (Item::Test(name), None) => {
                    let held = constants.get(word).into_iter().flatten();
                    found.extend(held.map(|rule| (name.clone(), *rule)));
                }
                (Item::Constant(name), Some(rule)) => {
                    constants.entry(name.clone()).or_default().insert(rule);
                }
                _ => {}
            }
        }
        if line == "}" || (matches!(item, Item::Constant(_)) && code.trim_end().ends_with(';')) {
            item = Item::Nothing;
        }
    }
    found
}

/// What the line belongs to.
enum Item {
    Nothing,
    Constant(String),
    Test(String),
}

fn second_word(line: &str) -> String {
    let word = line.split_whitespace().nth(1).unwrap_or_default();
    word.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn a_test_names_what_it_says_and_what_its_constants_hold() {
    let text = "const ARM: &str = \"A1 A2\";\nfn helper() {\n    x(\"C3\");\n}\n#[test]\nfn a_tick() {\n    check(\"{ARM} R5\"); // C9\n    Rule::C8b;\n}\n";
    let of = |id| Rule::from_id(id).expect("a rule");
    let expect = ["A1", "A2", "C8b", "R5"].map(|id| ("a_tick".to_owned(), of(id)));
    let mut actual: Vec<_> = rules_by_test(text).into_iter().collect();
    actual.sort_by_key(|(_, rule)| rule.id());
    assert_eq!(actual, expect);
}
