//! Time left to right, a lane per core.
//!
//! Above a guest's lane: what comes to it (timer lines, IPIs). Below it: what it costs (exits) and what changes.

use super::lanes::Row;
use super::layout::{Canvas, cut};
use super::story::Stretch;
use super::{Doing, Lane, wide_marks};
use crate::axis::Axis;
use crate::display::{Anchor, Area, DisplayList, Pen, Shape};
use crate::words;
use apic_core::units::CpuId;

/// Width of the lanes' names.
const GUTTER: f64 = 118.0;
const LANE: f64 = 44.0;
/// Above and below a lane.
const ABOVE_FIRST: f64 = 8.0;
const ABOVE: f64 = 30.0;
const BELOW_GUEST: f64 = 42.0;
const FOLD: f64 = 20.0;
const RULER: f64 = 20.0;
/// Before the first step, after the last, and for a cut.
const MARGINS: (f64, f64) = (64.0, 142.0);
const CUT: f64 = 160.0;
/// No gap is drawn narrower.
pub(super) const LEAST: f64 = 3.0;

/// A lane's place.
#[derive(Clone, Copy)]
pub(super) struct Band {
    pub(super) cpu: CpuId,
    pub(super) top: f64,
    pub(super) bottom: f64,
    pub(super) hosts_guest: bool,
}

impl Band {
    pub(super) fn middle(&self) -> f64 {
        f64::midpoint(self.top, self.bottom)
    }
}

/// The places of everything.
pub(super) struct Grid {
    pub(super) axis: Axis,
    pub(super) bands: Vec<Band>,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) playhead: f64,
}

impl Grid {
    pub(super) fn x(&self, ns: u64) -> f64 {
        GUTTER + self.axis.at(ns)
    }

    pub(super) fn band(&self, cpu: CpuId) -> Option<&Band> {
        self.bands.iter().find(|b| b.cpu == cpu)
    }

    /// Left and right end of something that lasts.
    pub(super) fn ends(&self, on: Stretch) -> (f64, f64) {
        let from = on.from.map_or(GUTTER, |at| self.x(at.ns));
        let to = on.to.map_or(self.width, |at| self.x(at.ns));
        (from, to.max(from + LEAST))
    }

    pub(super) fn left() -> f64 {
        GUTTER
    }
}

pub(super) fn draw(mut c: Canvas<'_>) -> DisplayList {
    let width = f64::from(c.view.width);
    let axis = c.axis(width - GUTTER, MARGINS, CUT);
    let (bands, folds, bottom) = rows(&c);
    let playhead = GUTTER + axis.at(c.moment.now.as_ns());
    let grid = Grid { axis, bands, width, height: bottom + RULER, playhead };
    c.bounds(width, grid.height, GUTTER);

    lanes(&mut c, &grid, &folds);
    bases(&mut c, &grid);
    handlers(&mut c, &grid);
    interrupts(&mut c, &grid);
    let breaks = breaks(&mut c, &grid);
    let playhead_at = wide_marks::draw(&mut c, &grid, &breaks);
    names_of_spans(&mut c, &grid);
    wide_marks::playhead(&mut c, &grid, playhead_at);
    c.finish(width, grid.height)
}

/// Where lanes and folds lie, and where the last of them ends.
fn rows(c: &Canvas<'_>) -> (Vec<Band>, Vec<(String, f64)>, f64) {
    let (mut bands, mut folds, mut y): (Vec<Band>, Vec<_>, f64) = (Vec::new(), Vec::new(), 0.0);
    for row in &c.page.lanes(c.path).0 {
        match row {
            Row::Fold(text) => {
                folds.push((text.clone(), y + FOLD * 0.8));
                y += FOLD;
            }
            Row::Lane(lane) => {
                let top = y + if bands.is_empty() && !lane.hosts_guest { ABOVE_FIRST } else { ABOVE };
                let bottom = top + LANE;
                bands.push(Band { cpu: lane.cpu, top, bottom, hosts_guest: lane.hosts_guest });
                y = bottom + if lane.hosts_guest { BELOW_GUEST } else { 0.0 };
            }
        }
    }
    (bands, folds, y)
}

