//! `static/glossary/rules.json` is what the page tells of a rule, fetched when somebody asks. It says what the rules say.
//!
//! `EXITLESS_WRITE=1` writes it anew; without that, a difference fails.

use apic_core::rule::Rule;
use std::fmt::Write as _;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../static/glossary/rules.json");

#[test]
fn the_page_tells_of_each_rule_what_the_model_does() {
    let mut now = String::from("[\n");
    for (i, rule) in Rule::ALL.iter().enumerate() {
        let (info, words) = (rule.info(), rule.words());
        let entry =
            serde_json::json!({ "name": info.id, "also": info.title, "what": words.what, "source": words.source });
        let _ = write!(now, "{}  {entry}", if i == 0 { "" } else { ",\n" });
    }
    now.push_str("\n]\n");
    if std::env::var_os("EXITLESS_WRITE").is_some() {
        std::fs::write(FILE, &now).expect("the folder is there");
    }
    let was = std::fs::read_to_string(FILE).unwrap_or_default();
    let line = was.lines().zip(now.lines()).take_while(|(was, now)| was == now).count() + 1;
    assert!(
        was == now,
        "static/glossary/rules.json is stale (line {line}): EXITLESS_WRITE=1 cargo test -p exitless-tests --test rule_words"
    );
}
