//! Conditions on steps, as a person types them: for breakpoints, and to filter the list.
//!
//! A condition is one or more clauses joined by `and`; [`CLAUSES`] lists them. What cannot be read says so with the nearest
//! valid thing.

use apic_core::effect::{Bank, Effect, Field};
use apic_core::rule::Rule;
use apic_core::run::{Marks, StepMeta};
use apic_core::units::{CpuId, VcpuId, Vector};

/// One thing that a step must do or be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Clause {
    Marked(Marks),
    Exit(&'static str),
    Rule(Rule),
    /// A field gets a value, or any other than it had.
    Becomes(Field, Option<u64>),
    /// A bit of a bank.
    Bit(Bank, Option<Vector>, Option<bool>),
    /// The handler starts later than so many ns after its deadline; or earlier, if not.
    Late(bool, i64),
    Core(CpuId),
    Vcpu(VcpuId),
}

/// Everything that a step must do or be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Condition(Vec<Clause>);

/// Why a condition cannot be read: what was found, and what would be valid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Unread {
    found: String,
    nearest: Option<String>,
    valid: String,
}

impl std::fmt::Display for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let found = if self.found.is_empty() { "the end" } else { &self.found };
        write!(f, "“{found}” cannot be read here.")?;
        if let Some(nearest) = &self.nearest {
            write!(f, " Nearest: {nearest}.")?;
        }
        write!(f, " Valid: {}.", self.valid)
    }
}

/// What each clause looks like, and what it means; for the page's list.
pub(crate) const CLAUSES: [(&str, &str); 9] = [
    ("ON becomes 1", "a field gets this value; “ON changes” is any"),
    ("PIR[0xec] becomes 1", "a bit of PIR, VIRR or VISR; “PIR changes” is any"),
    ("exit reason MSR_WRITE", "a VM exit for this reason; “exit” is any"),
    ("latency > 5 µs", "a handler starts later after its deadline; < is earlier"),
    ("IPI", "an IPI is sent; “no IPI”: it is not needed"),
    ("expiry", "a guest timer's callback; also: entry, handler, armed"),
    ("rule C9", "a step by its rule"),
    ("core 3", "on this core"),
    ("vCPU 0", "about this vCPU"),
];

const FIELDS: [(&str, Field); 12] = [
    ("ON", Field::On),
    ("mode", Field::Mode),
    ("requests", Field::Requests),
    ("pending", Field::Pending),
    ("TSC_DEADLINE", Field::Tscdeadline),
    ("expired_tscdeadline", Field::ExpiredTscdeadline),
    ("timer_advance_ns", Field::TimerAdvanceNs),
    ("RVI", Field::Rvi),
    ("SVI", Field::Svi),
    ("VPPR", Field::Vppr),
    ("IF", Field::If),
    ("hv_timer_in_use", Field::HvTimerInUse),
];

const BANKS: [(&str, Bank); 3] = [("PIR", Bank::Pir), ("VIRR", Bank::Virr), ("VISR", Bank::Visr)];

const MARKS: [(&str, Marks); 6] = [
    ("exit", Marks::EXIT),
    ("entry", Marks::ENTER),
    ("expiry", Marks::EXPIRY),
    ("IPI", Marks::IPI),
    ("handler", Marks::DELIVERED),
    ("armed", Marks::ARMED),
];

const REASONS: [&str; 8] = [
    "EXTERNAL_INTERRUPT",
    "MSR_WRITE",
    "PREEMPTION_TIMER",
    "HLT",
    "CPUID",
    "INTERRUPT_WINDOW",
    "EPT_MISCONFIG",
    "avic_unaccelerated_access",
];

