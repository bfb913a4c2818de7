//! `KVM_GET_LAPIC` and `KVM_SET_LAPIC`, with the two MSRs that belong to them, in the order of QEMU:
//! `IA32_APIC_BASE`, the registers, `IA32_TSC_DEADLINE`. The guest's TSC runs on.

use super::super::shared::Shared;
use super::Kvm;
use crate::lapic::{ApicBase, Lvtt, PirOnRestore, Svr, Tdcr, VectorSet};
use crate::units::Tsc;

/// What user space keeps.
#[derive(Clone)]
pub(super) struct Saved {
    base: ApicBase,
    svr: Svr,
    lvtt: Lvtt,
    tdcr: Tdcr,
    tmict: u32,
    tmcct: u32,
    irr: VectorSet,
    isr: VectorSet,
    tpr: u8,
    tscdeadline: Tsc,
}

impl Kvm {
    /// `kvm_apic_get_state`: PIR goes to IRR first, the current count is computed.
    pub(super) fn get_lapic(&mut self, sh: &mut Shared) {
        self.step_out_for_user_space(sh);
        self.sync_pir_to_irr();
        self.saved = Some(Saved {
            base: self.base,
            svr: self.svr,
            lvtt: self.lvtt,
            tdcr: self.tdcr,
            tmict: self.tmict,
            tmcct: self.current_count(sh),
            irr: *self.vapic.virr(),
            isr: *self.vapic.visr(),
            tpr: self.vapic.vtpr(),
            tscdeadline: self.tsc_deadline(),
        });
    }

    /// `kvm_apic_set_state`. `false` if nothing was saved.
    pub(super) fn set_lapic(&mut self, sh: &mut Shared) -> bool {
        let Some(saved) = self.saved.clone() else { return false };
        let rules = sh.kernel.rules();
        self.step_out_for_user_space(sh);
        self.base = saved.base;
        if rules.pir_on_restore == PirOnRestore::ClearedBefore {
            self.clear_pir();
        }
        (self.svr, self.lvtt, self.tdcr, self.tmict) = (saved.svr, saved.lvtt, saved.tdcr, saved.tmict);
        self.vapic.load(saved.irr, saved.isr, saved.tpr);
        self.cancel_timer(sh);
        self.timer.expired_tscdeadline = Tsc::ZERO;
        self.update_lvtt(sh);
        self.start_timer(sh, rules.restore_uses_current_count.then_some(saved.tmcct));
        if rules.pir_on_restore == PirOnRestore::ClearedAfter {
            self.clear_pir();
        }
        self.write_tsc_deadline(sh, saved.tscdeadline);
        true
    }

    /// `vmx_apicv_pre_state_restore`, `vmx_apicv_post_state_restore`.
    fn clear_pir(&mut self) {
        self.pi.test_and_clear_on();
        let _erased = self.pi.drain_pir();
    }
}
