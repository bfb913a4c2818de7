//! Output that waits until the recording is known to be one, so that a wrong file gives a message and nothing else.

use std::io::{self, Write};

/// More is not held back: then the wrong file is a long one.
const MOST: usize = 1 << 20;

pub(super) struct Held<W> {
    out: W,
    held: Option<Vec<u8>>,
}

impl<W: Write> Held<W> {
    pub(super) const fn new(out: W) -> Self {
        Self { out, held: Some(Vec::new()) }
    }

    /// What was held back is written, and everything after it at once.
    pub(super) fn release(&mut self) -> io::Result<()> {
        self.held.take().map_or(Ok(()), |held| self.out.write_all(&held))
    }
}

impl<W: Write> Write for Held<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(held) = &mut self.held else { return self.out.write(bytes) };
        held.extend_from_slice(bytes);
        if held.len() > MOST {
            self.release()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
