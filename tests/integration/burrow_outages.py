#!/usr/bin/env python3
"""The servers of burrow's tiers killed in the middle of a session, and started again. What can do without the
server goes on, what cannot says tier_unavailable and what to do, and all works again by itself after.
burrow_outages.py BURROW SOURCE_ROOT [redis|neo4j]"""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from cicada_support import Failure, expect, run_tests
from neo4j_support import Neo4jServer
from redis_support import RedisServer, free_port

SKIPPED = 77
BOUND_S = 60


class Burrow:
    """A burrow over HTTP, and a session of MCP in it."""

    def __init__(self, *arguments, data=":memory:", environment=None):
        self.folder = tempfile.TemporaryDirectory(prefix="burrow-test-")
        self.data = data
        self.environment = {**os.environ, **(environment or {})}
        self.arguments = arguments
        self.process = None

    def start(self):
        port_file = os.path.join(self.folder.name, "port")
        if os.path.exists(port_file):
            os.unlink(port_file)
        self.process = subprocess.Popen(
            [sys.argv[1], "serve", "--listen", "127.0.0.1:0", "--port-file", port_file, "--data", self.data,
             *self.arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=self.environment)
        until = time.monotonic() + BOUND_S
        while not os.path.exists(port_file):
            expect(self.process.poll() is None and time.monotonic() < until, "burrow does not start")
            time.sleep(0.02)
        with open(port_file, encoding="ascii") as file:
            self.port = int(file.read())
        return self

    def stop(self, kill=False):
        if self.process:
            self.process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
            errors = self.process.communicate(timeout=BOUND_S)[1].decode()
            expect("Sanitizer" not in errors, errors[-4000:])
            expect(kill or self.process.returncode == 0, f"exit {self.process.returncode}: {errors}")
            self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *exception):
        self.stop()
        self.folder.cleanup()

    def call(self, tool, **arguments):
        """The structured result; a Failure whose text is the tool's when it fails."""
        meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
                "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"}}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                           "params": {"name": tool, "arguments": arguments, "_meta": meta}})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=BOUND_S)
        connection.request("POST", "/mcp", body, {
            "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": tool})
        answer = json.loads(connection.getresponse().read())
        connection.close()
        expect("result" in answer, f"{tool}: {answer}")
        if answer["result"].get("isError"):
            raise Failure(answer["result"]["content"][0]["text"])
        return answer["result"]["structuredContent"]

    def refused(self, tool, *words, **arguments):
        try:
            result = self.call(tool, **arguments)
        except Failure as failure:
            for word in words:
                expect(word in str(failure), f"{tool}: \"{failure}\" does not say {word}")
            return
        raise Failure(f"{tool} succeeded: {result}")

    def until_works(self, tool, **arguments):
        until = time.monotonic() + BOUND_S
        while True:
            try:
                return self.call(tool, **arguments)
            except Failure as failure:
                expect(time.monotonic() < until, f"{tool} does not work again: {failure}")
                time.sleep(0.1)


def until(condition, text):
    end = time.monotonic() + BOUND_S
    while not condition():
        expect(time.monotonic() < end, text)
        time.sleep(0.05)


# ---- Redis ----


def cached(server):
    return [key for key in server.keys() if key.startswith("burrow:") and ":todo:" in key]


def a_redis_that_dies_stops_no_tool():
    with RedisServer() as server, Burrow("--redis", server.url()) as burrow:
        todo = burrow.call("add_todo", title="water the ferns")["todo"]["id"]
        burrow.call("get_todo", id=todo)
        expect(len(cached(server)) == 1, f"keys: {server.keys()}")
        server.stop(kill=True)
        expect(burrow.call("get_todo", id=todo)["todo"]["title"] == "water the ferns", "the todo is another")
        burrow.call("update_todo", id=todo, title="water the moss")
        burrow.call("store_memory", name="moss", content="the moss is dry")
        expect(burrow.call("search_memory", query="moss")["memories"], "nothing found")
        server.start()
        until(lambda: burrow.call("get_todo", id=todo) and cached(server), "the cache is never used again")
        expect(burrow.call("get_todo", id=todo)["todo"]["title"] == "water the moss", "an old copy")


