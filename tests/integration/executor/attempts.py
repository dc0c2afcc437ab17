"""Ways out of a sandbox. Each script says ESCAPED where it got out.

`plain` says for whom it works without a sandbox: "all", "root", "user", or, where this
cannot be shown on any machine, why not.
"""

from dataclasses import dataclass

from tests.integration.executor.lab import python


@dataclass(frozen=True)
class Attempt:
    """One way out."""

    name: str
    script: str
    plain: str = "all"


def call(number: str, *arguments: str, before: str = "") -> str:
    """A system call by its numbers on x86_64 and aarch64, in Python."""
    given = ", ".join(arguments)
    return python(f"""
import ctypes, os, platform, struct
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
number = dict(zip(("x86_64", "aarch64"), ({number})))[platform.machine()]
{before}
answer = libc.syscall(ctypes.c_long(number), {given})
print("ESCAPED" if answer >= 0 else os.strerror(ctypes.get_errno()))
""")


FILES = [
    Attempt("write outside", "echo x > @OUT@/new && echo ESCAPED"),
    Attempt("write by ..", "cd sub && echo x > ../../outside/new && echo ESCAPED"),
    Attempt("change the home", "echo x >> @HOME@/.profile; [ -e @HOME@/.ssh ] && "
            "[ -e @HOME@/.profile ] && echo ESCAPED"),
    Attempt("write through a link", "ln -s @OUT@/victim way && echo x > way "
            "&& echo ESCAPED"),
    Attempt("write through a link to a directory", "ln -s @OUT@ way && "
            "echo x > way/new && echo ESCAPED"),
    Attempt("hard link to a file outside", "ln @OUT@/victim held && echo x >> held "
            "&& echo ESCAPED"),
    Attempt("move a file out", "mv file @OUT@/file && echo ESCAPED"),
    Attempt("rename the workspace", "mv @WS@ @ROOT@/elsewhere && "
            "mv @ROOT@/elsewhere @WS@ && echo ESCAPED"),
    Attempt("read a private key", "grep -q @SECRET@ @HOME@/.ssh/id_ed25519 "
            "&& echo ESCAPED"),
    Attempt("read .env", "grep -q @SECRET@ .env && echo ESCAPED"),
    Attempt("read .env under another name", "grep -q @SECRET@ innocent && "
            "echo ESCAPED"),
    Attempt("read .env after moving its directory", "mv sub moved && "
            "grep -q @SECRET@ moved/.env && echo ESCAPED"),
    Attempt("read .env after renaming it", "mv .env shown && "
            "grep -q @SECRET@ shown && echo ESCAPED"),
    Attempt("read .env by a new hard link", "ln sub/.env shown && "
            "grep -q @SECRET@ shown && echo ESCAPED"),
    Attempt("give oneself the right to .env", "chmod 0644 sub/.env && "
            "grep -q @SECRET@ sub/.env && echo ESCAPED"),
    Attempt("write .env", "echo A=1 >> .env && echo ESCAPED"),
    Attempt("write a git hook", "echo true > .git/hooks/pre-commit && echo ESCAPED"),
    Attempt("put git hooks in place of others", "rm -rf .git/hooks && mkdir .git/hooks "
            "&& echo true > .git/hooks/pre-commit && echo ESCAPED"),
    Attempt("move git's directory away", "mv .git old && mkdir -p .git/hooks && "
            "cp -r old/. .git 2>&1 && echo x > .git/hooks/pre-commit && "
            "[ ! -e old/hooks ] && echo ESCAPED",
            "it leaves the old hooks where they are"),
    Attempt("write git's settings", "git config core.fsmonitor /bin/true && "
            "grep -q fsmonitor .git/config && echo ESCAPED"),
    Attempt("read the password hashes", "grep -q root: /etc/shadow && echo ESCAPED",
            "root"),
    Attempt("change the system's programs", "cp /bin/true /usr/local/bin/zz-clawlaw "
            "&& rm /usr/local/bin/zz-clawlaw && echo ESCAPED", "root"),
    Attempt("read the gate's files under /proc", "for p in /proc/[0-9]*; do "
            "grep -q @SECRET@ $p/root@OUT@/held 2>/dev/null && echo ESCAPED; done"),
    Attempt("read the gate's open file", "for f in /proc/[0-9]*/fd/*; do "
            "[ -f $f ] && grep -q @SECRET@ $f 2>/dev/null && echo ESCAPED; done"),
    Attempt("leave by a process's directory", "for p in /proc/[0-9]*/cwd; do "
            "grep -q @SECRET@ $p/held 2>/dev/null && echo ESCAPED; done"),
    Attempt("read the gate's environment", "grep -l GATE_SECRET=@SECRET@ "
            "/proc/[0-9]*/environ 2>/dev/null | grep -q . && echo ESCAPED"),
    Attempt("a program that becomes root", "@ROOT@/becomes-root -u | grep -qx 0 "
            "&& echo ESCAPED", "user"),
    Attempt("make a set-user-id program", "cp /usr/bin/id own && chmod 4755 own && "
            "[ -u own ] && echo ESCAPED"),
    Attempt("open a file as set-user-id", python("""
import os
os.umask(0)
fd = os.open("own", os.O_CREAT | os.O_WRONLY, 0o4755)
print("ESCAPED" if os.fstat(fd).st_mode & 0o4000 else "without it")
""")),
    Attempt("open memory", python("""
import os
os.close(os.open("/dev/mem", os.O_RDONLY))
print("ESCAPED")
"""), "not every kernel has /dev/mem"),
    Attempt("make a device", "mknod mem c 1 1 && echo ESCAPED", "root"),
    Attempt("open a disk", "for d in /dev/[vsx]d[a-z] /dev/nvme0n1; do "
            "head -c 1 $d >/dev/null 2>&1 && echo ESCAPED; done",
            "not every machine has a disk of that name"),
    Attempt("change a kernel setting", python("""
import os
os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))
print("ESCAPED")
"""), "root"),
    Attempt("look into /sys", "ls /sys/kernel | grep -q . && echo ESCAPED"),
    Attempt("open a file by its handle", python("""
import ctypes, os, struct
libc = ctypes.CDLL(None, use_errno=True)
handle = ctypes.create_string_buffer(struct.pack("=Ii", 128, 0) + bytes(128))
mount = ctypes.c_int()
path = b"@WS@/file"
if libc.name_to_handle_at(-100, path, handle, ctypes.byref(mount), 0) < 0:
    raise SystemExit(os.strerror(ctypes.get_errno()))
base = os.open("@WS@", os.O_RDONLY)
fd = libc.open_by_handle_at(base, handle, os.O_RDONLY)
print("ESCAPED" if fd >= 0 else os.strerror(ctypes.get_errno()))
"""), "root"),
    Attempt("change the last steps", "chmod 0644 /run/clawlaw/landlock.py; "
            "echo x >> /run/clawlaw/landlock.py && echo ESCAPED",
            "it is there only inside"),
]  # fmt: skip

