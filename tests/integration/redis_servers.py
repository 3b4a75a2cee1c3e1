#!/usr/bin/env python3
"""The Redis driver against real servers: every way to connect, the default mix, commands of a plan,
refusals, a server that dies and comes back, and what is left behind: nothing.

usage: redis_servers.py CICADA [NAME_PART]"""

import json
import os
import re
import signal
import sys
import threading
import time

from cicada_support import Cicada, Failure, expect, expect_came_back, outcomes_of, run_tests
from redis_support import RedisServer, free_port, installed

DEFAULT_MIX = {"GET", "SET", "HSET", "HGETALL", "LPUSH", "LRANGE", "ZADD", "ZRANGE", "INCR", "MULTI/EXEC", "EVAL"}
VERDICTS = (0, 1, 4)  # a verdict on thresholds is no business of these tests


def write_plan(cicada, plan):
    path = os.path.join(cicada.folder.name, f"plan-{threading.get_ident()}-{time.monotonic_ns()}.yaml")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(plan, file)  # JSON is YAML
    return path


def start_plan(cicada, plan):
    """Under way until it is interrupted, which is when the test has seen what it waits for."""
    return cicada.start(write_plan(cicada, {"duration": "1h", "lost_after": "1h", **plan}))


def run_plan(cicada, plan, *arguments, codes=VERDICTS):
    run = cicada.run(write_plan(cicada, plan), *arguments)
    expect(run.code in codes, run.describe())
    return run


def all_ok(run, operations):
    expect(run.result is not None, run.describe())
    counts, reasons, started = outcomes_of(run.result)
    expect(counts == {"ok": operations}, f"{counts} {reasons}\n{run.describe()}")
    return counts


def called(run):
    names = set()
    for phase in run.result["phases"]:
        for target in phase["targets"]:
            operations = run.result["targets"][target["target"]]["operations"]
            names |= {o["name"] for o, m in zip(operations, target["operations"]) if m["started"]}
    return names


def facts(run):
    return run.result["targets"][0]["facts"]


def custom(command, **more):
    key = "commands" if isinstance(command[0], list) else "command"
    return {"command": "custom", "arguments": {key: command}, **more}


def default_mix(cicada, server, target, **expected):
    run = run_plan(cicada, {"target": target, "users": 10, "operations": 2000})
    all_ok(run, 2000)
    expect(called(run) == DEFAULT_MIX, f"{called(run)}")
    for name, value in expected.items():
        expect(facts(run).get(name) == value, f"{name}: {facts(run)}")
    return run


def weights_hold(cicada, server):
    run = default_mix(cicada, server, server.url("/0"), protocol="RESP3", transport="TCP", database=0)
    for name, share in (("GET", 0.30), ("SET", 0.15), ("EVAL", 0.03)):
        _, _, started = outcomes_of(run.result, name)
        expect(started == round(2000 * share), f"{started} of {name}")


def counted(server, section, pattern):
    found = re.search(pattern, server.command("INFO", section))
    return int(found.group(1)) if found else 0


def reads(server):
    """GETs that the server has answered since it was started."""
    return counted(server, "commandstats", r"cmdstat_get:calls=(\d+)")


def refusals(server):
    return counted(server, "errorstats", r"errorstat_WRONGPASS:count=(\d+)")


def removes_what_it_made(cicada, server):
    server.commands(["SELECT", 5], ["SET", "cicada:theirs", "1"], ["SET", "other", "2"])
    with start_plan(cicada, {"target": server.url("/5?keys=200&ttl=1h"), "users": 5}) as run:
        run.wait_until(lambda: len(server.keys(5)) >= 2 + 200 + 4 * 20, "the keys of its data set")
        run = run.interrupt()
    expect(sorted(server.keys(5)) == ["cicada:theirs", "other"], f"left: {server.keys(5)[:5]}")
    expect(facts(run)["database"] == 5 and facts(run)["prefix"].startswith("cicada:"), f"{facts(run)}")


def expires_what_it_makes(cicada, server):
    found = {}

    def look():
        for key in server.keys(6):
            found[key] = server.commands(["SELECT", 6], ["TTL", key])[1]
        return len(found) >= 10

    with start_plan(cicada, {"target": server.url("/6?keys=10&ttl=500s"), "users": 5}) as run:
        run.wait_until(look, "keys to look at")
        run.interrupt()
    unbounded = {key: ttl for key, ttl in found.items() if ttl == -1 or ttl > 500}
    expect(not unbounded, f"without a bounded life: {unbounded}")


