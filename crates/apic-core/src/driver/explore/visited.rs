//! Which states were seen: a table of 64-bit fingerprints.

use std::hash::Hasher;

/// Takes what a state consists of, as [`crate::machine::Machine`] feeds it, and makes a fingerprint of it, the same on every platform.
/// Small values share a word; words alternate between two lanes, each of which mixes without losing anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fingerprint {
    word: u64,
    bits: u32,
    lanes: (u64, u64),
}

const K0: u64 = 0x9e37_79b9_7f4a_7c15;
const K1: u64 = 0xc2b2_ae3d_27d4_eb4f;

impl Fingerprint {
    pub(crate) const fn new() -> Self {
        Self { word: 0, bits: 0, lanes: (K1, K0) }
    }

    #[inline]
    fn put(&mut self, value: u64, bits: u32) {
        if self.bits + bits > 64 {
            self.mix(self.word);
            (self.word, self.bits) = (0, 0);
        }
        self.word |= value << self.bits;
        self.bits += bits;
    }

    #[inline]
    fn mix(&mut self, word: u64) {
        let mut lane = (self.lanes.0 ^ word).wrapping_mul(K0);
        lane ^= lane >> 32;
        self.lanes = (self.lanes.1, lane);
    }
}

impl Hasher for Fingerprint {
    fn finish(&self) -> u64 {
        let mut last = *self;
        last.mix(last.word);
        last.mix(u64::from(last.bits));
        let mut h = last.lanes.0.wrapping_mul(K1) ^ last.lanes.1.rotate_left(23);
        h = (h ^ (h >> 29)).wrapping_mul(K0);
        h = (h ^ (h >> 32)).wrapping_mul(K1);
        h ^ (h >> 29)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u8(*byte);
        }
    }

    #[inline]
    fn write_u8(&mut self, n: u8) {
        self.put(n.into(), 8);
    }

    #[inline]
    fn write_u16(&mut self, n: u16) {
        self.put(n.into(), 16);
    }

    #[inline]
    fn write_u32(&mut self, n: u32) {
        self.put(n.into(), 32);
    }

    #[inline]
    fn write_u64(&mut self, n: u64) {
        self.mix(n);
    }

    /// Lengths.
    #[inline]
    fn write_usize(&mut self, n: usize) {
        self.put(n as u64 & 0xffff, 16);
    }

    /// Which variant of an enum: none has more than 256.
    #[inline]
    fn write_isize(&mut self, n: isize) {
        self.put(u64::from(n.cast_unsigned() as u8), 8);
    }
}

/// Fingerprints of what was seen, each with a number.
#[derive(Clone, Debug)]
pub(crate) struct Visited {
    /// Fingerprint and number; 0 is a free place.
    slots: Vec<(u64, u32)>,
    len: usize,
}

impl Default for Visited {
    fn default() -> Self {
        Self { slots: vec![(0, 0); 1 << 8], len: 0 }
    }
}

impl Visited {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        self.slots.len() * size_of::<(u64, u32)>()
    }

    /// The number of what has this fingerprint, and whether it is new: new ones are numbered as they come.
    #[inline]
    pub(crate) fn insert(&mut self, print: u64) -> (u32, bool) {
        let print = print.max(1);
        let place = Self::place(&self.slots, print);
        let slot = &mut self.slots[place];
        if slot.0 == print {
            return (slot.1, false);
        }
        let number = self.len as u32;
        *slot = (print, number);
        self.len += 1;
        if self.len * 5 > self.slots.len() * 3 {
            self.grow();
        }
        (number, true)
    }

    #[inline]
    fn place(slots: &[(u64, u32)], print: u64) -> usize {
        let mask = slots.len() - 1;
        let mut place = print as usize & mask;
        while slots[place].0 != 0 && slots[place].0 != print {
            place = (place + 1) & mask;
        }
        place
    }

    #[cold]
    fn grow(&mut self) {
        let mut slots = vec![(0, 0); self.slots.len() * 2];
        for slot in &self.slots {
            if slot.0 != 0 {
                let place = Self::place(&slots, slot.0);
                slots[place] = *slot;
            }
        }
        self.slots = slots;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fingerprint_keeps_its_number() {
        let mut seen = Visited::default();
        let prints: Vec<u64> = (0..10_000u64).map(|n| n.wrapping_mul(K0) >> 3).collect();
        for (n, print) in prints.iter().enumerate() {
            assert_eq!(seen.insert(*print), (n as u32, true));
        }
        for (n, print) in prints.iter().enumerate() {
            assert_eq!(seen.insert(*print), (n as u32, false));
        }
        assert_eq!(seen.len(), prints.len());
    }

    #[test]
    fn what_differs_in_one_bit_differs_in_its_fingerprint() {
        let mut prints = Vec::new();
        for bit in 0..64 {
            let mut one = Fingerprint::new();
            one.write_u8(7);
            one.write_u64(1 << bit);
            prints.push(one.finish());
            let mut other = Fingerprint::new();
            other.write_u64(1 << bit);
            other.write_u8(7);
            prints.push(other.finish());
        }
        prints.sort_unstable();
        prints.dedup();
        // The order of a small value and a word is fixed by the structure, so only the bits must tell.
        assert!(prints.len() >= 64);
    }
}
