//! A set of the 256 vectors, as IRR, ISR and PIR are laid out.

use crate::units::Vector;
use serde::{Deserialize, Serialize};

/// One bit per vector.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash, Debug, Serialize, Deserialize)]
pub struct VectorSet([u64; 4]);

impl VectorSet {
    /// Whether the vector's bit is 1.
    pub const fn contains(&self, v: Vector) -> bool {
        self.0[(v.number() >> 6) as usize] >> (v.number() & 63) & 1 == 1
    }

    /// Sets the bit; returns what it was (`test_and_set_bit`).
    pub const fn test_and_set(&mut self, v: Vector) -> bool {
        let was = self.contains(v);
        self.0[(v.number() >> 6) as usize] |= 1 << (v.number() & 63);
        was
    }

    /// Clears the bit.
    pub const fn clear(&mut self, v: Vector) {
        self.0[(v.number() >> 6) as usize] &= !(1 << (v.number() & 63));
    }

    /// Whether no bit is set.
    pub fn is_empty(&self) -> bool {
        self.0 == [0; 4]
    }

    /// Highest vector in the set.
    pub fn highest(&self) -> Option<Vector> {
        (0..4u8).rev().find_map(|i| {
            let word = self.0[usize::from(i)];
            (word != 0).then(|| Vector::new(i * 64 + 63 - word.leading_zeros() as u8))
        })
    }

    /// Adds every bit of `other` (the OR of posted-interrupt processing).
    pub fn or_with(&mut self, other: Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine |= theirs;
        }
    }

    #[must_use]
    /// Empties the set, returning what it held (read-and-clear).
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// Vectors in the set, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = Vector> + use<> {
        let mut words = self.0;
        std::iter::from_fn(move || {
            let i = words.iter().position(|word| *word != 0)?;
            let bit = words[i].trailing_zeros();
            words[i] &= words[i] - 1;
            Some(Vector::new((i as u32 * 64 + bit) as u8))
        })
    }

    /// Vectors whose bit differs from that in `other`, lowest first.
    pub fn changed_from(&self, other: &Self) -> impl Iterator<Item = Vector> + use<> {
        let mut difference = *self;
        for (mine, theirs) in difference.0.iter_mut().zip(other.0) {
            *mine ^= theirs;
        }
        difference.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behaves_like_a_set_of_numbers() {
        let mut set = VectorSet::default();
        for n in [0u8, 63, 64, 0xec, 255] {
            assert!(!set.test_and_set(Vector::new(n)));
            assert!(set.test_and_set(Vector::new(n)));
        }
        assert_eq!(set.highest(), Some(Vector::new(255)));
        set.clear(Vector::new(255));
        assert_eq!(set.highest(), Some(Vector::LOCAL_TIMER));
        let all: Vec<u8> = set.iter().map(Vector::number).collect();
        assert_eq!(all, [0, 63, 64, 0xec]);
        let mut other = VectorSet::default();
        assert!(other.is_empty() && !set.is_empty());
        other.or_with(set.take());
        assert!(set.is_empty() && other.contains(Vector::new(64)));
    }

    #[test]
    fn only_what_differs_has_changed() {
        let set = |numbers: &[u8]| {
            let mut set = VectorSet::default();
            for n in numbers {
                set.test_and_set(Vector::new(*n));
            }
            set
        };
        let (was, is) = (set(&[1, 64, 0xec]), set(&[64, 0xed]));
        for (a, b) in [(was, is), (is, was)] {
            assert_eq!(a.changed_from(&b).map(Vector::number).collect::<Vec<_>>(), [1, 0xec, 0xed]);
            assert_eq!(a.changed_from(&a).next(), None);
        }
    }
}
