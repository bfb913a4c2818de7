//! Plots on any backend of plotters, in CSS pixels. What can be pointed at comes back as marks.

use super::{Bar, Lane, Plot, Point, Unit};
use crate::words;
use plotters::coord::Shift;
use plotters::prelude::*;
use wasm_bridge::worker::picture::{Ink, Inks, Mark};

const FONT: &str = "system-ui, sans-serif";
const SIZE: i32 = 12;
/// Height of a lane of dots, and of the names above it and the axis below.
const LANE: u32 = 160;
const NAME: i32 = 18;
const AXIS: u32 = 26;
const MARGIN: i32 = 12;
const CURVES: u32 = 280;
/// Height of a bar with its words.
const BAR: u32 = 40;
/// Diameters of dots: the largest that fits.
const DIAMETERS: std::ops::RangeInclusive<i32> = 3..=16;
/// Least size of what can be pointed at.
const LEAST: u32 = 6;

/// How high a plot is, in CSS pixels.
pub(crate) fn height(plot: &Plot) -> u32 {
    match plot {
        Plot::Dots(lanes) => LANE * lanes.len().max(1) as u32,
        Plot::Curves(_) => CURVES,
        Plot::Bars(bars, _) => BAR * bars.len() as u32 + AXIS + MARGIN.unsigned_abs(),
    }
}

/// Draws a plot.
///
/// # Errors
/// What the backend says.
pub(crate) fn plot<DB: DrawingBackend>(
    plot: &Plot,
    root: &DrawingArea<DB, Shift>,
    inks: &Inks,
) -> Result<Vec<Mark>, String> {
    let drawn = match plot {
        Plot::Dots(lanes) => dots(lanes, root, inks),
        Plot::Curves(lanes) => curves(lanes, root, inks),
        Plot::Bars(all, unit) => bars(all, *unit, root, inks),
    };
    drawn.map_err(|e| e.to_string())
}

type Drawn<DB> = Result<Vec<Mark>, DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

fn dots<DB: DrawingBackend>(lanes: &[Lane], root: &DrawingArea<DB, Shift>, inks: &Inks) -> Drawn<DB> {
    let Some((from, to)) = span(lanes) else { return Ok(Vec::new()) };
    let mut marks = Vec::new();
    for (i, (lane, area)) in lanes.iter().zip(root.split_evenly((lanes.len(), 1))).enumerate() {
        let mut chart = ChartBuilder::on(&area)
            .margin_left(MARGIN)
            .margin_right(MARGIN)
            .margin_top(NAME)
            .x_label_area_size(AXIS)
            .build_cartesian_2d(from..to, 0.0..1.0)?;
        axis(&mut chart, inks, false)?;
        let (left, top) = (chart.plotting_area().get_pixel_range().0.start, area.get_base_pixel().1);
        root.draw_text(&lane.name, &text(inks), (left, top + 2))?;
        let (_, rows) = chart.plotting_area().get_pixel_range();
        let places: Vec<i32> = lane.points.iter().map(|p| chart.backend_coord(&(p.x, 0.0)).0).collect();
        let Stack { diameter, rise, dots } = Stack::of(&places, left, rows.end - rows.start);
        let style = ink(path_ink(inks, i)).filled();
        for (point, (x, level)) in lane.points.iter().zip(dots) {
            let y = rows.end - rise * level - diameter / 2 - 1;
            root.draw(&Circle::new((x, y), (diameter / 2 - i32::from(diameter > 6)).max(1), style))?;
            let size = diameter.unsigned_abs().max(LEAST);
            marks.push(mark(point, (x - diameter / 2, y - diameter / 2, size, size)));
        }
    }
    Ok(marks)
}

/// Dots that would lie on each other stand on each other.
#[derive(PartialEq, Debug)]
struct Stack {
    /// The largest at which the highest stack fits.
    diameter: i32,
    /// How much higher each level is: less than the diameter where the least is still too much.
    rise: i32,
    /// For each dot, in order, its column's middle and its level.
    dots: Vec<(i32, i32)>,
}

impl Stack {
    fn of(places: &[i32], left: i32, room: i32) -> Self {
        let at = |diameter: i32| {
            let (mut column, mut level, mut highest) = (i32::MIN, 0, 0);
            let dot = |x: &i32| {
                let here = (x - left).div_euclid(diameter);
                level = if here == column { level + 1 } else { 0 };
                column = here;
                highest = highest.max(level);
                (left + here * diameter + diameter / 2, level)
            };
            let dots = places.iter().map(dot).collect();
            Self { diameter, rise: diameter.min(room / (highest + 1)).max(1), dots }
        };
        let mut all = DIAMETERS.rev().map(at);
        all.find(|stack| stack.rise == stack.diameter).unwrap_or_else(|| at(*DIAMETERS.start()))
    }
}

