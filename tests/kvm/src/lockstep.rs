//! One script in two worlds: the kernel first, then the model, told how much time really passed.
//!
//! Registers are compared exactly after every command. The exception is TMCCT, which moves: it may differ by as much as
//! the two worlds' clocks may have been apart when it was armed, scaled, and read. A timer that is about to expire would
//! make every other register a matter of microseconds, so time is let pass until it has.

use std::fmt;

use apic_core::bench::script::{Command, Register, TimerPath};
use apic_core::bench::{Answer, Fired, Kernel as Era, Outcome, Reading, World};
use apic_core::lapic::{BusNs, VectorSet};
use apic_core::units::{Ns, Tsc, TscKhz, Vector};

use crate::host::Host;
use crate::kernel::{Kernel, KernelError, Route, Span};
use crate::observe::{Observation, READABLE};
use crate::script::{Lines, Op, Script};

/// A timer that expires sooner than this is waited for.
const SOON: Ns = Ns::from_us(20_000);
/// Time let pass behind an expiry.
const BEHIND: Ns = Ns::from_us(1_500);
/// `min_timer_period_us`.
const SHORTEST_PERIOD: Ns = Ns::from_us(200);

/// What was compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Scripts.
    pub cases: u64,
    /// Readings, outcomes and lists of handlers that were compared.
    pub comparisons: u64,
}

impl Tally {
    /// Both together.
    pub fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.comparisons += other.comparisons;
    }
}

/// Where the two worlds part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    what: String,
    kernel: String,
    model: String,
    commands: Vec<Command>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: the kernel says {}, the model {}; after", self.what, self.kernel, self.model)?;
        write!(f, "{}", Lines(&self.commands))
    }
}

/// Why a script did not come to its end.
#[derive(Debug)]
pub enum Stop {
    /// The worlds part.
    Differs(Box<Difference>),
    /// The kernel could not be asked.
    Kernel(KernelError),
    /// The model could not, in its words.
    Model(String),
}

impl From<KernelError> for Stop {
    fn from(error: KernelError) -> Self {
        Self::Kernel(error)
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Differs(difference) => difference.fmt(f),
            Self::Kernel(error) => error.fmt(f),
            Self::Model(error) => f.write_str(error),
        }
    }
}

/// Both worlds, and how far their clocks may be apart.
struct Lockstep<M> {
    kernel: Kernel,
    model: M,
    /// The model's time.
    now: Ns,
    khz: TscKhz,
    bus: u64,
    /// How much the two timers' expiries may differ.
    slack: Ns,
    /// And those of a timer that is restored.
    saved_slack: Ns,
    /// The kernel's registers, and when they were read.
    seen: Observation,
    seen_at: Span,
    /// A short periodic timer ran since handlers were last compared: their number depends on the host.
    ticked: bool,
    /// Vectors of a short periodic timer: between two of its ticks it is chance whether they wait.
    ticking: VectorSet,
    comparisons: u64,
    commands: Vec<Command>,
}

/// Puts a script to a fresh VM and to a fresh model.
///
/// # Errors
/// The first difference, or why the kernel could not be asked.
pub fn run<M>(host: &Host, route: Route, model: M, script: &Script) -> Result<Tally, Stop>
where
    M: World<Error: fmt::Display>,
{
    let mut kernel = Kernel::new(host, route, script.bus)?;
    let seen = kernel.observe()?;
    let khz = TscKhz::new(kernel.tsc_khz()?.into()).unwrap_or(TscKhz::DEFAULT);
    let mut lockstep = Lockstep {
        seen_at: kernel.span(),
        kernel,
        model,
        now: Ns::ZERO,
        khz,
        bus: script.bus.map_or(1, BusNs::as_ns),
        slack: Ns::ZERO,
        saved_slack: Ns::ZERO,
        seen,
        ticked: false,
        ticking: VectorSet::default(),
        comparisons: 0,
        commands: Vec::new(),
    };
    let bus = script.bus.map(Command::Bus);
    let settings = [Command::Era(Era::Release(6, 18)), Command::Path(TimerPath::Pending), Command::TscKhz(khz)];
    for command in settings.into_iter().chain(bus) {
        lockstep.tell(command)?;
    }
    lockstep.observe()?;
    for op in &script.ops {
        lockstep.op(*op)?;
    }
    lockstep.both(Command::Fired)?;
    Ok(Tally { cases: 1, comparisons: lockstep.comparisons })
}

