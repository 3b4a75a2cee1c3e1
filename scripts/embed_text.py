"""Turns a text file into a C string at build time: embed_text.py INPUT OUTPUT.c NAME HEADER"""

import json
import sys


def main():
    source, output, name, header = sys.argv[1:]
    with open(source, encoding="ascii") as file:
        lines = file.read().splitlines(keepends=True)
    with open(output, "w", encoding="ascii") as file:
        file.write(f'#include "{header}"\n\nconst char {name}[] =\n')
        file.writelines(f"    {json.dumps(line)}\n" for line in lines)
        file.write("    ;\n")


main()
