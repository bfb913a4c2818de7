//! Our queue, and the plain heap.

use crate::work::{ACK, FLIGHT, Work, periods};
use apic_core::driver::queue::{Key, WinnerTree};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Time and timer in one number that sorts.
#[derive(Clone, Copy)]
struct Packing {
    bits: u32,
}

impl Packing {
    /// Room for so many different numbers.
    fn of(numbers: usize) -> Self {
        Self { bits: numbers.next_power_of_two().trailing_zeros() }
    }

    #[inline]
    fn key(self, at: u64, number: usize) -> u64 {
        at << self.bits | number as u64
    }

    #[inline]
    fn time(self, key: u64) -> u64 {
        key >> self.bits
    }

    #[inline]
    fn number(self, key: u64) -> usize {
        (key & ((1 << self.bits) - 1)) as usize
    }
}

/// What travels with one delay, so that it arrives in the order in which it was sent. The first of it is at hand.
struct Lane {
    first: u64,
    rest: VecDeque<u64>,
}

impl Lane {
    fn new(capacity: usize) -> Self {
        Self { first: u64::NEVER, rest: VecDeque::with_capacity(capacity) }
    }

    #[inline]
    fn push(&mut self, key: u64) {
        if self.first == u64::NEVER {
            self.first = key;
        } else {
            self.rest.push_back(key);
        }
    }

    #[inline]
    fn pop(&mut self) -> u64 {
        std::mem::replace(&mut self.first, self.rest.pop_front().unwrap_or(u64::NEVER))
    }
}

/// The winner tree as the clock uses it: a leaf per timer, and a leaf for each way that messages travel in order.
pub fn winner_tree(timers: usize, end: u64) -> Work {
    const ACKS: usize = 0;
    const MESSAGES: usize = 1;
    const FIRST_TIMER: usize = 2;
    let packing = Packing::of(timers + FIRST_TIMER);
    let mut tree = WinnerTree::<u64>::new(timers + FIRST_TIMER);
    let mut ways = [Lane::new(timers), Lane::new(timers)];
    let (mut work, periods) = (Work::new(timers, end), periods(timers));
    for timer in 0..timers {
        tree.set(FIRST_TIMER + timer, packing.key(periods[timer], FIRST_TIMER + timer));
    }
    // What is first in a lane stands in the tree with the lane's number.
    let due = |lane: &Lane, way: usize| match lane.first {
        u64::NEVER => u64::NEVER,
        first => packing.key(packing.time(first), way),
    };
    let send = |tree: &mut WinnerTree<u64>, ways: &mut [Lane; 2], way: usize, at, timer| {
        let was = ways[way].first;
        ways[way].push(packing.key(at, timer));
        if was == u64::NEVER {
            tree.set(way, due(&ways[way], way));
        }
    };
    let receive = |tree: &mut WinnerTree<u64>, ways: &mut [Lane; 2], way: usize| {
        let timer = packing.number(ways[way].pop());
        tree.set(way, due(&ways[way], way));
        timer
    };
    loop {
        let first = tree.first();
        let (now, leaf) = (packing.time(first), packing.number(first));
        if now >= end {
            return work;
        }
        match leaf {
            ACKS => {
                let timer = receive(&mut tree, &mut ways, ACKS);
                work.acknowledge(timer, now);
            }
            MESSAGES => {
                let timer = receive(&mut tree, &mut ways, MESSAGES);
                work.arrive(timer, now);
                send(&mut tree, &mut ways, ACKS, now + ACK, timer);
            }
            _ => {
                let timer = leaf - FIRST_TIMER;
                work.expire(timer, now);
                tree.set(leaf, packing.key(now + periods[timer], leaf));
                send(&mut tree, &mut ways, MESSAGES, now + FLIGHT, timer);
            }
        }
    }
}

/// The winner tree for the timers alone; what travels in order waits in two FIFOs beside it.
pub fn winner_tree_and_fifos(timers: usize, end: u64) -> Work {
    let packing = Packing::of(timers);
    let mut tree = WinnerTree::<u64>::new(timers);
    let (mut messages, mut acks) = (Lane::new(timers), Lane::new(timers));
    let (mut work, periods) = (Work::new(timers, end), periods(timers));
    for (timer, period) in periods.iter().enumerate() {
        tree.set(timer, packing.key(*period, timer));
    }
    loop {
        let due = [acks.first, messages.first, tree.first()];
        let [acknowledged, arrives, expires] = due.map(|key| packing.time(key));
        if acknowledged.min(arrives).min(expires) >= end {
            return work;
        }
        if acknowledged <= arrives.min(expires) {
            work.acknowledge(packing.number(acks.pop()), acknowledged);
        } else if arrives <= expires {
            let timer = packing.number(messages.pop());
            work.arrive(timer, arrives);
            acks.push(packing.key(arrives + ACK, timer));
        } else {
            let timer = packing.number(tree.first());
            work.expire(timer, expires);
            tree.set(timer, packing.key(expires + periods[timer], timer));
            messages.push(packing.key(expires + FLIGHT, timer));
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Acknowledge,
    Arrive,
    Expire,
}

/// The engine one writes first: a heap of events, each with its number, so that equal times keep their order.
pub fn binary_heap(timers: usize, end: u64) -> Work {
    let mut heap = BinaryHeap::with_capacity(3 * timers);
    let mut number = 0u64;
    let (mut work, periods) = (Work::new(timers, end), periods(timers));
    let mut push = |heap: &mut BinaryHeap<_>, at: u64, what: What, timer: usize| {
        number += 1;
        heap.push(Reverse((at, number, what, timer)));
    };
    for timer in 0..timers {
        push(&mut heap, periods[timer], What::Expire, timer);
    }
    while let Some(Reverse((now, _, what, timer))) = heap.pop() {
        if now >= end {
            break;
        }
        match what {
            What::Acknowledge => work.acknowledge(timer, now),
            What::Arrive => {
                work.arrive(timer, now);
                push(&mut heap, now + ACK, What::Acknowledge, timer);
            }
            What::Expire => {
                work.expire(timer, now);
                push(&mut heap, now + periods[timer], What::Expire, timer);
                push(&mut heap, now + FLIGHT, What::Arrive, timer);
            }
        }
    }
    work
}
