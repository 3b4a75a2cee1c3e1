"""cicada compare and merge as a person calls them: exit codes, errors, files."""

import json
import os
import sys

from cicada_support import Cicada, expect


def run_once(cicada, name, options="", extra=()):
    path = os.path.join(cicada.folder.name, name)
    code, _, errors = cicada.command(
        "run", f"null://?latency=5ms&jitter=2ms&operations=2{options}", "--rate", "100", "--duration", "12s",
        "--ui", "off", "--json", path, *extra)
    expect(code in (0, 1, 4), f"run: exit {code}\n{errors}")
    return path


def compare_noise_and_regression(cicada):
    """By the error rate, which the seed decides: latencies would measure the machine that runs the test."""
    first, second = run_once(cicada, "a.json"), run_once(cicada, "b.json")
    failing = run_once(cicada, "failing.json", "&error_rate=0.3")
    out = os.path.join(cicada.folder.name, "comparison.json")
    markdown = os.path.join(cicada.folder.name, "comparison.md")
    gate = ("--gate", "errors:+2pp")
    code, output, errors = cicada.command("compare", first, second, *gate)
    expect(code == 0, f"noise: exit {code}\n{output}{errors}")
    code, output, errors = cicada.command(
        "compare", f"{first},{second}", failing, *gate, "--json", out, "--markdown", markdown)
    expect(code == 1, f"regression: exit {code}\n{output}{errors}")
    with open(out, encoding="utf-8") as file:
        written = json.load(file)
    expect(written["status"] == "broken" and written["baseline_runs"] == 2, "the JSON does not say so")
    with open(markdown, encoding="utf-8") as file:
        expect("**broken**" in file.read(), "the Markdown does not say so")
    return first


def compare_refuses(cicada, good):
    with open(good, encoding="utf-8") as file:
        text = file.read()
    document = json.loads(text)
    edited = json.loads(text)
    edited["figures"]["count"] += 1
    newer = {**document, "schema": "cicada-result/9"}
    cases = {
        "cut.json": text[: len(text) // 2],
        "edited.json": json.dumps(edited),
        "newer.json": json.dumps(newer),
        "partial.json": json.dumps({**document, "partial": True, "partial_reason": "interrupted"}),
        "other.json": "{}",
    }
    for name, content in cases.items():
        path = os.path.join(cicada.folder.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        code, _, errors = cicada.command("compare", good, path)
        expect(code == 2 and name in errors, f"{name}: exit {code}\n{errors}")
    for arguments in ([good], [good, good, good], [good, good, "--gate", "p95:fast"]):
        code, _, errors = cicada.command("compare", *arguments)
        expect(code == 2, f"{arguments}: exit {code}\n{errors}")


CASES = []


def case(function):
    CASES.append(function)
    return function


@case
def compare_tells_regressions_from_noise(cicada):
    compare_noise_and_regression(cicada)


@case
def compare_refuses_what_is_no_whole_result(cicada):
    compare_refuses(cicada, run_once(cicada, "good.json"))


def merge_without_all_segments(cicada, parts):
    thirds = []
    for number, path in enumerate(parts, 1):
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        document["segment"] = {"of": 3, "parts": [number]}
        thirds.append(os.path.join(cicada.folder.name, f"third{number}.json"))
        with open(thirds[-1], "w", encoding="utf-8") as file:
            json.dump(document, file)
    code, output, errors = cicada.command("merge", parts[0], thirds[1])
    expect(code == 2 and "another division" in errors, f"exit {code}\n{errors}")
    code, output, errors = cicada.command("merge", *thirds, "--json", os.path.join(cicada.folder.name, "two.json"))
    expect(code == 4 and "2 of the 3 segments" in output, f"exit {code}\n{output}{errors}")


@case
def merge_adds_up_and_is_audited(cicada):
    parts = [run_once(cicada, f"part{i}.json", extra=("--segment", f"{i}/2")) for i in (1, 2)]
    code, _, errors = cicada.command("merge", *parts)
    expect(code == 2 and "same time" in errors, f"parts one after the other: exit {code}\n{errors}")
    with open(parts[1], encoding="utf-8") as file:
        other = json.load(file)
    with open(parts[0], encoding="utf-8") as file:
        one = json.load(file)
    other["started_wall_ns"] = one["started_wall_ns"] + 1000  # as if they had run together
    other["started_at"] = one["started_at"]
    with open(parts[1], "w", encoding="utf-8") as file:
        json.dump(other, file)
    whole = os.path.join(cicada.folder.name, "whole.json")
    code, output, errors = cicada.command("merge", *parts, "--json", whole)
    expect(code in (0, 4), f"merge: exit {code}\n{output}{errors}")
    with open(whole, encoding="utf-8") as file:
        merged = json.load(file)
    expect(merged["figures"]["count"] == one["figures"]["count"] + other["figures"]["count"], "counts do not add up")
    code, output, _ = cicada.command("audit", whole)
    expect(code == 0, f"audit: exit {code}\n{output[-2000:]}")
    rates = {second["arrival_rate"] for second in merged["phases"][0]["targets"][0]["seconds"][:10]}
    expect(rates == {100}, f"100 arrivals a second in two halves add up to {rates}")
    expect("segment" not in merged and other["segment"] == {"of": 2, "parts": [2]}, "segments are not told")
    merge_without_all_segments(cicada, parts)
    code, _, errors = cicada.command("merge", parts[0], parts[0])
    expect(code == 2 and "same result" in errors, f"one result twice: exit {code}\n{errors}")


def main():
    print(f"1..{len(CASES)}")
    failed = False
    for number, function in enumerate(CASES, 1):
        cicada = Cicada(sys.argv[1])
        try:
            function(cicada)
            print(f"ok {number} - {function.__name__}", flush=True)
        except Exception as problem:  # every case is told
            failed = True
            print(f"not ok {number} - {function.__name__}", flush=True)
            for line in str(problem).splitlines():
                print(f"# {line}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
