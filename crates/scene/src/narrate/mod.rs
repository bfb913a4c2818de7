//! One sentence per step: who did what to which field, and what did not happen.
//!
//! The same string is the caption, the screen reader's announcement and the alt text.

mod arming;
mod device;
mod firing;
mod host;
mod others;
mod preemption;

use crate::words::{self, capital};
use apic_core::effect::{Bank, Effect, Field, NotSent};
use apic_core::host::TimerId;
use apic_core::kvm::Vendor;
use apic_core::rule::Rule;
use apic_core::run::{StepRecord, Way};
use apic_core::scenario::Scenario;
use apic_core::units::{CpuId, Ns, Tsc, TscKhz, VcpuId, Vector};

/// What a step did, in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sentence {
    /// What happened: one to three short sentences.
    pub main: String,
    /// What did *not* happen; shown dimmer.
    pub aside: Option<String>,
}

impl Sentence {
    /// All of it.
    pub fn text(&self) -> String {
        match &self.aside {
            Some(aside) => format!("{} {aside}", self.main),
            None => self.main.clone(),
        }
    }

    fn prefixed(mut self, prefix: &str) -> Self {
        self.main.insert_str(0, prefix);
        self
    }
}

/// A sentence that leaves nothing out.
fn said(main: impl Into<String>) -> Sentence {
    Sentence { main: main.into(), aside: None }
}

/// A sentence with what did not happen.
fn but(main: impl Into<String>, aside: impl Into<String>) -> Sentence {
    Sentence { main: main.into(), aside: Some(aside.into()) }
}

