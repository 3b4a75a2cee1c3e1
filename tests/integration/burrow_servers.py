#!/usr/bin/env python3
"""Runs a test program of burrow over a real server: a Redis or a Neo4j of its own, empty, ended after. Without one
it is skipped (exit 77), with CI=true that is a failure. burrow_servers.py redis|neo4j SOURCE_ROOT PROGRAM [ARGUMENT...]"""

import os
import shutil
import subprocess
import sys

SKIPPED = 77


def with_redis(command):
    from redis_support import RedisServer

    with RedisServer() as server:
        return subprocess.run(command, env={**os.environ, "BURROW_TEST_REDIS": server.url("/3")}).returncode


def with_neo4j(root, command):
    from neo4j_support import Neo4jServer

    with Neo4jServer(root) as server:
        return subprocess.run(command, env={**os.environ, "BURROW_TEST_NEO4J": server.url()}).returncode


def main():
    kind, root, command = sys.argv[1], sys.argv[2], sys.argv[3:]
    needed = {"redis": ["redis-server"], "neo4j": ["java", "javac", "mvn", "openssl"]}[kind]
    missing = [name for name in needed if shutil.which(name) is None]
    if missing:
        print(f"{' and '.join(missing)} missing; run make deps", file=sys.stderr)
        return 1 if os.environ.get("CI") == "true" else SKIPPED
    return with_redis(command) if kind == "redis" else with_neo4j(root, command)


if __name__ == "__main__":
    sys.exit(main())
