//! A moment of a recording: the stage of its tick, and words.

use super::steps::{RESCHEDULE, Step, What};
use super::{Recording, Vcpu};
use crate::recording::about::escaped;
use apic_core::effect::Effect;
use apic_core::host::{TimerId, Topology};
use apic_core::rule::Rule;
use apic_core::run::{StepRecord, Way};
use apic_core::scenario::{self, PathKind, Scenario};
use apic_core::units::{CpuId, Ns, VcpuId, Vector};
use apic_core::vmx::ExitPhase;
use kvm_trace::{ArmedBy, Basis, Cpu, Inference, Outcome, Path, Tick, Whereabouts};
use scene::{Doing, Moment, PageData, PathSteps, Projection, Said, Start, View};
use std::fmt::Write as _;
use wasm_bridge::worker::recording::{Go, Look, Looked};

/// The model's vCPU that stands for the recorded one.
const VCPU: VcpuId = VcpuId(0);

/// A time in words, of three digits.
pub(super) fn span(ns: i64) -> String {
    let sign = if ns < 0 { "−" } else { "" };
    let ns = ns.unsigned_abs();
    let (whole, part, unit) = match ns {
        0..1_000 => return format!("{sign}{ns} ns"),
        1_000..1_000_000 => (ns / 1_000, ns % 1_000 / 10, "µs"),
        1_000_000..1_000_000_000 => (ns / 1_000_000, ns % 1_000_000 / 10_000, "ms"),
        _ => (ns / 1_000_000_000, ns % 1_000_000_000 / 10_000_000, "s"),
    };
    match whole {
        100.. => format!("{sign}{whole} {unit}"),
        10..100 => format!("{sign}{whole}.{} {unit}", part / 10),
        _ => format!("{sign}{whole}.{part:02} {unit}"),
    }
}

/// A tick, ready to be drawn.
pub(super) struct Drawing {
    page: PageData,
    moment: Moment,
    inferred: Vec<bool>,
    first: u32,
}

impl Drawing {
    pub(super) fn stage(&self, width: u32, alt: &str) -> String {
        let view = View { width, projection: Projection::for_width(width), id: "recorded".to_owned() };
        self.page.draw_recorded(&self.moment, &view, alt, &|step| self.is_inferred(step)).0
    }

    pub(super) fn figure(&self, width: u32, title: &str, words: &str) -> String {
        let colours = (width, scene::Theme::Auto);
        self.page.figure_recorded(&self.moment, colours, (title, words), &|step| self.is_inferred(step))
    }

    fn is_inferred(&self, step: u32) -> bool {
        let at = step.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        at.and_then(|at| self.inferred.get(at)).copied().unwrap_or(false)
    }
}

impl Recording {
    /// Where a look leads.
    pub(super) fn place(&self, look: Look) -> (u16, u64) {
        let (number, vcpu) = self.vcpu(look.vcpu);
        let here = look.position.min(vcpu.len());
        let place = match look.go {
            Go::To(position) => position.clamp(1, vcpu.len().max(1)),
            Go::Expiry(forward) => vcpu.nearest(here, forward, |what| matches!(what, What::Expired)).unwrap_or(here),
            Go::Exit => vcpu.nearest(here, true, |what| matches!(what, What::Exit(_))).unwrap_or(here),
        };
        (number, place)
    }

    /// A moment.
    pub(crate) fn look(&self, look: Look) -> Looked {
        let (number, position) = self.place(look);
        let (_, vcpu) = self.vcpu(number);
        let tick = vcpu.tick_at(position);
        let steps = vcpu.steps(tick);
        let taken = (position - vcpu.before[tick]) as usize;
        let step = taken.checked_sub(1).and_then(|at| steps.get(at));
        let sentence = step.map_or_else(String::new, sentence);
        let alt = format!("Recorded, tick {} of {}. {sentence}", tick + 1, vcpu.ticks.len());
        Looked {
            position,
            len: vcpu.len(),
            vcpu: number,
            svg: self.drawing(vcpu, tick, &steps, taken).stage(look.width, &alt),
            why: why(vcpu, tick, step),
            sentence,
            time: step.map_or_else(String::new, |step| span(self.since(step.at.time).cast_signed())),
        }
    }

    /// The number that a CPU has on the stage: its own, unless there are more than the stage has.
    fn cpu(&self, cpu: Cpu) -> CpuId {
        let known = self.summary.cpus.iter().position(|(known, _)| *known == cpu).unwrap_or(0);
        let highest = self.summary.cpus.last().map_or(0, |(cpu, _)| cpu.0);
        let most = u32::from(Topology::MAX_CPUS);
        CpuId(if highest < most { cpu.0 as u16 } else { known.min(most as usize - 1) as u16 })
    }

