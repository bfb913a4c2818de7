//! Our event queue beside other engines, in one run, on one workload: `cargo xtask bench --peers`.
//!
//! N timers expire periodically. An expiry sets a bit in the timer's 256-bit descriptor and sends a message, which
//! arrives after a fixed delay; the receiver drains the descriptor and acknowledges after another one. That is three
//! events per expiry. Every engine has to end with the same number of events and the same checksum.
//!
//! It prints Markdown. `peers [--json] [--smoke] [COMMAND...]`: `--smoke` only asks whether everything runs; the command
//! runs the same in SimPy, if that is to take part.
#![feature(coroutines, coroutine_trait, stmt_expr_attributes)]

mod queues;
mod report;
mod simulators;
mod work;

use report::Table;
use rustix::time::{ClockId, clock_gettime};
use std::process::Command;
use work::Work;

/// Numbers of timers.
const SIZES: [usize; 3] = [64, 1_000, 10_000];

/// The first two are ours.
const ENGINES: [(&str, fn(usize, u64) -> Work); 5] = [
    ("winner tree, FIFOs beside it", queues::winner_tree_and_fifos),
    ("winner tree alone", queues::winner_tree),
    ("BinaryHeap", queues::binary_heap),
    ("desim 0.4.0", simulators::desim),
    ("nexosim 1.0.0", simulators::nexosim),
];

/// How much is done.
#[derive(Clone, Copy)]
struct Plan {
    rounds: usize,
    /// Events of one run, about.
    events: u64,
    /// Of one run in SimPy.
    events_simpy: u64,
}

const FULL: Plan = Plan { rounds: 9, events: 600_000, events_simpy: 100_000 };
const SMOKE: Plan = Plan { rounds: 1, events: 30_000, events_simpy: 30_000 };

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let flags = words.iter().take_while(|word| word.starts_with("--")).count();
    let (flags, simpy) = words.split_at(flags);
    let asked = |flag: &str| flags.iter().any(|word| word == flag);
    let plan = if asked("--smoke") { SMOKE } else { FULL };
    let table = measure(plan, simpy);
    if asked("--json") {
        println!("{}", table.json());
    } else {
        print!("{}", table.markdown());
    }
}

/// Everybody's CPU time per event. Sizes and engines take turns, so that what disturbs the machine disturbs all.
fn measure(plan: Plan, simpy: &[String]) -> Table {
    let mut names: Vec<String> = ENGINES.iter().map(|(name, _)| (*name).to_owned()).collect();
    if let Some(program) = simpy.first() {
        let version = Command::new(program).args(["-c", "import simpy; print(simpy.__version__)"]).output();
        let version = version.expect("SimPy's Python starts").stdout;
        names.push(format!("SimPy {}", String::from_utf8_lossy(&version).trim()));
    }
    let mut table = Table::new(plan.rounds, plan.events, names, &SIZES);
    for round in 0..plan.rounds {
        eprintln!("round {} of {}", round + 1, plan.rounds);
        for (column, timers) in SIZES.into_iter().enumerate() {
            let end = work::end(timers, plan.events);
            let reference = queues::binary_heap(timers, end);
            for (row, (name, run)) in ENGINES.iter().enumerate() {
                let start = cpu_time();
                let work = run(timers, end);
                table.add(row, column, (cpu_time() - start) / work.events as f64);
                let (found, expected) = ((work.events, work.checksum), (reference.events, reference.checksum));
                assert_eq!(found, expected, "{name}, {timers} timers");
            }
            if let [program, arguments @ ..] = simpy {
                table.add(ENGINES.len(), column, in_simpy(program, arguments, timers, plan.events_simpy));
            }
        }
    }
    table
}

/// What this thread has had of a CPU, in ns: whoever else wants one does not count.
fn cpu_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// SimPy measures itself; it prints its version, events, checksum and ns per event.
fn in_simpy(program: &str, arguments: &[String], timers: usize, events: u64) -> f64 {
    let end = work::end(timers, events);
    let reference = queues::binary_heap(timers, end);
    let ran =
        Command::new(program).args(arguments).args([timers.to_string(), end.to_string()]).output().expect("it starts");
    let text = String::from_utf8(ran.stdout).expect("it prints text");
    let words: Vec<&str> = text.split_whitespace().collect();
    let [_, events, checksum, time] = words[..] else { panic!("SimPy said {text:?}, {:?}", ran.stderr) };
    let expected = (reference.events.to_string(), reference.checksum.to_string());
    assert_eq!((events, checksum), (&*expected.0, &*expected.1), "SimPy, {timers} timers");
    time.parse().expect("a number")
}
