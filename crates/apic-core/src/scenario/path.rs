//! The ways from a guest's deadline to its handler.

use serde::{Deserialize, Serialize};

/// A way from the guest's deadline to its handler. Links carry the number: new ones come last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathKind {
    /// The hrtimer stays on the vCPU's own core (`61abdbe0bcc2`, 4.7 to 5.2).
    Pinned,
    /// The hrtimer may go to a housekeeper, which posts the interrupt.
    Posted,
    /// The VMX preemption timer keeps the deadline while the vCPU runs.
    PreemptionTimer,
    /// The hrtimer may go to a housekeeper, which can only make the vCPU exit.
    NotPosted,
    /// The hrtimer stays, and the interrupt is injected by software.
    NoApicv,
    /// AMD: the hrtimer may go to a housekeeper, which sets IRR and rings the doorbell.
    Avic,
    /// The processor keeps the guest's deadline (proposed).
    #[serde(rename = "apic-timer-virtualization")]
    VirtualTimer,
    /// The local APIC is in userspace.
    Userspace,
}

impl PathKind {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Pinned,
        Self::Posted,
        Self::PreemptionTimer,
        Self::NotPosted,
        Self::NoApicv,
        Self::Avic,
        Self::VirtualTimer,
        Self::Userspace,
    ];

    /// Name in scenarios and on the command line.
    pub const fn name(self) -> &'static str {
        self.words()[0]
    }

    /// Heading on the stage.
    pub const fn title(self) -> &'static str {
        self.words()[1]
    }

    /// A few words under the heading.
    pub const fn about(self) -> &'static str {
        self.words()[2]
    }

    const fn words(self) -> &'static [&'static str; 3] {
        match self {
            Self::Pinned => &["pinned", "Pinned", "host timer on the vCPU's own core"],
            Self::Posted => &["posted", "Offloaded", "host timer offered to a housekeeper, interrupt posted"],
            Self::PreemptionTimer => {
                &["preemption-timer", "Preemption timer", "deadline kept by the processor while the vCPU runs"]
            }
            Self::NotPosted => &[
                "not-posted",
                "Offloaded, not posted",
                "host timer offered to a housekeeper, vCPU kicked out of the guest",
            ],
            Self::NoApicv => {
                &["no-apicv", "Without APICv", "host timer on the vCPU's own core, interrupt injected at entry"]
            }
            Self::Avic => &["avic", "AMD AVIC", "host timer offered to a housekeeper, doorbell rung"],
            Self::VirtualTimer => &[
                "apic-timer-virtualization",
                "Virtual timer",
                "deadline written to and kept by the processor (proposed)",
            ],
            Self::Userspace => {
                &["userspace", "Userspace irqchip", "local APIC emulated outside the kernel, for contrast"]
            }
        }
    }

    /// The path with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|p| p.name() == name)
    }
}
