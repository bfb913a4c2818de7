//! What happens on the lanes: exits, timers, IPIs, notes, and the present.

use super::arrows::{arrow, cross};
use super::in_order;
use super::layout::Canvas;
use super::story::{Note, Queued, flight_text, message, message_words, sender};
use super::wide::{Band, Grid, LEAST};
use crate::display::{Anchor, Area, Mark, Pen, Shape, When, text_width};
use crate::words;
use apic_core::units::CpuId;
use apic_core::vmx::ExitPhase;

/// Draws all marks; returns where in the list the playhead belongs.
pub(super) fn draw(c: &mut Canvas<'_>, grid: &Grid, breaks: &[f64]) -> usize {
    exits(c, grid);
    spins(c, grid);
    let playhead_at = c.marks.len();
    timers(c, grid);
    refusals(c, grid);
    ipis(c, grid);
    handler_labels(c, grid);
    no_ipis(c, grid);
    notes(c, grid);
    queue_labels(c, grid, breaks);
    playhead_at
}

fn exits(c: &mut Canvas<'_>, grid: &Grid) {
    for gap in &c.story.gaps {
        let Some(band) = grid.band(gap.on.cpu).copied() else { continue };
        let (from, to) = grid.ends(gap.on);
        let future = c.when_begins(gap.on) == When::Future;
        let mut shapes = Vec::new();
        let pieces = if future { [Some((from, to)), None] } else { super::layout::cut(from, to, grid.playhead) };
        for (piece, class) in pieces.into_iter().zip(["exit", "exit future"]) {
            if let Some((a, b)) = piece {
                shapes.push(Shape::Rect([a, band.top, b - a, band.bottom - band.top], class));
            }
        }
        c.placer.block(Area { x0: from, y0: band.top, x1: to, y1: band.bottom });
        if gap.on.from.is_none() {
            c.push("exit", None, format!("vCPU {} is outside guest code", gap.vcpu), shapes);
            continue;
        }
        let y = band.bottom + 4.0;
        shapes.push(
            Pen::default()
                .to('M', &[(from, y)])
                .to('L', &[(from, y + 5.0), (to, y + 5.0), (to, y)])
                .open("exit-bracket"),
        );
        let reason = gap.reason_words();
        let short = format!("exit: {reason}");
        let long = gap.lasted().map_or_else(|| short.clone(), |ns| format!("{short}, {}", words::span(ns)));
        let at = (f64::midpoint(from, to), band.bottom + 22.0);
        shapes.extend(c.placer.centred(&[&long, &short, "exit"], at, "exit"));
        let phase = match gap.phase {
            ExitPhase::Arming => "arming",
            ExitPhase::Firing => "firing",
            ExitPhase::Eoi => "eoi",
            ExitPhase::Halt => "halt",
            ExitPhase::Other => "other",
        };
        c.push("exit", gap.on.from, format!("vCPU {}, {long}", gap.vcpu), shapes)
            .with("reason", gap.reason)
            .with("vcpu", gap.vcpu)
            .with("cpu", gap.on.cpu)
            .with("phase", phase);
    }
}

/// Busy-waits, and then the interrupts they belong to keep other words out.
fn spins(c: &mut Canvas<'_>, grid: &Grid) {
    for spin in &c.story.spins {
        let Some(band) = grid.band(spin.cpu).copied() else { continue };
        let (from, to) = (grid.x(spin.from.ns), grid.x(spin.to));
        let label = format!("{} waits for the deadline", words::core(spin.cpu, c.scenario()));
        let mut shapes = vec![Shape::Rect([from, band.bottom - 7.0, (to - from).max(LEAST), 5.0], "span wait")];
        let words = ["waits for the deadline", "waits"].into_iter().find(|w| text_width(w, "dim") < to - from);
        if let (Some(words), false) = (words, band.hosts_guest) {
            shapes.extend(c.placer.label(&[words], &[((from, band.bottom - 11.0), Anchor::Start)], "dim"));
        }
        c.push("span", Some(spin.from), label, shapes).with("cpu", spin.cpu);
    }
    for irq in c.story.irqs.iter().filter(|i| !i.quiet) {
        let Some(band) = grid.band(irq.on.cpu).copied() else { continue };
        let (x0, x1) = grid.ends(irq.on);
        c.placer.block(Area { x0, y0: band.top, x1, y1: band.bottom });
    }
}

