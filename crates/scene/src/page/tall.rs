//! Time top to bottom, a column per core: for narrow screens and for paper.
//!
//! Words stand to the right of their core's band; timer lines and IPIs run between the bands.

use super::lanes::Row;
use super::layout::{Canvas, cut};
use super::story::Stretch;
use super::{Doing, tall_marks};
use crate::axis::Axis;
use crate::display::{Anchor, Area, DisplayList, Pen, Shape, When};
use crate::words;
use apic_core::units::CpuId;

/// Above the bands: names and roles.
const HEAD: f64 = 42.0;
const MARGINS: (f64, f64) = (26.0, 44.0);
const CUT: f64 = 54.0;
/// Height of an ordinary column of the axis.
const STEP: f64 = 9.0;
const LINE: f64 = 18.0;
pub(super) const LEAST: f64 = 3.0;
/// Room for words beside a core without a guest.
const WORDS: f64 = 110.0;

/// A core's place.
#[derive(Clone, Copy)]
pub(super) struct Column {
    pub(super) cpu: CpuId,
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) hosts_guest: bool,
}

impl Column {
    pub(super) fn middle(&self) -> f64 {
        f64::midpoint(self.left, self.right)
    }
}

/// The places of everything.
pub(super) struct Grid {
    pub(super) axis: Axis,
    pub(super) columns: Vec<Column>,
    pub(super) width: f64,
    pub(super) bottom: f64,
    pub(super) playhead: f64,
}

impl Grid {
    pub(super) fn y(&self, ns: u64) -> f64 {
        HEAD + self.axis.at(ns)
    }

    pub(super) fn column(&self, cpu: CpuId) -> Option<&Column> {
        self.columns.iter().find(|c| c.cpu == cpu)
    }

    pub(super) fn ends(&self, on: Stretch) -> (f64, f64) {
        let from = on.from.map_or(HEAD, |at| self.y(at.ns));
        let to = on.to.map_or(self.bottom, |at| self.y(at.ns));
        (from, to.max(from + LEAST))
    }

    pub(super) fn top() -> f64 {
        HEAD
    }
}

pub(super) fn draw(mut c: Canvas<'_>) -> DisplayList {
    let width = f64::from(c.view.width);
    let steps = c.page.columns();
    let cuts = steps.windows(2).filter(|w| w[1] - w[0] > 20_000).count();
    let length = MARGINS.0 + MARGINS.1 + CUT * cuts as f64 + STEP * steps.len().saturating_sub(cuts) as f64;
    let axis = c.axis(length, MARGINS, CUT);
    let playhead = HEAD + axis.at(c.moment.now.as_ns());
    let grid = Grid { axis, columns: columns(&c, width), width, bottom: HEAD + length, playhead };
    let folds = c.page.lanes(c.path).0.iter().filter(|r| matches!(r, Row::Fold(_))).count() as f64;
    let height = grid.bottom + 6.0 + folds * LINE;
    c.bounds(width, height, 0.0);
    for col in &grid.columns {
        c.placer.block(Area { x0: col.left, y0: HEAD, x1: col.right, y1: grid.bottom });
    }

    lanes(&mut c, &grid);
    spans(&mut c, &grid);
    let breaks = breaks(&mut c, &grid);
    let playhead_at = tall_marks::draw(&mut c, &grid, &breaks);
    tall_marks::playhead(&mut c, &grid, playhead_at);
    c.finish(width, height)
}

fn columns(c: &Canvas<'_>, width: f64) -> Vec<Column> {
    let lanes: Vec<_> = c.page.lanes(c.path).lanes().collect();
    let count = lanes.len().max(1) as f64;
    let band = if count <= 2.0 { 36.0 } else { 28.0 };
    let hosts = lanes.iter().filter(|l| l.hosts_guest).count() as f64;
    // Guests get what the others leave; every core gets its band.
    let other = (band + WORDS).min(width / count);
    let guest = if hosts > 0.0 { (width - other * (count - hosts)) / hosts } else { other };
    let mut x = 0.0;
    lanes
        .iter()
        .map(|lane| {
            let left = x;
            x += if lane.hosts_guest { guest } else { other };
            let right = left + band.min(x - left - 2.0);
            Column { cpu: lane.cpu, left, right, hosts_guest: lane.hosts_guest }
        })
        .collect()
}

fn lanes(c: &mut Canvas<'_>, grid: &Grid) {
    let page = c.page;
    let text = |x: f64, y: f64, class, words: &str| Shape::Text {
        at: (x, y),
        anchor: Anchor::Start,
        class,
        text: words.to_owned(),
    };
    for (lane, col) in page.lanes(c.path).lanes().zip(grid.columns.clone()) {
        let class = if lane.keeps_house { "lane lane-hk" } else { "lane" };
        let shapes = vec![
            Shape::Rect([col.left, HEAD, col.right - col.left, grid.bottom - HEAD], class),
            text(col.left, 14.0, "lane-name", &lane.name),
            text(col.left, 30.0, "lane-role dim", &lane.role),
        ];
        c.push("lane", None, format!("{}: {}", lane.name, lane.role), shapes).with("cpu", lane.cpu);
    }
    let mut y = grid.bottom + 16.0;
    for row in &page.lanes(c.path).0 {
        if let Row::Fold(words) = row {
            c.push("fold", None, words.clone(), vec![text(0.0, y, "lane-fold dim", words)]);
            y += LINE;
        }
    }
}

