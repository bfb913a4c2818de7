//! The marks over the scrubber: where in the run exits, expiries and deliveries are. Drawn once per run.

use apic_core::run::{Lockstep, Marks};
use std::fmt::Write;

/// Columns that the strip has room for.
const COLUMNS: usize = 1_000;

/// One kind of mark: its class, what it marks, and its line.
const KINDS: [(&str, Marks, &str); 3] = [
    ("strip-exit", Marks::EXIT, "1V8"),
    ("strip-expiry", Marks::EXPIRY, "9V13"),
    ("strip-delivered", Marks::DELIVERED, "14V19"),
];

/// The strip as an SVG that stretches to its place.
pub(crate) fn draw(lockstep: &Lockstep) -> String {
    let len = lockstep.len();
    let mut lines: [String; 3] = Default::default();
    let mut last = [usize::MAX; 3];
    for beat in 0..len {
        let marks = lockstep.marks(beat);
        let column = (beat + 1) * COLUMNS / len;
        for (i, (_, mark, line)) in KINDS.iter().enumerate() {
            if marks.has(*mark) && last[i] != column {
                last[i] = column;
                let _infallible = write!(lines[i], "M{column} {line}");
            }
        }
    }
    let mut svg = String::from("<svg viewBox=\"0 0 1000 20\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
    for ((class, ..), d) in KINDS.iter().zip(&lines) {
        let _infallible = write!(svg, "<path class=\"{class}\" vector-effect=\"non-scaling-stroke\" d=\"{d}\"/>");
    }
    svg.push_str("</svg>");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;
    use apic_core::scenario::preset;

    #[test]
    fn a_long_run_has_no_more_marks_than_columns() {
        let mut scenario = preset("pinned-vs-offloaded").expect("ships");
        scenario.run.expiries = 400;
        let svg = draw(&Lockstep::new(&scenario));
        assert!(svg.matches('M').count() <= 3 * (COLUMNS + 1));
        assert!(svg.contains("strip-exit") && svg.len() < 64 * 1024);
    }
}
