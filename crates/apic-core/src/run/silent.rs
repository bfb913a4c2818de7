//! Long runs of which nothing is kept.

use super::Sim;

impl Sim {
    /// Takes steps until so many more handlers have started, or nothing is left to do, recording nothing and keeping no
    /// ledger. Returns the steps it took.
    ///
    /// The loop is here so that every program that measures the machine, natively or as wasm, compiles it as the machine
    /// is compiled.
    pub fn run_on_silently(&mut self, ticks: u32) -> u32 {
        let (steps, handlers) = (self.steps(), self.machine().handlers());
        while self.machine().handlers() - handlers < ticks && self.step_on_silently() > 0 {}
        self.steps() - steps
    }
}
