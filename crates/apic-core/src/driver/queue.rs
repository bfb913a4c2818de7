//! The event queue: who of many is due first.
//!
//! A winner tree has one leaf per actor, and every inner node repeats the least of its four children, so that the least
//! key of all is at hand. Setting one key costs three comparisons per level, whether it gets earlier, later or none at
//! all. No branch depends on the keys, and only one of the three comparisons waits for the level below. The order of equal
//! times has to be in the key: its low bits are the actor's number.

/// What a winner tree orders by.
pub trait Key: Copy + Ord {
    /// Greater than every other key: not due at all.
    const NEVER: Self;
}

impl Key for u64 {
    const NEVER: Self = Self::MAX;
}

impl Key for u128 {
    const NEVER: Self = Self::MAX;
}

/// The least of a fixed number of keys.
///
/// | operation | cost |
/// | --- | --- |
/// | [`first`](Self::first), [`get`](Self::get) | constant |
/// | [`set`](Self::set) | the logarithm of the number of leaves |
///
/// Nothing allocates but [`new`](Self::new).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WinnerTree<K> {
    /// Least of all.
    first: K,
    /// Four siblings each, level by level: the leaves first, the children of the root last. Where there are fewer, the
    /// rest is never due.
    families: Box<[[K; 4]]>,
    /// Where each level begins in `families`. All leaves are on one level, so that the climb is equally long for all, and
    /// the processor foresees its end.
    levels: Box<[u32]>,
}

impl<K: Key> WinnerTree<K> {
    /// With so many leaves, none of them due.
    pub fn new(leaves: usize) -> Self {
        let mut levels = Vec::new();
        let (mut families, mut nodes) = (0, leaves.max(1));
        while nodes > 1 || levels.is_empty() {
            levels.push(families as u32);
            nodes = nodes.div_ceil(4);
            families += nodes;
        }
        Self { first: K::NEVER, families: vec![[K::NEVER; 4]; families].into(), levels: levels.into() }
    }

    /// The least key, [`Key::NEVER`] if nobody is due.
    #[inline]
    pub fn first(&self) -> K {
        self.first
    }

    /// The key of a leaf.
    #[inline]
    pub fn get(&self, leaf: usize) -> K {
        self.families[leaf / 4][leaf % 4]
    }

    /// Gives a leaf a key.
    #[inline]
    pub fn set(&mut self, leaf: usize, key: K) {
        let (mut node, mut least) = (leaf, key);
        for level in &self.levels {
            let family = &mut self.families[*level as usize + node / 4];
            let place = node % 4;
            family[place] = least;
            let siblings = family[place ^ 1].min(family[place ^ 2]).min(family[place ^ 3]);
            least = least.min(siblings);
            node /= 4;
        }
        self.first = least;
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, WinnerTree};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        /// Whatever is set, changed and taken back: first is the least, as a sorted set says it.
        #[test]
        fn first_is_the_least(leaves in 1usize..70, changes in proptest::collection::vec((any::<usize>(), 0u64..12), 0..300)) {
            let mut tree = WinnerTree::<u64>::new(leaves);
            let mut keys = vec![u64::NEVER; leaves];
            let mut set = BTreeSet::new();
            for (leaf, time) in changes {
                let leaf = leaf % leaves;
                // Few different times, so that many are equal; the leaf in the low bits decides then.
                let key = if time == 0 { u64::NEVER } else { time << 8 | leaf as u64 };
                set.remove(&keys[leaf]);
                keys[leaf] = key;
                if key != u64::NEVER {
                    set.insert(key);
                }
                tree.set(leaf, key);
                prop_assert_eq!(tree.first(), set.first().copied().unwrap_or(u64::NEVER));
                prop_assert_eq!(tree.get(leaf), key);
            }
        }
    }
}
