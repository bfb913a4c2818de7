//! From bytes to events, one line at a time, nothing allocated for a line.

use std::io::{self, BufRead};

use memchr::memchr;

use crate::fields::decimal;
use crate::{Event, Lost, ReadError};

/// Longer lines are no events: the longest that the kernel prints are a few hundred bytes. The limit
/// is what keeps a file without line ends from filling the memory.
const LONGEST_LINE: usize = 64 * 1024;

/// How many lines not understood are kept.
const KEPT: usize = 8;

/// How many characters of each.
const KEPT_TEXT: usize = 160;

/// How much of a file was understood. Blank lines, comments (`#`) and trace-cmd's heading count as lines and as
/// understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Lines in the file.
    pub lines: u64,
    /// Lines that are events.
    pub events: u64,
    /// Lines that say that events are missing.
    pub lost_markers: u64,
    /// Lines that are none of these.
    pub unparsed: u64,
    /// The first of those.
    pub first_unparsed: Vec<Unparsed>,
    /// The last line has no end and was not understood: the file was cut there.
    pub cut: bool,
}

/// A line that was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unparsed {
    /// Counted from 1.
    pub line: u64,
    /// Its beginning.
    pub text: Box<str>,
}

/// What a line is to whoever reads a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// An event.
    Event(Event<'a>),
    /// Events are missing here.
    Lost(Lost),
}

