#!/usr/bin/env python3
"""The plain HTTP driver against nginx: HTTP/1.1, TLS, HTTP/2; methods, templated paths, headers and bodies
that nginx sends back; and what is expected of an answer.

usage: http_request_nginx.py CICADA [NAME_PART]"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from cicada_support import Cicada, Failure, expect, outcomes_of, run_tests
from redis_support import free_port

CONFIGURATION = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
events {{ worker_connections 512; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    default_type application/json;
    server {{
        listen 127.0.0.1:{port};
        listen 127.0.0.1:{tls_port} ssl http2;
        ssl_certificate {folder}/server.crt;
        ssl_certificate_key {folder}/server.key;
        location = /health {{ return 200 '{{"status":"ok","checks":[{{"name":"db","ok":true}}],"load":1.50}}'; }}
        location = /echo {{
            return 200 '{{"method":"$request_method","argument":"$arg_q","header":"$http_x_user","type":"$content_type","length":"$content_length","protocol":"$server_protocol"}}';
        }}
        location = /text {{ default_type text/plain; return 200 'no JSON'; }}
        location = /gone {{ return 410 '{{"error":"gone"}}'; }}
        location = /busy {{ return 503; }}
        location = /empty {{ return 204; }}
        location = /moved {{ return 302 /health; }}
        location = /large {{ alias {folder}/large.json; }}
        location /users/ {{ return 200 '{{"path":"$request_uri"}}'; }}
        location = /private {{ auth_basic "x"; auth_basic_user_file {folder}/users; alias {folder}/large.json; }}
    }}
}}
"""


class Nginx:
    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="cicada-nginx-")
        os.chmod(self.folder.name, 0o755)  # started by root, nginx's worker is somebody else
        self.port, self.tls_port = free_port(), free_port()
        names = ("-addext", "subjectAltName=IP:127.0.0.1")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.path("server.key"),
                        "-out", self.path("server.crt"), "-days", "2", "-subj", "/CN=test", *names],
                       check=True, capture_output=True)
        with open(self.path("large.json"), "w", encoding="ascii") as file:
            json.dump({"data": ["x" * 1000] * 3000, "last": 7}, file)
        with open(self.path("nginx.conf"), "w", encoding="ascii") as file:
            file.write(CONFIGURATION.format(folder=self.folder.name, port=self.port, tls_port=self.tls_port))
        self.start()
        return self

    def start(self):
        self.process = subprocess.Popen(["nginx", "-e", self.path("error.log"), "-c", self.path("nginx.conf")])
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                if time.monotonic() > until:
                    raise Failure("nginx does not start")
                time.sleep(0.02)

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(30)

    def __exit__(self, *exception):
        self.stop()
        self.folder.cleanup()

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def target(self, **more):
        return {"url": f"http://127.0.0.1:{self.port}/health", "driver": "http", **more}


def run_plan(cicada, plan, codes=(0, 1, 4)):
    path = os.path.join(cicada.folder.name, f"plan-{threading.get_ident()}-{time.monotonic_ns()}.yaml")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(plan, file)  # JSON is YAML
    run = cicada.run(path)
    expect(run.code in codes, run.describe())
    return run


def request(**arguments):
    return {"command": "custom", "arguments": arguments}


def all_ok(run, operations):
    counts, reasons, _ = outcomes_of(run.result)
    expect(counts == {"ok": operations}, f"{counts} {reasons}\n{run.describe()}")


def default_is_a_get(cicada, nginx):
    run = run_plan(cicada, {"target": nginx.target(), "users": 5, "operations": 500})
    all_ok(run, 500)
    expect(run.result["targets"][0]["facts"]["protocol"] == "HTTP/1.1", f"{run.result['targets'][0]['facts']}")
    expect(run.result["targets"][0]["operations"][0]["name"] == "GET", "another operation")


def over_tls_and_http2(cicada, nginx):
    for http2, protocol in ((True, "HTTP/2"), (False, "HTTP/1.1")):
        target = {"url": f"https://127.0.0.1:{nginx.tls_port}/health", "driver": "http", "http2": http2,
                  "cacert": nginx.path("server.crt")}
        run = run_plan(cicada, {
            "target": target, "users": 8, "in_flight": 4, "operations": 800,
            "requests": [request(path="/echo?q=${user}", headers={"X-User": "u${user}"},
                                 expect={"json": {"/argument": "${user}", "/header": "u${user}"}})]})
        all_ok(run, 800)
        facts = run.result["targets"][0]["facts"]
        expect(facts["protocol"] == protocol and facts["transport"] == "TLS", f"{facts}")
    run = run_plan(cicada, {"target": {"url": f"https://127.0.0.1:{nginx.tls_port}/", "driver": "http"}, "users": 1,
                            "operations": 1}, codes=(3,))
    expect("certificate" in run.errors, run.errors)


