"""What one action may touch, as data: everything that is not named is not there."""

from fnmatch import fnmatchcase
from functools import cache
from typing import Final, Literal

from msgspec import Struct

# Names that stand for secrets wherever they are in a writable tree; what "!" marks
# is none, whatever else matches.
SECRET_NAMES: Final = (
    ".env", ".env.*", "*.env", "!.env.example", "!.env.*.example", "!.env.sample",
    "!.env.template", "!.env.dist", "!.env.schema", "!example.env", "!sample.env",
    ".ssh", ".aws", ".gnupg", ".azure", ".oci", ".kube", ".netrc", "_netrc",
    ".git-credentials", ".pgpass", ".my.cnf", ".pypirc", ".vault-token",
    ".password-store", ".boto", ".s3cfg", ".dockercfg", ".credentials.json",
    "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "!id_*.pub", "*.p12", "*.pfx",
    "*.ppk", "*.jks", "*.keystore", "*.kdbx", "*.agekey",
)  # fmt: skip
# Below a writable tree, and read only: what another program would run or obey later.
KEPT_NAMES: Final = (
    ".git/hooks", ".git/config", ".git/config.worktree", ".git/info/attributes",
    ".claude/settings.json", ".claude/settings.local.json", ".claude/hooks",
    ".mcp.json", ".vscode", ".idea", ".envrc", ".husky", "clawlaw/policy",
)  # fmt: skip
# What every program needs, and no secret of a user.
SYSTEM_ROOTS: Final = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt",
    "/nix/store", "/var/lib/dpkg",
)  # fmt: skip
# Inside those, and hidden: what the account that runs the executor might read.
SYSTEM_SECRETS: Final = (
    "/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/sudoers",
    "/etc/sudoers.d", "/etc/security/opasswd", "/etc/ssh", "/etc/ssl/private",
    "/etc/pki/tls/private", "/etc/krb5.keytab", "/etc/clawlaw", "/etc/kubernetes",
    "/etc/rancher", "/etc/wireguard", "/etc/NetworkManager/system-connections",
    "/etc/letsencrypt", "/etc/docker", "/etc/containers/auth.json",
)  # fmt: skip
SEARCH_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

type Network = Literal["none", "gate"]


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """How much one action may use.

    Attributes:
        seconds: Of wall-clock time; a permit's deadline may be earlier.
        processes: Tasks of the account, in this sandbox. The kernel does not count
            those of root, which is why an executor is not run as root.
        file_bytes: Of one file.
        disk_bytes: By which the file system of a writable tree may lose space.
        scratch_bytes: Of each private `/tmp`, `/var/tmp`, `/run`, `/dev/shm`.
        open_files: Descriptors of one process.
        output_bytes: Of standard output and error together that are shown and told
            to the gate; the rest is thrown away.
    """

    seconds: int = 600
    processes: int = 512
    file_bytes: int = 1 << 30
    disk_bytes: int = 4 << 30
    scratch_bytes: int = 512 << 20
    open_files: int = 4096
    output_bytes: int = 256 << 10


class Bounds(Struct, frozen=True, forbid_unknown_fields=True):
    """What one action may touch; all paths absolute and without links.

    Attributes:
        write: Directories and files that may be changed.
        read: Further ones that may be read, beside the system's.
        hide: Inside both, unreadable.
        keep: Inside `write`, read only.
        network: "gate" shows the gate's socket at `GATE_SOCKET`, and nothing else.
        socket: Where that is outside.
        listen: Ports of the private loopback that may be connected to; `None`: any.
        broker: Socket that performs permits for a confined client, shown at
            `EXECUTOR_SOCKET`; "" for an action.
        terminal: It keeps the terminal that it was started from.
        variables: Set inside besides those of `environment`.
    """

    cwd: str
    home: str
    write: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    network: Network = "none"
    socket: str = ""
    listen: tuple[int, ...] | None = None
    limits: Limits = Limits()
    user: str = "agent"
    broker: str = ""
    terminal: bool = False
    variables: dict[str, str] = {}


class _Names:
    """Patterns by their form: a tree has many names, and most match none."""

    def __init__(self, patterns: list[str]) -> None:
        self._plain = {p for p in patterns if not set(p) & set("*?[")}
        self._begin = tuple(p[:-1] for p in patterns if _stars(p[:-1], p[-1:]))
        self._end = tuple(p[1:] for p in patterns if _stars(p[1:], p[:1]))
        self._other = [
            p
            for p in patterns
            if p not in self._plain
            and not _stars(p[:-1], p[-1:])
            and not _stars(p[1:], p[:1])
        ]

    def has(self, name: str) -> bool:
        """Whether a name, case-folded, matches one of them."""
        return (
            name in self._plain
            or name.startswith(self._begin)
            or name.endswith(self._end)
            or any(fnmatchcase(name, pattern) for pattern in self._other)
        )


def _stars(rest: str, end: str) -> bool:
    """One star at one end, and none in the rest."""
    return end == "*" and not set(rest) & set("*?[")


@cache
def _names(more: tuple[str, ...]) -> tuple[_Names, _Names]:
    """Patterns that hold, and those that take back."""
    texts = [text.casefold() for text in (*SECRET_NAMES, *more)]
    back = [text[1:] for text in texts if text.startswith("!")]
    return _Names([text for text in texts if not text.startswith("!")]), _Names(back)


def is_secret_name(name: str, more: tuple[str, ...] = ()) -> bool:
    """Whether the name of a file or directory says that it holds a secret.

    Args:
        name: One name, without a slash; letter case does not matter.
        more: Further patterns, as in `SECRET_NAMES`.
    """
    held, taken_back = _names(more)
    folded = name.casefold()
    return held.has(folded) and not taken_back.has(folded)


def within(path: str, roots: tuple[str, ...]) -> bool:
    """Whether a path is one of the roots or below one; both are plain and absolute."""
    return any(path == r or path.startswith(r.rstrip("/") + "/") for r in roots)


def environment(bounds: Bounds) -> dict[str, str]:
    """Every variable that is set inside; nothing is inherited."""
    return {
        "PATH": SEARCH_PATH,
        "HOME": bounds.home,
        "USER": bounds.user,
        "LOGNAME": bounds.user,
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "TMPDIR": "/tmp",  # noqa: S108  # the sandbox's own
        "CLAWLAW_SANDBOX": "bubblewrap",
        **bounds.variables,
    }
