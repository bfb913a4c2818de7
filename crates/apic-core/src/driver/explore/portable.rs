//! A counterexample as a line of text, so that it can be sent to somebody and played again.
//!
//! `c1.` and base64url of a checked binary record: the scenario as a link has it ([`crate::link`]), the path, the bounds, the
//! faults and the moves. A number behind another dot is a position in the run. An ordinary link cannot carry it: it has neither faults, nor store buffers, nor time as a choice.

use super::Move;
use crate::kvm::{Fault, Faults};
use crate::link::{self, Link, LinkError};
use crate::machine::Bounds;
use crate::run::Compare;
use crate::scenario::{PathKind, Scenario};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// What a counterexample's text begins with.
const PREFIX: &str = "c1.";

const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);

/// A run that a search found, with all that it takes to play it.
#[derive(Clone, PartialEq, Debug)]
pub struct Portable {
    /// What is run.
    pub scenario: Scenario,
    /// Name of the preset that it is, or was.
    pub preset: Option<String>,
    /// Which path.
    pub path: PathKind,
    /// Within what bounds.
    pub bounds: Bounds,
    /// Without which rules.
    pub faults: Faults,
    /// The choices.
    pub moves: Vec<Move>,
    /// Steps taken at the moment that is shown; `None` is the end.
    pub position: Option<u32>,
}

#[derive(Serialize, Deserialize)]
struct Record {
    scenario: String,
    path: PathKind,
    bounds: [u32; 5],
    faults: Vec<u8>,
    moves: Vec<Move>,
}

impl Portable {
    /// Whether a text claims to be one.
    pub fn claims(text: &str) -> bool {
        text.trim().starts_with(PREFIX)
    }

    /// As text.
    pub fn encode(&self) -> String {
        let link = Link {
            scenario: self.scenario.clone(),
            preset: self.preset.clone(),
            position: None,
            vcpu: 0,
            picks: Vec::new(),
            compare: Compare::default(),
        };
        let Bounds { expiries, vcpus, housekeepers, store_buffer, states } = self.bounds;
        let record = Record {
            scenario: link::encode(&link),
            path: self.path,
            bounds: [expiries.into(), vcpus.into(), housekeepers.into(), store_buffer.into(), states],
            faults: self.faults.iter().map(|fault| fault as u8).collect(),
            moves: self.moves.clone(),
        };
        let bytes = postcard::to_allocvec_crc32(&record, CRC.digest()).unwrap_or_default();
        let position = self.position.map_or_else(String::new, |position| [".", &position.to_string()].concat());
        [PREFIX, &URL_SAFE_NO_PAD.encode(bytes), &position].concat()
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`LinkError`]: what is wrong, and what would be valid.
    pub fn decode(text: &str) -> Result<Self, LinkError> {
        let body = text.trim().strip_prefix(PREFIX).ok_or(LinkError::Damaged)?;
        let (body, position) = body.split_once('.').map_or((body, None), |(body, position)| (body, Some(position)));
        let position = position.map(str::parse).transpose().map_err(|_| LinkError::Damaged)?;
        let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| LinkError::Damaged)?;
        let record: Record = postcard::from_bytes_crc32(&bytes, CRC.digest()).map_err(|_| LinkError::Damaged)?;
        let Link { scenario, preset, .. } = link::decode(&record.scenario)?;
        scenario.allows(record.path)?;
        let small = |n: u32| u8::try_from(n).map_err(|_| LinkError::Damaged);
        let [expiries, vcpus, housekeepers, store_buffer, states] = record.bounds;
        let bounds = Bounds {
            expiries: small(expiries)?,
            vcpus: small(vcpus)?,
            housekeepers: small(housekeepers)?,
            store_buffer: small(store_buffer)?,
            states,
        };
        let fault = |n: u8| Fault::ALL.get(usize::from(n)).copied().ok_or(LinkError::Damaged);
        let faults = record.faults.into_iter().map(fault).collect::<Result<Faults, _>>()?;
        Ok(Self { scenario, preset, path: record.path, bounds, faults, moves: record.moves, position })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Explore, Verdict, example};
    use super::*;

    #[test]
    fn what_was_found_is_sent_and_played_again() {
        let found = example(Fault::B22);
        let faults = Faults::default().with(Fault::B22);
        let verdict = Explore::new(&found.scenario, found.path, found.bounds, faults).finish();
        let Verdict::Violated(counterexample) = verdict else { panic!("{verdict:?}") };
        let sent = Portable {
            scenario: found.scenario,
            preset: None,
            path: found.path,
            bounds: found.bounds,
            faults,
            moves: counterexample.moves,
            position: None,
        };
        let text = sent.encode();
        assert!(Portable::claims(&text) && text.len() < 500, "{} characters", text.len());
        assert_eq!(Portable::decode(&text), Ok(sent.clone()));
        let there = Portable { position: Some(7), ..sent };
        assert_eq!((there.encode(), Portable::decode(&there.encode())), (text.clone() + ".7", Ok(there)));
        assert_eq!(Portable::decode(&(text.clone() + ".x")), Err(LinkError::Damaged));
        for cut in [3, text.len() / 2, text.len() - 1] {
            assert_eq!(Portable::decode(&text[..cut]), Err(LinkError::Damaged));
        }
        assert_eq!(Portable::decode("v2.abc"), Err(LinkError::Damaged));
    }
}