/// The sentence of a step.
pub fn narrate(record: &StepRecord, scenario: &Scenario) -> Sentence {
    let c = Context { record, scenario };
    match record.rule {
        Rule::A1 => arming::deadline_written(&c),
        Rule::A2 => arming::fastpath(&c),
        Rule::A3 => arming::stored(&c),
        Rule::A4 => arming::pending_forgotten(&c),
        Rule::A5 => arming::who_keeps_it(&c),
        Rule::A6 => arming::expiry_computed(&c),
        Rule::A6h => preemption::given(&c),
        Rule::A6e => said(format!("The VMX preemption timer of {} did not take {}'s deadline.", c.core(), c.vcpu())),
        Rule::A6p => arming::target_is_the_expiry(&c),
        Rule::A7 => arming::passed_already(&c),
        Rule::A7k => but(
            format!("{}'s own thread kicked {} for the expiry that it had found.", c.vcpu(), c.vcpu()),
            "It runs here and sleeps nowhere, so nothing was done.",
        ),
        Rule::A8 => arming::ready(&c),
        Rule::N0 | Rule::N1 | Rule::N2 | Rule::N3 | Rule::N4 | Rule::N5 => arming::target(&c),
        Rule::R0 => arming::stays(&c, "it is pinned, or its target is this very core (R0)"),
        Rule::R1 => arming::stays(&c, "it was queued here and comes first, so moving it would program two clocks (R1)"),
        Rule::R2 => arming::stays(&c, "its callback is running there (R2)"),
        Rule::R3 => arming::refused_as_first(&c),
        Rule::R4 => arming::refused_in_interrupt(&c),
        Rule::R5 => arming::accepted(&c),
        Rule::R6 => arming::stays(&c, "its callback restarted it there (R6)"),
        Rule::K1 => host::clock_event(&c),
        Rule::P1 => firing::external_interrupt(&c),
        Rule::P2 => firing::mode_outside(&c),
        Rule::P2b => host::handled_in_exit(&c),
        Rule::P3 | Rule::C4 => firing::callback(&c),
        Rule::P3b | Rule::D1 => firing::left_pending(&c),
        Rule::P3d | Rule::D1b => firing::asked_to_look(&c),
        Rule::P3c | Rule::D2 => firing::kick(&c),
        Rule::P4 | Rule::C11 => firing::callback_returned(&c),
        Rule::P5 | Rule::D4 => firing::expiry_found(&c),
        Rule::P5n => {
            but(format!("{}'s thread looked for a pending expiry.", c.vcpu()), "There was none that it could inject.")
        }
        Rule::P5b | Rule::C7 => firing::lvt(&c),
        Rule::P5c | Rule::C8 => firing::pir_bit(&c),
        Rule::P5d | Rule::C8b => firing::on_bit(&c),
        Rule::P5e | Rule::C10 => firing::deadline_cleared(&c),
        Rule::P6 => firing::mode_in_guest(&c),
        Rule::P6b => firing::sync_on(&c),
        Rule::P6c => firing::sync_pir(&c),
        Rule::P6d => firing::last_look(&c),
        Rule::P7 | Rule::C6 => firing::waited(&c),
        Rule::P8 => firing::entered(&c),
        Rule::C3 => host::timer_interrupt(&c),
        Rule::C5 => firing::may_it_be_posted(&c),
        Rule::C9 => firing::notification(&c),
        Rule::C12 => firing::recognised(&c),
        Rule::C12b => firing::on_cleared(&c),
        Rule::C12c => firing::pir_drained(&c),
        Rule::C13 => firing::delivered(&c),
        Rule::C14 => firing::eoi(&c),
        Rule::D3 => firing::entry_aborted(&c),
        Rule::I1 => host::interrupt_taken(&c),
        Rule::I2 => host::notification_missed(&c),
        Rule::I3 => host::reschedule(&c),
        Rule::I4 => host::ipi_arrived(&c),
        Rule::T1 => host::tick(&c),
        Rule::T2 => host::interrupt_ended(&c),
        Rule::T3 => host::nothing_due(&c),
        Rule::H1 | Rule::H2 => host::load(&c),
        Rule::G1 => said(format!("{}'s handler returned; its interrupts are on again.", c.vcpu())),
        Rule::G2 => but(format!("{} halted and waits for an interrupt.", c.vcpu()), "HLT is not intercepted: no exit."),
        Rule::Hv1 => preemption::loaded(&c),
        Rule::Hv2 => preemption::fired(&c),
        Rule::Hv3 => preemption::dispatched(&c),
        Rule::Hv4 => preemption::expired(&c),
        Rule::Hv5 => said("The preemption timer is free: hv_timer_in_use became 0."),
        Rule::Hv6 => preemption::to_software(&c),
        Rule::Hv7 => preemption::to_hardware(&c),
        Rule::V1 => preemption::virtual_deadline(&c),
        Rule::V2 => preemption::virtual_fired(&c),
        Rule::V3 => preemption::virtual_to_software(&c),
        Rule::V4 => preemption::virtual_to_hardware(&c),
        Rule::E1 => preemption::halt_exit(&c),
        Rule::E1b => preemption::halted(&c),
        Rule::E2 => preemption::nothing_to_run_for(&c),
        Rule::E3 => preemption::polled_in_vain(&c),
        Rule::E3b => preemption::polling_paid(&c),
        Rule::E3c => preemption::polling_ended(&c),
        Rule::E4 => preemption::on_the_queue(&c),
        Rule::E4b => preemption::last_look(&c),
        Rule::E5 => preemption::sleeps(&c),
        Rule::E6 => preemption::woken(&c),
        Rule::E7 => preemption::runs_again(&c),
        Rule::E8 => preemption::off_the_queue(&c),
        Rule::E9 => preemption::runnable_now(&c),
        Rule::F1 | Rule::J1 => others::irr_bit(&c),
        Rule::F2 => others::doorbell(&c),
        Rule::F3 => others::heard(&c),
        Rule::F4 => others::interrupts_on(&c),
        Rule::J2 => others::event_requested(&c),
        Rule::J3 => others::events(&c),
        Rule::J4 => others::injected(&c),
        Rule::J5 => others::window(&c),
        Rule::J6 => others::window_handled(&c),
        Rule::J7 | Rule::U9 => others::eoi_exit(&c),
        Rule::J8 => others::eoi_emulated(&c),
        Rule::Vd1 => device::posted(&c),
        Rule::Vd2 => device::notified(&c),
        Rule::Vd3 => device::arrived(&c),
        Rule::W1 => device::joined(&c),
        Rule::W2 | Rule::W10 | Rule::W13 => device::control(&c),
        Rule::W3 => device::was_on_set(&c),
        Rule::W4 => device::suppressed(&c),
        Rule::W5 => device::locked(&c),
        Rule::W6 => device::looked_at(&c),
        Rule::W7 => device::woken(&c),
        Rule::W8 => device::unlocked(&c),
        Rule::W9 => device::left(&c),
        Rule::W11 => device::unsuppressed(&c),
        Rule::W12 => device::rederived(&c),
        Rule::I5 => device::wakeup_vector(&c),
        Rule::S1 => host::wanted(&c),
        Rule::S2 => host::scheduled_out(&c),
        Rule::S3 => host::rival_done(&c),
        Rule::M1 => host::restarted_elsewhere(&c),
        Rule::M2 => host::timer_follows(&c),
        Rule::U1 => others::tmict_written(&c),
        Rule::U2 => others::to_userspace(&c),
        Rule::U3 => others::user_arms(&c),
        Rule::U4 => others::run_again(&c),
        Rule::U5 => others::io_thread_woken(&c),
        Rule::U6 => others::io_thread(&c),
        Rule::U7 => others::interrupted(&c),
        Rule::U8 => others::user_injects(&c),
        Rule::U11 => others::user_waits(&c),
        Rule::U10 => others::user_eoi(&c),
        Rule::X1 => firing::other_exit(&c),
        Rule::X2 => {
            said(format!("The host was done with {}'s exit, which had nothing to do with the timer.", c.vcpu()))
        }
    }
}

