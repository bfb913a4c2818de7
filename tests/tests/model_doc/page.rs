//! The page itself.

use crate::pins::Pins;
use apic_core::kvm::Era;
use apic_core::rule::Rule;
use std::fmt::Write as _;

const HEAD: &str = "\
# The model, rule by rule

Made from the code; a test holds it to that (`tests/tests/model_doc`). A *rule* is what one step follows: one thing that hardware or
the kernel does atomically. Kernel functions are of `arch/x86/kvm` unless a path is given; sections of the SDM are cited by title,
because their numbers move between editions. *Eras* are those whose kernels can take the step, worked out from the switches that
make an era (`Rule::eras`; `apic-core/tests/eras.rs` runs them all). The last column names tests that fail when the rule's place in
its flow changes.
";

pub(crate) fn of(pins: &Pins) -> String {
    let mut page = HEAD.to_owned();
    let mut flow = "";
    for rule in Rule::ALL {
        let (info, words) = (rule.info(), rule.words());
        let this = flow_of(info.id);
        if this != flow {
            flow = this;
            let _ = write!(
                page,
                "\n## {flow}\n\n| rule | step | what happens | eras | source | tests |\n| --- | --- | --- | --- | --- | --- |\n"
            );
        }
        let tests =
            pins.get(info.id).map(|tests| tests.iter().map(|t| format!("`{t}`")).collect::<Vec<_>>().join(", "));
        let eras = eras(*rule);
        let cells = [info.id, info.title, words.what, &eras, words.source, &tests.unwrap_or_default()]
            .map(|cell| cell.replace('|', "\\|"));
        let _ = writeln!(page, "| {} |", cells.join(" | "));
    }
    page
}

/// The eras of a rule in words: runs of eras that follow each other.
fn eras(rule: Rule) -> String {
    let with: Vec<Era> = rule.eras().collect();
    if with.len() == Era::ALL.len() {
        return "all".to_owned();
    }
    let runs = Era::ALL.chunk_by(|a, b| with.contains(a) == with.contains(b)).filter(|run| with.contains(&run[0]));
    let words = runs.map(|run| match *run {
        [only] => only.name().to_owned(),
        [first, .., last] if Some(&last) == Era::ALL.last() => format!("from {}", first.name()),
        [first, .., last] => format!("{} to {}", first.name(), last.name()),
        [] => String::new(),
    });
    let words: Vec<String> = words.collect();
    if words.is_empty() { "none: KVM cannot bring it about".to_owned() } else { words.join(", ") }
}

/// The flow that an id's letters stand for.
fn flow_of(id: &str) -> &'static str {
    let letters = id.find(|c: char| c.is_ascii_digit()).unwrap_or(id.len());
    match &id[..letters] {
        "A" => "A: arming",
        "N" => "N: which CPU is asked to take the timer",
        "R" => "R: whether it does",
        "K" => "K: clock events",
        "P" => "P: pinned, or the vCPU thread's own part",
        "C" => "C: posted",
        "D" => "D: the vCPU is not in guest mode",
        "I" => "I: host interrupts",
        "T" => "T: the host's tick and timer interrupt",
        "H" => "H: a housekeeper's load",
        "G" => "G: the guest",
        "X" => "X: other exits",
        "Hv" => "Hv: the VMX preemption timer",
        "E" => "E: a blocked vCPU",
        "F" => "F: AMD AVIC",
        "J" => "J: injection without APICv",
        "V" => "V: the processor's own timer (proposed)",
        "S" => "S: the host's scheduler",
        "M" => "M: a vCPU that moves",
        "U" => "U: userspace irqchip",
        _ => "Other",
    }
}
