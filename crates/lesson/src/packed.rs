//! Lessons as files that the page fetches: postcard with a checksum, so that a file of another version is refused and not
//! misread.

use crate::lesson::{Heading, Lesson};
use serde::{Deserialize, Serialize};

const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);

/// Raised when the types of [`Lesson`] change.
const VERSION: u16 = 1;

/// The file with the list of all lessons.
pub const CONTENTS: &str = "contents.bin";

/// The file of a lesson, by its name.
pub fn file_of(name: &str) -> String {
    [name, ".bin"].concat()
}

/// The bytes of a lesson.
pub fn pack(lesson: &Lesson) -> Vec<u8> {
    packed(lesson)
}

/// The bytes of a list of lessons.
pub fn pack_contents(contents: &[Heading]) -> Vec<u8> {
    packed(&contents)
}

/// A lesson from its bytes; none if they are damaged or of another version.
pub fn unpack(bytes: &[u8]) -> Option<Lesson> {
    unpacked(bytes)
}

/// A list of lessons from its bytes; none if they are damaged or of another version.
pub fn unpack_contents(bytes: &[u8]) -> Option<Vec<Heading>> {
    unpacked(bytes)
}

fn packed(what: &impl Serialize) -> Vec<u8> {
    // Nothing in a lesson is of a kind that cannot be written.
    postcard::to_allocvec_crc32(&(VERSION, what), CRC.digest()).unwrap_or_default()
}

fn unpacked<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    let (version, what) = postcard::from_bytes_crc32(bytes, CRC.digest()).ok()?;
    let _: u16 = Some(version).filter(|version| *version == VERSION)?;
    Some(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked_and_what_is_damaged_is_refused() {
        let heading = Heading { name: "a".into(), title: "A".into(), about: "About.".into(), minutes: 5, parts: 2 };
        let mut bytes = pack_contents(std::slice::from_ref(&heading));
        assert_eq!(unpack_contents(&bytes), Some(vec![heading]));
        assert_eq!(unpack(&bytes), None);
        bytes[3] ^= 1;
        assert_eq!(unpack_contents(&bytes), None);
        assert_eq!(unpack_contents(&[]), None);
    }
}
