//! Knobs: single values of a scenario that a person may turn, each with its key, its group and what it can be. All are whole
//! numbers here: a flag is 0 or 1, a choice the place of its name.
//!
//! | file | holds |
//! | --- | --- |
//! | `mod.rs` | what a knob is, reading what a person typed |
//! | `table.rs` | all of them |

mod table;

use super::Scenario;
pub use table::KNOBS;

/// Knobs that are shown together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Group {
    /// `host.topology`.
    Topology,
    /// Ticks and clocks of the host.
    Host,
    /// One CPU's load, by the CPU's number.
    Housekeeper,
    /// KVM's policy for the VM.
    Vm,
    /// What the guest does.
    Guest,
    /// One vCPU, by its number.
    Vcpu,
    /// One device, by its number.
    Device,
    /// How long.
    Run,
}

impl Group {
    /// Every group, in the order they are shown.
    pub const ALL: &'static [Self] =
        &[Self::Vm, Self::Guest, Self::Host, Self::Topology, Self::Housekeeper, Self::Vcpu, Self::Device, Self::Run];

    /// Whether each CPU, vCPU or device has values of its own.
    pub const fn is_indexed(self) -> bool {
        matches!(self, Self::Housekeeper | Self::Vcpu | Self::Device)
    }
}

/// What a knob can be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// 0 or 1.
    Flag,
    /// The place of a name in this list.
    Choice(&'static [&'static str]),
    /// One of these numbers, in rising order.
    OneOf(&'static [u64]),
    /// From the first to the second.
    Range(u64, u64),
    /// The same, written in hexadecimal.
    Hex(u64, u64),
}

/// A single value of a scenario.
#[derive(Clone, Copy, Debug)]
pub struct Knob {
    /// Its key in a scenario document; `[]` stands for the number of the CPU, vCPU or device.
    pub key: &'static str,
    /// Where it is shown.
    pub group: Group,
    /// What it can be.
    pub shape: Shape,
    get: fn(&Scenario, usize) -> Option<u64>,
    set: fn(&mut Scenario, usize, u64),
}

/// Why what was typed is no value of a knob, and the nearest that is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unfit {
    /// What is wrong with it.
    pub problem: Problem,
    /// The nearest valid value; what the knob is now, if nothing is near.
    pub nearest: u64,
}

/// What is wrong with a typed value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Problem {
    /// There is no number in it.
    NotANumber,
    /// There is one, and something else, or a fraction of one.
    NotWhole,
    /// It is less than the least.
    TooSmall,
    /// It is more than the most.
    TooLarge,
    /// It lies between the values there are.
    NotOneOf,
}

impl Knob {
    /// Its value; `None` if this scenario has no such thing, for example no device with this number.
    pub fn get(&self, scenario: &Scenario, index: usize) -> Option<u64> {
        (self.get)(scenario, index)
    }

    /// Sets it. Whether the scenario is valid then, [`Scenario::validate`] says.
    pub fn set(&self, scenario: &mut Scenario, index: usize, value: u64) {
        (self.set)(scenario, index, value);
    }

    /// The key of one CPU's, vCPU's or device's knob.
    pub fn path(&self, index: usize) -> String {
        self.key.replace("[]", &["[", &index.to_string(), "]"].concat())
    }

    /// The value as a scenario document writes it.
    pub fn text(&self, value: u64) -> String {
        match self.shape {
            Shape::Flag => (if value == 0 { "false" } else { "true" }).to_owned(),
            Shape::Choice(names) => names.get(value as usize).copied().unwrap_or_default().to_owned(),
            Shape::OneOf(_) | Shape::Range(..) => value.to_string(),
            Shape::Hex(..) => format!("{value:#04x}"),
        }
    }

    /// Reads what a person typed, where the knob is `now`.
    ///
    /// # Errors
    /// What is wrong, and the nearest valid value.
    pub fn read(&self, typed: &str, now: u64) -> Result<u64, Unfit> {
        read(self.shape, typed, now)
    }
}

