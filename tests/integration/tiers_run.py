#!/usr/bin/env python3
"""The memory tiers end to end: embedded ones, given ones, ones that refuse, die, or are not there; the
cross-tier operations, and phases of several mixes. Real servers; Neo4j where it can be had (with
CI=true it must be)."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from cicada_support import Cicada, expect, outcomes_of, run_tests

MCP = "null://?latency=1ms"  # what stands for the server: the tiers are what is tested


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Redis:
    """A redis-server of our own: `with Redis("password") as redis: redis.url`."""

    def __init__(self, password=None):
        self.password = password
        self.port = free_port()
        login = f"default:{password}@" if password else ""
        self.url = f"redis://{login}127.0.0.1:{self.port}"

    def __enter__(self):
        line = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        line += ["--requirepass", self.password] if self.password else []
        self.process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(1000):
            try:
                self.command("PING")
                return self
            except OSError:
                time.sleep(0.01)
        raise RuntimeError("redis-server does not answer")

    def __exit__(self, *exception):
        self.process.kill()
        self.process.wait()

    def command(self, *words):
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as link:
            reader = link.makefile("rb")
            if self.password:
                self.send(link, "AUTH", self.password)
                self.read(reader)
            self.send(link, *words)
            return self.read(reader)

    def wait_for_reads(self, count):
        """The data set is written, not read: reads are operations of a phase."""
        for _ in range(12000):
            stats = self.command("INFO", "commandstats").decode()
            found = [line for line in stats.splitlines() if line.startswith("cmdstat_get:calls=")]
            if found and int(found[0].split("=")[1].split(",")[0]) >= count:
                return
            time.sleep(0.01)

    def kill_after_reads(self, count):
        self.wait_for_reads(count)
        self.process.kill()

    @staticmethod
    def send(link, *words):
        packed = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in (str(w).encode() for w in words))
        link.sendall(b"*%d\r\n" % len(words) + packed)

    def read(self, reader):
        line = reader.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            return None if rest == b"-1" else reader.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.read(reader) for _ in range(int(rest))]
        return int(rest) if kind == b":" else rest


def phase_of(result, name):
    return next(phase for phase in result["phases"] if phase["name"] == name)


def target_of(result, name):
    return next(target for target in result["targets"] if target["name"] == name)


def finding_of(result, rule):
    return next((finding for finding in result["findings"] if finding["rule"] == rule), None)


def counts_of(result, name):
    """Outcomes of one phase."""
    return outcomes_of({"phases": [phase_of(result, name)], "targets": result["targets"]})


def is_about_time(finding):
    """What a loaded machine may decide, and no test should."""
    timed = finding["subject"].startswith("p9") if finding["rule"] == "threshold" else False
    return timed or finding["rule"] in ("recovery", "stability", "generator_saturated")


def expect_good(run):
    """Everything passed that is not about time, and the exit code follows from the rest."""
    short = [finding for finding in run.result["findings"] if finding["verdict"] in ("fail", "inconclusive")]
    bad = [finding["text"] for finding in short if not is_about_time(finding)]
    expect(not bad, f"{bad}\n{run.describe()}")
    expect(run.code in ((1, 4) if short else (0,)), f"exit {run.code}\n{run.describe()}{run.output}")


def redis_servers_below(folder):
    """Processes of redis-server that were given this folder."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                line = file.read()
            if entry.isdigit() and b"redis-server" in line and folder.encode() in line:
                found.append(int(entry))
        except OSError:
            continue
    return found


