#!/usr/bin/env python3
"""The driver of examples/driver, built in with one file and one line: everything of cicada works on it.
example_driver.py CICADA"""

import json
import socketserver
import sys
import tempfile
import threading

from cicada_support import Cicada, expect, outcomes_of, run_tests


class Lines(socketserver.ThreadingTCPServer):
    daemon_threads, allow_reuse_address = True, True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Line)
        self.heard, self.lock = [], threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"lines://127.0.0.1:{self.server_address[1]}"


class Line(socketserver.StreamRequestHandler):
    """Says each line again; a line of "fail" is an error, of "close" the end, of "twice" two answers."""

    def handle(self):
        for line in self.rfile:
            with self.server.lock:
                self.server.heard.append(line.decode().rstrip("\n"))
            if line == b"close\n":
                return
            self.wfile.write(b"ERR no\n" if line == b"fail\n" else line + line if line == b"twice\n" else line)


def run(cicada, server, line=None, operations=400):
    arguments = {"line": line} if line else {}
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as plan:
        plan.write(json.dumps({"target": {"url": server.url}, "users": 4, "operations": operations,
                               "requests": [{"command": "line", "arguments": arguments}]}))  # JSON is YAML
        plan.flush()
        return cicada.run(plan.name)


def all_of_it_works(cicada):
    server = Lines()
    done = run(cicada, server)
    expect(done.result is not None, done.describe())
    counts, _, started = outcomes_of(done.result)
    expect(started == 400 and counts == {"ok": 400}, f"{counts}")
    expect(len(server.heard) == 400 and server.heard[0].startswith("hello "), f"{len(server.heard)} {server.heard[:2]}")


def what_goes_wrong_has_a_name(cicada):
    for line, kind in [("fail", "source_error"), ("close", "connection_reset")]:
        server = Lines()
        done = run(cicada, server, line, 40)
        counts, _, started = outcomes_of(done.result)
        expect(started == 40 and counts == {kind: 40}, f"{line}: {counts}")


def main():
    cases = [all_of_it_works, what_goes_wrong_has_a_name]
    return run_tests([(case.__name__, lambda case=case: case(Cicada(sys.argv[1]))) for case in cases], parallel=2)


if __name__ == "__main__":
    sys.exit(main())
