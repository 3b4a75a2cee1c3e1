#!/usr/bin/env python3
"""burrow killed (SIGKILL) in the middle of writes, again and again on the same data: what was acknowledged is there
after the restart, what was deleted is not, no write is there by half, and the tiers agree. burrow_crash.py BURROW [ROUNDS]"""

import atexit
import http.client
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

BOUND_S = 60


class Burrow:
    def __init__(self, program, folder):
        self.port_file = os.path.join(folder, "port")
        if os.path.exists(self.port_file):
            os.unlink(self.port_file)
        self.process = subprocess.Popen(
            [program, "serve", "--listen", "127.0.0.1:0", "--data", folder, "--port-file", self.port_file],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        atexit.register(self.process.kill)  # also when a check fails
        end = time.monotonic() + BOUND_S
        while not (os.path.exists(self.port_file) and open(self.port_file).read().endswith("\n")):
            if self.process.poll() is not None:
                raise AssertionError(f"burrow ended: {self.process.stderr.read().decode()}")
            assert time.monotonic() < end, "burrow does not listen"
            time.sleep(0.002)
        self.port = int(open(self.port_file).read())

    def client(self):
        return Client(self.port)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stderr.close()


class Client:
    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=BOUND_S)
        self.count = 0

    def call(self, tool, **arguments):
        """The structured result; None when the tool refused; raises when the server is gone."""
        self.count += 1
        meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": {"name": "crash test", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": {}}
        body = {"jsonrpc": "2.0", "id": self.count, "method": "tools/call",
                "params": {"name": tool, "arguments": arguments, "_meta": meta}}
        self.connection.request("POST", "/mcp", json.dumps(body), {
            "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": tool})
        answer = json.loads(self.connection.getresponse().read())
        assert "result" in answer, answer
        return None if answer["result"].get("isError") else answer["result"]["structuredContent"]


def write_until_killed(port, seed, kept, gone):
    """Store memories of one to three passages and delete some of them; note what was acknowledged."""
    client, choice, mine = Client(port), random.Random(seed), []
    try:
        while True:
            word = f"word{choice.randrange(10**9)}"
            text = f"{word}. " + "This sentence makes it longer. " * choice.choice([1, 40, 70])
            stored = client.call("store_memory", name=word, content=text, tags=[word])
            kept[stored["id"]] = word
            mine.append(stored["id"])
            if choice.random() < 0.3:
                victim = mine.pop(choice.randrange(len(mine)))
                gone.add(victim)  # from here on it may be there or not; once acknowledged it may not
                client.call("delete_memory", id=victim)
                gone.add(-victim)
    except (OSError, http.client.HTTPException, ValueError):
        return


def one(database, sql):
    return database.execute(sql).fetchone()[0]


def check(folder, client, kept, gone):
    database = sqlite3.connect(f"file:{folder}/burrow.db?mode=ro", uri=True)
    there = {row[0] for row in database.execute("SELECT id FROM memories")}
    lost = [id for id in kept if id not in there and id not in gone]
    assert not lost, f"acknowledged and lost: {lost}"
    back = [id for id in gone if id > 0 and -id in gone and id in there]
    assert not back, f"deleted and there again: {back}"
    assert one(database, "PRAGMA integrity_check") == "ok"
    counts = {
        "passages without a vector": "SELECT count(*) FROM passages p WHERE NOT EXISTS"
                                     " (SELECT 1 FROM memory_vectors v WHERE v.id = p.id)",
        "vectors without a passage": "SELECT count(*) FROM memory_vectors v WHERE v.id NOT IN (SELECT id FROM passages)",
        "memories without a passage": "SELECT count(*) FROM memories WHERE id NOT IN (SELECT memory FROM passages)",
        "memories without a node": "SELECT count(*) FROM memories WHERE 'memory:' || id NOT IN (SELECT key FROM graph_nodes)",
        "nodes without a memory": "SELECT count(*) FROM graph_nodes WHERE type = 'memory' AND"
                                  " substr(key, 8) NOT IN (SELECT CAST(id AS TEXT) FROM memories)",
        "memories without their words": "SELECT count(*) FROM memories WHERE id <= (SELECT id FROM memory_words_end)"
                                        " AND id NOT IN (SELECT id FROM memory_words_docsize)",
        "words without their memory": "SELECT count(*) FROM memory_words_docsize WHERE id NOT IN (SELECT id FROM memories)",
    }
    for what, sql in counts.items():
        assert one(database, sql) == 0, f"{one(database, sql)} {what}"
    database.close()
    live = [id for id in kept if id in there]
    for id in random.sample(live, min(3, len(live))):  # the index in memory, made anew, knows them too
        found = client.call("retrieve_memory", query=kept[id], tag=kept[id], limit=5)["memories"]
        assert id in [memory["id"] for memory in found], f"memory {id} is not found by what it is about"


def main():
    program, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100
    kept, gone, choice = {}, set(), random.Random(7)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            burrow = Burrow(program, folder)
            check(folder, burrow.client(), kept, gone)
            writers = [threading.Thread(target=write_until_killed, args=(burrow.port, number * 10 + i, kept, gone))
                       for i in range(2)]
            for writer in writers:
                writer.start()
            time.sleep(choice.uniform(0.01, 0.08))  # the kill comes anywhere in a write
            burrow.kill()
            for writer in writers:
                writer.join()
        burrow = Burrow(program, folder)
        check(folder, burrow.client(), kept, gone)
        burrow.kill()
    assert len(kept) > rounds, f"only {len(kept)} memories were acknowledged"
    print(f"{rounds} kills, {len(kept)} memories acknowledged, {len([id for id in gone if id < 0])} deletions: nothing lost")


if __name__ == "__main__":
    main()
