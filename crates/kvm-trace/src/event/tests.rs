//! Fields of events, in the forms that kernels and tools print.

use super::*;

/// The event that `rest` of a line is; `None` if it is not understood.
#[track_caller]
fn check(rest: &str, expect: Option<EventKind<'_>>) {
    for line in [
        format!("CPU 1/KVM 9454 [003] 881.674195: timer:{rest}"),
        format!("CPU 1/KVM-9454 [003] d..2. 881.674195: {rest}"),
    ] {
        let kind = Event::parse(&line).map(|event| event.kind);
        assert_eq!(kind, expect, "{line}");
    }
}

#[test]
fn msr() {
    check(
        "kvm_msr: msr_write 6e0 = 0x488ef2db93e",
        Some(EventKind::MsrWrite { index: 0x6e0, data: 0x488_ef2d_b93e, refused: false }),
    );
    check(
        "kvm_msr: msr_write 830 = 0xb0000440b0",
        Some(EventKind::MsrWrite { index: 0x830, data: 0xb0_0004_40b0, refused: false }),
    );
    check("kvm_msr: msr_write 6e0 = 0x1 (#GP)", Some(EventKind::MsrWrite { index: 0x6e0, data: 1, refused: true }));
    check("kvm_msr: msr_read 1b = 0xfee00900", Some(EventKind::MsrRead { index: 0x1b, data: 0xfee0_0900 }));
    for damaged in [
        "",
        "msr_write",
        "msr_write 6e0",
        "msr_write 6e0 =",
        "msr_write = 0x1",
        "msr_write 6e0 = 0x",
        "msr_write 6e0 = 0x1g",
        "msr_write 6e0 = 0x10000000000000000",
        "msr_write 100000000 = 0x1",
        "msr_poke 6e0 = 0x1",
        "msr_write +6e0 = 0x1",
        "msr_write 6e0 = +1",
    ] {
        check(&format!("kvm_msr: {damaged}"), None);
    }
}

#[test]
fn apic() {
    check(
        "kvm_apic: apic_write APIC_TMICT = 0xf4240",
        Some(EventKind::ApicWrite { register: "APIC_TMICT", value: 1_000_000 }),
    );
    check("kvm_apic: apic_read APIC_TMCCT = 0x10", Some(EventKind::ApicRead { register: "APIC_TMCCT", value: 16 }));
    check("kvm_apic: apic_write APIC_TMICT", None);
    check("kvm_apic: apic_poke APIC_TMICT = 0x1", None);
}

#[test]
fn hrtimer_start() {
    let start = |mode| {
        Some(EventKind::HrtimerStart {
            hrtimer: Hrtimer(0xa1b2_c3d4),
            function: "apic_timer_fn",
            expires: MonotonicTime::from_ns(881_674_387_000),
            mode,
        })
    };
    let hard = Some(HrtimerMode(8));
    check(
        "hrtimer_start: hrtimer=00000000a1b2c3d4 function=apic_timer_fn expires=881674387000 \
         softexpires=881674387000 mode=ABS|HARD was_armed=0",
        start(hard),
    );
    // As perf prints it, as ftrace names a module's function, and by name, whatever the order.
    check(
        "hrtimer_start: hrtimer=0xa1b2c3d4 function=apic_timer_fn [kvm] expires=881674387000 \
         softexpires=1 mode=0x8 was_armed=0",
        start(hard),
    );
    check(
        "hrtimer_start: mode=0x8 softexpires=1 expires=881674387000 new=1 \
         function=apic_timer_fn hrtimer=0xa1b2c3d4",
        start(hard),
    );
    // Before 4.15, and before 5.3.
    check("hrtimer_start: hrtimer=0xa1b2c3d4 function=apic_timer_fn expires=881674387000 softexpires=1", start(None));
    check(
        "hrtimer_start: hrtimer=0xa1b2c3d4 function=apic_timer_fn expires=881674387000 mode=ABS|PINNED",
        start(Some(HrtimerMode(2))),
    );
    check(
        "hrtimer_start: hrtimer=0xa1b2c3d4 function=apic_timer_fn expires=881674387000 mode=ABS",
        start(Some(HrtimerMode::ABS)),
    );
    for damaged in [
        "",
        "hrtimer=0xa1 function=f",
        "hrtimer=0xa1 function=f softexpires=1",
        "hrtimer=0xa1 function=f expires=-1",
        "hrtimer=0xa1 function=f expires=1 mode=WILD",
        "hrtimer=ptrval function=f expires=1",
        "hrtimer=0xa1 expires=1",
    ] {
        check(&format!("hrtimer_start: {damaged}"), None);
    }
}

