"""A checkout, a vendor and a module proxy of the tests' own, all on this machine."""

import json
import os
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from forge.artifacts import pinfile
from forge.artifacts.cache import Cache
from forge.artifacts.gomod import update
from forge.artifacts.pins import Versions
from forge.artifacts.toolchain import Toolchain, find

CHECKOUT = Path(__file__).parents[3]
MODULE = "example.test/hello"
MAIN = """package main

import "fmt"

var version = "unset"

func main() { fmt.Println("hello", version, tagged) }
"""
TAGGED = "//go:build {}loud\n\npackage main\n\nconst tagged = {}\n"

type Answer = Callable[[BaseHTTPRequestHandler], None]
type Document = dict[str, Any]


@dataclass
class Vendor:
    """A web server on loopback; what it answers is set by path."""

    origin: str
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"{self.origin}/{path}"

    def publishes(self, path: str, body: bytes) -> str:
        self.answers[path] = lambda handler: send(handler, body)
        return self.url(path)


def send(handler: BaseHTTPRequestHandler, body: bytes, *, cut: int = 0) -> None:
    """Answer with ``body``, or what a Range asks of it; drop the last ``cut`` bytes."""
    start = 0
    asked = handler.headers.get("Range")
    if asked:
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(body):
            handler.send_error(416)
            return
    handler.send_response(206 if start else 200)
    handler.send_header("Content-Length", str(len(body) - start))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body[start : len(body) - cut])


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.removeprefix("/")
            serving.asked.append((self.command, path, self.headers.get("Range")))
            answer = serving.answers.get(path)
            if answer is None:
                self.send_error(404)
            else:
                answer(self)

        do_HEAD = do_GET  # noqa: N815 - the name that http.server looks up

        def log_message(self, *_: object) -> None:
            """Keep the tests' output to what failed."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = Vendor(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(
            target=server.serve_forever, args=(0.01,), daemon=True
        )
        thread.start()
        yield serving
        server.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture(scope="session")
def go() -> Toolchain:
    pins = pinfile.load(CHECKOUT / pinfile.FILE).pins
    return find(pins.go, Cache.of(os.environ))


def document(artifacts: Document) -> Document:
    """Return versions.yml as data, with the given artifacts."""
    real = yaml.safe_load((CHECKOUT / pinfile.FILE).read_text(encoding="utf-8"))
    return {**real, "artifacts": artifacts}


def released(url: str, sha256: str, **more: object) -> Document:
    """Return a pin with one release file, ``tool``."""
    asset = {
        "checksums": "{url}.sha256",
        "sha256": {"amd64": sha256, "arm64": "unresolved"},
        "url": url,
    }
    return {
        "licence": "MIT",
        "version": "v1.2.3",
        "release": {"tool": {**asset, **more}},
    }


def built(**more: object) -> Document:
    """Return a pin of the module that ``module_proxy`` serves."""
    module = {
        "programs": {"tool": f"{MODULE}/cmd/hello"},
        "sums": {MODULE: "unresolved"},
        "tags": ["loud"],
        "variables": {"main.version": "{version}+{major}.{minor}"},
    }
    return {"licence": "MIT", "version": "v1.2.3", "module": {**module, **more}}


@pytest.fixture
def checkout(tmp_path: Path) -> Callable[[Document], Versions]:
    """Write a checkout that pins the given artifacts, and read it."""

    def write(artifacts: Document) -> Versions:
        root = tmp_path / "checkout"
        (root / "playbooks").mkdir(parents=True, exist_ok=True)
        file = root / pinfile.FILE
        file.write_text(yaml.safe_dump(document(artifacts)), encoding="utf-8")
        return pinfile.load(file)

    return write


@pytest.fixture
def module_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Serve ``example.test/hello`` v1.2.3 from a folder, as a Go module proxy does.

    Source: Go Modules Reference, GOPROXY protocol and module zip files.
    """
    root = tmp_path / "proxy"
    folder = root / MODULE / "@v"
    folder.mkdir(parents=True)
    (folder / "list").write_text("v1.2.3\n", encoding="utf-8")
    info = {"Version": "v1.2.3", "Time": "2026-01-01T00:00:00Z"}
    (folder / "v1.2.3.info").write_text(json.dumps(info), encoding="utf-8")
    (folder / "v1.2.3.mod").write_text(f"module {MODULE}\n\ngo 1.25\n", "utf-8")
    write_module(folder / "v1.2.3.zip", MAIN)
    monkeypatch.setenv("GOPROXY", root.as_uri())
    monkeypatch.setenv("GONOSUMDB", "example.test")
    monkeypatch.setenv("GONOSUMCHECK", "1")
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modules"))
    return root


def write_module(path: Path, main: str) -> None:
    base = f"{MODULE}@v1.2.3"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{base}/go.mod", f"module {MODULE}\n\ngo 1.25\n")
        archive.writestr(f"{base}/cmd/hello/main.go", main)
        archive.writestr(f"{base}/cmd/hello/loud.go", TAGGED.format("", '"loud"'))
        archive.writestr(f"{base}/cmd/hello/quiet.go", TAGGED.format("!", '"quiet"'))


@pytest.fixture
def module_checkout(
    checkout: Callable[[Document], Versions],
    module_proxy: Path,  # noqa: ARG001 - sets the environment
    go: Toolchain,
) -> Callable[[Document], Versions]:
    """As ``checkout``; go.mod, go.sum and sums are made for artifact ``tool``."""

    def write(artifacts: Document) -> Versions:
        versions = checkout(artifacts)
        pinfile.write(versions.path, update("tool", versions, go))
        return pinfile.load(versions.path)

    return write
