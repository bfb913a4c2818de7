//! From a line to a [`Command`].

use super::error::ScriptProblem;
use super::script::{Command, Register, TimerPath, Vendor};
use crate::lapic::BusNs;
use crate::units::{Ns, TscKhz, Vector};

/// The highest frequency that [`TscKhz`] takes.
const MAX_KHZ: u64 = 100_000_000;
/// The longest time that passes at once: [`Ns::NEVER`] is no time.
const MAX_NS: u64 = u64::MAX / 4;

/// What follows a command's name.
#[derive(Clone, Copy)]
enum Shape {
    Bare(Command),
    Era,
    Vendor,
    Path,
    Bus,
    TscKhz,
    AutoEoi,
    Write,
    Read,
    Advance,
    Pause,
    InterruptFlag,
    Tpr,
    Post,
    EoiExit,
}

const COMMANDS: [(&str, Shape); 26] = [
    ("era", Shape::Era),
    ("vendor", Shape::Vendor),
    ("path", Shape::Path),
    ("bus", Shape::Bus),
    ("tsc-khz", Shape::TscKhz),
    ("auto-eoi", Shape::AutoEoi),
    ("write", Shape::Write),
    ("read", Shape::Read),
    ("advance", Shape::Advance),
    ("pause", Shape::Pause),
    ("hlt", Shape::Bare(Command::Hlt)),
    ("if", Shape::InterruptFlag),
    ("tpr", Shape::Tpr),
    ("eoi", Shape::Bare(Command::Eoi)),
    ("save", Shape::Bare(Command::Save)),
    ("restore", Shape::Bare(Command::Restore)),
    ("post", Shape::Post),
    ("notify", Shape::Bare(Command::Notify)),
    ("exit", Shape::Bare(Command::Exit)),
    ("entry", Shape::Bare(Command::Entry)),
    ("eoi-exit", Shape::EoiExit),
    ("expiries", Shape::Bare(Command::Expiries)),
    ("fired", Shape::Bare(Command::Fired)),
    ("ipis", Shape::Bare(Command::Ipis)),
    ("exits", Shape::Bare(Command::Exits)),
    ("state", Shape::Bare(Command::State)),
];

pub(super) fn command(line: &str) -> Result<Option<Command>, ScriptProblem> {
    let line = line.split('#').next().unwrap_or_default();
    let words: Vec<&str> = line.split_whitespace().collect();
    let Some((name, rest)) = words.split_first() else { return Ok(None) };
    let Some((name, shape)) = COMMANDS.iter().find(|(known, _)| known == name) else {
        let valid = COMMANDS.map(|(known, _)| known).join(", ");
        return Err(ScriptProblem::Command { name: (*name).to_owned(), valid });
    };
    Words { command: name, rest }.shaped(*shape).map(Some)
}

/// The words after a command's name.
struct Words<'a> {
    command: &'static str,
    rest: &'a [&'a str],
}

