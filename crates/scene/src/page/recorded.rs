//! A tick of a recording as a page of the stage: the same lanes and marks, each saying whether lines show it or imply it.

use super::story::{At, Note};
use super::{Lanes, Moment, PageData, PathSteps, Story, View, layout};
use crate::axis::Scale;
use crate::display::Shape;
use crate::page::lanes::Row;
use crate::svg;
use crate::theme::Theme;
use apic_core::scenario::Scenario;
use apic_core::units::CpuId;

/// What a line says on a core, in few words, where no effect of the model does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    /// The step.
    pub step: u32,
    /// Its place on the axis, and its time, ns.
    pub ns: u64,
    /// Where.
    pub cpu: CpuId,
    /// "accepted 0xec".
    pub text: String,
}

impl PageData {
    /// A tick of a recording. A recording does not tell which cores are isolated, so that lanes are named by what ran there.
    pub fn recorded(
        scenario: &Scenario,
        steps: PathSteps,
        said: Vec<Said>,
        name: &dyn Fn(CpuId) -> [String; 2],
    ) -> Self {
        let mut story = Story::of(&steps, scenario);
        for Said { step, ns, cpu, text } in said {
            let place = steps.records.iter().position(|r| r.index == step).and_then(|at| steps.places.get(at));
            story.notes.push(Note { at: At { ns: place.copied().unwrap_or(ns), time: ns, step }, cpu, text });
        }
        let columns = story.columns.clone();
        let paths = vec![steps];
        let stories = vec![story];
        let mut lanes = Lanes::of(scenario, &[&stories[0]]);
        lanes.0.retain(|row| matches!(row, Row::Lane(_)));
        for row in &mut lanes.0 {
            if let Row::Lane(lane) = row {
                [lane.name, lane.role] = name(lane.cpu);
                lane.keeps_house = false;
            }
        }
        let mut page = Self { scenario: scenario.clone(), kept: None, paths, stories, lanes: (lanes, None), columns };
        super::in_order(&mut page.columns, |a, b| a < b);
        page.columns.dedup();
        page
    }

    /// Draws it; `is_inferred` tells of a step whether lines only imply it.
    pub fn draw_recorded(
        &self,
        moment: &Moment,
        view: &View,
        alt: &str,
        is_inferred: &dyn Fn(u32) -> bool,
    ) -> (String, Vec<usize>, u32) {
        let canvas = layout::Canvas::new(self, 0, moment, view, Scale::Compressed);
        let mut list = match view.projection {
            super::Projection::Wide => super::wide::draw(canvas),
            super::Projection::Tall => super::tall::draw(canvas),
        };
        // Nor does one say what a CPU did on whose lane nothing is marked.
        for mark in list.marks.iter_mut().filter(|mark| mark.kind == "names") {
            mark.shapes.retain(|shape| !matches!(shape, Shape::Text { text, .. } if text.starts_with("idle")));
        }
        // What the guest did meanwhile, no line says.
        for mark in list.marks.iter_mut().filter(|mark| mark.kind == "break") {
            mark.label = mark.label.replace(" of guest time", "");
            for shape in &mut mark.shapes {
                if let Shape::Text { text, .. } = shape
                    && let Some(lasts) = text.strip_suffix(" of guest time")
                {
                    *text = lasts.to_owned();
                }
            }
        }
        let provenance = |step| if is_inferred(step) { "inferred" } else { "observed" };
        let (svg, cuts) = svg::stage_svg(&list, 0, view, alt, &provenance);
        (svg, cuts, super::whole(list.height))
    }

    /// The same as a file of its own, with words under it.
    pub fn figure_recorded(
        &self,
        moment: &Moment,
        (width, theme): (u32, Theme),
        (title, words): (&str, &str),
        is_inferred: &dyn Fn(u32) -> bool,
    ) -> String {
        crate::figure::around(width, theme, title, words, |view| self.draw_recorded(moment, view, words, is_inferred))
    }
}
