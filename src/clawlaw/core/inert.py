"""Which written text holds no code, by its name and its first bytes.

Nothing here is a guess about content: a name is only listed where programs read such
files as prose or data and where none runs them.
"""

_DATA = frozenset({
    "adoc", "asc", "bib", "csv", "geojson", "jsonl", "log", "markdown", "md",
    "ndjson", "po", "pot", "rst", "srt", "text", "tsv", "txt", "vtt",
})  # fmt: skip
# Data, except under names that tools take orders from.
_CONFIGURED = frozenset({"json", "xml", "yaml", "yml", "toml"})
_DATA_FOLDERS = frozenset({"data", "fixtures", "docs", "testdata", "locales", "i18n"})
# Prose that build tools and agents take orders from.
_ORDERS = frozenset({
    "agents.md", "claude.md", "cmakelists.txt", "gemini.md", "requirements.txt",
    "skill.md", "copilot-instructions.md", "constraints.txt", "robots.txt",
})  # fmt: skip


def is_inert(path: str, text: str) -> bool:
    """Whether a file of this path with this whole text can hold no code.

    Args:
        path: Absolute.
        text: Everything that will stand in the file.
    """
    *folders, name = path.lower().split("/")
    stem, dot, suffix = name.rpartition(".")
    if not dot or not stem or text.startswith("#!") or name in _ORDERS:
        return False
    if any(folder.startswith(".") and folder not in {".", ".."} for folder in folders):
        return False
    if suffix in _DATA:
        return not (name.startswith("requirements") and suffix == "txt")
    return suffix in _CONFIGURED and not _DATA_FOLDERS.isdisjoint(folders)
