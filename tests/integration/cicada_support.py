"""What the end-to-end tests of the cicada binary share: running it with a bound, reading its
result, the fault server, and TAP output. Python 3 standard library only."""

import concurrent.futures
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback

BOUND_S = 300  # only what hangs takes longer, however loaded the machine and slow the sanitizers


class Failure(Exception):
    """An expectation that does not hold."""


def expect(condition, text):
    if not condition:
        raise Failure(text)


class Run:
    """One finished run of cicada: exit code, both outputs, the result if one was written."""

    def __init__(self, code, output, errors, result, path):
        self.code = code
        self.output = output
        self.errors = errors
        self.result = result
        self.path = path

    def describe(self):
        return f"exit {self.code}\n{self.errors[-2000:]}"


def execute(arguments, bound_s=BOUND_S, environment=None, stdin=None):
    try:
        done = subprocess.run(
            arguments,
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            capture_output=True,
            timeout=bound_s,
            env={**os.environ, **(environment or {})},
        )
    except subprocess.TimeoutExpired as expired:
        raise Failure(f"no end within {bound_s} s: {' '.join(arguments)}\n{expired.stderr}")
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


class Cicada:
    def __init__(self, program):
        self.program = program
        self.folder = tempfile.TemporaryDirectory(prefix="cicada-test-")
        self.count = 0

    def command(self, *arguments, bound_s=BOUND_S, environment=None):
        return execute([self.program, *arguments], bound_s, environment)

    def result_path(self):
        self.count += 1
        return os.path.join(self.folder.name, f"result-{self.count}.json")

    def run(self, *arguments, child=None, bound_s=BOUND_S, environment=None):
        """`cicada run` with a result file; the result is audited when there is one."""
        path = self.result_path()
        line = ["run", "--ui", "off", "--json", path, *arguments]
        if child:
            line += ["--", *child]
        code, output, errors = self.command(*line, bound_s=bound_s, environment=environment)
        expect(code >= 0, f"cicada died of signal {-code}\n{errors[-3000:]}")
        expect("Sanitizer" not in errors, errors[-6000:])
        result = None
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                result = json.load(file)
            self.audit(path)
        return Run(code, output, errors, result, path)

    def start(self, *arguments):
        """`cicada run` under way: what happens to its target meanwhile depends on no clock."""
        return Started(self, self.result_path(), arguments)

    def audit(self, path):
        code, output, errors = self.command("audit", path)
        expect(code == 0, f"audit exits with {code}\n{output[-2000:]}{errors[-2000:]}")


