//! A cost set as the clock draws from it: twenty bytes a kind, and one multiplication a sample.

use super::{Cost, CostKind, CostSet, KINDS, Tail};
use crate::units::Ns;
use std::ops::RangeInclusive;

/// What a kind costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Price {
    kind: CostKind,
    min: u32,
    /// Values in the interval.
    span: u32,
    /// A sample whose lower half lies below is of the tail; 0 is never.
    tail_below: u32,
    /// Values in the tail, above the interval.
    tail_span: u32,
}

/// What every kind costs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prices([Price; KINDS]);

impl Prices {
    /// As the set says.
    pub fn of_set(set: &CostSet) -> Self {
        Self(std::array::from_fn(|i| Price::of_cost(&set.costs[i])))
    }

    /// Another price for a kind.
    pub(crate) fn replace(&mut self, kind: CostKind, min_ns: u32, max_ns: u32, tail: Option<Tail>) {
        self.0[kind as usize] = Price::new(kind, min_ns, max_ns, tail);
    }

    /// Every sample the average one: for finding out what a way through the code pays for.
    pub(crate) fn averages(&self) -> Self {
        Self(self.0.map(|price| Price::new(price.kind, price.average(), price.average(), None)))
    }

    /// The price of a kind.
    #[inline]
    pub fn of(&self, kind: CostKind) -> &Price {
        &self.0[kind as usize]
    }
}

impl Price {
    /// As the cost says.
    pub fn of_cost(cost: &Cost) -> Self {
        Self::new(cost.kind, cost.min_ns, cost.max_ns, cost.tail)
    }

    fn new(kind: CostKind, min: u32, max: u32, tail: Option<Tail>) -> Self {
        let (tail_below, tail_span) = tail.map_or((0, 0), |tail| {
            let below = (1_u64 << 32) / u64::from(tail.one_in.max(2));
            (below as u32, tail.max_ns.saturating_sub(max))
        });
        Self { kind, min, span: max.saturating_sub(min).saturating_add(1), tail_below, tail_span }
    }

    /// Least and most, in nanoseconds, without the tail.
    pub(crate) const fn interval(&self) -> RangeInclusive<u32> {
        self.min..=self.min.saturating_add(self.span - 1)
    }

    /// The average sample, in nanoseconds, rounded.
    pub(crate) fn average(&self) -> u32 {
        let (span, tail) = (u128::from(self.span), u128::from(self.tail_span));
        let (rare, often) = (u128::from(self.tail_below), (1 << 32) - u128::from(self.tail_below));
        // Twice the average above the least, weighted.
        let above = often * (span - 1) + rare * (2 * span + tail.saturating_sub(1));
        self.min.saturating_add(((above + (1 << 32)) >> 33) as u32)
    }

    /// The `count`-th sample under a seed.
    #[inline]
    pub fn sample(&self, seed: u64, count: u32) -> Ns {
        self.sample_of(self.stream(seed), u64::from(count) << Self::COUNT_AT)
    }

    /// From this bit on a count is in the key of its sample.
    pub(crate) const COUNT_AT: u32 = 8;

    /// What the keys of all samples under a seed have in common.
    #[inline]
    pub(crate) const fn stream(&self, seed: u64) -> u64 {
        seed ^ self.kind as u64
    }

    /// The sample of a stream whose count, moved up to [`Self::COUNT_AT`], is this.
    #[inline]
    pub(crate) fn sample_of(&self, stream: u64, count: u64) -> Ns {
        let drawn = mix(stream ^ count);
        let part = |span: u32| ((drawn >> 32) * u64::from(span)) >> 32;
        let above = if (drawn as u32) < self.tail_below {
            u64::from(self.span) + part(self.tail_span)
        } else {
            part(self.span)
        };
        Ns::from_ns(u64::from(self.min) + above)
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): every input bit reaches every output bit.
#[inline]
const fn mix(key: u64) -> u64 {
    let mut z = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

#[cfg(test)]
mod tests {
    use super::super::{Origin, SKYLAKE};
    use super::*;

    fn price(min_ns: u32, max_ns: u32, tail: Option<Tail>) -> Price {
        let origin = Origin::Assumed { why: "a test" };
        Price::of_cost(&Cost { kind: CostKind::Instruction, min_ns, max_ns, tail, origin })
    }

    #[test]
    fn samples_fill_their_interval_and_repeat() {
        let prices = Prices::of_set(&SKYLAKE);
        let price = prices.of(CostKind::Instruction);
        let seen: std::collections::BTreeSet<_> = (0..1_000).map(|n| price.sample(7, n).as_ns()).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(price.sample(7, 3), price.sample(7, 3));
        for kind in CostKind::ALL {
            assert_eq!(prices.of(*kind).kind, *kind);
        }
    }

    #[test]
    fn a_tail_is_as_rare_and_as_long_as_it_says() {
        let plain = price(10, 19, None);
        let tailed = price(10, 19, Some(Tail { max_ns: 119, one_in: 50 }));
        let samples: Vec<u64> = (0..100_000).map(|n| tailed.sample(3, n).as_ns()).collect();
        let rare: Vec<u64> = samples.iter().copied().filter(|ns| *ns > 19).collect();
        assert!((1_850..2_150).contains(&rare.len()), "{}", rare.len());
        assert_eq!((samples.iter().min(), rare.iter().min(), rare.iter().max()), (Some(&10), Some(&20), Some(&119)));
        // Where the tail does not strike, the sample is what it would have been without.
        let same = samples.iter().zip(0..).filter(|(ns, n)| **ns == plain.sample(3, *n).as_ns()).count();
        assert_eq!(same, samples.len() - rare.len());
    }

    #[test]
    fn the_average_is_that_of_many_samples() {
        for price in
            [price(10, 19, None), price(7, 7, None), price(120, 180, Some(Tail { max_ns: 100_000, one_in: 100 }))]
        {
            let sum: u64 = (0..200_000).map(|n| price.sample(5, n).as_ns()).sum();
            assert!((sum / 200_000).abs_diff(price.average().into()) <= 1 + sum / 200_000 / 20, "{price:?}");
        }
        assert_eq!((price(10, 20, None).average(), price(7, 7, None).average()), (15, 7));
        // (99 × 150 + 50090) / 100, all but.
        assert_eq!(price(120, 180, Some(Tail { max_ns: 100_000, one_in: 100 })).average(), 649);
    }

    /// Limits of the type, not of any machine.
    #[test]
    fn the_widest_costs_do_not_overflow() {
        let widest = price(0, u32::MAX, Some(Tail { max_ns: u32::MAX, one_in: 0 }));
        assert!((0..100).all(|n| widest.sample(1, n).as_ns() <= u64::from(u32::MAX) + 1));
        assert_eq!(price(5, 5, None).sample(9, 9).as_ns(), 5);
    }
}
