//! What happens, in the tall projection: exits, timers, IPIs, notes, and the present.

use super::arrows::{arrow, cross};
use super::in_order;
use super::layout::{Canvas, cut};
use super::story::{Queued, flight_text, message, message_words, sender};
use super::tall::{Column, Grid, LEAST, rects};
use crate::display::{Anchor, Area, Mark, Pen, Shape, When};
use crate::words;
use apic_core::units::CpuId;
use apic_core::vmx::ExitPhase;

/// Pixels between a band and its words.
const AIR: f64 = 11.0;

/// Draws all marks; returns where in the list the playhead belongs.
pub(super) fn draw(c: &mut Canvas<'_>, grid: &Grid, breaks: &[f64]) -> usize {
    exits(c, grid);
    for spin in &c.story.spins {
        let Some(col) = grid.column(spin.cpu) else { continue };
        let (from, to) = (grid.y(spin.from.ns), grid.y(spin.to));
        let label = format!("{} waits for the deadline", words::core(spin.cpu, c.scenario()));
        let shape = Shape::Rect([col.right - 7.0, from, 5.0, (to - from).max(LEAST)], "span wait");
        c.push("span", Some(spin.from), label, vec![shape]).with("cpu", spin.cpu);
    }
    let playhead_at = c.marks.len();
    ipis(c, grid);
    fires(c, grid);
    no_ipis(c, grid);
    refusals(c, grid);
    handlers(c, grid);
    notes(c, grid);
    timers(c, grid, breaks);
    playhead_at
}

fn exits(c: &mut Canvas<'_>, grid: &Grid) {
    for gap in &c.story.gaps {
        let Some(col) = grid.column(gap.on.cpu).copied() else { continue };
        let (from, to) = grid.ends(gap.on);
        let future = c.when_begins(gap.on) == When::Future;
        let classes = if future { ["exit"; 2] } else { ["exit", "exit future"] };
        let mut shapes = rects(grid, (from, to), &col, classes);
        if gap.on.from.is_none() {
            c.push("exit", None, format!("vCPU {} is outside guest code", gap.vcpu), shapes);
            continue;
        }
        let x = col.right + 3.0;
        shapes.push(
            Pen::default()
                .to('M', &[(x, from)])
                .to('L', &[(x + 5.0, from), (x + 5.0, to), (x, to)])
                .open("exit-bracket"),
        );
        let reason = gap.reason_words();
        let lasted = gap.lasted().map(words::span);
        let (name, vector) = match reason.rsplit_once(' ') {
            Some((name, last)) if last.starts_with("0x") => (name, Some(last)),
            _ => (reason.as_str(), None),
        };
        let tail = match (vector, &lasted) {
            (Some(v), Some(t)) => format!("{v}, {t}"),
            (Some(v), None) => v.to_owned(),
            (None, Some(t)) => t.clone(),
            (None, None) => String::new(),
        };
        let at = (col.right + AIR, from + 12.0);
        let brief = lasted.as_deref().unwrap_or_default();
        let variants: [&[&str]; 3] = [&["exit:", name, &tail], &["exit", brief], &["exit"]];
        shapes.extend(c.placer.stacks(&variants, at, Anchor::Start, 24.0, "exit"));
        let phase = match gap.phase {
            ExitPhase::Arming => "arming",
            ExitPhase::Firing => "firing",
            ExitPhase::Eoi => "eoi",
            ExitPhase::Halt => "halt",
            ExitPhase::Other => "other",
        };
        let tail = lasted.map_or_else(String::new, |t| format!(", {t}"));
        c.push("exit", gap.on.from, format!("vCPU {}, exit: {reason}{tail}", gap.vcpu), shapes)
            .with("reason", gap.reason)
            .with("vcpu", gap.vcpu)
            .with("cpu", gap.on.cpu)
            .with("phase", phase);
    }
}

