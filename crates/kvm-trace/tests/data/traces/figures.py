#!/usr/bin/env python3
"""Figures of a recording with one vCPU, computed without the reader: python3 figures.py FILE...

Prints what tests/figures.rs holds the reader to. Plain text search and lists, percentiles by nearest rank.
"""

import math
import re
import sys
from collections import Counter


def nanoseconds(line):
    """The time in front of an event: SECONDS.MICROS."""
    seconds, micros = re.search(r" (\d+)\.(\d{6}): ", line).groups()
    return int(seconds) * 10**9 + int(micros) * 1000


def percentiles(values):
    """Nearest rank: the least value that so many per cent of all do not exceed."""
    values = sorted(values)
    if not values:
        return None
    at = lambda share: values[max(math.ceil(len(values) * share / 1000), 1) - 1]
    return [len(values), at(500), at(900), at(990), at(999), values[-1]]


def figures(path):
    events = Counter()
    lateness, arm_to_expiry, expiry_to_accept, accept_to_eoi = [], [], [], []
    arms = expiries = accepts = eois = nothing = coalesced = restarts = unshown = 0
    expires = armed = waiting = ended = accepted = None
    previous = ""
    for line in open(path):
        name = re.search(r"\d: +\w+:(\w+): ", line).group(1)
        events[name] += 1
        now = nanoseconds(line)
        timer = "function=apic_timer_fn" in line
        if name == "kvm_msr" and re.search(r"msr_write 6e0 = 0x0*[1-9a-f]", line):
            arms, armed = arms + 1, now
        if name == "kvm_apic" and re.search(r"apic_write APIC_TMICT = 0x0*[1-9a-f]", line):
            arms, armed = arms + 1, now
        if name == "hrtimer_start" and timer:
            expires = int(re.search(r" expires=(\d+)", line).group(1))
            if "hrtimer_expire_exit" in previous:  # the callback asked to be called again
                restarts, armed = restarts + 1, now
        if name == "hrtimer_expire_entry" and timer:
            expiries += 1
            if expires is not None:
                lateness.append(int(re.search(r" now=(\d+)", line).group(1)) - expires)
                arm_to_expiry.append(now - armed)
            if waiting is None:
                waiting = now
            else:
                coalesced += 1
        if name == "kvm_apic_accept_irq":
            accepts += 1
            if " vec 236 " in line:
                if waiting is not None:
                    expiry_to_accept.append(now - waiting)
                else:  # the expiry and its restart are missing from the file
                    unshown, expires = unshown + 1, None
                waiting, accepted = None, now
        if name == "kvm_eoi":
            eois += 1
            nothing += "vector -1" in line
            if "vector 236" in line and accepted is not None:
                accept_to_eoi.append(now - accepted)
                accepted = None
        previous = line
    print(path)
    print("  events", " ".join(f"{name}={n}" for name, n in sorted(events.items())))
    print(f"  arms={arms} restarts={restarts} expiries={expiries} accepts={accepts} eois={eois} of nothing={nothing} coalesced={coalesced} unshown={unshown}")
    for name, values in [
        ("lateness", lateness),
        ("arm to expiry", arm_to_expiry),
        ("expiry to accept", expiry_to_accept),
        ("accept to EOI", accept_to_eoi),
    ]:
        print(f"  {name}: count, p50, p90, p99, p99.9, max: {percentiles(values)}")


for path in sys.argv[1:]:
    figures(path)
