//! Numbers in words, as the page writes them.

use apic_core::units::Ns;

/// A time with its sign: `−740 ns`, `1.250 µs`.
pub(crate) fn time(ns: i64) -> String {
    let size = Ns::from_ns(ns.unsigned_abs()).to_string();
    if ns < 0 { ["−", &size].concat() } else { size }
}

/// A whole number with grouped thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A rank given in thousandths: `99.9 %`.
pub(crate) fn rank(thousandths: u64) -> String {
    match thousandths {
        0 => "least".to_owned(),
        1_000 => "most".to_owned(),
        rank if rank % 10 == 0 => format!("{} %", rank / 10),
        rank => format!("{}.{} %", rank / 10, rank % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_page_writes_them() {
        assert_eq!([time(-740), time(0), time(1_250)], ["−740 ns", "0 ns", "1.250 µs"]);
        assert_eq!([grouped(999), grouped(1_234_567)], ["999", "1\u{202f}234\u{202f}567"]);
        assert_eq!([0, 10, 500, 999, 1_000].map(rank), ["least", "1 %", "50 %", "99.9 %", "most"]);
    }
}
