//! `--ftrace`: a run as the kernel's tracepoints would print it, in the text of ftrace, times in nanoseconds.
//!
//! What a recording cannot show is not printed: posting, the notification's way, virtual-interrupt delivery, a virtualized
//! EOI. So this is also what is left of a run in a recording; `exitless import` reads it.

use crate::error::Failure;
use crate::moment::Moment;
use apic_core::effect::{Effect, Field};
use apic_core::host::TimerId;
use apic_core::rule::Rule;
use apic_core::run::{History, StepRecord};
use apic_core::scenario::{Load, PathKind, Scenario, TimerMode};
use apic_core::units::{CpuId, Ns, Tsc, VcpuId, Vector};
use scene::chunks;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

/// Threads of vCPUs are numbered from here.
const FIRST_THREAD: u32 = 1_000;

/// Timers' addresses: of a CPU's tick, and of a vCPU.
const TICKS: u64 = 0xffff_8880_0000_0000;
const LAPICS: u64 = 0xffff_8881_0000_0000;

pub(crate) fn print(moment: &Moment, out: &mut impl Write) -> Result<(), Failure> {
    let [history] = moment.lockstep.paths() else {
        let names: Vec<_> = moment.scenario().run.paths.iter().map(|p| p.name()).collect();
        let problem = format!("a recording is of one run, and {} paths are run", names.len());
        return Err(Failure::value("--ftrace", problem, format!("--paths with one of: {}", names.join(", "))));
    };
    write(history, moment.scenario(), out)
}

/// The history up to its position.
pub(crate) fn write(history: &History, scenario: &Scenario, out: &mut impl Write) -> Result<(), Failure> {
    writeln!(out, "# tracer: nop")?;
    writeln!(out, "# Simulated by exitless {}, path {}.", env!("CARGO_PKG_VERSION"), history.path().name())?;
    let mut writer = Writer::new(scenario, history.path(), out);
    for chunk in chunks(history.position()) {
        for record in history.records(chunk) {
            writer.record(&record)?;
        }
    }
    Ok(())
}

struct Writer<'a, W: Write> {
    out: &'a mut W,
    scenario: &'a Scenario,
    mode: &'static str,
    busy: BTreeMap<CpuId, bool>,
    /// What was written, and is not yet printed.
    written: BTreeMap<VcpuId, Written>,
    /// Timer interrupts that are running.
    interrupted: BTreeMap<CpuId, bool>,
    /// Timers whose callback is running.
    called: BTreeMap<CpuId, VcpuId>,
    /// CPUs whose vCPU's thread does not run.
    left: BTreeSet<CpuId>,
    /// Since when a vCPU has been halted, and whether its thread slept since.
    halted: BTreeMap<VcpuId, (Ns, bool)>,
}

impl<'a, W: Write> Writer<'a, W> {
    fn new(scenario: &'a Scenario, path: PathKind, out: &'a mut W) -> Self {
        // 61abdbe0bcc2 pinned it; 4d151bf3b89e lets it go.
        let mode = if path == PathKind::Pinned { "ABS|PINNED" } else { "ABS|HARD" };
        let (busy, written, interrupted, called, left, halted) = Default::default();
        Self { out, scenario, mode, busy, written, interrupted, called, left, halted }
    }

    /// Who runs on a CPU while no vCPU does: name and thread.
    fn other(&self, cpu: CpuId, idle: &str) -> (String, u32) {
        let busy = self.busy.get(&cpu).copied();
        let busy = busy.unwrap_or_else(|| self.scenario.load_of(cpu) != Load::Idle);
        if busy { ("stress".to_owned(), 100 + u32::from(cpu.0)) } else { (idle.to_owned(), 0) }
    }

    /// What stands in front of the event: who runs on the CPU.
    fn line(&mut self, record: &StepRecord, cpu: CpuId, fields: &str) -> Result<(), Failure> {
        let vcpu = self.scenario.vcpus.iter().position(|v| v.cpu == cpu).filter(|_| !self.left.contains(&cpu));
        let (name, thread) = match vcpu {
            Some(vcpu) => (format!("CPU {vcpu}/KVM"), FIRST_THREAD + vcpu as u32),
            None => self.other(cpu, "<idle>"),
        };
        let who = format!("{name}-{thread}");
        let ns = record.at.as_ns();
        let flags = if self.interrupted.get(&cpu) == Some(&true) { "d.h1." } else { "d..1." };
        let (seconds, ns) = (ns / 1_000_000_000, ns % 1_000_000_000);
        Ok(writeln!(self.out, "{who:>20} [{:03}] {flags} {seconds:5}.{ns:09}: {fields}", cpu.0)?)
    }

