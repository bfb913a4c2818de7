//! Which way each tick took, by its signature, on short synthetic recordings in the format of Linux 6.12.

use std::fmt::Write;

use kvm_trace::{Fact, Inference, Outcome, Path, Summary, Tick, analyze};
use proptest::prelude::*;

/// `THREAD CPU MICROSECONDS EVENT FIELDS`, one a line, as perf prints it or as ftrace does. Thread 9 is `CPU 1/KVM`.
fn text(recording: &str, ftrace: bool) -> String {
    let mut text = String::new();
    for line in recording.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.starts_with("CPU:") {
            writeln!(text, "{line}").expect("a string");
            continue;
        }
        let [thread, cpu, micros, event, fields] = line.splitn(5, ' ').collect::<Vec<_>>()[..] else {
            panic!("not five words: {line}")
        };
        let comm = if thread == "0" { "<idle>" } else { "CPU 1/KVM" };
        if ftrace {
            writeln!(text, "{comm}-{thread} [{cpu:0>3}] d..2. 2.{micros:0>6}: {event}: {fields}").expect("a string");
        } else {
            writeln!(text, "{comm} {thread} [{cpu:0>3}] 2.{micros:0>6}: kvm:{event}: {fields}").expect("a string");
        }
    }
    text
}

fn read(recording: &str) -> (Vec<Tick>, Summary) {
    let both = [false, true].map(|ftrace| {
        let mut ticks = Vec::new();
        let summary = analyze(text(recording, ftrace).as_bytes(), |fact| {
            if let Fact::Tick(tick) = fact {
                ticks.push(*tick);
            }
        })
        .expect("a recording");
        assert_eq!(summary.coverage.unparsed, 0, "{:?}", summary.coverage.first_unparsed);
        (ticks, summary)
    });
    let [(ticks, summary), (other, _)] = both;
    assert_eq!(ticks, other);
    (ticks, summary)
}

/// The ticks of the recording, in the order in which they ended.
#[track_caller]
fn check(recording: &str, expect: &[(Path, Inference, Outcome)]) -> (Vec<Tick>, Summary) {
    let (ticks, summary) = read(recording);
    let found: Vec<_> = ticks.iter().map(|tick| (tick.path, tick.path_rule, tick.outcome)).collect();
    assert_eq!(found, expect);
    (ticks, summary)
}

const ARM: &str = "9 3 10 kvm_exit vcpu 1 reason MSR_WRITE rip 0x1 info1 0x0 info2 0x0 intr_info 0x0 error_code 0x0
    9 3 11 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=1000000 softexpires=1000000 mode=ABS|HARD
    9 3 12 kvm_hv_timer_state vcpu_id 1 hv_timer 0
    9 3 13 kvm_msr msr_write 6e0 = 0x10
    9 3 14 kvm_entry vcpu 1, rip 0x1";

const TIMER_EXIT: &str = "9 3 1000 kvm_exit vcpu 1 reason EXTERNAL_INTERRUPT rip 0x1 info1 0x0 info2 0x0 \
    intr_info 0x800000ec error_code 0x0";

