"""The managed settings that put Claude Code behind the gate: what they must say.

Managed settings are a file that only an administrator writes and that no user, project
or command line overrides. What stands here closes the ways around the hooks: hooks of
others, a mode that asks nobody, commands in skills, servers and plugins of a project,
versions whose failing hooks let the action through.

Source: code.claude.com/docs/en/settings-reference and docs/en/hooks ("HTTP hook
fields", "Block the action when a hook fails"); release notes of 2.1.295 and 2.1.163.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from clawlaw.adapters.claude_hooks import EVENTS, PATH
from clawlaw.core.errors import ClawLawError

MINIMUM: Final = (2, 1, 295)  # the first that has onFailure
TOKEN: Final = "CLAWLAW_TOKEN"  # noqa: S105  # the variable's name
FILES: Final = {
    "linux": "/etc/claude-code/managed-settings.json",
    "darwin": "/Library/Application Support/ClaudeCode/managed-settings.json",
}
# Takes no HTTP hook; the first prompt or call opens the session.
_NOT_OVER_HTTP: Final = frozenset({"SessionStart"})
_SECONDS: Final = 10  # the gate answers in milliseconds; longer than this is a failure
_SECONDS_AT_END: Final = 5  # the client gives all hooks of SessionEnd a small budget
_SHOWN: Final = 100  # characters of a value in a message
# Read by an @ in a prompt, for which no hook runs.
_UNREADABLE: Final = (
    "~/.ssh/**",
    "~/.gnupg/**",
    "~/.aws/**",
    "~/.kube/**",
    "~/.config/gcloud/**",
    "~/.netrc",
    "**/.env",
    "**/.env.*",
)
_FORCED: Final[Mapping[str, Any]] = {
    "allowManagedHooksOnly": True,
    "allowManagedMcpServersOnly": True,
    "allowManagedPermissionRulesOnly": True,
    "disableAllHooks": False,
    "disableSideloadFlags": True,
    "disableSkillShellExecution": True,
    "httpHookAllowedEnvVars": [TOKEN],
}
# An administrator may have chosen otherwise; a choice that is there is kept.
_DEFAULTS: Final[Mapping[str, Any]] = {
    "allowedMcpServers": [],
    "strictKnownMarketplaces": [],
}


class SettingsError(ClawLawError):
    """Settings cannot be used as they are; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting that is not what it must be.

    Attributes:
        place: Dotted names that lead to it.
        found: JSON text, the beginning of it; "" where it is missing.
        wanted: JSON text, the beginning of it.
    """

    place: str
    found: str
    wanted: str

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.place}: {self.found or 'missing'}, must be {self.wanted}"


def parse_version(text: str) -> tuple[int, int, int]:
    """Major, minor, patch.

    Raises:
        SettingsError: It is not three numbers.
    """
    parts = text.strip().removeprefix("v").split(".")
    if len(parts) != len(MINIMUM) or not all(
        p.isascii() and p.isdigit() for p in parts
    ):
        raise SettingsError(f"{text!r} is no version like {shown(MINIMUM)}")
    major, minor, patch = map(int, parts)
    return major, minor, patch


def check_version(text: str) -> tuple[int, int, int]:
    """A version of the client that can be governed.

    Raises:
        SettingsError: An older one: its hooks let the action through when they fail.
    """
    version = parse_version(text)
    if version < MINIMUM:
        raise SettingsError(
            f"Claude Code {text} is refused: before {shown(MINIMUM)} a hook that fails "
            "lets the action through; install a newer version"
        )
    return version


def shown(version: Sequence[int]) -> str:
    """A version as text."""
    return ".".join(map(str, version))


def merged(
    found: Mapping[str, Any],
    address: str,
    hide: Sequence[str] = (),
    minimum: Sequence[int] = MINIMUM,
) -> dict[str, Any]:
    """Managed settings with everything that governs, and all else as it was.

    Args:
        found: What is there; empty where there is no file.
        address: ADDRESS:PORT of the gate on loopback.
        hide: Absolute paths that the client must not read for a prompt.
        minimum: Version that is required at least.

    Raises:
        SettingsError: A setting that must be extended has another type than its own.
    """
    url = f"http://{address}{PATH}"
    wanted = {**_DEFAULTS, **found, **_FORCED}
    required = max(tuple(minimum), MINIMUM, _required(found))
    wanted["requiredMinimumVersion"] = shown(required)
    allowed = f"http://{address}/*"
    wanted["allowedHttpHookUrls"] = _with(found, "allowedHttpHookUrls", [allowed])
    permissions = _object(found, "permissions")
    deny = [f"Read({path})" for path in _UNREADABLE]
    deny += [f"Read(/{path.rstrip('/')}/**)" for path in hide]
    wanted["permissions"] = {
        **permissions,
        "disableBypassPermissionsMode": "disable",
        "deny": _with(permissions, "deny", deny),
    }
    hooks = dict(_object(found, "hooks"))
    for event in EVENTS:
        if event not in _NOT_OVER_HTTP:
            kept = [g for g in _list(hooks, event) if not _is_ours(g)]
            hooks[event] = [*kept, {"hooks": [_hook(event, url)]}]
    wanted["hooks"] = hooks
    return wanted


def without(found: Mapping[str, Any]) -> dict[str, Any]:
    """Managed settings without the gate's hooks; what else was closed stays closed."""
    hooks = {
        event: kept
        for event, groups in _object(found, "hooks").items()
        if (kept := [group for group in groups if not _is_ours(group)])
    }
    left = {name: value for name, value in found.items() if name != "hooks"}
    return {**left, "hooks": hooks} if hooks else left


