//! What is run: a path of a preset, and crowds of vCPUs.

use apic_core::scenario::{PRESETS, PathKind, Scenario, ScenarioError, crowd, preset};
use std::fmt;

/// The preset that most cases take.
const USUAL: &str = "pinned-vs-offloaded";

/// What stands for a preset's name in a crowd.
const CROWD: &str = "crowd";

/// Numbers of vCPUs.
pub(crate) const SIZES: [u16; 4] = [1, 64, 1_024, 10_000];

/// One path of one scenario.
pub(crate) struct Case {
    pub(crate) path: PathKind,
    /// Whose the scenario is.
    pub(crate) preset: &'static str,
    pub(crate) scenario: Scenario,
}

impl Case {
    pub(crate) fn vcpus(&self) -> u16 {
        self.scenario.vcpus.len() as u16
    }

    /// How many vCPUs make the crowd, if it is one.
    pub(crate) fn crowd(&self) -> Option<u16> {
        (self.preset == CROWD).then(|| self.vcpus())
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} vCPUs, {}, {}", self.vcpus(), self.preset, self.path.name())
    }
}

/// Every path, in the usual scenario if that allows it, else in the first preset that does.
pub(crate) fn paths() -> Result<Vec<Case>, ScenarioError> {
    let usual = preset(USUAL)?;
    let mut cases = Vec::new();
    for path in PathKind::ALL {
        if usual.allows(*path).is_ok() {
            cases.push(Case { path: *path, preset: USUAL, scenario: usual.clone() });
            continue;
        }
        for preset in PRESETS {
            let scenario = preset.scenario()?;
            if scenario.allows(*path).is_ok() {
                cases.push(Case { path: *path, preset: preset.name, scenario });
                break;
            }
        }
    }
    Ok(cases)
}

/// So many vCPUs, on the two paths that the usual scenario compares.
pub(crate) fn crowds(vcpus: u16) -> Result<Vec<Case>, ScenarioError> {
    let scenario = crowd(vcpus)?;
    let case = |path| Case { path, preset: CROWD, scenario: scenario.clone() };
    Ok(vec![case(PathKind::Pinned), case(PathKind::Posted)])
}
