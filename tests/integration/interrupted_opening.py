#!/usr/bin/env python3
"""A signal while a large data set is being written: cicada takes back what it made, leaves alone what is somebody
else's, and exits with 130. Real Redis, SQLite and Neo4j; with CI=true a missing server is a failure.

usage: interrupted_opening.py CICADA SOURCE_ROOT [NAME_PART]"""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

from cicada_support import BOUND_S, Cicada, Failure, expect, run_tests
from neo4j_support import Neo4jServer
from redis_support import RedisServer, installed


def wait_until(condition, what, process):
    until = time.monotonic() + BOUND_S
    while not condition():
        if process.poll() is not None:
            raise Failure(f"cicada ended with {process.returncode} before {what}: {process.stderr.read()}")
        expect(time.monotonic() < until, f"it never came to {what}")
        time.sleep(0.02)


def interrupt(cicada, arguments, condition, what, number=signal.SIGINT, exits=130):
    """Start cicada, send it the signal once the condition holds, and see it end in an orderly way."""
    process = subprocess.Popen([cicada.program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               stdin=subprocess.DEVNULL, text=True)
    try:
        wait_until(condition, what, process)
        process.send_signal(number)
        errors = process.communicate(timeout=BOUND_S)[1]
    finally:
        process.kill()
        process.wait()
    expect(process.returncode == exits, f"exit {process.returncode}\n{errors}")
    expect("interrupted" in errors and "Sanitizer" not in errors, errors)


def run_of(cicada, *targets):
    path = cicada.result_path()
    return ["run", "--ui", "off", "--json", path, "--users", "2", "--duration", "1s", *targets], path


def plan_of(cicada, *targets):
    """Several targets, opened one after the other."""
    path = cicada.result_path() + ".yaml"
    names = [target["name"] for target in targets]
    plan = {"targets": list(targets), "mixes": [{"name": name, "target": name} for name in names],
            "phases": [{"kind": "memory", "users": 2, "duration": "1s", "mixes": names}]}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(plan, file)  # JSON is YAML
    return path


# ---- Redis

def redis_interrupted(cicada, command, number):
    with RedisServer() as server:
        server.commands(["SET", "foreign", "1"], ["SET", "cicada:theirs", "2"])
        url = server.url("?keys=2000000")
        arguments, path = run_of(cicada, url) if command == "run" else ([command, url], None)
        interrupt(cicada, arguments, lambda: server.command("DBSIZE") > 50000, "50,000 keys", number)
        expect(sorted(server.keys()) == ["cicada:theirs", "foreign"], f"left: {server.keys()[:5]}")
        expect(path is None or not os.path.exists(path), "a result of nothing was written")


def opened_before(cicada):
    """What an earlier target made is taken back when the opening of a later one is interrupted, which makes nothing
    by itself; a memory phase that could do without it is none the wiser."""
    with RedisServer() as server:
        server.commands(["SET", "foreign", "1"])
        path = plan_of(cicada, {"name": "redis", "url": server.url("?keys=5000")},
                       {"name": "faiss", "url": "faiss:generated?type=hnsw&vectors=2000000&dimension=64"})
        arguments, _ = run_of(cicada)
        # all keys of the first are there: the second is being made, which takes minutes
        interrupt(cicada, [*arguments[:5], path], lambda: server.command("DBSIZE") > 7000, "the second target")
        expect(server.keys() == ["foreign"], f"left: {server.keys()[:5]}")


def while_connecting(cicada):
    """A server that accepts and says nothing is not waited for."""
    import socket
    with socket.create_server(("127.0.0.1", 0)) as silent:
        seen = []
        silent.settimeout(0.01)

        def connected():
            try:
                seen.append(silent.accept()[0])
            except TimeoutError:
                pass
            return bool(seen)

        port = silent.getsockname()[1]
        for url in (f"redis://127.0.0.1:{port}", f"bolt://u:p@127.0.0.1:{port}", f"http://127.0.0.1:{port}/mcp"):
            seen.clear()
            arguments, _ = run_of(cicada, "--connect-timeout", "5m", "--timeout", "5m", url)
            interrupt(cicada, arguments, connected, f"a connection of {url}", signal.SIGTERM)
        for connection in seen:
            connection.close()


# ---- SQLite

def sqlite_new_file(cicada, number):
    path = os.path.join(cicada.folder.name, f"new-{int(number)}.db")
    arguments, _ = run_of(cicada, f"sqlite:{path}?rows=5000000")
    interrupt(cicada, arguments, lambda: size_of(path) > 5_000_000, "5 MB", number)
    left = [name for name in os.listdir(cicada.folder.name) if name.startswith(f"new-{int(number)}")]
    expect(not left, f"left: {left}")


def size_of(path):
    return sum(os.path.getsize(path + end) for end in ("", "-wal") if os.path.exists(path + end))


def sqlite_old_file(cicada):
    path = os.path.join(cicada.folder.name, "old.db")
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE notes(text)")
        database.execute("INSERT INTO notes VALUES('theirs')")
    database.close()
    arguments, _ = run_of(cicada, f"sqlite:{path}?rows=5000000")
    interrupt(cicada, arguments, lambda: size_of(path) > 5_000_000, "5 MB")
    database = sqlite3.connect(path)
    names = [row[0] for row in database.execute("SELECT name FROM sqlite_schema")]
    expect(names == ["notes"], f"left: {names}")
    expect(database.execute("SELECT text FROM notes").fetchall() == [("theirs",)], "what was there is there")
    expect(database.execute("PRAGMA journal_mode").fetchone() == ("delete",), "the journal is what it was")
    expect(database.execute("PRAGMA integrity_check").fetchone() == ("ok",), "the file is whole")
    database.close()


def sqlite_locked(cicada):
    """While it waits for somebody else's lock."""
    path = os.path.join(cicada.folder.name, "locked.db")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA journal_mode=wal")
    holder.execute("CREATE TABLE notes(text)")
    holder.execute("BEGIN IMMEDIATE")
    arguments, _ = run_of(cicada, f"sqlite:{path}?busy_timeout=1h")
    begun = time.monotonic()
    interrupt(cicada, arguments, lambda: time.monotonic() > begun + 1, "the lock")
    holder.execute("ROLLBACK")
    names = [row[0] for row in holder.execute("SELECT name FROM sqlite_schema")]
    expect(names == ["notes"], f"left: {names}")
    holder.close()


# ---- Neo4j

class Graph:
    def __init__(self, cicada, root):
        self.cicada = cicada
        self.server = Neo4jServer(root)

    def ask(self, cypher):
        """Records of one query, by a target without a data set."""
        code, output, errors = self.cicada.command(
            "tools", self.server.url() + "?nodes=0", "--call", "custom", "--arguments", json.dumps({"cypher": cypher}))
        expect(code == 0, output + errors)
        line = next(line for line in output.splitlines() if line.startswith("{\"records\""))
        return json.loads(line)["records"]

    def nodes(self):
        return self.ask("MATCH (n:CicadaNode) RETURN count(n) AS count")[0]["count"]

    def interrupted(self, number):
        self.ask("CREATE (:CicadaNode {name: 'theirs'})")
        arguments, _ = run_of(self.cicada, self.server.url() + "?nodes=1000000")
        interrupt(self.cicada, arguments, lambda: self.nodes() > 3000, "3,000 nodes", number)
        left = self.ask("MATCH (n) RETURN n.name AS name")
        expect(left == [{"name": "theirs"}], f"left: {left[:5]}")
        self.ask("MATCH (n) DETACH DELETE n")
        self.ask("DROP CONSTRAINT cicada_CicadaNode_key IF EXISTS")

    def alone(self):
        """Without another's nodes the constraint goes too."""
        arguments, _ = run_of(self.cicada, self.server.url() + "?nodes=1000000")
        interrupt(self.cicada, arguments, lambda: self.nodes() > 3000, "3,000 nodes")
        expect(self.nodes() == 0, f"{self.nodes()} nodes are left")
        expect(self.ask("SHOW CONSTRAINTS YIELD name RETURN name") == [], "a constraint is left")


def main():
    cicada, root = Cicada(sys.argv[1]), sys.argv[2]
    part = sys.argv[3] if len(sys.argv) > 3 else ""
    needed = all(shutil.which(tool) for tool in ("mvn", "javac", "openssl")) and installed()
    if not needed and os.environ.get("CI") != "true":
        print("1..0 # SKIP redis-server, mvn, javac or openssl is missing")
        return 0
    graph = Graph(cicada, root)
    tests = [
        ("Redis, a run, SIGINT", lambda: redis_interrupted(cicada, "run", signal.SIGINT)),
        ("Redis, a run, SIGTERM", lambda: redis_interrupted(cicada, "run", signal.SIGTERM)),
        ("Redis, tools", lambda: redis_interrupted(cicada, "tools", signal.SIGINT)),
        ("Redis, a target opened before", lambda: opened_before(cicada)),
        ("servers that say nothing", lambda: while_connecting(cicada)),
        ("SQLite, a new file, SIGINT", lambda: sqlite_new_file(cicada, signal.SIGINT)),
        ("SQLite, a new file, SIGTERM", lambda: sqlite_new_file(cicada, signal.SIGTERM)),
        ("SQLite, a file that was there", lambda: sqlite_old_file(cicada)),
        ("SQLite, a file that is locked", lambda: sqlite_locked(cicada)),
        ("Neo4j, SIGINT", lambda: graph.interrupted(signal.SIGINT)),
        ("Neo4j, SIGTERM", lambda: graph.interrupted(signal.SIGTERM)),
        ("Neo4j, alone in the database", graph.alone),
    ]
    tests = [test for test in tests if part in test[0]]
    if not any("Neo4j" in name for name, _ in tests):
        return run_tests(tests, parallel=1)
    with graph.server:
        return run_tests(tests, parallel=1)


if __name__ == "__main__":
    sys.exit(main())
