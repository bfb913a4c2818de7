//! Distributions of times: exact while there are few values, in bounded memory however many there are.
//!
//! The first [`EXACT`] values are kept as they are. After them, values are counted in log-linear buckets, as in the
//! histograms of Gil Tene's HdrHistogram: [`PER_OCTAVE`] buckets to each power of two, so that a value is known to one
//! part in 128. Integer arithmetic only.

use serde::Serialize;

/// Values that are kept as they are: half a megabyte.
pub const EXACT: usize = 65_536;

const OCTAVE_BITS: u32 = 7;
/// Buckets to each power of two.
const PER_OCTAVE: u64 = 1 << OCTAVE_BITS;
/// Below this, every value has a bucket of its own.
const LINEAR: u64 = 2 * PER_OCTAVE;
/// All of them, up to 2^64 − 1.
const BUCKETS: usize = (LINEAR + (63 - OCTAVE_BITS as u64) * PER_OCTAVE) as usize;

/// How some values are distributed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Distribution {
    count: u64,
    sum: u128,
    squares: u128,
    max: u64,
    min: u64,
    /// All values, until they are too many.
    exact: Vec<u64>,
    /// How often each bucket's values occurred, from then on.
    buckets: Vec<u64>,
}

/// Percentiles by nearest rank: the least value that at least so many per cent of all values do not exceed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Summary<T> {
    /// How many values.
    pub count: u64,
    /// Least.
    pub min: T,
    /// Median: of two in the middle the lower one.
    pub p50: T,
    /// 90 %.
    pub p90: T,
    /// 99 %.
    pub p99: T,
    /// 99.9 %.
    #[serde(rename = "p99_9")]
    pub p999: T,
    /// Most.
    pub max: T,
}

impl Distribution {
    /// Adds a value.
    pub fn add(&mut self, value: u64) {
        self.min = if self.count == 0 { value } else { self.min.min(value) };
        self.max = self.max.max(value);
        self.count += 1;
        self.sum += u128::from(value);
        self.squares = self.squares.saturating_add(u128::from(value) * u128::from(value));
        if self.buckets.is_empty() && self.exact.len() < EXACT {
            self.exact.push(value);
            return;
        }
        if self.buckets.is_empty() {
            self.buckets = vec![0; BUCKETS];
            for value in std::mem::take(&mut self.exact) {
                self.buckets[bucket_of(value)] += 1;
            }
        }
        self.buckets[bucket_of(value)] += 1;
    }

    /// How many values.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// All of them together; exact in any case.
    pub fn sum(&self) -> u128 {
        self.sum
    }

    /// Least; exact in any case. `None` of no values.
    pub fn min(&self) -> Option<u64> {
        (self.count > 0).then_some(self.min)
    }

    /// Most; exact in any case. `None` of no values.
    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max)
    }

    /// The average, rounded; exact in any case. `None` of no values.
    pub fn average(&self) -> Option<u64> {
        let count = u128::from(self.count);
        (count > 0).then(|| ((self.sum + count / 2) / count) as u64)
    }

    /// Standard error of the average in hundredths of a per cent of it, as `perf kvm stat` prints it. `None` of fewer than
    /// two values, or if they are all zero.
    pub fn error_hundredths(&self) -> Option<u64> {
        let n = u128::from(self.count);
        if n < 2 || self.sum == 0 {
            return None;
        }
        // (error / average)² = (Σx² − (Σx)²/n) / (n − 1) / n ÷ (Σx/n)²
        let above = self.squares.saturating_sub(self.sum * self.sum / n);
        let share = above.checked_mul(100_000_000)? / (n - 1) * n / (self.sum.checked_mul(self.sum)?);
        Some(share.isqrt() as u64)
    }

    /// Whether percentiles are exact; else they are up to one part in 128 above.
    pub fn is_exact(&self) -> bool {
        self.buckets.is_empty()
    }

    /// In short. `None` of no values.
    pub fn summary(&self) -> Option<Summary<u64>> {
        let ranked = Ranked::of(self);
        summary(self.count, |rank| ranked.at(rank))
    }
}

/// How values that may be negative are distributed: in two halves.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Signed {
    /// Sizes of those below zero.
    pub below: Distribution,
    /// Zero and above.
    pub above: Distribution,
}

impl Signed {
    /// Adds a value.
    pub fn add(&mut self, value: i64) {
        if value < 0 {
            self.below.add(value.unsigned_abs());
        } else {
            self.above.add(value.unsigned_abs());
        }
    }

    /// In short. `None` of no values.
    pub fn summary(&self) -> Option<Summary<i64>> {
        let (below, above) = (Ranked::of(&self.below), Ranked::of(&self.above));
        let n = self.below.count;
        summary(n + self.above.count, |rank| {
            if rank <= n {
                // The largest size below zero comes first.
                0_i64.saturating_sub_unsigned(below.at(n + 1 - rank))
            } else {
                0_i64.saturating_add_unsigned(above.at(rank - n))
            }
        })
    }
}

fn summary<T>(count: u64, at: impl Fn(u64) -> T) -> Option<Summary<T>> {
    // Nearest rank, from 1: at least so many thousandths of the values.
    let rank = |thousandths: u64| (u128::from(count) * u128::from(thousandths)).div_ceil(1_000) as u64;
    (count > 0).then(|| Summary {
        count,
        min: at(1),
        p50: at(rank(500)),
        p90: at(rank(900)),
        p99: at(rank(990)),
        p999: at(rank(999)),
        max: at(count),
    })
}

