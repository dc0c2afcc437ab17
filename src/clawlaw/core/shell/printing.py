"""Builtins that print: what they print is known where their words are."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from clawlaw.core.shell.ansi import decode_ansi_c
from clawlaw.core.shell.parse import UnclearError
from clawlaw.core.shell.variables import assign, is_name
from clawlaw.core.shell.words import UNKNOWN, Input, Word
from clawlaw.core.shell.world import ANY, World

if TYPE_CHECKING:
    from clawlaw.core.shell.flow import Flow
    from clawlaw.core.shell.walk import Walk

_MAX_TEXT = 65_536


def _say(walk: "Walk", text: str | None) -> None:
    if text is None or UNKNOWN in text or len(text) > _MAX_TEXT:
        walk.said = Input("program")
    else:
        walk.said = Input("agent", text)


def echo(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
    """`echo`, as bash and dash print it; where they differ the text is unknown."""
    texts = [word.text for word in words]
    end, escapes = "\n", False
    while texts and texts[0][:1] == "-" and set(texts[0][1:] or "-") <= set("neE"):
        escapes = escapes or "e" in texts[0]
        end = "" if "n" in texts[0] else end
        texts.pop(0)
    text: str | None = " ".join(texts) + end
    if not all(word.known for word in words):
        text = None
    elif escapes or "\\" in (text or ""):
        text = _decoded(" ".join(texts), end) if escapes else None
    _say(walk, text)
    return [world], [world]


def _decoded(raw: str, end: str, *, digits: bool = False) -> str | None:
    """Text with its escapes taken out; `None` where `echo` and `printf` differ."""
    for before, char in pairwise(raw):
        if before == "\\" and char in ("c0?'" if digits else "c?'\"01234567"):
            return None
    try:
        return decode_ansi_c(raw) + end
    except UnclearError:
        return None


def printf(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
    """`printf`; with `-v NAME` it assigns, and a subscript there is evaluated."""
    texts = [word.text for word in words]
    if texts[:1] == ["--"]:
        texts = texts[1:]
    known = all(word.known for word in words)
    if texts[:1] and texts[0].startswith("-v"):
        name = texts[0][2:] or (texts[1] if len(texts) > 1 else "")
        if not is_name(name):
            walk.opaque("printf evaluates the name it assigns", name)
            return [world], [world]
        changed = assign(walk, world, name, ANY)
        return [changed], [world]
    _say(walk, _formatted(texts[0], texts[1:]) if known and texts else None)
    return [world], [world]


def _formatted(form: str, values: list[str]) -> str | None:
    """Output of `printf` for formats of plain text, `%s`, `%d` and `%%`."""
    pieces = form.replace("%%", "\0").replace("%d", "%s").split("%s")
    if any("%" in piece for piece in pieces):
        return None
    text = ""
    slots = len(pieces) - 1
    rest = list(values)
    while True:
        for index, piece in enumerate(pieces):
            decoded = _decoded(piece.replace("\0", "%"), "", digits=True)
            if decoded is None:
                return None
            text += decoded
            if index < slots:
                text += rest.pop(0) if rest else ""
        if not slots or not rest or len(text) > _MAX_TEXT:
            return text


def pwd(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
    """`pwd`: the directory, where it is known."""
    plain = not words or words[0].text == "-L"
    _say(walk, world.cwd + "\n" if plain and world.cwd else None)
    return [world], [world]
