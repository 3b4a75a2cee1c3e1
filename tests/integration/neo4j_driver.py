#!/usr/bin/env python3
"""The neo4j driver of cicada against a real Neo4j Community server: its own mix, a plan's Cypher, every Bolt
version, TLS, the values it reads and writes against the official JavaScript driver, wrong passwords, and a server
that is killed and comes back.

usage: neo4j_driver.py CICADA SOURCE_ROOT [NAME_PART]"""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time

from cicada_support import BOUND_S, Cicada, Failure, execute, expect, expect_came_back, outcomes_of, run_tests

USER = "neo4j"
PASSWORD = "cicada-test"
DEFAULT_MIX = {
    "read_node", "one_hop", "two_hops", "shortest_path", "merge_node", "merge_relation", "write_transaction",
}  # fmt: skip


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Neo4j:
    """The server that scripts/neo4j.sh starts."""

    def __init__(self, root):
        self.root = root
        self.port = free_port()
        self.folder = os.path.join(root, "build", "neo4j", str(self.port))
        self.script("start")

    def script(self, command):
        done = subprocess.run(
            [os.path.join(self.root, "scripts", "neo4j.sh"), command, str(self.port)],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=400,
            env={**os.environ, "NEO4J_PASSWORD": PASSWORD, "NEO4J_COMPILER_LEVEL": "1"},
        )  # fmt: skip
        expect(done.returncode == 0, f"neo4j.sh {command}: {done.stderr.decode()[-3000:]}")

    def url(self, scheme="bolt", user=USER, password=PASSWORD, host="127.0.0.1"):
        return f"{scheme}://{user}:{password}@{host}:{self.port}"

    def peer(self, cypher, parameters=None):
        """Records of one query by the official JavaScript driver."""
        command = ["node", os.path.join(self.root, "tests/integration/neo4j_peer.mjs"), self.url(), cypher]
        code, output, errors = execute(command + ([parameters] if parameters else []))
        expect(code == 0, f"the JavaScript driver: {errors[-2000:]}")
        return json.loads(output)

    @property
    def certificate(self):
        return os.path.join(self.folder, "certificates", "public.crt")


class Relay:
    """Passes connections on to a port, and counts them."""

    def __init__(self, port):
        self.target = port
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *exception):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self):
        try:
            while True:
                near = self.listener.accept()[0]
                self.connections += 1
                far = socket.create_connection(("127.0.0.1", self.target))
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self.copy, args=(source, sink), daemon=True).start()
        except OSError:
            pass  # closed

    @staticmethod
    def copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the other side is gone


