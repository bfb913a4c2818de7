//! Which CPU an unpinned timer is offered to: `get_nohz_timer_target` (`kernel/sched/core.c`, Linux 6.12).

use super::topology::{CpuSet, Topology};
use crate::rule::Rule;
use crate::units::CpuId;

/// The CPU that the search names, and by which of its ways.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NohzTarget {
    /// The arming CPU keeps house and is not idle.
    Local(CpuId),
    /// Nearest busy housekeeper by scheduling domain.
    NearestBusy(CpuId),
    /// Nobody is busy; the arming CPU keeps house, though idle.
    IdleLocal(CpuId),
    /// Nobody is busy: any housekeeper, the same node first.
    AnyHousekeeper(CpuId),
    /// 4.3 to 4.6: the first housekeeper, without a look.
    FirstHousekeeper(CpuId),
}

impl NohzTarget {
    /// The CPU named.
    pub const fn cpu(self) -> CpuId {
        match self {
            Self::Local(c)
            | Self::NearestBusy(c)
            | Self::IdleLocal(c)
            | Self::AnyHousekeeper(c)
            | Self::FirstHousekeeper(c) => c,
        }
    }

    /// The rule that named it.
    pub const fn rule(self) -> Rule {
        match self {
            Self::Local(_) => Rule::N1,
            Self::IdleLocal(_) => Rule::N2,
            Self::NearestBusy(_) => Rule::N3,
            Self::AnyHousekeeper(_) => Rule::N4,
            Self::FirstHousekeeper(_) => Rule::N5,
        }
    }
}

/// Runs the search for CPU `me`. `housekeeping` is the timer housekeeping mask; the caller's validation keeps it
/// non-empty, and an empty one answers `me`.
pub fn get_nohz_timer_target(
    host: Topology,
    housekeeping: &CpuSet,
    me: CpuId,
    is_idle: impl Fn(CpuId) -> bool,
) -> NohzTarget {
    let mine = housekeeping.contains(me);
    if mine && !is_idle(me) {
        return NohzTarget::Local(me);
    }
    for span in host.domains(me) {
        for cpu in span.map(CpuId) {
            if cpu != me && housekeeping.contains(cpu) && !is_idle(cpu) {
                return NohzTarget::NearestBusy(cpu);
            }
        }
    }
    if mine {
        return NohzTarget::IdleLocal(me);
    }
    let same_node = host.iter().find(|c| housekeeping.contains(*c) && host.socket_of(*c) == host.socket_of(me));
    NohzTarget::AnyHousekeeper(same_node.or_else(|| housekeeping.first()).unwrap_or(me))
}

/// The same in 4.3 to 4.6: the search asked whether the arming CPU keeps house, not the one that it looked at. So a
/// `nohz_full` CPU got the first housekeeper there is, and an idle housekeeper any busy CPU (`9642d18eee2c`; repaired by
/// `444969223c81`, 4.7).
pub fn get_nohz_timer_target_4_3(
    host: Topology,
    housekeeping: &CpuSet,
    me: CpuId,
    is_idle: impl Fn(CpuId) -> bool,
) -> NohzTarget {
    if !housekeeping.contains(me) {
        return NohzTarget::FirstHousekeeper(housekeeping.first().unwrap_or(me));
    }
    if !is_idle(me) {
        return NohzTarget::Local(me);
    }
    let busy = host.domains(me).flat_map(|span| span.map(CpuId)).find(|cpu| !is_idle(*cpu));
    busy.map_or(NohzTarget::IdleLocal(me), NohzTarget::NearestBusy)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two sockets of two caches of two cores of two threads: CPUs 0 to 15.
    const HOST: Topology = Topology { sockets: 2, llcs: 2, cores: 2, smt: 2 };

    #[track_caller]
    fn check(housekeepers: &[u16], idle: &[u16], me: u16, expect: NohzTarget, rule: Rule) {
        let set: CpuSet = housekeepers.iter().copied().map(CpuId).collect();
        let got = get_nohz_timer_target(HOST, &set, CpuId(me), |c| idle.contains(&c.0));
        assert_eq!((got, got.rule()), (expect, rule));
    }

    #[test]
    fn a_busy_housekeeper_keeps_its_own_timers() {
        check(&[0, 3], &[], 3, NohzTarget::Local(CpuId(3)), Rule::N1);
    }

    #[test]
    fn the_smt_sibling_wins_over_the_other_node() {
        check(&[5, 12], &[], 4, NohzTarget::NearestBusy(CpuId(5)), Rule::N3);
    }

    #[test]
    fn the_nearest_domain_wins_and_ties_go_by_number() {
        check(&[0, 1, 6, 7], &[], 4, NohzTarget::NearestBusy(CpuId(6)), Rule::N3);
        check(&[0, 1, 15], &[], 4, NohzTarget::NearestBusy(CpuId(0)), Rule::N3);
    }

    #[test]
    fn idle_housekeepers_are_passed_over() {
        check(&[5, 12], &[5], 4, NohzTarget::NearestBusy(CpuId(12)), Rule::N3);
    }

    #[test]
    fn when_all_are_idle_the_same_node_is_named() {
        check(&[0, 9], &[0, 9], 12, NohzTarget::AnyHousekeeper(CpuId(9)), Rule::N4);
        check(&[0], &[0], 12, NohzTarget::AnyHousekeeper(CpuId(0)), Rule::N4);
        check(&[4, 0], &[0, 4], 4, NohzTarget::IdleLocal(CpuId(4)), Rule::N2);
    }

    /// 4.3: neither distance nor load counts for a `nohz_full` CPU, and for an idle housekeeper nobody's house does.
    #[test]
    fn the_first_search_asked_the_wrong_cpu() {
        #[track_caller]
        fn check(housekeepers: &[u16], idle: &[u16], me: u16, expect: NohzTarget) {
            let set: CpuSet = housekeepers.iter().copied().map(CpuId).collect();
            assert_eq!(get_nohz_timer_target_4_3(HOST, &set, CpuId(me), |c| idle.contains(&c.0)), expect);
        }
        check(&[0, 5], &[], 4, NohzTarget::FirstHousekeeper(CpuId(0)));
        check(&[0, 5], &[0], 4, NohzTarget::FirstHousekeeper(CpuId(0)));
        check(&[0, 5], &[], 5, NohzTarget::Local(CpuId(5)));
        check(&[0, 5], &[5], 5, NohzTarget::NearestBusy(CpuId(4)));
        let all: Vec<u16> = (0..16).collect();
        check(&[0, 5], &all, 5, NohzTarget::IdleLocal(CpuId(5)));
    }
}
