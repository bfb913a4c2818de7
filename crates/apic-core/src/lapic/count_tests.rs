//! The arithmetic of arming, rule by rule.

use super::super::regs::Tdcr;
use super::*;

const BY_1: u32 = 0xb;
const BY_16: u32 = 0x3;

fn rate(tdcr: u32) -> CountRate {
    CountRate { bus: BusNs::DEFAULT, divisor: Tdcr::from_written(tdcr).divisor() }
}

/// 2.5 GHz, 1 ms after the start.
fn at(host: u64) -> Instant {
    let khz = TscKhz::new(2_500_000).expect("valid");
    Instant { host: Ns::from_ns(host), guest: khz.tsc_at(Ns::from_ns(host)), khz }
}

fn timer(mode: TimerMode) -> KvmTimer {
    KvmTimer { mode, ..KvmTimer::new(false) }
}

fn armed(mode: TimerMode, initial: u32) -> KvmTimer {
    let mut timer = timer(mode);
    assert!(timer.set_target(initial, None, rate(BY_1), true, at(1_000_000)));
    timer
}

#[test]
fn a_count_of_zero_starts_nothing() {
    let mut timer = armed(TimerMode::OneShot, 1_000);
    assert!(!timer.set_target(0, None, rate(BY_1), true, at(1_000_000)));
    assert_eq!((timer.period, timer.tscdeadline), (Ns::ZERO, Tsc::ZERO));
    assert_eq!(timer.start(HvTimer::No, at(1_000_000)), Start::Nothing);
    assert_eq!(timer.start(HvTimer::Every, at(1_000_000)), Start::Nothing);
}

#[test]
fn only_a_period_has_a_lower_limit() {
    assert_eq!(armed(TimerMode::OneShot, 1_000).period, Ns::from_us(1));
    assert_eq!(armed(TimerMode::Periodic, 1_000).period, MIN_PERIOD);
    assert_eq!(armed(TimerMode::Periodic, 200_001).period, Ns::from_ns(200_001));
    let mut never = timer(TimerMode::Periodic);
    never.limit_period();
    assert_eq!(never.period, Ns::ZERO, "a timer that was never armed stays so");
}

#[test]
fn the_deadline_is_kept_beside_the_target() {
    let timer = armed(TimerMode::OneShot, 1_000_000);
    assert_eq!(timer.target_expiration, Ns::from_us(2_000));
    assert_eq!(timer.tscdeadline.as_cycles(), 5_000_000);
}

#[track_caller]
fn restored(mode: TimerMode, count: u32, fires_expired: bool, expect: u64) {
    let mut timer = timer(mode);
    assert!(timer.set_target(1_000_000, Some(count), rate(BY_1), fires_expired, at(1_000_000)));
    assert_eq!(timer.target_expiration.as_ns() - 1_000_000, expect, "{mode:?} {count}");
}

#[test]
fn a_restored_count_goes_on() {
    restored(TimerMode::OneShot, 400_000, true, 400_000);
    restored(TimerMode::Periodic, 400_000, true, 400_000);
    restored(TimerMode::OneShot, 0, true, 0);
    restored(TimerMode::OneShot, 0, false, 1_000_000); // B19
    restored(TimerMode::Periodic, 0, true, 1_000_000); // T28
    restored(TimerMode::OneShot, 1_000_001, true, 1_000_000); // T29
}

#[test]
fn the_count_is_what_is_left_modulo_the_period() {
    let timer = armed(TimerMode::OneShot, 1_000_000);
    let count = |timer: &KvmTimer, tdcr, host| timer.current_count(1_000_000, rate(tdcr), Ns::from_ns(host));
    assert_eq!(count(&timer, BY_1, 1_000_000), 0, "T31: at the instant of arming");
    assert_eq!(count(&timer, BY_1, 1_000_001), 999_999);
    assert_eq!(count(&timer, BY_1, 1_999_999), 1);
    assert_eq!(count(&timer, BY_1, 2_000_000), 0);
    assert_eq!(count(&timer, BY_1, 9_000_000), 0);
    assert_eq!(count(&timer, BY_16, 1_000_001), 62_499);
    assert_eq!(timer.current_count(0, rate(BY_1), Ns::from_us(1_500)), 0, "no initial count");
    let clamped = armed(TimerMode::Periodic, 1_000);
    assert_eq!(
        clamped.current_count(1_000, rate(BY_1), Ns::from_ns(1_000_001)),
        199_999,
        "more than the initial count"
    );
    let mut deadline = timer;
    deadline.mode = TimerMode::TscDeadline;
    assert_eq!(count(&deadline, BY_1, 1_500_000), 0);
}

#[test]
fn a_new_divisor_stretches_what_is_left() {
    let mut timer = armed(TimerMode::OneShot, 1_000_000);
    timer.rescale(1_000_000, rate(BY_16), Tdcr::from_written(BY_1).divisor(), at(1_600_000));
    assert_eq!(timer.target_expiration.as_ns(), 1_600_000 + 16 * 400_000);
    assert_eq!(timer.period, Ns::from_us(16_000));
    assert_eq!(timer.tscdeadline.as_cycles(), 20_000_000);
    assert_eq!(timer.current_count(1_000_000, rate(BY_16), Ns::from_ns(1_600_000)), 400_000, "the count is continuous");
    timer.rescale(1_000_000, rate(BY_1), Tdcr::from_written(BY_16).divisor(), at(1_600_000));
    assert_eq!(timer.target_expiration, Ns::from_us(2_000));
    timer.rescale(1_000_000, rate(BY_16), Tdcr::from_written(BY_1).divisor(), at(3_000_000));
    assert_eq!(timer.target_expiration, Ns::from_us(3_000), "nothing is left of a count that ran out");
}

