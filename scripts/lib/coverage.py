#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""coverage.py NOTES TOP PERCENT DIR: finds the lines of net/bus that were executed.

NOTES has the compiler's notes, TOP is the checkout; DIR has the kernel's counts
of each boot. Writes a table of files to DIR/coverage and the lines that were not
reached to DIR/unreached; prints the totals. Fails if less than PERCENT of
net/bus, or of net/bus/nfdbus, was reached.
"""

import json
import os
import shutil
import subprocess
import sys


def boots(folder):
    """Yields the directories with a kernel's counts, one for each boot."""
    for path, folders, _ in os.walk(folder):
        if os.path.basename(path) == "gcov":
            yield from (os.path.join(path, name) for name in folders)
            folders.clear()


def add(found, noted):
    """Adds to found the lines that gcov reports for one object."""
    for file in noted["files"]:
        path = os.path.join(noted["current_working_directory"], file["file"])
        at = path.find("/net/bus/")
        if at < 0 or "/tests/" in path:
            continue
        lines = found.setdefault(path[at + 1:], {})
        for line in file["lines"]:
            number = line["line_number"]
            lines[number] = lines.get(number, 0) + line["count"]


def counts(notes, boot, found):
    """Adds the counts of one boot to found, {file: {line: count}}."""
    for folder, _, names in os.walk(boot):
        noted = os.path.join(notes, os.path.relpath(folder, boot))
        for name in names:
            if not name.endswith(".gcda"):
                continue
            note = name.replace(".gcda", ".gcno")
            shutil.copy(os.path.join(noted, note), folder)
            out = subprocess.run(["gcov", "--json-format", "--stdout", name],
                                 cwd=folder, check=True, capture_output=True)
            add(found, json.loads(out.stdout))


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def show(out, name, lines):
    reached = sum(1 for count in lines if count)
    print(f"{name:32} {len(lines):6} {reached:8} "
          f"{percent(reached, len(lines)):7.1f} %", file=out)
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
    notes, top, least, folder = sys.argv[1:]
    found, totals = {}, {}
    for boot in boots(folder):
        counts(notes, boot, found)
    if not found:
        sys.exit("nothing was counted")
    with open(os.path.join(folder, "coverage"), "w", encoding="utf-8") as out:
        print(f"{'file':32} {'lines':>6} {'reached':>8}", file=out)
        for part in ("net/bus", "net/bus/nfdbus"):
            names = sorted(n for n in found if os.path.dirname(n) == part)
            for name in names:
                show(out, name, found[name].values())
            total = [c for n in names for c in found[n].values()]
            totals[part] = show(out, part + " in all", total)
    write_unreached(os.path.join(folder, "unreached"), top, found)
    print(", ".join(f"{value:.1f} % of {part}"
                    for part, value in totals.items()))
    sys.exit(0 if min(totals.values()) >= float(least) else 1)


main()