#[test]
fn hrtimer_expire() {
    check(
        "hrtimer_expire_entry: hrtimer=00000000a1b2c3d4 function=apic_timer_fn now=881674388210",
        Some(EventKind::HrtimerExpireEntry {
            hrtimer: Hrtimer(0xa1b2_c3d4),
            function: "apic_timer_fn",
            now: MonotonicTime::from_ns(881_674_388_210),
        }),
    );
    check(
        "hrtimer_expire_exit: hrtimer=00000000a1b2c3d4",
        Some(EventKind::HrtimerExpireExit { hrtimer: Hrtimer(0xa1b2_c3d4) }),
    );
    check("hrtimer_expire_entry: hrtimer=0xa1 function=f", None);
    check("hrtimer_expire_exit:", None);
}

/// The event that `rest` of a line is.
#[track_caller]
fn kind(rest: &str) -> EventKind<'_> {
    EventKind::parse(rest.split_once(": ").expect("a name").0, rest.split_once(": ").expect("fields").1)
        .unwrap_or_else(|| panic!("not understood: {rest}"))
}

const NO_EXIT: Exit<'_> = Exit {
    vcpu: None,
    reason: "",
    rip: None,
    info1: None,
    info2: None,
    intr_info: None,
    error_code: None,
    requests: None,
};

#[test]
fn entries_of_every_age() {
    let vcpu = Some(Vcpu(1));
    let entry = |rip, immediate_exit, intr_info| EventKind::KvmEntry(Entry { vcpu, rip, immediate_exit, intr_info });
    let rip = Some(0xffff_ffff_8106_f2a4);
    for (text, expect) in [
        ("kvm_entry: vcpu 1", entry(None, false, None)),
        ("kvm_entry: vcpu 1 rip 0xffffffff8106f2a4", entry(rip, false, None)),
        ("kvm_entry: vcpu 1, rip 0xffffffff8106f2a4", entry(rip, false, None)),
        ("kvm_entry: vcpu 1, rip 0xffffffff8106f2a4[immediate exit]", entry(rip, true, None)),
        (
            "kvm_entry: vcpu 1, rip 0xffffffff8106f2a4 intr_info 0x800000ec error_code 0x00000000",
            entry(rip, false, Some(0x8000_00ec)),
        ),
        (
            "kvm_entry: vcpu 1, rip 0xffffffff8106f2a4 intr_info 0x00000000 error_code 0x00000000[immediate exit]",
            entry(rip, true, Some(0)),
        ),
        ("kvm_entry: ", EventKind::KvmEntry(Entry::default())),
    ] {
        assert_eq!(kind(text), expect, "{text}");
    }
    check("kvm_entry: vcpu x", None);
    check("kvm_entry: vcpu 1, rip", None);
}

#[test]
fn exits_of_every_age() {
    let external = Exit { vcpu: Some(Vcpu(0)), reason: "EXTERNAL_INTERRUPT", ..NO_EXIT };
    let rip = Some(0x5a_1b20);
    for (text, expect, vector) in [
        // Trimmed by hand on a mailing list.
        (
            "kvm_exit: vcpu 0 reason EXTERNAL_INTERRUPT intr_info 0x800000ec",
            Exit { intr_info: Some(0x8000_00ec), ..external },
            Some(0xec),
        ),
        // 6.12, and 6.14 with the requests.
        (
            "kvm_exit: vcpu 0 reason EXTERNAL_INTERRUPT rip 0x5a1b20 info1 0x0000000000000000 info2 \
             0x0000000000000000 intr_info 0x800000fd error_code 0x00000000",
            Exit { rip, info1: Some(0), info2: Some(0), intr_info: Some(0x8000_00fd), error_code: Some(0), ..external },
            Some(0xfd),
        ),
        (
            "kvm_exit: vcpu 0 reason EXTERNAL_INTERRUPT rip 0x5a1b20 info1 0x0000000000000000 info2 \
             0x0000000000000000 intr_info 0x800000f2 error_code 0x00000000 requests 0x0000000000004000",
            Exit {
                rip,
                info1: Some(0),
                info2: Some(0),
                intr_info: Some(0x8000_00f2),
                error_code: Some(0),
                requests: Some(0x4000),
                ..external
            },
            Some(0xf2),
        ),
        // To 5.10: the second number is the interruption information. Without a vCPU, before 5.1.
        (
            "kvm_exit: vcpu 0 reason EXTERNAL_INTERRUPT rip 0x5a1b20 info 0 800000ec",
            Exit { rip, info1: Some(0), info2: Some(0x8000_00ec), ..external },
            Some(0xec),
        ),
        (
            "kvm_exit: reason EXTERNAL_INTERRUPT rip 0x5a1b20 info 0 800000ec",
            Exit { rip, info1: Some(0), info2: Some(0x8000_00ec), vcpu: None, ..external },
            Some(0xec),
        ),
        // trace-cmd's own words; the first of them mistyped a format.
        (
            "kvm_exit: reason EXTERNAL_INTERRUPT rip 0x5a1b20 info 0 800000ec vcpu 0",
            Exit { rip, info1: Some(0), info2: Some(0x8000_00ec), ..external },
            Some(0xec),
        ),
        ("kvm_exit: reason EPT_VIOLATION rip 5a1b20lx", Exit { reason: "EPT_VIOLATION", vcpu: None, ..external }, None),
        (
            "kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x5a1b20 info 384 0",
            Exit { reason: "EPT_VIOLATION", rip, info1: Some(0x384), info2: Some(0), ..external },
            None,
        ),
        ("kvm_exit: vcpu 0 reason EXTERNAL_INTERRUPT FAILED_VMENTRY rip 0x5a1b20", Exit { rip, ..external }, None),
        ("kvm_exit: vcpu 0 reason UNKNOWN (75) rip 0x5a1b20", Exit { reason: "UNKNOWN", rip, ..external }, None),
        ("kvm_exit: vcpu 0 reason interrupt rip 0x5a1b20", Exit { reason: "interrupt", rip, ..external }, None),
    ] {
        let EventKind::KvmExit(found) = kind(text) else { panic!("{text}") };
        assert_eq!(found, expect, "{text}");
        assert_eq!(found.host_vector().map(|v| v.0), vector, "{text}");
    }
    for damaged in ["", "vcpu 0", "vcpu 0 reason", "vcpu x reason HLT", "reason HLT info 1", "reason HLT intr_info 0x"]
    {
        check(&format!("kvm_exit: {damaged}"), None);
    }
}

