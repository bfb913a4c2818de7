//! The glossary: what the registers, fields and terms of the page are, and where that is written.
//!
//! It is data, fetched when somebody first asks for a definition: `static/glossary/terms.json`, and `rules.json` with the
//! words of each rule that a step can follow. `data-glossary` of `#app` names the files.

use std::rc::Rc;
use yew::AttrValue;

/// The columns that are read of each entry.
pub(crate) const COLUMNS: [&str; 4] = ["name", "also", "what", "source"];

/// One definition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    /// The term, as the kernel or the manual spells it.
    pub(crate) name: AttrValue,
    /// Other words for it, and words under which it is looked for.
    pub(crate) also: AttrValue,
    /// What it is: one to three sentences.
    pub(crate) what: AttrValue,
    /// Where that is written.
    pub(crate) source: AttrValue,
}

/// All definitions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum Glossary {
    /// Nobody has asked yet.
    #[default]
    Unread,
    /// Asked for.
    Coming,
    /// It could not be loaded.
    Missing,
    /// By name.
    Read(Rc<[Entry]>),
}

impl Glossary {
    /// From the rows of the file.
    pub(crate) fn of(rows: Option<Vec<[String; COLUMNS.len()]>>) -> Self {
        let Some(rows) = rows else { return Self::Missing };
        let entry = |[name, also, what, source]: [String; COLUMNS.len()]| Entry {
            name: name.into(),
            also: also.into(),
            what: what.into(),
            source: source.into(),
        };
        Self::Read(rows.into_iter().map(entry).collect())
    }

    fn entries(&self) -> &[Entry] {
        if let Self::Read(entries) = self { entries } else { &[] }
    }

    /// The definition of a term.
    pub(crate) fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries().iter().find(|e| e.name == name)
    }

    /// The entries with all of these words, whatever their case: those with them in the name or beside it first.
    pub(crate) fn search(&self, words: &str) -> Vec<&Entry> {
        let words: Vec<String> = words.split_ascii_whitespace().map(str::to_ascii_lowercase).collect();
        let has = |text: &str| {
            let text = text.to_ascii_lowercase();
            words.iter().all(|word| text.contains(word.as_str()))
        };
        let named = |e: &Entry| has(&e.name) || has(&e.also);
        let told = |e: &Entry| has(&[&*e.name, &*e.also, &*e.what].join(" "));
        let entries = self.entries().iter();
        let first = entries.clone().filter(|e| named(e));
        first.chain(entries.filter(|e| !named(e) && told(e))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{facts, figures, terms};
    use std::collections::BTreeSet;

    fn shipped() -> Glossary {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../static/glossary/terms.json");
        let text = std::fs::read_to_string(path).expect("it ships");
        let rows: Vec<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(&text).expect("JSON");
        let row = |row: serde_json::Map<String, serde_json::Value>| {
            assert_eq!(row.len(), COLUMNS.len(), "{row:?}");
            COLUMNS.map(|column| row[column].as_str().expect("text").to_owned())
        };
        Glossary::of(Some(rows.into_iter().map(row).collect()))
    }

    #[test]
    fn every_entry_says_what_it_is_and_where_that_is_written() {
        let glossary = shipped();
        let mut names = BTreeSet::new();
        for Entry { name, what, source, .. } in glossary.entries() {
            assert!(names.insert(name.to_string()), "{name} twice");
            assert!(what.ends_with('.') && what.chars().count() <= 320, "{name}: {what}");
            assert!(!what.contains("  ") && !what.contains("simply") && !what.contains("just "), "{name}: {what}");
            let known = ["Intel", "AMD", "Linux", "commit", "kvm", "kernel/", "include/", "arch/", "Exitless"];
            assert!(known.iter().any(|k| source.contains(k)), "{name}: {source}");
        }
        let in_order: Vec<String> = glossary.entries().iter().map(|e| e.name.to_lowercase()).collect();
        assert!(in_order.is_sorted(), "{in_order:?}");
    }

    #[test]
    fn every_term_of_the_page_has_an_entry() {
        let glossary = shipped();
        let fields = [facts::DESCRIPTOR, facts::AVIC, facts::TIMER].into_iter().flatten().flat_map(|g| g.fields);
        let terms = fields.map(|f| f.name).chain(figures::labels()).chain(terms::all());
        let missing: Vec<&str> = terms.filter(|name| glossary.entry(name).is_none()).collect();
        assert_eq!(missing, Vec::<&str>::new());
    }

    #[track_caller]
    fn finds(words: &str, expect: &[&str]) {
        let glossary = shipped();
        let found: Vec<&str> = glossary.search(words).iter().map(|e| e.name.as_str()).collect();
        assert_eq!(found.iter().copied().take(expect.len()).collect::<Vec<_>>(), expect, "{found:?}");
    }

    #[test]
    fn names_are_found_before_mentions() {
        finds("outstanding", &["ON"]);
        finds("MSR 0x6e0", &["IA32_TSC_DEADLINE"]);
        finds("suppress NOTIFICATION", &["SN"]);
        assert!(shipped().search("zzz").is_empty());
        assert_eq!(shipped().search("").len(), shipped().entries().len());
        assert!(Glossary::Missing.search("ON").is_empty());
    }
}
