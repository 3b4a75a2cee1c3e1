"""Results that are truncated, edited, newer, partial, of another kind, deep, huge or absurd: report, compare, merge and
audit say what is wrong and where, with exit code 2 (1 for an audit that does not add up), and never die of it.
bad_results.py CICADA FAULT_SERVER"""

import copy
import json
import os
import random
import sys

from cicada_support import Cicada, FaultServer, expect, run_tests

cicada = Cicada(sys.argv[1])
folder = cicada.folder.name
COMMANDS = {
    "report": lambda path: ["report", path, "--out", os.path.join(folder, "forms")],
    "audit": lambda path: ["audit", path],
    "compare": lambda path: ["compare", GOOD, path],
    "merge": lambda path: ["merge", SECOND, path, "--json", os.path.join(folder, "merged.json")],
}


def make(name, *options):
    path = os.path.join(folder, name)
    with FaultServer(sys.argv[2], "--error-rate", "0.2") as server:
        code, _, errors = cicada.command("run", "--ui", "off", "--no-tiers", "--json", path, "--users", "3", "--duration",
                                         "5s", "--tool", "ok_fast", "--tool", "tool_error", *options, server.url("/mcp"))
    expect(code == 1, f"exit {code}: {errors}")
    return path


def write(name, content):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def ask(command, path):
    """Exit code and what it says of that file; it must come to an end by itself."""
    code, output, errors = cicada.command(*COMMANDS[command](path))
    expect(code >= 0, f"{command} {path} died of signal {-code}\n{errors[-2000:]}")
    expect("Sanitizer" not in errors and "runtime error" not in errors, f"{command} {path}: {errors[-3000:]}")
    return code, output, errors


def refused(path, *words, commands=tuple(COMMANDS)):
    for command in commands:
        code, output, errors = ask(command, path)
        expect(code == 2, f"{command} {os.path.basename(path)}: exit {code}\n{output[-500:]}{errors}")
        for word in (os.path.basename(path), *words):
            expect(word in errors, f"{command} {os.path.basename(path)} does not say {word!r}: {errors}")


# ---- files --------------------------------------------------------------------------------------


def truncated():
    for share in (0.1, 0.5, 0.9, 0.999):
        refused(write(f"cut-{share}.json", TEXT[: int(len(TEXT) * share)]), "cut off")
    refused(write("empty.json", b""), "empty")
    refused(write("blank.json", b" \n\t "), "empty")


def of_another_kind():
    refused(write("object.json", {}), "not a cicada result")
    refused(write("array.json", [1, 2]), "not a cicada result")
    refused(write("other.json", {"schema": "k6-summary/1"}), "not a cicada result")
    refused(write("page.html", b"<!doctype html><title>x</title>"), "not valid JSON")
    refused(write("image.png", bytes(range(256)) * 20), "not valid JSON")
    refused(write("bom.json", b"\xef\xbb\xbf" + TEXT), "not valid JSON")
    refused(write("utf16.json", TEXT.decode().encode("utf-16")), "not valid JSON")
    refused(write("latin.json", TEXT.replace(b'"ok_fast"', b'"ok_f\xe4st"')), "not valid JSON")
    refused(os.path.join(folder, "missing.json"), "cannot open")
    refused(folder, "")


def newer_and_older():
    refused(write("newer.json", {**RESULT, "schema": "cicada-result/9"}), "newer")
    for schema in ("cicada-result/0", "cicada-result/", "cicada-result/1x", "cicada-result/-1",
                   "cicada-result/99999999999999999999"):
        refused(write("schema.json", {**RESULT, "schema": schema}), "schema")
    refused(write("number.json", {**RESULT, "schema": 1}), "not a cicada result")


def deep_and_huge():
    for depth in (3000, 200_000):
        refused(write("deep.json", b'{"schema":"cicada-result/1","plan":' + b"[" * depth + b"]" * depth + b"}"),
                "not valid JSON")
    refused(write("long.json", b'{"schema":"cicada-result/1","host":"' + b"x" * 5_000_000 + b'"}'), "")
    twice = TEXT.replace(b'"exit_code":', b'"exit_code":1,"exit_code":', 1)
    refused(write("twice.json", twice), "duplicate")


def partial():
    part = write("partial.json", {**RESULT, "partial": True, "partial_reason": "interrupted by a signal"})
    refused(part, "partial", "interrupted by a signal", commands=("compare",))
    code, output, _ = cicada.command("report", part)
    expect(code == 0 and "interrupted by a signal" in output, f"report of a part: exit {code}\n{output[:500]}")
    code, output, errors = ask("audit", part)
    expect(code == 0, f"a part adds up, too: exit {code}\n{output[-800:]}{errors}")


# ---- figures ------------------------------------------------------------------------------------

# (what, how to edit the document, the place that is named)
def first_operation(document):
    return document["phases"][0]["targets"][0]["operations"][0]


