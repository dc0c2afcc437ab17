"""Which names the expression of find lets through, as far as that is plain to see.

Plain is: tests that all must hold, among them one of a name; or one group of names, of
which one must hold. Any other `or` or list, and everything may be found.
"""

from typing import Final

from clawlaw.core.shell.lang.options import names
from clawlaw.core.shell.words import UNKNOWN

OF_NAME: Final = names("-name -iname -path -ipath -wholename -iwholename")
LIMITS: Final = names(
    "-empty -mtime -atime -ctime -mmin -amin -cmin -size -newermt -newer -nouser"
)
WHOLE: Final = "\0"  # in front of a pattern that is for the whole path
OR: Final = names("-o -or ,")
NOT: Final = names("! -not")
ACTIONS: Final = names("-exec -execdir -ok -okdir -delete -print -print0")

# Names that a policy treats on their own: credentials, and what git runs.
TELLING: Final = (
    (
        ".env",
        ".env.local",
        "id_rsa",
        "id_ed25519",
        ".netrc",
        ".git-credentials",
        ".npmrc",
        "credentials.json",
    ),
    (".git/hooks/pre-commit", ".git/hooks/post-checkout", ".git/config"),
)


class Names:
    """Patterns of names that are found.

    Attributes:
        patterns: One of them fits; empty: not limited by name.
        some: Limited otherwise, by age, size or emptiness, or to symbolic links.
        telling: The last patterns are well-known names that the others let through.
    """

    __slots__ = ("patterns", "some", "telling")

    def __init__(self) -> None:
        """Begin without a limit."""
        self.patterns: list[str] = []
        self.some = False
        self.telling = False

    def read(self, expression: list[str]) -> None:
        """Look at the tests before the first action that acts."""
        cut = next((i for i, t in enumerate(expression) if t in ACTIONS), None)
        tests = expression if cut is None else expression[:cut]
        if any(text in OR for text in expression[len(tests) :]):
            return
        index, negated = 0, False
        found: list[str] = []
        while index < len(tests):
            text = tests[index]
            group, size = _names_at(tests, index)
            if size < 0:
                return
            if not negated:
                found = group or found
                self.some = self.some or text in LIMITS or _links(tests, index)
            negated = text in NOT
            index += size
        if all(_plain(pattern) for pattern in found):
            self.patterns = [_below(pattern) for pattern in found]
            more = _telling(found)
            self.telling = bool(more)
            self.patterns += more

    def below(self, start: str) -> list[str]:
        """Paths of what is found below a directory."""
        base = start.rstrip("/")
        if self.patterns:
            return [f"{base}/**/{pattern}" for pattern in self.patterns]
        return [f"{base}/**"] if self.some else [start]


def _links(words: list[str], index: int) -> bool:
    """Whether the test here lets nothing but symbolic links through."""
    return words[index] in ("-type", "-xtype") and words[index + 1 : index + 2] == ["l"]


def _names_at(words: list[str], index: int) -> tuple[list[str], int]:
    """Names that the test here demands, and its words; -1: it cannot be told."""
    text = words[index]
    if text in OR or text == ")":
        return [], -1
    if text == "(":
        group, size = _group(words[index + 1 :])
        return group, size + 1 if size else -1
    if text in OF_NAME and index + 1 < len(words):
        return [_marked(text, words[index + 1])], 2
    return [], 1


def _group(words: list[str]) -> tuple[list[str], int]:
    """Names of `-name A -o -name B )`, and how many words that is; 0: it is not."""
    found: list[str] = []
    index = 0
    while index < len(words) and words[index] != ")":
        if words[index] not in OF_NAME or index + 1 >= len(words):
            return [], 0
        found.append(_marked(words[index], words[index + 1]))
        index += 2
        if index < len(words) and words[index] in ("-o", "-or"):
            index += 1
            if index < len(words) and words[index] == ")":
                return [], 0
        elif index < len(words) and words[index] != ")":
            return [], 0
    return (found, index + 1) if index < len(words) and found else ([], 0)


def _plain(pattern: str) -> bool:
    """Whether a pattern says more than that there is a name."""
    letters = pattern.replace("*", "").replace("?", "").strip("./" + WHOLE)
    return bool(letters) and UNKNOWN not in pattern and ".." not in pattern


def _marked(test: str, pattern: str) -> str:
    return pattern if test in ("-name", "-iname") else WHOLE + pattern


def _telling(patterns: list[str]) -> list[str]:
    """Well-known names that patterns let through without saying so."""
    found: list[str] = []
    for kind in TELLING:
        fits = [path for path in kind for p in patterns if _lets_through(p, path)]
        found += fits[:1]
    return found


def _lets_through(pattern: str, path: str) -> bool:
    last = pattern[-1:].lower()
    if last not in "*?]" and last != path[-1]:
        return False  # most patterns end in a letter that settles it
    if pattern[0] == WHOLE:  # its stars go through slashes
        return matches(pattern[1:], f"./{path}") and path not in pattern
    name = path.rpartition("/")[2]
    return matches(pattern, name) and pattern != path


def matches(pattern: str, name: str) -> bool:
    """Whether a name fits a pattern, letter case aside.

    A bracket fits every character: rather one name too many than one too few.
    """
    pattern, name = pattern.lower(), name.lower()
    places = {0}  # of the pattern, up to which the name so far may have come
    for character in [*name, ""]:
        reached: set[int] = set()
        todo = list(places)
        while todo:
            place = todo.pop()
            if place == len(pattern):
                if not character:
                    return True
                continue
            wanted, after = _wanted(pattern, place)
            if wanted == "*":
                if character:
                    reached.add(place)
                todo.append(after)
            elif character and wanted in ("?", "[", character):
                reached.add(after)
        places = reached
    return False


def _wanted(pattern: str, place: int) -> tuple[str, int]:
    """What a pattern wants at a place, and where it goes on."""
    character = pattern[place]
    if character == "\\" and place + 1 < len(pattern):
        return pattern[place + 1], place + 2
    if character == "[":
        end = pattern.find("]", place + 2)
        return ("[", end + 1) if end > 0 else ("[", len(pattern))
    return character, place + 1


def _below(pattern: str) -> str:
    return pattern.removeprefix(WHOLE).removeprefix("./").removeprefix("*/").lstrip("/")
