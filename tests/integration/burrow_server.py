#!/usr/bin/env python3
"""burrow as a process: sessions, who is let in, limits, subscriptions, figures, stdio, its end. The program
is the server with a table of tools of its own (burrow_test_tools.c); cicada is the client of two tests."""

import contextlib
import http.client
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

from cicada_support import BOUND_S, expect, execute, run_tests

PROGRAM, CICADA = sys.argv[1], sys.argv[2]
VERSION = "io.modelcontextprotocol/protocolVersion"
META = {VERSION: "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


class Server:
    """`with Server("--rate-limit", "2/s") as server: server.post({...})`"""

    def __init__(self, *options, environment=None, data=":memory:"):
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--listen", "127.0.0.1:0", "--data", data, *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, **(environment or {})})
        line = self.process.stdout.readline().decode()
        if "/mcp" not in line:
            raise AssertionError(f"no start: {line}{self.process.stderr.read().decode()}")
        self.port = int(line.split(":")[-1].split("/")[0])
        self.url = f"http://127.0.0.1:{self.port}/mcp"

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=30)
        if exception[0] is None:
            expect(self.process.returncode == 0, f"ended with {self.process.returncode}\n{errors.decode()}")
            expect(b"Sanitizer" not in errors, errors.decode())

    def request(self, method, path="/mcp", body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=BOUND_S)
        with contextlib.closing(connection):
            headers = headers or {}
            connection.request(method, path, body=body, headers=headers,
                               encode_chunked="Transfer-Encoding" in headers)
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode()

    def post(self, message, **headers):
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
                   **{name.replace("_", "-"): value for name, value in headers.items()}}
        body = message if isinstance(message, (str, bytes)) else json.dumps(message)
        status, given, text = self.request("POST", "/mcp", body, headers)
        return status, given, json.loads(text) if text else None

    def modern(self, method, params=None, **headers):
        params = params or {}
        headers = {"MCP_Protocol_Version": "2026-07-28", "Mcp_Method": method, **headers}
        if "name" in params:
            headers["Mcp_Name"] = params["name"]
        return self.post(request(method, {**params, "_meta": META}), **headers)

    def initialize(self, revision="2025-11-25"):
        status, headers, answer = self.post(request("initialize", {
            "protocolVersion": revision, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}))
        expect(status == 200 and answer["result"]["protocolVersion"] == revision, f"{status} {answer}")
        return headers["mcp-session-id"]


def request(method, params=None, number=1):
    return {"jsonrpc": "2.0", "id": number, "method": method, **({"params": params} if params is not None else {})}


def expect_status(answer, status):
    expect(answer[0] == status, f"status {answer[0]}, not {status}: {answer[2]}")
    return answer


def legacy_session():
    with Server() as server:
        session = server.initialize()
        note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        status, _, answer = server.post(note, Mcp_Session_Id=session)
        expect(status == 202 and answer is None, f"{status} {answer}")
        status, _, answer = server.post(request("ping"), Mcp_Session_Id=session, MCP_Protocol_Version="2025-11-25")
        expect(status == 200 and answer["result"] == {}, f"{status} {answer}")
        expect_status(server.post(request("ping")), 400)
        expect_status(server.post(request("ping"), Mcp_Session_Id="f" * 32), 404)
        expect_status(server.post(request("ping"), Mcp_Session_Id=session, MCP_Protocol_Version="1.0"), 400)
        expect(server.initialize() != session, "two sessions have one id")
        expect_status(server.request("DELETE"), 400)
        expect_status(server.request("DELETE", headers={"Mcp-Session-Id": session}), 204)
        expect_status(server.request("DELETE", headers={"Mcp-Session-Id": session}), 404)
        expect_status(server.post(request("ping"), Mcp_Session_Id=session), 404)


def legacy_batch():
    with Server() as server:
        batch = [request("ping", number=1), request("tools/call", {"name": "fail"}, 2)]
        status, _, answer = server.post(batch, Mcp_Session_Id=server.initialize("2025-03-26"))
        expect(status == 200 and [one["id"] for one in answer] == [1, 2], f"{status} {answer}")
        expect_status(server.post(batch, Mcp_Session_Id=server.initialize("2025-06-18")), 400)


