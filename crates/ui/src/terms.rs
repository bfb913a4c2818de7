//! Which words of a sentence are terms of the glossary.

/// Spellings in running text, each with the term that it is. Longer ones come before what they begin with.
const SPELLINGS: &[(&str, &str)] = &[
    ("APIC-timer virtualization", "APIC-timer virtualization"),
    ("EXITING_GUEST_MODE", "EXITING_GUEST_MODE"),
    ("EXTERNAL_INTERRUPT", "EXTERNAL_INTERRUPT"),
    ("IA32_TSC_DEADLINE", "IA32_TSC_DEADLINE"),
    ("IN_GUEST_MODE", "IN_GUEST_MODE"),
    ("KVM_REQ_EVENT", "KVM_REQ_EVENT"),
    ("KVM_REQ_MIGRATE_TIMER", "KVM_REQ_MIGRATE_TIMER"),
    ("KVM_REQ_UNBLOCK", "KVM_REQ_UNBLOCK"),
    ("MSR_WRITE", "MSR_WRITE"),
    ("OUTSIDE_GUEST_MODE", "OUTSIDE_GUEST_MODE"),
    ("PREEMPTION_TIMER", "PREEMPTION_TIMER"),
    ("posted-interrupt processing", "posted-interrupt processing"),
    ("preemption timer", "preemption timer"),
    ("interrupt window", "interrupt window"),
    ("hv_timer_in_use", "hv_timer_in_use"),
    ("timer advance", "timer_advance_ns"),
    ("clock event", "clock event"),
    ("wake-up list", "wake-up list"),
    ("housekeeper", "housekeeper"),
    ("notification", "notification"),
    ("vcpu->mode", "vcpu->mode"),
    ("next event", "expires_next"),
    ("LVT entry", "LVTT"),
    ("doorbell", "doorbell"),
    ("fastpath", "fastpath"),
    ("hrtimer", "hrtimer"),
    ("requests", "requests"),
    ("request", "requests"),
    ("pending", "pending"),
    ("polling", "halt polling"),
    ("posted", "posted interrupt"),
    ("exited", "VM exit"),
    ("halted", "HLT"),
    ("NDST", "NDST"),
    ("TMICT", "TMICT"),
    ("VIRR", "VIRR"),
    ("VISR", "VISR"),
    ("VPPR", "VPPR"),
    ("VT-d", "VT-d"),
    ("kick", "kick"),
    ("spun", "busy-wait"),
    ("EOI", "EOI"),
    ("HLT", "HLT"),
    ("IPI", "IPI"),
    ("IRR", "IRR"),
    ("ISR", "ISR"),
    ("PIR", "PIR"),
    ("RVI", "RVI"),
    ("SVI", "SVI"),
    ("NV", "NV"),
    ("ON", "ON"),
    ("SN", "SN"),
];

/// A stretch of a sentence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Piece<'a> {
    pub(crate) text: &'a str,
    /// The term that it is.
    pub(crate) term: Option<&'static str>,
}

/// A sentence in pieces. Each term is one the first time only: further on it is known.
pub(crate) fn pieces(sentence: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut plain, mut at) = (Vec::new(), 0, 0);
    while at < sentence.len() {
        let known = |term: &str| pieces.iter().any(|p: &Piece<'_>| p.term == Some(term));
        match term_at(sentence, at).filter(|(_, term)| !known(term)) {
            Some((text, term)) => {
                if plain < at {
                    pieces.push(Piece { text: &sentence[plain..at], term: None });
                }
                pieces.push(Piece { text, term: Some(term) });
                at += text.len();
                plain = at;
            }
            None => at += sentence[at..].chars().next().map_or(1, char::len_utf8),
        }
    }
    if plain < sentence.len() {
        pieces.push(Piece { text: &sentence[plain..], term: None });
    }
    pieces
}

/// The term that begins here and is a word of its own.
fn term_at(sentence: &str, at: usize) -> Option<(&str, &'static str)> {
    let wordy = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if sentence[..at].chars().next_back().is_some_and(wordy) {
        return None;
    }
    let rest = &sentence[at..];
    let (spelling, term) = SPELLINGS.iter().find(|(spelling, _)| {
        rest.strip_prefix(spelling).is_some_and(|after| !after.starts_with(wordy) && !after.starts_with("->"))
    })?;
    Some((&rest[..spelling.len()], term))
}

#[cfg(test)]
pub(crate) fn all() -> impl Iterator<Item = &'static str> {
    SPELLINGS.iter().map(|(_, term)| *term)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sentence: &str, terms: &[(&str, &str)]) {
        let pieces = pieces(sentence);
        assert_eq!(pieces.iter().map(|p| p.text).collect::<String>(), sentence, "nothing is lost");
        let found: Vec<_> = pieces.iter().filter_map(|p| Some((p.text, p.term?))).collect();
        assert_eq!(found, terms);
    }

    #[test]
    fn terms_are_words_of_their_own_and_marked_once() {
        check("ON was 0, so core 0 set it.", &[("ON", "ON")]);
        check("On both paths: nothing.", &[]);
        check("KVM_REQ_UNBLOCK aborts; no VIRR, no PIRs.", &[("KVM_REQ_UNBLOCK", "KVM_REQ_UNBLOCK"), ("VIRR", "VIRR")]);
        check(
            "Core 0, the housekeeper, read vcpu->mode: IN_GUEST_MODE, as the housekeeper does.",
            &[("housekeeper", "housekeeper"), ("vcpu->mode", "vcpu->mode"), ("IN_GUEST_MODE", "IN_GUEST_MODE")],
        );
        check("It spun for 0.66 µs – ISR → EOI.", &[("spun", "busy-wait"), ("ISR", "ISR"), ("EOI", "EOI")]);
        check("", &[]);
    }
}
