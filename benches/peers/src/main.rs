//! Our event queue beside other engines, in one run, on one workload: `cargo xtask bench --peers`.
//!
//! N timers expire periodically. An expiry sets a bit in the timer's 256-bit descriptor and sends a message, which
//! arrives after a fixed delay; the receiver drains the descriptor and acknowledges after another one. That is three
//! events per expiry. Every engine has to end with the same number of events and the same checksum.
//!
//! The arguments are a command that runs the same in SimPy, if it is to take part.
#![feature(coroutines, coroutine_trait, stmt_expr_attributes)]

mod queues;
mod simulators;
mod work;

use std::process::Command;
use std::time::Instant;
use work::Work;

/// Events of one run, about.
const EVENTS: u64 = 600_000;
/// Of one run in SimPy.
const EVENTS_SIMPY: u64 = 100_000;
const ROUNDS: usize = 9;

const ENGINES: [(&str, fn(usize, u64) -> Work); 5] = [
    ("winner tree, FIFOs beside it", queues::winner_tree_and_fifos),
    ("winner tree alone", queues::winner_tree),
    ("BinaryHeap", queues::binary_heap),
    ("desim 0.4.0", simulators::desim),
    ("nexosim 1.0.0", simulators::nexosim),
];

fn main() {
    let simpy: Vec<String> = std::env::args().skip(1).collect();
    let sizes = [64, 1_000, 10_000];
    let columns: Vec<Vec<(String, f64)>> = sizes.iter().map(|timers| measure(*timers, &simpy)).collect();
    println!("ns per event, and that over the first row's; medians of {ROUNDS} rounds of about {EVENTS} events");
    println!("| engine | {} |", sizes.map(|n| format!("N = {n}")).join(" | "));
    println!("| --- |{}", " --- |".repeat(sizes.len()));
    for (row, (engine, _)) in columns[0].iter().enumerate() {
        let cells = columns.iter().map(|column| format!("{:.1} ({:.1}x)", column[row].1, column[row].1 / column[0].1));
        println!("| {engine} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
    for row in 0..2 {
        let grows = columns[2][row].1 / columns[0][row].1;
        println!("{}: {grows:.2} times the cost per event from 64 to 10,000 timers", columns[0][row].0);
    }
}

/// Every engine's median time per event. The engines take turns, so that what disturbs the machine disturbs all.
fn measure(timers: usize, simpy: &[String]) -> Vec<(String, f64)> {
    let end = work::end(timers, EVENTS);
    let reference = queues::binary_heap(timers, end);
    let mut times = vec![Vec::new(); ENGINES.len()];
    for _ in 0..ROUNDS {
        for ((name, run), times) in ENGINES.iter().zip(&mut times) {
            let start = Instant::now();
            let work = run(timers, end);
            times.push(start.elapsed().as_nanos() as f64 / work.events as f64);
            assert_eq!((work.events, work.checksum), (reference.events, reference.checksum), "{name}, {timers} timers");
        }
    }
    let mut rows: Vec<_> =
        ENGINES.iter().zip(times).map(|((name, _), times)| ((*name).to_owned(), median(times))).collect();
    if let [program, arguments @ ..] = simpy {
        rows.push(in_simpy(program, arguments, timers));
    }
    rows
}

/// SimPy measures itself; it prints its version, events, checksum and ns per event.
fn in_simpy(program: &str, arguments: &[String], timers: usize) -> (String, f64) {
    let end = work::end(timers, EVENTS_SIMPY);
    let reference = queues::binary_heap(timers, end);
    let mut version = String::new();
    let mut times = Vec::new();
    for _ in 0..3 {
        let ran = Command::new(program)
            .args(arguments)
            .args([timers.to_string(), end.to_string()])
            .output()
            .expect("SimPy starts");
        let text = String::from_utf8(ran.stdout).expect("it prints text");
        let words: Vec<&str> = text.split_whitespace().collect();
        let [is, events, checksum, time] = words[..] else { panic!("SimPy said {text:?}, {:?}", ran.stderr) };
        assert_eq!(
            (events, checksum),
            (&*reference.events.to_string(), &*reference.checksum.to_string()),
            "SimPy, {timers} timers"
        );
        version = format!("SimPy {is}");
        times.push(time.parse().expect("a number"));
    }
    (version, median(times))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