class Room:
    """A TMPDIR of a run's own, which it must leave empty."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="tiers-")
        self.environment = {"TMPDIR": self.folder}
        return self

    def __exit__(self, kind, *rest):
        left, servers = os.listdir(self.folder), redis_servers_below(self.folder)
        shutil.rmtree(self.folder)
        if kind is None:
            expect(not left, f"left behind: {left}")
            expect(not servers, f"still running: {servers}")

    def write(self, name, text):
        self.plans = getattr(self, "plans", None) or tempfile.TemporaryDirectory(prefix="tiers-plan-")
        path = os.path.join(self.plans.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path


class Tests:
    def __init__(self, program, neo4j_script):
        self.cicada = Cicada(program)
        self.neo4j_script = neo4j_script

    # ---- the built-in plan

    def embedded(self):
        with Room() as room:
            run = self.cicada.run("--quick", "--users", "2", MCP, environment=room.environment)
        expect_good(run)
        for tier, count in (("redis", 1000), ("faiss", 300), ("sqlite", 800), ("cross", 200)):
            counts, _, started = counts_of(run.result, f"memory-{tier}")
            expect(counts == {"ok": count} and started == count, f"{tier}: {counts}")
        neo4j = phase_of(run.result, "memory-neo4j")
        expect(neo4j["not_run"] and "--neo4j" in neo4j["not_run_reason"], neo4j["not_run_reason"])
        expect(finding_of(run.result, "phase_not_run")["verdict"] == "information", "a tier that is not there")
        steps = target_of(run.result, "cross")["facts"]["steps"]
        expect(len(steps) == 6, f"{len(steps)} steps")
        for step in steps:
            expect(step["failed"] == 0 and step["ok"] >= 100 and step["max_ns"] > 0, json.dumps(step))
        for word in ("STEP", "recall@10", "write vector (faiss)", "read cache (redis)"):
            expect(word in run.output, f"the summary lacks {word}")

    def not_wanted(self):
        with Room() as room:
            run = self.cicada.run("--quick", "--users", "1", "--no-tiers", MCP, environment=room.environment)
        expect_good(run)
        expect(len(run.result["targets"]) == 1, "only the server")
        expect(phase_of(run.result, "memory")["not_run"], "memory must not be run")

    def not_there(self):
        """No redis-server, a Neo4j that refuses the connection, a database that cannot be made."""
        plan = f"""
base: validate
target: {MCP}
users: 1
quick: true
tiers:
  neo4j: bolt://neo4j:geheim@127.0.0.1:{free_port()}
  sqlite: /nowhere/at/all.db
