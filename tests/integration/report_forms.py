"""The forms of a result, each read by a program that is not ours where there is one: XML and CSV by
Python, the interval log by HdrHistogram's JavaScript library. report_forms.py CICADA FAULT_SERVER
[NODE NPM_FOLDER]"""

import csv
import functools
import io
import json
import math
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as xml

from cicada_support import Cicada, FaultServer, expect, outcomes_of, run_tests
from report_readers import read_prometheus, read_with_node

FORMS = {
    "html": "report.html",
    "junit": "junit.xml",
    "markdown": "summary.md",
    "prometheus": "metrics.prom",
    "csv": "seconds.csv",
    "hlog": "latency.hlog",
}
HOSTILE = "</script><img src=x onerror=alert(1)>]]>\"'`|,=@x\n\u001b[2J\u2028\u202e"

cicada = Cicada(sys.argv[1])
node, modules = (sys.argv[3], sys.argv[4]) if len(sys.argv) > 4 else (None, None)


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def make_result():
    """One run with failures, its forms written by the run itself."""
    out = os.path.join(cicada.folder.name, "out")
    with FaultServer(sys.argv[2], "--error-rate", "0.05") as server:
        run = cicada.run(
            "--out", out, "--warmup", "1s", "--users", "5", "--duration", "6s", "--tool", "ok_fast",
            "--threshold", "errors<1%", "--threshold", "p50<60s", server.url("/mcp"),
        )
    expect(run.result is not None, run.describe())
    return run, out


run, out = make_result()


def write_result(result):
    path = cicada.result_path()
    with open(path, "w", encoding="utf-8") as file:
        json.dump(result, file)
    return path


def report(path, form):
    target = os.path.join(cicada.folder.name, f"{os.path.basename(path)}.{form}")
    code, output, errors = cicada.command("report", path, f"--{form}", target)
    expect(code == 0, f"report --{form} exits with {code}: {output}{errors}")
    return read(target)


def hostile_result():
    result = json.loads(json.dumps(run.result))
    result["plan_name"] = HOSTILE
    for target in result["targets"]:
        target["name"] = target["description"] = HOSTILE
        for operation in target["operations"]:
            operation["name"] = HOSTILE
    for phase in result["phases"]:
        phase["name"] = HOSTILE
    for finding in result["findings"]:
        finding["text"] = finding["subject"] = HOSTILE
    for example in result.get("examples", []):
        example["response"] = example["text"] = HOSTILE
    return write_result(result)


def run_writes_every_form():
    for name in FORMS.values():
        path = os.path.join(out, name)
        expect(os.path.exists(path) and os.path.getsize(path) > 0, f"{name} was not written")


def report_writes_the_same():
    stored = os.path.join(cicada.folder.name, "again")
    code, _, errors = cicada.command("report", run.path, "--out", stored)
    expect(code == 0, errors)
    for name in FORMS.values():
        expect(read(os.path.join(stored, name)) == read(os.path.join(out, name)), f"{name} differs")


