//! The boundary to JavaScript: what a host page or a test asks of the model, as strings ([`api`]); and the few things the
//! page asks of its browser ([`browser`]). Knows nothing of Yew.

#[cfg(feature = "api")]
pub mod api;
pub mod browser;
