//! `exitless presets`.

use crate::error::Failure;
use apic_core::scenario::{Meta, PRESETS};
use serde::Serialize;
use std::io::Write;

#[derive(Serialize)]
struct Entry {
    name: &'static str,
    #[serde(flatten)]
    meta: Meta,
}

pub(crate) fn print(json: bool, out: &mut impl Write) -> Result<(), Failure> {
    let mut entries = Vec::new();
    for preset in PRESETS {
        let scenario = preset.scenario().map_err(Failure::scenario(preset.name))?;
        entries.push(Entry { name: preset.name, meta: scenario.meta });
    }
    if json {
        return crate::json::write(&entries, out);
    }
    let width = entries.iter().map(|e| e.name.len()).max().unwrap_or(0);
    for Entry { name, meta } in &entries {
        writeln!(out, "{name:width$}  {}", meta.question)?;
    }
    Ok(())
}