def plan_in_it_is_one():
    path = os.path.join(cicada.folder.name, "plan.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(run.result["plan"])
    code, output, errors = cicada.command("run", path, "--show-plan")
    expect(code == 0 and output == run.result["plan"], errors or output)


def junit_has_each_finding():
    for text in read(os.path.join(out, "junit.xml")), report(hostile_result(), "junit"):
        suites = xml.fromstring(text.encode())
        expect(suites.tag == "testsuites" and [one.tag for one in suites] == ["testsuite"], suites.tag)
        suite = suites[0]
        order = [child.tag for child in suite]
        expect(order == sorted(order, key=["properties", "testcase", "system-out", "system-err"].index), order)
        cases = suite.findall("testcase")
        findings = run.result["findings"]
        expect(len(cases) == len(findings) == int(suite.get("tests")), f"{len(cases)} cases")
        for tag, verdict in ("failure", "fail"), ("error", "inconclusive"), ("skipped", "information"):
            wanted = sum(finding["verdict"] == verdict for finding in findings)
            marked = [case.find(tag) for case in cases if case.find(tag) is not None]
            count = int(suite.get({"failure": "failures", "error": "errors"}.get(tag, tag)))
            expect(len(marked) == wanted == count, f"{len(marked)} {tag}, {wanted} findings {verdict}")
            expect(all(mark.get("message") and mark.text for mark in marked), f"a {tag} without text")
        expect(all(case.get("name") and case.get("classname") for case in cases), "a case without a name")
        float(suite.get("time"))
    failing = [f for f in run.result["findings"] if f["verdict"] == "fail"]
    expect(failing, "the run was made to fail a threshold")


METRIC = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*"'
SAMPLE = re.compile(rf"({METRIC})(?:\{{({LABEL}(?:,{LABEL})*)\}})? ([0-9.eE+-]+|NaN|[+-]Inf)")


def samples_of(text):
    """A checker of the text format: order, types, duplicates. -> {(name, labels): value}"""
    samples, types, family = {}, {}, None
    expect(text.endswith("\n"), "the last line must end")
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            family = line.split(" ", 3)[2]
            expect(family not in types, f"{family} twice")
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            expect(name == family and kind in ("counter", "gauge", "summary"), line)
            types[name] = kind
        else:
            match = SAMPLE.fullmatch(line)
            expect(match, f"no sample: {line!r}")
            name, labels, value = match.groups()
            allowed = [family] + ([family + "_sum", family + "_count"] if types[family] == "summary" else [])
            expect(name in allowed, f"{name} within {family}")
            key = name, labels or ""
            expect(key not in samples, f"{key} twice")
            samples[key] = float(value)
            if types[family] == "counter":
                expect(name.endswith("_total") and float(value) >= 0, line)
    return samples


def prometheus_is_well_formed():
    samples = samples_of(read(os.path.join(out, "metrics.prom")))
    counts, _, _ = outcomes_of(run.result)
    for kind in "ok", "tool_error":
        told = sum(v for (n, l), v in samples.items()
                   if n == "cicada_phase_operations_total" and f'outcome="{kind}"' in l)
        expect(told == counts.get(kind, 0), f"{told} {kind}, not {counts}")
    expect(samples["cicada_run_exit_code", ""] == run.code, "the exit code")


def prometheus_escapes():
    text = report(hostile_result(), "prometheus")  # its phases have one name: no series may occur twice
    expect("\u2028" not in text and "\x1b" not in text, "controls in it")
    samples_of(text)


def csv_adds_up():
    rows = list(csv.DictReader(io.StringIO(read(os.path.join(out, "seconds.csv")))))
    counts, _, started = outcomes_of(run.result)
    expect(sum(int(row["started"]) for row in rows) == started, "started")
    for kind in "ok", "tool_error":
        expect(sum(int(row[f"outcome_{kind}"]) for row in rows) == counts.get(kind, 0), kind)
    expect(all(None not in row and None not in row.values() for row in rows), "a row of another length")
    expect([int(row["at_s"]) for row in rows] == sorted(int(row["at_s"]) for row in rows), "order")
    rows = list(csv.DictReader(io.StringIO(report(hostile_result(), "csv"))))
    expect(all(not row["target"].startswith(("=", "+", "-", "@")) for row in rows), "a formula")
    expect(rows[0]["target"].startswith("</script><img"), rows[0])


def markdown_has_no_markup_of_theirs():
    text = report(hostile_result(), "markdown")
    plain = re.sub(r"(`+).+?\1", "", text)
    expect("<img" not in plain and "</script" not in plain, plain)
    expect("@x" not in plain, "a mention")
    for line in text.split("\n"):
        if line.startswith("|"):
            cells = len(re.findall(r"(?<!\\)\|", line))
            expect(cells in (4, 7, 9, 10), f"{cells} bars: {line}")


def html_is_whole_and_alone():
    for text in read(os.path.join(out, "report.html")), report(hostile_result(), "html"):
        expect(text.lower().count("<script") == 2 and text.lower().count("</script") == 2, "scripts")
        expect(not re.search(r"<(?:link|img|iframe|object|base)\b", text), "something is fetched")
        expect("url(" not in text and "@import" not in text, "the style fetches something")
        data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S).group(1)
        points = json.loads(data)["series"][0]["points"]
        counts, _, _ = outcomes_of(run.result)
        expect(sum(point[7] for point in points) == counts["ok"], "the points do not add up")
        expect(re.search(r'data-verdict="fail"', text), "the verdict")