    pub(super) fn drawing(&self, vcpu: &Vcpu, number: usize, steps: &[Step], taken: usize) -> Drawing {
        let tick = &vcpu.ticks[number];
        let home = tick.expiry.filter(|e| e.at_home).map(|e| e.at.cpu);
        let home = home.or(tick.armed.map(|a| a.at.cpu)).or(tick.accepted.map(|a| a.at.cpu)).unwrap_or(Cpu(0));
        let home = self.cpu(home);
        let cores = self.summary.cpus.iter().map(|(cpu, _)| self.cpu(*cpu).0).max().unwrap_or(0).max(home.0) + 1;
        let scenario = Scenario {
            meta: scenario::Meta::default(),
            host: scenario::Host {
                topology: Topology { sockets: 1, llcs: 1, cores: cores.max(2), smt: 1 },
                nohz_full: Vec::new(),
                hz: 250,
                tsc_khz: 1_000_000,
                housekeepers: Vec::new(),
            },
            vm: scenario::Vm::default(),
            vcpus: vec![scenario::Vcpu { cpu: home, start_us: 0, rival: None }],
            moves: Vec::new(),
            devices: Vec::new(),
            guest: scenario::Guest::default(),
            run: scenario::Run::default(),
            costs: scenario::CostChoice::default(),
        };

        let first = vcpu.before[number] as u32;
        let mut said = Vec::new();
        let mut records = Vec::with_capacity(steps.len());
        for (index, step) in (first..).zip(steps) {
            let (rule, effects) = self.effects(tick, index, step, home);
            let (ns, cpu) = (self.since(step.at.time), self.cpu(step.at.cpu));
            if let Some(text) = note(step, vcpu_vector(self, vcpu)) {
                said.push(Said { step: index, ns, cpu, text });
            }
            records.push(StepRecord { index, at: Ns::from_ns(ns), cpu, vcpu: Some(VCPU), rule, effects });
        }
        // Lines may run backwards by a little; an axis does not.
        let mut latest = 0;
        let places: Vec<u64> = records
            .iter()
            .map(|record| {
                latest = record.at.as_ns().max(latest);
                latest
            })
            .collect();
        let mut start = Start::of_scenario(&scenario);
        if let Some(doing) = start.cpus.get_mut(usize::from(home.0)) {
            *doing = match tick.found {
                Whereabouts::Asleep => Doing::Idle,
                Whereabouts::Preempted => Doing::Load,
                _ if tick.path == Path::Woken => Doing::Idle,
                _ => Doing::Guest(VCPU),
            };
        }
        let now = taken.checked_sub(1).and_then(|at| places.get(at)).copied().unwrap_or(0);
        let moment = Moment {
            taken: first + taken as u32,
            now: Ns::from_ns(now),
            time: Ns::from_ns(now),
            step: taken.checked_sub(1).map(|at| first + at as u32),
        };
        let inferred = steps.iter().map(|step| step.inferred).collect();
        let paths = PathSteps { way: Way::of(PathKind::Pinned), records, places, even: false, start };
        let real = |cpu: CpuId| {
            let found = self.summary.cpus.iter().find(|(known, _)| self.cpu(*known) == cpu);
            found.map_or(u32::from(cpu.0), |(known, _)| known.0)
        };
        let name = |cpu: CpuId| {
            let role = if cpu == home { "the vCPU's CPU" } else { "another CPU" };
            [format!("CPU {}", real(cpu)), role.to_owned()]
        };
        Drawing { page: PageData::recorded(&scenario, paths, said, &name), moment, inferred, first }
    }