/// The sentence of one press of *Step*, which may move several of the paths that are compared.
///
/// Paths that took the same step share a sentence: "On both paths: …". Others speak for themselves, by their titles.
/// `kept` is what kept paths are of.
pub fn narrate_beat(
    steps: &[(Way, &StepRecord)],
    compared: &[Way],
    scenario: &Scenario,
    kept: Option<&Scenario>,
) -> Sentence {
    let of = |way: Way| kept.filter(|_| way.kept).unwrap_or(scenario);
    let told: Vec<(Way, Sentence)> = steps.iter().map(|(way, r)| (*way, narrate(r, of(*way)))).collect();
    let Some((first_way, first)) = told.first() else { return opening(scenario, compared) };
    if compared.len() == 1 {
        return first.clone();
    }
    if told.len() > 1 && told.iter().all(|(_, s)| s == first) {
        let on = if told.len() < compared.len() {
            told.iter().map(|(way, _)| way.title()).collect::<Vec<_>>().join(" and ")
        } else if told.len() == 2 {
            "On both paths".to_owned()
        } else {
            format!("On all {} paths", told.len())
        };
        return first.clone().prefixed(&format!("{on}: "));
    }
    if told.len() == 1 {
        return first.clone().prefixed(&format!("{}: ", first_way.title()));
    }
    let parts: Vec<String> = told.iter().map(|(way, s)| format!("{}: {}", way.title(), s.text())).collect();
    said(parts.join(" "))
}

/// The sentence before the first step.
pub fn opening(scenario: &Scenario, compared: &[Way]) -> Sentence {
    const NAMED: usize = 3;
    let mut placed: Vec<String> = Vec::new();
    for (i, vcpu) in scenario.vcpus.iter().enumerate().take(NAMED) {
        let runs = if i == 0 { "runs " } else { "" };
        placed.push(format!("vCPU {i} {runs}on {}", words::core(vcpu.cpu, scenario)));
    }
    let more = scenario.vcpus.len().saturating_sub(NAMED);
    if more > 0 {
        placed.push(format!("and {more} more"));
    }
    let vcpus = format!("{}.", placed.join(", "));
    let paths = match compared {
        [one] => format!("{}: {}.", one.title(), one.path.about()),
        many => {
            let titles: Vec<String> = many.iter().map(|way| words::small(&way.title())).collect();
            let between = if titles.iter().any(|title| title.contains(',')) { "; " } else { ", " };
            let guest = if many.iter().any(|way| way.kept) { "Two scenarios" } else { "The same guest" };
            format!("{guest}, {} ways: {}.", number(many.len()), titles.join(between))
        }
    };
    but(format!("{vcpus} {paths}"), "Nothing has happened yet.")
}

