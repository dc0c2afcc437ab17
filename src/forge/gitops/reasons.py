"""Every value that a chart is given has a reason: a comment at it or above it."""

from collections.abc import Iterator

import yaml


def unexplained(text: str) -> list[tuple[int, str]]:
    """Return the keys of a values file that no comment covers.

    A comment covers the key on its line, the key below it with everything inside, and
    the keys that follow on the next lines without a comment of their own in between,
    as long as they stand in the same mapping and no empty line ends the paragraph.

    Args:
        text: The file.

    Returns:
        Line, 1-based, and key, of each value without a reason.
    """
    node = yaml.compose(text)
    if not isinstance(node, yaml.MappingNode):
        return []
    return list(_mapping(node, text.split("\n")))


def _mapping(node: yaml.MappingNode, lines: list[str]) -> Iterator[tuple[int, str]]:
    is_covered = False
    previous = -1
    for key, value in node.value:
        line = key.start_mark.line
        above = lines[previous + 1 : line] if previous >= 0 else lines[:line]
        if _is_comment(lines, line - 1):
            is_covered = True
        elif any(not text.strip() for text in above[-1:]):
            is_covered = False
        own = "#" in lines[line].replace("# pin:", "")
        previous = value.end_mark.line - 1
        if is_covered or own:
            continue
        if isinstance(value, yaml.MappingNode) and value.value and not value.flow_style:
            inner = list(_mapping(value, lines))
            yield from inner
            continue
        yield line + 1, key.value


def _is_comment(lines: list[str], index: int) -> bool:
    return index >= 0 and lines[index].lstrip().startswith("#")
