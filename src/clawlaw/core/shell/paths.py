"""Paths as text: joined, and at times without `..`, which links could contradict."""


def join(cwd: str, text: str) -> str:
    """Absolute path of a word, `..` kept; "" where the directory is not known."""
    if text.startswith("/"):
        return text
    if not cwd:
        return ""
    return f"{cwd}/{text}" if cwd != "/" else f"/{text}"


def normal(path: str) -> str:
    """An absolute path without `.`, `..` and empty parts, as `cd` reads it."""
    if "/." not in path and "//" not in path and path[-1:] != "/":
        return path
    kept: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if kept:
                kept.pop()
        elif part not in {"", "."}:
            kept.append(part)
    return "/" + "/".join(kept)


def common(one: str, two: str) -> str:
    """The deepest directory that holds both paths."""
    kept = []
    for left, right in zip(one.split("/"), two.split("/"), strict=False):
        if left != right:
            break
        kept.append(left)
    return "/".join(kept) or "/"
