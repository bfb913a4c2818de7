//! Frameworks for simulation, each used as its documentation shows.

use crate::work::{ACK, FLIGHT, Work, periods};
use std::sync::{Arc, Mutex};

/// desim: one coroutine per timer, which waits, handles, and waits again.
pub fn desim(timers: usize, end: u64) -> Work {
    use desim::{Effect, SimContext, Simulation};
    use std::cell::RefCell;
    use std::rc::Rc;
    let work = Rc::new(RefCell::new(Work::new(timers, end)));
    let mut simulation = Simulation::new();
    for (timer, period) in periods(timers).into_iter().enumerate() {
        let work = Rc::clone(&work);
        let process = #[coroutine]
        move |mut context: SimContext<Effect>| loop {
            work.borrow_mut().expire(timer, context.time() as u64);
            context = yield Effect::TimeOut(FLIGHT as f64);
            work.borrow_mut().arrive(timer, context.time() as u64);
            context = yield Effect::TimeOut(ACK as f64);
            work.borrow_mut().acknowledge(timer, context.time() as u64);
            context = yield Effect::TimeOut((period - FLIGHT - ACK) as f64);
        };
        let id = simulation.create_process(Box::new(process));
        simulation.schedule_event(period as f64, id, Effect::TimeOut(0.0));
    }
    while simulation.time() < end as f64 {
        simulation.step();
    }
    drop(simulation);
    Rc::into_inner(work).expect("the simulation is gone").into_inner()
}

/// nexosim: one model for all timers and one for all receivers, which was faster than a model for each; one thread.
pub fn nexosim(timers: usize, end: u64) -> Work {
    use bank::{Receivers, Timers};
    use nexosim::simulation::{Mailbox, SimInit};
    use nexosim::time::MonotonicTime;
    let result = Arc::new(Mutex::new(Work::default()));
    let (mut expiring, receiving) = (Timers::new(timers), Receivers::new(timers, end, &result));
    let (timers_mailbox, receivers_mailbox) = (Mailbox::new(), Mailbox::new());
    expiring.expiry.connect(Receivers::expiry, &receivers_mailbox);
    let mut simulation = SimInit::with_num_threads(1)
        .add_model(expiring, timers_mailbox, "timers")
        .add_model(receiving, receivers_mailbox, "receivers")
        .init(MonotonicTime::EPOCH)
        .expect("assembles");
    simulation.step_until(std::time::Duration::from_nanos(end)).expect("runs");
    drop(simulation);
    let work = result.lock().expect("nobody panicked");
    work.clone()
}

mod bank {
    use super::{ACK, Arc, FLIGHT, Mutex, Work, periods};
    use nexosim::model::{Context, Model, schedulable};
    use nexosim::ports::Output;
    use nexosim::time::MonotonicTime;
    use serde::{Deserialize, Serialize};
    use std::time::Duration;

    fn now<M: Model>(cx: &Context<M>) -> u64 {
        let since = cx.time().duration_since(MonotonicTime::EPOCH);
        since.as_secs() * 1_000_000_000 + u64::from(since.subsec_nanos())
    }

    #[derive(Serialize, Deserialize)]
    pub struct Timers {
        pub expiry: Output<usize>,
        periods: Vec<u64>,
    }

    #[Model]
    impl Timers {
        pub fn new(timers: usize) -> Self {
            Self { expiry: Output::default(), periods: periods(timers) }
        }

        #[nexosim(init)]
        async fn init(&mut self, cx: &Context<Self>) {
            for timer in 0..self.periods.len() {
                self.arm(timer, cx);
            }
        }

        fn arm(&self, timer: usize, cx: &Context<Self>) {
            let period = Duration::from_nanos(self.periods[timer]);
            cx.schedule_event(period, schedulable!(Self::expires), timer).expect("lies ahead");
        }

        #[nexosim(schedulable)]
        async fn expires(&mut self, timer: usize, cx: &Context<Self>) {
            self.expiry.send(timer).await;
            self.arm(timer, cx);
        }
    }

    #[derive(Serialize, Deserialize)]
    pub struct Receivers {
        #[serde(skip)]
        work: Work,
        /// Where the work goes at the end.
        #[serde(skip)]
        result: Arc<Mutex<Work>>,
    }

    #[Model]
    impl Receivers {
        pub fn new(timers: usize, end: u64, result: &Arc<Mutex<Work>>) -> Self {
            Self { work: Work::new(timers, end), result: Arc::clone(result) }
        }

        pub async fn expiry(&mut self, timer: usize, cx: &Context<Self>) {
            self.work.expire(timer, now(cx));
            cx.schedule_event(Duration::from_nanos(FLIGHT), schedulable!(Self::arrives), timer).expect("lies ahead");
        }

        #[nexosim(schedulable)]
        async fn arrives(&mut self, timer: usize, cx: &Context<Self>) {
            self.work.arrive(timer, now(cx));
            cx.schedule_event(Duration::from_nanos(ACK), schedulable!(Self::acknowledges), timer).expect("lies ahead");
        }

        #[nexosim(schedulable)]
        async fn acknowledges(&mut self, timer: usize, cx: &Context<Self>) {
            self.work.acknowledge(timer, now(cx));
        }
    }

    impl Drop for Receivers {
        fn drop(&mut self) {
            if let Ok(mut result) = self.result.lock() {
                *result = std::mem::take(&mut self.work);
            }
        }
    }
}
