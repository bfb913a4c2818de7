//! A vCPU of KVM with its in-kernel local APIC, on Intel or AMD.
//!
//! | file | holds |
//! | --- | --- |
//! | `regs` | register reads and writes, by the guest and by user space |
//! | `timer` | the back ends, and what an expiry does |
//! | `run` | exits, entries, halting, posted interrupts, delivery |
//! | `saved` | `KVM_GET_LAPIC`, `KVM_SET_LAPIC` |
//!
//! Left out: IPIs to other vCPUs, level-triggered interrupts, nested guests, halt-polling (it costs time, and here there
//! are no costs).

mod regs;
mod run;
mod saved;
mod timer;

use super::answer::{DescriptorState, Outcome, Reading};
use super::script::{Register, TimerPath};
use super::shared::Shared;
use super::world::Local;
use crate::kvm::VcpuMode;
use crate::lapic::{ApicBase, KvmTimer, Lvtt, Svr, Tdcr, VectorSet, VirtualApic};
use crate::units::{CpuId, Ns, Vector};
use crate::vmx::PiDesc;
use saved::Saved;

/// What of the processor is used to deliver interrupts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Virtualization {
    /// VMX: posted interrupts and virtual-interrupt delivery.
    Posted,
    /// SVM: AVIC, which has neither PIR nor ON.
    Avic,
    /// None: software injects.
    None,
}

/// Where the vCPU's thread is, between two commands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In guest mode.
    Guest,
    /// It left, and enters again when it has done what it left for.
    Between,
    /// It left and stays outside until the script says `entry`.
    Outside,
    /// Asleep in `kvm_vcpu_block`.
    Blocked,
}

pub(super) struct Kvm {
    virtualization: Virtualization,
    base: ApicBase,
    svr: Svr,
    lvtt: Lvtt,
    tdcr: Tdcr,
    tmict: u32,
    timer: KvmTimer,
    /// When the hrtimer is due, where it is queued.
    hrtimer: Option<Ns>,
    vapic: VirtualApic,
    pi: PiDesc,
    /// A notification was sent and has not arrived.
    in_flight: bool,
    eoi_exits: VectorSet,
    mode: VcpuMode,
    place: Place,
    /// The VM was running when it was paused.
    resumes: bool,
    /// The preemption timer was in use when the vCPU blocked, and is again when it wakes.
    hv_when_awake: bool,
    /// Without APICv: an interrupt waits for the guest's interrupt flag.
    window: bool,
    /// The next entry comes from user space (`KVM_RUN`), not from an exit that KVM handled.
    from_user_space: bool,
    saved: Option<Saved>,
}

impl Kvm {
    pub(super) fn vmx() -> Self {
        Self::new(Virtualization::Posted)
    }

    pub(super) fn svm() -> Self {
        Self::new(Virtualization::Avic)
    }

    pub(super) fn without_apicv() -> Self {
        Self::new(Virtualization::None)
    }

    fn new(virtualization: Virtualization) -> Self {
        let mut mode = VcpuMode::default();
        mode.store_in_guest();
        Self {
            virtualization,
            base: ApicBase::X2APIC,
            svr: Svr::from_written(0x1ff),
            lvtt: Lvtt::RESET,
            tdcr: Tdcr::default(),
            tmict: 0,
            timer: KvmTimer::new(false),
            hrtimer: None,
            vapic: VirtualApic::default(),
            pi: PiDesc::new(CpuId(0)),
            in_flight: false,
            eoi_exits: VectorSet::default(),
            mode,
            place: Place::Guest,
            resumes: false,
            hv_when_awake: false,
            window: false,
            from_user_space: false,
            saved: None,
        }
    }

    /// `kvm_vcpu_apicv_active`: KVM turns APICv off with the local APIC.
    fn apicv_active(&self) -> bool {
        self.virtualization != Virtualization::None && self.base.enabled()
    }

    /// Whether HLT does not exit: the path that posts needs a guest that stays in guest mode.
    fn hlt_in_guest(sh: &Shared) -> bool {
        sh.path == TimerPath::Posted
    }

    /// Whether the guest executes instructions; otherwise a register is reached as user space reaches it.
    fn guest_runs(&self, sh: &Shared) -> bool {
        self.place == Place::Guest && !sh.halted
    }
}

impl Local for Kvm {
    fn write(&mut self, sh: &mut Shared, register: Register, value: u64) -> Outcome {
        let written = if self.guest_runs(sh) {
            self.guest_writes(sh, register, value)
        } else {
            self.step_out_for_user_space(sh);
            self.host_writes(sh, register, value)
        };
        if written.is_ok() { Outcome::Done } else { Outcome::Fault }
    }

    fn read(&mut self, sh: &mut Shared, register: Register) -> Reading {
        if self.guest_runs(sh) {
            self.guest_reads(sh, register);
        } else {
            self.step_out_for_user_space(sh);
        }
        self.register(sh, register)
    }

    fn next_due(&self, sh: &Shared) -> Option<Ns> {
        self.next_expiry(sh)
    }

    fn due(&mut self, sh: &mut Shared) {
        self.expiry_due(sh);
    }

    fn settle(&mut self, sh: &mut Shared) {
        self.run(sh);
    }

    fn hlt(&mut self, sh: &mut Shared) {
        if !self.guest_runs(sh) {
            return;
        }
        sh.halted = true;
        if !Self::hlt_in_guest(sh) {
            self.leave(sh, super::Exit::Hlt);
        }
    }

    fn stop(&mut self, sh: &mut Shared) {
        self.pause(sh);
    }

    fn resume(&mut self, _: &mut Shared) {
        self.resume_paused();
    }

    fn save(&mut self, sh: &mut Shared) {
        self.get_lapic(sh);
    }

    fn restore(&mut self, sh: &mut Shared) -> bool {
        self.set_lapic(sh)
    }

    fn post(&mut self, sh: &mut Shared, v: Vector) {
        self.post_by_device(sh, v);
    }

    fn land(&mut self, sh: &mut Shared) {
        if std::mem::take(&mut self.in_flight) {
            self.notification_arrives(sh);
        }
    }

    fn notify(&mut self, sh: &mut Shared) {
        self.in_flight = false;
        self.notification_arrives(sh);
    }

    fn exit(&mut self, sh: &mut Shared) {
        self.leave_for_good(sh);
    }

    fn entry(&mut self, _: &mut Shared) {
        if self.place == Place::Outside {
            self.place = Place::Between;
        }
    }

    fn eoi_exit(&mut self, v: Vector, on: bool) {
        if on {
            self.eoi_exits.test_and_set(v);
        } else {
            self.eoi_exits.clear(v);
        }
    }

    fn state(&self, sh: &Shared) -> DescriptorState {
        DescriptorState {
            pir: *self.pi.pir(),
            on: self.pi.on(),
            sn: self.pi.sn(),
            nv: self.pi.nv(),
            ndst: self.pi.ndst(),
            virr: *self.vapic.virr(),
            visr: *self.vapic.visr(),
            rvi: self.vapic.rvi(),
            svi: self.vapic.svi(),
            vppr: self.vapic.vppr(),
            mode: self.mode.get(),
            halted: sh.halted,
        }
    }
}
