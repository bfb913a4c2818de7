//! One virtual machine of the kernel's, with one vCPU in real mode and an in-kernel local APIC.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use apic_core::lapic::BusNs;
use kvm_bindings::{KVM_CAP_X86_APIC_BUS_CYCLES_NS, Msrs, kvm_enable_cap, kvm_msi, kvm_msr_entry, kvm_regs};
use kvm_ioctls::{VcpuExit, VcpuFd, VmFd};
use kvm_memory::GuestMemory;

use crate::guest::{self, HandlerEoi, Stub, port};
use crate::host::Host;

/// MSRs by number.
pub mod msr {
    /// `IA32_TIME_STAMP_COUNTER`.
    pub const TSC: u32 = 0x10;
    /// `IA32_APIC_BASE`.
    pub const APIC_BASE: u32 = 0x1b;
    /// `IA32_TSC_DEADLINE`.
    pub const TSC_DEADLINE: u32 = 0x6e0;
    /// The first of the x2APIC registers; the register at offset `o` of the xAPIC page is `X2APIC + o / 16`.
    pub const X2APIC: u32 = 0x800;
}

/// The kernel did what it should not.
#[derive(Debug, thiserror::Error)]
pub enum VmError {
    /// An `ioctl` failed.
    #[error("{call}: {source}")]
    Ioctl {
        /// Which.
        call: &'static str,
        /// What the kernel said.
        source: kvm_ioctls::Error,
    },
    /// The guest stopped in a way that it cannot.
    #[error("KVM_RUN ended with {0}")]
    Exit(String),
}

/// Names the call that failed.
pub(crate) fn ioctl(call: &'static str) -> impl FnOnce(kvm_ioctls::Error) -> VmError {
    move |source| VmError::Ioctl { call, source }
}

/// A virtual machine.
pub struct Vm {
    /// Its only vCPU.
    pub vcpu: VcpuFd,
    fd: Arc<VmFd>,
    memory: GuestMemory,
}

/// How a run of a stub ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The stub's last instruction; EDX:EAX.
    Done(u64),
    /// Its first instruction raised #GP.
    GeneralProtection,
    /// Nothing ended the halt before the alarm did.
    Alarm,
}

/// What a handler reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// It was entered, for this vector.
    Handler(u8),
    /// It wrote its EOI.
    Eoi,
}

/// What the guest did in a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ran {
    /// How it ended.
    pub end: End,
    /// What its handlers reported, in order.
    pub events: Vec<(Event, Instant)>,
}

impl Ran {
    /// Whether no handler was entered.
    pub fn is_quiet(&self) -> bool {
        self.events.is_empty()
    }
}

