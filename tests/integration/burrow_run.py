#!/usr/bin/env python3
"""`cicada run` without a target: burrow is started for it, every tool of it is called with arguments that mean
something, nothing fails, and nothing is left behind, however the run ends. burrow_run.py CICADA BURROW"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from cicada_support import Cicada, expect, outcomes_of, run_tests


def tools_of_burrow():
    listed = subprocess.run([sys.argv[2], "tools"], capture_output=True, text=True, check=True).stdout
    names = set(re.findall(r"^### ([a-z_]+)$", listed, re.M))
    expect(len(names) > 20, f"burrow tools lists {len(names)}")
    return names


def left_behind(folder):
    return [name for name in os.listdir(folder) if name.startswith("cicada-")]


def every_tool_is_called_and_none_fails(cicada):
    with tempfile.TemporaryDirectory() as folder:
        run = cicada.run("--users", "6", "--operations", "4000", "--in-flight", "1",
                         environment={"TMPDIR": folder}, bound_s=300)
        expect(run.code == 0, run.describe() + run.output[-3000:])
        expect(not left_behind(folder), f"left: {left_behind(folder)}")
    counts, _, started = outcomes_of(run.result)
    names = {operation["name"].split(" #")[0] for operation in run.result["targets"][0]["operations"]}
    missing = {tool for tool in tools_of_burrow() if tool not in names}
    expect(not missing, f"the built-in plan never calls {sorted(missing)}")
    expect(started == 4000 and counts == {"ok": 4000}, f"{started} operations: {counts}")


def an_interrupted_run_leaves_nothing(cicada):
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [cicada.program, "run", "--users", "2", "--duration", "60s", "--json", cicada.result_path()],
            env={**os.environ, "TMPDIR": folder}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        end = time.monotonic() + 60
        while not any(os.path.exists(os.path.join(folder, name, "burrow.db")) for name in left_behind(folder)):
            expect(process.poll() is None and time.monotonic() < end, "burrow never started")
            time.sleep(0.05)
        process.stderr.readline()  # the first line of the phase: the run is under way
        process.send_signal(signal.SIGINT)
        code = process.wait(60)
        expect(code == 130, f"exit {code}")
        expect(not left_behind(folder), f"left: {left_behind(folder)}")


def without_burrow_it_says_so(cicada):
    with tempfile.TemporaryDirectory() as folder:
        alone = os.path.join(folder, "cicada")
        shutil.copy(cicada.program, alone)
        process = subprocess.run([alone, "run", "--users", "1", "--operations", "1"], capture_output=True, text=True,
                                 timeout=60, env={**os.environ, "PATH": folder, "TMPDIR": folder}, cwd=folder)
        expect(process.returncode == 3, f"exit {process.returncode}\n{process.stderr}")
        expect("burrow is neither beside cicada nor in PATH" in process.stderr, process.stderr)
        expect(not left_behind(folder), f"left: {left_behind(folder)}")


def main():
    cases = [every_tool_is_called_and_none_fails, an_interrupted_run_leaves_nothing, without_burrow_it_says_so]
    return run_tests([(case.__name__, lambda case=case: case(Cicada(sys.argv[1]))) for case in cases], parallel=1)


if __name__ == "__main__":
    sys.exit(main())
