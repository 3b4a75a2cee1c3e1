#!/usr/bin/env python3
"""cicada against SQLite: what it leaves behind is looked at with Python's own sqlite3. Every run is
audited.

usage: sqlite_target.py CICADA"""

import glob
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

from cicada_support import Cicada, Failure, execute, expect, outcomes_of, run_tests

cicada = Cicada(sys.argv[1])
folder = tempfile.TemporaryDirectory(prefix="cicada-sqlite-")
count = 0


def fresh(name="x"):
    global count
    count += 1
    return os.path.join(folder.name, f"{name}-{count}.db")


def with_data(journal="delete"):
    path = fresh("mine")
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA journal_mode={journal}")
    database.execute("CREATE TABLE mine(id INTEGER PRIMARY KEY, word TEXT UNIQUE)")
    database.executemany("INSERT INTO mine(word) VALUES(?)", [(f"word {i}",) for i in range(100)])
    database.commit()
    database.close()
    return path


def run(url, *arguments, operations=600, **options):
    return cicada.run("--users", "4", "--operations", str(operations), *arguments, url, **options)


def plan(text):
    path = os.path.join(cicada.folder.name, f"plan-{abs(hash(text))}.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def dump(path):
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        journal = database.execute("PRAGMA journal_mode").fetchone()[0]
        check = database.execute("PRAGMA integrity_check").fetchone()[0]
        return journal, check, list(database.iterdump())
    finally:
        database.close()


def reasons_of(done, operation=None):
    counts, reasons, _ = outcomes_of(done.result, operation)
    return counts, {reason.get("detail") for reason in reasons}


def a_new_file():
    path = fresh()
    done = run(f"sqlite:{path}?rows=500")
    counts, _, started = outcomes_of(done.result)
    expect(counts == {"ok": 600} and started == 600, f"{counts}\n{done.describe()}")
    names = {operation["name"] for operation in done.result["targets"][0]["operations"]}
    expect(names == {"insert", "point_read", "range_read", "search", "update", "transaction"}, names)
    wait = done.result["phases"][-1]["targets"][0]["parts"].get("thread_wait")
    expect(wait and wait["count"] == 600, "the wait for a thread is not told")
    facts = done.result["targets"][0]["facts"]
    expect(facts["journal"] == "wal" and facts["file_bytes_after"] > 0, f"{facts}")
    expect(not glob.glob(path + "*"), f"left behind: {glob.glob(path + '*')}")


def weights():
    """Operations come as often as their weights say."""
    done = run(f"sqlite:{fresh()}?rows=200", operations=1000)
    for name, share in {"insert": 0.2, "point_read": 0.4, "range_read": 0.15, "search": 0.1,
                        "update": 0.1, "transaction": 0.05}.items():
        started = outcomes_of(done.result, name)[2]
        expect(abs(started - share * 1000) <= 12, f"{name}: {started} of 1000, not {share}")


def an_existing_file(journal):
    def test():
        path = with_data(journal)
        before = dump(path)
        done = run(f"sqlite:{path}?rows=300")
        counts, _, _ = outcomes_of(done.result)
        expect(counts == {"ok": 600}, f"{counts}\n{done.describe()}")
        expect(done.result["targets"][0]["facts"]["file_existed"] is True, "it existed")
        after = dump(path)
        expect(after == before, f"not as it was: {after[:2]} {before[:2]}")
        expect(after[1] == "ok", f"integrity: {after[1]}")

    return test


def own_sql():
    path = with_data()
    done = cicada.run(plan(f"""
target: {{url: "sqlite:{path}", options: {{rows: 0}}}}
users: 3
operations: 300
behaviours:
  - name: write, read back, remove
    steps:
      - command: custom
        arguments:
          name: write
          sql: INSERT INTO mine(word) VALUES(?) RETURNING id
          parameters: ["${{user}} ${{iteration}} it's"]
        captures: {{id: /rows/0/id}}
      - command: custom
        arguments:
          name: read
          sql: SELECT word, typeof(:id) AS type FROM mine WHERE id = :id
          parameters: {{id: "${{capture.id:json}}"}}
        checks:
          - {{pointer: /rows/0/type, equals: integer}}
          - /rows/0/word
      - command: custom
        arguments:
          name: remove
          transaction:
            - {{sql: DELETE FROM mine WHERE id = ?, parameters: ["${{capture.id:json}}"]}}
            - {{sql: SELECT count(*) AS n FROM mine WHERE id = ?, parameters: ["${{capture.id:json}}"]}}
        checks:
          - {{pointer: /rows/0/n, equals: 0}}
thresholds: ["errors<1%"]
"""))
    counts, reasons = reasons_of(done)
    expect(counts == {"ok": 300}, f"{counts} {reasons}\n{done.describe()}")
    names = {operation["name"] for operation in done.result["targets"][0]["operations"]}
    expect(names == {"write", "read", "remove"}, names)
    rows = sqlite3.connect(path).execute("SELECT count(*) FROM mine").fetchone()[0]
    expect(100 <= rows <= 103, f"{rows} rows") # 300 operations may end within each user's round


def refused(path, text, *, query="", code=3):
    def test():
        before = open(path, "rb").read() if os.path.isfile(path) else None
        done = run(f"sqlite:{path}{query}")
        expect(done.code == code, f"not {code}: {done.describe()}")
        expect(text in done.errors, f"does not say {text}: {done.errors}")
        after = open(path, "rb").read() if os.path.isfile(path) else None
        expect(after == before, "the file was changed")

    return test


def no_database():
    path = fresh("text")
    with open(path, "w", encoding="utf-8") as file:
        file.write("no database\n" * 100)
    refused(path, "SQLITE_NOTADB")()


def locked_at_the_start():
    path = with_data()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    done = run(f"sqlite:{path}?busy_timeout=50ms")
    expect(done.code == 3 and "SQLITE_BUSY" in done.errors, done.describe())
    expect("another process holds it" in done.errors, done.errors)
    other.execute("ROLLBACK")
    other.close()
    expect(dump(path)[1] == "ok", "integrity")


LOCKER = """
import glob, sqlite3, sys, time
path, seconds = sys.argv[1], float(sys.argv[2])
while True: # until cicada's tables are there
    database = sqlite3.connect(path, timeout=10, isolation_level=None)
    tables = database.execute("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'cicada%'").fetchone()
    if tables[0]:
        break
    database.close()
    time.sleep(0.02)
time.sleep(0.5)
database.execute("BEGIN IMMEDIATE")
time.sleep(seconds)
database.execute("COMMIT")
"""


def locked_in_mid_run():
    """Another process holds the write lock for a while: writers end as SQLITE_BUSY, readers go on,
    and all is well after."""
    path = with_data("wal")
    locker = subprocess.Popen([sys.executable, "-c", LOCKER, path, "1.5"])
    done = cicada.run("--users", "4", "--duration", "4s",
                      f"sqlite:{path}?rows=200&busy_timeout=20ms")
    expect(locker.wait(30) == 0, "the locker failed")
    counts, reasons = reasons_of(done)
    expect(counts.get("source_error", 0) > 0 and counts.get("ok", 0) > 0, f"{counts}")
    expect(set(counts) == {"ok", "source_error"}, f"{counts}")
    expect(reasons == {"SQLITE_BUSY"}, f"{reasons}")
    for name in ("point_read", "range_read", "search"):
        expect(set(outcomes_of(done.result, name)[0]) == {"ok"}, f"{name} reads in WAL")
    seconds = done.result["phases"][-1]["targets"][0]["seconds"]
    expect(not seconds[-1]["outcomes"].get("source_error") and seconds[-1]["ok"] > 0,
           f"the last second: {seconds[-1]['outcomes']}")
    expect(not [line for line in dump(path)[2] if "cicada" in line], "our tables are still there")


def full_by_pages():
    """max_pages stands for a disk that is full."""
    done = run(f"sqlite:{fresh()}?rows=20&max_pages=40", operations=2000)
    counts, reasons = reasons_of(done, "insert")
    expect(counts.get("source_error", 0) > 0 and counts.get("ok", 0) > 0, f"{counts}")
    expect(reasons == {"SQLITE_FULL"}, f"{reasons}")
    expect(set(outcomes_of(done.result, "point_read")[0]) == {"ok"}, "reads go on")


def limit_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (300 * 1024, 300 * 1024))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def full_by_the_system():
    """The system refuses to let the file grow: at most 300 KiB a file."""
    path = fresh()
    done = subprocess.run(
        [sys.argv[1], "run", "--ui", "off", "--users", "4", "--operations", "3000", "--json",
         "/dev/null", f"sqlite:{path}?rows=50"],
        capture_output=True, text=True, timeout=60, preexec_fn=limit_files)
    expect(done.returncode == 1, f"exit {done.returncode}: {done.stderr}")
    expect("SQLITE_IOERR" in done.stdout or "SQLITE_FULL" in done.stdout, done.stdout)
    expect(not glob.glob(path + "*"), f"left behind: {glob.glob(path + '*')}")


