"""Which directories begin another file system, and which of those are local.

A remote file system may answer differently to the executor, may hang, and its links
and inodes are another machine's word: what lies there is unknown.
"""

import subprocess
import sys
from pathlib import Path

UNKNOWN = -1  # instead of a mount's id
_MOUNTINFO = Path("/proc/self/mountinfo")
_MAX_KEPT = 4096  # directories
# Linux file systems whose content is this kernel's own word.
_LOCAL = frozenset(
    {
        "apfs", "bcachefs", "binfmt_misc", "bpf", "btrfs", "cgroup", "cgroup2",
        "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs", "erofs", "exfat",
        "ext2", "ext3", "ext4", "f2fs", "hfs", "hfsplus", "hugetlbfs", "iso9660",
        "mqueue", "nsfs", "ntfs3", "overlay", "proc", "pstore", "ramfs", "rootfs",
        "securityfs", "squashfs", "sysfs", "tmpfs", "tracefs", "udf", "ufs", "vfat",
        "xfs", "zfs",
    }
)  # fmt: skip


class MountTable:
    """Mount points of this machine; read again when an unknown one is met."""

    def __init__(self) -> None:
        """Read the table."""
        self._local: dict[str, bool] = {}
        self._ids: dict[str, int] = {}
        self._kept: dict[str, int] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read it again; what cannot be read leaves no mount point known as local."""
        if sys.platform == "darwin":
            self._local = _read_darwin()
        else:
            raw = _MOUNTINFO.read_bytes()
            self._local, self._ids = read_mountinfo(raw), read_ids(raw)
        self._kept.clear()

    def is_local(self, path: str) -> bool | None:
        """Whether the mount point at `path` is local; `None`: none begins there."""
        return self._local.get(path)

    def mount_of(self, path: str) -> int:
        """Id of the mount that a path without links ends on, by the table.

        `UNKNOWN` where a mount on the way is not local, or has no id that is known.
        """
        if path in self._ids:
            return self._expected(path)
        above = path.rpartition("/")[0]
        found = self._kept.get(above)
        if found is None:
            if len(self._kept) >= _MAX_KEPT:
                self._kept.clear()
            found = self._kept[above] = self._expected(above)
        return found if self.is_local(path) is None else UNKNOWN

    def _expected(self, path: str) -> int:
        found = self._ids.get("/", UNKNOWN)
        at = 0
        while at >= 0:
            at = path.find("/", at + 1)
            place = path[:at] if at >= 0 else path
            if self.is_local(place) is False:
                return UNKNOWN
            found = self._ids.get(place, found)
        return found


def read_mountinfo(raw: bytes) -> dict[str, bool]:
    """Mount points of `/proc/self/mountinfo`; the last mount on a path counts.

    Source: proc_pid_mountinfo(5).
    """
    table: dict[str, bool] = {}
    for line in raw.split(b"\n"):
        fields, _, rest = line.partition(b" - ")
        if rest:
            point = _unescape(fields.split(b" ")[4])
            table[point] = rest.split(b" ")[0].decode("ascii", "replace") in _LOCAL
    return table


def read_ids(raw: bytes) -> dict[str, int]:
    """Mount ids by mount point; the last mount on a path counts.

    Source: proc_pid_mountinfo(5).
    """
    lines = (line.split(b" ", 5) for line in raw.split(b"\n") if line)
    return {_unescape(fields[4]): int(fields[0]) for fields in lines}


def _unescape(field: bytes) -> str:
    for code in (b" ", b"\t", b"\n", b"\\"):
        field = field.replace(b"\\%03o" % code[0], code)
    return field.decode("utf-8", "surrogateescape")


def _read_darwin() -> dict[str, bool]:
    # `mount` prints "DEVICE on POINT (TYPE, option, ...)"; "local" is an option.
    done = subprocess.run(["/sbin/mount"], capture_output=True, check=False, timeout=10)
    table: dict[str, bool] = {}
    for line in done.stdout.decode("utf-8", "surrogateescape").splitlines():
        head, _, options = line.rpartition(" (")
        point = head.partition(" on ")[2]
        if point:
            table[point] = "local" in options.rstrip(")").split(", ")
    return table
