//! Which timer belongs to which arm, on short synthetic recordings.

use std::fmt::Write;

use kvm_trace::{ArmKind, read_arms};

/// The clock of the lines is 1 s ahead, as `EXPIRED` tells the reader.
const EXPIRED: &str = "swapper 0 [007] 1.5: hrtimer_expire_entry: hrtimer=0xee function=apic_timer_fn now=500000000\n";

/// Reads `recording`, written as `THREAD CPU MICROSECONDS EVENT FIELDS`, and compares its arms, written
/// as `THREAD KIND WRITTEN DEADLINE`.
#[track_caller]
fn check(recording: &str, expect: &[(u32, ArmKind, u64, Option<u64>)]) -> kvm_trace::ArmList {
    let mut text = EXPIRED.to_owned();
    for line in recording.trim().lines() {
        let [thread, cpu, micros, event, fields] = line.trim().splitn(5, ' ').collect::<Vec<_>>()[..] else {
            panic!("not five words: {line}")
        };
        writeln!(text, "CPU 0/KVM {thread} [{cpu}] 2.{micros:0>6}: {event}: {fields}").expect("a string");
    }
    let list = read_arms(text.as_bytes()).expect("arms");
    let arms: Vec<_> = list
        .arms
        .iter()
        .map(|arm| (arm.thread.0, arm.kind, arm.written, arm.deadline.map(kvm_trace::MonotonicTime::ns)))
        .collect();
    assert_eq!(arms, expect);
    assert_eq!(list.coverage.unparsed, 0);
    list
}

use ArmKind::{Deadline, Tmict};

#[test]
fn the_timer_comes_before_the_line_of_its_deadline() {
    check(
        "9 1 10 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=1001 mode=0x8
         9 1 11 kvm_hv_timer_state vcpu_id 0 hv_timer 0
         9 1 12 kvm_msr msr_write 6e0 = 0x10
         9 1 20 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=1002 mode=0x8
         9 1 22 kvm_msr msr_write 6e0 = 0x20",
        &[(9, Deadline, 0x10, Some(1001)), (9, Deadline, 0x20, Some(1002))],
    );
}

#[test]
fn a_deadline_already_past_starts_no_timer() {
    let list = check(
        "9 1 10 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=1001 mode=0x8
         9 1 12 kvm_msr msr_write 6e0 = 0x10
         9 1 22 kvm_msr msr_write 6e0 = 0x20",
        &[(9, Deadline, 0x10, Some(1001)), (9, Deadline, 0x20, None)],
    );
    assert_eq!(list.replay(list.vcpus()[0]).len(), 1);
}

#[test]
fn threads_and_other_timers_are_kept_apart() {
    let list = check(
        "9 1 10 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=1001 mode=0x8
         8 2 10 hrtimer_start hrtimer=0xb function=apic_timer_fn expires=1002 mode=0x8
         9 1 11 hrtimer_start hrtimer=0xc function=tick_nohz_handler expires=1003 mode=0x0
         8 2 12 kvm_msr msr_write 6e0 = 0x20
         9 1 12 kvm_msr msr_write 6e0 = 0x10",
        &[(8, Deadline, 0x20, Some(1002)), (9, Deadline, 0x10, Some(1001))],
    );
    assert_eq!(list.vcpus().iter().map(|t| t.0).collect::<Vec<_>>(), [8, 9]);
    assert_eq!(list.replay(list.vcpus()[1]).len(), 1);
}

