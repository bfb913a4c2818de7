//! Who sits where: changes of placement as changes of the scenario, and what a core is in words.

use apic_core::host::Topology;
use apic_core::scenario::{Housekeeper, Load, Scenario, ScenarioError};
use apic_core::units::{CpuId, VcpuId};

/// Phase of the tick of a housekeeper that becomes busy: between a guest's arming and its expiry for the periods that
/// the presets use, so that the housekeeper has an earlier event of its own.
const TICK_PHASE_US: u64 = 400;

/// A change of placement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Edit {
    /// Pin a vCPU to another core.
    Vcpu(VcpuId, CpuId),
    /// A core becomes a housekeeper, or isolated.
    Keeps(CpuId, bool),
    /// Another core keeps house in place of the first.
    Housekeeper(CpuId, CpuId),
    /// What a housekeeper is busy with.
    Load(CpuId, Load),
    /// A core is isolated, or a housekeeper with this load.
    Role(CpuId, Option<Load>),
    /// One vCPU more.
    Add,
    /// One vCPU less.
    Remove(VcpuId),
    /// A host of another shape, by its place in [`HOSTS`].
    Host(usize),
}

const fn shape(sockets: u16, llcs: u16, cores: u16, smt: u16) -> Topology {
    Topology { sockets, llcs, cores, smt }
}

/// Hosts to choose from. The first core of each socket keeps house and is busy; the others are isolated.
pub(crate) const HOSTS: &[(&str, Topology)] = &[
    ("2 cores", shape(1, 1, 2, 1)),
    ("4 cores", shape(1, 1, 4, 1)),
    ("4 cores, two threads each", shape(1, 1, 4, 2)),
    ("2 sockets × 4 cores", shape(2, 1, 4, 1)),
    ("2 sockets × 8 cores", shape(2, 1, 8, 1)),
    ("2 sockets × 4 caches × 16 cores", shape(2, 4, 16, 1)),
];

/// The vCPUs on isolated cores of another host, one each.
fn host(scenario: &Scenario, topology: Topology) -> Result<Scenario, ScenarioError> {
    let mut s = scenario.clone();
    let per_socket = topology.llcs * topology.cores * topology.smt;
    let keeps = |cpu: &CpuId| cpu.0 % per_socket < topology.smt;
    s.host.topology = topology;
    s.host.nohz_full = topology.iter().filter(|cpu| !keeps(cpu)).collect();
    let first = topology.iter().filter(|cpu| cpu.0.is_multiple_of(per_socket));
    let busy = |cpu| Housekeeper { cpu, load: Load::Busy, tick_phase_us: TICK_PHASE_US };
    s.host.housekeepers = first.map(busy).collect();
    s.moves.clear();
    // A thread of each core before the second one of any.
    let free = |thread: u16| {
        let keeps = &keeps;
        topology.iter().filter(move |cpu| !keeps(cpu) && cpu.0 % topology.smt == thread)
    };
    let mut free = (0..topology.smt).flat_map(free);
    let isolated = s.host.nohz_full.len();
    for vcpu in &mut s.vcpus {
        let Some(cpu) = free.next() else {
            let problem =
                format!("that host has {isolated} isolated cores, and there are {} vCPUs", scenario.vcpus.len());
            let valid = "a larger host, or fewer vCPUs".to_owned();
            return Err(ScenarioError::Value { path: "host.topology".to_owned(), problem, valid });
        };
        vcpu.cpu = cpu;
    }
    s.validate()?;
    Ok(s)
}

