"""Turns the parts of a page into C at build time, with the policy that lets a browser run these and
nothing else: embed.py NAME PART... OUTPUT.c. Parts that end in .css are its style, in .js its script;
with one that ends in .html the page is made whole, its @style@ and @script@ replaced."""

import base64
import hashlib
import sys


def as_c(name, data):
    rows = [data[i : i + 20] for i in range(0, len(data), 20)]
    body = ",\n".join("    " + ", ".join(str(byte) for byte in row) for row in rows)
    return f"const char {name}[] = {{\n{body},\n    0}};\n"


def digest(data):
    return "'sha256-" + base64.b64encode(hashlib.sha256(data).digest()).decode() + "'"


def read_ascii(path):
    with open(path, "rb") as file:
        data = file.read().replace(b"\r\n", b"\n")
    if max(data) > 127 or (b"</" in data and not path.endswith(".html")):
        sys.exit(f'{path}: must be ASCII, and without "</" to stand in any page')
    return data


def main():
    name, *paths, output = sys.argv[1:]
    parts = {ending: b"".join(read_ascii(path) for path in paths if path.endswith(ending))
             for ending in (".css", ".js", ".html")}
    style, script, page = parts[".css"], parts[".js"], parts[".html"]
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src {digest(style)}; script-src {digest(script)}"
    )
    if page:  # served by us, so that it may talk to us and be framed by nobody
        policy += "; connect-src 'self'; frame-ancestors 'none'"
        made = {"page": page.replace(b"@style@", style).replace(b"@script@", script)}
    else:
        made = {"style": style, "script": script}
    with open(output, "w", encoding="ascii") as file:
        file.write('/* made by embed.py */\n#include "report/form_html.h"\n\n')
        for part, data in {**made, "policy": policy.encode()}.items():
            file.write(as_c(f"{name}_{part}", data))


main()
