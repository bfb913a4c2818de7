//! A moment as the Markdown of a design review: the question, the figures, the ledger, what is assumed and by whom it was
//! measured, and the link that shows it moving.

use super::markdown::{escaped, paragraph, row, rule};
use crate::ledger::{Account, ledger_rows, verdict};
use crate::page::PageData;
use crate::words;
use apic_core::cost::{Origin, Tail};
use apic_core::kvm::Vendor;
use apic_core::rule::Rule;
use apic_core::run::Lockstep;
use apic_core::scenario::Scenario;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A picture of a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Picture {
    /// Where it is: the name of a file, or `data:`.
    pub place: String,
    /// The same in words.
    pub alt: String,
}

/// What a card is of.
pub struct Card<'a> {
    /// The run, at the moment.
    pub run: &'a Lockstep,
    /// The tick that is shown.
    pub page: &'a PageData,
    /// The sentence of the moment.
    pub sentence: &'a str,
    /// Each path so far.
    pub accounts: &'a [Account<'a>],
    /// A figure per path.
    pub pictures: &'a [Picture],
    /// The moment's link, or an address that ends with it.
    pub link: &'a str,
}

/// The card.
pub fn text(card: &Card<'_>) -> String {
    let scenario = card.run.scenario();
    let meta = &scenario.meta;
    let mut out = String::new();
    let title = if meta.question.trim().is_empty() { &meta.title } else { &meta.question };
    let _ = writeln!(out, "# {}\n", escaped(if title.trim().is_empty() { "A timer tick" } else { title }));
    if !meta.summary.trim().is_empty() {
        let _ = writeln!(out, "{}\n", paragraph(&meta.summary));
    }
    let (beat, beats) = (card.run.position(), card.run.len());
    let now = words::exact(card.run.last_beat().map_or(apic_core::units::Ns::ZERO, |beat| beat.at));
    let (tick, ticks) = (card.run.tick_of(beat.saturating_sub(1)) + 1, card.run.ticks().len());
    let _ = writeln!(out, "Simulated; after {beat} of {beats} beats, in tick {tick} of {ticks}, at {now} µs.\n");
    for picture in card.pictures {
        let _ = writeln!(out, "![{}](<{}>)\n", escaped(&picture.alt), picture.place.replace(['<', '>', '\n'], ""));
    }
    let _ = writeln!(out, "> {}\n", paragraph(card.sentence));
    ledger(card.accounts, &mut out);
    setting(scenario, card.accounts, &mut out);
    costs(scenario, &mut out);
    rules(card.page, &mut out);
    let _ = writeln!(out, "## To see it again\n\n- link: <{}>", card.link.replace(['<', '>', '\n'], ""));
    let fragment = card.link.rsplit_once('#').map_or(card.link, |(_, fragment)| fragment);
    let _ = writeln!(out, "- command: `exitless run '{fragment}'`");
    let _ = writeln!(out, "- model: Exitless {}, cost set {}", env!("CARGO_PKG_VERSION"), scenario.costs.set().name);
    out
}

