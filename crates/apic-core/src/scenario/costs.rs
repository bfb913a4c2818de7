//! What a scenario's choice of costs comes to.

use super::schema::CostChoice;
use crate::cost::{self, Prices};

impl CostChoice {
    /// Prices for the clock; validation keeps the set's name to one there is.
    pub fn prices(&self) -> Prices {
        Prices::of_set(cost::set(&self.set).unwrap_or(&cost::SKYLAKE))
    }
}
