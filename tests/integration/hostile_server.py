"""A server whose names and texts would like to be obeyed: by the terminal, a shell, a browser, a spreadsheet. Every
command and every form of report shows them, and none lets them through.
hostile_server.py CICADA FAULT_SERVER [NODE NPM_FOLDER]"""

import html.parser
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as xml

from cicada_support import Cicada, FaultServer, expect, outcomes_of, run_tests
from report_readers import read_prometheus, read_with_node

cicada = Cicada(sys.argv[1])
node, modules = (sys.argv[3], sys.argv[4]) if len(sys.argv) > 4 else (None, None)
folder = cicada.folder.name
OUT = os.path.join(folder, "out")

# What changes a terminal, or how the text beside it looks: controls, C1, zero-width and direction marks.
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
# The same as the server sent it, in what a terminal of ours may itself be sent.
SENT = [b"\x1b]0;owned", b"\x1b[31mred", b"\xc2\x9b", b"\xe2\x80\xae", b"\xe2\x80\x8b", b"\xef\xbb\xbf"]


def expect_safe(text, what, also=""):
    found = [match for match in UNSAFE.finditer(text) if match.group() not in also]
    for match in found:
        expect(False, f"{what} lets {match.group()!r} through: ...{text[max(0, match.start() - 60):match.end() + 20]!r}")
    expect("owned" in text, f"{what} does not show the names")
    expect(not re.search(r"(?m)^::", text), f"{what} has a line that begins a workflow command")


def decode(data, what):
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        expect(False, f"{what} is no UTF-8: {error}")


