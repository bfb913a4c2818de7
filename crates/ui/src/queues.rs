//! The queue of hrtimers of each CPU, and what its clock event is programmed to.

use crate::facts::Change;
use crate::words;
use apic_core::host::{HrtimerBase, TimerId};
use apic_core::units::VcpuId;

/// Most CPUs that are listed.
const MOST: usize = 24;

/// One CPU.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    pub(crate) cpu: u16,
    /// By path.
    pub(crate) cells: Vec<Queue>,
}

/// A CPU's queue on one path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Queue {
    /// When, in µs, and whose; earliest first. The one whose callback runs comes before them.
    pub(crate) timers: Vec<(String, String)>,
    /// `expires_next` in µs.
    pub(crate) next: String,
    /// The last step changed something here.
    pub(crate) changed: bool,
}

/// The CPUs that are listed, and how many are not.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Queues {
    pub(crate) rows: Vec<Row>,
    pub(crate) more: usize,
}

/// The CPUs with a timer or a programmed clock event on any path; the vCPU's own first.
pub(crate) fn rows(paths: &[Change], vcpu: VcpuId) -> Queues {
    let cpus = paths.first().map_or(0, |(_, m)| m.cpus().len());
    let home = paths.first().and_then(|(_, m)| m.vcpus().get(vcpu.index())).map_or(0, |v| v.cpu().index());
    let bases = |cpu: usize| {
        paths
            .iter()
            .filter_map(move |(before, now)| Some((before.cpus().get(cpu)?.base(), now.cpus().get(cpu)?.base())))
    };
    let busy = |cpu: usize| bases(cpu).any(|(before, now)| !quiet(before) || !quiet(now));
    let others = (0..cpus).filter(|cpu| *cpu != home && busy(*cpu));
    let mut listed: Vec<usize> = std::iter::once(home).filter(|cpu| *cpu < cpus).chain(others).collect();
    let more = listed.len().saturating_sub(MOST);
    listed.truncate(MOST);
    let row = |cpu: usize| Row { cpu: cpu as u16, cells: bases(cpu).map(queue).collect() };
    Queues { rows: listed.into_iter().map(row).collect(), more }
}

fn quiet(base: &HrtimerBase) -> bool {
    base.queue().is_empty() && base.running().is_none() && base.expires_next().is_never()
}

fn queue((before, now): (&HrtimerBase, &HrtimerBase)) -> Queue {
    let running = now.running().map(|timer| ("runs".to_owned(), whose(timer)));
    let queued = now.queue().iter().map(|(at, timer)| (words::micros(*at), whose(*timer)));
    let same = before.queue() == now.queue()
        && before.running() == now.running()
        && before.expires_next() == now.expires_next();
    Queue {
        timers: running.into_iter().chain(queued).collect(),
        next: words::micros(now.expires_next()),
        changed: !same,
    }
}

fn whose(timer: TimerId) -> String {
    match timer {
        TimerId::Tick(_) => "tick".to_owned(),
        TimerId::Lapic(vcpu) => format!("vCPU {vcpu}"),
        TimerId::IoThread(vcpu) => format!("I/O thread, vCPU {vcpu}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apic_core::machine::Machine;
    use apic_core::rule::Rule;
    use apic_core::run::History;
    use apic_core::scenario::{PathKind, preset};

    fn around(path: PathKind, rule: Rule) -> (Machine, Machine) {
        let history = History::new(&preset("pinned-vs-offloaded").expect("ships"), path);
        let at = history.metas().iter().position(|m| m.rule == rule).expect("happens");
        (history.machine_at(at), history.machine_at(at + 1))
    }

    /// Each CPU with whose timers it has, `expires_next`, and whether the step changed it.
    #[track_caller]
    fn check(path: PathKind, rule: Rule, expect: &[(u16, &[&str], &str, bool)]) {
        let (before, after) = around(path, rule);
        let queues = rows(&[(&before, &after)], VcpuId(0));
        let row = |row: &Row| {
            let cell = &row.cells[0];
            let timers: Vec<String> = cell.timers.iter().map(|(at, whose)| format!("{whose} {at}")).collect();
            (row.cpu, timers, cell.next.clone(), cell.changed)
        };
        let found: Vec<_> = queues.rows.iter().map(row).collect();
        let expect: Vec<_> = expect
            .iter()
            .map(|(cpu, timers, next, changed)| {
                (*cpu, timers.iter().map(ToString::to_string).collect(), (*next).to_owned(), *changed)
            })
            .collect();
        assert_eq!((found, queues.more), (expect, 0));
    }

    #[test]
    fn a_remote_timer_leaves_the_clock_event_alone() {
        let tick = "tick 400.000";
        check(PathKind::Posted, Rule::R5, &[(3, &[], "never", false), (0, &[tick, "vCPU 0 999.000"], "400.000", true)]);
        check(PathKind::Pinned, Rule::R0, &[(3, &["vCPU 0 999.000"], "999.000", true), (0, &[tick], "400.000", false)]);
    }

    #[test]
    fn the_timer_whose_callback_runs_is_in_no_queue() {
        let (before, after) = around(PathKind::Posted, Rule::C4);
        let queues = rows(&[(&before, &after)], VcpuId(0));
        let housekeeper = &queues.rows[1].cells[0];
        assert_eq!(housekeeper.timers[0], ("runs".to_owned(), "vCPU 0".to_owned()));
        assert_eq!(housekeeper.next, "never", "inside hrtimer_interrupt");
    }
}
