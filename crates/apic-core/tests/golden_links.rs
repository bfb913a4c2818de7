//! Links as earlier versions wrote them: each still leads to its preset and its position.

use apic_core::link::decode;
use apic_core::scenario::{PRESETS, preset};

const GOLDEN: &str = include_str!("golden_links.tsv");

fn lines() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    GOLDEN.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut parts = line.split('\t');
        let mut next = || parts.next().expect("three parts");
        (next(), next(), next())
    })
}

#[test]
fn every_golden_link_leads_where_it_led() {
    for (text, name, position) in lines() {
        let link = decode(text).expect(text);
        assert_eq!(link.preset.as_deref(), Some(name), "{text}");
        assert_eq!(link.position, position.parse().ok(), "{text}");
        assert_eq!(link.scenario, preset(name).expect("ships"), "{text}");
    }
}

#[test]
fn every_preset_has_golden_links() {
    for known in PRESETS {
        assert_eq!(lines().filter(|(_, name, _)| *name == known.name).count(), 3, "{}", known.name);
    }
}
