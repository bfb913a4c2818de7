//! Rules that a search can switch off: the bugs and races of the series and its neighbours, and what would go wrong without
//! a rule that was always there.
//!
//! Some are a kernel's own history, and are made by the rules that eras differ in ([`FaultInfo::rules`]); for the others the
//! machine asks [`Faults::has`] where the rule stands. A fault is never part of a scenario: who searches sets it.

use super::Switch;

/// What is known about a fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FaultInfo {
    /// Name on the command line and in documents.
    pub id: &'static str,
    /// The rule that is missing, in a few words.
    pub title: &'static str,
    /// What the kernel does without it.
    pub what: &'static str,
    /// What the guest feels.
    pub symptom: &'static str,
    /// The kernels in which it was real; `None` is counterfactual.
    pub real: Option<&'static str>,
    /// The commit or the posting that repaired it, or where the rule stands.
    pub repair: &'static str,
    /// Rules of eras that make it; the last one is the rule that is missing, the others are what it takes to miss it.
    pub rules: &'static [(Switch, bool)],
}

macro_rules! faults {
    ($($id:ident, $name:literal: $title:literal, $what:literal, $symptom:literal, $real:expr, $repair:literal, $rules:expr;)*) => {
        /// A rule that is missing.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Fault {
            // The number is part of counterexamples: the table grows at its end.
            $(#[doc = concat!($name, ": ", $title)] $id,)*
        }

        impl Fault {
            /// Every fault, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$id,)*];

            /// The table entry.
            pub const fn info(self) -> &'static FaultInfo {
                match self {
                    $(Self::$id => &FaultInfo {
                        id: $name,
                        title: $title,
                        what: $what,
                        symptom: $symptom,
                        real: $real,
                        repair: $repair,
                        rules: $rules,
                    },)*
                }
            }
        }
    };
}

