"""Questions to a Prometheus.

Source: Prometheus, "HTTP API", version 1.
"""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

from forge.errors import ForgeError, InputError


@dataclass(frozen=True)
class Prometheus:
    """One server.

    Attributes:
        url: ``http://`` or ``https://``, without a path of the API.
        seconds: That an answer may take; a month of samples takes a while.
    """

    url: str
    seconds: float = 120

    def __post_init__(self) -> None:
        """Refuse what is no address of a server.

        Raises:
            InputError: Another scheme, or none.
        """
        if not self.url.startswith(("http://", "https://")):
            raise InputError(f"{self.url} is no address of http or https")

    def instant(self, query: str) -> list[tuple[dict[str, str], float]]:
        """Return labels and value of each series of a query, now.

        Raises:
            ForgeError: The server does not answer, or refuses the query.
        """
        data = self._ask("query", {"query": query})
        return [(one["metric"], float(one["value"][1])) for one in data["result"]]

    def names(self) -> set[str]:
        """Return the names of all metrics that it holds.

        Raises:
            ForgeError: As above.
        """
        return set(self._ask("label/__name__/values", {}))

    def _ask(self, path: str, said: dict[str, str]) -> Any:  # noqa: ANN401 - JSON
        where = f"{self.url.rstrip('/')}/api/v1/{path}?{urllib.parse.urlencode(said)}"
        try:
            with urllib.request.urlopen(where, timeout=self.seconds) as answer:  # noqa: S310 - checked above
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            told = error.read(2000).decode(errors="replace")
            raise ForgeError(f"{self.url} refuses {said}: {told}") from error
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            raise ForgeError(
                f"{self.url} does not answer as a Prometheus: {error}",
                remedy="is it running, and does the firewall let this machine in? "
                "`kubectl -n monitoring port-forward` brings it to loopback",
            ) from error
