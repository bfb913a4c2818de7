//! A long run: paths run side by side to so many handlers each, and measured.

use serde::{Deserialize, Serialize};

/// Asks for a long run. What it finds is seen in pictures, while it runs and after.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LongRun {
    /// What is run and compared, as it stands in the address.
    pub link: String,
    /// Handlers that each path starts.
    pub handlers: u32,
}
