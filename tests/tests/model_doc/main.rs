//! `docs/model.md` is made from the code, and stays true to it.
//!
//! It lists every rule that a step can follow, with its source and the tests that name it. `EXITLESS_WRITE=1` writes it
//! anew; without that, a difference fails.

mod page;
mod pins;

use apic_core::rule::Rule;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn the_page_lists_what_the_code_has() {
    let expect = page::of(&pins::found(&root()));
    let path = root().join("docs/model.md");
    if std::env::var_os("EXITLESS_WRITE").is_some() {
        std::fs::write(&path, expect).expect("docs/ can be written");
        return;
    }
    let actual = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = actual.lines().zip(expect.lines()).position(|(a, b)| a != b);
    assert!(
        actual == expect,
        "docs/model.md is stale (first at line {}): EXITLESS_WRITE=1 cargo test -p exitless-tests --test model_doc",
        differs.unwrap_or(actual.lines().count().min(expect.lines().count())) + 1
    );
}

#[test]
fn every_rule_is_named_by_a_test() {
    let pins = pins::found(&root());
    let unpinned: Vec<_> = Rule::ALL.iter().map(|r| r.id()).filter(|id| !pins.contains_key(id)).collect();
    assert!(unpinned.is_empty(), "no test names {unpinned:?}");
}
