//! A recording is read, a piece at a time, and then asked about.

use super::{Shelf, Turn, Work};
use crate::recording::{Reading, Recording};
use flate2::write::MultiGzDecoder;
use std::io::Write as _;
use wasm_bridge::worker::recording::{Ask, Open, Told};
use wasm_bridge::worker::{Answer, Progress};

/// Bytes in a turn: ten milliseconds' work at 100 MB/s.
const PIECE: usize = 1 << 20;

/// Larger files are for the command line.
pub(super) const LARGEST: u64 = 2_000_000_000;

/// What a gzip file begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Where a recording's bytes come from.
enum Source {
    /// A file of the person's machine: it is read here, and goes nowhere else.
    File(web_sys::File, u64),
    Pasted(Vec<u8>),
}

impl Source {
    fn len(&self) -> u64 {
        match self {
            Self::File(_, len) => *len,
            Self::Pasted(bytes) => bytes.len() as u64,
        }
    }

    /// The bytes from a place on; none at the end.
    fn read(&self, from: u64) -> Result<Vec<u8>, String> {
        let to = self.len().min(from.saturating_add(PIECE as u64));
        match self {
            Self::Pasted(bytes) => Ok(bytes[from as usize..to as usize].to_vec()),
            Self::File(file, _) => {
                let piece = file.slice_with_f64_and_f64(from as f64, to as f64);
                let reader = web_sys::FileReaderSync::new();
                let buffer = piece.and_then(|piece| reader?.read_as_array_buffer(&piece));
                let buffer = buffer
                    .map_err(|_| "the browser could not read the file: it may have changed or gone".to_owned())?;
                Ok(js_sys::Uint8Array::new(&buffer).to_vec())
            }
        }
    }
}

pub(super) struct Opening {
    source: Source,
    at: u64,
    /// Unpacks, if the file is packed.
    packed: Option<MultiGzDecoder<Vec<u8>>>,
    reading: Option<Reading>,
    shelf: Shelf,
}

/// # Errors
/// What is wrong with the file, and what would be valid.
#[expect(clippy::cast_sign_loss, reason = "a size is not negative")]
pub(super) fn open(open: Open, file: Option<web_sys::File>, shelf: &Shelf) -> Result<Opening, String> {
    let source = match (open.pasted, file) {
        (Some(text), _) => Source::Pasted(text.into_bytes()),
        (None, Some(file)) => {
            let len = file.size() as u64;
            Source::File(file, len)
        }
        (None, None) => return Err("no file came with the message; a file or a pasted text is valid".to_owned()),
    };
    check_size(&open.name, source.len())?;
    *shelf.borrow_mut() = None;
    Ok(Opening { source, at: 0, packed: None, reading: Some(Reading::new(open.name)), shelf: shelf.clone() })
}

fn check_size(name: &str, len: u64) -> Result<(), String> {
    if len <= LARGEST {
        return Ok(());
    }
    let (whole, tenth) = (len / 1_000_000_000, len / 100_000_000 % 10);
    Err(format!(
        "{name} has {whole}.{tenth} GB, and the page reads at most 2 GB. The command line reads any size: \
         `exitless import {name}` sums it up, `exitless compare {name}` sets the model beside it"
    ))
}

impl Opening {
    /// Some of the file; whether there is more.
    fn read(&mut self) -> Result<bool, String> {
        let Some(reading) = &mut self.reading else { return Ok(false) };
        let bytes = self.source.read(self.at)?;
        if self.at == 0 && bytes.starts_with(&GZIP) {
            self.packed = Some(MultiGzDecoder::new(Vec::new()));
        }
        self.at += bytes.len() as u64;
        let broken = |_| "the gzip file is damaged or cut: `gzip -t` on it tells where".to_owned();
        match &mut self.packed {
            None => reading.read(&bytes)?,
            Some(packed) => {
                packed.write_all(&bytes).map_err(broken)?;
                if bytes.is_empty() {
                    packed.try_finish().map_err(broken)?;
                }
                reading.read(&std::mem::take(packed.get_mut()))?;
            }
        }
        Ok(!bytes.is_empty())
    }
}