    fn record(&mut self, record: &StepRecord) -> Result<(), Failure> {
        let cpu = record.cpu;
        // __run_hrtimer: a timer that its callback has restarted is queued behind hrtimer_expire_exit.
        if let (Rule::P4 | Rule::C11, Some(vcpu)) = (record.rule, record.vcpu)
            && self.called.remove(&cpu).is_some()
        {
            self.line(record, cpu, &format!("hrtimer_expire_exit: hrtimer={:#018x}", lapic(vcpu)))?;
        }
        for effect in &record.effects {
            self.effect(record, effect)?;
        }
        match (record.rule, record.vcpu) {
            (Rule::A8, Some(vcpu)) => self.wrote(record, vcpu)?,
            (Rule::C7 | Rule::P5b, Some(vcpu)) => self.accept(record, vcpu, "kvm_apic_accept_irq")?,
            (Rule::C10 | Rule::P5e, Some(vcpu)) => self.accept(record, vcpu, "kvm_apicv_accept_irq")?,
            (Rule::C3, _) => self.interrupt(record, cpu)?,
            (Rule::E8, Some(vcpu)) => {
                if let Some((since, slept)) = self.halted.remove(&vcpu) {
                    let (how, ns) = (if slept { "wait" } else { "poll" }, record.at.minus(since).as_ns());
                    self.line(record, cpu, &format!("kvm_vcpu_wakeup: {how} time {ns} ns, polling valid"))?;
                }
            }
            (Rule::T2, _) if self.interrupted.get(&cpu) == Some(&true) => {
                self.line(record, cpu, "local_timer_exit: vector=236")?;
                self.interrupted.insert(cpu, false);
            }
            _ => {}
        }
        Ok(())
    }

    /// The end of the guest's write: `kvm_msr`, whichever register it was.
    fn wrote(&mut self, record: &StepRecord, vcpu: VcpuId) -> Result<(), Failure> {
        self.counts(record, vcpu)?;
        match self.written.remove(&vcpu) {
            Some(Written::Deadline(deadline)) => {
                self.line(record, record.cpu, &format!("kvm_msr: msr_write 6e0 = {:#x}", deadline.as_cycles()))
            }
            Some(Written::Count { ns, .. }) => {
                self.line(record, record.cpu, &format!("kvm_msr: msr_write 838 = {ns:#x}"))
            }
            None => Ok(()),
        }
    }

    /// An initial count has a line where KVM begins with it, too. The model's bus clock is KVM's: a count for each ns.
    fn counts(&mut self, record: &StepRecord, vcpu: VcpuId) -> Result<(), Failure> {
        let Some(Written::Count { ns, told: told @ false }) = self.written.get_mut(&vcpu) else { return Ok(()) };
        *told = true;
        let ns = *ns;
        self.line(record, record.cpu, &format!("kvm_apic: apic_write APIC_TMICT = {ns:#x}"))
    }

    /// `sched_switch` between a vCPU's thread and whatever else there is.
    fn switch(&mut self, record: &StepRecord, cpu: CpuId, from: &Thread, to: &Thread) -> Result<(), Failure> {
        let fields = format!(
            "sched_switch: prev_comm={} prev_pid={} prev_prio=120 prev_state={} ==> next_comm={} next_pid={} \
             next_prio=120",
            from.name, from.id, from.state, to.name, to.id
        );
        self.line(record, cpu, &fields)
    }

    /// The thread that runs where no vCPU does.
    fn others(&self, cpu: CpuId) -> Thread {
        let (name, id) = self.other(cpu, &format!("swapper/{}", cpu.0));
        Thread { name, id, state: if id == 0 { 'R' } else { 'S' } }
    }

    fn interrupt(&mut self, record: &StepRecord, cpu: CpuId) -> Result<(), Failure> {
        if self.interrupted.insert(cpu, true) == Some(true) {
            return Ok(());
        }
        self.line(record, cpu, "local_timer_entry: vector=236")
    }

    fn accept(&mut self, record: &StepRecord, vcpu: VcpuId, name: &str) -> Result<(), Failure> {
        let vector = self.scenario.guest.vector.number();
        self.line(record, record.cpu, &format!("{name}: apicid {:x} vec {vector} (Fixed|edge)", vcpu.0))
    }