"""
        with Room() as room:
            path = room.write("plan.yaml", plan)
            run = self.cicada.run(path, environment={**room.environment, "PATH": "/nowhere"})
        expect(run.code == 1, run.describe())
        for tier in ("redis", "neo4j", "sqlite", "cross"):
            expect(phase_of(run.result, f"memory-{tier}")["not_run"], f"{tier} must not be run")
        expect("not installed" in phase_of(run.result, "memory-redis")["not_run_reason"], "redis-server")
        expect(counts_of(run.result, "memory-faiss")[0] == {"ok": 300}, "the other tier goes on")
        failed = [finding["subject"] for finding in run.result["findings"] if finding["verdict"] == "fail"]
        expect(failed == ["target neo4j", "target sqlite"], f"findings: {failed}")
        expect("geheim" not in run.output + run.errors + json.dumps(run.result), "the password is shown")

    def wrong_credentials(self):
        with Redis("right") as redis, Room() as room:
            url = redis.url.replace("right", "mistaken-7319")
            run = self.cicada.run(
                "--quick", "--users", "1", "--redis", url, "--faiss", "none", MCP, environment=room.environment
            )
        expect(run.code == 1, run.describe())
        counts, reasons, _ = counts_of(run.result, "memory-redis")
        expect(counts == {"source_error": 1000}, f"{counts}")
        expect({reason["detail"] for reason in reasons} == {"auth"}, f"{reasons}")
        finding = finding_of(run.result, "credentials")
        expect(finding["verdict"] == "fail" and "redis://USER:PASSWORD@HOST" in finding["text"], finding["text"])
        expect(counts_of(run.result, "memory-sqlite")[0] == {"ok": 800}, "the other tier goes on")
        expect(counts_of(run.result, "ramp-down")[0].keys() == {"ok"}, "the server goes on")
        expect("mistaken-7319" not in json.dumps(run.result) + run.output + run.errors, "the password is shown")

    def with_neo4j(self):
        """All four tiers, the servers given by URL; nothing is left in them."""
        port = str(free_port())
        started = subprocess.run([self.neo4j_script, "start", port], capture_output=True, text=True, timeout=300)
        if started.returncode != 0:
            expect(os.environ.get("CI") != "true", f"no Neo4j: {started.stderr[-2000:]}")
            print(f"# SKIP Neo4j: {started.stderr.strip().splitlines()[-1:]}")
            return
        url = started.stdout.strip()
        try:
            self.all_four(url)
        finally:
            subprocess.run([self.neo4j_script, "remove", port], capture_output=True, timeout=120)

    def all_four(self, url):
        with Redis() as redis, Room() as room:
            run = self.cicada.run(
                "--quick", "--users", "2", "--redis", redis.url, "--neo4j", url, MCP, environment=room.environment
            )
            expect_good(run)
            expect(counts_of(run.result, "memory-neo4j")[0] == {"ok": 500}, "500 operations of Neo4j")
            expect(counts_of(run.result, "memory-cross")[0] == {"ok": 200}, "200 through all")
            facts = target_of(run.result, "cross")["facts"]
            expect([part["role"] for part in facts["tiers"]] == ["cache", "relation", "vector", "record"], f"{facts}")
            expect(len(facts["steps"]) == 8 and facts["mismatched"] == 0, f"{facts}")
            expect(redis.command("DBSIZE") == 0, f"keys are left: {redis.command('KEYS', '*')}")
            count = json.dumps({"cypher": "MATCH (n) RETURN count(n) AS nodes"})
            bare = url + "?nodes=0"  # no data set for this one
            code, output, errors = self.cicada.command("tools", bare, "--call", "custom", "--arguments", count)
            expect(code == 0 and '{"nodes":0}' in output, output + errors)
            wrong = url.replace("cicada-test", "wrong")
            run = self.cicada.run("--quick", "--users", "1", "--redis", "none", "--faiss", "none", "--neo4j", wrong, MCP)
        expect(run.code == 1, run.describe())
        expect(counts_of(run.result, "memory-neo4j")[0] == {"source_error": 500}, "all refused")
        expect("neo4j://USER:PASSWORD@HOST" in finding_of(run.result, "credentials")["text"], "what to do")
        expect(counts_of(run.result, "memory-sqlite")[0] == {"ok": 800}, "the other tier goes on")

    # ---- faults

    def killed_in_mid_run(self):
        plan = """
targets:
  - {name: redis, url: "%s"}
  - {name: sqlite, driver: sqlite, embedded: true}
mixes: [{name: redis}, {name: sqlite, target: sqlite}]
quick: true
phases:
  - {name: first, kind: memory, mix: redis, users: 4, operations: 20000, think_time: 1ms}
  - {name: second, kind: memory, mix: sqlite, users: 4, operations: 200}
