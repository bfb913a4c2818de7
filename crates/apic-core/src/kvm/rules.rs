//! Kernel eras as sets of named rules. A new rule is one entry of the table; an era is the rules that its kernel has.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A kernel whose rules a scenario asks for, oldest first.
///
/// The two states of the patch series of June 2019 stand where they were posted, between the kernel they were written
/// against and the release that took the series.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Era {
    /// Before 4.3: timers stay on the CPU that arms them unless it is idle.
    #[serde(rename = "pre-4.3")]
    Before4_3,
    /// 4.3 to 4.6: unpinned, and nobody kicks the vCPU (B1).
    #[serde(rename = "4.3")]
    V4_3,
    /// 4.7: pinned.
    #[serde(rename = "4.7")]
    V4_7,
    /// The patch of 2019-06-05 as it was posted, on the kernel it was posted against.
    #[serde(rename = "seed-2019")]
    Seed2019,
    /// The fourth version of the series, 2019-06-17.
    #[serde(rename = "v4", alias = "v4-2019")]
    SeriesV4,
    /// 5.3: the series, merged.
    #[serde(rename = "5.3")]
    V5_3,
    /// 5.8: TSC-deadline fastpath.
    #[serde(rename = "5.8")]
    V5_8,
    /// 5.10: no kick for what the vCPU itself finds.
    #[serde(rename = "5.10")]
    V5_10,
    /// 5.18: posting for guests that stay in non-root mode only.
    #[serde(rename = "5.18")]
    V5_18,
    /// 6.18: fastpath in any case.
    #[serde(rename = "6.18")]
    V6_18,
    /// 6.19: what merged in 5.3, with everything that followed.
    #[serde(rename = "6.19")]
    V6_19,
    /// The proposal of February and March 2026 (APIC-timer virtualization), on 6.19.
    #[serde(rename = "2026", alias = "proposal-2026")]
    Proposal2026,
}

impl Era {
    /// Every era, oldest first.
    pub const ALL: &'static [Self] = &[
        Self::Before4_3,
        Self::V4_3,
        Self::V4_7,
        Self::Seed2019,
        Self::SeriesV4,
        Self::V5_3,
        Self::V5_8,
        Self::V5_10,
        Self::V5_18,
        Self::V6_18,
        Self::V6_19,
        Self::Proposal2026,
    ];

    /// The name a scenario uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Before4_3 => "pre-4.3",
            Self::V4_3 => "4.3",
            Self::V4_7 => "4.7",
            Self::Seed2019 => "seed-2019",
            Self::SeriesV4 => "v4",
            Self::V5_3 => "5.3",
            Self::V5_8 => "5.8",
            Self::V5_10 => "5.10",
            Self::V5_18 => "5.18",
            Self::V6_18 => "6.18",
            Self::V6_19 => "6.19",
            Self::Proposal2026 => "2026",
        }
    }
}

/// What is known about a switch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SwitchInfo {
    /// The name that `vm.rules` uses.
    pub name: &'static str,
    /// The first era whose kernel follows it.
    pub since: Era,
    /// The first era whose kernel does so no longer.
    pub until: Option<Era>,
    /// The release or the posting that brought it.
    pub version: &'static str,
    /// The commit that brought it, or the posting.
    pub commit: &'static str,
    /// What a kernel with this rule does.
    pub what: &'static str,
}

macro_rules! switches {
    ($($id:ident, $name:literal, $since:ident .. $($until:ident)?, $version:literal, $commit:literal, $what:literal;)*) => {
        /// A rule that differs between eras.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum Switch {
            // Links carry the number: the table grows at its end.
            $(#[doc = $what] #[serde(rename = $name)] $id,)*
        }

        impl Switch {
            /// Every switch, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$id,)*];

            /// The table entry.
            pub const fn info(self) -> &'static SwitchInfo {
                match self {
                    $(Self::$id => &SwitchInfo {
                        name: $name,
                        since: Era::$since,
                        until: switches!(@until $($until)?),
                        version: $version,
                        commit: $commit,
                        what: $what,
                    },)*
                }
            }
        }
    };
    (@until) => { None };
    (@until $until:ident) => { Some(Era::$until) };
}

