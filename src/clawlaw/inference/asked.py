"""A client's request, read strictly, and the request that goes to the engine.

Every field that a request may have is listed. What is not listed is refused: an engine
could act on it, and nobody would have judged it. Refused by name are tools that run at
a host, addresses that an engine would fetch, and what loads or unloads a model.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any, Final

from clawlaw.inference import strict
from clawlaw.inference.config import ModelPart

type Data = dict[str, Any]

_SHARED: Final = frozenset({
    "frequency_penalty", "logprobs", "max_tokens", "min_p", "model", "presence_penalty",
    "seed", "stop", "stream", "stream_options", "temperature", "top_k",
    "top_logprobs", "top_p", "user",
})  # fmt: skip
FIELDS: Final[dict[str, frozenset[str]]] = {
    "/v1/chat/completions": _SHARED | {
        "max_completion_tokens", "messages", "metadata", "n", "parallel_tool_calls",
        "reasoning_effort", "repetition_penalty", "response_format", "store",
        "tool_choice", "tools",
    },
    "/v1/completions": _SHARED | {"echo", "n", "prompt", "suffix"},
    "/v1/embeddings": frozenset({
        "dimensions", "encoding_format", "input", "model", "user",
    }),
    "/api/chat": frozenset({
        "format", "logprobs", "messages", "model", "options", "stream", "think",
        "tools", "top_logprobs",
    }),
    "/api/generate": frozenset({
        "format", "images", "logprobs", "model", "options", "prompt", "stream",
        "suffix", "system", "think", "top_logprobs",
    }),
    "/api/embed": frozenset({"dimensions", "input", "model", "truncate"}),
}  # fmt: skip
OPTIONS: Final = frozenset({
    "frequency_penalty", "min_p", "num_predict", "presence_penalty", "repeat_last_n",
    "repeat_penalty", "seed", "stop", "temperature", "tfs_z", "top_k", "top_p",
    "typical_p",
})  # fmt: skip
_HOSTED: Final = {
    "web_search_options": "a search that the engine would do",
    "functions": "the form before tools",
    "function_call": "the form before tool_choice",
    "audio": "audio",
    "modalities": "audio",
    "keep_alive": "it loads and unloads models, which the operator does",
    "num_ctx": "the window of a model is declared; leave it out",
}
_EMBEDS: Final = frozenset({"/v1/embeddings", "/api/embed"})
_MESSAGE: Final = 32  # tokens that a chat template puts around one message, at most
_TEMPLATE: Final = 64  # and around all of them
MAX_TOOLS: Final = 256


class AskError(ValueError):
    """A request that is refused before anybody is asked.

    Attributes:
        status: Of HTTP.
        remedy: What to do.
    """

    def __init__(self, reason: str, remedy: str, status: int = 400) -> None:
        """Say why, and what to do."""
        super().__init__(reason)
        self.status = status
        self.remedy = remedy


@dataclass(slots=True)
class Asked:
    """A request as the client made it.

    Attributes:
        path: Of the API.
        data: Of its body.
        model: As the client calls it.
        stream: The client wants pieces.
        wants_usage: And one with the usage.
        texts: Every text of the prompt.
        tools_spoke: The prompt has answers of tools.
    """

    path: str
    data: Data
    model: str
    stream: bool = False
    wants_usage: bool = True
    texts: list[str] = field(default_factory=list)
    tools_spoke: bool = False

    @property
    def ollama(self) -> bool:
        """It speaks Ollama's protocol."""
        return self.path.startswith("/api/")

    @property
    def embeds(self) -> bool:
        """It asks for vectors."""
        return self.path in _EMBEDS


@dataclass(frozen=True, slots=True)
class Bound:
    """A request as the engine gets it.

    Attributes:
        body: Its bytes.
        prompt: Digest of them.
        tokens: The most that it can use, prompt included.
    """

    body: bytes
    prompt: str
    tokens: int