def sends_what_the_plan_says(cicada, nginx):
    """nginx tells what it got, and every answer is checked against what was meant to be sent."""
    run = run_plan(cicada, {
        "target": nginx.target(), "users": 7, "operations": 70,
        "requests": [request(method="POST", path="/echo?q=${iteration}", headers={"X-User": "${user}"},
                             body={"user": "${user:json}"},
                             expect={"status": 200, "json": {"/method": "POST", "/argument": "${iteration}",
                                                             "/header": "${user}", "/type": "application/json",
                                                             "/length": "10"}})]})
    all_ok(run, 70)
    run = run_plan(cicada, {
        "target": nginx.target(), "users": 1, "operations": 10,
        "requests": [request(method="PUT", path="/echo", body="some text", headers={"content-type": "x/y"},
                             expect={"json": {"/method": "PUT", "/type": "x/y", "/length": "9"}}),
                     request(method="DELETE", path="/echo", expect={"json": {"/method": "DELETE"}})]})
    all_ok(run, 10)


def paths_are_encoded(cicada, nginx):
    data = os.path.join(cicada.folder.name, "names.csv")
    with open(data, "w", encoding="utf-8") as file:
        file.write('name\n"a b"\n"é"\n"x/../y?"\n"line\nbreak"\n')
    run = run_plan(cicada, {
        "target": nginx.target(), "users": 1, "operations": 4, "data": data,
        "requests": [request(path="/users/${data.name}")]})
    all_ok(run, 4)
    with open(nginx.path("access.log"), encoding="utf-8") as log:
        lines = log.read()
    for path in ("/users/a%20b ", "/users/%C3%A9 ", "/users/x/../y? ", "/users/line%0Abreak "):
        expect(f"GET {path}" in lines, f"{path} was not asked for:\n{lines[-2000:]}")


def expectations(cicada, nginx):
    cases = [
        ("a status", request(path="/gone"), "http_status", 410, None),
        ("no success", request(path="/busy"), "http_status", 503, None),
        ("a redirect", request(path="/moved"), "http_status", 302, None),
        ("another one", request(path="/health", expect={"status": [201, 202]}), "http_status", 200, None),
        ("a value", request(path="/health", expect={"json": {"/status": "bad"}}), "check_failed", 0, "json"),
        ("nothing there", request(path="/health", expect={"json": {"/nowhere": 1}}), "check_failed", 0, "json"),
        ("no element", request(path="/health", expect={"json": {"/checks/1": 1}}), "check_failed", 0, "json"),
        ("another type", request(path="/health", expect={"json": {"/load": "1.5"}}), "check_failed", 0, "json"),
        ("no JSON", request(path="/text", expect={"json": {"": "no JSON"}}), "check_failed", 0, "no_json"),
        ("empty", request(path="/empty", expect={"json": {"": None}}), "check_failed", 0, "no_json"),
    ]
    good = [
        request(path="/gone", expect={"status": [404, 410], "json": {"/error": "gone"}}),
        request(path="/busy", expect={"status": "5xx"}),
        request(path="/moved", expect={"status": ["2xx", 302]}),
        request(path="/empty"),
        request(path="/health", expect={"json": {"/checks/0/ok": True, "/load": 1.5,
                                                 "/checks": [{"ok": True, "name": "db"}]}}),
        request(path="/large", expect={"json": {"/last": 7}}),
        request(method="HEAD", path="/health"),
        {**request(path="/health"), "checks": [{"pointer": "/status", "equals": "ok"}]},
    ]
    requests = []
    for name, entry, *_ in cases:
        entry["arguments"]["name"] = name
        requests.append(entry)
    run = run_plan(cicada, {"target": nginx.target(), "users": 2, "operations": 10 * len(cases), "requests": requests})
    for name, _, kind, code, detail in cases:
        counts, reasons, _ = outcomes_of(run.result, name)
        expect(counts == {kind: 10}, f"{name}: {counts}")
        expect(len(reasons) == 1 and reasons[0].get("code", 0) == code and reasons[0].get("detail") == detail,
               f"{name}: {reasons}")
    texts = {example["text"] for example in run.result["examples"] if example.get("text")}
    expect('at /status: "ok", not "bad"' in texts, f"{texts}")
    run = run_plan(cicada, {"target": nginx.target(), "users": 3, "operations": 30 * len(good), "requests": good})
    all_ok(run, 30 * len(good))


def captures_and_examples(cicada, nginx):
    run = run_plan(cicada, {
        "target": nginx.target(), "users": 2, "operations": 40,
        "behaviours": [{"steps": [
            {**request(path="/health"), "captures": {"name": "/checks/0/name"}},
            request(method="POST", path="/echo?q=${capture.name}", body={"of": "${capture.name}"},
                    expect={"json": {"/argument": "${capture.name}"}}),
        ]}]})
    all_ok(run, 40)
    requests = [json.loads(example["request"]) for example in run.result["examples"]]
    expect({"method": "POST", "path": "/echo?q=db", "body": {"of": "db"}} in requests, f"{requests}")