def full_disk():
    """A tmpfs of 1 MiB, where one may be mounted; SQLite calls it SQLITE_FULL."""
    place = os.path.join(folder.name, "small")
    os.mkdir(place)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", place],
                             capture_output=True)
    if mounted.returncode != 0:
        return # no privilege: the two tests above stand for it
    try:
        done = run(f"sqlite:{place}/x.db?rows=100", operations=6000)
        counts, reasons = reasons_of(done)
        expect(counts.get("source_error", 0) > 0 and counts.get("ok", 0) > 0, f"{counts}")
        expect(reasons <= {"SQLITE_FULL", "SQLITE_IOERR"} and "SQLITE_FULL" in reasons, f"{reasons}")
        expect(os.listdir(place) == [], f"left behind: {os.listdir(place)}")
        done = run(f"sqlite:{place}/y.db?rows=100000")
        expect(done.code == 3 and "SQLITE_FULL" in done.errors, done.describe())
        expect(os.listdir(place) == [], f"left behind: {os.listdir(place)}")
    finally:
        subprocess.run(["umount", place], check=True)


def damaged():
    """Pages overwritten under a database: it is said so, and nothing hangs."""
    path = with_data()
    database = sqlite3.connect(path)
    database.executemany("INSERT INTO mine(word) VALUES(?)", [(f"more {i:050}",) for i in range(3000)])
    database.commit()
    database.close()
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(b"\x5a" * 4096 * 20)
    text = f"""
target: {{url: "sqlite:{path}", options: {{rows: 0}}}}
users: 2
operations: 50
requests: [{{command: custom, arguments: {{sql: SELECT sum(length(word)) FROM mine}}}}]
"""
    done = cicada.run(plan(text))
    counts, reasons = reasons_of(done)
    expect(counts == {"source_error": 50}, f"{counts}")
    expect(reasons == {"SQLITE_CORRUPT"}, f"{reasons}")