fn ledger(accounts: &[Account<'_>], out: &mut String) {
    out.push_str("## Ledger, since the start\n\n");
    let head = accounts.iter().map(|account| escaped(&account.way.title()));
    out.push_str(&row(&std::iter::once(String::new()).chain(head).collect::<Vec<_>>()));
    out.push_str(&rule(accounts.len() + 1));
    for (name, figure) in ledger_rows(accounts.iter().map(|account| account.ledger)) {
        let cells = accounts.iter().map(|account| figure(account.ledger));
        out.push_str(&row(&std::iter::once(name.to_owned()).chain(cells).collect::<Vec<_>>()));
    }
    if let Some(verdict) = verdict(accounts) {
        let _ = write!(out, "\n{verdict}\n");
    }
    out.push('\n');
}

/// "1–3, 5".
fn list(numbers: impl Iterator<Item = u16>) -> String {
    let mut runs: Vec<(u16, u16)> = Vec::new();
    for n in numbers.collect::<BTreeSet<_>>() {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == n => *last = n,
            _ => runs.push((n, n)),
        }
    }
    let words = runs.iter().map(|(a, b)| if a == b { a.to_string() } else { format!("{a}–{b}") });
    let words: Vec<_> = words.collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

fn setting(scenario: &Scenario, accounts: &[Account<'_>], out: &mut String) {
    let (host, vm, guest) = (&scenario.host, &scenario.vm, &scenario.guest);
    let shape = host.topology;
    let _ = writeln!(
        out,
        "## Setting\n\n- host: {} CPUs (sockets {}, caches per socket {}, cores per cache {}, threads per core {}); \
         nohz\\_full: {}",
        shape.cpus(),
        shape.sockets,
        shape.llcs,
        shape.cores,
        shape.smt,
        list(host.nohz_full.iter().map(|cpu| cpu.0))
    );
    let placed = scenario.vcpus.iter().enumerate().map(|(i, vcpu)| format!("vCPU {i} on CPU {}", vcpu.cpu));
    let _ = writeln!(out, "- placement: {}", placed.collect::<Vec<_>>().join(", "));
    let vendor = match vm.vendor {
        Vendor::Vmx => "Intel",
        Vendor::Svm => "AMD",
    };
    let _ = writeln!(out, "- kernel rules: {}; processor: {vendor}", escaped(vm.era.name()));
    let what = if guest.arms.is_empty() {
        format!("a tick every {}", words::span(guest.period_us.saturating_mul(1_000)))
    } else {
        format!("{} recorded arms", guest.arms.len())
    };
    let _ = writeln!(out, "- guest: {what}, vector {}", guest.vector);
    for account in accounts {
        let _ = writeln!(out, "- path {}: {}", escaped(&account.way.title()), escaped(account.way.path.about()));
    }
    let _ = writeln!(out, "- seed: {}\n", scenario.run.seed);
}

fn costs(scenario: &Scenario, out: &mut String) {
    let set = scenario.costs.set();
    let _ = writeln!(out, "## Assumptions and their sources\n\nCosts: {}: {}.\n", set.name, escaped(set.about));
    out.push_str("| what | ns | from |\n| --- | ---: | --- |\n");
    for cost in set.costs {
        let own = scenario.costs.own.as_ref();
        let mine = own.and_then(|own| Some((own, own.costs.iter().find(|c| c.kind == cost.kind)?)));
        let (min, max, tail, from) = match mine {
            Some((own, mine)) => (mine.min_ns, mine.max_ns, mine.tail, format!("**own**: {}", escaped(&own.source))),
            None => (cost.min_ns, cost.max_ns, cost.tail, origin(cost.origin)),
        };
        let tail = tail.map_or_else(String::new, |t: Tail| format!(", once in {} up to {}", t.one_in, t.max_ns));
        let interval = format!("{min}–{max}{tail}");
        out.push_str(&row(&[escaped(cost.kind.what()), interval, from]));
    }
    out.push('\n');
    for source in &scenario.meta.sources {
        let _ = writeln!(out, "- {}", paragraph(source));
    }
    if !scenario.meta.sources.is_empty() {
        out.push('\n');
    }
}

fn origin(origin: Origin) -> String {
    let (word, more) = match origin {
        Origin::Published { machine, source } => ("published", format!("{machine}; {source}")),
        Origin::ShareOf { whole } => ("share of", whole.to_owned()),
        Origin::Assumed { why } => ("assumed", why.to_owned()),
        Origin::Gap { stands_in } => ("no source", format!("that of {stands_in} stands in")),
    };
    format!("**{word}**: {}", escaped(&more))
}

/// The rules that the tick followed, each once, in the order of the model.
fn rules(page: &PageData, out: &mut String) {
    let followed: BTreeSet<Rule> = page.paths().iter().flat_map(|path| &path.records).map(|r| r.rule).collect();
    out.push_str("## Rules that this tick follows\n\n| rule | what | source |\n| --- | --- | --- |\n");
    for rule in followed {
        let info = rule.info();
        out.push_str(&row(&[info.id.to_owned(), escaped(info.title), escaped(rule.words().source)]));
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_numbers() {
        for (numbers, expect) in [(&[][..], "none"), (&[3], "3"), (&[5, 1, 2, 3], "1–3, 5"), (&[0, 2], "0, 2")] {
            assert_eq!(list(numbers.iter().copied()), expect);
        }
    }
}