class Tests:
    def __init__(self, cicada, server):
        self.cicada = cicada
        self.server = server

    # ---- helpers

    def plan(self, text):
        path = self.cicada.result_path() + ".yaml"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def run_plan(self, plan, **options):
        """plan: a dictionary; JSON is YAML."""
        return self.cicada.run(self.plan(json.dumps(plan, ensure_ascii=False)), **options)

    def run_custom(self, *steps, options=None, operations=None, url=None):
        """Steps ({"arguments", "checks", "captures"}) one after the other, by one user."""
        plan = {
            "target": {"url": url or self.server.url(), "options": {"nodes": 0, **(options or {})}},
            "users": 1,
            "operations": operations or len(steps),
            "behaviours": [{"name": "steps", "steps": [{"command": "custom", **step} for step in steps]}],
        }
        return self.run_plan(plan)

    def expect_ok(self, run, minimum):
        expect(run.result is not None, f"no result\n{run.describe()}")
        counts, reasons, started = outcomes_of(run.result)
        texts = [example.get("text") for example in run.result.get("examples", [])]
        expect(set(counts) == {"ok"}, f"{counts} {reasons} {texts[:3]}\n{run.describe()}")
        expect(started >= minimum, f"only {started} operations\n{run.describe()}")
        expect(run.code in (0, 4), run.describe())

    def expect_clean(self):
        left = self.server.peer("MATCH (n:CicadaNode) RETURN count(n) AS count")
        expect(left == [{"count": 0}], f"nodes left behind: {left}")
        names = self.server.peer("SHOW CONSTRAINTS YIELD name")
        expect(names == [], f"constraints left behind: {names}")

    # ---- tests

    def default_mix(self):
        run = self.cicada.run("--users", "8", "--operations", "600", self.server.url())
        self.expect_ok(run, 600)
        names = {entry["name"] for entry in run.result["targets"][0]["operations"]}
        expect(names == DEFAULT_MIX, f"the mix was {names}")
        for name in DEFAULT_MIX:
            self.expect_ok(run, 600)
            expect(outcomes_of(run.result, name)[2] >= 30, f"{name} had less than its share")
        reads, writes = outcomes_of(run.result, "read_node")[2], outcomes_of(run.result, "write_transaction")[2]
        expect(3 * writes < reads < 5 * writes, f"{reads} reads to {writes} transactions; the weights are 4 to 1")
        with open(run.path, encoding="utf-8") as file:
            expect(PASSWORD not in file.read(), "the password is in the result")
        self.expect_clean()

    def own_nodes_only(self):
        """Two runs at once, and nodes of somebody else with the same label."""
        self.server.peer("CREATE (:CicadaNode {name: 'not ours'})")
        runs = [None, None]

        def start(index):
            runs[index] = self.cicada.run("--users", "4", "--operations", "200", self.server.url())

        threads = [threading.Thread(target=start, args=(index,)) for index in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for run in runs:
            self.expect_ok(run, 200)
        left = self.server.peer("MATCH (n:CicadaNode) RETURN n.name AS name")
        self.server.peer("MATCH (n:CicadaNode) DETACH DELETE n")
        self.server.peer("DROP CONSTRAINT cicada_CicadaNode_key IF EXISTS")
        expect(left == [{"name": "not ours"}], f"left are {left}")

    def versions(self):
        for version in ("4.4", "5.0", "5.1", "5.2", "5.3", "5.4", "5.6", "5.7", "5.8"):
            steps = [
                {"arguments": {"name": "node", "cypher": "CREATE (n:A {a: 1})-[r:T]->(m) RETURN n, r", "rollback": True},
                 "checks": [{"pointer": "/records/0/n/properties/a", "equals": 1},
                            {"pointer": "/records/0/r/type", "equals": "T"}]},
                {"arguments": {"name": "wrong", "cypher": "RETURN"}},
                {"arguments": {"name": "after", "cypher": "RETURN 1 AS one"},
                 "checks": [{"pointer": "/records/0/one", "equals": 1}]},
            ]  # fmt: skip
            run = self.run_custom(*steps, options={"bolt": version})
            expect(run.result, f"{version}: no result\n{run.describe()}")
            expect(run.result["targets"][0]["facts"]["bolt"] == version, f"{version}: {run.result['targets'][0]}")
            for name, outcome in (("node", "ok"), ("wrong", "source_error"), ("after", "ok")):
                counts, reasons, _ = outcomes_of(run.result, name)
                expect(counts == {outcome: 1}, f"{version}: {name}: {counts} {reasons}\n{run.describe()}")
            expect(outcomes_of(run.result, "wrong")[1][0]["detail"] == "syntax", f"{version}: no syntax error")

    def tls(self):
        server = self.server
        steps = {"arguments": {"cypher": "RETURN 1 AS one"}, "checks": [{"pointer": "/records/0/one", "equals": 1}]}
        for scheme, extra in (
            ("bolt+ssc", {}), ("neo4j+ssc", {}), ("neo4j", {}), ("bolt+s", {"cacert": server.certificate}),
            ("neo4j+s", {"cacert": server.certificate}), ("bolt+s", {"insecure": True}),
        ):  # fmt: skip
            target = {"url": server.url(scheme), "options": {"nodes": 0}, **extra}
            run = self.run_plan(
                {"target": target, "users": 1, "operations": 3,
                 "behaviours": [{"name": "ask", "steps": [{"command": "custom", **steps}]}]}
            )  # fmt: skip
            self.expect_ok(run, 3)
            encrypted = run.result["targets"][0]["facts"]["tls"]
            expect(encrypted == ("+s" in scheme), f"{scheme}: tls is {encrypted}")
        run = self.cicada.run("--operations", "3", server.url("bolt+s"))
        expect(run.code == 3 and "certificate" in run.errors, f"not verified: {run.describe()}")

    def cicada_writes(self):
        """What our driver writes, the official one reads."""
        values = {
            "zero": 0, "tiny": -16, "byte": -17, "short": 200, "word": -40000, "wide": 5000000000,
            "most": 9223372036854775807, "least": -9223372036854775808, "half": 0.5, "huge": 1e300, "yes": True,
            "no": False, "text": "naïve – \u2603 \U0001f600 \"quoted\" \\ \n", "empty": "", "long": "x" * 70000,
            "sixteen": "0123456789abcdef", "list": list(range(300)), "words": ["a", "", "ü"], "none": [],
        }  # fmt: skip
        run = self.run_custom(
            {"arguments": {"cypher": "CREATE (n:CicadaInterop) SET n = $values RETURN n", "parameters": {"values": values}}}
        )
        self.expect_ok(run, 1)
        read = self.server.peer("MATCH (n:CicadaInterop) RETURN n")
        self.server.peer("MATCH (n:CicadaInterop) DELETE n")
        expected = {**values, "most": str(values["most"]), "least": str(values["least"])}
        expect(len(read) == 1, f"{len(read)} nodes")
        for name, value in expected.items():
            expect(read[0]["n"][name] == value, f"{name}: {read[0]['n'].get(name)!r:.200} is not {value!r:.200}")

    def cicada_reads(self):
        """What the official driver writes, ours reads."""
        self.server.peer(
            "CREATE (a:CicadaInterop {name: 'a'}) SET a += $values "
            "CREATE (a)-[:CICADA_INTEROP {since: date('2001-02-03')}]->(:CicadaInterop {name: 'b'})",
            """{values: {
              most: neo4j.int('9223372036854775807'), least: neo4j.int('-9223372036854775808'), half: 0.5,
              text: 'naïve \u2603 \\u{1f600}', bytes: Int8Array.from([0, 1, -1, 127, -128]), long: 'y'.repeat(70000),
              date: new neo4j.types.Date(2024, 2, 29), early: new neo4j.types.Date(-44, 3, 15),
              time: new neo4j.types.Time(12, 30, 1, 500000000, 3600), local: new neo4j.types.LocalTime(23, 59, 59, 1),
              stamp: new neo4j.types.DateTime(2024, 2, 29, 1, 2, 3, 4000, -5400, null),
              zoned: new neo4j.types.DateTime(2024, 7, 1, 12, 0, 0, 0, 7200, 'Europe/Berlin'),
              moment: new neo4j.types.LocalDateTime(1969, 12, 31, 23, 59, 59, 250000000),
              span: new neo4j.types.Duration(14, 3, -5, 500000000),
              flat: new neo4j.types.Point(neo4j.int(7203), 1.5, -2), deep: new neo4j.types.Point(neo4j.int(4979), 1, 2, 3),
              list: Array.from({length: 300}, (_, i) => neo4j.int(i))}}""",
        )
        expected = {
            "most": 9223372036854775807, "least": -9223372036854775808, "half": 0.5, "text": "naïve \u2603 \U0001f600",
            "bytes": "AAH/f4A=", "long": "y" * 70000, "date": "2024-02-29", "early": "-000044-03-15",
            "time": "12:30:01.5+01:00", "local": "23:59:59.000000001", "stamp": "2024-02-29T01:02:03.000004-01:30",
            "zoned": "2024-07-01T10:00:00Z[Europe/Berlin]", "moment": "1969-12-31T23:59:59.25",
            "span": "P14M3DT-4.5S", "flat": {"srid": 7203, "x": 1.5, "y": -2.0},
            "deep": {"srid": 4979, "x": 1.0, "y": 2.0, "z": 3.0}, "list": list(range(300)),
        }  # fmt: skip
        checks = [{"pointer": f"/records/0/a/properties/{name}", "equals": value} for name, value in expected.items()]
        path = [
            {"pointer": "/records/0/p/nodes/0/properties/name", "equals": "a"},
            {"pointer": "/records/0/p/nodes/1/properties/name", "equals": "b"},
            {"pointer": "/records/0/p/nodes/1/labels/0", "equals": "CicadaInterop"},
            {"pointer": "/records/0/p/relationships/0/type", "equals": "CICADA_INTEROP"},
            {"pointer": "/records/0/p/relationships/0/properties/since", "equals": "2001-02-03"},
            {"pointer": "/records/0/p/indices", "equals": [1, 1]},
            "/records/0/a/elementId",
        ]
        cypher = "MATCH p = (a:CicadaInterop {name: 'a'})-->() RETURN a, p"
        try:
            self.expect_ok(self.run_custom({"arguments": {"cypher": cypher}, "checks": checks + path}), 1)
            # Before 5.0 there were no element ids, and the clock of a zone was sent as local time.
            older = [check for check in checks if "zoned" not in check["pointer"]]
            self.expect_ok(
                self.run_custom({"arguments": {"cypher": cypher}, "checks": older + path[:-1]}, options={"bolt": "4.4"}), 1
            )
        finally:
            self.server.peer("MATCH (n:CicadaInterop) DETACH DELETE n")

    def custom(self):
        """Captures, templates, large answers in several fetches, transactions that end either way."""
        steps = [
            {"arguments": {"name": "many", "cypher": "UNWIND range(1, $n) AS i RETURN i", "parameters": {"n": 1000}},
             "captures": {"last": "/records/999/i"}},
            {"arguments": {"name": "echo", "cypher": "RETURN $last AS last, $user AS user",
                           "parameters": {"last": "${capture.last:json}", "user": "u${user}"}},
             "checks": [{"pointer": "/records/0/last", "equals": 1000}, {"pointer": "/records/0/user", "equals": "u1"}]},
            {"arguments": {"name": "write", "statements": [
                {"cypher": "CREATE (n:CicadaCustom {i: $i})", "parameters": {"i": 1}},
                {"cypher": "MATCH (n:CicadaCustom) RETURN count(n) AS count"}]},
             "checks": [{"pointer": "/records/0/count", "equals": 1}]},
            {"arguments": {"name": "undo", "cypher": "CREATE (n:CicadaCustom {i: 2}) RETURN n", "rollback": True}},
            {"arguments": {"name": "read", "mode": "read", "cypher": "MATCH (n:CicadaCustom) RETURN collect(n.i) AS is"},
             "checks": [{"pointer": "/records/0/is", "equals": [1]}]},
            {"arguments": {"name": "forbid", "mode": "read", "cypher": "CREATE (n:CicadaCustom)"}},
            {"arguments": {"name": "half", "statements": [{"cypher": "CREATE (n:CicadaCustom {i: 3})"}, {"cypher": "RETURN 1/0"}]}},
            {"arguments": {"name": "gone", "cypher": "MATCH (n:CicadaCustom) DELETE n RETURN count(n) AS count"},
             "checks": [{"pointer": "/records/0/count", "equals": 1}]},
        ]  # fmt: skip
        run = self.run_custom(*steps, options={"fetch_size": 37})
        for name in ("many", "echo", "write", "undo", "read", "gone"):
            counts, reasons, _ = outcomes_of(run.result, name)
            expect(counts == {"ok": 1}, f"{name}: {counts} {reasons}\n{run.describe()}")
        for name, detail in (("forbid", "access_mode"), ("half", "statement")):
            counts, reasons, _ = outcomes_of(run.result, name)
            expect(counts == {"source_error": 1} and reasons[0]["detail"] == detail, f"{name}: {counts} {reasons}")

    def timeout(self):
        """A query that never ends is one timeout, is stopped on the server, and the next one works."""
        plan = {
            "target": {"url": self.server.url(), "options": {"nodes": 0}}, "timeout": "1s", "users": 1, "operations": 2,
            "behaviours": [{"name": "steps", "steps": [
                {"command": "custom", "arguments": {"name": "endless", "cypher": "UNWIND range(1, 1000000000) AS i RETURN max(i * i % 7)"}},
                {"command": "custom", "arguments": {"name": "next", "cypher": "RETURN 1"}}]}],
        }  # fmt: skip
        run = self.run_plan(plan)
        expect(outcomes_of(run.result, "endless")[0] == {"timeout": 1}, run.describe())
        expect(outcomes_of(run.result, "next")[0] == {"ok": 1}, run.describe())
        for _ in range(100):
            left = self.server.peer("SHOW TRANSACTIONS YIELD currentQuery WHERE currentQuery STARTS WITH 'UNWIND' RETURN currentQuery")
            if not left:
                return
            time.sleep(0.1)
        raise Failure(f"still running: {left}")

    def wrong_password(self):
        """The tier degrades by itself: the other target goes on."""
        plan = {
            "targets": [{"name": "graph", "url": self.server.url(password="wrong-secret")},
                        {"name": "other", "url": "null://?operations=1&latency=1ms"}],
            "mixes": [{"name": "graph", "target": "graph"}, {"name": "other", "target": "other"}],
            "phases": [{"name": "graph", "mix": "graph", "users": 4, "operations": 40},
                       {"name": "other", "mix": "other", "users": 4, "operations": 40}],
            "thresholds": ["errors<2%"],
        }  # fmt: skip
        run = self.run_plan(plan)
        expect(run.result is not None and not run.result.get("partial"), run.describe())
        expect(run.code == 1, run.describe())
        counts, reasons, started = outcomes_of({**run.result, "phases": run.result["phases"][:1]})
        expect(counts == {"source_error": 40} and started == 40, f"{counts} of {started}\n{run.describe()}")
        expect({reason["detail"] for reason in reasons} == {"auth"}, f"{reasons}")
        counts, _, _ = outcomes_of({**run.result, "phases": run.result["phases"][1:]})
        expect(counts == {"ok": 40}, f"the other target: {counts}\n{run.describe()}")
        texts = [example.get("text") or "" for example in run.result["examples"] if example["target"] == 0]
        expect(texts and all("refuses the credentials" in text for text in texts), f"{texts}")
        expect("credentials" in run.errors, "no word of it on stderr\n" + run.errors)
        with open(run.path, encoding="utf-8") as file:
            expect("wrong-secret" not in file.read(), "the wrong password is in the result")

    def rate_limit(self):
        """Many users with a wrong password do not hammer the server: it sees a few logins only. The lock that they
        cause is waited for by whoever has the right one."""
        with Relay(self.server.port) as relay:
            url = f"bolt://{USER}:wrong-secret@127.0.0.1:{relay.port}"
            run = self.cicada.run("--users", "20", "--duration", "4s", url)
        counts, reasons, started = outcomes_of(run.result)
        expect(set(counts) == {"source_error"} and started > 20, f"{counts}\n{run.describe()}")
        expect({reason["detail"] for reason in reasons} == {"auth"}, f"{reasons}")
        expect(run.code == 1, run.describe())
        expect(1 <= relay.connections <= 12, f"{relay.connections} logins were tried for {started} operations")
        for _ in range(4):  # the fourth is beyond what the server tolerates
            self.cicada.command("diagnose", self.server.url(password="wrong-secret"))
        self.expect_ok(self.cicada.run("--operations", "10", self.server.url()), 10)

    def wrong_database(self):
        run = self.run_custom({"arguments": {"cypher": "RETURN 1"}}, options={"database": "absent"})
        expect(run.code == 3 and "absent" in run.errors, run.describe())
        run = self.run_custom({"arguments": {"cypher": "RETURN 1"}}, options={"database": "neo4j"})
        self.expect_ok(run, 1)

    def wrong_port(self):
        run = self.cicada.run("--operations", "1", f"bolt://neo4j:x@127.0.0.1:{free_port()}")
        expect(run.code == 3 and "refused" in run.errors.lower(), run.describe())

    def bad_plans(self):
        for arguments, says in (
            ({}, "no Cypher"), ({"cypher": "RETURN 1", "params": {}}, "params"),
            ({"cypher": "RETURN 1", "parameters": [1]}, "mapping"), ({"cypher": "RETURN 1", "mode": "x"}, "mode"),
            ({"statements": []}, "statements"), ({"cypher": "RETURN ${nothing}"}, "nothing"),
        ):  # fmt: skip
            run = self.run_custom({"arguments": arguments})
            expect(run.code == 2 and says in run.errors, f"{arguments}: {run.describe()}")
        for options, says in (({"nodes": 3}, "nodes"), ({"label": "a b"}, "label"), ({"node": 1}, "node"), ({"bolt": "3"}, "bolt")):
            run = self.run_custom({"arguments": {"cypher": "RETURN 1"}}, options=options)
            expect(run.code == 2 and says in run.errors, f"{options}: {run.describe()}")

    def pulses(self):
        return self.server.peer("MATCH (n:CicadaPulse) RETURN count(n) AS count")[0]["count"]

    def killed_and_restarted(self):
        """Within one run: every operation has one outcome, and users come back once the server has. What they do is
        seen on the server, so that nothing here depends on how fast this machine starts one."""
        users = 6
        plan = {
            "target": {"url": self.server.url(), "options": {"nodes": 100}}, "lost_after": "1h", "duration": "1h",
            "users": users, "think_time": "10ms",
            "requests": [{"command": "read_node", "weight": 4}, {"command": "merge_node"},
                         {"command": "custom", "arguments": {"name": "pulse", "cypher": "CREATE (n:CicadaPulse) RETURN n"}}],
        }  # fmt: skip
        try:
            with self.cicada.start(self.plan(json.dumps(plan))) as run:
                run.wait_until(lambda: self.pulses() > 10, "pulses before the kill")
                self.server.script("kill")
                self.server.script("start")
                before = self.pulses()
                run.wait_until(lambda: self.pulses() > before + 50, "pulses after the restart")
                done = run.interrupt()
            counts = outcomes_of(done.result, "pulse")[0]
            expect(0 <= self.pulses() - counts["ok"] <= users, f"{self.pulses()} pulses, {counts}")
        finally:
            self.server.peer("MATCH (n:CicadaPulse) DELETE n")
        # source_error: a server that answers, and is not ready yet; cancelled: under way at the interrupt
        expect_came_back(done, users, {"ok", "connection_reset", "connect_refused", "source_error", "cancelled", "not_run"})
        counts, reasons, _ = outcomes_of(done.result)
        expect(counts.get("cancelled", 0) <= users, f"{counts}")
        details = {reason.get("detail") for reason in reasons if reason["kind"] == "source_error"}
        expect(details <= {"unavailable", "transient", "database_not_found", "database_error"}, f"{reasons}")
        self.expect_clean()

    def gone_for_good(self):
        """A server that does not come back is lost after a while, which ends the run with exit 3 and its result."""
        plan = {
            "target": {"url": self.server.url(), "options": {"nodes": 0}}, "lost_after": "3s", "duration": "1h", "users": 2,
            "requests": [{"command": "custom", "arguments": {"name": "pulse", "cypher": "CREATE (n:CicadaPulse) RETURN n"}}],
        }  # fmt: skip
        with self.cicada.start(self.plan(json.dumps(plan))) as run:
            run.wait_until(lambda: self.pulses() > 10, "pulses before the kill")
            self.server.script("kill")
            _, errors = run.process.communicate(timeout=BOUND_S)
        self.server.script("start")
        self.server.peer("MATCH (n:CicadaPulse) DELETE n")
        expect(run.process.returncode == 3 and "stopped answering: for 3 s" in errors, f"{run.process.returncode}\n{errors}")
        with open(run.path, encoding="utf-8") as file:
            result = json.load(file)
        self.cicada.audit(run.path)
        counts = outcomes_of(result)[0]
        expect(counts["ok"] > 0 and counts["connect_refused"] > 2, f"{counts}")
        expect(any(finding["rule"] == "target_lost" for finding in result["findings"]), f"{result['findings']}")


def main():
    program, root = sys.argv[1:3]
    part = sys.argv[3] if len(sys.argv) > 3 else ""
    for tool in ("mvn", "javac", "node", "openssl"):
        if not shutil.which(tool):
            print(f"1..0 # SKIP {tool} is missing")
            return 0
    server = Neo4j(root)
    try:
        tests = Tests(Cicada(program), server)
        named = [
            ("the default mix, and nothing left behind", tests.default_mix),
            ("only its own nodes are removed", tests.own_nodes_only),
            ("Bolt 4.4 to 5.8", tests.versions),
            ("TLS, verified or not", tests.tls),
            ("what cicada writes, the JavaScript driver reads", tests.cicada_writes),
            ("what the JavaScript driver writes, cicada reads", tests.cicada_reads),
            ("Cypher of a plan's own", tests.custom),
            ("a query that does not end", tests.timeout),
            ("a database that is not there", tests.wrong_database),
            ("a port nobody listens on", tests.wrong_port),
            ("plans and options that are wrong", tests.bad_plans),
            ("a wrong password", tests.wrong_password),
            ("a wrong password, for long", tests.rate_limit),
            ("a server that is killed and comes back", tests.killed_and_restarted),
            ("a server that is killed and stays away", tests.gone_for_good),
        ]
        return run_tests([test for test in named if part in test[0]], parallel=1)
    finally:
        server.script("remove")


if __name__ == "__main__":
    sys.exit(main())
