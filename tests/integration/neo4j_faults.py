#!/usr/bin/env python3
"""Bolt servers that go wrong, against the neo4j driver of cicada: each fault is one counted outcome, the run goes on,
and users come back on a new connection. The server is a few lines here: it greets as Neo4j does, answers a query that
only asks RETURN 1, and does its worst with any other.

usage: neo4j_faults.py CICADA [NAME_PART]"""

import json
import socket
import struct
import sys
import threading

from cicada_support import Cicada, expect, outcomes_of, run_tests

OPERATIONS = 6
SUCCESS = b"\xb1\x70\xa0"
ONE_FIELD = b"\xb1\x70\xa1\x86fields\x91\x81x"
RECORD = b"\xb1\x71\x91\x01"
IGNORED = b"\xb0\x7e"


def framed(*messages):
    return b"".join(struct.pack(">H", len(message)) + message + b"\0\0" for message in messages)


def failure(code, text="no reason"):
    fields = b"".join(bytes([0xD0, len(part)]) + part.encode() for part in ("code", code, "message", text))
    return b"\xb1\x7f\xa2" + fields


def failing(code):
    return framed(failure(code), IGNORED)


# name: (bytes in answer to a query, what follows: close, wait or go on; outcome, detail)
FAULTS = {
    "half an answer": (framed(ONE_FIELD) + b"\x00\x04\xb1\x71", "close", "connection_reset", "closed_before_answer"),
    "no answer, and the end": (b"", "close", "connection_reset", "closed_before_answer"),
    "no answer at all": (b"", "wait", "timeout", None),
    "noops for ever": (b"\0\0" * 1000, "wait", "timeout", None),
    "an answer without an end": (framed(ONE_FIELD, RECORD), "wait", "timeout", None),
    "bytes that are no message": (b"\x00\x05hello\x00\x00", "wait", "protocol_violation", "malformed_message"),
    "HTTP": (b"HTTP/1.1 500 Oops\r\n\r\n", "close", "connection_reset|protocol_violation", None),
    "a record before its query": (framed(RECORD, ONE_FIELD, SUCCESS), "go on", "protocol_violation", "record_fields"),
    "a record with two values for one field": (
        framed(ONE_FIELD, b"\xb1\x71\x92\x01\x02", SUCCESS), "go on", "protocol_violation", "record_fields",
    ),
    "no names of fields": (framed(SUCCESS, SUCCESS), "go on", "protocol_violation", "no_fields"),
    "ignored without a failure": (framed(IGNORED, IGNORED), "wait", "protocol_violation", "unexpected_message"),
    "an answer too many": (framed(ONE_FIELD, SUCCESS, SUCCESS), "wait", "ok|protocol_violation|timeout", None),
    "a syntax error": (failing("Neo.ClientError.Statement.SyntaxError"), "go on", "source_error", "syntax"),
    "a deadlock": (failing("Neo.TransientError.Transaction.DeadlockDetected"), "go on", "source_error", "deadlock"),
    "no memory": (failing("Neo.TransientError.General.OutOfMemoryError"), "go on", "source_error", "OOM"),
    "credentials that ran out": (failing("Neo.ClientError.Security.TokenExpired"), "go on", "source_error", "auth"),
    "an error of no class": (failing("Something.Else"), "go on", "source_error", "server_error"),
    "an answer in many pieces": (
        b"\x00\x02\xb1\x70" + b"\x00\x0b\xa1\x86fields\x91\x81x" + b"\0\0" + b"\0\0" + framed(RECORD, SUCCESS),
        "go on", "ok", None,
    ),
}  # fmt: skip