def modern_calls():
    with Server() as server:
        status, headers, answer = server.modern("tools/call", {"name": "echo", "arguments": {"text": "é\n\""}})
        expect(status == 200 and answer["result"]["structuredContent"] == {"text": "é\n\""}, f"{answer}")
        expect("mcp-session-id" not in headers, "the modern era has no sessions")
        # a stray session id means nothing
        expect_status(server.modern("server/discover", Mcp_Session_Id="x"), 200)
        status, _, answer = server.modern("tools/call", {"name": "fail"})
        expect(answer["result"]["isError"] and "not_found" in answer["result"]["content"][0]["text"], f"{answer}")
        expect_status(server.modern("no/such"), 404)
        for headers, code in [({"Mcp_Method": "x"}, -32020), ({"MCP_Protocol_Version": "2025-11-25"}, -32020)]:
            status, _, answer = server.modern("tools/list", **headers)
            expect(status == 400 and answer["error"]["code"] == code, f"{status} {answer}")


def who_is_let_in():
    with Server() as server:
        for origin in ["http://localhost:3000", "http://127.0.0.1", f"http://[::1]:{server.port}"]:
            expect_status(server.modern("tools/list", Origin=origin), 200)
        for origin in ["http://evil.example", "null", "http://localhost.evil.example", "file://localhost",
                       "http://127.0.0.1@evil.example", "http://localhost:x"]:
            expect_status(server.modern("tools/list", Origin=origin), 403)
        expect_status(server.request("GET", "/healthz", headers={"Host": "evil.example"}), 403)
        expect_status(server.request("GET", "/healthz", headers={"Host": "localhost:1"}), 200)


def bearer():
    with Server("--token", "$BURROW_TEST_TOKEN", environment={"BURROW_TEST_TOKEN": "correct horse"}) as server:
        status, headers, _ = server.modern("tools/list")
        expect(status == 401 and headers["www-authenticate"].startswith("Bearer"), f"{status} {headers}")
        for wrong in ["Bearer correct hors", "Bearer correct horsee", "Bearer ", "Basic correct horse"]:
            expect_status(server.modern("tools/list", Authorization=wrong), 401)
        expect_status(server.modern("tools/list", Authorization="Bearer correct horse"), 200)
        expect_status(server.request("GET", "/metrics"), 401)
        expect_status(server.request("GET", "/healthz"), 200)


def forms_and_limits():
    with Server() as server:
        status, headers, _ = server.request("GET")
        expect(status == 405 and "POST" in headers["allow"], f"{status} {headers}")
        expect_status(server.request("GET", "/nothing"), 404)
        expect_status(server.request("POST", "/healthz"), 405)
        expect_status(server.post("{}", Content_Type="text/plain"), 415)
        expect_status(server.post("{}", Accept="text/html"), 406)
        expect_status(server.post("{"), 400)
        expect_status(server.request("GET", "/healthz", headers={"X-Long": "x" * 12000}), 200)
        expect_status(server.request("GET", "/healthz", headers={"X-Long": "x" * 20000}), 431)
        # said beforehand, and not said
        length = str((4 << 20) + 1)
        expect_status(server.request("POST", headers={"Content-Type": "application/json", "Content-Length": length}), 413)
        chunks = [b" " * (1 << 20)] * 5
        expect_status(server.request("POST", "/mcp", iter(chunks), {"Content-Type": "application/json",
                                                                  "Transfer-Encoding": "chunked"}), 413)
        text = "x" * 90000
        status, _, answer = server.modern("tools/call", {"name": "echo", "arguments": {"text": text}})
        expect(status == 200 and answer["result"]["structuredContent"]["text"] == text, f"{status}")


def rate_limit():
    with Server("--rate-limit", "0.01/s") as server:
        expect_status(server.modern("tools/list"), 200)
        status, headers, _ = server.modern("tools/list")
        expect(status == 429 and 1 <= int(headers["retry-after"]) <= 100, f"{status} {headers}")
        expect_status(server.request("GET", "/healthz"), 200)


