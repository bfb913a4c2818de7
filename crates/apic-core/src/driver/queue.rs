//! The event queue: who of many is due first.
//!
//! A winner tree has one leaf per actor, and every inner node repeats the lesser of its two children, so that the least
//! key of all is at hand. Setting one key costs one comparison per level, whether it gets earlier, later or none at all,
//! and no branch depends on the keys. The order of equal times has to be in the key: its low bits are the actor's number.

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
    /// Node 1 is the root, node `n` has the children `2n` and `2n + 1`, and the leaves are the upper half. Node 0 is unused.
    nodes: Box<[K]>,
}

impl<K: Key> WinnerTree<K> {
    /// With so many leaves, none of them due.
    pub fn new(leaves: usize) -> Self {
        Self { nodes: vec![K::NEVER; 2 * leaves.max(1)].into() }
    }

    /// The least key, [`Key::NEVER`] if nobody is due.
    #[inline]
    pub fn first(&self) -> K {
        self.nodes[1]
    }

    /// The key of a leaf.
    #[inline]
    pub fn get(&self, leaf: usize) -> K {
        self.nodes[self.nodes.len() / 2 + leaf]
    }

    /// Gives a leaf a key.
    #[inline]
    pub fn set(&mut self, leaf: usize, key: K) {
        let mut node = self.nodes.len() / 2 + leaf;
        let mut least = key;
        self.nodes[node] = least;
        while node > 1 {
            least = least.min(self.nodes[node ^ 1]);
            node /= 2;
            self.nodes[node] = least;
        }
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
