//! The guest: one page of real-mode code.
//!
//! Every command of a script is one short stub that ends in `out`, which returns control to the host. Every vector has a
//! handler that reports itself by `out` and, where the script wants it, ends with an EOI. ES has its base at the xAPIC
//! page, so that 16-bit code reaches it.

use kvm_memory::GuestMemory;

/// Bytes of guest memory.
pub const MEMORY: usize = 0x1000;
/// Where the stack starts, growing down. Handlers do not nest: they run with IF=0.
pub const STACK: u64 = 0x1000;
/// `APIC_DEFAULT_PHYS_BASE`, the base of ES.
pub const XAPIC_PAGE: u64 = 0xfee0_0000;

/// Ports that the guest reports on: free ones, beside those of the in-kernel interrupt controller.
pub mod port {
    /// A stub is done.
    pub const DONE: u16 = 0x10;
    /// A handler was entered; the value is the vector.
    pub const VECTOR: u16 = 0x12;
    /// A handler wrote its EOI.
    pub const EOI: u16 = 0x14;
    /// #GP.
    pub const GENERAL_PROTECTION: u16 = 0x16;
    /// NMI: the alarm that ends a halt which nothing else ends.
    pub const ALARM: u16 = 0x18;
}

/// How handlers end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum HandlerEoi {
    /// Without an EOI.
    None = 0,
    /// With an EOI by x2APIC MSR.
    Msr = 1,
    /// With an EOI in the xAPIC page.
    Mmio = 2,
}

/// What the guest is to execute next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stub {
    /// `wrmsr` of EDX:EAX to ECX.
    WriteMsr,
    /// `rdmsr` of ECX to EDX:EAX.
    ReadMsr,
    /// EAX to the xAPIC page at BX.
    WritePage,
    /// EAX from the xAPIC page at BX.
    ReadPage,
    /// An instruction that raises an exception (`ud2`), so that `vcpu_run` looks at its pending timer, and two more.
    ///
    /// KVM injects a pending tick between two exits that it handles itself. A KVM that emulates real mode in batches
    /// ends a batch for an exception, not for `cpuid` or `wrmsr`.
    Live,
    /// `hlt`.
    Halt,
}

impl Stub {
    const ALL: [Self; 6] = [Self::WriteMsr, Self::ReadMsr, Self::WritePage, Self::ReadPage, Self::Live, Self::Halt];

    /// Address of its first instruction.
    pub const fn address(self) -> usize {
        STUBS + 8 * self as usize
    }

    const fn code(self) -> &'static [u8] {
        match self {
            Self::WriteMsr => &[0x0f, 0x30, 0xe6, 0x10], // wrmsr; out DONE, al
            Self::ReadMsr => &[0x0f, 0x32, 0xe6, 0x10],  // rdmsr; out DONE, al
            Self::WritePage => &[0x26, 0x66, 0x89, 0x07, 0xe6, 0x10], // mov es:[bx], eax; out DONE, al
            Self::ReadPage => &[0x26, 0x66, 0x8b, 0x07, 0xe6, 0x10], // mov eax, es:[bx]; out DONE, al
            Self::Live => &[0x0f, 0x0b, 0x90, 0x90, 0xe6, 0x10], // ud2; nop; nop; out DONE, al
            Self::Halt => &[0xf4, 0xe6, 0x10],           // hlt; out DONE, al
        }
    }
}

const VECTOR_STUBS: u16 = 0x400;
const COMMON: u16 = 0xc00;
const GENERAL_PROTECTION_HANDLER: u16 = 0xc80;
const NMI_HANDLER: u16 = 0xc90;
const UNDEFINED_HANDLER: u16 = 0xc94;
const STUBS: usize = 0xca0;
/// The byte that tells handlers how to end.
const HANDLER_EOI: usize = 0xcf0;

/// What every handler does after it has pushed its vector.
const HANDLER: [u8; 55] = [
    0x66, 0x60, // pushad
    0x89, 0xe5, // mov bp, sp
    0x8b, 0x46, 0x20, // mov ax, [bp+32]: the vector
    0xe7, 0x12, // out VECTOR, ax
    0x2e, 0xa0, 0xf0, 0x0c, // mov al, cs:[HANDLER_EOI]
    0x3c, 0x01, // cmp al, 1
    0x74, 0x04, // je msr
    0x77, 0x12, // ja page
    0xeb, 0x1c, // jmp end
    0x66, 0xb9, 0x0b, 0x08, 0x00, 0x00, // msr: mov ecx, 0x80b
    0x66, 0x31, 0xc0, // xor eax, eax
    0x66, 0x31, 0xd2, // xor edx, edx
    0x0f, 0x30, // wrmsr
    0xeb, 0x0a, // jmp told
    0xbb, 0xb0, 0x00, // page: mov bx, 0xb0
    0x66, 0x31, 0xc0, // xor eax, eax
    0x26, 0x66, 0x89, 0x07, // mov es:[bx], eax
    0xe6, 0x14, // told: out EOI, al
    0x66, 0x61, // end: popad
    0x83, 0xc4, 0x02, // add sp, 2
    0xcf, // iret
];

/// Puts the guest into its memory.
pub fn install(memory: GuestMemory) {
    for vector in 0..=255_u16 {
        let stub = VECTOR_STUBS + vector * 8;
        let handler = match vector {
            2 => NMI_HANDLER,
            6 => UNDEFINED_HANDLER,
            13 => GENERAL_PROTECTION_HANDLER,
            _ => stub,
        };
        memory.write(usize::from(vector) * 4, &handler.to_le_bytes());
        let number = vector.to_le_bytes();
        let jump = COMMON.wrapping_sub(stub + 6).to_le_bytes();
        memory.write(usize::from(stub), &[0x68, number[0], number[1], 0xe9, jump[0], jump[1]]); // push vector; jmp COMMON
    }
    memory.write(usize::from(COMMON), &HANDLER);
    memory.write(usize::from(GENERAL_PROTECTION_HANDLER), &[0xe6, 0x16, 0xf4]); // out GENERAL_PROTECTION, al; hlt
    memory.write(usize::from(NMI_HANDLER), &[0xe6, 0x18, 0xcf]); // out ALARM, al; iret
    // push bp; mov bp, sp; add word [bp+2], 2; pop bp; iret: on behind the ud2
    memory.write(usize::from(UNDEFINED_HANDLER), &[0x55, 0x89, 0xe5, 0x83, 0x46, 0x02, 0x02, 0x5d, 0xcf]);
    for stub in Stub::ALL {
        memory.write(stub.address(), stub.code());
    }
    end_handlers(memory, HandlerEoi::Msr);
}

/// How handlers end from here on.
pub fn end_handlers(memory: GuestMemory, eoi: HandlerEoi) {
    memory.write(HANDLER_EOI, &[eoi as u8]);
}