/// Where a timer's line runs.
fn level(c: &Canvas<'_>, grid: &Grid, q: &Queued) -> Option<f64> {
    let col = grid.column(q.cpu)?;
    if q.cpu == q.home {
        return Some(if col.left < 12.0 { col.left + 5.0 } else { col.left - 10.0 });
    }
    let others = || c.scenario().vcpus.iter().filter(|v| v.cpu != q.cpu);
    let rank = c.scenario().vcpus.iter().take(q.vcpu.index()).filter(|v| v.cpu != q.cpu).count();
    Some(if others().count() > 1 { col.left + 7.0 + (rank % 3) as f64 * 7.0 } else { col.middle() })
}

fn fires(c: &mut Canvas<'_>, grid: &Grid) {
    for q in &c.story.timers {
        let (Some(col), Some(fired)) = (grid.column(q.cpu).copied(), q.fired) else { continue };
        let y = grid.y(fired.ns);
        let x = if q.cpu == q.home { col.middle() } else { level(c, grid, q).unwrap_or(col.middle()) };
        let mut shapes = vec![Shape::Circle([x, y, 5.0], "timer")];
        // On a guest's core the right side belongs to the exit.
        let own = q.cpu == q.home && col.left > 60.0;
        let (at, anchor) =
            if own { ((col.left - 15.0, y + 4.0), Anchor::End) } else { ((col.right + 7.0, y + 4.0), Anchor::Start) };
        let variants: [&[&str]; 3] = [&["hrtimer fires here"], &["hrtimer", "fires here"], &["fires here"]];
        shapes.extend(c.placer.stacks(&variants, at, anchor, 20.0, "timer-text dim"));
        let core = words::core(q.cpu, c.scenario());
        let label = format!("{core}: the timer of vCPU {} fires here", q.vcpu);
        c.push("fire", Some(fired), label, shapes).with("cpu", q.cpu).with("vcpu", q.vcpu);
    }
}

fn timers(c: &mut Canvas<'_>, grid: &Grid, breaks: &[f64]) {
    for q in &c.story.timers {
        let (Some(x), Some(col)) = (level(c, grid, q), grid.column(q.cpu).copied()) else { continue };
        let from = q.armed.map_or(Grid::top(), |at| grid.y(at.ns));
        let to = q.fired.or(q.cancelled).map_or(grid.bottom, |at| grid.y(at.ns));
        let mut shapes = Vec::new();
        let bend = (to - from).max(0.0).min(14.0);
        let mut line_from = from;
        if let (Some(home), Some(_)) = (grid.column(q.home), q.armed) {
            let start = if x < home.left { home.left } else { home.right };
            shapes.push(
                Pen::default()
                    .to('M', &[(start, from)])
                    .to('C', &[(f64::midpoint(start, x), from), (x, from), (x, from + bend)])
                    .open("timer-wait"),
            );
            line_from = from + bend;
        }
        let own = q.cpu == q.home;
        let line_to = to - if own { 0.0 } else { 5.0 };
        let mut stops: Vec<f64> = breaks.iter().copied().filter(|y| line_from < *y && *y < line_to && !own).collect();
        stops.push(line_to);
        let mut at = line_from;
        for stop in stops {
            for (piece, class) in
                cut(at, stop - 4.0, grid.playhead).into_iter().zip(["timer-wait", "timer-wait future"])
            {
                if let Some((a, b)) = piece.filter(|(a, b)| b - a > 3.0) {
                    shapes.push(Shape::Line([x, a, x, b], class));
                }
            }
            at = stop + 8.0;
        }
        if let (true, Some(fired)) = (own, q.fired) {
            let class = c.class_at(fired, ["timer-wait", "timer-wait future"]);
            shapes.push(Shape::Line([x, to, col.middle() - 6.0, to], class));
        }
        let core = words::core(q.cpu, c.scenario());
        let text = format!("queued on {core}");
        let left = own && col.left > 60.0;
        let (at, anchor) =
            if left { ((x - 5.0, from + 30.0), Anchor::End) } else { ((col.right + 7.0, from + 30.0), Anchor::Start) };
        let variants: [&[&str]; 3] = [&[&text], &["queued on", &core], &["queued"]];
        shapes.extend(c.placer.stacks(&variants, at, anchor, 80.0, "timer-text dim"));
        let rule = q.rule.map(apic_core::rule::Rule::id).unwrap_or_default();
        c.push("timer", q.armed, format!("the timer of vCPU {} is {text}", q.vcpu), shapes)
            .with("cpu", q.cpu)
            .with("vcpu", q.vcpu)
            .with("rule", rule)
            .with("expires", q.expires.as_ns());
    }
}