def what_changed_meanwhile_is_not_read_from_the_cache():
    """The keys outlive the outage, and burrow is killed in the middle of it."""
    with RedisServer("--appendonly", "yes", "--appendfsync", "always") as server, \
            tempfile.TemporaryDirectory() as data:
        burrow = Burrow("--redis", server.url(), data=data)
        with burrow:
            todo = burrow.call("add_todo", title="old")["todo"]["id"]
            burrow.call("get_todo", id=todo)
            server.commands(["SET", "burrow", "not burrow's"], ["SET", "burrow:other:todo:1", "another memory's"])
            server.stop(kill=True)
            burrow.call("update_todo", id=todo, title="new")
            burrow.stop(kill=True)
            server.start()
            expect(len(cached(server)) == 2, f"keys: {server.keys()}")
            burrow.start()
            expect(burrow.call("get_todo", id=todo)["todo"]["title"] == "new", "an old copy after a restart")
            others = {key for key in server.keys() if key in ("burrow", "burrow:other:todo:1")}
            expect(len(others) == 2, f"foreign keys went: {server.keys()}")


def a_redis_that_stands_still_stops_no_tool():
    with RedisServer() as server, Burrow("--redis", server.url()) as burrow:
        todo = burrow.call("add_todo", title="old")["todo"]["id"]
        burrow.call("get_todo", id=todo)
        server.process.send_signal(signal.SIGSTOP)
        try:
            burrow.call("update_todo", id=todo, title="new")
            expect(burrow.call("get_todo", id=todo)["todo"]["title"] == "new", "an old copy")
        finally:
            server.process.send_signal(signal.SIGCONT)
        until(lambda: burrow.call("get_todo", id=todo) and cached(server), "the cache is never used again")
        expect(burrow.call("get_todo", id=todo)["todo"]["title"] == "new", "an old copy")


def a_wrong_password_stops_no_tool():
    with RedisServer("--requirepass", "right-one", password="right-one") as server:
        with Burrow("--redis", f"redis://:wrong-one@127.0.0.1:{server.port}") as burrow:
            todo = burrow.call("add_todo", title="x")["todo"]["id"]
            burrow.call("get_todo", id=todo)
        with Burrow("--redis", f"redis://:right-one@127.0.0.1:{server.port}/2") as burrow:
            todo = burrow.call("add_todo", title="x")["todo"]["id"]
            burrow.call("get_todo", id=todo)
            expect(len(server.keys(2)) == 1, f"keys: {server.keys(2)}")


def a_unix_socket_will_do():
    with RedisServer() as server, Burrow("--redis", f"unix://{server.socket}?db=1") as burrow:
        burrow.call("get_todo", id=burrow.call("add_todo", title="x")["todo"]["id"])
        expect(len(server.keys(1)) == 1, f"keys: {server.keys(1)}")


def tls_is_verified():
    """The servers' own CA is none of the system's: refused, until SSL_CERT_FILE names it."""
    server = RedisServer(plain=False)
    server.make_certificates()
    server.arguments += ["--tls-port", str(server.port), "--tls-cert-file", server.path("server.crt"),
                         "--tls-key-file", server.path("server.key"), "--tls-auth-clients", "no"]
    url = f"rediss://localhost:{server.port}"
    with server:
        for environment, keys in (({}, 0), ({"SSL_CERT_FILE": server.path("ca.crt")}, 1)):
            with Burrow("--redis", url, environment=environment) as burrow:
                burrow.call("get_todo", id=burrow.call("add_todo", title="x")["todo"]["id"])
                expect(len(cached(server)) == keys, f"keys: {server.keys()}")


def a_url_that_is_none_is_refused():
    for url in ("localhost:6379", "http://127.0.0.1:6379", "redis://127.0.0.1/x"):
        done = subprocess.run([sys.argv[1], "serve", "--stdio", "--data", ":memory:", "--redis", url],
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=BOUND_S)
        expect(done.returncode == 2 and b"--redis" in done.stderr, f"{url}: {done}")


REDIS = [a_redis_that_dies_stops_no_tool, what_changed_meanwhile_is_not_read_from_the_cache,
         a_redis_that_stands_still_stops_no_tool,
         a_wrong_password_stops_no_tool, a_unix_socket_will_do, tls_is_verified, a_url_that_is_none_is_refused]


# ---- Neo4j ----


def entity(name):
    return [{"name": name, "type": "person"}]


