//! What the page shows of a session: worked out once per change, so that the parts only compare values.

use crate::facts::{self, Data};
use crate::figures;
use crate::found::Found;
use crate::hand::{self, Offer};
use crate::later::{Here, behind};
use crate::list;
use crate::names::{self, Name};
use crate::queues;
use crate::session::Session;
use crate::strip;
use apic_core::effect::{Bank, Effect};
use apic_core::kvm::Vendor;
use apic_core::lapic::VectorSet;
use apic_core::rule::RuleInfo;
use apic_core::run::{History, Lockstep, StepRecord, Way};
use apic_core::scenario::Scenario;
use apic_core::units::{VcpuId, Vector};
use apic_core::vmx::PiDesc;
use scene::{Aspect, Grid, Layout, Moment, PageData, Projection, View, grid_svg, layout_svg, narrate_beat};
use std::rc::Rc;
use yew::AttrValue;

/// Width of the grid in pixels.
const GRID_WIDTH: u32 = 340;

/// What the person chose to look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Choice {
    /// Width of the stages in pixels.
    pub(crate) width: u32,
    /// What is drawn of the descriptor, or of the registers beside it.
    pub(crate) picture: Picture,
    /// Whose grid, by its place among the paths.
    pub(crate) grid_path: usize,
    /// Steps are offered to be picked.
    pub(crate) by_hand: bool,
    /// The queues of hrtimers are looked at, which stand in the second part of the program.
    pub(crate) queues: Option<Here>,
}

/// A picture of a vCPU's interrupts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Picture {
    /// A set of vectors as the 16×16 grid.
    Set(Bank),
    /// The descriptor's 512 bits.
    Layout,
}

/// A stage's picture and tally.
#[derive(Clone, PartialEq)]
pub(crate) struct StageView {
    pub(crate) name: Name,
    pub(crate) svg: AttrValue,
    /// Where in it the marks are.
    pub(crate) cuts: Rc<[usize]>,
    pub(crate) exits: u32,
    pub(crate) ipis: u32,
    /// The steps that a person may pick, while playing by hand.
    pub(crate) offers: Option<Rc<[Offer]>>,
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
    pub(crate) paths: Rc<[Name]>,
    /// What sets the paths of this tick apart.
    pub(crate) aspects: Rc<[Aspect]>,
    pub(crate) scenario: Rc<Scenario>,
    /// The preset that it came from, as it ships: what resets bring back.
    pub(crate) baseline: Rc<Scenario>,
    /// The kept scenario, if one is kept.
    pub(crate) kept: Option<Rc<Scenario>>,
    /// What cannot do what it is configured for.
    pub(crate) unused: Rc<[AttrValue]>,
    pub(crate) strip: AttrValue,
    pub(crate) stages: Vec<StageView>,
    pub(crate) said: Said,
    pub(crate) time: AttrValue,
    /// The processor is AMD's: there is a backing page, and no descriptor.
    pub(crate) avic: bool,
    pub(crate) descriptor: Rc<[facts::Rows]>,
    pub(crate) timer: Rc<[facts::Rows]>,
    /// While they are looked at.
    pub(crate) queues: Rc<[queues::Row]>,
    /// CPUs with timers that are not listed.
    pub(crate) more_queues: usize,
    pub(crate) data: Rc<[Data]>,
    drawn: Option<Drawn>,
    pub(crate) grid: AttrValue,
    pub(crate) ledger: Rc<[figures::Row]>,
    pub(crate) rows: list::Rows,
    /// What the list lists.
    found: Found,
    /// What a run without a clock has come to, said at its end.
    ending: Option<AttrValue>,
}

impl Shown {
    /// A first look.
    pub(crate) fn of(session: &Session, choice: Choice) -> Self {
        let lockstep = &session.lockstep;
        let tick = session.tick();
        let mut shown = Self {
            page: (session.run, tick, PageData::collect(lockstep, tick)),
            paths: Rc::default(),
            aspects: Rc::default(),
            scenario: Rc::new(lockstep.scenario().clone()),
            baseline: session.baseline(),
            kept: None,
            unused: Rc::default(),
            strip: AttrValue::default(),
            stages: Vec::new(),
            said: Said::default(),
            time: AttrValue::default(),
            avic: false,
            descriptor: Rc::default(),
            timer: Rc::default(),
            queues: Rc::default(),
            more_queues: 0,
            data: Rc::default(),
            drawn: None,
            grid: AttrValue::default(),
            ledger: Rc::default(),
            rows: list::Rows::default(),
            found: Found::default(),
            ending: None,
        };
        shown.rerun(session, choice);
        shown
    }