fn curves<DB: DrawingBackend>(lanes: &[Lane], root: &DrawingArea<DB, Shift>, inks: &Inks) -> Drawn<DB> {
    let Some((from, to)) = span(lanes) else { return Ok(Vec::new()) };
    let legend = lanes.iter().map(|_| SIZE + 6).sum::<i32>() + 4;
    let mut chart = ChartBuilder::on(root)
        .margin_right(MARGIN + 8)
        .margin_top(legend)
        .x_label_area_size(AXIS)
        .y_label_area_size(52)
        .build_cartesian_2d(from..to, 0.0..1.0)?;
    axis(&mut chart, inks, true)?;
    let mut marks = Vec::new();
    for ((i, lane), nth) in lanes.iter().enumerate().zip(0..) {
        let colour = ink(path_ink(inks, i));
        // A cumulative curve rises where a value is reached, and stays until the next.
        let mut steps = Vec::with_capacity(2 * lane.line.len());
        let mut share = 0.0;
        for (x, reached) in &lane.line {
            steps.extend([(*x, share), (*x, *reached)]);
            share = *reached;
        }
        steps.push((to, share));
        let line = colour.stroke_width(2);
        // The first path is a whole line, the others are dashed, each in its own way.
        match nth {
            0 => chart.draw_series(LineSeries::new(steps, line)).map(drop)?,
            n => chart.draw_series(DashedLineSeries::new(steps, 12 / n, 4, line)).map(drop)?,
        }
        let name = (MARGIN, (SIZE + 6) * nth + 2);
        symbol(root, i, (name.0, name.1 + 7), colour)?;
        root.draw_text(&lane.name, &text(inks), (name.0 + 14, name.1))?;
        for point in &lane.points {
            let (x, y) = chart.backend_coord(&(point.x, point.share));
            symbol(root, i, (x, y), colour)?;
            marks.push(mark(point, (x - 8, y - 8, 16, 16)));
        }
    }
    Ok(marks)
}

/// A shape of its own for each path, so that colour is not all that tells them apart.
fn symbol<DB: DrawingBackend>(
    root: &DrawingArea<DB, Shift>,
    path: usize,
    (x, y): (i32, i32),
    colour: RGBColor,
) -> Result<(), DrawingAreaErrorKind<DB::ErrorType>> {
    match path % 4 {
        0 => root.draw(&Circle::new((x, y), 4, colour.filled())),
        1 => root.draw(&Rectangle::new([(x - 4, y - 4), (x + 4, y + 4)], colour.filled())),
        2 => root.draw(&TriangleMarker::new((x, y), 6, colour.filled())),
        _ => root.draw(&Cross::new((x, y), 5, colour.stroke_width(2))),
    }
}

fn bars<DB: DrawingBackend>(bars: &[Bar], unit: Unit, root: &DrawingArea<DB, Shift>, inks: &Inks) -> Drawn<DB> {
    if bars.is_empty() {
        return Ok(Vec::new());
    }
    let most = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let to = if most > 0.0 { most * 1.05 } else { 1.0 };
    let mut chart = ChartBuilder::on(root)
        .margin_left(MARGIN)
        .margin_right(MARGIN)
        .x_label_area_size(AXIS)
        .build_cartesian_2d(0.0..to, 0.0..bars.len() as f64)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .x_labels(5)
        .x_label_formatter(&|x| unit.name(*x))
        .label_style(text(inks))
        .axis_style(ink(inks.line))
        .bold_line_style(ink(inks.line).mix(0.5))
        .light_line_style(TRANSPARENT)
        .draw()?;
    let mut marks = Vec::new();
    for (i, bar) in bars.iter().enumerate() {
        // From above: words, then the bar.
        let top = (bars.len() - i) as f64;
        let (x, y) = chart.backend_coord(&(0.0, top));
        root.draw_text(&bar.words, &text(inks), (x + 2, y + 4))?;
        let corner = |value: f64, down: i32| (chart.backend_coord(&(value, top)).0, y + down);
        let (from, until) = (corner(0.0, 21), corner(bar.value, 35));
        let colour = ink(path_ink(inks, bar.path));
        root.draw(&Rectangle::new([from, until], colour.mix(0.75).filled()))?;
        root.draw(&Rectangle::new([from, until], colour.stroke_width(1)))?;
        let width = (until.0 - from.0).unsigned_abs().max(LEAST);
        marks.push(Mark { words: bar.words.clone(), moment: bar.moment, place: (from.0, from.1, width, 14) });
    }
    Ok(marks)
}

type Chart2d<'a, DB> =
    ChartContext<'a, DB, Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>>;

/// An axis of times, and perhaps one of shares.
fn axis<DB: DrawingBackend>(
    chart: &mut Chart2d<'_, DB>,
    inks: &Inks,
    shares: bool,
) -> Result<(), DrawingAreaErrorKind<DB::ErrorType>> {
    let mut mesh = chart.configure_mesh();
    mesh.x_labels(5)
        .x_label_formatter(&|x| words::time(x.round() as i64))
        .y_labels(5)
        .y_label_formatter(&|y| format!("{:.0} %", 100.0 * y))
        .label_style(text(inks))
        .axis_style(ink(inks.line))
        .bold_line_style(ink(inks.line).mix(0.5))
        .light_line_style(TRANSPARENT);
    if !shares {
        mesh.disable_y_mesh().disable_y_axis();
    }
    mesh.draw()
}