/// The height at which a timer's line runs.
fn level(c: &Canvas<'_>, grid: &Grid, q: &Queued) -> Option<f64> {
    let band = grid.band(q.cpu)?;
    if q.cpu == q.home {
        return Some(band.top - 12.0);
    }
    // Several vCPUs' timers on one housekeeper run above each other.
    let guests = c.scenario().vcpus.iter().filter(|v| v.cpu != q.cpu).count();
    let rank = c.scenario().vcpus.iter().take(q.vcpu.index()).filter(|v| v.cpu != q.cpu).count();
    Some(if guests > 1 { band.top + 10.0 + (rank % 3) as f64 * 9.0 } else { band.middle() })
}

fn timer_ends(grid: &Grid, q: &Queued) -> (f64, f64) {
    let from = q.armed.map_or(Grid::left(), |at| grid.x(at.ns));
    let end = q.fired.or(q.cancelled).map_or(grid.width, |at| grid.x(at.ns));
    (from, end)
}

fn timers(c: &mut Canvas<'_>, grid: &Grid) {
    for q in &c.story.timers {
        let Some(band) = grid.band(q.cpu).copied() else { continue };
        if let Some(fired) = q.fired {
            let x = grid.x(fired.ns);
            let core = words::core(q.cpu, c.scenario());
            let label = format!("{core}: the timer of vCPU {} fires here", q.vcpu);
            let line = level(c, grid, q).unwrap_or(band.middle());
            let dot = if q.cpu == q.home { band.middle() } else { line };
            let mut shapes = vec![Shape::Circle([x, dot, 5.0], "timer")];
            let interrupt = c.story.irqs.iter().map(|i| (i.on.cpu, grid.ends(i.on)));
            let edge =
                interrupt.filter(|(cpu, (a, b))| *cpu == q.cpu && *a <= x && x <= *b).map(|(_, (a, _))| a).next();
            let end = edge.map_or(x - 9.0, |edge| (edge - 5.0).min(x - 9.0));
            let places = [((end, line + 4.0), Anchor::End), ((x + 6.0, band.bottom + 15.0), Anchor::End)];
            let places = if q.cpu == q.home { &places[..1] } else { &places[..] };
            shapes.extend(c.placer.label(&["hrtimer fires here", "fires here"], places, "timer-text dim"));
            c.push("fire", Some(fired), label, shapes).with("cpu", q.cpu).with("vcpu", q.vcpu);
        }
    }
}

