#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""mutants.py TREE PATCH...

Puts all mutations into one kernel, disabled: each function that a patch changes
gets a variant, which is called instead while the parameter bus_mutant is the
number of the patch, from 1. Exits with 1 if a patch cannot be put in.
"""

import re
import sys


def hunks(patch):
    """Yields file, text before, text after."""
    path, old, new = None, [], []
    for line in open(patch).read().splitlines(True):
        if line.startswith(("--- ", "+++ ", "@@ ")):
            if old or new:
                yield path, "".join(old), "".join(new)
            old, new = [], []
        if line.startswith("+++ b/"):
            path = line[6:].split()[0]
        elif path and line[0] in " -+" and not line.startswith("--- "):
            if line[0] != "+":
                old.append(line[1:])
            if line[0] != "-":
                new.append(line[1:])
    yield path, "".join(old), "".join(new)


def functions(text):
    """Yields the functions: first line, line of the brace, line after the end."""
    lines = text.splitlines(True)
    found = []
    for i, line in enumerate(lines):
        if line != "{\n":
            continue
        first = i
        while first and not re.match(r"\n|[#}]| \*|/\*|.*;$", lines[first - 1]):
            first -= 1
        found.append((first, i, lines.index("}\n", i) + 1))
    return lines, found


def variant(signature, body, name, number):
    signature = signature.replace(name + "(", f"{name}__{number}(", 1)
    if not signature.startswith("static "):
        signature = "static " + signature
    return f"{signature}{body}\n"


def arguments(signature):
    inner = signature[signature.index("(") + 1:signature.rindex(")")]
    return [re.search(r"(\w+)(\[\])?$", arg.strip()).group(1)
            for arg in inner.split(",") if arg.strip() != "void"]


def dispatcher(signature, name, numbers):
    args = ", ".join(arguments(signature))
    cases = "".join(f"\tcase {n}: return {name}__{n}({args});\n"
                    for n in numbers)
    return (f"{signature}{{\n\textern unsigned int bus_mutant;\n\n"
            f"\tswitch (READ_ONCE(bus_mutant)) {{\n{cases}"
            f"\tdefault: return {name}__0({args});\n\t}}\n}}\n")


def weave(text, mutated):
    """mutated: the text of the whole file, by the number of the mutation."""
    lines, places = functions(text)
    split = {n: functions(t) for n, t in mutated.items()}
    out, at = [], 0
    for k, (first, brace, end) in enumerate(places):
        signature = "".join(lines[first:brace])
        body = "".join(lines[brace:end])
        variants = {}
        for n, (theirs, where) in split.items():
            other = "".join(theirs[where[k][1]:where[k][2]])
            if other != body:
                variants[n] = other
        if not variants:
            continue
        name = re.search(r"(\w+)\(", signature).group(1)
        out += lines[at:first]
        for n, code in [(0, body), *variants.items()]:
            out.append(variant(signature, code, name, n))
        out.append(dispatcher(signature, name, variants))
        at = end
        for n in variants:
            woven.add(n)
    return "".join(out + lines[at:])


tree, patches = sys.argv[1], sys.argv[2:]
original, mutants, woven, bad = {}, {}, set(), False
for number, patch in enumerate(patches, 1):
    for path, old, new in hunks(patch):
        if path not in original:
            original[path] = open(f"{tree}/{path}").read()
            mutants[path] = {}
        text = mutants[path].get(number, original[path])
        if text.count(old) != 1:
            print(f"{patch}: applies in {text.count(old)} places in {path}")
            bad = True
        mutants[path][number] = text.replace(old, new, 1)

for path, text in original.items():
    with open(f"{tree}/{path}", "w") as file:
        file.write(weave(text, mutants[path]))
with open(f"{tree}/net/bus/bus.c", "a") as file:
    file.write("\n#include <linux/module.h>\n\nunsigned int bus_mutant;\n"
               "EXPORT_SYMBOL_GPL(bus_mutant);\n"
               "module_param(bus_mutant, uint, 0644);\n")
for number, patch in enumerate(patches, 1):
    if number not in woven:
        print(f"{patch}: changes no function")
        bad = True
sys.exit(bad)