/// Values in order.
enum Ranked<'a> {
    Exact(Vec<u64>),
    Buckets(&'a Distribution),
}

impl<'a> Ranked<'a> {
    fn of(distribution: &'a Distribution) -> Self {
        if !distribution.is_exact() {
            return Self::Buckets(distribution);
        }
        let mut values = distribution.exact.clone();
        values.sort_unstable();
        Self::Exact(values)
    }

    /// The `rank`-th value from below, from 1; the greatest if there are fewer.
    fn at(&self, rank: u64) -> u64 {
        match self {
            Self::Exact(values) => {
                let i = (rank.saturating_sub(1) as usize).min(values.len().saturating_sub(1));
                values.get(i).copied().unwrap_or(0)
            }
            Self::Buckets(d) if rank <= 1 => d.min,
            Self::Buckets(d) => {
                let mut below = 0;
                let reached = |n: &u64| {
                    below += n;
                    below >= rank
                };
                d.buckets.iter().position(reached).map_or(d.max, |i| greatest_in(i).min(d.max))
            }
        }
    }
}

pub(super) fn bucket_of(value: u64) -> usize {
    if value < LINEAR {
        return value as usize;
    }
    let shift = value.ilog2() - OCTAVE_BITS;
    (LINEAR + u64::from(shift - 1) * PER_OCTAVE + ((value >> shift) - PER_OCTAVE)) as usize
}

fn greatest_in(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < LINEAR {
        return bucket;
    }
    let (octave, part) = ((bucket - LINEAR) / PER_OCTAVE, (bucket - LINEAR) % PER_OCTAVE);
    let shift = octave as u32 + 1;
    ((PER_OCTAVE + part) << shift) | ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[u64]) -> Distribution {
        let mut d = Distribution::default();
        for value in values {
            d.add(*value);
        }
        d
    }

    /// The definition, word for word: the least value that so many per cent of all do not exceed.
    fn oracle<T: Ord + Copy>(sorted: &[T], thousandths: usize) -> T {
        let enough = |v: &&T| sorted.iter().filter(|o| o <= v).count() * 1_000 >= sorted.len() * thousandths;
        *sorted.iter().find(enough).expect("the greatest")
    }

    fn check<T: Ord + Copy + std::fmt::Debug>(found: Option<Summary<T>>, mut values: Vec<T>) {
        values.sort_unstable();
        let at = |thousandths| oracle(&values, thousandths);
        let expect = values.first().map(|min| Summary {
            count: values.len() as u64,
            min: *min,
            p50: at(500),
            p90: at(900),
            p99: at(990),
            p999: at(999),
            max: at(1_000),
        });
        assert_eq!(found, expect);
    }

    #[test]
    fn buckets_cover_every_value_to_one_part_in_128() {
        assert_eq!((bucket_of(u64::MAX), greatest_in(BUCKETS - 1)), (BUCKETS - 1, u64::MAX));
        for bucket in 0..BUCKETS {
            let greatest = greatest_in(bucket);
            assert_eq!(bucket_of(greatest), bucket);
            let least = if bucket == 0 { 0 } else { greatest_in(bucket - 1) + 1 };
            assert_eq!(bucket_of(least), bucket);
            assert!(u128::from(greatest - least) * 128 <= u128::from(least.max(1)), "{least} to {greatest}");
        }
    }

    #[test]
    fn many_values_are_kept_in_bounded_memory_to_one_part_in_128() {
        let mut values: Vec<u64> = (0..=EXACT as u64).map(|n| n * n % 1_000_003 + n).collect();
        let exact = of(&values[..EXACT]);
        let d = of(&values);
        assert!(exact.is_exact() && !d.is_exact());
        assert!(d.exact.is_empty() && d.buckets.len() == BUCKETS);
        values.sort_unstable();
        let found = d.summary().expect("values");
        let (min, max) = (values[0], values[EXACT]);
        assert_eq!((found.count, found.min, found.max), (EXACT as u64 + 1, min, max));
        for (found, thousandths) in [(found.p50, 500), (found.p90, 900), (found.p99, 990), (found.p999, 999)] {
            let exact = values[(values.len() * thousandths).div_ceil(1_000) - 1];
            assert!((exact..=exact + exact / 128).contains(&found), "{thousandths}: {found} for {exact}");
        }
        assert_eq!(d.sum(), values.iter().map(|v| u128::from(*v)).sum());
    }

    /// Against the textbook in floating point: 1, 2, 3 and 4 have the average 2.5 ± 0.6455 (25.82 %).
    #[test]
    fn averages_and_their_errors() {
        let d = of(&[1_000, 2_000, 3_000, 4_000]);
        assert_eq!((d.average(), d.error_hundredths()), (Some(2_500), Some(2_581)));
        assert_eq!((of(&[7]).error_hundredths(), of(&[7, 7]).error_hundredths()), (None, Some(0)));
        assert_eq!((of(&[0, 0]).error_hundredths(), of(&[1, 2]).average(), of(&[]).average()), (None, Some(2), None));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn percentiles_are_those_of_a_sorted_list(values in proptest::collection::vec(0..5_000u64, 0..1_200)) {
            check(of(&values).summary(), values);
        }

        #[test]
        fn with_signs_too(values in proptest::collection::vec(-300..300i64, 0..200)) {
            let mut d = Signed::default();
            for value in &values {
                d.add(*value);
            }
            check(d.summary(), values);
        }
    }
}