/// Timer lines go under everything else that has a label: they are drawn last and leave room for the words on them.
fn queue_labels(c: &mut Canvas<'_>, grid: &Grid, breaks: &[f64]) {
    for q in &c.story.timers {
        let (Some(y), Some(band)) = (level(c, grid, q), grid.band(q.cpu).copied()) else { continue };
        let (from, to) = timer_ends(grid, q);
        let core = words::core(q.cpu, c.scenario());
        let words = format!("queued on {core}");
        let mut shapes = Vec::new();
        let curl = (to - from).max(0.0).min(26.0);
        let mut places: Vec<((f64, f64), Anchor)> = [
            grid.axis.breaks().first().map_or(0.0, |b| Grid::left() + b.start + 12.0),
            breaks.iter().copied().find(|x| *x > from).map_or(0.0, |x| x + 12.0),
            from + curl + 34.0,
            from + curl + 8.0,
        ]
        .into_iter()
        .filter(|x| *x > from + curl)
        .map(|x| ((x, y + 4.0), Anchor::Start))
        .collect();
        // Beside the curve, between the lanes.
        places.extend(grid.band(q.home).filter(|_| q.cpu != q.home && q.armed.is_some()).map(|home| {
            let between = if home.top > band.top { home.top - 12.0 } else { home.bottom + 20.0 };
            ((from + 10.0, between + 4.0), Anchor::Start)
        }));
        let label = c.placer.label(&[&words], &places, "timer-text dim");

        // The line starts at the gap's edge and bends to its height.
        let mut line_from = from;
        if let (Some(home), Some(_)) = (grid.band(q.home), q.armed) {
            let start = if y < home.top { home.top } else { home.bottom };
            let curve = Pen::default()
                .to('M', &[(from, start)])
                .to('C', &[(from, f64::midpoint(start, y)), (from + curl * 0.3, y), (from + curl, y)])
                .open("timer-wait");
            shapes.push(curve);
            line_from = from + curl;
        }
        let holes: Vec<Area> = c
            .marks
            .iter()
            .flat_map(|m| &m.shapes)
            .chain(&label)
            .filter_map(Shape::text_area)
            .filter(|a| a.y0 < y && a.y1 > y && a.x1 > line_from && a.x0 < to)
            .chain(breaks.iter().filter(|_| q.cpu != q.home).map(|x| Area { x0: x - 1.0, y0: y, x1: x + 1.0, y1: y }))
            .collect();
        let own_queue = q.cpu == q.home;
        let line_to = if own_queue { to - 7.0 } else { to - 5.0 };
        for (a, b) in around(line_from, line_to, &holes) {
            for (piece, class) in
                super::layout::cut(a, b, grid.playhead).into_iter().zip(["timer-wait", "timer-wait future"])
            {
                if let Some((a, b)) = piece.filter(|(a, b)| b - a > 3.0) {
                    shapes.push(Shape::Line([a, y, b, y], class));
                }
            }
        }
        if let (true, Some(fired)) = (own_queue, q.fired) {
            let drop = Pen::default()
                .to('M', &[(line_to, y)])
                .to('C', &[(to, y), (to, y), (to, band.middle() - 6.0)])
                .open(c.class_at(fired, ["timer-wait", "timer-wait future"]));
            shapes.push(drop);
        }
        shapes.extend(label);
        let rule = q.rule.map(apic_core::rule::Rule::id).unwrap_or_default();
        let label = format!("the timer of vCPU {} is {words}", q.vcpu);
        c.push("timer", q.armed, label, shapes)
            .with("cpu", q.cpu)
            .with("vcpu", q.vcpu)
            .with("rule", rule)
            .with("expires", q.expires.as_ns());
    }
}

/// What is left of an interval without the holes.
fn around(from: f64, to: f64, holes: &[Area]) -> Vec<(f64, f64)> {
    let mut holes: Vec<(f64, f64)> = holes.iter().map(|h| (h.x0 - 5.0, h.x1 + 5.0)).collect();
    in_order(&mut holes, |a, b| a.0 < b.0);
    let mut left = Vec::new();
    let mut at = from;
    for (a, b) in holes {
        if a > at {
            left.push((at, a.min(to)));
        }
        at = at.max(b);
    }
    if at < to {
        left.push((at, to));
    }
    left
}

fn refusals(c: &mut Canvas<'_>, grid: &Grid) {
    for r in &c.story.refused {
        let (Some(by), Some(home)) = (grid.band(r.by).copied(), grid.band(r.home).copied()) else { continue };
        let x = grid.x(r.at.ns);
        let above = by.bottom <= home.top;
        let (start, end) = if above { (home.top, by.bottom) } else { (home.bottom, by.top) };
        let stop = end + if above { 3.0 } else { -3.0 };
        let mut shapes = vec![Shape::Line([x - 12.0, start, x, stop], "refused")];
        shapes.push(cross(x, stop, "refused"));
        let words = r.words(c.scenario());
        let next = words.split_once(':').map_or(words.clone(), |(_, next)| format!("refused:{next}"));
        let y = by.middle() + 4.0;
        let places = [((x - 4.0, y), Anchor::Start), ((x + 10.0, y), Anchor::Start), ((x, y), Anchor::Middle)];
        shapes.extend(c.placer.label(&[&next, "refused"], &places, "note"));
        c.push("refused", Some(r.at), words, shapes).with("cpu", r.by).with("rule", r.rule.id());
    }
}

/// The sender's lane. The VT-d unit has none: its messages come from just above the receiver's.
fn origin(grid: &Grid, from: Option<CpuId>, to: &Band) -> Option<Band> {
    match from {
        Some(cpu) => grid.band(cpu).copied(),
        None => Some(Band { top: to.top - 27.0, bottom: to.top - 27.0, ..*to }),
    }
}

