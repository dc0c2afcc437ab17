"""What an account keeps in its own home that commands need and that is no secret.

Interpreters and packages that version managers put there are shown read only, at the
place that they have outside, so that a virtual environment of the workspace finds its
interpreter. Programs in them are not on the search path: an agent could have written
them. Of `~/.gitconfig` only settings are shown that start no program, lead nowhere and
hold no credential; git is given them as a file of its own. Nothing else of the home is.
"""

import os
import stat
from pathlib import Path
from typing import Final

import re2
from msgspec import Struct

from clawlaw.core.shell.lang.git_config import harmless

# Below the home; of each, only what managers install there.
SHOWN: Final = (
    ".pyenv/versions", ".local/share/uv/python", ".nvm/versions", ".rustup/toolchains",
    ".rustup/settings.toml", ".cargo/bin", ".cargo/registry", ".cargo/git", "go/bin",
    "go/pkg/mod",
)  # fmt: skip
# Inside those, and hidden: settings that may hold tokens of a registry.
HIDDEN: Final = (
    ".nvm/versions/node/*/etc/npmrc", ".pyenv/versions/*/pip.conf",
    ".pyenv/versions/*/etc/pip.conf", ".local/share/uv/python/*/pip.conf",
    ".cargo/registry/credentials*", "go/pkg/mod/cache/vcs",
)  # fmt: skip
GIT_SETTINGS: Final = (".gitconfig", ".config/git/config")
_HELD: Final = getattr(os, "O_PATH", 0) | os.O_NOFOLLOW | os.O_CLOEXEC
MAX_SETTINGS: Final = 64 << 10  # bytes
_SECTION: Final = re2.compile(r"\[\s*([A-Za-z0-9.-]+)\s*\]")
_SETTING: Final = re2.compile(r"([A-Za-z][A-Za-z0-9-]*)\s*=\s*([^\"\\#;]*)")


class Toolchains(Struct, frozen=True):
    """What is shown of a home.

    Attributes:
        read: Directories and files, absolute, without links.
        hide: Inside those.
        git: Text of settings for git; "" where there are none.
    """

    read: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()
    git: str = ""


def of_home(home: str, uid: int) -> Toolchains:
    """What may be shown of a home.

    Args:
        home: Absolute.
        uid: Of the account; what others own or a link leads to is left out.
    """
    root = os.path.realpath(home)
    read = tuple(path for name in SHOWN if (path := _own(root, name, uid)))
    hide = tuple(
        str(found) for pattern in HIDDEN for found in sorted(Path(root).glob(pattern))
    )
    texts = (_settings(root, name, uid) for name in GIT_SETTINGS)
    return Toolchains(read, hide, "".join(filter(None, texts)))


def _own(root: str, name: str, uid: int) -> str:
    """The path of something of the account that no link leads to; "" else."""
    path = f"{root}/{name}"
    try:
        found = os.lstat(path)
    except OSError:
        return ""
    plain = stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode)
    good = plain and found.st_uid == uid and os.path.realpath(path) == path
    return path if good else ""


def hold(path: str, uid: int) -> int:
    """A descriptor of what still is the account's at a path; -1 where it is not.

    What is bound is what is held, whatever gets that name meanwhile.
    """
    try:
        held = os.open(path, _HELD)
    except OSError:
        return -1
    same = str(Path(f"/proc/self/fd/{held}").readlink()) == path
    found = os.fstat(held)
    if same and found.st_uid == uid and not stat.S_ISLNK(found.st_mode):
        return held
    os.close(held)
    return -1


def _settings(root: str, name: str, uid: int) -> str:
    path = _own(root, name, uid)
    if not path:
        return ""
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(opened, "rb") as file:
            data = file.read(MAX_SETTINGS + 1)
    except OSError:
        return ""
    return "" if len(data) > MAX_SETTINGS else settings(data.decode("utf-8", "replace"))


def settings(text: str) -> str:
    """Those of git's settings that are harmless, one section each.

    Args:
        text: Of a configuration file. A value that is quoted, escaped or goes on in
            the next line is left out, and so is every section with a name of its own.
    """
    section, made = "", []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("["):
            found = _SECTION.fullmatch(stripped)
            section = found[1].lower() if found else ""
            continue
        found = _SETTING.fullmatch(stripped) if section else None
        if found is None:
            continue
        key, value = found[1].lower(), found[2].strip()
        if value.isprintable() and harmless(f"{section}.{key}", value):
            made.append(f"[{section}]\n\t{key} = {value}\n")
    return "".join(made)
