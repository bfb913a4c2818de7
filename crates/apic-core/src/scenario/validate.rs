//! What a scenario may say.

use super::error::ScenarioError as E;
use super::schema::{Load, Scenario, TimerMode, Vcpu};
use crate::host::Topology;
use crate::kvm::{Era, Rules, Switch, Vendor};
use crate::rule::Rule;
use crate::units::{CpuId, TscKhz, VcpuId};

/// Longest span that a scenario may name, in µs: an hour.
const MAX_US: u64 = 3_600_000_000;
/// Most paths that one run compares: all of them.
const MAX_PATHS: u64 = 8;
/// Most devices of one VM.
const MAX_DEVICES: u64 = 16;
/// Most expiries of one run.
pub(super) const MAX_EXPIRIES: u32 = 1_000_000;

impl Scenario {
    /// Checks everything that the types do not.
    ///
    /// # Errors
    /// The first thing found wrong: path of the key, what is wrong, what would be valid.
    pub fn validate(&self) -> Result<(), E> {
        self.validate_host()?;
        self.validate_vm()?;
        self.validate_placement()?;
        self.validate_moves()?;
        self.validate_devices()?;
        self.validate_guest()?;
        self.validate_run()
    }

    fn validate_host(&self) -> Result<(), E> {
        let t = self.host.topology;
        for (key, n) in [("sockets", t.sockets), ("llcs", t.llcs), ("cores", t.cores), ("smt", t.smt)] {
            in_range(&format!("host.topology.{key}"), u64::from(n), 1, u64::from(Topology::MAX_CPUS))?;
        }
        in_range("host.topology (CPUs in all)", t.cpus(), 1, u64::from(Topology::MAX_CPUS))?;
        for (i, cpu) in self.host.nohz_full.iter().enumerate() {
            self.cpu_exists(&format!("host.nohz_full[{i}]"), *cpu)?;
        }
        if self.housekeeping().next().is_none() {
            return Err(E::value(
                "host.nohz_full",
                "every CPU is isolated",
                "at least one CPU must keep house: leave one out",
            ));
        }
        if ![100, 250, 300, 1_000].contains(&self.host.hz) {
            return Err(E::value(
                "host.hz",
                format!("{} is not a tick rate of Linux", self.host.hz),
                "100, 250, 300 or 1000",
            ));
        }
        in_range("host.tsc_khz", self.host.tsc_khz, 100_000, 10_000_000)?;
        for (i, hk) in self.host.housekeepers.iter().enumerate() {
            let path = format!("host.housekeepers[{i}]");
            self.cpu_exists(&format!("{path}.cpu"), hk.cpu)?;
            if self.host.nohz_full.contains(&hk.cpu) {
                return Err(E::value(
                    format!("{path}.cpu"),
                    format!("CPU {} is isolated (nohz_full)", hk.cpu),
                    format!("a housekeeper: {}", list(self.housekeeping())),
                ));
            }
            if self.host.housekeepers[..i].iter().any(|other| other.cpu == hk.cpu) {
                return Err(E::value(format!("{path}.cpu"), format!("CPU {} is listed twice", hk.cpu), "list it once"));
            }
            if let Load::Bursts { busy_us, idle_us } = hk.load {
                in_range(&format!("{path}.load.bursts.busy_us"), busy_us, 1, MAX_US)?;
                in_range(&format!("{path}.load.bursts.idle_us"), idle_us, 1, MAX_US)?;
            }
            in_range(&format!("{path}.tick_phase_us"), hk.tick_phase_us, 0, MAX_US)?;
        }
        Ok(())
    }

    fn validate_vm(&self) -> Result<(), E> {
        let gate = Rules::mixed(self.vm.era, &self.vm.rules).has(Switch::GateMwait);
        if gate && !self.vm.mwait_in_guest && self.vm.hlt_in_guest {
            // Legal, and a trap worth naming: the seed asks for MWAIT, so nothing would ever be posted.
            return Err(E::value(
                "vm.mwait_in_guest",
                "the seed patch posts only for guests that execute MWAIT without exits, so hlt_in_guest alone does nothing",
                "mwait_in_guest = true, or hlt_in_guest = false to see a VM that the patch leaves alone",
            ));
        }
        Ok(())
    }

    fn validate_placement(&self) -> Result<(), E> {
        if self.vcpus.is_empty() {
            return Err(E::value("vcpus", "there is no vCPU", "at least one"));
        }
        for (i, vcpu) in self.vcpus.iter().enumerate() {
            let path = format!("vcpus[{i}].cpu");
            self.cpu_exists(&path, vcpu.cpu)?;
            if let Some(other) = self.vcpus[..i].iter().position(|o| o.cpu == vcpu.cpu) {
                return Err(self.taken(i, vcpu.cpu, other));
            }
            let load = self.load_of(vcpu.cpu);
            if load != Load::Idle {
                return Err(E::value(
                    path,
                    format!(
                        "CPU {} is a housekeeper with a load of its own, and a core runs one thread here",
                        vcpu.cpu
                    ),
                    self.free_cpus(),
                ));
            }
            in_range(&format!("vcpus[{i}].start_us"), vcpu.start_us, 0, MAX_US)?;
            if let Some(rival) = vcpu.rival {
                in_range(&format!("vcpus[{i}].rival.first_us"), rival.first_us, 0, MAX_US)?;
                in_range(&format!("vcpus[{i}].rival.period_us"), rival.period_us, 2, MAX_US)?;
                in_range(&format!("vcpus[{i}].rival.for_us"), rival.for_us, 1, rival.period_us - 1)?;
            }
        }
        Ok(())
    }

