//! A page of the stage: one tick of every path, collected once and drawn at any of its moments.

mod arrows;
mod collect;
mod differ;
mod lanes;
mod layout;
mod place;
mod recorded;
mod story;
mod tall;
mod tall_marks;
mod wide;
mod wide_marks;

use crate::axis::Scale;
use crate::narrate::{narrate, opening};
use crate::svg;
use crate::words;
use apic_core::effect::Effect;
use apic_core::run::{StepRecord, Way};
use apic_core::scenario::Scenario;
use apic_core::units::{CpuId, Ns, VcpuId};

pub use differ::Aspect;
pub(crate) use lanes::{Lane, Lanes};
pub use recorded::Said;
pub(crate) use story::Story;

/// What a CPU does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Doing {
    /// Guest code, in non-root operation.
    Guest(VcpuId),
    /// KVM, for this vCPU.
    Kvm(VcpuId),
    /// Work of its own.
    Load,
    /// Nothing.
    Idle,
}

/// How things stand when a page begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Start {
    /// What each CPU does, by number.
    pub cpus: Vec<Doing>,
    /// vCPUs whose handler runs.
    pub in_handler: Vec<VcpuId>,
    /// Guest timers that are queued: whose, where, for when.
    pub timers: Vec<(VcpuId, CpuId, Ns)>,
}

impl Start {
    /// As a scenario begins: guests run, nothing is queued.
    pub fn of_scenario(scenario: &Scenario) -> Self {
        use apic_core::scenario::Load;
        let cpus = scenario.host.topology.iter().map(|cpu| {
            let vcpu = scenario.vcpus.iter().position(|v| v.cpu == cpu);
            let busy = scenario.host.housekeepers.iter().any(|h| h.cpu == cpu && h.load != Load::Idle);
            match vcpu {
                Some(i) => Doing::Guest(VcpuId(i as u16)),
                None if busy => Doing::Load,
                None => Doing::Idle,
            }
        });
        Self { cpus: cpus.collect(), in_handler: Vec::new(), timers: Vec::new() }
    }
}

/// One path's part of a page.
#[derive(Clone, PartialEq, Debug)]
pub struct PathSteps {
    /// Which path, and in which era.
    pub way: Way,
    /// Its steps, in order.
    pub records: Vec<StepRecord>,
    /// Where each of them stands on the axis that all paths share, in ns: where paths are aligned by time, its time.
    pub places: Vec<u64>,
    /// Whether they stand at equal distances, whatever the time between them.
    pub even: bool,
    /// How things stood before the first of them.
    pub start: Start,
}

/// A moment of one path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// Steps that the path has taken since the start of its run.
    pub taken: u32,
    /// The present on the axis that all paths share.
    pub now: Ns,
    /// The time of the last press of *Step*.
    pub time: Ns,
    /// The step that the path took last, if it took one in the last press of *Step*.
    pub step: Option<u32>,
}

/// Which way time runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Projection {
    /// Left to right, a lane per core.
    Wide,
    /// Top to bottom, a column per core.
    Tall,
}

impl Projection {
    /// The one that suits a width in pixels.
    pub const fn for_width(width: u32) -> Self {
        if width < 640 { Self::Tall } else { Self::Wide }
    }
}

/// How a stage is to be drawn.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct View {
    /// Pixels.
    pub width: u32,
    /// Which way time runs.
    pub projection: Projection,
    /// Prefix of the ids inside; two stages on one page need two.
    pub id: String,
}

/// Counts of a tick.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Tally {
    /// VM exits.
    pub exits: u32,
    /// IPIs sent.
    pub ipis: u32,
    /// IPIs that were not sent.
    pub ipis_not_sent: u32,
}

impl Tally {
    fn of<'a>(records: impl Iterator<Item = &'a StepRecord>) -> Self {
        let mut tally = Self::default();
        for effect in records.flat_map(|r| &r.effects) {
            match effect {
                Effect::Exit { .. } => tally.exits += 1,
                Effect::IpiSent { .. } => tally.ipis += 1,
                Effect::IpiNotSent { .. } => tally.ipis_not_sent += 1,
                _ => {}
            }
        }
        tally
    }

    /// "2 exits, 0 IPIs".
    pub fn text(&self) -> String {
        let (exits, ipis) = (words::count(self.exits, "exit"), words::count(self.ipis, "IPI"));
        match self.ipis_not_sent {
            0 => format!("{exits}, {ipis}"),
            n => format!("{exits}, {ipis}, {n} not sent"),
        }
    }
}

/// A stage, drawn.
#[derive(Clone, PartialEq, Debug)]
pub struct Stage {
    /// The picture.
    pub svg: String,
    /// Where in `svg` each mark begins, and where the last one ends: from one moment of a tick to another, the same number
    /// of marks is drawn, and few of them differently.
    pub cuts: Vec<usize>,
    /// The picture in words: the `aria-label` of the picture.
    pub alt: String,
    /// Height of the picture in pixels.
    pub height: u32,
    /// The whole tick.
    pub tally: Tally,
    /// The tick up to the moment shown.
    pub so_far: Tally,
}

/// One tick of every path, ready to be drawn at any of its moments.
#[derive(Clone, Debug)]
pub struct PageData {
    scenario: Scenario,
    /// What kept paths are of.
    kept: Option<Scenario>,
    paths: Vec<PathSteps>,
    stories: Vec<Story>,
    /// Those of the scenario, and of the kept one where it differs in them.
    lanes: (Lanes, Option<Lanes>),
    /// Moments of all paths that earn a column of the axis, sorted.
    columns: Vec<u64>,
}

