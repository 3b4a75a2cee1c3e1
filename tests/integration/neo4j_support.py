"""A real Neo4j for the tests: started on a free port by scripts/neo4j.sh, killed, started again, removed."""

import os
import subprocess

from cicada_support import expect
from redis_support import free_port

PASSWORD = "cicada-test"


class Neo4jServer:
    def __init__(self, root):
        self.root = root
        self.port = free_port()

    def script(self, command):
        done = subprocess.run(
            [os.path.join(self.root, "scripts", "neo4j.sh"), command, str(self.port)],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=400,
            env={**os.environ, "NEO4J_PASSWORD": PASSWORD, "NEO4J_COMPILER_LEVEL": "1"},
        )  # fmt: skip
        expect(done.returncode == 0, f"neo4j.sh {command}: {done.stderr.decode()[-3000:]}")

    def url(self, password=PASSWORD):
        return f"bolt://neo4j:{password}@127.0.0.1:{self.port}"

    def __enter__(self):
        self.script("start")
        return self

    def __exit__(self, *exception):
        self.script("remove")
