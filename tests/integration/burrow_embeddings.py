#!/usr/bin/env python3
"""burrow over a server of embeddings: one of our own that speaks as OpenAI's /v1/embeddings does, with vectors that
know two synonyms, and that goes wrong when it is told to.

    burrow_embeddings.py BURROW"""

import contextlib
import hashlib
import http.client
import http.server
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

from cicada_support import BOUND_S, expect, execute, run_tests

BURROW = sys.argv[1]
SYNONYMS = {"automobile": "car", "vehicle": "car", "physician": "doctor"}
KEY = "a key of the test"


class Embeddings(http.server.ThreadingHTTPServer):
    """`fault` says how it goes wrong: None, "500", "short", "few", "garbage", "slow", "indexes", "numbers"."""

    def __init__(self, dimension=24):
        super().__init__(("127.0.0.1", 0), Answer)
        self.dimension, self.fault, self.requests, self.batches = dimension, None, 0, []
        self.slow = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.slow.set()
        self.shutdown()
        self.server_close()

    def vector(self, text):
        numbers = [0.0] * self.dimension
        for word in text.lower().replace(".", " ").split():
            digest = hashlib.sha256(SYNONYMS.get(word, word).encode()).digest()
            numbers[digest[0] % self.dimension] += 1 if digest[1] % 2 else -1
            numbers[digest[2] % self.dimension] += 1 if digest[3] % 2 else -1
        return numbers if any(numbers) else [1.0] + numbers[1:]


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        server = self.server
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server.requests += 1
        server.batches.append(len(request["input"]))
        if self.path != "/v1/embeddings" or request["model"] != "test-model" or \
                self.headers["Authorization"] != f"Bearer {KEY}":
            return self.give(401, {"error": "wrong"})
        if server.fault == "500":
            return self.give(500, {"error": "out of order"})
        if server.fault == "slow":
            server.slow.wait(BOUND_S)
        data = [{"index": i, "embedding": server.vector(text)} for i, text in enumerate(request["input"])]
        data.reverse()  # the index counts, not the order
        if server.fault == "short":
            data[0]["embedding"].pop()
        if server.fault == "few":
            data.pop()
        if server.fault == "indexes":
            data[0]["index"] = 99
        if server.fault == "numbers":
            data[0]["embedding"][0] = "1"
        self.give(200, "{" if server.fault == "garbage" else {"data": data})

    def give(self, status, body):
        text = (body if isinstance(body, str) else json.dumps(body)).encode()
        with contextlib.suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)


class Burrow:
    def __init__(self, *options, data=":memory:"):
        self.process = subprocess.Popen([BURROW, "serve", "--listen", "127.0.0.1:0", "--data", data, *options],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env={**os.environ, "EMBEDDINGS_KEY": KEY})
        line = self.process.stdout.readline().decode()
        if "/mcp" not in line:
            raise AssertionError(f"no start: {self.process.stderr.read().decode()}")
        self.port = int(line.split(":")[-1].split("/")[0])

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=60)
        if exception[0] is None:
            expect(self.process.returncode == 0 and b"Sanitizer" not in errors, f"{self.process.returncode} {errors.decode()}")

    def call(self, tool, **arguments):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=BOUND_S)
        meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
        connection.request("POST", "/mcp", json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": tool, "arguments": arguments, "_meta": meta}}), {
                "Content-Type": "application/json", "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call",
                "Mcp-Name": tool})
        result = json.loads(connection.getresponse().read())["result"]
        connection.close()
        return result["content"][0]["text"] if result.get("isError") else result["structuredContent"]


def options(server, path=""):
    return ["--embeddings", f"http://127.0.0.1:{server.server_address[1]}{path}", "--model", "test-model",
            "--embeddings-key", "$EMBEDDINGS_KEY"]


def fill(burrow):
    for name, content in [("a", "The automobile stands in the garage"), ("b", "Bread is baked at night"),
                          ("c", "The physician comes on Monday")]:
        kept = burrow.call("store_memory", name=name, content=content)
        expect(isinstance(kept, dict), f"{kept}")


def names(burrow, query):
    found = burrow.call("retrieve_memory", query=query, limit=3)
    return [memory["name"] for memory in found["memories"]] if isinstance(found, dict) else found


def finds_by_meaning():
    with Embeddings() as server, Burrow(*options(server)) as burrow:
        fill(burrow)
        expect(names(burrow, "car")[0] == "a" and names(burrow, "doctor")[0] == "c", f"{names(burrow, 'car')}")
        asked = server.requests
        names(burrow, "car")
        expect(server.requests == asked, "a text that is known was asked for again")
        server.batches.clear()
        text = " ".join(f"Sentence {i} of a long text that tells of many things one after another." for i in range(2000))
        kept = burrow.call("store_memory", name="long", content=text)
        expect(kept["passages"] > 100 and sum(server.batches) >= kept["passages"] - 1, f"{kept} {server.batches}")
        expect(max(server.batches) <= 64 and len(server.batches) <= kept["passages"] / 64 + 2, f"{server.batches}")
        expect(burrow.call("system_health")["status"] == "healthy", f"{burrow.call('system_health')}")


