#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Count the instructions that a guest's kernel spends in each function.

step-profile.py SOCKET SYSTEM_MAP SKIP START [START...]

Speaks the remote protocol of gdb with the QEMU on SOCKET. Lets SKIP calls of
the first START pass; then steps through one call of each START in turn, one
instruction at a time, and prints "function instructions", most first. Interrupts
are held off while stepping, so only the call is counted.
"""
import bisect
import collections
import socket
import sys
import time

RSP, RIP = 7, 16


class Remote:
    """One connection to a gdb stub."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        for _ in range(600):
            try:
                self.sock.connect(path)
                break
            except OSError:
                time.sleep(0.1)
        else:
            sys.exit(f"no reply on {path}")
        self.buf = b""

    def _byte(self):
        if not self.buf:
            self.buf = self.sock.recv(65536)
            if not self.buf:
                sys.exit("the guest ended before it called the function")
        byte, self.buf = self.buf[:1], self.buf[1:]
        return byte

    def _packet(self):
        while self._byte() != b"$":
            pass
        reply = b""
        while (byte := self._byte()) != b"#":
            reply += byte
        self._byte(), self._byte()
        self.sock.sendall(b"+")
        return reply.decode()

    def ask(self, text):
        data = text.encode()
        self.sock.sendall(b"$%s#%02x" % (data, sum(data) & 255))
        return self._packet()

    def settle(self):
        """Drops messages from before the first request: the guest has stopped."""
        self.ask("?")
        time.sleep(0.5)
        self.sock.setblocking(False)
        try:
            self.sock.recv(65536)
        except BlockingIOError:
            pass
        self.sock.setblocking(True)
        self.buf = b""

    def register(self, number):
        values = bytes.fromhex(self.ask("g")[:17 * 16])
        return int.from_bytes(values[8 * number:8 * number + 8], "little")

    def word(self, address):
        return int.from_bytes(bytes.fromhex(self.ask(f"m{address:x},8")), "little")

    def run_to(self, address):
        reply = self.ask(f"Z1,{address:x},1")
        if reply != "OK":
            self.sock.sendall(b"$k#6b")
            sys.exit(f"no breakpoint: {reply}")
        self.ask("c")
        self.ask(f"z1,{address:x},1")


class Symbols:
    """The functions of System.map."""

    def __init__(self, path):
        table = []
        with open(path) as file:
            for line in file:
                address, kind, name = line.split()
                if kind in "tTwW":
                    table.append((int(address, 16), name))
        table.sort()
        self.addresses = [address for address, _ in table]
        self.names = [name for _, name in table]

    def address(self, name):
        return self.addresses[self.names.index(name)]

    def function(self, address):
        return self.names[bisect.bisect_right(self.addresses, address) - 1]


def step_through(remote, symbols, counts):
    back = remote.word(remote.register(RSP))
    while (pc := remote.register(RIP)) != back:
        counts[symbols.function(pc)] += 1
        remote.ask("s")


def main():
    path, system_map, skip, *starts = sys.argv[1:]
    symbols = Symbols(system_map)
    remote = Remote(path)
    remote.settle()
    for _ in range(int(skip)):
        remote.run_to(symbols.address(starts[0]))
        remote.ask("s")
    counts = collections.Counter()
    for start in starts:
        remote.run_to(symbols.address(start))
        step_through(remote, symbols, counts)
    remote.sock.sendall(b"$D#44")
    print(f"{sum(counts.values()):8} all")
    for name, count in counts.most_common():
        print(f"{count:8} {name}")


main()
