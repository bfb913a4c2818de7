//! Sapphire Rapids: the way of an IPI has an upper bound; all else is a gap.

use super::{Cost, CostKind, CostSet, KINDS, SKYLAKE, gaps};

const FLIGHT: &str = "no isolated figure exists; within 3645 cycles for an x2APIC IPI, sent, handled and acknowledged with IPI \
    virtualization, on an Intel processor that has it (not named; 2021-07-16 series)";

const COSTS: [Cost; KINDS] = {
    let mut costs = gaps(&SKYLAKE);
    let kind = CostKind::IpiFlight;
    costs[kind as usize] = Cost::assumed(kind, 200, 400, FLIGHT);
    costs
};

/// Sapphire Rapids: one assumption of its own, else a gap.
pub const SAPPHIRE_RAPIDS: CostSet = CostSet {
    name: "sapphire-rapids",
    about: "Sapphire Rapids: the IPI's way is assumed within a published round trip; Skylake's costs stand in for the rest",
    costs: &COSTS,
};
