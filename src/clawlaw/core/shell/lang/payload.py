"""What a request takes along: data, forms, files, headers and credentials."""

from collections.abc import Callable
from typing import Final, Literal

from clawlaw.core.shell.lang import emit
from clawlaw.core.shell.lang.options import names
from clawlaw.core.shell.words import UNKNOWN, Context, Input, Invocation, Word

type Carries = Literal["nothing", "text", "file", "program", "unknown"]

# From the least to the most worrying; the worst of all parts counts.
ORDER: Final[tuple[Carries, ...]] = ("nothing", "text", "file", "program", "unknown")
FROM_INPUT: Final[dict[str, Carries]] = {
    "none": "nothing",
    "agent": "text",
    "file": "file",
    "program": "program",
    "network": "unknown",
    "unknown": "unknown",
}
# Headers that only say how to answer.
PLAIN_HEADERS: Final = names(
    "accept accept-encoding accept-language cache-control content-type connection"
    " expect if-none-match if-modified-since pragma range user-agent"
    " x-github-api-version origin"
)
SILENT: Final = frozenset({"--user-agent", "--referer", "--request-target"})


class Payload:
    """Everything that one command sends.

    Attributes:
        carries: The most worrying part.
        size: Bytes that are known.
        posts: There is data, so the method is POST by default.
        uploads: A file is put.
    """

    __slots__ = ("carries", "context", "cwd", "posts", "size", "stdin", "uploads")

    def __init__(self, context: Context, invocation: Invocation) -> None:
        """Begin with nothing to send."""
        self.context = context
        self.cwd = invocation.cwd
        self.stdin: Input = invocation.stdin
        self.carries: Carries = "nothing"
        self.size = 0
        self.posts = False
        self.uploads = False

    def take(self, what: Carries, size: int = 0) -> None:
        """Add a part."""
        if ORDER.index(what) > ORDER.index(self.carries):
            self.carries = what
        self.size += size

    def option(self, name: str, value: Word) -> None:
        """Add what an option of curl sends; those that send nothing add nothing."""
        if name in POSTS:
            self.posts = True
        act = SENDS.get(name)
        if act is not None:
            act(self, value)
        elif name in SILENT and UNKNOWN in value.text:
            self.take("unknown")

    def upload(self, value: Word) -> None:
        """Add a file that is put."""
        self.uploads = True
        self.file(value)

    def compare(self, value: Word) -> None:
        """Add a tag that is kept in a file."""
        emit.read(self.context, value, self.cwd)

    def text(self, value: Word) -> None:
        """Add text that stands in the command."""
        if value.known:
            self.take("text", len(value.text.encode("utf-8", "replace")))
        else:
            self.take("unknown")

    def file(self, value: Word) -> None:
        """Add a file, or the input for `-`."""
        if value.text in ("-", ".", "/dev/stdin"):
            self.take(FROM_INPUT[self.stdin.source], len(self.stdin.text or ""))
        else:
            self.take("file")
            emit.read(self.context, value, self.cwd)

    def data(self, value: Word) -> None:
        """Add text, or `@FILE`."""
        if value.text.startswith("@"):
            self.file(Word(value.text[1:], value.glob))
        elif value.text.startswith(UNKNOWN):
            self.take("unknown")
            emit.give_up(self.context, "data may name a file", value.text)
        else:
            self.text(value)

    def encoded(self, value: Word) -> None:
        """Add `NAME=TEXT`, or `NAME@FILE`."""
        text = value.text
        equals, at = text.find("="), text.find("@")
        if at >= 0 and (equals < 0 or at < equals):
            self.file(Word(text[at + 1 :]))
        elif UNKNOWN in text and (equals < 0 or text.index(UNKNOWN) < equals):
            self.take("unknown")
            emit.give_up(self.context, "data may name a file", text)
        else:
            self.text(value)

    def form(self, value: Word) -> None:
        """Add `NAME=TEXT`, `NAME=@FILE` or `NAME=<FILE`."""
        name, equals, content = value.text.partition("=")
        if not equals or UNKNOWN in name or content.startswith((UNKNOWN, "(")):
            self.take("unknown")
            emit.give_up(self.context, "form field", value.text)
        elif content[:1] in ("@", "<"):
            for part in content[1:].partition(";")[0].split(","):
                self.file(Word(part.strip('"')))
            if "headers=" in content:
                emit.give_up(self.context, "form field", value.text)
        else:
            self.text(value)

    def header(self, value: Word) -> None:
        """Add a header; those that only say how to answer carry nothing."""
        text = value.text
        if text.startswith("@"):
            self.file(Word(text[1:]))
            return
        name, colon, _ = text.partition(":")
        if not colon and UNKNOWN in name:
            self.take("unknown")
            emit.give_up(self.context, "header may name a file", text)
            return
        if name.strip().lower() not in PLAIN_HEADERS or not value.known:
            self.text(value)

    def cookie(self, value: Word) -> None:
        """Add `NAME=TEXT`, or a file of cookies."""
        if "=" in value.text.partition(UNKNOWN)[0]:
            self.text(value)
        elif value.known:
            self.file(value)
        else:
            self.take("unknown")
            emit.give_up(self.context, "cookie may name a file", value.text)


POSTS: Final = names(
    "--data --data-ascii --data-binary --json --data-raw --data-urlencode --form"
    " --form-string"
)
SENDS: Final[dict[str, Callable[[Payload, Word], None]]] = {
    **dict.fromkeys(
        ("--data", "--data-ascii", "--data-binary", "--json"), Payload.data
    ),
    **dict.fromkeys(
        ("--data-raw", "--form-string", "--user", "--oauth2-bearer"), Payload.text
    ),
    "--data-urlencode": Payload.encoded,
    "--url-query": Payload.encoded,
    "--form": Payload.form,
    "--upload-file": Payload.upload,
    "--header": Payload.header,
    "--cookie": Payload.cookie,
    "--etag-compare": Payload.compare,
}