def figures():
    with Server() as server:
        for name in ["echo", "echo", "fail"]:
            server.modern("tools/call", {"name": name, "arguments": {"text": "a"} if name == "echo" else {}})
        server.initialize()
        status, headers, text = server.request("GET", "/metrics")
        expect(status == 200 and headers["content-type"].startswith("text/plain; version=0.0.4"), f"{headers}")
        for line in ['burrow_tool_calls_total{tool="echo",outcome="success"} 2',
                     'burrow_tool_calls_total{tool="fail",outcome="failure"} 1',
                     'burrow_tool_duration_seconds_count{tool="echo"} 2', "burrow_sessions 1",
                     'burrow_http_answers_total{status="200"} 4', "burrow_tools 4"]:
            expect(line in text.splitlines(), f"no {line} in\n{text}")
        for line in text.splitlines():
            expect(line.startswith("#") or float(line.rsplit(" ", 1)[1]) >= 0, line)
        status, _, text = server.request("GET", "/healthz")
        expect(status == 200 and json.loads(text)["status"] == "ok", text)


def read_event(answer, ids=None):
    """The next message of a stream; comments and empty events are passed over. None at its end. The ids that
    came go to the list."""
    for raw in iter(answer.readline, b""):
        line = raw.decode().rstrip("\r\n")
        if line.startswith("id: ") and ids is not None:
            ids.append(line[4:])
        if line.startswith("data: "):
            return json.loads(line[6:])
    return None


class Stream:
    """`with Stream(server, "GET", headers={...}) as stream: stream.next()`"""

    def __init__(self, server, method, body=None, headers=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=BOUND_S)
        self.connection.request(method, "/mcp", json.dumps(body) if body else None, {
            "Accept": "application/json, text/event-stream", "Content-Type": "application/json", **headers})
        self.answer = self.connection.getresponse()
        self.ids = []

    def __enter__(self):
        expect(self.answer.getheader("content-type") == "text/event-stream",
               f"{self.answer.status} {self.answer.getheaders()}")
        return self

    def __exit__(self, *exception):
        self.answer.close()
        self.connection.close()

    def next(self):
        return read_event(self.answer, self.ids)

    def rest(self):
        return list(iter(self.next, None))


def method_of(message):
    return message["method"].rsplit("/", 1)[1] if "method" in message else "answer"


def memory_count(server, session):
    return len(server.post(request("resources/list"), Mcp_Session_Id=session)[2]["result"]["resources"])


def wait_until(holds, what):
    for _ in range(600):
        if holds():
            return
        time.sleep(0.05)
    expect(False, what)


COUNT = {"name": "count", "arguments": {"steps": 300}}


def modern_stream(server, params, number=1):
    return Stream(server, "POST", request("tools/call", params, number), {
        "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": params["name"]})


def progress_and_log():
    with Server() as server:
        level = "io.modelcontextprotocol/logLevel"
        with modern_stream(server, {**COUNT, "_meta": {**META, "progressToken": "p", level: "debug"}}) as stream:
            said = stream.rest()
        kinds = [method_of(one) for one in said]
        expect(kinds[-2:] == ["message", "answer"] and set(kinds[:-2]) == {"progress"}, f"{kinds}")
        steps = [one["params"]["progress"] for one in said[:-2]]
        expect(len(steps) > 2 and steps == sorted(set(steps)) and steps[-1] == 300, f"{steps}")
        expect(said[-1]["result"]["structuredContent"] == {"counted": 300}, f"{said[-1]}")
        # what says nothing before its answer keeps its plain form, and its status
        status, headers, answer = server.modern("tools/call", {"name": "echo", "arguments": {"text": "progressToken"}})
        expect(status == 200 and headers["content-type"] == "application/json", f"{status} {headers} {answer}")
        status, _, answer = server.post(request("tools/call", {**COUNT, "_meta": {"progressToken": 1}}))
        expect(status == 400 and "Mcp-Session-Id" in answer["error"]["message"], f"{status} {answer}")
        session = server.initialize()
        with Stream(server, "POST", request("tools/call", {**COUNT, "_meta": {"progressToken": 9}}),
                    {"Mcp-Session-Id": session}) as stream:
            said = stream.rest()
        expect([one["params"]["progressToken"] for one in said[:-1]] == [9] * (len(said) - 1) and len(said) > 3, f"{said}")
        expect(said[-1]["result"]["structuredContent"] == {"counted": 300}, f"{said[-1]}")