/// The scenario after the change.
///
/// # Errors
/// Why it cannot be.
pub(crate) fn apply(scenario: &Scenario, edit: Edit) -> Result<Scenario, ScenarioError> {
    let mut s = scenario.clone();
    match edit {
        Edit::Vcpu(vcpu, cpu) => return scenario.seat(vcpu, cpu),
        Edit::Add => return scenario.with_vcpu(),
        Edit::Remove(vcpu) => return scenario.without_vcpu(vcpu),
        Edit::Host(i) => return host(scenario, HOSTS.get(i).map_or(scenario.host.topology, |host| host.1)),
        Edit::Role(cpu, None) => isolate(&mut s, cpu),
        Edit::Role(cpu, Some(load)) => {
            s.host.nohz_full.retain(|c| *c != cpu);
            set_load(&mut s, cpu, load);
        }
        Edit::Keeps(cpu, true) => s.host.nohz_full.retain(|c| *c != cpu),
        Edit::Keeps(cpu, false) => isolate(&mut s, cpu),
        Edit::Housekeeper(from, to) => {
            if from != to {
                s.host.nohz_full.retain(|c| *c != to);
                let moved = s.host.housekeepers.iter().find(|h| h.cpu == from).cloned();
                isolate(&mut s, from);
                if let Some(entry) = moved.filter(|_| !s.host.housekeepers.iter().any(|h| h.cpu == to)) {
                    s.host.housekeepers.push(Housekeeper { cpu: to, ..entry });
                }
            }
        }
        Edit::Load(cpu, load) => set_load(&mut s, cpu, load),
    }
    s.validate()?;
    Ok(s)
}

fn set_load(s: &mut Scenario, cpu: CpuId, load: Load) {
    if let Some(entry) = s.host.housekeepers.iter_mut().find(|h| h.cpu == cpu) {
        entry.load = load;
    } else {
        s.host.housekeepers.push(Housekeeper { cpu, load, tick_phase_us: TICK_PHASE_US });
    }
}

fn isolate(s: &mut Scenario, cpu: CpuId) {
    s.host.housekeepers.retain(|h| h.cpu != cpu);
    if !s.host.nohz_full.contains(&cpu) {
        let at = s.host.nohz_full.iter().take_while(|c| **c < cpu).count();
        s.host.nohz_full.insert(at, cpu);
    }
}

/// An error as the board says it: what is wrong, and what would be valid.
pub(crate) fn reason(error: &ScenarioError) -> String {
    match error {
        ScenarioError::Value { problem, valid, .. } => format!("{problem}. Valid: {valid}."),
        other => other.to_string(),
    }
}

/// One core as the board shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Core {
    pub(crate) cpu: CpuId,
    /// `Some` for a housekeeper.
    pub(crate) load: Option<Load>,
    pub(crate) vcpu: Option<VcpuId>,
}

impl Core {
    /// "isolated, free", "housekeeper, busy", "isolated, vCPU 1".
    pub(crate) fn words(&self) -> String {
        let role = if self.load.is_some() { "housekeeper" } else { "isolated" };
        let use_ = match (self.vcpu, self.load) {
            (Some(vcpu), _) => format!("vCPU {vcpu}"),
            (None, Some(load)) => load_word(load).to_owned(),
            (None, None) => "free".to_owned(),
        };
        format!("{role}, {use_}")
    }
}

/// A load in one word.
pub(crate) const fn load_word(load: Load) -> &'static str {
    match load {
        Load::Idle => "idle",
        Load::Busy => "busy",
        Load::Bursts { .. } => "in bursts",
    }
}

/// Cores that share a last-level cache.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) cores: Vec<Core>,
}

/// The board: one group per last-level cache.
pub(crate) fn groups(scenario: &Scenario) -> Vec<Group> {
    let t = scenario.host.topology;
    let per_cache = t.smt.saturating_mul(t.cores).max(1);
    let mut groups: Vec<Group> = Vec::new();
    for cpu in t.iter() {
        if cpu.0 % per_cache == 0 {
            groups.push(Group { name: group_name(t, cpu, per_cache), cores: Vec::new() });
        }
        if let Some(group) = groups.last_mut() {
            group.cores.push(Core {
                cpu,
                load: (!scenario.host.nohz_full.contains(&cpu)).then(|| scenario.load_of(cpu)),
                vcpu: scenario.vcpus.iter().position(|v| v.cpu == cpu).map(|i| VcpuId(i as u16)),
            });
        }
    }
    groups
}