class Started:
    def __init__(self, cicada, path, arguments):
        self.cicada = cicada
        self.path = path
        self.process = subprocess.Popen(
            [cicada.program, "run", "--ui", "off", "--json", path, *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def wait_until(self, condition, what):
        until = time.monotonic() + BOUND_S
        while not condition():
            if self.process.poll() is not None:
                raise Failure(f"exit {self.process.returncode} before {what}\n{self.process.communicate()[1]}")
            expect(time.monotonic() < until, f"it never came to: {what}")
            time.sleep(0.05)

    def interrupt(self):
        """End it as Ctrl-C does; the audited partial result."""
        self.process.send_signal(signal.SIGINT)
        try:
            output, errors = self.process.communicate(timeout=BOUND_S)
        except subprocess.TimeoutExpired:
            raise Failure(f"no end within {BOUND_S} s of the interrupt")
        expect(self.process.returncode == 130 and "Sanitizer" not in errors, f"exit {self.process.returncode}\n{errors}")
        with open(self.path, encoding="utf-8") as file:
            result = json.load(file)
        self.cicada.audit(self.path)
        return Run(130, output, errors, result, self.path)


def expect_came_back(run, users, allowed):
    """Of a run whose target was away for a while: every operation has one of the outcomes, attempts to connect are
    spaced by the backoff, and operations succeed before and after the time in which none could."""
    counts, reasons, started = outcomes_of(run.result)
    expect(set(counts) <= allowed, f"{counts} {reasons}\n{run.describe()}")
    expect(counts.get("ok", 0) > 0 and counts.get("connect_refused", 0) > 0, f"{counts} of {started}")
    seconds = run.result["phases"][0]["targets"][0]["seconds"]
    away = [i for i, second in enumerate(seconds) if second["outcomes"].get("connect_refused")]
    told = [(second["at_s"], second["ok"], second["outcomes"]) for second in seconds]
    expect(sum(second["ok"] for second in seconds[: away[0] + 1]) > 0, f"none before: {told}")
    expect(sum(second["ok"] for second in seconds[away[-1] :]) > 0, f"none after: {told}")
    most = max(second["outcomes"].get("connect_refused", 0) for second in seconds)
    workers = os.cpu_count()
    # 10, 20, 40, 80, 160, 250, 250 ms: 8 attempts of a worker in its first second, each of which fails who waits
    expect(most <= 9 * max(workers, users), f"{most} failed attempts in a second: without backoff? {told}")


def outcomes_of(result, operation=None):
    """Outcome counts and failure reasons of one operation (None: all), over all phases."""
    counts, reasons, started = {}, [], 0
    for phase in result["phases"]:
        for target in phase["targets"]:
            names = [entry["name"] for entry in result["targets"][target["target"]]["operations"]]
            for name, measurement in zip(names, target["operations"]):
                if operation is not None and name != operation:
                    continue
                started += measurement["started"]
                for kind, count in measurement["outcomes"].items():
                    counts[kind] = counts.get(kind, 0) + count
                reasons += measurement.get("reasons", [])
    expect(
        started == sum(counts.values()),
        f"{started} operations started, but {sum(counts.values())} outcomes: {counts}",
    )
    return counts, reasons, started


def expect_outcome(run, operation, expected, total):
    """expected: an entry of `fault_server --list`. "a|b": each operation ends as one of both;
    "a+b": both occur and nothing else does."""
    expect(run.result is not None, f"no result was written\n{run.describe()}")
    counts, reasons, started = outcomes_of(run.result, operation)
    expect(started == total, f"{started} operations of {operation}, not {total}: {counts}\n{run.describe()}")
    kinds = set(expected["outcome"].replace("+", "|").split("|"))
    expect(set(counts) <= kinds, f"outcomes {counts}, {reasons}; not {expected['outcome']}\n{run.describe()}")
    if "+" in expected["outcome"]:
        expect(set(counts) == kinds, f"outcomes {counts}; all of {expected['outcome']} must occur")
    for reason in reasons:
        if expected["code"]:
            expect(reason.get("code", 0) == expected["code"], f"{reason}; the code must be {expected['code']}")
        if expected["detail"]:
            expect(reason.get("detail") == expected["detail"], f"{reason}; the detail must be {expected['detail']}")


class FaultServer:
    """A running fault server: `with FaultServer(program, ...) as server: server.url("/mcp")`."""

    def __init__(self, program, *arguments):
        self.process = subprocess.Popen(
            [program, "--print-port", *arguments], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        self.port = int(self.process.stdout.readline())

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.terminate()
        code = self.process.wait(30)
        self.process.stdout.close()
        if exception[0] is None:
            expect(code == 0, f"the fault server ended with {code}")


def fault_list(program):
    return json.loads(subprocess.check_output([program, "--list"]))


def run_tests(tests, parallel=4):
    """tests: [(name, function)]. TAP on stdout, in order; the exit code says whether all passed."""
    print("TAP version 13")
    print(f"1..{len(tests)}", flush=True)
    failed = 0

    def guarded(function):
        try:
            function()
        except Failure as failure:
            return str(failure) or "an expectation that says nothing does not hold"
        except Exception:  # a broken test is a failed test
            return traceback.format_exc()
        return None

    with concurrent.futures.ThreadPoolExecutor(parallel) as pool:
        outcomes = pool.map(lambda test: guarded(test[1]), tests)
        for number, ((name, _), problem) in enumerate(zip(tests, outcomes), 1):
            print(f"{'not ok' if problem else 'ok'} {number} - {name}")
            if problem:
                failed += 1
                for line in problem.splitlines():
                    print(f"#   {line}")
                    print(f"{name}: {line}", file=sys.stderr)
            sys.stdout.flush()
    return 1 if failed else 0
