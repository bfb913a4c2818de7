//! Summaries of the recordings equal figures that were computed without the reader: by
//! `tests/data/traces/figures.py`, whose output is repeated here. Its README says how.

use kvm_trace::{Inference, Outcome, Path, Summary, analyze};

struct Figures {
    text: &'static str,
    events: &'static str,
    arms: u64,
    restarts: u64,
    expiries: u64,
    accepts: u64,
    eois: u64,
    eois_of_nothing: u64,
    coalesced: u64,
    /// Accepted, and the line of the expiry is missing.
    unshown: u64,
    /// Each: count, p50, p90, p99, p99.9, max, in ns.
    lateness: [i64; 6],
    arm_to_expiry: [u64; 6],
    expiry_to_accept: [u64; 6],
}

const DEADLINE_BUSY: Figures = Figures {
    text: include_str!("data/traces/deadline-busy.perf-script.txt"),
    events: "call_function_single_entry=6 call_function_single_exit=6 hrtimer_cancel=10 hrtimer_expire_entry=315 \
             hrtimer_expire_exit=315 hrtimer_start=325 kvm_apic=403 kvm_apic_accept_irq=200 kvm_eoi=400 \
             kvm_hv_timer_state=200 kvm_msr=405 kvm_userspace_exit=1 local_timer_entry=312 local_timer_exit=312 \
             reschedule_entry=7 reschedule_exit=7 sched_migrate_task=3 sched_switch=46 sched_waking=27",
    arms: 200,
    restarts: 0,
    expiries: 200,
    accepts: 200,
    eois: 400,
    eois_of_nothing: 200,
    coalesced: 0,
    unshown: 0,
    lateness: [200, 11_453, 16_672, 25_484, 37_222, 37_222],
    arm_to_expiry: [200, 994_000, 999_000, 1_007_000, 1_014_000, 1_014_000],
    expiry_to_accept: [200, 7_000, 10_000, 20_000, 35_000, 35_000],
};

const DEADLINE_HALT: Figures = Figures {
    text: include_str!("data/traces/deadline-halt.perf-script.txt"),
    events: "call_function_single_entry=72 call_function_single_exit=72 hrtimer_cancel=24 hrtimer_expire_entry=644 \
             hrtimer_expire_exit=644 hrtimer_start=667 kvm_apic=803 kvm_apic_accept_irq=400 kvm_eoi=800 \
             kvm_hv_timer_state=400 kvm_msr=805 kvm_userspace_exit=1 kvm_vcpu_wakeup=400 local_timer_entry=640 \
             local_timer_exit=640 reschedule_entry=38 reschedule_exit=38 sched_migrate_task=16 sched_switch=1054 \
             sched_waking=522",
    arms: 400,
    restarts: 0,
    expiries: 400,
    accepts: 400,
    eois: 800,
    eois_of_nothing: 400,
    coalesced: 0,
    unshown: 0,
    lateness: [400, 6_219, 8_831, 12_638, 61_914, 61_914],
    arm_to_expiry: [400, 994_000, 997_000, 1_001_000, 1_051_000, 1_051_000],
    expiry_to_accept: [400, 24_000, 31_000, 2_367_000, 3_802_000, 3_802_000],
};

const PERIODIC_HALT: Figures = Figures {
    text: include_str!("data/traces/periodic-halt.perf-script.txt"),
    events: "call_function_single_entry=17 call_function_single_exit=17 hrtimer_cancel=23 hrtimer_expire_entry=698 \
             hrtimer_expire_exit=698 hrtimer_start=720 kvm_apic=804 kvm_apic_accept_irq=400 kvm_eoi=800 \
             kvm_hv_timer_state=1 kvm_msr=406 kvm_userspace_exit=1 kvm_vcpu_wakeup=399 local_timer_entry=697 \
             local_timer_exit=697 reschedule_entry=29 reschedule_exit=29 sched_migrate_task=20 sched_switch=1071 \
             sched_waking=511",
    arms: 1,
    restarts: 451,
    expiries: 451,
    accepts: 400,
    eois: 800,
    eois_of_nothing: 400,
    coalesced: 52,
    unshown: 1,
    lateness: [450, 6_899, 9_361, 16_142, 1_437_342, 1_437_342],
    arm_to_expiry: [450, 993_000, 999_000, 1_005_000, 2_421_000, 2_421_000],
    expiry_to_accept: [399, 24_000, 32_000, 4_105_000, 4_598_000, 4_598_000],
};

