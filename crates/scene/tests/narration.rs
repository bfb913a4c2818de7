//! Every step has its sentence, and the sentences keep to the page of wording rules.

use apic_core::effect::{Bank, Effect, Field, NotSent};
use apic_core::host::TimerId;
use apic_core::kvm::Era;
use apic_core::rule::Rule;
use apic_core::run::{Compare, Lockstep, StepRecord, Way};
use apic_core::scenario::{PRESETS, PathKind, Scenario, preset};
use apic_core::units::{CpuId, Ns, Tsc, VcpuId, Vector};
use apic_core::vmx::ExitPhase;
use scene::{event_line, narrate, narrate_beat, opening};

const V: VcpuId = VcpuId(0);
const HOUSEKEEPER: CpuId = CpuId(0);
const HOME: CpuId = CpuId(3);

fn scenario() -> Scenario {
    preset("pinned-vs-offloaded").expect("it ships")
}

fn record(rule: Rule, cpu: CpuId, effects: Vec<Effect>) -> StepRecord {
    StepRecord { index: 7, at: Ns::from_ns(1_000_040), cpu, vcpu: Some(V), rule, effects }
}

#[track_caller]
fn check(rule: Rule, cpu: CpuId, effects: Vec<Effect>, expect: &str) {
    assert_eq!(narrate(&record(rule, cpu, effects), &scenario()).text(), expect);
}

/// Short sentences, no filler, each ended.
#[track_caller]
fn check_wording(text: &str, of: &str) {
    assert!(text.ends_with('.'), "{of}: {text}");
    assert!(text.starts_with(|c: char| c.is_uppercase()) || text.starts_with("vCPU"), "{of}: {text}");
    assert!(!text.contains("  ") && !text.contains(" ,") && !text.contains(",."), "{of}: {text}");
    for filler in ["simply", "just ", "obviously", "easy"] {
        assert!(!text.contains(filler), "{of}: {text}");
    }
    assert!(text.chars().count() <= 260, "{of}: too long: {text}");
}

#[test]
fn every_rule_has_a_sentence() {
    for rule in Rule::ALL {
        // Without any effect: the least that can be known about a step.
        let sentence = narrate(&record(*rule, HOME, Vec::new()), &scenario());
        check_wording(&sentence.text(), rule.id());
    }
}

#[test]
fn every_step_of_every_preset_has_a_sentence() {
    for p in PRESETS {
        let scenario = p.scenario().expect("it ships");
        let lockstep = Lockstep::new(&scenario);
        check_wording(&opening(&scenario, &Compare::default().ways(&scenario)).text(), p.name);
        for history in lockstep.paths() {
            for record in history.records(0..history.len()) {
                check_wording(&narrate(&record, &scenario).text(), p.name);
            }
        }
    }
}

#[test]
fn posting_is_told_field_by_field() {
    let bit = Effect::Bit { vcpu: V, bank: Bank::Pir, vector: Vector::LOCAL_TIMER, on: true };
    check(Rule::C8, HOUSEKEEPER, vec![bit], "Core 0, the housekeeper, set PIR bit 0xec for vCPU 0.");
    let on = Effect::Set { vcpu: V, field: Field::On, from: 0, to: 1 };
    check(Rule::C8b, HOUSEKEEPER, vec![on], "ON was 0, so core 0 set it.");
    let sent = Effect::IpiSent { id: 0, vector: Vector::POSTED_INTR, from: HOUSEKEEPER, to: HOME, vcpu: V };
    check(
        Rule::C9,
        HOUSEKEEPER,
        vec![Effect::ModeRead { vcpu: V, mode: 1 }, sent],
        "Core 0, the housekeeper, sent the notification, vector 0xf2, to core 3. vCPU 0 did not exit.",
    );
}

#[test]
fn what_did_not_happen_is_said() {
    let no = |why| vec![Effect::IpiNotSent { vector: Vector::POSTED_INTR, from: HOUSEKEEPER, to: HOME, vcpu: V, why }];
    check(
        Rule::C8b,
        HOUSEKEEPER,
        no(NotSent::OnAlreadySet),
        "ON was 1 already: a notification is outstanding. Core 0 sent no second one.",
    );
    check(
        Rule::C8,
        HOUSEKEEPER,
        no(NotSent::BitAlreadySet),
        "PIR bit 0xec of vCPU 0 was 1 already: the two expiries became one. Core 0 sent no notification.",
    );
    check(
        Rule::C9,
        HOUSEKEEPER,
        no(NotSent::OutsideGuestMode),
        "Core 0, the housekeeper, found that vCPU 0 had left guest mode: the next entry looks at PIR. No notification was \
         sent.",
    );
}

