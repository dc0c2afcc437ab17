"""What a service is, whatever starts it.

Values come from a role's variables. They become lines of files that run as root's
words, so everything that could end a line or leave a quoted word is refused here.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec

from forge.errors import InputError
from forge.topology.hostvars import plain

# What both systemd and launchd take as a part of a name; short enough for a log file.
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?")
# useradd's default form on Debian and the form of Apple's own service accounts.
ACCOUNT = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")

# Folders of a service are given to its account and removed with it.
SHARED_FOLDERS = frozenset(
    {
        "/Applications", "/Library", "/System", "/Users", "/Volumes", "/bin", "/boot",
        "/dev", "/etc", "/home", "/lib", "/lib64", "/media", "/mnt", "/opt",
        "/opt/homebrew", "/private", "/private/etc", "/private/tmp", "/private/var",
        "/proc", "/root", "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr",  # noqa: S108
        "/usr/local", "/var", "/var/cache", "/var/db", "/var/lib", "/var/log",
        "/var/root", "/var/run", "/var/tmp",  # noqa: S108 - nothing is written there
    }
)  # fmt: skip
NEVER_BELOW = ("/bin/", "/boot/", "/dev/", "/etc/", "/proc/", "/sbin/", "/sys/",
               "/System/", "/usr/bin/", "/usr/lib/", "/usr/sbin/")  # fmt: skip


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a service may take.

    Attributes:
        memory_mb: Mebibytes; 0 for no limit.
        nofile: Open files. A small machine grants no more than 20000.
    """

    memory_mb: Annotated[int, msgspec.Meta(ge=0, le=1 << 24)] = 0
    nofile: Annotated[int, msgspec.Meta(ge=64, le=1 << 20)] = 8192


class Service(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One service of one host.

    Attributes:
        name: Of the unit, and of the label behind ``dev.forge.``.
        description: One line for people.
        command: Program, by its absolute path, and arguments.
        environment: Variables. Anyone on the host can read them: no secrets.
        user: Account that it runs as.
        group: Primary group that it runs with.
        working_dir: Absolute path.
        folders: All that it may write beside a private temporary folder.
        limits: Memory and files.
        stop_seconds: Seconds between the request to stop and the end by force.
        writable_code: Whether memory may be both written and executed, as compilers
            that work at run time need it.
    """

    name: str
    description: str
    command: tuple[str, ...]
    user: str
    group: str
    environment: dict[str, str] = {}
    working_dir: str = "/"
    folders: tuple[str, ...] = ()
    limits: Limits = Limits()
    stop_seconds: Annotated[int, msgspec.Meta(ge=1, le=3600)] = 30
    writable_code: bool = False


def read_service(values: Mapping[str, Any]) -> Service:
    """Return a service from plain data.

    Args:
        values: The fields of `Service`; Ansible's tagged types are fine.

    Raises:
        InputError: All that is wrong, one line each, with the service's name.
    """
    fields = plain(values)
    name = fields.get("name")
    # YAML writes a port without quotes; true has too many forms to guess the one.
    environment = {
        key: str(value) if type(value) is int else value
        for key, value in fields.get("environment", {}).items()
    }
    try:
        service = msgspec.convert({**fields, "environment": environment}, Service)
    except msgspec.ValidationError as error:
        raise InputError(f"service {name}: {error}") from error
    problems = [*_names(service), *_texts(service), *_paths(service)]
    if problems:
        raise InputError(
            "\n".join(f"service {name}: {problem}" for problem in problems),
            remedy="correct the variables that the role was given",
        )
    return service


def _names(service: Service) -> list[str]:
    problems = []
    if NAME.fullmatch(service.name) is None:
        problems.append("name: up to 48 lower-case letters, digits and inner hyphens")
    problems += [
        f"{field}: {value!r} is not the name of an account"
        for field, value in (("user", service.user), ("group", service.group))
        if ACCOUNT.fullmatch(value) is None
    ]
    problems += [
        f"environment: {key!r} is not the name of a variable"
        for key in service.environment
        if VARIABLE.fullmatch(key) is None
    ]
    return problems


def _texts(service: Service) -> list[str]:
    texts = {
        "description": (service.description,),
        "command": service.command,
        "environment": tuple(service.environment.values()),
        "working_dir": (service.working_dir,),
        "folders": service.folders,
    }
    return [
        f"{field}: {text!r} holds a control character"
        for field, found in texts.items()
        for text in found
        if CONTROL.search(text)
    ]


def _paths(service: Service) -> list[str]:
    problems = []
    if not service.command:
        problems.append("command: it is empty")
    elif not _is_plain(service.command[0]):
        problems.append(f"command: {service.command[0]!r} is not an absolute path")
    if not _is_plain(service.working_dir):
        problems.append(f"working_dir: {service.working_dir!r} is not an absolute path")
    return problems + folder_problems(service.folders)


def folder_problems(folders: Sequence[str]) -> list[str]:
    """Return why folders cannot be a service's own, one line each."""
    problems = []
    for folder in folders:
        if folder == "/" or not _is_plain(folder):
            problems.append(f"folders: {folder!r} is not a plain absolute path")
        elif folder in SHARED_FOLDERS or f"{folder}/".startswith(NEVER_BELOW):
            problems.append(f"folders: {folder} belongs to the system, name one below")
    return problems


def _is_plain(path: str) -> bool:
    parts = path.split("/")
    if path == "/":
        return True
    return path.startswith("/") and not {"", ".", ".."} & set(parts[1:])
