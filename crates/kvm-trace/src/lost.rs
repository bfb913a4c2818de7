//! Markers of lost events: what the tools print where their buffers overflowed.
//!
//! | tool | line |
//! | --- | --- |
//! | ftrace | `CPU:3 [LOST 17 EVENTS]`, `CPU:3 [LOST EVENTS]` |
//! | `trace-cmd report` | `CPU:3 [17 EVENTS DROPPED]`, `CPU:3 [EVENTS DROPPED]` |
//! | `perf script` | `COMM TID [CPU] TIME: PERF_RECORD_LOST lost 17`, `PERF_RECORD_LOST_SAMPLES lost 17` |
//! | `perf trace`, `perf kvm stat live` | `LOST 17 events!` |
//! | `perf` at its end | `Processed 900 events and lost 17 chunks!` |

use crate::Cpu;
use crate::fields::{Words, decimal, narrow};

/// Events are missing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// On which CPU, if it is told; else it may be any.
    pub cpu: Option<Cpu>,
    /// How many, if it is told. perf counts chunks in its last form.
    pub events: Option<u64>,
}

impl Lost {
    /// `None` if the line is no such marker.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        if let Some(rest) = line.strip_prefix("CPU:") {
            let (cpu, rest) = rest.split_once(" [")?;
            let words = rest.strip_suffix(']')?;
            let events = match words {
                "LOST EVENTS" | "EVENTS DROPPED" => None,
                _ => {
                    let number = words.strip_prefix("LOST ").and_then(|rest| rest.strip_suffix(" EVENTS"));
                    Some(decimal(number.or_else(|| words.strip_suffix(" EVENTS DROPPED"))?)?)
                }
            };
            return Some(Self { cpu: Some(Cpu(narrow(decimal(cpu))?)), events });
        }
        if let Some(at) = line.find("PERF_RECORD_LOST") {
            let (head, mut words) = (&line[..at], Words(&line[at..]));
            let events = words.find(|word| *word == "lost").and_then(|_| words.next()).and_then(decimal);
            let cpu = head.rsplit_once('[').and_then(|(_, rest)| rest.split_once(']'));
            return Some(Self { cpu: cpu.and_then(|(cpu, _)| Some(Cpu(narrow(decimal(cpu))?))), events });
        }
        let mut words = Words(line);
        let mut before = None;
        while let Some(word) = words.next() {
            if word.eq_ignore_ascii_case("lost") {
                let events = decimal(words.next()?)?;
                let what = words.next()?.trim_end_matches(['!', ',', '.']);
                let known = what.eq_ignore_ascii_case("events")
                    || what.eq_ignore_ascii_case("samples")
                    || (what == "chunks" && before == Some("and"));
                return known.then_some(Self { cpu: None, events: Some(events) });
            }
            before = Some(word);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers() {
        let lost = |cpu: Option<u32>, events| Some(Lost { cpu: cpu.map(Cpu), events });
        for (line, expect) in [
            ("CPU:3 [LOST 17 EVENTS]", lost(Some(3), Some(17))),
            ("CPU:3 [LOST EVENTS]", lost(Some(3), None)),
            ("CPU:7 [204600 EVENTS DROPPED]", lost(Some(7), Some(204_600))),
            ("CPU:7 [EVENTS DROPPED]", lost(Some(7), None)),
            ("vmm 9777/9888 [006] 1.000000001: PERF_RECORD_LOST lost 9", lost(Some(6), Some(9))),
            ("PERF_RECORD_LOST_SAMPLES lost 9", lost(None, Some(9))),
            ("PERF_RECORD_LOST", lost(None, None)),
            ("LOST 23 events!", lost(None, Some(23))),
            ("LOST 23 events, Check IO/CPU overload!", lost(None, Some(23))),
            ("Processed 900 events and lost 17 chunks!", lost(None, Some(17))),
            ("CPU:x [LOST 17 EVENTS]", None),
            ("CPU:3 [LOST x EVENTS]", None),
            ("CPU:3", None),
            ("lost in thought", None),
            ("lost 3 keys", None),
            ("", None),
        ] {
            assert_eq!(Lost::parse(line), expect, "{line}");
        }
    }
}