/// Words of a condition, with what stands in brackets as words of their own.
struct Words<'a>(std::iter::Peekable<std::vec::IntoIter<&'a str>>);

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// The word that cannot be read, the nearest valid one, and what is valid.
    pub(crate) fn read(text: &str) -> Result<Self, Unread> {
        let mut spaced = String::with_capacity(text.len() + 8);
        for c in text.chars() {
            match c {
                '[' | ']' | ':' | '\u{a0}' | '\u{202f}' => spaced.push(' '),
                '>' | '<' => spaced.extend([' ', c, ' ']),
                c => spaced.push(c),
            }
        }
        let mut words = Words(spaced.split_ascii_whitespace().collect::<Vec<_>>().into_iter().peekable());
        let mut clauses = vec![words.clause()?];
        while let Some(word) = words.0.next() {
            if !word.eq_ignore_ascii_case("and") {
                return Err(unread(word, &["and"], "“and” with one more, or the end"));
            }
            clauses.push(words.clause()?);
        }
        Ok(Self(clauses))
    }

    /// Whether a step with these effects is one.
    pub(crate) fn holds(&self, meta: &StepMeta, effects: &[Effect]) -> bool {
        self.0.iter().all(|clause| clause.holds(meta, effects))
    }

    /// Whether steps can be told without their effects.
    pub(crate) fn is_short(&self) -> bool {
        self.0.iter().all(|c| matches!(c, Clause::Marked(_) | Clause::Rule(_) | Clause::Core(_) | Clause::Vcpu(_)))
    }
}

impl Clause {
    fn holds(self, meta: &StepMeta, effects: &[Effect]) -> bool {
        let any = |is: &dyn Fn(&Effect) -> bool| effects.iter().any(is);
        match self {
            Self::Marked(marks) => meta.marks.has(marks),
            Self::Rule(rule) => meta.rule == rule,
            Self::Core(cpu) => meta.cpu == cpu,
            Self::Vcpu(vcpu) => meta.vcpu == Some(vcpu),
            Self::Exit(wanted) => {
                any(&|e| matches!(e, Effect::Exit { reason, .. } if reason.eq_ignore_ascii_case(wanted)))
            }
            Self::Becomes(wanted, value) => any(
                &|e| matches!(e, Effect::Set { field, to, .. } if *field == wanted && value.is_none_or(|value| value == *to)),
            ),
            Self::Bit(wanted, which, value) => any(&|e| {
                matches!(e, Effect::Bit { bank, vector, on, .. } if *bank == wanted
                    && which.is_none_or(|which| which == *vector) && value.is_none_or(|value| value == *on))
            }),
            Self::Late(later, than) => any(
                &|e| matches!(e, Effect::Delivered { late_ns, .. } if if later { *late_ns > than } else { *late_ns < than }),
            ),
        }
    }
}

