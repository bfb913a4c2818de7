//! Configuration that cannot do anything: a path that is compared because it posts, and never can; a timer that is asked for, and that
//! something else stands in for. Each reason is one clause of a predicate that the machine itself asks, or one rule of where
//! an hrtimer goes.

use super::{GuestIdle, Load, PathKind, PiInjectTimer, Scenario, TimerMode};
use crate::kvm::{Era, Rules, Switch, Vendor};
use crate::machine::bend;
use crate::units::{CpuId, VcpuId};

/// Why no expiry is ever posted. In the order in which it is worth mending.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NeverPosts {
    /// The kernel has no posting ([`Switch::Posting`]).
    Kernel(Era),
    /// `pi_inject_timer` is off.
    Parameter,
    /// It is left to the kernel, and no CPU is `nohz_full`.
    ParameterWithoutNohz,
    /// It is left to the kernel, and this one leaves it off ([`Switch::PostByDefault`]).
    ParameterByDefault(Era),
    /// APICv (AVIC) is off.
    Apicv,
    /// Posting asks for MWAIT without exits ([`Switch::GateMwait`]).
    GateMwait,
    /// That gate is kvm-intel's.
    GateVendor,
    /// Posting asks for HLT without exits ([`Switch::GateHlt`]).
    GateHlt,
    /// Posting asks for either ([`Switch::GateMwaitOrHlt`]).
    GateMwaitOrHlt,
    /// The timer is pinned ([`Switch::Pinned`]).
    Pinned(Era),
    /// An unpinned timer stays too: nobody offers it to a housekeeper ([`Switch::NohzPush`]).
    NotOffered(Era),
    /// Every vCPU runs on a housekeeper, and a CPU that keeps house keeps its timers (N1).
    OnHousekeepers,
    /// Every other housekeeper is idle: its next event is far away, and it refuses every nearer timer (R3).
    HousekeepersIdle,
    /// The guest halts between ticks and HLT exits: at the expiry its vCPU is not in guest mode, and the kernel looks at that
    /// ([`Switch::PostingReadsMode`]).
    Halted,
}

/// Why the VMX preemption timer is never used, though it is on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NeverPreempts {
    /// AMD processors have none.
    Vendor,
    /// The kernel does not use it yet ([`Switch::HvTimer`]).
    Kernel(Era),
    /// MWAIT does not exit ([`Switch::HvNotWithMwait`]).
    Mwait,
    /// The kernel keeps TSC deadlines with it only ([`Switch::HvTimerPeriods`]).
    Mode(Era),
    /// Posting may be used, and comes first (`kvm_can_post_timer_interrupt`).
    Posting,
}

impl Scenario {
    /// Why a path that may post never does; empty if it may, or if the path is none that posts.
    pub fn never_posts(&self, path: PathKind) -> Vec<NeverPosts> {
        let mut why = Vec::new();
        if !matches!(path, PathKind::Posted | PathKind::Avic) {
            return why;
        }
        let (vm, era) = (&self.vm, self.vm.era);
        let (rules, timer) = bend(self, path);
        let lacks = |switch| !rules.has(switch);
        let mut add = |holds: bool, reason: NeverPosts| {
            if holds {
                why.push(reason);
            }
        };
        add(lacks(Switch::Posting), NeverPosts::Kernel(era));
        match vm.pi_inject_timer {
            PiInjectTimer::Off => add(true, NeverPosts::Parameter),
            PiInjectTimer::Auto if self.host.nohz_full.is_empty() => add(true, NeverPosts::ParameterWithoutNohz),
            PiInjectTimer::Auto => add(lacks(Switch::PostByDefault), NeverPosts::ParameterByDefault(era)),
            PiInjectTimer::On => {}
        }
        add(!timer.apicv, NeverPosts::Apicv);
        let (hlt, mwait) = (timer.hlt_in_guest, timer.mwait_in_guest);
        add(rules.has(Switch::GateMwait) && !mwait, NeverPosts::GateMwait);
        add(rules.has(Switch::GateMwait) && timer.vendor != Vendor::Vmx, NeverPosts::GateVendor);
        add(rules.has(Switch::GateHlt) && !hlt, NeverPosts::GateHlt);
        add(rules.has(Switch::GateMwaitOrHlt) && !mwait && !hlt, NeverPosts::GateMwaitOrHlt);
        let unpinned = rules.has(Switch::UnpinnedIfPosting) && rules.can_post(timer);
        add(rules.has(Switch::Pinned) && !unpinned, NeverPosts::Pinned(era));
        add(lacks(Switch::NohzPush), NeverPosts::NotOffered(era));
        let isolated = |cpu: CpuId| self.host.nohz_full.contains(&cpu);
        let on_housekeepers = !self.seats().any(|(_, cpu)| isolated(cpu));
        add(on_housekeepers, NeverPosts::OnHousekeepers);
        let stirs = |cpu: CpuId| self.load_of(cpu) != Load::Idle || self.seats().any(|(_, seat)| seat == cpu);
        add(!on_housekeepers && !self.housekeeping().any(stirs), NeverPosts::HousekeepersIdle);
        let halts = self.guest.idle == GuestIdle::Hlt && !vm.hlt_in_guest;
        add(halts && rules.has(Switch::PostingReadsMode), NeverPosts::Halted);
        why
    }

