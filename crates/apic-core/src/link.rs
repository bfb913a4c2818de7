//! The link form of a moment: what stands behind `#` in the address.
//!
//! Two forms. A preset's name stands for that preset where it opens. Everything else is `v3.` and base64url of a checked
//! binary record, with the scenario in it unless that is a preset as it ships. A link with a second scenario is `v4.`: the record,
//! and the comparison with that scenario in it.
//!
//! A link decodes for ever. When the schema changes, the types of the scenario as they are now stay behind as that
//! version (`scenario/v1.rs` is the first), with a conversion to the new ones, and `VERSION` grows; the golden links in the
//! tests hold that.

use crate::driver::Pick;
use crate::kvm::Era;
use crate::run::{Align, Compare, Way};
use crate::scenario::{Meta, PRESETS, PathKind, Scenario, ScenarioError, preset};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use thiserror::Error;

/// Newest version; links of a newer one are refused by name.
const VERSION: u32 = 4;
/// Version of links with one scenario.
const ONE_SCENARIO: u32 = 3;

/// Longest link that is read, in characters. A scenario with a long recorded list of arms is the longest there is.
const MAX_CHARS: usize = 4_000_000;

const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);

/// A moment that can be sent to somebody.
#[derive(Clone, PartialEq, Debug)]
pub struct Link {
    /// What is run.
    pub scenario: Scenario,
    /// Name of the preset that the scenario is, or was before it was edited.
    pub preset: Option<String>,
    /// Beats taken; `None` is where the scenario opens.
    pub position: Option<u32>,
    /// The vCPU in focus.
    pub vcpu: u16,
    /// Choices made by hand, per path.
    pub picks: Vec<Vec<Pick>>,
    /// What is compared, and how.
    pub compare: Compare,
}

/// Why a link cannot be followed.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum LinkError {
    /// Neither a preset's name nor a link.
    #[error("\"{found}\" is neither a link nor a preset; a link begins with v{VERSION}. and the presets are: {valid}")]
    NotALink {
        /// The beginning of what was found.
        found: String,
        /// The presets there are.
        valid: String,
    },
    /// Made by a newer version.
    #[error(
        "this link is of version {found}, and this Exitless reads versions up to {VERSION}; reload the page or use a newer Exitless"
    )]
    Newer {
        /// Its version.
        found: u32,
    },
    /// Characters were lost or changed on the way.
    #[error("this link is damaged: characters are missing or were changed; copy it again, whole, from where it came")]
    Damaged,
    /// Too long to be one.
    #[error("this link has {found} characters; at most {MAX_CHARS} are read")]
    TooLong {
        /// Its length.
        found: usize,
    },
    /// Its scenario cannot be run.
    #[error("the scenario in this link cannot be run: {0}")]
    Scenario(#[from] ScenarioError),
}

/// The same in every version so far; only the scenario's own bytes differ.
#[derive(Serialize, Deserialize)]
struct Record {
    preset: Option<String>,
    /// `None` is the preset as it ships. The words of the preset it came from are left out.
    scenario: Option<Vec<u8>>,
    position: Option<u32>,
    vcpu: u16,
    picks: Vec<Vec<Pick>>,
}

/// Stands behind the record in links whose comparison is not the scenario's own. No version of its own: links that have
/// none are written as they always were, and a record's checksum tells the two apart.
#[derive(Serialize, Deserialize)]
struct View {
    /// Eras by name: their numbers may change.
    ways: Vec<(PathKind, Option<String>)>,
    align: u8,
}

impl View {
    fn of(compare: &Compare) -> Self {
        Self {
            ways: compare.ways.iter().map(|way| (way.path, way.era.map(|era| era.name().to_owned()))).collect(),
            align: Align::ALL.iter().position(|a| *a == compare.align).unwrap_or(0) as u8,
        }
    }

    fn compare(self) -> Option<Compare> {
        let era = |name: String| Era::ALL.iter().copied().find(|era| era.name() == name);
        let way = |(path, name): (PathKind, Option<String>)| {
            Some(Way { path, era: name.map_or(Some(None), |name| era(name).map(Some))?, kept: false })
        };
        let ways = self.ways.into_iter().map(way).collect::<Option<_>>()?;
        Some(Compare { ways, align: Align::ALL.get(usize::from(self.align)).copied()?, kept: None })
    }
}

/// Stands behind the record in links of version 4.
#[derive(Serialize, Deserialize)]
struct Kept {
    view: View,
    /// The second scenario.
    scenario: Vec<u8>,
    /// One bit a way: whether it is of that one.
    ways: u8,
}

