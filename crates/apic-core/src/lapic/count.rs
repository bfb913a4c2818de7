//! How the timer counts and is armed: `set_target_expiration`, `update_target_expiration`, `restart_apic_timer` and what
//! they call (`arch/x86/kvm/lapic.c`). Time is a parameter; what to do with the host's timers is the answer.

use super::regs::{BusNs, Divisor, TimerMode};
use super::rules::HvTimer;
use super::timer::KvmTimer;
use crate::units::{Ns, Tsc, TscKhz};

/// `min_timer_period_us`, its default: the shortest period that KVM lets a guest have. One-shot and deadlines are free.
pub const MIN_PERIOD: Ns = Ns::from_us(200);

/// The preemption timer counts down once every 2^5 TSC cycles (`IA32_VMX_MISC`\[4:0\]; 5 on every processor so far), in 32
/// bits.
const PREEMPTION_TIMER_BITS: u32 = 5 + 32;

/// One instant, by the host's clock and by the guest's TSC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Instant {
    /// `ktime_get()`.
    pub host: Ns,
    /// `kvm_read_l1_tsc()`.
    pub guest: Tsc,
    /// `virtual_tsc_khz`.
    pub khz: TscKhz,
}

impl Instant {
    /// Guest TSC at a later time (`nsec_to_cycles`).
    fn tsc_in(self, span: Ns) -> Tsc {
        Tsc::from_cycles(self.guest.as_cycles().wrapping_add(self.khz.tsc_at(span).as_cycles()))
    }
}

/// How fast the count runs down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CountRate {
    /// The VM's bus clock.
    pub bus: BusNs,
    /// TDCR.
    pub divisor: Divisor,
}

impl CountRate {
    /// Time per count.
    pub const fn tick(self) -> Ns {
        Ns::from_ns(self.bus.as_ns() * self.divisor.factor() as u64)
    }

    /// `tmict_to_ns`.
    pub const fn ns_of(self, count: u32) -> Ns {
        Ns::from_ns((count as u64).saturating_mul(self.tick().as_ns()))
    }
}

/// What `restart_apic_timer` asks of the host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// Nothing runs.
    Nothing,
    /// An hrtimer at this time.
    Hrtimer(Ns),
    /// The VMX preemption timer, for `tscdeadline`. The hrtimer is cancelled.
    Hv,
    /// The same, and it is past already: `apic_timer_expired(from_timer_fn = false)`, then [`KvmTimer::stop_hv`].
    HvExpired,
    /// Past already: `apic_timer_expired(from_timer_fn = false)`; if periodic, then
    /// [`KvmTimer::advance_periodic`] and an hrtimer at the new target.
    Expired,
}

impl KvmTimer {
    /// `limit_periodic_timer_frequency`: only a periodic timer that was armed.
    pub fn limit_period(&mut self) {
        if self.mode == TimerMode::Periodic && self.period != Ns::ZERO {
            self.period = self.period.max(MIN_PERIOD);
        }
    }

    /// `set_target_expiration`. `restored` is the current count that `KVM_SET_LAPIC` brought; `fires_expired` is
    /// [`super::LapicRules::restore_fires_expired`]. Returns whether there is anything to start.
    pub fn set_target(
        &mut self,
        initial: u32,
        restored: Option<u32>,
        rate: CountRate,
        fires_expired: bool,
        at: Instant,
    ) -> bool {
        self.period = rate.ns_of(initial);
        if self.period == Ns::ZERO {
            self.tscdeadline = Tsc::ZERO;
            return false;
        }
        self.limit_period();
        let deadline = match restored {
            None => self.period,
            Some(0) if self.mode == TimerMode::OneShot && fires_expired => Ns::ZERO,
            Some(0) => self.period,
            Some(count) => rate.ns_of(count).min(self.period),
        };
        self.tscdeadline = at.tsc_in(deadline);
        self.target_expiration = at.host.plus(deadline);
        true
    }

    /// `update_target_expiration`: a new divisor stretches or shortens what is left of the count.
    pub fn rescale(&mut self, initial: u32, rate: CountRate, old: Divisor, at: Instant) {
        self.period = rate.ns_of(initial);
        self.limit_period();
        let left = self.target_expiration.minus(at.host);
        let scaled = u128::from(left.as_ns()) * u128::from(rate.divisor.factor()) / u128::from(old.factor());
        let scaled = Ns::from_ns(u64::try_from(scaled).unwrap_or(u64::MAX));
        let (was, is) = (at.khz.tsc_at(left).as_cycles(), at.khz.tsc_at(scaled).as_cycles());
        self.tscdeadline = Tsc::from_cycles(self.tscdeadline.as_cycles().wrapping_add(is).wrapping_sub(was));
        self.target_expiration = at.host.plus(scaled);
    }

