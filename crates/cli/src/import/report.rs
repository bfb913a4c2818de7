//! `exitless import`: the summary, for people.

use crate::error::Failure;
use crate::table::{align, signed};
use apic_core::run::Summary as Times;
use apic_core::units::Ns;
use kvm_trace::{Inference, Outcome, Path, Summary};
use std::io::Write;

pub(super) fn print(name: &str, s: &Summary, out: &mut impl Write) -> Result<(), Failure> {
    let coverage = &s.coverage;
    writeln!(out, "{name}: {} lines, {} events{}", coverage.lines, coverage.events, extent(s))?;
    writeln!(out, "arms {}, expiries {}, accepts {}, EOIs {}", s.arms, s.expiries, s.accepts, s.eois)?;
    missing(s, out)?;

    section("vCPUs", &vcpus(s), out)?;
    section("Ticks", &ticks(s), out)?;
    section("How long", &times(s), out)?;
    section("Exits, to the next entry", &exits(s), out)?;
    section("CPUs that handled timers of others", &cpus(s), out)?;
    section("Events", &events(s), out)?;
    section("Read by these rules", &rules(s), out)?;
    Ok(())
}

fn section(title: &str, rows: &[Vec<String>], out: &mut impl Write) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title}")?;
    // Numbers stand right; words, at the ends of a row, left.
    let number = |c: usize| {
        let mut cells = rows.iter().filter_map(|row| row.get(c)).filter(|cell| !cell.is_empty()).peekable();
        cells.peek().is_some() && cells.all(|cell| cell.starts_with(|d: char| d.is_ascii_digit() || "-–".contains(d)))
    };
    let right: Vec<bool> = (0..rows.iter().map(Vec::len).max().unwrap_or(0)).map(number).collect();
    let heading = rows.first().is_some_and(|row| row.first().is_some_and(|cell| cell.trim().is_empty()));
    for line in align(rows, |c| c > 0 && (heading || right[c])) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn extent(s: &Summary) -> String {
    let Some((from, to)) = s.order.extent else { return String::new() };
    format!(", {} from {}", Ns::from_ns(to.ns_since(from)), seconds(from.ns()))
}

fn seconds(ns: u64) -> String {
    format!("{}.{:06} s", ns / 1_000_000_000, ns / 1_000 % 1_000_000)
}

/// What the recording lacks, each as a sentence.
fn missing(s: &Summary, out: &mut impl Write) -> Result<(), Failure> {
    let c = &s.coverage;
    if c.unparsed > 0 {
        writeln!(out, "Not understood: {} lines. The first:", c.unparsed)?;
        for unparsed in &c.first_unparsed {
            writeln!(out, "  line {}: {}", unparsed.line, unparsed.text.escape_debug())?;
        }
    }
    if c.cut {
        writeln!(out, "The file was cut in the middle of line {}.", c.lines)?;
    }
    let m = &s.missing;
    if m.markers > 0 {
        let untold = if m.untold > 0 { " at least" } else { "" };
        writeln!(
            out,
            "Events were lost:{untold} {}, at {} places. {} ticks are undecided.",
            m.events, m.markers, m.ticks
        )?;
        for span in &m.spans {
            let cpu = span.cpu.map_or_else(|| "any CPU".to_owned(), |cpu| format!("CPU {}", cpu.0));
            let time = |at: Option<kvm_trace::TraceTime>| at.map_or_else(|| "–".to_owned(), |at| seconds(at.ns()));
            let number = span.events.map_or_else(|| "an unknown number".to_owned(), |n| n.to_string());
            writeln!(
                out,
                "  line {}: {number} on {cpu}, between {} and {}",
                span.line,
                time(span.after),
                time(span.before)
            )?;
        }
        if (m.spans.len() as u64) < m.markers {
            writeln!(out, "  and {} more places", m.markers - m.spans.len() as u64)?;
        }
    }
    if let Some(line) = m.first_unmarked {
        writeln!(
            out,
            "{} lines are of threads to which their CPU had not switched, the first in line {line}: events are missing, \
             and no marker says so.",
            m.unmarked
        )?;
    }
    if let Some((line, back)) = s.order.first {
        let (n, back) = (s.order.backwards_on_cpu, Ns::from_ns(back));
        writeln!(out, "Time runs backwards on one CPU in {n} lines, first in line {line}, by {back}.")?;
    }
    if let Some(line) = s.clocks.first_step {
        writeln!(out, "The recording's clock was set, or the file is of two recordings: line {line}.")?;
    }
    Ok(())
}

