# SPDX-License-Identifier: GPL-2.0
"""subscriber.py TOPIC: prints a line when a signal for its topic arrives."""

import sys

import dbus
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

DBusGMainLoop(set_as_default=True)
bus = dbus.SessionBus()
bus.add_signal_receiver(
    lambda topic: print("heard", topic, flush=True),
    signal_name="Told",
    dbus_interface="org.example.Demo",
    arg0=sys.argv[1],
)
bus.get_name_owner("org.example.Demo")  # the match rule is there after this
print("ready", flush=True)
GLib.MainLoop().run()
