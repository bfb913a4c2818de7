//! `--to scenario`: the arms of one vCPU on the placement that was recorded, as a scenario, with what is assumed in
//! comments.

use super::Sink;
use crate::error::Failure;
use apic_core::host::Topology;
use apic_core::scenario::Scenario;
use kvm_trace::{ArmedBy, ClockOffset, Cpu, CpuSeen, Fact, MonotonicTime, Summary, Tid, TraceTime, VcpuSeen};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

/// The model runs no more; further arms are counted.
const MOST: usize = 1_000_000;

/// Longest time that a scenario may name, ns: an hour.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// Rates of Linux's scheduler tick.
const RATES: [(u64, u32); 4] = [(10_000_000, 100), (4_000_000, 250), (3_333_333, 300), (1_000_000, 1_000)];

#[derive(Clone, Copy)]
struct Arm {
    /// The tick's number.
    number: u64,
    time: TraceTime,
    deadline: Option<MonotonicTime>,
    by: ArmedBy,
}

/// An arm that can be replayed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Replayed {
    /// The tick's number, of its vCPU's.
    pub(crate) number: u64,
    /// When the guest armed, in ns after its first arm.
    pub(crate) at_ns: u64,
    /// For when.
    pub(crate) deadline_ns: u64,
    /// By what.
    pub(crate) by: ArmedBy,
}

/// The arms of a recording, by vCPU.
#[derive(Default)]
pub(crate) struct Arms {
    of: BTreeMap<Tid, Vec<Arm>>,
    kept: usize,
    more: u64,
    summary: Summary,
}

impl Sink for Arms {
    fn fact(&mut self, fact: &Fact) -> io::Result<()> {
        let Fact::Tick(tick) = fact else { return Ok(()) };
        let Some(armed) = tick.armed else { return Ok(()) };
        if self.kept >= MOST {
            self.more += 1;
            return Ok(());
        }
        self.kept += 1;
        let arm = Arm { number: tick.number, time: armed.wrote().time, deadline: tick.deadline, by: armed.by };
        self.of.entry(tick.thread).or_default().push(arm);
        Ok(())
    }

    fn end(&mut self, summary: Summary) -> io::Result<()> {
        self.summary = summary;
        Ok(())
    }
}

impl Arms {
    /// The document, already read back once.
    pub(super) fn scenario(&self, name: &str, asked: Option<u32>) -> Result<String, Failure> {
        let vcpu = self.choose(name, asked.map(Tid))?;
        let text = self.write(name, vcpu)?;
        Scenario::from_toml(&text).map_err(Failure::scenario(name))?;
        Ok(text)
    }

    /// The same, read.
    pub(crate) fn placement(&self, name: &str, vcpu: &VcpuSeen) -> Result<Scenario, Failure> {
        Scenario::from_toml(&self.write(name, vcpu)?).map_err(Failure::scenario(name))
    }

    /// Arms that were not kept.
    pub(crate) const fn more(&self) -> u64 {
        self.more
    }

    /// What the recording adds up to.
    pub(crate) const fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The vCPU that is asked for, or the one there is.
    pub(crate) fn choose(&self, name: &str, asked: Option<Tid>) -> Result<&VcpuSeen, Failure> {
        let arming: Vec<_> = self.summary.vcpus.iter().filter(|v| self.of.contains_key(&v.thread)).collect();
        let count = |v: &&VcpuSeen| format!("{} ({} arms)", v.thread.0, self.of[&v.thread].len());
        let all = || arming.iter().map(count).collect::<Vec<_>>().join(", ");
        match (asked, arming.as_slice()) {
            (_, []) => {
                let problem = "no vCPU arms a timer";
                Err(Failure::value(name, problem, "a recording with kvm:kvm_msr and timer:hrtimer_start"))
            }
            (Some(thread), _) => arming.iter().find(|v| v.thread == thread).copied().ok_or_else(|| {
                let problem = format!("thread {} arms no timer in {name}", thread.0);
                Failure::value("--vcpu", problem, format!("one of the threads that do: {}", all()))
            }),
            (None, [only]) => Ok(only),
            (None, several) => {
                let problem = format!("{} vCPU threads arm a timer, and a list of arms is of one", several.len());
                Err(Failure::value(name, problem, format!("--vcpu with one of: {}", all())))
            }
        }
    }

    /// The arms of a thread that have a deadline, in the order of their times.
    pub(crate) fn replayed(&self, name: &str, thread: Tid) -> Result<Vec<Replayed>, Failure> {
        self.timed(name, thread).map(|(_, _, timed)| timed)
    }

