#!/usr/bin/env python3
"""Alerts end to end: a burst of errors is one event, where it was; a clean run has none; a rule with
abort: true ends the run. On the null driver, whose every fault is known, and on the fault server."""

import json
import os
import sys

from cicada_support import Cicada, FaultServer, expect, run_tests


def plan(cicada, text):
    cicada.count += 1
    path = os.path.join(cicada.folder.name, f"plan-{cicada.count}.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def alerts_of(run):
    return run.result.get("alerts", [])


def seconds_with_errors(result):
    """Of the one target: the seconds in which something failed, by the result's own series."""
    return [
        second["at_s"]
        for phase in result["phases"]
        for target in phase["targets"]
        for second in target["seconds"]
        if second["failed"]
    ]


BURST = """
target: {{url: "null://?latency=5ms&error_rate=0.4&error_after=4s&error_until=9s"}}
users: 4
think_time: 10ms
duration: 14s
thresholds: [errors<50%]
{more}
"""


def a_burst_is_one_event_where_it_was(cicada):
    run = cicada.run(plan(cicada, BURST.format(more="")))
    expect(run.code == 0, run.describe())
    alerts = alerts_of(run)
    expect([alert["rule"] for alert in alerts] == ["high_error_rate"], json.dumps(alerts))
    event = alerts[0]
    burst = seconds_with_errors(run.result)
    expect(burst, "nothing failed")
    expect(abs(event["start_s"] - burst[0]) <= 1, f"began at {event['start_s']}, errors from {burst[0]}")
    expect(event["end"] is not None, "it has no end")
    expect(abs(event["end"] - (burst[-1] + 1)) <= 1, f"over at {event['end']}, errors to {burst[-1]}")
    expect(0.25 < event["peak"] < 0.55, f"peak {event['peak']}")
    expect(event["at_peak"]["count"] > 0 and event["at_start"]["at_s"] == event["start_s"], json.dumps(event))
    expect(run.result["readiness"] == "ready with findings", run.result["readiness"])
    expect("ready with findings: passed, with 1 alert" in run.output, run.output[-600:])
    expect("high_error_rate on target in phase load" in run.output, run.output[-2000:])


def a_clean_run_has_none(cicada):
    # An alert of the generator is the machine's, not the target's: others may keep this one busy.
    clean = BURST.replace("error_rate=0.4&", "error_rate=0&").format(more="")
    run = cicada.run(plan(cicada, clean))
    expect(run.code == 0, run.describe())
    others = [alert for alert in alerts_of(run) if alert["rule"] != "generator_saturated"]
    expect(not others, json.dumps(others))
    if not alerts_of(run) and not run.result.get("recommendations"):
        expect(run.result["readiness"] == "ready", run.result["readiness"])


def an_alert_that_aborts_ends_the_run(cicada):
    more = "alerts:\n  - {rule: high_error_rate, threshold: 10%, for: 2s, abort: true}\n"
    run = cicada.run(plan(cicada, BURST.format(more=more).replace("duration: 14s", "duration: 5m")))
    expect(run.code == 1, run.describe())
    expect(run.result["partial"], "not partial")
    expect("alert high_error_rate" in run.result["partial_reason"], run.result["partial_reason"])
    events = [alert for alert in alerts_of(run) if alert["rule"] == "high_error_rate"]
    expect(len(events) == 1 and events[0]["end"] is None, json.dumps(events))
    expect(events[0]["threshold"] == 0.1, json.dumps(events))
    expect(run.result["readiness"] == "not ready", run.result["readiness"])
    expect(
        any(one["rule"] == "aborted" and "high_error_rate" in one["text"] for one in run.result["recommendations"]),
        json.dumps(run.result["recommendations"]),
    )


def a_start_and_an_end_are_told_as_they_come(cicada):
    path = cicada.result_path()
    code, _, errors = cicada.command("run", "--ui", "plain", "--json", path, plan(cicada, BURST.format(more="")))
    expect(code == 0, errors)
    lines = [line for line in errors.splitlines() if "alert high_error_rate" in line]
    expect(len(lines) == 2, errors)
    expect("since" in lines[0] and "is over at" in lines[1], errors)


def an_edited_event_fails_the_audit(cicada):
    run = cicada.run(plan(cicada, BURST.format(more="")))
    run.result["alerts"][0]["start_s"] += 1
    path = cicada.result_path()
    with open(path, "w", encoding="utf-8") as file:
        json.dump(run.result, file)
    code, output, errors = cicada.command("audit", path)
    expect(code == 1, f"{code}\n{errors}")
    expect("alerts[0].start_s: stored" in output, output[-1500:])


PHASES = """
target: {{url: "{url}"}}
think_time: 20ms
timeout: 2s
thresholds: [errors<99%]
phases:
  - {{name: before, users: 3, duration: 5s, mix: good}}
  - {{name: burst, users: 3, duration: 5s, mix: bad}}
  - {{name: behind, users: 3, duration: 5s, mix: good}}
mixes:
  - {{name: good, tools: [ok_fast]}}
  - {{name: bad, tools: [tool_error]}}
"""


def a_server_that_fails_for_a_phase(cicada):
    with FaultServer(fault_server) as server:
        run = cicada.run(plan(cicada, PHASES.format(url=server.url("/mcp"))))
    expect(run.code == 0, run.describe())
    alerts = [alert for alert in alerts_of(run) if alert["rule"] != "generator_saturated"]
    expect([alert["rule"] for alert in alerts] == ["high_error_rate"], json.dumps(alerts))
    event, phases = alerts[0], run.result["phases"]
    expect(phases[event["phase"]]["name"] == "burst", json.dumps(event))
    began = phases[1]["start_ns"] / 1e9
    expect(abs(event["start_s"] - began) <= 1, f"{event['start_s']}, the phase began at {began}")
    expect(event["end"] is not None and abs(event["end"] - phases[2]["start_ns"] / 1e9) <= 1, json.dumps(event))
    expect(event["peak"] == 1, json.dumps(event))


if __name__ == "__main__":
    cicada = Cicada(sys.argv[1])
    fault_server = sys.argv[2]
    tests = [
        ("a burst of errors is one event, where it was", lambda: a_burst_is_one_event_where_it_was(cicada)),
        ("a clean run has none", lambda: a_clean_run_has_none(cicada)),
        ("an alert with abort: true ends the run", lambda: an_alert_that_aborts_ends_the_run(cicada)),
        ("its start and its end are told as they come", lambda: a_start_and_an_end_are_told_as_they_come(cicada)),
        ("an edited event fails the audit", lambda: an_edited_event_fails_the_audit(cicada)),
        ("a server that fails for a phase", lambda: a_server_that_fails_for_a_phase(cicada)),
    ]
    sys.exit(run_tests(tests))