def read(path: str, body: bytes) -> Asked:
    """Read a request.

    Raises:
        AskError: It is refused.
    """
    try:
        data = strict.loads_object(body)
    except strict.StrictError as error:
        remedy = "send one JSON object, each member once"
        raise AskError(f"the body is {error}", remedy) from error
    known = FIELDS[path]
    for name in data:
        if name not in known:
            raise _unknown(name)
    model = data.get("model")
    if not isinstance(model, str) or not model or not model.isprintable():
        raise AskError("model: missing, or no name", "name a model of the list")
    asked = Asked(path, data, model[:200])
    asked.stream = _flag(data, "stream", default=path in {"/api/chat", "/api/generate"})
    if asked.embeds:
        asked.stream = False
    _read_options(asked)
    _read_tools(data)
    _read_prompt(asked)
    if not asked.texts:
        remedy = "models are loaded by the operator; send a prompt"
        raise AskError("the prompt is empty", remedy)
    return asked


def bind(asked: Asked, model: ModelPart) -> Bound:
    """What goes to the engine for a declared model.

    Raises:
        AskError: It asks for more than the model's declaration gives.
    """
    data = dict(asked.data, model=model.at_engine)
    made = 0 if asked.embeds else _limit(asked, model)
    if asked.ollama and not asked.embeds:
        data["options"] = dict(data.get("options") or {}, num_predict=made)
        data["stream"] = asked.stream
    elif not asked.embeds:
        data.pop("max_completion_tokens", None)
        data["max_tokens"] = made
        if asked.stream:
            data["stream_options"] = {"include_usage": True}
    body = strict.dumps(data).encode()
    messages = data.get("messages")
    count = len(messages) if isinstance(messages, list) else 1
    # A token is at least one byte of the text that it stands for.
    prompt = len(body) + count * _MESSAGE + _TEMPLATE
    if not asked.embeds:
        prompt = min(prompt, model.context)
    digest = "sha256:" + hashlib.sha256(body).hexdigest()
    return Bound(body, digest, prompt + made)


def _unknown(name: str) -> AskError:
    if name in _HOSTED:
        return AskError(f"{name}: {_HOSTED[name]}", "leave it out", 403)
    remedy = "docs/inference.md lists the fields that are judged"
    return AskError(f"{name[:60]}: not a field of this request", remedy)


def _flag(data: Data, name: str, *, default: bool = False) -> bool:
    value = data.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise AskError(f"{name}: not true or false", "say true or false")
    return value


def _limit(asked: Asked, model: ModelPart) -> int:
    data: Data = asked.data
    names: tuple[str, ...] = ("max_completion_tokens", "max_tokens")
    if asked.ollama:
        data, names = data.get("options") or {}, ("num_predict",)
    given = [data[name] for name in names if data.get(name) is not None]
    if not given:
        return model.max_tokens
    wanted = given[0]
    if len(given) > 1 and given[0] != given[1]:
        raise AskError("max_tokens is said twice", "say max_completion_tokens alone")
    if asked.ollama and wanted == -1:  # as many as the model likes
        return model.max_tokens
    if type(wanted) is not int or not 0 < wanted <= model.max_tokens:
        reason = f"{names[-1]}: 1 to {model.max_tokens} for {model.name}"
        raise AskError(reason, f"ask for at most {model.max_tokens} tokens")
    return wanted


def _read_options(asked: Asked) -> None:
    data = asked.data
    options = data.get("options")
    if options is not None and not isinstance(options, dict):
        raise AskError("options: no object", "send an object")
    for name in options or {}:
        if name in _HOSTED:
            raise _unknown(name)
        if name not in OPTIONS:
            remedy = f"leave it out; options are {', '.join(sorted(OPTIONS))}"
            raise AskError(f"options.{name[:60]}: not an agent's to set", remedy, 403)
    more = data.get("stream_options")
    if more is not None and (
        not isinstance(more, dict) or not more.keys() <= {"include_usage"}
    ):
        raise AskError("stream_options: only include_usage", "leave the others out")
    if asked.path.startswith("/v1/") and asked.stream:
        asked.wants_usage = bool((more or {}).get("include_usage"))
    if data.get("n", 1) != 1:
        raise AskError("n: one answer a request", "ask again for another")
    if data.get("store"):
        raise AskError("store: answers are kept nowhere", "leave it out", 403)
    if not isinstance(data.get("format"), str | dict | None):
        raise AskError("format: json, or a schema", "send one of them")


