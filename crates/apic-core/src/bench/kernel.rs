//! Whose rules the bench follows: a kernel release, or a patch series that never was one.

use crate::lapic::{LapicRules, TimerMode};
use std::fmt;
use std::str::FromStr;

/// How a kernel posts what its hrtimer's callback finds, where the VM is set up for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Posts {
    /// Not at all.
    Never,
    /// The seed: whatever is pending, whatever `vcpu->mode` is.
    Always,
    /// Version 4: unless something is pending, whatever `vcpu->mode` is.
    UnlessPending,
    /// `0c5f81dad46c` (5.3): unless something is pending, in guest mode.
    InGuestMode,
}

/// A kernel. Releases are ordered, so that a rule can ask for "since 5.18".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kernel {
    /// A mainline release, 4.0 to 6.19.
    Release(u8, u8),
    /// The patch of 2019-06-05 as it was posted, on 5.2.
    Seed2019,
    /// The fourth version of the series (2019-06-17), on 5.2.
    V4,
    /// 6.19 with the APIC-timer virtualization that was proposed in 2026.
    Proposal2026,
}

impl Kernel {
    /// What the bench starts with.
    pub const LATEST: Self = Self::Release(6, 19);

    /// The release whose rules hold where the patch series changes nothing.
    pub const fn base(self) -> (u8, u8) {
        match self {
            Self::Release(major, minor) => (major, minor),
            Self::Seed2019 | Self::V4 => (5, 2),
            Self::Proposal2026 => (6, 19),
        }
    }

    /// Its rules of `lapic.c`.
    pub const fn rules(self) -> LapicRules {
        let (major, minor) = self.base();
        LapicRules::of_release(major, minor)
    }

    /// How the hrtimer's callback posts.
    pub const fn posts(self) -> Posts {
        match self {
            Self::Seed2019 => Posts::Always,
            Self::V4 => Posts::UnlessPending,
            _ if self.since(5, 3) => Posts::InGuestMode,
            _ => Posts::Never,
        }
    }

    /// Whether an hrtimer that may leave its CPU does: `9642d18eee2c` (4.3) until `61abdbe0bcc2` (4.7), and from the series
    /// on.
    pub const fn offloads(self) -> bool {
        self.since(4, 3) && !self.since(4, 7) || !matches!(self.posts(), Posts::Never)
    }

    /// `4d151bf3b89e` (5.3; version 4 had it): an expiry that is left pending kicks the vCPU.
    pub const fn kicks(self) -> bool {
        matches!(self.posts(), Posts::UnlessPending | Posts::InGuestMode)
    }

    /// Whether a posted deadline comes early by the timer advance, because nobody waits for it: B2 (seed), B4 (version 4,
    /// which waits for the deadline before), B3 (5.10 and 5.11).
    pub const fn posts_early(self) -> bool {
        matches!(self, Self::Seed2019 | Self::V4) || self.since(5, 10) && !self.since(5, 12)
    }

    /// Whether the preemption timer comes early by the timer advance, because nobody waits: in one-shot and periodic mode,
    /// up to 5.12. `ee66e453db13` (5.2) meant to repair that (B15) and looked at a flag that was cleared too early (B14); in
    /// TSC-deadline mode the deadline was recorded before as after.
    pub const fn hv_early(self, mode: TimerMode) -> bool {
        !matches!(mode, TimerMode::TscDeadline) && self.since(5, 1) && !self.since(5, 13)
    }

    /// Whether it is `major.minor` or later, by its base.
    pub const fn since(self, major: u8, minor: u8) -> bool {
        let base = self.base();
        base.0 > major || base.0 == major && base.1 >= minor
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release(4, 2) => f.write_str("pre-4.3"),
            Self::Release(major, minor) => write!(f, "{major}.{minor}"),
            Self::Seed2019 => f.write_str("seed-2019"),
            Self::V4 => f.write_str("v4"),
            Self::Proposal2026 => f.write_str("2026"),
        }
    }
}

/// Not the name of a kernel that the bench knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("pre-4.3, a release from 4.0 to 6.19, seed-2019, v4 or 2026 is valid")]
pub struct KernelName;

impl FromStr for Kernel {
    type Err = KernelName;

    fn from_str(name: &str) -> Result<Self, KernelName> {
        match name {
            "pre-4.3" => return Ok(Self::Release(4, 2)),
            "seed-2019" | "seed" => return Ok(Self::Seed2019),
            "v4" => return Ok(Self::V4),
            "2026" | "proposal-2026" | "2026-proposal" => return Ok(Self::Proposal2026),
            _ => {}
        }
        let (major, minor) = name.split_once('.').ok_or(KernelName)?;
        // The last minor release of each major one.
        let last = match major {
            "4" => 20,
            "5" | "6" => 19,
            _ => return Err(KernelName),
        };
        let plain = minor.bytes().all(|b| b.is_ascii_digit()) && (minor == "0" || !minor.starts_with('0'));
        let (major, minor) = (major.parse().map_err(|_| KernelName)?, minor.parse().map_err(|_| KernelName)?);
        if plain && minor <= last { Ok(Self::Release(major, minor)) } else { Err(KernelName) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for name in ["pre-4.3", "4.3", "4.7", "seed-2019", "v4", "5.3", "5.8", "5.10", "5.18", "6.18", "6.19", "2026"] {
            assert_eq!(name.parse::<Kernel>().map(|k| k.to_string()).as_deref(), Ok(name));
        }
        for name in ["", "7.0", "6.20", "5.", "5.03", "5.+3", "+5.3", "6.19 ", "3.10", "latest"] {
            assert_eq!(name.parse::<Kernel>(), Err(KernelName), "{name}");
        }
    }

    #[test]
    fn placement_posting_and_waiting_change_where_the_history_says() {
        let release = |minor| Kernel::Release(5, minor);
        for (kernel, offloads, posts, kicks) in [
            (Kernel::Release(4, 2), false, Posts::Never, false),
            (Kernel::Release(4, 3), true, Posts::Never, false),
            (Kernel::Release(4, 6), true, Posts::Never, false),
            (Kernel::Release(4, 7), false, Posts::Never, false),
            (release(2), false, Posts::Never, false),
            (Kernel::Seed2019, true, Posts::Always, false),
            (Kernel::V4, true, Posts::UnlessPending, true),
            (release(3), true, Posts::InGuestMode, true),
            (Kernel::Proposal2026, true, Posts::InGuestMode, true),
        ] {
            assert_eq!((kernel.offloads(), kernel.posts(), kernel.kicks()), (offloads, posts, kicks), "{kernel}");
        }
        let early: Vec<_> = (0..20).filter(|&minor| release(minor).posts_early()).collect();
        assert_eq!(early, [10, 11]);
        assert!(Kernel::Seed2019.posts_early() && Kernel::V4.posts_early());
        let hv = |mode| (0..20).filter(move |&minor| release(minor).hv_early(mode)).collect::<Vec<_>>();
        assert_eq!(hv(TimerMode::TscDeadline), [0; 0]);
        assert_eq!(hv(TimerMode::Periodic), (1..13).collect::<Vec<_>>());
    }

    #[test]
    fn releases_are_ordered_by_number_and_series_by_what_they_were_built_on() {
        assert!(Kernel::Release(5, 10).since(5, 8) && !Kernel::Release(5, 8).since(5, 10));
        assert!(Kernel::Release(6, 0).since(5, 19) && !Kernel::V4.since(5, 3) && Kernel::Proposal2026.since(6, 19));
    }
}