/// From the sender's edge into the receiver's lane.
fn flight(from: &Band, to: &Band) -> (f64, f64) {
    if from.top < to.top { (from.bottom, to.top + 12.0) } else { (from.top, to.bottom - 12.0) }
}

fn ipis(c: &mut Canvas<'_>, grid: &Grid) {
    for ipi in &c.story.ipis {
        let Some(to) = grid.band(ipi.to).copied() else { continue };
        let Some(from) = origin(grid, ipi.from, &to) else { continue };
        let (y1, y2) = flight(&from, &to);
        let x1 = ipi.sent.map_or(Grid::left(), |at| grid.x(at.ns));
        let x2 = ipi.arrived.map_or(x1 + 30.0, |at| grid.x(at.ns)).max(x1 + LEAST);
        let mut shapes = arrow((x1, y1), (x2, y2));
        // The vector stands beside the line, just outside the receiver's lane.
        let ym = if y2 > y1 { to.top - 12.0 } else { to.bottom + 12.0 };
        let xm = x1 + (x2 - x1) * (ym - y1) / (y2 - y1);
        c.placer.block(Area { x0: xm - 4.0, y0: ym - 6.0, x1: xm + 4.0, y1: ym + 6.0 });
        let places = [((xm + 14.0, ym + 4.0), Anchor::Start), ((xm - 10.0, ym + 4.0), Anchor::End)];
        shapes.extend(c.placer.label(&[&flight_text(ipi.vector, ipi.from)], &places, "ipi-text mono"));
        c.push_ipi(ipi, shapes);
    }
}

fn no_ipis(c: &mut Canvas<'_>, grid: &Grid) {
    for no in &c.story.no_ipis {
        let Some(to) = grid.band(no.to).copied() else { continue };
        let Some(from) = origin(grid, no.from, &to) else { continue };
        let x = grid.x(no.at.ns);
        let (y1, y2) = if no.from == Some(no.to) { (from.top, from.top - 14.0) } else { flight(&from, &to) };
        let (x2, y2) = (x + 14.0, y1 + (y2 - y1).signum() * 17.0);
        let mut shapes = vec![Shape::Line([x, y1, x2, y2], "ipi-no"), cross(x2, y2, "ipi-no")];
        let why = words::why_not(no.why);
        let long = format!("not sent: {why}");
        let places = [((x2 + 9.0, y2 + 4.0), Anchor::Start), ((x - 6.0, y2 + 4.0), Anchor::End)];
        shapes.extend(c.placer.label(&[&long, "not sent"], &places, "ipi-no dim"));
        c.push("ipi-not-sent", Some(no.at), format!("{}, {long}", message_words(no.vector, no.from)), shapes)
            .with("vector", message(no.vector))
            .with("from", sender(no.from))
            .with("to", no.to)
            .with("why", words::why_not_id(no.why));
    }
}

fn handler_labels(c: &mut Canvas<'_>, grid: &Grid) {
    for h in &c.story.handlers {
        let (Some(vector), Some(band), Some(at)) = (h.vector, grid.band(h.on.cpu).copied(), h.on.from) else {
            continue;
        };
        let x = grid.x(at.ns);
        let long = format!("handler, vector {vector}");
        let places = [((x + 8.0, band.middle() + 4.0), Anchor::Start)];
        let Some(label) = c.placer.label(&[&long, "handler"], &places, "note") else { continue };
        let when = c.when(at);
        if let Some(mark) = c.marks.iter_mut().find(|m| m.kind == "handler" && m.step == Some(at.step)) {
            // The words belong to the span, but are drawn over what lies on it.
            let mut words = Mark { shapes: vec![label], ..mark.clone() };
            words.kind = "handler-name";
            words.when = when;
            c.marks.push(words);
        }
    }
}

/// Field changes: beside the interrupt that made them on a housekeeper, in a row below the lane on a guest's core.
fn notes(c: &mut Canvas<'_>, grid: &Grid) {
    let story = c.story;
    for band in grid.bands.clone() {
        let here: Vec<&Note> = story.notes.iter().filter(|n| n.cpu == band.cpu).collect();
        if band.hosts_guest {
            for run in here.chunk_by(|a, b| grid.x(b.at.ns) - grid.x(a.at.ns) < RUN) {
                notes_below(c, grid, &band, run);
            }
        } else {
            for note in here {
                note_beside(c, grid, &band, note);
            }
        }
    }
}

