//! What a run adds up to, by name.

use apic_core::effect::Effect;
use apic_core::run::{History, Ledger};
use apic_core::scenario::Scenario;
use serde::{Deserialize, Serialize};

/// Something that can be counted or measured in a run of one path.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Figure {
    /// Exits for the guest's timer: arming, firing and EOI.
    Exits,
    /// Exits because the guest programmed its timer.
    ExitsArming,
    /// Exits because the timer expired.
    ExitsFiring,
    /// Exits because the guest wrote EOI.
    ExitsEoi,
    /// All other exits.
    ExitsOther,
    /// Exits for the timer, over handlers started.
    ExitsPerTick,
    /// IPIs sent, and doorbells rung, for the timer.
    IpisSent,
    /// IPIs that were not needed.
    IpisNotNeeded,
    /// Handlers of the timer started in the guests.
    Handlers,
    /// Time that vCPUs were kept from their guest code, ns.
    GuestTimeLost,
    /// Time that CPUs without a vCPU spent on guest timers, ns.
    HousekeeperTime,
    /// The latest handler after its deadline, ns.
    LatencyMax,
    /// The earliest handler; below zero it started before its deadline, ns.
    LatencyMin,
    /// Interrupts of devices that VT-d posted.
    DevicePosts,
    /// Notifications that VT-d sent for them.
    DeviceNotifications,
    /// CPUs that keep house: all that are not `nohz_full`.
    Housekeepers,
    /// vCPUs.
    Vcpus,
}

/// A figure's value: a ratio of whole numbers, so that 3 exits in 2 ticks are that and not 1.4999.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Value {
    /// Above the line.
    pub over: i64,
    /// Below the line; at least 1.
    pub under: i64,
}

impl Value {
    /// A whole number.
    pub const fn whole(value: i64) -> Self {
        Self { over: value, under: 1 }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let product = |a: i64, b: i64| i128::from(a) * i128::from(b);
        product(self.over, other.under).cmp(&product(other.over, self.under))
    }
}

impl std::fmt::Display for Value {
    /// Two decimals, where there are any.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hundredths = i128::from(self.over) * 100 / i128::from(self.under.max(1));
        let sign = if hundredths < 0 { "-" } else { "" };
        let (whole, rest) = (hundredths.abs() / 100, hundredths.abs() % 100);
        match rest {
            0 => write!(f, "{sign}{whole}"),
            rest if rest % 10 == 0 => write!(f, "{sign}{whole}.{}", rest / 10),
            rest => write!(f, "{sign}{whole}.{rest:02}"),
        }
    }
}

impl Figure {
    /// Its value over the first `steps` steps of a path; none if nothing was counted that it could be said of.
    pub fn of(self, history: &History, scenario: &Scenario, steps: usize) -> Option<Value> {
        let ledger = |pick: fn(&Ledger) -> u64| {
            let mut at = history.clone();
            at.seek(steps);
            Some(Value::whole(signed(pick(at.ledger()))))
        };
        // Not from the distributions of a run, which would be as large as a lesson's whole program.
        let latency = |pick: fn(i64, i64) -> i64| {
            let mut picked = None;
            history.each(|step, _, effects| {
                for effect in effects.iter().filter(|_| (step as usize) < steps) {
                    if let Effect::Delivered { late_ns, .. } = *effect {
                        picked = Some(picked.map_or(late_ns, |so_far| pick(so_far, late_ns)));
                    }
                }
            });
            picked.map(Value::whole)
        };
        match self {
            Self::Exits => ledger(exits),
            Self::ExitsArming => ledger(|l| l.exits_arming),
            Self::ExitsFiring => ledger(|l| l.exits_firing),
            Self::ExitsEoi => ledger(|l| l.exits_eoi),
            Self::ExitsOther => ledger(|l| l.exits_other),
            Self::ExitsPerTick => {
                let handlers = ledger(|l| l.handlers)?.over;
                let exits = ledger(exits)?.over;
                (handlers > 0).then_some(Value { over: exits, under: handlers })
            }
            Self::IpisSent => ledger(|l| l.ipis_sent),
            Self::IpisNotNeeded => ledger(|l| l.ipis_suppressed),
            Self::Handlers => ledger(|l| l.handlers),
            Self::GuestTimeLost => ledger(|l| l.guest_time_lost.as_ns()),
            Self::HousekeeperTime => ledger(|l| l.housekeeper_time.as_ns()),
            Self::LatencyMax => latency(i64::max),
            Self::LatencyMin => latency(i64::min),
            Self::DevicePosts => ledger(|l| l.device_posts),
            Self::DeviceNotifications => ledger(|l| l.device_notifications),
            Self::Housekeepers => {
                let isolated = scenario.host.nohz_full.len() as u64;
                Some(Value::whole(signed(scenario.host.topology.cpus().saturating_sub(isolated))))
            }
            Self::Vcpus => Some(Value::whole(signed(scenario.vcpus.len() as u64))),
        }
    }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

const fn exits(ledger: &Ledger) -> u64 {
    ledger.exits_arming + ledger.exits_firing + ledger.exits_eoi
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_as_ratios() {
        let third = Value { over: 1, under: 3 };
        assert_eq!(third, Value { over: 2, under: 6 });
        assert!(third < Value { over: 34, under: 100 });
        assert!(Value::whole(-1) < Value { over: -1, under: 2 });
    }

    #[test]
    fn values_are_written_with_the_decimals_they_have() {
        let check = |over, under, expect: &str| assert_eq!(Value { over, under }.to_string(), expect);
        check(2, 1, "2");
        check(3, 2, "1.5");
        check(1, 3, "0.33");
        check(5, 100, "0.05");
        check(-3, 2, "-1.5");
        check(0, 7, "0");
    }
}
