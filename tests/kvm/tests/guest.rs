//! A real guest that arms, waits, takes its ticks and writes its EOIs, beside the model's.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::time::Instant;

use apic_core::bench::script::{Command, Register};
use apic_core::bench::{Answer, Bench, Fired, Kernel as Era, Outcome, World};
use apic_core::units::{Ns, Tsc, TscKhz, Vector};
use kvm_differential::host::{Host, say};
use kvm_differential::ticker::{Mode, Ticker, Wait, order};
use kvm_differential::vm::{End, Event, Vm};

const TICKS: u8 = 24;
const VECTOR: Vector = Vector::new(0xee);
/// 1.5 ms on the bus; of the order of 1 ms on the TSC.
const CYCLES: u32 = 1_500_000;

#[test]
fn ticks_and_eois_come_in_number_and_order_as_in_the_model() {
    let Some(host) = Host::or_skip("ticks_and_eois_come_in_number_and_order_as_in_the_model") else { return };
    let (mut guests, mut events) = (0, 0);
    for mode in [Mode::TscDeadline, Mode::Periodic, Mode::OneShot] {
        for wait in [Wait::Halting, Wait::Busy] {
            events += check(&host, Ticker { mode, wait, vector: VECTOR, cycles: CYCLES, ticks: TICKS });
            guests += 1;
        }
    }
    say(&format!("ticks_and_eois: {guests} guests, {events} ticks and EOIs in the model's order, none early"));
}

fn check(host: &Host, ticker: Ticker) -> usize {
    let mut vm = Vm::new(host, None).expect("a VM");
    let khz = vm.vcpu.get_tsc_khz().expect("a TSC frequency");
    let start = Instant::now();
    let ran = ticker.run(&mut vm).expect("a run");
    assert!(matches!(ran.end, End::Done(_)), "{ticker:?}: {:?}", ran.end);
    let (model, last) = model(ticker, khz);
    assert_eq!(order(&ran), model, "{ticker:?}");
    // The n-th tick is at least n intervals behind the start: a timer may be late, never early.
    let interval = ticker.interval(khz).as_ns();
    let ticks = ran.events.iter().filter(|(event, _)| matches!(event, Event::Handler(_)));
    for (n, (_, at)) in (1..).zip(ticks) {
        let since = at.duration_since(start).as_nanos();
        assert!(since >= u128::from(n * interval), "{ticker:?}: tick {n} after {since} ns");
    }
    // What is left of the timer, as in the model. A periodic one goes on.
    if ticker.mode != Mode::Periodic {
        let registers =
            vm.host_read_all([0x832, 0x838, 0x839, 0x6e0, 0x827, 0x817]).expect("a read").expect("readable");
        assert_eq!(registers, last, "{ticker:?}");
    }
    ran.events.len()
}

/// The same guest in the model: the order of its ticks and EOIs, and the registers that are compared at the end.
fn model(ticker: Ticker, khz: u32) -> (Vec<Event>, [u64; 6]) {
    let mut bench = Bench::without_apicv();
    let khz = TscKhz::new(khz.into()).expect("a frequency");
    let mut now = Ns::ZERO;
    let mut events = Vec::new();
    let mut tell = |command| bench.obey(command).expect("obeyed");
    tell(Command::Era(Era::Release(6, 18)));
    tell(Command::TscKhz(khz));
    tell(Command::AutoEoi(false));
    tell(Command::Write(Register::Tdcr, 0xb));
    tell(Command::Write(Register::Lvtt, ticker.lvtt().into()));
    let cycles = u64::from(ticker.cycles);
    let mut ticks = 0;
    while ticks < ticker.ticks {
        match ticker.mode {
            Mode::TscDeadline => {
                let deadline = khz.tsc_at(now).as_cycles() + cycles;
                tell(Command::Write(Register::TscDeadline, deadline));
            }
            Mode::Periodic if ticks > 0 => {}
            Mode::Periodic | Mode::OneShot => {
                tell(Command::Write(Register::Tmict, cycles));
            }
        }
        if ticker.wait == Wait::Halting {
            tell(Command::Hlt);
        }
        let interval = match ticker.mode {
            Mode::TscDeadline => khz.ns_of(Tsc::from_cycles(cycles)).plus(Ns::from_ns(1)),
            Mode::Periodic | Mode::OneShot => Ns::from_ns(cycles),
        };
        now = now.plus(interval);
        tell(Command::Advance(interval));
        let Outcome::Answer(Answer::Fired(fired)) = tell(Command::Fired) else { panic!("fired is answered") };
        assert!(!fired.is_empty(), "{ticker:?}: no tick in the model");
        for Fired { vector, .. } in fired {
            events.extend([Event::Handler(vector.number()), Event::Eoi]);
            tell(Command::Eoi);
            ticks += 1;
        }
    }
    let mut read = |register| match tell(Command::Read(register)) {
        Outcome::Answer(Answer::Register(_, apic_core::bench::Reading::Value(value))) => value,
        Outcome::Answer(Answer::Register(_, apic_core::bench::Reading::Bank(set))) => {
            (0..32).filter(|bit| set.contains(Vector::new(0xe0 + bit))).map(|bit| 1 << bit).sum()
        }
        other => panic!("{other:?}"),
    };
    let last = [Register::Lvtt, Register::Tmict, Register::Tmcct, Register::TscDeadline, Register::Irr, Register::Isr];
    (events, last.map(&mut read))
}