impl Words<'_> {
    fn shaped(&self, shape: Shape) -> Result<Command, ScriptProblem> {
        Ok(match shape {
            Shape::Bare(command) => self.take::<0>("nothing").map(|[]| command)?,
            Shape::Era => {
                let [name] = self.take("a kernel")?;
                let era = name.parse().map_err(|valid| ScriptProblem::Era { name: name.to_owned(), valid })?;
                Command::Era(era)
            }
            Shape::Vendor => Command::Vendor(match self.take("vmx, svm, qemu or hardware")? {
                ["vmx"] => Vendor::Vmx,
                ["svm"] => Vendor::Svm,
                ["qemu"] => Vendor::Qemu,
                ["hardware"] => Vendor::Hardware,
                [other] => return Err(self.choice(other, "vmx, svm, qemu or hardware")),
            }),
            Shape::Path => Command::Path(match self.take("pending, posted or hv")? {
                ["pending"] => TimerPath::Pending,
                ["posted"] => TimerPath::Posted,
                ["hv"] => TimerPath::Hv,
                [other] => return Err(self.choice(other, "pending, posted or hv")),
            }),
            Shape::Bus => {
                let [text] = self.take("nanoseconds")?;
                let ns = BusNs::new(self.number(text, 1, BusNs::MAX_NS)?);
                Command::Bus(ns.ok_or_else(|| self.out_of_range(text, 1, BusNs::MAX_NS))?)
            }
            Shape::TscKhz => {
                let [text] = self.take("kHz")?;
                let khz = TscKhz::new(self.number(text, 1, MAX_KHZ)?);
                Command::TscKhz(khz.ok_or_else(|| self.out_of_range(text, 1, MAX_KHZ))?)
            }
            Shape::AutoEoi => Command::AutoEoi(self.take("0 or 1").and_then(|[text]| self.switch(text))?),
            Shape::Write => {
                let [register, value] = self.take("a register and a value")?;
                Command::Write(register_named(register)?, self.number(value, 0, u64::MAX)?)
            }
            Shape::Read => Command::Read(self.take("a register").and_then(|[name]| register_named(name))?),
            Shape::Advance => Command::Advance(self.take("nanoseconds").and_then(|[text]| self.ns(text))?),
            Shape::Pause => Command::Pause(self.take("nanoseconds").and_then(|[text]| self.ns(text))?),
            Shape::InterruptFlag => Command::InterruptFlag(self.take("0 or 1").and_then(|[text]| self.switch(text))?),
            Shape::Tpr => Command::Tpr(self.take("a priority").and_then(|[text]| self.byte(text))?),
            Shape::Post => Command::Post(self.take("a vector").and_then(|[text]| self.vector(text))?),
            Shape::EoiExit => {
                let [vector, on] = self.take("a vector, and 0 or 1")?;
                Command::EoiExit(self.vector(vector)?, self.switch(on)?)
            }
        })
    }

    fn take<const N: usize>(&self, wanted: &'static str) -> Result<[&str; N], ScriptProblem> {
        self.rest.try_into().map_err(|_| ScriptProblem::Words {
            command: self.command,
            wanted,
            found: if self.rest.is_empty() { "nothing".to_owned() } else { format!("{:?}", self.rest.join(" ")) },
        })
    }

    fn number(&self, text: &str, from: u64, to: u64) -> Result<u64, ScriptProblem> {
        let digits = text.strip_prefix("0x");
        // `from_str_radix` would take a sign as well.
        let plain = digits.unwrap_or(text).bytes().all(|b| b.is_ascii_hexdigit());
        let number = if plain {
            u64::from_str_radix(digits.unwrap_or(text), if digits.is_some() { 16 } else { 10 }).ok()
        } else {
            None
        };
        number.filter(|n| (from..=to).contains(n)).ok_or_else(|| self.out_of_range(text, from, to))
    }

    fn out_of_range(&self, text: &str, from: u64, to: u64) -> ScriptProblem {
        ScriptProblem::Number { command: self.command, text: text.to_owned(), from, to }
    }

    fn choice(&self, name: &str, valid: &'static str) -> ScriptProblem {
        ScriptProblem::Choice { command: self.command, name: name.to_owned(), valid }
    }

    fn switch(&self, text: &str) -> Result<bool, ScriptProblem> {
        Ok(self.number(text, 0, 1)? == 1)
    }

    fn byte(&self, text: &str) -> Result<u8, ScriptProblem> {
        Ok(self.number(text, 0, 0xff)? as u8)
    }

    fn vector(&self, text: &str) -> Result<Vector, ScriptProblem> {
        Ok(Vector::new(self.byte(text)?))
    }

    fn ns(&self, text: &str) -> Result<Ns, ScriptProblem> {
        Ok(Ns::from_ns(self.number(text, 0, MAX_NS)?))
    }
}

fn register_named(name: &str) -> Result<Register, ScriptProblem> {
    Register::ALL.iter().copied().find(|register| register.name().eq_ignore_ascii_case(name)).ok_or_else(|| {
        let valid: Vec<_> = Register::ALL.iter().map(|register| register.name()).collect();
        ScriptProblem::Register { name: name.to_owned(), valid: valid.join(", ") }
    })
}