/// The VMX preemption timer keeps the deadline until the vCPU halts; then an hrtimer takes over.
#[test]
fn a_timer_that_takes_over_later() {
    check(
        "9 1 10 kvm_msr msr_write 6e0 = 0x10
         9 1 11 kvm_entry vcpu 0
         9 1 15 kvm_exit vcpu 0 reason HLT
         9 1 16 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=1001 mode=0x8
         9 1 19 kvm_entry vcpu 0
         9 1 20 kvm_exit vcpu 0 reason MSR_WRITE
         9 1 21 kvm_msr msr_write 6e0 = 0x20
         9 1 22 kvm_entry vcpu 0
         9 1 25 kvm_exit vcpu 0 reason HLT
         9 1 26 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=1002 mode=0x8",
        &[(9, Deadline, 0x10, Some(1001)), (9, Deadline, 0x20, Some(1002))],
    );
    // Whatever the guest does in between closes the arm before.
    for between in [
        "kvm_entry vcpu 0",
        "kvm_exit vcpu 0 reason MSR_WRITE",
        "kvm_msr msr_read 1b = 0x1",
        "kvm_msr msr_write 80b = 0x0",
        "kvm_apic apic_read APIC_TMCCT = 0x1",
        "kvm_apic apic_write APIC_EOI = 0x0",
    ] {
        check(
            &format!(
                "9 1 10 kvm_msr msr_write 6e0 = 0x10
                 9 1 16 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=1001 mode=0x8
                 9 1 20 {between}
                 9 1 21 kvm_msr msr_write 6e0 = 0x20"
            ),
            &[(9, Deadline, 0x10, Some(1001)), (9, Deadline, 0x20, None)],
        );
    }
    // Two starts with nothing in between: the first was still for the arm before.
    check(
        "9 1 10 kvm_msr msr_write 6e0 = 0x10
         9 1 16 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=1001 mode=0x8
         9 1 17 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=1002 mode=0x8
         9 1 21 kvm_msr msr_write 6e0 = 0x20",
        &[(9, Deadline, 0x10, Some(1001)), (9, Deadline, 0x20, Some(1002))],
    );
}

/// KVM moves the timer to the CPU that its vCPU moved to, deadline unchanged.
#[test]
fn a_moved_timer_is_no_arm() {
    for between in ["9 2 21 kvm_entry vcpu 0", "9 2 21 sched_wakeup x"] {
        check(
            &format!(
                "9 1 10 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=1001 mode=0x8
                 9 1 12 kvm_msr msr_write 6e0 = 0x10
                 9 2 20 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=1001 mode=0x8
                 {between}
                 9 2 30 kvm_msr msr_write 6e0 = 0x20"
            ),
            &[(9, Deadline, 0x10, Some(1001)), (9, Deadline, 0x20, None)],
        );
    }
    // A periodic timer has another deadline by then.
    check(
        "9 1 10 kvm_apic apic_write APIC_TMICT = 0x10
         9 1 11 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=1001 mode=0x8
         9 1 12 kvm_entry vcpu 0
         9 2 20 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=2001 mode=0x8
         9 2 21 kvm_entry vcpu 0
         9 2 30 kvm_msr msr_write 838 = 0x20",
        &[(9, Tmict, 0x10, Some(1001)), (9, Tmict, 0x20, None)],
    );
}

#[test]
fn an_initial_count_is_one_arm_by_every_way() {
    let start = "9 1 11 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=1001 mode=0x8";
    let page = "9 1 10 kvm_apic apic_write APIC_TMICT = 0x10";
    let msr = "9 1 12 kvm_msr msr_write 838 = 0x10";
    let expect = [(9, Tmict, 0x10, Some(1001))];
    check(&format!("{page}\n{start}\n{msr}"), &expect);
    check(&format!("{page}\n{start}"), &expect);
    check(&format!("{start}\n{msr}"), &expect);
    // Twice the same count is two arms.
    let again = "9 1 21 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=2001 mode=0x8";
    let expect = [(9, Tmict, 0x10, Some(1001)), (9, Tmict, 0x10, Some(2001))];
    check(&format!("{page}\n{start}\n{msr}\n{page}\n{again}\n{msr}"), &expect);
    check(&format!("{page}\n{start}\n{page}\n{again}"), &expect);
    check(&format!("{start}\n{msr}\n{again}\n{msr}"), &expect);
}