#[test]
fn pinned() {
    let (ticks, summary) = check(
        &format!(
            "{ARM}
             {TIMER_EXIT}
             9 3 1001 local_timer_entry vector=236
             9 3 1002 hrtimer_expire_entry hrtimer=0xa function=apic_timer_fn now=1001500
             9 3 1003 hrtimer_expire_exit hrtimer=0xa
             9 3 1004 local_timer_exit vector=236
             9 3 1005 kvm_apic_accept_irq apicid 1 vec 236 (Fixed|edge)
             9 3 1006 kvm_inj_virq IRQ 0xec
             9 3 1007 kvm_entry vcpu 1, rip 0x1
             9 3 1020 kvm_exit vcpu 1 reason MSR_WRITE rip 0x1
             9 3 1021 kvm_eoi apicid 1 vector 236"
        ),
        &[(Path::Pinned, Inference::S1, Outcome::Accepted)],
    );
    let tick = ticks[0];
    assert_eq!(tick.lateness_ns(), Some(1_500));
    // The guest wrote in line 1, where it exited; KVM says so in line 4.
    let armed = tick.armed.expect("it was armed");
    assert_eq!((armed.wrote().line, armed.at.line, summary.rules.get(&Inference::L6)), (1, 4, Some(&1)));
    assert_eq!((tick.arm_to_expiry_ns(), tick.expiry_to_accept_ns()), (Some(992_000), Some(3_000)));
    assert_eq!((tick.accept_to_entry_ns(), tick.expiry_to_entry_ns()), (Some(2_000), Some(5_000)));
    assert_eq!((tick.arm_rule, tick.expiry_rule(), tick.outcome_rule), (Inference::L1, Inference::E1, Inference::C1));
    let lines = [tick.exit.map(|e| e.at.line), tick.injected.map(|at| at.line), tick.ended.map(|at| at.line)];
    assert_eq!(lines, [Some(6), Some(12), Some(15)]);
    let exits: Vec<_> = summary.exits.iter().map(|e| (e.reason.name(), e.times.count(), e.times.sum())).collect();
    assert_eq!(exits, [("MSR_WRITE", 1, 4_000), ("EXTERNAL_INTERRUPT", 1, 7_000)]);
    assert_eq!(summary.clocks.offset.map(kvm_trace::ClockOffset::ns), Some(2_000_000_500));
}

#[test]
fn the_preemption_timer() {
    let arm = ARM.replace("hv_timer 0", "hv_timer 1");
    let arm: Vec<_> = arm.lines().filter(|line| !line.contains("hrtimer_start")).collect();
    let arm = arm.join("\n");
    let exit = "9 3 1000 kvm_exit vcpu 1 reason PREEMPTION_TIMER rip 0x1";
    let rest = "9 3 1001 kvm_apic_accept_irq apicid 1 vec 236 (Fixed|edge)
                9 3 1002 kvm_entry vcpu 1, rip 0x1";
    let (ticks, summary) = check(&format!("{arm}\n{exit}\n{rest}"), &[(Path::Hv, Inference::S3, Outcome::Accepted)]);
    assert_eq!(ticks[0].expiry_rule(), Inference::E2);
    assert_eq!((summary.expiries, summary.expiries_hv), (0, 1));
    // Where exits are not recorded.
    check(&format!("{arm}\n{rest}"), &[(Path::Hv, Inference::S4, Outcome::Accepted)]);
    // An exit that the entry was made for is not the timer's.
    let forced = arm.replace("kvm_entry vcpu 1, rip 0x1", "kvm_entry vcpu 1, rip 0x1[immediate exit]");
    check(&format!("{forced}\n{exit}"), &[(Path::Undecided, Inference::U4, Outcome::Open)]);
}

/// On CPU 0, in whatever thread runs there.
const FIRED_AWAY: &str = "0 0 1000 hrtimer_expire_entry hrtimer=0xa function=apic_timer_fn now=1000100
    0 0 1001 kvm_wait_lapic_expire vcpu 1: delta -1830 (early)";
const ACCEPTED_AWAY: &str = "0 0 1002 kvm_apic_accept_irq apicid 1 vec 236 (Fixed|edge)
    0 0 1002 kvm_apicv_accept_irq apicid 1 vec 236 (Fixed|edge)";
const AWAY_ENDS: &str = "0 0 1003 hrtimer_expire_exit hrtimer=0xa";

