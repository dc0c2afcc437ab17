"""Examples in argv profiles: command lines with the effects that they must have.

The short form of an effect is made for reading: `read -r src`, `delete build`,
`net GET https://example.org/`. Paths are relative to the directory of the example.
"""

from collections.abc import Iterator, Sequence

from clawlaw.core.actions import (
    AnyEffect,
    FileDelete,
    FileMove,
    FileRead,
    FileWrite,
    NetRequest,
    Opaque,
    ProcessExec,
)
from clawlaw.core.shell.profile import Profiles
from clawlaw.core.shell.words import UNKNOWN, Input, Invocation, Place, Word
from clawlaw.policy.profiles import read_spec
from clawlaw.policy.source import read_source

CWD = "/w"
HOME = "/home/agent"
_READ = {"content": "read", "list": "list", "attributes": "stat"}
_WRITE = {"modify": "write", "attributes": "chmod", "directory": "mkdir"}


class Recorder:
    """The analysis as far as one command needs it: keeps what a profile says."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.found: list[str] = []
        self.effects: list[AnyEffect] = []

    @property
    def home(self) -> str:
        """Absolute home directory."""
        return HOME

    def path(self, word: Word, cwd: str) -> str | None:
        """Absolute path of a word; of an unknown one an opaque effect."""
        text = word.text
        if word.many or UNKNOWN in text or not (cwd or text.startswith("/")):
            self.opaque("path is not known", text)
            return None
        if text == "~" or text.startswith("~/"):
            return HOME + text[1:]
        joined = text if text.startswith("/") else f"{cwd}/{text.removeprefix('./')}"
        return joined.removesuffix("/.").rstrip("/") or "/"

    def place(self, word: Word, cwd: str) -> Place | None:
        """As `path`."""
        path = self.path(word, cwd)
        return None if path is None else Place(path, word.glob)

    def lists(self, directory: str) -> None:
        """Note a listing."""
        self.found.append(f"lists {_short(directory)}")

    def prints(self, output: Input) -> None:
        """Note what is printed."""
        self.found.append(f"prints {output.source}")

    def emit(self, effect: AnyEffect) -> None:
        """Note an effect."""
        self.effects.append(effect)
        text = brief(effect)
        if text:
            self.found.append(text)

    def opaque(self, reason: str, at: str) -> None:
        """Note that something is not understood."""
        self.emit(Opaque(reason, at))

    def run(self, invocation: Invocation) -> None:
        """Note a command that is started."""
        words = [invocation.program, *invocation.arguments]
        self.found.append("run " + " ".join(word.text for word in words))

    def shell(self, text: str, cwd: str) -> None:  # noqa: ARG002  # as in Context
        """Note text for a shell."""
        self.found.append(f"shell {text}")


def _short(path: str) -> str:
    if path == CWD:
        return "."
    return path.removeprefix(CWD + "/")


def brief(effect: AnyEffect) -> str:  # noqa: PLR0911  # one short form each
    """An effect in short form; "" for a program that runs and nothing more."""
    match effect:
        case Opaque():
            return "opaque"
        case ProcessExec():
            return _brief_exec(effect)
        case FileRead():
            return " ".join([_READ[effect.what], *_tree(effect), _short(effect.path)])
        case FileWrite():
            return _brief_write(effect)
        case FileDelete():
            return " ".join(["delete", *_tree(effect), _short(effect.path)])
        case FileMove():
            return f"move {_short(effect.path)} -> {_short(effect.to)}"
        case NetRequest():
            return _brief_request(effect)
        case _:
            return " ".join(_generic(effect))


def _tree(effect: FileRead | FileWrite | FileDelete) -> list[str]:
    return ["-r"] if effect.recursive else []


def _brief_exec(effect: ProcessExec) -> str:
    if effect.code == "none" and not effect.runner:
        return ""
    runner = ["runner"] if effect.runner else []
    plain = effect.code == "project" and effect.script == CWD
    script = [_short(effect.script)] if effect.script and not plain else []
    return " ".join(["exec", effect.code, *runner, *script])


def _brief_write(effect: FileWrite) -> str:
    words = [_WRITE.get(effect.how, effect.how), *_tree(effect), _short(effect.path)]
    if effect.target:
        words += ["->", _short(effect.target)]
    if effect.executable:
        words.append("+x")
    if effect.inert and effect.how not in {"attributes", "directory"}:
        words.append("inert")
    if effect.source not in {"program", "file"}:
        words += ["from", effect.source]
    return " ".join(words)


def _brief_request(effect: NetRequest) -> str:
    port = f":{effect.port}" if effect.port else ""
    host = effect.host or "?"
    words = ["net", effect.method, f"{effect.scheme}://{host}{port}{effect.path}"]
    return " ".join(words + ([effect.carries] if effect.carries != "nothing" else []))


def _generic(effect: AnyEffect) -> Iterator[str]:
    yield str(effect.__struct_config__.tag)
    defaults = effect.__struct_defaults__
    first_default = len(effect.__struct_fields__) - len(defaults)
    for index, name in enumerate(effect.__struct_fields__):
        value = getattr(effect, name)
        if index >= first_default and value == defaults[index - first_default]:
            continue
        if isinstance(value, tuple):
            yield from value
        else:
            text = name if value is True else _short(str(value))
            if text:
                yield text


def split(line: str) -> list[Word]:
    """Words of a line with the quotes of a shell; `$` stands for what is unknown."""
    words: list[Word] = []
    text, quote, glob, many, begun = "", "", False, False, False
    for char in line + " ":
        if quote:
            if char == quote:
                quote = ""
            else:
                text += UNKNOWN if char == "$" and quote == '"' else char
        elif char in "'\"":
            quote, begun = char, True
        elif char == " ":
            if text or begun:
                words.append(Word(text, glob=glob, many=many))
            text, glob, many, begun = "", False, False, False
        else:
            glob = glob or char in "*?["
            many = many or char == "$"
            text += UNKNOWN if char == "$" else char
    return words


def effects_of(profiles: Profiles, line: str) -> Recorder:
    """What a line does by the profile of its program.

    Raises:
        KeyError: There is no profile of the program.
    """
    program, *arguments = split(line)
    profile = profiles.lookup(program.text)
    if profile is None:
        raise KeyError(program.text)
    recorder = Recorder()
    stdin = Input()
    if arguments and arguments[-1].text == "<":  # the example reads a pipe
        stdin = Input("program")
        arguments = arguments[:-1]
    profile.apply(Invocation(program, tuple(arguments), stdin, cwd=CWD), recorder)
    return recorder


def check(profiles: Profiles, raw: dict[str, bytes]) -> list[str]:
    """Compare every example with what its profile says.

    Args:
        profiles: Made from `raw`.
        raw: The files by name.

    Returns:
        One line for each example that differs and each profile without one.
    """
    problems: list[str] = []
    for name, content in raw.items():
        source = read_source(name, content)
        for names, spec in read_spec(source).profiles.items():
            at = f"{name}:{source.line(('profiles', names))}"
            if not spec.examples and not spec.handler:
                problems.append(f"{at}: {names}: no examples")
            for line, expected in spec.examples.items():
                found = effects_of(profiles, line).found
                if found != list(expected):
                    wanted = list(expected)
                    problems.append(f"{at}: {line}: expected {wanted}, got {found}")
    return problems


def lines(raw: dict[str, bytes]) -> Sequence[str]:
    """The command lines of all examples."""
    return [
        line
        for name, content in raw.items()
        for spec in read_spec(read_source(name, content)).profiles.values()
        for line in spec.examples
    ]