thresholds: ["errors{target=redis}<5%%", "errors{target=sqlite}<2%%"]
"""
        for _ in range(3):  # on a busy machine the kill may come before the load does
            with Redis() as redis, Room() as room:
                path = room.write("plan.yaml", plan % redis.url)
                threading.Thread(target=redis.kill_after_reads, args=(500,)).start()
                run = self.cicada.run(path, environment=room.environment)
            if run.result and counts_of(run.result, "first")[0].get("ok", 0) > 100:
                break
        expect(run.code == 1, run.describe())
        expect(finding_of(run.result, "tier_lost")["verdict"] == "fail", "a finding on the lost tier")
        first = phase_of(run.result, "first")
        counts, _, started = counts_of(run.result, "first")
        expect(first["partial"] and started == 20000, f"partial {first['partial']}, {started} counted")
        expect(counts["ok"] > 100 and counts["connect_refused"] > 2 and counts["not_run"] > 0, f"{counts}")
        expect(counts_of(run.result, "second")[0] == {"ok": 200}, "the tier behind it is run")

    def interrupted(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with Room() as room:
                path = room.write(
                    "plan.yaml",
                    "targets:\n  - {name: redis, driver: redis, embedded: true}\n"
                    "  - {name: sqlite, driver: sqlite, embedded: true}\n"
                    "mixes: [{name: redis}, {name: sqlite, target: sqlite}]\n"
                    "phases: [{kind: memory, users: 4, duration: 60s, mixes: [redis, sqlite]}]\n",
                )
                result = self.cicada.result_path()
                process = subprocess.Popen(
                    [self.cicada.program, "run", "--ui", "plain", "--json", result, path],
                    env={**os.environ, **room.environment},
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                )
                process.stderr.readline()  # the phase has begun
                expect(os.listdir(room.folder), "a folder is made")
                time.sleep(1)
                process.send_signal(number)
                code = process.wait(30)
                process.stderr.close()
                expect(code == 130, f"exit {code}")
                with open(result, encoding="utf-8") as file:
                    expect(json.load(file)["partial"], "a partial result")

    def interrupted_at_once(self):
        """Two signals in a row, and one while targets are opened: nothing stays behind either way."""
        for pause, count in ((1.5, 2), (0.02, 1), (0.1, 1)):
            with Room() as room:
                process = subprocess.Popen(
                    [self.cicada.program, "run", "--ui", "off", "--json", "/dev/null", MCP],
                    env={**os.environ, **room.environment},
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
                time.sleep(pause)
                for _ in range(count):
                    process.send_signal(signal.SIGINT)
                process.wait(30)
                for _ in range(500):  # the kernel takes its time with the child
                    if not redis_servers_below(room.folder):
                        break
                    time.sleep(0.01)

    # ---- across tiers

    CROSS = """
targets:
  - {name: cache, url: "%s"}
  - {name: index, driver: faiss, embedded: true, options: {vectors: 500}}
  - {name: records, driver: sqlite, embedded: true, options: {rows: 10}}
  - {name: memory, driver: cross_tier, tiers: [records, index, cache]}
mix: all
mixes: [{name: all, target: memory}]
%s
"""

    def mismatch(self):
        """Someone else writes into the cache: what is read is not what was written."""
        with Redis() as redis, Room() as room:
            path = room.write("plan.yaml", self.CROSS % (redis.url, "users: 4\nduration: 3s\nthink_time: 5ms"))
            over = threading.Event()

            def tamper():
                while not over.wait(0.05):
                    for key in redis.command("KEYS", "*") or []:
                        redis.command("SET", key.decode(), "something else")

            thread = threading.Thread(target=tamper)
            thread.start()
            run = self.cicada.run(path, environment=room.environment)
            over.set()
            thread.join()
        counts, reasons, _ = counts_of(run.result, "load")
        expect(counts.get("check_failed", 0) > 0 and counts["ok"] > 0, f"{counts}")
        expect(any(reason["detail"] == "mismatch" for reason in reasons), f"{reasons}")
        expect(set(counts) == {"ok", "check_failed"}, f"{counts}")
        facts = target_of(run.result, "memory")["facts"]
        expect(facts["mismatched"] == counts["check_failed"], f"{facts['mismatched']} mismatches")
        example = next(e for e in run.result["examples"] if e["outcome"]["kind"] == "check_failed")
        expect("cache is not what was written" in example["text"], example["text"])

    def a_part_dies(self):
        """One outcome for each operation, when one of its tiers is gone, and when it comes back."""
        with Redis() as redis, Room() as room:
            path = room.write(
                "plan.yaml", self.CROSS % (redis.url, "users: 4\nduration: 10s\nthink_time: 5ms")
            )

            def restart():
                redis.wait_for_reads(60)
                redis.process.kill()
                redis.process.wait()
                time.sleep(1)
                redis.__enter__()

            thread = threading.Thread(target=restart)
            thread.start()
            run = self.cicada.run(path, environment=room.environment)
            thread.join()
        counts, _, _ = counts_of(run.result, "load")
        expect(counts["ok"] > 50 and counts.get("connect_refused", 0) > 0, f"{counts}\n{run.describe()}")
        seconds = phase_of(run.result, "load")["targets"][0]["seconds"]
        refused = [i for i, second in enumerate(seconds) if second["outcomes"].get("connect_refused")]
        after = sum(second["ok"] for second in seconds[refused[-1] + 1:])
        expect(after > 50, f"{after} operations succeed when the tier is back")

    def figures_of_the_steps(self):
        with Redis() as redis, Room() as room:
            path = room.write("plan.yaml", self.CROSS % (redis.url, "users: 3\noperations: 400"))
            run = self.cicada.run(path, environment=room.environment)
            expect(redis.command("DBSIZE") == 0, "keys are left")
        expect_good(run)
        steps = target_of(run.result, "memory")["facts"]["steps"]
        order = [(step["operation"], step["role"]) for step in steps]
        expect(
            order
            == [("write", "record"), ("write", "vector"), ("write", "cache")]
            + [("read", "cache"), ("read", "record"), ("read", "vector")],
            f"{order}",
        )
        written, read = steps[0]["ok"], steps[3]["ok"]
        expect(read == 200 and 200 <= written <= 203, f"{written} written, {read} read")  # a read may write first
        expect(all(step["ok"] == (written if step["operation"] == "write" else read) for step in steps), f"{steps}")

    # ---- plans of one's own

    def drivers_mixed(self):
        plan = f"""