impl Vm {
    /// A VM at reset, but for x2APIC mode and SVR 0x1ff, as a script finds it.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub fn new(host: &Host, bus: Option<BusNs>) -> Result<Self, VmError> {
        let vm = host.kvm.create_vm().map_err(ioctl("KVM_CREATE_VM"))?;
        vm.create_irq_chip().map_err(ioctl("KVM_CREATE_IRQCHIP"))?;
        let memory = GuestMemory::leak(guest::MEMORY);
        guest::install(memory);
        memory.give_to(&vm).map_err(ioctl("KVM_SET_USER_MEMORY_REGION"))?;
        if let Some(bus) = bus {
            set_bus(&vm, bus.as_ns()).map_err(ioctl("KVM_CAP_X86_APIC_BUS_CYCLES_NS"))?;
        }
        let vcpu = vm.create_vcpu(0).map_err(ioctl("KVM_CREATE_VCPU"))?;
        vcpu.set_cpuid2(&host.cpuid).map_err(ioctl("KVM_SET_CPUID2"))?;
        let mut sregs = vcpu.get_sregs().map_err(ioctl("KVM_GET_SREGS"))?;
        for segment in [&mut sregs.cs, &mut sregs.ds, &mut sregs.es, &mut sregs.ss] {
            segment.base = 0;
            segment.selector = 0;
        }
        sregs.es.base = guest::XAPIC_PAGE;
        vcpu.set_sregs(&sregs).map_err(ioctl("KVM_SET_SREGS"))?;
        let vm = Self { vcpu, fd: Arc::new(vm), memory };
        if let Some(base) = vm.host_read(msr::APIC_BASE)? {
            vm.host_write(msr::APIC_BASE, base | 0xc00)?;
        }
        vm.host_write(msr::X2APIC + 0xf, 0x1ff)?;
        Ok(vm)
    }

    /// `KVM_SET_MSRS` of one: a write by the host. `false` where the guest would take #GP.
    ///
    /// # Errors
    /// If the call itself fails.
    pub fn host_write(&self, index: u32, data: u64) -> Result<bool, VmError> {
        let msrs = entries(&[kvm_msr_entry { index, data, ..Default::default() }]);
        Ok(self.vcpu.set_msrs(&msrs).map_err(ioctl("KVM_SET_MSRS"))? == 1)
    }

    /// `KVM_GET_MSRS` of one. `None` where the guest would take #GP.
    ///
    /// # Errors
    /// If the call itself fails.
    pub fn host_read(&self, index: u32) -> Result<Option<u64>, VmError> {
        Ok(self.host_read_all([index])?.map(|[value]| value))
    }

    /// `KVM_GET_MSRS` of several, at once. `None` where the guest would take #GP at one of them.
    ///
    /// # Errors
    /// If the call itself fails.
    pub fn host_read_all<const N: usize>(&self, indices: [u32; N]) -> Result<Option<[u64; N]>, VmError> {
        let mut msrs = entries(&indices.map(|index| kvm_msr_entry { index, ..Default::default() }));
        let read = self.vcpu.get_msrs(&mut msrs).map_err(ioctl("KVM_GET_MSRS"))?;
        let mut values = [0; N];
        for (value, entry) in values.iter_mut().zip(msrs.as_slice()) {
            *value = entry.data;
        }
        Ok((read == N).then_some(values))
    }

    /// How handlers end from here on.
    pub fn end_handlers(&self, eoi: HandlerEoi) {
        guest::end_handlers(self.memory, eoi);
    }

    /// Lets the guest execute a stub with ECX (and BX) and EDX:EAX, and whatever handlers get in between.
    ///
    /// # Errors
    /// If the guest stops in a way that it cannot.
    pub fn run(&mut self, stub: Stub, interrupts: bool, index: u32, data: u64) -> Result<Ran, VmError> {
        self.start(stub.address(), interrupts, index, data)?;
        self.go_on(false)
    }

    /// Lets the guest halt for at most `limit`.
    ///
    /// # Errors
    /// If the guest stops in a way that it cannot.
    pub fn halt(&mut self, interrupts: bool, limit: Duration) -> Result<Ran, VmError> {
        self.run_for(Stub::Halt.address(), interrupts, limit)
    }

    /// Puts code into the guest's memory.
    pub fn write(&self, at: usize, code: &[u8]) {
        self.memory.write(at, code);
    }

    /// Lets the guest execute what lies at an address until it reports that it is done, for at most `limit`.
    ///
    /// # Errors
    /// If the guest stops in a way that it cannot.
    pub fn run_for(&mut self, address: usize, interrupts: bool, limit: Duration) -> Result<Ran, VmError> {
        self.start(address, interrupts, 0, 0)?;
        let (awake, asleep) = mpsc::channel::<()>();
        let vm = Arc::clone(&self.fd);
        thread::scope(|scope| {
            scope.spawn(move || {
                if asleep.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                    // An NMI for APIC 0. If it is refused, the test hangs, and its name says where.
                    let nmi = kvm_msi { address_lo: 0xfee0_0000, data: 0x400, ..Default::default() };
                    let _ = vm.signal_msi(nmi);
                }
            });
            let ran = self.go_on(true);
            drop(awake);
            ran
        })
    }

    fn start(&mut self, address: usize, interrupts: bool, index: u32, data: u64) -> Result<(), VmError> {
        let regs = kvm_regs {
            rip: address as u64,
            rsp: guest::STACK,
            rflags: 2 | u64::from(interrupts) << 9,
            rcx: u64::from(index),
            rbx: u64::from(index),
            rax: data & u64::from(u32::MAX),
            rdx: data >> 32,
            ..Default::default()
        };
        self.vcpu.set_regs(&regs).map_err(ioctl("KVM_SET_REGS"))
    }

    /// `alarm`: whether the alarm ends the run.
    fn go_on(&mut self, alarm: bool) -> Result<Ran, VmError> {
        let mut events = Vec::new();
        let end = loop {
            match self.vcpu.run().map_err(ioctl("KVM_RUN"))? {
                VcpuExit::IoOut(port::DONE, _) => {
                    let regs = self.vcpu.get_regs().map_err(ioctl("KVM_GET_REGS"))?;
                    break End::Done(regs.rdx << 32 | regs.rax & u64::from(u32::MAX));
                }
                VcpuExit::IoOut(port::VECTOR, &[vector, _]) => events.push((Event::Handler(vector), Instant::now())),
                VcpuExit::IoOut(port::EOI, _) => events.push((Event::Eoi, Instant::now())),
                VcpuExit::IoOut(port::GENERAL_PROTECTION, _) => break End::GeneralProtection,
                VcpuExit::IoOut(port::ALARM, _) if alarm => {
                    self.forget_nmi()?;
                    break End::Alarm;
                }
                VcpuExit::IoOut(port::ALARM, _) => {} // of a halt that was over
                exit => return Err(VmError::Exit(format!("{exit:?}"))),
            }
        };
        Ok(Ran { end, events })
    }

    /// Ends the NMI's handler without its `iret`, so that the next NMI is taken.
    fn forget_nmi(&self) -> Result<(), VmError> {
        let mut events = self.vcpu.get_vcpu_events().map_err(ioctl("KVM_GET_VCPU_EVENTS"))?;
        events.nmi.masked = 0;
        self.vcpu.set_vcpu_events(&events).map_err(ioctl("KVM_SET_VCPU_EVENTS"))
    }
}

/// Nanoseconds per bus cycle of the VM's local APICs. Before the first vCPU.
///
/// # Errors
/// What `KVM_ENABLE_CAP` answers.
pub fn set_bus(vm: &VmFd, ns: u64) -> Result<(), kvm_ioctls::Error> {
    let mut cap = kvm_enable_cap { cap: KVM_CAP_X86_APIC_BUS_CYCLES_NS, ..Default::default() };
    cap.args[0] = ns;
    vm.enable_cap(&cap)
}

fn entries(entries: &[kvm_msr_entry]) -> Msrs {
    Msrs::from_entries(entries).expect("fewer than KVM takes at once")
}