def differences(
    found: Mapping[str, Any], wanted: Mapping[str, Any], place: str = ""
) -> list[Difference]:
    """Every setting of `wanted` that `found` does not have so, by place."""
    said: list[Difference] = []
    for name in sorted(wanted):
        here = f"{place}.{name}" if place else name
        if name in found:
            said += _compared(found[name], wanted[name], here)
        else:
            said.append(Difference(here, "", _short(wanted[name])))
    return said


def _compared(found: object, wanted: object, place: str) -> list[Difference]:
    """Where two values differ, as deep as their shapes are the same."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        more = [f"{place}.{name}" for name in sorted(set(found) - set(wanted))]
        there = [Difference(name, "is there", "not there") for name in more]
        return differences(found, wanted, place) + (there if "[" in place else [])
    if isinstance(found, list) and isinstance(wanted, list):
        if len(found) == len(wanted):
            pairs = enumerate(zip(found, wanted, strict=True))
            return [d for i, (f, w) in pairs for d in _compared(f, w, f"{place}[{i}]")]
    elif found == wanted:
        return []
    return [Difference(place, _short(found), _short(wanted))]


def _short(value: object) -> str:
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def render(settings: Mapping[str, Any]) -> bytes:
    """The file's bytes: the same settings are the same bytes."""
    return (json.dumps(settings, indent=2, sort_keys=True) + "\n").encode()


def parse(data: bytes) -> dict[str, Any]:
    """Settings of a file.

    Raises:
        SettingsError: It is no JSON object; the client would not start with it.
    """
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"not JSON: {error}") from error
    if not isinstance(found, dict):
        raise SettingsError("not a JSON object")
    return found


def _hook(event: str, url: str) -> dict[str, Any]:
    return {
        "type": "http",
        "url": url,
        "timeout": _SECONDS_AT_END if event == "SessionEnd" else _SECONDS,
        "headers": {"Authorization": f"Bearer ${TOKEN}"},
        "allowedEnvVars": [TOKEN],
        "onFailure": "block",
    }


def _is_ours(group: object) -> bool:
    hooks = group.get("hooks") if isinstance(group, dict) else None
    return isinstance(hooks, list) and any(
        isinstance(hook, dict) and str(hook.get("url", "")).endswith(PATH)
        for hook in hooks
    )


def _required(found: Mapping[str, Any]) -> tuple[int, ...]:
    there = found.get("requiredMinimumVersion")
    return parse_version(there) if isinstance(there, str) else ()


def _object(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = found.get(name, {})
    if not isinstance(value, dict):
        raise SettingsError(f"{name} is no object; correct it first")
    return value


def _list(found: Mapping[str, Any], name: str) -> list[Any]:
    value = found.get(name, [])
    if not isinstance(value, list):
        raise SettingsError(f"{name} is no list; correct it first")
    return value


def _with(found: Mapping[str, Any], name: str, more: Sequence[str]) -> list[Any]:
    there = _list(found, name)
    return [*there, *(item for item in more if item not in there)]
