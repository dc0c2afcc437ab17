"""Words in a small language of one program: a listed part of it is harmless."""

from collections.abc import Iterator
from string import ascii_letters, digits

from clawlaw.core.actions import (
    EnvironmentRead,
    ServiceChange,
    ServiceRead,
    SystemChange,
)
from clawlaw.core.shell import endless
from clawlaw.core.shell.kinds.files import read, write
from clawlaw.core.shell.kinds.network import source
from clawlaw.core.shell.run import Run
from clawlaw.core.shell.words import UNKNOWN, Word

PERMISSION_DIGITS = 3  # a fourth gives the rights of the file's owner
YQ_READERS = frozenset({
    "load", "load_str", "load_xml", "load_props", "load_base64", "env", "strenv",
    "envsubst", "$ENV", "system", "eval", "import", "include", "input_filename",
})  # fmt: skip
# Parts of the names of settings that hold credentials.
CREDENTIALS = (
    "kubeconfig",
    "auth",
    "token",
    "pass",
    "secret",
    "key",
    "cred",
    "cookie",
    "index-url",
)
# Filters of ffmpeg that neither read nor write files nor load libraries.
FILTERS = frozenset({
    "acopy", "acrossfade", "adelay", "aecho", "afade", "aformat", "alimiter", "amerge",
    "amix", "anull", "apad", "areverse", "aselect", "asetpts", "aresample", "asplit",
    "atempo", "atrim", "bass", "blackdetect", "boxblur", "channelmap", "channelsplit",
    "chromakey", "colorchannelmixer", "colorkey", "compand", "concat", "copy", "crop",
    "cropdetect", "drawbox", "drawgrid", "dynaudnorm", "eq", "equalizer", "fade", "fps",
    "format", "framerate", "gblur", "hflip", "highpass", "hqdn3d", "hstack", "hue",
    "idet", "loop", "loudnorm", "lowpass", "minterpolate", "mpdecimate", "negate",
    "null", "overlay", "pad", "palettegen", "paletteuse", "pan", "reverse", "rotate",
    "scale", "select", "setdar", "setpts", "setsar", "showspectrumpic", "showwaves",
    "showwavespic", "silencedetect", "silenceremove", "split", "thumbnail", "tile",
    "tpad", "transpose", "treble", "trim", "unsharp", "vflip", "volume", "volumedetect",
    "vstack", "xfade", "xstack", "yadif", "zoompan",
})  # fmt: skip
WORD = frozenset(ascii_letters + digits + "_+-,")
VERSION = WORD | frozenset(".~<>=!")
# Verbs of a chain whose words are a program, or names of files and programs.
VERBS_THAT_RUN = frozenset({
    "put", "filter", "tee", "split", "case", "exec", "summary", "nothing", "then",
})  # fmt: skip
REDIS_READS = frozenset({
    "ping", "info", "get", "mget", "keys", "scan", "exists", "ttl", "type", "dbsize",
    "hget", "hgetall", "hkeys", "lrange", "llen", "smembers", "scard", "zrange",
    "zcard", "strlen", "xlen", "xrange", "time",
})  # fmt: skip


def mode(run: Run, word: Word) -> None:
    """A mode of chmod: whether it makes executable, and what nobody should grant."""
    text = word.text
    if not word.known:
        run.context.opaque("mode is not known", text)
        run.executable = True
    elif text.isascii() and text.isdigit():
        digits = text.lstrip("0") or "0"
        shared = int(digits[-1]) & 2  # others may write
        if len(digits) > PERMISSION_DIGITS or shared:
            run.context.opaque("mode grants rights of the owner, or to everyone", text)
        if text.zfill(PERMISSION_DIGITS)[-PERMISSION_DIGITS] in "0123":
            run.context.opaque("mode takes the file from its owner", text)
        run.executable = any(digit in "1357" for digit in digits)
    else:
        for clause in text.split(","):
            _clause(run, clause)


def _clause(run: Run, clause: str) -> None:
    who, _, taken = clause.partition("-")
    lost = "r" in taken or clause.endswith("=")
    if lost and (not who or not {"u", "a"}.isdisjoint(who)):
        run.context.opaque("mode takes the file from its owner", clause)
    start = min((clause.find(c) for c in "+=" if c in clause), default=-1)
    if start < 0:
        return
    who, granted = clause[:start], clause[start:]
    run.executable = run.executable or "x" in granted or "X" in granted
    everyone = "w" in granted and ("o" in who or "a" in who)
    if everyone or "s" in granted or not set(clause) <= set("ugoarwxXst+-="):
        run.context.opaque("mode grants rights of the owner, or to everyone", clause)


def setting(run: Run, word: Word) -> None:
    """A name is read; `name=value` changes something of the machine."""
    if ".." in word.text or word.text.startswith(("/", "~")):
        # The name is a path below /proc/sys, and may lead out of it.
        run.context.opaque("setting is named by a path", word.text)
    if not word.known or "=" in word.text:
        run.effects.append(SystemChange("kernel", word.text))


def size(run: Run, word: Word) -> None:
    """How large a file becomes: beyond any ordinary one it fills the disk."""
    if endless.too_large(word.text):
        run.context.opaque("size fills the file system", word.text)


def linker(run: Run, word: Word) -> None:
    """Flags of go's linker, some of which name a program that it starts."""
    flags = [flag.strip("'\"") for flag in word.text.replace("=", " ").split()]
    for flag, value in zip(flags, [*flags[1:], ""], strict=True):
        name = "-" + flag.lstrip("-") if flag.startswith("-") else ""
        own = name == "-extldflags" and value == "-static"
        if name.startswith("-ext") and not own:
            run.context.opaque("linker flag names a program", word.text)


