# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may stand in the plist of a LaunchDaemon: pure.

launchd ignores a key that it does not know, so a misspelt one is a service without
its limit. Source of keys and types: launchd.plist(5).
"""

import difflib
import plistlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,126}")
UNSET = object()

STRING, NUMBER, FLAG = "a string", "a whole number", "true or false"
WORDS, TEXTS, NUMBERS = "a list of strings", "a map of strings", "a map of numbers"
MAP, FLAG_OR_MAP = "a map", "true, false or a map"
NUMBER_OR_STRING, STRING_OR_WORDS = (
    "a whole number or a string",
    "a string or a list of strings",
)
MAPS, FLAGS = "a map or a list of maps", "a map of true or false"

KEYS: Mapping[str, str] = {
    "AbandonProcessGroup": FLAG,
    "AssociatedBundleIdentifiers": STRING_OR_WORDS,
    "BundleProgram": STRING,
    "EnablePressuredExit": FLAG,
    "EnableTransactions": FLAG,
    "EnvironmentVariables": TEXTS,
    "ExitTimeOut": NUMBER,
    "GroupName": STRING,
    "HardResourceLimits": NUMBERS,
    "InitGroups": FLAG,
    "KeepAlive": FLAG_OR_MAP,
    "Label": STRING,
    "LaunchEvents": MAP,
    "LaunchOnlyOnce": FLAG,
    "LegacyTimers": FLAG,
    "LimitLoadToSessionType": STRING_OR_WORDS,
    "LowPriorityBackgroundIO": FLAG,
    "LowPriorityIO": FLAG,
    "MachServices": MAP,
    "MaterializeDatalessFiles": FLAG,
    "Nice": NUMBER,
    "ProcessType": STRING,
    "Program": STRING,
    "ProgramArguments": WORDS,
    "QueueDirectories": WORDS,
    "RootDirectory": STRING,
    "RunAtLoad": FLAG,
    "SessionCreate": FLAG,
    "Sockets": MAP,
    "SoftResourceLimits": NUMBERS,
    "StandardErrorPath": STRING,
    "StandardInPath": STRING,
    "StandardOutPath": STRING,
    "StartCalendarInterval": MAPS,
    "StartInterval": NUMBER,
    "StartOnMount": FLAG,
    "ThrottleInterval": NUMBER,
    "Umask": NUMBER_OR_STRING,
    "UserName": STRING,
    "WaitForDebugger": FLAG,
    "WatchPaths": WORDS,
    "WorkingDirectory": STRING,
    "inetdCompatibility": FLAGS,
}
# Keys that do nothing, or not what one would think.
REFUSED: Mapping[str, str] = {
    "Disabled": "an override outlives it; say so by the option enabled",
    "EnableGlobbing": "launchd ignores it since macOS 10.10; write the words out",
    "HopefullyExitsFirst": "launchd ignores it; leave it out",
    "HopefullyExitsLast": "launchd ignores it; leave it out",
    "LimitLoadFromHosts": "launchd ignores it; let the play choose the hosts",
    "LimitLoadToHosts": "launchd ignores it; let the play choose the hosts",
    "OnDemand": "KeepAlive took its place",
    "ServiceIPC": "launchd ignores it; leave it out",
    "TimeOut": "ExitTimeOut is what bounds a stop",
}
LIMITS = frozenset(
    {
        "CPU", "Core", "Data", "FileSize", "MemoryLock", "NumberOfFiles",
        "NumberOfProcesses", "ResidentSetSize", "Stack",
    }
)  # fmt: skip
KEEP_ALIVE: Mapping[str, str] = {
    "AfterInitialDemand": FLAG,
    "Crashed": FLAG,
    "NetworkState": FLAG,
    "OtherJobEnabled": FLAGS,
    "PathState": FLAGS,
    "SuccessfulExit": FLAG,
}
CALENDAR = frozenset({"Minute", "Hour", "Day", "Weekday", "Month"})
PROCESS_TYPES = frozenset({"Background", "Standard", "Adaptive", "Interactive"})
PATHS = ("Program", "RootDirectory", "StandardErrorPath", "StandardInPath",
         "StandardOutPath", "WorkingDirectory")  # fmt: skip


def complete(label: str, plist: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plist with its label."""
    return {"Label": label, **plist}


def text(plist: Mapping[str, Any]) -> str:
    """Return a plist as XML, its keys sorted: the same data is the same text."""
    return plistlib.dumps(dict(plist), sort_keys=True).decode()


def label_problems(label: str) -> list[str]:
    """Return what is wrong with a label, which is a part of a path and of a target."""
    if LABEL.fullmatch(label) is not None:
        return []
    return [f"label: {label!r}: it may hold letters, digits, '.', '_' and '-'"]


def problems(label: str, plist: Mapping[str, Any]) -> list[str]:
    """Return everything that is wrong with a daemon's plist, one line each."""
    found = label_problems(label)
    if plist.get("Label", label) != label:
        found.append(f"Label: it is {plist['Label']!r}; leave it out")
    found += [p for key, value in plist.items() for p in _key(key, value)]
    if found:
        return found
    return [*_command(plist), *_paths(plist), *_values(plist)]


