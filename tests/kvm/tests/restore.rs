//! What `KVM_SET_LAPIC` does with a page that no guest could have left behind.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::thread;
use std::time::{Duration, Instant};

use apic_core::bench::script::{Command, Register};
use apic_core::bench::{Answer, Bench, Outcome, World};
use apic_core::lapic::{BusNs, CountRate, Instant as ModelInstant, KvmTimer, Tdcr, TimerMode};
use apic_core::units::{Ns, Tsc, TscKhz};
use kvm_bindings::kvm_lapic_state;
use kvm_differential::guest::Stub;
use kvm_differential::host::Host;
use kvm_differential::kernel::{Kernel, Route};
use kvm_differential::observe::READABLE;
use kvm_differential::vm::{Event, Vm};

const TMICT: usize = 0x380;
const TMCCT: usize = 0x390;
const LVTT: usize = 0x320;
const TDCR: usize = 0x3e0;
const ISR: usize = 0x100;

fn put(page: &mut kvm_lapic_state, at: usize, value: u32) {
    for (place, byte) in page.regs[at..].iter_mut().zip(value.to_le_bytes()) {
        *place = byte.cast_signed();
    }
}

/// How long the model's timer counts from a restore.
fn model(mode: TimerMode, initial: u32, current: u32) -> u64 {
    let mut timer = KvmTimer::new(false);
    timer.mode = mode;
    let rate = CountRate { bus: BusNs::DEFAULT, divisor: Tdcr::from_written(0xb).divisor() };
    let at = ModelInstant { host: Ns::ZERO, guest: Tsc::ZERO, khz: TscKhz::DEFAULT };
    let started = timer.set_target(initial, Some(current), rate, true, at);
    if started { timer.target_expiration.as_ns() } else { 0 }
}

/// A page with these counts, restored: after what time at most the first tick came, if within 60 ms.
fn kernel(vm: &mut Vm, lvtt: u32, initial: u32, current: u32) -> Option<Duration> {
    let mut page = vm.vcpu.get_lapic().expect("KVM_GET_LAPIC");
    for (at, value) in [(LVTT, lvtt), (TDCR, 0xb), (TMICT, initial), (TMCCT, current)] {
        put(&mut page, at, value);
    }
    let before = Instant::now();
    vm.vcpu.set_lapic(&page).expect("KVM_SET_LAPIC");
    while before.elapsed() < Duration::from_millis(60) {
        let ran = vm.run(Stub::Live, true, 0, 0).expect("a run");
        if let Some((Event::Handler(0xee), at)) = ran.events.first() {
            return Some(at.duration_since(before));
        }
        thread::sleep(Duration::from_micros(200));
    }
    None
}

#[track_caller]
fn check(host: &Host, mode: TimerMode, initial: u32, current: u32) {
    let mut vm = Vm::new(host, None).expect("a VM");
    let lvtt = 0xee | if mode == TimerMode::Periodic { 1 << 17 } else { 0 };
    let expect = Duration::from_nanos(model(mode, initial, current));
    let Some(at_most) = kernel(&mut vm, lvtt, initial, current) else { panic!("no tick; the model: {expect:?}") };
    assert!(at_most >= expect, "after {at_most:?}; the model: {expect:?}");
    // How late is the host's affair, within reason; too late would be another rule.
    assert!(at_most < expect + Duration::from_millis(25), "after {at_most:?}; the model: {expect:?}");
}

#[test]
fn a_restored_count_goes_on_as_in_the_model() {
    let Some(host) = Host::or_skip("a_restored_count_goes_on_as_in_the_model") else { return };
    check(&host, TimerMode::Periodic, 30_000_000, 0); // T28: one full period
    check(&host, TimerMode::OneShot, 30_000_000, 0); // at once
    check(&host, TimerMode::Periodic, 30_000_000, 40_000_000); // T29: clamped to the period
    check(&host, TimerMode::OneShot, 30_000_000, 40_000_000);
    check(&host, TimerMode::Periodic, 30_000_000, 2_000_000);
    check(&host, TimerMode::OneShot, 30_000_000, 2_000_000);
}

/// Vectors in service, their priority, and their EOIs. The kernel gets them by a page, since a vendor module may write
/// the EOI when it injects; the model by delivery.
#[test]
fn in_service_holds_back_as_in_the_model() {
    let Some(host) = Host::or_skip("in_service_holds_back_as_in_the_model") else { return };
    let mut kernel = Kernel::new(&host, Route::Guest, None).expect("a VM");
    let mut page = kernel.vm().vcpu.get_lapic().expect("KVM_GET_LAPIC");
    put(&mut page, ISR + 0x20, 1 << (0x51 - 0x40));
    put(&mut page, ISR + 0x40, 1 << (0x91 - 0x80));
    kernel.vm().vcpu.set_lapic(&page).expect("KVM_SET_LAPIC");
    // Where the vendor module writes an EOI, the handler's own would be for the next vector in service.
    let own_eoi = host.in_service_shows().expect("a VM that runs");
    kernel.obey(Command::AutoEoi(own_eoi)).expect("obeyed");
    let mut model = Bench::without_apicv();
    let mut tell = |command| model.obey(command).expect("obeyed");
    tell(Command::AutoEoi(false));
    for vector in [0x51, 0x91] {
        tell(Command::Write(Register::SelfIpi, vector));
    }
    tell(Command::AutoEoi(true));
    tell(Command::Fired);
    let script = [
        Command::Read(Register::Ppr),
        Command::Write(Register::SelfIpi, 0x85),
        Command::Write(Register::SelfIpi, 0x9f),
        Command::Write(Register::SelfIpi, 0xa0),
        Command::Tpr(0x9f),
        Command::Tpr(0xaf),
        Command::Eoi,
        Command::Write(Register::SelfIpi, 0x5f),
        Command::Tpr(0x51),
        Command::Tpr(0x00),
        Command::Eoi,
        Command::Eoi,
    ];
    for command in script {
        kernel.obey(command).expect("obeyed");
        tell(command);
        let observed = kernel.observe().expect("read");
        for register in READABLE {
            let Outcome::Answer(Answer::Register(_, reading)) = tell(Command::Read(register)) else {
                panic!("answered")
            };
            assert_eq!(observed.get(register), reading, "{register} after {command:?}");
        }
        let vectors = |outcome| match outcome {
            Outcome::Answer(Answer::Fired(fired)) => fired.iter().map(|fired| fired.vector).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        let (k, m) = (vectors(kernel.obey(Command::Fired).expect("obeyed")), vectors(tell(Command::Fired)));
        assert_eq!(k, m, "handlers after {command:?}");
    }
}