/// Reads what a person typed for a value of this shape that is `now`.
///
/// # Errors
/// What is wrong, and the nearest valid value.
pub fn read(shape: Shape, typed: &str, now: u64) -> Result<u64, Unfit> {
    let text = typed.trim();
    if let Shape::Flag | Shape::Choice(_) = shape {
        let names = if let Shape::Choice(names) = shape { names } else { &["false", "true"] };
        let place = names.iter().position(|name| *name == text).map(|place| place as u64);
        return place.ok_or(Unfit { problem: Problem::NotOneOf, nearest: now });
    }
    let (value, problem) = number(text);
    let Some(value) = value else { return Err(Unfit { problem: Problem::NotANumber, nearest: now }) };
    let (nearest, wrong) = nearest(shape, value);
    match problem.or(wrong) {
        // What lies outside lies there whether it is whole or not.
        Some(Problem::NotWhole) => Err(Unfit { problem: wrong.unwrap_or(Problem::NotWhole), nearest }),
        Some(problem) => Err(Unfit { problem, nearest }),
        None => Ok(value),
    }
}

/// The nearest valid number, and what is wrong with this one.
fn nearest(shape: Shape, value: u64) -> (u64, Option<Problem>) {
    match shape {
        Shape::OneOf(values) => {
            let nearest = values.iter().copied().min_by_key(|v| v.abs_diff(value)).unwrap_or(value);
            (nearest, (nearest != value).then_some(Problem::NotOneOf))
        }
        Shape::Range(least, most) | Shape::Hex(least, most) => {
            let wrong = match value {
                v if v < least => Some(Problem::TooSmall),
                v if v > most => Some(Problem::TooLarge),
                _ => None,
            };
            (value.clamp(least, most), wrong)
        }
        Shape::Flag | Shape::Choice(_) => (value, None),
    }
}

/// The whole number that a text begins with or stands for, and what is wrong with the text. Blanks and underscores group digits.
fn number(text: &str) -> (Option<u64>, Option<Problem>) {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '_' | '\u{202f}' | '\u{a0}')).collect();
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        return (u64::from_str_radix(hex, 16).ok(), None);
    }
    let (minus, digits) = match digits.strip_prefix(['-', '−']) {
        Some(rest) => (true, rest),
        None => (false, digits.strip_prefix('+').unwrap_or(&digits)),
    };
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let (whole, rest) = digits.split_at(end);
    if whole.is_empty() {
        return (None, Some(Problem::NotANumber));
    }
    // More digits than a number has room for: too many in any case.
    let value = whole.parse().unwrap_or(u64::MAX);
    if minus && value > 0 {
        return (Some(0), Some(Problem::TooSmall));
    }
    let half_up = rest.starts_with(['.', ',']) && rest.chars().nth(1).is_some_and(|c| ('5'..='9').contains(&c));
    (Some(value.saturating_add(u64::from(half_up))), (!rest.is_empty()).then_some(Problem::NotWhole))
}