def timeouts():
    """Queries without an end are interrupted at the timeout; the run ends."""
    done = cicada.run(plan(f"""
target: {{url: "sqlite:{fresh()}", options: {{rows: 0}}, timeout: 100ms}}
users: 4
operations: 12
requests:
  - command: custom
    arguments: {{sql: WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n}}
"""))
    counts, _ = reasons_of(done)
    expect(counts == {"timeout": 12}, f"{counts}\n{done.describe()}")
    expect(not glob.glob(os.path.join(folder.name, "x-*.db*")), "left behind")


def interrupted():
    path = with_data()
    before = dump(path)
    child = subprocess.Popen(
        [cicada.program, "run", "--ui", "off", "--json", cicada.result_path(), "--users", "4",
         "--duration", "60s", f"sqlite:{path}?rows=200"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    time.sleep(2)
    child.send_signal(signal.SIGINT)
    errors = child.communicate(timeout=60)[1]
    expect(child.returncode == 130, f"exit {child.returncode}: {errors}")
    expect(dump(path) == before, "not as it was")


tests = [
    ("a new file goes with the run", a_new_file),
    ("operations come by their weights", weights),
    ("an existing file is left as it was", an_existing_file("delete")),
    ("an existing file in WAL mode stays in it", an_existing_file("wal")),
    ("SQL of a plan's own", own_sql),
    ("a folder that is not there", refused("/nowhere/x.db", "No such file")),
    ("a folder in place of a file", refused(folder.name, "folder")),
    ("a setting that is none", refused("x.db", "has no setting", query="?speed=1", code=2)),
    ("a file that is no database", no_database),
    ("a database that is locked from the start", locked_at_the_start),
    ("a database that is locked in mid-run", locked_in_mid_run),
    ("a database that is full", full_by_pages),
    ("a file that may not grow", full_by_the_system),
    ("a disk that is full", full_disk),
    ("a damaged database", damaged),
    ("queries that time out", timeouts),
    ("an interrupted run", interrupted),
]
sys.exit(run_tests(tests, parallel=1))
