"""The values in a text that an action could take over, in one comparable form.

A value is a (kind, text) pair: mail, address, host, account, token, path, name,
command, package. A page of text and one argument of an action give the same pair for
the same thing, so that they compare by digest. The forms are wide on purpose: a pair
that nobody uses costs an entry of a table, one that is missed lets an instruction
through.

Patterns run on bytes; RE2 is linear, and its Python form would count characters anew
for every match in a `str`.
"""

import hashlib
from typing import Any, Final

import re2

from clawlaw.core.text import fold

type Value = tuple[str, str]

MAX_COMMAND: Final = 1000  # characters of a line that could be a command
_PROMPTS: Final = "$>#%`*-• \t"
_QUOTES: Final = "\"'`()[]<>*,;:!?“”"
_SEPARATORS: Final = ("&&", "||", "|", ";")

_MAIL: Final = re2.compile(rb"[A-Za-z0-9._%+\-]+@[A-Za-z0-9.\-]+\.[A-Za-z]{2,}")
_ADDRESS: Final = re2.compile(rb"(?i)\b[a-z][a-z0-9+.\-]*://[^\s\"'<>`)\]}\\]+")
_HOST: Final = re2.compile(rb"(?i)\b(?:[a-z0-9](?:[a-z0-9\-]*[a-z0-9])?\.)+[a-z0-9]+\b")
# ISO 13616: country, check digits, and up to 30 characters in groups of four.
_IBAN: Final = re2.compile(
    rb"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"
)
_NUMBER: Final = re2.compile(rb"[0-9](?:[ .\-/]?[0-9]){5,}")
_PATH: Final = re2.compile(rb"[~A-Za-z0-9._@%+\-]*/[A-Za-z0-9._@%+\-/]+")
_TOKEN: Final = re2.compile(rb"[A-Za-z0-9_\-]{20,}")
_TO: Final = re2.compile(
    r"(?i)\b(?:to|with|user|recipient|channel|invite|at|an)[: ]+"
    r"[\"'`@#“]*([\pL\pN][\pL\pN_.\-]+)".encode()
)
_QUOTED: Final = re2.compile("[\"'`“]([^\"'`“”\\n]{2,200})[\"'`”]".encode())
_PACKAGE: Final = re2.compile(
    rb"(?i)\b(?:install|add|get|i)((?: +-[\w\-=]+)*(?: +[@\w][\w.@/\-\[\]=<>~^]*){1,8})"
)
_REMOVE: Final = re2.compile(
    rb"(?i)\b(?:rm|rmdir|delete|remove|unlink|wipe|erase|purge|clean)\b((?: +\S+){1,6})"
)


def key(value: Value) -> str:
    """Key of a value in the tables: a short digest whose beginning is its group."""
    text = f"{value[0]}\0{value[1]}".encode()
    found = hashlib.blake2b(text, digest_size=8).hexdigest()
    return f"{found[:3]}/{found[3:]}"


def exact(text: str) -> set[Value]:
    """What a text names exactly: mail, addresses, hosts, accounts, tokens."""
    data = text.encode()
    found = {("mail", mail.lower().rstrip(".")) for mail in _all(_MAIL, data)}
    for address in _all(_ADDRESS, data):
        rest = address.partition("://")[2].rstrip(".,;:!?").lower()
        found.add(("address", rest.rstrip("/")))
        found.add(("host", rest.partition("/")[0].rpartition("@")[2]))
    found.update(("host", host.lower()) for host in _all(_HOST, data))
    for number in (*_all(_IBAN, data), *_all(_NUMBER, data)):
        compact = "".join(character for character in number if character.isalnum())
        found.add(("account", compact))
    found.update(("token", token) for token in _all(_TOKEN, data))
    return found


def paths(text: str) -> set[Value]:
    """Paths; a name without a slash where the text speaks of removing it."""
    data = text.encode()
    found = {path_form(path) for path in _all(_PATH, data)}
    for words in _all(_REMOVE, data):
        found.update(map(path_form, words.split()))
    return {("path", path) for path in found if path}


def path_form(path: str) -> str:
    """A path without what depends on where one stands."""
    text = fold(path.strip(_QUOTES).rstrip("/.")).text
    for prefix in ("~/", "./"):
        text = text.removeprefix(prefix)
    return text


def names(text: str) -> set[Value]:
    """Words that could be the name of who receives something.

    Words with a capital letter, outside ASCII or with a mark of a person or a channel,
    words in quotes, and the word after "to" and its like.
    """
    data = text.encode()
    words = {
        word
        for part in set(text.split())
        if (word := part.strip(_QUOTES + ".")) and _could_be_name(word)
    }
    words.update(_all(_TO, data))
    for quoted in _all(_QUOTED, data):
        words.update(quoted.split())
    return {name_form(word) for word in words}


def name_form(word: str) -> Value:
    """One word of a name."""
    return "name", fold(word.strip(_QUOTES + ".").lstrip("@#")).text


def _could_be_name(word: str) -> bool:
    return word[0] in "@#" or word[0].isupper() or not word.isascii()


def commands(text: str) -> set[Value]:
    """Every line, and every part of one, that could be a command with arguments."""
    lines = set(text.splitlines())
    lines.update(_all(_QUOTED, text.encode()))
    found = set()
    for line in lines:
        if len(line) > MAX_COMMAND:
            continue
        parted = line
        for separator in _SEPARATORS:
            parted = parted.replace(separator, "\n")
        for part in {line, *parted.splitlines()}:
            words = part.strip(_PROMPTS).split()
            if len(words) > 1:
                found.add(("command", " ".join(words).strip(_PROMPTS)))
    return found


def packages(text: str) -> set[Value]:
    """The words after what adds packages."""
    found = set()
    for group in _all(_PACKAGE, text.encode()):
        for word in group.split():
            if not word.startswith("-"):
                found.add(("package", package_form(word)))
    return found


def package_form(name: str) -> str:
    """A package's name without its version and extras."""
    start, rest = name[:1], name[1:]
    for mark in "=<>~^@[!;":
        rest = rest.partition(mark)[0]
    return fold((start + rest).strip(_QUOTES + ".")).text


def every(text: str) -> set[Value]:
    """All values of a text that a later action could take over."""
    return exact(text) | paths(text) | names(text) | commands(text) | packages(text)


def main(text: str) -> set[Value]:
    """The values of a text of the organisation: whom and what it names exactly.

    Words, tokens, commands and paths are left out: a table of them would be full after
    a few files.
    """
    named = {value for value in exact(text) if value[0] != "token"}
    return named | packages(text)


def _all(pattern: Any, data: bytes) -> set[str]:  # noqa: ANN401  # re2 has no types
    return {match.decode() for match in pattern.findall(data)}