    /// What a step is in the model's vocabulary, as far as it has words for it.
    fn effects(&self, tick: &Tick, index: u32, step: &Step, home: CpuId) -> (Rule, Vec<Effect>) {
        let cpu = self.cpu(step.at.cpu);
        let timer = TimerId::Lapic(VCPU);
        let expires = || {
            let offset = self.summary.clocks.offset?;
            Some(Ns::from_ns(self.since(offset.to_recorded(tick.deadline?))))
        };
        let fires = tick.expiry.map_or(home, |expiry| self.cpu(expiry.at.cpu));
        let ipi = |vector, from, to| Effect::IpiSent { id: index, vector, from, to, vcpu: VCPU };
        match step.what {
            What::Armed(..) => match expires() {
                Some(expires) => (Rule::R5, vec![Effect::TimerQueued { timer, cpu: fires, expires, rule: Rule::R5 }]),
                None => (Rule::A1, Vec::new()),
            },
            What::Exit(span) => {
                let reason = known_reason(span.reason.name());
                let vector = span.vector.map(|vector| Vector::new(vector.0));
                let phase = match reason {
                    "MSR_WRITE" => ExitPhase::Arming,
                    _ if tick.exit.is_some_and(|exit| exit.at == span.from) => ExitPhase::Firing,
                    _ => ExitPhase::Other,
                };
                (Rule::P1, vec![Effect::Exit { vcpu: VCPU, cpu, reason, vector, phase }])
            }
            What::Enter => (Rule::P8, vec![Effect::Enter { vcpu: VCPU, cpu }]),
            What::Expired => {
                let expires = expires().unwrap_or(Ns::from_ns(self.since(step.at.time)));
                (Rule::C3, vec![Effect::TimerFired { timer, cpu, expires }])
            }
            What::CallbackEnds => (Rule::T2, Vec::new()),
            What::Notified => (Rule::C9, vec![ipi(Vector::POSTED_INTR, cpu, home)]),
            What::Kicked(_) => (Rule::C9, vec![ipi(Vector::new(RESCHEDULE.0), cpu, home)]),
            What::Accepted(_) | What::Refused(_) | What::Injected | What::Ended => (Rule::C7, Vec::new()),
        }
    }
}

/// The rule of a step, and what became of its tick.
fn why(vcpu: &Vcpu, number: usize, step: Option<&Step>) -> String {
    let mut out = String::new();
    let tick = &vcpu.ticks[number];
    let rule = |rule: Inference, out: &mut String| {
        let info = rule.info();
        let basis = match info.basis {
            Basis::Observed => "observed",
            Basis::Inferred => "inferred",
            Basis::NotShown => "not shown",
        };
        let _ = write!(out, "<b>{}</b> {} ({basis}): {} ", info.id, escaped(info.title), escaped(info.what));
    };
    out.push_str("<p data-testid=\"recorded-cause\">");
    out.push_str(&escaped(&cause(vcpu, number)));
    out.push_str("</p><details><summary>The rules it is told by</summary><p>");
    if let Some(of) = step.and_then(|step| step.rule) {
        rule(of, &mut out);
    }
    out.push_str("</p><p>");
    rule(tick.path_rule, &mut out);
    out.push_str("</p><p>");
    rule(tick.outcome_rule, &mut out);
    out.push_str("</p></details>");
    out
}

fn sentence(step: &Step) -> String {
    let (line, cpu) = (step.at.line, step.at.cpu.0);
    let what = match step.what {
        What::Armed(ArmedBy::Deadline, written) => format!("The guest wrote its TSC deadline, {written:#x}."),
        What::Armed(ArmedBy::Count, written) => format!("The guest wrote its initial count, {written:#x}."),
        What::Armed(ArmedBy::Start, _) => "The guest's timer was started; its write is not recorded.".to_owned(),
        What::Armed(ArmedBy::Restart, _) => "The periodic timer queued itself again.".to_owned(),
        What::Exit(span) => {
            let vector = span.vector.map_or_else(String::new, |v| format!(" {:#04x}", v.0));
            let lasts = span.to.time.ns_since(span.from.time).cast_signed();
            format!("The vCPU left guest code: {}{vector}, for {}.", span.reason.name(), self::span(lasts))
        }
        What::Enter => "The vCPU went back into guest code.".to_owned(),
        What::Expired => format!("The timer expired on CPU {cpu}."),
        What::CallbackEnds => format!("The timer's callback ended on CPU {cpu}."),
        What::Accepted(false) => "The timer's interrupt was accepted by the guest's local APIC.".to_owned(),
        What::Accepted(true) => "It was accepted again, in the vCPU's own thread.".to_owned(),
        What::Notified => {
            format!("CPU {cpu} sent the posted-interrupt notification. No line shows its arrival (N1).")
        }
        What::Kicked(to) => format!("CPU {cpu} kicked the vCPU; its exit is line {}.", to.line),
        What::Refused(by) => format!("CPU {by} had refused to keep this timer, so that it expired at home."),
        What::Injected => "KVM injected the interrupt.".to_owned(),
        What::Ended => "The guest ended the interrupt.".to_owned(),
    };
    let known = if step.inferred { "Inferred" } else { "Observed" };
    format!("{what} {known}, line {line}.")
}

