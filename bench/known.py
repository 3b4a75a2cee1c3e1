#!/usr/bin/env python3
"""Real runs against targets whose truth is known: how often do the intervals at 95 % hold it?
known.py CICADA FAULT_SERVER RUNS AT_A_TIME [BEHAVIOUR...]. Times are those of the target in seconds; a busy machine
adds its own, which is why they are long against milliseconds. Exits with 1 when a figure is held in fewer than
85 % of the conclusive runs (34 of 40), or a flat target raises something in more than 5 %."""

import concurrent.futures
import json
import math
import os
import subprocess
import sys
import tempfile

RAMP = """target: {{url: "null://?{url}"}}
seed: {seed}
thresholds: [{limit}]
phases:
  - {{name: ramp-up, kind: ramp-up, shape: steps, {load}, steps: 10, duration: {length}{more}}}
"""
PEAK = """target: {{url: "null://?service=50ms&exponential=1{url}"}}
seed: {seed}
thresholds: [errors<99%]
phases:
  - {{name: peak, kind: peak, users: 40, duration: 45s, think_time: 10ms..20ms}}
"""
RECOVERY = """target: {{url: "null://?service=20ms&exponential=1&collapse_at=60&collapsed_service=200ms&recover_after={after}ms"}}
seed: {seed}
thresholds: [errors<99%]
phases:
  - {{name: ramp-up, kind: ramp-up, users: 5, duration: 6s, think_time: 10ms..20ms}}
  - {{name: stress, kind: stress, users: 75, duration: 5s}}
  - {{name: recovery, kind: recovery, users: 5, duration: 20s, think_time: 10ms..20ms}}
"""
MEMORY = """target: {{url: "{url}"}}
seed: {seed}
thresholds: [errors<99%]
tools: [ok_fast]
phases:
  - {{name: peak, kind: peak, users: 5, duration: 40s, think_time: 20ms..30ms}}
  - {{name: idle, kind: idle, duration: 10s}}
"""
FLAT = """target: {{url: "null://?service=50ms&exponential=1"}}
seed: {seed}
thresholds: [p95<400ms, errors<2%]
phases:
  - {{name: ramp-up, kind: ramp-up, shape: steps, users: 5..50, steps: 10, duration: 40s, think_time: 10ms..20ms}}
  - {{name: peak, kind: peak, users: 50, duration: 35s, think_time: 10ms..20ms}}
  - {{name: stress, kind: stress, users: 75, duration: 10s}}
  - {{name: recovery, kind: recovery, users: 5, duration: 20s, think_time: 10ms..20ms}}
"""


def share_beyond(arrivals, service, servers, limit):
    """P(waiting and service take longer) in M/M/c, by Erlang's formula."""
    load, term, total = arrivals * service, 1.0, 1.0
    for k in range(1, servers):
        term *= load / k
        total += term
    last = term * load / servers * servers / (servers - load)
    waits, spare, x = last / (total + last), servers - 1 - load, limit / service
    part = x if abs(spare) < 1e-9 else -math.expm1(-x * spare) / spare
    return math.exp(-x) * (1 + waits * part)


def knee(service, servers, limit, share):
    low, high = 0.0, servers / service
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if share_beyond(middle, service, servers, limit) < share else (low, middle)
    return low


def figure(result, rule, name):
    for finding in result["findings"]:
        if finding["rule"] == rule:
            return finding.get("figures", {}).get(name)
    return None


def after_of(run):
    return 1000 + run * 1777 % 7000


def phase_named(result, name):
    return next(phase for phase in result["phases"] if phase["name"] == name)


