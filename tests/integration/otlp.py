#!/usr/bin/env python3
"""Metrics over OTLP/HTTP: what a receiver gets is well formed by the JSON mapping of OpenTelemetry's protocol
and adds up to the result; a receiver that is not there, or that refuses, is a warning. otlp.py CICADA"""

import http.server
import json
import re
import sys
import threading

from cicada_support import Cicada, expect, run_tests

TARGET = "null://?latency=2ms&operations=3&error_rate=0.05"


class Receiver:
    """Keeps what is posted to it, and answers as told."""

    def __init__(self, status=200, body=b"{}"):
        receiver = self
        self.requests = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                text = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append((self.path, dict(self.headers), text))
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


# ---- the messages of opentelemetry-proto, as JSON: every field there may be, and its form ----


def string(value):
    expect(isinstance(value, str), f"{value!r} is no string")
    return value


def whole(value):
    """64-bit integers are decimal strings."""
    expect(isinstance(value, str) and re.fullmatch(r"0|-?[1-9]\d*", value), f"{value!r} is no 64-bit integer")
    return int(value)


def number(value):
    expect(isinstance(value, (int, float)) and not isinstance(value, bool), f"{value!r} is no number")
    return value


def small(value):
    expect(isinstance(value, int) and not isinstance(value, bool), f"{value!r} is no 32-bit integer")
    return value


def boolean(value):
    expect(isinstance(value, bool), f"{value!r} is no boolean")
    return value


def message(**fields):
    def read(value):
        expect(isinstance(value, dict), f"{value!r} is no message")
        unknown = set(value) - set(fields)
        expect(not unknown, f"unknown fields {unknown}")
        return {name: fields[name](one) for name, one in value.items()}

    return read


def many(of):
    def read(value):
        expect(isinstance(value, list), f"{value!r} is no list")
        return [of(one) for one in value]

    return read


def attributes(value):
    pair = message(key=string, value=message(stringValue=string, intValue=whole, doubleValue=number))
    read = {}
    for one in many(pair)(value):
        expect(len(one["value"]) == 1 and one["key"] not in read, f"attribute {one}")
        read[one["key"]] = next(iter(one["value"].values()))
    return read


POINT = {"attributes": attributes, "startTimeUnixNano": whole, "timeUnixNano": whole}
NUMBER_POINT = message(**POINT, asInt=whole, asDouble=number)
HISTOGRAM_POINT = message(**POINT, count=whole, sum=number, scale=small, zeroCount=whole, min=number, max=number,
                          positive=message(offset=small, bucketCounts=many(whole)))
METRIC = message(
    name=string, description=string, unit=string, gauge=message(dataPoints=many(NUMBER_POINT)),
    sum=message(dataPoints=many(NUMBER_POINT), aggregationTemporality=small, isMonotonic=boolean),
    exponentialHistogram=message(dataPoints=many(HISTOGRAM_POINT), aggregationTemporality=small))
REQUEST = message(resourceMetrics=many(message(
    resource=message(attributes=attributes),
    scopeMetrics=many(message(scope=message(name=string, version=string), metrics=many(METRIC))))))


class Push:
    """One request: its resource, and its metrics by name."""

    def __init__(self, request):
        self.path, headers, self.text = request
        expect(headers.get("Content-Type") == "application/json", headers)
        root = REQUEST(json.loads(self.text))["resourceMetrics"]
        expect(len(root) == 1 and len(root[0]["scopeMetrics"]) == 1, "one resource, one scope")
        self.resource = root[0]["resource"]["attributes"]
        self.metrics = {}
        for metric in root[0]["scopeMetrics"][0]["metrics"]:
            kinds = set(metric) & {"gauge", "sum", "exponentialHistogram"}
            expect(len(kinds) == 1 and metric["name"] not in self.metrics, f"metric {metric['name']}")
            data = metric[kinds.pop()]
            expect(data.get("aggregationTemporality", 2) == 2, "sums are cumulative")
            self.metrics[metric["name"]] = data["dataPoints"]
            for point in data["dataPoints"]:
                self.start, self.now = point["startTimeUnixNano"], point["timeUnixNano"]
                expect(0 < self.start <= self.now, f"times {point}")

    def counts(self, name, **wanted):
        """Of a sum, by outcome."""
        return {point["attributes"]["outcome"]: point["asInt"] for point in self.points(name, **wanted)}

    def points(self, name, **wanted):
        return [point for point in self.metrics[name] if wanted.items() <= point["attributes"].items()]


