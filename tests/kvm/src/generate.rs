//! Scripts by chance, and the smallest one that still shows a difference.

use apic_core::bench::script::{Command, Register};
use apic_core::lapic::BusNs;
use apic_core::units::Ns;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::script::{Op, Script, WRITABLE};

/// Vectors worth meeting: below 16, the lowest and highest that are delivered, two of one class, the usual ones.
const VECTORS: [u64; 10] = [0x03, 0x0f, 0x10, 0x1f, 0x31, 0x51, 0x5f, 0xec, 0xee, 0xff];
const APIC_BASES: [u64; 9] =
    [0xfee0_0d00, 0xfee0_0d00, 0xfee0_0900, 0xfee0_0100, 0xfee0_0c00, 0xfee0_0500, 0xfee0_0d01, 0xfee0_0f00, 0];

/// A runner whose choices depend on the two numbers alone.
pub fn runner(seed: u64, case: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&case.to_le_bytes());
    TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// Scripts of up to two dozen steps. `in_service_shows`: whether delivery leaves a bit in ISR until the guest's EOI.
pub fn scripts(in_service_shows: bool) -> impl Strategy<Value = Script> {
    let ops = prop::collection::vec(op(in_service_shows), 1..24);
    let halt = prop::option::weighted(0.3, ms(3..6).prop_map(Op::HaltFor));
    let bus = prop::option::weighted(0.2, prop::sample::select(vec![1, 2, 3, 10, 40, 100]));
    (bus, ops, halt).prop_map(|(bus, mut ops, halt)| {
        ops.extend(halt);
        Script { bus: bus.and_then(BusNs::new), ops }
    })
}

/// Simplifies as long as `differs` says so, at most `tries` times.
pub fn shrink<T: ValueTree<Value = Script>>(mut tree: T, tries: u32, differs: impl Fn(&Script) -> bool) -> Script {
    let mut smallest = tree.current();
    for _ in 0..tries {
        let simpler = if differs(&tree.current()) {
            smallest = tree.current();
            tree.simplify()
        } else {
            tree.complicate()
        };
        if !simpler {
            break;
        }
    }
    smallest
}

fn ms(range: std::ops::Range<u64>) -> impl Strategy<Value = Ns> {
    range.prop_map(|ms| Ns::from_us(ms * 1_000))
}

fn op(in_service_shows: bool) -> impl Strategy<Value = Op> {
    prop_oneof![
        10 => lvtt().prop_map(|value| write(Register::Lvtt, value)),
        6 => prop_oneof![4 => 0..16_u64, 1 => any::<u32>().prop_map(u64::from)].prop_map(|v| write(Register::Tdcr, v)),
        2 => Just(write(Register::Tmict, 0)),
        3 => (0..1_000_u64).prop_map(|ns| Op::CountFor(Ns::from_ns(ns))),
        4 => (0xf000_0000..=u64::from(u32::MAX)).prop_map(|count| write(Register::Tmict, count)),
        6 => ms(3..7).prop_map(Op::CountFor),
        4 => prop_oneof![ms(3..7), Just(Ns::from_us(100_000_000))].prop_map(Op::DeadlineIn),
        3 => prop_oneof![Just(0), 1..1_000_u64].prop_map(|past| write(Register::TscDeadline, past)),
        4 => svr().prop_map(|value| write(Register::Svr, value)),
        4 => task_priority().prop_map(|value| write(Register::Tpr, value)),
        4 => vector().prop_map(|vector| write(Register::SelfIpi, vector)),
        2 => prop::sample::select(APIC_BASES.to_vec()).prop_map(|value| write(Register::ApicBase, value)),
        3 => odd_write(),
        2 => Just(Op::Do(Command::Eoi)),
        4 => prop::sample::select(Register::ALL).prop_map(|register| Op::Do(Command::Read(register))),
        4 => ms(1..12).prop_map(|ns| Op::Do(Command::Advance(ns))),
        2 => ms(1..12).prop_map(|ns| Op::Do(Command::Pause(ns))),
        4 => any::<bool>().prop_map(|on| Op::Do(Command::InterruptFlag(on))),
        2 => any::<u8>().prop_map(|value| Op::Do(Command::Tpr(value))),
        2 => Just(Op::Do(Command::Save)),
        2 => Just(Op::Do(Command::Restore)),
        2 => Just(Op::Do(Command::Fired)),
        2 => any::<bool>().prop_map(move |on| Op::Do(Command::AutoEoi(on || !in_service_shows))),
    ]
}

fn write(register: Register, value: u64) -> Op {
    Op::Do(Command::Write(register, value))
}

fn vector() -> impl Strategy<Value = u64> {
    prop::sample::select(VECTORS.to_vec())
}

/// Vector, mask and mode, mostly; now and then anything.
fn lvtt() -> impl Strategy<Value = u64> {
    let sensible = (vector(), prop::bool::weighted(0.25), prop::sample::select(vec![0, 0, 0, 1, 1, 1, 2, 2, 2, 3]))
        .prop_map(|(vector, masked, mode)| vector | u64::from(masked) << 16 | mode << 17);
    prop_oneof![12 => sensible, 1 => any::<u32>().prop_map(u64::from)]
}

fn svr() -> impl Strategy<Value = u64> {
    prop_oneof![4 => Just(0x1ff), 2 => Just(0xff), 1 => Just(0x13ff), 1 => any::<u32>().prop_map(u64::from)]
}

fn task_priority() -> impl Strategy<Value = u64> {
    prop_oneof![3 => Just(0), 4 => 0..=255_u64, 1 => any::<u32>().prop_map(u64::from)]
}

/// Writes that a guest is refused, or that a careful guest would not make.
fn odd_write() -> impl Strategy<Value = Op> {
    let register = prop::sample::select(WRITABLE.to_vec());
    (register, prop_oneof![2 => 0..0x200_u64, 1 => any::<u64>()]).prop_map(|(register, value)| match register {
        // A chance deadline could lie anywhere; those have their own way.
        Register::TscDeadline => write(register, value & 0x1ff),
        Register::ApicBase => write(register, value & !0x800 | 0xfee0_0000),
        Register::Tmict | Register::Tdcr | Register::Lvtt if value < 0x200 => write(register, value | 1 << 40),
        _ => write(register, value),
    })
}