targets:
  - {{name: server, url: "{MCP}"}}
  - {{name: redis, driver: redis, embedded: true}}
  - {{name: sqlite, driver: sqlite, embedded: true}}
mixes:
  - {{name: people}}
  - {{name: cache, target: redis, requests: [{{command: GET, weight: 3}}, {{command: SET}}]}}
  - {{name: records, target: sqlite}}
phases:
  - name: together
    users: 8
    pace: 20ms
    duration: 2s
    mixes: [{{mix: people, weight: 2}}, cache, records]
  - {{name: arrivals, rate: 400/s, duration: 1s, mixes: [{{mix: people, weight: 2}}, cache, records]}}
"""
        with Room() as room:
            run = self.cicada.run(room.write("plan.yaml", plan), environment=room.environment)
        expect(run.code in (0, 4), run.describe())  # 4: a generator with sanitizers may be the limit
        for name, shares in (("together", (400, 200, 200)), ("arrivals", (200, 100, 100))):
            phase = phase_of(run.result, name)
            started = [sum(o["started"] for o in target["operations"]) for target in phase["targets"]]
            expect(started == list(shares), f"{name}: {started}")
        names = [operation["name"] for operation in target_of(run.result, "redis")["operations"]]
        expect(sorted(names) == ["GET", "SET"], f"{names}")

    def listed(self):
        with Redis() as redis:
            code, output, errors = self.cicada.command("tools", redis.url)
            expect(code == 0 and "MULTI/EXEC" in output and "11 called, 0 failed" in output, output + errors)
            call = json.dumps({"command": ["ECHO", "hello"]})
            code, output, _ = self.cicada.command("tools", redis.url, "--call", "custom", "--arguments", call)
            expect(code == 0 and '"hello"' in output, output)
            expect(redis.command("DBSIZE") == 0, "keys are left")
        code, output, errors = self.cicada.command("diagnose", "faiss:generated")
        expect(code == 0 and "works" in output, output + errors)


def main():
    if not shutil.which("redis-server"):
        print("redis-server is not installed", file=sys.stderr)
        return 1 if os.environ.get("CI") == "true" else 77
    tests = Tests(sys.argv[1], sys.argv[2])
    names = ["embedded", "not_wanted", "not_there", "wrong_credentials", "with_neo4j", "killed_in_mid_run"]
    names += ["interrupted", "interrupted_at_once", "mismatch", "a_part_dies", "figures_of_the_steps"]
    names += ["drivers_mixed", "listed"]
    wanted = sys.argv[3:]
    return run_tests([(name, getattr(tests, name)) for name in names if not wanted or name in wanted], parallel=2)


if __name__ == "__main__":
    sys.exit(main())
