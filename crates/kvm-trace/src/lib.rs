//! Reads recordings of KVM guests: the text that `perf script` prints, and the text of ftrace and
//! `trace-cmd report`.
//!
//! [`read_arms`] gives every arm of the guests' APIC timers, with the deadline that the host's
//! hrtimer got, as the model replays them. [`read_events`] is the layer below: one [`Event`] per
//! line, in the order of the file. [`read_stat`] reads the other kind of text: the table of `perf kvm stat report`.
//!
//! Each [`EventKind`] says which fields of which kernels it knows. Markers of lost events arrive in their places through
//! [`read_records`]. What is not understood is counted and the first of it kept ([`Coverage`]).
//!
//! What it leaves out: `perf.data` and `trace.dat` themselves (both tools turn them into text), and every event that has
//! nothing to do with a timer's way: those arrive as [`EventKind::Other`], with their names.
//!
//! Nothing in a file makes the reader panic. Besides what it is asked to list, what it keeps in memory does
//! not grow with the file's length: a line is cut at 64 KiB, and a thread or CPU costs a few words.

#![warn(missing_docs)]

mod analysis;
mod arms;
mod error;
mod event;
mod fields;
mod line;
mod lost;
mod reader;
mod stat;
mod units;

pub use analysis::{
    Accepted, Analysis, Armed, ArmedBy, At, Basis, Callback, Clocks, CpuSeen, ExitSpan, ExitTimes, Expiry, Fact,
    Inference, InferenceInfo, Latencies, LostSpan, Missing, Order, Outcome, Path, Reason, Summary, Tick, TickExit,
    TimerKind, VcpuSeen, Whereabouts, analyze,
};
pub use arms::{Arm, ArmKind, ArmList, ReplayArm, read_arms};
pub use error::{RECORD_ALL_COMMAND, RECORD_COMMAND, ReadError};
pub use event::{Accept, Entry, Event, EventKind, Exit, HrtimerMode};
pub use lost::Lost;
pub use reader::{Chunks, Coverage, Record, Unparsed, read_events, read_records};
pub use stat::{BadRow, Percent, STAT_COMMAND, StatError, StatRow, StatTable, StatTime, StatTotal, read_stat};
pub use units::{ApicId, ClockOffset, Cpu, Hrtimer, MonotonicTime, Tid, TraceTime, Vcpu, Vector};
