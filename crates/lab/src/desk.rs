//! The job under way: begins it, works on it in turns, tells how far it is, and stops it.

use crate::figure::Figure;
use crate::jobs::{self, Shelf, Turn, Work};
use std::fmt;
use wasm_bridge::worker::picture::Chart;
use wasm_bridge::worker::{FromLab, ToLab};

/// How long it works before it hears again, in ms: an answer to "stop" within the blink of an eye.
const TURN_MS: f64 = 30.0;
/// How often it tells how far it is, in ms.
const TELL_MS: f64 = 150.0;

/// Where the job under way lies.
#[derive(Default)]
pub(crate) struct Desk {
    job: Option<(u32, Box<dyn Work>)>,
    /// The last one, over or stopped: what it found can still be drawn.
    shelf: Option<Box<dyn Work>>,
    /// When it last told how far it is.
    told: Option<f64>,
    /// What a job leaves for others.
    open: Shelf,
}

impl Desk {
    /// Hears what the page says, and perhaps answers at once.
    pub(crate) fn hear(&mut self, message: ToLab, file: Option<web_sys::File>) -> Option<FromLab> {
        match message {
            ToLab::Begin { id, job } => {
                (self.told, self.shelf) = (None, None);
                match jobs::begin(job, file, &self.open) {
                    Ok(work) => {
                        self.job = Some((id, work));
                        None
                    }
                    Err(why) => {
                        self.job = None;
                        Some(FromLab::Refused { id, why })
                    }
                }
            }
            // A job that is over already has said so.
            ToLab::Cancel { id } => {
                let (_, work) = self.job.take_if(|(under_way, _)| *under_way == id)?;
                self.shelf = Some(work);
                Some(FromLab::Cancelled { id })
            }
            // Where there are no pixels.
            ToLab::Draw { chart, .. } => Some(FromLab::Drawn { chart, picture: None }),
        }
    }

    /// A figure of what the job has found so far, or the last one.
    #[cfg_attr(not(target_family = "wasm"), allow(dead_code, reason = "drawn in browsers alone"))]
    pub(crate) fn figure(&self, chart: Chart) -> Option<Figure> {
        self.job.as_ref().map(|(_, work)| work).or(self.shelf.as_ref())?.figure(chart)
    }

    /// Whether there is something to do.
    pub(crate) fn is_busy(&self) -> bool {
        self.job.is_some()
    }

    /// Works for a turn by a clock of milliseconds; returns whether there is more to do.
    pub(crate) fn work(&mut self, now: impl Fn() -> f64, say: impl Fn(&FromLab)) -> bool {
        let Some((id, work)) = &mut self.job else { return false };
        let id = *id;
        let until = now() + TURN_MS;
        loop {
            match work.turn() {
                Turn::Done(answer) => {
                    self.shelf = self.job.take().map(|(_, work)| work);
                    say(&FromLab::Done { id, answer });
                    return false;
                }
                Turn::Refused(why) => {
                    self.job = None;
                    say(&FromLab::Refused { id, why });
                    return false;
                }
                Turn::More if now() < until => {}
                Turn::More => break,
            }
        }
        let now = now();
        if self.told.is_none_or(|told| now - told >= TELL_MS) {
            self.told = Some(now);
            say(&FromLab::Progress { id, progress: work.progress(), so_far: work.so_far() });
        }
        true
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("job", &self.job.as_ref().map(|(id, _)| id)).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};
    use wasm_bridge::worker::long_run::LongRun;
    use wasm_bridge::worker::{Answer, Job};

    fn long_run(id: u32, link: &str, handlers: u32) -> ToLab {
        ToLab::Begin { id, job: Job::LongRun(LongRun { link: link.to_owned(), handlers }) }
    }

    /// Works to the end, by a clock that goes on by 10 ms whenever it is asked.
    fn all(desk: &mut Desk) -> Vec<FromLab> {
        let (time, said) = (Cell::new(0.0), RefCell::new(Vec::new()));
        let now = || {
            time.set(time.get() + 10.0);
            time.get()
        };
        while desk.work(now, |message| said.borrow_mut().push(message.clone())) {}
        said.into_inner()
    }

    #[test]
    fn a_job_tells_how_far_it_is_and_what_it_found() {
        let mut desk = Desk::default();
        assert_eq!(desk.hear(long_run(3, "pinned-vs-offloaded", 40_000), None), None);
        let said = all(&mut desk);
        let [progress @ .., FromLab::Done { id: 3, answer: Answer::Pictures }] = said.as_slice() else {
            panic!("{said:?}");
        };
        assert!(!progress.is_empty());
        let mut before = 0;
        for message in progress {
            let FromLab::Progress { id: 3, progress, so_far: Some(Answer::Pictures) } = message else {
                panic!("{message:?}");
            };
            assert!(progress.done > before && progress.done < progress.of);
            before = progress.done;
        }
        assert!(!desk.is_busy());
        assert!(desk.figure(Chart::Latency).is_some(), "what was found stays until the next job");
        desk.hear(long_run(4, "no-such-preset", 1), None);
        assert_eq!(desk.figure(Chart::Latency), None);
    }

    #[test]
    fn the_job_under_way_can_be_stopped_and_no_other() {
        let mut desk = Desk::default();
        desk.hear(long_run(1, "pinned-vs-offloaded", 1_000_000), None);
        assert_eq!(desk.hear(ToLab::Cancel { id: 9 }, None), None);
        assert!(desk.is_busy());
        assert_eq!(desk.hear(ToLab::Cancel { id: 1 }, None), Some(FromLab::Cancelled { id: 1 }));
        assert!(!desk.is_busy() && all(&mut desk).is_empty());
        assert!(desk.figure(Chart::Exits).is_some(), "what was found until then can be drawn");
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_a_reason() {
        let mut desk = Desk::default();
        for (link, says) in [("no-such-preset", "neither a link nor a preset"), ("v3.AAAA", "damaged")] {
            match desk.hear(long_run(2, link, 10), None) {
                Some(FromLab::Refused { id: 2, why }) => assert!(why.contains(says), "{why}"),
                other => panic!("{other:?}"),
            }
        }
        match desk.hear(long_run(2, "pinned-vs-offloaded", 0), None) {
            Some(FromLab::Refused { why, .. }) => assert!(why.contains("1 to 10000000"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}
