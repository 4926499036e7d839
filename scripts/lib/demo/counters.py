# SPDX-License-Identifier: GPL-2.0
"""Sums up the counters of all buses in a dump of bus-get."""

import json
import sys

KEYS = ("calls", "returns", "broadcasts", "copies")
total = dict.fromkeys(KEYS, 0)
master = 0

for bus in json.load(sys.stdin):
    stats = bus.get("stats", {})
    for key in KEYS:
        total[key] += stats.get(key, 0)
    reasons = stats.get("master", [])
    for reason in reasons if isinstance(reasons, list) else [reasons]:
        master += reason["count"]

print(*(total[key] for key in KEYS), master)