    /// A vCPU goes to a core that nobody uses at any time, and has no rival to leave behind.
    fn validate_moves(&self) -> Result<(), E> {
        for (i, m) in self.moves.iter().enumerate() {
            let path = format!("moves[{i}]");
            in_range(&format!("{path}.vcpu"), m.vcpu.0.into(), 0, self.vcpus.len() as u64 - 1)?;
            in_range(&format!("{path}.at_us"), m.at_us, 0, MAX_US)?;
            self.cpu_exists(&format!("{path}.cpu"), m.cpu)?;
            let others = self.vcpus.iter().enumerate().filter(|(v, _)| *v != m.vcpu.index());
            let taken = others.map(|(_, v)| v.cpu).chain(self.moves.iter().filter(|o| o.vcpu != m.vcpu).map(|o| o.cpu));
            if self.load_of(m.cpu) != Load::Idle || taken.into_iter().any(|c| c == m.cpu) {
                let problem = format!("CPU {} is or will be used by somebody else", m.cpu);
                return Err(E::value(format!("{path}.cpu"), problem, self.free_cpus()));
            }
            if self.vcpus[m.vcpu.index()].rival.is_some() {
                return Err(E::value(path, "a vCPU that is moved cannot have a rival here", "one of the two"));
            }
            if self.moves[..i].iter().any(|o| o.vcpu == m.vcpu && o.at_us >= m.at_us) {
                return Err(E::value(format!("{path}.at_us"), "moves of one vCPU are not in order", "a later time"));
            }
        }
        Ok(())
    }

    /// Devices post into a descriptor, so that there has to be one, and a kernel that knows of it.
    fn validate_devices(&self) -> Result<(), E> {
        let vm = &self.vm;
        in_range("devices (how many)", self.devices.len() as u64, 0, MAX_DEVICES)?;
        if !self.devices.is_empty() {
            let refuse = |problem: &str, valid: &str| Err(E::value("devices", problem, valid));
            if vm.vendor != Vendor::Vmx {
                return refuse(
                    "VT-d is Intel's: an AMD IOMMU posts in another way",
                    "vm.vendor = \"vmx\", or no devices",
                );
            }
            if !vm.apicv {
                return refuse("without APICv nothing is posted", "vm.apicv = true, or no devices");
            }
            if vm.era < Era::V4_7 {
                return refuse("KVM uses VT-d posting from Linux 4.4 on", "vm.era = \"4.7\" or later, or no devices");
            }
        }
        for (i, d) in self.devices.iter().enumerate() {
            let at = |key: &str| format!("devices[{i}].{key}");
            in_range(&at("vcpu"), d.vcpu.0.into(), 0, self.vcpus.len() as u64 - 1)?;
            in_range(&at("vector"), d.vector.number().into(), 16, 255)?;
            in_range(&at("first_us"), d.first_us, 0, MAX_US)?;
            in_range(&at("period_us"), d.period_us, 2, MAX_US)?;
            if d.vector == self.guest.vector {
                let problem = format!("{} is the timer's vector (guest.vector)", d.vector);
                return Err(E::value(at("vector"), problem, "a vector of its own"));
            }
            if self.devices[..i].iter().any(|other| (other.vcpu, other.vector) == (d.vcpu, d.vector)) {
                let problem = format!("vCPU {} gets vector {} from another device already", d.vcpu, d.vector);
                return Err(E::value(at("vector"), problem, "a vector of its own"));
            }
        }
        Ok(())
    }

