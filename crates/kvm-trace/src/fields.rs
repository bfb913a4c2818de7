//! Words and numbers of a line, without allocation.

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The first word and what follows it.
pub(crate) fn word(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let start = bytes.iter().position(|b| !is_blank(*b))?;
    let word = &bytes[start..];
    let end = word.iter().position(|b| is_blank(*b)).map_or(bytes.len(), |len| start + len);
    Some((&text[start..end], &text[end..]))
}

/// Words of a text, separated by blanks.
#[derive(Clone)]
pub(crate) struct Words<'a>(pub(crate) &'a str);

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let (word, rest) = word(self.0)?;
        self.0 = rest;
        Some(word)
    }
}

/// `KEY=VALUE` words of a text; others are passed over.
pub(crate) struct Pairs<'a>(Words<'a>);

impl<'a> Pairs<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self(Words(text))
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let word = self.0.next()?;
            if let Some(at) = word.bytes().position(|b| b == b'=') {
                return Some((&word[..at], &word[at + 1..]));
            }
        }
    }
}

/// Digits only: the standard parser would also take a sign.
pub(crate) fn decimal(digits: &str) -> Option<u64> {
    /// So many digits always fit.
    const SAFE: usize = 19;
    let bytes = digits.as_bytes();
    if bytes.is_empty() {
        return None;
    }
    if bytes.len() > SAFE {
        return bytes.iter().all(u8::is_ascii_digit).then(|| digits.parse().ok())?;
    }
    bytes.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| value * 10 + u64::from(digit))
    })
}

/// Digits with a minus in front of them or none.
pub(crate) fn signed(text: &str) -> Option<i64> {
    match text.strip_prefix('-') {
        Some(digits) => 0_i64.checked_sub_unsigned(decimal(digits)?),
        None => decimal(text)?.try_into().ok(),
    }
}

/// Hex digits, with or without `0x`.
pub(crate) fn hex(digits: &str) -> Option<u64> {
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    // Leading zeroes are many in what the kernel prints.
    let significant = digits.trim_start_matches('0');
    if digits.is_empty() || significant.len() > 16 {
        return None;
    }
    significant.bytes().try_fold(0_u64, |value, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => return None,
        };
        Some(value << 4 | u64::from(digit))
    })
}

/// Narrowed, if it fits.
pub(crate) fn narrow<T: TryFrom<u64>>(value: Option<u64>) -> Option<T> {
    value?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (text, expect) in [
            ("0", Some(0)),
            ("0018446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("9999999999999999999", Some(9_999_999_999_999_999_999)),
            ("", None),
            ("+1", None),
            ("1 ", None),
            ("12345678901234567890a", None),
        ] {
            assert_eq!(decimal(text), expect, "{text}");
        }
        for (text, expect) in [
            ("0x0", Some(0)),
            ("0000000000000000ff", Some(255)),
            ("0xFFffFFffFFffFFff", Some(u64::MAX)),
            ("10000000000000000", None),
            ("0x", None),
            ("", None),
            ("0x1g", None),
            ("-1", None),
        ] {
            assert_eq!(hex(text), expect, "{text}");
        }
        for (text, expect) in [
            ("-1830", Some(-1_830)),
            ("12", Some(12)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("--1", None),
        ] {
            assert_eq!(signed(text), expect, "{text}");
        }
    }
}