def legacy_stream():
    with Server() as server:
        session = server.initialize()
        headers = {"Mcp-Session-Id": session}
        expect_status(server.request("GET", headers={**headers, "Accept": "application/json"}), 406)
        expect_status(server.request("GET", headers={"Mcp-Session-Id": "f" * 32, "Accept": "text/event-stream"}), 404)
        keep = request("tools/call", {"name": "keep", "arguments": {"text": "a"}})
        with Stream(server, "GET", headers=headers) as stream:
            for method, params in [("resources/subscribe", {"uri": "memory://1"}), ("logging/setLevel", {"level": "info"})]:
                _, _, answer = server.post(request(method, params), Mcp_Session_Id=session)
                expect(answer["result"] == {}, f"{answer}")
            expect_status(server.post(keep, Mcp_Session_Id=session), 200)
            expect_status(server.post(request("tools/call", {"name": "fail"}), Mcp_Session_Id=session), 200)
            heard = [stream.next() for _ in range(3)]
            expect([method_of(one) for one in heard] == ["list_changed", "updated", "message"], f"{heard}")
            expect(heard[2]["params"]["data"]["outcome"] == "not_found", f"{heard[2]}")
            expect(stream.ids[0] == "0" and len(set(stream.ids)) == len(stream.ids), f"{stream.ids}")
            has = stream.ids[2]  # that it heard the last was not noted
        expect_status(server.post(keep, Mcp_Session_Id=session), 200)  # while nobody listens
        with Stream(server, "GET", headers={**headers, "Last-Event-ID": has}) as stream:
            heard = [stream.next() for _ in range(2)]
            expect([method_of(one) for one in heard] == ["message", "list_changed"], f"{heard}")
            with Stream(server, "GET", headers=headers) as other:  # the newest one hears
                expect(stream.next() is None, "two streams of one session")
                expect_status(server.post(keep, Mcp_Session_Id=session), 200)
                expect(method_of(other.next()) == "list_changed", "no news")
                expect_status(server.request("DELETE", headers=headers), 204)
                expect(other.next() is None, "the stream outlives its session")
        # an older client would take an empty event for a broken message
        with Stream(server, "GET", headers={"Mcp-Session-Id": server.initialize("2025-03-26")}) as stream:
            expect(stream.answer.readline() == b":\n", "no comment")