impl Words<'_> {
    fn clause(&mut self) -> Result<Clause, Unread> {
        let word = self.0.next().unwrap_or_default();
        let is = |name: &str| word.eq_ignore_ascii_case(name);
        if is("no") {
            self.expect("IPI")?;
            return Ok(Clause::Marked(Marks::NO_IPI));
        }
        if is("exit") && self.0.peek().is_some_and(|next| !next.eq_ignore_ascii_case("and")) {
            if self.0.peek().is_some_and(|next| next.eq_ignore_ascii_case("reason")) {
                self.0.next();
            }
            let reason = self.0.next().unwrap_or_default();
            let known = REASONS.iter().find(|known| reason.eq_ignore_ascii_case(known));
            return known
                .map(|reason| Clause::Exit(reason))
                .ok_or_else(|| unread(reason, &REASONS, &REASONS.join(", ")));
        }
        if is("latency") {
            return self.latency();
        }
        if is("rule") {
            let id = self.0.next().unwrap_or_default();
            let all: Vec<&str> = Rule::ALL.iter().map(|rule| rule.id()).collect();
            return Rule::from_id(id).map(Clause::Rule).ok_or_else(|| unread(id, &all, "the id of a rule, such as C9"));
        }
        if is("core") || is("cpu") {
            return self.number("the number of a core").map(|n| Clause::Core(CpuId(n)));
        }
        if is("vcpu") {
            return self.number("the number of a vCPU").map(|n| Clause::Vcpu(VcpuId(n)));
        }
        if let Some((_, marks)) = MARKS.iter().find(|(name, _)| is(name)) {
            return Ok(Clause::Marked(*marks));
        }
        if let Some((_, bank)) = BANKS.iter().find(|(name, _)| is(name)) {
            let vector = self.0.next_if(|word| number(word).is_some()).and_then(number);
            let vector =
                vector.map(|v| u8::try_from(v).map_err(|_| unread(&v.to_string(), &[], "a vector, 0x00 to 0xff")));
            let value = self.becomes()?;
            let bit = value.map(|v| if v > 1 { Err(unread(&v.to_string(), &["1"], "0 or 1")) } else { Ok(v == 1) });
            return Ok(Clause::Bit(*bank, vector.transpose()?.map(Vector::new), bit.transpose()?));
        }
        if let Some((_, field)) = FIELDS.iter().find(|(name, _)| is(name)) {
            return self.becomes().map(|value| Clause::Becomes(*field, value));
        }
        if let Some(rule) = Rule::from_id(word) {
            return Ok(Clause::Rule(rule));
        }
        let fields = FIELDS.iter().map(|(name, _)| *name).chain(BANKS.iter().map(|(name, _)| *name));
        let all: Vec<&str> = MARKS
            .iter()
            .map(|(name, _)| *name)
            .chain(["no", "latency", "rule", "core", "vCPU"])
            .chain(fields)
            .collect();
        let valid =
            "exit, entry, expiry, IPI, no IPI, handler, armed, latency, rule, core, vCPU, or a field such as ON or PIR";
        Err(unread(word, &all, valid))
    }

    /// `becomes 1` or `changes`.
    fn becomes(&mut self) -> Result<Option<u64>, Unread> {
        let word = self.0.next().unwrap_or_default();
        if word.eq_ignore_ascii_case("changes") {
            return Ok(None);
        }
        if !word.eq_ignore_ascii_case("becomes") && word != "=" {
            return Err(unread(word, &["becomes", "changes"], "“becomes” with a number, or “changes”"));
        }
        let value = self.0.next().unwrap_or_default();
        number(value).map(Some).ok_or_else(|| unread(value, &[], "a number, such as 1 or 0xec"))
    }

    /// `> 5 µs`.
    fn latency(&mut self) -> Result<Clause, Unread> {
        let sign = self.0.next().unwrap_or_default();
        if sign != ">" && sign != "<" {
            return Err(unread(sign, &[">"], "> or <"));
        }
        let value = self.0.next().unwrap_or_default();
        let digits = value.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = if digits.len() == value.len() { self.0.next().unwrap_or_default() } else { &value[digits.len()..] };
        let amount = number(digits).filter(|n| *n < 1_000_000_000).map(u64::cast_signed);
        let amount = amount.ok_or_else(|| unread(value, &[], "a whole number below a thousand million"))?;
        let scale = match unit {
            "ns" => 1,
            "µs" | "μs" | "us" => 1_000,
            "ms" => 1_000_000,
            _ => return Err(unread(unit, &["µs", "ns", "ms"], "ns, µs (or us) or ms")),
        };
        Ok(Clause::Late(sign == ">", amount * scale))
    }

    fn number(&mut self, valid: &str) -> Result<u16, Unread> {
        let word = self.0.next().unwrap_or_default();
        number(word).and_then(|n| u16::try_from(n).ok()).ok_or_else(|| unread(word, &[], valid))
    }

    fn expect(&mut self, wanted: &str) -> Result<(), Unread> {
        let word = self.0.next().unwrap_or_default();
        if word.eq_ignore_ascii_case(wanted) { Ok(()) } else { Err(unread(word, &[wanted], wanted)) }
    }
}

/// A number, also in hexadecimal.
fn number(word: &str) -> Option<u64> {
    word.strip_prefix("0x").map_or_else(|| word.parse().ok(), |hex| u64::from_str_radix(hex, 16).ok())
}

