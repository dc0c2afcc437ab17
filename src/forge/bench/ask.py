"""One streamed request, timed as a client sees it."""

import json
import time
from dataclasses import dataclass
from typing import Any

import aiohttp

from forge.bench.scenario import Target, Way, token_of
from forge.errors import ForgeError


class AnswerError(ForgeError):
    """A request of a benchmark was not answered; nothing is reported."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer.

    Attributes:
        first: Seconds to the first piece with text.
        total: Seconds to the end of the stream.
        prompt: Tokens, as the engine reports.
        made: Tokens, as the engine reports.
        prompt_rate: Tokens a second of the prompt, as the engine reports; 0: not told.
    """

    first: float
    total: float
    prompt: int
    made: int
    prompt_rate: float

    @property
    def rate(self) -> float:
        """Tokens a second after the first, to the end of the stream."""
        left = self.total - self.first
        return (self.made - 1) / left if self.made > 1 and left > 0 else 0.0


async def ask(
    session: aiohttp.ClientSession, target: Target, way: Way, prompt: str, most: int
) -> Sample:
    """Ask once.

    Raises:
        AnswerError: It was refused, or the stream broke off.
    """
    ollama = target.api == "ollama"
    messages = [{"role": "user", "content": prompt}]
    said: dict[str, Any] = {"model": way.model, "messages": messages, "stream": True}
    if ollama:
        # Small models repeat themselves, and Ollama breaks such an answer off.
        said["options"] = {"num_predict": most, "repeat_penalty": 1.3, "seed": 1}
    else:
        said |= {"max_tokens": most, "temperature": 0}
        said["stream_options"] = {"include_usage": True}
    path = "/api/chat" if ollama else "/v1/chat/completions"
    token = token_of(way.token_file)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    begin, first, last = time.perf_counter(), 0.0, {}
    async with session.post(way.url + path, json=said, headers=headers) as answer:
        if answer.status != 200:  # noqa: PLR2004  # of HTTP
            text = (await answer.text())[:300]
            raise AnswerError(f"{way.url}: {answer.status} {text}")
        async for line in answer.content:
            data = _data(line)
            if data is None:
                continue
            if data.get("error"):
                raise AnswerError(f"{way.url}: {data['error']}")
            if not first and _has_text(data):
                first = time.perf_counter() - begin
            if data.get("done") or data.get("usage"):
                last = data
    total = time.perf_counter() - begin
    if not last or not first:
        raise AnswerError(f"{way.url}: the answer had no text, or broke off")
    return _sample(first, total, last)


def _data(line: bytes) -> dict[str, Any] | None:
    text = line.strip().removeprefix(b"data:").strip()
    if not text or text == b"[DONE]" or text.startswith(b":"):
        return None
    found = json.loads(text)
    return found if isinstance(found, dict) else None


def _has_text(data: dict[str, Any]) -> bool:
    message = data.get("message") or {}
    for choice in data.get("choices") or []:
        message = choice.get("delta") or {}
    return bool(message.get("content") or message.get("reasoning"))


def _sample(first: float, total: float, last: dict[str, Any]) -> Sample:
    usage = last.get("usage")
    if usage:
        return Sample(
            first, total, usage["prompt_tokens"], usage["completion_tokens"], 0.0
        )
    prompt, spent = (
        last.get("prompt_eval_count", 0),
        last.get("prompt_eval_duration", 0),
    )
    rate = prompt / (spent / 1e9) if spent else 0.0
    return Sample(first, total, prompt, last.get("eval_count", 0), rate)
