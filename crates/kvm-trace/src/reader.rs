//! From bytes to events, one line at a time.
//!
//! Left out: compressed files, and markers of lost events (they count as lines not understood).

use std::io::{self, BufRead};

use crate::{Event, ReadError};

/// Longer lines are no events: the longest that the kernel prints are a few hundred bytes. The limit
/// is what keeps a file without line ends from filling the memory.
const LONGEST_LINE: usize = 64 * 1024;

/// How many numbers of lines not understood are kept.
const KEPT: usize = 8;

/// How much of a file was understood. Blank lines and comments (`#`) count as lines and as
/// understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Lines in the file.
    pub lines: u64,
    /// Lines that are events.
    pub events: u64,
    /// Lines that are neither an event, nor blank, nor a comment.
    pub unparsed: u64,
    /// The numbers of the first of those, counted from 1.
    pub first_unparsed: Vec<u64>,
}

/// Reads a recording to its end and hands each event to `each`, with the number of its line counted
/// from 1. Lines that are not understood are counted, never an error by themselves.
///
/// # Errors
///
/// If reading fails, or the file is empty, is not text, or has no event in it.
pub fn read_events(mut reader: impl BufRead, mut each: impl FnMut(u64, &Event<'_>)) -> Result<Coverage, ReadError> {
    let mut seen = Coverage::default();
    let mut bytes = Vec::new();
    loop {
        let line = seen.lines + 1;
        let whole = match next_line(&mut reader, &mut bytes) {
            Ok(Some(whole)) => whole,
            Ok(None) => break,
            Err(source) => return Err(ReadError::Io { line, source }),
        };
        seen.lines = line;
        if bytes.contains(&0) {
            return Err(ReadError::Binary { line });
        }
        // The kernel cuts a thread's name at 15 bytes, even in the middle of a character.
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim();
        if whole && (text.is_empty() || text.starts_with('#')) {
            continue;
        }
        match Event::parse(text).filter(|_| whole) {
            Some(event) => {
                seen.events += 1;
                each(line, &event);
            }
            None if whole && str::from_utf8(&bytes).is_err() => {
                return Err(ReadError::Binary { line });
            }
            None => {
                seen.unparsed += 1;
                if seen.first_unparsed.len() < KEPT {
                    seen.first_unparsed.push(line);
                }
            }
        }
    }
    match seen {
        Coverage { lines: 0, .. } => Err(ReadError::Empty),
        Coverage { events: 0, lines, first_unparsed, .. } => {
            Err(ReadError::NotARecording { first: first_unparsed.first().copied().unwrap_or(1), lines })
        }
        seen => Ok(seen),
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
        let end = buffer.iter().position(|b| *b == b'\n');
        let part = &buffer[..end.unwrap_or(buffer.len())];
        let kept = part.len().min(LONGEST_LINE - line.len());
        whole &= kept == part.len();
        line.extend_from_slice(&part[..kept]);
        let used = end.map_or(buffer.len(), |end| end + 1);
        reader.consume(used);
        if end.is_some() {
            return Ok(Some(whole));
        }
    }
}
