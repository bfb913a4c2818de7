//! The address bar: the state of the page in its fragment, written at most four times a second.

use crate::session::Session;
use gloo_timers::callback::Timeout;
use wasm_bridge::browser::{self, Entry};

/// Least time between two writes, in ms. Browsers refuse pages that write more than some hundred times in half a minute.
const PACE_MS: u32 = 250;

/// Keeps the fragment in step with the session.
#[derive(Default)]
pub(crate) struct Address {
    written: String,
    at: f64,
    later: Option<Timeout>,
}

impl Address {
    /// The session moved: writes now, or has `again` called when the time has come.
    pub(crate) fn moved(&mut self, session: &Session, again: impl FnOnce() + 'static) {
        if browser::now_ms() - self.at >= f64::from(PACE_MS) {
            self.write(session);
        } else if self.later.is_none() {
            self.later = Some(Timeout::new(PACE_MS, again));
        }
    }

    /// Writes now, in place of what stands there.
    pub(crate) fn write(&mut self, session: &Session) {
        self.put(session, Entry::Replace);
    }

    /// Another scenario: the back button returns to the one before.
    pub(crate) fn push(&mut self, session: &Session) {
        self.put(session, Entry::Push);
    }

    fn put(&mut self, session: &Session, entry: Entry) {
        self.later = None;
        let fragment = session.fragment();
        if fragment != self.written || browser::fragment() != fragment {
            browser::set_fragment(&fragment, entry);
            self.written = fragment;
            self.at = browser::now_ms();
        }
    }

    /// Whether a fragment found in the address bar is the one that was written last.
    pub(crate) fn is_ours(&self, fragment: &str) -> bool {
        fragment == self.written
    }
}