#[test]
fn a_periodic_target_moves_on_by_the_period() {
    let mut timer = armed(TimerMode::Periodic, 1_000_000);
    timer.advance_periodic(true, at(2_000_000));
    assert_eq!((timer.target_expiration, timer.tscdeadline.as_cycles()), (Ns::from_us(3_000), 7_500_000));
    let mut late = timer.clone();
    late.advance_periodic(true, at(9_500_000));
    assert_eq!((late.target_expiration, late.tscdeadline.as_cycles()), (Ns::from_us(9_500), 23_750_000));
    // B13: before 6.19 the target stays behind, and the deadline is out of the preemption timer's reach.
    timer.advance_periodic(false, at(9_500_000));
    assert_eq!(timer.target_expiration, Ns::from_us(4_000));
    assert_eq!(timer.start(HvTimer::Every, at(9_500_000)), Start::Expired);
    assert!(!timer.hv_timer_in_use);
}

#[track_caller]
fn starts(mut timer: KvmTimer, hv: HvTimer, host: u64, expect: Start) {
    assert_eq!(timer.start(hv, at(host)), expect);
    assert_eq!(timer.hv_timer_in_use, matches!(expect, Start::Hv | Start::HvExpired));
}

#[test]
fn counts_start_on_the_hrtimer_or_the_preemption_timer() {
    let one_shot = armed(TimerMode::OneShot, 1_000_000);
    starts(one_shot.clone(), HvTimer::No, 1_000_000, Start::Hrtimer(Ns::from_us(2_000)));
    starts(one_shot.clone(), HvTimer::Deadline, 1_000_000, Start::Hrtimer(Ns::from_us(2_000)));
    starts(one_shot.clone(), HvTimer::Every, 1_000_000, Start::Hv);
    starts(one_shot.clone(), HvTimer::Every, 2_000_000, Start::HvExpired);
    starts(one_shot.clone(), HvTimer::No, 2_000_001, Start::Expired);
    let periodic = armed(TimerMode::Periodic, 1_000_000);
    starts(periodic.clone(), HvTimer::Every, 2_000_000, Start::Hv); // its exit comes at once
    starts(periodic.clone(), HvTimer::No, 2_000_001, Start::Expired);
    let mut pending = one_shot;
    pending.pending = true;
    assert_eq!(pending.clone().start_sw(at(1_000_000)), Start::Nothing);
    starts(pending, HvTimer::Every, 1_000_000, Start::Nothing);
    let mut pending = periodic;
    pending.pending = true;
    starts(pending, HvTimer::No, 1_000_000, Start::Hrtimer(Ns::from_us(2_000)));
    starts(KvmTimer { mode: TimerMode::Reserved, ..armed(TimerMode::OneShot, 9) }, HvTimer::No, 0, Start::Nothing);
}

#[test]
fn deadlines_start_at_their_distance_less_the_advance() {
    let deadline = |cycles: u64, advance: u32| KvmTimer {
        tscdeadline: Tsc::from_cycles(cycles),
        timer_advance_ns: advance,
        ..timer(TimerMode::TscDeadline)
    };
    starts(deadline(0, 0), HvTimer::Every, 1_000_000, Start::Nothing);
    starts(deadline(5_000_000, 0), HvTimer::No, 1_000_000, Start::Hrtimer(Ns::from_us(2_000)));
    starts(deadline(5_000_000, 1_000), HvTimer::No, 1_000_000, Start::Hrtimer(Ns::from_us(1_999)));
    starts(deadline(2_502_500, 1_000), HvTimer::No, 1_000_000, Start::Expired); // no further off than the advance
    starts(deadline(2_502_503, 1_000), HvTimer::No, 1_000_000, Start::Hrtimer(Ns::from_ns(1_000_001)));
    starts(deadline(2_500_000, 0), HvTimer::No, 1_000_000, Start::Expired);
    starts(deadline(1, 0), HvTimer::No, 1_000_000, Start::Expired);
    starts(deadline(5_000_000, 1_000), HvTimer::Deadline, 1_000_000, Start::Hv);
    starts(deadline(2_502_500, 1_000), HvTimer::Deadline, 1_000_000, Start::HvExpired);
    starts(deadline(2_502_501, 1_000), HvTimer::Deadline, 1_000_000, Start::Hv);
    // 2^37 cycles are too far for the preemption timer, one less is not.
    starts(deadline(2_500_000 + (1 << 37) - 1, 0), HvTimer::Deadline, 1_000_000, Start::Hv);
    let far = Ns::from_ns(1_000_000 + ((1u64 << 37) * 2 / 5));
    starts(deadline(2_500_000 + (1 << 37), 0), HvTimer::Deadline, 1_000_000, Start::Hrtimer(far));
    // The kernel's multiplication wraps: the farthest deadline of all is about two hours off at 2.5 GHz.
    let wrapped = (u64::MAX - 2_500_000).wrapping_mul(1_000_000) / 2_500_000;
    starts(deadline(u64::MAX, 0), HvTimer::No, 1_000_000, Start::Hrtimer(Ns::from_ns(1_000_000 + wrapped)));
}
