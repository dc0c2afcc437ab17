"""A drill of the inference proxy: declared models answer, and the rest is stopped.

The agent asks over loopback with its own token, by the protocols that its libraries
speak. That a model of Ollama answers with a tool call is no chance: the request has a
schema that one answer alone fits, and the engine writes nothing that does not fit it.
"""

import http.client
import json
import secrets
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from clawlaw.cli.agent_exercise import Door
from clawlaw.cli.agent_files import as_owner
from clawlaw.cli.drill_steps import Step
from clawlaw.cli.output import UsageError
from clawlaw.client import Client, Denied, GateUnavailable
from clawlaw.inference.config import Config, ModelPart, read_config

_SECONDS: Final = 180.0  # for one answer; the first one may load its model
_TOKENS: Final = 16  # of an ordinary answer
_FORGED: Final = 256  # of one that is a tool call, with room for white space
_CHAT: Final = "/v1/chat/completions"
_OK: Final = 200
_BAD: Final = 400
_ASKED: Final = [{"role": "user", "content": "Name three colours."}]
_STRANGER: Final = "drill-no-such-model"
# What the answer is made to be: a call that every policy of the Forge denies.
_CALL: Final = {"name": "write", "path": "/etc/hosts", "content": "127.0.0.1 a.example"}


class Answered(Struct, frozen=True):
    """What came back.

    Attributes:
        decision: Id that an answer of a model names, "" in an error.
    """

    status: int
    body: bytes
    decision: str = ""

    @property
    def error(self) -> tuple[str, str]:
        """Reason and id of an error in either protocol; empty where there is none."""
        try:
            data = json.loads(self.body)
        except ValueError:
            return "", ""
        found = data.get("error") if isinstance(data, dict) else None
        if isinstance(found, dict):
            return str(found.get("reason", "")), str(found.get("id", ""))
        return (str(found), str(data.get("id", ""))) if found else ("", "")


class Model(Struct, frozen=True):
    """A declared model, and the decision on one request to it."""

    name: str
    engine: str
    tier: str
    decision: str


class Drill(Struct, frozen=True):
    """What came of it.

    Attributes:
        forged: An answer could be made to be a tool call; only Ollama can be.
    """

    steps: tuple[Step, ...]
    models: tuple[Model, ...]
    forged: bool

    @property
    def good(self) -> bool:
        """Whether there are models, and every step ended as it must."""
        return bool(self.models) and all(step.good for step in self.steps)

    def fields(self) -> dict[str, Any]:
        """For programs."""
        return {
            "good": self.good,
            "forged": self.forged,
            "steps": [step.fields() for step in self.steps],
            "models": msgspec.to_builtins(self.models),
        }


def run(here: Door, config: Path, purpose: str) -> Drill:
    """Ask every declared model, then for what must not pass.

    Args:
        here: How the agent reaches its gate.
        config: Of the proxy.
        purpose: Of the session whose budget is too small, one of the agent's.

    Raises:
        PolicyError: The configuration cannot be read.
        UsageError: Gate or proxy does not answer.
    """
    with as_owner(config):
        read = read_config(config)
    name = f"drill-{secrets.token_hex(6)}"
    asking = _Asking(read, here.token, name)
    client = Client(url=f"http://{here.address}", token=here.token, name="drill")
    try:
        with client:
            return _drill(asking, client, purpose)
    except (GateUnavailable, OSError, http.client.HTTPException) as error:
        said = f"{type(error).__name__}: {error}"
        remedy = "look at the journals of clawlaw and clawlaw-inference"
        raise UsageError("gate or proxy", said, remedy) from error


def _drill(asking: "_Asking", client: Client, purpose: str) -> Drill:
    config, engines = asking.config, {b.name: b for b in asking.config.backends}
    steps, models = [], []
    try:
        for model in config.models:
            step, decision = asking.complete(model)
            steps.append(step)
            part = engines[model.backend]
            models.append(Model(model.name, part.engine, part.tier, decision))
        forgeable = [m for m in config.models if engines[m.backend].engine == "ollama"]
        if models:
            steps += asking.refusals(config.models[0])
            steps.append(_over_budget(asking, client, purpose))
        steps += [asking.forge(model) for model in forgeable[:1]]
    finally:
        _close(client, asking.session)
    return Drill(tuple(steps), tuple(models), bool(forgeable))


def _over_budget(asking: "_Asking", client: Client, purpose: str) -> Step:
    """A request of a session that may use one token."""
    session = f"{asking.session}-little"
    scope = {"purpose": purpose, "budgets": {"tokens": 1}}
    try:
        client.ask("POST", "/v1/sessions", {"session": session, "scope": scope})
    except GateUnavailable:
        raise
    except Denied as error:
        remedy = "name one of the agent's with --purpose"
        raise UsageError(f"purpose {purpose!r}", error.reason, remedy) from error
    try:
        said = asking.ask(_CHAT, _chat(asking.config.models[0].name), session)
    finally:
        _close(client, session)
    return Step("over budget", "denied", _denied(said, "tokens of the session"))