def faults():
    with Embeddings() as server, Burrow(*options(server, "/v1")) as burrow:
        fill(burrow)
        for fault, words in [("500", "HTTP 500"), ("short", "23 numbers"), ("few", "0 embeddings for 1"),
                             ("garbage", "not that of /v1/embeddings"), ("indexes", "indexes"), ("numbers", "no number")]:
            server.fault = fault
            said = burrow.call("store_memory", name="x", content=f"Text of fault {fault}")
            expect(isinstance(said, str) and said.startswith("tier_unavailable") and words in said, f"{fault}: {said}")
            health = burrow.call("system_health")
            expect(health["status"] == "degraded" and "vectors" in " ".join(health["reasons"]), f"{health}")
            expect(isinstance(burrow.call("add_todo", title="x"), dict), "a tool without vectors fails too")
            expect(isinstance(burrow.call("search_nodes", query="x"), dict), "a tool without vectors fails too")
            server.fault = None
            for _ in range(400):  # asked again after a while
                kept = burrow.call("store_memory", name=fault, content=f"Text of fault {fault}")
                if isinstance(kept, dict):
                    break
                time.sleep(0.05)
            expect(isinstance(kept, dict), f"{fault}: not repaired: {kept}")
            expect(burrow.call("system_health")["status"] == "healthy", f"{burrow.call('system_health')}")
        ids = [memory["name"] for memory in burrow.call("search_memory", query="Text of fault", limit=50)["memories"]]
        expect("x" not in ids, f"something of a failed call was kept: {ids}")


def slow_server_holds_nobody_up():
    with Embeddings() as server, Burrow(*options(server)) as burrow:
        fill(burrow)
        server.fault = "slow"
        waiting = threading.Thread(target=lambda: burrow.call("retrieve_memory", query="something new"))
        asked = server.requests
        waiting.start()
        while server.requests == asked and waiting.is_alive():
            time.sleep(0.01)
        expect(isinstance(burrow.call("add_todo", title="meanwhile"), dict), "the store is held up")
        expect(waiting.is_alive(), "the slow server answered")
        server.slow.set()
        waiting.join(BOUND_S)
        expect(not waiting.is_alive(), "no answer")


def another_model():
    with tempfile.TemporaryDirectory() as folder, Embeddings() as server, Embeddings(dimension=32) as other:
        data = os.path.join(folder, "data")
        with Burrow(*options(server), data=data) as burrow:
            fill(burrow)
        for wrong in [[], options(other)]:
            code, _, errors = execute(["env", f"EMBEDDINGS_KEY={KEY}", BURROW, "serve", "--listen", "127.0.0.1:0",
                                       "--data", data, *wrong])
            expect(code == 2 and "test-model" in errors and "--data" in errors, f"exit {code}\n{errors}")
        with Burrow(*options(server), data=data) as burrow:
            expect(names(burrow, "car")[0] == "a", "the vectors are gone")
        right = options(server)
        server.shutdown()
        server.socket.close()
        with Burrow(*right, data=data) as burrow:  # it is away at the start
            said = names(burrow, "car")
            expect(isinstance(said, str) and said.startswith("tier_unavailable"), f"{said}")
            expect(isinstance(burrow.call("add_todo", title="x"), dict), "a tool without vectors fails too")
        code, _, errors = execute(["env", f"EMBEDDINGS_KEY={KEY}", BURROW, "serve", "--listen", "127.0.0.1:0", "--data",
                                   ":memory:", *right])
        expect(code == 3 and "embeddings" in errors, f"exit {code}\n{errors}")


def options_are_checked():
    with Embeddings() as server:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        for arguments, code, words in [
                (["--embeddings", url], 2, "--model"), (["--model", "x"], 2, "--embeddings"),
                (["--embeddings", "ftp://x", "--model", "x"], 2, "--embeddings"),
                (["--embeddings", url, "--model", "x", "--embeddings-key", "plain"], 2, "@FILE"),
                (["--embeddings", url, "--model", "test-model"], 3, "--embeddings-key")]:
            ended, _, errors = execute([BURROW, "serve", "--listen", "127.0.0.1:0", "--data", ":memory:", *arguments])
            expect(ended == code and words in errors, f"{arguments}: exit {ended}\n{errors}")


sys.exit(run_tests([(function.__name__, function) for function in [
    finds_by_meaning, faults, slow_server_holds_nobody_up, another_model, options_are_checked]], parallel=2))
