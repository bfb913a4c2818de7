"""The work of src/work.rs in SimPy, one process per timer. Prints version, events, checksum and ns per event."""

import sys
import time

import simpy

FLIGHT, ACK = 500, 1_200
MASK = (1 << 64) - 1


def main(timers, end):
    env = simpy.Environment()
    requests = [0] * timers
    events = checksum = 0

    def count(timer, now, what):
        nonlocal events, checksum
        events += 1
        checksum += (now ^ what) * (2 * timer + 1)

    def process(timer):
        period = 50_000 + timer * 100_000 // timers
        bit = (timer * 7 + 32) % 256
        yield env.timeout(period)
        while True:
            requests[timer] |= 1 << bit
            count(timer, env.now, 1)
            yield env.timeout(FLIGHT)
            drained, requests[timer] = requests[timer], 0
            count(timer, env.now, drained >> (bit & ~63))
            yield env.timeout(ACK)
            count(timer, env.now, 3)
            yield env.timeout(period - FLIGHT - ACK)

    for timer in range(timers):
        env.process(process(timer))
    start = time.thread_time_ns()
    env.run(until=end)
    spent = time.thread_time_ns() - start
    print(simpy.__version__, events, checksum & MASK, spent / events)


main(int(sys.argv[1]), int(sys.argv[2]))
