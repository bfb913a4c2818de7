//! Which paths a scenario allows: a path that its kernel or its processor does not have is refused by name.

use super::{PathKind, Scenario, ScenarioError as E, TimerMode};
use crate::kvm::{Rules, Switch, Vendor};

impl Scenario {
    /// Whether a path can be run.
    ///
    /// # Errors
    /// The key that stands in the way, and what would be valid.
    pub fn allows(&self, path: PathKind) -> Result<(), E> {
        let vm = &self.vm;
        let rules = Rules::mixed(vm.era, &vm.rules);
        let refuse = |key: &str, problem: String, valid: &str| {
            Err(E::value(key, format!("{problem}, so the path \"{}\" cannot be run", path.name()), valid))
        };
        match path {
            PathKind::NoApicv | PathKind::Avic | PathKind::Userspace if !self.devices.is_empty() => {
                refuse("devices", "it has no descriptor that VT-d could post into".to_owned(), "no devices")
            }
            PathKind::Pinned | PathKind::Posted | PathKind::NotPosted | PathKind::NoApicv => Ok(()),
            PathKind::PreemptionTimer | PathKind::VirtualTimer if vm.vendor == Vendor::Svm => {
                refuse("vm.vendor", "AMD processors have no such timer".to_owned(), "\"vmx\"")
            }
            PathKind::PreemptionTimer if !rules.has(Switch::HvTimer) => {
                let problem = format!("a kernel of era {} does not use the preemption timer", vm.era.name());
                refuse("vm.era", problem, "a later one, or vm.rules = { hv_timer = true }")
            }
            PathKind::PreemptionTimer if rules.has(Switch::HvNotWithMwait) && vm.mwait_in_guest => refuse(
                "vm.mwait_in_guest",
                "the preemption timer stops in the deep C-states that MWAIT reaches, and KVM does not use it"
                    .to_owned(),
                "false",
            ),
            PathKind::PreemptionTimer => Ok(()),
            PathKind::VirtualTimer if !rules.has(Switch::ApicTimerVirtualization) => {
                let problem =
                    format!("APIC-timer virtualization is proposed, and era {} does not have it", vm.era.name());
                refuse("vm.era", problem, "\"2026\", or vm.rules = { apic_timer_virtualization = true }")
            }
            PathKind::VirtualTimer if !vm.apicv => {
                refuse("vm.apicv", "it needs virtual-interrupt delivery".to_owned(), "true")
            }
            PathKind::VirtualTimer if self.guest.timer != TimerMode::TscDeadline => {
                refuse("guest.timer", "the processor keeps TSC deadlines only".to_owned(), "\"tsc-deadline\"")
            }
            PathKind::VirtualTimer => Ok(()),
            PathKind::Avic if !vm.apicv => refuse("vm.apicv", "AVIC is off".to_owned(), "true"),
            PathKind::Avic => Ok(()),
            PathKind::Userspace => Ok(()),
        }
    }

    /// The paths that can be run, in order.
    pub fn allowed_paths(&self) -> impl Iterator<Item = PathKind> + '_ {
        PathKind::ALL.iter().copied().filter(|path| self.allows(*path).is_ok())
    }
}
