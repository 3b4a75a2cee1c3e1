#!/usr/bin/env python3
"""A generator that gets a small share of its processor says so and judges nothing by its clock. The share is
taken from it for real: it is stopped and continued by turns, as a scheduler does under a quota."""

import json
import os
import signal
import subprocess
import sys
import threading

from cicada_support import BOUND_S, Cicada, expect, run_tests

RUNS_S, STOPS_S = 0.08, 0.32  # a fifth of a processor


def take_turns(process, done):
    """Ends with the process running, whatever happens."""
    try:
        while not done.wait(RUNS_S):
            os.kill(process.pid, signal.SIGSTOP)
            done.wait(STOPS_S)
            os.kill(process.pid, signal.SIGCONT)
    except ProcessLookupError:
        pass


def run_with_a_share(cicada, *arguments):
    path = cicada.result_path()
    process = subprocess.Popen(
        [cicada.program, "run", "--ui", "off", "--json", path, *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    done = threading.Event()
    turns = threading.Thread(target=take_turns, args=(process, done))
    turns.start()
    try:
        output, errors = process.communicate(timeout=2 * BOUND_S)
    finally:
        done.set()
        turns.join()
        if process.poll() is None:
            process.kill()
            process.wait()
    expect(os.path.exists(path), f"no result was written\n{errors.decode(errors='replace')}")
    with open(path, encoding="utf-8") as file:
        result = json.load(file)
    cicada.audit(path)
    return process.returncode, output.decode(errors="replace"), result


def expect_inconclusive(code, output, result):
    findings = {finding["rule"]: finding for finding in result["findings"]}
    saturated = findings["generator_saturated"]
    expect(saturated["verdict"] == "inconclusive", json.dumps(saturated))
    figures = saturated["figures"]
    counted = max(figures["seconds_cpu"], figures["seconds_lag"], figures["seconds_delay"])
    expect(counted >= 2 and 10 * counted >= figures["seconds"], json.dumps(figures))
    expect(findings["threshold"]["verdict"] == "inconclusive", json.dumps(findings["threshold"]))
    expect(code == 4 and result["exit_code"] == 4, f"exit {code}\n{output}")
    expect(result["verdict"] == "inconclusive" and result["readiness"] == "inconclusive", output)
    expect("the generator was a bottleneck" in output, output)
    expect(any(one["rule"] == "generator_saturated" for one in result["recommendations"]), output)


# The target answers in 2 ms; what the stops add would break this limit many times over.
LIMIT = ("--threshold", "p99<20ms")


def arrivals_are_sent_late(cicada):
    expect_inconclusive(*run_with_a_share(
        cicada, "null://?latency=2ms", "--rate", "500", "--duration", "8s", *LIMIT))


def users_are_served_late(cicada):
    expect_inconclusive(*run_with_a_share(
        cicada, "null://?latency=2ms", "--users", "4", "--duration", "8s", *LIMIT))


def errors_are_held_against_the_target(cicada):
    """They do not depend on the generator's clock."""
    code, output, result = run_with_a_share(
        cicada, "null://?latency=2ms&error_rate=0.5", "--rate", "500", "--duration", "8s", "--threshold",
        "errors<1%")
    expect(code == 1 and result["verdict"] == "fail", f"exit {code}\n{output}")


if __name__ == "__main__":
    cicada = Cicada(sys.argv[1])
    tests = [
        ("arrivals that are sent late", lambda: arrivals_are_sent_late(cicada)),
        ("users that are served late", lambda: users_are_served_late(cicada)),
        ("errors are held against the target all the same", lambda: errors_are_held_against_the_target(cicada)),
    ]
    sys.exit(run_tests(tests))
