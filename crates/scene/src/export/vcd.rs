//! A run as signals over time: the value change dump of IEEE 1364-2005, section 18, which GTKWave and Surfer open.
//!
//! A scope per path; in it one per vCPU (posted-interrupt descriptor, virtual-APIC page, `vcpu->mode`, timer) and one per
//! CPU. The unit of time is the nanosecond. Of several changes within one nanosecond a reader shows the last.

use super::taken;
use apic_core::lapic::VectorSet;
use apic_core::machine::{Machine, Running};
use apic_core::run::Lockstep;
use apic_core::units::{Ns, Vector};
use std::io::{self, Write};

/// What a signal is at a moment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    Number(u64),
    Set(VectorSet),
}

/// Name and width of each of a vCPU's signals, in the order of [`vcpu_values`].
const VCPU: [(&str, u32); 17] = [
    ("PIR", 256),
    ("ON", 1),
    ("SN", 1),
    ("NV", 8),
    ("NDST", 16),
    ("VIRR", 256),
    ("VISR", 256),
    ("RVI", 8),
    ("SVI", 8),
    ("VPPR", 8),
    ("mode", 2),
    ("requests", 32),
    ("in_guest", 1),
    ("IF", 1),
    ("halted", 1),
    ("cpu", 16),
    ("tscdeadline", 64),
];

fn vcpu_values(vcpu: &apic_core::machine::Vcpu) -> [Value; VCPU.len()] {
    use Value::{Number, Set};
    let (pi, vapic, flag) = (vcpu.pi(), vcpu.vapic(), |is: bool| Number(u64::from(is)));
    [
        Set(*pi.pir()),
        flag(pi.on()),
        flag(pi.sn()),
        Number(pi.nv().number().into()),
        Number(pi.ndst().0.into()),
        Set(*vapic.virr()),
        Set(*vapic.visr()),
        Number(vapic.rvi().into()),
        Number(vapic.svi().into()),
        Number(vapic.vppr().into()),
        Number(vcpu.mode() as u64),
        Number(vcpu.requests().bits().into()),
        flag(vcpu.in_guest()),
        flag(vcpu.interrupts_on()),
        flag(vcpu.halted()),
        Number(vcpu.cpu().0.into()),
        Number(vcpu.timer().tscdeadline.as_cycles()),
    ]
}

/// The same for a CPU. `runs` is 0 for nothing, 1 for its own load, 2 for a vCPU's thread.
const CPU: [(&str, u32); 2] = [("runs", 2), ("in_interrupt", 1)];

fn cpu_values(cpu: &apic_core::machine::Cpu) -> [Value; CPU.len()] {
    let runs = match cpu.running() {
        Running::Idle => 0,
        Running::Load => 1,
        Running::Vcpu(_) => 2,
    };
    [Value::Number(runs), Value::Number(u64::from(cpu.in_interrupt()))]
}

fn values(machine: &Machine) -> Vec<Value> {
    let vcpus = machine.vcpus().iter().flat_map(vcpu_values);
    vcpus.chain(machine.cpus().iter().flat_map(cpu_values)).collect()
}

/// A signal's short name: its number in the 94 printable characters.
fn code(mut number: usize) -> String {
    let mut code = String::new();
    loop {
        code.push(char::from(b'!' + (number % 94) as u8));
        number /= 94;
        if number == 0 {
            return code;
        }
        number -= 1;
    }
}

/// Writes the signals of a run, beat by beat.
pub struct Vcd<W> {
    out: W,
    /// The last values of each path, and the number of its first signal.
    paths: Vec<(usize, Vec<Value>)>,
    /// Widths, by signal.
    widths: Vec<u32>,
    time: Ns,
}