def two_runs_do_not_meet(cicada, server):
    """Runs at the same time have their own keys, also under a prefix of the plan's."""
    server.commands(["SELECT", 7], ["SET", "app:theirs", "1"])
    plan = {"target": {"url": server.url("/7"), "options": {"prefix": "app:", "keys": 50}}, "users": 2,
            "duration": "1s"}
    runs = []
    threads = [threading.Thread(target=lambda: runs.append(run_plan(cicada, plan))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    prefixes = {facts(run)["prefix"] for run in runs}
    expect(len(prefixes) == 2 and all(p.startswith("app:") for p in prefixes), f"{prefixes}")
    for run in runs:
        counts, reasons, _ = outcomes_of(run.result)
        expect(set(counts) == {"ok"}, f"{counts} {reasons}")
    expect(server.keys(7) == ["app:theirs"], f"left: {server.keys(7)[:5]}")


def resp2(cicada, server):
    default_mix(cicada, server, {"url": server.url(), "options": {"protocol": 2}}, protocol="RESP2",
                version=server.commands(["INFO", "server"])[0].split("redis_version:")[1].split("\r\n")[0])


def pipelined(cicada, server):
    """Many calls on few connections, and each still gets its own answer."""
    run = run_plan(cicada, {
        "target": {"url": server.url(), "options": {"pipeline": 16, "prepare": False}},
        "users": 64, "operations": 20000, "workers": 1,
        "requests": [custom(["ECHO", "u${user}-${iteration}"], name="custom", checks=[{"pointer": ""}])]})
    all_ok(run, 20000)
    most = max(second["connections"] for phase in run.result["phases"] for target in phase["targets"]
               for second in target["seconds"])
    expect(most <= 16, f"{most} connections for 64 users, 16 calls each")
    for example in run.result["examples"]:
        request, response = json.loads(example["request"]), json.loads(example["response"])
        expect(request["command"][1] == response, f"{request} is answered {response}")


def unix_socket(cicada, server):
    default_mix(cicada, server, f"unix://{server.socket}?database=2", transport="Unix socket", database=2)
    default_mix(cicada, server, f"redis+unix://{server.socket}", transport="Unix socket", database=0)


def commands_of_a_plan(cicada, server):
    run = run_plan(cicada, {
        "target": {"url": server.url("/8"), "options": {"prepare": False}}, "users": 3, "operations": 60,
        "requests": [
            custom(["SET", "{prefix}k:${user}", "v ${iteration} $${x}"]),
            {"command": "custom",
             "arguments": {"name": "pair", "commands": [["INCRBY", "{prefix}n", 5], ["GET", "{prefix}n"]]}},
            {"command": "INCR"},
        ]})
    all_ok(run, 60)
    expect(called(run) == {"SET {prefix}k:${user} v ${iteration} $${x}", "pair", "INCR"}, f"{called(run)}")
    expect(server.keys(8) == [], f"left: {server.keys(8)}")
    sent = [json.loads(e["request"]) for e in run.result["examples"]]
    sets = [s["command"] for s in sent if s.get("command", [""])[0] == "SET"]
    expect(sets and all(re.fullmatch(r"v \d+ \$\{x\}", words[2]) for words in sets), f"{sets}")


def checks_and_captures(cicada, server):
    server.commands(["SELECT", 9], ["HSET", "person", "name", "Ada", "age", "36"])
    for protocol, pointer in ((3, "/name"), (2, "/1")):  # a map, and a list of names and values
        run = run_plan(cicada, {
            "target": {"url": server.url("/9"), "options": {"prepare": False, "protocol": protocol}},
            "users": 1, "operations": 20,
            "behaviours": [{"steps": [
                {**custom(["HGETALL", "person"]), "captures": {"who": pointer},
                 "checks": [{"pointer": pointer, "equals": "Ada"}]},
                {**custom(["ECHO", "${capture.who}"]), "checks": [{"pointer": "", "equals": "Ada"}]},
            ]}]})
        all_ok(run, 20)
    run = run_plan(cicada, {
        "target": {"url": server.url("/9"), "options": {"prepare": False}}, "users": 1, "operations": 5,
        "requests": [custom(["GET", "nothing"], checks=[{"pointer": "", "equals": "something"}])]})
    counts, _, _ = outcomes_of(run.result)
    expect(counts == {"check_failed": 5}, f"{counts}")
    server.commands(["SELECT", 9], ["DEL", "person"])


def errors_by_name(cicada, server):
    """Each operation by itself ends in a source error with the server's own word for it."""
    server.commands(["SELECT", 10], ["SET", "text", "abc"], ["LPUSH", "list", "1"])
    cases = {
        "WRONGTYPE": ["GET", "list"],
        "NOSCRIPT": ["EVALSHA", "0" * 40, "0"],
        "unknown_command": ["NOSUCH", "x"],
        "arguments": ["GET"],
        "syntax": ["SET", "text", "1", "NX", "XX"],
        "ERR": ["INCR", "text"],
        "BUSYGROUP": [["XGROUP", "CREATE", "stream", "g", "$", "MKSTREAM"],
                      ["XGROUP", "CREATE", "stream", "g", "$"], ["DEL", "stream"]],
        "EXECABORT": None,
    }
    requests = []
    for detail, command in cases.items():
        if command is None:
            continue
        key = "commands" if isinstance(command[0], list) else "command"
        requests.append({"command": "custom", "arguments": {"name": detail, key: command}})
    # in a transaction: the error inside the answer of EXEC, and the one that aborts it
    requests.append({"command": "custom", "arguments": {
        "name": "in EXEC", "commands": [["MULTI"], ["LPUSH", "text", "x"], ["EXEC"]]}})
    run = run_plan(cicada, {"target": {"url": server.url("/10"), "options": {"prepare": False}}, "users": 2,
                            "operations": 8 * 10, "requests": requests})
    for detail in [d for d, c in cases.items() if c] + ["in EXEC"]:
        counts, reasons, started = outcomes_of(run.result, detail)
        expect(started == 10 and counts == {"source_error": 10}, f"{detail}: {counts}")
        wanted = "WRONGTYPE" if detail == "in EXEC" else detail
        expect([r.get("detail") for r in reasons] == [wanted], f"{detail}: {reasons}")
    server.commands(["SELECT", 10], ["DEL", "text", "list"])


def wrong_usage(cicada, server):
    plans = {
        "no option": ({"target": {"url": server.url(), "options": {"pipelin": 2}}}, 'no setting "pipelin"'),
        "no database": ({"target": server.url("/x")}, "number of a database"),
        "database that is not there": ({"target": server.url("/99")}, "DB index"),
        "subscribe": ({"requests": [custom(["SUBSCRIBE", "x"])]}, "SUBSCRIBE"),
        "half a transaction": ({"requests": [custom([["MULTI"], ["GET", "x"]])]}, "EXEC"),
        "no words": ({"requests": [custom([""])]}, "the command's name"),
        "no arguments": ({"requests": [{"command": "GET", "arguments": {"command": ["GET"]}}]}, "command: custom"),
    }
    for name, (plan, says) in plans.items():
        plan = {"target": server.url(), "users": 1, "operations": 1, **plan}
        run = run_plan(cicada, plan, codes=(2,))
        expect(says in run.errors, f"{name}: does not say {says!r}:\n{run.errors}")
    expect(server.keys() == [], f"left: {server.keys()[:5]}")


def tls(cicada):
    with RedisServer(plain=False) as server:
        server.stop()
        server.make_certificates()
        port = free_port()
        server.arguments = ["--tls-port", str(port), "--tls-cert-file", server.path("server.crt"),
                            "--tls-key-file", server.path("server.key"), "--tls-ca-cert-file",
                            server.path("ca.crt"), "--tls-auth-clients", "optional"]
        server.start()
        trusted = {"url": f"rediss://127.0.0.1:{port}/1", "cacert": server.path("ca.crt")}
        run = default_mix(cicada, server, trusted, transport="TLS", database=1)
        expect("TLSv1" in facts(run)["tls"], f"{facts(run)}")
        run = run_plan(cicada, {"target": f"rediss://127.0.0.1:{port}", "users": 1, "operations": 1}, codes=(3,))
        expect("certificate" in run.errors, run.errors)
        # Redis may also ask for the client's certificate
        server.stop()
        server.arguments[-1] = "yes"
        server.start()
        with_key = {**trusted, "cert": server.path("server.crt"), "key": server.path("server.key")}
        default_mix(cicada, server, with_key, transport="TLS")


def acl(cicada):
    with RedisServer() as server:
        server.commands(["ACL", "SETUSER", "loader", "on", ">secret:/?#@x", "~cicada:*", "+@all", "-@admin", "-info"],
                        ["CONFIG", "SET", "requirepass", "of the admin"])
        server.password = "of the admin"
        quoted = "secret%3A%2F%3F%23%40x"
        for options in ({}, {"protocol": 2}):
            target = {"url": f"redis://loader:{quoted}@127.0.0.1:{server.port}", "options": options}
            run = default_mix(cicada, server, target)
            with open(run.path, encoding="utf-8") as file:
                text = file.read()
            expect("secret:" not in text and quoted not in text, "the password is in the result")
            expect("secret:" not in run.output + run.errors, "the password is shown")
        # the password of the default user, in the URL and as an option from the environment
        run_ok = run_plan(cicada, {"target": f"redis://:of%20the%20admin@127.0.0.1:{server.port}", "users": 2,
                                   "operations": 200})
        all_ok(run_ok, 200)
        os.environ["CICADA_TEST_REDIS"] = "of the admin"
        run_ok = run_plan(cicada, {"target": {"url": server.url(), "options": {"password": "$CICADA_TEST_REDIS"}},
                                   "users": 2, "operations": 200})
        all_ok(run_ok, 200)
        # a command and a key that the ACL does not allow
        run = run_plan(cicada, {
            "target": f"redis://loader:{quoted}@127.0.0.1:{server.port}", "users": 1, "operations": 20,
            "requests": [custom(["GET", "not ours"]), custom(["CONFIG", "GET", "*"])]})
        counts, reasons, _ = outcomes_of(run.result)
        expect(counts == {"source_error": 20} and {r["detail"] for r in reasons} == {"NOPERM"}, f"{counts} {reasons}")


def refused_credentials(cicada):
    """The run goes on: every operation ends with detail auth, also for ten seconds and more."""
    with RedisServer("--requirepass", "right", password="right") as server:
        for rest, options in ((":wrong@", {}), (":wrong@", {"protocol": 2}), ("nobody:wrong@", {}), ("", {}),
                              ("", {"protocol": 2})):
            target = {"url": f"redis://{rest}127.0.0.1:{server.port}", "options": options}
            run = run_plan(cicada, {"target": target, "users": 4, "operations": 400, "thresholds": ["errors<1%"]})
            counts, reasons, _ = outcomes_of(run.result)
            expect(counts == {"source_error": 400}, f"{rest} {options}: {counts}\n{run.describe()}")
            expect({r["detail"] for r in reasons} == {"auth"}, f"{reasons}")
            expect(run.code == 1, f"exit {run.code}")
        run = run_plan(cicada, {"target": f"redis://:wrong@127.0.0.1:{server.port}", "users": 2, "duration": "12s",
                                "think_time": "50ms"})
        counts, reasons, _ = outcomes_of(run.result)
        expect(set(counts) == {"source_error"}, f"{counts}")
        expect(not run.result.get("partial"), "the target was given up")
        expect(server.keys() == [], "keys were written")


def credentials_put_right(cicada):
    """What an administrator corrects in mid-run is used at once, on the connections there are."""
    with RedisServer() as server:
        server.command("ACL", "SETUSER", "late", "on", ">old", "~*", "+@all")
        plan = {"target": {"url": f"redis://late:new@127.0.0.1:{server.port}", "options": {"pipeline": 4}},
                "users": 8, "think_time": "5ms"}
        with start_plan(cicada, plan) as run:
            run.wait_until(lambda: refusals(server) > 50, "refusals: more than those before the users begin")
            server.command("ACL", "SETUSER", "late", "resetpass", ">new")
            run.wait_until(lambda: reads(server) > 100, "reads with the right password")
            run = run.interrupt()
        counts, reasons, _ = outcomes_of(run.result)
        expect(counts.get("ok", 0) > 100 and counts.get("source_error", 0) > 0, f"{counts}")
        expect({r["detail"] for r in reasons if r["kind"] == "source_error"} == {"auth"}, f"{reasons}")
        expect(server.keys() == [], f"left: {server.keys()[:5]}")


def restarted_in_mid_run(cicada, pipeline):
    """Seen on the server, not by a clock: users work, it dies, it comes back, users work again, in one run."""
    with RedisServer() as server:
        users = 20
        plan = {"target": {"url": server.url(), "options": {"pipeline": pipeline, "keys": 10}}, "users": users,
                "think_time": "1ms"}
        with start_plan(cicada, plan) as run:
            run.wait_until(lambda: reads(server) > 500, "reads before the kill")
            server.stop(kill=True)
            time.sleep(1)  # for some attempts in vain
            server.start()
            run.wait_until(lambda: reads(server) > 500, "reads after the restart")
            done = run.interrupt()
        expect_came_back(done, users, {"ok", "connect_refused", "connection_reset", "cancelled", "not_run"})
        expect(server.keys() == [], f"left: {server.keys()[:5]}")


def gone_for_good(cicada):
    with RedisServer() as server:
        plan = {"target": server.url(), "users": 2, "think_time": "10ms", "connect_timeout": "1s"}
        with start_plan(cicada, plan) as run:
            run.wait_until(lambda: reads(server) > 10, "reads before the kill")
            server.stop(kill=True)
            run = run.interrupt()
        expect("could not be removed" in run.errors and "expire" in run.errors, run.errors)
    run = run_plan(cicada, {"target": f"redis://127.0.0.1:{free_port()}", "users": 1, "operations": 1}, codes=(3,))
    expect("cannot reach Redis" in run.errors and "refused" in run.errors, run.errors)


def given_up(port):
    """Connections to the port whose other end has closed, while the server has not: Linux, tcp(7), state CLOSE_WAIT."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        sockets = [line.split() for line in file.readlines()[1:]]
    return sum(int(fields[1].split(":")[1], 16) == port and fields[3] == "08" for fields in sockets)


def stalled(cicada):
    """A server that stops answering: timeouts, then new connections; late answers harm nobody."""
    with RedisServer() as server:
        plan = {"target": {"url": server.url(), "options": {"pipeline": 8}}, "users": 16, "timeout": "400ms",
                "think_time": "5ms"}
        with start_plan(cicada, plan) as run:
            run.wait_until(lambda: reads(server) > 100, "reads before the stall")
            server.process.send_signal(signal.SIGSTOP)
            try:
                run.wait_until(lambda: given_up(server.port), "a connection that is given up")
            finally:
                server.process.send_signal(signal.SIGCONT)
            before = reads(server)
            run.wait_until(lambda: reads(server) > before + 100, "reads after the stall")
            run = run.interrupt()
        counts, reasons, _ = outcomes_of(run.result)
        expect(set(counts) <= {"ok", "timeout", "cancelled", "not_run"}, f"{counts} {reasons}")
        expect(counts.get("timeout", 0) > 0, f"{counts}")
        expect(server.keys() == [], f"left: {server.keys()[:5]}")


def at_its_limits(cicada):
    with RedisServer("--maxmemory", "3mb") as server:
        run = run_plan(cicada, {
            "target": {"url": server.url(), "options": {"prepare": False}}, "users": 4, "operations": 400,
            "requests": [custom(["SET", "{prefix}${uuid}", "x" * 60000])]})
        counts, reasons, _ = outcomes_of(run.result)
        expect(counts.get("source_error", 0) > 0 and {r["detail"] for r in reasons} == {"OOM"}, f"{counts} {reasons}")
    with RedisServer("--maxclients", "10") as server:
        run = run_plan(cicada, {"target": server.url(), "users": 40, "duration": "1s", "think_time": "10ms"})
        counts, reasons, _ = outcomes_of(run.result)
        expect(counts.get("ok", 0) > 0 and counts.get("source_error", 0) > 0, f"{counts} {reasons}")
        expect({r["detail"] for r in reasons if r["kind"] == "source_error"} == {"max_clients"}, f"{reasons}")


def cluster_node():
    bus_port = free_port()
    server = RedisServer("--cluster-enabled", "yes", "--cluster-port", str(bus_port))
    server.bus_port = bus_port
    return server


def replica_and_cluster(cicada):
    with RedisServer() as master, RedisServer("--replicaof", f"127.0.0.1 {master.port}") as replica:
        until = time.monotonic() + 30
        while "master_link_status:up" not in replica.command("INFO", "replication"):
            expect(time.monotonic() < until, replica.command("INFO", "replication"))
            time.sleep(0.05)
        run = run_plan(cicada, {"target": replica.url(), "users": 2, "operations": 200})
        _, reasons, _ = outcomes_of(run.result, "SET")
        expect({r["detail"] for r in reasons} == {"READONLY"}, f"{reasons}")
        counts, _, _ = outcomes_of(run.result, "GET")
        expect(set(counts) == {"ok"}, f"{counts}")
        expect("no data set was written" in run.errors, run.errors)
    with cluster_node() as node:
        # half of the slots are ours, the others a node's that is not there
        node.commands(["CLUSTER", "ADDSLOTSRANGE", 0, 8191], ["CONFIG", "SET", "cluster-require-full-coverage", "no"])
        until = time.monotonic() + 20
        while "cluster_state:ok" not in node.command("CLUSTER", "INFO"):
            expect(time.monotonic() < until, node.command("CLUSTER", "INFO"))
            time.sleep(0.05)
        run = run_plan(cicada, {"target": node.url(), "users": 4, "operations": 1000, "requests": [{"command": "SET"}]})
        counts, reasons, _ = outcomes_of(run.result)
        expect(counts.get("ok", 0) > 300 and counts.get("source_error", 0) > 300, f"{counts}")
        expect({r["detail"] for r in reasons} == {"CLUSTERDOWN"}, f"{reasons}")
        expect(facts(run)["mode"] == "cluster", f"{facts(run)}")
        expect(node.commands(["KEYS", "*"])[0] == [], "keys are left")
    with cluster_node() as one, cluster_node() as two:
        one.commands(["CLUSTER", "ADDSLOTSRANGE", 0, 8191])
        two.commands(["CLUSTER", "ADDSLOTSRANGE", 8192, 16383])
        one.commands(["CLUSTER", "MEET", "127.0.0.1", two.port, two.bus_port])
        until = time.monotonic() + 30
        while any("cluster_state:ok" not in node.command("CLUSTER", "INFO") or
                  "cluster_known_nodes:2" not in node.command("CLUSTER", "INFO") for node in (one, two)):
            expect(time.monotonic() < until, one.command("CLUSTER", "INFO"))
            time.sleep(0.05)
        run = run_plan(cicada, {"target": one.url(), "users": 4, "operations": 1000, "requests": [{"command": "SET"}]})
        counts, reasons, _ = outcomes_of(run.result)
        expect(counts.get("ok", 0) > 300 and counts.get("source_error", 0) > 300, f"{counts}")
        expect({r["detail"] for r in reasons} == {"MOVED"}, f"{reasons}")


def connection_churn(cicada, server):
    run = run_plan(cicada, {"target": server.url(), "users": 3, "operations": 300,
                            "requests": ["connection_churn", "ping"]})
    all_ok(run, 300)


def large_values(cicada, server):
    """Values and answers larger than every buffer, cut by the network as it likes."""
    size = 3 * 1024 * 1024
    run = run_plan(cicada, {
        "target": {"url": server.url("/11"), "options": {"prepare": False, "pipeline": 4}}, "users": 8,
        "operations": 100,
        "requests": [{"command": "custom", "arguments": {"name": "large", "commands": [
            ["SETRANGE", "{prefix}large", size - 1, "x"], ["GET", "{prefix}large"], ["STRLEN", "{prefix}large"]]}}]})
    all_ok(run, 100)
    received = sum(m["bytes_received"] for p in run.result["phases"] for t in p["targets"] for m in t["operations"])
    expect(received > 100 * size, f"{received} bytes came")


def main():
    cicada = Cicada(sys.argv[1])
    part = sys.argv[2] if len(sys.argv) > 2 else ""
    if not installed():
        if os.environ.get("CI"):
            print("redis-server or openssl is not installed", file=sys.stderr)
            return 1
        print("1..0 # SKIP redis-server or openssl is not installed")
        return 0
    with RedisServer() as server:
        shared = [weights_hold, removes_what_it_made, expires_what_it_makes, two_runs_do_not_meet, resp2, pipelined,
                  unix_socket, commands_of_a_plan, checks_and_captures, errors_by_name, wrong_usage, connection_churn,
                  large_values]
        tests = [(test.__name__, lambda test=test: test(cicada, server)) for test in shared]
        tests += [(test.__name__, lambda test=test: test(cicada))
                  for test in (tls, acl, refused_credentials, credentials_put_right, gone_for_good, stalled,
                               at_its_limits, replica_and_cluster)]
        tests += [(f"restarted_in_mid_run, pipeline {depth}", lambda depth=depth: restarted_in_mid_run(cicada, depth))
                  for depth in (1, 8)]
        return run_tests([test for test in tests if part in test[0]], parallel=2)


sys.exit(main())