    /// With the distance of the clocks, and when the first was made.
    fn timed(&self, name: &str, thread: Tid) -> Result<(ClockOffset, TraceTime, Vec<Replayed>), Failure> {
        let offset = self.summary.clocks.offset.ok_or_else(|| {
            let problem = if self.summary.expiries_hv > 0 {
                "the preemption timer kept every deadline, and no line says when it was due"
            } else {
                "no expiry relates the clock of the deadlines to the clock of the lines"
            };
            Failure::value(name, problem, "a recording with timer:hrtimer_expire_entry")
        })?;
        let mut arms = self.of.get(&thread).cloned().unwrap_or_default();
        arms.sort_by_key(|arm| arm.time);
        let start = arms.first().map_or(TraceTime::from_ns(0), |arm| arm.time);
        let timed: Vec<Replayed> = arms
            .iter()
            .filter_map(|arm| {
                let at_ns = arm.time.ns_since(start);
                let deadline_ns = offset.to_recorded(arm.deadline?).ns_since(start).max(at_ns).max(1);
                Some(Replayed { number: arm.number, at_ns, deadline_ns, by: arm.by })
            })
            .take_while(|arm| arm.at_ns <= LONGEST_NS && arm.deadline_ns <= LONGEST_NS)
            .collect();
        if timed.is_empty() {
            let problem = format!("no arm of thread {} has a deadline: no hrtimer was started for any", thread.0);
            return Err(Failure::value(name, problem, "a vCPU whose timer is an hrtimer of the host"));
        }
        Ok((offset, start, timed))
    }

    fn write(&self, name: &str, vcpu: &VcpuSeen) -> Result<String, Failure> {
        let (offset, start, timed) = self.timed(name, vcpu.thread)?;
        let arms = &self.of[&vcpu.thread];
        let comment = name.replace(|c: char| c.is_control(), " ");
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let mut out = String::new();
        let o = &mut out;
        // Writing to a string cannot fail.
        let _ = writeln!(o, "# Made by `exitless import --to scenario` from {comment}: thread {}.", vcpu.thread.0);
        let _ = writeln!(o, "# Recorded: when the guest armed its timer and for when, and where its vCPU ran.");
        let _ = writeln!(o, "# Assumed: what a comment says so of, the costs, and how the guest's handlers work.\n");
        let _ = writeln!(o, "[meta]\ntitle = \"Imported arms\"");
        let _ = writeln!(o, "question = \"How do these arms fare on both paths?\"");
        let source = format!("{comment}: {} arms of thread {}", timed.len(), vcpu.thread.0);
        let _ = writeln!(o, "sources = [{}]\n", quoted(&source));
        let home = home(vcpu, self.summary.order.extent.map(|(_, to)| to));
        let home = self.host(o, vcpu, home, offset.to_recorded(MonotonicTime::from_ns(0)), start);
        let _ = writeln!(o, "[[vcpus]]\ncpu = {home}\n");
        self.guest(o, vcpu, arms, &timed);
        let _ = writeln!(o, "[run]\nexpiries = {}", timed.len());
        Ok(out)
    }

    /// The host; the number that the vCPU's CPU has in it.
    fn host(&self, o: &mut String, vcpu: &VcpuSeen, home: Cpu, zero: TraceTime, start: TraceTime) -> u32 {
        let cpus = &self.summary.cpus;
        let highest = cpus.iter().map(|(cpu, _)| cpu.0).max().unwrap_or(0).max(home.0);
        let most = u32::from(Topology::MAX_CPUS);
        let (home, cores, other) =
            if highest < most { (home.0, (highest + 1).max(2), None) } else { (1, 2, Some(home.0)) };
        let _ = writeln!(o, "[host]");
        match other {
            Some(was) => {
                let _ = writeln!(
                    o,
                    "# Assumed: two cores. The recording's CPU numbers go up to {highest}; CPU {was} is 1 here."
                );
            }
            None => {
                let _ = writeln!(o, "# Assumed: one socket, one cache, no SMT; as many cores as the recording names.");
            }
        }
        let _ = writeln!(o, "topology = {{ sockets = 1, llcs = 1, cores = {cores}, smt = 1 }}");
        if vcpu.moves > 0 {
            let _ =
                writeln!(o, "# The vCPU moved {} times; this is where it was longest, and here it stays.", vcpu.moves);
        }
        let _ = writeln!(o, "# Assumed: only the vCPU's CPU is isolated.\nnohz_full = [{home}]");
        let keeps = |cpu: &Cpu| other.is_none() && cpu.0 != home;
        let period = cpus.iter().filter_map(|(_, about)| about.tick_ns).min();
        let rate = period.and_then(|ns| RATES.iter().find(|(of, _)| ns.abs_diff(*of) * 100 <= *of));
        match rate {
            Some((_, hz)) => {
                let _ = writeln!(o, "# Recorded: the distance of two scheduler ticks.\nhz = {hz}");
            }
            None => {
                let _ = writeln!(o, "# Assumed: no two scheduler ticks of one CPU tell.\nhz = 250");
            }
        }
        match tsc_khz(vcpu) {
            Some(khz) => {
                let _ = writeln!(
                    o,
                    "# Inferred: from the deadlines that the guest wrote and the timers' times.\ntsc_khz = {khz}"
                );
            }
            None => {
                let _ = writeln!(o, "# Assumed: the recording does not tell.\ntsc_khz = 2500000");
            }
        }
        let tick = rate.map_or(4_000_000, |(ns, _)| *ns);
        let keeper = |(cpu, about): &(Cpu, CpuSeen)| {
            let load = if about.was_busy { "busy" } else { "idle" };
            let due = about.tick_at.map(|at| at.ns().saturating_add(zero.ns()));
            let after = due.map_or(0, |due| (i128::from(due) - i128::from(start.ns())).rem_euclid(i128::from(tick)));
            format!("{{ cpu = {}, load = \"{load}\", tick_phase_us = {} }}", cpu.0, after / 1_000)
        };
        let keepers: Vec<_> = cpus.iter().filter(|(cpu, _)| keeps(cpu)).map(keeper).collect();
        if keepers.is_empty() {
            let _ = writeln!(o, "# Assumed: no other CPU printed anything, so the housekeepers are idle.\n");
        } else {
            let _ =
                writeln!(o, "# Recorded: whether anything but vCPUs ran there. Assumed: that it went on all the time.");
            let _ = writeln!(o, "housekeepers = [{}]\n", keepers.join(", "));
        }
        home
    }