    /// Why `kvm_intel.preemption_timer` is on and does nothing on a path whose timer it could keep; empty if it may be used, or is off.
    pub fn never_preempts(&self, path: PathKind) -> Vec<NeverPreempts> {
        if !self.vm.preemption_timer || !matches!(path, PathKind::Posted | PathKind::Avic) {
            return Vec::new();
        }
        let (rules, timer) = bend(self, path);
        let deadline = self.guest.timer == TimerMode::TscDeadline;
        let clauses = [
            (timer.vendor != Vendor::Vmx, NeverPreempts::Vendor),
            (!rules.has(Switch::HvTimer), NeverPreempts::Kernel(self.vm.era)),
            (rules.has(Switch::HvNotWithMwait) && timer.mwait_in_guest, NeverPreempts::Mwait),
            (!deadline && !rules.has(Switch::HvTimerPeriods), NeverPreempts::Mode(self.vm.era)),
            (rules.can_post(timer), NeverPreempts::Posting),
        ];
        clauses.into_iter().filter(|(holds, _)| *holds).map(|(_, why)| why).collect()
    }

    /// vCPUs whose timers stay on their own cores because these keep house.
    pub fn on_housekeepers(&self) -> impl Iterator<Item = VcpuId> + '_ {
        let all = self.vcpus.iter().enumerate();
        all.filter(|(_, v)| !self.host.nohz_full.contains(&v.cpu)).map(|(i, _)| VcpuId(i as u16))
    }

    /// Rules of `vm.rules` that say what the era says anyway.
    pub fn needless_rules(&self) -> impl Iterator<Item = Switch> + '_ {
        let of_era = Rules::of(self.vm.era);
        self.vm.rules.iter().filter(move |(switch, on)| of_era.has(**switch) == **on).map(|(switch, _)| *switch)
    }

    /// Every CPU that a vCPU is on at some time.
    fn seats(&self) -> impl Iterator<Item = (VcpuId, CpuId)> + '_ {
        let first = self.vcpus.iter().enumerate().map(|(i, v)| (VcpuId(i as u16), v.cpu));
        first.chain(self.moves.iter().map(|m| (m.vcpu, m.cpu)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Rule;
    use crate::run::Sim;
    use crate::scenario::preset;

    /// Posted by another core: the path that the reasons are about.
    fn posts(scenario: &Scenario) -> bool {
        let (mut sim, mut effects) = (Sim::new(scenario, PathKind::Posted), Vec::new());
        let own = scenario.vcpus[0].cpu;
        // Before the sixth version of the series, a vCPU that its own timer had made exit was posted to as well.
        // Two ticks or three; where an interrupt is lost, a run has no end.
        (0..600).map_while(|_| sim.follow(&[], &mut effects)).any(|(cpu, taken)| taken.rule == Rule::C7 && cpu != own)
    }

    fn first() -> Scenario {
        let mut s = preset("pinned-vs-offloaded").expect("ships");
        (s.run.paths, s.run.expiries) = (vec![PathKind::Posted], 2);
        s
    }

    /// The reasons and the runs say the same, in every mixture of what the reasons look at.
    #[test]
    fn a_run_posts_unless_there_is_a_reason() {
        let (mut ran, mut posted) = (0, 0);
        let flags = [false, true];
        for era in Era::ALL {
            for bits in 0..64_u32 {
                let bit = |n: u32| flags[(bits >> n & 1) as usize];
                for parameter in [PiInjectTimer::Auto, PiInjectTimer::On, PiInjectTimer::Off] {
                    let mut s = first();
                    (s.vm.era, s.vm.pi_inject_timer) = (*era, parameter);
                    (s.vm.apicv, s.vm.hlt_in_guest, s.vm.mwait_in_guest) = (bit(0), bit(1), bit(2));
                    s.guest.idle = if bit(3) { GuestIdle::Hlt } else { GuestIdle::Busy };
                    if bit(4) {
                        s.host.housekeepers.clear();
                    }
                    if bit(5) {
                        s.host.nohz_full.retain(|cpu| *cpu != s.vcpus[0].cpu);
                    }
                    // The parameter and APICv have no more to say where the rest is mixed.
                    let one = bits >> 3 == 0 || bit(0) && parameter == PiInjectTimer::On;
                    if !one || s.validate().is_err() {
                        continue;
                    }
                    let why = s.never_posts(PathKind::Posted);
                    assert_eq!(posts(&s), why.is_empty(), "{era:?} {parameter:?} {bits:06b}: {why:?}");
                    ran += 1;
                    posted += u32::from(why.is_empty());
                }
            }
        }
        assert!(ran > 400 && posted > 20, "{posted} of {ran} post");
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Scenario), expect: &[NeverPosts]) {
        let mut s = first();
        change(&mut s);
        assert_eq!(s.never_posts(PathKind::Posted), expect);
        assert_eq!(posts(&s), expect.is_empty());
    }

    #[test]
    fn each_reason_alone() {
        check(|_| {}, &[]);
        check(|s| s.vm.apicv = false, &[NeverPosts::Apicv]);
        check(|s| s.vm.hlt_in_guest = false, &[NeverPosts::GateMwaitOrHlt]);
        check(|s| s.vm.pi_inject_timer = PiInjectTimer::Off, &[NeverPosts::Parameter]);
        check(|s| s.host.housekeepers.clear(), &[NeverPosts::HousekeepersIdle]);
        check(|s| s.host.nohz_full.clear(), &[NeverPosts::ParameterWithoutNohz, NeverPosts::OnHousekeepers]);
        check(|s| s.host.nohz_full.retain(|c| *c != CpuId(3)), &[NeverPosts::OnHousekeepers]);
        check(
            |s| s.vm.era = Era::V4_7,
            &[NeverPosts::Kernel(Era::V4_7), NeverPosts::ParameterByDefault(Era::V4_7), NeverPosts::Pinned(Era::V4_7)],
        );
        check(|s| s.vm.rules = [(Switch::Pinned, true)].into(), &[NeverPosts::Pinned(Era::V6_19)]);
        check(|s| s.vm.rules = [(Switch::NohzPush, false)].into(), &[NeverPosts::NotOffered(Era::V6_19)]);
        check(
            |s| {
                s.guest.idle = GuestIdle::Hlt;
                (s.vm.hlt_in_guest, s.vm.mwait_in_guest) = (false, true);
            },
            &[NeverPosts::Halted],
        );
        assert_eq!(first().never_posts(PathKind::Pinned), []);
    }

    #[test]
    fn the_preemption_timer_gives_way() {
        let mut s = first();
        assert_eq!(s.never_preempts(PathKind::Posted), []);
        s.vm.preemption_timer = true;
        assert_eq!(s.never_preempts(PathKind::Posted), [NeverPreempts::Posting]);
        s.vm.hlt_in_guest = false;
        assert_eq!(s.never_preempts(PathKind::Posted), []);
        s.vm.mwait_in_guest = true;
        assert_eq!(s.never_preempts(PathKind::Posted), [NeverPreempts::Mwait, NeverPreempts::Posting]);
        s.vm.era = Era::V4_7;
        assert_eq!(s.never_preempts(PathKind::Posted), [NeverPreempts::Kernel(Era::V4_7),]);
    }

    #[test]
    fn what_needs_no_saying() {
        let mut s = first();
        s.vm.rules = [(Switch::Kick, true), (Switch::Pinned, true)].into();
        assert_eq!(s.needless_rules().collect::<Vec<_>>(), [Switch::Kick]);
        s.host.nohz_full.retain(|c| *c != CpuId(3));
        assert_eq!(s.on_housekeepers().collect::<Vec<_>>(), [VcpuId(0)]);
    }
}
