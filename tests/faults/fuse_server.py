"""A file system in memory that fails when it is told to: FUSE, spoken by hand.

    python fuse_server.py DIR

mounts on DIR (root and /dev/fuse are needed), prints "ready", and reads commands from
its input, one a line, answering "ok":

    fail write ENOSPC 3    the third write from now on fails, and every one after it
    fail fsync EIO 1       so does a sync, and what was not synced before is gone
    heal                   nothing fails any more

A failed sync drops what it did not write, as Linux drops dirty pages; that is the worst
that a disk may do. The numbers are those of <linux/fuse.h>, version 7.31.
"""

import contextlib
import ctypes
import errno
import os
import selectors
import stat
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

IN_HEADER = struct.Struct("<IIQQIIIHH")
OUT_HEADER = struct.Struct("<IiQ")
ATTR = struct.Struct("<QQQQQQIIIIIIIIII")
ENTRY = struct.Struct("<QQQQII")
MAX_WRITE = 1 << 17
ROOT = 1


@dataclass
class Node:
    """A file or a folder."""

    mode: int
    data: bytearray = field(default_factory=bytearray)
    synced: bytes = b""
    names: dict[bytes, int] = field(default_factory=dict)


class Server:
    """Answers requests of the kernel."""

    def __init__(self, device: int) -> None:
        self.device = device
        self.nodes = {ROOT: Node(stat.S_IFDIR | 0o700)}
        self.next = ROOT + 1
        self.faults: dict[str, tuple[int, int]] = {}
        self.handlers: dict[int, Callable[[int, bytes], bytes]] = {
            1: self.lookup, 3: self.getattr, 4: self.setattr, 9: self.mkdir,
            10: self.unlink, 12: self.rename, 14: self.open, 15: self.read,
            16: self.write, 17: self.statfs, 18: self.nothing, 20: self.fsync,
            25: self.nothing, 26: self.init, 27: self.open, 28: self.readdir,
            29: self.nothing, 30: self.nothing, 34: self.nothing, 35: self.create,
            45: self.rename2,
        }  # fmt: skip

    def serve(self) -> bool:
        """Answer one request; whether the file system is still mounted."""
        try:
            request = os.read(self.device, MAX_WRITE + 4096)
        except OSError as error:
            return error.errno in (errno.EINTR, errno.EAGAIN, errno.ENOENT)
        _, opcode, unique, node, *_ = IN_HEADER.unpack_from(request)
        if opcode in (2, 36, 42):  # FORGET, INTERRUPT, BATCH_FORGET: no answer
            return True
        code, answer = 0, b""
        handler = self.handlers.get(opcode, self.unknown)
        try:
            answer = handler(node, request[IN_HEADER.size :])
        except OSError as error:
            code = -(error.errno or errno.EIO)
        header = OUT_HEADER.pack(OUT_HEADER.size + len(answer), code, unique)
        with contextlib.suppress(FileNotFoundError):  # its caller is gone
            os.write(self.device, header + answer)
        return True

    def command(self, line: str) -> None:
        """Fail, or heal."""
        words = line.split()
        if words[0] == "heal":
            self.faults.clear()
        else:
            _, what, name, nth = words
            self.faults[what] = (getattr(errno, name), int(nth))

    def check(self, what: str) -> None:
        """Raise where this one is to fail."""
        if what in self.faults:
            code, nth = self.faults[what]
            self.faults[what] = (code, nth - 1)
            if nth <= 1:
                raise OSError(code, "")

    def init(self, _: int, body: bytes) -> bytes:
        readahead = struct.unpack_from("<IIII", body)[2]
        return struct.pack(
            "<IIIIHHIIHHI28x", 7, 31, readahead, 0, 16, 12, MAX_WRITE, 1, 0, 0, 0
        )

    def attributes(self, number: int) -> bytes:
        node = self.nodes[number]
        size = len(node.data)
        blocks = (size + 511) // 512
        return ATTR.pack(
            number, size, blocks, 0, 0, 0, 0, 0, 0, node.mode, 1, 0, 0, 0, 4096, 0
        )

    def entry(self, number: int) -> bytes:
        return ENTRY.pack(number, 0, 0, 0, 0, 0) + self.attributes(number)

    def child(self, parent: int, name: bytes) -> int:
        try:
            return self.nodes[parent].names[name]
        except KeyError as error:
            raise OSError(errno.ENOENT, "") from error

    def make(self, parent: int, name: bytes, mode: int) -> int:
        if name in self.nodes[parent].names:
            raise OSError(errno.EEXIST, "")
        number, self.next = self.next, self.next + 1
        self.nodes[number] = Node(mode)
        self.nodes[parent].names[name] = number
        return number

    def unknown(self, _: int, __: bytes) -> bytes:
        raise OSError(errno.ENOSYS, "")

    def nothing(self, _: int, __: bytes) -> bytes:
        return b""

    def lookup(self, parent: int, body: bytes) -> bytes:
        return self.entry(self.child(parent, body.rstrip(b"\0")))

    def getattr(self, number: int, _: bytes) -> bytes:
        return struct.pack("<QII", 0, 0, 0) + self.attributes(number)

    def setattr(self, number: int, body: bytes) -> bytes:
        valid, _, _, size = struct.unpack_from("<IIQQ", body)
        mode = struct.unpack_from("<I", body, 68)[0]
        node = self.nodes[number]
        if valid & 8:  # FATTR_SIZE
            self.check("write")
            del node.data[size:]
            node.data.extend(bytes(size - len(node.data)))
        if valid & 1:  # FATTR_MODE
            node.mode = stat.S_IFMT(node.mode) | stat.S_IMODE(mode)
        return self.getattr(number, b"")

    def mkdir(self, parent: int, body: bytes) -> bytes:
        mode = struct.unpack_from("<I", body)[0]
        name = body[8:].rstrip(b"\0")
        return self.entry(self.make(parent, name, stat.S_IFDIR | stat.S_IMODE(mode)))

    def unlink(self, parent: int, body: bytes) -> bytes:
        name = body.rstrip(b"\0")
        self.child(parent, name)
        del self.nodes[parent].names[name]
        return b""

    def rename(self, parent: int, body: bytes) -> bytes:
        return self.move(parent, struct.unpack_from("<Q", body)[0], body[8:])

    def rename2(self, parent: int, body: bytes) -> bytes:
        return self.move(parent, struct.unpack_from("<Q", body)[0], body[16:])

    def move(self, parent: int, target: int, names: bytes) -> bytes:
        old, new, *_ = names.split(b"\0")
        number = self.child(parent, old)
        del self.nodes[parent].names[old]
        self.nodes[target].names[new] = number
        return b""

    def open(self, number: int, body: bytes) -> bytes:
        flags = struct.unpack_from("<I", body)[0]
        if flags & os.O_TRUNC:
            self.nodes[number].data.clear()
        return struct.pack("<QII", number, 0, 0)

    def create(self, parent: int, body: bytes) -> bytes:
        self.check("write")
        _, mode = struct.unpack_from("<II", body)
        name = body[16:].rstrip(b"\0")
        number = self.make(parent, name, stat.S_IFREG | stat.S_IMODE(mode))
        return self.entry(number) + struct.pack("<QII", number, 0, 0)

    def read(self, number: int, body: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", body)
        return bytes(self.nodes[number].data[offset : offset + size])

    def write(self, number: int, body: bytes) -> bytes:
        self.check("write")
        _, offset, size = struct.unpack_from("<QQI", body)
        data = self.nodes[number].data
        if len(data) < offset:
            data.extend(bytes(offset - len(data)))
        data[offset : offset + size] = body[40 : 40 + size]
        return struct.pack("<II", size, 0)

    def fsync(self, number: int, _: bytes) -> bytes:
        node = self.nodes[number]
        try:
            self.check("fsync")
        except OSError:
            node.data = bytearray(node.synced.ljust(len(node.data), b"\0"))
            raise
        node.synced = bytes(node.data)
        return b""

    def statfs(self, _: int, __: bytes) -> bytes:
        blocks = (1 << 20, 1 << 19, 1 << 19, 0, 0)
        return struct.pack("<QQQQQIIII24x", *blocks, 4096, 255, 4096, 0)

    def readdir(self, number: int, body: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", body)
        out = b""
        names = list(self.nodes[number].names.items())
        for at, (name, child) in enumerate(names[offset:], offset + 1):
            kind = stat.S_IFMT(self.nodes[child].mode) >> 12
            entry = struct.pack("<QQII", child, at, len(name), kind) + name
            entry += bytes(-len(entry) % 8)
            if len(out) + len(entry) > size:
                break
            out += entry
        return out


def mount(folder: str) -> int:
    """Mount on a folder; the descriptor that requests come from."""
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0"
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = [text.encode() for text in ("faults", folder, "fuse")]
    if libc.mount(*arguments, ctypes.c_ulong(6), options.encode()):  # nosuid, nodev
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), folder)
    return device


def main() -> None:
    """Serve until the input ends or the file system is unmounted."""
    server = Server(mount(sys.argv[1]))
    waiting = selectors.DefaultSelector()
    waiting.register(server.device, selectors.EVENT_READ)
    waiting.register(sys.stdin, selectors.EVENT_READ)
    print("ready", flush=True)  # noqa: T201  # the fixture waits for it
    while True:
        for key, _ in waiting.select():
            if key.fileobj == server.device:
                if not server.serve():
                    return
                continue
            line = sys.stdin.readline()
            if not line:
                return
            server.command(line)
            print("ok", flush=True)  # noqa: T201  # as above


if __name__ == "__main__":
    main()
