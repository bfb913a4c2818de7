//! Reads recordings of KVM guests: the text that `perf script` prints, and the text of ftrace and
//! `trace-cmd report`.
//!
//! [`read_arms`] gives every arm of the guests' APIC timers, with the deadline that the host's
//! hrtimer got, as the model replays them. [`read_events`] is the layer below: one [`Event`] per
//! line, in the order of the file. [`read_stat`] reads the other kind of text: the table of `perf kvm stat report`.
//!
//! Sources of the formats: the print formats in Linux `arch/x86/kvm/trace.h` and
//! `include/trace/events/timer.h` (v6.12 and v6.18, with the older variants that [`EventKind`]
//! names); the line prefixes of `tools/perf/builtin-script.c` and `kernel/trace/trace_output.c`.
//!
//! What it leaves out: `perf.data` and `trace.dat` themselves (both tools turn them into text),
//! lost-event markers, and every event that does not bear on arming the timer: those arrive as
//! [`EventKind::Other`].
//!
//! Nothing in a file makes the reader panic. Besides the arms it finds, what it keeps in memory does
//! not grow with the file's length: a line is cut at 64 KiB, and a thread or CPU costs a few words.

#![warn(missing_docs)]

mod arms;
mod error;
mod event;
mod line;
mod reader;
mod stat;
mod units;

pub use arms::{Arm, ArmKind, ArmList, ReplayArm, read_arms};
pub use error::{RECORD_COMMAND, ReadError};
pub use event::{Event, EventKind, HrtimerMode};
pub use reader::{Coverage, read_events};
pub use stat::{BadRow, Percent, STAT_COMMAND, StatError, StatRow, StatTable, StatTime, StatTotal, read_stat};
pub use units::{ClockOffset, Cpu, Hrtimer, MonotonicTime, Tid, TraceTime};
