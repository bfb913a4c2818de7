//! The scenarios that ship with Exitless: `static/presets/`.

use super::{Scenario, ScenarioError};

/// A scenario with a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Preset {
    /// Name in links and on the command line.
    pub name: &'static str,
    /// The document, as `build.rs` has read it.
    bytes: &'static [u8],
}

macro_rules! presets {
    ($($name:literal),* $(,)?) => {
        &[$(Preset {
            name: $name,
            bytes: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".bin")),
        },)*]
    };
}

/// All presets, in the order they are offered.
pub const PRESETS: &[Preset] = presets![
    "pinned-vs-offloaded",
    "idle-housekeeper",
    "two-vcpus-one-housekeeper",
    "seed-2019",
    "recorded-arms",
    "preemption-timer",
    "offload-without-posting",
    "blocked-vcpu",
    "amd-avic",
    "apic-timer-virtualization",
    "userspace-irqchip",
    "redis-skylake-2019",
    "device-and-preemption",
    "device-wakes-vcpu",
    "two-posts-one-notification",
];

impl Preset {
    /// Reads it.
    ///
    /// # Errors
    /// None for a preset that ships: a test reads them all.
    pub fn scenario(&self) -> Result<Scenario, ScenarioError> {
        Scenario::from_bytes(self.bytes)
    }
}

/// The preset with this name.
///
/// # Errors
/// [`ScenarioError::NoPreset`], with the names there are.
pub fn preset(name: &str) -> Result<Scenario, ScenarioError> {
    let found = PRESETS.iter().find(|p| p.name == name).ok_or_else(|| ScenarioError::NoPreset {
        name: name.to_owned(),
        valid: PRESETS.iter().map(|p| p.name).collect::<Vec<_>>().join(", "),
    })?;
    found.scenario()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_reads_and_asks_a_question() {
        for p in PRESETS {
            let s = p.scenario().unwrap_or_else(|e| panic!("{}: {e}", p.name));
            assert!(s.meta.question.ends_with('?'), "{}", p.name);
            assert!(!s.meta.sources.is_empty(), "{}", p.name);
        }
    }

    #[cfg(feature = "text")]
    #[test]
    fn a_preset_is_what_its_document_says() {
        for p in PRESETS {
            let path = format!("{}/../../static/presets/{}.toml", env!("CARGO_MANIFEST_DIR"), p.name);
            let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
            assert_eq!(p.scenario(), Scenario::from_toml(&text), "{}", p.name);
        }
    }

    #[test]
    fn an_unknown_preset_names_the_known_ones() {
        let e = preset("nope").expect_err("there is none");
        assert!(e.to_string().contains("idle-housekeeper"), "{e}");
    }
}
