#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""coverage.py DATA TOP PERCENT: which lines of net/bus were executed.

DATA has what the compiler noted and the kernel counted, TOP is the checkout.
Prints a table of files and writes the lines that were not reached to
DATA/unreached. Fails if less than PERCENT of net/bus, or of net/bus/nfdbus,
was reached.
"""

import json
import os
import subprocess
import sys


def counts(data):
    """{file: {line: count}} of all files that were counted."""
    found = {}
    for folder, _, names in os.walk(data):
        for name in names:
            if not name.endswith(".gcda"):
                continue
            out = subprocess.run(["gcov", "--json-format", "--stdout", name],
                                 cwd=folder, check=True, capture_output=True)
            noted = json.loads(out.stdout)
            for file in noted["files"]:
                path = os.path.join(noted["current_working_directory"],
                                    file["file"])
                at = path.find("/net/bus/")
                if at < 0 or "/tests/" in path:
                    continue
                lines = found.setdefault(path[at + 1:], {})
                for line in file["lines"]:
                    number = line["line_number"]
                    lines[number] = lines.get(number, 0) + line["count"]
    return found


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def show(name, lines):
    reached = sum(1 for count in lines if count)
    print(f"{name:32} {len(lines):6} {reached:8} "
          f"{percent(reached, len(lines)):7.1f} %")
    return percent(reached, len(lines))


def write_unreached(path, top, found):
    with open(path, "w", encoding="utf-8") as out:
        for name, lines in sorted(found.items()):
            with open(os.path.join(top, name), encoding="utf-8") as source:
                text = source.read().splitlines()
            for number, count in sorted(lines.items()):
                if not count:
                    out.write(f"{name}:{number}: {text[number - 1].strip()}\n")


def main():
    data, top, least = sys.argv[1], sys.argv[2], float(sys.argv[3])
    found = counts(data)
    if not found:
        sys.exit("nothing was counted")
    print(f"{'file':32} {'lines':>6} {'reached':>8}")
    enough = True
    for part in ("net/bus", "net/bus/nfdbus"):
        names = sorted(n for n in found if os.path.dirname(n) == part)
        for name in names:
            show(name, found[name].values())
        total = [c for n in names for c in found[n].values()]
        enough &= show(part + " in all", total) >= least
    write_unreached(os.path.join(data, "unreached"), top, found)
    sys.exit(0 if enough else 1)


main()