fn text(at: (f64, f64), class: &'static str, text: impl Into<String>) -> Shape {
    Shape::Text { at, anchor: Anchor::Start, class, text: text.into() }
}

fn lanes(c: &mut Canvas<'_>, grid: &Grid, folds: &[(String, f64)]) {
    let page = c.page;
    let drawn: Vec<(&Lane, Band)> = page.lanes(c.path).lanes().zip(grid.bands.iter().copied()).collect();
    for (lane, band) in drawn {
        let class = if lane.keeps_house { "lane lane-hk" } else { "lane" };
        let shapes = vec![
            Shape::Rect([GUTTER, band.top, grid.width - GUTTER, LANE], class),
            text((0.0, band.top + 18.0), "lane-name", lane.name.clone()),
            text((0.0, band.top + 34.0), "lane-role dim", lane.role.clone()),
        ];
        c.push("lane", None, format!("{}: {}", lane.name, lane.role), shapes).with("cpu", lane.cpu);
    }
    for (words, y) in folds {
        let shape = text((0.0, *y), "lane-fold dim", words.clone());
        if let Some(area) = shape.text_area() {
            c.placer.block(area);
        }
        c.push("fold", None, words.clone(), vec![shape]);
    }
}

/// A rectangle of a span, cut at the playhead.
fn span_rects(grid: &Grid, ends: (f64, f64), band: &Band, classes: [&'static str; 2]) -> Vec<Shape> {
    let pieces = cut(ends.0, ends.1, grid.playhead);
    let rect = |(from, to): (f64, f64), class| Shape::Rect([from, band.top, to - from, LANE], class);
    pieces.into_iter().zip(classes).filter_map(|(piece, class)| piece.map(|p| rect(p, class))).collect()
}

fn bases(c: &mut Canvas<'_>, grid: &Grid) {
    for base in &c.story.bases {
        let Some(band) = grid.band(base.on.cpu).copied() else { continue };
        let (classes, label) = match base.doing {
            Doing::Guest(v) => (["span guest", "span guest future"], format!("guest code of vCPU {v}")),
            Doing::Kvm(v) => (["span host", "span host future"], format!("KVM, for vCPU {v}")),
            Doing::Load => (["span load", "span load future"], "the core's own load".to_owned()),
            Doing::Idle => (["span idle", "span idle future"], "idle".to_owned()),
        };
        let shapes = span_rects(grid, grid.ends(base.on), &band, classes);
        c.push("span", base.on.from, label, shapes).with("cpu", base.on.cpu);
    }
}

fn handlers(c: &mut Canvas<'_>, grid: &Grid) {
    for h in &c.story.handlers {
        let Some(band) = grid.band(h.on.cpu).copied() else { continue };
        let ends = grid.ends(h.on);
        let class = "span handler";
        let rects = vec![Shape::Rect([ends.0, band.top, ends.1 - ends.0, LANE], class)];
        let label = match h.vector {
            Some(v) => format!("handler of vCPU {}, vector {v}", h.vcpu),
            None => format!("handler of vCPU {}", h.vcpu),
        };
        let vector = h.vector.map(|v| v.to_string()).unwrap_or_default();
        c.push("handler", h.on.from, label, rects).with("vector", vector).with("vcpu", h.vcpu);
    }
}

fn interrupts(c: &mut Canvas<'_>, grid: &Grid) {
    for irq in &c.story.irqs {
        let Some(band) = grid.band(irq.on.cpu).copied() else { continue };
        let ends = grid.ends(irq.on);
        let future = c.when_begins(irq.on) == crate::When::Future;
        let classes = if future { ["span irq"; 2] } else { ["span irq", "span irq future"] };
        let what = if irq.quiet { "the host's tick" } else { "host timer interrupt" };
        let label = format!("{}: {what}", words::core(irq.on.cpu, c.scenario()));
        let shapes = span_rects(grid, ends, &band, classes);
        c.push("span", irq.on.from, label, shapes).with("cpu", irq.on.cpu);
    }
}

/// Where the axis is cut: slashes through every lane, and the time in words below. Returns the places of the slashes.
fn breaks(c: &mut Canvas<'_>, grid: &Grid) -> Vec<f64> {
    let mut places = Vec::new();
    let quiet: Vec<f64> = c.story.irqs.iter().filter(|i| i.quiet).map(|i| grid.ends(i.on).0).collect();
    for b in grid.axis.breaks().to_vec() {
        let (start, end) = (GUTTER + b.start, GUTTER + b.end);
        let middle = f64::midpoint(start, end);
        let clear = |x: f64| quiet.iter().all(|q| (q - x).abs() > 10.0);
        let x = [middle - 30.0, middle - 8.0, middle + 14.0].into_iter().find(|x| clear(*x)).unwrap_or(middle - 30.0);
        let mut shapes = Vec::new();
        for band in &grid.bands {
            let (top, bottom) = (band.top - 2.0, band.bottom + 2.0);
            shapes.push(
                Pen::default()
                    .to('M', &[(x - 1.0, top)])
                    .to('L', &[(x + 5.0, top), (x + 1.0, bottom), (x - 5.0, bottom)])
                    .close("break break-back"),
            );
            shapes.push(
                Pen::default()
                    .to('M', &[(x - 1.0, top)])
                    .to('L', &[(x - 5.0, bottom)])
                    .to('M', &[(x + 5.0, top)])
                    .to('L', &[(x + 1.0, bottom)])
                    .open("break"),
            );
            c.placer.block(Area { x0: x - 6.0, y0: top, x1: x + 6.0, y1: bottom });
        }
        let lasts = words::span(b.to - b.from);
        let long = format!("{lasts} of guest time");
        let in_gap = c.story.gaps.iter().any(|g| {
            let (from, to) = grid.ends(g.on);
            from < x && x < to
        });
        let texts: &[&str] = if in_gap { &[&lasts] } else { &[&long, &lasts] };
        shapes.extend(c.placer.centred(texts, (x, grid.height - 6.0), "break dim"));
        c.push("break", None, format!("{long}, not drawn to scale"), shapes).with("ns", b.to - b.from);
        places.push(x);
    }
    places
}

/// "guest", "own load", "idle" inside the spans, where there is room.
fn names_of_spans(c: &mut Canvas<'_>, grid: &Grid) {
    let mut labels = Vec::new();
    let starts: Vec<f64> = std::iter::once(GUTTER).chain(grid.axis.breaks().iter().map(|b| GUTTER + b.start)).collect();
    for band in grid.bands.clone() {
        for (i, x) in starts.iter().enumerate() {
            let Some(base) = c.story.bases.iter().rev().find(|b| b.on.cpu == band.cpu && grid.ends(b.on).0 <= *x)
            else {
                continue;
            };
            let handler = c.story.handlers.iter().any(|h| {
                let (from, to) = grid.ends(h.on);
                h.on.cpu == band.cpu && from <= *x && *x < to
            });
            let gap = c.story.gaps.iter().any(|g| {
                let (from, to) = grid.ends(g.on);
                g.on.cpu == band.cpu && from <= *x && *x < to - 1.0
            });
            let name = match base.doing {
                _ if gap => continue,
                Doing::Guest(_) if handler => "handler",
                Doing::Guest(_) => "guest",
                Doing::Load if i == 0 => "own load",
                Doing::Idle if i == 0 => "idle, tick stopped",
                _ => continue,
            };
            let y = band.middle() + 4.0;
            labels.extend(c.placer.label(&[name], &[((x + 9.0, y), Anchor::Start)], "dim"));
        }
    }
    if !labels.is_empty() {
        c.push("names", None, String::new(), labels);
    }
}
