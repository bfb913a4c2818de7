//! What both projections share: the axis, past and future, and the marks so far.

use super::place::Placer;
use super::story::{At, Stretch};
use super::{Moment, PageData, Story, View};
use crate::axis::{Axis, Scale};
use crate::display::{Area, DisplayList, Mark, Shape, When};
use apic_core::run::StepRecord;
use apic_core::scenario::Scenario;

/// A stage that is being drawn.
pub(super) struct Canvas<'a> {
    pub(super) page: &'a PageData,
    pub(super) path: usize,
    pub(super) story: &'a Story,
    pub(super) moment: &'a Moment,
    pub(super) view: &'a View,
    pub(super) scale: Scale,
    pub(super) marks: Vec<Mark>,
    pub(super) placer: Placer,
}

static NOTHING: Story = Story::nothing();

impl<'a> Canvas<'a> {
    pub(super) fn new(page: &'a PageData, path: usize, moment: &'a Moment, view: &'a View, scale: Scale) -> Self {
        let story = page.story(path).unwrap_or(&NOTHING);
        Self { page, path, story, moment, view, scale, marks: Vec::new(), placer: Placer::default() }
    }

    pub(super) fn scenario(&self) -> &'a Scenario {
        self.page.scenario_of(self.path)
    }

    pub(super) fn records(&self) -> &'a [StepRecord] {
        self.page.paths().get(self.path).map_or(&[], |p| &p.records)
    }

    pub(super) fn axis(&self, length: f64, margins: (f64, f64), cut: f64) -> Axis {
        Axis::new(self.page.columns(), length, margins, cut, self.scale)
    }

    pub(super) fn when(&self, at: At) -> When {
        if at.step >= self.moment.taken {
            When::Future
        } else if self.moment.step == Some(at.step) {
            When::Now
        } else {
            When::Past
        }
    }

    /// Past, present or future of something that lasts: the present is its begin.
    pub(super) fn when_begins(&self, on: Stretch) -> When {
        on.from.map_or(When::Past, |at| self.when(at))
    }

    /// A class for a part of a mark that happens at its own time. In a mark that is all future, the mark says so.
    pub(super) fn class_at(&self, at: At, [past, future]: [&'static str; 2]) -> &'static str {
        if self.when(at) == When::Future { future } else { past }
    }

    pub(super) fn bounds(&mut self, width: f64, height: f64, left: f64) {
        self.placer = Placer::new(Area { x0: left, y0: 0.0, x1: width, y1: height });
    }

    pub(super) fn push(&mut self, kind: &'static str, at: Option<At>, label: String, shapes: Vec<Shape>) -> &mut Mark {
        let when = at.map_or(When::Past, |at| self.when(at));
        let step = at.map(|at| at.step);
        self.marks.push(Mark { kind, step, when, label, data: Vec::new(), shapes });
        let last = self.marks.len() - 1;
        &mut self.marks[last]
    }

    pub(super) fn finish(self, width: f64, height: f64) -> DisplayList {
        DisplayList { width, height, marks: self.marks }
    }
}

impl Mark {
    pub(super) fn with(&mut self, key: &'static str, value: impl std::fmt::Display) -> &mut Self {
        self.data.push((key, value.to_string()));
        self
    }
}

/// Cuts an interval at the playhead into what is past and what is to come.
pub(super) fn cut(from: f64, to: f64, playhead: f64) -> [Option<(f64, f64)>; 2] {
    let past = (from < playhead).then(|| (from, to.min(playhead)));
    let future = (to > playhead).then(|| (from.max(playhead), to));
    [past, future]
}
