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

from cicada_support import Failure, expect
from redis_support import RedisServer

SKIPPED = 77
BOUND_S = 60


class Burrow:
    """A burrow over HTTP, and a session of MCP in it."""

    def __init__(self, *arguments, data=":memory:"):
        self.folder = tempfile.TemporaryDirectory(prefix="burrow-test-")
        self.data = data
        self.arguments = arguments
        self.process = None

    def start(self):
        port_file = os.path.join(self.folder.name, "port")
        if os.path.exists(port_file):
            os.unlink(port_file)
        self.process = subprocess.Popen(
            [sys.argv[1], "serve", "--listen", "127.0.0.1:0", "--port-file", port_file, "--data", self.data,
             *self.arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
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
        todo = burrow.call("create_todo", title="water the ferns")["id"]
        burrow.call("get_todo", id=todo)
        expect(len(cached(server)) == 1, f"keys: {server.keys()}")
        server.stop(kill=True)
        expect(burrow.call("get_todo", id=todo)["title"] == "water the ferns", "the todo is another")
        burrow.call("update_todo", id=todo, title="water the moss")
        burrow.call("store_memory", name="moss", content="the moss is dry")
        expect(burrow.call("search_memories", query="moss")["results"], "nothing found")
        server.start()
        until(lambda: burrow.call("get_todo", id=todo) and cached(server), "the cache is never used again")
        expect(burrow.call("get_todo", id=todo)["title"] == "water the moss", "an old copy")


def what_changed_meanwhile_is_not_read_from_the_cache():
    """The server stands still, so that its keys outlive the outage; burrow is killed during it."""
    with RedisServer() as server, tempfile.TemporaryDirectory() as data:
        burrow = Burrow("--redis", server.url(), data=data)
        with burrow:
            todo = burrow.call("create_todo", title="old")["id"]
            other = burrow.call("create_todo", title="kept")["id"]
            burrow.call("get_todo", id=todo)
            server.commands(["SET", "burrow", "not burrow's"], ["SET", "burrow:other:todo:1", "another memory's"])
            server.process.send_signal(signal.SIGSTOP)
            try:
                burrow.call("update_todo", id=todo, title="new")
                burrow.stop(kill=True)
            finally:
                server.process.send_signal(signal.SIGCONT)
            expect(len(cached(server)) == 2, f"keys: {server.keys()}")
            burrow.start()
            expect(burrow.call("get_todo", id=todo)["title"] == "new", "an old copy after a restart")
            expect(burrow.call("get_todo", id=other)["title"] == "kept", "another todo")
            others = {key for key in server.keys() if key in ("burrow", "burrow:other:todo:1")}
            expect(len(others) == 2, f"foreign keys went: {server.keys()}")


def a_wrong_password_stops_no_tool():
    with RedisServer("--requirepass", "right-one", password="right-one") as server:
        with Burrow("--redis", f"redis://:wrong-one@127.0.0.1:{server.port}") as burrow:
            todo = burrow.call("create_todo", title="x")["id"]
            burrow.call("get_todo", id=todo)
        with Burrow("--redis", f"redis://:right-one@127.0.0.1:{server.port}/2") as burrow:
            todo = burrow.call("create_todo", title="x")["id"]
            burrow.call("get_todo", id=todo)
            expect(len(server.keys(2)) == 1, f"keys: {server.keys(2)}")


def over_tls_and_a_unix_socket():
    with RedisServer() as server, Burrow("--redis", f"unix://{server.socket}?db=1") as burrow:
        burrow.call("get_todo", id=burrow.call("create_todo", title="x")["id"])
        expect(len(server.keys(1)) == 1, f"keys: {server.keys(1)}")


def a_url_that_is_none_is_refused():
    for url in ("localhost:6379", "http://127.0.0.1:6379", "redis://127.0.0.1/x"):
        done = subprocess.run([sys.argv[1], "serve", "--stdio", "--data", ":memory:", "--redis", url],
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=BOUND_S)
        expect(done.returncode == 2 and b"--redis" in done.stderr, f"{url}: {done}")


REDIS = [a_redis_that_dies_stops_no_tool, what_changed_meanwhile_is_not_read_from_the_cache,
         a_wrong_password_stops_no_tool, over_tls_and_a_unix_socket, a_url_that_is_none_is_refused]


def main():
    tests = {"redis": REDIS}[sys.argv[3]]
    if sys.argv[3] == "redis" and shutil.which("redis-server") is None:
        print("redis-server missing; run make deps", file=sys.stderr)
        return 1 if os.environ.get("CI") == "true" else SKIPPED
    failed = 0
    print(f"1..{len(tests)}")
    for number, test in enumerate(tests, 1):
        try:
            test()
            print(f"ok {number} - {test.__name__}", flush=True)
        except (Failure, OSError, subprocess.SubprocessError) as failure:
            failed += 1
            print(f"not ok {number} - {test.__name__}\n# {str(failure)}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