switches! {
    NohzPush, "nohz_push", V4_3.., "4.3", "9642d18eee2c",
        "An unpinned timer that a nohz_full CPU arms is offered to a housekeeper.";
    Pinned, "pinned", V4_7..SeriesV4, "4.7", "61abdbe0bcc2",
        "The timer is HRTIMER_MODE_ABS_PINNED: it stays on the CPU that arms it.";
    UnpinnedIfPosting, "unpinned_if_posting", Seed2019..SeriesV4, "series v1", "v1 1/3, 2019-06-05",
        "Where posting is configured, the timer is not pinned after all.";
    HvTimer, "hv_timer", Seed2019.., "4.8", "series of June 2016",
        "A TSC deadline is kept by the VMX preemption timer where the processor has one.";
    HvTimerPeriods, "hv_timer_periods", Seed2019.., "4.10", "series of October 2016 (RFC v3)",
        "The preemption timer keeps one-shot and periodic timers too.";
    HvNotWithMwait, "hv_not_with_mwait", Seed2019.., "4.17", "386c6ddbda1",
        "No preemption timer for a guest that executes MWAIT without exits: it may stop in deep C-states.";
    TimerAdvance, "timer_advance", Seed2019.., "5.1", "lapic_timer_advance_ns, automatic",
        "The timer is programmed early, and the vCPU is held until its deadline; how early is learnt.";
    Posting, "posting", Seed2019.., "5.3", "0c5f81dad46c",
        "An expiry in the timer callback may be posted.";
    GateMwait, "gate_mwait", Seed2019..SeriesV4, "series v1", "v1 2/3, 2019-06-05",
        "Posting asks for a guest that executes MWAIT without exits.";
    GateHlt, "gate_hlt", SeriesV4..V5_3, "series v2 to v5", "v2 2019-06-06",
        "Posting asks for a guest that executes HLT without exits.";
    GateMwaitOrHlt, "gate_mwait_or_hlt", V5_18.., "5.18", "1714a4eb6fb0",
        "Posting asks for a guest that executes MWAIT or HLT without exits.";
    PostByDefault, "post_by_default", SeriesV4.., "series v2", "v2 2019-06-06",
        "pi_inject_timer is on unless told otherwise if any CPU is nohz_full; before, it was off.";
    PostingChecksPending, "posting_checks_pending", SeriesV4.., "series v2", "v2 2019-06-06",
        "An expiry is ignored if one is pending, also where it would be posted.";
    PostingReadsMode, "posting_reads_mode", V5_3.., "series v6", "v6 2019-07-05; 0c5f81dad46c",
        "Only a vCPU in guest mode gets a posted interrupt.";
    PostingWaits, "posting_waits", SeriesV4.., "series v4", "v4 5/5, 2019-06-17",
        "The poster waits until the guest's TSC has reached the deadline.";
    WaitReadsNewDeadline, "wait_reads_new_deadline", V5_3.., "series v5", "v5 2/4, 2019-06-21",
        "The deadline is recorded before the poster waits for it; before, the wait looked at an older one (B4).";
    WaitTestsIrr, "wait_tests_irr", V5_10..V5_18, "5.10", "010fd37fddf6; repaired in 5.12",
        "The wait first looks for the timer's vector in IRR, where a posted one is not yet, and never happens (B3).";
    Kick, "kick", SeriesV4.., "5.3", "4d151bf3b89e",
        "An expiry that is left pending kicks the vCPU.";
    KickFromCallbackOnly, "kick_from_callback_only", V5_10.., "5.10", "series v2 5/9, 2020-09-10",
        "No kick for an expiry that the vCPU's own thread finds; before, it kicked itself in vain.";
    HvFastpath, "hv_fastpath", V5_8.., "5.8", "379a3c8ee444 and its series",
        "A deadline that the preemption timer can keep is armed in the fastpath, and its expiry handled there.";
    DeadlineFastpath, "deadline_fastpath", V6_18.., "6.18", "0a94b2042419",
        "Every write of a TSC deadline is handled in the fastpath.";
    DirectWhenArming, "direct_when_arming", V5_8.., "5.8", "from_timer_fn, series v4 of April 2020",
        "With APICv, an expiry that the vCPU's own thread finds is delivered at once instead of being left pending.";
    SkipsRunningVcpu, "skips_running_vcpu", V5_8..V5_18, "5.8", "379a3c8ee444; repaired by fdba608f15e2",
        "A posted interrupt for the vCPU that runs on this CPU does not wake it, even if it is about to block (B9).";
    PostWakesOnly, "post_wakes_only", V5_18.., "5.17", "posted-interrupt overhaul, December 2021",
        "A post that finds the vCPU outside guest mode wakes it; before, it made a full kick.";
    MigrationSparesPosting, "migration_spares_posting", Seed2019.., "series v1", "v1 3/3, 2019-06-05",
        "A vCPU that moves leaves its timer where it is if posting is configured.";
    HvWaitsInAllModes, "hv_waits_in_all_modes", V5_18.., "5.13", "d981dd15498b",
        "The preemption timer is given up after its expiry was handled; before, first, so that nobody waited for one-shot and periodic ones (B14).";
    PeriodicClamp, "periodic_clamp", V6_19.., "6.19", "stable bc0d45ecb252",
        "A periodic target that has fallen behind becomes now; before, every missed period was made up for (B13).";
    SnRederivesOn, "sn_rederives_on", Seed2019.., "5.0", "c112b5f50232",
        "After SN is cleared, ON is set if PIR is not empty; before, such interrupts waited for the next post (B8).";
    LoadRewritesNdst, "load_rewrites_ndst", Seed2019..V5_8, "5.0", "c112b5f50232; repaired in 5.4",
        "A preempted vCPU that moves while it is on a wake-up list changes NDST and is never found there (B7).";
    ListAtSchedOut, "list_at_sched_out", V5_18.., "5.17", "posted-interrupt overhaul, December 2021",
        "A blocking vCPU joins the wake-up list when it is scheduled out; before, earlier.";
    ApicTimerVirtualization, "apic_timer_virtualization", Proposal2026.., "proposed", "series v2, 2026-03-05",
        "Where the processor keeps the guest's deadline itself, KVM lets it.";
    HltFastpath, "hlt_fastpath", V6_18.., "6.12", "1876dd69dfe8",
        "HLT is handled in the fastpath: if an interrupt waits, the guest is entered again at once.";
    AnyHousekeeper, "any_housekeeper", V4_3..V4_7, "4.3", "9642d18eee2c; repaired by 444969223c81 (4.7)",
        "A nohz_full CPU is given the first housekeeper, however far and however idle: the search asks the wrong CPU.";
    HaltPollHalves, "halt_poll_halves", V6_18.., "6.11", "aeb1b22a3ac8",
        "A long halt halves the polling window; before, it closed it (halt_poll_ns_shrink = 0).";
    DoorbellReadsMode, "doorbell_reads_mode", V5_18.., "5.17", "31f251d4ddfa",
        "The AVIC doorbell is rung for a vCPU in guest mode; before, for one whose IsRunning bit was set.";
}