def _close(client: Client, session: str) -> None:
    try:
        client.ask("POST", "/v1/sessions/close", {"session": session})
    except Denied:
        client.close()  # never opened: nothing in it reached the gate


class _Asking:
    """Questions of one agent to one proxy."""

    def __init__(self, config: Config, token: str, session: str) -> None:
        self.config = config
        self.session = session
        self._token = token

    def ask(self, path: str, said: dict[str, Any], session: str = "") -> Answered:
        """One question, on a connection of its own."""
        listen = self.config.listen
        proxy = http.client.HTTPConnection(listen.host, listen.port, timeout=_SECONDS)
        head = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
            "X-ClawLaw-Session": session or self.session,
        }
        try:
            proxy.request("POST", path, json.dumps(said), head)
            answer = proxy.getresponse()
            decision = answer.getheader("X-ClawLaw-Decision", "")
            return Answered(answer.status, answer.read(), decision)
        finally:
            proxy.close()

    def complete(self, model: ModelPart) -> tuple[Step, str]:
        """A streamed completion, and the decision on it."""
        more = {"stream": True, "stream_options": {"include_usage": True}}
        answer = self.ask(_CHAT, _chat(model.name) | more)
        return Step(model.name, "streamed", _streamed(answer)), answer.decision

    def refusals(self, model: ModelPart) -> list[Step]:
        """What no agent gets, whoever it is."""
        long = self.ask(_CHAT, _chat(model.name, model.max_tokens + 1))
        stranger = self.ask(_CHAT, _chat(_STRANGER))
        pull = self.ask("/api/pull", {"model": _STRANGER, "stream": False})
        return [
            Step("too long an answer", "refused", _refused(long, "max_tokens")),
            Step("unknown model", "denied", _denied(stranger, _STRANGER)),
            Step("model management", "denied", _denied(pull, "")),
        ]

    def forge(self, model: ModelPart) -> Step:
        """An answer that is a tool call as text."""
        most = min(_FORGED, model.max_tokens)
        # The schema leaves white space free, and a model left to chance may write no
        # more than that: it is asked for the very text, and for its likeliest answer.
        text = json.dumps({"name": _CALL["name"], "arguments": _arguments()})
        asked = [{"role": "user", "content": f"Repeat this JSON in one line: {text}"}]
        said = {"model": model.name, "messages": asked, "stream": False}
        said |= {"format": _schema()}
        said |= {"options": {"num_predict": most, "temperature": 0}}
        answer = self.ask("/api/chat", said)
        word = "a tool call of the answer is denied"
        return Step("forged tool call", "denied", _denied(answer, word))


def _chat(model: str, most: int = _TOKENS) -> dict[str, Any]:
    return {"model": model, "messages": _ASKED, "max_tokens": most, "temperature": 0}


def _arguments() -> dict[str, str]:
    return {name: _CALL[name] for name in ("path", "content")}


def _schema() -> dict[str, Any]:
    """A schema that the call alone fits."""
    given = {name: {"enum": [value]} for name, value in _arguments().items()}
    arguments = {"type": "object", "properties": given, "required": list(given)}
    parts = {"name": {"enum": [_CALL["name"]]}, "arguments": arguments}
    return {"type": "object", "properties": parts, "required": list(parts)}


def _streamed(answer: Answered) -> str:
    """Whether a stream came, with tokens in it, to its end."""
    if answer.status != _OK:
        return _told(answer)
    lines = answer.body.splitlines()
    events = [line[6:] for line in lines if line.startswith(b"data: ")]
    if not events or events[-1] != b"[DONE]":
        last = events[-1][:200].decode(errors="replace") if events else "nothing"
        return f"broke off after {last}"
    usage = [found for e in events[:-1] if (found := json.loads(e).get("usage"))]
    if not usage or usage[-1].get("completion_tokens", 0) < 1:
        return "no token was written"
    return "streamed" if answer.decision else "the answer names no decision"


def _denied(answer: Answered, word: str) -> str:
    """Whether the gate denied it, for the reason that it must be."""
    reason, name = answer.error
    denied = answer.status >= _BAD and name and word in reason
    return "denied" if denied else _told(answer)


def _refused(answer: Answered, word: str) -> str:
    """Whether the proxy refused it."""
    refused = answer.status == _BAD and word in answer.error[0]
    return "refused" if refused else _told(answer)


def _told(answer: Answered) -> str:
    text = answer.error[0] or answer.body[:200].decode(errors="replace")
    return f"answered {answer.status}: {text}"
