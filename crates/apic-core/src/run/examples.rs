//! Distributions that remember where: for each of their buckets, the first value that fell into it and its moment.
//!
//! The buckets are those of [`super::Distribution`], so that a value is known to one part in 128; what is shown for a rank
//! is a value that really occurred, at a moment that can be gone to.

use super::distribution::bucket_of;
use crate::units::{Ns, VcpuId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A moment of one path's run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Occurrence {
    /// The step, from 0.
    pub step: u32,
    /// When.
    pub at: Ns,
    /// The vCPU it is about; the CPU's last one where it is about none.
    pub vcpu: VcpuId,
    /// Handlers started up to and with this step, over all vCPUs.
    pub handlers: u32,
}

/// A value and where it occurred.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Example {
    /// In nanoseconds; below zero is early.
    pub ns: i64,
    /// Where.
    pub at: Occurrence,
}

/// How some values are distributed, with an example of each.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Examples {
    count: u64,
    sum: i128,
    /// By bucket, in the values' order: how many, and the first.
    buckets: BTreeMap<i32, (u64, Example)>,
    least: Option<Example>,
    most: Option<Example>,
}

impl Examples {
    /// Adds a value.
    pub fn add(&mut self, ns: i64, at: Occurrence) {
        let example = Example { ns, at };
        self.count += 1;
        self.sum += i128::from(ns);
        if self.least.is_none_or(|least| ns < least.ns) {
            self.least = Some(example);
        }
        if self.most.is_none_or(|most| ns > most.ns) {
            self.most = Some(example);
        }
        // Some seven thousand buckets; those of values below zero in the opposite order.
        let bucket = (bucket_of(ns.unsigned_abs()) as u32).cast_signed();
        self.buckets.entry(if ns < 0 { -bucket } else { bucket }).or_insert((0, example)).0 += 1;
    }

    /// How many values.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// All of them together, ns; exact.
    pub fn sum(&self) -> i128 {
        self.sum
    }

    /// The least value; exact.
    pub fn least(&self) -> Option<Example> {
        self.least
    }

    /// The greatest value; exact.
    pub fn most(&self) -> Option<Example> {
        self.most
    }

    /// By nearest rank, the values that so many of `of` parts of all do not exceed, for each of the ascending `parts`: an
    /// example each from the right bucket. Nothing of no values.
    pub fn at(&self, parts: impl IntoIterator<Item = u64>, of: u64) -> Vec<Example> {
        let mut buckets = self.buckets.values();
        let (mut reached, mut here) = (0, None);
        let mut found = Vec::new();
        for part in parts {
            let rank = (u128::from(self.count) * u128::from(part)).div_ceil(u128::from(of)) as u64;
            let rank = rank.max(1);
            while reached < rank {
                let Some((count, example)) = buckets.next() else { break };
                reached += count;
                here = Some(*example);
            }
            // The two ends are known exactly.
            let exact = if rank <= 1 {
                self.least
            } else if rank >= self.count {
                self.most
            } else {
                here
            };
            found.extend(exact);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(step: u32) -> Occurrence {
        Occurrence { step, at: Ns::from_ns(step.into()), vcpu: VcpuId(0), handlers: step }
    }

    fn of(values: &[i64]) -> Examples {
        let mut examples = Examples::default();
        for (step, ns) in values.iter().enumerate() {
            examples.add(*ns, at(step as u32));
        }
        examples
    }

    #[track_caller]
    fn check(values: &[i64], parts: &[u64], of_parts: u64, expect: &[i64]) {
        let found: Vec<i64> = of(values).at(parts.iter().copied(), of_parts).iter().map(|e| e.ns).collect();
        assert_eq!(found, expect, "{values:?}");
    }

    #[test]
    fn ranks_are_the_nearest_and_ends_are_exact() {
        check(&[], &[1, 2], 2, &[]);
        check(&[7], &[0, 1, 2], 2, &[7, 7, 7]);
        check(&[30, -20, 10, -5], &[1, 2, 3, 4], 4, &[-20, -5, 10, 30]);
        check(&[30, -20, 10, -5], &[50, 99], 100, &[-5, 30]);
        // Above 256, two values may share a bucket, and the first stands for both but at the ends.
        check(&[100_001, 100_002, 100_003, 5], &[2, 3, 4], 4, &[100_001, 100_001, 100_003]);
    }

    proptest! {
        /// Every example occurred where it says, and is within a bucket of the exact quantile.
        #[test]
        fn examples_are_near_the_exact_quantiles(values in proptest::collection::vec(-2_000_000_i64..2_000_000, 1..300)) {
            let mut sorted = values.clone();
            sorted.sort_unstable();
            let parts: Vec<u64> = (1..=20).collect();
            let found = of(&values).at(parts.clone(), 20);
            prop_assert_eq!(found.len(), parts.len());
            for (part, example) in parts.iter().zip(found) {
                prop_assert_eq!(values[example.at.step as usize], example.ns);
                let rank = (values.len() * *part as usize).div_ceil(20).max(1);
                let exact = sorted[rank - 1];
                prop_assert!((exact - example.ns).abs() <= exact.abs() / 128 + 1, "{} for {}", example.ns, exact);
            }
        }
    }
}
