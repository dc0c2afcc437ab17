"""Cases: tool calls and sequences of them, with the verdict that they should get.

One case a line of JSON. What a line may hold, and what it means, is in docs/cli.md; a
field that is not known is left alone, since files of cases carry notes of their own.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from clawlaw.core.errors import ClawLawError

type Expected = Literal["allow", "ask", "deny"]

EXPECTED: Mapping[str, Expected] = {
    "allow": "allow",
    "allowed": "allow",
    "ask": "ask",
    "escalate": "ask",
    "deny": "deny",
    "block": "deny",
}
TOOL = ("tool", "tool_name", "name")
INPUT = ("input", "arguments", "args", "tool_input", "parameters")
MAX_LINE = 8 << 20  # bytes


class CaseError(ClawLawError):
    """A line is not a case; the message names file and line."""

    def __init__(self, file: str, line: int, problem: str) -> None:
        """Name the place."""
        super().__init__(f"{file}:{line}: {problem}")


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call.

    Attributes:
        principal: Who makes it, where that is not the case's.
        session: Likewise; sessions of one case share a room.
        result: Text that came back; `None`: nothing is known of it.
        untrusted: Others wrote the result.
        expected: Its own expectation, where it has one.
    """

    tool: str
    arguments: dict[str, Any]
    cwd: str = ""
    principal: str = ""
    session: str = ""
    result: str | None = None
    untrusted: bool = False
    expected: Expected | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One call, or the calls of one session.

    Attributes:
        group: What the summary counts it under: class, else source, else the file.
        expected: Of the strictest verdict among its calls; `None` where only calls
            have expectations of their own, or nothing is expected.
        files: Declared tree beyond the standard one, by path.
        sequence: It was written as a sequence.
        mediated: The executor performs its calls; else the client does.
    """

    id: str
    group: str
    calls: tuple[Call, ...]
    expected: Expected | None
    sequence: bool = False
    workspace: str = ""
    home: str = ""
    principal: str = ""
    session: str = ""
    purpose: str = ""
    sandbox: bool | None = None
    mediated: bool = True
    files: Mapping[str, Any] = field(default_factory=dict)


def read_cases(path: Path) -> Iterator[Case | CaseError]:
    """Cases of a file in order, and in their place an error for each bad line.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            if not raw.strip():
                continue
            try:
                yield _case(path, number, raw)
            except CaseError as error:
                yield error


def _case(path: Path, number: int, raw: bytes) -> Case:
    if len(raw) > MAX_LINE:
        raise CaseError(str(path), number, f"longer than {MAX_LINE} bytes")
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise CaseError(str(path), number, f"not JSON: {error}") from error
    try:
        return _read(data, path.stem, number)
    except _ShapeError as error:
        raise CaseError(str(path), number, str(error)) from error


class _ShapeError(ValueError):
    pass


def _read(data: Any, stem: str, number: int) -> Case:  # noqa: ANN401  # any JSON value
    if not isinstance(data, dict):
        raise _ShapeError("a case is an object")
    many = data.get("calls")
    sequence = many is not None
    if sequence and (not isinstance(many, list) or not many):
        raise _ShapeError("`calls` is a list with at least one call")
    said = data.get("expected")
    each = said if isinstance(said, list) else None
    items: list[Any] = many if isinstance(many, list) else [data]
    if each is not None and len(each) != len(items):
        raise _ShapeError(f"`expected` has {len(each)} entries, `calls` {len(items)}")
    calls = tuple(
        _call(item, i, each[i] if each else None, sequence=sequence)
        for i, item in enumerate(items)
    )
    whole = None if each is not None else _expected(said)
    sandbox = data.get("sandbox")
    return Case(
        id=str(data.get("id") or f"{stem}:{number}"),
        group=str(data.get("class") or data.get("source") or stem),
        calls=calls,
        expected=whole,
        sequence=sequence,
        workspace=_text(data, "workspace"),
        home=_text(data, "home"),
        principal=_text(data, "principal"),
        session=_text(data, "session"),
        purpose=_text(data, "purpose"),
        sandbox=sandbox if isinstance(sandbox, bool) else None,
        mediated=data.get("mediated") is not False,
        files=_files(data.get("files")),
    )


def _call(data: Any, index: int, said: Any, *, sequence: bool) -> Call:  # noqa: ANN401  # any JSON value
    if not isinstance(data, dict):
        raise _ShapeError(f"`calls[{index}]` is an object")
    tool = next((data[name] for name in TOOL if name in data), None)
    if not isinstance(tool, str):
        raise _ShapeError("`tool` is the name of a tool")
    arguments: Any = next((data[name] for name in INPUT if name in data), {})
    if isinstance(arguments, str):
        arguments = {"command": arguments}
    if not isinstance(arguments, dict):
        raise _ShapeError("`input` is an object")
    result = data.get("result")
    if result is not None and not isinstance(result, str):
        result = json.dumps(result, ensure_ascii=False)
    own = data.get("expected") if sequence and said is None else said
    return Call(
        tool=tool,
        arguments=arguments,
        cwd=_text(data, "cwd"),
        principal=_text(data, "principal"),
        session=_text(data, "session"),
        result=result,
        untrusted=data.get("untrusted") is True,
        expected=_expected(own),
    )


def _expected(said: Any) -> Expected | None:  # noqa: ANN401  # any JSON value
    if said is None:
        return None
    if not isinstance(said, str) or said.lower() not in EXPECTED:
        raise _ShapeError(f"`expected` is deny, ask or allow, not {said!r}")
    return EXPECTED[said.lower()]


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name, "")
    if value is not None and not isinstance(value, str):
        raise _ShapeError(f"`{name}` is text")
    return value or ""


def _files(said: Any) -> dict[str, Any]:  # noqa: ANN401  # any JSON value
    if said is None:
        return {}
    if isinstance(said, list):
        return {str(path): "file" for path in said}
    if not isinstance(said, dict):
        raise _ShapeError("`files` is a list of paths or an object by path")
    return {str(path): kind for path, kind in said.items()}