def output_of(*arguments, codes=(0, 1, 4)):
    done = subprocess.run([sys.argv[1], *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    expect(done.returncode in codes, f"{arguments[0]} exits with {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    return decode(done.stdout, arguments[0]) + decode(done.stderr, arguments[0])


def on_terminal(*arguments):
    """All that a command sends to a terminal of its own."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8")
        os.execv(sys.argv[1], [sys.argv[1], *arguments])
    seen = b""
    while True:
        try:
            read = os.read(terminal, 65536)
        except OSError:
            read = b""
        if not read:
            break
        seen += read
    os.waitpid(pid, 0)
    os.close(terminal)
    for sent in SENT:
        expect(sent not in seen, f"{arguments[:3]} sends {sent} to the terminal")
    expect(b"owned" in seen, f"{arguments[:3]} does not show the names: {seen[-500:]}")


def without_code(markdown):
    """What of it is no code span: an opening fence is no escaped backtick."""
    return re.sub(r"(?<![\\`])(`+)(?!`).+?(?<!`)\1(?!`)", "", markdown)


def read(name):
    with open(os.path.join(OUT, name), encoding="utf-8", newline="") as file:
        return file.read()


def hostile_names():
    return [operation["name"] for operation in RESULT["targets"][0]["operations"]]


# ---- the commands -------------------------------------------------------------------------------


def run_prints_safely():
    expect_safe(RUN_SAID, "run")


def terminals_are_left_alone():
    on_terminal("report", RESULT_PATH)
    on_terminal("tools", SERVER.url("/hostile"))
    on_terminal("run", "--no-tiers", "--ui", "tui", "--users", "2", "--duration", "2s", "--json", cicada.result_path(),
                SERVER.url("/hostile"))


def report_and_audit_print_safely():
    expect_safe(output_of("report", RESULT_PATH), "report")
    broken = json.loads(json.dumps(RESULT))
    for phase in broken["phases"]:
        for operation in phase["targets"][0]["operations"]:
            operation["started"] += 1
    path = cicada.result_path()
    with open(path, "w", encoding="utf-8") as file:
        json.dump(broken, file)
    expect_safe(output_of("audit", path, codes=(1,)), "audit of what does not add up")


def tools_prints_safely():
    path = os.path.join(folder, "tools.json")
    expect_safe(output_of("tools", SERVER.url("/hostile"), "--full", "--json", path), "tools")
    with open(path, encoding="utf-8") as file:
        expect(sorted(tool["name"] for tool in json.load(file)) == sorted(hostile_names()), "tools --json")
    for name in hostile_names():
        expect_safe(output_of("tools", SERVER.url("/hostile"), f"--call={name}"), f"tools --call {name!r}")


def diagnose_and_find_print_safely():
    expect_safe(output_of("diagnose", SERVER.url("/hostile")), "diagnose")
    text = output_of("find", SERVER.url("/hostile"), "--slo", "errors<1%", "--trial", "2s", "--max", "200", "--min", "50")
    expect_safe(text + "owned", "find")


def compare_prints_safely():
    other = json.loads(json.dumps(RESULT))
    other["targets"][0]["operations"][3]["name"] += " \x1b[31mred\u202e"  # one that is new, one that is gone
    path, out = cicada.result_path(), os.path.join(folder, "compare")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(other, file)
    text = output_of("compare", RESULT_PATH, path, "--markdown", out + ".md", "--json", out + ".json")
    expect_safe(text, "compare")
    with open(out + ".md", encoding="utf-8") as file:
        markdown = file.read()
    expect_safe(markdown, "compare --markdown")
    plain = without_code(markdown)
    expect("<" not in re.sub(r"</?(?:details|summary|sub)>|<!-- -->", "", plain), f"markup in {plain}")
    with open(out + ".json", encoding="utf-8") as file:
        json.load(file)


def repeating_commands_call_what_they_say():
    """Each is run as a person pastes it: nothing in a name is a command, and the same tool is called."""
    programs, here = os.path.join(folder, "bin"), os.path.join(folder, "here")
    os.makedirs(programs), os.makedirs(here)
    os.symlink(os.path.abspath(sys.argv[1]), os.path.join(programs, "cicada"))
    commands = {}
    for example in RESULT["examples"]:
        if example["outcome"]["kind"] != "ok":
            commands.setdefault(hostile_names()[example["operation"]], example)
    expect(len(commands) > 10, f"examples of {list(commands)}")
    for name, example in commands.items():
        expect(not UNSAFE.search(example["repeat"]), f"{example['repeat']!r} is not what a report shows")
        done = subprocess.run(["bash", "-c", example["repeat"]], cwd=here, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=60, env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"})
        said = done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")
        expect(done.returncode == 1, f"{example['repeat']} exits with {done.returncode}: {said}")
        expect("unknown tool" not in said and "no tool" not in said, f"{name!r}: {said}")
        expect(not os.listdir(here), f"{example['repeat']} made {os.listdir(here)}")
    shutil.rmtree(programs)


# ---- the forms ----------------------------------------------------------------------------------


def result_is_exact():
    names = hostile_names()
    expect("\x1b]0;owned\x07\x1b[2J\x1b[31mred\x1b[?1049h" in names, names)
    expect(len(names) == len(set(names)) == 19, names)
    code, _, errors = cicada.command("audit", RESULT_PATH)
    expect(code == 0, errors)


class Page(html.parser.HTMLParser):
    """The elements and attributes that a browser would make of a page."""

    def __init__(self):
        super().__init__()
        self.elements, self.wrong, self.text = set(), [], ""

    def handle_starttag(self, tag, attributes):
        self.elements.add(tag)
        for name, value in attributes:
            if name.startswith("on") or name in ("src", "autofocus", "style") or "javascript:" in (value or ""):
                self.wrong.append((tag, name, value))

    def handle_data(self, data):
        self.text += data


def html_has_no_markup_of_theirs():
    page, text = Page(), read("report.html")
    page.feed(text)
    expect(not page.wrong, page.wrong)
    foreign = page.elements & {"img", "svg", "owned", "b", "iframe", "a/onload"} - {"b"}
    expect(not foreign, f"elements {foreign}")
    expect(text.lower().count("<script") == 2 and text.lower().count("</style") == 1, "scripts and styles")
    expect_safe(text.replace("\n::", " "), "HTML", also="\t")
    expect("<img src=x onerror=window.owned=1>" in page.text, "the name is not shown")


def junit_is_well_formed():
    text = read("junit.xml")
    expect_safe(text, "JUnit", also="\t")
    root = xml.fromstring(text.encode())
    expect({element.tag for element in root.iter()} <= {
        "testsuites", "testsuite", "properties", "property", "testcase", "failure", "error", "skipped", "system-out",
        "system-err"}, "elements of theirs")
    expect("</script><script>window.owned=1</script>" in "".join(root.itertext()), "the text is not shown")


def csv_has_no_formula():
    expect_safe(read("seconds.csv") + "owned", "CSV", also="\r")


def prometheus_is_safe():
    text = read("metrics.prom")
    expect_safe(text, "Prometheus")
    expect(not re.search(r"(?m)^(?:owned|# HELP owned)", text), "a line of theirs")
    families = read_prometheus(os.path.join(OUT, "metrics.prom"))
    if families is not None:
        expect(all(name.startswith("cicada_") for name in families), list(families))
        operations = families["cicada_operations"]
        expect(sum(value for _, _, value in operations) == outcomes_of(RESULT)[2], "it does not add up")
        names = {labels["operation"] for _, labels, _ in operations}
        expect(len(names) == 19 and 'a\\b"} 1\n# HELP owned x\nowned{x="' in names, names)


def hdr_log_is_safe():
    expect_safe(read("latency.hlog") + "owned", "HDR log")


def markdown_is_safe():
    text = read("summary.md")
    expect_safe(text, "Markdown")
    plain = without_code(text)
    for mark in ("@everyone", "@owned", " #1", "http://", "www.owned"):
        expect(mark not in plain, f"{mark} makes a mention or a link: {plain}")


def readers_agree():
    """By the libraries that others read these forms with."""
    told = read_with_node(node, modules, OUT)
    markdown = told["markdown"]
    expect(not markdown["link"] and not markdown["image"], f"{markdown['link']} {markdown['image']}")
    expect(set(markdown["html"]) <= {"<details>", "</details>", "<summary>", "</summary>", "<sub>", "</sub>", "<!-- -->"},
           set(markdown["html"]))
    expect(set(markdown["heading"]) <= {"cicada: \u274c fail", "Recommendations", "Alerts", "Failures"}, markdown["heading"])
    counts, _, started = outcomes_of(RESULT)
    expect(sum(int(row["started"]) for row in told["csv"]) == started, "CSV does not add up")
    expect(sum(int(row["outcome_tool_error"]) for row in told["csv"]) == counts["tool_error"], "CSV does not add up")
    suite = told["junit"]["testsuite"][0]
    expect(len(suite["testcase"]) == len(RESULT["findings"]), "JUnit's cases")
    expect(told["hlog"][""]["count"] == counts["ok"], "the log does not add up")


TESTS = [
    run_prints_safely, terminals_are_left_alone, report_and_audit_print_safely, tools_prints_safely,
    diagnose_and_find_print_safely, compare_prints_safely, repeating_commands_call_what_they_say, result_is_exact,
    html_has_no_markup_of_theirs, junit_is_well_formed, csv_has_no_formula, prometheus_is_safe, hdr_log_is_safe,
    markdown_is_safe,
] + ([readers_agree] if node else [])

with FaultServer(sys.argv[2]) as SERVER:
    RUN_SAID = output_of("run", "--ui", "plain", "--no-tiers", "--users", "3", "--duration", "4s", "--out", OUT,
                         SERVER.url("/hostile"))
    RESULT_PATH = os.path.join(OUT, "result.json")
    with open(RESULT_PATH, encoding="utf-8") as result_file:
        RESULT = json.load(result_file)
    code = run_tests([(test.__name__.replace("_", " "), test) for test in TESTS], parallel=1)
sys.exit(code)
