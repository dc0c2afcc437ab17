"""A gate with a TLS listener, and the authorities of it and of its clients."""

import contextlib
import http.client
import json
import ssl
from pathlib import Path
from typing import Any

import pytest
from tests.integration.certificates import Authority
from tests.integration.gate.house import House, free_port

RIGHTS = ["propose", "outcome", "executor"]
NAMES = {"developer": "agent-one", "operator": "agent-two"}


class TlsHouse:
    """A gate with a TLS listener, and the authority of its clients."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house = house
        self.port = free_port()
        self.authority = Authority(folder, "clients")
        self.servers = Authority(folder, "servers")
        self.files = self.servers.issue("gate", server=True)
        self.configure()

    def configure(self, *, names: dict[str, str] = NAMES, **listener: Any) -> None:
        """Write the configuration anew."""
        said: dict[str, Any] = {
            "tls": f"127.0.0.1:{self.port}",
            "rights": RIGHTS,
            "certificate": str(self.files[0]),
            "key": str(self.files[1]),
            "clients": str(self.authority.file),
        }
        health = {"tcp": f"127.0.0.1:{self.house.port}", "rights": ["metrics"]}
        self.house.configure(
            agents=[{"principal": p, "names": [n]} for p, n in names.items()],
            listeners=[said | listener, health],
        )

    def context(self, files: tuple[Path, Path] | None) -> ssl.SSLContext:
        """Of a client that knows the gate's authority; it may have a certificate."""
        made = ssl.create_default_context(cafile=self.servers.file)
        if files is not None:
            made.load_cert_chain(*files)
        return made

    def ask(
        self, context: ssl.SSLContext, path: str, said: object, **headers: str
    ) -> tuple[int, Any]:
        """One question."""
        own = http.client.HTTPSConnection(
            "127.0.0.1", self.port, context=context, timeout=20
        )
        with contextlib.closing(own):
            own.request("POST", path, json.dumps(said), headers)
            answer = own.getresponse()
            return answer.status, json.loads(answer.read())

    def propose(
        self, context: ssl.SSLContext, session: str = "s", **headers: str
    ) -> tuple[int, Any]:
        """One proposal."""
        call = {"session": session, "tool": "read", "arguments": {"path": "a"}}
        cwd = {"cwd": str(self.house.workspace)}
        return self.ask(context, "/v1/proposals", call | cwd, **headers)

    def refuses(self, context: ssl.SSLContext) -> None:
        """No answer comes back, whatever is asked."""
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
            self.propose(context)