/// No sentence says more than its step did.
#[test]
fn sentences_claim_no_more_than_happened() {
    // An expiry is left pending as well where posting is not configured and the vCPU is in guest mode.
    check(
        Rule::D1,
        HOUSEKEEPER,
        vec![Effect::Set { vcpu: V, field: Field::Pending, from: 0, to: 1 }],
        "Core 0, the housekeeper, left the expiry pending for vCPU 0's thread. Nothing was posted.",
    );
    check(Rule::D1b, HOUSEKEEPER, vec![], "Core 0, the housekeeper, asked vCPU 0's thread to look: KVM_REQ_UNBLOCK.");
    // HLT's fastpath finds an interrupt.
    check(Rule::E1b, CpuId(3), vec![], "An interrupt waits for vCPU 0, so it stays runnable. It did not halt.");
    let kick = Effect::IpiSent { id: 0, vector: Vector::RESCHEDULE, from: HOUSEKEEPER, to: HOME, vcpu: V };
    check(
        Rule::D2,
        HOUSEKEEPER,
        vec![Effect::ModeRead { vcpu: V, mode: 1 }, kick],
        "vCPU 0 was in guest mode, so core 0, the housekeeper, sent vector 0xfd to core 3 to make it leave.",
    );
    // A deadline within the timer advance has not passed.
    let expired = |at: Ns| {
        let to = scenario().tsc_khz().tsc_at(at).as_cycles();
        vec![Effect::Set { vcpu: V, field: Field::ExpiredTscdeadline, from: 0, to }]
    };
    check(
        Rule::A7,
        HOME,
        expired(Ns::from_ns(1_000_800)),
        "vCPU 0's deadline was no further ahead than the timer advance. No host timer was started.",
    );
    check(
        Rule::A7,
        HOME,
        expired(Ns::from_ns(1_000_000)),
        "vCPU 0's deadline had passed already. No host timer was started.",
    );
    // In the fastpath the mode changes a step later.
    check(Rule::D3, HOME, Vec::new(), "vCPU 0's thread found that it is wanted elsewhere. The guest was not entered.");
    // AMD has no notification vector.
    let exit = |reason| {
        let vector = Some(Vector::LOCAL_TIMER);
        vec![Effect::Exit { vcpu: V, cpu: HOME, reason, vector, phase: ExitPhase::Firing }]
    };
    check(
        Rule::P1,
        HOME,
        exit("interrupt"),
        "The host's timer interrupt, vector 0xec, arrived on core 3 while vCPU 0 ran. So vCPU 0 exited (interrupt).",
    );
    // Other timers stay queued on a housekeeper that goes idle.
    let clock = Effect::ClockEvent { cpu: HOUSEKEEPER, from: Ns::from_us(1_400), to: Ns::from_ns(1_500_040) };
    check(
        Rule::H1,
        HOUSEKEEPER,
        vec![clock],
        "Core 0, the housekeeper, went idle: its tick stopped, and its next event is 500 µs ahead.",
    );
}

/// A periodic timer has no deadline to clear, and what did not take a deadline does not keep it.
#[test]
fn what_has_no_effect_claims_none() {
    let plain = |rule| narrate(&record(rule, HOME, Vec::new()), &scenario()).text();
    assert_eq!(plain(Rule::P5e), "Core 3 was done with the delivery for vCPU 0. No deadline was cleared.");
    assert_eq!(plain(Rule::A6e), "The VMX preemption timer of core 3 did not take vCPU 0's deadline.");
    assert_eq!(plain(Rule::M2), "vCPU 0 is on another core now. No hrtimer followed it.");
    assert_eq!(plain(Rule::P5n), "vCPU 0's thread looked for a pending expiry. There was none that it could inject.");
}

#[test]
fn the_advance_is_told_only_where_there_is_one() {
    let mut old = scenario();
    let text = |s: &Scenario| narrate(&record(Rule::A6, HOME, Vec::new()), s).text();
    assert!(text(&old).contains("less the timer advance"));
    old.vm.era = Era::V4_7;
    assert!(!text(&old).contains("advance"));
}