fn unread(found: &str, known: &[&str], valid: &str) -> Unread {
    let near = |word: &&&str| distance(found, word) <= (word.len() / 2).min(3);
    let nearest = known.iter().filter(near).min_by_key(|word| distance(found, word)).filter(|_| !found.is_empty());
    let found = found.chars().take(40).collect();
    Unread { found, nearest: nearest.map(|word| (*word).to_owned()), valid: valid.to_owned() }
}

/// How many letters have to change to make one word the other, in either case.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().take(64).map(|c| c.to_ascii_lowercase()).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let change = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use apic_core::run::History;
    use apic_core::scenario::{PathKind, preset};

    /// The rules of the steps of the first preset's second path that a condition holds for, each once.
    fn rules(text: &str) -> Vec<&'static str> {
        let condition = Condition::read(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        let path = History::new(&preset("pinned-vs-offloaded").expect("ships"), PathKind::Posted);
        let mut found: Vec<&str> = Vec::new();
        path.each(|_, meta, effects| {
            if condition.holds(meta, effects) && !found.contains(&meta.rule.id()) {
                found.push(meta.rule.id());
            }
        });
        found
    }

    #[test]
    fn conditions_find_the_steps_that_they_name() {
        assert_eq!(rules("ON becomes 1"), ["C8b"]);
        assert_eq!(rules("on changes"), ["C8b", "C12b"]);
        assert_eq!(rules("PIR[0xec] becomes 1"), ["C8"]);
        assert_eq!(rules("PIR[0x31] changes"), [""; 0]);
        assert_eq!(rules("PIR changes"), ["C8", "C12c"]);
        assert_eq!(rules("exit reason msr_write"), ["A1"]);
        assert_eq!(rules("exit"), ["A1"]);
        assert_eq!(rules("exit EXTERNAL_INTERRUPT"), [""; 0]);
        assert_eq!(rules("IPI"), ["C9"]);
        assert_eq!(rules("rule C9 and core 0"), ["C9"]);
        assert_eq!(rules("C9 and core 3"), [""; 0]);
        assert_eq!(rules("handler and vCPU 0"), ["C13"]);
        assert_eq!(rules("latency > 100 ns"), ["C13"]);
        assert_eq!(rules("latency>5ms"), [""; 0]);
        assert_eq!(rules("expiry"), ["C4"]);
    }

    #[track_caller]
    fn refused(text: &str, expect: &str) {
        let error = Condition::read(text).expect_err("cannot be read").to_string();
        assert!(error.contains(expect), "{text}: {error}");
    }

    #[test]
    fn what_cannot_be_read_says_what_would_be_valid() {
        refused("", "“the end” cannot be read here. Valid: exit,");
        refused("exti", "Nearest: exit.");
        refused("exit reason MSRWRITE", "Nearest: MSR_WRITE. Valid: EXTERNAL_INTERRUPT,");
        refused("ON becomes", "“the end” cannot be read here. Valid: a number");
        refused("ON becoms 1", "Nearest: becomes.");
        refused("PIR becomes 2", "“2” cannot be read here. Valid: 0 or 1");
        refused("PIR[0x1ff] becomes 1", "a vector, 0x00 to 0xff");
        refused("latency 5 µs", "“5” cannot be read here. Valid: > or <");
        refused("latency > 5 s", "Valid: ns, µs (or us) or ms");
        refused("latency > much", "“much”");
        refused("latency > 99999999999 ms", "below a thousand million");
        refused("rule C99", "the id of a rule");
        refused("core 70000", "the number of a core");
        refused("IPI or exit", "Valid: “and” with one more");
        refused(&"x".repeat(9_999), "xxx” cannot be read here. Valid: exit");
    }

    #[test]
    fn every_example_of_the_page_can_be_read() {
        for (example, _) in CLAUSES {
            Condition::read(example).unwrap_or_else(|e| panic!("{example}: {e}"));
        }
    }
}