def a_neo4j_that_dies_stops_only_the_graph():
    with Neo4jServer(sys.argv[2]) as server, tempfile.TemporaryDirectory() as data, \
            Burrow("--neo4j", server.url(), data=data) as burrow:
        burrow.call("create_entities", entities=entity("Ada"))
        server.script("kill")
        away = ("tier_unavailable", "Neo4j", f"127.0.0.1:{server.port}", "start it")
        burrow.refused("create_entities", *away, entities=entity("Bob"))
        burrow.refused("read_graph", *away)
        burrow.refused("store_memory", *away, name="m", content="kept with a node")
        expect(not burrow.call("search_memory", query="kept")["memories"], "half a memory was kept")
        burrow.call("set_shared_state", key="k", value="v")
        expect(burrow.call("get_shared_state", key="k"), "no state")
        server.script("start")
        burrow.until_works("create_entities", entities=entity("Cyd"))
        names = {node["name"] for node in burrow.call("read_graph")["entities"]}
        expect(names == {"Ada", "Cyd"}, f"entities: {names}")
        burrow.call("store_memory", name="m", content="kept with a node")
        expect(burrow.call("search_memory", query="kept")["memories"], "nothing found")
        burrow.stop()
        burrow.start()
        names = {node["name"] for node in burrow.call("read_graph")["entities"]}
        expect(names == {"Ada", "Cyd"}, f"entities after a restart of burrow: {names}")


def burrow_starts_without_its_neo4j():
    port = free_port()
    with Burrow("--neo4j", f"bolt://neo4j:x@127.0.0.1:{port}") as burrow:
        burrow.refused("read_graph", "tier_unavailable", f"127.0.0.1:{port}", "--neo4j")
        burrow.call("set_shared_state", key="k", value="v")


def a_wrong_password_is_told_apart():
    with Neo4jServer(sys.argv[2]) as server, Burrow("--neo4j", server.url("wrong-one")) as burrow:
        burrow.refused("read_graph", "tier_unavailable", "refuses the user or the password", "--neo4j")
        try:
            burrow.call("read_graph")
        except Failure as failure:
            expect("wrong-one" not in str(failure), "the password is shown")
        burrow.call("set_shared_state", key="k", value="v")


def killed_again_and_again_both_agree():
    """burrow is killed in its writes: what was acknowledged is in the graph, and at most the one under way besides."""
    with Neo4jServer(sys.argv[2]) as server, tempfile.TemporaryDirectory() as data:
        burrow = Burrow("--neo4j", server.url(), data=data)
        acknowledged = 0
        with burrow:
            for _ in range(8):
                begun, before, killer = time.monotonic(), acknowledged, None
                try:
                    while time.monotonic() < begun + BOUND_S:
                        burrow.call("create_entities", entities=entity(f"e{acknowledged}"))
                        acknowledged += 1
                        if acknowledged == before + 3:
                            killer = subprocess.Popen(["sh", "-c", f"sleep 0.2; kill -9 {burrow.process.pid}"])
                        time.sleep(0.003)
                except (OSError, http.client.HTTPException, ValueError):
                    pass
                expect(killer, f"{acknowledged - before} writes, and then none")
                killer.wait(BOUND_S)
                burrow.stop(kill=True)
                burrow.start()
                page = burrow.call("read_graph", limit=1000)
                names = {entity["name"] for entity in page["entities"]}
                wanted = {f"e{number}" for number in range(acknowledged)}
                expect(acknowledged < 1000 and wanted <= names <= wanted | {f"e{acknowledged}"},
                       f"{len(wanted)} acknowledged; lost {wanted - names}, too many {names - wanted}")


NEO4J = [a_neo4j_that_dies_stops_only_the_graph, burrow_starts_without_its_neo4j, a_wrong_password_is_told_apart,
         killed_again_and_again_both_agree]
TESTS = {"redis": REDIS, "neo4j": NEO4J}


def main():
    needed = {"redis": "redis-server", "neo4j": "mvn"}[sys.argv[3]]
    if shutil.which(needed) is None:
        print(f"{needed} missing; run make deps", file=sys.stderr)
        return 1 if os.environ.get("CI") == "true" else SKIPPED
    return run_tests([(test.__name__, test) for test in TESTS[sys.argv[3]]], parallel=1)


if __name__ == "__main__":
    sys.exit(main())