NETWORK = [
    Attempt("TCP to the host's loopback", python("""
import socket
peer = socket.create_connection(("127.0.0.1", @TCP@), 3)
print("ESCAPED" if b"@SECRET@" in peer.recv(99) else "")
""")),
    Attempt("UDP to the host's loopback, as DNS does", python("""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(2)
query = b"\\x12\\x34\\1\\0\\0\\1" + bytes(6) + b"\\4leak\\7example\\0\\0\\1\\0\\1"
s.sendto(query, ("127.0.0.1", @UDP@))
print("ESCAPED" if b"@SECRET@" in s.recv(99) else "")
""")),
    Attempt("a route to anywhere", python("""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("198.51.100.7", 53))
print("ESCAPED")
"""), "a machine may have no route itself"),
    Attempt("IPv6 to anywhere", python("""
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.connect(("2001:db8::7", 53))
print("ESCAPED")
"""), "a machine may have no route itself"),
    Attempt("a name by the resolver", "getent hosts example.com && echo ESCAPED",
            "a machine may have no resolver"),
    Attempt("ICMP by a raw socket", python("""
import socket
socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
print("ESCAPED")
"""), "root"),
    Attempt("frames by a packet socket", python("""
import socket
socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3)
print("ESCAPED")
"""), "root"),
    Attempt("the hypervisor by vsock", python("""
import socket
socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
print("ESCAPED")
"""), "not every kernel has it"),
    Attempt("the kernel's ciphers", python("""
import socket
socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET, 0)
print("ESCAPED")
"""), "not every kernel has it"),
    Attempt("the kernel's events", python("""
import socket
socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15)
print("ESCAPED")
""")),
    Attempt("the gate's socket by its path", python("""
import socket
s = socket.socket(socket.AF_UNIX)
s.connect("@SOCK@")
print("ESCAPED" if b"@SECRET@" in s.recv(99) else "")
""")),
    Attempt("an abstract socket", python("""
import socket
s = socket.socket(socket.AF_UNIX)
s.connect("\\0@ABSTRACT@")
print("ESCAPED" if b"@SECRET@" in s.recv(99) else "")
""")),
    Attempt("bring a device up", "ip link add zz-claw type dummy && "
            "ip link del zz-claw && echo ESCAPED",
            "not every kernel has dummy devices"),
]  # fmt: skip

