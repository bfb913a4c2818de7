//! Knobs as the page shows them: what stands in a field, what has changed, and what is said of a value that does not fit.

use crate::place::reason;
use apic_core::cost::CostKind;
use apic_core::kvm::{Rules, Switch};
use apic_core::scenario::knob::{Group, KNOBS, Knob, Problem, Shape, Unfit};
use apic_core::scenario::{Load, OwnCost, OwnCosts, Scenario, ScenarioError};
use apic_core::units::CpuId;

/// A place where a value is turned: to say there what is wrong with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Field {
    /// A knob by its place in [`KNOBS`], of the CPU, vCPU or device with this number.
    Knob(usize, usize),
    /// A rule of the kernel.
    Rule(Switch),
    /// A whole group.
    Group(Group),
    /// All rules.
    Rules,
    /// The cost set.
    Set,
    /// Least (`false`) or most (`true`) of a cost.
    Cost(CostKind, bool),
    /// All costs.
    Costs,
}

/// What was typed and is not valid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Refusal {
    pub(crate) field: Field,
    /// What stands in the field.
    pub(crate) typed: String,
    /// What is wrong with it.
    pub(crate) why: String,
    /// The nearest valid value, as it would be typed.
    pub(crate) nearest: Option<String>,
}

/// Where the source of costs that a person types is told.
const TYPED: &str = "typed in the playground";

/// The scenario with a knob turned.
pub(crate) fn turn(scenario: &Scenario, field: Field, typed: &str) -> Result<Scenario, Refusal> {
    let mut turned = scenario.clone();
    let refuse = |why: String, nearest: Option<String>| Refusal { field, typed: typed.to_owned(), why, nearest };
    match field {
        Field::Knob(i, index) => {
            let Some(knob) = KNOBS.get(i) else { return Ok(turned) };
            let now = knob.get(scenario, index).unwrap_or(0);
            match knob.read(typed, now) {
                Ok(value) => knob.set(&mut turned, index, value),
                Err(unfit) => return Err(refuse(words(knob.shape, unfit), Some(knob.text(unfit.nearest)))),
            }
        }
        Field::Rule(switch) => {
            let on = typed == "true";
            if switch.holds_in(scenario.vm.era) == on {
                turned.vm.rules.remove(&switch);
            } else {
                turned.vm.rules.insert(switch, on);
            }
        }
        Field::Set => typed.clone_into(&mut turned.costs.set),
        Field::Cost(kind, most) => {
            let shape = Shape::Range(0, MOST_NS);
            let (min, max) = price(scenario, kind);
            let read = apic_core::scenario::knob::read(shape, typed, u64::from(if most { max } else { min }));
            match read {
                Ok(value) => set_price(&mut turned, kind, most, value as u32),
                Err(unfit) => return Err(refuse(words(shape, unfit), Some(unfit.nearest.to_string()))),
            }
        }
        Field::Group(_) | Field::Rules | Field::Costs => {}
    }
    turned.validate().map_err(|error| refuse(reason(&error), None))?;
    Ok(turned)
}

/// Longest cost: a second.
const MOST_NS: u64 = 1_000_000_000;

/// What a kind costs, least and most.
pub(crate) fn price(scenario: &Scenario, kind: CostKind) -> (u32, u32) {
    let set = scenario.costs.set().of(kind);
    own(scenario, kind).map_or((set.min_ns, set.max_ns), |own| (own.min_ns, own.max_ns))
}

/// A cost of one's own.
pub(crate) fn own(scenario: &Scenario, kind: CostKind) -> Option<&OwnCost> {
    scenario.costs.own.as_ref()?.costs.iter().find(|own| own.kind == kind)
}

/// The other end of the interval gives way; a tail goes, since it lies above the interval.
fn set_price(scenario: &mut Scenario, kind: CostKind, most: bool, value: u32) {
    let (min, max) = price(scenario, kind);
    let (min_ns, max_ns) = if most { (min.min(value), value) } else { (value, max.max(value)) };
    let own = scenario.costs.own.get_or_insert_with(|| OwnCosts { source: TYPED.to_owned(), costs: Vec::new() });
    own.costs.retain(|own| own.kind != kind);
    own.costs.push(OwnCost { kind, min_ns, max_ns, tail: None });
}

