//! The paths, run, and up to where they are told.

use crate::arms::Recording;
use crate::calibration::Calibrated;
use crate::load::{At, Loaded};
use apic_core::run::{History, Ledger, Lockstep, Measured, Way};
use apic_core::scenario::Scenario;
use scene::{Account, Expiry, expiries};

/// A run, told up to some beat.
pub(crate) struct Moment {
    pub(crate) preset: Option<String>,
    pub(crate) recording: Option<Recording>,
    pub(crate) calibrated: Option<Calibrated>,
    /// Every path, at the position.
    pub(crate) lockstep: Lockstep,
    /// Which paths follow choices made by hand.
    by_hand: Vec<bool>,
}

/// What there is to say about one path.
pub(crate) struct PathAccount {
    pub(crate) way: Way,
    /// Steps taken, and the ledger, at the position.
    pub(crate) steps: usize,
    pub(crate) ledger: Ledger,
    /// The same at the end of the run.
    pub(crate) end_steps: usize,
    pub(crate) end_ledger: Ledger,
    /// Why the run is shorter than was asked for, if it is.
    pub(crate) cut: Option<Cut>,
    pub(crate) expiries: Vec<Expiry>,
    /// Distributions up to the position.
    pub(crate) measured: Measured,
}

impl PathAccount {
    /// The same at the position, for the words about it.
    pub(crate) fn told(&self) -> Account<'_> {
        Account { way: self.way, ledger: &self.ledger, expiries: &self.expiries }
    }
}

/// Why a run ended early.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cut {
    /// It has more steps than are kept.
    TooLong,
    /// A choice made by hand could not be followed.
    Stopped,
}

impl Moment {
    pub(crate) fn new(loaded: Loaded) -> Self {
        let mut lockstep = Lockstep::comparing(&loaded.scenario, &loaded.compare, &loaded.picks);
        let by_hand = loaded.picks.iter().map(|picks| !picks.is_empty()).collect();
        lockstep.seek(match loaded.at {
            At::End => lockstep.len(),
            At::Opening => lockstep.opening(),
            At::Beat(beats) => beats,
        });
        Self { preset: loaded.preset, recording: loaded.recording, calibrated: loaded.calibrated, lockstep, by_hand }
    }

    pub(crate) fn scenario(&self) -> &Scenario {
        self.lockstep.scenario()
    }

    /// Whether this is the end of the run.
    pub(crate) fn is_end(&self) -> bool {
        self.lockstep.position() == self.lockstep.len()
    }

    /// Arms that were read, from a recording or with the scenario.
    pub(crate) fn arms(&self) -> Option<usize> {
        let listed = self.scenario().guest.arms.len();
        self.recording.as_ref().map(|r| r.arms).or((listed > 0).then_some(listed))
    }

    /// An account of each path, in order.
    pub(crate) fn accounts(&self) -> Vec<PathAccount> {
        let scenario = self.scenario();
        let arms = scenario.guest.arms.len() as u64;
        let wanted = u64::from(scenario.run.expiries).min(if arms == 0 { u64::MAX } else { arms });
        let mut whole = self.lockstep.clone();
        whole.seek(whole.len());
        let ends = whole.paths().iter().map(|p| p.ledger().clone());
        let account = |(p, (history, end_ledger)): (usize, (&History, Ledger))| PathAccount {
            way: history.way(),
            steps: history.position(),
            ledger: history.ledger().clone(),
            end_steps: history.len(),
            cut: if history.truncated() {
                Some(Cut::TooLong)
            } else if end_ledger.handlers < wanted && self.by_hand.get(p) == Some(&true) {
                Some(Cut::Stopped)
            } else {
                None
            },
            end_ledger,
            expiries: expiries(history, self.lockstep.scenario_of(p), history.position()),
            measured: history.measure(history.position()),
        };
        self.lockstep.paths().iter().zip(ends).enumerate().map(account).collect()
    }
}