/// A rectangle of a span, cut at the playhead.
pub(super) fn rects(grid: &Grid, ends: (f64, f64), col: &Column, classes: [&'static str; 2]) -> Vec<Shape> {
    let pieces = cut(ends.0, ends.1, grid.playhead);
    let rect = |(from, to): (f64, f64), class| Shape::Rect([col.left, from, col.right - col.left, to - from], class);
    pieces.into_iter().zip(classes).filter_map(|(piece, class)| piece.map(|p| rect(p, class))).collect()
}

fn spans(c: &mut Canvas<'_>, grid: &Grid) {
    for base in &c.story.bases {
        let Some(col) = grid.column(base.on.cpu).copied() else { continue };
        let ends = grid.ends(base.on);
        let (classes, label, name) = match base.doing {
            Doing::Guest(v) => (["span guest", "span guest future"], format!("guest code of vCPU {v}"), "guest"),
            Doing::Kvm(v) => (["span host", "span host future"], format!("KVM, for vCPU {v}"), "KVM"),
            Doing::Load => (["span load", "span load future"], "the core's own load".to_owned(), "own load"),
            Doing::Idle => (["span idle", "span idle future"], "idle".to_owned(), "idle, tick stopped"),
        };
        let mut shapes = rects(grid, ends, &col, classes);
        let handler = c.story.handlers.iter().any(|h| h.on.cpu == col.cpu && h.on.from.is_none());
        let name = if handler { "handler" } else { name };
        let at = (col.right + 7.0, ends.0 + 15.0);
        shapes.extend(c.placer.label(&[name, "idle"], &[(at, Anchor::Start)], "dim"));
        c.push("span", base.on.from, label, shapes).with("cpu", base.on.cpu);
    }
    for h in &c.story.handlers {
        let Some(col) = grid.column(h.on.cpu).copied() else { continue };
        let shapes = rects(grid, grid.ends(h.on), &col, ["span handler"; 2]);
        let vector = h.vector.map(|v| v.to_string()).unwrap_or_default();
        let label = format!("handler of vCPU {}, vector {vector}", h.vcpu);
        c.push("handler", h.on.from, label, shapes).with("vector", vector).with("vcpu", h.vcpu);
    }
    for irq in &c.story.irqs {
        let Some(col) = grid.column(irq.on.cpu).copied() else { continue };
        let future = c.when_begins(irq.on) == When::Future;
        let classes = if future { ["span irq"; 2] } else { ["span irq", "span irq future"] };
        let what = if irq.quiet { "the host's tick" } else { "host timer interrupt" };
        let label = format!("{}: {what}", words::core(irq.on.cpu, c.scenario()));
        let shapes = rects(grid, grid.ends(irq.on), &col, classes);
        c.push("span", irq.on.from, label, shapes).with("cpu", irq.on.cpu);
    }
}

/// Slashes through every band, and the time in words beside them. Returns the places of the slashes.
fn breaks(c: &mut Canvas<'_>, grid: &Grid) -> Vec<f64> {
    let mut places = Vec::new();
    for b in grid.axis.breaks().to_vec() {
        let y = HEAD + f64::midpoint(b.start, b.end);
        let mut shapes = Vec::new();
        for col in &grid.columns {
            let (left, right) = (col.left - 2.0, col.right + 2.0);
            shapes.push(
                Pen::default()
                    .to('M', &[(left, y + 2.0)])
                    .to('L', &[(right, y - 5.0), (right, y + 1.0), (left, y + 8.0)])
                    .close("break break-back"),
            );
            shapes.push(
                Pen::default()
                    .to('M', &[(left, y + 2.0)])
                    .to('L', &[(right, y - 5.0)])
                    .to('M', &[(left, y + 8.0)])
                    .to('L', &[(right, y + 1.0)])
                    .open("break"),
            );
        }
        let lasts = words::span(b.to - b.from);
        let long = format!("{lasts} of guest time");
        let guests = grid.columns.iter().filter(|col| col.hosts_guest);
        let at: Vec<_> = guests.map(|col| ((col.right + 7.0, y + 5.0), Anchor::Start)).collect();
        shapes.extend(c.placer.label(&[&long, &lasts], &at, "break dim"));
        c.push("break", None, format!("{long}, not drawn to scale"), shapes).with("ns", b.to - b.from);
        places.push(y);
    }
    places
}
