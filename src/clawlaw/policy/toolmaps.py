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
            if name in found:
                raise source.error(("tools", name), f"tool {name!r} stands twice")
            try:
                check(name, spec)
            except ToolMapError as error:
                raise source.error(("tools", name), str(error)) from error
            found[name] = spec
    return found