def check_histogram(point, count, figures):
    expect(point["count"] == count, f"{point['count']} values, not {count}")
    buckets, scale = point["positive"]["bucketCounts"], point["scale"]
    expect(sum(buckets) + point["zeroCount"] == count, "the buckets hold what is counted")
    expect(len(buckets) <= 160 and buckets[0] and buckets[-1], f"{len(buckets)} buckets")
    base = 2.0 ** (2.0 ** -scale)
    low, high = base ** point["positive"]["offset"], base ** (point["positive"]["offset"] + len(buckets))
    expect(low / 1.002 <= point["min"] and point["max"] <= high * 1.002, f"{low} to {high}: {point['min']}, {point['max']}")
    rank, seen = -(-count // 2), 0
    for index, one in enumerate(buckets):
        seen += one
        if seen >= rank:
            middle = base ** (point["positive"]["offset"] + index + 0.5)
            break
    expect(abs(middle - figures["p50"]["ns"] / 1e9) < (base - 1) * middle, f"p50 {middle}, {figures['p50']}")


def what_arrives_is_the_result(cicada):
    with Receiver() as receiver:
        run = cicada.run("--warmup", "1s", "--users", "4", "--duration", "3s", "--tag", "build=7", "--otlp", receiver.url,
                         TARGET)
        push = Push(receiver.requests[-1])
        code, _, errors = cicada.command("report", run.path, "--otlp", receiver.url + "/v1/metrics")
        expect(code == 0, errors)
        again = Push(receiver.requests[-1])
    expect(push.path == again.path == "/v1/metrics", push.path)
    expect(push.text == again.text, "a stored result says something else than the run did")
    expect(push.resource["service.name"] == "cicada" and push.resource["cicada.tag.build"] == "7", push.resource)
    result, figures = run.result, run.result["figures"]
    expect(sum(push.counts("cicada.operations").values()) == figures["count"], push.counts("cicada.operations"))
    expect(push.counts("cicada.operations")["ok"] == figures["ok"] > 0, figures)
    check_histogram(push.metrics["cicada.operation.duration"][0], figures["ok"], figures)
    for point in push.points("cicada.operation.duration.percentile"):
        key = {0.5: "p50", 0.9: "p90", 0.95: "p95", 0.99: "p99", 0.999: "p99_9"}[point["attributes"]["quantile"]]
        expect(abs(point["asDouble"] - figures[key]["ns"] / 1e9) < 1e-12, f"{key}: {point}, {figures[key]}")
    for position, phase in enumerate(result["phases"], 1):
        counts = push.counts("cicada.phase.operations", **{"phase": phase["name"], "phase.position": position})
        expect(sum(counts.values()) == phase["figures"]["count"], f"{counts}, {phase['figures']}")
    names = [operation["name"] for operation in result["targets"][0]["operations"]]
    for index, name in enumerate(names):
        counts = push.counts("cicada.target.operations", operation=name)
        wanted = sum(sum(phase["targets"][0]["operations"][index]["outcomes"].values())
                     for phase in result["phases"] if phase["kind"] != "warmup")
        expect(sum(counts.values()) == wanted > 0, f"{name}: {counts}, not {wanted}")
    [code] = push.metrics["cicada.run.exit_code"]
    expect(code["asDouble"] == result["exit_code"] == run.code, code)


def a_run_that_goes_on_is_told_too(cicada):
    with Receiver() as receiver:
        run = cicada.run("--users", "2", "--duration", "23s", "--otlp", receiver.url, TARGET)
        pushes = [Push(request) for request in receiver.requests]
    expect(len(pushes) >= 3, f"{len(pushes)} pushes\n{run.errors}")
    expect(len({push.start for push in pushes}) == 1, "all count from one start")
    expect(len({push.resource["service.instance.id"] for push in pushes}) == 1, "one run is one instance")
    done = [sum(push.counts("cicada.operations").values()) for push in pushes]
    expect(done == sorted(done) and 0 < done[0] < done[1] < done[-1] == run.result["figures"]["count"], f"{done}")
    for push in pushes[:-1]:
        expect(push.metrics["cicada.users"][0]["asDouble"] == 2, push.metrics["cicada.users"])
        ok = push.counts("cicada.operations")["ok"]
        expect(push.metrics["cicada.operation.duration"][0]["count"] == ok, "as many latencies as successes")


def a_receiver_that_fails_is_a_warning(cicada):
    load = ["--users", "1", "--duration", "1s", TARGET]
    refused = b'{"partialSuccess":{"rejectedDataPoints":"3","errorMessage":"too \\u001b[31m old"}}'
    for receiver, words in [
        (Receiver(500, b"x"), "answered with status 500"),
        (Receiver(400, b'{"code":3,"message":"no such thing"}'), "status 400: no such thing"),
        (Receiver(200, refused), "3 data points were rejected: too \\x1b[31m old"),
    ]:
        with receiver:
            run = cicada.run("--otlp", receiver.url, *load)
        expect(run.code == run.result["exit_code"] != 3, run.describe())
        expect("warning: --otlp: the metrics were not pushed: " + receiver.url in run.errors, run.errors)
        expect(words in run.errors and "\x1b" not in run.errors, run.errors)
    run = cicada.run("--otlp", "http://user:hidden99@127.0.0.1:1", *load)
    expect(run.code == run.result["exit_code"] != 3 and "refused" in run.errors, run.describe())
    expect("hidden99" not in run.errors + run.output, run.errors)
    with open(run.path, encoding="utf-8") as file:
        expect("hidden99" not in file.read(), "the password is in the result")
    code, _, errors = cicada.command("report", run.path, "--otlp", "http://127.0.0.1:1")
    expect(code == 3 and "127.0.0.1:1/v1/metrics" in errors, f"exit {code}\n{errors}")
    for url in ("nonsense", "ftp://127.0.0.1/", "http://"):
        code, _, errors = cicada.command("run", "--otlp", url, *load)
        expect(code == 2 and "--otlp" in errors, f"{url}: exit {code}\n{errors}")


def names_are_made_visible(cicada):
    with Receiver() as receiver:
        run = cicada.run("--otlp", receiver.url, "--tag", "who=a\x1b]0;b\u202ec", "--users", "1", "--operations", "3", TARGET)
        push = Push(receiver.requests[-1])
    expect(run.result, run.describe())
    value = push.resource["cicada.tag.who"]
    expect("\x1b" not in value and "\u202e" not in value and "\\x1b" in value, value)


def main():
    def case(function):
        return (function.__name__, lambda: function(Cicada(sys.argv[1])))

    cases = [a_run_that_goes_on_is_told_too, what_arrives_is_the_result, a_receiver_that_fails_is_a_warning,
             names_are_made_visible]
    return run_tests([case(function) for function in cases], parallel=2)


if __name__ == "__main__":
    sys.exit(main())