#[test]
fn a_restart_from_the_callback_is_no_arm() {
    // In the vCPU's own thread, then in another; the last start is the guest's.
    let list = check(
        "9 1 10 kvm_apic apic_write APIC_TMICT = 0x10
         9 1 11 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=1001 mode=ABS|HARD
         9 1 12 kvm_msr msr_write 838 = 0x10
         9 1 20 hrtimer_expire_exit hrtimer=0xa
         9 1 20 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=2001 mode=ABS
         7 2 30 hrtimer_expire_exit hrtimer=0xa
         8 3 30 sched_waking another CPU
         7 2 31 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=3001 mode=0x0
         9 1 42 kvm_msr msr_write 838 = 0x20",
        &[(9, Tmict, 0x10, Some(1001)), (9, Tmict, 0x20, None)],
    );
    assert_eq!(list.restarts, 2);
    // The guest re-arms right after an expiry; nothing but these events was recorded.
    let list = check(
        "9 1 20 hrtimer_expire_exit hrtimer=0xa
         9 1 21 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=1001 mode=ABS|PINNED
         9 1 22 kvm_msr msr_write 6e0 = 0x10",
        &[(9, Deadline, 0x10, Some(1001))],
    );
    assert_eq!(list.restarts, 0);
    // Linux 5.3 arms in the mode of a restart, but not from the callback.
    check(
        "9 1 20 hrtimer_expire_exit hrtimer=0xa
         9 1 20 local_timer_exit vector=236
         9 1 21 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=1001 mode=ABS
         9 1 22 kvm_msr msr_write 6e0 = 0x10",
        &[(9, Deadline, 0x10, Some(1001))],
    );
}

#[test]
fn writes_that_do_not_arm() {
    let list = check(
        "9 1 10 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=1001 mode=0x8
         9 1 12 kvm_msr msr_write 6e0 = 0x10
         9 1 13 kvm_msr msr_write 6e0 = 0x0
         9 1 14 kvm_msr msr_write 6e0 = 0x20 (#GP)
         9 1 15 kvm_apic apic_write APIC_TMICT = 0x0
         9 1 16 kvm_msr msr_write 838 = 0x0
         9 1 17 kvm_msr msr_read 6e0 = 0x10
         9 1 18 kvm_apic apic_read APIC_TMICT = 0x10
         9 1 19 kvm_msr msr_write 80b = 0x0",
        &[(9, Deadline, 0x10, Some(1001))],
    );
    assert_eq!(list.disarms, 2);
}

/// After a disarm nothing is left that a start could be the moved timer of.
#[test]
fn the_same_deadline_again_after_a_disarm() {
    check(
        "9 1 10 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=1001 mode=0x8
         9 1 12 kvm_msr msr_write 6e0 = 0x10
         9 1 13 kvm_msr msr_write 6e0 = 0x0
         9 1 20 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=1001 mode=0x8
         9 1 22 kvm_msr msr_write 6e0 = 0x10",
        &[(9, Deadline, 0x10, Some(1001)), (9, Deadline, 0x10, Some(1001))],
    );
}

#[test]
fn a_deadline_at_the_end_of_time() {
    let list = check(
        "9 1 10 hrtimer_start hrtimer=0xa function=apic_timer_fn expires=18446744073709551615 mode=0x8
         9 1 12 kvm_msr msr_write 6e0 = 0xffffffffffffffff",
        &[(9, Deadline, u64::MAX, Some(u64::MAX))],
    );
    let [arm] = list.replay(list.vcpus()[0])[..] else { panic!("one arm") };
    assert_eq!((arm.at_ns, arm.deadline_ns), (0, u64::MAX - 2_000_012_000));
}

#[test]
fn replayed_from_the_first_arm() {
    let list = check(
        "9 1 10 kvm_msr msr_write 6e0 = 0x10
         9 1 11 kvm_entry vcpu 0
         8 2 20 hrtimer_start hrtimer=0xb function=apic_timer_fn expires=1000100000 mode=0x8
         8 2 22 kvm_msr msr_write 6e0 = 0x20
         8 2 30 hrtimer_start hrtimer=0xb function=apic_timer_fn expires=1000029000 mode=0x8
         8 2 32 kvm_msr msr_write 6e0 = 0x30",
        &[
            (9, Deadline, 0x10, None),
            (8, Deadline, 0x20, Some(1_000_100_000)),
            (8, Deadline, 0x30, Some(1_000_029_000)),
        ],
    );
    assert_eq!(list.clock_offset.ns(), 1_000_000_000);
    let [first, second] = list.replay(kvm_trace::Tid(8))[..] else { panic!("two arms") };
    assert_eq!((first.at_ns, first.deadline_ns), (12_000, 90_000));
    // Past by the time that the line was printed.
    assert_eq!((second.at_ns, second.deadline_ns), (22_000, 22_000));
    assert_eq!(list.replay(kvm_trace::Tid(9)), []);
}
