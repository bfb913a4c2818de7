//! AMD Zen 2 to 5: no cost of an exit, an entry or a doorbell in cycles or nanoseconds can be cited.

use super::{CostSet, SKYLAKE, gaps};

/// AMD Zen: a gap.
pub const ZEN: CostSet = CostSet {
    name: "zen",
    about: "AMD Zen 2 to 5: no cost of a step has a source, so Skylake's stands in for each",
    costs: &gaps(&SKYLAKE),
};
