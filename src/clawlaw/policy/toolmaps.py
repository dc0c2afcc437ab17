"""Tool maps: what the tools of a client do, from documents to the core's form."""

from clawlaw.core.toolmap import ToolMapError, ToolSpec, check
from clawlaw.policy.document import ToolsDocument
from clawlaw.policy.source import Source


def read_tools(documents: list[tuple[ToolsDocument, Source]]) -> dict[str, ToolSpec]:
    """Tools by name.

    Raises:
        PolicyError: A tool that stands twice, or whose effects cannot be made.
    """
    found: dict[str, ToolSpec] = {}
    for document, source in documents:
        for name, spec in document.tools.items():
            names = (name, *spec.also)
            twice = [n for i, n in enumerate(names) if n in found or n in names[:i]]
            if twice:
                raise source.error(("tools", name), f"tool {twice[0]!r} stands twice")
            try:
                check(name, spec)
            except ToolMapError as error:
                raise source.error(("tools", name), str(error)) from error
            found.update(dict.fromkeys(names, spec))
    return found
