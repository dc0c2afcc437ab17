"""What came back from an action, as far as later actions are judged by it.

Text that others wrote may tell the agent what to do. Nothing here decides whether it
does: the values in it that an action could take over (addresses, hosts, accounts,
paths, commands, packages, names) are kept as short digests, and a later sensitive
action that carries one of them is asked about (pattern untrusted_value). A value that
was known before, from the agent's own task or from text of the organisation, is no
sign.

The text itself is not kept.
"""

import hashlib
from collections.abc import Iterable
from typing import Final

import re2

from clawlaw.core.actions import AnyEffect, NetRequest, ServiceRead
from clawlaw.core.decision import Outcome
from clawlaw.core.state import Label, State, pack
from clawlaw.core.text import fold

MAX_TEXT: Final = 1 << 20  # characters; longer text labels every value
ALL: Final = "*"  # key that stands for every value
MIN_DIGITS: Final = 6  # of an account or telephone number
_CONTEXT: Final = int(Label.UNTRUSTED | Label.SECRET | Label.PERSONAL | Label.INTERNAL)

_MAIL: Final = re2.compile(r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9.\-]+\.[A-Za-z]{2,}")
_ADDRESS: Final = re2.compile(r"(?i)\b[a-z][a-z0-9+.\-]*://[^\s\"'<>`)\]}\\]+")
_HOST: Final = re2.compile(r"(?i)\b(?:[a-z0-9](?:[a-z0-9\-]*[a-z0-9])?\.)+[a-z0-9]+\b")
_IBAN: Final = re2.compile(
    r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"
)
_NUMBER: Final = re2.compile(r"[0-9](?:[ .\-/]?[0-9]){5,}")
_PATH: Final = re2.compile(
    r"(?:~|\.{1,2})?(?:/?[A-Za-z0-9._@%+\-]+)*/[A-Za-z0-9._@%+\-/]+"
)
_TOKEN: Final = re2.compile(r"[A-Za-z0-9_\-]{20,}")
_NAME: Final = re2.compile(r"[@#]?\b[\pL][\pL\pN_'\-]+")
_TO: Final = re2.compile(
    r"(?i)\b(?:to|with|user|recipient|channel|invite|at|an)[: ]+"
    r"[\"'`@#]*([\pL\pN][\pL\pN_.\-]+)"
)
_QUOTED: Final = re2.compile(r"[\"'`“]([^\"'`“”\n]{2,80})[\"'`”]")
_PACKAGE: Final = re2.compile(
    r"(?i)\b(?:install|add|get|i)((?: +-[\w\-=]+)*(?: +[@\w][\w.@/\-\[\]=<>~^]*){1,8})"
)
_SPACE: Final = re2.compile(r"\s+")
_PROMPTS: Final = "$>#%`*-• \t"
_SEPARATORS: Final = re2.compile(r"&&|\|\||[;|\n]")
MAX_COMMAND: Final = 1000  # characters of a line that could be a command


def key(kind: str, value: str) -> str:
    """Key of a value in the tables: a short digest whose beginning is its group."""
    found = hashlib.blake2b(f"{kind}\0{value}".encode(), digest_size=8).hexdigest()
    return f"{found[:3]}/{found[3:]}"


def values(text: str) -> set[tuple[str, str]]:
    """(kind, value) of what `text` names exactly: addresses, hosts, accounts, tokens.

    The same form for a page of text and for one argument, so that both compare.
    """
    found: set[tuple[str, str]] = set()
    for mail in _MAIL.findall(text):
        found.add(("mail", mail.lower().rstrip(".")))
    for address in _ADDRESS.findall(text):
        rest = address.partition("://")[2].rstrip(".,;:!?")
        found.add(("address", rest.lower().rstrip("/")))
        found.add(("host", rest.partition("/")[0].rpartition("@")[2].lower()))
    for host in _HOST.findall(text):
        found.add(("host", host.lower()))
    for number in _IBAN.findall(text):
        found.add(("account", _compact(number)))
    for number in _NUMBER.findall(text):
        found.add(("account", _compact(number)))
    for token in _TOKEN.findall(text):
        found.add(("token", token))
    return found


def paths(text: str) -> set[tuple[str, str]]:
    """(kind, value) of the paths in a text, in the form of :func:`path_value`."""
    return {("path", path_value(path)) for path in _PATH.findall(text)}


