"""The same bounds as a macOS Seatbelt profile: text, made here, never run here.

The text is compared with a golden file. What has not been run on a Mac is not claimed
to confine one: `available` says no on macOS until it has.

Source: sandbox-exec(1) and the profiles in /System/Library/Sandbox/Profiles of macOS.
"""

from typing import Final

from clawlaw.executor.bounds import Bounds, environment

# What any program of the system needs to start.
_PROGRAMS: Final = ("/usr", "/bin", "/sbin", "/System", "/Library/Apple", "/opt",
                    "/Library/Developer", "/private/etc", "/private/var/db/dyld",
                    "/private/var/select", "/dev")  # fmt: skip
_SECRETS: Final = ("/private/etc/master.passwd", "/private/etc/sudoers",
                   "/private/etc/sudoers.d", "/private/etc/ssh",
                   "/private/etc/clawlaw", "/Library/Keychains")  # fmt: skip
_DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/tty", "/dev/random", "/dev/urandom")
_SERVICES: Final = (
    "com.apple.system.opendirectoryd.libinfo",
    "com.apple.system.notification_center",
    "com.apple.system.logger",
)


class ProfileError(ValueError):
    """A path cannot be written in a profile."""


def profile(bounds: Bounds) -> str:
    """The profile; of several rules that match, the last counts.

    Args:
        bounds: Paths without links, as macOS resolves them (`/private/tmp`).

    Raises:
        ProfileError: A path holds a control character.
    """
    lines = [
        "(version 1)",
        "(deny default)",
        "(allow process-fork)",
        _rule("allow", "process-exec*", (*_PROGRAMS, *bounds.write, *bounds.read)),
        "(allow signal (target same-sandbox))",
        "(allow process-info* (target same-sandbox))",
        "(allow sysctl-read)",
        '(allow file-read-metadata (subpath "/"))',
        _rule("allow", "file-read*", (*_PROGRAMS, *bounds.read, *bounds.write)),
        _rule("allow", "file-write*", bounds.write),
        _rule("allow", "file-write-data", _DEVICES, "literal"),
        _rule("allow", "mach-lookup", _SERVICES, "global-name"),
        "(deny network*)",
    ]
    if bounds.network == "gate":
        where = (bounds.socket,)
        lines.append(_rule("allow", "network-outbound", where, "literal"))
    lines.append(_rule("deny", "file-write*", bounds.keep))
    lines.append(_rule("deny", "file-read* file-write*", (*_SECRETS, *bounds.hide)))
    lines.append("(deny file-write-setugid)")
    return "\n".join(line for line in lines if line) + "\n"


def command(bounds: Bounds, words: list[str]) -> list[str]:
    """Command line that would run words under the profile, in a clean environment."""
    variables = [f"{name}={value}" for name, value in environment(bounds).items()]
    confined = ["/usr/bin/sandbox-exec", "-p", profile(bounds)]
    return ["/usr/bin/env", "-i", *variables, *confined, *words]


def _rule(act: str, what: str, names: tuple[str, ...], kind: str = "subpath") -> str:
    if not names:
        return ""
    filters = "".join(f"\n  ({kind} {_quoted(name)})" for name in names)
    return f"({act} {what}{filters})"


def _quoted(text: str) -> str:
    if not text.isprintable():
        raise ProfileError(f"{text!r}: cannot be written in a profile")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