/// Notes closer than this share a row.
const RUN: f64 = 120.0;

fn note_beside(c: &mut Canvas<'_>, grid: &Grid, band: &Band, note: &Note) {
    let x = grid.x(note.at.ns);
    let ends = c.story.irqs.iter().map(|i| (i.on.cpu, grid.ends(i.on)));
    let end = ends.filter(|(cpu, (from, to))| *cpu == note.cpu && *from <= x && x <= *to).map(|(_, (_, to))| to).next();
    let x = end.unwrap_or(x) + 8.0;
    let places = [(x, 18.0), (x, 35.0), (x + 100.0, 18.0), (x + 100.0, 35.0)];
    let places = places.map(|(x, dy)| ((x, band.top + dy), Anchor::Start));
    if let Some(shape) = c.placer.label(&[&note.text], &places, "note mono") {
        c.push("note", Some(note.at), note.text.clone(), vec![shape]).with("cpu", note.cpu);
    }
}

/// One row, in order, each as near to its step as those before it allow.
fn notes_below(c: &mut Canvas<'_>, grid: &Grid, band: &Band, run: &[&Note]) {
    const AIR: f64 = 14.0;
    let width = |n: &Note| text_width(&n.text, "note mono");
    let mut places: Vec<f64> = Vec::with_capacity(run.len());
    for (i, note) in run.iter().enumerate() {
        let after = i.checked_sub(1).map_or(f64::MIN, |p| places[p] + width(run[p]) + AIR);
        places.push(after.max(grid.x(note.at.ns) - 6.0));
    }
    let over = places.last().zip(run.last()).map_or(0.0, |(x, n)| (x + width(n) + 2.0 - grid.width).max(0.0));
    // The upper row if all of them fit there, else the lower one.
    let row = [22.0, 38.0].into_iter().find(|dy| {
        let y = band.bottom + dy;
        places.iter().zip(run).all(|(x, n)| c.placer.fits(&n.text, (x - over, y), "note mono"))
    });
    let y = band.bottom + row.unwrap_or(38.0);
    for (x, note) in places.iter().zip(run) {
        let place = [((x - over, y), Anchor::Start)];
        if let Some(shape) = c.placer.label(&[&note.text], &place, "note mono") {
            c.push("note", Some(note.at), note.text.clone(), vec![shape]).with("cpu", note.cpu);
        }
    }
}

/// The present: a line through all lanes that leaves the words free, and a ring on the core that acted.
pub(super) fn playhead(c: &mut Canvas<'_>, grid: &Grid, at: usize) {
    let x = grid.playhead;
    let mut holes: Vec<(f64, f64)> = c
        .marks
        .iter()
        .flat_map(|m| &m.shapes)
        .filter_map(Shape::text_area)
        .filter(|a| a.x0 - 2.0 < x && x < a.x1 + 2.0)
        .map(|a| (a.y0 - 2.0, a.y1 + 2.0))
        .collect();
    in_order(&mut holes, |a, b| a.0 < b.0);
    let mut shapes = Vec::new();
    let mut y = 2.0;
    for (top, bottom) in holes {
        if top > y + 6.0 {
            shapes.push(Shape::Line([x, y, x, top], "playhead"));
        }
        y = y.max(bottom);
    }
    let end = grid.height - 18.0;
    if y + 6.0 < end {
        shapes.push(Shape::Line([x, y, x, end], "playhead"));
    }
    let acting = c.moment.step.and_then(|step| c.records().iter().find(|r| r.index == step)).map(|r| r.cpu);
    if let Some(band) = acting.and_then(|cpu| grid.band(cpu)) {
        shapes.push(Shape::Circle([x, band.top, 5.5], "now"));
    }
    let label = format!("now: {}", words::moment(c.moment.time));
    let mark = Mark { kind: "playhead", step: c.moment.step, when: When::Past, label, data: Vec::new(), shapes };
    c.marks.insert(at, mark);
}