#[test]
fn posted() {
    let (ticks, summary) = check(
        &format!("{ARM}\n{FIRED_AWAY}\n{ACCEPTED_AWAY}\n{AWAY_ENDS}"),
        &[(Path::Posted, Inference::S5, Outcome::Accepted)],
    );
    assert!(ticks[0].apicv && ticks[0].arrival_is_not_shown() && ticks[0].entered.is_none());
    assert_eq!((summary.arrivals_not_shown, summary.rules[&Inference::N1], summary.rules[&Inference::N2]), (1, 1, 1));
    let (_, zero) = summary.cpus.iter().find(|(cpu, _)| cpu.0 == 0).expect("CPU 0");
    assert_eq!((zero.expiries_for_others, zero.while_idle, zero.time_for_others_ns), (1, 1, 3_000));
    // The guest's next exit is for the next arm, not for this tick.
    let next = ARM.replace("9 3 1", "9 3 20").replace("expires=1000000", "expires=3000000");
    let (ticks, _) = read(&format!("{ARM}\n{FIRED_AWAY}\n{ACCEPTED_AWAY}\n{AWAY_ENDS}\n{next}"));
    assert_eq!((ticks[0].path, ticks[0].entered), (Path::Posted, None));
    // Nor is a kick that comes when the guest has armed anew: a thread that wants the CPU, a request.
    let kick = "9 3 2500 kvm_exit vcpu 1 reason EXTERNAL_INTERRUPT rip 0x1 info1 0x0 info2 0x0 intr_info 0x800000fd error_code 0x0";
    let (ticks, _) = read(&format!("{ARM}\n{FIRED_AWAY}\n{ACCEPTED_AWAY}\n{AWAY_ENDS}\n{next}\n{kick}"));
    assert_eq!((ticks[0].path, ticks[0].exit), (Path::Posted, None));
    // The notification came too late and reached the host: still posted, and taken in by the entry.
    let late = "9 3 1004 kvm_exit vcpu 1 reason EXTERNAL_INTERRUPT rip 0x1 info1 0x0 info2 0x0 intr_info 0x800000f2 error_code 0x0
                9 3 1006 kvm_entry vcpu 1, rip 0x1";
    let (ticks, _) = check(
        &format!("{ARM}\n{FIRED_AWAY}\n{ACCEPTED_AWAY}\n{AWAY_ENDS}\n{late}"),
        &[(Path::Posted, Inference::S5, Outcome::Accepted)],
    );
    assert!(ticks[0].entered.is_some() && !ticks[0].arrival_is_not_shown());
}

/// Without any exit in the recording nobody can say that there was none.
#[test]
fn posted_with_exits_not_recorded() {
    let arm: Vec<_> = ARM.lines().filter(|line| !line.contains("kvm_exit") && !line.contains("kvm_entry")).collect();
    check(
        &format!("{}\n{FIRED_AWAY}\n{ACCEPTED_AWAY}\n{AWAY_ENDS}", arm.join("\n")),
        &[(Path::Posted, Inference::S6, Outcome::Accepted)],
    );
}

#[test]
fn offloaded_without_posting() {
    let kick = "9 3 1005 kvm_exit vcpu 1 reason EXTERNAL_INTERRUPT rip 0x1 info1 0x0 info2 0x0 intr_info 0x800000fd error_code 0x0
                9 3 1006 kvm_apic_accept_irq apicid 1 vec 236 (Fixed|edge)
                9 3 1007 kvm_entry vcpu 1, rip 0x1";
    let expect = [(Path::Offloaded, Inference::S7, Outcome::Accepted)];
    let (ticks, _) = check(&format!("{ARM}\n{FIRED_AWAY}\n{AWAY_ENDS}\n{kick}"), &expect);
    assert_eq!(ticks[0].expiry_to_accept_ns(), Some(6_000));
    // With an accept on the other CPU as well, the one in the vCPU's thread counts.
    let (ticks, _) = check(&format!("{ARM}\n{FIRED_AWAY}\n{ACCEPTED_AWAY}\n{AWAY_ENDS}\n{kick}"), &expect);
    assert_eq!((ticks[0].expiry_to_accept_ns(), ticks[0].accept_to_entry_ns()), (Some(6_000), Some(1_000)));
    // The second accept may be missing; the kick tells.
    let bare: Vec<_> = kick.lines().filter(|line| !line.contains("accept")).collect();
    check(&format!("{ARM}\n{FIRED_AWAY}\n{ACCEPTED_AWAY}\n{AWAY_ENDS}\n{}", bare.join("\n")), &expect);
    // Outside guest mode at that moment: nobody needs to kick.
    let outside = "9 3 990 kvm_exit vcpu 1 reason CPUID rip 0x1";
    let accept: Vec<_> = kick.lines().skip(1).collect();
    check(
        &format!("{ARM}\n{outside}\n{FIRED_AWAY}\n{AWAY_ENDS}\n{}", accept.join("\n")),
        &[(Path::Offloaded, Inference::S8, Outcome::Accepted)],
    );
}

