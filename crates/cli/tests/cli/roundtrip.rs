//! A simulated run, written as ftrace text and read back, gives the same stage: what a recording can show is put on the stage
//! again, and its marks are those of the run: the same words, at the same nanoseconds, on the same cores.
//!
//! Compared are exits (reason, vector, phase, from when, how long), timers (armed when and by whom, queued where, for when,
//! fired when) and IPIs (vector, from where, to where). A recording shows neither the rule by which a timer was queued or
//! refused, nor the number and the flight of an IPI, nor what happens inside the guest and the posted-interrupt
//! descriptor, so that those are not compared.

use crate::stdout;
use apic_core::effect::Effect;
use apic_core::host::TimerId;
use apic_core::rule::Rule;
use apic_core::run::{Lockstep, StepRecord, Way};
use apic_core::scenario::{PathKind, Scenario, preset};
use apic_core::units::{CpuId, Ns, VcpuId, Vector};
use apic_core::vmx::ExitPhase;
use kvm_trace::{Analysis, EventKind, Fact, Path, Record, Tick, Tid, read_records};
use scene::{Moment, PageData, PathSteps, Projection, Start, View};
use std::collections::{BTreeMap, BTreeSet};

/// Steps that a recording shows, in the order of time.
#[derive(Default)]
struct Read {
    steps: Vec<(u64, CpuId, VcpuId, Rule, Effect)>,
    /// Timers that wait: by address, when and by which vCPU they were started, and for when.
    waiting: BTreeMap<u64, (u64, VcpuId, Ns)>,
    ipis: u32,
}

/// `run --ftrace` numbers the threads of vCPUs from 1000.
fn vcpu_of(thread: Tid) -> VcpuId {
    VcpuId((thread.0 - 1_000) as u16)
}

const fn cpu(of: kvm_trace::Cpu) -> CpuId {
    CpuId(of.0 as u16)
}

impl Read {
    fn put(&mut self, ns: u64, cpu: CpuId, vcpu: VcpuId, rule: Rule, effect: Effect) {
        self.steps.push((ns, cpu, vcpu, rule, effect));
    }

    /// Where a timer was queued is seen when it fires.
    fn event(&mut self, event: &kvm_trace::Event<'_>) {
        let (ns, here) = (event.time.ns(), cpu(event.cpu));
        match event.kind {
            EventKind::HrtimerStart { hrtimer, function: "apic_timer_fn", expires, .. } => {
                let before = self.waiting.insert(hrtimer.0, (ns, vcpu_of(event.thread), Ns::from_ns(expires.ns())));
                assert_eq!(before, None, "a timer is queued twice");
            }
            EventKind::HrtimerExpireEntry { hrtimer, function: "apic_timer_fn", .. } => {
                let (started, vcpu, expires) = self.waiting.remove(&hrtimer.0).expect("it was started");
                let timer = TimerId::Lapic(vcpu);
                let queued = Effect::TimerQueued { timer, cpu: here, expires, rule: Rule::R5 };
                self.put(started, here, vcpu, Rule::R5, queued);
                self.put(ns, here, vcpu, Rule::C4, Effect::TimerFired { timer, cpu: here, expires });
            }
            _ => {}
        }
    }

    fn facts(&mut self, facts: &[Fact]) {
        let ticks = || facts.iter().filter_map(|fact| if let Fact::Tick(tick) = fact { Some(tick) } else { None });
        let firing: BTreeSet<u64> = ticks().filter_map(|tick| tick.exit).map(|exit| exit.at.line).collect();
        for fact in facts {
            let Fact::Exit(span) = fact else { continue };
            let (vcpu, at) = (vcpu_of(span.thread), cpu(span.from.cpu));
            let reason: &'static str = span.reason.name().to_owned().leak();
            let vector = span.vector.map(|vector| Vector::new(vector.0));
            let phase = match reason {
                "MSR_WRITE" => ExitPhase::Arming,
                _ if firing.contains(&span.from.line) => ExitPhase::Firing,
                _ => ExitPhase::Other,
            };
            self.put(span.from.time.ns(), at, vcpu, Rule::P1, Effect::Exit { vcpu, cpu: at, reason, vector, phase });
            self.put(span.to.time.ns(), at, vcpu, Rule::P8, Effect::Enter { vcpu, cpu: cpu(span.to.cpu) });
        }
        ticks().for_each(|tick| self.notified(tick));
    }

    /// A tick that was posted from another CPU implies the notification.
    fn notified(&mut self, tick: &Tick) {
        let (Path::Posted, Some(expiry), Some(accepted)) = (tick.path, tick.expiry, tick.accepted) else { return };
        self.ipis += 1;
        let (vcpu, from) = (vcpu_of(tick.thread), cpu(expiry.at.cpu));
        let to = cpu(tick.armed.expect("it was armed").at.cpu);
        let (id, vector) = (self.ipis, Vector::POSTED_INTR);
        self.put(accepted.at.time.ns(), from, vcpu, Rule::C9, Effect::IpiSent { id, vector, from, to, vcpu });
    }

