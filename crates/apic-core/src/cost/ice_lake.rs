//! Ice Lake server: one relative figure is published, and it divides into no step.

use super::{CostSet, SKYLAKE, gaps};

/// Ice Lake server: a gap.
pub const ICE_LAKE: CostSet = CostSet {
    name: "ice-lake",
    about: "Ice Lake server: no cost of a step has a source, so Skylake's stands in for each",
    costs: &gaps(&SKYLAKE),
};
