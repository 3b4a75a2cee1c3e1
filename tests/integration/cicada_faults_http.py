#!/usr/bin/env python3
"""Every fault of every tool of the fault server, in both eras: cicada counts exactly the outcome that
the table promises, goes on, and writes a result that its own audit accepts.

usage: cicada_faults_http.py CICADA FAULT_SERVER [NAME_PART]"""

import sys

from cicada_support import Cicada, FaultServer, expect, expect_outcome, fault_list, outcomes_of, run_tests

OPERATIONS = 3
# Operations that take more than one exchange with the server, which the result must tell.
MORE_ROUND_TRIPS = ("session_lost", "resume", "resume_twice", "input_required", "input_all", "input_endless")
PATHS = {"legacy": "/mcp", "modern": "/modern"}


def load(cicada, server, era, tool, *more, patience="long"):
    return cicada.run(
        "--tool", tool, "--users", "1", "--operations", str(OPERATIONS), "--seed", "7",
        "--timeout", "500ms" if patience == "short" else "20s", *more, server.url(PATHS[era]),
    )


def check_tool(cicada, server, era, fault):
    run = load(cicada, server, era, fault["name"], patience="short" if fault["outcome"] == "timeout" else "long")
    expect_outcome(run, fault["name"], fault, OPERATIONS)
    good = fault["outcome"] == "ok"
    if fault["name"] in MORE_ROUND_TRIPS:
        trips = sum(o["round_trips"] for p in run.result["phases"] for t in p["targets"] for o in t["operations"])
        expect(trips > OPERATIONS, f"{trips} round trips for {OPERATIONS} operations")
    if fault["outcome"] == "timeout": # lasted to the limit at least, whatever dripped in before
        for example in (e for e in run.result["examples"] if e["outcome"]["kind"] == "timeout"):
            expect(example["latency_ns"] >= 500e6, f"a timeout of 500 ms is said to bound {example['latency_ns']} ns")
    # Three operations prove no percentile: a threshold that needs more is inconclusive, exit 4.
    allowed = (0, 4) if good else (0, 1, 4) if "ok" in fault["outcome"].split("|") else (1,)
    expect(run.code in allowed, f"exit {run.code}, not one of {allowed}\n{run.errors}")
    if not good and "ok" not in fault["outcome"].split("|"):
        examples = [e for e in run.result["examples"] if e["outcome"]["kind"] != "ok"]
        expect(examples, "no example of the failure was kept")
        expect(examples[0].get("text"), f"the example does not say why: {examples[0]}")


def check_excluded(cicada, server, era, fault):
    run = load(cicada, server, era, "ok_fast")
    expect(run.result, run.describe())
    excluded = {entry["name"]: entry["reason"] for entry in run.result["targets"][0].get("excluded", [])}
    expect(excluded.get(fault["name"]), f"{fault['name']} is not among the excluded: {sorted(excluded)}")
    asked = load(cicada, server, era, fault["name"])
    expect(asked.code == 2, f"asked for by name: exit {asked.code}, not 2\n{asked.errors}")
    expect(fault["name"] in asked.errors, f"does not name the tool:\n{asked.errors}")


def check_uncallable(cicada, server, era, fault):
    run = load(cicada, server, era, fault["name"])
    expect(run.code == 2, f"exit {run.code}, not 2\n{run.errors}")
    expect(fault["name"] in run.errors, f"does not name the tool:\n{run.errors}")


def check_withheld(cicada, server, era, fault):
    run = load(cicada, server, era, fault["name"])
    expect(run.code == 2, f"exit {run.code}, not 2\n{run.errors}")
    expect("--allow-destructive" in run.errors, f"does not name the flag:\n{run.errors}")
    allowed = load(cicada, server, era, fault["name"], "--allow-destructive")
    counts, _, started = outcomes_of(allowed.result, fault["name"])
    expect(started == OPERATIONS and counts == {"jsonrpc_error": OPERATIONS}, f"with the flag: {counts}")


def check_undeclared(cicada, server, era):
    run = load(cicada, server, era, "undeclared")
    names = run.result["targets"][0].get("undeclared")
    expect(names == ["undeclared"], f"tools that say nothing about being destructive: {names}")


def check_all_together(cicada, server, era, faults):
    """One run that meets the whole table: each tool keeps its own outcome, the sums hold."""
    named = [f for f in faults if era in f["eras"] and f["outcome"] not in ("excluded", "uncallable", "withheld", "timeout")]
    arguments = [part for f in named for part in ("--tool", f["name"])]
    run = cicada.run(
        *arguments, "--users", "8", "--operations", str(3 * len(named)), "--timeout", "20s", "--seed", "7",
        server.url(PATHS[era]), bound_s=180,
    )
    expect(run.result, run.describe())
    total = outcomes_of(run.result)[2]
    expect(total == 3 * len(named), f"{total} operations, not {3 * len(named)}")
    for fault in named:
        counts, _, started = outcomes_of(run.result, fault["name"])
        expect(started > 0, f"{fault['name']} was never called")
        # Others share the connections and sessions: what a fault does to these may reach a neighbour.
        kinds = set(fault["outcome"].split("|")) | {"connection_reset", "http_status"}
        expect(set(counts) <= kinds, f"{fault['name']}: {counts}, not {fault['outcome']}")


def main():
    cicada = Cicada(sys.argv[1])
    faults = fault_list(sys.argv[2])["tools"]
    part = sys.argv[3] if len(sys.argv) > 3 else ""
    checks = {"excluded": check_excluded, "withheld": check_withheld, "uncallable": check_uncallable}
    with FaultServer(sys.argv[2]) as server:
        tests = [
            (
                f"{era} {fault['name']}: {fault['does']}",
                lambda era=era, fault=fault: checks.get(fault["outcome"], check_tool)(cicada, server, era, fault),
            )
            for fault in faults
            for era in fault["eras"]
        ]
        for era in PATHS:
            tests.append((f"{era} undeclared tools are listed", lambda era=era: check_undeclared(cicada, server, era)))
            tests.append((f"{era} all faults in one run", lambda era=era: check_all_together(cicada, server, era, faults)))
        code = run_tests([test for test in tests if part in test[0]])
    return code


if __name__ == "__main__":
    sys.exit(main())