/// The scenario with what a field stands for as it was in another.
pub(crate) fn reset(scenario: &Scenario, from: &Scenario, field: Field) -> Result<Scenario, ScenarioError> {
    let mut back = scenario.clone();
    match field {
        Field::Knob(i, index) => reset_knob(&mut back, from, i, index),
        Field::Group(group) => {
            for (i, knob) in KNOBS.iter().enumerate().filter(|(_, k)| k.group == group) {
                for index in 0..indices(knob, scenario) {
                    reset_knob(&mut back, from, i, index);
                }
            }
        }
        Field::Rule(switch) => match from.vm.rules.get(&switch) {
            Some(on) => {
                back.vm.rules.insert(switch, *on);
            }
            None => {
                back.vm.rules.remove(&switch);
            }
        },
        Field::Rules => back.vm.rules.clone_from(&from.vm.rules),
        Field::Cost(kind, _) => {
            let was = own(from, kind).copied();
            if let Some(own) = &mut back.costs.own {
                own.costs.retain(|own| own.kind != kind);
                own.costs.extend(was);
            }
            back.costs.own = back.costs.own.filter(|own| !own.costs.is_empty());
        }
        Field::Set | Field::Costs => back.costs = from.costs.clone(),
    }
    back.validate()?;
    Ok(back)
}

fn reset_knob(back: &mut Scenario, from: &Scenario, i: usize, index: usize) {
    // The shape of the host comes with what stood on it.
    if KNOBS[i].group == Group::Topology {
        back.host.topology = from.host.topology;
        back.host.nohz_full.clone_from(&from.host.nohz_full);
        back.host.housekeepers.clone_from(&from.host.housekeepers);
        back.vcpus.clone_from(&from.vcpus);
        back.moves.clone_from(&from.moves);
    } else if let Some(value) = KNOBS[i].get(from, index) {
        KNOBS[i].set(back, index, value);
    }
}

/// How many CPUs, vCPUs or devices have this knob.
pub(crate) fn indices(knob: &Knob, scenario: &Scenario) -> usize {
    match knob.group {
        Group::Housekeeper => scenario.host.topology.cpus() as usize,
        Group::Vcpu => scenario.vcpus.len(),
        Group::Device => scenario.devices.len().max(1),
        _ => 1,
    }
}

/// Whether a CPU has nothing to do.
pub(crate) fn idle(scenario: &Scenario, cpu: usize) -> bool {
    scenario.load_of(CpuId(cpu as u16)) == Load::Idle
}

/// Whether a knob is not what it was.
pub(crate) fn changed(scenario: &Scenario, from: &Scenario, i: usize, index: usize) -> bool {
    KNOBS[i].get(scenario, index) != KNOBS[i].get(from, index)
}

/// Rules that hold though the era has them not, or the other way round.
pub(crate) fn mixed(scenario: &Scenario) -> usize {
    let (of_era, here) = (Rules::of(scenario.vm.era), Rules::mixed(scenario.vm.era, &scenario.vm.rules));
    Switch::ALL.iter().filter(|switch| of_era.has(**switch) != here.has(**switch)).count()
}

/// The rules in whose name, words or commit all of these words are.
pub(crate) fn rules(words: &str) -> impl Iterator<Item = Switch> {
    let words: Vec<String> = words.split_whitespace().map(str::to_ascii_lowercase).collect();
    let has = move |switch: &Switch| {
        let info = switch.info();
        let text = [info.name, info.what, info.commit, info.version].join(" ").to_ascii_lowercase();
        words.iter().all(|word| text.contains(word.as_str()))
    };
    Switch::ALL.iter().copied().filter(has)
}

