//! A moment as plain values, as `npm/index.d.ts` types them. Times are ns since the start of the run, vectors numbers.

use apic_core::lapic::VectorSet;
use apic_core::machine::Machine;
use apic_core::run::{History, Ledger, Lockstep};
use apic_core::scenario::Scenario;
use apic_core::units::{Ns, VcpuId, Vector};
use scene::export::told;
use scene::{Moment, PageData, Tally};
use serde::Serialize;

/// A preset in a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Listed {
    name: &'static str,
    title: String,
    question: String,
}

impl Listed {
    pub(super) fn of(name: &'static str, scenario: Scenario) -> Self {
        Self { name, title: scenario.meta.title, question: scenario.meta.question }
    }
}

/// A moment of a run.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct State<'a> {
    /// Without its `#`.
    link: String,
    preset: Option<&'a str>,
    title: &'a str,
    question: &'a str,
    step: u32,
    of: u32,
    time_ns: Ns,
    /// What the last step did.
    sentence: String,
    /// The rule that it followed.
    rule: Option<Rule>,
    paths: Vec<Path>,
}

/// A rule in words.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
struct Rule {
    id: &'static str,
    title: &'static str,
    what: &'static str,
    source: &'static str,
}

/// One path at the moment.
#[derive(Clone, PartialEq, Debug, Serialize)]
struct Path {
    /// `posted`, or `posted@5.3`.
    key: String,
    title: String,
    about: &'static str,
    /// Its own steps.
    step: u32,
    of: u32,
    /// Of the whole tick on stage.
    tick: Counts,
    /// Since the start of the run.
    ledger: Ledger,
    vcpus: Vec<Vcpu>,
}

/// Counts of a tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
struct Counts {
    exits: u32,
    ipis: u32,
    ipis_not_sent: u32,
}

impl From<Tally> for Counts {
    fn from(tally: Tally) -> Self {
        Self { exits: tally.exits, ipis: tally.ipis, ipis_not_sent: tally.ipis_not_sent }
    }
}

/// A vCPU: its thread, its posted-interrupt descriptor, its virtual APIC and its timer.
#[derive(Clone, PartialEq, Debug, Serialize)]
struct Vcpu {
    id: u16,
    cpu: u16,
    mode: &'static str,
    in_guest: bool,
    halted: bool,
    pir: Vec<u8>,
    on: bool,
    sn: bool,
    nv: u8,
    ndst: u16,
    virr: Vec<u8>,
    visr: Vec<u8>,
    rvi: u8,
    svi: u8,
    vppr: u8,
    /// In guest TSC cycles; 0 is disarmed.
    tsc_deadline: u64,
    /// An expiry waits for the thread.
    pending: bool,
    hrtimer: Option<Queued>,
}

/// A queued timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
struct Queued {
    cpu: u16,
    at_ns: Ns,
}

impl<'a> State<'a> {
    pub(super) fn of(
        run: &'a Lockstep,
        link: String,
        preset: Option<&'a str>,
        page: &PageData,
        moments: &[(usize, Moment)],
    ) -> Self {
        let meta = &run.scenario().meta;
        let rule = run.last_beat().and_then(|beat| {
            let taken = beat.steps.iter().zip(run.paths()).find_map(|(step, path)| path.metas().get((*step)? as usize));
            taken.map(|step| (step.rule.info(), step.rule.words()))
        });
        let path = |(history, (place, _)): (&History, &(usize, Moment))| Path::of(history, page.tally(*place).into());
        Self {
            link,
            preset,
            title: &meta.title,
            question: &meta.question,
            step: run.position() as u32,
            of: run.len() as u32,
            time_ns: run.last_beat().map_or(Ns::ZERO, |beat| beat.at),
            sentence: told(run).text(),
            rule: rule.map(|(info, words)| Rule {
                id: info.id,
                title: info.title,
                what: words.what,
                source: words.source,
            }),
            paths: run.paths().iter().zip(moments).map(path).collect(),
        }
    }
}

impl Path {
    fn of(history: &History, tick: Counts) -> Self {
        let (way, machine) = (history.way(), history.machine());
        Self {
            key: way.key(),
            title: way.title(),
            about: way.path.about(),
            step: history.position() as u32,
            of: history.len() as u32,
            tick,
            ledger: history.ledger().clone(),
            vcpus: (0..machine.vcpus().len()).map(|v| Vcpu::of(machine, VcpuId(v as u16))).collect(),
        }
    }
}

impl Vcpu {
    fn of(machine: &Machine, id: VcpuId) -> Self {
        let vcpu = &machine.vcpus()[id.index()];
        let (pi, vapic) = (vcpu.pi(), vcpu.vapic());
        Self {
            id: id.0,
            cpu: vcpu.cpu().0,
            mode: vcpu.mode().name(),
            in_guest: vcpu.in_guest(),
            halted: vcpu.halted(),
            pir: vectors(pi.pir()),
            on: pi.on(),
            sn: pi.sn(),
            nv: pi.nv().number(),
            ndst: pi.ndst().0,
            virr: vectors(vapic.virr()),
            visr: vectors(vapic.visr()),
            rvi: vapic.rvi(),
            svi: vapic.svi(),
            vppr: vapic.vppr(),
            tsc_deadline: vcpu.timer().tscdeadline.as_cycles(),
            pending: vcpu.timer().pending,
            hrtimer: machine.timer_queued(id).map(|(cpu, at_ns)| Queued { cpu: cpu.0, at_ns }),
        }
    }
}

fn vectors(set: &VectorSet) -> Vec<u8> {
    set.iter().map(Vector::number).collect()
}
