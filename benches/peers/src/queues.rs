//! Our queue, and the plain heap.

use crate::work::{ACK, FLIGHT, Work, periods};
use apic_core::driver::queue::{Key, WinnerTree};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// The winner tree as the clock uses it: a leaf per timer, and a leaf for each way that messages travel in order.
pub fn winner_tree(timers: usize, end: u64) -> Work {
    const ACKS: usize = 0;
    const MESSAGES: usize = 1;
    const FIRST_TIMER: usize = 2;
    let leaves = timers + FIRST_TIMER;
    let bits = leaves.next_power_of_two().trailing_zeros();
    let key = |at: u64, leaf: usize| at << bits | leaf as u64;
    let mut tree = WinnerTree::<u64>::new(leaves);
    let mut ways = [VecDeque::with_capacity(timers), VecDeque::with_capacity(timers)];
    let (mut work, periods) = (Work::new(timers, end), periods(timers));
    for timer in 0..timers {
        tree.set(FIRST_TIMER + timer, key(periods[timer], FIRST_TIMER + timer));
    }
    let send = |tree: &mut WinnerTree<u64>, ways: &mut [VecDeque<(u64, usize)>; 2], way: usize, at, timer| {
        if ways[way].is_empty() {
            tree.set(way, key(at, way));
        }
        ways[way].push_back((at, timer));
    };
    let receive = |tree: &mut WinnerTree<u64>, ways: &mut [VecDeque<(u64, usize)>; 2], way: usize| {
        let (_, timer) = ways[way].pop_front()?;
        tree.set(way, ways[way].front().map_or(u64::NEVER, |(at, _)| key(*at, way)));
        Some(timer)
    };
    loop {
        let first = tree.first();
        let (now, leaf) = (first >> bits, (first & ((1 << bits) - 1)) as usize);
        if now >= end {
            return work;
        }
        match leaf {
            ACKS => {
                let Some(timer) = receive(&mut tree, &mut ways, ACKS) else { return work };
                work.acknowledge(timer, now);
            }
            MESSAGES => {
                let Some(timer) = receive(&mut tree, &mut ways, MESSAGES) else { return work };
                work.arrive(timer, now);
                send(&mut tree, &mut ways, ACKS, now + ACK, timer);
            }
            _ => {
                let timer = leaf - FIRST_TIMER;
                work.expire(timer, now);
                tree.set(leaf, key(now + periods[timer], leaf));
                send(&mut tree, &mut ways, MESSAGES, now + FLIGHT, timer);
            }
        }
    }
}

/// The winner tree for the timers alone; what travels in order waits in two FIFOs beside it.
pub fn winner_tree_and_fifos(timers: usize, end: u64) -> Work {
    let bits = timers.next_power_of_two().trailing_zeros();
    let key = |at: u64, timer: usize| at << bits | timer as u64;
    let mut tree = WinnerTree::<u64>::new(timers);
    let (mut messages, mut acks) = (VecDeque::with_capacity(timers), VecDeque::with_capacity(timers));
    let (mut work, periods) = (Work::new(timers, end), periods(timers));
    for (timer, period) in periods.iter().enumerate() {
        tree.set(timer, key(*period, timer));
    }
    let front = |way: &VecDeque<(u64, usize)>| way.front().map_or(u64::MAX, |(at, _)| *at);
    loop {
        let first = tree.first();
        let (expires, arrives, acknowledged) = (first >> bits, front(&messages), front(&acks));
        if acknowledged <= arrives.min(expires) {
            let Some((now, timer)) = acks.pop_front().filter(|(now, _)| *now < end) else { return work };
            work.acknowledge(timer, now);
        } else if arrives <= expires {
            let Some((now, timer)) = messages.pop_front().filter(|(now, _)| *now < end) else { return work };
            work.arrive(timer, now);
            acks.push_back((now + ACK, timer));
        } else {
            if expires >= end {
                return work;
            }
            let timer = (first & ((1 << bits) - 1)) as usize;
            work.expire(timer, expires);
            tree.set(timer, key(expires + periods[timer], timer));
            messages.push_back((expires + FLIGHT, timer));
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
