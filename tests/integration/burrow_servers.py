#!/usr/bin/env python3
"""Runs test programs of burrow, one after the other, over a real server: a Redis or a Neo4j of their own, which each
empties, ended after. Without one they are skipped, with CI=true that is a failure.
burrow_servers.py redis|neo4j SOURCE_ROOT PROGRAM..."""

import os
import shutil
import subprocess
import sys

from cicada_support import expect, run_tests


def cases_over(variable, url, programs):
    def case(program):
        done = subprocess.run([program], env={**os.environ, variable: url}, capture_output=True, text=True)
        said = "\n".join(line for line in (done.stdout + done.stderr).splitlines() if "[ RUN" not in line and "[       OK" not in line)
        expect(done.returncode == 0, f"exit {done.returncode}\n{said[-6000:]}")

    return [(os.path.basename(program), lambda program=program: case(program)) for program in programs]


def over_redis(programs):
    from redis_support import RedisServer

    with RedisServer() as server:
        return run_tests(cases_over("BURROW_TEST_REDIS", server.url("/3"), programs), parallel=1)


def over_neo4j(root, programs):
    from neo4j_support import Neo4jServer

    with Neo4jServer(root) as server:
        return run_tests(cases_over("BURROW_TEST_NEO4J", server.url(), programs), parallel=1)


def main():
    kind, root, programs = sys.argv[1], sys.argv[2], sys.argv[3:]
    needed = {"redis": ["redis-server"], "neo4j": ["java", "javac", "mvn", "openssl"]}[kind]
    missing = [name for name in needed if shutil.which(name) is None]
    if missing and os.environ.get("CI") == "true":
        print(f"{' and '.join(missing)} missing; run make deps", file=sys.stderr)
        return 1
    if missing:
        print(f"1..0 # SKIP {' and '.join(missing)} missing; run make deps")
        return 0
    return over_redis(programs) if kind == "redis" else over_neo4j(root, programs)


if __name__ == "__main__":
    sys.exit(main())