    fn effect(&mut self, record: &StepRecord, effect: &Effect) -> Result<(), Failure> {
        let now = record.at.as_ns();
        match *effect {
            Effect::Armed { vcpu, deadline, at } => {
                let guest = &self.scenario.guest;
                let count = |ns: u64| Written::Count { ns: ns.max(1), told: false };
                let written = match guest.timer {
                    TimerMode::TscDeadline => Written::Deadline(deadline),
                    TimerMode::OneShot => count(at.minus(record.at).as_ns()),
                    TimerMode::Periodic => count(guest.period_us.saturating_mul(1_000)),
                };
                self.written.insert(vcpu, written);
            }
            Effect::Load { cpu, busy } if self.left.contains(&cpu) => {
                let from = self.others(cpu);
                self.busy.insert(cpu, busy);
                let to = self.others(cpu);
                if from.id != to.id {
                    self.busy.insert(cpu, !busy);
                    self.switch(record, cpu, &from, &to)?;
                    self.busy.insert(cpu, busy);
                }
            }
            Effect::Load { cpu, busy } => {
                self.busy.insert(cpu, busy);
            }
            Effect::Set { vcpu, field: Field::MpState, to: 3, .. } => {
                self.halted.insert(vcpu, (record.at, false));
            }
            Effect::ScheduledOut { vcpu, cpu } => {
                let sleeps = record.rule != Rule::S2;
                if let Some((_, slept)) = self.halted.get_mut(&vcpu).filter(|_| sleeps) {
                    *slept = true;
                }
                // A rival that takes over does so in the same step.
                for effect in &record.effects {
                    if let Effect::Load { cpu: of, busy } = *effect
                        && of == cpu
                    {
                        self.busy.insert(cpu, busy);
                    }
                }
                let to = self.others(cpu);
                self.switch(record, cpu, &Thread::of(vcpu, if sleeps { 'S' } else { 'R' }), &to)?;
                self.left.insert(cpu);
            }
            Effect::ScheduledIn { vcpu, cpu } => {
                let from = self.others(cpu);
                if self.left.contains(&cpu) {
                    self.switch(record, cpu, &from, &Thread::of(vcpu, 'R'))?;
                }
                self.left.remove(&cpu);
            }
            Effect::Exit { vcpu, cpu, reason, vector, .. } => {
                let info = vector.map_or(0, |vector: Vector| 0x8000_0000 | u32::from(vector.number()));
                let fields = format!(
                    "kvm_exit: vcpu {} reason {reason} rip 0x0 info1 0x0000000000000000 info2 0x0000000000000000 \
                     intr_info {info:#010x} error_code 0x00000000",
                    vcpu.0
                );
                self.line(record, cpu, &fields)?;
            }
            Effect::Enter { vcpu, cpu } => self.line(record, cpu, &format!("kvm_entry: vcpu {}, rip 0x0", vcpu.0))?,
            Effect::Waited { vcpu, early, delta, .. } => {
                let (sign, word) = if early { ("-", "early") } else { ("", "late") };
                let fields =
                    format!("kvm_wait_lapic_expire: vcpu {}: delta {sign}{} ({word})", vcpu.0, delta.as_cycles());
                self.line(record, record.cpu, &fields)?;
            }
            Effect::TimerQueued { timer, cpu, expires, .. } => {
                let expires = expires.as_ns();
                let restarted = matches!(record.rule, Rule::P4 | Rule::C11);
                if let TimerId::Lapic(vcpu) = timer {
                    self.counts(record, vcpu)?;
                }
                let (address, function, mode, by) = match timer {
                    TimerId::Lapic(vcpu) if restarted => (lapic(vcpu), "apic_timer_fn", "ABS", record.cpu),
                    TimerId::Lapic(vcpu) => (lapic(vcpu), "apic_timer_fn", self.mode, record.cpu),
                    TimerId::Tick(of) => (TICKS + u64::from(of.0) * 64, "tick_nohz_handler", "ABS", cpu),
                    TimerId::IoThread(of) => (io_thread(of), "hrtimer_wakeup", "ABS", cpu),
                };
                let fields = format!(
                    "hrtimer_start: hrtimer={address:#018x} function={function} expires={expires} softexpires={expires} \
                     mode={mode} was_armed=0"
                );
                self.line(record, by, &fields)?;
                if let (TimerId::Lapic(vcpu), false) = (timer, restarted) {
                    self.line(record, by, &format!("kvm_hv_timer_state: vcpu_id {:x} hv_timer 0", vcpu.0))?;
                }
            }
            Effect::TimerFired { timer, cpu, .. } => {
                self.interrupt(record, cpu)?;
                let (address, function) = match timer {
                    TimerId::Lapic(vcpu) => {
                        self.called.insert(cpu, vcpu);
                        (lapic(vcpu), "apic_timer_fn")
                    }
                    TimerId::Tick(of) => (TICKS + u64::from(of.0) * 64, "tick_nohz_handler"),
                    TimerId::IoThread(of) => (io_thread(of), "hrtimer_wakeup"),
                };
                self.line(
                    record,
                    cpu,
                    &format!("hrtimer_expire_entry: hrtimer={address:#018x} function={function} now={now}"),
                )?;
                if let TimerId::Tick(_) | TimerId::IoThread(_) = timer {
                    self.line(record, cpu, &format!("hrtimer_expire_exit: hrtimer={address:#018x}"))?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// What a guest wrote to arm its timer.
enum Written {
    /// `IA32_TSC_DEADLINE`.
    Deadline(Tsc),
    /// The initial count, and whether `kvm_apic` is printed.
    Count { ns: u64, told: bool },
}

/// A thread, as `sched_switch` prints it.
struct Thread {
    name: String,
    id: u32,
    state: char,
}

impl Thread {
    fn of(vcpu: VcpuId, state: char) -> Self {
        Self { name: format!("CPU {}/KVM", vcpu.0), id: FIRST_THREAD + u32::from(vcpu.0), state }
    }
}

/// The timer of a sleep lies on its thread's stack; here, beside the vCPU's.
fn io_thread(vcpu: VcpuId) -> u64 {
    lapic(vcpu) + 0x20
}

fn lapic(vcpu: VcpuId) -> u64 {
    LAPICS + u64::from(vcpu.0) * 64
}