#[test]
fn halted_or_preempted() {
    let fired = "0 3 1000 hrtimer_expire_entry hrtimer=0xa function=apic_timer_fn now=1000100
                 0 3 1001 hrtimer_expire_exit hrtimer=0xa";
    let accept = "9 3 1005 kvm_apic_accept_irq apicid 1 vec 236 (Fixed|edge)";
    let switch = |state| {
        format!(
            "9 3 20 sched_switch prev_comm=CPU 1/KVM prev_pid=9 prev_prio=120 prev_state={state} ==> next_comm=x next_pid=0 next_prio=0"
        )
    };
    let woken = (Path::Woken, Inference::S9, Outcome::Accepted);
    check(&format!("{ARM}\n{}\n{fired}\n{accept}", switch("S")), &[woken]);
    let wakeup = "9 3 1004 kvm_vcpu_wakeup wait time 980000 ns, polling valid";
    check(&format!("{ARM}\n{fired}\n{wakeup}\n{accept}"), &[woken]);
    check(
        &format!("{ARM}\n{}\n{fired}\n{accept}", switch("R+")),
        &[(Path::Preempted, Inference::S10, Outcome::Accepted)],
    );
    // Neither event is recorded.
    check(&format!("{ARM}\n{fired}\n{accept}"), &[(Path::Undecided, Inference::U3, Outcome::Accepted)]);
}

#[test]
fn a_deadline_already_past() {
    let arm: Vec<_> = ARM.lines().filter(|line| !line.contains("hrtimer_start") && !line.contains("entry")).collect();
    // The guest's vector is known, so that its accept is.
    let vector = "9 3 5 kvm_msr msr_write 832 = 0x400ec";
    let accept = "9 3 13 kvm_apic_accept_irq apicid 1 vec 236 (Fixed|edge)
                  9 3 14 kvm_entry vcpu 1, rip 0x1";
    let before = "0 0 1 hrtimer_expire_entry hrtimer=0xb function=apic_timer_fn now=1";
    let (ticks, summary) = check(
        &format!("{before}\n{vector}\n{}\n{accept}", arm.join("\n")),
        &[(Path::Immediate, Inference::S11, Outcome::Accepted)],
    );
    assert_eq!((ticks[0].arm_rule, ticks[0].deadline), (Inference::L5, None));
    assert_eq!((summary.expiries, summary.expiries_of_unknown), (1, 1));
}