impl<M: World<Error: fmt::Display>> Lockstep<M> {
    fn op(&mut self, op: Op) -> Result<(), Stop> {
        match op {
            Op::Do(Command::Advance(ns)) => self.pass(Command::Advance, ns)?,
            Op::Do(Command::Pause(ns)) => self.pass(Command::Pause, ns)?,
            Op::Do(Command::Restore) if !self.kernel.has_saved() => {}
            Op::Do(command) => self.both(command)?,
            Op::CountFor(ns) => self.both(self.count_for(ns))?,
            Op::DeadlineIn(ns) => self.both(self.deadline_in(ns))?,
            Op::HaltFor(ns) => {
                self.both(if self.mode() == 2 { self.deadline_in(ns) } else { self.count_for(ns) })?;
                self.both(Command::Hlt)?;
                self.both(Command::Advance(Ns::from_ns(ns.as_ns() * 3)))?;
                return Ok(());
            }
        }
        self.settle()
    }

    fn count_for(&self, ns: Ns) -> Command {
        let count = ns.as_ns() / (self.bus * self.seen.divisor());
        Command::Write(Register::Tmict, count.clamp(1, u32::MAX.into()))
    }

    fn deadline_in(&self, ns: Ns) -> Command {
        Command::Write(Register::TscDeadline, self.khz.tsc_at(self.kernel.now().plus(ns)).as_cycles())
    }

    /// Lets time pass, and not end where a timer is about to expire.
    fn pass(&mut self, how: fn(Ns) -> Command, ns: Ns) -> Result<(), Stop> {
        let left = self.left();
        let close = left.plus(BEHIND) > ns && left < ns.plus(SOON);
        self.both(how(if close && left != Ns::ZERO { left.plus(BEHIND) } else { ns }))
    }

    /// Lets a timer expire that is about to; a short periodic one, twice.
    fn settle(&mut self) -> Result<(), Stop> {
        let left = self.left();
        if left != Ns::ZERO && left < SOON {
            let period = if self.periodic() { self.period() } else { Ns::ZERO };
            self.both(Command::Advance(left.plus(period).plus(BEHIND)))?;
            if !self.ticking.is_empty() && !self.kernel.interrupts() {
                // It ticked, and the guest took nothing: what waits is no chance any more.
                self.ticking = VectorSet::default();
                self.compare_registers()?;
            }
        }
        Ok(())
    }

    /// Whether a periodic timer may run that is too short to be followed tick by tick.
    fn ticks(&self) -> bool {
        self.periodic() && self.seen.value(Register::Tmict) != 0 && self.period() < SOON
    }

    /// Keeps in mind what is chance while such a timer runs: its vector, and its phase, which shifts whenever the host's
    /// timer interrupt is late by a period (`advance_periodic_target_expiration`).
    fn mind_ticks(&mut self) {
        if self.ticks() {
            self.ticked = true;
            self.ticking.test_and_set(Vector::new(self.seen.value(Register::Lvtt) as u8));
            self.slack = self.slack.max(self.period());
        }
    }

    /// Bits 18:17 of LVTT.
    fn mode(&self) -> u64 {
        self.seen.value(Register::Lvtt) >> 17 & 3
    }

    fn periodic(&self) -> bool {
        self.mode() == 1
    }

    fn period(&self) -> Ns {
        let period = self.seen.value(Register::Tmict) * self.seen.divisor() * self.bus;
        Ns::from_ns(period).max(SHORTEST_PERIOD)
    }