fn number(n: usize) -> String {
    ["no", "one", "two", "three", "four"].get(n).map_or_else(|| n.to_string(), |w| (*w).to_owned())
}

/// A step in its scenario, with the questions that sentences ask.
struct Context<'a> {
    record: &'a StepRecord,
    scenario: &'a Scenario,
}

impl Context<'_> {
    /// "core 3".
    fn core(&self) -> String {
        words::core(self.record.cpu, self.scenario)
    }

    /// "Core 3".
    fn core_first(&self) -> String {
        capital(&self.core())
    }

    /// "core 0, the housekeeper,".
    fn actor(&self) -> String {
        words::actor(self.record.cpu, self.scenario)
    }

    /// "Core 0, the housekeeper,".
    fn actor_first(&self) -> String {
        capital(&self.actor())
    }

    fn name(&self, cpu: CpuId) -> String {
        words::core(cpu, self.scenario)
    }

    /// "vCPU 0"; "the vCPU" for a step that is about none.
    fn vcpu(&self) -> String {
        self.record.vcpu.map_or_else(|| "the vCPU".to_owned(), |v: VcpuId| format!("vCPU {v}"))
    }

    /// Whether interrupts are posted through a descriptor: AMD's processors have none.
    fn has_descriptor(&self) -> bool {
        self.scenario.vm.vendor == Vendor::Vmx
    }

    /// Where requests wait and where they are in service, as the processor's manual calls them.
    fn registers(&self) -> [&'static str; 2] {
        if self.has_descriptor() { ["VIRR", "VISR"] } else { ["IRR", "ISR"] }
    }

    fn find<T>(&self, pick: impl FnMut(&Effect) -> Option<T>) -> Option<T> {
        self.record.effects.iter().find_map(pick)
    }

    fn set(&self, which: Field) -> Option<(u64, u64)> {
        self.find(|e| match *e {
            Effect::Set { field, from, to, .. } if field == which => Some((from, to)),
            _ => None,
        })
    }

    fn bit(&self, which: Bank, value: bool) -> Option<Vector> {
        self.find(|e| match *e {
            Effect::Bit { bank, vector, on, .. } if bank == which && on == value => Some(vector),
            _ => None,
        })
    }

    /// "bit 0xec"; "bits 0x31 and 0xec"; nothing if none changed so.
    fn bits(&self, which: Bank, value: bool) -> Option<String> {
        let changed = |e: &Effect| match *e {
            Effect::Bit { bank, vector, on, .. } if bank == which && on == value => Some(vector.to_string()),
            _ => None,
        };
        let bits: Vec<String> = self.record.effects.iter().filter_map(changed).collect();
        match bits.as_slice() {
            [] => None,
            [one] => Some(format!("bit {one}")),
            many => Some(format!("bits {}", many.join(" and "))),
        }
    }

    fn not_sent(&self) -> Option<(Vector, CpuId, NotSent)> {
        self.find(|e| match *e {
            Effect::IpiNotSent { vector, to, why, .. } => Some((vector, to, why)),
            _ => None,
        })
    }

    fn sent(&self) -> Option<(Vector, CpuId)> {
        self.find(|e| match *e {
            Effect::IpiSent { vector, to, .. } => Some((vector, to)),
            _ => None,
        })
    }

    fn exit(&self) -> Option<(&'static str, Option<Vector>)> {
        self.find(|e| match *e {
            Effect::Exit { reason, vector, .. } => Some((reason, vector)),
            _ => None,
        })
    }

    fn queued(&self) -> Option<(CpuId, Ns)> {
        self.find(|e| match *e {
            Effect::TimerQueued { cpu, expires, timer: TimerId::Lapic(_), .. } => Some((cpu, expires)),
            _ => None,
        })
    }

    /// Guest cycles as a span of time.
    fn cycles(&self, cycles: Tsc) -> u64 {
        TscKhz::new(self.scenario.host.tsc_khz).unwrap_or(TscKhz::DEFAULT).ns_of(cycles).as_ns()
    }

    /// The timer's vector in the guest.
    fn guest_vector(&self) -> Vector {
        self.scenario.guest.vector
    }
}
