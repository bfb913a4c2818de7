//! What a host page or a test asks of the model.
//!
//! Every function takes a fragment as it stands in the address bar: a preset's name, or `v1.…`.

use apic_core::link;
use apic_core::run::{History, Ledger};
use apic_core::scenario::{PathKind, Scenario};
use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

/// Version of the model, for host pages that have to tell builds apart.
#[wasm_bindgen]
pub fn model_version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// Every step of one path, one JSON object per line, as `exitless run --events` prints them.
///
/// # Errors
/// What is wrong with the fragment or the path's name, and what would be valid.
#[wasm_bindgen]
pub fn events(preset_or_link: &str, path: &str) -> Result<String, JsError> {
    event_lines(preset_or_link, path).map_err(|message| JsError::new(&message))
}

/// The ledger of one path at the end of its run, as a JSON object.
///
/// # Errors
/// What is wrong with the fragment or the path's name, and what would be valid.
#[wasm_bindgen]
pub fn ledger(preset_or_link: &str, path: &str) -> Result<String, JsError> {
    final_ledger(preset_or_link, path)
        .and_then(|ledger| serde_json::to_string(&ledger).map_err(|e| e.to_string()))
        .map_err(|message| JsError::new(&message))
}

/// [`events`] without JavaScript.
///
/// # Errors
/// As [`events`].
pub fn event_lines(preset_or_link: &str, path: &str) -> Result<String, String> {
    let (scenario, path) = asked(preset_or_link, path)?;
    let history = History::new(&scenario, path);
    let mut lines = String::new();
    for record in history.records(0..history.len()) {
        lines.push_str(&scene::event_line(&record, &scenario, path.name()));
        lines.push('\n');
    }
    Ok(lines)
}

/// [`ledger`] without JavaScript.
///
/// # Errors
/// As [`ledger`].
pub fn final_ledger(preset_or_link: &str, path: &str) -> Result<Ledger, String> {
    let (scenario, path) = asked(preset_or_link, path)?;
    let mut history = History::new(&scenario, path);
    history.seek(history.len());
    Ok(history.ledger().clone())
}

pub(crate) fn path_named(path: &str) -> Result<PathKind, String> {
    PathKind::from_name(path).ok_or_else(|| {
        let names: Vec<_> = PathKind::ALL.iter().map(|p| p.name()).collect();
        format!("no path is called \"{path}\"; there are: {}", names.join(", "))
    })
}

pub(crate) fn asked(preset_or_link: &str, path: &str) -> Result<(Scenario, PathKind), String> {
    let path = path_named(path)?;
    let link = link::decode(preset_or_link).map_err(|e| e.to_string())?;
    Ok((link.scenario, path))
}

#[cfg(test)]
mod tests {
    use super::{event_lines, final_ledger, model_version};
    use apic_core::scenario::{PRESETS, PathKind};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn every_preset_has_events_on_every_path() {
        for preset in PRESETS {
            for path in PathKind::ALL {
                let lines = event_lines(preset.name, path.name()).expect("a preset that ships");
                assert!(lines.lines().count() > 10, "{} {}", preset.name, path.name());
                assert!(lines.lines().all(|line| line.starts_with('{') && line.ends_with('}')));
            }
        }
    }

    #[test]
    fn offloading_moves_the_firing_exits_and_keeps_the_arming_ones() {
        let pinned = final_ledger("pinned-vs-offloaded", "pinned").expect("valid");
        let posted = final_ledger("pinned-vs-offloaded", "posted").expect("valid");
        assert!(pinned.exits_firing > 0 && posted.exits_firing == 0);
        assert!(pinned.exits_arming > 0 && posted.exits_arming > 0);
        assert!(posted.housekeeper_time > pinned.housekeeper_time);
    }

    #[test]
    fn wrong_names_are_answered_with_the_right_ones() {
        let path = event_lines("pinned-vs-offloaded", "teleport").expect_err("there is none");
        assert!(path.contains("pinned, posted"), "{path}");
        let preset = event_lines("nope", "pinned").expect_err("there is none");
        assert!(preset.contains("idle-housekeeper"), "{preset}");
    }

    #[test]
    fn the_version_is_the_workspaces() {
        assert_eq!(model_version(), env!("CARGO_PKG_VERSION"));
    }
}