    /// How long until the kernel's timer expires; zero if it does not run.
    fn left(&self) -> Ns {
        let since = self.kernel.now().minus(self.seen_at.from);
        let left = match self.seen.value(Register::TscDeadline) {
            0 => Ns::from_ns(self.seen.value(Register::Tmcct) * self.seen.divisor() * self.bus),
            deadline => {
                let now = self.khz.tsc_at(self.seen_at.from).as_cycles();
                self.khz.ns_of(Tsc::from_cycles(deadline.saturating_sub(now)))
            }
        };
        left.minus(since)
    }

    /// One command in both worlds, then all registers.
    fn both(&mut self, command: Command) -> Result<(), Stop> {
        let (divisor, mode) = (self.seen.divisor(), self.mode());
        self.ticking = VectorSet::default();
        self.mind_ticks();
        let ticked = self.ticks();
        let kernel = self.kernel.obey(command)?;
        let span = self.kernel.span();
        let model = match command {
            Command::Advance(_) | Command::Pause(_) => {
                self.advance_to(span.from)?;
                let ns = span.to.minus(self.now);
                self.now = span.to;
                self.tell(if matches!(command, Command::Pause(_)) { Command::Pause(ns) } else { Command::Advance(ns) })?
            }
            _ => {
                self.advance_to(middle(span))?;
                self.tell(command)?
            }
        };
        self.compare_outcomes(command, &kernel, &model, span)?;
        match command {
            // In the other modes the count does not start.
            Command::Write(Register::Tmict, _) if mode < 2 && kernel == Outcome::Done => self.slack = span.width(),
            Command::Save => self.saved_slack = self.slack.plus(span.width()),
            Command::Restore => self.slack = self.slack.max(self.saved_slack).plus(span.width()),
            _ => {}
        }
        self.observe_kernel()?;
        let scaled = self.seen.divisor();
        if scaled != divisor {
            let both = self.slack.plus(span.width()).as_ns();
            self.slack = Ns::from_ns(both * scaled.max(divisor) / divisor);
        }
        let left = self.left();
        if ticked || left != Ns::ZERO && left < BEHIND {
            // Something expires about now: not the moment to compare.
            self.wait(if left < SOON { left.plus(BEHIND) } else { BEHIND })?;
        }
        self.mind_ticks();
        self.compare_registers()
    }

    /// Lets time pass in both worlds, and looks at the kernel again.
    fn wait(&mut self, ns: Ns) -> Result<(), Stop> {
        self.kernel.obey(Command::Advance(ns))?;
        self.advance_to(self.kernel.span().to)?;
        self.observe_kernel()
    }

    fn observe(&mut self) -> Result<(), Stop> {
        self.observe_kernel()?;
        self.compare_registers()
    }

    fn observe_kernel(&mut self) -> Result<(), Stop> {
        self.seen = self.kernel.observe()?;
        self.seen_at = self.kernel.span();
        Ok(())
    }

    fn advance_to(&mut self, at: Ns) -> Result<(), Stop> {
        let ns = at.minus(self.now);
        if ns != Ns::ZERO {
            self.now = at;
            self.tell(Command::Advance(ns))?;
        }
        Ok(())
    }

    fn tell(&mut self, command: Command) -> Result<Outcome, Stop> {
        self.commands.push(command);
        self.model.obey(command).map_err(|error| Stop::Model(error.to_string()))
    }

    fn compare_registers(&mut self) -> Result<(), Stop> {
        self.advance_to(middle(self.seen_at))?;
        let model = Observation::of(&mut self.model).map_err(|error| Stop::Model(error.to_string()))?;
        for register in READABLE {
            self.compare_readings(register, self.seen.get(register), model.get(register), self.seen_at)?;
        }
        Ok(())
    }