/// The knobs in which two scenarios differ, each with its number: what is edited, in short.
pub fn differing<'a>(a: &'a Scenario, b: &'a Scenario) -> impl Iterator<Item = (&'static Knob, usize)> + 'a {
    let most = |s: &Scenario| usize::from(s.host.topology.cpus() as u16).max(s.vcpus.len()).max(s.devices.len());
    let most = most(a).max(most(b));
    KNOBS.iter().flat_map(move |knob| {
        let all = if knob.group.is_indexed() { most } else { 1 };
        (0..all).filter(move |i| knob.get(a, *i) != knob.get(b, *i)).map(move |i| (knob, i))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{PRESETS, preset};

    fn knob(key: &str) -> &'static Knob {
        KNOBS.iter().find(|k| k.key == key).unwrap_or_else(|| panic!("{key}"))
    }

    #[track_caller]
    fn check(key: &str, typed: &str, expect: Result<u64, (Problem, u64)>) {
        let found = knob(key).read(typed, 77).map_err(|unfit| (unfit.problem, unfit.nearest));
        assert_eq!(found, expect, "{key} = {typed}");
    }

    #[test]
    fn what_is_typed_is_read_or_answered_with_the_nearest_value() {
        check("guest.period_us", " 250 ", Ok(250));
        check("guest.period_us", "1 000", Ok(1_000));
        check("guest.period_us", "0", Err((Problem::TooSmall, 1)));
        check("guest.period_us", "-4", Err((Problem::TooSmall, 1)));
        check("guest.period_us", "2.5", Err((Problem::NotWhole, 3)));
        check("guest.period_us", "2,4", Err((Problem::NotWhole, 2)));
        check("guest.period_us", "12 apples", Err((Problem::NotWhole, 12)));
        check("guest.period_us", "often", Err((Problem::NotANumber, 77)));
        check("guest.period_us", "", Err((Problem::NotANumber, 77)));
        check("guest.period_us", "99999999999999999999999", Err((Problem::TooLarge, 3_600_000_000)));
        check("guest.vector", "0xEC", Ok(236));
        check("guest.vector", "0x05", Err((Problem::TooSmall, 16)));
        check("guest.vector", "0x", Err((Problem::NotANumber, 77)));
        check("host.hz", "500", Err((Problem::NotOneOf, 300)));
        check("host.hz", "1000", Ok(1_000));
        check("vm.vendor", "svm", Ok(1));
        check("vm.vendor", "amd", Err((Problem::NotOneOf, 77)));
        check("vm.apicv", "false", Ok(0));
    }

    /// Every value that a knob calls valid by itself can be set, is what is read back, and stays within what documents may say.
    #[test]
    fn what_a_knob_allows_a_scenario_allows() {
        for p in PRESETS.iter().filter(|p| p.name != "recorded-arms") {
            let scenario = p.scenario().expect("ships");
            for knob in KNOBS {
                let indices = if knob.group.is_indexed() { 2 } else { 1 };
                for index in 0..indices {
                    let Some(now) = knob.get(&scenario, index) else { continue };
                    assert_eq!(knob.read(&knob.text(now), 0), Ok(now), "{}: {}", p.name, knob.key);
                    let values = match knob.shape {
                        Shape::Flag => vec![0, 1],
                        Shape::Choice(names) => (0..names.len() as u64).collect(),
                        Shape::OneOf(values) => values.to_vec(),
                        Shape::Range(least, most) | Shape::Hex(least, most) => vec![least, least + 1, most],
                    };
                    for value in values {
                        let mut turned = scenario.clone();
                        knob.set(&mut turned, index, value);
                        let found = knob.get(&turned, index);
                        assert!(found == Some(value) || found.is_none(), "{}: {} = {value}", p.name, knob.key);
                        if let Err(error) = turned.validate() {
                            let error = error.to_string();
                            assert!(
                                !error.contains(&format!("{value} is out of range")) || ORDERED.contains(&knob.key),
                                "{error}"
                            );
                        }
                        knob.set(&mut turned, index, now);
                        assert_eq!(knob.get(&turned, index), Some(now), "{}: {}", p.name, knob.key);
                    }
                }
            }
        }
    }

    /// Knobs whose range depends on another knob.
    const ORDERED: &[&str] = &[
        "vcpus[].rival.period_us",
        "vcpus[].rival.for_us",
        "host.topology.sockets",
        "host.topology.llcs",
        "host.topology.cores",
        "host.topology.smt",
        "guest.period_us",
        "devices[].vcpu",
    ];

    #[cfg(feature = "text")]
    #[test]
    fn keys_and_names_are_those_of_a_document() {
        let mut scenario = preset("device-and-preemption").expect("ships");
        scenario.guest.other_exits = Some(crate::scenario::OtherExits {
            period_us: 10,
            first_us: 0,
            handling_ns: 5,
            interrupts: Some(crate::scenario::OtherInterrupts { per_mille: 5, handling_ns: 5 }),
        });
        let document = serde_json::to_value(&scenario).expect("plain");
        for knob in KNOBS {
            let Some(now) = knob.get(&scenario, 0).filter(|_| !MADE_UP.contains(&knob.key)) else { continue };
            let path = knob.path(0);
            let pointer = format!("/{}", path.replace(['.', '['], "/").replace(']', ""));
            let value = document.pointer(&pointer).unwrap_or_else(|| panic!("{path} is no key"));
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let written = match knob.shape {
                Shape::Hex(..) => now.to_string(),
                _ => knob.text(now),
            };
            assert_eq!(text, written, "{path}");
        }
    }

    /// Flags that stand for a part of the document that is there or not.
    #[cfg(feature = "text")]
    const MADE_UP: &[&str] =
        &["guest.other_exits", "guest.other_exits.interrupts", "vcpus[].rival", "devices", "host.housekeepers[].load"];

    #[test]
    fn two_scenarios_differ_in_the_knobs_that_were_turned() {
        let a = preset("pinned-vs-offloaded").expect("ships");
        let mut b = a.clone();
        assert_eq!(differing(&a, &b).count(), 0);
        b.vm.apicv = false;
        b.vcpus[0].start_us = 9;
        let keys: Vec<String> = differing(&a, &b).map(|(knob, i)| knob.path(i)).collect();
        assert_eq!(keys, ["vm.apicv", "vcpus[0].start_us"]);
    }
}