faults! {
    B1, "B1": "A kick for an expiry that is left pending",
        "The timer is offered to a housekeeper. Its callback sets pending and KVM_REQ_UNBLOCK, and sends nothing.",
        "The guest's tick waits for an unrelated exit; the quieter the guest, the longer.",
        Some("4.3 to 4.6"), "61abdbe0bcc2 pinned the timer; 4d151bf3b89e unpinned it again, with a kick",
        &[(Switch::NohzPush, true), (Switch::Pinned, false), (Switch::Kick, false)];
    B2, "B2": "The wait before a post",
        "The hrtimer fires early by the timer advance, and the housekeeper posts at once. A posted interrupt does not pass VM entry, where the wait would be.",
        "The guest's handler runs before its deadline.",
        Some("v1 to v3 of the series"), "v4 5/5 and v5 2/4 of the series; 0c5f81dad46c",
        &[(Switch::PostingWaits, false)];
    B3, "B3": "A wait that does not look for the vector in IRR",
        "The wait asks first whether the timer's vector is in IRR, where a posted one is not yet, and never happens.",
        "The guest's handler runs before its deadline.",
        Some("5.10 and 5.11"), "\"Ensure deadline timer has truly expired before posting its IRQ\", 5.12",
        &[(Switch::WaitTestsIrr, true)];
    B4, "B4": "The deadline, recorded before the wait",
        "expired_tscdeadline is set after the posting branch, so that the wait compares with an older deadline, or with none.",
        "The guest's handler runs before its deadline.",
        Some("v4 of the series"), "v5 2/4 of the series",
        &[(Switch::WaitReadsNewDeadline, false)];
    B6, "B6": "A wake-up by a post",
        "A post that finds the vCPU outside guest mode leaves PIR and ON set and wakes nobody, as if a vCPU whose HLT does not exit could not sleep.",
        "A vCPU that went to sleep between the two looks at vcpu->mode does not wake up.",
        None, "kvm_vcpu_trigger_posted_interrupt calls kvm_vcpu_wake_up",
        &[];
    B9, "B9": "A wake-up for the vCPU that is current",
        "A post skips everything if the vCPU is the one that runs on this CPU, also when it is about to block. The expiry is posted without a look at vcpu->mode, as in the series up to v5.",
        "The vCPU sleeps with its interrupt in PIR.",
        Some("5.8 to 5.16, for other interrupts than the timer's"), "fdba608f15e2, 9b44423bf4c8",
        &[(Switch::PostingReadsMode, false), (Switch::SkipsRunningVcpu, true)];
    B14, "B14": "The wait for one-shot timers on the preemption timer",
        "hv_timer_in_use is cleared before the expiry looks at it to decide whether a wait is owed.",
        "The guest's handler runs before its count is over.",
        Some("up to 5.12"), "d981dd15498b",
        &[(Switch::HvWaitsInAllModes, false)];
    B15, "B15": "Any wait on the preemption timer",
        "The advance is subtracted when the preemption timer is programmed, and only the hrtimer's path makes up for it.",
        "The guest's handler runs before its deadline.",
        Some("5.1 and 5.2"), "\"Busy wait for timer to expire when using hv_timer\", 5.3 (ee66e453db13)",
        &[];
    B17, "B17": "An entry that is aborted for requests",
        "kvm_vcpu_exit_request does not look at vcpu->requests. A request that is made while the vCPU is on its way in is seen at its next exit.",
        "The guest's tick, or its timer's move to another CPU, waits for an unrelated exit.",
        Some("before 2.6.26, for the timer's move"), "d4acf7e7abe4",
        &[];
    B22, "B22": "The barrier between vcpu->mode and ON",
        "The vCPU stores IN_GUEST_MODE and reads ON while the store still waits in the store buffer. The poster sees OUTSIDE_GUEST_MODE.",
        "The interrupt stays in PIR until an unrelated exit.",
        None, "smp_mb__after_srcu_read_unlock in vcpu_enter_guest",
        &[];
    B23, "B23": "Mode first, then PIR",
        "PIR is synced before vcpu->mode becomes IN_GUEST_MODE. A post between the two sees OUTSIDE_GUEST_MODE.",
        "The interrupt stays in PIR until an unrelated exit.",
        None, "vcpu_enter_guest sets mode \"regardless\" and syncs after",
        &[];
    B28, "B28": "An hrtimer for a vCPU that blocks with a virtual timer",
        "The vCPU blocks, and the deadline stays with the processor, which keeps it in non-root operation only.",
        "The vCPU sleeps past its deadline, and nobody wakes it.",
        None, "series v2, 2026-03-05 (proposed): the deadline becomes an hrtimer before the block",
        &[];
    B30, "B30": "The sleeper's barrier",
        "The vCPU puts itself on the wait queue and looks for requests while that store waits in the store buffer. The waker finds the queue empty.",
        "The vCPU sleeps with a request pending.",
        None, "set_current_state is an xchg; on the waker's side atomic_inc and set_bit are locked",
        &[];
    OnBeforePir, "on-before-pir": "PIR first, then ON",
        "The poster sets ON before it sets the bit in PIR. A vCPU on its way in clears ON and finds PIR empty.",
        "The interrupt stays in PIR with ON clear: no later sync looks at it.",
        None, "vmx_deliver_posted_interrupt: pi_test_and_set_pir, then pi_test_and_set_on",
        &[];
    DrainBeforeClear, "drain-before-clear": "ON cleared first, then PIR drained",
        "sync_pir_to_irr empties PIR and clears ON after that. A post between the two finds ON set and sends nothing.",
        "The interrupt stays in PIR with ON clear: no later sync looks at it.",
        None, "vmx_sync_pir_to_irr: pi_clear_on, barrier, then PIR",
        &[];
    PosterBarrier, "poster-barrier": "The poster's barrier after ON",
        "The poster reads vcpu->mode without a barrier after it set ON.",
        "None on x86: setting ON is a locked operation, and nothing passes it. Other architectures would lose the interrupt.",
        None, "vmx_deliver_posted_interrupt relies on the implied barrier of pi_test_and_set_on",
        &[];
    B7, "B7": "NDST left alone while the vCPU is on a wake-up list",
        "A vCPU that is preempted while it blocks and comes back on another CPU has NDST rewritten. It is on the old CPU's wake-up list still.",
        "A device's notification goes to a CPU whose list is empty. ON stays set, so that there is no other one, and the vCPU sleeps.",
        Some("5.0 to 5.4, with devices behind VT-d"), "J. Martins's fix of c112b5f50232 (5.4); since 5.17 the vCPU leaves the list when it is loaded",
        &[(Switch::ListAtSchedOut, false), (Switch::LoadRewritesNdst, true)];
    B8, "B8": "ON derived anew after SN is cleared",
        "While SN is set a device's interrupt goes into PIR, and ON stays clear. SN is cleared, and nobody looks at PIR.",
        "The device's interrupt waits for the next post.",
        Some("up to 4.20, with devices behind VT-d"), "c112b5f50232",
        &[(Switch::SnRederivesOn, false)];
}

impl Fault {
    /// The fault with this name, in either case.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|f| f.info().id.eq_ignore_ascii_case(id))
    }

    /// Whether nothing goes wrong on x86 without the rule.
    pub const fn is_redundant(self) -> bool {
        matches!(self, Self::PosterBarrier)
    }
}

/// A set of faults.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Faults(u32);

impl Faults {
    /// Whether a rule is missing.
    #[inline]
    pub const fn has(self, fault: Fault) -> bool {
        self.0 >> fault as u8 & 1 == 1
    }

    /// Adds a fault.
    #[must_use]
    pub const fn with(self, fault: Fault) -> Self {
        Self(self.0 | 1 << fault as u8)
    }

    /// Whether every rule is in force.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The faults, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = Fault> {
        Fault::ALL.iter().copied().filter(move |f| self.has(*f))
    }
}