    fn compare_outcomes(
        &mut self,
        command: Command,
        kernel: &Outcome,
        model: &Outcome,
        span: Span,
    ) -> Result<(), Stop> {
        match (kernel, model) {
            // docs/kvm-differences.md, 2.
            (Outcome::Answer(Answer::Register(Register::Eoi | Register::SelfIpi, Reading::Value(_))), _) => Ok(()),
            (Outcome::Answer(Answer::Register(register, kernel)), Outcome::Answer(Answer::Register(_, model))) => {
                self.compare_readings(*register, *kernel, *model, span)
            }
            (Outcome::Answer(Answer::Fired(kernel)), Outcome::Answer(Answer::Fired(model))) => {
                self.compare_fired(kernel, model)
            }
            _ => self.expect(kernel == model, || {
                (format!("outcome of {command:?}"), format!("{kernel:?}"), format!("{model:?}"))
            }),
        }
    }

    fn compare_readings(
        &mut self,
        register: Register,
        kernel: Reading,
        model: Reading,
        span: Span,
    ) -> Result<(), Stop> {
        let close = match (register, kernel, model) {
            (Register::Tmcct, Reading::Value(kernel), Reading::Value(model)) => self.same_count(kernel, model, span),
            (_, Reading::Bank(kernel), Reading::Bank(model)) => {
                kernel.changed_from(&model).all(|vector| self.ticking.contains(vector))
            }
            // Follows what is in service.
            (Register::Ppr, ..) if !self.ticking.is_empty() && !self.kernel.auto_eoi() => true,
            _ => kernel == model,
        };
        self.expect(close, || (register.to_string(), kernel.to_string(), model.to_string()))
    }

    /// Whether two counts can be the same one, read at slightly different times; a periodic count turns round.
    fn same_count(&self, kernel: u64, model: u64, span: Span) -> bool {
        let cycle = self.bus * self.seen.divisor();
        let apart = self.slack.plus(span.width()).as_ns() / cycle + 2;
        let direct = kernel.abs_diff(model);
        let period = self.period().as_ns() / cycle;
        direct <= apart || self.periodic() && kernel.max(model) <= period && period - direct <= apart
    }

    fn compare_fired(&mut self, kernel: &[Fired], model: &[Fired]) -> Result<(), Stop> {
        let same = if self.ticked { same_ticks(kernel, model) } else { self.same_handlers(kernel, model) };
        self.ticked = false;
        let words = |fired: &[Fired]| Answer::Fired(fired.to_vec()).to_string();
        self.expect(same, || ("handlers".to_owned(), words(kernel), words(model)))
    }

    /// The same vectors in the same order, and none earlier than the model has it.
    fn same_handlers(&self, kernel: &[Fired], model: &[Fired]) -> bool {
        let late = Ns::from_us(1_000).plus(self.slack);
        kernel.len() == model.len()
            && kernel.iter().zip(model).all(|(k, m)| k.vector == m.vector && k.at.plus(late) >= m.at)
    }

    fn expect(&mut self, holds: bool, words: impl FnOnce() -> (String, String, String)) -> Result<(), Stop> {
        self.comparisons += 1;
        if holds {
            return Ok(());
        }
        let (what, kernel, model) = words();
        Err(Stop::Differs(Box::new(Difference { what, kernel, model, commands: self.commands.clone() })))
    }
}

/// Ticks of a short periodic timer coalesce while the vCPU's thread does not run: the same vectors, and not more often
/// than the model has them, but for one that stands at either end.
fn same_ticks(kernel: &[Fired], model: &[Fired]) -> bool {
    let times = |fired: &[Fired], v| fired.iter().filter(|f| f.vector == v).count();
    kernel.iter().chain(model).all(|Fired { vector, .. }| {
        let (k, m) = (times(kernel, *vector), times(model, *vector));
        (k == 0) == (m == 0) && k <= m + 1
    })
}

fn middle(span: Span) -> Ns {
    Ns::from_ns(u64::midpoint(span.from.as_ns(), span.to.as_ns()))
}
