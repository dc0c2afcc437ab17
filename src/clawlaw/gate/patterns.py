"""Shell patterns against a tree, as bash expands them, within bounds.

Source: Bash Reference Manual, "Filename Expansion" and "Pattern Matching", with the
options of the executor's shell: no extglob, no globstar, no nullglob, no dotglob.
"""

from clawlaw.gate.resolve import (
    BehindFileError,
    Directory,
    Origin,
    UnresolvedError,
    Walk,
)

MAX_LOOKED = 20_000  # names of one pattern
MAX_MATCHES = 2_000
MAX_STARS = 16  # of one name: the matcher works on each of them


class _Budget:
    """How many names may still be looked at."""

    def __init__(self) -> None:
        self.left = MAX_LOOKED

    def names(self, directory: Directory) -> list[str]:
        found = directory.names(self.left)
        self.left -= len(found)
        return found


def expand(root: Directory, pattern: str, origin: Origin) -> tuple[str, ...] | None:
    """Paths that an absolute pattern stands for.

    Returns:
        Sorted; the pattern itself where nothing matches, as the shell passes it on;
        `None` where it matches too much or could not be looked at.
    """
    if not pattern.startswith("/"):
        return None
    budget = _Budget()
    paths = [""]
    try:
        for part in [p for p in pattern.split("/") if p]:
            paths = _step(root, paths, part, origin, budget)
        if is_literal(pattern.strip("/").rpartition("/")[2]):
            # Names behind a pattern are kept where they exist.
            paths = [p for p in paths if _exists(root, p, origin)]
    except UnresolvedError:
        return None
    return tuple(sorted(paths)) or (unescape(pattern),)


def _step(
    root: Directory, paths: list[str], part: str, origin: Origin, budget: _Budget
) -> list[str]:
    if is_literal(part):
        return [f"{path}/{unescape(part)}" for path in paths]
    found: list[str] = []
    for path in paths:
        names = _listed(root, path or "/", origin, budget)
        if part.startswith(".") and names:
            names = [".", "..", *names]  # older shells match them
        found.extend(f"{path}/{name}" for name in names if matches(part, name))
        if len(found) > MAX_MATCHES:
            raise UnresolvedError("too many matches")
    return found


def _listed(root: Directory, path: str, origin: Origin, budget: _Budget) -> list[str]:
    with Walk(root) as walk:
        try:
            walk.go(path, origin)
        except BehindFileError:
            return []
        return [] if walk.here is None else budget.names(walk.here)


def _exists(root: Directory, path: str, origin: Origin) -> bool:
    with Walk(root) as walk:
        try:
            return walk.go(path, origin).kind != "absent"
        except BehindFileError:
            return False


def is_literal(part: str) -> bool:
    """Whether a name has nothing that a shell would expand."""
    skip = False
    for char in part:
        if skip:
            skip = False
        elif char == "\\":
            skip = True
        elif char in "*?[":
            return False
    return True


def unescape(part: str) -> str:
    """A literal name without its backslashes."""
    out, skip = [], False
    for char in part:
        if char == "\\" and not skip:
            skip = True
        else:
            out.append(char)
            skip = False
    return "".join(out)


def matches(pattern: str, name: str) -> bool:
    """Whether a name fits a pattern, both without slashes.

    Raises:
        UnresolvedError: The pattern has what only a shell would tell.
    """
    if name.startswith(".") and not pattern.startswith((".", "\\.")):
        return False
    tokens = _tokens(pattern)
    if sum(token is None for token in tokens) > MAX_STARS:
        raise UnresolvedError("pattern too wild")
    at, star, mark = 0, -1, 0
    i = 0
    while i < len(name):
        token = tokens[at] if at < len(tokens) else ()
        if token is None:
            star, mark = at, i
            at += 1
        elif token and _fits(token, name[i]):
            at += 1
            i += 1
        elif star >= 0:
            mark += 1
            at, i = star + 1, mark
        else:
            return False
    return all(token is None for token in tokens[at:])


type _Token = tuple[bool, tuple[tuple[str, str], ...]] | tuple[()]


def _fits(token: _Token, char: str) -> bool:
    if not token:
        return False
    wanted, ranges = token
    return wanted == any(low <= char <= high for low, high in ranges)


def _tokens(pattern: str) -> list[_Token | None]:
    """A token for each character class; `None` is a star."""
    tokens: list[_Token | None] = []
    i = 0
    while i < len(pattern):
        char = pattern[i]
        if char == "*":
            if not tokens or tokens[-1] is not None:
                tokens.append(None)
        elif char == "?":
            tokens.append((False, ()))
        elif char == "[":
            token, i = _bracket(pattern, i)
            tokens.append(token)
        else:
            if char == "\\" and i + 1 < len(pattern):
                i += 1
                char = pattern[i]
            tokens.append((True, ((char, char),)))
        i += 1
    return tokens


def _bracket(pattern: str, start: int) -> tuple[_Token, int]:
    """A class in brackets and the index of its end."""
    i = start + 1
    wanted = True
    if pattern[i : i + 1] in {"!", "^"}:
        wanted = False
        i += 1
    end = pattern.find("]", i + 1)
    body = pattern[i:end]
    if end < 0 or not body or "[" in body or "\\" in body:
        raise UnresolvedError("pattern not understood")
    ranges: list[tuple[str, str]] = []
    k = 0
    while k < len(body):
        if body[k + 1 : k + 2] == "-" and k + 2 < len(body):
            # In most locales a range of letters takes the other case as well.
            low, high = body[k], body[k + 2]
            ranges += [(low, high), (low.lower(), high.lower())]
            ranges.append((low.upper(), high.upper()))
            k += 3
        else:
            ranges.append((body[k], body[k]))
            k += 1
    return (wanted, tuple(ranges)), end
