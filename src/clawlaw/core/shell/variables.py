"""Variables that mean something to the shell or to programs.

Source: GNU Bash manual 5.3, Shell Variables; ld.so(8); gitenvironment(7).
"""

from typing import TYPE_CHECKING

from clawlaw.core.shell.settings import shows
from clawlaw.core.shell.words import Word
from clawlaw.core.shell.world import World

if TYPE_CHECKING:
    from clawlaw.core.shell.walk import Walk

# Assigned, they change how later words are read, or which code programs load: the
# executor's environment has them, or the shell acts on them.
_SPECIAL = frozenset({
    "ALL_PROXY", "BROWSER", "CDPATH", "EDITOR", "ENV", "EXECIGNORE", "FCEDIT",
    "FIGNORE",
    "FTP_PROXY", "FUNCNEST", "GLOBIGNORE", "HISTFILE", "HOME", "HTTPS_PROXY",
    "HTTP_PROXY", "IFS", "INPUTRC", "LOGNAME", "MAILCHECK", "MAILPATH", "NO_PROXY",
    "OLDPWD", "PAGER", "PATH", "POSIXLY_CORRECT", "PROMPT_COMMAND", "PS0", "PS1", "PS2",
    "PS4", "PWD", "SHELL", "SHELLOPTS", "TIMEFORMAT", "TMPDIR", "USER", "VISUAL",
    "all_proxy", "ftp_proxy", "http_proxy", "https_proxy", "no_proxy",
})  # fmt: skip
_SPECIAL_STARTS = ("BASH", "LD_", "DYLD_", "GIT_", "CLAWLAW", "SSH_")


def is_name(text: str) -> bool:
    """Whether a text is a variable's name and nothing that is evaluated."""
    return text.isascii() and text.isidentifier()


def is_special(name: str) -> bool:
    """Whether assigning a variable changes more than the variable."""
    return name in _SPECIAL or name.startswith(_SPECIAL_STARTS)


def is_key(world: World, name: str, index: str) -> bool:
    """Whether a subscript is text of a map, and nothing in it is run or counted."""
    plain = index.removeprefix("$")
    return name in world.maps and plain.isascii() and plain.isidentifier()


def assign(walk: "Walk", world: World, name: str, value: Word) -> World:
    """A world where the text has assigned a variable."""
    if (is_special(name) and not shows(name, value)) or not is_name(name):
        walk.opaque("a variable that changes what later words do", name)
    if name in world.fixed:
        walk.opaque("a variable that cannot be assigned again", name)
    return world.bind(name, value)


def export(walk: "Walk", world: World, name: str) -> World:
    """A world where programs see a variable; their profiles judge it."""
    if is_special(name) and not shows(name, world.variables.get(name)):
        walk.opaque("a variable that changes what programs do", name)
    return world.but(exported=world.exported | {name})


def environment(
    world: World, given: list[tuple[str, Word]]
) -> tuple[tuple[str, Word], ...]:
    """What a program sees besides the executor's environment."""
    if not world.exported:
        return tuple(given)
    inherited = [
        (name, world.variables[name])
        for name in sorted(world.exported)
        if name in world.variables
    ]
    return (*inherited, *given)
