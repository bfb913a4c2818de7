//! What the page shows of a session: worked out once per change, so that the parts only compare values.

use crate::facts::{self, Data};
use crate::figures;
use crate::list;
use crate::session::Session;
use crate::strip;
use crate::words;
use apic_core::effect::{Bank, Effect};
use apic_core::lapic::VectorSet;
use apic_core::machine::Machine;
use apic_core::rule::RuleInfo;
use apic_core::run::{Ledger, Lockstep, StepRecord};
use apic_core::scenario::{PathKind, Scenario};
use apic_core::units::{Ns, VcpuId, Vector};
use scene::{Grid, Moment, PageData, Projection, View, grid_svg, narrate_beat, opening};
use std::ops::Range;
use std::rc::Rc;
use yew::AttrValue;

/// Width of the grid in pixels.
const GRID_WIDTH: u32 = 340;

/// What the person chose to look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Choice {
    /// Width of the stages in pixels.
    pub(crate) width: u32,
    pub(crate) bank: Bank,
    /// Whose grid, by its place among the paths.
    pub(crate) grid_path: usize,
}

/// A stage's picture and tally.
#[derive(Clone, PartialEq)]
pub(crate) struct StageView {
    pub(crate) path: PathKind,
    pub(crate) svg: AttrValue,
    pub(crate) exits: u32,
    pub(crate) ipis: u32,
}

/// The sentence of a moment.
#[derive(Clone, PartialEq, Default)]
pub(crate) struct Said {
    pub(crate) who: AttrValue,
    pub(crate) badge: AttrValue,
    pub(crate) rule: Option<&'static RuleInfo>,
    pub(crate) main: AttrValue,
    pub(crate) aside: Option<AttrValue>,
}

impl Said {
    /// All of it, for the live region.
    pub(crate) fn text(&self) -> String {
        let mut text = self.main.to_string();
        if let Some(aside) = &self.aside {
            text.push(' ');
            text.push_str(aside);
        }
        text
    }
}

/// Everything that is drawn.
pub(crate) struct Shown {
    page: (u32, usize, PageData),
    pub(crate) paths: Vec<PathKind>,
    pub(crate) scenario: Rc<Scenario>,
    pub(crate) strip: AttrValue,
    pub(crate) stages: Vec<StageView>,
    pub(crate) said: Said,
    pub(crate) time: AttrValue,
    pub(crate) descriptor: Vec<facts::Row>,
    pub(crate) timer: Vec<facts::Row>,
    pub(crate) data: Vec<Data>,
    pub(crate) grid: AttrValue,
    pub(crate) ledger: Vec<figures::Row>,
    pub(crate) rows: Range<usize>,
    pub(crate) list: AttrValue,
}

impl Shown {
    /// A first look.
    pub(crate) fn of(session: &mut Session, choice: Choice) -> Self {
        let lockstep = &session.lockstep;
        let tick = session.tick();
        let mut shown = Self {
            page: (session.run, tick, PageData::collect(lockstep, tick)),
            paths: Vec::new(),
            scenario: Rc::new(lockstep.scenario().clone()),
            strip: AttrValue::default(),
            stages: Vec::new(),
            said: Said::default(),
            time: AttrValue::default(),
            descriptor: Vec::new(),
            timer: Vec::new(),
            data: Vec::new(),
            grid: AttrValue::default(),
            ledger: Vec::new(),
            rows: 0..0,
            list: AttrValue::default(),
        };
        shown.rerun(session, choice);
        shown
    }

    /// The run is another one.
    pub(crate) fn rerun(&mut self, session: &mut Session, choice: Choice) {
        let lockstep = &session.lockstep;
        self.paths = lockstep.paths().iter().map(apic_core::run::History::path).collect();
        self.scenario = Rc::new(lockstep.scenario().clone());
        self.strip = strip::draw(lockstep).into();
        self.page = (session.run, session.tick(), PageData::collect(lockstep, session.tick()));
        self.rows = 0..0;
        self.moved(session, choice);
    }

    /// The moment is another one.
    pub(crate) fn moved(&mut self, session: &mut Session, choice: Choice) {
        let tick = session.tick();
        if (self.page.0, self.page.1) != (session.run, tick) {
            self.page = (session.run, tick, PageData::collect(&session.lockstep, tick));
        }
        self.draw(&session.lockstep, choice);
        self.say(&session.lockstep);
        self.time = words::micros(now(&session.lockstep)).into();
        self.look_up(session, choice);
        let position = session.lockstep.position();
        self.rows_around(&session.lockstep, position.saturating_sub(1));
    }

