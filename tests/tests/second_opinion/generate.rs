//! Random scripts: everything that the language has, with the values at which rules change more likely than others.

use apic_core::bench::Kernel;
use apic_core::bench::script::{Command, Register, TimerPath, Vendor};
use apic_core::lapic::BusNs;
use apic_core::units::{Ns, TscKhz, Vector};

/// SplitMix64: a seed is all there is to it.
pub(crate) struct Generator(u64);

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }

    fn kernel(&mut self) -> Kernel {
        const NAMES: [&str; 26] = [
            "pre-4.3",
            "4.3",
            "4.6",
            "4.7",
            "4.8",
            "4.10",
            "4.11",
            "4.14",
            "4.15",
            "5.1",
            "5.2",
            "seed-2019",
            "v4",
            "5.3",
            "5.8",
            "5.10",
            "5.11",
            "5.12",
            "5.13",
            "5.18",
            "5.19",
            "6.1",
            "6.2",
            "6.7",
            "6.18",
            "6.19",
        ];
        self.one(&NAMES).parse().expect("a kernel")
    }

    fn vector(&mut self) -> u64 {
        match self.below(8) {
            0 => self.below(16),
            1 => self.below(256),
            _ => self.one(&[0x10, 0x1f, 0x31, 0x41, 0x4f, 0xec, 0xee, 0xff]),
        }
    }

    fn span(&mut self) -> u64 {
        match self.below(10) {
            0 => 0,
            1 => self.below(5),
            2 => self.one(&[199_999, 200_000, 200_001, 999_999, 1_000_000, 1_000_001]),
            3..6 => self.below(1_500),
            6..9 => self.below(400_000),
            _ => self.below(3_000_000),
        }
    }

    fn count(&mut self) -> u64 {
        match self.below(8) {
            0 => 0,
            1 => self.one(&[1, 2, 1_000_000, 0x10000, 0xffff_ffff]),
            2..5 => self.below(3_000),
            _ => 100_000 + self.below(400_000),
        }
    }

    fn lvtt(&mut self) -> u64 {
        let mode = self.one(&[0u64, 0, 1, 1, 2, 2, 3]);
        let masked = u64::from(self.chance(4));
        let noise = if self.chance(20) { self.next() & 0xfff8_f000 } else { 0 };
        mode << 17 | masked << 16 | self.vector() | noise
    }

    fn value(&mut self, register: Register, now: u64, khz: u64) -> u64 {
        if self.chance(40) {
            return self.next();
        }
        match register {
            Register::Lvtt => self.lvtt(),
            Register::Tdcr => self.one(&[0, 1, 2, 3, 8, 9, 0xa, 0xb, 0xb, 0xb, 0xf, 4]),
            Register::Tmict => self.count(),
            Register::Svr => self.one(&[0x1ff, 0x1ff, 0x1ff, 0xff, 0x3ff, 0x11f]),
            Register::ApicBase => {
                self.one(&[0xfee0_0d00, 0xfee0_0d00, 0xfee0_0900, 0xfee0_0100, 0xfee0_0500, 0xfee0_0c00])
            }
            Register::Tpr => self.one(&[0, 0, 0, 0x0f, 0x10, 0x3f, 0x40, 0xe0, 0xff]),
            Register::Eoi | Register::Esr => u64::from(self.chance(5)),
            Register::SelfIpi => self.vector(),
            Register::TscDeadline => {
                let tsc = (u128::from(now) * u128::from(khz) / 1_000_000) as u64;
                let span = self.span();
                match self.below(10) {
                    0 => 0,
                    1 => tsc,
                    2 => tsc.saturating_sub(span),
                    3 => tsc + (1 << 37),
                    _ => tsc + span,
                }
            }
            Register::Tmcct | Register::Ppr | Register::Irr | Register::Isr => self.below(256),
        }
    }

    /// A script of `length` commands or a few more, settings first.
    pub(crate) fn script(&mut self, length: usize) -> Vec<Command> {
        let vendor = if self.chance(4) { Vendor::Svm } else { Vendor::Vmx };
        let khz = self.one(&[1_000_000, 1_000_000, 2_500_000, 2_100_123, 333_333]);
        let bus = self.one(&[1, 1, 1, 1, 8, 40]);
        let mut script = vec![
            Command::Vendor(vendor),
            Command::TscKhz(TscKhz::new(khz).expect("valid")),
            Command::Bus(BusNs::new(bus).expect("valid")),
            Command::Path(self.path()),
        ];
        if self.chance(2) {
            script.push(Command::Era(self.kernel()));
        }
        let (mut now, mut saved) = (0, false);
        while script.len() < length {
            let command = self.command(now, khz);
            match command {
                Command::Advance(span) | Command::Pause(span) => now += span.as_ns(),
                Command::Save => saved = true,
                Command::Restore if !saved => continue,
                _ => {}
            }
            script.push(command);
        }
        script
    }

    fn path(&mut self) -> TimerPath {
        self.one(&[TimerPath::Pending, TimerPath::Posted, TimerPath::Hv])
    }

    fn command(&mut self, now: u64, khz: u64) -> Command {
        let ns = Ns::from_ns;
        match self.below(100) {
            0..30 => {
                let register = match self.below(3) {
                    0 => self.one(Register::ALL),
                    _ => self.one(&[Register::Lvtt, Register::Tdcr, Register::Tmict, Register::TscDeadline]),
                };
                Command::Write(register, self.value(register, now, khz))
            }
            30..40 => Command::Read(self.one(Register::ALL)),
            40..56 => Command::Advance(ns(self.span())),
            56..58 => Command::Pause(ns(self.span())),
            58..61 => Command::Hlt,
            61..64 => Command::InterruptFlag(self.below(3) != 0),
            64..67 => Command::Tpr(self.one(&[0, 0, 0, 0x10, 0x3f, 0xe0, 0xff])),
            67..69 => Command::Eoi,
            69..71 => Command::Save,
            71..73 => Command::Restore,
            73..77 => Command::Post(Vector::new(self.vector() as u8)),
            77..79 => Command::Notify,
            79..82 => Command::Exit,
            82..87 => Command::Entry,
            87 => Command::EoiExit(Vector::new(self.vector() as u8), self.chance(2)),
            88 => Command::AutoEoi(self.below(3) != 0),
            89 => Command::Path(self.path()),
            90 => {
                if self.chance(4) {
                    Command::Era(self.kernel())
                } else {
                    Command::Era(Kernel::LATEST)
                }
            }
            91 => Command::Expiries,
            92..95 => Command::Fired,
            95 => Command::Ipis,
            96 => Command::Exits,
            _ => Command::State,
        }
    }
}

