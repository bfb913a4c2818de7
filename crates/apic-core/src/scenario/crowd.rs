//! Many vCPUs, for measuring: more than a document may describe.

use super::{Housekeeper, Load, Scenario, ScenarioError, Vcpu, preset};
use crate::host::Topology;
use crate::units::CpuId;

/// The preset `pinned-vs-offloaded` with so many vCPUs (at least 1), each with a core of its own, in sockets of up to 64 cores, the
/// first core of each a busy housekeeper. Their ticks are spread out.
///
/// # Errors
/// None: the preset ships with Exitless.
pub fn crowd(vcpus: u16) -> Result<Scenario, ScenarioError> {
    let mut scenario = preset("pinned-vs-offloaded")?;
    let vcpus = vcpus.max(1);
    let cores = vcpus.saturating_add(1).min(64);
    let sockets = vcpus.div_ceil(cores - 1);
    let topology = Topology { sockets, llcs: 1, cores, smt: 1 };
    let keeps_house = |cpu: &CpuId| cpu.0.is_multiple_of(cores);
    let housekeepers = topology.iter().filter(keeps_house);
    scenario.host.housekeepers =
        housekeepers.map(|cpu| Housekeeper { cpu, load: Load::Busy, tick_phase_us: 400 }).collect();
    scenario.host.nohz_full = topology.iter().filter(|cpu| !keeps_house(cpu)).collect();
    scenario.host.topology = topology;
    let isolated = scenario.host.nohz_full.iter().take(vcpus.into());
    scenario.vcpus =
        isolated.map(|cpu| Vcpu { cpu: *cpu, start_us: u64::from(cpu.0) * 37 % 1_000, rival: None }).collect();
    Ok(scenario)
}

#[cfg(test)]
mod tests {
    use super::crowd;

    #[test]
    fn each_vcpu_has_a_core_that_keeps_no_house() {
        for vcpus in [1, 2, 63, 64, 1_024, 10_000] {
            let scenario = crowd(vcpus).expect("the preset ships");
            assert_eq!(scenario.vcpus.len(), usize::from(vcpus));
            let keeps_house = |cpu| scenario.host.housekeepers.iter().any(|h| h.cpu == cpu);
            assert!(scenario.vcpus.iter().all(|vcpu| !keeps_house(vcpu.cpu)), "{vcpus}");
            assert!(scenario.vcpus.windows(2).all(|two| two[0].cpu < two[1].cpu), "{vcpus}");
        }
    }
}
