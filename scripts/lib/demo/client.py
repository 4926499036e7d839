# SPDX-License-Identifier: GPL-2.0
"""client.py echo N | open | tell TOPIC: calls the service of service.py."""

import os
import sys

import dbus

bus = dbus.SessionBus()
demo = dbus.Interface(
    bus.get_object("org.example.Demo", "/org/example/Demo", introspect=False),
    "org.example.Demo",
)

if sys.argv[1] == "echo":
    count = int(sys.argv[2])
    answers = {str(demo.Echo("hello")) for _ in range(count)}
    print(f"{count} calls answered {' '.join(sorted(answers))}")
elif sys.argv[1] == "open":
    texts = {os.read(demo.Open().take(), 100).decode() for _ in range(10)}
    print(" ".join(sorted(texts)))
else:
    demo.Tell(sys.argv[2])