def path_value(path: str) -> str:
    """A path without what depends on where one stands."""
    text = fold(path.rstrip("/.,;:")).text
    for prefix in ("~/", "./"):
        text = text.removeprefix(prefix)
    return text


def names(text: str) -> set[tuple[str, str]]:
    """(kind, value) of words of a text that could be the name of who receives."""
    found: set[str] = set()
    for word in _NAME.findall(text):
        if word[0] in "@#" or word[0].isupper() or not word.isascii():
            found.add(word.lstrip("@#"))
    found.update(_TO.findall(text))
    for quoted in _QUOTED.findall(text):
        found.update(quoted.split())
    return {("name", fold(word.strip("@#.,;:")).text) for word in found}


def commands(text: str) -> set[tuple[str, str]]:
    """(kind, value) of every line, and part of one, that could be a command."""
    found: set[tuple[str, str]] = set()
    for part in (*text.splitlines(), *_QUOTED.findall(text)):
        if len(part) <= MAX_COMMAND:
            for piece in (part, *_SEPARATORS.split(part)):
                plain = command_value(piece)
                if " " in plain:
                    found.add(("command", plain))
    return found


def command_value(text: str) -> str:
    """A command without the prompt before it and the spacing in it."""
    plain: str = _SPACE.sub(" ", text.strip(_PROMPTS)).strip(_PROMPTS)
    return plain


def packages(text: str) -> set[tuple[str, str]]:
    """(kind, value) of the words after what adds packages."""
    found = set()
    for group in _PACKAGE.findall(text):
        for word in group.split():
            if not word.startswith("-"):
                found.add(("package", package_value(word)))
    return found


def package_value(name: str) -> str:
    """A package's name without its version and extras."""
    start = name[:1]
    rest = name[1:]
    for mark in "=<>~^@[!;":
        rest = rest.partition(mark)[0]
    return fold((start + rest).strip(".,`'\"")).text


def everything(text: str) -> set[tuple[str, str]]:
    """All values of a text that a later action could take over."""
    return values(text) | paths(text) | names(text) | commands(text) | packages(text)


def outcome(
    state: State,
    text: str,
    *,
    untrusted: bool = False,
    labels: int = 0,
    effects: Iterable[AnyEffect] = (),
    action: int | None = None,
) -> Outcome:
    """What a result teaches, for `settle`.

    Args:
        state: After `apply` of the action's decision; only read.
        text: What came back, as the agent will see it.
        untrusted: Others wrote it.
        labels: Bits that the tool map gives to what the tool returns.
        effects: Of the action: the network and services make a result untrusted.
        action: Its number in the session; none: the last one decided.

    Returns:
        Labels for the session and digests of the values, as table entries.
    """
    session = state.session
    number = session.actions if action is None else action
    effects = tuple(effects)
    labels |= _pending(state, number)
    if untrusted or any(map(_by_others, effects)):
        labels |= Label.UNTRUSTED
    if labels & Label.UNTRUSTED:
        table, bits = "values", int(Label.UNTRUSTED)
    elif session.labels & Label.UNTRUSTED and not _of_services(effects):
        # Text may repeat what others wrote: it makes nothing known.
        return Outcome(labels=labels & _CONTEXT)
    else:
        table, bits = "trusted", int(Label.WRITTEN)
    # What is no Unicode text cannot be a value: an effect that holds it is refused.
    valid = text[:MAX_TEXT].encode("utf-8", "replace").decode()
    keys = {key(*value) for value in everything(valid)}
    if len(text) > MAX_TEXT and table == "values":
        keys.add(ALL)
    packed = pack(bits, number)
    return Outcome(
        labels=labels & _CONTEXT,
        tables=tuple((table, name, packed) for name in sorted(keys)),
    )


def _pending(state: State, number: int) -> int:
    """Labels of an escalated action, which a result shows to have been performed."""
    table = state.session.tables.get("pending")
    return 0 if table is None else table.entries.get(str(number), 0) & 0xFFFF


def _by_others(effect: AnyEffect) -> bool:
    return isinstance(effect, NetRequest) or (
        isinstance(effect, ServiceRead) and "untrusted" in effect.labels
    )


def _of_services(effects: tuple[AnyEffect, ...]) -> bool:
    return bool(effects) and all(isinstance(e, ServiceRead) for e in effects)


def _compact(number: str) -> str:
    return "".join(c for c in number if c.isalnum()).upper()