/// How late a tick was, and why, as far as its lines tell.
pub(super) fn cause(vcpu: &Vcpu, number: usize) -> String {
    let tick = &vcpu.ticks[number];
    let mut out = format!("Tick {}: {}, {}.", tick.number + 1, tick.path.name(), tick.outcome.name());
    if let Some(late) = tick.lateness_ns() {
        let _ = write!(out, " Its timer was found expired {} after its time.", span(late));
    }
    if let Some(waited) = super::query::waited(tick) {
        let why = match tick.path {
            Path::Woken => ": its vCPU slept, and its thread had to be woken and to get its CPU",
            Path::Preempted => ": another thread ran on its vCPU's CPU",
            Path::Offloaded => ": its CPU could not post it, and left it to the vCPU's thread",
            _ => "",
        };
        let _ = write!(out, " It was accepted {} after that{why}.", span(waited));
    }
    if tick.outcome == Outcome::Coalesced {
        let earlier = vcpu.ticks[..number].iter().rev().find(|t| t.outcome != Outcome::Coalesced);
        match earlier {
            Some(t) => {
                _ = write!(out, " Tick {} still waited, so that the guest saw one interrupt of the two.", t.number + 1);
            }
            None => out.push_str(" One before it still waited."),
        }
    }
    if tick.gap {
        out.push_str(" Events are missing while it was under way, so that this may be wrong.");
    }
    out
}

fn vcpu_vector(recording: &Recording, vcpu: &Vcpu) -> Option<kvm_trace::Vector> {
    let seen = recording.summary.vcpus.iter().find(|seen| Some(seen.thread) == vcpu.thread)?;
    seen.vector.map(|(vector, _)| vector)
}

/// What a line says, in few words, where the stage has no mark of its own for it.
fn note(step: &Step, vector: Option<kvm_trace::Vector>) -> Option<String> {
    let vector = vector.map_or_else(String::new, |vector| format!(" {:#04x}", vector.0));
    Some(match step.what {
        What::Accepted(false) => format!("accepted{vector}"),
        What::Accepted(true) => format!("accepted{vector} again"),
        What::Injected => format!("injected{vector}"),
        What::Ended => "EOI".to_owned(),
        What::Refused(by) => format!("CPU {by} refused (inferred)"),
        _ => return None,
    })
}

