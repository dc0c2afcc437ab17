"""find: the expression is read test by test; actions become effects.

What an action acts on is some path under a starting point: words that name it carry
that directory, the commands that they are given to are analysed like any other. Where
the expression lets only some names through, the directory is written with them, as
`/workspace/**/NAME`: deleting `__pycache__` everywhere is not deleting everything.

Source: GNU findutils 4.10 manual; POSIX.1-2024, find.
"""

from collections.abc import Sequence
from typing import Final

from clawlaw.core.actions import FileDelete, FileRead
from clawlaw.core.shell.lang import emit
from clawlaw.core.shell.lang.find_names import Names
from clawlaw.core.shell.lang.options import names
from clawlaw.core.shell.words import UNKNOWN, Context, Input, Invocation, Word

FAMILY: Final = "search"
MAX_PLACES: Final = 8  # starting points, by names, that a command is analysed for

BARE: Final = names(
    "! ( ) , -a -and -o -or -not -true -false -print -print0 -ls -prune -quit -depth -d"
    " -mount -xdev -noleaf -daystart -ignore_readdir_race -noignore_readdir_race -warn"
    " -nowarn -empty -executable -readable -writable -nouser -nogroup -help --help"
    " -version --version"
)
TESTS: Final = names(
    "-name -iname -path -ipath -wholename -iwholename -regex -iregex -lname -ilname"
    " -type -xtype -size -mtime -atime -ctime -mmin -amin -cmin -perm -user -group -uid"
    " -gid -links -inum -fstype -maxdepth -mindepth -regextype -printf -used -flags"
    " -newermt -newerat -newerct -newerBt -context"
)
REFERENCES: Final = names(
    "-newer -anewer -cnewer -samefile -newermm -newerma -newermc -neweram -neweraa"
    " -newerac -newercm -newerca -newercc"
)
# What these are given is the link itself, not what it leads to.
ON_LINKS: Final = names("ls readlink rm unlink echo printf basename dirname test [")
FILES: Final = names("-fprint -fprint0 -fls")
COMMANDS: Final = names("-exec -execdir -ok -okdir")
GLOBALS: Final = names("-P -O1 -O2 -O3 -E -X -s -x")


def judge(invocation: Invocation, context: Context) -> None:
    """Turn a find command into effects."""
    emit.start(invocation, context, FAMILY)
    _Reader(invocation, context).run()