def cancellation():
    long = {"name": "count", "arguments": {"steps": 100000}}
    with Server() as server:
        session = server.initialize()
        with Stream(server, "POST", request("tools/call", {**long, "_meta": {"progressToken": 1}}, "it"),
                    {"Mcp-Session-Id": session}) as stream:
            expect(method_of(stream.next()) == "progress", "no progress")
            for other in [server.initialize(), session]:  # another session cancels nothing of it
                note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "it"}}
                expect_status(server.post(note, Mcp_Session_Id=other), 202)
                if other != session:
                    expect([method_of(stream.next()) for _ in range(5)] == ["progress"] * 5, "it ended")
            expect(set(method_of(one) for one in stream.rest()) <= {"progress"}, "a cancelled call was answered")
        expect(memory_count(server, session) == 0, "something of a cancelled call was kept")
        # 2026-07-28: by closing the connection, whether it hears of progress or not
        for meta in [{**META, "progressToken": 1}, META]:
            body = json.dumps(request("tools/call", {**long, "_meta": meta})).encode()
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=BOUND_S)
            connection.request("POST", "/mcp", body, {
                "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
                "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "count"})
            time.sleep(0.3)  # it runs by then, or waits for its turn: both are cancelled
            connection.close()
        wait_until(lambda: memory_count(server, session) == 0 and 'tool="count",outcome="failure"} 3'
                   in server.request("GET", "/metrics")[2], "a call that nobody waits for goes on")


def subscription():
    server = Server()
    with server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=BOUND_S)
        body = request("subscriptions/listen", {"_meta": META, "notifications": {
            "resourcesListChanged": True, "resourceSubscriptions": ["memory://1"], "promptsListChanged": True}}, "sub")
        connection.request("POST", "/mcp", json.dumps(body), {
            "Content-Type": "application/json", "Accept": "text/event-stream, application/json",
            "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "subscriptions/listen"})
        answer = connection.getresponse()
        expect(answer.getheader("content-type") == "text/event-stream", f"{answer.getheaders()}")
        first = read_event(answer)
        expect(first["method"] == "notifications/subscriptions/acknowledged", f"{first}")
        expect("promptsListChanged" not in first["params"]["notifications"], f"{first}")
        expect_status(server.modern("tools/call", {"name": "keep", "arguments": {"text": "a"}}), 200)
        heard = [read_event(answer) for _ in range(2)]
        expect([one["method"].rsplit("/", 1)[1] for one in heard] == ["list_changed", "updated"], f"{heard}")
        for one in heard:
            expect(one["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"] == "sub", f"{one}")
        server.process.send_signal(signal.SIGTERM)
        last = read_event(answer)
        expect(last and last["id"] == "sub" and last["result"]["resultType"] == "complete", f"{last}")
        expect(read_event(answer) is None, "the stream goes on after its result")
        connection.close()


def closed_streams_are_forgotten():
    with Server() as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=BOUND_S)
        connection.request("POST", "/mcp", json.dumps(request("subscriptions/listen", {
            "_meta": META, "notifications": {"resourcesListChanged": True}})), {
                "Content-Type": "application/json", "MCP-Protocol-Version": "2026-07-28",
                "Mcp-Method": "subscriptions/listen"})
        answer = connection.getresponse()
        read_event(answer)
        expect("burrow_subscriptions 1" in server.request("GET", "/metrics")[2], "it is not counted")
        answer.close()
        connection.close()
        for _ in range(100):  # it is noticed when something is written to it
            server.modern("tools/call", {"name": "keep", "arguments": {"text": "a"}})
            if "burrow_subscriptions 0" in server.request("GET", "/metrics")[2]:
                return
            time.sleep(0.05)
        expect(False, "a closed stream stays")


def data_stays():
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "data")
        with Server(data=data) as server:
            server.modern("tools/call", {"name": "keep", "arguments": {"text": "lasting"}})
        with Server(data=data) as server:
            _, _, answer = server.modern("resources/read", {"uri": "memory://1"}, Mcp_Name="memory://1")
            expect("lasting" in answer["result"]["contents"][0]["text"], f"{answer}")


def keep_until_it_ends(server, kept):
    """Keeps texts one after the other; what was answered, by id."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        for number in itertools.count():
            text = f"the {number}th"
            _, _, answer = server.modern("tools/call", {"name": "keep", "arguments": {"text": text}})
            kept[answer["result"]["structuredContent"]["id"]] = text


def ends_while_calls_come():
    """Calls wait for each other to share a transaction; told to end, it ends well, and what it answered is there."""
    for _ in range(5):
        kept = {}
        with tempfile.TemporaryDirectory() as folder:
            data, plan = os.path.join(folder, "data"), os.path.join(folder, "plan.yaml")
            with Server(data=data) as server:
                with open(plan, "w", encoding="utf-8") as file:
                    file.write(f"target: {server.url}\nusers: 32\nduration: 5s\ntools:\n"
                               "  - {name: keep, arguments: {text: of many}}\n  - {name: echo, arguments: {text: said}}\n")
                load = subprocess.Popen([CICADA, "run", plan, "--ui", "off"], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
                client = threading.Thread(target=keep_until_it_ends, args=(server, kept))
                client.start()
                wait_until(lambda: len(kept) >= 100, "calls are answered")
                server.process.send_signal(signal.SIGTERM)
                client.join()
                load.kill()
                load.wait()
            with Server(data=data) as server:
                for number in sorted(kept)[-20:]:
                    uri = f"memory://{number}"
                    _, _, answer = server.modern("resources/read", {"uri": uri}, Mcp_Name=uri)
                    memory = json.loads(answer["result"]["contents"][0]["text"])
                    expect(memory["content"] == kept[number], f"{uri}: {answer}")


def talk(lines):
    """What the server says to these lines on stdio, by id; it must end well with its input."""
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    done = subprocess.run([PROGRAM, "serve", "--stdio", "--data", ":memory:"], input=text.encode(),
                          capture_output=True, timeout=BOUND_S)
    expect(done.returncode == 0 and b"Sanitizer" not in done.stderr, f"{done.returncode} {done.stderr.decode()}")
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def stdio_legacy():
    said = talk([request("initialize", {"protocolVersion": "2024-11-05", "capabilities": {},
                                        "clientInfo": {"name": "t", "version": "1"}}),
                 {"jsonrpc": "2.0", "method": "notifications/initialized"}, "", "no JSON",
                 request("tools/call", {"name": "echo", "arguments": {"text": "a"}}, 2), "[]",
                 "x" * (5 << 20), request("ping", None, 3)])
    expect(said[0]["result"]["protocolVersion"] == "2024-11-05", f"{said[0]}")
    expect([one.get("id") or one["error"]["code"] for one in said] == [1, -32700, 2, -32600, -32600, 3], f"{said}")


def stdio_modern():
    listen = {"_meta": META, "notifications": {"resourcesListChanged": True}}
    keep = {"_meta": META, "name": "keep", "arguments": {"text": "a"}}
    said = talk([request("server/discover", {"_meta": META}), request("subscriptions/listen", listen, 2),
                 request("subscriptions/listen", listen, 3), request("tools/call", keep, 4),
                 {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}},
                 request("tools/call", keep, 5)])
    kinds = [one.get("id") or one["method"].rsplit("/", 1)[1] for one in said]
    expect(kinds == [1, "acknowledged", "acknowledged", 4, "list_changed", "list_changed", 5, "list_changed", 3],
           f"{kinds}")


def stdio_notifications():
    begin = request("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                   "clientInfo": {"name": "t", "version": "1"}})
    said = talk([begin, request("logging/setLevel", {"level": "info"}, 2),
                 request("tools/call", {**COUNT, "_meta": {"progressToken": "p"}}, 3),
                 request("tools/call", {"name": "fail"}, 4)])
    kinds = [one.get("id") or method_of(one) for one in said]
    expect(kinds[:3] == [1, 2, "progress"] and kinds[-4:] == [3, "list_changed", "message", 4], f"{kinds}")
    for number, meta in [(3, {}), (4, META)]:
        cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}}
        said = talk([begin, request("tools/call", {"name": "count", "arguments": {"steps": 100000}, "_meta": meta}, number),
                     cancel, request("resources/list", {"_meta": meta}, 9)])
        expect([one.get("id") for one in said] == [1, 9] and said[1]["result"]["resources"] == [], f"{said}")


def options():
    cases = [(["serve", "--listen", "0.0.0.0:0", "--data", ":memory:"], "--token"),
             (["serve", "--data", ":memory:", "--listen", "nowhere"], "127.0.0.1:8765"), (["serve", "--rate-limit", "fast"], "100/s"),
             (["serve", "--token", "secret-text"], "@FILE"), (["serve", "--data", "/proc/none/x"], "/proc/none/x"),
             (["serve", "extra"], "extra"), ([], "usage")]
    for arguments, words in cases:
        code, _, errors = execute([PROGRAM, *arguments])
        expect(code == 2 and words in errors, f"{arguments}: exit {code}\n{errors}")
    for arguments, words in [(["--help"], "--rate-limit"), (["serve", "--help"], "--port-file"),
                             (["tools"], "### echo"), (["--version"], "burrow ")]:
        code, output, errors = execute([PROGRAM, *arguments])
        expect(code == 0 and words in output, f"{arguments}: exit {code}\n{errors}")
    with Server() as server:
        code, _, errors = execute([PROGRAM, "serve", "--data", ":memory:", "--listen", f"127.0.0.1:{server.port}"])
        expect(code == 2 and "in use" in errors, f"exit {code}\n{errors}")


def cicada_reaches_it():
    with Server() as server:
        for target in [[server.url], [server.url, "--protocol", "2025-11-25"],
                       ["--", PROGRAM, "serve", "--stdio", "--data", ":memory:"]]:
            code, output, errors = execute([CICADA, "diagnose", *target])
            expect(code == 0 and "The target works" in output, f"{target}: exit {code}\n{output}{errors}")
        code, output, errors = execute([CICADA, "tools", server.url])
        expect("echo" in output and "keep" in output, f"exit {code}\n{output}{errors}")


sys.exit(run_tests([(function.__name__, function) for function in [
    legacy_session, legacy_batch, modern_calls, who_is_let_in, bearer, forms_and_limits, rate_limit, figures,
    subscription, progress_and_log, legacy_stream, cancellation, stdio_notifications, closed_streams_are_forgotten, data_stays, ends_while_calls_come, stdio_legacy, stdio_modern, options,
    cicada_reaches_it]], parallel=2))
