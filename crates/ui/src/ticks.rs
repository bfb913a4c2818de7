//! How many ticks a long run has, as it is typed.

use crate::words;
use apic_core::run::MOST_HANDLERS;

/// A whole number, with or without grouping.
///
/// # Errors
/// What is wrong with it, and the nearest valid value.
pub(crate) fn read(typed: &str) -> Result<u32, String> {
    let digits: String = typed.chars().filter(|c| !c.is_whitespace() && !matches!(c, ',' | '_' | '\u{202f}')).collect();
    let nearest = |problem: &str, value: u32| {
        let most = words::grouped(MOST_HANDLERS.into());
        let value = words::grouped(value.into());
        Err([problem, "; 1 to ", &most, " ticks are valid, the nearest is ", &value, "."].concat())
    };
    if digits.is_empty() {
        return nearest("No number of ticks", 1);
    }
    if digits.strip_prefix('-').is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit())) {
        return nearest("A run cannot have less than one tick", 1);
    }
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(["“", typed.trim(), "” is no number of ticks; write a whole number such as 1 000 000."].concat());
    }
    match digits.parse() {
        Ok(0) => nearest("0 ticks are no run", 1),
        Ok(ticks @ 1..=MOST_HANDLERS) => Ok(ticks),
        _ => nearest("Too many ticks", MOST_HANDLERS),
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[track_caller]
    fn check(typed: &str, expect: Result<u32, &str>) {
        match (read(typed), expect) {
            (Ok(found), Ok(expect)) => assert_eq!(found, expect, "{typed}"),
            (Err(why), Err(says)) => assert!(why.contains(says), "{typed}: {why}"),
            (found, _) => panic!("{typed}: {found:?}"),
        }
    }

    #[test]
    fn whole_numbers_are_read_and_others_are_answered_with_the_nearest() {
        check("1000000", Ok(1_000_000));
        check(" 1 000 000 ", Ok(1_000_000));
        check("10,000,000", Ok(10_000_000));
        check("10000001", Err("the nearest is 10\u{202f}000\u{202f}000."));
        check("99999999999999999999", Err("Too many ticks"));
        check("0", Err("the nearest is 1."));
        check("-5", Err("the nearest is 1."));
        check("", Err("the nearest is 1."));
        check("a million", Err("“a million” is no number of ticks"));
        check("1.5", Err("write a whole number"));
    }
}
