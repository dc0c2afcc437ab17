"""Whom the executor runs as: never root, and once it is someone else, for good."""

import os
import pwd

from msgspec import Struct

from clawlaw.executor.host import SandboxError


class Identity(Struct, frozen=True):
    """An account of this machine."""

    name: str
    uid: int
    home: str


def become(name: str) -> Identity:
    """Give up root for an account; "" keeps the account that runs this.

    Raises:
        SandboxError: It would be root, is unknown, or this process may not change.
    """
    if not name:
        if os.geteuid() == 0:
            raise SandboxError(
                "an executor is not run as root: the kernel does not limit the number "
                "of root's processes",
                "run it as the agent's own account, or name one with --account",
            )
        return _identity(pwd.getpwuid(os.geteuid()))
    try:
        found = pwd.getpwnam(name)
    except KeyError as error:
        raise SandboxError(
            f"{name}: no such account", "make it, or name another"
        ) from error
    if found.pw_uid == 0:
        raise SandboxError(f"{name}: is root", "name the agent's own account")
    if found.pw_uid != os.geteuid():
        try:
            os.initgroups(name, found.pw_gid)
            os.setresgid(found.pw_gid, found.pw_gid, found.pw_gid)
            os.setresuid(found.pw_uid, found.pw_uid, found.pw_uid)
        except PermissionError as error:
            raise SandboxError(
                f"{name}: this process may not become it",
                "start it as that account, or as root with --account",
            ) from error
    return _identity(found)


def _identity(found: pwd.struct_passwd) -> Identity:
    return Identity(found.pw_name, found.pw_uid, os.path.realpath(found.pw_dir))
