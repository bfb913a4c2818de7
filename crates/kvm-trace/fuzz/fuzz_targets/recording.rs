//! Any bytes, as a recording and as a table of `perf kvm stat`.
#![no_main]

#[path = "../src/check.rs"]
mod check;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // Where the buffers end is part of the input.
    let buffer = bytes.first().map_or(1, |byte| usize::from(*byte) + 1);
    let used = allocation_counter::measure(|| check::read(bytes, buffer));
    check::memory(bytes.len(), used.bytes_max);
});