/// Reads a recording to its end and hands each event to `each`, with the number of its line counted
/// from 1. Lines that are not understood are counted, never an error by themselves.
///
/// # Errors
///
/// If reading fails, or the file is empty, is not text, or has no event in it.
pub fn read_events(reader: impl BufRead, mut each: impl FnMut(u64, &Event<'_>)) -> Result<Coverage, ReadError> {
    read_records(reader, |line, record| {
        if let Record::Event(event) = record {
            each(line, event);
        }
    })
}

/// As [`read_events`], with the markers of lost events in their places.
///
/// # Errors
///
/// As [`read_events`].
pub fn read_records(mut reader: impl BufRead, mut each: impl FnMut(u64, &Record<'_>)) -> Result<Coverage, ReadError> {
    read(&mut reader, &mut each)
}

/// Of one kind for all readers, so that it is compiled here, and for speed.
fn read(reader: &mut dyn BufRead, each: &mut dyn FnMut(u64, &Record<'_>)) -> Result<Coverage, ReadError> {
    let mut chunks = Chunks::default();
    loop {
        let used = match reader.fill_buf() {
            Ok([]) => return chunks.finish(each),
            Ok(buffer) => {
                chunks.read(buffer, each)?;
                buffer.len()
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(ReadError::Io { line: chunks.seen.lines + 1, source }),
        };
        reader.consume(used);
    }
}

/// A recording that is handed over piece by piece, wherever the pieces end.
#[derive(Debug)]
pub struct Chunks {
    seen: Coverage,
    /// What the piece before ended with: the beginning of a line.
    begun: Vec<u8>,
    whole: bool,
}

impl Default for Chunks {
    fn default() -> Self {
        Self { seen: Coverage::default(), begun: Vec::new(), whole: true }
    }
}

impl Chunks {
    /// The next piece; each record in it goes to `each`, with the number of its line.
    ///
    /// # Errors
    ///
    /// If it is not text.
    pub fn read(&mut self, bytes: &[u8], each: &mut dyn FnMut(u64, &Record<'_>)) -> Result<(), ReadError> {
        let mut lines = Lines { seen: &mut self.seen, each };
        let mut rest = bytes;
        while let Some(end) = memchr(b'\n', rest) {
            let part = &rest[..end];
            rest = &rest[end + 1..];
            if self.begun.is_empty() && self.whole {
                lines.line(part, part.len() <= LONGEST_LINE)?;
                continue;
            }
            self.whole &= append(&mut self.begun, part);
            lines.line(&self.begun, self.whole)?;
            self.begun.clear();
            self.whole = true;
        }
        self.whole &= append(&mut self.begun, rest);
        Ok(())
    }

    /// The end.
    ///
    /// # Errors
    ///
    /// If there was nothing, the last line is not text, or no line was an event.
    pub fn finish(mut self, each: &mut dyn FnMut(u64, &Record<'_>)) -> Result<Coverage, ReadError> {
        if !self.begun.is_empty() || !self.whole {
            let unparsed = self.seen.unparsed;
            Lines { seen: &mut self.seen, each }.line(&self.begun, self.whole)?;
            self.seen.cut = self.seen.unparsed > unparsed;
        }
        finish(self.seen)
    }
}

/// Appends what fits; whether that is all of it.
fn append(line: &mut Vec<u8>, part: &[u8]) -> bool {
    let kept = part.len().min(LONGEST_LINE - line.len());
    line.extend_from_slice(&part[..kept]);
    kept == part.len()
}

struct Lines<'a> {
    seen: &'a mut Coverage,
    each: &'a mut dyn FnMut(u64, &Record<'_>),
}

impl Lines<'_> {
    /// One line, without its end; `whole` unless it was cut at [`LONGEST_LINE`].
    fn line(&mut self, bytes: &[u8], whole: bool) -> Result<(), ReadError> {
        let bytes = &bytes[..bytes.len().min(LONGEST_LINE)];
        self.seen.lines += 1;
        if memchr(0, bytes).is_some() {
            return Err(ReadError::Binary { line: self.seen.lines });
        }
        if let Ok(text) = str::from_utf8(bytes) {
            self.text(text.trim_ascii(), whole);
            return Ok(());
        }
        // The kernel cuts a thread's name at 15 bytes, even in the middle of a character.
        let unparsed = self.seen.unparsed;
        self.text(String::from_utf8_lossy(bytes).trim_ascii(), whole);
        if whole && self.seen.unparsed > unparsed {
            return Err(ReadError::Binary { line: self.seen.lines });
        }
        Ok(())
    }

    fn text(&mut self, text: &str, whole: bool) {
        if whole {
            if is_nothing(text) {
                return;
            }
            if let Some(event) = Event::parse(text) {
                self.seen.events += 1;
                return (self.each)(self.seen.lines, &Record::Event(event));
            }
            if let Some(lost) = Lost::parse(text) {
                self.seen.lost_markers += 1;
                return (self.each)(self.seen.lines, &Record::Lost(lost));
            }
        }
        self.seen.unparsed += 1;
        if self.seen.first_unparsed.len() < KEPT {
            let text = text.chars().take(KEPT_TEXT).collect::<String>().into_boxed_str();
            self.seen.first_unparsed.push(Unparsed { line: self.seen.lines, text });
        }
    }
}

fn finish(seen: Coverage) -> Result<Coverage, ReadError> {
    match seen {
        Coverage { lines: 0, .. } => Err(ReadError::Empty),
        Coverage { events: 0, lines, first_unparsed, .. } => {
            Err(ReadError::NotARecording { first: first_unparsed.first().map_or(1, |first| first.line), lines })
        }
        seen => Ok(seen),
    }
}

/// Blank, a comment, or the heading of trace-cmd.
fn is_nothing(text: &str) -> bool {
    match text.as_bytes() {
        [] | [b'#', ..] => true,
        [b'c', ..] => text.strip_prefix("cpus=").is_some_and(|cpus| decimal(cpus).is_some()),
        [b'v', ..] => text.strip_prefix("version = ").is_some_and(|version| decimal(version).is_some()),
        _ => false,
    }
}

/// Replaces `line` by the next line, without its end; whether that is the whole line or only its
/// first [`LONGEST_LINE`] bytes. `None` at the end of the file.
pub(crate) fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    let mut begun = false;
    let mut whole = true;
    loop {
        let buffer = match reader.fill_buf() {
            Ok([]) => return Ok(begun.then_some(whole)),
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        begun = true;
        let end = memchr(b'\n', buffer);
        whole &= append(line, &buffer[..end.unwrap_or(buffer.len())]);
        let used = end.map_or(buffer.len(), |end| end + 1);
        reader.consume(used);
        if end.is_some() {
            return Ok(Some(whole));
        }
    }
}
