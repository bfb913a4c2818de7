//! Which cores are drawn, in which order, and what they are called.

use super::Story;
use crate::words;
use apic_core::scenario::{Load, Scenario};
use apic_core::units::CpuId;

/// A core that is drawn.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Lane {
    pub(crate) cpu: CpuId,
    /// "core 3".
    pub(crate) name: String,
    /// "vCPU 0, isolated", "housekeeper".
    pub(crate) role: String,
    pub(crate) keeps_house: bool,
    pub(crate) hosts_guest: bool,
}

/// A row of the stage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Row {
    /// A lane.
    Lane(Lane),
    /// Cores on which nothing happens, in one line.
    Fold(String),
}

/// The rows of every stage of a page: the same for all paths of one placement, so that stages line up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Lanes(pub(crate) Vec<Row>);

impl Lanes {
    pub(crate) fn of(scenario: &Scenario, stories: &[&Story]) -> Self {
        let busy = |cpu| scenario.host.housekeepers.iter().any(|h| h.cpu == cpu && h.load != Load::Idle);
        let mut rows = Vec::new();
        let mut folded: Vec<CpuId> = Vec::new();
        for cpu in scenario.host.topology.iter() {
            let keeps_house = words::keeps_house(cpu, scenario);
            let vcpu = scenario.vcpus.iter().position(|v| v.cpu == cpu);
            let matters = vcpu.is_some() || busy(cpu) || stories.iter().any(|s| s.involves(cpu));
            if !matters {
                if folded.last().is_some_and(|last| words::keeps_house(*last, scenario) != keeps_house) {
                    rows.extend(fold(&mut folded, scenario));
                }
                folded.push(cpu);
                continue;
            }
            rows.extend(fold(&mut folded, scenario));
            let place = if keeps_house { "housekeeper" } else { "isolated" };
            let role = match vcpu {
                Some(i) => format!("vCPU {i}, {place}"),
                None if keeps_house => place.to_owned(),
                None => format!("{place}, empty"),
            };
            let name = words::core(cpu, scenario);
            rows.push(Row::Lane(Lane { cpu, name, role, keeps_house, hosts_guest: vcpu.is_some() }));
        }
        rows.extend(fold(&mut folded, scenario));
        Self(rows)
    }

    /// The lanes without the folds.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.0.iter().filter_map(|row| match row {
            Row::Lane(lane) => Some(lane),
            Row::Fold(_) => None,
        })
    }
}

/// "cores 1–2: isolated, empty".
fn fold(folded: &mut Vec<CpuId>, scenario: &Scenario) -> Option<Row> {
    let (first, last) = (*folded.first()?, *folded.last()?);
    let role = match (words::keeps_house(first, scenario), first == last) {
        (true, true) => "housekeeper, idle",
        (true, false) => "housekeepers, idle",
        (false, _) => "isolated, empty",
    };
    let noun = words::core(first, scenario);
    let text = if first == last {
        format!("{noun}: {role}")
    } else {
        let noun = noun.split(' ').next().unwrap_or_default();
        format!("{noun}s {first}–{last}: {role}")
    };
    folded.clear();
    Some(Row::Fold(text))
}
