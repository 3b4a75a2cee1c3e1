#!/usr/bin/env python3
"""What a real process keeps and gives back, as /proc shows it: the bytes that each call leaks, what is there before any load,
and memory that goes slowly. Bytes do not depend on how busy the machine is."""

import json
import os
import sys

from cicada_support import Cicada, FaultServer, expect, run_tests

PLAN = """
target: {{url: "{url}"}}
thresholds: [errors<99%]
tools: [ok_fast]
phases:
  - {{name: peak, kind: peak, users: 5, duration: 26s, think_time: 20ms..30ms}}
  - {{name: idle, kind: idle, duration: 6s}}
"""
LEAK = 5 * 4096
PAGES, GIVEN_BACK = 65536, 8000000


def release_of(cicada, *options):
    path = os.path.join(cicada.folder.name, f"plan{options[-1]}.yaml")
    with FaultServer(fault_server, "--only-ok", *options) as server:
        with open(path, "w", encoding="utf-8") as file:
            file.write(PLAN.format(url=server.url("/mcp")))
        run = cicada.run(path, bound_s=180)
    expect(run.result is not None, run.describe())
    finding = next((one for one in run.result["findings"] if one["rule"] == "release"), None)
    expect(finding is not None, f"the target was not watched\n{run.output[-3000:]}")
    return run, finding


def a_leak_has_its_size(cicada):
    run, finding = release_of(cicada, "--leak", str(LEAK))
    leak = finding["figures"]["leak_per_operation_bytes"]
    told = f"{leak}, {LEAK} are kept for each call"
    expect(0.9 * LEAK < leak["value"] < 1.15 * LEAK, told)
    expect(leak["low"] < 1.1 * LEAK and leak["high"] > 0.95 * LEAK, told)
    expect(leak["high"] - leak["low"] < 0.5 * LEAK, told)
    expect("under load it grew by" in finding["text"], finding["text"])
    before, first = run.result["targets"][0]["resident_before"], run.result["watch"][0]["resident_bytes"]
    expect(finding["figures"]["memory_before_bytes"] == before, json.dumps(finding["figures"]))
    expect(before < first, f"before any load {before}, with load {first}")


def what_goes_slowly_is_no_leak(cicada):
    _, finding = release_of(cicada, "--leak", str(PAGES), "--give-back", str(GIVEN_BACK))
    falls = finding["figures"]["idle_memory_per_s_bytes"]
    expect(falls["low"] <= falls["value"] <= falls["high"] < 0, json.dumps(falls))
    expect(finding["verdict"] != "fail", finding["text"])


if __name__ == "__main__":
    # A sanitizer holds back what was freed, which is no leak of the server's.
    os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=0"
    cicada = Cicada(sys.argv[1])
    fault_server = sys.argv[2]
    tests = [
        ("a leak has its size", lambda: a_leak_has_its_size(cicada)),
        ("what goes slowly is no leak", lambda: what_goes_slowly_is_no_leak(cicada)),
    ]
    sys.exit(run_tests(tests))
