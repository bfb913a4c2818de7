//! The address bar: the state of the page in its fragment. Written when it has been quiet for a moment, never within a
//! step: to write it costs the browser more than some steps do, and it refuses pages that do so some hundred times in half
//! a minute.

use crate::session::Session;
use wasm_bridge::browser::{self, Entry};

/// Where the last work is kept.
const LAST: &str = "exitless.last";
/// Longest work that is kept, in characters: storage is small, and shared with others on this host.
const MOST: usize = 200_000;

/// What was worked on at the last visit, if this browser has kept it.
pub(crate) fn last() -> Option<String> {
    browser::stored(LAST).filter(|last| !last.is_empty())
}

/// Keeps the fragment in step with the session.
#[derive(Default)]
pub(crate) struct Address {
    written: String,
    /// The part of a lesson that is open: the address names it and not the run.
    pub(crate) lesson: Option<String>,
}

impl Address {
    /// Writes it in place of what stands there.
    pub(crate) fn write(&mut self, session: &Session) {
        self.put(session, Entry::Replace);
    }

    /// Another scenario: the back button returns to the one before.
    pub(crate) fn push(&mut self, session: &Session) {
        self.put(session, Entry::Push);
    }

    fn put(&mut self, session: &Session, entry: Entry) {
        let fragment = self.lesson.clone().unwrap_or_else(|| session.fragment());
        if fragment != self.written || browser::fragment() != fragment {
            browser::set_fragment(&fragment, entry);
            // The last work waits for the next visit, if this browser keeps anything.
            if fragment.len() <= MOST {
                browser::store(LAST, &fragment);
            }
            self.written = fragment;
        }
    }

    /// Whether a fragment found in the address bar is the one that was written last.
    pub(crate) fn is_ours(&self, fragment: &str) -> bool {
        fragment == self.written
    }
}