fn group_name(t: Topology, first: CpuId, per_cache: u16) -> String {
    match (t.sockets, t.llcs) {
        (1, 1) => "One socket, one last-level cache".to_owned(),
        (1, _) => format!("Cache {}", first.0 / per_cache),
        (_, 1) => format!("Socket {}", t.socket_of(first)),
        _ => format!("Socket {}, cache {}", t.socket_of(first), first.0 / per_cache % t.llcs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apic_core::scenario::preset;

    fn two() -> Scenario {
        preset("two-vcpus-one-housekeeper").expect("a preset that ships")
    }

    #[test]
    fn a_taken_core_is_refused_with_the_reason_and_what_is_free() {
        let s = two();
        let e = apply(&s, Edit::Vcpu(VcpuId(1), s.vcpus[0].cpu)).expect_err("taken");
        assert!(reason(&e).contains("already runs vCPU 0"), "{}", reason(&e));
        let e = apply(&s, Edit::Vcpu(VcpuId(0), s.vcpus[1].cpu)).expect_err("taken");
        assert!(reason(&e).contains("already runs vCPU 1"), "{}", reason(&e));
        assert!(reason(&e).contains("Valid: a free core"), "{}", reason(&e));
    }

    #[test]
    fn the_last_housekeeper_stays() {
        let s = preset("pinned-vs-offloaded").expect("ships");
        let keeper = s.housekeeping().next().expect("one");
        let e = apply(&s, Edit::Keeps(keeper, false)).expect_err("the last one");
        assert!(reason(&e).contains("every CPU is isolated"), "{}", reason(&e));
    }

    #[test]
    fn a_housekeeper_takes_its_load_along() {
        let s = preset("pinned-vs-offloaded").expect("ships");
        let keeper = s.housekeeping().next().expect("one");
        let free = groups(&s)[0].cores.iter().find(|c| c.load.is_none() && c.vcpu.is_none()).expect("one").cpu;
        let moved = apply(&s, Edit::Housekeeper(keeper, free)).expect("legal");
        assert_eq!(moved.load_of(free), s.load_of(keeper));
        assert!(moved.host.nohz_full.contains(&keeper) && !moved.host.nohz_full.contains(&free));
        assert_eq!(apply(&s, Edit::Housekeeper(keeper, keeper)).expect("nothing"), s);
    }

    #[test]
    fn a_busy_housekeeper_takes_no_vcpu() {
        let s = preset("pinned-vs-offloaded").expect("ships");
        let keeper = s.housekeeping().next().expect("one");
        assert!(apply(&s, Edit::Vcpu(VcpuId(0), keeper)).is_err());
        let idle = apply(&s, Edit::Load(keeper, Load::Idle)).expect("legal");
        assert!(apply(&idle, Edit::Vcpu(VcpuId(0), keeper)).is_ok());
    }

    #[test]
    fn every_host_has_room_or_says_that_it_has_not() {
        for (i, (name, topology)) in HOSTS.iter().enumerate() {
            let moved = apply(&two(), Edit::Host(i));
            if *name == "2 cores" {
                assert!(
                    reason(&moved.expect_err("one is isolated")).contains("1 isolated cores, and there are 2 vCPUs")
                );
                continue;
            }
            let moved = moved.unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(moved.host.topology, *topology);
            assert!(moved.vcpus.iter().all(|v| moved.host.nohz_full.contains(&v.cpu)), "{name}");
            let cores: Vec<u16> = moved.vcpus.iter().map(|v| topology.core_of(v.cpu)).collect();
            assert_ne!(cores[0], cores[1], "{name}: each vCPU has a core of its own");
            assert_eq!(moved.housekeeping().count(), usize::from(topology.sockets * topology.smt), "{name}");
        }
    }

    #[test]
    fn a_core_is_set_in_one_go_and_vcpus_come_and_go() {
        let s = preset("pinned-vs-offloaded").expect("ships");
        let keeper = apply(&s, Edit::Role(CpuId(1), Some(Load::Busy))).expect("legal");
        assert_eq!((keeper.load_of(CpuId(1)), keeper.housekeeping().count()), (Load::Busy, 2));
        assert_eq!(apply(&keeper, Edit::Role(CpuId(1), None)).expect("legal"), s);
        let more = apply(&s, Edit::Add).expect("two cores are free");
        assert_eq!(apply(&more, Edit::Remove(VcpuId(1))).expect("one stays"), s);
    }

    #[test]
    fn groups_follow_the_topology() {
        let mut s = two();
        s.host.topology = Topology { sockets: 2, llcs: 2, cores: 2, smt: 2 };
        let groups = groups(&s);
        assert_eq!(groups.len(), 4);
        assert_eq!(groups[3].name, "Socket 1, cache 1");
        assert!(groups.iter().all(|g| g.cores.len() == 4));
    }
}