/// The sender's band. The VT-d unit has none: its messages come from beside the receiver's.
fn origin(grid: &Grid, from: Option<CpuId>, to: &Column) -> Option<Column> {
    match from {
        Some(cpu) => grid.column(cpu).copied(),
        None => Some(Column { left: to.right + 34.0, right: to.right + 34.0, ..*to }),
    }
}

/// From the sender's edge into the receiver's band.
fn flight(from: &Column, to: &Column) -> (f64, f64) {
    if from.left < to.left { (from.right, to.left + 9.0) } else { (from.left, to.right - 9.0) }
}

fn ipis(c: &mut Canvas<'_>, grid: &Grid) {
    for ipi in &c.story.ipis {
        let Some(to) = grid.column(ipi.to).copied() else { continue };
        let Some(from) = origin(grid, ipi.from, &to) else { continue };
        let (x1, x2) = flight(&from, &to);
        let y1 = ipi.sent.map_or(Grid::top(), |at| grid.y(at.ns));
        let y2 = ipi.arrived.map_or(y1 + 24.0, |at| grid.y(at.ns)).max(y1 + LEAST);
        let mut shapes = arrow((x1, y1), (x2, y2));
        // Words keep off the line: it is slanted, so in pieces.
        for i in 0..8 {
            let at = |n: f64| (x1 + (x2 - x1) * n / 8.0, y1 + (y2 - y1) * n / 8.0);
            let (a, b) = (at(f64::from(i)), at(f64::from(i) + 1.0));
            let area = Area { x0: a.0.min(b.0), y0: a.1 - 2.0, x1: a.0.max(b.0), y1: b.1 + 2.0 };
            c.placer.block(area);
        }
        let near = x2 - (x2 - x1).signum() * 44.0;
        let line = y1 + (y2 - y1) * (near - x1) / (x2 - x1);
        // Off the line by half its own size, and by what the line falls beside it.
        let off = 10.0 + 24.0 * ((y2 - y1) / (x2 - x1)).abs();
        let places = [((near, line - off + 4.0), Anchor::Middle), ((near, line + off + 8.0), Anchor::Middle)];
        shapes.extend(c.placer.label(&[&flight_text(ipi.vector, ipi.from)], &places, "ipi-text mono"));
        c.push_ipi(ipi, shapes);
    }
}

fn no_ipis(c: &mut Canvas<'_>, grid: &Grid) {
    for no in &c.story.no_ipis {
        let Some(to) = grid.column(no.to).copied() else { continue };
        let Some(from) = origin(grid, no.from, &to) else { continue };
        let y = grid.y(no.at.ns);
        let (x1, x2) = if no.from == Some(no.to) { (from.right, from.right + 20.0) } else { flight(&from, &to) };
        let x2 = x1 + (x2 - x1).signum() * 20.0;
        let mut shapes = vec![Shape::Line([x1, y, x2, y + 8.0], "ipi-no"), cross(x2, y + 8.0, "ipi-no")];
        let why = words::why_not(no.why);
        let at = (from.right + 30.0, y + 12.0);
        shapes.extend(c.placer.stacks(&[&["not sent:", why], &["not sent"]], at, Anchor::Start, 30.0, "ipi-no dim"));
        c.push("ipi-not-sent", Some(no.at), format!("{}, not sent: {why}", message_words(no.vector, no.from)), shapes)
            .with("vector", message(no.vector))
            .with("from", sender(no.from))
            .with("to", no.to)
            .with("why", words::why_not_id(no.why));
    }
}

