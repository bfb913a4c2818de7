//! The decisions that KVM makes about a VM's timer before any expiry: may it be posted, may the preemption timer keep
//! it, and which back-end that leaves (`kvm_can_post_timer_interrupt`, `kvm_can_use_hv_timer`).

use super::{Rules, Switch, Vendor};

/// What the predicates look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimerConfig {
    /// The processor.
    pub vendor: Vendor,
    /// `kvm.pi_inject_timer`, resolved.
    pub pi_inject_timer: bool,
    /// APICv (on AMD: AVIC) is active.
    pub apicv: bool,
    /// MWAIT does not exit.
    pub mwait_in_guest: bool,
    /// HLT does not exit.
    pub hlt_in_guest: bool,
    /// `kvm_intel.preemption_timer`.
    pub preemption_timer: bool,
    /// The processor virtualizes the APIC timer.
    pub virtual_timer: bool,
}

/// Who keeps the guest's deadline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Backend {
    /// The VMX preemption timer while the vCPU runs, an hrtimer while it blocks.
    PreemptionTimer,
    /// An hrtimer; its expiry is left pending for the vCPU.
    Hrtimer,
    /// An hrtimer; its expiry is posted if the vCPU is in guest mode.
    HrtimerPosted,
    /// An hrtimer; its expiry is followed by an AVIC doorbell if the vCPU is in guest mode.
    HrtimerDoorbell,
    /// The processor (APIC-timer virtualization) while the vCPU runs, an hrtimer while it blocks.
    VirtualTimer,
}

impl Rules {
    /// `kvm_can_post_timer_interrupt`: the static half of the decision to post.
    pub const fn can_post(self, vm: TimerConfig) -> bool {
        // The seed's gate was a hook of kvm-intel; the second version moved it to kvm.
        let gates = (!self.has(Switch::GateMwait) || vm.mwait_in_guest && matches!(vm.vendor, Vendor::Vmx))
            && (!self.has(Switch::GateHlt) || vm.hlt_in_guest)
            && (!self.has(Switch::GateMwaitOrHlt) || vm.mwait_in_guest || vm.hlt_in_guest);
        self.has(Switch::Posting) && vm.pi_inject_timer && vm.apicv && gates && !self.virtual_timer(vm)
    }

    /// `kvm_can_use_hv_timer`.
    pub const fn can_hv(self, vm: TimerConfig) -> bool {
        let banned = self.has(Switch::HvNotWithMwait) && vm.mwait_in_guest;
        let has = self.has(Switch::HvTimer) && matches!(vm.vendor, Vendor::Vmx) && vm.preemption_timer;
        has && !banned && !self.can_post(vm) && !self.virtual_timer(vm)
    }

    /// Whether the processor keeps the deadline. The proposal needs virtual-interrupt delivery.
    pub const fn virtual_timer(self, vm: TimerConfig) -> bool {
        self.has(Switch::ApicTimerVirtualization) && vm.virtual_timer && vm.apicv && matches!(vm.vendor, Vendor::Vmx)
    }

    /// What that leaves.
    pub const fn backend(self, vm: TimerConfig) -> Backend {
        match (self.virtual_timer(vm), self.can_post(vm), self.can_hv(vm), vm.vendor) {
            (true, ..) => Backend::VirtualTimer,
            (_, true, _, Vendor::Vmx) => Backend::HrtimerPosted,
            (_, true, _, Vendor::Svm) => Backend::HrtimerDoorbell,
            (_, _, true, _) => Backend::PreemptionTimer,
            _ => Backend::Hrtimer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Era;
    use super::*;

    /// A VM on a host that gave `nohz_full=`, on today's kernel: nothing passed through.
    const VM: TimerConfig = TimerConfig {
        vendor: Vendor::Vmx,
        pi_inject_timer: true,
        apicv: true,
        mwait_in_guest: false,
        hlt_in_guest: false,
        preemption_timer: true,
        virtual_timer: false,
    };
    const SVM: TimerConfig = TimerConfig { vendor: Vendor::Svm, ..VM };

    #[track_caller]
    fn check(era: Era, vm: TimerConfig, expect: Backend) {
        let rules = Rules::of(era);
        assert_eq!(rules.backend(vm), expect);
        assert!(!(rules.can_post(vm) && rules.can_hv(vm)), "posting and the preemption timer exclude each other");
    }

    /// The table of back-ends, row by row.
    #[test]
    fn backends() {
        check(Era::V6_19, VM, Backend::PreemptionTimer);
        check(Era::V6_19, TimerConfig { mwait_in_guest: true, pi_inject_timer: false, ..VM }, Backend::Hrtimer);
        check(Era::V6_19, TimerConfig { mwait_in_guest: true, ..VM }, Backend::HrtimerPosted);
        check(Era::V6_19, TimerConfig { hlt_in_guest: true, ..VM }, Backend::HrtimerPosted);
        check(Era::V6_19, TimerConfig { mwait_in_guest: true, apicv: false, ..VM }, Backend::Hrtimer);
        check(Era::V6_19, SVM, Backend::Hrtimer);
        check(Era::V6_19, TimerConfig { mwait_in_guest: true, pi_inject_timer: false, ..SVM }, Backend::Hrtimer);
        check(Era::V6_19, TimerConfig { hlt_in_guest: true, ..SVM }, Backend::HrtimerDoorbell);
        check(Era::V6_19, TimerConfig { hlt_in_guest: true, apicv: false, ..SVM }, Backend::Hrtimer);
    }

    #[test]
    fn gates_by_era() {
        let mwait = TimerConfig { mwait_in_guest: true, ..VM };
        let hlt = TimerConfig { hlt_in_guest: true, ..VM };
        check(Era::Before4_3, hlt, Backend::Hrtimer);
        check(Era::V4_7, VM, Backend::Hrtimer);
        check(Era::Seed2019, mwait, Backend::HrtimerPosted);
        check(Era::Seed2019, hlt, Backend::PreemptionTimer);
        // Its hook and its parameter were kvm-intel's.
        check(Era::Seed2019, TimerConfig { mwait_in_guest: true, ..SVM }, Backend::Hrtimer);
        check(Era::SeriesV4, TimerConfig { hlt_in_guest: true, ..SVM }, Backend::HrtimerDoorbell);
        check(Era::SeriesV4, hlt, Backend::HrtimerPosted);
        check(Era::SeriesV4, mwait, Backend::Hrtimer);
        // 5.3 to 5.17: any VM (B25).
        check(Era::V5_3, VM, Backend::HrtimerPosted);
        check(Era::V5_10, VM, Backend::HrtimerPosted);
        check(Era::V5_18, VM, Backend::PreemptionTimer);
    }

    #[test]
    fn the_virtual_timer_comes_before_all_others() {
        let vm = TimerConfig { virtual_timer: true, hlt_in_guest: true, ..VM };
        check(Era::Proposal2026, vm, Backend::VirtualTimer);
        check(Era::V6_19, vm, Backend::HrtimerPosted);
        check(Era::Proposal2026, TimerConfig { apicv: false, ..vm }, Backend::PreemptionTimer);
    }
}