/// Reasons that the stage draws in its own words; other names are the processor's own as well.
fn known_reason(name: &str) -> &'static str {
    const KNOWN: [&str; 24] = [
        "MSR_WRITE",
        "EXTERNAL_INTERRUPT",
        "HLT",
        "PREEMPTION_TIMER",
        "INTERRUPT_WINDOW",
        "MSR_READ",
        "PAUSE_INSTRUCTION",
        "APIC_ACCESS",
        "EOI_INDUCED",
        "APIC_WRITE",
        "EPT_VIOLATION",
        "EPT_MISCONFIG",
        "CPUID",
        "IO_INSTRUCTION",
        "EXCEPTION_NMI",
        "CR_ACCESS",
        "VMCALL",
        "XSETBV",
        "WBINVD",
        "interrupt",
        "hlt",
        "msr",
        "npf",
        "vintr",
    ];
    KNOWN.into_iter().find(|known| *known == name).unwrap_or("another reason")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Reading;

    fn read(text: &str) -> Recording {
        let mut reading = Reading::new("a recording".to_owned());
        // Wherever the pieces end.
        for piece in text.as_bytes().chunks(1_000) {
            reading.read(piece).expect("text");
        }
        reading.finish().expect("a recording")
    }

    const HALT: &str = include_str!("../../../kvm-trace/tests/data/traces/deadline-halt.perf-script.txt");
    const PERIODIC: &str = include_str!("../../../kvm-trace/tests/data/traces/periodic-halt.perf-script.txt");

    const POSTED: &str = "\
CPU 1/KVM-9 [003] d..2. 2.000010: kvm_exit: vcpu 1 reason MSR_WRITE rip 0x1 info1 0x0 info2 0x0 intr_info 0x0 error_code 0x0
CPU 1/KVM-9 [003] d..2. 2.000011: hrtimer_start: hrtimer=0xa function=apic_timer_fn expires=1000000 softexpires=1000000 mode=ABS|HARD
CPU 1/KVM-9 [003] d..2. 2.000013: kvm_msr: msr_write 6e0 = 0x10
CPU 1/KVM-9 [003] d..2. 2.000014: kvm_entry: vcpu 1, rip 0x1
<idle>-0 [000] d.h1 2.001002: hrtimer_expire_entry: hrtimer=0xa function=apic_timer_fn now=1001500
<idle>-0 [000] d.h1 2.001003: kvm_apic_accept_irq: apicid 1 vec 236 (Fixed|edge)
<idle>-0 [000] d.h1 2.001004: kvm_apicv_accept_irq: apicid 1 vec 236 (Fixed|edge)
<idle>-0 [000] d.h1 2.001005: hrtimer_expire_exit: hrtimer=0xa
";

    fn at(recording: &Recording, position: u64) -> Looked {
        recording.look(Look { vcpu: 0, position, go: Go::To(position), width: 980 })
    }

    #[test]
    fn each_mark_says_what_it_rests_on() {
        let recording = read(POSTED);
        let all = at(&recording, u64::MAX);
        let sentences: Vec<_> = (1..=all.len).map(|position| at(&recording, position).sentence).collect();
        assert_eq!(
            sentences,
            [
                "The vCPU left guest code: MSR_WRITE, for 4.00 µs. Observed, line 1.",
                "The guest wrote its TSC deadline, 0x10. Observed, line 3.",
                "The vCPU went back into guest code. Observed, line 4.",
                "The timer expired on CPU 0. Observed, line 5.",
                "The timer's interrupt was accepted by the guest's local APIC. Observed, line 6.",
                "CPU 0 sent the posted-interrupt notification. No line shows its arrival (N1). Inferred, line 6.",
                "The timer's callback ended on CPU 0. Observed, line 8.",
            ]
        );
        assert_eq!((all.position, all.svg.matches("data-provenance=\"inferred\"").count()), (7, 1));
        assert!(all.svg.contains("(inferred)</title>") && all.svg.contains("data-provenance=\"observed\""));
        assert!(
            !all.svg.contains("simulated")
                && !all.svg.contains("isolated")
                && !all.svg.contains("guest time")
                && !all.svg.contains("tick stopped")
        );
        for words in ["exit: WRMSR deadline", "accepted 0xec", "CPU 3", "the vCPU's CPU", "another CPU"] {
            assert!(all.svg.contains(words), "{words:?} is not in {}", all.svg);
        }
        assert!(
            all.why.contains("<b>S5</b>") && all.why.contains("found expired 1.50 µs after its time"),
            "{}",
            all.why
        );
    }

    #[test]
    fn a_late_tick_is_found_and_its_cause_told() {
        let recording = read(HALT);
        let (count, list) = recording.find("late > 50us").expect("a query");
        assert_eq!((count, list.matches("<li>").count()), (1, 1));
        assert!(list.contains("61.9 µs late"), "{list}");
        let position = list.split("data-go=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a place");
        let looked = at(&recording, position.parse().expect("a number"));
        assert!(looked.sentence.starts_with("The timer expired on CPU"), "{}", looked.sentence);
        assert!(looked.why.contains("its vCPU slept"), "{}", looked.why);
        assert_eq!(recording.find("").expect("all").0, 400);
        // Expiry by expiry, forwards and back.
        let go = |position, go| recording.look(Look { vcpu: 0, position, go, width: 980 }).position;
        let next = go(looked.position, Go::Expiry(true));
        assert!(next > looked.position && go(next, Go::Expiry(false)) == looked.position);
        assert_eq!(go(looked.position, Go::Exit), looked.position, "no exits are recorded");
    }

    #[test]
    fn a_coalesced_tick_says_behind_which_it_waited() {
        let recording = read(PERIODIC);
        let (count, list) = recording.find("outcome = coalesced").expect("a query");
        assert_eq!((count, list.matches("<li>").count()), (52, 52));
        let (_, list) = recording.find("tick = 93").expect("a query");
        let position = list.split("data-go=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a place");
        let why = at(&recording, position.parse().expect("a number")).why;
        assert!(why.contains("Tick 92 still waited"), "{why}");
    }

    /// Every position of every recording is drawn, in every width.
    #[test]
    fn every_moment_is_drawn() {
        for text in [POSTED, HALT, PERIODIC] {
            let recording = read(text);
            let len = at(&recording, 1).len;
            for position in (1..=len).step_by(7) {
                for width in [320, 900] {
                    let looked = recording.look(Look { vcpu: 0, position, go: Go::To(position), width });
                    assert!(
                        looked.svg.starts_with("<svg") && looked.position == position && !looked.sentence.is_empty()
                    );
                }
            }
        }
    }

    #[test]
    fn spans() {
        for (ns, text) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_500, "1.50 µs"),
            (-61_914, "−61.9 µs"),
            (3_802_000, "3.80 ms"),
            (123_000_000, "123 ms"),
        ] {
            assert_eq!(span(ns), text);
        }
    }
}