#[test]
fn accepts_and_ends() {
    let timer = Accept { apicid: ApicId(0x1a), vector: Vector(236), mode: "Fixed", level: false };
    for (text, expect) in [
        ("kvm_apic_accept_irq: apicid 1a vec 236 (Fixed|edge)", EventKind::Accept(timer)),
        ("kvm_apicv_accept_irq: apicid 1a vec 236 (Fixed|edge)", EventKind::ApicvAccept(timer)),
        ("kvm_apic_accept_irq: apicid 1a vec 236 (Fixed|edge) (coalesced)", EventKind::Accept(timer)),
        (
            "kvm_apic_accept_irq: apicid 1a vec 34 (LowPrio|level)",
            EventKind::Accept(Accept { vector: Vector(34), mode: "LowPrio", level: true, ..timer }),
        ),
        (
            "kvm_apic_ipi: dst b0 vec 176 (Fixed|physical|assert|edge|self)",
            EventKind::ApicIpi { dst: 0xb0, vector: Vector(176), how: "Fixed|physical|assert|edge|self" },
        ),
        ("kvm_eoi: apicid 1 vector 236", EventKind::Eoi { apicid: ApicId(1), vector: Some(Vector(236)) }),
        ("kvm_pv_eoi: apicid a vector -1", EventKind::Eoi { apicid: ApicId(10), vector: None }),
        ("kvm_inj_virq: IRQ 0xec", EventKind::InjVirq { vector: Vector(236), soft: false, reinjected: false }),
        ("kvm_inj_virq: irq 236", EventKind::InjVirq { vector: Vector(236), soft: false, reinjected: false }),
        (
            "kvm_inj_virq: Soft/INTn 0x80 [reinjected]",
            EventKind::InjVirq { vector: Vector(0x80), soft: true, reinjected: true },
        ),
    ] {
        assert_eq!(kind(text), expect, "{text}");
    }
    for damaged in [
        "kvm_apic_accept_irq: apicid 1 vec 256 (Fixed|edge)",
        "kvm_apic_accept_irq: apicid 1 vec 236",
        "kvm_apic_accept_irq: vec 236 (Fixed|edge)",
        "kvm_apic_ipi: dst b0 vec 176",
        "kvm_eoi: apicid 1 vector -2",
        "kvm_eoi: apicid 1",
        "kvm_inj_virq: NMI 0x2",
    ] {
        check(damaged, None);
    }
}

