//! A range as an animation: a frame before the first beat and one after each, shown once and then left at the last.
//!
//! Played once, because what moves for ever takes the eye from the text around it (WCAG 2.2, 2.2.2). Of a frame only the
//! rectangle is written that differs from the frame before.

use super::Job;
use super::figure::paths;
use super::pixels::{Painter, Pixels, encoder};
use crate::error::Failure;
use crate::progress::Progress;
use apic_core::run::Lockstep;
use scene::export::told;
use scene::{Drawn, PageData};
use std::io::{self, Write};

/// What is drawn beat by beat; the page stays as long as the tick does.
struct Reel<'a> {
    job: &'a Job<'a>,
    run: Lockstep,
    page: Option<(usize, PageData)>,
}

impl Reel<'_> {
    fn drawn(&mut self, beat: usize) -> Drawn {
        self.run.seek(beat);
        // The frame before a tick's first beat shows that tick, untouched.
        let tick = self.run.tick_of(beat.max(self.job.which.beats.start + 1) - 1);
        let (_, page) = match self.page.take().filter(|(of, _)| *of == tick) {
            Some(page) => self.page.insert(page),
            None => self.page.insert((tick, PageData::collect(&self.run, tick))),
        };
        self.job.figure.draw(page, &paths(&self.run), &told(&self.run).text())
    }
}

pub(super) fn apng(job: &Job<'_>, out: &mut impl Write) -> Result<(), Failure> {
    let beats = job.which.beats.start..=job.which.beats.end;
    let frames = job.which.beats.len() + 1;
    let mut progress = Progress::new();
    let mut reel = Reel { job, run: job.moment.lockstep.clone(), page: None };
    // A sentence of two lines makes a taller figure; all frames have the size of the tallest.
    let (mut height, mut alt) = (0, String::new());
    for beat in beats.clone() {
        let drawn = reel.drawn(beat);
        (height, alt) = (height.max(drawn.height), drawn.alt);
    }
    let painter = Painter::new(job.args.scale.unwrap_or(1));
    let size = painter.size(job.figure.width, height)?;
    let mut encoder = encoder(out, size, &alt)?;
    encoder.set_animated(u32::try_from(frames).unwrap_or(u32::MAX), 1).map_err(io::Error::from)?;
    encoder.set_frame_delay(job.args.pace, 1_000).map_err(io::Error::from)?;
    let mut writer = encoder.write_header().map_err(io::Error::from)?;
    let mut shown: Option<Pixels> = None;
    for (n, beat) in beats.enumerate() {
        let pixels = padded(painter.paint(&reel.drawn(beat))?, size, job.figure.theme.paper());
        let [x, y, width, height] = shown.as_ref().map_or([0, 0, size.0, size.1], |before| differs(before, &pixels));
        let mut frame = || -> Result<(), png::EncodingError> {
            if shown.is_some() {
                writer.reset_frame_position()?;
                writer.set_frame_dimension(width, height)?;
                writer.set_frame_position(x, y)?;
            }
            writer.write_image_data(&cut(&pixels, [x, y, width, height]))
        };
        frame().map_err(io::Error::from)?;
        shown = Some(pixels);
        progress.tell(|_| format!("{} of {frames} frames", n + 1));
    }
    Ok(writer.finish().map_err(io::Error::from)?)
}

/// With paper below.
fn padded(mut pixels: Pixels, (width, height): (u32, u32), paper: [u8; 3]) -> Pixels {
    let missing = (width as usize * height as usize * 3).saturating_sub(pixels.rgb.len());
    pixels.rgb.extend(paper.iter().cycle().take(missing));
    Pixels { width, height, rgb: pixels.rgb }
}

/// The smallest rectangle around all pixels that differ: x, y, width, height. Of equal pictures, the first pixel.
fn differs(before: &Pixels, now: &Pixels) -> [u32; 4] {
    let row = now.width as usize * 3;
    let rows = || before.rgb.chunks_exact(row).zip(now.rgb.chunks_exact(row));
    let Some(top) = rows().position(|(was, is)| was != is) else { return [0, 0, 1, 1] };
    let bottom = rows().rposition(|(was, is)| was != is).unwrap_or(top);
    let (mut left, mut right) = (row, 0);
    for (was, is) in rows().skip(top).take(bottom - top + 1) {
        let differ = || was.iter().zip(is).map(|(was, is)| was != is);
        if let Some(first) = differ().position(|differs| differs) {
            left = left.min(first);
            right = right.max(row - differ().rev().position(|differs| differs).unwrap_or(0));
        }
    }
    let (left, right) = (left / 3, right.div_ceil(3));
    [left as u32, top as u32, (right - left) as u32, (bottom - top + 1) as u32]
}

fn cut(pixels: &Pixels, [x, y, width, height]: [u32; 4]) -> Vec<u8> {
    let [x, y, width, height] = [x, y, width, height].map(|n| n as usize);
    let rows = pixels.rgb.chunks_exact(pixels.width as usize * 3).skip(y).take(height);
    rows.flat_map(|row| row[x * 3..(x + width) * 3].iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(changed: &[(u32, u32, usize)]) -> Pixels {
        let mut rgb = vec![9; 4 * 3 * 3];
        for (x, y, channel) in changed {
            rgb[(y * 4 + x) as usize * 3 + channel] = 0;
        }
        Pixels { width: 4, height: 3, rgb }
    }

    #[test]
    fn the_rectangle_around_what_differs() {
        for (changed, expect) in [
            (&[][..], [0, 0, 1, 1]),
            (&[(2, 1, 0)], [2, 1, 1, 1]),
            (&[(3, 2, 2)], [3, 2, 1, 1]),
            (&[(0, 0, 1), (3, 2, 0)], [0, 0, 4, 3]),
            (&[(2, 0, 2), (1, 1, 0)], [1, 0, 2, 2]),
        ] {
            assert_eq!(differs(&picture(&[]), &picture(changed)), expect, "{changed:?}");
        }
        assert_eq!(cut(&picture(&[(2, 1, 0)]), [2, 1, 1, 1]), [0, 9, 9]);
    }
}
