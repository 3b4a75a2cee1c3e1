#!/usr/bin/env python3
"""The official inspector's command line on burrow, over HTTP and stdio: it lists the tools, calls them, and
reads resources and prompts.

    burrow_inspector.py BURROW NODE INSPECTOR_CLI"""

import json
import os
import signal
import subprocess
import sys

from cicada_support import BOUND_S, expect, run_tests

BURROW, NODE, CLI = sys.argv[1:4]


def inspect(target, method, *options):
    """What the inspector prints, parsed; its exit code with what it says on stderr when it fails."""
    done = subprocess.run([NODE, CLI, "--cli", *target, "--method", method, *options], capture_output=True,
                          timeout=BOUND_S, stdin=subprocess.DEVNULL, env={**os.environ, "NO_COLOR": "1"})
    if done.returncode != 0:
        return done.returncode, done.stderr.decode()
    return 0, json.loads(done.stdout)


def ask(target, method, *options):
    code, said = inspect(target, method, *options)
    expect(code == 0, f"{method} {options}: exit {code}\n{said}")
    return said


def session(target, lasting):
    """`lasting`: the server stays from one command to the next."""
    listed = ask(target, "tools/list")
    expect(listed["nextCursor"] and any(tool["name"] == "add_todo" for tool in listed["tools"]), f"{listed}"[:300])
    expect(all(tool["inputSchema"]["type"] == "object" for tool in listed["tools"]), "a tool without a schema")
    kept = ask(target, "tools/call", "--tool-name", "store_memory", "--tool-arg", "name=Harbour",
               "--tool-arg", "content=The harbour master is called Ada.")
    expect(kept["structuredContent"]["id"] == 1 and not kept.get("isError"), f"{kept}")
    missing = ask(target, "tools/call", "--tool-name", "get_todo", "--tool-arg", "id=99")
    expect(missing["isError"] and "not_found" in missing["content"][0]["text"], f"{missing}")
    wrong = ask(target, "tools/call", "--tool-name", "get_todo", "--tool-arg", "id=none")
    expect(wrong["isError"] and "/id" in wrong["content"][0]["text"], f"{wrong}")
    prompts = ask(target, "prompts/list")["prompts"]
    expect(any(prompt["name"] == "recall" for prompt in prompts), f"{prompts}")
    ask(target, "prompts/get", "--prompt-name", "recall", "--prompt-args", "topic=harbour")
    ask(target, "resources/templates/list")
    resources = ask(target, "resources/list")["resources"]
    expect(len(resources) == (1 if lasting else 0), f"{resources}")
    if lasting:
        found = ask(target, "tools/call", "--tool-name", "search_memory", "--tool-arg", "query=harbour master")
        expect(found["structuredContent"]["memories"][0]["name"] == "Harbour", f"{found}")
        read = ask(target, "resources/read", "--uri", "memory://1")
        expect("Ada" in read["contents"][0]["text"], f"{read}")
        code, said = inspect(target, "resources/read", "--uri", "memory://77")
        expect(code != 0 and "memory://77" in said, f"exit {code}\n{said}")


def over_http():
    server = subprocess.Popen([BURROW, "serve", "--listen", "127.0.0.1:0", "--data", ":memory:"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        url = "http" + server.stdout.readline().decode().strip().split("http", 1)[1]
        session([url, "--transport", "http"], True)
    finally:
        server.send_signal(signal.SIGTERM)
        code = server.wait(timeout=30)
    expect(code == 0, f"burrow ended with {code}")


def over_stdio():
    session([BURROW, "serve", "--stdio", "--data", ":memory:"], False)


sys.exit(run_tests([("over_http", over_http), ("over_stdio", over_stdio)], parallel=2))