/// What is wrong with a typed value, and what would be valid.
fn words(shape: Shape, unfit: Unfit) -> String {
    let number = |n: u64| if let Shape::Hex(..) = shape { format!("{n:#04x}") } else { n.to_string() };
    let problem = match unfit.problem {
        Problem::NotANumber => "This is no number.",
        Problem::NotWhole => "This is no whole number.",
        Problem::TooSmall => "This is too small.",
        Problem::TooLarge => "This is too large.",
        Problem::NotOneOf => "This is none of the values there are.",
    };
    let valid = match shape {
        Shape::Range(least, most) | Shape::Hex(least, most) => [&number(least), " to ", &number(most)].concat(),
        Shape::OneOf(values) => values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        Shape::Choice(names) => names.join(", "),
        Shape::Flag => "true, false".to_owned(),
    };
    [problem, " Valid: ", &valid, ". Nothing has changed."].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use apic_core::kvm::Era;
    use apic_core::scenario::preset;

    fn first() -> Scenario {
        preset("pinned-vs-offloaded").expect("ships")
    }

    fn knob(key: &str) -> usize {
        KNOBS.iter().position(|k| k.key == key).unwrap_or_else(|| panic!("{key}"))
    }

    #[track_caller]
    fn refused(field: Field, typed: &str, why: &str, nearest: Option<&str>) {
        let refusal = turn(&first(), field, typed).expect_err("refused");
        assert!(refusal.why.contains(why), "{}", refusal.why);
        assert_eq!((refusal.nearest.as_deref(), refusal.typed.as_str()), (nearest, typed));
    }

    #[test]
    fn what_does_not_fit_is_told_with_the_nearest_value() {
        let period = Field::Knob(knob("guest.period_us"), 0);
        refused(period, "0", "too small. Valid: 1 to 3600000000", Some("1"));
        refused(period, "often", "no number", Some("1000"));
        refused(Field::Knob(knob("host.hz"), 0), "500", "none of the values", Some("300"));
        refused(Field::Knob(knob("guest.vector"), 0), "0x0", "Valid: 0x10 to 0xff", Some("0x10"));
        refused(Field::Knob(knob("host.topology.cores"), 0), "2", "has no CPU 3", None);
        refused(Field::Cost(CostKind::IpiFlight, false), "-1", "too small", Some("0"));
        assert_eq!(turn(&first(), period, "250").expect("valid").guest.period_us, 250);
    }

    #[test]
    fn a_rule_that_the_era_has_anyway_is_not_written_down() {
        let pinned = Field::Rule(Switch::Pinned);
        let mixed_in = turn(&first(), pinned, "true").expect("legal");
        assert_eq!((mixed_in.vm.rules.len(), mixed(&mixed_in)), (1, 1));
        assert_eq!(turn(&mixed_in, pinned, "false"), Ok(first()));
        assert_eq!(reset(&mixed_in, &first(), Field::Rules), Ok(first()));
        assert_eq!(reset(&mixed_in, &first(), pinned), Ok(first()));
    }

    #[test]
    fn every_group_comes_back() {
        let (mut turned, from) = (first(), first());
        turned.vm.era = Era::V5_3;
        turned.vm.apicv = false;
        turned.guest.period_us = 77;
        turned.vcpus[0].start_us = 5;
        turned.host.topology.cores = 6;
        turned.host.housekeepers[0].tick_phase_us = 1;
        for group in Group::ALL {
            turned = reset(&turned, &from, Field::Group(*group)).expect("valid");
        }
        assert_eq!(turned, from);
    }

    #[test]
    fn a_cost_of_ones_own_stands_in_place_of_the_sets() {
        let flight = |most| Field::Cost(CostKind::IpiFlight, most);
        let slow = turn(&first(), flight(false), "900").expect("valid");
        assert_eq!(price(&slow, CostKind::IpiFlight), (900, 900), "the other end gives way");
        let wide = turn(&slow, flight(true), "1200").expect("valid");
        assert_eq!(price(&wide, CostKind::IpiFlight), (900, 1_200));
        assert_eq!(reset(&wide, &first(), flight(true)), Ok(first()));
        assert!(turn(&first(), Field::Set, "pentium").expect_err("none").why.contains("Valid: skylake"));
    }

    #[test]
    fn rules_are_found_by_name_words_and_commit() {
        assert_eq!(rules("").count(), Switch::ALL.len());
        assert_eq!(rules("61abdbe0bcc2").collect::<Vec<_>>(), [Switch::Pinned]);
        assert!(rules("MWAIT posting").any(|s| s == Switch::GateMwait));
        assert_eq!(rules("no such words").count(), 0);
    }

    /// Each knob has its sentence, its kernel name and its unit in the file that is loaded when the knobs are opened.
    #[test]
    fn every_knob_has_a_sentence() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../static/glossary/knobs.json");
        let text = std::fs::read_to_string(path).expect("the file is there");
        let rows: Vec<std::collections::BTreeMap<String, String>> =
            serde_json::from_str(&text).expect("an array of objects");
        let keys: Vec<&str> = rows.iter().map(|row| row["key"].as_str()).collect();
        let wanted: Vec<&str> = KNOBS.iter().map(|knob| knob.key).collect();
        assert_eq!(keys, wanted);
        for row in rows {
            assert!(row["what"].ends_with('.') && !row["kernel"].is_empty(), "{}", row["key"]);
            assert_eq!(
                row["unit"].is_empty(),
                !["_us", "_ns", "hz", "_mille"].iter().any(|u| row["key"].ends_with(u)),
                "{}",
                row["key"]
            );
        }
    }
}
