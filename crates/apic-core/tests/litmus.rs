//! The memory model is x86-TSO: litmus tests with the outcomes that the literature allows and forbids.
//!
//! Names and outcomes: P. Sewell et al., "x86-TSO", CACM 53(7), 2010; S. Owens, S. Sarkar, P. Sewell, "A better x86 memory
//! model: x86-TSO", TPHOLs 2009 (n6, n5, n4b, iwp examples); SDM vol. 3, "Examples Illustrating the Memory-Ordering Principles"
//! (8.2.3.x).

use apic_core::host::StoreBuffers;
use apic_core::units::CpuId;
use std::collections::BTreeSet;

/// One instruction of a thread, on variables x = 0, y = 1 and registers of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Op {
    /// `mov [var], value`
    Store(usize, u8),
    /// `mov register, [var]`
    Load(usize, usize),
    /// `mfence`
    Fence,
    /// `lock xchg [var], value`, the old value to a register.
    Xchg(usize, u8, usize),
}
use Op::{Fence, Load, Store, Xchg};

const X: usize = 0;
const Y: usize = 1;
const REGISTERS: usize = 2;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct State {
    memory: [u8; 2],
    pc: Vec<usize>,
    registers: Vec<[u8; REGISTERS]>,
    /// What waits, per thread, oldest first: what [`StoreBuffers`] holds, in an order that sets can keep.
    waiting: Vec<(u16, usize, u8)>,
}

impl State {
    fn new(threads: usize) -> Self {
        Self { memory: [0; 2], pc: vec![0; threads], registers: vec![[0; REGISTERS]; threads], waiting: Vec::new() }
    }

    /// A change of memory through the buffers under test.
    fn with_buffers<T>(&mut self, change: impl FnOnce(&mut StoreBuffers<(usize, u8)>, &mut [u8; 2]) -> T) -> T {
        let mut buffers = StoreBuffers::default();
        for (cpu, var, value) in &self.waiting {
            buffers.push(CpuId(*cpu), (*var, *value));
        }
        let result = change(&mut buffers, &mut self.memory);
        self.waiting = buffers.iter().map(|(cpu, (var, value))| (cpu.0, var, value)).collect();
        result
    }

    fn drain(&mut self, cpu: CpuId) -> bool {
        self.with_buffers(|buffers, memory| match buffers.drain(cpu) {
            Some((var, value)) => {
                memory[var] = value;
                true
            }
            None => false,
        })
    }

    fn step(&mut self, thread: usize, op: Op) {
        let cpu = CpuId(thread as u16);
        match op {
            Store(var, value) => self.with_buffers(|buffers, _| buffers.push(cpu, (var, value))),
            Load(register, var) => {
                let value = self.with_buffers(|buffers, memory| {
                    buffers.newest(cpu, |(v, value)| (v == var).then_some(value)).unwrap_or(memory[var])
                });
                self.registers[thread][register] = value;
            }
            Fence => while self.drain(cpu) {},
            Xchg(var, value, register) => {
                while self.drain(cpu) {}
                self.registers[thread][register] = std::mem::replace(&mut self.memory[var], value);
            }
        }
        self.pc[thread] += 1;
    }
}

/// Every outcome: registers of all threads, and memory at the end.
fn outcomes(threads: &[&[Op]]) -> BTreeSet<(Vec<[u8; REGISTERS]>, [u8; 2])> {
    let start = State::new(threads.len());
    let mut seen = BTreeSet::from([start.clone()]);
    let (mut work, mut ends) = (vec![start], BTreeSet::new());
    while let Some(state) = work.pop() {
        let mut children = Vec::new();
        for (thread, code) in threads.iter().enumerate() {
            if let Some(op) = code.get(state.pc[thread]) {
                let mut child = state.clone();
                child.step(thread, *op);
                children.push(child);
            }
            let mut drained = state.clone();
            if drained.drain(CpuId(thread as u16)) {
                children.push(drained);
            }
        }
        if children.is_empty() {
            ends.insert((state.registers, state.memory));
        }
        work.extend(children.into_iter().filter(|child| seen.insert(child.clone())));
    }
    ends
}

/// Whether an outcome with these registers (thread, register, value) is possible.
#[track_caller]
fn check(name: &str, threads: &[&[Op]], wanted: &[(usize, usize, u8)], memory: Option<[u8; 2]>, allowed: bool) {
    let found = outcomes(threads).into_iter().any(|(registers, end)| {
        wanted.iter().all(|(thread, register, value)| registers[*thread][*register] == *value)
            && memory.is_none_or(|memory| memory == end)
    });
    assert_eq!(found, allowed, "{name}");
}

#[test]
fn store_buffering() {
    let relaxed = [(0, 0, 0), (1, 0, 0)];
    check("SB (8.2.3.4)", &[&[Store(X, 1), Load(0, Y)], &[Store(Y, 1), Load(0, X)]], &relaxed, None, true);
    let fenced: [&[Op]; 2] = [&[Store(X, 1), Fence, Load(0, Y)], &[Store(Y, 1), Fence, Load(0, X)]];
    check("SB+mfences (amd5)", &fenced, &relaxed, None, false);
    let half: [&[Op]; 2] = [&[Store(X, 1), Fence, Load(0, Y)], &[Store(Y, 1), Load(0, X)]];
    check("SB+mfence+po", &half, &relaxed, None, true);
    let locked: [&[Op]; 2] = [&[Xchg(X, 1, 1), Load(0, Y)], &[Xchg(Y, 1, 1), Load(0, X)]];
    check("SB+locks (8.2.3.9, iwp2.8.a)", &locked, &relaxed, None, false);
}

