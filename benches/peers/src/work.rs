//! The work that every engine does: timers, a message for each expiry, an acknowledgement for each message.

/// From an expiry to the arrival of its message, in ns.
pub const FLIGHT: u64 = 500;
/// From the arrival to the acknowledgement, in ns.
pub const ACK: u64 = 1_200;

/// Periods are spread over 50 to 150 µs, and all differ.
fn period(timer: usize, timers: usize) -> u64 {
    50_000 + (timer * 100_000 / timers) as u64
}

/// All of them, so that no engine pays for a division.
pub fn periods(timers: usize) -> Vec<u64> {
    (0..timers).map(|timer| period(timer, timers)).collect()
}

/// When to stop, so that about so many events happen.
pub fn end(timers: usize, events: u64) -> u64 {
    let rate: f64 = periods(timers).iter().map(|period| 3.0 / *period as f64).sum();
    (events as f64 / rate) as u64
}

/// What the handlers of all engines do, and what they leave behind.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Work {
    /// Per timer, the 256 bits that its expiries set and its messages drain.
    requests: Vec<[u64; 4]>,
    /// Nothing at or after this time counts.
    end: u64,
    pub events: u64,
    /// The same whatever the order of events at one time.
    pub checksum: u64,
}

impl Work {
    pub fn new(timers: usize, end: u64) -> Self {
        Self { requests: vec![[0; 4]; timers], end, events: 0, checksum: 0 }
    }

    /// A timer expires.
    #[inline]
    pub fn expire(&mut self, timer: usize, now: u64) {
        if now < self.end {
            let bit = (timer * 7 + 32) % 256;
            self.requests[timer][bit / 64] |= 1 << (bit % 64);
            self.count(timer, now, 1);
        }
    }

    /// Its message arrives: the bits are drained.
    #[inline]
    pub fn arrive(&mut self, timer: usize, now: u64) {
        if now < self.end {
            let drained = std::mem::take(&mut self.requests[timer]);
            self.count(timer, now, drained.iter().fold(0, |sum, word| sum ^ word));
        }
    }

    /// The receiver has acknowledged.
    #[inline]
    pub fn acknowledge(&mut self, timer: usize, now: u64) {
        if now < self.end {
            self.count(timer, now, 3);
        }
    }

    #[inline]
    fn count(&mut self, timer: usize, now: u64, what: u64) {
        self.events += 1;
        self.checksum = self.checksum.wrapping_add((now ^ what).wrapping_mul(2 * timer as u64 + 1));
    }
}
