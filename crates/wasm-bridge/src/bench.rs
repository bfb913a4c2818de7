//! For tests and benchmarks: the bench of one command per line, and runs that keep nothing.

use crate::api::{asked, path_named};
use apic_core::bench::{Bench, World as _, script};
use apic_core::run::Sim;
use apic_core::scenario::crowd;
use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

/// Answers to a script for the bench, one per line, as `exitless apic` prints them.
///
/// # Errors
/// The line that cannot be read or obeyed, and what would be valid.
#[wasm_bindgen]
pub fn answers(script: &str) -> Result<String, JsError> {
    script_answers(script).map_err(|message| JsError::new(&message))
}

/// [`answers`] without JavaScript.
///
/// # Errors
/// As [`answers`].
pub fn script_answers(text: &str) -> Result<String, String> {
    let mut bench = Bench::new();
    let mut lines = String::new();
    for (line, command) in script::read(text).map_err(|e| e.to_string())? {
        let outcome = bench.obey(command).map_err(|e| format!("line {line}: {e}"))?;
        if let Some(answer) = outcome.answer() {
            lines.push_str(&answer.to_string());
            lines.push('\n');
        }
    }
    Ok(lines)
}

/// One path that runs and records nothing: for benchmarks.
#[wasm_bindgen]
#[derive(Debug)]
pub struct SilentRun(Sim);

#[wasm_bindgen]
impl SilentRun {
    /// At time zero.
    ///
    /// # Errors
    /// What is wrong with the fragment or the path's name, and what would be valid.
    #[wasm_bindgen(constructor)]
    pub fn new(preset_or_link: &str, path: &str) -> Result<Self, JsError> {
        asked(preset_or_link, path)
            .map(|(scenario, path)| Self(Sim::new(&scenario, path)))
            .map_err(|message| JsError::new(&message))
    }

    /// At time zero, with so many vCPUs instead.
    ///
    /// # Errors
    /// What is wrong with the path's name, and what would be valid.
    pub fn crowd(vcpus: u16, path: &str) -> Result<Self, JsError> {
        let scenario = crowd(vcpus).map_err(|e| JsError::new(&e.to_string()))?;
        path_named(path).map(|path| Self(Sim::new(&scenario, path))).map_err(|message| JsError::new(&message))
    }

    /// Goes on until so many more handlers have started; returns the steps it took.
    pub fn run_on(&mut self, ticks: u32) -> u32 {
        self.0.run_on_silently(ticks)
    }
}

#[cfg(test)]
mod tests {
    use super::script_answers;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_script_is_answered_or_its_line_is_named() {
        assert_eq!(script_answers("write TMICT 7\nread TMICT\nipis").as_deref(), Ok("TMICT 0x7\nipis 0\n"));
        let error = script_answers("ipis\nrestore").expect_err("nothing was saved");
        assert!(error.starts_with("line 2: "), "{error}");
        let error = script_answers("ipis\njump").expect_err("no such command");
        assert!(error.starts_with("line 2: "), "{error}");
    }
}