@functools.cache
def readers():
    """What the libraries that others read the forms with say of them."""
    return read_with_node(node, modules, out)


def close(told, wanted):
    return abs(float(told) - wanted) <= 1e-9 * max(1, abs(wanted))


def prometheus_reads_back():
    families = read_prometheus(os.path.join(out, "metrics.prom"))
    if families is None:
        return
    phases = {str(i): phase for i, phase in enumerate(run.result["phases"], 1)}
    quantiles = 0
    for name, labels, value in families["cicada_phase_latency_seconds"]:
        figures = phases[labels["position"]]["figures"]
        if name.endswith("_count"):
            expect(value == figures["ok"] + figures["censored"], f"{labels}: {value}, not {figures}")
        elif not name.endswith("_sum"):
            member = "p" + f"{float(labels['quantile']) * 100:g}".replace(".", "_")
            expect(close(value, figures[member]["ns"] / 1e9), f"{labels}: {value}, not {figures[member]}")
            quantiles += 1
    expect(quantiles >= 4, f"{quantiles} quantiles")
    for _, labels, value in families["cicada_phase_operation_rate"]:
        wanted = phases[labels["position"]]["figures"]["rate_per_s"]
        expect(close(value, wanted), f"{labels}: {value}, not {wanted}")
    fired = {labels["rule"]: value for _, labels, value in families["cicada_alerts"]}
    expect(fired["high_error_rate"] == 1 and sum(fired.values()) == len(run.result["alerts"]), fired)
    held = {labels["rule"]: value for _, labels, value in families["cicada_alert_seconds"]}
    expect(held["high_error_rate"] >= 3 and held["tier_degraded"] == 0, held)


def csv_reads_back():
    rows, at = readers()["csv"], 0
    alert = next(alert for alert in run.result["alerts"] if alert["rule"] == "high_error_rate")
    end = alert["end"] if alert["end"] is not None else 10**9
    for phase in run.result["phases"]:
        for second in phase["targets"][0]["seconds"]:
            row, at = rows[at], at + 1
            for member in ("at_s", "users", "started", "ok", "failed", "in_flight", "bytes_received"):
                expect(float(row[member]) == second.get(member, 0), f"{member}: {row} is not {second}")
            latency = second.get("latency", {})
            buckets = dict(decode(latency.get("buckets", "")))
            for percent in (50, 95, 99):
                wanted = str(min(percentile_of(buckets, percent), latency["max_ns"])) if buckets else ""
                expect(row[f"p{percent}_ns"] == wanted, f"p{percent}: {row}, not {wanted}")
            wanted = alert["start_s"] <= second["at_s"] < end
            expect(("high_error_rate" in row["alerts"].split()) == wanted, f"{row['alerts']} at {second['at_s']}, {alert}")
    expect(at == len(rows), f"{len(rows)} rows, {at} seconds")


def junit_reads_back():
    root = readers()["junit"]
    suite = root["testsuite"][0]
    expect(len(suite["testcase"]) == suite["tests"] == len(run.result["findings"]), "cases")
    for case, finding in zip(suite["testcase"], run.result["findings"]):
        tag = {"fail": "failure", "inconclusive": "error", "information": "skipped"}.get(finding["verdict"])
        expect(case["classname"] == "cicada." + finding["rule"], case)
        if tag:
            expect(case[tag][0]["message"] == finding["text"], f"{case} is not {finding}")
        else:
            expect(not {"failure", "error", "skipped"} & set(case), f"{case} is not {finding}")
    properties = {one["name"]: one["value"] for one in suite["properties"]}
    expect(properties["cicada.verdict"] == run.result["verdict"], properties)


