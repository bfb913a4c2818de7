//! The trace event format ("Chrome JSON"), which Perfetto, Chrome and Speedscope open: one writer for recordings and for
//! simulated runs. Defined by the document "Trace Event Format" of the Chrome project.
//!
//! A *track* is a process and a thread of it. Times are written in microseconds with nanoseconds behind the point.

use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// A process's number and a thread's.
pub type Track = (u32, u32);

/// Tracks beyond this get no name of their own.
const MOST: usize = 16_384;

/// One event.
#[derive(Serialize)]
pub struct Entry<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    cat: &'static str,
    ph: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ts: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<f64>,
    pid: u32,
    tid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// Scope of an instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<&'static str>,
    /// An arrow ends in the slice around its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    bp: Option<&'static str>,
    #[serde(skip_serializing_if = "Value::is_null")]
    args: Value,
}

impl<'a> Entry<'a> {
    const fn new(ph: &'static str, name: &'a str, cat: &'static str, (pid, tid): Track) -> Self {
        let (ts, dur, id, s, bp) = (None, None, None, None, None);
        Self { name, cat, ph, ts, dur, pid, tid, id, s, bp, args: Value::Null }
    }

    fn timed(ph: &'static str, name: &'a str, cat: &'static str, track: Track, ns: u64) -> Self {
        let mut entry = Self::new(ph, name, cat, track);
        entry.ts = Some(micros(ns));
        entry
    }

    /// Something that lasts. Slices of a track lie beside or within each other.
    pub fn slice(name: &'a str, cat: &'static str, track: Track, from_ns: u64, lasts_ns: u64) -> Self {
        let mut entry = Self::timed("X", name, cat, track, from_ns);
        entry.dur = Some(micros(lasts_ns));
        entry
    }

    /// A mark on a track.
    pub fn instant(name: &'a str, cat: &'static str, track: Track, ns: u64) -> Self {
        let mut entry = Self::timed("i", name, cat, track, ns);
        entry.s = Some("t");
        entry
    }

    /// A mark across all tracks.
    pub fn instant_everywhere(name: &'a str, cat: &'static str, track: Track, ns: u64) -> Self {
        let mut entry = Self::timed("i", name, cat, track, ns);
        entry.s = Some("g");
        entry
    }

    /// The begin of something that may overlap others of its track; the end has the same id.
    pub fn begin(name: &'a str, cat: &'static str, track: Track, ns: u64, id: &str) -> Self {
        Self::timed("b", name, cat, track, ns).with_id(id)
    }

    /// Its end.
    pub fn end(name: &'a str, cat: &'static str, track: Track, ns: u64, id: &str) -> Self {
        Self::timed("e", name, cat, track, ns).with_id(id)
    }

    /// The tail of an arrow, in the slice around it; the head has the same id.
    pub fn tail(name: &'a str, cat: &'static str, track: Track, ns: u64, id: &str) -> Self {
        Self::timed("s", name, cat, track, ns).with_id(id)
    }

    /// Its head.
    pub fn head(name: &'a str, cat: &'static str, track: Track, ns: u64, id: &str) -> Self {
        let mut entry = Self::timed("f", name, cat, track, ns).with_id(id);
        entry.bp = Some("e");
        entry
    }

    fn with_id(mut self, id: &str) -> Self {
        self.id = Some(id.to_string());
        self
    }

    /// With what a viewer shows beside it.
    #[must_use]
    pub fn with(mut self, args: Value) -> Self {
        self.args = args;
        self
    }
}

fn micros(ns: u64) -> f64 {
    ns as f64 / 1_000.0
}

/// Writes a trace, event by event.
pub struct TraceEvents<W> {
    out: W,
    begun: bool,
    named: BTreeSet<Track>,
}

impl<W: Write> TraceEvents<W> {
    /// A trace without events so far.
    pub const fn new(out: W) -> Self {
        Self { out, begun: false, named: BTreeSet::new() }
    }

    /// Where it is written to.
    pub fn out(&mut self) -> &mut W {
        &mut self.out
    }

    /// An event.
    ///
    /// # Errors
    /// Those of the output.
    pub fn put(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        let before: &[u8] = if std::mem::replace(&mut self.begun, true) { b",\n" } else { b"{\"traceEvents\":[\n" };
        self.out.write_all(before)?;
        Ok(serde_json::to_writer(&mut self.out, entry)?)
    }

    /// Names a group of tracks.
    ///
    /// # Errors
    /// Those of the output.
    pub fn name_process(&mut self, pid: u32, name: &str) -> io::Result<()> {
        self.put(&Entry::new("M", "process_name", "", (pid, 0)).with(json!({ "name": name })))
    }

    /// Names a track, the first time that it is asked to.
    ///
    /// # Errors
    /// Those of the output.
    pub fn name_thread(&mut self, track: Track, name: impl FnOnce() -> String) -> io::Result<()> {
        if self.named.contains(&track) || self.named.len() >= MOST {
            return Ok(());
        }
        self.named.insert(track);
        self.put(&Entry::new("M", "thread_name", "", track).with(json!({ "name": name() })))
    }

    /// The end of the trace, with what it is of.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(&mut self, about: &Value) -> io::Result<()> {
        let before = if std::mem::replace(&mut self.begun, true) { "" } else { "{\"traceEvents\":[" };
        writeln!(self.out, "{before}\n],\"displayTimeUnit\":\"ns\",\"otherData\":{about}}}")
    }
}
