//! Progress of long work, on standard error, so that the output stays what was asked for.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// What is quick needs no progress.
const PATIENCE: Duration = Duration::from_secs(2);

/// Tells now and then how far the work is: on a terminal in one line that changes, else a line every ten seconds.
pub(crate) struct Progress {
    began: Instant,
    told: Option<Instant>,
    terminal: bool,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), told: None, terminal: io::stderr().is_terminal() }
    }

    /// Says what `text` makes of the seconds so far, if it is time to.
    pub(crate) fn tell(&mut self, text: impl FnOnce(f64) -> String) {
        let pause = if self.terminal { Duration::from_millis(500) } else { Duration::from_secs(10) };
        let due = self.told.map_or(self.began + PATIENCE, |told| told + pause);
        let now = Instant::now();
        if now < due {
            return;
        }
        self.told = Some(now);
        let text = text(now.duration_since(self.began).as_secs_f64());
        // Nobody may be listening.
        let _ = if self.terminal { write!(io::stderr(), "\r{text}\x1b[K") } else { writeln!(io::stderr(), "{text}") };
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.told.is_some() && self.terminal {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