    fn guest(&self, o: &mut String, vcpu: &VcpuSeen, arms: &[Arm], timed: &[Replayed]) {
        let _ = writeln!(
            o,
            "# Assumed: the virtual machine. Its kernel, APICv and kvm.pi_inject_timer are in no recording."
        );
        // Both an exit by HLT and kvm_vcpu_wakeup are of a vCPU whose HLT exits.
        let hlt_in_guest = !vcpu.halts;
        let _ = writeln!(o, "[vm]\napicv = true");
        if vcpu.halts {
            let _ = writeln!(o, "# Recorded: its HLT exits.");
        }
        let _ = writeln!(o, "hlt_in_guest = {hlt_in_guest}\n");
        let _ = writeln!(o, "[guest]");
        if let Some((vector, rule)) = vcpu.vector.filter(|(vector, _)| vector.0 >= 16) {
            let _ = writeln!(o, "# By rule {} of the import.\nvector = {}", rule.id(), vector.0);
        }
        let idle = if vcpu.halts { "hlt" } else { "busy" };
        let _ = writeln!(o, "# Recorded: whether it halts. Assumed: that its HLT does not exit.\nidle = \"{idle}\"");
        let by = |by: ArmedBy| arms.iter().filter(|arm| arm.by == by).count();
        if by(ArmedBy::Restart) > 0 {
            let _ = writeln!(
                o,
                "# Assumed: a deadline in place of each of {} restarts of a periodic timer.",
                by(ArmedBy::Restart)
            );
        }
        if by(ArmedBy::Start) > 0 {
            let _ = writeln!(
                o,
                "# Assumed: an arm where only the start of the timer was recorded, {} times (L3).",
                by(ArmedBy::Start)
            );
        }
        let left = arms.len() - timed.len();
        if left > 0 {
            let _ = writeln!(o, "# Left out: {left} arms whose deadline is not known or too far ahead.");
        }
        if self.more > 0 {
            let _ = writeln!(o, "# Left out: {} arms beyond the first million of the recording.", self.more);
        }
        let _ = writeln!(o, "# Times in ns after the vCPU's first arm, good to about a microsecond.\narms = [");
        for Replayed { at_ns, deadline_ns, .. } in timed {
            let _ = writeln!(o, "  {{ at_ns = {at_ns}, deadline_ns = {deadline_ns} }},");
        }
        let _ = writeln!(o, "]\n");
    }
}

/// Where the vCPU was longest.
fn home(vcpu: &VcpuSeen, end: Option<TraceTime>) -> Cpu {
    let ends = vcpu.stays.iter().skip(1).map(|(from, _)| *from).chain(end);
    let mut on: BTreeMap<Cpu, u64> = BTreeMap::new();
    for ((from, cpu), to) in vcpu.stays.iter().zip(ends) {
        *on.entry(*cpu).or_default() += to.ns_since(*from);
    }
    let longest = on.into_iter().max_by_key(|(cpu, ns)| (*ns, std::cmp::Reverse(*cpu)));
    longest.map_or(Cpu(0), |(cpu, _)| cpu)
}

/// The guest's TSC rate, by its first and last deadline, in steps of 1 MHz; none if they are too close.
fn tsc_khz(vcpu: &VcpuSeen) -> Option<u64> {
    let [(first, from), (last, to)] = vcpu.deadlines?;
    let (cycles, ns) = (last.checked_sub(first)?, to.ns().checked_sub(from.ns())?);
    if ns < 10_000_000 {
        return None;
    }
    let khz = u64::try_from(u128::from(cycles) * 1_000_000 / u128::from(ns)).ok()?;
    let rounded = khz.saturating_add(500) / 1_000 * 1_000;
    (100_000..=10_000_000).contains(&rounded).then_some(rounded)
}
