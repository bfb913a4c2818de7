//! Configuration that does nothing, in words: what it is, why, and what would change that.

use apic_core::run::Way;
use apic_core::scenario::{NeverPosts, NeverPreempts, Scenario};

/// A sentence for each reason for which what is compared cannot do what it is configured for; each once.
pub fn unused(scenario: &Scenario, kept: Option<&Scenario>, compared: &[Way]) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for way in compared {
        let mut of = kept.filter(|_| way.kept).unwrap_or(scenario).clone();
        of.vm.era = way.era.unwrap_or(of.vm.era);
        let title = way.title();
        let posts = of.never_posts(way.path).into_iter().map(|why| {
            let (why, instead) = never_posts(why);
            format!("{title}: no expiry is ever posted. {why} {instead}")
        });
        let preempts = of.never_preempts(way.path).into_iter().map(|why| {
            format!(
                "{title}: the preemption timer is on (kvm_intel.preemption_timer) and never used. {}",
                never_preempts(why)
            )
        });
        let stays = of.on_housekeepers().filter(|_| of.never_posts(way.path).is_empty()).map(|vcpu| {
            format!("{title}: the timer of vCPU {vcpu} stays where it is. Its core keeps house, and such a core keeps its timers.")
        });
        let stays = stays.filter(|_| posts_at_all(*way));
        for sentence in posts.chain(preempts).chain(stays) {
            if !told.contains(&sentence) {
                told.push(sentence);
            }
        }
    }
    told
}

/// Whether it is a path on which an expiry may be posted.
fn posts_at_all(way: Way) -> bool {
    use apic_core::scenario::PathKind;
    matches!(way.path, PathKind::Posted | PathKind::Avic)
}

/// Why, and what would be different.
fn never_posts(why: NeverPosts) -> (String, &'static str) {
    let era = |era: apic_core::kvm::Era, lacks: &str| format!("A kernel of era {} {lacks}.", era.name());
    match why {
        NeverPosts::Kernel(e) => (era(e, "has no posting of timer interrupts"), "Era 5.3 and later have."),
        NeverPosts::Parameter => ("kvm.pi_inject_timer is off.".to_owned(), "Turn it on, or leave it to the kernel."),
        NeverPosts::ParameterWithoutNohz => (
            "kvm.pi_inject_timer is left to the kernel, which turns it on if a CPU is nohz_full, and none is."
                .to_owned(),
            "Isolate the vCPU's core.",
        ),
        NeverPosts::ParameterByDefault(e) => {
            (era(e, "leaves kvm.pi_inject_timer off unless told otherwise"), "Turn it on.")
        }
        NeverPosts::Apicv => ("APICv is off, so there is nothing to post into.".to_owned(), "Turn it on."),
        NeverPosts::GateMwait => {
            ("This kernel posts only for a guest whose MWAIT does not exit.".to_owned(), "Let MWAIT run in the guest.")
        }
        NeverPosts::GateVendor => (
            "The first version of the patch was kvm-intel's, and this is AMD.".to_owned(),
            "The second version covers both.",
        ),
        NeverPosts::GateHlt => {
            ("This kernel posts only for a guest whose HLT does not exit.".to_owned(), "Let HLT run in the guest.")
        }
        NeverPosts::GateMwaitOrHlt => (
            "HLT and MWAIT both exit. This kernel posts only for a guest that stays in the guest while it waits."
                .to_owned(),
            "Let one of them run in the guest.",
        ),
        NeverPosts::Pinned(e) => (
            era(e, "pins the timer: it stays on the core that arms it"),
            "vm.rules = { pinned = false } takes that away.",
        ),
        NeverPosts::NotOffered(e) => (era(e, "offers no timer to a housekeeper"), "Era 4.3 and later do."),
        NeverPosts::OnHousekeepers => (
            "Every vCPU runs on a housekeeper, and a core that keeps house keeps its timers (N1).".to_owned(),
            "Isolate a vCPU's core (nohz_full).",
        ),
        NeverPosts::HousekeepersIdle => (
            "Every housekeeper is idle. The next event of an idle core is far away, and it refuses each timer that \
             would be earlier (R3)."
                .to_owned(),
            "Give a housekeeper something to do.",
        ),
        NeverPosts::Halted => (
            "The guest halts between ticks and HLT exits, so at the expiry its vCPU is not in guest mode and is woken."
                .to_owned(),
            "Let HLT run in the guest.",
        ),
    }
}

fn never_preempts(why: NeverPreempts) -> String {
    match why {
        NeverPreempts::Vendor => "AMD processors have none.".to_owned(),
        NeverPreempts::Kernel(era) => format!("A kernel of era {} does not use it.", era.name()),
        NeverPreempts::Mwait => {
            "MWAIT does not exit: the guest may reach deep C-states, in which the preemption timer stops.".to_owned()
        }
        NeverPreempts::Mode(era) => format!("A kernel of era {} keeps TSC deadlines with it only.", era.name()),
        NeverPreempts::Posting => {
            "Posting is possible, and KVM decides for it first (kvm_can_use_hv_timer asks kvm_can_post_timer_interrupt).".to_owned()
        }
    }
}