impl Kept {
    fn of(compare: &Compare, scenario: &Scenario, shipped: Option<&Scenario>) -> Self {
        let bits = compare.ways.iter().enumerate().map(|(i, way)| u8::from(way.kept) << i);
        Self { view: View::of(compare), scenario: without_words(scenario, shipped), ways: bits.sum() }
    }

    fn compare(self, shipped: Option<&Scenario>) -> Result<Compare, LinkError> {
        let mut compare = self.view.compare().ok_or(LinkError::Damaged)?;
        for (i, way) in compare.ways.iter_mut().take(8).enumerate() {
            way.kept = self.ways >> i & 1 == 1;
        }
        compare.kept = Some(Arc::new(with_words(Scenario::from_bytes(&self.scenario)?, shipped)));
        Ok(compare)
    }
}

/// The link of a moment, without the `#`.
pub fn encode(link: &Link) -> String {
    let shipped = link.preset.as_deref().and_then(|name| preset(name).ok());
    let unedited = shipped.as_ref() == Some(&link.scenario);
    let plain = link.picks.is_empty() && link.compare == Compare::default();
    if let (true, Some(name), None, 0, true) = (unedited, &link.preset, link.position, link.vcpu, plain) {
        return name.clone();
    }
    let scenario = (!unedited).then(|| without_words(&link.scenario, shipped.as_ref()));
    let record = Record {
        preset: link.preset.clone(),
        scenario,
        position: link.position,
        vcpu: link.vcpu,
        picks: link.picks.clone(),
    };
    let (version, bytes) = if let Some(kept) = &link.compare.kept {
        (VERSION, postcard::to_allocvec_crc32(&(record, Kept::of(&link.compare, kept, shipped.as_ref())), CRC.digest()))
    } else if link.compare == Compare::default() {
        (ONE_SCENARIO, postcard::to_allocvec_crc32(&record, CRC.digest()))
    } else {
        (ONE_SCENARIO, postcard::to_allocvec_crc32(&(record, View::of(&link.compare)), CRC.digest()))
    };
    format!("v{version}.{}", URL_SAFE_NO_PAD.encode(bytes.unwrap_or_default()))
}

/// Reads a link, with or without its `#`, or a whole address that ends with one.
///
/// # Errors
/// [`LinkError`]: what is wrong, and what would be valid.
pub fn decode(text: &str) -> Result<Link, LinkError> {
    let text = text.trim();
    let text = text.rsplit_once('#').map_or(text, |(_, fragment)| fragment);
    if text.len() > MAX_CHARS {
        return Err(LinkError::TooLong { found: text.len() });
    }
    if PRESETS.iter().any(|p| p.name == text) {
        let scenario = preset(text)?;
        let (preset, compare) = (Some(text.to_owned()), Compare::default());
        return Ok(Link { scenario, preset, position: None, vcpu: 0, picks: Vec::new(), compare });
    }
    let (version, body) = split_version(text).ok_or_else(|| LinkError::NotALink {
        found: text.chars().take(40).collect(),
        valid: PRESETS.iter().map(|p| p.name).collect::<Vec<_>>().join(", "),
    })?;
    if !(1..=VERSION).contains(&version) {
        return Err(LinkError::Newer { found: version });
    }
    let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| LinkError::Damaged)?;
    let (record, compare, kept) = if version > ONE_SCENARIO {
        let both = postcard::from_bytes_crc32::<(Record, Kept)>(&bytes, CRC.digest());
        let (record, kept) = both.map_err(|_| LinkError::Damaged)?;
        (record, Compare::default(), Some(kept))
    } else if let Ok(record) = postcard::from_bytes_crc32::<Record>(&bytes, CRC.digest()) {
        (record, Compare::default(), None)
    } else {
        let both = postcard::from_bytes_crc32::<(Record, View)>(&bytes, CRC.digest());
        let (record, view) = both.map_err(|_| LinkError::Damaged)?;
        (record, view.compare().ok_or(LinkError::Damaged)?, None)
    };
    let shipped = record.preset.as_deref().map(preset).transpose();
    let scenario = match record.scenario {
        Some(bytes) => {
            let scenario = match version {
                1 => Scenario::from_bytes_v1(&bytes)?,
                2 => Scenario::from_bytes_v2(&bytes)?,
                _ => Scenario::from_bytes(&bytes)?,
            };
            with_words(scenario, shipped.as_ref().ok().and_then(Option::as_ref))
        }
        None => shipped.clone()?.ok_or(LinkError::Damaged)?,
    };
    let compare = match kept {
        Some(kept) => kept.compare(shipped.as_ref().ok().and_then(Option::as_ref))?,
        None => compare,
    };
    compare.check(&scenario)?;
    let Record { preset, position, vcpu, picks, .. } = record;
    Ok(Link { scenario, preset, position, vcpu, picks, compare })
}