fn refusals(c: &mut Canvas<'_>, grid: &Grid) {
    for r in &c.story.refused {
        let (Some(by), Some(home)) = (grid.column(r.by).copied(), grid.column(r.home).copied()) else { continue };
        let y = grid.y(r.at.ns);
        let (start, end) = if by.left < home.left { (home.left, by.right + 4.0) } else { (home.right, by.left - 4.0) };
        let mut shapes = vec![Shape::Line([start, y - 6.0, end, y], "refused"), cross(end, y, "refused")];
        let words = r.words(c.scenario());
        let next = words.split_once(':').map_or("", |(_, next)| next.trim_start());
        let (first, rest) = next.rsplit_once(' ').unwrap_or((next, ""));
        let at = (by.right + 12.0, y + 16.0);
        shapes.extend(c.placer.stacks(
            &[&["refused:", next], &["refused:", first, rest], &["refused"]],
            at,
            Anchor::Start,
            20.0,
            "note",
        ));
        c.push("refused", Some(r.at), words.clone(), shapes).with("cpu", r.by).with("rule", r.rule.id());
    }
}

fn handlers(c: &mut Canvas<'_>, grid: &Grid) {
    for h in &c.story.handlers {
        let (Some(vector), Some(col), Some(at)) = (h.vector, grid.column(h.on.cpu).copied(), h.on.from) else {
            continue;
        };
        let place = (col.right + AIR, grid.y(at.ns) + 12.0);
        let long = format!("handler, vector {vector}");
        let variants: [&[&str]; 2] = [&[&long], &["handler"]];
        let words = c.placer.stacks(&variants, place, Anchor::Start, 40.0, "note");
        c.push("handler-name", Some(at), long, words);
    }
}

fn notes(c: &mut Canvas<'_>, grid: &Grid) {
    for note in &c.story.notes {
        let Some(col) = grid.column(note.cpu).copied() else { continue };
        let at = (col.right + AIR - if col.hosts_guest { 0.0 } else { 5.0 }, grid.y(note.at.ns) + 4.0);
        let words = c.placer.stacks(&[&[&note.text]], at, Anchor::Start, 60.0, "note mono");
        c.push("note", Some(note.at), note.text.clone(), words).with("cpu", note.cpu);
    }
}

/// The present: a line through all bands that leaves the words free, and a ring on the core that acted.
pub(super) fn playhead(c: &mut Canvas<'_>, grid: &Grid, at: usize) {
    let y = grid.playhead;
    let texts = c.marks.iter().flat_map(|m| &m.shapes).filter_map(Shape::text_area);
    let mut holes: Vec<(f64, f64)> =
        texts.filter(|a| a.y0 - 1.0 < y && y < a.y1 + 1.0).map(|a| (a.x0 - 4.0, a.x1 + 4.0)).collect();
    in_order(&mut holes, |a, b| a.0 < b.0);
    let mut shapes = Vec::new();
    let mut x = 0.0;
    for (left, right) in holes {
        if left > x + 4.0 {
            shapes.push(Shape::Line([x, y, left, y], "playhead"));
        }
        x = x.max(right);
    }
    if x + 4.0 < grid.width {
        shapes.push(Shape::Line([x, y, grid.width, y], "playhead"));
    }
    let acting = c.moment.step.and_then(|step| c.records().iter().find(|r| r.index == step)).map(|r| r.cpu);
    if let Some(col) = acting.and_then(|cpu| grid.column(cpu)) {
        shapes.push(Shape::Circle([(col.left).max(7.0), y, 5.5], "now"));
    }
    let label = format!("now: {}", words::moment(c.moment.time));
    let mark = Mark { kind: "playhead", step: c.moment.step, when: When::Past, label, data: Vec::new(), shapes };
    c.marks.insert(at, mark);
}
