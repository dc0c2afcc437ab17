"""curl: which hosts are asked, what goes out, what is written.

Source: curl 8.11 manual page.
"""

from typing import Final

from clawlaw.core.actions import FileRead, NetRequest
from clawlaw.core.shell.lang import emit
from clawlaw.core.shell.lang.options import names, parse, spec
from clawlaw.core.shell.lang.payload import Payload
from clawlaw.core.shell.lang.urls import Url, read_url
from clawlaw.core.shell.words import UNKNOWN, Context, Invocation, Word

FAMILY: Final = "network"
LONG_FLAGS: Final = (
    "--fail --fail-with-body --fail-early --silent --show-error --location"
    " --location-trusted --head --include --show-headers --verbose --insecure --get"
    " --globoff --compressed --remote-name --remote-name-all --create-dirs --ipv4"
    " --ipv6 --http1.0 --http1.1 --http2 --http2-prior-knowledge --http3 --tlsv1"
    " --tlsv1.0 --tlsv1.1 --tlsv1.2 --tlsv1.3 --ssl --ssl-reqd --no-progress-meter"
    " --progress-bar --no-buffer --retry-connrefused --retry-all-errors --raw --basic"
    " --digest --tcp-nodelay --tcp-fastopen --no-keepalive --no-sessionid"
    " --path-as-is --no-alpn --disable --anyauth --xattr --parallel"
    " --remote-time --list-only --use-ascii --append --post301 --post302 --post303"
    " --cert-status --help --version --manual --no-clobber --remove-on-error"
    " --styled-output --no-styled-output --no-silent --no-fail --crlf"
    " --junk-session-cookies"
)
TEXT_VALUES: Final = (
    "--request --max-time --connect-timeout --retry --retry-delay --retry-max-time"
    " --limit-rate --user-agent --referer --range --continue-at --max-redirs"
    " --max-filesize --keepalive-time --speed-limit --speed-time --time-cond"
    " --ciphers --tls-max --proto --proto-redir --proto-default --local-port"
    " --expect100-timeout --parallel-max --rate --request-target --tls13-ciphers"
    " --happy-eyeballs-timeout-ms --noproxy --create-file-mode --aws-sigv4"
    " --oauth2-bearer"
)
FILE_VALUES: Final = "--cacert --capath --cert --key --crlfile --netrc-file"
OUT_VALUES: Final = (
    "--output --dump-header --trace --trace-ascii --stderr --cookie-jar --libcurl"
    " --etag-save --hsts --alt-svc"
)
DATA_VALUES: Final = (
    "--data --data-ascii --data-binary --data-raw --data-urlencode --json --form"
    " --form-string --upload-file --header --cookie --user --write-out --url"
    " --output-dir --proxy --url-query --etag-compare"
)
SHORT: Final = {
    "-f": "--fail", "-s": "--silent", "-S": "--show-error", "-L": "--location",
    "-I": "--head", "-i": "--include", "-v": "--verbose", "-k": "--insecure",
    "-G": "--get", "-g": "--globoff", "-O": "--remote-name", "-4": "--ipv4",
    "-6": "--ipv6", "-0": "--http1.0", "-1": "--tlsv1", "-#": "--progress-bar",
    "-N": "--no-buffer", "-R": "--remote-time", "-l": "--list-only", "-a": "--append",
    "-q": "--disable", "-h": "--help", "-V": "--version", "-M": "--manual",
    "-Z": "--parallel", "-j": "--junk-session-cookies", "-B": "--use-ascii",
    "-X": "--request", "-m": "--max-time",
    "-A": "--user-agent", "-e": "--referer", "-r": "--range", "-C": "--continue-at",
    "-Y": "--speed-limit", "-y": "--speed-time", "-z": "--time-cond",
    "-E": "--cert", "-o": "--output", "-D": "--dump-header", "-c": "--cookie-jar",
    "-d": "--data", "-F": "--form", "-T": "--upload-file", "-H": "--header",
    "-b": "--cookie", "-u": "--user", "-w": "--write-out", "-x": "--proxy",
}  # fmt: skip
VALUES: Final = f"{TEXT_VALUES} {FILE_VALUES} {OUT_VALUES} {DATA_VALUES}"
_TAKES: Final = names(VALUES)
_SHORT_FLAGS: Final = " ".join(s for s, name in SHORT.items() if name not in _TAKES)
_SHORT_VALUES: Final = " ".join(s for s, name in SHORT.items() if name in _TAKES)
OPTIONS: Final = spec(
    f"{LONG_FLAGS} {_SHORT_FLAGS} --next -: -n --netrc --netrc-optional -J"
    " --remote-header-name",
    f"{VALUES} {_SHORT_VALUES}",
)
OUTPUTS: Final = names(OUT_VALUES)
FILES: Final = names(FILE_VALUES)
MAX_URLS: Final = 24  # of one command


def judge(invocation: Invocation, context: Context) -> None:
    """Turn a curl command into effects."""
    emit.start(invocation, context, FAMILY)
    parsed = parse(invocation.arguments, OPTIONS, context)
    if parsed is None:
        return
    _Request(invocation, context).run(parsed.options, parsed.operands)