impl Switch {
    /// Whether the kernel of an era follows it.
    pub fn holds_in(self, era: Era) -> bool {
        let info = self.info();
        info.since <= era && info.until.is_none_or(|until| era < until)
    }
}

/// What a scenario changes about its era: switches by name.
pub type Overrides = BTreeMap<Switch, bool>;

/// The rules that hold in a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules(u64);

impl Rules {
    /// The rules of an era.
    pub fn of(era: Era) -> Self {
        let mut rules = Self(0);
        for switch in Switch::ALL {
            rules.set(*switch, switch.holds_in(era));
        }
        rules
    }

    /// The rules of an era with some changed.
    pub fn mixed(era: Era, overrides: &Overrides) -> Self {
        let mut rules = Self::of(era);
        for (switch, on) in overrides {
            rules.set(*switch, *on);
        }
        rules
    }

    /// Whether a rule holds.
    #[inline]
    pub const fn has(self, switch: Switch) -> bool {
        self.0 >> switch as u8 & 1 == 1
    }

    /// Puts a rule in force, or out of it.
    pub const fn set(&mut self, switch: Switch, on: bool) {
        let bit = 1u64 << switch as u8;
        self.0 = if on { self.0 | bit } else { self.0 & !bit };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eras_and_switches_are_complete_and_fit() {
        assert!(Switch::ALL.len() <= u64::BITS as usize);
        assert!(Era::ALL.windows(2).all(|w| w[0] < w[1]));
        for (i, switch) in Switch::ALL.iter().enumerate() {
            assert_eq!(*switch as usize, i);
            let info = switch.info();
            assert!(info.what.ends_with('.') && !info.commit.is_empty(), "{}", info.name);
            assert!(info.until.is_none_or(|until| info.since < until), "{}", info.name);
        }
    }

    /// The switches that an era has and the one before has not, and the other way round.
    #[track_caller]
    fn check(era: Era, brought: &[Switch], gone: &[Switch]) {
        let before = Era::ALL[Era::ALL.iter().position(|e| *e == era).expect("listed") - 1];
        let (was, is) = (Rules::of(before), Rules::of(era));
        let only =
            |a: Rules, b: Rules| Switch::ALL.iter().copied().filter(|s| a.has(*s) && !b.has(*s)).collect::<Vec<_>>();
        assert_eq!((only(is, was), only(was, is)), (brought.to_vec(), gone.to_vec()), "{era:?}");
    }

    #[test]
    fn what_each_era_changed() {
        use Switch::*;
        check(Era::V4_3, &[NohzPush, AnyHousekeeper], &[]);
        check(Era::V4_7, &[Pinned], &[AnyHousekeeper]);
        check(
            Era::SeriesV4,
            &[GateHlt, PostByDefault, PostingChecksPending, PostingWaits, Kick],
            &[Pinned, UnpinnedIfPosting, GateMwait],
        );
        check(Era::V5_3, &[PostingReadsMode, WaitReadsNewDeadline], &[GateHlt]);
        check(Era::V5_8, &[HvFastpath, DirectWhenArming, SkipsRunningVcpu], &[LoadRewritesNdst]);
        check(Era::V5_10, &[WaitTestsIrr, KickFromCallbackOnly], &[]);
        check(
            Era::V5_18,
            &[GateMwaitOrHlt, PostWakesOnly, HvWaitsInAllModes, ListAtSchedOut, DoorbellReadsMode],
            &[WaitTestsIrr, SkipsRunningVcpu],
        );
        check(Era::V6_18, &[DeadlineFastpath, HltFastpath, HaltPollHalves], &[]);
        check(Era::V6_19, &[PeriodicClamp], &[]);
        check(Era::Proposal2026, &[ApicTimerVirtualization], &[]);
    }

    #[test]
    fn a_scenario_may_mix_them() {
        // Two that change the era, and two that say what it has anyway.
        let changes =
            [(Switch::Kick, false), (Switch::Pinned, true), (Switch::Posting, true), (Switch::GateHlt, false)];
        let (of_era, mixed) = (Rules::of(Era::V6_19), Rules::mixed(Era::V6_19, &Overrides::from(changes)));
        for switch in Switch::ALL {
            let differs = [Switch::Kick, Switch::Pinned].contains(switch);
            assert_eq!(mixed.has(*switch), of_era.has(*switch) != differs, "{switch:?}");
        }
    }

    #[cfg(feature = "text")]
    #[test]
    fn a_scenario_reads_the_names_that_are_shown() {
        for era in Era::ALL {
            assert_eq!(serde_json::from_value::<Era>(era.name().into()).ok(), Some(*era));
        }
        for switch in Switch::ALL {
            assert_eq!(serde_json::from_value::<Switch>(switch.info().name.into()).ok(), Some(*switch));
        }
    }
}