#[cfg(test)]
mod tests {
    use super::super::script::read;
    use super::*;
    use crate::bench::Kernel;

    #[track_caller]
    fn check(line: &str, expect: Command) {
        assert_eq!(command(line), Ok(Some(expect)), "{line}");
    }

    #[test]
    fn every_command_is_read() {
        check("era 5.18", Command::Era(Kernel::Release(5, 18)));
        check("vendor hardware", Command::Vendor(Vendor::Hardware));
        check("path hv", Command::Path(TimerPath::Hv));
        check("bus 40", Command::Bus(BusNs::new(40).expect("valid")));
        check("tsc-khz 2500000", Command::TscKhz(TscKhz::DEFAULT));
        check("auto-eoi 0", Command::AutoEoi(false));
        check("  write\tTMICT 0xFFFFffff # as long as it gets", Command::Write(Register::Tmict, 0xffff_ffff));
        check("write TSC_DEADLINE 18446744073709551615", Command::Write(Register::TscDeadline, u64::MAX));
        check("read tmcct", Command::Read(Register::Tmcct));
        check("advance 1600000", Command::Advance(Ns::from_us(1_600)));
        check("pause 0", Command::Pause(Ns::ZERO));
        check("if 1", Command::InterruptFlag(true));
        check("tpr 0xf0", Command::Tpr(0xf0));
        check("post 0xec", Command::Post(Vector::LOCAL_TIMER));
        check("eoi-exit 236 1", Command::EoiExit(Vector::LOCAL_TIMER, true));
        for (name, shape) in COMMANDS {
            if let Shape::Bare(expect) = shape {
                check(name, expect);
            }
        }
        assert_eq!(command("   # nothing"), Ok(None));
        assert_eq!(command(""), Ok(None));
    }

    #[test]
    fn every_register_is_read_by_its_name() {
        for &register in Register::ALL {
            check(&format!("read {register}"), Command::Read(register));
        }
    }

    #[track_caller]
    fn refused(line: &str, expect: &str) {
        let script = format!("hlt\n\n{line}\nstate");
        assert_eq!(read(&script).map_err(|e| e.to_string()), Err(format!("line 3: {expect}")));
    }

    #[test]
    fn what_cannot_be_read_is_answered_with_line_and_what_would_be_valid() {
        refused("advance -1", r#"advance "-1": a number (decimal or 0x…) from 0 to 4611686018427387903 is valid"#);
        refused("advance +1", r#"advance "+1": a number (decimal or 0x…) from 0 to 4611686018427387903 is valid"#);
        refused("advance 0x", r#"advance "0x": a number (decimal or 0x…) from 0 to 4611686018427387903 is valid"#);
        refused("advance", "advance is followed by nanoseconds; here by nothing");
        refused("hlt now", "hlt is followed by nothing; here by \"now\"");
        refused("post 256", r#"post "256": a number (decimal or 0x…) from 0 to 255 is valid"#);
        refused("bus 0", r#"bus "0": a number (decimal or 0x…) from 1 to 33554432 is valid"#);
        refused("tsc-khz 0", r#"tsc-khz "0": a number (decimal or 0x…) from 1 to 100000000 is valid"#);
        refused("if 2", r#"if "2": a number (decimal or 0x…) from 0 to 1 is valid"#);
        refused("vendor intel", r#"vendor "intel": vmx, svm, qemu or hardware is valid"#);
        refused("era 7", r#"era "7": pre-4.3, a release from 4.0 to 6.19, seed-2019, v4 or 2026 is valid"#);
        let registers =
            "LVTT, TDCR, TMICT, TMCCT, SVR, APIC_BASE, TPR, PPR, EOI, SELF_IPI, TSC_DEADLINE, IRR, ISR, ESR";
        refused("read TMR", &format!("there is no register \"TMR\"; there are: {registers}"));
        let error = read("jump").expect_err("no such command").to_string();
        assert!(error.starts_with("line 1: there is no command \"jump\"; there are: era, vendor, "), "{error}");
    }
}
