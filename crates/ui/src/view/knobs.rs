//! Every value of the scenario that can be turned, group by group; the kernel's rules, one by one; what steps cost.

use super::costs;
use super::event::{chosen, field as input, is_open};
use super::part::{Draw, Send};
use crate::app::Msg;
use crate::app::knobs::{Ask, Words};
use crate::knobs::{self, Field, Refusal};
use crate::later::{Later, behind};
use apic_core::kvm::{Rules, Switch};
use apic_core::scenario::Scenario;
use apic_core::scenario::knob::{Group, KNOBS, Knob, Shape};
use std::rc::Rc;
use yew::prelude::*;

/// The scenario, and what it was.
#[derive(PartialEq)]
pub(crate) struct Knobs {
    pub(crate) open: bool,
    pub(crate) scenario: Rc<Scenario>,
    /// The preset as it ships: what a reset brings back.
    pub(crate) baseline: Rc<Scenario>,
    /// The selected vCPU, whose own knobs are shown.
    pub(crate) vcpu: u16,
    pub(crate) words: Option<Words>,
    pub(crate) refusal: Option<Rc<Refusal>>,
    /// What is looked for among the rules.
    pub(crate) rules: AttrValue,
    /// What cannot do what it is configured for.
    pub(crate) unused: Rc<[AttrValue]>,
    pub(crate) later: Later,
    pub(crate) send: Send,
}

impl Draw for Knobs {
    fn draw(&self) -> Html {
        let ontoggle = self.send.reform(|event: Event| Msg::Knobs(Ask::Opened(is_open(&event))));
        html! {
            <details class="card knobs" data-testid="knobs" {ontoggle}>
                <summary><b>{ "Configure" }</b>{ " " }<span class="about">{ self.about() }</span></summary>
                <div>{ self.later.draw(|| self.body()) }</div>
            </details>
        }
    }
}

impl Knobs {
    fn body(&self) -> Html {
        let groups =
            || html! { <>{ for Group::ALL.iter().map(|g| self.group(*g)) }{ self.rules() }{ costs::editor(self) }</> };
        let missing = self.words.as_ref().is_some_and(|words| words.is_empty());
        html! {
            <>
                <div>{ missing.then_some("The sentences about the knobs could not be loaded. The knobs work all the same.") }</div>
                <div>{ self.open.then(groups) }</div>
            </>
        }
    }

    /// How many are changed.
    fn changed(&self) -> usize {
        self.all().filter(|(i, _, index)| knobs::changed(&self.scenario, &self.baseline, *i, *index)).count()
    }

    /// What is changed and what cannot work, in a few words.
    fn about(&self) -> String {
        let changed = self.later.here().map_or(0, |here| behind(here, || self.changed()));
        let mut about = if changed == 0 {
            "kernel, guest, host, rules, costs".to_owned()
        } else {
            [&changed.to_string(), " changed"].concat()
        };
        if !self.unused.is_empty() {
            about.push_str(", something cannot be used");
        }
        about
    }

