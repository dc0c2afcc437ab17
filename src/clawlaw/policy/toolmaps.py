"""Tool maps: what the tools of a client do, from documents to the core's form."""

from typing import Any

from clawlaw.policy.document import ToolsDocument
from clawlaw.policy.source import Source


def read_tools(documents: list[tuple[ToolsDocument, Source]]) -> dict[str, Any]:
    """Tools by name.

    Raises:
        PolicyError: A tool that stands twice or is not understood.
    """
    found: dict[str, Any] = {}
    for document, source in documents:
        for name, spec in document.tools.items():
            if name in found:
                raise source.error(("tools", name), f"tool {name!r} stands twice")
            found[name] = spec
    return found