_PID = "ctypes.c_long(@GATE@)"
KERNEL = [
    Attempt("trace the gate", call("101, 117", "16", _PID, "0", "0", before="""
import atexit
""") .replace("print(", "libc.syscall(ctypes.c_long(number), 17, " + _PID
              + ", 0, 0); print("), "not where Yama forbids it"),
    Attempt("trace at all", call("101, 117", "0", "0", "0", "0")),
    Attempt("read the gate's memory", python("""
import re
maps = open("/proc/@GATE@/maps").read()
start, end = re.search(r"^(\\w+)-(\\w+) rw.*\\[stack\\]", maps, re.M).groups()
memory = open("/proc/@GATE@/mem", "rb", 0)
memory.seek(int(start, 16))
found = memory.read(int(end, 16) - int(start, 16))
print("ESCAPED" if b"@SECRET@" in found else "")
"""), "not where Yama forbids it"),
    Attempt("write the first process's memory", python("""
import os, re
maps = open("/proc/1/maps").read()
start = re.search(r"^(\\w+)-\\w+ r-x", maps, re.M).group(1)
fd = os.open("/proc/1/mem", os.O_RDWR)
data = os.pread(fd, 4, int(start, 16))
os.pwrite(fd, data, int(start, 16))
print("ESCAPED")
"""), "outside this is the machine's own"),
    Attempt("borrow the gate's descriptor", python("""
import ctypes, os
fd = os.pidfd_open(@GATE@)
libc = ctypes.CDLL(None, use_errno=True)
held = libc.syscall(ctypes.c_long(438), fd, 3, 0)
print("ESCAPED" if held >= 0 else os.strerror(ctypes.get_errno()))
"""), "not where Yama forbids it"),
    Attempt("end a process outside", "kill -9 @VICTIM@ && echo ESCAPED"),
    Attempt("signal the gate", "kill -0 @GATE@ && echo ESCAPED"),
    Attempt("mount", "mkdir m && unshare --user --map-root-user --mount "
            "mount -t tmpfs none m && echo ESCAPED"),
    Attempt("mount as it is", "mkdir m && mount -t tmpfs none m && umount m "
            "&& echo ESCAPED", "root"),
    Attempt("take a mask away", "umount sub/.env && echo ESCAPED",
            "it is there only inside"),
    Attempt("a user namespace", "unshare --user --map-root-user true && echo ESCAPED"),
    Attempt("a user namespace by clone", call(
        "56, 220", "ctypes.c_ulong(0x10000000 | 17)", "0", "0", "0", "0",
    ).replace("print(", "answer or os._exit(0); print(")),
    Attempt("a user namespace by clone3", call(
        "435, 435", "arguments", "ctypes.c_size_t(64)",
        before='arguments = struct.pack("=8Q", 0x10000000, 0, 0, 0, 17, 0, 0, 0)',
    ).replace("print(", "answer or os._exit(0); print(")),
    Attempt("enter the gate's namespaces", "nsenter --target @GATE@ --mount "
            "test -e @OUT@/victim && echo ESCAPED", "root"),
    Attempt("enter the first process's namespaces", "nsenter --target 1 --net true "
            "&& echo ESCAPED", "the first process may be above the tests'"),
    Attempt("change the root", call("161, 51", 'b"/"'), "root"),
    Attempt("turn the root", call("155, 41", 'b"."', 'b"."'),
            "outside it would take the machine's root"),
    Attempt("add a key", call(
        "248, 217", 'b"user"', 'b"clawlaw"', 'b"x"', "ctypes.c_size_t(1)", "-3",
    ), "not where keys are not built in"),
    Attempt("read the session's keys", call("250, 219", "0", "-3", "1"),
            "not where keys are not built in"),
    Attempt("put words on a terminal", python("""
import fcntl, os, pty, sys
pid, terminal = pty.fork()
if not pid:
    try:
        fcntl.ioctl(0, 0x5412, b"x")
    except OSError:
        os._exit(1)
    os._exit(0)
print("ESCAPED" if os.waitpid(pid, 0)[1] == 0 else "refused")
"""), "newer kernels may refuse it to all"),
    Attempt("the controlling terminal", "( : < /dev/tty ) && echo ESCAPED",
            "tests have none"),
    Attempt("work behind the filter", call("425, 425", "8", "bytearray_of", before="""
bytearray_of = ctypes.create_string_buffer(120)
"""), "not where it is turned off"),
    Attempt("load a program into the kernel", call(
        "321, 280", "0", "attributes", "72",
        before="attributes = ctypes.create_string_buffer(struct.pack('=4I', 2, 4, 4, 1)"
               " + bytes(56))",
    ), "root"),
    Attempt("measure other processes", call(
        "298, 241", "attributes", _PID, "-1", "-1", "0",
        before="attributes = ctypes.create_string_buffer("
               "struct.pack('=IIQ', 1, 112, 0) + bytes(96))",
    ), "not where it is turned off"),
    Attempt("handle faults of memory", call("323, 282", "1"), "root"),
    Attempt("set the host's name", python("""
import socket
socket.sethostname(socket.gethostname())
print("ESCAPED")
"""), "root"),
    Attempt("change the processor's personality", call("135, 92", "0x0400000")),
    Attempt("read the kernel's log", call("103, 116", "10", "0", "0"),
            "not where it is open to root alone"),
    Attempt("dump core", "ulimit -c unlimited; bash -c 'kill -SEGV $$'; "
            "ls core* 2>/dev/null | grep -q . && echo ESCAPED",
            "a machine may send it elsewhere"),
    Attempt("share memory with the host", "ipcs -m | grep -q @SHARED@ && "
            "echo ESCAPED"),
]  # fmt: skip

ALL = FILES + NETWORK + KERNEL
