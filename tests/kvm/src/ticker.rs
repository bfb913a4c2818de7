//! A guest of its own: it arms its timer, waits halting or busy, counts ticks in its handler, and stops.

use std::time::Duration;

use apic_core::units::{Ns, Vector};

use crate::vm::{Event, Ran, Vm, VmError};

/// Timer modes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// TMICT, written again in each handler.
    OneShot,
    /// TMICT, written once.
    Periodic,
    /// `IA32_TSC_DEADLINE`, this much behind what `rdtsc` says, written again in each handler.
    TscDeadline,
}

/// How it waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wait {
    /// By `hlt`.
    Halting,
    /// In a loop.
    Busy,
}

/// The guest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticker {
    /// Timer mode.
    pub mode: Mode,
    /// How it waits.
    pub wait: Wait,
    /// What LVTT requests.
    pub vector: Vector,
    /// Bus or TSC cycles from one tick to the next.
    pub cycles: u32,
    /// How many ticks it takes.
    pub ticks: u8,
}

/// It is given up for lost after this time.
const LIMIT: Duration = Duration::from_secs(20);
const MAIN: u16 = 0xd00;
const ARM: u16 = 0xd60;
const HANDLER: u16 = 0xd90;
const COUNT: u16 = 0xcf8;

/// `mov ecx, msr; mov eax, value; xor edx, edx; wrmsr`.
fn wrmsr(code: &mut Vec<u8>, msr: u32, value: u32) {
    code.extend([0x66, 0xb9]);
    code.extend(msr.to_le_bytes());
    code.extend([0x66, 0xb8]);
    code.extend(value.to_le_bytes());
    code.extend([0x66, 0x31, 0xd2, 0x0f, 0x30]);
}

/// `call ARM`, from code that lies at `at`.
fn call_arm(code: &mut Vec<u8>, at: u16) {
    let next = at + code.len() as u16 + 3;
    code.push(0xe8);
    code.extend(ARM.wrapping_sub(next).to_le_bytes());
}

impl Ticker {
    /// LVTT, as it writes it.
    pub fn lvtt(self) -> u32 {
        u32::from(self.vector.number()) | (self.mode as u32) << 17
    }

    /// Lets it run to its end.
    ///
    /// # Errors
    /// If the VM fails.
    pub fn run(self, vm: &mut Vm) -> Result<Ran, VmError> {
        vm.write(MAIN.into(), &self.main());
        vm.write(ARM.into(), &self.arm());
        vm.write(HANDLER.into(), &self.handler());
        vm.write(COUNT.into(), &[self.ticks]);
        vm.write(usize::from(self.vector.number()) * 4, &HANDLER.to_le_bytes());
        vm.run_for(MAIN.into(), false, LIMIT)
    }

    fn main(self) -> Vec<u8> {
        let mut code = Vec::new();
        wrmsr(&mut code, 0x83e, 0xb);
        wrmsr(&mut code, 0x832, self.lvtt());
        call_arm(&mut code, MAIN);
        code.push(0xfb); // sti
        code.extend(match self.wait {
            Wait::Halting => [0xf4, 0xeb, 0xfd], // hlt; jmp back to it
            Wait::Busy => [0x90, 0xeb, 0xfd],    // nop; jmp back to it
        });
        code
    }

    fn arm(self) -> Vec<u8> {
        let mut code = Vec::new();
        if self.mode == Mode::TscDeadline {
            code.extend([0x0f, 0x31, 0x66, 0x05]); // rdtsc; add eax, cycles
            code.extend(self.cycles.to_le_bytes());
            code.extend([0x66, 0x83, 0xd2, 0x00]); // adc edx, 0
            code.extend([0x66, 0xb9, 0xe0, 0x06, 0x00, 0x00, 0x0f, 0x30]); // mov ecx, 0x6e0; wrmsr
        } else {
            wrmsr(&mut code, 0x838, self.cycles);
        }
        code.push(0xc3); // ret
        code
    }

    fn handler(self) -> Vec<u8> {
        let mut code = vec![0x66, 0x60, 0xb8, self.vector.number(), 0x00, 0xe7, 0x12]; // pushad; mov ax, v; out VECTOR, ax
        code.extend([0xfe, 0x0e]); // dec byte [COUNT]
        code.extend(COUNT.to_le_bytes());
        let mut again = Vec::new();
        if self.mode != Mode::Periodic {
            let at = HANDLER + code.len() as u16 + 2;
            call_arm(&mut again, at);
        }
        wrmsr(&mut again, 0x80b, 0);
        again.extend([0xe6, 0x14, 0x66, 0x61, 0xcf]); // out EOI, al; popad; iret
        code.extend([0x74, again.len() as u8]); // jz last
        code.extend(again);
        wrmsr(&mut code, 0x80b, 0); // last
        code.extend([0xe6, 0x14, 0xe6, 0x10, 0xf4]); // out EOI, al; out DONE, al; hlt
        code
    }

    /// From one tick to the next, on a bus of 1 ns and a TSC of `khz`.
    pub fn interval(self, khz: u32) -> Ns {
        let cycles = u64::from(self.cycles);
        Ns::from_ns(if self.mode == Mode::TscDeadline { cycles * 1_000_000 / u64::from(khz) } else { cycles })
    }
}

/// The order of ticks and EOIs.
pub fn order(ran: &Ran) -> Vec<Event> {
    ran.events.iter().map(|(event, _)| *event).collect()
}
