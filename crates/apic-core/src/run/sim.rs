//! A machine with its clock and its ledger: what a keyframe keeps.

use super::account::Account;
use super::script::{Player, Script};
use super::{Ledger, StepRecord};
use crate::cost::Prices;
use crate::driver::{Clock, Hand, NotEnabled, Pick};
use crate::effect::{Effect, Silent};
use crate::machine::{Actor, Config, Machine, Taken};
use crate::scenario::{PathKind, Scenario};
use crate::units::CpuId;

/// One path, running.
#[derive(Clone, Debug)]
pub struct Sim {
    machine: Machine,
    clock: Clock,
    account: Account,
    steps: u32,
    /// Plays in place of machine and clock.
    player: Option<Player>,
}

impl Sim {
    /// At time zero.
    pub fn new(scenario: &Scenario, path: PathKind) -> Self {
        Self::at_prices(scenario, path, &scenario.costs.prices())
    }

    /// The same at other prices than the scenario's.
    pub(super) fn at_prices(scenario: &Scenario, path: PathKind, prices: &Prices) -> Self {
        let machine = Machine::new(Config::new(scenario, path));
        let clock = Clock::new(&machine, prices, scenario.run.seed);
        let account = Account::new(&machine);
        Self { machine, clock, account, steps: 0, player: None }
    }

    /// At the beginning of a script.
    pub fn scripted(scenario: &Scenario, script: &Script) -> Self {
        let player = Player::new(scenario, script);
        let account = Account::new(player.machine());
        Self { account, player: Some(player), ..Self::new(scenario, script.path) }
    }

    /// The machine.
    pub fn machine(&self) -> &Machine {
        self.player.as_ref().map_or(&self.machine, Player::machine)
    }

    /// Who moves next if nobody picks.
    pub fn due(&self) -> Option<Actor> {
        match &self.player {
            Some(player) => player.due(),
            None => self.clock.first().map(|(actor, _)| actor),
        }
    }

    /// What plays, if a script does.
    pub(super) fn player(&self) -> Option<&Player> {
        self.player.as_ref()
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The ledger so far. It is kept by the recording steps only.
    pub fn ledger(&self) -> &Ledger {
        &self.account.ledger
    }

    /// Steps taken.
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// Takes the step that is due, recording nothing, and keeping no ledger: for benchmarks and long runs. Returns the
    /// rule followed.
    #[inline]
    pub fn step_silently(&mut self) -> Option<Taken> {
        let (_, taken) = self.clock.step(&mut self.machine, &mut Silent)?;
        self.steps += 1;
        Some(taken)
    }

    /// The same, and on as far as [`Clock::step_on`] goes. Returns the steps taken; 0 if nothing is left to do.
    #[inline]
    pub(super) fn step_on_silently(&mut self) -> u32 {
        let steps = self.clock.step_on(&mut self.machine, &mut Silent).unwrap_or(0);
        self.steps += steps;
        steps
    }

    /// Takes the step that is due, writing its effects to `effects` (emptied first).
    pub(super) fn step(&mut self, effects: &mut Vec<Effect>) -> Option<(CpuId, Taken)> {
        effects.clear();
        let (actor, taken) = self.clock.step(&mut self.machine, effects)?;
        Some(self.book(actor, taken, effects))
    }

    /// Takes one step of `actor`, whoever is due, writing its effects to `effects` (emptied first).
    ///
    /// # Errors
    /// [`NotEnabled`]; nothing has changed then.
    pub fn pick(&mut self, actor: Actor, effects: &mut Vec<Effect>) -> Result<Taken, NotEnabled> {
        effects.clear();
        let taken = Hand { clock: &mut self.clock }.pick(&mut self.machine, actor, effects)?;
        Ok(self.book(actor, taken, effects).1)
    }

    fn book(&mut self, actor: Actor, taken: Taken, effects: &[Effect]) -> (CpuId, Taken) {
        self.steps += 1;
        let machine = self.player.as_ref().map_or(&self.machine, Player::machine);
        let cpu = machine.cpu_of(actor);
        self.account.add(machine, cpu, taken, effects);
        (cpu, taken)
    }

    /// Takes the step that the choices ask for here, or else the one that is due.
    pub(crate) fn follow(&mut self, picks: &[Pick], effects: &mut Vec<Effect>) -> Option<(CpuId, Taken)> {
        let picked = picks.binary_search_by_key(&self.steps, |p| p.step).ok().map(|i| picks[i].actor);
        match (&mut self.player, picked) {
            (Some(player), _) => {
                effects.clear();
                let (actor, taken) = player.step(picked, effects)?;
                Some(self.book(actor, taken, effects))
            }
            (None, Some(actor)) => {
                let taken = self.pick(actor, effects).ok()?;
                Some((self.machine.cpu_of(actor), taken))
            }
            (None, None) => self.step(effects),
        }
    }

    /// The same as a record.
    pub fn follow_recorded(&mut self, picks: &[Pick]) -> Option<StepRecord> {
        let mut effects = Vec::new();
        let index = self.steps;
        let (cpu, taken) = self.follow(picks, &mut effects)?;
        Some(StepRecord { index, at: self.machine().now(), cpu, vcpu: taken.vcpu, rule: taken.rule, effects })
    }
}

/// Two simulations are equal if their machines, clocks and ledgers are.
impl PartialEq for Sim {
    fn eq(&self, other: &Self) -> bool {
        self.steps == other.steps
            && self.machine() == other.machine()
            && self.clock == other.clock
            && self.account == other.account
    }
}
