//! The boundary to JavaScript: what a host page or a test asks of the model, as strings ([`api`]); the few things the
//! page asks of its browser ([`browser`]); and how the page and its lab talk ([`worker`]). Knows nothing of Yew.

#[cfg(feature = "api")]
pub mod api;
pub mod browser;
#[cfg(feature = "lab")]
pub mod worker;
