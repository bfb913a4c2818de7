//! From time to a place on the page. One axis serves every path of a page, so that stacked stages line up.
//!
//! Steps are nanoseconds apart and ticks milliseconds: no linear scale shows both. The compressed scale gives every
//! step a column, grows with the logarithm of the time between two, and cuts what is long and uneventful.

/// How time becomes a place.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub enum Scale {
    /// One column per event; long uneventful times are cut.
    #[default]
    Compressed,
    /// Proportional to time.
    ToScale,
}

/// A cut in the axis.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Break {
    /// First nanosecond.
    pub from: u64,
    /// Last nanosecond.
    pub to: u64,
    /// Where it begins.
    pub start: f64,
    /// Where it ends.
    pub end: f64,
}

/// Time in nanoseconds to a place in pixels: piecewise linear and monotonic.
#[derive(Clone, PartialEq, Debug)]
pub struct Axis {
    knots: Vec<(u64, f64)>,
    breaks: Vec<Break>,
    length: f64,
}

/// Uneventful times longer than this are cut.
const CUT_NS: u64 = 20_000;
/// The time constant of the logarithm.
const FINE_NS: f64 = 25.0;

impl Axis {
    /// An axis of `length` pixels for these moments (sorted), with a margin before the first and one after the last.
    pub fn new(events: &[u64], length: f64, margins: (f64, f64), cut: f64, scale: Scale) -> Self {
        let room = (length - margins.0 - margins.1).max(1.0);
        let cuts = events.windows(2).filter(|w| w[1] - w[0] > CUT_NS).count();
        // Cuts are fixed, unless a page has so many that they would take more than half of it.
        let cut = if cuts == 0 { 0.0 } else { cut.min(room * 0.5 / cuts as f64) };
        let natural = |w: &[u64]| match scale {
            Scale::Compressed => 1.0 + ((w[1] - w[0]) as f64 / FINE_NS).ln_1p() * 2.0,
            Scale::ToScale => (w[1] - w[0]) as f64,
        };
        let is_cut = |w: &[u64]| scale == Scale::Compressed && w[1] - w[0] > CUT_NS;
        let elastic: f64 = events.windows(2).filter(|w| !is_cut(w)).map(natural).sum();
        let fixed = if scale == Scale::Compressed { cut * cuts as f64 } else { 0.0 };
        let unit = if elastic > 0.0 { (room - fixed) / elastic } else { 0.0 };

        let mut axis = Self { knots: Vec::with_capacity(events.len()), breaks: Vec::new(), length };
        let mut place = margins.0;
        axis.knots.extend(events.first().map(|first| (*first, place)));
        for w in events.windows(2) {
            let start = place;
            if is_cut(w) {
                place += cut;
                axis.breaks.push(Break { from: w[0], to: w[1], start, end: place });
            } else {
                place += natural(w) * unit;
            }
            axis.knots.push((w[1], place));
        }
        axis
    }

    /// The place of a moment; before the first event and after the last it is inside the margin.
    pub fn at(&self, ns: u64) -> f64 {
        let after = self.knots.partition_point(|(t, _)| *t <= ns);
        match (after.checked_sub(1).and_then(|i| self.knots.get(i)), self.knots.get(after)) {
            (None, first) => first.map_or(0.0, |(_, x)| x / 2.0),
            (Some((t, x)), None) if *t == ns => *x,
            (Some((_, x)), None) => f64::midpoint(*x, self.length),
            (Some((t0, x0)), Some((t1, x1))) => x0 + (x1 - x0) * ((ns - t0) as f64 / (t1 - t0) as f64),
        }
    }

    /// The cuts, in order.
    pub fn breaks(&self) -> &[Break] {
        &self.breaks
    }

    /// Pixels from edge to edge.
    pub fn length(&self) -> f64 {
        self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(events: &[u64]) -> Axis {
        Axis::new(events, 800.0, (60.0, 100.0), 90.0, Scale::Compressed)
    }

    #[test]
    fn every_event_has_its_own_column_and_order_is_kept() {
        let events = [0, 10, 25, 300, 998_000, 998_001, 999_000];
        let axis = axis(&events);
        let places: Vec<f64> = events.iter().map(|t| axis.at(*t)).collect();
        for pair in places.windows(2) {
            assert!(pair[1] - pair[0] > 3.0, "{places:?}");
        }
        assert!((places[0] - 60.0).abs() < 1e-9 && (places[6] - 700.0).abs() < 1e-9, "{places:?}");
    }

    #[test]
    fn long_uneventful_times_are_cut_to_a_fixed_width() {
        let axis = axis(&[0, 100, 998_000, 998_100]);
        let [cut] = axis.breaks() else { panic!("{:?}", axis.breaks()) };
        assert_eq!((cut.from, cut.to), (100, 998_000));
        assert!((cut.end - cut.start - 90.0).abs() < 1e-9);
        assert!(axis.at(500_000) > cut.start && axis.at(500_000) < cut.end, "moments inside keep their order");
    }

    #[test]
    fn what_is_beyond_the_events_is_in_the_margins() {
        let axis = axis(&[100, 200]);
        assert!((axis.at(0) - 30.0).abs() < 1e-9 && (axis.at(900) - 750.0).abs() < 1e-9);
        assert!(Axis::new(&[], 800.0, (60.0, 100.0), 90.0, Scale::Compressed).at(5).abs() < 1e-9);
    }

    #[test]
    fn to_scale_is_proportional() {
        let axis = Axis::new(&[0, 100, 1_000_000], 1_000.0, (0.0, 0.0), 90.0, Scale::ToScale);
        assert!((axis.at(500_000) - 500.0).abs() < 1.0 && axis.breaks().is_empty());
    }
}