def _key(key: str, value: object) -> list[str]:
    if key in REFUSED:
        return [f"{key}: {REFUSED[key]}"]
    if key not in KEYS:
        near = difflib.get_close_matches(key, KEYS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return [f"{key}: launchd has no such key{hint}"]
    if not _is(KEYS[key], value):
        return [f"{key}: need {KEYS[key]}, got {value!r}"]
    return _control(key, value)


def _command(plist: Mapping[str, Any]) -> list[str]:
    words = plist.get("ProgramArguments", UNSET)
    if words == []:
        return ["ProgramArguments: it is empty"]
    if words is UNSET and "Program" not in plist and "BundleProgram" not in plist:
        return ["ProgramArguments: the program to run is missing"]
    # launchd looks for it along a PATH of its own, not the one of EnvironmentVariables.
    if words is not UNSET and "Program" not in plist and not words[0].startswith("/"):
        return [f"ProgramArguments: {words[0]!r} is not an absolute path"]
    return []


def _paths(plist: Mapping[str, Any]) -> list[str]:
    return [
        f"{key}: {plist[key]!r} is not an absolute path"
        for key in PATHS
        if key in plist and not plist[key].startswith("/")
    ]


def _values(plist: Mapping[str, Any]) -> list[str]:
    found = []
    for key in ("HardResourceLimits", "SoftResourceLimits"):
        odd = set(plist.get(key, {})) - LIMITS
        found += [f"{key}: launchd has no limit {name}" for name in sorted(odd)]
    alive = plist.get("KeepAlive", True)
    if isinstance(alive, Mapping):
        found += [
            f"KeepAlive: {name}: need {KEEP_ALIVE.get(name, 'no such condition')}"
            for name, value in alive.items()
            if name not in KEEP_ALIVE or not _is(KEEP_ALIVE[name], value)
        ]
    kind = plist.get("ProcessType", "Standard")
    if kind not in PROCESS_TYPES:
        found.append(
            f"ProcessType: {kind!r} is none of {', '.join(sorted(PROCESS_TYPES))}"
        )
    if plist.get("LimitLoadToSessionType", "System") not in ("System", ["System"]):
        found.append("LimitLoadToSessionType: a daemon is of the session System")
    if not _is_umask(plist.get("Umask", 0)):
        found.append(f"Umask: {plist['Umask']!r} is no file mode; write '027', or 23")
    found += [
        f"{key}: {plist[key]} is negative"
        for key in ("ExitTimeOut", "StartInterval", "ThrottleInterval")
        if plist.get(key, 0) < 0
    ]
    times = plist.get("StartCalendarInterval", [])
    rows = [times] if isinstance(times, Mapping) else times
    if any(set(row) - CALENDAR or not _is(NUMBERS, row) for row in rows):
        found.append(
            f"StartCalendarInterval: numbers for {', '.join(sorted(CALENDAR))}"
        )
    return found


def _is(kind: str, value: object) -> bool:
    number = isinstance(value, int) and not isinstance(value, bool)
    values = list(value.values()) if isinstance(value, Mapping) else None
    items = (
        value if isinstance(value, Sequence) and not isinstance(value, str) else None
    )
    return {
        STRING: isinstance(value, str),
        NUMBER: number,
        FLAG: isinstance(value, bool),
        WORDS: items is not None and all(isinstance(i, str) for i in items),
        TEXTS: values is not None and all(isinstance(v, str) for v in values),
        NUMBERS: values is not None and all(type(v) is int for v in values),
        FLAGS: values is not None and all(isinstance(v, bool) for v in values),
        MAP: values is not None,
        FLAG_OR_MAP: isinstance(value, bool) or values is not None,
        NUMBER_OR_STRING: number or isinstance(value, str),
        STRING_OR_WORDS: isinstance(value, str)
        or (items is not None and all(isinstance(i, str) for i in items)),
        MAPS: values is not None
        or (items is not None and all(isinstance(i, Mapping) for i in items)),
    }[kind]


def _is_umask(value: object) -> bool:
    if isinstance(value, str):  # strtoul(3) reads octal digits behind a 0 only
        return re.fullmatch(r"0[0-7]{2,3}", value) is not None
    return isinstance(value, int) and 0 <= value <= 0o777  # noqa: PLR2004 - all of them


def _control(key: str, value: object) -> list[str]:
    """Return whether a value holds what XML cannot, or `print` would break over."""
    if isinstance(value, str):
        return [f"{key}: {value!r} holds a control character"] if _odd(value) else []
    if isinstance(value, Mapping):
        return [p for k, v in value.items() for p in _control(f"{key}: {k}", v)]
    if isinstance(value, Sequence):
        return [p for item in value for p in _control(key, item)]
    return []


def _odd(value: str) -> bool:
    return any(ord(c) < ord(" ") or c == "\x7f" for c in value)