    /// The run is another one.
    pub(crate) fn rerun(&mut self, session: &Session, choice: Choice) {
        let lockstep = &session.lockstep;
        self.paths = names::of(lockstep).into();
        self.scenario = Rc::new(lockstep.scenario().clone());
        self.baseline = session.baseline();
        self.kept = lockstep.kept().cloned().map(Rc::new);
        let ways: Vec<Way> = self.paths.iter().map(|name| name.way).collect();
        let told = scene::unused(lockstep.scenario(), lockstep.kept(), &ways);
        self.unused = told.into_iter().map(AttrValue::from).collect();
        self.strip = strip::draw(lockstep).into();
        self.turn_to(session);
        self.rows = list::Rows::default();
        self.moved(session, choice);
    }

    /// Another tick is on stage.
    fn turn_to(&mut self, session: &Session) {
        let tick = session.tick();
        self.page = (session.run, tick, PageData::collect(&session.lockstep, tick));
        self.aspects = self.page.2.aspects().into();
    }

    /// The moment is another one.
    pub(crate) fn moved(&mut self, session: &Session, choice: Choice) {
        let tick = session.tick();
        if (self.page.0, self.page.1) != (session.run, tick) {
            self.turn_to(session);
        }
        self.draw(&session.lockstep, choice);
        self.say(&session.lockstep);
        self.time = list::present(&session.lockstep).into();
        self.look_up(session, choice);
        self.rows_around(&session.lockstep, self.taken(session).0.saturating_sub(1));
    }

    /// Another ending, or none.
    pub(crate) fn end(&mut self, session: &Session, ending: Option<AttrValue>) {
        self.ending = ending;
        self.say(&session.lockstep);
    }

    /// Rows of the list that are taken.
    pub(crate) fn taken(&self, session: &Session) -> list::Taken {
        self.found.taken(session.lockstep.position())
    }

    /// How many rows the list has.
    pub(crate) fn listed(&self, session: &Session) -> usize {
        self.found.len(session.lockstep.len())
    }

    /// Lists something else.
    pub(crate) fn list(&mut self, session: &Session, found: Found) {
        self.found = found;
        self.rows = list::Rows::default();
        self.rows_around(&session.lockstep, self.taken(session).0.saturating_sub(1));
    }

    /// The stages, again.
    pub(crate) fn draw(&mut self, lockstep: &Lockstep, choice: Choice) {
        let projection = Projection::for_width(choice.width);
        let page = &self.page.2;
        let stage = |(i, name): (usize, &Name)| {
            let view = View { width: choice.width, projection, id: format!("s{i}") };
            let stage = page.draw(i, &Moment::of(lockstep, i), &view);
            StageView {
                name: name.clone(),
                svg: stage.svg.into(),
                cuts: stage.cuts.into(),
                exits: stage.so_far.exits,
                ipis: stage.so_far.ipis,
                offers: choice.by_hand.then(|| hand::offers(&lockstep.paths()[i]).into()),
            }
        };
        self.stages = self.paths.iter().enumerate().map(stage).collect();
    }

    fn say(&mut self, lockstep: &Lockstep) {
        let scenario = lockstep.scenario();
        let steps: Vec<(usize, &StepRecord)> = last_steps(lockstep).collect();
        let ways: Vec<Way> = self.paths.iter().map(|name| name.way).collect();
        let told: Vec<(Way, &StepRecord)> = steps.iter().map(|(p, record)| (ways[*p], *record)).collect();
        let (who, badge) = match steps.as_slice() {
            [] => (AttrValue::default(), ""),
            [(p, _)] => (self.paths[*p].title.clone(), ways[*p].path.name()),
            all if all.len() == 2 && ways.len() == 2 => ("Both paths".into(), "both"),
            all => (format!("{} paths", all.len()).into(), "both"),
        };
        let sentence = narrate_beat(&told, &ways, scenario, lockstep.kept());
        self.said = Said {
            who,
            badge: badge.into(),
            rule: told.first().map(|(_, record)| record.rule.info()),
            main: sentence.main.into(),
            aside: sentence.aside.map(AttrValue::from),
        };
        if lockstep.position() == lockstep.len()
            && let Some(ending) = &self.ending
        {
            self.said.aside = Some(match &self.said.aside {
                Some(aside) => [aside.as_str(), " ", ending].concat().into(),
                None => ending.clone(),
            });
        }
    }