/// The binary form, without the words of the preset that it came from.
fn without_words(scenario: &Scenario, shipped: Option<&Scenario>) -> Vec<u8> {
    let mut scenario = scenario.clone();
    if shipped.is_some_and(|s| s.meta == scenario.meta) {
        scenario.meta = Meta::default();
    }
    scenario.to_bytes()
}

/// The words of the preset, where a scenario has none.
fn with_words(mut scenario: Scenario, shipped: Option<&Scenario>) -> Scenario {
    if let (true, Some(shipped)) = (scenario.meta == Meta::default(), shipped) {
        scenario.meta = shipped.meta.clone();
    }
    scenario
}

/// `v12.rest` as 12 and `rest`.
fn split_version(text: &str) -> Option<(u32, &str)> {
    let (version, body) = text.strip_prefix('v')?.split_once('.')?;
    let digits = !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit());
    // A version too large for a number is newer than this one in any case.
    digits.then(|| (version.parse().unwrap_or(u32::MAX), body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kvm::{Era, Overrides, Switch};
    use crate::machine::Actor;
    use crate::scenario::PathKind;
    use crate::units::CpuId;

    fn moment(name: &str) -> Link {
        let scenario = preset(name).expect("a preset");
        Link {
            scenario,
            preset: Some(name.to_owned()),
            position: Some(42),
            vcpu: 0,
            picks: Vec::new(),
            compare: Compare::default(),
        }
    }

    #[test]
    fn a_preset_where_it_opens_is_its_name() {
        let link = Link { position: None, ..moment("idle-housekeeper") };
        assert_eq!(encode(&link), "idle-housekeeper");
        assert_eq!(decode("#idle-housekeeper"), Ok(link));
    }

    #[test]
    fn moments_and_edits_come_back_as_they_were() {
        let plain = moment("pinned-vs-offloaded");
        let mut edited = plain.clone();
        edited.scenario.vcpus[0].cpu = CpuId(2);
        edited.scenario.run.seed = 77;
        edited.picks = vec![Vec::new(), vec![Pick { step: 9, actor: Actor::Irq(CpuId(3)) }]];
        let mut own = edited.clone();
        own.preset = None;
        own.scenario.meta.title = "Ours".to_owned();
        let mut compared = plain.clone();
        let way = |era| Way { path: PathKind::Posted, era, kept: false };
        compared.compare = Compare { ways: vec![way(Some(Era::V5_3)), way(None)], align: Align::Expiry, kept: None };
        let mut two = compared.clone();
        two.compare.ways[0] = Way { kept: true, ..way(None) };
        two.compare.kept = Some(Arc::new(edited.scenario.clone()));
        for (link, limit) in [(plain, 60), (edited, 200), (own, 900), (compared, 80), (two, 400)] {
            let text = encode(&link);
            assert!(text.len() <= limit, "{} characters: {text}", text.len());
            assert_eq!(decode(&format!("https://example.org/x/#{text}")), Ok(link));
        }
    }

    #[test]
    fn every_single_change_is_noticed() {
        let text = encode(&moment("seed-2019"));
        for i in 3..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[i] = if bytes[i] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).expect("ASCII");
            assert_eq!(decode(&changed), Err(LinkError::Damaged), "at {i}");
            assert_eq!(decode(&text[..i]), Err(LinkError::Damaged), "cut at {i}");
        }
    }

    #[test]
    fn other_texts_say_what_would_be_valid() {
        assert_eq!(decode("v5.abc"), Err(LinkError::Newer { found: 5 }));
        assert_eq!(decode("v99999999999.abc"), Err(LinkError::Newer { found: u32::MAX }));
        let e = decode("pined").expect_err("no such preset").to_string();
        assert!(e.contains("\"pined\"") && e.contains("pinned-vs-offloaded"), "{e}");
        assert!(matches!(decode(""), Err(LinkError::NotALink { .. })));
    }

    #[test]
    fn an_impossible_scenario_in_a_link_names_its_key() {
        let mut link = moment("pinned-vs-offloaded");
        link.scenario.vcpus[0].cpu = CpuId(9);
        let e = decode(&encode(&link)).expect_err("CPU 9 is missing").to_string();
        assert!(e.contains("vcpus[0].cpu") && e.contains("0 to 3"), "{e}");
    }

    #[test]
    fn a_comparison_that_the_scenario_does_not_allow_is_refused_in_words() {
        let mut link = moment("pinned-vs-offloaded");
        let virtual_timer = Way { path: PathKind::VirtualTimer, era: Some(Era::V5_3), kept: false };
        link.compare.ways = vec![Way::of(PathKind::Pinned), virtual_timer];
        let e = decode(&encode(&link)).expect_err("5.3 has none").to_string();
        assert!(e.contains("era 5.3 does not have it"), "{e}");
        link.compare.ways = vec![Way::of(PathKind::Pinned); 2];
        let e = decode(&encode(&link)).expect_err("twice").to_string();
        assert!(e.contains("\"Pinned\" is listed twice"), "{e}");
    }

    /// Links that were once given out. They decode for ever: add to this list, never change it.
    #[test]
    fn golden_links_decode() {
        for (text, position) in GOLDEN {
            let link = decode(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(link.position, *position, "{text}");
            let now = encode(&link);
            let old = ["v1.", "v2."].iter().any(|v| text.starts_with(v));
            assert!(now == *text || old, "what is given out now: {now}");
            assert_eq!(decode(&now), Ok(link));
        }
    }

    /// Names are numbers in a link: a new rule, era or path is added behind the ones there are.
    #[test]
    fn rules_keep_their_numbers() {
        let link = decode(GOLDEN[6].0).expect("a golden link");
        let vm = &link.scenario.vm;
        assert_eq!(vm.rules, Overrides::from([(Switch::Pinned, false), (Switch::ApicTimerVirtualization, true)]));
        assert_eq!(vm.era, Era::V6_19);
        assert_eq!(link.scenario.run.paths, [PathKind::Pinned, PathKind::Posted]);
    }

    const GOLDEN: &[(&str, Option<u32>)] = &[
        ("pinned-vs-offloaded", None),
        ("recorded-arms", None),
        ("v1.ARNwaW5uZWQtdnMtb2ZmbG9hZGVkAAEqAAB-l1tt", Some(42)),
        (
            "v1.ARNwaW5uZWQtdnMtb2ZmbG9hZGVkATgAAAAAAAEBBAEDAQID6Aegy5gBAQABkAMBAQABAAABAQIAAOzoB7gXAAAABAECAAEHc2t5bGFrZQEqAAA2nGOX",
            Some(42),
        ),
        (
            "v1.AAFIBE91cnMMRG9lcyBpdCBydW4_AAAAAQEEAQMBAgPoB6DLmAEBAAGQAwABAAEBAAEBAgAA7OgHuBcAAAAEAQIAAQdza3lsYWtlASoAAgABCQAD5sE_1w",
            Some(42),
        ),
        (
            "v2.ARl0d28tdmNwdXMtb25lLWhvdXNla2VlcGVyAUgAAAAAAAEBBAEDAQID6Aegy5gBAQAB-gEACgABAAEAAAHAmgwAAgIAAAP0AwAAAOzoB7gXAAFGA4QHAAgBAgABB3NreWxha2UBKgAAMVmVEg",
            Some(42),
        ),
        (
            "v2.AAFSBE91cnMGV2hlcmU_AAAAAQEEAQMBAgPoB6DLmAEBAAGQAwAKAgEAHgEBAAABAAHAmgwAAQMAAAEAxBMCAOzoB7gXAQAABAECAAEHc2t5bGFrZQEqAACOdpYx",
            Some(42),
        ),
        ("v2.AQhhbWQtYXZpYwAAAAEBCQADG5hMhg", None),
        (
            "v3.ARFkZXZpY2Utd2FrZXMtdmNwdQFIAAAAAAABAQQBAwECA-gHoMuYAQEAAZADAAoAAQAAAQABwJoMAQMAAAABADHYBLwFAQDs6Ae4FwEAAAQBAgABB3NreWxha2UAASoAALRggFg",
            Some(42),
        ),
        ("v3.ARNwaW5uZWQtdnMtb2ZmbG9hZGVkAAEmAAAAAVryyCs", Some(38)),
        ("v3.ARNwaW5uZWQtdnMtb2ZmbG9hZGVkAAEqAAACAAABAQM0LjcBUFbwtQ", Some(42)),
    ];
}