/// From the least to the greatest value, with some room; at least something.
fn span(lanes: &[Lane]) -> Option<(f64, f64)> {
    let mut all = lanes.iter().flat_map(|lane| lane.points.iter().map(|p| p.x));
    let first = all.next()?;
    let (least, most) = all.fold((first, first), |(least, most), x| (least.min(x), most.max(x)));
    let room = ((most - least) * 0.03).max(5.0);
    Some((least - room, most + room))
}

fn mark(point: &Point, place: (i32, i32, u32, u32)) -> Mark {
    Mark { words: point.words.clone(), moment: point.moment, place }
}

fn path_ink(inks: &Inks, path: usize) -> Ink {
    inks.paths.get(path % inks.paths.len().max(1)).copied().unwrap_or(inks.text)
}

fn ink([r, g, b]: Ink) -> RGBColor {
    RGBColor(r, g, b)
}

fn text(inks: &Inks) -> TextStyle<'static> {
    (FONT, SIZE).into_font().color(&ink(inks.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_stand_on_each_other_where_they_would_overlap() {
        // Three in one place, one apart: they are as large as may be.
        let dots = vec![(104, 0), (104, 1), (104, 2), (136, 0)];
        assert_eq!(Stack::of(&[100, 101, 102, 140], 0, 100), Stack { diameter: 16, rise: 16, dots });
        // Fifty in one place in 100 pixels: two each, so they overlap.
        let Stack { diameter, rise, dots } = Stack::of(&[50; 50], 0, 100);
        assert_eq!((diameter, rise, dots.last()), (3, 2, Some(&(49, 49))));
        assert_eq!(Stack::of(&[], 0, 100).dots, []);
    }

    fn inks() -> Inks {
        Inks { text: [1, 2, 3], line: [4, 5, 6], paths: vec![[200, 0, 0], [0, 0, 200]] }
    }

    /// What a plot looks like as SVG, and its marks.
    fn drawn(what: &Plot) -> (String, Vec<Mark>) {
        let mut svg = String::new();
        let marks = {
            let backend = SVGBackend::with_string(&mut svg, (400, height(what)));
            plot(what, &backend.into_drawing_area(), &inks()).expect("drawn")
        };
        (svg, marks)
    }

    fn lane(name: &str, values: &[f64]) -> Lane {
        let point = |(i, x): (usize, &f64)| Point {
            x: *x,
            share: (i + 1) as f64 / values.len() as f64,
            words: format!("{name} {x}"),
            moment: None,
        };
        let points: Vec<Point> = values.iter().enumerate().map(point).collect();
        Lane { name: name.to_owned(), line: points.iter().map(|p| (p.x, p.share)).collect(), points }
    }

    #[test]
    fn every_value_is_a_mark_within_the_picture() {
        let lanes = vec![lane("Pinned", &[1_000.0, 1_200.0, 9_000.0]), lane("Offloaded", &[-50.0, 700.0])];
        let bar = |value, path| Bar { words: format!("{value}"), value, path, moment: None };
        for what in [
            Plot::Dots(lanes.clone()),
            Plot::Curves(lanes),
            Plot::Bars(vec![bar(0.0, 0), bar(3.0, 1), bar(9.0, 0)], Unit::PerSecond),
            Plot::Dots(vec![lane("All alike", &[5.0; 50])]),
        ] {
            let (svg, marks) = drawn(&what);
            let expect = match &what {
                Plot::Dots(lanes) | Plot::Curves(lanes) => lanes.iter().map(|l| l.points.len()).sum(),
                Plot::Bars(bars, _) => bars.len(),
            };
            assert_eq!(marks.len(), expect);
            for Mark { place: (x, y, w, h), words, .. } in &marks {
                let inside = *x >= -8 && x + w.cast_signed() <= 408 && *y >= -8;
                assert!(inside && y + h.cast_signed() <= height(&what).cast_signed() + 8, "{words}: {x} {y} {w} {h}");
            }
            assert!(svg.contains("<text") && svg.contains("#C80000"), "{svg}");
        }
        let (svg, _) = drawn(&Plot::Curves(vec![lane("Pinned", &[1.0, 2.0]), lane("Offloaded", &[3.0, 4.0])]));
        assert!(svg.contains("<circle") && svg.contains("<rect"), "each path has its shape");
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        for what in [Plot::Dots(Vec::new()), Plot::Curves(vec![lane("none", &[])]), Plot::Bars(Vec::new(), Unit::Share)]
        {
            assert_eq!(drawn(&what).1, []);
        }
    }

    #[test]
    fn a_bar_is_as_long_as_its_value() {
        let bar = |value| Bar { words: String::new(), value, path: 0, moment: None };
        let (_, marks) = drawn(&Plot::Bars(vec![bar(10.0), bar(5.0)], Unit::Share));
        assert!((marks[0].place.2 / 2).abs_diff(marks[1].place.2) <= 1, "{marks:?}");
    }
}
