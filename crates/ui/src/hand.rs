//! Playing by hand: the steps that can be taken now, each as a person may pick it.

use crate::words;
use apic_core::machine::Actor;
use apic_core::run::History;
use apic_core::units::Ns;

/// A step that can be taken now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Offer {
    pub(crate) actor: Actor,
    /// "core 3, interrupts", "vCPU 0, guest code".
    pub(crate) who: String,
    pub(crate) rule: &'static str,
    /// The rule in few words.
    pub(crate) what: &'static str,
    /// Whether it happens if nobody picks.
    pub(crate) due: bool,
    /// How long from now, if it cannot be now.
    pub(crate) later: Option<String>,
}

/// The steps that can be taken on a path at its present position, in the order that breaks ties. None at the end of
/// its run, unless it has no clock.
pub(crate) fn offers(path: &History) -> Vec<Offer> {
    if path.position() >= path.len() && !path.goes_on() {
        return Vec::new();
    }
    let (machine, due) = (path.machine(), due(path));
    let offer = |(actor, next): (Actor, apic_core::machine::Next)| {
        let info = next.rule().info();
        let wait = next.earliest(machine.now()).minus(machine.now());
        Offer {
            actor,
            who: who(actor),
            rule: info.id,
            what: info.title,
            due: due == Some(actor),
            later: (wait > Ns::ZERO).then(|| words::span(wait)),
        }
    };
    machine.enabled().map(offer).collect()
}

/// Who moves next on a path if nobody picks.
pub(crate) fn due(path: &History) -> Option<Actor> {
    path.due()
}

fn who(actor: Actor) -> String {
    match actor {
        Actor::Irq(cpu) => format!("core {cpu}, interrupts"),
        Actor::Sw(cpu) => format!("core {cpu}, host code"),
        Actor::Wire(cpu) => format!("IPI to core {cpu}"),
        Actor::Clock(cpu) => format!("core {cpu}, clock event"),
        Actor::Guest(vcpu) => format!("vCPU {vcpu}, guest code"),
        Actor::Iommu => "IOMMU".to_owned(),
    }
}

/// A stable name of an actor: `sw-3`.
pub(crate) fn key(actor: Actor) -> String {
    let (kind, number) = match actor {
        Actor::Irq(cpu) => ("irq", cpu.0),
        Actor::Sw(cpu) => ("sw", cpu.0),
        Actor::Wire(cpu) => ("wire", cpu.0),
        Actor::Clock(cpu) => ("clock", cpu.0),
        Actor::Guest(vcpu) => ("guest", vcpu.0),
        Actor::Iommu => ("iommu", 0),
    };
    format!("{kind}-{number}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use apic_core::run::Lockstep;
    use apic_core::scenario::{PathKind, preset};

    #[test]
    fn what_is_due_is_what_the_clock_does() {
        let mut path = History::new(&preset("pinned-vs-offloaded").expect("ships"), PathKind::Posted);
        for step in 0..path.len() {
            path.seek(step);
            let all = offers(&path);
            let due: Vec<&Offer> = all.iter().filter(|o| o.due).collect();
            assert_eq!(due.len(), 1, "step {step}");
            assert_eq!(path.machine().cpu_of(due[0].actor), path.metas()[step].cpu, "step {step}");
        }
        path.seek(path.len());
        assert_eq!(offers(&path), []);
    }

    #[test]
    fn any_offer_can_be_picked_and_is_taken() {
        let mut lockstep = Lockstep::new(&preset("pinned-vs-offloaded").expect("ships"));
        lockstep.seek(50);
        let path = &lockstep.paths()[1];
        let step = path.position();
        for offer in offers(path) {
            let pick = apic_core::driver::Pick { step: step as u32, actor: offer.actor };
            let picked = History::following(lockstep.scenario(), PathKind::Posted, &[pick]);
            assert!(picked.len() > step, "{}", offer.who);
            assert_eq!(key(offer.actor).split('-').count(), 2);
        }
    }
}
