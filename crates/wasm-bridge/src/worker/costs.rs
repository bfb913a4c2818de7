//! Questions about costs: which conclusion flips at which cost, and costs fitted to a table of `perf kvm stat`.

use super::picture::Table;
use apic_core::scenario::OwnCosts;
use serde::{Deserialize, Serialize};

/// Asks which conclusion flips at which cost. What it finds is seen in a picture.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sensitivity {
    /// What is run and compared, as it stands in the address.
    pub link: String,
}

/// Asks for costs fitted to a table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Calibrate {
    /// What is run and compared, as it stands in the address.
    pub link: String,
    /// What `perf kvm stat report` printed.
    pub table: String,
    /// Where it is from, in words.
    pub name: String,
}

/// Costs fitted to a table.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Calibrated {
    /// To be put into the scenario.
    pub own: OwnCosts,
    /// What became of each row.
    pub table: Table,
}