#[test]
fn what_becomes_of_a_tick() {
    use Outcome::{Accepted, Coalesced, Forgotten, Open, Overwritten, Stopped};
    let fired = |at: u32| {
        format!(
            "9 3 {at} hrtimer_expire_entry hrtimer=0xa function=apic_timer_fn now={at}000
             9 3 {at} hrtimer_expire_exit hrtimer=0xa"
        )
    };
    let start = |at: u32, expires: u32, mode| {
        format!("9 3 {at} hrtimer_start hrtimer=0xa function=apic_timer_fn expires={expires}000 mode={mode}")
    };
    let accept = "9 3 6000 kvm_apic_accept_irq apicid 1 vec 236 (Fixed|edge)";
    let outcomes = |recording: &str| {
        let (ticks, summary) = read(recording);
        assert!(ticks.iter().all(|tick| tick.outcome_rule != Inference::U4));
        (ticks.iter().map(|tick| tick.outcome).collect::<Vec<_>>(), summary)
    };
    // A first tick, so that accepts are known to be recorded.
    let first = format!("{ARM}\n{}\n9 3 1001 kvm_apic_accept_irq apicid 1 vec 236 (Fixed|edge)", fired(1000));
    let write = |at: u32, value| format!("9 3 {at} kvm_msr msr_write 6e0 = {value}");

    // Periodic, twice expired before the first was accepted.
    let periodic = [start(2000, 3000, "ABS|HARD"), write(2001, "0x20"), fired(3000), start(3001, 4000, "ABS")];
    let (found, summary) = outcomes(&format!("{first}\n{}\n{}\n{accept}", periodic.join("\n"), fired(4000)));
    assert_eq!(found, [Accepted, Coalesced, Accepted]);
    assert_eq!((summary.restarts, summary.rules[&Inference::L4]), (1, 1));
    // Armed anew before the expiry was accepted; before it expired; stopped; and still armed at the end.
    let again = format!("{}\n{}", start(3010, 9000, "ABS|HARD"), write(3011, "0x30"));
    let armed = format!("{first}\n{}\n{}", start(2000, 3000, "ABS|HARD"), write(2001, "0x20"));
    assert_eq!(outcomes(&format!("{armed}\n{}\n{again}", fired(3000))).0, [Accepted, Forgotten, Open]);
    assert_eq!(outcomes(&format!("{armed}\n{again}")).0, [Overwritten, Accepted, Open]);
    assert_eq!(outcomes(&format!("{armed}\n{}", write(2500, "0x0"))).0, [Stopped, Accepted]);
}

/// Marcelo Tosatti's observation: CPU 0 keeps house and is idle. A long timer fires there, the short ones at home.
#[test]
fn an_idle_housekeeper_refuses() {
    let long = format!("{ARM}\n{FIRED_AWAY}\n{ACCEPTED_AWAY}\n{AWAY_ENDS}");
    let home = "9 3 2000 kvm_exit vcpu 1 reason MSR_WRITE rip 0x1
        9 3 2001 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=2200000 mode=ABS|HARD
        9 3 2002 kvm_msr msr_write 6e0 = 0x20
        9 3 2003 kvm_entry vcpu 1, rip 0x1
        9 3 2200 kvm_exit vcpu 1 reason EXTERNAL_INTERRUPT rip 0x1 info1 0x0 info2 0x0 intr_info 0x800000ec error_code 0x0
        9 3 2201 hrtimer_expire_entry hrtimer=0xa function=apic_timer_fn now=2200500
        9 3 2202 hrtimer_expire_exit hrtimer=0xa
        9 3 2203 kvm_apic_accept_irq apicid 1 vec 236 (Fixed|edge)
        9 3 2204 kvm_entry vcpu 1, rip 0x1";
    let refused = |between: &str| {
        let (ticks, summary) = read(&format!("{long}\n{between}\n{home}"));
        assert_eq!((ticks[0].path, ticks[1].path), (Path::Posted, Path::Pinned));
        (ticks[1].refused.map(|(cpu, rule)| (cpu.0, rule)), summary)
    };
    let (found, summary) = refused("");
    assert_eq!(found, Some((0, Inference::H1)));
    assert_eq!(summary.cpus[0].1.refusals, 1);
    assert_eq!(refused("77 0 1500 sched_waking comm=x").0, Some((0, Inference::H2)));
    // A pinned timer was never offered, and one that never left may not leave.
    let (ticks, _) = read(&format!("{long}\n{}", home.replace("ABS|HARD", "ABS|PINNED")));
    assert_eq!(ticks[1].refused, None);
    assert_eq!(read(home).0[0].refused, None);
}