    /// Tables and grid of the selected vCPU. What changed is what differs from one beat before.
    pub(crate) fn look_up(&mut self, session: &Session, choice: Choice) {
        let paths = session.lockstep.paths();
        let both = || session.before.iter().zip(paths);
        let machines: Vec<_> = both().map(|(before, p)| (&before.0, p.machine())).collect();
        let ledgers: Vec<_> = both().map(|(before, p)| (&before.1, p.ledger())).collect();
        self.avic = paths.first().is_some_and(|p| p.machine().config().vendor == Vendor::Svm);
        let groups = if self.avic { facts::AVIC } else { facts::DESCRIPTOR };
        self.descriptor = facts::rows(groups, session.vcpu, &machines).into();
        self.timer = facts::rows(facts::TIMER, session.vcpu, &machines).into();
        let queues = choice.queues.map(|here| behind(here, || queues::rows(&machines, session.vcpu)));
        let queues = queues.unwrap_or_default();
        (self.queues, self.more_queues) = (queues.rows.into(), queues.more);
        self.ledger = figures::rows(&ledgers).into();
        let data = |(p, name): (&History, &Name)| Data::of(name.key.clone(), p.machine(), session.vcpu);
        self.data = paths.iter().zip(self.paths.iter()).map(data).collect();
        let drawn = Drawn::of(session, choice);
        if self.drawn != drawn {
            self.grid = drawn.as_ref().map(Drawn::draw).unwrap_or_default();
            self.drawn = drawn;
        }
    }

    /// Rows of the list around one, unless they are there.
    pub(crate) fn rows_around(&mut self, lockstep: &Lockstep, row: usize) {
        let beats = list::around(row, self.found.len(lockstep.len()), &self.rows.beats);
        if beats != self.rows.beats {
            self.rows = list::draw(lockstep, &self.paths, &self.found, beats);
        }
    }
}

/// The steps of the last beat, each with the place of its path.
fn last_steps(lockstep: &Lockstep) -> impl Iterator<Item = (usize, &StepRecord)> {
    let beat = lockstep.last_beat();
    lockstep.paths().iter().enumerate().filter_map(move |(i, path)| {
        beat?.steps[i]?;
        Some((i, path.last()?))
    })
}

/// What the picture beside the tables shows.
#[derive(Clone, PartialEq)]
enum Drawn {
    Bits(Bits),
    Layout { now: PiDesc, before: PiDesc },
}

impl Drawn {
    fn of(session: &Session, choice: Choice) -> Option<Self> {
        let (lockstep, vcpu) = (&session.lockstep, session.vcpu);
        let index = choice.grid_path.min(lockstep.paths().len().saturating_sub(1));
        let machine = lockstep.paths().get(index)?.machine();
        let avic = machine.config().vendor == Vendor::Svm;
        match choice.picture {
            Picture::Layout if !avic => {
                let before = &session.before.get(index)?.0;
                let [now, before] = [machine, before].map(|m| Some(m.vcpus().get(vcpu.index())?.pi().clone()));
                Some(Self::Layout { now: now?, before: before? })
            }
            // AVIC has no PIR: requests are in IRR from the start.
            Picture::Set(Bank::Pir) | Picture::Layout if avic => Bits::of(lockstep, vcpu, index, Bank::Virr),
            Picture::Set(bank) => Bits::of(lockstep, vcpu, index, bank),
            Picture::Layout => None,
        }
    }

    fn draw(&self) -> AttrValue {
        match self {
            Self::Bits(Bits { name, set, changed, vppr }) => {
                grid_svg(&Grid { id: "grid", name, set, changed, vppr: *vppr, width: GRID_WIDTH }).into()
            }
            Self::Layout { now, before } => layout_svg(&Layout { id: "layout", now, before, width: GRID_WIDTH }).into(),
        }
    }
}

/// What the grid shows.
#[derive(Clone, PartialEq)]
struct Bits {
    name: &'static str,
    set: VectorSet,
    changed: Vec<(Vector, bool)>,
    vppr: Option<u8>,
}

impl Bits {
    fn of(lockstep: &Lockstep, vcpu: VcpuId, index: usize, shown: Bank) -> Option<Drawn> {
        let path = lockstep.paths().get(index)?;
        let avic = path.machine().config().vendor == Vendor::Svm;
        let v = path.machine().vcpus().get(vcpu.index())?;
        let (name, set) = match shown {
            Bank::Pir => ("PIR", v.pi().pir()),
            Bank::Virr => (if avic { "IRR" } else { "VIRR" }, v.vapic().virr()),
            Bank::Visr => (if avic { "ISR" } else { "VISR" }, v.vapic().visr()),
        };
        let stepped = lockstep.last_beat().is_some_and(|b| b.steps[index].is_some());
        let effects = path.last().filter(|_| stepped).map_or(&[][..], |r| &r.effects);
        let changed = effects.iter().filter_map(|effect| match effect {
            Effect::Bit { vcpu: whose, bank, vector, on } if *whose == vcpu && *bank == shown => Some((*vector, *on)),
            _ => None,
        });
        // What is in service is held back by nothing.
        let vppr = (shown != Bank::Visr).then(|| v.vapic().vppr());
        Some(Drawn::Bits(Self { name, set: *set, changed: changed.collect(), vppr }))
    }
}