class _Reader:
    __slots__ = (
        "context",
        "cwd",
        "follows",
        "index",
        "invocation",
        "links",
        "lists",
        "names",
        "starts",
        "words",
    )

    def __init__(self, invocation: Invocation, context: Context) -> None:
        self.invocation = invocation
        self.context = context
        self.words: Sequence[Word] = invocation.arguments
        self.cwd = invocation.cwd
        self.index = 0
        self.follows = False
        self.links = False  # nothing but symbolic links is found
        self.lists = True  # prints nothing but names
        self.starts: list[tuple[Word, str]] = []
        self.names = Names()

    def run(self) -> None:
        self._options()
        self._starting_points()
        self.names.read([word.text for word in self.words[self.index :]])
        while self.index < len(self.words):
            word = self.words[self.index]
            self.index += 1
            if not self._primary(word):
                emit.give_up(self.context, "find: not understood", word.text)
                return
        if self.lists and not self.follows:
            places = self._places()
            # A well-known name among the found ones stands for all of them.
            for _, path in places[-1:] if self.names.telling else places:
                self.context.lists(path)

    def _options(self) -> None:
        while self.index < len(self.words):
            text = self.words[self.index].text
            if text in ("-L", "-H"):
                self.follows = True
            elif text not in GLOBALS:
                return
            self.index += 1

    def _starting_points(self) -> None:
        begin = self.index
        while self.index < len(self.words):
            word = self.words[self.index]
            if word.text[:1] in ("-", "!", "(", ")", ",", ""):
                break
            if word.text[:1] == UNKNOWN and not word.within:
                break
            self.index += 1
            self._starting_point(word)
        if self.index == begin:
            self._starting_point(Word("."))

    def _starting_point(self, word: Word) -> None:
        place = self.context.place(word, self.cwd)
        if place is not None:
            self.context.emit(
                FileRead(place.path, glob=place.glob, recursive=True, what="list")
            )
            self.starts.append((word, place.path.removesuffix("/.") or "/"))

    def _places(self) -> list[tuple[Word, str]]:
        """Starting points with what is found below them; a pattern has none."""
        return [
            (word, below)
            for word, path in self.starts
            if not word.glob
            for below in self.names.below(path)
        ]

    def _primary(self, word: Word) -> bool:
        name = word.text
        if word.many or word.glob:
            return False
        if name in BARE:
            self.lists = self.lists and name != "-ls"
            return True
        if name in TESTS:
            self.lists = self.lists and name != "-printf"
            value = self._argument()
            if value is not None and name in ("-type", "-xtype", "-lname", "-ilname"):
                self.links = self.links or name[-4:] == "name" or "l" in value.text
            return value is not None
        if name in COMMANDS:
            return self._command(in_directory=name.endswith("dir"))
        if name == "-delete":
            self._delete()
        elif name == "-follow":
            self.follows = True
        else:
            return self._with_file(name)
        return True

    def _with_file(self, name: str) -> bool:
        file = self._argument() if name in REFERENCES | FILES | {"-fprintf"} else None
        if file is None:
            return False
        if name in REFERENCES:
            emit.read(self.context, file, self.cwd, what="attributes")
            return True
        emit.write(self.context, file, self.cwd)
        return name in FILES or self._argument() is not None

    def _argument(self) -> Word | None:
        """The next word, as the value of a test."""
        if self.index >= len(self.words):
            return None
        word = self.words[self.index]
        self.index += 1
        if word.glob:
            # An unquoted pattern: the shell may put names of files here.
            emit.read(self.context, word, self.cwd, what="list")
        return None if word.many else word

    def _delete(self) -> None:
        for word, path in self.starts:
            below = [path] if word.glob else self.names.below(path)
            for one in below:
                self.context.emit(FileDelete(one, glob=word.glob, recursive=True))
        if self.follows:
            emit.give_up(self.context, "find: deletes through links", "-delete")

    def _command(self, *, in_directory: bool) -> bool:
        words: list[Word] = []
        while self.index < len(self.words):
            word = self.words[self.index]
            self.index += 1
            if word.text == ";":
                return self._run(words, in_directory=in_directory)
            if word.text == "+" and words and words[-1].text == "{}":
                return self._run(words, in_directory=in_directory, many=True)
            words.append(word)
        return False

    def _run(
        self, words: list[Word], *, in_directory: bool, many: bool = False
    ) -> bool:
        self.lists = False
        places = self._places()
        patterns = len({path for _, path in places}) == 0
        if not words or len(places) > MAX_PLACES or (patterns and self.starts):
            return False
        if self.follows or (self.links and words[0].text not in ON_LINKS):
            emit.give_up(self.context, "find: acts through links", words[0].text)
        for start, path in places:
            inner = [
                _replace(word, start, path, in_directory=in_directory, many=many)
                for word in words
            ]
            self.context.run(
                Invocation(
                    program=inner[0],
                    arguments=inner[1:],
                    stdin=Input(),
                    piped=self.invocation.piped,
                    cwd="" if in_directory else self.cwd,
                )
            )
        return True


def _replace(
    word: Word, start: Word, path: str, *, in_directory: bool, many: bool
) -> Word:
    """Put a found path, which is not known, where `{}` stands."""
    text = word.text
    if "{}" not in text:
        return word
    found = "./" if in_directory else start.text.rstrip("/") + "/"
    if start.text[:1] == UNKNOWN:
        found = path.partition("/**/")[0].rstrip("/") + "/"
    # A suffix leads to something beside or below what was found.
    suffix = text.removeprefix("{}")
    inside = text.startswith("{}") and "{}" not in suffix and ".." not in suffix
    value = text.replace("{}", found + UNKNOWN)
    within = path if not suffix else path.partition("/**/")[0] or "/"
    return Word(value, many=many and not suffix, within=within if inside else "")