#[test]
fn lost_events_spoil_what_is_under_way() {
    let rest = "9 3 1002 hrtimer_expire_entry hrtimer=0xa function=apic_timer_fn now=1001500
                9 3 1003 hrtimer_expire_exit hrtimer=0xa
                9 3 1005 kvm_apic_accept_irq apicid 1 vec 236 (Fixed|edge)
                9 3 1007 kvm_entry vcpu 1, rip 0x1";
    let (_, summary) = check(
        &format!("{ARM}\nCPU:3 [LOST 17 EVENTS]\n{rest}"),
        &[(Path::Undecided, Inference::U1, Outcome::Undecided)],
    );
    let missing = &summary.missing;
    assert_eq!((missing.markers, missing.events, missing.untold, missing.ticks), (1, 17, 0, 1));
    let [span] = missing.spans[..] else { panic!("one span") };
    assert_eq!((span.line, span.cpu.map(|cpu| cpu.0), span.events), (6, Some(3), Some(17)));
    assert_eq!(
        (span.after.map(kvm_trace::TraceTime::ns), span.before.map(kvm_trace::TraceTime::ns)),
        (Some(2_000_014_000), Some(2_001_002_000))
    );
    assert_eq!(summary.latencies.arm_to_expiry.count(), 0);
    // The exit before the gap is not paired with an entry behind it.
    let (_, summary) = read(&format!("{ARM}\n{TIMER_EXIT}\nCPU:3 [LOST EVENTS]\n{rest}"));
    assert_eq!(summary.exits.iter().map(|e| e.reason.name()).collect::<Vec<_>>(), ["MSR_WRITE"]);
    assert_eq!(summary.missing.untold, 1);
}

#[test]
fn lines_out_of_order_are_counted() {
    let (_, summary) = read(
        "9 3 10 kvm_entry vcpu 1
         8 2 5 kvm_entry vcpu 0
         9 3 9 kvm_exit vcpu 1 reason HLT rip 0x1
         9 3 20 kvm_entry vcpu 1",
    );
    let order = summary.order;
    assert_eq!(
        (order.backwards, order.backwards_on_cpu, order.first, order.farthest_ns),
        (1, 1, Some((3, 1_000)), 1_000)
    );
    assert_eq!(order.extent.map(|(a, b)| (a.ns(), b.ns())), Some((2_000_005_000, 2_000_020_000)));
    let mixed = "9 3 10 hrtimer_expire_entry hrtimer=0xa function=apic_timer_fn now=1000
                 9 3 11 hrtimer_expire_exit hrtimer=0xa
                 9 3 20 hrtimer_expire_entry hrtimer=0xa function=apic_timer_fn now=900000000
                 9 3 21 kvm_entry vcpu 1";
    let clocks = read(mixed).1.clocks;
    assert_eq!((clocks.steps, clocks.first_step), (1, Some(3)));
}

#[test]
fn kernels_before_4_15_print_no_mode() {
    let recording = "9 3 10 kvm_apic apic_write APIC_TMICT = 0x10
        9 3 11 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=1000000 softexpires=1000000
        9 3 14 kvm_entry vcpu 1
        9 3 1000 kvm_exit reason EXTERNAL_INTERRUPT rip 0x1 info 0 800000ec
        9 3 1001 hrtimer_expire_entry hrtimer=0xa function=apic_timer_fn now=1000500
        9 3 1002 hrtimer_expire_exit hrtimer=0xa
        9 3 1003 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=2000000 softexpires=2000000
        9 3 1004 kvm_apic_accept_irq apicid 1 vec 236 (Fixed|edge)
        9 3 1005 kvm_entry vcpu 1";
    let (ticks, summary) = check(
        recording,
        &[(Path::Pinned, Inference::S1, Outcome::Accepted), (Path::Undecided, Inference::U4, Outcome::Open)],
    );
    assert_eq!((ticks[0].arm_rule, ticks[1].arm_rule), (Inference::L2, Inference::L4));
    assert_eq!((summary.arms, summary.restarts), (1, 1));
}

