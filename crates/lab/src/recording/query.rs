//! The search: ticks for which every term of a query holds.

use super::{Recording, Vcpu};
use kvm_trace::Tick;
use std::fmt::Write as _;

/// Ticks that are listed; all are counted.
const LISTED: usize = 60;

/// What is valid, in words.
const VALID: &str = "terms such as `late > 50us`, `waits > 1ms`, `path = woken`, `outcome = coalesced`, `rule = S9`, \
                     `tick = 93`, `line = 1805`";

/// A term.
#[derive(Clone, PartialEq, Debug)]
enum Term {
    Late(Compare, i64),
    Waits(Compare, i64),
    Path(String),
    Outcome(String),
    Rule(String),
    Tick(u64),
    Line(u64),
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Compare {
    More,
    Less,
    Same,
}

impl Compare {
    fn holds(self, value: i64, bound: i64) -> bool {
        match self {
            Self::More => value > bound,
            Self::Less => value < bound,
            Self::Same => value == bound,
        }
    }
}

/// How long a tick waited from its expiry to its accept.
pub(super) fn waited(tick: &Tick) -> Option<i64> {
    tick.expiry_to_accept_ns().and_then(|ns| i64::try_from(ns).ok())
}

fn holds(term: &Term, tick: &Tick) -> bool {
    match term {
        Term::Late(compare, ns) => tick.lateness_ns().is_some_and(|late| compare.holds(late, *ns)),
        Term::Waits(compare, ns) => waited(tick).is_some_and(|waits| compare.holds(waits, *ns)),
        Term::Path(name) => tick.path.name() == name,
        Term::Outcome(name) => tick.outcome.name() == name,
        Term::Rule(id) => {
            let refused = tick.refused.map(|(_, rule)| rule);
            let rules = [Some(tick.arm_rule), Some(tick.path_rule), Some(tick.outcome_rule), refused];
            rules.into_iter().flatten().any(|rule| rule.id().eq_ignore_ascii_case(id))
        }
        Term::Tick(number) => tick.number + 1 == *number,
        Term::Line(line) => {
            let places = [tick.armed.map(|a| a.at), tick.expiry.map(|e| e.at), tick.accept(), tick.entered, tick.ended];
            let mut lines = places.into_iter().flatten().map(|at| at.line);
            lines.clone().min().is_some_and(|first| first <= *line) && lines.any(|last| *line <= last)
        }
    }
}

/// "50us", "1.5ms", "200": nanoseconds.
fn duration(text: &str) -> Option<i64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '-').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale = match unit {
        "" | "ns" => 1.0,
        "us" | "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => return None,
    };
    Some((number.parse::<f64>().ok()? * scale) as i64)
}

fn parse(query: &str) -> Result<Vec<Term>, String> {
    let mut spaced = query.replace('>', " > ").replace('<', " < ").replace('=', " = ");
    spaced.make_ascii_lowercase();
    let words: Vec<_> = spaced.split_whitespace().filter(|word| *word != "and").collect();
    let mut terms = Vec::new();
    for term in words.chunks(3) {
        let wrong = || format!("\"{}\" is no term; valid are {VALID}", term.join(" "));
        let [name, sign, value] = *term else { return Err(wrong()) };
        let compare = match sign {
            ">" => Compare::More,
            "<" => Compare::Less,
            "=" => Compare::Same,
            _ => return Err(wrong()),
        };
        let is = compare == Compare::Same;
        let number = || value.parse().map_err(|_| wrong());
        terms.push(match name {
            "late" => Term::Late(compare, duration(value).ok_or_else(wrong)?),
            "waits" => Term::Waits(compare, duration(value).ok_or_else(wrong)?),
            "path" if is && kvm_trace::Path::ALL.iter().any(|path| path.name() == value) => {
                Term::Path(value.to_owned())
            }
            "outcome" if is && kvm_trace::Outcome::ALL.iter().any(|o| o.name() == value) => {
                Term::Outcome(value.to_owned())
            }
            "rule" if is => Term::Rule(value.to_owned()),
            "tick" if is => Term::Tick(number()?),
            "line" if is => Term::Line(number()?),
            _ => return Err(wrong()),
        });
    }
    Ok(terms)
}

impl Recording {
    /// How many ticks a query finds, and the first of them as a list of buttons. Without a query, those that reached their
    /// guest latest.
    ///
    /// # Errors
    /// Which term is wrong, and what is valid.
    pub(crate) fn find(&self, query: &str) -> Result<(u64, String), String> {
        let terms = parse(query)?;
        let all =
            self.vcpus.iter().enumerate().flat_map(|(v, vcpu)| (0..vcpu.ticks.len()).map(move |tick| (v, vcpu, tick)));
        let mut found: Vec<(usize, &Vcpu, usize)> =
            all.filter(|(_, vcpu, tick)| terms.iter().all(|term| holds(term, &vcpu.ticks[*tick]))).collect();
        let count = found.len() as u64;
        if terms.is_empty() {
            let delay = |tick: &Tick| tick.lateness_ns().unwrap_or(0).saturating_add(waited(tick).unwrap_or(0));
            found.sort_by_key(|(_, vcpu, tick)| std::cmp::Reverse(delay(&vcpu.ticks[*tick])));
        }
        let mut out = String::new();
        for (v, vcpu, tick) in found.into_iter().take(LISTED) {
            row(v, vcpu, tick, &mut out);
        }
        Ok((count, out))
    }
}

fn row(v: usize, vcpu: &Vcpu, number: usize, out: &mut String) {
    let tick = &vcpu.ticks[number];
    let steps = vcpu.steps(number);
    // Where its timer expired, else where it begins.
    let at = steps.iter().position(|step| matches!(step.what, super::steps::What::Expired)).unwrap_or(0);
    let line = steps.get(at).map_or(0, |step| step.at.line);
    let position = vcpu.before[number] + at as u64 + 1;
    let late = tick.lateness_ns().map_or_else(String::new, |ns| format!(", {} late", super::stage::span(ns)));
    let waits = waited(tick).map_or_else(String::new, |ns| format!(", waited {}", super::stage::span(ns)));
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<li><button data-vcpu=\"{v}\" data-go=\"{position}\">tick {}, line {line}{late}{waits}: {}, {}</button></li>",
        tick.number + 1,
        tick.path.name(),
        tick.outcome.name()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms() {
        for (query, expect) in [
            ("", Some(vec![])),
            ("late > 50us", Some(vec![Term::Late(Compare::More, 50_000)])),
            ("late>1.5ms path=Woken", Some(vec![Term::Late(Compare::More, 1_500_000), Term::Path("woken".into())])),
            (
                "waits < 200 and outcome = coalesced",
                Some(vec![Term::Waits(Compare::Less, 200), Term::Outcome("coalesced".into())]),
            ),
            ("tick = 93 line = 4 rule = s9", Some(vec![Term::Tick(93), Term::Line(4), Term::Rule("s9".into())])),
            ("late", None),
            ("late > soon", None),
            ("path > woken", None),
            ("path = nowhere", None),
            ("speed = 3", None),
        ] {
            assert_eq!(parse(query).ok(), expect, "{query}");
        }
        assert!(parse("late > soon").expect_err("no time").contains("`late > 50us`"));
    }
}
