#!/usr/bin/env python3
"""Whole servers that are wrong: cicada ends with the right exit code and says why. And servers that fail
while a run goes on: every operation still has its one outcome.

usage: cicada_faults_server.py CICADA FAULT_SERVER [NAME_PART]"""

import json
import os
import signal
import socket
import subprocess
import sys
import time

from cicada_support import BOUND_S, Cicada, FaultServer, expect, fault_list, outcomes_of, run_tests

QUICK = ("--users", "1", "--operations", "3", "--timeout", "700ms")


def check_path(cicada, server, fault):
    run = cicada.run(*QUICK, server.url(fault["path"]))
    codes = (0, 4) if fault["exit"] == 0 else (fault["exit"],)  # 4: three operations prove no percentile
    expect(run.code in codes, f"exit {run.code}, not {codes}\n{run.errors}")
    expect(fault["says"] in run.errors + run.output, f"does not say {fault['says']!r}:\n{run.errors}")
    said = run.output if fault["exit"] == 1 else run.errors  # a run that went through reports on stdout
    expect(len(said.strip()) > 20, f"says too little:\n{said}")


def check_diagnose(cicada, server, fault):
    """diagnose fails on the same servers, and names the step."""
    code, output, errors = cicada.command("diagnose", "--timeout", "700ms", server.url(fault["path"]))
    expect(code != 0, f"diagnose finds nothing wrong:\n{output}")
    expect(fault["says"] in output + errors, f"does not say {fault['says']!r}:\n{output}{errors}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def check_unreachable(cicada, url, *says):
    run = cicada.run(*QUICK, "--timeout", "1s", url)
    expect(run.code == 3, f"exit {run.code}, not 3\n{run.errors}")
    expect(any(part in run.errors for part in says), f"says none of {says}:\n{run.errors}")


def check_usage(cicada, arguments, says):
    code, output, errors = cicada.command("run", "--ui", "off", *arguments)
    expect(code == 2, f"exit {code}, not 2\n{output}{errors}")
    expect(says in errors, f"does not say {says!r}:\n{errors}")


def check_stops_listening(cicada, program):
    """The port closes in mid-run: the rest is refused or reset, and the run ends by itself."""
    with FaultServer(program, "--refuse-after", "1", "--service-time", "5") as server:
        run = cicada.run(
            "--tool", "connection_close", "--users", "4", "--duration", "3s", "--timeout", "1s", server.url("/mcp")
        )
    expect(run.result, run.describe())
    counts, _, _ = outcomes_of(run.result)
    expect(counts.get("ok", 0) > 0, f"nothing went well before: {counts}")
    expect(counts.get("connect_refused", 0) > 0, f"no refused connection was counted: {counts}")
    expect(run.code in (1, 3), f"exit {run.code}\n{run.errors}")


def check_accept_and_close(cicada, program):
    with FaultServer(program, "--accept-close") as server:
        run = cicada.run(*QUICK, server.url("/mcp"))
    expect(run.code == 3, f"exit {run.code}, not 3\n{run.errors}")


def check_server_dies(cicada, program):
    """Killed in mid-run: what is in flight is reset, the rest is refused."""
    server = FaultServer(program, "--service-time", "20")
    path = cicada.result_path()
    child = subprocess.Popen(
        [cicada.program, "run", "--ui", "off", "--json", path, "--tool", "ok_fast", "--users", "4",
         "--duration", "4s", "--timeout", "1s", server.url("/mcp")],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )
    time.sleep(2)
    server.process.kill()
    server.process.wait()
    server.process.stdout.close()
    errors = child.communicate(timeout=BOUND_S)[1].decode()
    expect(child.returncode in (1, 3), f"exit {child.returncode}\n{errors}")
    cicada.audit(path)


def check_session_expiry(cicada, program):
    """A session that ends after 5 calls is renewed: no operation fails for it."""
    with FaultServer(program, "--session-calls", "5") as server:
        run = cicada.run(
            "--tool", "ok_fast", "--users", "3", "--operations", "60", "--timeout", "2s", server.url("/mcp")
        )
    counts, _, _ = outcomes_of(run.result)
    expect(counts == {"ok": 60}, f"{counts}\n{run.errors}")


def check_error_rate(cicada, program):
    with FaultServer(program, "--error-rate", "0.25") as server:
        run = cicada.run(
            "--tool", "ok_fast", "--users", "4", "--operations", "800", "--timeout", "5s", server.url("/mcp")
        )
    counts, _, started = outcomes_of(run.result)
    expect(started == 800 and set(counts) == {"ok", "tool_error"}, f"{counts}")
    expect(120 < counts["tool_error"] < 280, f"a quarter of 800 should fail: {counts}")
    expect(run.code == 1, f"exit {run.code}, not 1: 25 % errors against 2 %")


def check_modern_and_legacy_on_one_path(cicada, program):
    with FaultServer(program) as server:
        for protocol, revision in (("auto", "2026-07-28"), ("2025-11-25", "2025-11-25"),
                                   ("2025-06-18", "2025-06-18"), ("2025-03-26", "2025-03-26")):
            run = cicada.run(*QUICK, "--tool", "ok_fast", "--protocol", protocol, server.url("/both"))
            expect(run.result, run.describe())
            counts, _, _ = outcomes_of(run.result)
            expect(counts == {"ok": 3}, f"--protocol {protocol}: {counts}\n{run.errors}")
            facts = run.result["targets"][0]["facts"]
            expect(revision in str(facts), f"--protocol {protocol}: {facts}")


def check_interrupt(cicada, program):
    """SIGINT ends the run, exit 130, with a partial result that still adds up."""
    path = cicada.result_path()
    with FaultServer(program, "--service-time", "10") as server:
        child = subprocess.Popen(
            [cicada.program, "run", "--ui", "off", "--json", path, "--tool", "ok_fast", "--users", "4",
             "--duration", "60s", server.url("/mcp")],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        time.sleep(2.5)
        child.send_signal(signal.SIGINT)
        errors = child.communicate(timeout=BOUND_S)[1].decode()
    expect(child.returncode == 130, f"exit {child.returncode}, not 130\n{errors}")
    expect(os.path.exists(path), f"no result was written\n{errors}")
    cicada.audit(path)
    with open(path, encoding="utf-8") as file:
        result = json.load(file)
    expect(result.get("partial") is True, "the result is not marked partial")
    expect(outcomes_of(result)[0].get("ok", 0) > 0, "nothing was measured before the interrupt")


def check_coordinated_omission(cicada, program):
    """Arrivals at 200/s while the server stalls 1 s in every 2.5 s: latency from the intended start must
    show the stall. 40 % of the arrivals meet it and wait up to 1 s, so that the median of the whole is
    small and p90 is not: it lies 0.75 s into the stall."""
    with FaultServer(program, "--stall", "1s/2.5s") as server:
        run = cicada.run(
            "--tool", "ok_fast", "--rate", "200", "--arrivals", "constant", "--max-in-flight", "400",
            "--duration", "5s", "--timeout", "5s", server.url("/mcp"), bound_s=90,
        )
    expect(run.result, run.describe())
    counts, _, started = outcomes_of(run.result)
    expect(counts == {"ok": started} and started == 1000, f"{counts}")
    p90 = run.result["figures"]["p90"]["ns"] / 1e6
    expect(p90 > 500, f"p90 is {p90:.0f} ms: the stall was hidden")


def main():
    cicada, program = Cicada(sys.argv[1]), sys.argv[2]
    part = sys.argv[3] if len(sys.argv) > 3 else ""
    with FaultServer(program) as server:
        tests = []
        for fault in fault_list(program)["paths"]:
            tests.append((f"run {fault['path']}: {fault['does']}", lambda f=fault: check_path(cicada, server, f)))
            if fault["exit"] == 3:
                tests.append((f"diagnose {fault['path']}", lambda f=fault: check_diagnose(cicada, server, f)))
        tests += [
            ("a refused port", lambda: check_unreachable(
                cicada, f"http://127.0.0.1:{free_port()}/mcp", "refused")),
            ("a name that does not resolve", lambda: check_unreachable(
                cicada, "http://no-such-host.invalid/mcp", "no-such-host.invalid")),
            ("a path that is not there", lambda: check_unreachable(cicada, server.url("/nowhere"), "404")),
            ("TLS to a server without it", lambda: check_unreachable(
                cicada, f"https://127.0.0.1:{server.port}/mcp", "TLS", "SSL")),
            ("no URL", lambda: check_usage(cicada, ["not a url"], "not a url")),
            ("an unknown flag", lambda: check_usage(cicada, ["--frobnicate", server.url("/mcp")], "--frobnicate")),
            ("an unknown revision", lambda: check_usage(
                cicada, ["--protocol", "1999-01-01", server.url("/mcp")], "2025-11-25")),
            ("a tool that is not there", lambda: check_usage(
                cicada, [*QUICK, "--tool", "no_such_tool", server.url("/mcp")], "no_such_tool")),
            ("stops listening in mid-run", lambda: check_stops_listening(cicada, program)),
            ("accepts and closes", lambda: check_accept_and_close(cicada, program)),
            ("dies in mid-run", lambda: check_server_dies(cicada, program)),
            ("sessions that expire", lambda: check_session_expiry(cicada, program)),
            ("a quarter of errors", lambda: check_error_rate(cicada, program)),
            ("both eras on one path", lambda: check_modern_and_legacy_on_one_path(cicada, program)),
            ("interrupted", lambda: check_interrupt(cicada, program)),
            ("a stall is not hidden", lambda: check_coordinated_omission(cicada, program)),
        ]
        return run_tests([test for test in tests if part in test[0]])


if __name__ == "__main__":
    sys.exit(main())