#[test]
fn a_refusal_says_why() {
    let refused = |next| {
        vec![Effect::TimerRefused {
            timer: TimerId::Lapic(V),
            target: HOUSEKEEPER,
            expires: Ns::from_us(1_999),
            target_expires_next: next,
            rule: Rule::R3,
        }]
    };
    check(
        Rule::R3,
        HOME,
        refused(Ns::NEVER),
        "The timer stayed on core 3: core 0's next event is never (it is idle, its tick stopped), and only core 0 could \
         program an earlier one (R3). Core 0 did not take it.",
    );
    check(
        Rule::R3,
        HOME,
        refused(Ns::from_us(2_400)),
        "The timer stayed on core 3: core 0's next event is at 2.400 ms, after the timer's 1.999 ms, and only core 0 could \
         program an earlier one (R3). Core 0 did not take it.",
    );
}

#[test]
fn times_have_units_and_sensible_precision() {
    check(
        Rule::A1,
        HOME,
        vec![
            Effect::Armed { vcpu: V, deadline: Tsc::from_cycles(5_000_000), at: Ns::from_us(2_000) },
            Effect::Exit { vcpu: V, cpu: HOME, reason: "MSR_WRITE", vector: None, phase: ExitPhase::Arming },
        ],
        "vCPU 0 wrote its next deadline, 1 ms ahead, to IA32_TSC_DEADLINE. The write is intercepted: vCPU 0 exited \
         (MSR_WRITE).",
    );
    check(
        Rule::C6,
        HOUSEKEEPER,
        vec![Effect::Waited {
            vcpu: V,
            cpu: HOUSEKEEPER,
            early: true,
            delta: Tsc::from_cycles(2_025),
            spin: Ns::from_ns(811),
        }],
        "The deadline was 0.81 µs ahead, so core 0, the housekeeper, spun for 0.81 µs: the guest must not see its tick \
         early.",
    );
    check(
        Rule::C13,
        HOME,
        vec![Effect::Delivered { vcpu: V, vector: Vector::LOCAL_TIMER, late_ns: -280 }],
        "Bit 0xec moved from VIRR to VISR, and vCPU 0's handler started, 0.28 µs before its deadline. The delivery itself \
         needed no exit.",
    );
}

#[test]
fn a_beat_says_whose_it_is() {
    let scenario = scenario();
    let tick = record(Rule::T1, HOUSEKEEPER, Vec::new());
    let [pinned, posted] = [PathKind::Pinned, PathKind::Posted].map(Way::of);
    let two = [pinned, posted];
    let both = narrate_beat(&[(pinned, &tick), (posted, &tick)], &two, &scenario, None);
    assert_eq!(both.text(), "On both paths: Core 0, the housekeeper, ran its own tick.");
    let one = narrate_beat(&[(posted, &tick)], &two, &scenario, None);
    assert_eq!(one.text(), "Offloaded: Core 0, the housekeeper, ran its own tick.");
    let older = Way { era: Some(Era::V5_3), ..posted };
    let three = [pinned, posted, older];
    let all = narrate_beat(&three.map(|way| (way, &tick)), &three, &scenario, None);
    assert_eq!(all.text(), "On all 3 paths: Core 0, the housekeeper, ran its own tick.");
    let some = narrate_beat(&[(pinned, &tick), (older, &tick)], &three, &scenario, None);
    assert_eq!(some.text(), "Pinned and Offloaded, era 5.3: Core 0, the housekeeper, ran its own tick.");
    assert_eq!(narrate_beat(&[], &two, &scenario, None), opening(&scenario, &two));
    let told = opening(&scenario, &three).text();
    assert!(told.contains("three ways: pinned; offloaded; offloaded, era 5.3."), "{told}");
}

#[test]
fn an_event_line_has_its_keys_in_order() {
    let scenario = scenario();
    let on = Effect::Set { vcpu: V, field: Field::On, from: 0, to: 1 };
    let line = event_line(&record(Rule::C8b, HOUSEKEEPER, vec![on]), &scenario, "posted");
    assert_eq!(
        line,
        r#"{"path":"posted","index":7,"time_ns":1000040,"cpu":0,"vcpu":0,"rule":"C8b","effects":[{"effect":"set","vcpu":0,"field":"on","from":0,"to":1}],"sentence":"ON was 0, so core 0 set it."}"#
    );
}

#[test]
fn every_event_line_is_one_json_object() {
    for p in PRESETS {
        let scenario = p.scenario().expect("it ships");
        for history in Lockstep::new(&scenario).paths() {
            for record in history.records(0..history.len()) {
                let line = event_line(&record, &scenario, history.path().name());
                assert!(!line.contains('\n'));
                let value: serde_json::Value = serde_json::from_str(&line).expect("JSON");
                assert_eq!(value["sentence"], narrate(&record, &scenario).text());
            }
        }
    }
}