/// Insertion sort. A page has some dozens of things to order, mostly in order already, and each sort of the standard
/// library is five kilobytes of program.
fn in_order<T>(items: &mut [T], before: impl Fn(&T, &T) -> bool) {
    for end in 1..items.len() {
        let mut at = end;
        while at > 0 && before(&items[at], &items[at - 1]) {
            items.swap(at, at - 1);
            at -= 1;
        }
    }
}

impl PageData {
    /// From the steps of each path.
    pub fn from_steps(scenario: &Scenario, paths: Vec<PathSteps>) -> Self {
        Self::of_two(scenario, None, paths)
    }

    /// The same where paths may be of a second scenario.
    pub(crate) fn of_two(scenario: &Scenario, kept: Option<&Scenario>, paths: Vec<PathSteps>) -> Self {
        let of = |p: &PathSteps| kept.filter(|_| p.way.kept).unwrap_or(scenario);
        let stories: Vec<Story> = paths.iter().map(|p| Story::of(p, of(p))).collect();
        // Where both are placed alike, what one path involves has a lane on all, so that stages line up.
        let unlike = kept.filter(|k| k.host != scenario.host || k.vcpus != scenario.vcpus);
        let lanes = |of: &Scenario, kept: bool| {
            let paths = paths.iter().zip(&stories).filter(|(p, _)| unlike.is_none() || p.way.kept == kept);
            Lanes::of(of, &paths.map(|(_, story)| story).collect::<Vec<_>>())
        };
        let lanes = (lanes(scenario, false), unlike.map(|kept| lanes(kept, true)));
        let mut columns: Vec<u64> = stories.iter().flat_map(|s| s.columns.iter().copied()).collect();
        in_order(&mut columns, |a, b| a < b);
        columns.dedup();
        Self { scenario: scenario.clone(), kept: kept.cloned(), paths, stories, lanes, columns }
    }

    /// The scenario it is of.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The scenario that a path is of.
    pub fn scenario_of(&self, path: usize) -> &Scenario {
        let kept = self.paths.get(path).is_some_and(|p| p.way.kept);
        self.kept.as_ref().filter(|_| kept).unwrap_or(&self.scenario)
    }

    /// Its paths.
    pub fn paths(&self) -> &[PathSteps] {
        &self.paths
    }

    /// What is compared.
    pub(crate) fn ways(&self) -> Vec<Way> {
        self.paths.iter().map(|p| p.way).collect()
    }

    /// The whole tick of a path.
    pub fn tally(&self, path: usize) -> Tally {
        self.paths.get(path).map_or_else(Tally::default, |p| Tally::of(p.records.iter()))
    }

    /// The marks of a path's stage.
    pub fn display_list(&self, path: usize, moment: &Moment, view: &View) -> crate::DisplayList {
        let canvas = layout::Canvas::new(self, path, moment, view, Scale::Compressed);
        match view.projection {
            Projection::Wide => wide::draw(canvas),
            Projection::Tall => tall::draw(canvas),
        }
    }

    /// The stage of a path.
    pub fn draw(&self, path: usize, moment: &Moment, view: &View) -> Stage {
        let list = self.display_list(path, moment, view);
        let alt = self.alt(path, moment);
        let (svg, cuts) = svg::stage_svg(&list, path, view, &alt, &|_| "simulated");
        Stage {
            svg,
            cuts,
            alt,
            height: whole(list.height),
            tally: self.tally(path),
            so_far: self
                .paths
                .get(path)
                .map_or_else(Tally::default, |p| Tally::of(p.records.iter().filter(|r| r.index < moment.taken))),
        }
    }

    /// The same as text of 80 columns.
    pub fn text(&self, path: usize, moment: &Moment) -> String {
        crate::text::page(self, path, moment)
    }

    pub(crate) fn story(&self, path: usize) -> Option<&Story> {
        self.stories.get(path)
    }

    pub(crate) fn lanes(&self, path: usize) -> &Lanes {
        let kept = self.paths.get(path).is_some_and(|p| p.way.kept);
        self.lanes.1.as_ref().filter(|_| kept).unwrap_or(&self.lanes.0)
    }

    pub(crate) fn columns(&self) -> &[u64] {
        &self.columns
    }

    /// The last step taken on a path within the page.
    pub(crate) fn last(&self, path: usize, moment: &Moment) -> Option<&StepRecord> {
        self.paths.get(path)?.records.iter().rev().find(|r| r.index < moment.taken)
    }

    /// The sentence of a path's last step within the page, or how things stand before the first.
    pub fn last_sentence(&self, path: usize, moment: &Moment) -> String {
        let last = self.last(path, moment);
        let scenario = self.scenario_of(path);
        last.map_or_else(|| opening(scenario, &self.ways()), |record| narrate(record, scenario)).text()
    }

    /// The picture in words: which path, what the tick costs, and what happened last.
    fn alt(&self, path: usize, moment: &Moment) -> String {
        let Some(steps) = self.paths.get(path) else { return String::new() };
        let last = self.last_sentence(path, moment);
        format!("{}, this tick: {}. {last}", steps.way.title(), self.tally(path).text())
    }
}

/// Pixels that hold a length.
#[expect(clippy::cast_sign_loss, reason = "a height is not negative")]
fn whole(length: f64) -> u32 {
    length.ceil() as u32
}