fn rows<T: Copy>(summary: Option<apic_core::run::Summary<T>>, count: impl Fn(u64) -> T) -> [T; 6] {
    let s = summary.expect("values");
    [count(s.count), s.p50, s.p90, s.p99, s.p999, s.max]
}

#[track_caller]
fn check(figures: &Figures) -> Summary {
    let summary = analyze(figures.text.as_bytes(), |_| {}).expect("a recording");
    let events: Vec<_> = summary.events.iter().map(|(name, n)| format!("{name}={n}")).collect();
    assert_eq!(events.join(" "), figures.events);
    assert_eq!((summary.arms, summary.restarts, summary.expiries), (figures.arms, figures.restarts, figures.expiries));
    assert_eq!((summary.accepts, summary.accepts_of_others), (figures.accepts, 0));
    assert_eq!((summary.eois, summary.eois_of_nothing), (figures.eois, figures.eois_of_nothing));
    assert_eq!(summary.coverage.unparsed, 0);
    let outcome = |outcome: Outcome| summary.outcomes[outcome as usize];
    assert_eq!((outcome(Outcome::Coalesced), outcome(Outcome::Accepted)), (figures.coalesced, figures.accepts));
    let rule = |rule| summary.rules.get(&rule).copied().unwrap_or(0);
    let accepted_unshown = rule(Inference::E3) - outcome(Outcome::Open);
    assert_eq!(accepted_unshown, figures.unshown);
    let times = &summary.latencies;
    assert_eq!(rows(times.lateness.summary(), u64::cast_signed), figures.lateness);
    assert_eq!(rows(times.arm_to_expiry.summary(), |n| n), figures.arm_to_expiry);
    assert_eq!(rows(times.expiry_to_accept.summary(), |n| n), figures.expiry_to_accept);
    assert_eq!(times.accept_to_entry.count(), 0);
    assert_eq!(summary.paths.iter().sum::<u64>(), figures.accepts);
    assert_eq!(summary.ticks, summary.outcomes.iter().sum::<u64>());
    summary
}

/// This guest never halts, and its vCPU's thread is what the timer interrupts.
#[test]
fn deadline_busy() {
    let summary = check(&DEADLINE_BUSY);
    assert_eq!(summary.paths[Path::Pinned as usize], 200);
    assert_eq!(summary.rules.get(&Inference::S2), Some(&200));
    assert_eq!((summary.missing.unmarked, summary.missing.first_unmarked), (3, Some(53)));
    let [vcpu] = &summary.vcpus[..] else { panic!("one vCPU") };
    assert_eq!((vcpu.thread.0, vcpu.vcpu.map(|v| v.0), vcpu.apicid.map(|a| a.0)), (8768, Some(0), Some(0)));
    assert_eq!(vcpu.vector.map(|(vector, rule)| (vector.0, rule)), Some((0xec, Inference::V4)));
}

/// This guest halts in between.
#[test]
fn deadline_halt() {
    let summary = check(&DEADLINE_HALT);
    assert_eq!(summary.paths[Path::Woken as usize], 400);
    assert!(summary.vcpus[0].halts);
    assert_eq!((summary.missing.unmarked, summary.missing.first_unmarked), (14, Some(585)));
}

/// What the idle thread printed is missing from the file, without a marker: 11 lines are of threads to which their CPU had
/// not switched (counted by a script of ten lines). One expiry is among what is missing; its tick was accepted all the
/// same, in line 5304. There are 399 `kvm_vcpu_wakeup`, one of them for that tick; one tick found its thread preempted.
#[test]
fn periodic_halt() {
    let summary = check(&PERIODIC_HALT);
    let path = |path: Path| summary.paths[path as usize];
    assert_eq!((path(Path::Woken), path(Path::Preempted), path(Path::Undecided)), (398, 1, 1));
    assert_eq!(summary.missing.markers, 0);
    assert_eq!((summary.missing.unmarked, summary.missing.first_unmarked), (11, Some(13)));
}