impl Work for Opening {
    fn turn(&mut self) -> Turn {
        match self.read() {
            Ok(true) => return Turn::More,
            Ok(false) => {}
            Err(why) => return Turn::Refused(why),
        }
        let Some(reading) = self.reading.take() else { return Turn::More };
        match reading.finish() {
            Ok(recording) => {
                let opened = recording.opened();
                *self.shelf.borrow_mut() = Some(recording);
                Turn::Done(Answer::Recording(Told::Opened(opened)))
            }
            Err(why) => Turn::Refused(why),
        }
    }

    fn progress(&self) -> Progress {
        Progress { done: self.at, of: self.source.len() }
    }
}

/// An answer that is ready.
struct Ready(Option<Told>);

impl Work for Ready {
    fn turn(&mut self) -> Turn {
        self.0.take().map_or(Turn::More, |told| Turn::Done(Answer::Recording(told)))
    }

    fn progress(&self) -> Progress {
        Progress::default()
    }
}

/// # Errors
/// If no recording is open.
pub(super) fn ask(ask: &Ask, shelf: &Shelf) -> Result<Box<dyn Work>, String> {
    let shelf = shelf.borrow();
    let recording: &Recording = shelf.as_ref().ok_or("no recording is open; open a file first")?;
    let told = match ask {
        Ask::Look(look) => Told::Looked(recording.look(*look)),
        Ask::Find(query) => match recording.find(query) {
            Ok((count, markup)) => Told::Found(count, markup),
            Err(why) => Told::NoQuery(why),
        },
        Ask::Save(form, look) => Told::File(recording.save(*form, *look)),
    };
    Ok(Box::new(Ready(Some(told))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: Vec<u8>) -> Result<Recording, String> {
        let shelf = Shelf::default();
        let mut opening = Opening {
            source: Source::Pasted(bytes),
            at: 0,
            packed: None,
            reading: Some(Reading::new("a.txt".to_owned())),
            shelf: shelf.clone(),
        };
        loop {
            match opening.turn() {
                Turn::More => {}
                Turn::Done(_) => return Ok(shelf.borrow_mut().take().expect("it is open")),
                Turn::Refused(why) => return Err(why),
            }
        }
    }

    const BUSY: &[u8] = include_bytes!("../../../kvm-trace/tests/data/traces/deadline-busy.perf-script.txt");

    #[test]
    fn packed_and_plain_are_the_same_recording() {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(BUSY).expect("to memory");
        let zipped = packer.finish().expect("to memory");
        let plain = read(BUSY.to_vec()).expect("a recording").opened();
        assert_eq!(read(zipped.clone()).expect("a recording").opened(), plain);
        let cut = read(zipped[..zipped.len() / 2].to_vec()).map(|_| ()).expect_err("cut");
        assert!(cut.contains("gzip"), "{cut}");
    }

    #[test]
    fn what_is_no_recording_is_refused_in_words() {
        for (bytes, says) in [
            (&b""[..], "the file is empty"),
            (b"PERFILE2\0\0", "is not text"),
            (b"hello\n", "not a line of a recording"),
            (b"bash 7 [001] 2.000030: sched:sched_waking: comm=x pid=1\n", "none of KVM"),
            (b"vmm 9 [001] 2.0: kvm:kvm_entry: vcpu 0\n", "no guest's timer"),
        ] {
            let why = read(bytes.to_vec()).map(|_| ()).expect_err("no recording");
            assert!(why.contains(says), "{why}");
        }
        assert!(check_size("big.txt", LARGEST).is_ok());
        let why = check_size("big.txt", 10_000_000_000).expect_err("too large");
        assert!(
            why.contains("10.0 GB") && why.contains("at most 2 GB") && why.contains("`exitless import big.txt`"),
            "{why}"
        );
    }
}
