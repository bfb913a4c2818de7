//! Another shape of the host, with everything that is still on it where it was; vCPUs that come and go.

use super::schema::{Scenario, Vcpu};
use super::{Load, ScenarioError};
use crate::host::Topology;
use crate::units::{CpuId, VcpuId};

/// How far the first ticks of vCPUs that are added stand apart, in µs: so that they do not all fall on one moment.
const APART_US: u64 = 370;

impl Scenario {
    /// Gives the host another shape. CPUs that no longer exist are forgotten, but for those of vCPUs, which validation then names.
    /// New CPUs are what the last one was: isolated, or housekeepers.
    pub(crate) fn reshape(&mut self, topology: Topology) {
        let (before, after) = (self.host.topology.cpus(), topology.cpus());
        let most = u64::from(Topology::MAX_CPUS);
        let isolates = before.checked_sub(1).is_some_and(|last| self.is_isolated(CpuId(last as u16)));
        let exists = |cpu: CpuId| u64::from(cpu.0) < after;
        self.host.nohz_full.retain(|cpu| exists(*cpu));
        self.host.housekeepers.retain(|keeper| exists(keeper.cpu));
        if isolates {
            self.host.nohz_full.extend((before..after.min(most)).map(|cpu| CpuId(cpu as u16)));
        }
        self.host.topology = topology;
    }

    fn is_isolated(&self, cpu: CpuId) -> bool {
        self.host.nohz_full.contains(&cpu)
    }

    /// Adds a vCPU on the first free core: an isolated one if there is one.
    ///
    /// # Errors
    /// No core is free, or the scenario cannot have another vCPU.
    pub fn with_vcpu(&self) -> Result<Self, ScenarioError> {
        let free = |cpu: &CpuId| {
            self.load_of(*cpu) == Load::Idle
                && self.vcpus.iter().all(|v| v.cpu != *cpu)
                && self.moves.iter().all(|m| m.cpu != *cpu)
        };
        let free: Vec<CpuId> = self.host.topology.iter().filter(free).collect();
        let Some(cpu) = free.iter().find(|cpu| self.is_isolated(**cpu)).or(free.first()) else {
            let valid = "a free core: add one to host.topology, or remove a vCPU";
            return Err(ScenarioError::value("vcpus", "no core is free", valid));
        };
        let mut more = self.clone();
        let start_us = self.vcpus.len() as u64 * APART_US % self.guest.period_us.max(1);
        more.vcpus.push(Vcpu { cpu: *cpu, start_us, rival: None });
        more.validate()?;
        Ok(more)
    }

    /// Removes a vCPU, with its moves and its devices. Those behind it move up by one.
    ///
    /// # Errors
    /// It is the last one.
    pub fn without_vcpu(&self, vcpu: VcpuId) -> Result<Self, ScenarioError> {
        let mut fewer = self.clone();
        if vcpu.index() < fewer.vcpus.len() {
            fewer.vcpus.remove(vcpu.index());
        }
        let up = |v: &mut VcpuId| v.0 -= u16::from(*v > vcpu);
        fewer.moves.retain(|m| m.vcpu != vcpu);
        fewer.moves.iter_mut().for_each(|m| up(&mut m.vcpu));
        fewer.devices.retain(|d| d.vcpu != vcpu);
        fewer.devices.iter_mut().for_each(|d| up(&mut d.vcpu));
        fewer.validate()?;
        Ok(fewer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::preset;

    #[test]
    fn new_cpus_are_what_the_last_one_was_and_old_ones_stay() {
        let mut s = preset("pinned-vs-offloaded").expect("ships");
        s.reshape(Topology { cores: 6, ..s.host.topology });
        assert_eq!(s.host.nohz_full, [1, 2, 3, 4, 5].map(CpuId));
        assert_eq!(s.validate(), Ok(()));
        s.reshape(Topology { cores: 3, ..s.host.topology });
        let e = s.validate().expect_err("vCPU 0 is on core 3").to_string();
        assert!(e.contains("vcpus[0].cpu") && e.contains("0 to 2"), "{e}");
        s.reshape(Topology { sockets: 60_000, llcs: 60_000, cores: 60_000, smt: 2 });
        assert!(s.validate().is_err() && s.host.nohz_full.len() <= 256);
    }

    #[test]
    fn vcpus_come_while_a_core_is_free_and_go_but_for_the_last() {
        let one = preset("pinned-vs-offloaded").expect("ships");
        let two = one.with_vcpu().expect("two cores are free");
        assert_eq!((two.vcpus[1].cpu, two.vcpus[1].start_us), (CpuId(1), 370));
        let three = two.with_vcpu().expect("one core is free");
        let e = three.with_vcpu().expect_err("only the busy housekeeper is left").to_string();
        assert!(e.contains("no core is free"), "{e}");
        assert_eq!(three.without_vcpu(VcpuId(0)).map(|s| s.vcpus), Ok(three.vcpus[1..].to_vec()));
        assert!(one.without_vcpu(VcpuId(0)).expect_err("the last").to_string().contains("there is no vCPU"));
    }

    #[test]
    fn a_vcpu_takes_its_devices_along_when_it_goes() {
        let mut s = preset("device-wakes-vcpu").expect("ships").with_vcpu().expect("a core is free");
        assert!(!s.devices.is_empty());
        assert!(s.without_vcpu(VcpuId(0)).expect("one is left").devices.is_empty());
        s.devices[0].vcpu = VcpuId(1);
        assert_eq!(s.without_vcpu(VcpuId(0)).expect("one is left").devices[0].vcpu, VcpuId(0));
    }
}
