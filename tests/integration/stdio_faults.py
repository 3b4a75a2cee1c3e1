#!/usr/bin/env python3
"""The stdio driver by itself against every child of the fault server: each fault becomes the outcome its table
promises, or open() fails and says why; nothing hangs, and what several calls in flight cannot be blamed for fails
none of them.

usage: stdio_faults.py DRIVE_TARGET FAULT_SERVER"""

import json
import subprocess
import sys

drive_target, fault_server = sys.argv[1:3]
failures = []


def expect(condition, text):
    if not condition:
        failures.append(text)
        print(f"FAILED: {text}", file=sys.stderr)


def drive(fault, *options):
    command = [drive_target, "--name", "work", "--timeout", "0.7",
               "--driver-options", '{"probe_timeout_ms": 1500, "start_timeout_ms": 2500}', *options,
               "--", fault_server, "--stdio", "--fault", fault]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done, json.loads(done.stdout) if done.returncode == 0 else None


def check_fault(fault):
    name = fault["name"]
    done, report = drive(name, "--repeat", "8")
    if fault["outcome"] is None:
        expect(done.returncode == fault["exit"], f"{name}: exit {done.returncode}: {done.stderr}")
        expect(fault["says"] in done.stderr, f"{name}: does not say {fault['says']!r}: {done.stderr}")
        return
    expect(report is not None, f"{name}: exit {done.returncode}: {done.stderr}")
    if report is None:
        return
    expect(report["submitted"] == report["finished"], f"{name}: some calls were never completed")
    outcomes = {result["outcome"] for result in report["results"]}
    if "+" in fault["outcome"]:
        expect(outcomes == set(fault["outcome"].split("+")), f"{name}: {outcomes}, not {fault['outcome']}")
    else:
        expect(outcomes & set(fault["outcome"].split("|")), f"{name}: {outcomes}, not {fault['outcome']}")
    for result in report["results"]:
        expect(result["outcome"] in ("ok", "timeout") or result.get("text"), f"{name}: no text: {result}")
        expect(result["outcome"] != "ok" or result["times_in_order"], f"{name}: times out of order: {result}")


def check_many_in_flight(fault, outcomes):
    """With several calls waiting nobody can tell whose a stray line is."""
    done, report = drive(fault, "--repeat", "24", "--in-flight", "8")
    expect(report is not None, f"{fault}: exit {done.returncode}: {done.stderr}")
    if report:
        got = {result["outcome"] for result in report["results"]}
        expect(got <= outcomes, f"{fault}, 8 in flight: {got}, not {outcomes}")
        expect(report["submitted"] == report["finished"], f"{fault}, 8 in flight: calls were lost")


def main():
    listed = subprocess.run([fault_server, "--list"], capture_output=True, text=True, check=True)
    faults = json.loads(listed.stdout)["children"]
    expect(len(faults) > 10, "the fault server lists too few children to prove anything")
    for fault in faults:
        check_fault(fault)
    check_many_in_flight("none", {"ok"})
    check_many_in_flight("noise", {"ok", "protocol_violation"})
    check_many_in_flight("duplicate", {"ok", "protocol_violation"})
    check_many_in_flight("late", {"timeout", "ok"})
    check_many_in_flight("crash", {"connection_reset"})
    print(f"{len(faults)} faults, {len(failures)} failures")
    return 1 if failures else 0


sys.exit(main())