WRONG = [
    ("a text for a number", lambda d: d.update(duration_ns="6s"), "duration_ns"),
    ("a fraction for a count", lambda d: first_operation(d).update(started=1.5), "phases[0].targets[0].operations[0].started"),
    ("a negative count", lambda d: first_operation(d).update(started=-1), "phases[0].targets[0].operations[0].started"),
    ("an object for a list", lambda d: d.update(phases={}), "phases"),
    ("a list for an object", lambda d: d["phases"].__setitem__(0, []), "phases[0]"),
    ("nothing for a list", lambda d: d.update(targets=None), "targets"),
    ("a member that is not there", lambda d: d["phases"][0].pop("duration_ns"), "phases[0]"),
    ("a member that nobody knows", lambda d: d.update(surprise=1), "surprise"),
    ("a target that is not there", lambda d: d["phases"][0]["targets"][0].update(target=7), "phases[0].targets[0]"),
    ("an example of no target", lambda d: d["examples"][0].update(target=99), "examples[0].target"),
    ("an example of no operation", lambda d: d["examples"][0].update(operation=99), "examples[0].operation"),
    ("an outcome nobody knows", lambda d: first_operation(d)["outcomes"].update(lucky=1), "lucky"),
    ("a verdict nobody knows", lambda d: d.update(verdict="great"), "verdict"),
    ("buckets that do not decode", lambda d: first_operation(d)["latency_ok"].update(buckets="10 x"), "latency_ok.buckets"),
    ("buckets beyond the last", lambda d: first_operation(d)["latency_ok"].update(buckets="99999999"), "latency_ok.buckets"),
    ("buckets that overflow", lambda d: first_operation(d)["latency_ok"].update(buckets="5x99999999999999999999"),
     "latency_ok.buckets"),
    ("figures that are none", lambda d: d["findings"][0].update(figures=-1), "findings[0].figures"),
    ("a text for tags", lambda d: d.update(tags="a=b"), "tags"),
    ("a time before all times", lambda d: d["phases"][0]["targets"][0]["seconds"][0].update(at_s=-3), "seconds[0].at_s"),
    ("a count beyond 64 bits", lambda d: None, "started"),  # written as text below
]

NOT_ADDING_UP = [
    ("figures", lambda d: d["figures"].update(count=d["figures"]["count"] + 1), "figures.count"),
    ("a started operation", lambda d: first_operation(d).update(started=first_operation(d)["started"] + 1), "phases[0]"),
    ("a histogram", lambda d: first_operation(d)["latency_ok"].update(max_ns=3_000_000_000), "latency_ok"),
    ("a verdict", lambda d: d.update(verdict="pass", exit_code=0), "verdict"),
    ("a finding", lambda d: d["findings"].pop(0), "findings"),
    ("a second", lambda d: d["phases"][0]["targets"][0]["seconds"].pop(), "seconds"),
    ("a duration", lambda d: d["phases"][0].update(duration_ns=1), ""),
    ("a count that none has", lambda d: first_operation(d)["latency_ok"].update(count=2**63 - 1), "latency_ok"),
    ("an endless duration", lambda d: d["phases"][0].update(duration_ns=2**63 - 1), ""),
]


def wrong_figures_are_refused_at_their_place():
    for number, (what, edit, place) in enumerate(WRONG):
        document = copy.deepcopy(RESULT)
        edit(document)
        text = json.dumps(document).encode()
        if "64 bits" in what:
            started = f'"started": {first_operation(RESULT)["started"]}'.encode()
            expect(started in text, "the count was not found")
            text = text.replace(started, b'"started": 99999999999999999999999', 1)
        try:
            refused(write(f"wrong-{number}.json", text), "" if "64 bits" in what else place)
        except Exception as failure:
            raise type(failure)(f"{what}: {failure}") from None


def what_is_no_number_is_refused():
    for word in (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"0x10", b"01"):
        text = json.dumps(RESULT).encode().replace(b'"exit_code": 1', b'"exit_code": ' + word, 1)
        refused(write("number.json", text), "number.json:1:" if word != b"1e999" else "")


def what_does_not_add_up_fails_the_audit():
    for number, (what, edit, place) in enumerate(NOT_ADDING_UP):
        document = copy.deepcopy(RESULT)
        edit(document)
        path = write(f"edited-{number}.json", document)
        code, output, errors = ask("audit", path)
        expect(code == 1 and place in output + errors, f"{what}: audit exits with {code}\n{output[-800:]}{errors}")
        for command in ("compare", "merge"):
            code, _, errors = ask(command, path)
            expect(code == 2 and os.path.basename(path) in errors, f"{what}: {command} exits with {code}\n{errors}")
        code, _, errors = ask("report", path)
        expect(code in (0, 2), f"{what}: report exits with {code}\n{errors}")


# ---- anything -----------------------------------------------------------------------------------

VALUES = [None, True, -1, 0, 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, -(2**63), 1e308, -1e308, 1e-320, 0.5, "", "x", "\u202e",
          "1 2 3", [], [[]], {}, {"a": {}}]


def places(value, path=()):
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], path + (key,))
    elif isinstance(value, list):
        for index in range(min(len(value), 2)):
            yield from places(value[index], path + (index,))


def put(document, path, value):
    for step in path[:-1]:
        document = document[step]
    if value is Ellipsis:
        del document[path[-1]]
    else:
        document[path[-1]] = value


def anything_anywhere_is_survived():
    """A value of any kind at places drawn by lot: a clear refusal, an audit that fails, or a report; never a crash."""
    lot = random.Random(7)
    every = [path for path in places(RESULT) if path]
    for number in range(150):
        document, path = copy.deepcopy(RESULT), lot.choice(every)
        value = lot.choice(VALUES + [...])
        put(document, path, value)
        file = write(f"any-{number % 4}.json", document)
        codes = {command: ask(command, file)[0] for command in ("report", "audit")}
        expect(codes["report"] in (0, 2) and codes["audit"] in (0, 1, 2), f"{path} = {value!r}: {codes}")
        expect((codes["report"] == 2) <= (codes["audit"] == 2), f"{path} = {value!r}: {codes}")


GOOD, SECOND = make("good.json"), make("second.json", "--segment", "2/2")
with open(GOOD, "rb") as good_file:
    TEXT = good_file.read()
RESULT = json.loads(TEXT)
sys.exit(run_tests([(test.__name__.replace("_", " "), test) for test in (
    truncated, of_another_kind, newer_and_older, deep_and_huge, partial, wrong_figures_are_refused_at_their_place,
    what_is_no_number_is_refused, what_does_not_add_up_fails_the_audit, anything_anywhere_is_survived)], parallel=2))
