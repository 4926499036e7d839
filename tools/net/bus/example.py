#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""AF_BUS from Python: the programs example-master and example-client

    example.py master PATH
    example.py client PATH [TEXT [FILE]]

Python's socket module does not know the addresses of AF_BUS. It makes such a
socket, but refuses to bind or to connect it, to send to an address, and to call
recvmsg(). So here the C library is called with addresses, and the Python
object is told to be of AF_UNIX: then accept(), send(), recvmsg(), setsockopt()
and select work, and the address of a sender comes as (family, bytes).
"""
import array
import ctypes
import os
import select
import socket
import struct
import sys

AF_BUS, SOL_BUS = 46, 288
BUS_ADD_ADDR, BUS_JOIN_BUS, BUS_RECV_INFO, BUS_RECV_RIGHTS = 1, 2, 20, 22
BUS_INFO_LOST, SCM_BUS_LOST = 2, 2
GROUP = 1

libc = ctypes.CDLL(None, use_errno=True)


class Iovec(ctypes.Structure):
    """struct iovec"""
    _fields_ = [("base", ctypes.c_char_p), ("len", ctypes.c_size_t)]


class Msghdr(ctypes.Structure):
    """struct msghdr"""
    _fields_ = [("name", ctypes.c_char_p), ("namelen", ctypes.c_uint),
                ("iov", ctypes.POINTER(Iovec)), ("iovlen", ctypes.c_size_t),
                ("control", ctypes.c_char_p), ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_int)]


def check(result, what):
    """What a call of the C library returned, or its error as an exception"""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), what)
    return result


def bus_addr(prefix, client):
    """The 64 bits of an address"""
    return prefix << 48 | client


def multicast(prefix):
    """Everyone who holds an address with this prefix"""
    return bus_addr(prefix, (1 << 48) - 1)


def sockaddr(path="", addr=0):
    """struct sockaddr_bus; a path that begins with @ is abstract"""
    name = os.fsencode(path)
    if len(name) > 108:
        raise ValueError("the path of a bus has at most 108 bytes")
    if name[:1] == b"@":
        name = b"\0" + name[1:]
    return struct.pack("=H6xQ108s4x", AF_BUS, addr, name)


def call_with_path(name, path):
    """A new socket after bind() or connect()"""
    fd = check(libc.socket(AF_BUS, socket.SOCK_SEQPACKET, 0), "socket")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, fileno=fd)
    check(getattr(libc, name)(fd, sockaddr(path), 128), path)
    return sock


def send_to(sock, addr, data, fds=()):
    """Send to an address, with descriptors"""
    control = b""
    if fds:
        rights = array.array("i", fds).tobytes()
        control = struct.pack("@nii", socket.CMSG_LEN(len(rights)),
                              socket.SOL_SOCKET, socket.SCM_RIGHTS) + rights
        control += bytes(socket.CMSG_SPACE(len(rights)) - len(control))
    iov = Iovec(data, len(data))
    msg = Msghdr(sockaddr("", addr), 128, ctypes.pointer(iov), 1, control,
                 len(control), 0)
    return check(libc.sendmsg(sock.fileno(), ctypes.byref(msg), 0), "sendmsg")


def receive(sock):
    """A message: (sender, data, descriptors, lost before it); ENOBUFS is an
    OSError, and tells that something was lost; no data is end-of-file"""
    data, control, _, name = sock.recvmsg(4096, 256)
    sender = struct.unpack("=6xQ", name[1])[0] if name else 0
    fds, lost = array.array("i"), 0
    for level, kind, value in control:
        if (level, kind) == (SOL_BUS, SCM_BUS_LOST):
            lost = struct.unpack("=Q", value)[0]
        elif (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(value[:len(value) // 4 * 4])
    return sender, data, list(fds), lost


def join(sock):
    """The master lets the client at the other end of the link join"""
    unique = struct.unpack("=6xQ", sock.getpeername()[1])[0]
    sock.setsockopt(SOL_BUS, BUS_ADD_ADDR,
                    struct.pack("=Q", bus_addr(GROUP, unique)))
    sock.setsockopt(SOL_BUS, BUS_JOIN_BUS, b"")
    sock.send(b"welcome")


def master(path):
    """Let everyone join, and keep the links"""
    listener = call_with_path("bind", path)
    listener.listen(16)
    links = []
    while True:
        for sock in select.select([listener] + links, [], [])[0]:
            if sock is listener:
                links.append(sock.accept()[0])
                join(links[-1])
            elif not sock.recv(4096):
                links.remove(sock)
                sock.close()


def show(sock):
    """Print a message; False at end-of-file"""
    try:
        sender, data, fds, lost = receive(sock)
    except OSError as error:
        print("(%s)" % error.strerror, flush=True)
        return True
    if not data:
        return False
    print("%d: %s" % (sender, data.decode()), flush=True)
    if lost:
        print("(lost %d before this)" % lost, flush=True)
    for fd in fds:
        print("(with a file: %s)" % os.pread(fd, 256, 0).decode(), flush=True)
        os.close(fd)
    return True


def client(path, text=None, file=None):
    """Send TEXT to the group, or print what is sent to it"""
    sock = call_with_path("connect", path)
    sock.setsockopt(SOL_BUS, BUS_RECV_INFO, BUS_INFO_LOST)
    sock.setsockopt(SOL_BUS, BUS_RECV_RIGHTS, 1)
    if not show(sock):
        sys.exit("the master does not want us")
    if text is None:
        while show(sock):
            pass
    elif file is None:
        send_to(sock, multicast(GROUP), text.encode())
    else:
        with open(file, "rb") as passed:
            send_to(sock, multicast(GROUP), text.encode(), [passed.fileno()])


def main(argv):
    """See above"""
    if argv[1:2] == ["master"] and len(argv) == 3:
        master(argv[2])
    elif argv[1:2] == ["client"] and 3 <= len(argv) <= 5:
        client(*argv[2:])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv)
