//! The ledger as a table, for people.

use crate::calibration;
use crate::crosscheck;
use crate::error::Failure;
use crate::moment::{Cut, Moment, PathAccount};
use crate::spread;
use crate::table::align;
use apic_core::rule::Rule;
use apic_core::run::Way;
use apic_core::scenario::Scenario;
use apic_core::units::CpuId;
use scene::{ledger_rows, verdict};
use std::io::Write;

pub(crate) fn print(moment: &Moment, out: &mut impl Write) -> Result<(), Failure> {
    let scenario = moment.scenario();
    let accounts = moment.accounts();
    heading(moment, out)?;
    for line in ledger(&accounts) {
        writeln!(out, "{line}")?;
    }
    writeln!(out)?;
    for line in spread::lines(&accounts) {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "\nWhere the timer fired")?;
    for line in places(&accounts, scenario) {
        writeln!(out, "{line}")?;
    }
    writeln!(out)?;
    for account in &accounts {
        if let Some(cut) = account.cut {
            let (name, steps, handlers) = (account.way.title(), account.end_steps, account.end_ledger.handlers);
            let why = match cut {
                Cut::TooLong => "more steps are not kept",
                Cut::Stopped => "a choice made by hand could not be followed",
            };
            writeln!(out, "{name} ended early, after {steps} steps and {handlers} handlers: {why}.")?;
        }
    }
    for line in accounts.iter().filter_map(spread::early) {
        writeln!(out, "{line}")?;
    }
    let told: Vec<_> = accounts.iter().map(PathAccount::told).collect();
    if let Some(verdict) = verdict(&told) {
        writeln!(out, "{verdict}")?;
    }
    let beside = crosscheck::lines(moment, &accounts);
    if !beside.is_empty() {
        writeln!(out)?;
        for line in beside {
            writeln!(out, "{line}")?;
        }
        writeln!(out)?;
    }
    let set = scenario.costs.set();
    writeln!(out, "Simulated, seed {}. Costs: {}: {}.", scenario.run.seed, set.name, set.about)?;
    if let Some(calibrated) = &moment.calibrated {
        writeln!(out)?;
        for line in calibration::lines(calibrated, &accounts) {
            writeln!(out, "{line}")?;
        }
    } else if let Some(own) = &scenario.costs.own {
        writeln!(out, "In place of {} of these: {}.", own.costs.len(), own.source)?;
    }
    Ok(())
}

fn heading(moment: &Moment, out: &mut impl Write) -> Result<(), Failure> {
    let meta = &moment.scenario().meta;
    for line in [&meta.title, &meta.question] {
        if !line.is_empty() {
            writeln!(out, "{line}")?;
        }
    }
    if let Some(arms) = moment.arms() {
        writeln!(out, "arms: {arms}")?;
    }
    if let Some(r) = &moment.recording {
        writeln!(out, "Read from {}, thread {}.", r.name, r.vcpu.0)?;
        let unknown = r.arms - r.replay.len();
        if unknown > 0 {
            writeln!(out, "Not replayed: {unknown} whose deadline the recording does not show.")?;
        }
    }
    if !moment.is_end() {
        let (at, of) = (moment.lockstep.position(), moment.lockstep.len());
        writeln!(out, "After {at} of {of} beats; --at end tells the whole run.")?;
    }
    Ok(writeln!(out)?)
}

/// The table: paths as columns.
fn ledger(accounts: &[PathAccount]) -> Vec<String> {
    let mut rows = vec![row("", accounts, |a| a.way.title())];
    for (name, figure) in ledger_rows(accounts.iter().map(|account| &account.ledger)) {
        rows.push(row(name, accounts, |a| figure(&a.ledger)));
    }
    align(&rows, |column| column > 0)
}

fn row(name: &str, accounts: &[PathAccount], cell: impl Fn(&PathAccount) -> String) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(accounts.iter().map(cell)).collect()
}

/// Per path: CPU, how often, and the rule that put the timer there.
fn places(accounts: &[PathAccount], scenario: &Scenario) -> Vec<String> {
    let mut rows = Vec::new();
    for account in accounts {
        // In the order in which they first occurred.
        let mut groups: Vec<(Option<CpuId>, bool, Rule, u64)> = Vec::new();
        for e in &account.expiries {
            let key = (e.fired_on, e.own_core, e.placement_rule);
            match groups.iter_mut().find(|g| (g.0, g.1, g.2) == key) {
                Some(group) => group.3 += 1,
                None => groups.push((e.fired_on, e.own_core, e.placement_rule, 1)),
            }
        }
        if groups.is_empty() {
            rows.push(vec![title(account.way), "nowhere yet".to_owned()]);
        }
        for (i, (cpu, own, rule, times)) in groups.into_iter().enumerate() {
            let name = if i == 0 { title(account.way) } else { String::new() };
            let times = if times == 1 { "once".to_owned() } else { format!("{times} times") };
            rows.push(vec![name, place(cpu, own, scenario), times, format!("{}: {}", rule.id(), rule.info().title)]);
        }
    }
    align(&rows, |_| false)
}

fn title(way: Way) -> String {
    format!("  {}", way.title())
}

fn place(cpu: Option<CpuId>, own: bool, scenario: &Scenario) -> String {
    let Some(cpu) = cpu else { return "no host timer".to_owned() };
    let noun = if scenario.host.topology.smt > 1 { "CPU" } else { "core" };
    let role = match (own, scenario.host.nohz_full.contains(&cpu)) {
        (true, _) => "the vCPU's own",
        (false, false) => "a housekeeper",
        (false, true) => "isolated",
    };
    format!("{noun} {cpu}, {role}")
}