impl<W: Write> Vcd<W> {
    /// Names the signals, and writes what they are at the run's present position.
    ///
    /// # Errors
    /// Those of the output.
    pub fn begin(run: &Lockstep, mut out: W) -> io::Result<Self> {
        let meta = &run.scenario().meta;
        // A comment ends with the word that ends everything in this format.
        let title = meta.title.replace("$end", "");
        writeln!(out, "$version Exitless {} $end", env!("CARGO_PKG_VERSION"))?;
        writeln!(out, "$comment Simulated: {}, seed {}. $end", title.trim(), run.scenario().run.seed)?;
        writeln!(out, "$timescale 1 ns $end")?;
        let time = run.last_beat().map_or(Ns::ZERO, |beat| beat.at);
        let mut vcd = Self { out, paths: Vec::new(), widths: Vec::new(), time };
        for history in run.paths() {
            vcd.paths.push((vcd.widths.len(), values(history.machine())));
            // A dash is an operator in the language that the format comes from, and a dot stands between scopes.
            vcd.scope(&history.way().key().replace(['-', '.', '@'], "_"))?;
            for (kind, count, signals) in [
                ("vcpu", history.machine().vcpus().len(), VCPU.as_slice()),
                ("cpu", history.machine().cpus().len(), CPU.as_slice()),
            ] {
                for i in 0..count {
                    vcd.scope(&format!("{kind}{i}"))?;
                    vcd.variables(signals)?;
                    writeln!(vcd.out, "$upscope $end")?;
                }
            }
            writeln!(vcd.out, "$upscope $end")?;
        }
        writeln!(vcd.out, "$enddefinitions $end\n#{}\n$dumpvars", time.as_ns())?;
        for p in 0..vcd.paths.len() {
            let (first, now) = (vcd.paths[p].0, std::mem::take(&mut vcd.paths[p].1));
            for (i, value) in now.iter().enumerate() {
                vcd.value(first + i, value)?;
            }
            vcd.paths[p].1 = now;
        }
        writeln!(vcd.out, "$end")?;
        Ok(vcd)
    }

    fn scope(&mut self, name: &str) -> io::Result<()> {
        writeln!(self.out, "$scope module {name} $end")
    }

    fn variables(&mut self, signals: &[(&str, u32)]) -> io::Result<()> {
        for (name, width) in signals {
            let code = code(self.widths.len());
            let range = if *width > 1 { format!(" [{}:0]", width - 1) } else { String::new() };
            writeln!(self.out, "$var wire {width} {code} {name}{range} $end")?;
            self.widths.push(*width);
        }
        Ok(())
    }

    fn value(&mut self, signal: usize, value: &Value) -> io::Result<()> {
        let (code, width) = (code(signal), self.widths.get(signal).copied().unwrap_or(1));
        match value {
            Value::Number(n) if width == 1 => writeln!(self.out, "{n}{code}"),
            Value::Number(n) => writeln!(self.out, "b{n:b} {code}"),
            Value::Set(set) => {
                // Zeros on the left may be left out.
                let highest = set.highest().map_or(0, Vector::number);
                let bit = |n| if set.contains(Vector::new(n)) { '1' } else { '0' };
                let bits: String = (0..=highest).rev().map(bit).collect();
                writeln!(self.out, "b{bits} {code}")
            }
        }
    }

    /// What the last beat changed.
    ///
    /// # Errors
    /// Those of the output.
    pub fn beat(&mut self, run: &Lockstep) -> io::Result<()> {
        for (p, history, record) in taken(run) {
            let Some((first, before)) = self.paths.get_mut(p) else { continue };
            let (first, now) = (*first, values(history.machine()));
            let before = std::mem::replace(before, now.clone());
            for (i, (_, value)) in before.iter().zip(&now).enumerate().filter(|(_, (was, is))| was != is) {
                if record.at > self.time {
                    self.time = record.at;
                    writeln!(self.out, "#{}", self.time.as_ns())?;
                }
                self.value(first + i, value)?;
            }
        }
        Ok(())
    }

    /// The end, at the run's present position, so that a reader shows the last values as long as they held.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self, run: &Lockstep) -> io::Result<()> {
        match run.last_beat() {
            Some(beat) if beat.at > self.time => writeln!(self.out, "#{}", beat.at.as_ns()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_short_and_differ() {
        let codes: std::collections::BTreeSet<_> = (0..20_000).map(code).collect();
        assert_eq!(codes.len(), 20_000);
        assert_eq!((code(0), code(93), code(94), code(95)), ("!".into(), "~".into(), "!!".into(), "\"!".into()));
        assert!(codes.iter().all(|code| code.bytes().all(|b| (b'!'..=b'~').contains(&b))));
    }
}