    /// The knobs that are shown: of CPUs those that keep house, of vCPUs the selected one.
    fn all(&self) -> impl Iterator<Item = (usize, &'static Knob, usize)> + '_ {
        KNOBS.iter().enumerate().flat_map(move |(i, knob)| {
            let wanted = move |index: &usize| knob.group != Group::Vcpu || *index == usize::from(self.vcpu);
            let there = move |index: &usize| knob.get(&self.scenario, *index).is_some();
            (0..knobs::indices(knob, &self.scenario)).filter(wanted).filter(there).map(move |index| (i, knob, index))
        })
    }

    fn group(&self, group: Group) -> Html {
        let of: Vec<_> = self.all().filter(|(_, knob, _)| knob.group == group).collect();
        let changed =
            of.iter().filter(|(i, _, index)| knobs::changed(&self.scenario, &self.baseline, *i, *index)).count();
        let name = match group {
            Group::Topology => "Topology".to_owned(),
            Group::Host => "Host".to_owned(),
            Group::Housekeeper => "Housekeepers".to_owned(),
            Group::Vm => "Kernel and VM".to_owned(),
            Group::Guest => "Guest".to_owned(),
            Group::Vcpu => format!("vCPU {}", self.vcpu),
            Group::Device => "Devices".to_owned(),
            Group::Run => "Run".to_owned(),
        };
        // One CPU after the other; those that do something come first, since there may be many that do not.
        let indices = of.iter().map(|(_, _, index)| *index + 1).max().unwrap_or(0);
        let of = &of;
        let idle = |index: usize| group == Group::Housekeeper && knobs::idle(&self.scenario, index);
        let order = [false, true].into_iter().flat_map(|last| (0..indices).filter(move |index| idle(*index) == last));
        let rows = order.flat_map(|index| of.iter().filter(move |(_, _, of)| *of == index));
        let rows = rows.take(MOST_ROWS).map(|(i, knob, index)| self.row(*i, knob, *index));
        self.section(&name, changed, Field::Group(group), rows.collect())
    }

    /// A group under its heading.
    pub(super) fn section(&self, name: &str, changed: usize, field: Field, body: Html) -> Html {
        let reset = (changed > 0).then(|| self.reset(field, name));
        let mark = if changed == 0 { String::new() } else { format!("{changed} changed") };
        html! {
            <details class="knob-group" data-group={name.to_owned()}>
                <summary>{ name }{ " " }<span class="changed">{ mark }</span></summary>
                <div class="knob-reset">{ reset }{ self.why(field) }</div>
                { body }
            </details>
        }
    }

    pub(super) fn reset(&self, field: Field, of: &str) -> Html {
        let onclick = self.send.reform(move |_: MouseEvent| Msg::Knobs(Ask::Reset(field)));
        html! { <button class="quiet small" aria-label={format!("Reset {of}")} {onclick}>{ "Reset" }</button> }
    }

    /// What is wrong with what was typed in a field, and the nearest value at a press.
    pub(super) fn why(&self, field: Field) -> Html {
        let refusal = self.refusal.as_ref().filter(|refusal| refusal.field == field);
        let body = refusal.map(|refusal| {
            let nearest = refusal.nearest.clone().map(|nearest| {
                let typed = nearest.clone();
                let onclick = self.send.reform(move |_: MouseEvent| Msg::Knobs(Ask::Turn(field, typed.clone())));
                html! { <button class="small" data-testid="use-nearest" {onclick}>{ "Use " }{ nearest }</button> }
            });
            html! { <p class="refusal" data-testid="knob-refusal">{ refusal.why.clone() }{ " " }{ nearest }</p> }
        });
        html! { <div role="alert">{ body }</div> }
    }

    /// What stands in a field: what was typed there, if it was refused.
    pub(super) fn typed(&self, field: Field, now: String) -> (String, bool) {
        let refusal = self.refusal.as_ref().filter(|refusal| refusal.field == field);
        refusal.map_or((now, false), |refusal| (refusal.typed.clone(), true))
    }

    /// A field for a number.
    pub(super) fn number(&self, field: Field, now: String, label: String, id: String) -> Html {
        let (value, invalid) = self.typed(field, now);
        let onchange = self.send.reform(move |event: Event| {
            Msg::Knobs(Ask::Turn(field, input(&event).map(|field| field.value()).unwrap_or_default()))
        });
        html! {
            <input type="text" class="number" autocomplete="off" aria-label={label} data-testid={id} {value}
                aria-invalid={invalid.then_some("true")} {onchange} />
        }
    }

    fn row(&self, i: usize, knob: &'static Knob, index: usize) -> Html {
        let (field, path) =
            (Field::Knob(i, index), if knob.group.is_indexed() { knob.path(index) } else { knob.key.to_owned() });
        let now = knob.get(&self.scenario, index).unwrap_or(0);
        let words = self.words.iter().flat_map(|words| words.iter()).find(|row| row[0].as_str() == knob.key);
        let [kernel, unit, what] =
            words.map_or_else(Default::default, |[_, kernel, unit, what]| [kernel.clone(), unit.clone(), what.clone()]);
        let changed = knobs::changed(&self.scenario, &self.baseline, i, index);
        let was = knob.get(&self.baseline, index).map(|was| format!("changed, was {}", knob.text(was)));
        let was = if changed { was.unwrap_or_else(|| "changed".to_owned()) } else { String::new() };
        let id = format!("knob-{path}");
        let control = match knob.shape {
            Shape::Range(..) | Shape::Hex(..) => self.number(field, knob.text(now), path.clone(), id),
            Shape::Flag => self.select(field, &["false", "true"], &knob.text(now), &path, id),
            Shape::Choice(names) => self.select(field, names, &knob.text(now), &path, id),
            Shape::OneOf(values) => {
                let names: Vec<String> = values.iter().map(ToString::to_string).collect();
                self.select(field, &names.iter().map(String::as_str).collect::<Vec<_>>(), &knob.text(now), &path, id)
            }
        };
        html! {
            <div class="knob" data-knob={path.clone()} data-changed={changed.to_string()}>
                <code>{ crate::words::breakable(&path) }</code>
                <span class="knob-control">{ control }{ " " }{ unit }</span>
                <span class="changed">{ was }{ changed.then(|| self.reset(field, &path)) }</span>
                <span class="knob-what">{ what }{ " " }<small>{ kernel }</small></span>
                { self.why(field) }
            </div>
        }
    }

    /// A list of values. What is refused does not stay chosen.
    pub(super) fn select(&self, field: Field, names: &[&str], now: &str, label: &str, id: String) -> Html {
        let (send, here) = (self.send.clone(), now.to_owned());
        let onchange = move |event: Event| {
            let wanted = chosen(&event).unwrap_or_default();
            if let Some(select) = super::event::select(&event) {
                select.set_value(&here);
            }
            send.emit(Msg::Knobs(Ask::Turn(field, wanted)));
        };
        html! {
            <select aria-label={label.to_owned()} data-testid={id} ~value={now.to_owned()} {onchange}>
                { for names.iter().map(|name| html! { <option value={(*name).to_owned()} selected={*name == now}>{ *name }</option> }) }
            </select>
        }
    }

    fn rules(&self) -> Html {
        let mixed = knobs::mixed(&self.scenario);
        let onsearch = self.send.reform(|event: InputEvent| {
            Msg::Knobs(Ask::Rules(input(&event).map(|f| f.value()).unwrap_or_default().into()))
        });
        let found: Vec<Switch> = knobs::rules(&self.rules).collect();
        let many = format!("{} of {} rules", found.len(), Switch::ALL.len());
        let body = html! {
            <>
                <p class="about">{ "A kernel is a set of rules, each with the commit that brought it. Mix them. The era is " }{ self.scenario.vm.era.name() }{ "." }</p>
                <label class="search">{ "Search " }<input type="search" data-testid="rules-search" value={self.rules.clone()} oninput={onsearch} />{ " " }{ many }</label>
                { for found.into_iter().map(|switch| self.rule(switch)) }
            </>
        };
        self.section("Rules of the kernel", mixed, Field::Rules, body)
    }

    fn rule(&self, switch: Switch) -> Html {
        let (info, field) = (switch.info(), Field::Rule(switch));
        let (of_era, on) = (
            switch.holds_in(self.scenario.vm.era),
            Rules::mixed(self.scenario.vm.era, &self.scenario.vm.rules).has(switch),
        );
        let onchange = self.send.reform(move |_: Event| Msg::Knobs(Ask::Turn(field, (!on).to_string())));
        let mark = match (of_era == on, of_era) {
            (true, _) => "",
            (false, true) => "taken away from this era",
            (false, false) => "not in this era",
        };
        html! {
            <div class="knob rule" data-rule-switch={info.name} data-changed={(of_era != on).to_string()}>
                <label><input type="checkbox" checked={on} data-testid={format!("rule-{}", info.name)} {onchange} />{ " " }<code>{ crate::words::breakable(info.name) }</code></label>
                <span class="changed">{ mark }</span>
                <span class="knob-what">{ info.what }{ " " }<small>{ info.version }{ ": " }{ info.commit }</small></span>
                { self.why(field) }
            </div>
        }
    }
}

/// Most rows of one group: housekeepers that do something come first.
const MOST_ROWS: usize = 64;
