//! A moment of a run as a picture, as text and as one sentence. Knows nothing of browsers.
//!
//! ```text
//! StepRecord ── narrate ─────────────────────────────► Sentence     caption, announcement, alt text
//!     │     └── event_line ──────────────────────────► JSON line
//! one tick of every path ── PageData ── draw ────────► Stage        SVG (DisplayList inside)
//!                                  └─── text ────────► 80 columns
//! VectorSet ── grid_svg ─────────────────────────────► SVG
//! PiDesc ── layout_svg ──────────────────────────────► SVG
//! PageData ── Figure::draw ──────────────────────────► SVG that stands alone, with style and words
//! Lockstep ── export ────────────────────────────────► tables, signals, traces, narration, design-review card
//! ```
//!
//! A *page* is one tick: the steps from a guest's arming to just before its next. [`PageData::collect`] replays them
//! once per tick; [`PageData::draw`] is called once per step and only decides what is past, present and future.
//!
//! # Classes
//!
//! In a page the SVG carries classes and presentation attributes, never styles: colours are the page's own. A [`Figure`]
//! brings its colours along ([`Theme::css`] shows what each class needs).
//!
//! | class | on | is |
//! | --- | --- | --- |
//! | `stage` | `svg` | one path's stage; also `wide` or `tall` |
//! | `lane`, `lane lane-hk` | `rect` | band of a core; of a housekeeper (filled with a pattern of dots) |
//! | `lane-name`, `lane-role` | `text` | "core 3" and, `dim`, "vCPU 0, isolated" |
//! | `lane-fold` | `text` | "cores 1–2: isolated, empty" |
//! | `span guest`, `span host`, `span idle`, `span load`, `span irq` | `rect` | what a core does: guest code, KVM, nothing, its own load, a host interrupt |
//! | `span handler` | `rect` | the guest's handler, drawn over `span guest` |
//! | `span wait` | `rect` | the busy-wait for the deadline |
//! | `exit` | `rect`, `text` | a VM exit: hatched gap, and its reason in words |
//! | `exit-bracket` | `path` | bracket over the gap |
//! | `ipi` | `line`, `path`, `rect` | an IPI: line, triangle head, square tail |
//! | `ipi-no` | `line`, `path`, `text` | an IPI that was *not* sent: dotted grey, cross at its end, and why |
//! | `timer` | `circle` | the hrtimer fires here |
//! | `timer-wait` | `path`, `line` | dotted line from arming to expiry |
//! | `timer-text`, `ipi-text` | `text` | "queued on core 0", "hrtimer fires here"; an IPI's vector |
//! | `note` | `text` | "PIR\[0xec\] ← 1", "ON 0 → 1", "handler, vector 0xec" |
//! | `refused` | `path` | the mark at a housekeeper that refused the timer |
//! | `break`, `break break-back` | `path`, `text` | where the time axis is cut, and for how long; `break-back` is the paper between the slashes |
//! | `dim`, `mono` | `text` | secondary text; numbers and fields |
//! | `playhead` | `line` | the present |
//! | `now` | `g`, `circle` | the mark of the step just taken; the ring on the acting core |
//! | `future` | `g`, `rect`, `line`, `path` | not happened yet: drawn faint; inside a `g.future` it says nothing more |
//! | `hatch-line`, `hatch-back`, `dot`, `dot-back` | in `pattern` | strokes and fills of the hatch and of the dots |
//! | `grid`, `cells`, `cell`, `unusable`, `threshold`, `ring`, `ghost`, `class-label` | the 16×16 grid | see [`grid_svg`] |
//! | `layout` and within | the descriptor's 512 bits | see [`layout_svg`] |
//!
//! `rect.lane-hk` and `rect.exit` are filled with a pattern by an attribute: a stylesheet sets no `fill` on them, but
//! colours the pattern's `hatch-…` and `dot-…` classes.
//!
//! # Attributes
//!
//! Every mark is a `<g class="mark mark-KIND" data-kind data-path data-step data-provenance>` with a `<title>`. `data-step` is
//! the step's number in its path's run. `data-kind` is one of `lane`, `span`, `exit` (with `data-reason`, `data-vcpu`,
//! `data-cpu`, `data-phase`), `ipi` and `ipi-not-sent` (with `data-vector`, `data-from`, `data-to`, and `data-why`),
//! `timer` (with `data-cpu`, `data-rule`), `fire` (with `data-cpu`), `note`, `handler` (with `data-vector`),
//! `refused` (with `data-cpu`, `data-rule`), `break`, `playhead`, and for words alone `fold`, `names`, `handler-name`.
#![warn(missing_docs)]

mod axis;
mod descriptor;
mod display;
mod events;
mod expiry;
pub mod export;
mod figure;
mod grid;
mod ledger;
mod narrate;
mod page;
mod svg;
mod text;
mod theme;
mod unused;
mod words;

pub use axis::{Axis, Scale};
pub use descriptor::{Layout, layout_svg};
pub use display::{Anchor, Area, DisplayList, Mark, Shape, When};
pub use events::event_line;
pub use expiry::{Expiry, chunks, expiries};
pub use figure::{Drawn, Figure};
pub use grid::{Grid, grid_svg};
pub use ledger::{Account, LedgerRow, ledger_rows, verdict};
pub use narrate::{Sentence, narrate, narrate_beat, opening};
pub use page::{Aspect, Doing, Moment, PageData, PathSteps, Projection, Said, Stage, Start, Tally, View};
pub use theme::Theme;
pub use unused::unused;
