"""Answers that the proxy gives itself: errors in each protocol's shape, and lists."""

from collections.abc import Iterable
from typing import Any, Final

from aiohttp import web

from clawlaw.inference import strict
from clawlaw.inference.config import ModelPart

_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "invalid_request_error",
    429: "rate_limit_error",
}
_JSON: Final = "application/json"


def said(reason: str, remedy: str = "", name: str = "") -> str:
    """One sentence with what to do and the id to ask about."""
    more = f" ({remedy})" if remedy else ""
    return f"{reason}{more}" + (f" [{name}]" if name else "")


def error_data(
    status: int, reason: str, remedy: str, name: str, *, ollama: bool
) -> dict[str, Any]:
    """An error as clients of the protocol read it; the fields beside it are ours."""
    text = said(reason, remedy, name)
    if ollama:
        return {"error": text, "id": name, "remedy": remedy}
    kind = _TYPES.get(status, "server_error")
    more = {"id": name, "reason": reason, "remedy": remedy}
    return {
        "error": {"message": text, "type": kind, "param": None, "code": None} | more
    }


def error(
    status: int, reason: str, remedy: str = "", name: str = "", *, ollama: bool
) -> web.Response:
    """An error before anything was sent."""
    data = error_data(status, reason, remedy, name, ollama=ollama)
    return json(data, status)


def late_error(
    status: int, reason: str, remedy: str, name: str, *, ollama: bool
) -> bytes:
    """An error within a stream; what came before it stands."""
    text = strict.dumps(
        error_data(status, reason, remedy, name, ollama=ollama)
    ).encode()
    return text + b"\n" if ollama else b"data: " + text + b"\n\n"


def json(data: object, status: int = 200) -> web.Response:
    """An answer in JSON."""
    return web.Response(
        status=status, body=strict.dumps(data).encode(), content_type=_JSON
    )


def openai_models(models: Iterable[ModelPart]) -> web.Response:
    """`GET /v1/models`."""
    found = [openai_model(model) for model in models]
    return json({"object": "list", "data": found})


def openai_model(model: ModelPart) -> dict[str, Any]:
    """One of them."""
    return {"id": model.name, "object": "model", "created": 0, "owned_by": "forge"}


def tags(models: Iterable[ModelPart], engines: dict[str, str]) -> web.Response:
    """`GET /api/tags`; engines by backend."""
    found = [
        {
            "name": model.name,
            "model": model.name,
            "modified_at": "1970-01-01T00:00:00Z",
            "size": 0,
            "digest": model.digest.removeprefix("sha256:"),
            "details": {"format": _format(engines[model.backend]), "family": ""},
        }
        for model in models
    ]
    return json({"models": found})


def _format(engine: str) -> str:
    return "gguf" if engine == "ollama" else "mlx"