fn vcpus(s: &Summary) -> Vec<Vec<String>> {
    let row = |v: &kvm_trace::VcpuSeen| {
        let number = v.vcpu.map_or_else(|| "–".to_owned(), |vcpu| format!("vCPU {}", vcpu.0));
        let cpus: std::collections::BTreeSet<_> = v.stays.iter().map(|(_, cpu)| cpu.0.to_string()).collect();
        let vector =
            v.vector.map_or_else(|| "–".to_owned(), |(vector, rule)| format!("{:#04x} ({})", vector.0, rule.id()));
        vec![
            format!("  thread {} ({})", v.thread.0, v.comm.escape_debug()),
            number,
            format!("on CPU {}", cpus.into_iter().collect::<Vec<_>>().join(", ")),
            format!("moved {} times", v.moves),
            format!("{} ticks", v.ticks),
            format!("vector {vector}"),
        ]
    };
    s.vcpus.iter().map(row).collect()
}

fn ticks(s: &Summary) -> Vec<Vec<String>> {
    let mut rows = vec![vec!["  all".to_owned(), s.ticks.to_string()]];
    for outcome in Outcome::ALL {
        let n = s.outcomes[outcome as usize];
        if n > 0 {
            rows.push(vec![format!("  {}", outcome.name()), n.to_string()]);
        }
        if outcome == Outcome::Accepted {
            let paths = Path::ALL.into_iter().map(|path| (path, s.paths[path as usize])).filter(|(_, n)| *n > 0);
            rows.extend(paths.map(|(path, n)| vec![format!("    {}", path.name()), n.to_string()]));
        }
    }
    if s.arrivals_not_shown > 0 {
        let words = format!("{} posted, their arrival not shown ({})", s.arrivals_not_shown, Inference::N1.id());
        rows.push(vec![format!("  {words}")]);
    }
    for (rule, words) in [(Inference::H1, "refused by an idle housekeeper"), (Inference::H2, "refused by a busy one")] {
        if let Some(n) = s.rules.get(&rule) {
            rows.push(vec![format!("  {words} ({})", rule.id()), n.to_string()]);
        }
    }
    rows
}

fn times(s: &Summary) -> Vec<Vec<String>> {
    let heads = ["", "count", "p50", "p90", "p99", "p99.9", "max"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    let l = &s.latencies;
    let whole = |times: Times<u64>| Times {
        count: times.count,
        min: times.min.cast_signed(),
        p50: times.p50.cast_signed(),
        p90: times.p90.cast_signed(),
        p99: times.p99.cast_signed(),
        p999: times.p999.cast_signed(),
        max: times.max.cast_signed(),
    };
    for (name, times) in [
        ("lateness of expiries", l.lateness.summary()),
        ("arm to expiry", l.arm_to_expiry.summary().map(whole)),
        ("expiry to accept", l.expiry_to_accept.summary().map(whole)),
        ("accept to entry", l.accept_to_entry.summary().map(whole)),
        ("expiry to entry", l.expiry_to_entry.summary().map(whole)),
    ] {
        let Some(t) = times else {
            rows.push(vec![format!("  {name}"), "0".to_owned()]);
            continue;
        };
        let mut row = vec![format!("  {name}"), t.count.to_string()];
        row.extend([t.p50, t.p90, t.p99, t.p999, t.max].map(signed));
        rows.push(row);
    }
    rows
}

fn exits(s: &Summary) -> Vec<Vec<String>> {
    if s.exits.is_empty() {
        return Vec::new();
    }
    let heads = ["", "count", "p50", "p99", "max"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for exits in &s.exits {
        if let Some(t) = exits.times.summary() {
            let mut row = vec![format!("  {}", exits.reason.name()), t.count.to_string()];
            row.extend([t.p50, t.p99, t.max].map(|ns| signed(ns.cast_signed())));
            rows.push(row);
        }
    }
    rows
}

fn cpus(s: &Summary) -> Vec<Vec<String>> {
    let used = s.cpus.iter().filter(|(_, c)| c.expiries_for_others > 0 || c.refusals > 0);
    used.map(|(cpu, c)| {
        let time = Ns::from_ns(c.time_for_others_ns);
        vec![
            format!("  CPU {}", cpu.0),
            format!("{} expiries, {} of them idle", c.expiries_for_others, c.while_idle),
            format!("{time} in their callbacks"),
            format!("{} timers refused", c.refusals),
        ]
    })
    .collect()
}

fn events(s: &Summary) -> Vec<Vec<String>> {
    s.events.iter().map(|(name, n)| vec![format!("  {name}"), n.to_string()]).collect()
}

fn rules(s: &Summary) -> Vec<Vec<String>> {
    let row = |(rule, n): (&Inference, &u64)| {
        let info = rule.info();
        vec![format!("  {}", info.id), n.to_string(), info.basis.name().to_owned(), info.title.to_owned()]
    };
    s.rules.iter().map(row).collect()
}
