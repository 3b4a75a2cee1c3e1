#!/usr/bin/env python3
"""Children that misbehave: cicada counts what the table promises, or ends with exit 3 and says why; and it
leaves no process behind.

usage: cicada_faults_stdio.py CICADA FAULT_SERVER [NAME_PART]"""

import json
import os
import sys
import time
import uuid

from cicada_support import Cicada, expect, expect_outcome, fault_list, run_tests

OPERATIONS = 6
PLAN = """
target:
  name: child
  command: {command}
  env: {{CICADA_TEST_MARK: "{mark}"}}
  options: {{start_timeout_ms: 2000, probe_timeout_ms: 500}}
timeout: 700ms
users: 1
operations: {operations}
thresholds: [errors<2%]
"""


def processes_marked(mark):
    """Process ids whose environment holds the mark."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/environ", "rb") as file:
                if mark.encode() in file.read():
                    found.append(int(entry))
        except OSError:
            continue  # it ended, or is not ours
    return found


def expect_none_left(mark):
    """Orphans get a moment: a killed process is there until it is reaped."""
    for _ in range(100):
        left = processes_marked(mark)
        if not left:
            return
        time.sleep(0.05)
    raise AssertionError(f"processes left behind: {left}")


def load(cicada, child):
    """By a plan: the driver's patience with a child that starts is longer than a test's."""
    mark = str(uuid.uuid4())
    plan = cicada.result_path() + ".yaml"
    with open(plan, "w", encoding="utf-8") as file:
        file.write(PLAN.format(command=json.dumps(child), mark=mark, operations=OPERATIONS))
    run = cicada.run(plan)
    expect_none_left(mark)
    return run


def check_child(cicada, program, fault):
    run = load(cicada, [program, "--stdio", "--fault", fault["name"]])
    if fault["outcome"] is None:
        expect(run.code == fault["exit"], f"exit {run.code}, not {fault['exit']}\n{run.errors}")
        expect(fault["says"] in run.errors, f"does not say {fault['says']!r}:\n{run.errors}")
        return
    expect_outcome(run, "work", fault, OPERATIONS)
    if fault["outcome"] == "ok":
        expect(run.code in (0, 4), f"exit {run.code}\n{run.errors}")
    elif "ok" not in fault["outcome"].split("|"):
        expect(run.code in (1, 3), f"exit {run.code}\n{run.errors}")


def check_not_found(cicada):
    run = cicada.run("--operations", "1", child=["./no-such-program"])
    expect(run.code == 3, f"exit {run.code}, not 3\n{run.errors}")
    expect("no-such-program" in run.errors, f"does not name it:\n{run.errors}")


def check_not_executable(cicada):
    run = cicada.run("--operations", "1", child=["/etc/hostname"])
    expect(run.code == 3, f"exit {run.code}, not 3\n{run.errors}")
    expect("/etc/hostname" in run.errors, f"does not name it:\n{run.errors}")


def check_no_server(cicada):
    """A program that is no MCP server at all, and one that only copies."""
    for child, says in ((["true"], "exited"), (["cat"], "")):
        run = load(cicada, child)
        expect(run.code == 3, f"{child}: exit {run.code}, not 3\n{run.errors}")
        expect(says in run.errors, f"{child}: does not say {says!r}:\n{run.errors}")


def main():
    cicada, program = Cicada(sys.argv[1]), sys.argv[2]
    part = sys.argv[3] if len(sys.argv) > 3 else ""
    tests = [
        (f"stdio {fault['name']}: {fault['does']}", lambda f=fault: check_child(cicada, program, f))
        for fault in fault_list(program)["children"]
    ]
    tests += [
        ("stdio: a program that is not there", lambda: check_not_found(cicada)),
        ("stdio: a file that is no program", lambda: check_not_executable(cicada)),
        ("stdio: programs that are no servers", lambda: check_no_server(cicada)),
    ]
    return run_tests([test for test in tests if part in test[0]])


if __name__ == "__main__":
    sys.exit(main())
