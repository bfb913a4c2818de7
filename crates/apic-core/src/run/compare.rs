//! What is compared with what, and what counts as the same moment of each.

use super::{History, Marks};
use crate::kvm::Era;
use crate::rule::Rule;
use crate::run::MAX_PATHS;
use crate::scenario::{PathKind, Scenario, ScenarioError};
use std::sync::Arc;

/// A path as it is compared: of the scenario or of the kept one, in its era or in another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Way {
    /// The path.
    pub path: PathKind,
    /// The kernel whose rules hold; `None` is the scenario's own.
    pub era: Option<Era>,
    /// Of the scenario that was kept ([`Compare::kept`]).
    pub kept: bool,
}

impl Way {
    /// The path in the scenario's own era.
    pub const fn of(path: PathKind) -> Self {
        Self { path, era: None, kept: false }
    }

    /// Name in data: `posted`, `posted@5.3`, `posted@kept`, or `posted@kept@5.3`.
    pub fn key(self) -> String {
        self.with_era([self.path.name(), if self.kept { "@kept" } else { "" }], "@")
    }

    /// Heading: "Offloaded", "Offloaded, era 5.3", "Offloaded, as kept", or "Offloaded, as kept, era 5.3".
    pub fn title(self) -> String {
        self.with_era([self.path.title(), if self.kept { ", as kept" } else { "" }], ", era ")
    }

    fn with_era(self, [name, of]: [&str; 2], between: &str) -> String {
        let (between, era) = self.era.map_or(("", ""), |era| (between, era.name()));
        [name, of, between, era].concat()
    }

    /// What runs: the scenario in this era.
    pub(super) fn scenario(self, scenario: &Scenario) -> Scenario {
        let mut scenario = scenario.clone();
        scenario.vm.era = self.era.unwrap_or(scenario.vm.era);
        scenario
    }

    /// Whether a scenario can be run this way.
    ///
    /// # Errors
    /// What stands in the way, and what would be valid.
    pub fn allowed_by(self, scenario: &Scenario) -> Result<(), ScenarioError> {
        self.scenario(scenario).allows(self.path)
    }
}

/// Which moments of the paths are one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Align {
    /// Those of the same time since the start.
    #[default]
    Time,
    /// Those of the same time before or after the timer's expiry, tick by tick.
    Expiry,
    /// The n-th step of a tick on every path.
    Step,
}

impl Align {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Time, Self::Expiry, Self::Step];
}

/// What is compared, and how, where it is not the scenario's paths by time.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Compare {
    /// In this order. None at all are the scenario's own paths in its own era.
    pub ways: Vec<Way>,
    /// What counts as one moment.
    pub align: Align,
    /// A second scenario, of which ways may be.
    pub kept: Option<Arc<Scenario>>,
}

impl Compare {
    /// What is compared for a scenario.
    pub fn ways(&self, scenario: &Scenario) -> Vec<Way> {
        if self.ways.is_empty() { scenario.run.paths.iter().copied().map(Way::of).collect() } else { self.ways.clone() }
    }

    /// The scenario that a way is of. Without a kept one, [`Compare::check`] has refused the way.
    pub fn scenario_of<'a>(&'a self, way: Way, scenario: &'a Scenario) -> &'a Scenario {
        self.kept.as_deref().filter(|_| way.kept).unwrap_or(scenario)
    }

    /// Whether a scenario can be compared like this.
    ///
    /// # Errors
    /// What stands in the way, and what would be valid.
    pub fn check(&self, scenario: &Scenario) -> Result<(), ScenarioError> {
        if self.ways.len() > MAX_PATHS {
            let problem = [&self.ways.len().to_string(), " are too many"].concat();
            return Err(ScenarioError::value("compare", problem, "at most 8 paths"));
        }
        for (i, way) in self.ways.iter().enumerate() {
            if self.ways[..i].contains(way) {
                let problem = ["\"", &way.title(), "\" is listed twice"].concat();
                return Err(ScenarioError::value("compare", problem, "another path, or another era of it"));
            }
            if way.kept && self.kept.is_none() {
                return Err(ScenarioError::value("compare", "no scenario is kept", "keep one, or a path of this one"));
            }
            way.allowed_by(self.scenario_of(*way, scenario))?;
        }
        Ok(())
    }
}

/// One path's ticks: the step that each begins with, and the time of its expiry.
#[derive(Clone, Debug)]
pub(super) struct Ticks {
    pub(super) starts: Vec<u32>,
    expiries: Vec<u64>,
    end: u32,
}

impl Ticks {
    /// A tick begins with an arming of vCPU 0; what comes before the first belongs to it.
    pub(super) fn of(history: &History) -> Self {
        let metas = history.metas();
        let mut ticks = Self { starts: Vec::new(), expiries: Vec::new(), end: metas.len() as u32 };
        let mut expired = true;
        for (i, meta) in metas.iter().enumerate() {
            if meta.vcpu.is_some_and(|v| v.index() != 0) {
                continue;
            }
            if meta.marks.has(Marks::ARMED) {
                let first = ticks.starts.is_empty();
                ticks.starts.push(if first { 0 } else { i as u32 });
                // Until one comes: a tick whose timer never expires is aligned by its arming.
                ticks.expiries.push(meta.at.as_ns());
                expired = false;
            } else if !expired && (meta.marks.has(Marks::EXPIRY) || is_expiry(meta.rule)) {
                expired = true;
                if let Some(expiry) = ticks.expiries.last_mut() {
                    *expiry = meta.at.as_ns();
                }
            }
        }
        ticks
    }

    pub(super) fn end_of(&self, tick: usize) -> u32 {
        self.starts.get(tick + 1).copied().unwrap_or(self.end)
    }

    pub(super) fn expiry(&self, tick: usize) -> Option<u64> {
        self.expiries.get(tick).copied()
    }

    /// The tick that a step belongs to.
    pub(super) fn tick_of(&self, step: u32) -> usize {
        self.starts.partition_point(|start| *start <= step).saturating_sub(1)
    }
}

/// Where no host timer says that a deadline has come.
const fn is_expiry(rule: Rule) -> bool {
    matches!(rule, Rule::A7 | Rule::Hv2 | Rule::V2 | Rule::U5)
}