    /// The stages, again.
    pub(crate) fn draw(&mut self, lockstep: &Lockstep, choice: Choice) {
        let projection = Projection::for_width(choice.width);
        let page = &self.page.2;
        let stage = |(i, path): (usize, &PathKind)| {
            let view = View { width: choice.width, projection, standalone: false, id: format!("s{i}") };
            let stage = page.draw(i, &Moment::of(lockstep, i), &view);
            StageView { path: *path, svg: stage.svg.into(), exits: stage.so_far.exits, ipis: stage.so_far.ipis }
        };
        self.stages = self.paths.iter().enumerate().map(stage).collect();
    }

    fn say(&mut self, lockstep: &Lockstep) {
        let scenario = lockstep.scenario();
        let steps: Vec<(PathKind, &StepRecord)> = last_steps(lockstep).collect();
        let (sentence, who, badge) = match steps.as_slice() {
            [] => (opening(scenario), "", ""),
            [(path, _)] if lockstep.paths().len() > 1 => (narrate_beat(&steps, scenario), path.title(), path.name()),
            _ => (narrate_beat(&steps, scenario), "Both paths", "both"),
        };
        self.said = Said {
            who: who.into(),
            badge: badge.into(),
            rule: steps.first().map(|(_, record)| record.rule.info()),
            main: sentence.main.into(),
            aside: sentence.aside.map(AttrValue::from),
        };
    }

    /// Tables and grid of the selected vCPU. What changed is what differs from one beat before.
    pub(crate) fn look_up(&mut self, session: &mut Session, choice: Choice) {
        let here = session.lockstep.position();
        session.lockstep.seek(here.saturating_sub(1));
        let before: Vec<(Machine, Ledger)> =
            session.lockstep.paths().iter().map(|p| (p.machine().clone(), p.ledger().clone())).collect();
        session.lockstep.seek(here);
        let paths = session.lockstep.paths();
        let machines: Vec<_> = before.iter().zip(paths).map(|(b, p)| (&b.0, p.machine())).collect();
        let ledgers: Vec<_> = before.iter().zip(paths).map(|(b, p)| (&b.1, p.ledger())).collect();
        self.descriptor = facts::rows(facts::DESCRIPTOR, session.vcpu, &machines);
        self.timer = facts::rows(facts::TIMER, session.vcpu, &machines);
        self.ledger = figures::rows(&ledgers);
        self.data = paths.iter().map(|p| Data::of(p.path().name(), p.machine(), session.vcpu)).collect();
        self.grid = grid(&session.lockstep, session.vcpu, choice).into();
    }

    /// List markup around a row, unless it is there.
    pub(crate) fn rows_around(&mut self, lockstep: &Lockstep, row: usize) {
        let rows = list::around(row, lockstep.len(), &self.rows);
        if rows != self.rows {
            self.list = list::markup(lockstep, rows.clone()).into();
            self.rows = rows;
        }
    }
}

/// The present, common to all paths: the time of the last beat.
fn now(lockstep: &Lockstep) -> Ns {
    lockstep.last_beat().map_or(Ns::ZERO, |b| b.at)
}

/// The steps of the last beat.
fn last_steps(lockstep: &Lockstep) -> impl Iterator<Item = (PathKind, &StepRecord)> {
    let beat = lockstep.last_beat();
    lockstep.paths().iter().enumerate().filter_map(move |(i, path)| {
        beat?.steps[i]?;
        Some((path.path(), path.last()?))
    })
}

fn grid(lockstep: &Lockstep, vcpu: VcpuId, choice: Choice) -> String {
    let index = choice.grid_path.min(lockstep.paths().len().saturating_sub(1));
    let Some(path) = lockstep.paths().get(index) else { return String::new() };
    let Some(v) = path.machine().vcpus().get(vcpu.index()) else { return String::new() };
    let (name, set): (&str, &VectorSet) = match choice.bank {
        Bank::Pir => ("PIR", v.pi().pir()),
        Bank::Virr => ("VIRR", v.vapic().virr()),
        Bank::Visr => ("VISR", v.vapic().visr()),
    };
    let stepped = lockstep.last_beat().is_some_and(|b| b.steps[index].is_some());
    let effects = path.last().filter(|_| stepped).map_or(&[][..], |r| &r.effects);
    let changed: Vec<(Vector, bool)> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Bit { vcpu: whose, bank, vector, on } if *whose == vcpu && *bank == choice.bank => {
                Some((*vector, *on))
            }
            _ => None,
        })
        .collect();
    let vppr = (choice.bank == Bank::Virr).then(|| v.vapic().vppr());
    grid_svg(&Grid { id: "grid", name, set, changed: &changed, vppr, width: GRID_WIDTH })
}