    fn validate_guest(&self) -> Result<(), E> {
        let g = &self.guest;
        in_range("guest.vector", u64::from(g.vector.number()), 16, 255)?;
        in_range("guest.period_us", g.period_us, 1, MAX_US)?;
        in_range("guest.handler_ns", g.handler_ns, 0, 1_000_000_000)?;
        if g.timer != TimerMode::TscDeadline {
            in_range("guest.period_us (of a 32-bit count at 1 GHz)", g.period_us, 1, 4_294_967)?;
            if !g.arms.is_empty() {
                return Err(E::value("guest.arms", "recorded arms are deadlines", "guest.timer = \"tsc-deadline\""));
            }
        }
        if let Some(x) = g.other_exits {
            in_range("guest.other_exits.period_us", x.period_us, 1, MAX_US)?;
            in_range("guest.other_exits.first_us", x.first_us, 0, MAX_US)?;
            in_range("guest.other_exits.handling_ns", x.handling_ns, 0, 1_000_000_000)?;
            if let Some(i) = x.interrupts {
                in_range("guest.other_exits.interrupts.per_mille", u64::from(i.per_mille), 1, 1_000)?;
                in_range("guest.other_exits.interrupts.handling_ns", i.handling_ns, 0, 1_000_000_000)?;
            }
        }
        for (i, arm) in g.arms.iter().enumerate() {
            in_range(&format!("guest.arms[{i}].at_ns"), arm.at_ns, 0, MAX_US * 1_000)?;
            in_range(&format!("guest.arms[{i}].deadline_ns"), arm.deadline_ns, 1, MAX_US * 1_000)?;
            if i > 0 && arm.at_ns < g.arms[i - 1].at_ns {
                return Err(E::value(
                    format!("guest.arms[{i}].at_ns"),
                    format!("{} lies before the arm above it", arm.at_ns),
                    format!("{} or later", g.arms[i - 1].at_ns),
                ));
            }
        }
        if !g.arms.is_empty() && self.vcpus.len() != 1 {
            return Err(E::value("guest.arms", "a recorded list of arms belongs to one vCPU", "one entry in vcpus"));
        }
        Ok(())
    }

    fn validate_run(&self) -> Result<(), E> {
        in_range("run.expiries", u64::from(self.run.expiries), 1, u64::from(MAX_EXPIRIES))?;
        in_range("run.paths (how many)", self.run.paths.len() as u64, 1, MAX_PATHS)?;
        for (i, path) in self.run.paths.iter().enumerate() {
            if self.run.paths[..i].contains(path) {
                return Err(E::value(
                    format!("run.paths[{i}]"),
                    format!("\"{}\" is listed twice", path.name()),
                    "each path once",
                ));
            }
            self.allows(*path)?;
        }
        self.costs.validate()?;
        if let Some(id) = &self.meta.opens_at
            && Rule::from_id(id).is_none()
        {
            return Err(E::value("meta.opens_at", format!("there is no rule \"{id}\""), "a rule id such as C9"));
        }
        Ok(())
    }

    /// Clock rate of the TSC; validation keeps it in range.
    pub fn tsc_khz(&self) -> TscKhz {
        TscKhz::new(self.host.tsc_khz).unwrap_or(TscKhz::DEFAULT)
    }

    /// CPUs that keep house, in order.
    pub fn housekeeping(&self) -> impl Iterator<Item = CpuId> + '_ {
        self.host.topology.iter().filter(|c| !self.host.nohz_full.contains(c))
    }

    /// What a CPU is busy with beside vCPUs.
    pub fn load_of(&self, cpu: CpuId) -> Load {
        self.host.housekeepers.iter().find(|h| h.cpu == cpu).map_or(Load::Idle, |h| h.load)
    }

    /// Moves a vCPU to a core. Where another vCPU is already, the error speaks of that one, whichever comes first in the
    /// document.
    ///
    /// # Errors
    /// Why it cannot be there; nothing has changed then.
    pub fn seat(&self, vcpu: VcpuId, cpu: CpuId) -> Result<Self, E> {
        let mut moved = self.clone();
        let others = |(i, v): (usize, &Vcpu)| i != vcpu.index() && v.cpu == cpu;
        if let Some(other) = self.vcpus.iter().enumerate().position(others) {
            return Err(self.taken(vcpu.index(), cpu, other));
        }
        if let Some(entry) = moved.vcpus.get_mut(vcpu.index()) {
            entry.cpu = cpu;
        }
        moved.validate()?;
        Ok(moved)
    }

    fn taken(&self, vcpu: usize, cpu: CpuId, other: usize) -> E {
        let problem = format!("CPU {cpu} already runs vCPU {other}, and two vCPUs cannot be pinned to one core here");
        E::value(format!("vcpus[{vcpu}].cpu"), problem, self.free_cpus())
    }

    fn cpu_exists(&self, path: &str, cpu: CpuId) -> Result<(), E> {
        let n = self.host.topology.cpus();
        if u64::from(cpu.0) < n {
            return Ok(());
        }
        Err(E::value(path, format!("this host has no CPU {cpu}"), format!("0 to {}", n - 1)))
    }

    fn free_cpus(&self) -> String {
        let free = self
            .host
            .topology
            .iter()
            .filter(|c| self.load_of(*c) == Load::Idle && !self.vcpus.iter().any(|v| v.cpu == *c));
        let names = list(free);
        if names.is_empty() {
            "no core is free: add one to host.topology".to_owned()
        } else {
            format!("a free core: {names}")
        }
    }
}

fn list(cpus: impl Iterator<Item = CpuId>) -> String {
    cpus.map(|c| c.to_string()).collect::<Vec<_>>().join(", ")
}

fn in_range(path: &str, value: u64, min: u64, max: u64) -> Result<(), E> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(E::value(path, format!("{value} is out of range"), format!("{min} to {max}")))
}
