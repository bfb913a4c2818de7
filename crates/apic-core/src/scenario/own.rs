//! Costs of one's own, in place of a set's: shape, and what makes them valid.

use super::error::ScenarioError as E;
use super::schema::{CostChoice, OwnCosts};
use crate::cost::{self, CostSet, Prices};

/// Longest cost: a second.
const MOST_NS: u32 = 1_000_000_000;

impl CostChoice {
    /// The set; validation keeps its name to one there is.
    pub fn set(&self) -> &'static CostSet {
        cost::set(&self.set).unwrap_or(&cost::SKYLAKE)
    }

    /// Prices for the clock: the set's, with one's own in their place.
    pub fn prices(&self) -> Prices {
        let mut prices = Prices::of_set(self.set());
        for own in self.own.iter().flat_map(|own| &own.costs) {
            prices.replace(own.kind, own.min_ns, own.max_ns, own.tail);
        }
        prices
    }

    pub(super) fn validate(&self) -> Result<(), E> {
        if cost::set(&self.set).is_none() {
            let names: Vec<_> = cost::SETS.iter().map(|s| s.name).collect();
            return Err(E::value("costs.set", format!("there is no cost set \"{}\"", self.set), names.join(", ")));
        }
        self.own.as_ref().map_or(Ok(()), validate_own)
    }
}

fn validate_own(own: &OwnCosts) -> Result<(), E> {
    if own.source.trim().is_empty() {
        return Err(E::value("costs.own.source", "it says nothing", "where the costs come from, in words"));
    }
    for (i, cost) in own.costs.iter().enumerate() {
        let at = |key: &str| format!("costs.own.costs[{i}].{key}");
        if own.costs[..i].iter().any(|other| other.kind == cost.kind) {
            return Err(E::value(at("kind"), format!("\"{}\" is listed twice", cost.kind.what()), "each kind once"));
        }
        let between = |key: &str, value: u32, least: u32, most: u32| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            Err(E::value(at(key), format!("{value} is out of range"), format!("{least} to {most}")))
        };
        between("max_ns", cost.max_ns, 0, MOST_NS)?;
        between("min_ns", cost.min_ns, 0, cost.max_ns)?;
        if let Some(tail) = cost.tail {
            between("tail.max_ns", tail.max_ns, cost.max_ns + 1, MOST_NS + 1)?;
            between("tail.one_in", tail.one_in, 2, u32::MAX)?;
        }
    }
    Ok(())
}