def _read_tools(data: Data) -> None:
    tools = data.get("tools")
    if tools is None:
        return
    if not isinstance(tools, list) or len(tools) > MAX_TOOLS:
        raise AskError(f"tools: a list of at most {MAX_TOOLS}", "send fewer")
    for number, tool in enumerate(tools):
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind != "function" or not isinstance(tool.get("function"), dict):
            reason = f"tools[{number}]: {str(kind)[:40]!r} would run at a host"
            remedy = "offer functions; the client performs them, each one judged"
            raise AskError(reason, remedy, 403)
    choice = data.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") != "function":
        raise AskError("tool_choice: not a function", "name a function", 403)


def _read_prompt(asked: Asked) -> None:
    data = asked.data
    for name in ("prompt", "input"):
        if name in data:
            asked.texts += _texts(data[name], name)
    for name in ("system", "suffix"):
        if data.get(name) is not None:
            asked.texts += _texts(data[name], name)
    _images(data, "")
    messages = data.get("messages")
    if messages is None:
        return
    if not isinstance(messages, list):
        raise AskError("messages: no list", "send a list of messages")
    for number, message in enumerate(messages):
        _read_message(message, f"messages[{number}]", asked)
    if asked.data.get("tools"):
        asked.texts.append(strict.dumps(asked.data["tools"]))


_MESSAGE_FIELDS: Final = frozenset({
    "content", "images", "name", "reasoning", "reasoning_content", "refusal", "role",
    "thinking", "tool_call_id", "tool_calls", "tool_name",
})  # fmt: skip
_ROLES: Final = frozenset({"system", "developer", "user", "assistant", "tool"})


def _read_message(message: object, place: str, asked: Asked) -> None:
    if not isinstance(message, dict):
        raise AskError(f"{place}: no object", "send messages of role and content")
    for name in message:
        if name not in _MESSAGE_FIELDS:
            raise AskError(f"{place}.{name[:60]}: not a field of it", "leave it out")
    role = message.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise AskError(
            f"{place}.role: not one of {', '.join(sorted(_ROLES))}", "say it"
        )
    asked.tools_spoke = asked.tools_spoke or role == "tool"
    for name in ("content", "thinking", "reasoning", "reasoning_content"):
        if message.get(name) is not None:
            asked.texts += _texts(message[name], f"{place}.{name}")
    _images(message, f"{place}.")
    if message.get("tool_calls"):
        asked.texts.append(strict.dumps(message["tool_calls"]))


def _texts(value: object, place: str) -> list[str]:
    """Texts of a text, of a list of texts, or of a list of parts."""
    if isinstance(value, str):
        return [value] if value else []
    if not isinstance(value, list):
        raise AskError(f"{place}: no text", "send text")
    found = []
    for number, item in enumerate(value):
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            found += _part(item, f"{place}[{number}]")
        elif isinstance(item, int | list):
            raise AskError(
                f"{place}: tokens by number", "send text, which can be judged"
            )
        else:
            raise AskError(f"{place}[{number}]: no text", "send text")
    return found


def _part(part: Data, place: str) -> list[str]:
    kind = part.get("type")
    if kind == "text" and part.keys() <= {"type", "text"}:
        return _texts(part.get("text"), place)
    if kind == "image_url" and part.keys() <= {"type", "image_url"}:
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, dict) else image
        if isinstance(url, str) and url.startswith("data:image/"):
            return []
        remedy = "send the image itself, as data:image/...;base64"
        raise AskError(f"{place}: an address that the engine would fetch", remedy, 403)
    reason = f"{place}: a part of type {str(kind)[:40]!r} cannot be judged"
    raise AskError(reason, "send text, or images as data", 403)


def _images(data: Data, place: str) -> None:
    images = data.get("images")
    if images is not None and not isinstance(images, list):
        raise AskError(f"{place}images: no list", "send a list")
    for number, image in enumerate(images or []):
        _image(image, f"{place}images[{number}]")


def _image(image: object, place: str) -> None:
    if not isinstance(image, str) or ":" in image or not image.isascii():
        raise AskError(f"{place}: not base64", "send the image itself", 403)
