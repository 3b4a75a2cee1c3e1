#!/usr/bin/env python3
"""cicada against FAISS: generated indexes, and index files that the library itself wrote. Every run
is audited; recall must be what such an index can have; a file is never written.

usage: faiss_target.py CICADA FAISS_MAKE_INDEX"""

import hashlib
import os
import subprocess
import sys
import tempfile

from cicada_support import Cicada, Failure, expect, outcomes_of, run_tests

cicada = Cicada(sys.argv[1])
folder = tempfile.TemporaryDirectory(prefix="cicada-faiss-")
subprocess.run([sys.argv[2], folder.name], check=True)


def path_of(name):
    return os.path.join(folder.name, name)


def run(url, *arguments, operations=400):
    return cicada.run("--users", "4", "--operations", str(operations), *arguments, url)


def facts_of(done):
    expect(done.result is not None, f"no result\n{done.describe()}")
    return done.result["targets"][0]["facts"]


def expect_all_ok(done, total):
    counts, reasons, started = outcomes_of(done.result)
    expect(counts == {"ok": total}, f"{counts} {reasons}\n{done.describe()}")
    expect(started == total, f"{started} of {total} started")
    wait = done.result["phases"][-1]["targets"][0]["parts"].get("thread_wait")
    expect(wait and wait["count"] == total, "the wait for a thread is not told")


def expect_recall(done, least, most):
    recall = facts_of(done)["recall"]
    expect(recall["value"] is not None, f"not measured: {recall}")
    expect(least <= recall["value"] <= most, f"recall {recall}, not from {least} to {most}")
    expect(recall["correct"] / recall["wanted"] == recall["value"], f"{recall} does not add up")
    expect(0 < recall["sample"] <= recall["searches"], f"{recall}")


def generated(query, least, most):
    def test():
        done = run(f"faiss:generated?vectors=2000&dimension=32&{query}")
        expect_all_ok(done, 400)
        expect_recall(done, least, most)
        expect(facts_of(done)["vectors_added"] > 0, "nothing was added")

    return test


def from_file(name, least, most, query="", names=("search", "search_batch", "add")):
    def test():
        path = path_of(name)
        before = hashlib.sha256(open(path, "rb").read()).hexdigest()
        done = run(f"faiss:{path}{query}")
        expect_all_ok(done, 400)
        expect_recall(done, least, most)
        offered = {operation["name"] for operation in done.result["targets"][0]["operations"]}
        expect(offered == set(names), f"{name} offers {offered}, not {names}")
        expect(facts_of(done)["vectors_added"] > 0, "nothing was added")
        expect(hashlib.sha256(open(path, "rb").read()).hexdigest() == before, "the file was written")

    return test


def judged(query, threshold, code, verdict, text):
    """A threshold on recall decides the verdict, in every report, and the audit agrees."""

    def test():
        report = os.path.join(cicada.folder.name, f"recall-{verdict}-{abs(hash(query))}")
        given = ("--threshold", threshold) if threshold else ()
        done = run(f"faiss:generated?vectors=2000&dimension=32&{query}", "--out", report,
                   "--threshold", "p99<10s", *given, operations=1500)
        expect(done.code == code, f"not {code}: {done.describe()}")
        findings = [f for f in done.result["findings"] if "recall" in f["figures"]]
        expect(len(findings) == 1, f"{findings}")
        found, figures = findings[0], findings[0]["figures"]
        expect(found["rule"] == "threshold" and found["verdict"] == verdict, f"{found}")
        expect(text in found["text"], f"\"{text}\" is not in {found['text']}")
        expect(figures["low"] <= figures["recall"] <= figures["high"], f"{figures}")
        expect(found["sample"] == facts_of(done)["recall"]["sample"] > 0, f"{found}")
        advice = [r["text"] for r in done.result.get("recommendations", []) if "recall@10" in r["text"]]
        expect(len(advice) == (verdict != "pass"), f"{advice}")
        for name in os.listdir(report):
            if name.endswith((".html", ".md", ".xml", ".json")):
                with open(os.path.join(report, name), encoding="utf-8") as file:
                    expect("recall@" in file.read(), f"{name} does not tell of it")

    return test


def refused(url, code, text, *arguments):
    def test():
        done = run(url, *arguments)
        expect(done.code == code, f"not {code}: {done.describe()}")
        expect(text in done.errors, f"does not say \"{text}\": {done.errors}")
        expect(done.result is None, "a result of nothing was written")

    return test


