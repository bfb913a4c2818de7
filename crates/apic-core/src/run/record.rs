//! A step on record: in full, and in sixteen bytes.

use crate::effect::Effect;
use crate::rule::Rule;
use crate::units::{CpuId, Ns, VcpuId};
use serde::Serialize;

/// One step in full.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct StepRecord {
    /// Number of the step in its run, from 0.
    pub index: u32,
    /// When it took effect.
    #[serde(rename = "time_ns")]
    pub at: Ns,
    /// Where.
    pub cpu: CpuId,
    /// The vCPU it is about, if one.
    pub vcpu: Option<VcpuId>,
    /// The rule it followed.
    pub rule: Rule,
    /// What it changed, sent, read or left undone.
    pub effects: Vec<Effect>,
}

/// What kind of moment a step is, for scrubbers, lists and "next …" buttons.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Marks(u8);

impl Marks {
    /// A VM exit.
    pub const EXIT: Self = Self(1);
    /// A VM entry.
    pub const ENTER: Self = Self(2);
    /// A guest timer's callback started.
    pub const EXPIRY: Self = Self(4);
    /// An IPI was sent, or a device's notification.
    pub const IPI: Self = Self(8);
    /// One was not sent.
    pub const NO_IPI: Self = Self(16);
    /// A guest's handler started.
    pub const DELIVERED: Self = Self(32);
    /// A guest programmed its timer.
    pub const ARMED: Self = Self(64);

    /// Whether all of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The marks that some effects earn.
    pub fn of(effects: &[Effect]) -> Self {
        effects.iter().fold(Self::default(), |marks, effect| marks.with(Self::of_one(effect)))
    }

    pub(super) const fn of_one(effect: &Effect) -> Self {
        use crate::host::TimerId;
        match effect {
            Effect::Exit { .. } => Self::EXIT,
            Effect::Enter { .. } => Self::ENTER,
            Effect::TimerFired { timer: TimerId::Lapic(_), .. } => Self::EXPIRY,
            Effect::IpiSent { .. } | Effect::NotificationSent { .. } => Self::IPI,
            Effect::IpiNotSent { .. } | Effect::NotificationNotSent { .. } => Self::NO_IPI,
            Effect::Delivered { .. } => Self::DELIVERED,
            Effect::Armed { .. } => Self::ARMED,
            _ => Self(0),
        }
    }
}

/// One step in short.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StepMeta {
    /// When it took effect.
    pub at: Ns,
    /// Where.
    pub cpu: CpuId,
    /// The vCPU it is about, if one.
    pub vcpu: Option<VcpuId>,
    /// The rule it followed.
    pub rule: Rule,
    /// What kind of moment it is.
    pub marks: Marks,
}
