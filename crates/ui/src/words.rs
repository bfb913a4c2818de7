//! Numbers as the page writes them. `format!` is used sparingly here and elsewhere: this code runs on every step.

use apic_core::lapic::VectorSet;
use apic_core::units::{Ns, Vector};
use std::fmt::Write;

/// Narrow no-break space: groups thousands without looking like a list.
const GROUP: char = '\u{202f}';

/// A time within the run, in µs with three decimals and grouped thousands: `1 000.214`.
pub(crate) fn micros(at: Ns) -> String {
    let mut text = String::with_capacity(16);
    push_micros(&mut text, at);
    text
}

/// [`micros`] at the end of a text.
pub(crate) fn push_micros(text: &mut String, at: Ns) {
    if at.is_never() {
        text.push_str("never");
        return;
    }
    push_grouped(text, at.as_ns() / 1_000);
    let _infallible = write!(text, ".{:03}", at.as_ns() % 1_000);
}

/// A time from a moment on, signed: `+0.214`, `−3.200`.
pub(crate) fn push_signed(text: &mut String, ns: i64) {
    text.push(if ns < 0 { '−' } else { '+' });
    push_micros(text, Ns::from_ns(ns.unsigned_abs()));
}

/// A whole number with grouped thousands.
pub(crate) fn grouped(number: u64) -> String {
    let mut text = String::new();
    push_grouped(&mut text, number);
    text
}

fn push_grouped(text: &mut String, number: u64) {
    let digits = number.to_string();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(GROUP);
        }
        text.push(digit);
    }
}

/// A span with two or three significant digits: `0`, `740 ns`, `7.9 µs`, `12.3 ms`.
pub(crate) fn span(ns: Ns) -> String {
    match ns.as_ns() {
        0 => "0".to_owned(),
        n @ 1..1_000 => format!("{n} ns"),
        n @ 1_000..1_000_000 => tenths(n, 1_000, "µs"),
        n => tenths(n, 1_000_000, "ms"),
    }
}

fn tenths(n: u64, unit: u64, name: &str) -> String {
    // Rounded half up, so that a ledger never shows less than it counted.
    let tenths = (n * 10 + unit / 2) / unit;
    format!("{}.{} {name}", grouped(tenths / 10), tenths % 10)
}

/// A set of vectors: `{}`, `{0xec}`, `{0x31, 0xec}`.
pub(crate) fn set(vectors: &VectorSet) -> String {
    let mut text = String::from("{");
    for (i, vector) in vectors.iter().enumerate() {
        let _infallible = write!(text, "{}{vector}", if i == 0 { "" } else { ", " });
    }
    text.push('}');
    text
}

/// The same for data attributes: separated by spaces.
pub(crate) fn set_attribute(vectors: &VectorSet) -> String {
    vectors.iter().map(|v| v.to_string()).collect::<Vec<_>>().join(" ")
}

/// Words within markup.
pub(crate) fn escaped(words: &str) -> String {
    let mut text = String::with_capacity(words.len());
    for c in words.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            c => text.push(c),
        }
    }
    text
}

/// A byte as `0xec`.
pub(crate) fn byte(value: u8) -> String {
    Vector::new(value).to_string()
}

/// A long name that may break after its underscores.
pub(crate) fn breakable(name: &str) -> String {
    name.replace('_', "_\u{200b}")
}

/// A text at the end of a piece of markup.
pub(crate) fn push_text(markup: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => markup.push_str("&amp;"),
            '<' => markup.push_str("&lt;"),
            c => markup.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_wording_rules_say() {
        assert_eq!(micros(Ns::from_ns(1_000_214)), "1\u{202f}000.214");
        assert_eq!(micros(Ns::from_ns(7)), "0.007");
        assert_eq!(micros(Ns::NEVER), "never");
        let mut signed = String::new();
        push_signed(&mut signed, -3_200);
        push_signed(&mut signed, 214);
        assert_eq!(signed, "−3.200+0.214");
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(span(Ns::ZERO), "0");
        assert_eq!(span(Ns::from_ns(740)), "740 ns");
        assert_eq!(span(Ns::from_ns(7_949)), "7.9 µs");
        assert_eq!(span(Ns::from_ns(12_350_000)), "12.4 ms");
        let mut vectors = VectorSet::default();
        assert_eq!(set(&vectors), "{}");
        vectors.test_and_set(Vector::LOCAL_TIMER);
        vectors.test_and_set(Vector::new(0x31));
        assert_eq!((set(&vectors), set_attribute(&vectors)), ("{0x31, 0xec}".into(), "0x31 0xec".into()));
        assert_eq!(byte(0), "0x00");
    }
}
