r"""Text of `$'...'`: escapes of the shell and of `printf`."""

from clawlaw.core.shell.parse import UnclearError

_SIMPLE = {
    "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r",
    "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"', "?": "?",
}  # fmt: skip
_HEX = {"x": 2, "u": 4, "U": 8}
_OCTAL = frozenset("01234567")
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
_ASCII = 0x7F


def decode_ansi_c(raw: str) -> str:
    """Text that the escapes stand for.

    Raises:
        UnclearError: An escape that is not listed or that names no ASCII character:
            bytes above 127 mean what the locale says.
    """
    if "\\" not in raw:
        return raw
    text = ""
    position = 0
    while position < len(raw):
        if raw[position] != "\\":
            text += raw[position]
            position += 1
            continue
        char = raw[position + 1 : position + 2]
        if char in _SIMPLE and char:
            text += _SIMPLE[char]
            position += 2
        elif char in _HEX:
            digits = _run(raw, position + 2, _HEX[char], _HEX_DIGITS)
            text += _char(digits, 16)
            position += 2 + len(digits)
        else:
            digits = _run(raw, position + 1, 3, _OCTAL)
            text += _char(digits, 8)
            position += 1 + len(digits)
    return text


def _run(raw: str, start: int, length: int, allowed: frozenset[str]) -> str:
    end = start
    while end < min(start + length, len(raw)) and raw[end] in allowed:
        end += 1
    return raw[start:end]


def _char(digits: str, base: int) -> str:
    code = int(digits, base) if digits else 0
    if not 0 < code <= _ASCII:
        raise UnclearError("an escape that is not understood", digits)
    return chr(code)
