//! Whose rules the bench follows: a kernel release, or a patch series that never was one.

use std::fmt;
use std::str::FromStr;

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
            "2026" | "proposal-2026" => return Ok(Self::Proposal2026),
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
    fn releases_are_ordered_by_number_and_series_by_what_they_were_built_on() {
        assert!(Kernel::Release(5, 10).since(5, 8) && !Kernel::Release(5, 8).since(5, 10));
        assert!(Kernel::Release(6, 0).since(5, 19) && !Kernel::V4.since(5, 3) && Kernel::Proposal2026.since(6, 19));
    }
}