#[test]
fn message_passing() {
    let threads: [&[Op]; 2] = [&[Store(X, 1), Store(Y, 1)], &[Load(0, Y), Load(1, X)]];
    check("MP (8.2.3.2)", &threads, &[(1, 0, 1), (1, 1, 0)], None, false);
    check("MP, in order", &threads, &[(1, 0, 1), (1, 1, 1)], None, true);
    check("MP, too early", &threads, &[(1, 0, 0), (1, 1, 0)], None, true);
}

#[test]
fn load_buffering() {
    let threads: [&[Op]; 2] = [&[Load(0, X), Store(Y, 1)], &[Load(0, Y), Store(X, 1)]];
    check("LB (8.2.3.3)", &threads, &[(0, 0, 1), (1, 0, 1)], None, false);
}

#[test]
fn independent_reads_of_independent_writes() {
    let threads: [&[Op]; 4] = [&[Store(X, 1)], &[Store(Y, 1)], &[Load(0, X), Load(1, Y)], &[Load(0, Y), Load(1, X)]];
    check("IRIW (8.2.3.7)", &threads, &[(2, 0, 1), (2, 1, 0), (3, 0, 1), (3, 1, 0)], None, false);
    let locked: [&[Op]; 4] = [&[Xchg(X, 1, 0)], &[Xchg(Y, 1, 0)], &[Load(0, X), Load(1, Y)], &[Load(0, Y), Load(1, X)]];
    check("IRIW+locks (8.2.3.8)", &locked, &[(2, 0, 1), (2, 1, 0), (3, 0, 1), (3, 1, 0)], None, false);
}

#[test]
fn own_stores_are_seen_first() {
    let threads: [&[Op]; 2] = [&[Store(X, 1), Load(0, X), Load(1, Y)], &[Store(Y, 1), Load(0, Y), Load(1, X)]];
    check("iwp2.4 (8.2.3.5)", &threads, &[(0, 0, 1), (0, 1, 0), (1, 0, 1), (1, 1, 0)], None, true);
    let alone: [&[Op]; 1] = [&[Store(X, 1), Load(0, X)]];
    check("a store and a load of one thread", &alone, &[(0, 0, 0)], None, false);
    let n6: [&[Op]; 2] = [&[Store(X, 1), Load(0, X), Load(1, Y)], &[Store(Y, 2), Store(X, 2)]];
    check("n6", &n6, &[(0, 0, 1), (0, 1, 0)], Some([1, 2]), true);
}

#[test]
fn stores_are_seen_in_one_order_by_all() {
    let causal: [&[Op]; 3] = [&[Store(X, 1)], &[Load(0, X), Store(Y, 1)], &[Load(0, Y), Load(1, X)]];
    check("WRC (8.2.3.6)", &causal, &[(1, 0, 1), (2, 0, 1), (2, 1, 0)], None, false);
    let both: [&[Op]; 2] = [&[Store(X, 1), Store(Y, 2)], &[Store(Y, 1), Store(X, 2)]];
    check("2+2W", &both, &[], Some([1, 1]), false);
    let n5: [&[Op]; 2] = [&[Store(X, 1), Load(0, X)], &[Store(X, 2), Load(0, X)]];
    check("n5", &n5, &[(0, 0, 2), (1, 0, 1)], None, false);
    let n4b: [&[Op]; 2] = [&[Load(0, X), Store(X, 1)], &[Load(0, X), Store(X, 2)]];
    check("n4b", &n4b, &[(0, 0, 2), (1, 0, 1)], None, false);
    let coherent: [&[Op]; 3] = [&[Store(X, 1)], &[Store(X, 2)], &[Load(0, X), Load(1, X)]];
    check("CoRR, one way", &coherent, &[(2, 0, 1), (2, 1, 2)], None, true);
    let two: [&[Op]; 4] = [&[Store(X, 1)], &[Store(X, 2)], &[Load(0, X), Load(1, X)], &[Load(0, X), Load(1, X)]];
    check("CoRR, both ways", &two, &[(2, 0, 1), (2, 1, 2), (3, 0, 2), (3, 1, 1)], None, false);
}

#[test]
fn locked_instructions_are_atomic_and_drain() {
    let swap: [&[Op]; 2] = [&[Xchg(X, 1, 0)], &[Xchg(X, 2, 0)]];
    check("two exchanges", &swap, &[(0, 0, 0), (1, 0, 0)], None, false);
    let after: [&[Op]; 2] = [&[Store(X, 1), Xchg(Y, 1, 0)], &[Load(0, Y), Load(1, X)]];
    check("a store before a locked one (8.2.3.10)", &after, &[(1, 0, 1), (1, 1, 0)], None, false);
    // The pairing of KVM: request, locked; mode, then a barrier, then the request.
    let kick: [&[Op]; 2] = [&[Store(X, 1), Fence, Load(0, Y)], &[Xchg(Y, 1, 0), Load(1, X)]];
    check("kick and entry", &kick, &[(0, 0, 0), (1, 1, 0)], None, false);
    let bare: [&[Op]; 2] = [&[Store(X, 1), Load(0, Y)], &[Xchg(Y, 1, 0), Load(1, X)]];
    check("kick and entry without the barrier", &bare, &[(0, 0, 0), (1, 1, 0)], None, true);
}