impl FromIterator<Fault> for Faults {
    fn from_iter<I: IntoIterator<Item = Fault>>(faults: I) -> Self {
        faults.into_iter().fold(Self::default(), Self::with)
    }
}

/// A bug of the list that the machine cannot show, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotExpressed {
    /// Its number.
    pub id: &'static str,
    /// What it is.
    pub title: &'static str,
    /// Why it is not there.
    pub why: &'static str,
}

/// What cannot be expressed.
pub const NOT_EXPRESSED: &[NotExpressed] = &[
    NotExpressed {
        id: "B5",
        title: "A deadline that has passed when it is written is posted",
        why: "Nothing goes wrong: the notification that v4 4/5 and 379a3c8ee444 saved is overhead. The search takes the branch, and the tick arrives.",
    },
    NotExpressed {
        id: "B10",
        title: "PIR is not synced while APICv is inhibited",
        why: "In the machine a VM has APICv for the whole of a run, or never.",
    },
    NotExpressed {
        id: "B11",
        title: "The target drops AVIC between the sender's look and the doorbell",
        why: "In the machine a VM has AVIC for the whole of a run, or never.",
    },
    NotExpressed {
        id: "B12",
        title: "A restore erases the interrupt",
        why: "Saving and restoring is the bench's, not the machine's: tests/conformance/B12-interrupt-erased-by-restore.txt.",
    },
    NotExpressed {
        id: "B13",
        title: "A periodic timer makes up for every missed period",
        why: "Hours of missed periods in one interrupt are a matter of time, and a search is about order: tests/conformance/B13-periodic-catch-up.txt.",
    },
    NotExpressed {
        id: "B16",
        title: "The automatic advance runs away",
        why: "A search holds the advance still, because it depends on durations.",
    },
    NotExpressed {
        id: "B18",
        title: "An expiry races with the next arming",
        why: "The old tick is lost by design where it is left pending; no rule is missing.",
    },
    NotExpressed {
        id: "B19",
        title: "A restored one-shot runs a whole period again",
        why: "Saving and restoring is the bench's: tests/conformance/T27-B19-restore-of-an-expired-one-shot.txt.",
    },
    NotExpressed {
        id: "B20",
        title: "AVIC erratum 1235",
        why: "It is a fault of real hardware in IPI virtualization, which the machine leaves out.",
    },
    NotExpressed {
        id: "B21",
        title: "A notification to the wrong CPU",
        why: "It is no bug: leaving guest mode implies a sync. The search verifies it wherever a vCPU moves.",
    },
    NotExpressed {
        id: "B24",
        title: "An expiry while LVTT is masked",
        why: "The machine's guest does not mask its timer; the bench's does: tests/conformance/B24-masked-expiry.txt.",
    },
    NotExpressed {
        id: "B25",
        title: "nohz_full changes the timers of ordinary guests",
        why: "It is a matter of cost, and nothing is lost.",
    },
    NotExpressed {
        id: "B26",
        title: "The preemption timer stops in deep C-states",
        why: "The machine's processors have no C-states.",
    },
    NotExpressed {
        id: "B27",
        title: "An idle housekeeper takes no timers",
        why: "Nothing is lost, and nothing is offloaded: the preset idle-housekeeper shows it.",
    },
    NotExpressed { id: "B29", title: "TDX never posts", why: "It is a matter of policy, and nothing is lost." },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_whole_and_its_names_are_found() {
        assert!(Fault::ALL.len() <= 32);
        for (i, fault) in Fault::ALL.iter().enumerate() {
            assert_eq!(*fault as usize, i);
            assert_eq!(Fault::from_id(&fault.info().id.to_lowercase()), Some(*fault));
            assert!(fault.info().what.ends_with('.') && fault.info().symptom.ends_with('.'), "{fault:?}");
        }
        for n in 1..=30 {
            let id = format!("B{n}");
            let told = NOT_EXPRESSED.iter().filter(|e| e.id == id).count();
            assert_eq!(told + usize::from(Fault::from_id(&id).is_some()), 1, "{id}");
        }
        assert_eq!(Fault::from_id("B99"), None);
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set: Faults = [Fault::B22, Fault::B1].into_iter().collect();
        assert!(set.has(Fault::B1) && !set.has(Fault::B2) && !set.is_empty());
        assert_eq!(set.iter().collect::<Vec<_>>(), [Fault::B1, Fault::B22]);
        assert_eq!(set.with(Fault::B1), set, "what is missing already is missed once");
        assert!(Faults::default().is_empty());
    }

    #[test]
    fn x86_orders_what_the_barrier_would() {
        // The one rule of the list whose absence shows nowhere: LOCK-prefixed instructions order the poster's accesses.
        let redundant: Vec<_> = Fault::ALL.iter().copied().filter(|f| f.is_redundant()).collect();
        assert_eq!(redundant, [Fault::PosterBarrier]);
    }
}