def replacement(run: Run, word: Word) -> None:
    """`module=other`: a directory in the place of a module is code of the build."""
    value = word.text.rpartition("=")[2]
    if not word.known or value.startswith(("/", "~")) or "../.." in value:
        run.context.opaque("module is taken from another place", word.text)


def config_key(run: Run, word: Word) -> None:
    """A setting of a package manager; some hold what it signs in with."""
    text = word.text.lower()
    if not word.known or any(part in text for part in CREDENTIALS):
        run.context.opaque("setting may hold a credential", word.text)


def inspected(run: Run, word: Word) -> None:
    """A template of docker inspect: fields of a container without its environment."""
    text = word.text
    fields = text.replace("{", " ").replace("}", " ").replace("|", " ").split()
    whole = [field for field in fields if field in {".", "$", ".Config", "$.Config"}]
    if not word.known or whole or text == "json" or "env" in text.lower():
        run.effects.append(EnvironmentRead())


def passphrase(run: Run, word: Word) -> None:
    """Where openssl takes a password from."""
    where, _, value = word.text.partition(":")
    if where == "file":
        read(run, Word(value))
    elif where == "env":
        run.effects.append(EnvironmentRead((value,)))


def layout(run: Run, word: Word) -> None:
    """How kubectl prints: some forms take a template from a file."""
    form, _, value = word.text.partition("=")
    if form.endswith("-file") or form == "templatefile":
        read(run, Word(value))


def manifest_field(run: Run, word: Word) -> None:
    """`key=value` of package.json; scripts of an installation run unasked."""
    key = word.text.partition("=")[0]
    hooks = ("install", "prepare", "publish", "prepack", "postpack", "version", "[")
    if not word.known or (key.startswith("scripts") and any(h in key for h in hooks)):
        run.context.opaque("script that runs when packages are installed", word.text)


def yq(run: Run, word: Word) -> None:
    """An expression of yq: without functions that read files or the environment."""
    if not word.known or not YQ_READERS.isdisjoint(_names(word.text)):
        run.context.opaque("expression is not known to be pure", word.text)


def _names(text: str) -> Iterator[str]:
    """Names in an expression that are no keys (`.name`)."""
    name, before = "", ""
    for char in text + " ":
        if char.isalnum() or char in "_$":
            name += char
            continue
        if name and before != ".":
            yield name
        name, before = "", char


def word(run: Run, value: Word) -> None:
    """A name out of a list of the program's own: no path, address or code."""
    if not value.known or not value.text or not set(value.text) <= WORD:
        run.context.opaque("value is not a plain name", value.text)


def version(run: Run, value: Word) -> None:
    """A version, with its name or condition: no path and no address."""
    if not value.known or not set(value.text) <= VERSION or ".." in value.text:
        run.context.opaque("value is not a plain version", value.text)


def verb(run: Run, word: Word) -> None:
    """A word of a chain of verbs: some would run a program, others are files."""
    if not word.known or word.text in VERBS_THAT_RUN or set(word.text) & set("(){}$|;"):
        run.context.opaque("verb is a program of its own", word.text)
    else:
        read(run, word)


def plain(run: Run, word: Word) -> None:
    """Text of a picture program: with an `@` in front it would name a file."""
    if word.text.startswith(("@", UNKNOWN)):
        run.context.opaque("text may be taken from a file", word.text)


def compiled(run: Run, word: Word) -> None:
    """A file for a compiler; with an `@` in front it holds further arguments."""
    if word.text.startswith("@"):
        run.context.opaque("arguments come from a file", word.text)
    elif word.text == "-":
        run.context.opaque("what it compiles may take in any file", word.text)
    else:
        read(run, word)


def media(run: Run, word: Word) -> None:
    """What ffmpeg reads: a file, or an address; other protocols join and cut files."""
    if ":" in word.text and "://" not in word.text:
        run.context.opaque("input is not plainly a file", word.text)
    else:
        source(run, word)


def page(run: Run, word: Word) -> None:
    """A page of the manual by its name, or a file."""
    if "/" in word.text or word.text.startswith("~"):
        read(run, word)


def video_filter(run: Run, word: Word) -> None:
    """Filters of ffmpeg: some read files that they name."""
    text = word.text
    names = set()
    for part in text.replace(";", ",").split(","):
        bare = part.strip()
        while bare[:1] == "[":  # labels of the streams that it takes
            bare = bare.partition("]")[2]
        names.add(bare.partition("=")[0].partition("[")[0].strip())
    plain = word.known and not set(text) & set("\\'\"/") and "file" not in text
    if not plain or not names <= FILTERS:
        run.context.opaque("filter is not known to be pure", text)


def redis(run: Run, word: Word) -> None:
    """A command of redis: those that only read, and the others."""
    name = word.text.lower()
    if name in REDIS_READS:
        run.effects.append(ServiceRead("redis", name))
    else:
        run.effects.append(ServiceChange("redis", name or "commands"))


def _is_file(run: Run, word: Word) -> bool:
    """Whether a picture's name has no prefix that means more than a file."""
    text = word.text
    if any(mark in text for mark in ":@|") or not (
        word.known or word.glob or word.within
    ):
        run.context.opaque("operand is not plainly a file", text)
        return False
    return text != "-"


def picture_in(run: Run, word: Word) -> None:
    """A picture that is read."""
    if _is_file(run, word):
        read(run, word)


def picture(run: Run, word: Word) -> None:
    """A picture that is written, or read and written."""
    if _is_file(run, word):
        write(run, word)
