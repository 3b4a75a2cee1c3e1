#!/usr/bin/env python3
"""cicada find with the finished binary, on targets whose limit is known. Times are long against what a busy
machine does to any process; where the generator was the limit all the same, find must say so, and
is asked again. (tests/unit/analysis/test_search.c does the same 40 times over in virtual time.)"""

import json
import math
import os
import sys

from cicada_support import Cicada, expect, run_tests


def share_beyond(arrivals, service, servers, limit):
    """P(waiting and service take longer) in M/M/c."""
    load, term, total = arrivals * service, 1.0, 1.0
    for k in range(1, servers):
        term *= load / k
        total += term
    last = term * load / servers * servers / (servers - load)
    waits, spare, x = last / (total + last), servers - 1 - load, limit / service
    part = x if abs(spare) < 1e-9 else -math.expm1(-x * spare) / spare
    return math.exp(-x) * (1 + waits * part)


def limit_of(service, servers, limit, share):
    low, high = 0.0, servers / service
    for _ in range(100):
        middle = (low + high) / 2
        if share_beyond(middle, service, servers, limit) < share:
            low = middle
        else:
            high = middle
    return low


def find(cicada, url, *arguments):
    """The exit code, the output and the JSON. Inconclusive is told as it should be, and asked again."""
    for _ in range(2):
        path = cicada.result_path()
        code, output, errors = cicada.command("find", url, "--json", path, *arguments, bound_s=400)
        expect("Sanitizer" not in errors, errors[-4000:])
        with open(path, encoding="utf-8") as file:
            written = json.load(file)
        if code != 4:
            break
        last = [trial["verdict"] for trial in written["trials"][-3:]]
        expect(last == ["inconclusive"] * 3, f"exit 4, but the last trials are {last}\n{output}{errors}")
        expect("inconclusive 3 times in a row" in errors, errors)
        expect(not written["confirmed"], "confirmed without an answer")
    expect(code in (0, 1, 4), f"exit {code}\n{output}{errors}")
    return code, output, written


def the_limit_of_a_queue(cicada):
    truth = limit_of(0.2, 16, 1.0, 0.05)
    code, output, written = find(
        cicada, "null://?service=200ms&exponential=1&servers=16", "--slo", "p95<1s", "--arrivals", "poisson",
        "--trial", "5s", "--min", "64", "--max", "128")
    if code == 4:
        return  # the machine did not let it: told above
    expect(code == 0 and written["confirmed"], f"exit {code}\n{output}")
    found = written["limit_per_s"]
    expect(0.75 * truth < found["value"] < 1.25 * truth, f"{found}, truth {truth:.0f}\n{output}")
    expect(found["low"] is not None and found["high"] is not None, f"{found}\n{output}")
    expect(0.85 * found["low"] < truth < 1.15 * found["high"], f"{found}, truth {truth:.0f}\n{output}")
    expect("95%: the limit lies" in output, output)


def what_never_holds(cicada):
    code, output, written = find(
        cicada, "null://?latency=300ms&error_rate=0.5", "--slo", "errors<1%", "--trial", "2s", "--min", "100")
    expect(code == 1, f"exit {code}\n{output}")
    expect("no rate from --min 100 up was found to keep it" in output, output)
    expect(not written["confirmed"] and written["sustained_per_s"] is None, json.dumps(written))
    expect(len(written["trials"]) == 1, output)


def what_always_holds(cicada):
    code, output, written = find(
        cicada, "null://?latency=300ms", "--slo", "errors<1%", "--trial", "2s", "--min", "50", "--max", "200")
    if code == 4:
        return
    expect(code == 0 and written["confirmed"], f"exit {code}\n{output}")
    expect("at least 200/s, the highest rate tried" in output, output)
    expect(written["broken_per_s"] is None and written["limit_per_s"]["high"] is None, json.dumps(written))


def a_sample_that_stays_too_small(cicada):
    code, output, written = find(
        cicada, "null://?latency=20ms", "--slo", "p99.99<1s", "--trial", "1s", "--min", "20", "--max", "20")
    expect(code == 4, f"exit {code}\n{output}")
    expect(len(written["trials"]) == 3, output)


if __name__ == "__main__":
    cicada = Cicada(sys.argv[1])
    tests = [
        ("the limit of a queue is the one that theory says", lambda: the_limit_of_a_queue(cicada)),
        ("an SLO that never holds", lambda: what_never_holds(cicada)),
        ("an SLO that always holds", lambda: what_always_holds(cicada)),
        ("a sample that stays too small is tried again, and told", lambda: a_sample_that_stays_too_small(cicada)),
    ]
    sys.exit(run_tests(tests))