#[test]
fn states_and_waits() {
    let vcpu = Vcpu(0x1b);
    for (text, expect) in [
        ("kvm_hv_timer_state: vcpu_id 1b hv_timer 1", EventKind::HvTimerState { vcpu, in_use: true }),
        ("kvm_apic_virt_timer_state: vcpu_id 1b apic_virt_timer 0", EventKind::VirtTimerState { vcpu, in_use: false }),
        ("kvm_wait_lapic_expire: vcpu 27: delta -1830 (early)", EventKind::WaitLapicExpire { vcpu, delta: -1830 }),
        ("kvm_vcpu_wakeup: wait time 1004049 ns, polling valid", EventKind::VcpuWakeup { slept: true, ns: 1_004_049 }),
        ("kvm_vcpu_wakeup: poll time 12 ns, polling invalid", EventKind::VcpuWakeup { slept: false, ns: 12 }),
        (
            "kvm_pi_irte_update: PI is enabled and being updated for irq 5, vcpu 27, gsi: 0x1, gvec: 0x22, \
             pi_desc_addr: 0x1000",
            EventKind::PiIrteUpdate { enabled: true, vcpu },
        ),
        ("kvm_avic_doorbell: vcpuid=27, apicid=3", EventKind::AvicDoorbell { vcpu }),
        (
            "kvm_avic_incomplete_ipi: vcpu=27, icrh:icrl=0x01000000:000000fd, id=1, index=2",
            EventKind::AvicIncompleteIpi { vcpu, id: 1 },
        ),
        ("local_timer_entry: vector=236", EventKind::IrqEntry { vector: Vector(236) }),
        ("reschedule_exit: vector=253", EventKind::IrqExit { vector: Vector(253) }),
        ("softirq_entry: vec=1 [action=TIMER]", EventKind::Other),
        ("kvm_fpu: load", EventKind::Other),
    ] {
        assert_eq!(kind(text), expect, "{text}");
    }
    check("kvm_hv_timer_state: vcpu_id 1", None);
    check("kvm_vcpu_wakeup: sleep time 1 ns", None);
    check("local_timer_entry: vector=ec", None);
}

#[test]
fn timers_under_either_name_and_as_trace_cmd_prints_them() {
    let hrtimer = Hrtimer(0xa1b2_c3d4);
    for name in ["hrtimer_init", "hrtimer_setup"] {
        assert_eq!(
            kind(&format!("{name}: hrtimer=00000000a1b2c3d4 clockid=CLOCK_MONOTONIC mode=ABS|PINNED")),
            EventKind::HrtimerInit { hrtimer, mode: Some(HrtimerMode(2)) }
        );
    }
    assert_eq!(kind("hrtimer_cancel: hrtimer=0xa1b2c3d4"), EventKind::HrtimerCancel { hrtimer });
    assert_eq!(
        kind("hrtimer_expire_entry: hrtimer=0xa1b2c3d4 now=881674388210 function=apic_timer_fn/0x0"),
        EventKind::HrtimerExpireEntry {
            hrtimer,
            function: "apic_timer_fn",
            now: MonotonicTime::from_ns(881_674_388_210)
        }
    );
    assert_eq!(
        kind("hrtimer_start: hrtimer=0xa1b2c3d4 function=apic_timer_fn/0x0 expires=7 softexpires=7"),
        EventKind::HrtimerStart { hrtimer, function: "apic_timer_fn", expires: MonotonicTime::from_ns(7), mode: None }
    );
    let mode = |text: &str| HrtimerMode::parse(text).map(HrtimerMode::is_pinned);
    let modes = ["ABS|PINNED", "0x2", "ABS|PINNED|HARD", "ABS|HARD", "0x8", "REL|WILD"];
    assert_eq!(modes.map(mode), [Some(true), Some(true), Some(true), Some(false), Some(false), None]);
}

#[test]
fn switches() {
    let switch = |prev, prev_runnable, next, next_comm| EventKind::SchedSwitch {
        prev: Tid(prev),
        prev_runnable,
        next: Tid(next),
        next_comm,
    };
    for (text, expect) in [
        (
            "sched_switch: prev_comm=CPU 0/KVM prev_pid=29043 prev_prio=120 prev_state=S ==> next_comm=swapper/0 \
             next_pid=0 next_prio=120",
            switch(29_043, false, 0, "swapper/0"),
        ),
        (
            "sched_switch: prev_comm=a ==> b prev_pid=7 prev_prio=120 prev_state=R+ ==> next_comm=c d next_pid=9 \
             next_prio=0",
            switch(7, true, 9, "c d"),
        ),
        ("sched_switch: CPU 0/KVM:29043 [120] S ==> swapper/0:0 [120]", switch(29_043, false, 0, "swapper/0")),
        ("sched_switch: a:b:7 [120] R ==> c:9 [0]", switch(7, true, 9, "c")),
    ] {
        assert_eq!(kind(text), expect, "{text}");
    }
    for damaged in ["", "prev_pid=7", "prev_pid=7 ==> next_pid=9", "a [120] S ==> b:9 [0]"] {
        check(&format!("sched_switch: {damaged}"), None);
    }
}