def credentials(cicada, nginx):
    password = subprocess.check_output(["openssl", "passwd", "-apr1", "right"]).decode().strip()
    with open(nginx.path("users"), "w", encoding="ascii") as file:
        file.write(f"ada:{password}\n")
    for given, expected in (("ada:right@", {"ok": 20}), ("ada:wrong@", {"http_status": 20})):
        run = run_plan(cicada, {"target": {"url": f"http://{given}127.0.0.1:{nginx.port}/private", "driver": "http"},
                                "users": 1, "operations": 20})
        counts, reasons, _ = outcomes_of(run.result)
        expect(counts == expected, f"{counts} {reasons}")
        with open(run.path, encoding="utf-8") as file:
            expect(given not in file.read(), "the password is in the result")


def wrong_usage(cicada, nginx):
    cases = [
        (request(path="health"), "begins with"),
        (request(path="/x", method="GET IT"), "arguments.method"),
        (request(path="/x", expect={"status": 99}), "expect.status"),
        (request(path="/x", expect={"json": {"status": 1}}), "JSON Pointer"),
        (request(path="/x", expect={"json": {"/id": "${uuid}"}}), "cannot be expected"),
        (request(path="/x", expects={}), "arguments.expects"),
        (request(path="/x", headers={"Content-Length": "1"}), "Content-Length"),
        (request(path="/x", headers={"A": "b\nc"}), "one line"),
        ({"command": "custom"}, "needs arguments"),
    ]
    for entry, says in cases:
        run = run_plan(cicada, {"target": nginx.target(), "users": 1, "operations": 1, "requests": [entry]}, codes=(2,))
        expect(says in run.errors, f"{entry}: does not say {says!r}:\n{run.errors}")
    run = run_plan(cicada, {"target": nginx.target(options={"pipeline": 2}), "users": 1, "operations": 1}, codes=(2,))
    expect("pipeline" in run.errors, run.errors)
    run = run_plan(cicada, {"target": {"url": f"http://127.0.0.1:{free_port()}/", "driver": "http"}, "users": 1,
                            "operations": 1}, codes=(3,))
    expect("cannot reach" in run.errors, run.errors)


def churn(cicada, nginx):
    run = run_plan(cicada, {"target": nginx.target(), "users": 3, "operations": 150, "requests": ["connection_churn"]})
    all_ok(run, 150)


def restarted_in_mid_run(cicada):
    with Nginx() as nginx:
        def restart():
            time.sleep(1)
            nginx.stop(signal.SIGINT)
            time.sleep(1)
            nginx.start()

        other = threading.Thread(target=restart)
        other.start()
        run = run_plan(cicada, {"target": nginx.target(), "users": 10, "duration": "4s", "think_time": "1ms"})
        other.join()
        counts, reasons, _ = outcomes_of(run.result)
        expect({"ok", "connect_refused"} <= set(counts) <= {"ok", "connect_refused", "connection_reset"},
               f"{counts} {reasons}")
        seconds = run.result["phases"][0]["targets"][0]["seconds"]
        expect(seconds[0]["ok"] and any(second["ok"] for second in seconds if second["at_s"] >= 3),
               f"{[second['ok'] for second in seconds]}")


def unanswered(cicada):
    """A server that accepts and is silent: each call times out, and takes its connection with it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        run = run_plan(cicada, {"target": {"url": f"http://127.0.0.1:{port}/", "driver": "http"}, "users": 3,
                                "operations": 9, "timeout": "200ms"}, codes=(0, 1, 3, 4))
    counts, reasons, _ = outcomes_of(run.result)
    expect(counts == {"timeout": 9}, f"{counts} {reasons}")


def main():
    cicada = Cicada(sys.argv[1])
    part = sys.argv[2] if len(sys.argv) > 2 else ""
    if not shutil.which("nginx") or not shutil.which("openssl"):
        if os.environ.get("CI"):
            print("nginx or openssl is not installed", file=sys.stderr)
            return 1
        print("1..0 # SKIP nginx or openssl is not installed")
        return 0
    with Nginx() as nginx:
        shared = [default_is_a_get, over_tls_and_http2, sends_what_the_plan_says, paths_are_encoded, expectations,
                  captures_and_examples, credentials, wrong_usage, churn]
        tests = [(test.__name__, lambda test=test: test(cicada, nginx)) for test in shared]
        tests += [(test.__name__, lambda test=test: test(cicada)) for test in (restarted_in_mid_run, unanswered)]
        return run_tests([test for test in tests if part in test[0]], parallel=2)


sys.exit(main())