class Server:
    def __init__(self, answer, then):
        self.answer = answer
        self.then = then
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        try:
            while True:
                connection = self.listener.accept()[0]
                self.connections += 1
                threading.Thread(target=self.guarded, args=(connection,), daemon=True).start()
        except OSError:
            pass  # closed

    def guarded(self, connection):
        try:
            self.serve(connection, connection.makefile("rb"))
        except OSError:
            pass  # the client is gone
        finally:
            connection.close()

    @staticmethod
    def message(stream):
        body = b""
        while True:
            header = stream.read(2)
            if len(header) < 2:
                return None
            (length,) = struct.unpack(">H", header)
            if length == 0:
                return body
            body += stream.read(length)

    def serve(self, connection, stream):
        stream.read(20)
        connection.sendall(b"\x00\x00\x04\x05")
        for _ in range(2):  # HELLO, LOGON
            self.message(stream)
            connection.sendall(framed(SUCCESS))
        while (message := self.message(stream)) is not None:
            if message[1] == 0x02:  # GOODBYE
                return
            if message[1] == 0x0F:  # RESET
                connection.sendall(framed(SUCCESS))
            elif message[1] == 0x10:  # RUN, with its PULL behind it
                self.message(stream)
                if b"RETURN 1" in message:
                    connection.sendall(framed(ONE_FIELD, RECORD, SUCCESS))
                    continue
                connection.sendall(self.answer)
                if self.then == "close":
                    connection.shutdown(socket.SHUT_RDWR)
                    return
                if self.then == "wait":
                    while stream.read(1):
                        pass
                    return

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def run(cicada, url):
    plan = {
        "target": {"url": url, "options": {"nodes": 0}},
        "timeout": "500ms", "users": 2, "operations": OPERATIONS,
        "requests": [{"command": "custom", "arguments": {"name": "ask", "cypher": "MATCH (n) RETURN n AS x"}}],
    }  # fmt: skip
    path = cicada.result_path() + ".yaml"
    with open(path, "w", encoding="utf-8") as file:
        json.dump(plan, file)
    return cicada.run(path)


def check_fault(cicada, answer, then, outcome, detail):
    server = Server(answer, then)
    done = run(cicada, f"bolt://u:p@127.0.0.1:{server.port}")
    server.close()
    expect(done.result is not None, f"no result\n{done.describe()}")
    counts, reasons, started = outcomes_of(done.result)
    expect(started == OPERATIONS, f"{started} operations: {counts}\n{done.describe()}")
    expect(set(counts) <= set(outcome.split("|")), f"{counts} {reasons}, not {outcome}\n{done.describe()}")
    if detail:
        expect({reason.get("detail") for reason in reasons} == {detail}, f"{reasons}, not {detail}")
    if then == "go on" and detail != "auth":  # one that opened the target, one for each user
        expect(server.connections <= 3, f"{server.connections} connections to a server that goes on")


def check_no_bolt(cicada, answer, says):
    """Not even the handshake works: exit 3 and why."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        try:
            while True:
                connection = listener.accept()[0]
                connection.recv(20)
                connection.sendall(answer)
                connection.close()
        except OSError:
            pass  # closed

    threading.Thread(target=serve, daemon=True).start()
    done = run(cicada, f"bolt://127.0.0.1:{listener.getsockname()[1]}")
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    expect(done.code == 3, f"exit {done.code}, not 3\n{done.errors}")
    expect(says in done.errors, f"does not say {says!r}:\n{done.errors}")


def main():
    cicada = Cicada(sys.argv[1])
    part = sys.argv[2] if len(sys.argv) > 2 else ""
    tests = [(name, lambda fault=fault: check_fault(cicada, *fault)) for name, fault in FAULTS.items()]
    tests += [
        ("a handshake answered by HTTP", lambda: check_no_bolt(cicada, b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP server")),
        ("a handshake without a common version", lambda: check_no_bolt(cicada, b"\0\0\0\0", "none of the Bolt versions")),
        ("a handshake that is closed", lambda: check_no_bolt(cicada, b"", "TLS")),
        ("a version nobody offered", lambda: check_no_bolt(cicada, b"\0\0\0\x09", "not offered")),
    ]  # fmt: skip
    return run_tests([test for test in tests if part in test[0]])


if __name__ == "__main__":
    sys.exit(main())