THINK = ", think_time: 100ms..200ms"
LEAK, PAGES, GIVEN_BACK = 20480, 65536, 4000000
# name: (plan, server options, {label: (rule, figure, truth)})
BEHAVIOURS = {
    "fixed": (
        lambda run: RAMP.format(url="service=100ms", seed=run, limit="errors<99%", load="users: 5..50", length="40s", more=THINK),
        None, {"fixed service: lambda": ("scalability", "lambda", lambda run, result: 1 / 0.25)}),
    "contention": (
        lambda run: RAMP.format(url="service=100ms&exponential=1&sigma=0.05&kappa=0.001", seed=run, limit="errors<99%",
                                load="users: 5..50", length="60s", more=""),
        None, {"contention: sigma": ("scalability", "sigma", lambda run, result: 0.05),
               "contention: kappa": ("scalability", "kappa", lambda run, result: 0.001),
               "contention: users at the peak": ("scalability", "peak_users", lambda run, result: math.sqrt(0.95 / 0.001))}),
    "capacity": (
        lambda run: RAMP.format(url="service=100ms&exponential=1&servers=10", seed=run, limit="errors<99%", load="users: 5..50",
                                length="40s", more=THINK),
        None, {"M/M/10: capacity": ("capacity", "per_s", lambda run, result: 100)}),
    "knee": (
        lambda run: RAMP.format(url="service=20ms&exponential=1&servers=4", seed=run, limit="p95<100ms", load="rate: 108..198",
                                length="100s", more=", arrivals: poisson"),
        None, {"M/M/4: load at p95<100ms": ("breaking_point", "load", lambda run, result: knee(0.02, 4, 0.1, 0.05))}),
    "errors": (
        lambda run: RAMP.format(url=f"service=20ms&errors_above={180 + run * 37 % 200}", seed=run, limit="errors<2%",
                                load="rate: 50..500", length="40s", more=", arrivals: poisson"),
        None, {"errors from a rate on": ("breaking_point", "load", lambda run, result: (180 + run * 37 % 200) / 0.98)}),
    "drift": (
        lambda run: PEAK.format(url="&drift=0.01", seed=run),
        None, {"drift: share a second": ("stability", "p95_drift_per_s", lambda run, result: 0.01)}),
    "recovery": (
        lambda run: RECOVERY.format(after=after_of(run), seed=run),
        None, {"recovery time": ("recovery", "time_ns", lambda run, result: 1e6 * after_of(run) - phase_named(result, "stress")["drain_ns"])}),
    "leak": (
        lambda run: MEMORY.format(url="{url}", seed=run),
        ["--leak", str(LEAK)], {"leak: bytes per call": ("release", "leak_per_operation_bytes", lambda run, result: LEAK)}),
    "release": (
        lambda run: MEMORY.format(url="{url}", seed=run),
        ["--leak", str(PAGES), "--give-back", str(GIVEN_BACK)],
        {"slow release: bytes a second": ("release", "idle_memory_per_s_bytes", lambda run, result: -GIVEN_BACK)}),
    "flat": (lambda run: FLAT.format(seed=run), None, {}),
}


def run_once(cicada, fault_server, folder, name, run):
    make_plan, options, _ = BEHAVIOURS[name]
    plan, path = os.path.join(folder, f"{name}-{run}.yaml"), os.path.join(folder, f"{name}-{run}.json")
    text, server = make_plan(run), None
    if options:
        server = subprocess.Popen([fault_server, "--print-port", "--only-ok", *options], stdout=subprocess.PIPE)
        text = text.replace("{url}", f"http://127.0.0.1:{int(server.stdout.readline())}/mcp")
    try:
        with open(plan, "w", encoding="utf-8") as file:
            file.write(text)
        done = subprocess.run([cicada, "run", "--ui", "off", "--json", path, plan], capture_output=True, timeout=600)
        if not os.path.exists(path):
            raise RuntimeError(done.stderr.decode(errors="replace"))
        with open(path, encoding="utf-8") as file:
            result = json.load(file)
        os.unlink(path)
        return result
    finally:
        if server:
            server.terminate()
            server.wait()
            server.stdout.close()


def raises(result):
    judged = [one for one in result["findings"] if one["rule"] != "generator_saturated"]
    return (any(one["verdict"] in ("fail", "inconclusive") for one in judged)
            or figure(result, "breaking_point", "breaks_at") is not None or figure(result, "capacity", "reached"))


def spoilt(result):
    return any(one["rule"] == "generator_saturated" and one["verdict"] == "inconclusive" for one in result["findings"])


def tell(label, results, rule, name, truth_of):
    """True when the figure is held as often as it says."""
    held = missing = 0
    widths, clean = [], [(run, result) for run, result in results if not spoilt(result)]
    for run, result in clean:
        found, truth = figure(result, rule, name) or {}, truth_of(run, result)
        low, high = found.get("low"), found.get("high")
        if low is None and high is None:
            missing += 1
            continue
        low, high = -math.inf if low is None else low, math.inf if high is None else high
        held += low <= truth <= high
        widths.append((high - low) / abs(truth))
    width = sorted(widths)[len(widths) // 2] if widths else math.nan
    print(f"{label:<32} {held:>4} of {len(clean):<4} {missing:>7} {len(results) - len(clean):>8} {100 * width:>9.1f} %", flush=True)
    return held >= 0.85 * len(clean)


def main():
    cicada, fault_server, runs, at_a_time = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    names = sys.argv[5:] or list(BEHAVIOURS)
    good = True
    print(f"{'figure':<32} {'held':<12} {'no interval':>7} {'spoilt':>6} {'width, median':>9}")
    with tempfile.TemporaryDirectory(prefix="cicada-known-") as folder, \
            concurrent.futures.ThreadPoolExecutor(at_a_time) as pool:
        jobs = {name: [(run, pool.submit(run_once, cicada, fault_server, folder, name, run)) for run in range(1, runs + 1)]
                for name in names}
        for name in names:
            results = [(run, job.result()) for run, job in jobs[name]]
            for label, (rule, member, truth_of) in BEHAVIOURS[name][2].items():
                good &= tell(label, results, rule, member, truth_of)
            if name == "flat":
                clean = [result for _, result in results if not spoilt(result)]
                calm = sum(not raises(result) for result in clean)
                print(f"{'flat: raises nothing':<32} {calm:>4} of {len(clean):<4} {'':>7} {len(results) - len(clean):>8}")
                good &= calm >= 0.95 * len(clean)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
