# SPDX-License-Identifier: GPL-2.0
"""An ordinary service: answers calls, passes a descriptor, emits a signal."""

import os

import dbus
import dbus.service
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

INTERFACE = "org.example.Demo"


class Demo(dbus.service.Object):
    @dbus.service.method(INTERFACE, in_signature="s", out_signature="s")
    def Echo(self, text):
        return text

    @dbus.service.method(INTERFACE, out_signature="h")
    def Open(self):
        reader, writer = os.pipe()
        os.write(writer, b"a pipe of the service")
        os.close(writer)
        descriptor = dbus.types.UnixFd(reader)
        os.close(reader)
        return descriptor

    @dbus.service.method(INTERFACE, in_signature="s")
    def Tell(self, topic):
        self.Told(topic)

    @dbus.service.signal(INTERFACE, signature="s")
    def Told(self, topic):
        pass


DBusGMainLoop(set_as_default=True)
bus = dbus.SessionBus()
name = dbus.service.BusName(INTERFACE, bus)
service = Demo(bus, "/org/example/Demo")
print("ready", flush=True)
GLib.MainLoop().run()