#[test]
fn without_writes_the_start_stands_for_the_arm() {
    let arm: Vec<_> = ARM.lines().filter(|line| !line.contains("kvm_msr")).collect();
    let (ticks, summary) = check(
        &format!("{}\n{FIRED_AWAY}\n{ACCEPTED_AWAY}\n{AWAY_ENDS}", arm.join("\n")),
        &[(Path::Posted, Inference::S5, Outcome::Accepted)],
    );
    assert_eq!(ticks[0].arm_rule, Inference::L3);
    assert_eq!((summary.arms, summary.arms_by_start), (0, 1));
}

#[test]
fn a_recording_of_something_else() {
    let text =
        "bash 7 [001] 2.000030: sched:sched_waking: comm=x pid=1\nbash 7 [001] 2.000031: power:cpu_idle: state=1\n";
    let error = analyze(text.as_bytes(), |_| {}).expect_err("no KVM").to_string();
    for part in ["2 events, but none of KVM", "sched_waking, cpu_idle", "perf record -a -e 'kvm:*'", "perf script"] {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the order of the lines, each arm is one tick, and each tick ends in one way.
    #[test]
    fn any_order_of_lines(order in proptest::collection::vec(0..400_usize, 0..120)) {
        let kick = "8 2 1005 kvm_exit vcpu 1 reason EXTERNAL_INTERRUPT rip 0x1 info 0 800000fd";
        let home = "9 3 1002 hrtimer_expire_entry hrtimer=0xa function=apic_timer_fn now=1001500";
        let more = "9 3 30 kvm_msr msr_write 6e0 = 0x0
            9 3 31 kvm_apic apic_write APIC_TMICT = 0x10
            8 2 32 hrtimer_start hrtimer=0xb function=apic_timer_fn expires=2000000 mode=ABS
            9 3 33 kvm_vcpu_wakeup wait time 1 ns, polling valid
            9 3 34 kvm_eoi apicid 1 vector 236
            9 3 1006 kvm_apic_accept_irq apicid 1 vec 236 (Fixed|edge)
            9 3 35 sched_switch prev_comm=x prev_pid=9 prev_prio=1 prev_state=R ==> next_comm=y next_pid=8 next_prio=1
            CPU:0 [LOST EVENTS]";
        let all = format!("{ARM}\n{TIMER_EXIT}\n{FIRED_AWAY}\n{ACCEPTED_AWAY}\n{AWAY_ENDS}\n{kick}\n{home}\n{more}");
        let lines: Vec<_> = all.lines().collect();
        let recording: Vec<_> = order.iter().map(|at| lines[at % lines.len()]).collect();
        let mut ticks = Vec::new();
        let Ok(summary) = analyze(text(&recording.join("\n"), false).as_bytes(), |fact| {
            if let Fact::Tick(tick) = fact {
                ticks.push(*tick);
            }
        }) else { return Ok(()) };
        prop_assert_eq!(summary.ticks, ticks.len() as u64);
        prop_assert_eq!(summary.outcomes.iter().sum::<u64>(), summary.ticks);
        let accepted = ticks.iter().filter(|tick| tick.outcome == Outcome::Accepted).count() as u64;
        prop_assert_eq!(summary.paths.iter().sum::<u64>(), accepted);
        let written = ticks.iter().filter(|tick| tick.armed.is_some_and(|armed| armed.written > 0)).count() as u64;
        prop_assert_eq!(written, summary.arms);
        for vcpu in &summary.vcpus {
            let numbers: std::collections::BTreeSet<_> =
                ticks.iter().filter(|tick| tick.thread == vcpu.thread).map(|tick| tick.number).collect();
            prop_assert_eq!(numbers, (0..vcpu.ticks).collect());
        }
    }
}