class _Request:
    __slots__ = (
        "addresses",
        "context",
        "cwd",
        "directory",
        "flags",
        "invocation",
        "method",
        "names",
        "payload",
    )

    def __init__(self, invocation: Invocation, context: Context) -> None:
        self.invocation = invocation
        self.context = context
        self.cwd = invocation.cwd
        self.payload = Payload(context, invocation)
        self.addresses: list[Word] = []
        self.names: list[Word] = []
        self.flags: set[str] = set()
        self.method = ""
        self.directory: Word | None = None

    def run(self, options: list[tuple[str, Word | None]], operands: list[Word]) -> None:
        for short, value in options:
            name = SHORT.get(short, short)
            if value is None:
                self.flags.add(name)
            else:
                self._value(name, value)
        if self.flags & {"--netrc", "--netrc-optional", "-n"}:
            self.context.emit(FileRead(self.context.home + "/.netrc"))
            self.payload.take("file")
        if self.flags & {"--next", "-:"} and self.payload.carries != "nothing":
            # Which request takes which data is not followed: all take the worst.
            self.method = self.method or "POST"
        addresses = [*self.addresses, *operands]
        if len(addresses) > MAX_URLS:
            emit.give_up(self.context, "curl: too many addresses", addresses[-1].text)
            return
        for word in addresses:
            self._address(word)
        self._outputs(addresses)

    def _value(self, name: str, value: Word) -> None:
        if name == "--request":
            self.method = value.text.upper()
        elif name == "--url":
            self.addresses.append(value)
        elif name == "--output":
            self.names.append(value)
        elif name == "--output-dir":
            self.directory = value
        elif name in OUTPUTS:
            if value.text not in ("-", "%"):
                emit.write(self.context, value, self.cwd, source="network")
        elif name in FILES:
            word = Word(value.text.partition(":")[0]) if name == "--cert" else value
            emit.read(self.context, word, self.cwd)
        elif name == "--proxy":
            self._proxy(value)
        elif name == "--write-out":
            self._format(value)
        else:
            self.payload.option(name, value)

    def _proxy(self, value: Word) -> None:
        url = read_url(value.text) if value.known else None
        if url is None or not url.host:
            emit.give_up(self.context, "curl: proxy", value.text)
            return
        self._ask(url, "CONNECT")

    def _format(self, value: Word) -> None:
        text = value.text
        if text.startswith("@"):
            if text != "@-":
                emit.read(self.context, Word(text[1:]), self.cwd)
        elif "%output" in text or UNKNOWN in text:
            emit.give_up(self.context, "curl: output named by a format", text)

    def _address(self, word: Word) -> None:
        text = word.text
        if word.many and not word.within:
            emit.give_up(self.context, "curl: address is not known", text)
            return
        if word.glob:
            # Quoting was forgotten around ? or [1-3]; only names of files can match.
            emit.read(self.context, word, self.cwd, what="list")
        url = read_url(text)
        if url is None:
            self.context.emit(
                NetRequest(host="", scheme="http", method="GET", carries="unknown")
            )
            emit.give_up(self.context, "curl: address is not certain", text)
        elif url.scheme == "file":
            emit.read(self.context, Word(url.path), "/")
        else:
            self._ask(url, self._verb())

    def _verb(self) -> str:
        if self.method:
            return self.method
        if "--head" in self.flags:
            return "HEAD"
        if self.payload.uploads:
            return "PUT"
        if self.payload.posts and "--get" not in self.flags:
            return "POST"
        return "GET"

    def _ask(self, url: Url, method: str) -> None:
        carries = self.payload.carries
        if UNKNOWN in url.path:
            carries = "unknown"
        self.context.emit(
            NetRequest(
                host=url.host,
                port=url.port,
                scheme=url.scheme,
                method=method[:20],
                path=url.path,
                carries=carries,
                bytes_out=self.payload.size,
            )
        )

    def _outputs(self, addresses: list[Word]) -> None:
        if self.flags & {"--remote-header-name", "-J"}:
            emit.give_up(self.context, "curl: the server names the file", "-J")
        for name in self.names:
            if name.text == "-":
                continue
            if "#" in name.text:
                emit.give_up(self.context, "curl: file named by a pattern", name.text)
                continue
            self._save(name)
        if self.flags & {"--remote-name", "--remote-name-all"}:
            for word in addresses:
                self._save_by_name(word)

    def _save(self, name: Word) -> None:
        if self.directory is not None and name.text not in emit.STREAMS:
            name = Word(f"{self.directory.text}/{name.text.lstrip('/')}")
        emit.write(self.context, name, self.cwd, source="network")

    def _save_by_name(self, word: Word) -> None:
        url = read_url(word.text)
        if url is None:
            return
        base = url.path.partition("?")[0].rpartition("/")[2]
        strange = base in ("", ".", "..") or "%" in base
        if strange or any(c in base for c in "[]{}\\"):
            emit.give_up(self.context, "curl: name of the file", word.text)
            return
        self._save(Word(base))
