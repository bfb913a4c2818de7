//! A long run: paths run side by side to so many handlers each, and what is found on the way.

use apic_core::run::{Example, Occurrence};
use apic_core::units::Ns;
use serde::{Deserialize, Serialize};

/// Asks for a long run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LongRun {
    /// What is run and compared, as it stands in the address.
    pub link: String,
    /// Handlers that each path starts.
    pub handlers: u32,
}

/// What a long run has found so far, path by path.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Findings {
    /// In the order in which they are compared.
    pub paths: Vec<PathFindings>,
}

/// What was found on one path.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PathFindings {
    /// Name in data, such as `posted` or `posted@5.3`.
    pub key: String,
    /// Heading.
    pub title: String,
    /// Steps taken.
    pub steps: u32,
    /// Handlers started.
    pub handlers: u32,
    /// Guest time.
    pub elapsed: Ns,
    /// Times a vCPU of guest time was kept from its code, and housekeepers' time for guest timers.
    pub guest_time_lost: Ns,
    /// The housekeepers' time.
    pub housekeeper_time: Ns,
    /// vCPUs of the scenario.
    pub vcpus: u16,
    /// Deadline to the handler's first instruction.
    pub latency: Spread,
    /// How much that differs from the same vCPU's handler before.
    pub jitter: Spread,
    /// Guest time lost per tick.
    pub lost: Spread,
    /// By reason.
    pub exits: Vec<Exits>,
    /// CPUs that worked on guest timers without a vCPU of their own.
    pub housekeepers: Vec<Housekeeper>,
}

/// How values are distributed: quantiles, each with a moment where the value occurred.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Spread {
    /// How many values.
    pub count: u64,
    /// Their average, ns.
    pub average: i64,
    /// [`DOTS`] quantiles, each standing for as many values as every other.
    pub dots: Vec<Example>,
    /// Those of [`RANKS`].
    pub ranks: Vec<Example>,
}

/// Dots of a quantile dotplot: few enough to be counted, each 2 % of all values.
pub const DOTS: u64 = 50;

/// Ranks that tables and steps of the cumulative curve are at, in thousandths.
pub const RANKS: [u64; 13] = [0, 10, 50, 100, 250, 500, 750, 900, 950, 980, 990, 999, 1_000];

/// The exits of one reason.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Exits {
    /// As KVM prints it.
    pub reason: String,
    /// How many.
    pub count: u64,
    /// The first.
    pub first: Occurrence,
    /// Average from exit to entry, ns; `None` if none was entered again.
    pub average_ns: Option<i64>,
}

/// What guest timers cost one CPU.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Housekeeper {
    /// Which CPU.
    pub cpu: u16,
    /// All its time for them.
    pub time: Ns,
    /// The step that added most.
    pub most: Occurrence,
}
