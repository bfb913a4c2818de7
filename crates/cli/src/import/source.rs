//! The file of a recording: plain or gzip, a file or standard input, with progress on standard error while it is long.

use crate::error::Failure;
use crate::load::is_stdin;
use crate::progress::Progress;
use flate2::bufread::MultiGzDecoder;
use kvm_trace::ReadError;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// Bytes read at once.
const BUFFER: usize = 256 * 1024;

/// What a gzip file begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// An open recording.
pub(crate) struct Source {
    /// Where it comes from, in words.
    pub(crate) name: String,
    /// Its text.
    pub(crate) reader: Box<dyn BufRead>,
}

impl Source {
    /// Opens a file, or standard input for `-`.
    pub(crate) fn open(file: &Path) -> Result<Self, Failure> {
        let (name, bytes, size): (_, Box<dyn Read>, _) = if is_stdin(file) {
            ("standard input".to_owned(), Box::new(io::stdin().lock()), None)
        } else {
            let name = file.display().to_string();
            let open = File::open(file).map_err(|source| Failure::Read { file: name.clone(), source })?;
            let size = open.metadata().ok().filter(std::fs::Metadata::is_file).map(|about| about.len());
            (name, Box::new(open), size)
        };
        let mut reader =
            BufReader::with_capacity(BUFFER, Counted { inner: bytes, size, read: 0, progress: Progress::new() });
        let begin = reader.fill_buf().map_err(|source| {
            let source = ReadError::Io { line: 1, source };
            Failure::Recording { file: name.clone(), source }
        })?;
        let reader: Box<dyn BufRead> = if begin.starts_with(&GZIP) {
            Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(reader)))
        } else {
            Box::new(reader)
        };
        Ok(Self { name, reader })
    }
}

/// Counts what is read, and tells of it.
struct Counted<R> {
    inner: R,
    size: Option<u64>,
    read: u64,
    progress: Progress,
}

fn progress(read: u64, size: Option<u64>, rate: f64) -> String {
    let megabytes = |bytes: u64| bytes / 1_000_000;
    match size.filter(|size| *size > 0) {
        Some(size) => {
            let share = u128::from(read) * 100 / u128::from(size);
            format!("read {} of {} MB ({share} %), {rate:.0} MB/s", megabytes(read), megabytes(size))
        }
        None => format!("read {} MB, {rate:.0} MB/s", megabytes(read)),
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.read += n as u64;
        if n > 0 {
            self.progress.tell(|seconds| progress(self.read, self.size, self.read as f64 / 1e6 / seconds));
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_says_how_much_of_what() {
        assert_eq!(progress(250_000_000, Some(1_000_000_000), 412.6), "read 250 of 1000 MB (25 %), 413 MB/s");
        assert_eq!(progress(250_000_000, None, 99.2), "read 250 MB, 99 MB/s");
        assert_eq!(progress(5, Some(0), 0.0), "read 0 MB, 0 MB/s");
    }
}
