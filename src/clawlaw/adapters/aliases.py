"""Tools of common clients as the tools that the gate knows.

The names of arguments are the gate's own business (:mod:`clawlaw.core.tools` takes
those that clients use); here are the names of tools, and the few tools that say what
they do in a form of their own (:mod:`clawlaw.adapters.readings`). A name that is not
listed stays as it is: it is a tool that the gate knows, one that a tool map teaches, or
unknown. `readFile`, `ReadFile` and `read-file` are three styles of one name; nothing
else is guessed from a name that only looks like another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec import structs

from clawlaw.adapters.readings import READINGS, Known
from clawlaw.core.actions import MAX_EFFECTS, Proposal
from clawlaw.core.spelling import snake
from clawlaw.core.tools import TOOLS


@dataclass(frozen=True, slots=True)
class Alias:
    """How one client's tool reads.

    Attributes:
        tool: The gate's name.
        names: The gate's argument by the client's, where the gate does not know it.
        ignored: Arguments that change what is shown or noted, not what is done.
        refused: Arguments that ask for more than the call itself; false is nothing.
    """

    tool: str
    names: Mapping[str, str] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()


_TOLD = frozenset({"explanation", "instruction", "summary", "tool_summary", "goal"})
_SHELL = _TOLD | {
    "blocking", "is_input", "login", "max_output_tokens", "requires_approval",
    "restart", "safe_to_auto_run", "security_risk", "wait", "wait_ms_before_async",
    "yield_time_ms",
}  # fmt: skip
# Out of the sandbox, or with more rights: never a matter of how the answer is shown.
_MORE = frozenset(
    {"dangerously_disable_sandbox", "with_escalated_permissions", "unsandboxed"}
)
_READ = _TOLD | {
    "cell_id", "depth", "end_line_number_base_zero", "end_line_number_base_one",
    "end_line_one_indexed", "end_line_one_indexed_inclusive", "head", "ignore",
    "line_range", "max_depth", "pages", "recursive", "respect_git_ignore",
    "should_read_entire_file", "show_hidden", "start_line_number_base_one",
    "start_line_number_base_zero", "start_line_one_indexed", "tail", "view_full_file",
}  # fmt: skip
_WRITE = _TOLD | {"empty_file", "line_count"}
_EDIT = _TOLD | {
    "allow_multiple", "blocking", "cell_id", "cell_index", "cell_language",
    "cell_idx", "cell_number", "cell_type", "code_markdown_language", "dry_run",
    "edit_mode", "is_new_cell", "line", "target_lint_error_ids",
}  # fmt: skip
_SEARCH = _TOLD | {
    "case_sensitive", "exclude_patterns", "is_regex", "is_regexp", "match_per_line",
    "max_depth", "respect_git_ignore", "search_type", "show_line_numbers",
}  # fmt: skip
_PATHS = dict.fromkeys(
    (
        "absolute_path", "dir_path", "directory_path", "folder_path", "notebook_path",
        "relative_path", "relative_workspace_path", "target_directory",
        "target_notebook",
    ),
    "path",
)  # fmt: skip
_SHELL_NAMES = {"command_line": "command", "command_string": "command"}
_WRITE_NAMES = {**_PATHS, "code_content": "content"}
_EDIT_NAMES = {
    **_PATHS,
    **dict.fromkeys(
        ("code", "code_edit", "diff", "new_code", "new_content", "new_source"), "new"
    ),
    **dict.fromkeys(("old_code", "old_content"), "old"),
}
_SEARCH_NAMES = {
    **_PATHS,
    **dict.fromkeys(("include", "includes", "include_globs", "file_glob"), "glob"),
    **dict.fromkeys(("search_directory", "search_path"), "path"),
}

SHELL = Alias("exec", _SHELL_NAMES, _SHELL, _MORE)
READ = Alias("read", {**_PATHS, "directory": "path", "dir": "path"}, _READ)
WRITE = Alias("write", _WRITE_NAMES, _WRITE)
EDIT = Alias("edit", _EDIT_NAMES, _EDIT)
DELETE = Alias("delete", _PATHS, _TOLD)
SEARCH = Alias("search", _SEARCH_NAMES, _SEARCH)
FETCH = Alias("fetch", {}, _TOLD)

# In the form of :func:`snake`, which the name of a call is brought to.
ALIASES: Mapping[str, Alias] = {
    **dict.fromkeys(
        (
            "bash", "bash_tool", "container.exec", "container_exec", "exec_command",
            "execute_bash", "execute_command", "execute_shell", "execute_shell_command",
            "execute_terminal_command", "run_bash", "run_bash_command",
            "run_command", "run_in_terminal", "run_shell", "run_shell_command",
            "run_terminal_cmd", "run_terminal_command", "shell", "shell_command",
            "shell_exec", "terminal", "terminal_command",
        ),
        SHELL,
    ),
    **dict.fromkeys(
        (
            "LS", "cat_file", "file_read", "get_file_content", "get_file_contents",
            "list_dir", "list_directory", "list_files", "list_folder", "ls",
            "notebook_read", "open_file", "read_file", "read_files", "read_notebook",
            "read_text_file", "view", "view_file", "view_image",
        ),
        READ,
    ),
    **dict.fromkeys(
        (
            "create_file", "create_new_file", "file_write", "save_file", "write_file",
            "write_to_file",
        ),
        WRITE,
    ),
    **dict.fromkeys(
        (
            "apply_diff", "edit_file", "edit_notebook", "file_edit",
            "insert_content", "insert_edit_into_file", "modify_file", "multi_edit",
            "notebook_edit", "replace", "replace_in_file", "replace_string_in_file",
            "search_replace",
            "str_replace", "update", "update_file",
        ),
        EDIT,
    ),
    **dict.fromkeys(("delete_file", "file_delete", "remove_file"), DELETE),
    **dict.fromkeys(
        (
            "codebase_search", "code_search", "grep", "grep_files", "grep_search",
            "ripgrep", "search_file_content", "search_files", "search_in_files",
            "semantic_search", "text_search",
        ),
        SEARCH,
    ),
    **dict.fromkeys(
        (
            "fetch_content", "fetch_url", "get_url", "http_request", "read_url",
            "read_url_content", "url_fetch", "web_fetch",
        ),
        FETCH,
    ),
}  # fmt: skip


def in_known_words(proposal: Proposal) -> Proposal:
    """The same call in the gate's words; one that is not listed as it came.

    Args:
        proposal: With the tool and the arguments of a client.

    Returns:
        A proposal that says no less: every file that the client's call names is in the
        arguments or among the declared effects.
    """
    call = known(proposal.tool, proposal.arguments, proposal.cwd)
    if call is None or len(proposal.effects) + len(call.effects) > MAX_EFFECTS:
        return proposal
    return structs.replace(
        proposal,
        tool=call.tool,
        arguments=call.arguments,
        effects=proposal.effects + call.effects,
    )


def known(tool: str, arguments: Mapping[str, Any], cwd: str) -> Known | None:
    """A client's call in the gate's words; `None`: it stays as it is."""
    name = snake(tool)
    if name in READINGS:
        return READINGS[name](_spelled(arguments), cwd)
    alias = ALIASES.get(name)
    if alias is None:
        # A tool of the gate in another style: the arguments are what it knows.
        return Known(name, dict(arguments)) if name in TOOLS and name != tool else None
    said: dict[str, Any] = {}
    for given, value in arguments.items():
        word = snake(given)
        if word in alias.refused and value is not False and value is not None:
            return None
        if word in alias.refused | alias.ignored and not isinstance(value, dict):
            continue
        target = alias.names.get(word, word)
        if target in said:  # two names for one thing: which one counts is not known
            return None
        said[target] = value
    return Known(alias.tool, said)


def _spelled(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Arguments in snake case; as they are where two would become one."""
    said = {snake(name): value for name, value in arguments.items()}
    return said if len(said) == len(arguments) else arguments
