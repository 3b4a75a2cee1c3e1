"""The forms of a result as the programs see them that others read them with: Node's libraries (report_readers.mjs), and
Prometheus' own client for its text."""

import json
import os
import subprocess
import sys

from cicada_support import expect

PARSE = """
import json, sys
from prometheus_client.parser import text_string_to_metric_families
print(json.dumps([{"name": family.name, "type": family.type, "samples": [list(sample[:3]) for sample in family.samples]}
                  for family in text_string_to_metric_families(open(sys.argv[1], encoding="utf-8").read())]))
"""


def read_with_node(node, modules, out):
    """{hlog, junit, csv, markdown}; see report_readers.mjs."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "report_readers.mjs")
    return json.loads(subprocess.check_output([node, script, modules, out], timeout=120))


def prometheus_python():
    """A Python that has prometheus_client (Debian's has, with the package of that name); None where there is none."""
    for python in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([python, "-c", "import prometheus_client.parser"], stderr=subprocess.DEVNULL).returncode == 0:
            return python
    expect(os.environ.get("CI") != "true", "there is no Python with prometheus_client")
    return None


def read_prometheus(path):
    """[(family, [(sample, labels, value)])]; None where there is no parser."""
    python = prometheus_python()
    if not python:
        return None
    families = json.loads(subprocess.check_output([python, "-c", PARSE, path], timeout=60))
    return {family["name"]: family["samples"] for family in families}
