"""What the answers of the two protocols have in common: text, calls, end, usage.

A piece of an answer has texts by channel (content, reasoning, thinking: every text of a
message is one), calls in fields of their own, and at the end a reason and the usage.
What has another shape is refused: nobody would have judged it.

Source: OpenAI's API reference, chat and completions objects; Ollama, docs/api.md.
"""

from dataclasses import dataclass
from typing import Any, Final

type Data = dict[str, Any]

_NO_TEXT: Final = frozenset({"role", "id"})
_CALLS: Final = frozenset({"tool_calls", "function_call"})


class ShapeError(ValueError):
    """An answer has a part that nobody would judge; says which."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, as the engine reports them."""

    prompt: int
    completion: int


class Dialect:
    """One protocol's answers.

    Attributes:
        ollama: Ollama's own protocol; else OpenAI's.
        whole: An answer is one piece: vectors.
    """

    def __init__(self, *, ollama: bool, whole: bool = False) -> None:
        """Read answers of one protocol."""
        self.ollama = ollama
        self.whole = whole

    def part(self, data: Data) -> Data:
        """The object of a piece that holds texts and calls; empty: none.

        Raises:
            ShapeError: There is more than one.
        """
        if self.ollama:
            message = data.get("message")
            return data if message is None else _object(message, "message")
        choices = data.get("choices") or []
        if not isinstance(choices, list) or len(choices) > 1:
            raise ShapeError("more than one choice")
        if not choices:
            return {}
        choice = _object(choices[0], "choice")
        for name in ("delta", "message"):
            if name in choice:
                return _object(choice[name], name)
        return choice

    def texts(self, data: Data) -> dict[str, str]:
        """Texts of a piece, by channel.

        Raises:
            ShapeError: Something in it is neither text nor a call.
        """
        part = self.part(data)
        if self.ollama and part is data:
            return {n: v for n in ("response", "thinking") if (v := _text(data, n))}
        if not self.ollama and "text" in part:  # a completion
            return {"text": _text(part, "text")} if part["text"] else {}
        if "finish_reason" in part:
            return {}
        found = {}
        for name, value in part.items():
            if name in _NO_TEXT or name in _CALLS or not value:
                continue
            found[name] = _text(part, name)
        return found

    def calls(self, data: Data) -> list[Any]:
        """Calls of a piece, as they stand in it; OpenAI streams parts of them.

        Raises:
            ShapeError: The old form of them, which no engine of the room writes.
        """
        part = self.part(data)
        if part.get("function_call"):
            raise ShapeError("function_call, the form before tool_calls")
        calls = part.get("tool_calls") or []
        if not isinstance(calls, list):
            raise ShapeError("tool_calls that are no list")
        return calls

    def is_last(self, data: Data) -> bool:
        """Whether the answer ends with this piece (usage may follow)."""
        if self.whole:
            return True
        if self.ollama:
            return data.get("done") is True
        choices = data.get("choices") or []
        return bool(choices) and choices[0].get("finish_reason") is not None

    def usage(self, data: Data) -> Usage | None:
        """What the engine reports, if this piece does."""
        if self.ollama:
            prompt, made = data.get("prompt_eval_count", 0), data.get("eval_count", 0)
            told = "eval_count" in data or "prompt_eval_count" in data
        else:
            usage = data.get("usage")
            if not isinstance(usage, dict):
                return None
            prompt = usage.get("prompt_tokens", 0)
            made, told = usage.get("completion_tokens", 0), "prompt_tokens" in usage
        counts = type(prompt) is int and type(made) is int
        return (
            Usage(prompt, made) if told and counts and min(prompt, made) >= 0 else None
        )

    def rewritten(
        self, data: Data, texts: dict[str, str], calls: list[Any] | None
    ) -> Data:
        """A piece with other texts, and other calls; an empty text is left out.

        Args:
            data: Of the piece; it is changed.
            texts: By channel, for every channel that the piece has.
            calls: In place of its own; `None`: it has none any more.
        """
        part = self.part(data)
        part.update(texts)
        part.pop("tool_calls", None)
        if calls:
            part["tool_calls"] = calls
        return data


def _object(value: object, name: str) -> Data:
    if not isinstance(value, dict):
        raise ShapeError(f"{name} is no object")
    return value


def _text(part: Data, name: str) -> str:
    value = part.get(name) or ""
    if not isinstance(value, str):
        raise ShapeError(f"{name[:40]!r} is no text")
    return value
