//! What the page is made of, one part per file. Parts get values and send messages; the state is
//! `crate::app`'s.
//!
//! Every part that may be there or not stands in an element of its own that is always there: without it, Yew 0.23.0
//! loses its place among siblings (yew #4092). No part has a `style` attribute: the site's policy refuses them. A
//! select has `~value` beside the `selected` of its options: the attribute alone is ignored once a person has chosen.

pub(crate) mod board;
pub(crate) mod branches;
pub(crate) mod break_it;
pub(crate) mod breaks;
pub(crate) mod compare;
pub(crate) mod costs;
pub(crate) mod descriptor;
pub(crate) mod differ;
pub(crate) mod event;
pub(crate) mod glossary;
pub(crate) mod header;
pub(crate) mod help;
pub(crate) mod knobs;
pub(crate) mod ledger;
pub(crate) mod lessons;
pub(crate) mod measure;
pub(crate) mod notice;
pub(crate) mod part;
pub(crate) mod presets;
pub(crate) mod queues;
pub(crate) mod raw;
pub(crate) mod recording;
pub(crate) mod registers;
pub(crate) mod sentence;
pub(crate) mod share;
pub(crate) mod stage;
pub(crate) mod steps;
pub(crate) mod term;
pub(crate) mod transport;
