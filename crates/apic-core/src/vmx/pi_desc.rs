//! The posted-interrupt descriptor (`struct pi_desc`, `arch/x86/include/asm/posted_intr.h`; SDM,
//! "Posted-Interrupt Processing").

use crate::lapic::VectorSet;
use crate::units::{CpuId, Vector};
use serde::{Deserialize, Serialize};

/// PIR, ON, SN, NV and NDST. Each method is one atomic access.
///
/// KVM's software poster consults neither NV, NDST nor SN: it sends [`Vector::POSTED_INTR`] to `vcpu->cpu`. They are
/// here because hardware posters use them.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct PiDesc {
    pir: VectorSet,
    on: bool,
    sn: bool,
    nv: Vector,
    ndst: CpuId,
}

impl PiDesc {
    /// As KVM sets it up for a vCPU loaded on `cpu` (`vmx_vcpu_pi_load`).
    pub fn new(cpu: CpuId) -> Self {
        Self { pir: VectorSet::default(), on: false, sn: false, nv: Vector::POSTED_INTR, ndst: cpu }
    }

    /// Posted-interrupt requests.
    pub fn pir(&self) -> &VectorSet {
        &self.pir
    }

    /// Outstanding notification.
    pub fn on(&self) -> bool {
        self.on
    }

    /// Suppress notification (for hardware posters).
    pub fn sn(&self) -> bool {
        self.sn
    }

    /// Notification vector (for hardware posters).
    pub fn nv(&self) -> Vector {
        self.nv
    }

    /// Notification destination (for hardware posters).
    pub fn ndst(&self) -> CpuId {
        self.ndst
    }

    /// `vmx_vcpu_pi_load` in a VM that no hardware posts to: notifications would go to the CPU that the vCPU is loaded on.
    pub fn load_on(&mut self, cpu: CpuId) {
        self.ndst = cpu;
    }

    /// `pi_try_set_control`, once it succeeds: NV, NDST and SN change together, ON stays. Returns ON as it was then.
    pub fn set_control(&mut self, nv: Vector, ndst: CpuId, sn: bool) -> bool {
        (self.nv, self.ndst, self.sn) = (nv, ndst, sn);
        self.on
    }

    /// `pi_set_sn`. Returns what SN was.
    pub fn test_and_set_sn(&mut self) -> bool {
        std::mem::replace(&mut self.sn, true)
    }

    /// `pi_test_and_clear_sn`. Returns what SN was.
    pub fn test_and_clear_sn(&mut self) -> bool {
        std::mem::take(&mut self.sn)
    }

    /// A VT-d unit posts: in one atomic update of the descriptor the vector's PIR bit is set, and ON if it was 0 and SN does
    /// not suppress it, which is not for an urgent interrupt to mind. Only if this set ON is there a notification: its
    /// vector and destination are NV and NDST as the update found them. Unlike KVM, the unit does not ask whether the bit
    /// was set already. (VT-d specification, "Interrupt-Posting Hardware Operation".)
    pub fn post_by_hardware(&mut self, v: Vector, urgent: bool) -> Option<(Vector, CpuId)> {
        self.pir.test_and_set(v);
        if self.on || self.sn && !urgent {
            return None;
        }
        self.on = true;
        Some((self.nv, self.ndst))
    }

    /// `pi_test_and_set_pir`.
    pub fn test_and_set_pir(&mut self, v: Vector) -> bool {
        self.pir.test_and_set(v)
    }

    /// `pi_test_and_set_on`.
    pub fn test_and_set_on(&mut self) -> bool {
        std::mem::replace(&mut self.on, true)
    }

    /// `pi_clear_on`, and the locked clear of posted-interrupt processing. Returns what ON was.
    pub fn test_and_clear_on(&mut self) -> bool {
        std::mem::take(&mut self.on)
    }

    /// Read-and-clear of PIR.
    pub fn drain_pir(&mut self) -> VectorSet {
        self.pir.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_access_tells_what_it_found() {
        let mut desc = PiDesc::new(CpuId(3));
        assert_eq!((desc.nv(), desc.ndst(), desc.on(), desc.sn()), (Vector::POSTED_INTR, CpuId(3), false, false));
        desc.load_on(CpuId(5));
        assert_eq!(desc.ndst(), CpuId(5));
        assert_eq!([desc.test_and_set_on(), desc.test_and_set_on(), desc.on()], [false, true, true]);
        assert_eq!([desc.test_and_clear_on(), desc.test_and_clear_on(), desc.on()], [true, false, false]);
    }

    #[test]
    fn requests_gather_until_they_are_drained() {
        let mut desc = PiDesc::new(CpuId(0));
        let posts = [0xec, 0x31, 0xec].map(|n| desc.test_and_set_pir(Vector::new(n)));
        assert_eq!(posts, [false, false, true], "V14: two posts of one vector are one request");
        assert!(desc.pir().contains(Vector::LOCAL_TIMER) && !desc.on(), "PIR and ON are two accesses");
        let drained: Vec<_> = desc.drain_pir().iter().map(Vector::number).collect();
        assert_eq!((drained, desc.pir().is_empty()), (vec![0x31, 0xec], true));
    }

    #[test]
    fn a_device_notifies_where_on_and_sn_let_it() {
        for (on, sn, urgent, notifies) in [
            (false, false, false, true),
            (false, false, true, true),
            (false, true, false, false),
            (false, true, true, true),
            (true, false, false, false),
            (true, false, true, false),
            (true, true, true, false),
        ] {
            let mut desc = PiDesc::new(CpuId(0));
            if on {
                desc.test_and_set_on();
            }
            assert_eq!(desc.set_control(Vector::POSTED_INTR_WAKEUP, CpuId(2), sn), on);
            let sent = desc.post_by_hardware(Vector::LOCAL_TIMER, urgent);
            assert_eq!(sent, notifies.then_some((Vector::POSTED_INTR_WAKEUP, CpuId(2))), "ON {on}, SN {sn}");
            assert_eq!((desc.on(), desc.sn()), (on || notifies, sn));
            assert!(desc.pir().contains(Vector::LOCAL_TIMER), "suppressed is the notification, not the request");
        }
    }

    #[test]
    fn sn_is_tested_as_it_is_set_and_cleared() {
        let mut desc = PiDesc::new(CpuId(0));
        assert_eq!([desc.test_and_set_sn(), desc.test_and_set_sn(), desc.sn()], [false, true, true]);
        assert_eq!([desc.test_and_clear_sn(), desc.test_and_clear_sn(), desc.sn()], [true, false, false]);
    }
}
