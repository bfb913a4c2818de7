//! Numbers with units on the command line, kept as whole numbers.

use std::fmt;
use std::str::FromStr;

/// A share, in millionths.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Share(pub(crate) u64);

/// A time, in picoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Picos(pub(crate) u64);

/// Most that a share may be: a hundred times as much.
const MOST_SHARE: u64 = 100_000_000;
/// Longest time: a second.
const MOST_PICOS: u64 = 1_000_000_000_000;

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let share = text.trim().strip_suffix('%').and_then(|number| fixed(number.trim(), 4));
        share.filter(|share| (1..=MOST_SHARE).contains(share)).map(Self).ok_or_else(|| {
            "a share such as 3% or 2.5% is valid, above 0 and up to 10000%, with up to four decimals".to_owned()
        })
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", decimals(self.0, 4))
    }
}

impl FromStr for Picos {
    type Err = String;

    /// `1.4us`, `740ns`, or cycles at a clock: `2900cycles@2.5GHz`.
    fn from_str(text: &str) -> Result<Self, String> {
        picos(text.trim()).filter(|ps| (1..=MOST_PICOS).contains(ps)).map(Self).ok_or_else(|| {
            "a time such as 1.4us or 740ns is valid, or cycles at a clock such as 2900cycles@2.5GHz, up to 1s"
                .to_owned()
        })
    }
}

impl fmt::Display for Picos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ps @ 0..1_000_000 => write!(f, "{} ns", decimals(ps, 3)),
            ps @ 1_000_000..1_000_000_000 => write!(f, "{} µs", decimals(ps, 6)),
            ps => write!(f, "{} ms", decimals(ps, 9)),
        }
    }
}

fn picos(text: &str) -> Option<u64> {
    if let Some((cycles, clock)) = text.split_once('@') {
        let cycles = cycles.trim().strip_suffix("cycles").or_else(|| cycles.trim().strip_suffix("cyc"))?;
        let clock = clock.trim();
        // In kHz.
        let khz = match (clock.strip_suffix("GHz"), clock.strip_suffix("MHz")) {
            (Some(ghz), _) => fixed(ghz.trim(), 6)?,
            (None, Some(mhz)) => fixed(mhz.trim(), 3)?,
            (None, None) => return None,
        };
        let hundredths = u128::from(fixed(cycles.trim(), 2)?);
        // One cycle of 1 kHz is 10^9 ps.
        return u64::try_from((hundredths * 10_000_000).checked_div(u128::from(khz))?).ok();
    }
    for (unit, digits) in [("ns", 3), ("us", 6), ("µs", 6), ("ms", 9), ("s", 12)] {
        if let Some(number) = text.strip_suffix(unit) {
            return fixed(number.trim(), digits);
        }
    }
    None
}

/// `1.4` with three decimals as 1400. `None` for anything else than digits, or more decimals than these.
fn fixed(text: &str, decimals: usize) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > decimals || text.ends_with('.') {
        return None;
    }
    let scale = 10_u64.checked_pow(u32::try_from(decimals).ok()?)?;
    let part: u64 = if decimals == 0 { 0 } else { format!("{part:0<decimals$}").parse().ok()? };
    whole.parse::<u64>().ok()?.checked_mul(scale)?.checked_add(part)
}

/// 1400 with three decimals as `1.4`.
pub(crate) fn decimals(value: u64, decimals: usize) -> String {
    let text = format!("{value:0>width$}", width = decimals + 1);
    let (whole, part) = text.split_at(text.len() - decimals);
    let part = part.trim_end_matches('0');
    if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") }
}

/// Thousands apart: 20 804.
pub(crate) fn grouped(value: u128) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: FromStr + fmt::Display>(text: &str, expect: Option<&str>) {
        assert_eq!(text.parse::<T>().ok().map(|t| t.to_string()).as_deref(), expect, "{text}");
    }

    #[test]
    fn shares() {
        for (text, expect) in [("3%", "3 %"), (" 2.5 % ", "2.5 %"), ("0.0001%", "0.0001 %"), ("10000%", "10000 %")] {
            check::<Share>(text, Some(expect));
        }
        for text in ["", "3", "%", "0%", "-3%", "3.%", ".5%", "3.00001%", "10001%", "3e1%", "99999999999999999999%"] {
            check::<Share>(text, None);
        }
    }

    #[test]
    fn times() {
        for (text, expect) in [
            ("1.4us", "1.4 µs"),
            ("1.4 µs", "1.4 µs"),
            ("740ns", "740 ns"),
            ("1s", "1000 ms"),
            // 2494.75 cycles at 2.5 GHz are 997.9 ns.
            ("2494.75cycles@2.5GHz", "997.9 ns"),
            ("2500 cyc @ 2500MHz", "1 µs"),
        ] {
            check::<Picos>(text, Some(expect));
        }
        for text in
            ["", "1.4", "us", "0ns", "2s", "2900cycles", "2900cycles@", "2900cycles@0GHz", "2900@2.5GHz", "-1ns"]
        {
            check::<Picos>(text, None);
        }
        check::<Picos>("99999999999999999999cycles@1MHz", None);
    }

    #[test]
    fn thousands() {
        assert_eq!([0, 999, 1_000, 20_804, 1_234_567].map(grouped), ["0", "999", "1,000", "20,804", "1,234,567"]);
    }
}