def markdown_reads_back():
    told = readers()["markdown"]
    rows = {cells[0].strip("`"): cells for cells in told["table"]}
    finding = next(f for f in run.result["findings"] if f["verdict"] == "fail")
    expect(rows["load"][2] == f"{run.result['phases'][-1]['figures']['count']:,}", rows["load"])
    expect(any(cells[1] == f"`{finding['rule']}`" for cells in told["table"]), "the finding that failed")
    expect(not told["link"] and not told["image"], told)


def decode(text):
    bucket = 0
    for token in text.split():
        distance, _, count = token.partition("x")
        bucket += int(distance)
        e = max(0, bucket // 1024 - 1)
        low = (bucket - 1024 * e) << e
        yield low + 2**e - 1, int(count or 1)


def percentile_of(buckets, percent):
    total = sum(buckets.values())
    rank = max(1, math.ceil(percent / 100 * total - 1e-9))
    seen = 0
    for high in sorted(buckets):
        seen += buckets[high]
        if seen >= rank:
            return high
    return 0


def hlog_reads_back():
    told = readers()["hlog"]
    expect(set(told) == {"", "warmup"}, f"tags {set(told)}")
    for tag in told:
        buckets = {}
        for phase in run.result["phases"]:
            if (phase["kind"] == "warmup") != (tag == "warmup"):
                continue
            for target in phase["targets"]:
                for operation in target["operations"]:
                    for high, count in decode((operation.get("latency_ok") or {}).get("buckets", "")):
                        buckets[high] = buckets.get(high, 0) + count
        expect(told[tag]["count"] == sum(buckets.values()) > 0, f"{tag}: {told[tag]['count']} values")
        expect(told[tag]["digits"] == 3, "digits")
        for percent, value in told[tag]["percentiles"].items():
            wanted = percentile_of(buckets, float(percent))
            expect(value == wanted, f"{tag or 'counted'} p{percent}: {value}, not {wanted}")


def what_is_wrong_is_told():
    broken = cicada.result_path()
    with open(broken, "w", encoding="utf-8") as file:
        file.write(json.dumps(run.result)[:5000])
    for arguments, words in [
        (["report"], "no result was given"),
        (["report", run.path, run.path], "second result"),
        (["report", run.path, "--htlm", "x"], "--html"),
        (["report", run.path, "--html", "/nonexistent/x.html"], "/nonexistent/x.html"),
        (["report", broken, "--html", "/dev/null"], "cut off"),
        (["run", "--html", "/nonexistent/x.html", "null://"], "/nonexistent"),
        (["run", "--ui", "tui", "null://"], "stderr is no terminal"),
        (["run", "--ui", "wbe", "null://"], "must be one of auto, plain, tui, web, off"),
    ]:
        code, output, errors = cicada.command(*arguments)
        expect(code != 0 and words in errors, f"{arguments}: {code} {output}{errors}")


def forms_go_to_a_stream():
    code, output, errors = cicada.command("report", run.path, "--csv", "/dev/stdout")
    expect(code == 0 and output.startswith("at_s,phase"), errors)


TESTS = [
    run_writes_every_form, report_writes_the_same, plan_in_it_is_one, junit_has_each_finding, prometheus_is_well_formed,
    prometheus_escapes, csv_adds_up, markdown_has_no_markup_of_theirs, html_is_whole_and_alone,
    what_is_wrong_is_told, forms_go_to_a_stream,
] + ([hlog_reads_back, prometheus_reads_back, csv_reads_back, junit_reads_back, markdown_reads_back] if node else [])
sys.exit(run_tests([(test.__name__.replace("_", " "), test) for test in TESTS]))
