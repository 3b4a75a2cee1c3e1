"""Turns the page's style and scripts into C at build time, with the policy that lets a browser run
these and nothing else: embed.py STYLE SCRIPT... OUTPUT.c"""

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
    if max(data) > 127 or b"</" in data:
        sys.exit(f'{path}: must be ASCII without "</", to stand in any page')
    return data


def main():
    style, *scripts, output = sys.argv[1:]
    style_data = read_ascii(style)
    script_data = b"".join(read_ascii(script) for script in scripts)
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src {digest(style_data)}; script-src {digest(script_data)}"
    ).encode()
    with open(output, "w", encoding="ascii") as file:
        file.write("/* made from the style and the scripts of the page */\n")
        file.write('#include "report/form_html.h"\n\n')
        file.write(as_c("form_html_style", style_data))
        file.write(as_c("form_html_script", script_data))
        file.write(as_c("form_html_policy", policy))


main()