/// Whether every command can be obeyed: a restore needs a save, the frequency stays, settings of the vendor come first.
pub(crate) fn is_valid(script: &[Command]) -> bool {
    let restore = script.iter().position(|command| *command == Command::Restore);
    let save = script.iter().position(|command| *command == Command::Save);
    restore.is_none_or(|restore| save.is_some_and(|save| save < restore))
}

/// A command as a script has it.
pub(crate) fn line(command: Command) -> String {
    let bit = u8::from;
    match command {
        Command::Era(kernel) => format!("era {kernel}"),
        Command::Vendor(vendor) => {
            let name = match vendor {
                Vendor::Vmx => "vmx",
                Vendor::Svm => "svm",
                Vendor::Qemu => "qemu",
                Vendor::Hardware => "hardware",
            };
            format!("vendor {name}")
        }
        Command::Path(path) => {
            let name = match path {
                TimerPath::Pending => "pending",
                TimerPath::Posted => "posted",
                TimerPath::Hv => "hv",
            };
            format!("path {name}")
        }
        Command::Bus(bus) => format!("bus {}", bus.as_ns()),
        Command::TscKhz(khz) => format!("tsc-khz {}", khz.as_khz()),
        Command::AutoEoi(on) => format!("auto-eoi {}", bit(on)),
        Command::Write(register, value) => format!("write {register} {value:#x}"),
        Command::Read(register) => format!("read {register}"),
        Command::Advance(span) => format!("advance {}", span.as_ns()),
        Command::Pause(span) => format!("pause {}", span.as_ns()),
        Command::Hlt => "hlt".to_owned(),
        Command::InterruptFlag(on) => format!("if {}", bit(on)),
        Command::Tpr(tpr) => format!("tpr {tpr:#x}"),
        Command::Eoi => "eoi".to_owned(),
        Command::Save => "save".to_owned(),
        Command::Restore => "restore".to_owned(),
        Command::Post(v) => format!("post {v}"),
        Command::Notify => "notify".to_owned(),
        Command::Exit => "exit".to_owned(),
        Command::Entry => "entry".to_owned(),
        Command::EoiExit(v, on) => format!("eoi-exit {v} {}", bit(on)),
        Command::Expiries => "expiries".to_owned(),
        Command::Fired => "fired".to_owned(),
        Command::Ipis => "ipis".to_owned(),
        Command::Exits => "exits".to_owned(),
        Command::State => "state".to_owned(),
    }
}