    /// `advance_periodic_target_expiration`. `to_now` is [`super::LapicRules::periodic_catches_up_to_now`].
    pub fn advance_periodic(&mut self, to_now: bool, at: Instant) {
        self.target_expiration = self.target_expiration.plus(self.period);
        if to_now {
            self.target_expiration = self.target_expiration.max(at.host);
        }
        if self.target_expiration >= at.host {
            self.tscdeadline = at.tsc_in(self.target_expiration.minus(at.host));
        } else {
            // B13: the difference is negative and is scaled as if it were not. How large it gets depends on the frequency;
            // out of the preemption timer's reach it is in any case.
            self.tscdeadline = Tsc::from_cycles(at.guest.as_cycles().wrapping_add(1 << 63));
        }
    }

    /// `apic_get_tmcct`. The remaining time is taken modulo the period, so that at the instant of arming it reads 0; and a
    /// period that was lengthened to [`MIN_PERIOD`] can show more than the initial count.
    pub fn current_count(&self, initial: u32, rate: CountRate, now: Ns) -> u32 {
        if self.mode == TimerMode::TscDeadline || initial == 0 || self.period == Ns::ZERO {
            return 0;
        }
        let left = self.target_expiration.minus(now).as_ns() % self.period.as_ns();
        (left / rate.tick().as_ns()) as u32
    }

    /// `restart_apic_timer`: the preemption timer if it can, else the hrtimer (`start_hv_timer`, `start_sw_timer`).
    pub fn start(&mut self, hv: HvTimer, at: Instant) -> Start {
        if self.mode != TimerMode::Periodic && self.pending {
            return Start::Nothing;
        }
        if hv.backs(self.mode) && self.tscdeadline != Tsc::ZERO {
            let advance = at.khz.tsc_at(Ns::from_ns(u64::from(self.timer_advance_ns)));
            let ahead = self.tscdeadline.as_cycles().saturating_sub(at.guest.as_cycles());
            let ahead = ahead.saturating_sub(advance.as_cycles());
            if ahead >> PREEMPTION_TIMER_BITS == 0 {
                self.hv_timer_in_use = true;
                return if ahead == 0 && self.mode != TimerMode::Periodic { Start::HvExpired } else { Start::Hv };
            }
        }
        self.start_sw(at)
    }

    /// `start_sw_timer`.
    pub fn start_sw(&mut self, at: Instant) -> Start {
        self.hv_timer_in_use = false;
        if self.mode != TimerMode::Periodic && self.pending {
            return Start::Nothing;
        }
        match self.mode {
            TimerMode::Periodic | TimerMode::OneShot => self.start_sw_period(at.host),
            TimerMode::TscDeadline => self.start_sw_deadline(at),
            TimerMode::Reserved => Start::Nothing,
        }
    }

    /// `cancel_hv_timer`.
    pub fn stop_hv(&mut self) {
        self.hv_timer_in_use = false;
    }

    fn start_sw_period(&self, now: Ns) -> Start {
        if self.period == Ns::ZERO {
            Start::Nothing
        } else if now >= self.target_expiration {
            // The kernel asks whether now is after the target. Its clock has moved on since it computed a target of
            // "now"; here it may stand still.
            Start::Expired
        } else {
            Start::Hrtimer(self.target_expiration)
        }
    }

    fn start_sw_deadline(&self, at: Instant) -> Start {
        if self.tscdeadline == Tsc::ZERO {
            return Start::Nothing;
        }
        let Some(ahead) = self.tscdeadline.as_cycles().checked_sub(at.guest.as_cycles()) else {
            return Start::Expired;
        };
        // The kernel multiplies in 64 bits: a deadline more than 2^64 / 10^6 cycles away wraps.
        let ns = ahead.wrapping_mul(1_000_000) / at.khz.as_khz();
        let advance = u64::from(self.timer_advance_ns);
        if ns > advance { Start::Hrtimer(at.host.plus(Ns::from_ns(ns - advance))) } else { Start::Expired }
    }
}

#[cfg(test)]
#[path = "count_tests.rs"]
mod tests;