    fn records(mut self) -> Vec<StepRecord> {
        self.steps.sort_by_key(|step| step.0);
        let record = |(i, (ns, cpu, vcpu, rule, effect))| StepRecord {
            index: i as u32,
            at: Ns::from_ns(ns),
            cpu,
            vcpu: Some(vcpu),
            rule,
            effects: vec![effect],
        };
        self.steps.into_iter().enumerate().map(record).collect()
    }
}

fn read_back(text: &str) -> Vec<StepRecord> {
    let (mut read, mut analysis, mut facts) = (Read::default(), Analysis::default(), Vec::new());
    let coverage = read_records(text.as_bytes(), |line, record| {
        analysis.record(line, record, &mut |fact| facts.push(*fact));
        if let Record::Event(event) = record {
            read.event(event);
        }
    });
    let coverage = coverage.expect("a recording");
    assert_eq!((coverage.unparsed, coverage.cut), (0, false));
    analysis.finish(coverage, &mut |fact| facts.push(*fact)).expect("a recording");
    read.facts(&facts);
    read.records()
}

/// A mark in words: its kind, its time if that is shown, its label and its data.
type Shown = (&'static str, Option<u64>, String, Vec<(&'static str, String)>);

/// The whole run as one page of the stage, and what is compared of it.
fn stage(scenario: &Scenario, path: PathKind, records: Vec<StepRecord>) -> Vec<Shown> {
    let times: BTreeMap<u32, u64> = records.iter().map(|record| (record.index, record.at.as_ns())).collect();
    let end = Moment { taken: u32::MAX, now: Ns::NEVER, time: Ns::NEVER, step: None };
    let places = records.iter().map(|record| record.at.as_ns()).collect();
    let start = Start::of_scenario(scenario);
    let steps = PathSteps { way: Way::of(path), records, places, even: false, start };
    let page = PageData::from_steps(scenario, vec![steps]);
    let view = View { width: 1_200, projection: Projection::Wide, id: "s".to_owned() };
    let mut shown: Vec<Shown> = page
        .display_list(0, &end, &view)
        .marks
        .into_iter()
        .filter(|mark| matches!(mark.kind, "exit" | "timer" | "fire" | "ipi"))
        .map(|mut mark| {
            mark.data.retain(|(key, _)| !matches!(*key, "rule" | "id"));
            // The line of an accept comes after the notification, and its arrival has none.
            let at = mark.step.filter(|_| mark.kind != "ipi").map(|step| times[&step]);
            (mark.kind, at, mark.label, mark.data)
        })
        .collect();
    // Where a timer waits is seen when it fires: those that still wait at the end are not compared.
    let fires = shown.iter().filter(|mark| mark.0 == "fire");
    let fires: Vec<(Option<u64>, String)> = fires.map(|(_, at, _, data)| (*at, value(data, "vcpu"))).collect();
    shown.retain(|(kind, _, _, data)| {
        let expires = value(data, "expires").parse().ok();
        *kind != "timer" || fires.iter().any(|(at, vcpu)| *at >= expires && *vcpu == value(data, "vcpu"))
    });
    shown.sort();
    shown
}

fn value(data: &[(&'static str, String)], key: &str) -> String {
    data.iter().find(|(k, _)| *k == key).map_or_else(String::new, |(_, value)| value.clone())
}

/// Counts of exits, fires and IPIs, for a test to know that it saw some.
#[track_caller]
fn check(name: &str, path: PathKind) -> [usize; 3] {
    let mut scenario = preset(name).expect("it ships");
    scenario.run.paths = vec![path];
    scenario.run.expiries = 12;
    let text = stdout(&["run", name, "--paths", path.name(), "--expiries", "12", "--ftrace"], b"");
    let run = Lockstep::new(&scenario);
    let [history] = run.paths() else { panic!("one path") };
    let simulated = stage(&scenario, path, history.records(0..history.len()));
    let recorded = stage(&scenario, path, read_back(&text));
    let of = |kind: &str| simulated.iter().filter(|mark| mark.0 == kind).count();
    for (was, is) in simulated.iter().zip(&recorded) {
        assert_eq!(is, was, "{name} {path:?}");
    }
    assert_eq!(recorded.len(), simulated.len(), "{name} {path:?}");
    ["exit", "fire", "ipi"].map(of)
}

#[test]
fn a_run_that_was_recorded_is_the_same_stage() {
    for name in ["pinned-vs-offloaded", "idle-housekeeper", "two-vcpus-one-housekeeper", "seed-2019", "recorded-arms"] {
        for path in [PathKind::Pinned, PathKind::Posted] {
            let [exits, fires, ipis] = check(name, path);
            assert!(exits >= 12 && fires >= 12, "{name} {path:?}: {exits} exits, {fires} expiries");
            let posts = path == PathKind::Posted && name != "idle-housekeeper";
            assert_eq!(ipis > 0, posts, "{name} {path:?}: {ipis} IPIs");
        }
    }
}