def plan(text):
    path = os.path.join(cicada.folder.name, f"plan-{abs(hash(text))}.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def written_is_found():
    """What a behaviour adds under a key, its search by that key finds: the id that add told."""
    done = cicada.run(
        plan("""
target: {url: "faiss:generated?type=hnsw&vectors=1000&dimension=16"}
users: 4
operations: 400
behaviours:
  - name: write and find
    steps:
      - command: add
        arguments: {key: "note ${user} ${iteration}"}
        captures: {id: /id}
      - command: search
        arguments: {key: "note ${user} ${iteration}", k: 1}
        captures: {found: /ids/0}
      - command: reconstruct
        arguments: {id: "${capture.found}"}
        checks: [/vector/15]
thresholds: ["errors<1%"]
""")
    )
    expect_all_ok(done, 400)


def dimension_mismatch():
    """A vector of the wrong length: told before the run where it is written, counted by name where
    it comes out of the data."""
    text = """
target: {{url: "faiss:generated?type=flat&vectors=100&dimension=4"}}
users: 2
operations: 50
data: {data}
requests:
  - {{command: search, arguments: {{vector: {vector}}}}}
thresholds: ["errors<1%"]
"""
    data = os.path.join(cicada.folder.name, "vectors.csv")
    with open(data, "w", encoding="utf-8") as file:
        file.write('vector\n"[1,2,3]"\n')
    done = cicada.run(plan(text.format(data=data, vector="[1, 2, 3]")))
    expect(done.code == 2 and "vectors of 4" in done.errors, done.describe())
    done = cicada.run(plan(text.format(data=data, vector='"${data.vector}"')))
    counts, reasons, started = outcomes_of(done.result)
    expect(counts == {"source_error": 50} and started == 50, f"{counts}")
    expect({reason["detail"] for reason in reasons} == {"dimension_mismatch"}, f"{reasons}")
    expect(done.code == 1, f"not 1: {done.describe()}")


def full_index():
    done = run("faiss:generated?type=flat&vectors=100&dimension=4&max_added=3")
    counts, reasons, _ = outcomes_of(done.result, "add")
    expect(counts["ok"] == 3 and counts["source_error"] > 0, f"{counts}")
    expect({reason["detail"] for reason in reasons} == {"index_full"}, f"{reasons}")


def interrupted():
    """Ctrl-C in mid-run: a partial result, with the recall of what was searched."""
    import json
    import signal
    import time

    path = cicada.result_path()
    child = subprocess.Popen(
        [cicada.program, "run", "--ui", "off", "--json", path, "--users", "4", "--duration", "60s",
         "faiss:generated?type=flat&vectors=1000&dimension=16"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    time.sleep(2)
    child.send_signal(signal.SIGINT)
    errors = child.communicate(timeout=60)[1]
    expect(child.returncode == 130, f"exit {child.returncode}: {errors}")
    with open(path, encoding="utf-8") as file:
        result = json.load(file)
    expect(result["partial"] is True, "not marked partial")
    expect(result["targets"][0]["facts"]["recall"]["value"] == 1.0, "recall of a flat index")


def timeouts():
    """Searches that take longer than the timeout end as such, and the run ends in time."""
    done = cicada.run("--users", "4", "--operations", "40", "--timeout", "1ms", "--tool", "*",
                      "faiss:generated?type=flat&vectors=20000&dimension=64&batch=512&threads=1",
                      bound_s=120)
    counts, _, started = outcomes_of(done.result)
    expect(started == 40 and counts.get("timeout", 0) > 0, f"{counts}")
    expect(set(counts) <= {"ok", "timeout", "cancelled", "not_run"}, f"{counts}")


ALL = ("search", "search_batch", "add", "range", "reconstruct")
tests = [
    ("flat: recall is 1", generated("type=flat", 1, 1)),
    ("ivf over all lists: recall is 1", generated("type=ivf&nlist=30&nprobe=30", 1, 1)),
    ("ivf over one list: recall is less", generated("type=ivf&nlist=30&nprobe=1", 0.2, 0.999)),
    ("hnsw with a wide search", generated("type=hnsw&ef=300", 0.97, 1)),
    ("hnsw with a narrow one: recall is less", generated("type=hnsw&M=4&ef=10", 0.05, 0.98)),
    ("a right index passes by default", judged("type=flat", None, 0, "pass", ">= 0.95, ")),
    ("a wrong one fails by default", judged("type=ivf&nlist=30&nprobe=1", None, 1, "fail", ", not >= 0.95, ")),
    ("a wrong one that is asked for less", judged("type=ivf&nlist=30&nprobe=1", "recall>=10%", 0, "pass",
                                                  ">= 0.1, ")),
    ("a flat index file", from_file("flat.index", 1, 1, names=ALL)),
    ("an IVF file as it is", from_file("ivf.index", 0.02, 0.9, names=ALL)),
    ("an IVF file with nprobe", from_file("ivf.index", 1, 1, "?nprobe=40", names=ALL)),
    ("an HNSW file", from_file("hnsw.index", 0.3, 0.999, names=ALL[:3] + ("reconstruct",))),
    ("an HNSW file with ef", from_file("hnsw.index", 0.97, 1, "?ef=500",
                                       names=ALL[:3] + ("reconstruct",))),
    ("a file with ids of its own", from_file("ids.index", 1, 1, names=ALL[:4])),
    ("an IVF file with ids of its own", from_file("ivf_ids.index", 1, 1, "?nprobe=40", names=ALL[:4])),
    ("an inner product file", from_file("inner.index", 1, 1, names=ALL)),
    ("a compressed file", from_file("pq.index", 0.5, 1, names=ALL[:3] + ("reconstruct",))),
    ("what is written is found", written_is_found),
    ("a wrong dimension of the index", refused(f"faiss:{path_of('flat.index')}?dimension=64", 2,
                                               "has vectors of 32, not 64")),
    ("a wrong dimension of a vector", dimension_mismatch),
    ("a missing index", refused("faiss:/nowhere/x.index", 3, "No such file")),
    ("an empty index", refused(f"faiss:{path_of('empty.index')}", 3, "no vectors")),
    ("a binary index", refused(f"faiss:{path_of('binary.index')}", 3, "no index that FAISS can read")),
    ("no index at all", refused(f"faiss:{__file__}", 3, "no index that FAISS can read")),
    ("a parameter the index has not", refused(f"faiss:{path_of('flat.index')}?ef=3", 2, "ef: ")),
    ("an index that is full", full_index),
    ("an interrupted run", interrupted),
    ("searches that time out", timeouts),
]
sys.exit(run_tests(tests, parallel=2))
