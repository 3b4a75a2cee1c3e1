"""The HTML report in a headless Chromium: axe-core finds no violation, nothing overlaps, is cut or empty, and all
works by keyboard, on a phone, in the dark and on paper. report_page.py CICADA FAULT_SERVER NODE NPM_FOLDER"""

import json
import os
import signal
import subprocess
import sys
import time

from cicada_support import Cicada, FaultServer, expect, run_tests

cicada = Cicada(sys.argv[1])
fault_server, node, modules = sys.argv[2:5]
HERE = os.path.dirname(os.path.abspath(__file__))
SKIPPED = 77


def browser():
    script = f"import {{ findChromium }} from {json.dumps('file://' + HERE + '/browser.mjs')}; console.log(findChromium() ?? '')"
    return subprocess.check_output([node, "--input-type=module", "-e", script], text=True).strip()


def page_path(name):
    return os.path.join(cicada.folder.name, f"{name}.html")


MAY_PASS = 0, 4  # a machine that is busy makes it inconclusive: the page is looked at all the same


RAMP = """
target: {url: "null://?latency=20ms"}
phases:
  - {name: ramp-up, kind: ramp-up, shape: steps, users: 4..40, steps: 8, duration: 32s}
  - {name: peak, kind: peak, users: 40, duration: 3s}
"""


def passing():
    """A ramp long enough for a law of its throughput to be fitted, of a target that does nothing wrong."""
    plan = os.path.join(cicada.folder.name, "ramp.yaml")
    with open(plan, "w", encoding="utf-8") as file:
        file.write(RAMP)
    run = cicada.run("--html", page_path("passing"), plan, bound_s=180)
    expect(run.result, run.describe())
    expect(any(f["rule"] == "scalability" for f in run.result["findings"]), "it was made to have a law")
    return run, MAY_PASS


def failing():
    """Failures with examples, and an alert while they last."""
    with FaultServer(fault_server, "--error-rate", "0.3") as server:
        return cicada.run(
            "--html", page_path("failing"), "--users", "5", "--duration", "8s", "--allow-destructive",
            "--tool", "ok_fast", "--tool", "tool_error", "--tool", "error_internal", server.url("/mcp"),
        ), (1,)


def hostile():
    """Names and texts that are markup, scripts and endless words."""
    with FaultServer(fault_server) as server:
        return cicada.run("--html", page_path("hostile"), "--users", "2", "--duration", "2s", server.url("/hostile")), (1,)


def partial():
    """Interrupted in the middle."""
    path = cicada.result_path()
    run = subprocess.Popen(
        [sys.argv[1], "run", "--ui", "off", "--no-tiers", "--json", path, "--html", page_path("partial"),
         "null://?latency=5ms"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    time.sleep(4)
    run.send_signal(signal.SIGINT)
    errors = run.communicate(timeout=60)[1].decode()
    expect(run.returncode == 130, f"exit {run.returncode}\n{errors}")
    with open(path, encoding="utf-8") as file:
        result = json.load(file)
    expect(result["partial"], "the run is partial")
    return None


def short():
    """One second: every series is a single value."""
    run = cicada.run("--html", page_path("short"), "--users", "2", "--duration", "1s", "null://?latency=5ms")
    return run, MAY_PASS


def tiers():
    """Several targets, with phases of their own."""
    return cicada.run("--quick", "--html", page_path("tiers"), "null://?latency=2ms", bound_s=180), MAY_PASS


REPORTS = {"passing": passing, "failing": failing, "hostile": hostile, "partial": partial, "short": short, "tiers": tiers}


def make(name):
    made = REPORTS[name]()
    if made:
        run, codes = made
        expect(run.code in codes, run.describe())
    if name == "failing":
        expect(run.result.get("examples") and run.result.get("alerts"), "it was made to fail, with alerts")
    expect(os.path.getsize(page_path(name)) > 0, f"no page of {name}")


def look():
    script = os.path.join(HERE, "report_page.mjs")
    pages = [page_path(name) for name in REPORTS]
    done = subprocess.run([node, script, modules, *pages], stdout=subprocess.PIPE, timeout=500, check=True)
    return json.loads(done.stdout)


def holds(problems):
    expect(not problems, "\n".join(problems[:20]))


def main():
    if not browser():
        print("no Chromium here", file=sys.stderr)
        return 1 if os.environ.get("CI") == "true" else SKIPPED
    for name in REPORTS:
        make(name)
    told = look()
    expect({one["report"] for one in told} == set(REPORTS), "a report was not looked at")
    return run_tests([(f"{one['report']}: {one['check']}", lambda p=one["problems"]: holds(p)) for one in told])


sys.exit(main())
