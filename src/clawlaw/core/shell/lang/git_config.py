"""Which settings of git are harmless: all others may name programs, files or hosts.

Source: git 2.51, git-config manual page.
"""

from typing import Final

from clawlaw.core.shell.lang.options import names

HARMLESS: Final = names(
    "user.name user.email core.quotepath core.autocrlf core.eol core.filemode"
    " core.ignorecase core.abbrev core.precomposeunicode core.whitespace"
    " core.longpaths core.safecrlf core.logallrefupdates core.compression"
    " commit.gpgsign tag.gpgsign init.defaultbranch pull.rebase pull.ff"
    " push.default push.autosetupremote push.followtags fetch.prune"
    " fetch.prunetags merge.ff merge.conflictstyle rebase.autostash"
    " rebase.autosquash rebase.updaterefs rerere.enabled rerere.autoupdate"
    " diff.algorithm diff.renames diff.renamelimit diff.colormoved diff.context"
    " diff.mnemonicprefix diff.noprefix diff.submodule diff.wserrorhighlight"
    " merge.renamelimit log.date log.decorate log.abbrevcommit log.showsignature"
    " format.pretty status.short status.branch status.showuntrackedfiles gc.auto"
    " gc.autodetach help.autocorrect column.ui branch.sort tag.sort"
    " feature.manyfiles index.version pack.threads pack.windowmemory"
    " http.lowspeedlimit http.lowspeedtime http.postbuffer"
    " maintenance.auto commit.verbose stash.showpatch blame.date"
)
FALSE_ONLY: Final = frozenset({"commit.gpgsign", "tag.gpgsign", "log.showsignature"})
NO_PROGRAM: Final = {
    "core.pager": frozenset({"cat", ""}),
    "core.editor": frozenset({"true", ":"}),
    "sequence.editor": frozenset({"true", ":"}),
    "core.fsmonitor": frozenset({"false", ""}),
    "core.hookspath": frozenset({"/dev/null"}),
    "help.autocorrect": frozenset({"0", "never", "prompt", "false", "off"}),
    "credential.helper": frozenset({""}),
    "diff.external": frozenset({""}),
}
FALSE: Final = frozenset({"false", "no", "off", "0"})


def harmless(key: str, value: str | None) -> bool:
    """Whether a setting starts no program and leads to no other place.

    Args:
        key: As written; section and name are compared in lower case.
        value: `None` where it is not known.
    """
    section, _, name = key.lower().rpartition(".")
    key = key.lower()
    if key in NO_PROGRAM:
        return value in NO_PROGRAM[key]
    if key in FALSE_ONLY:
        return value is not None and value.lower() in FALSE
    if key == "safe.directory":
        return value not in (None, "*")
    if section in ("color", "advice") or section.startswith("color."):
        return bool(name)
    return key in HARMLESS
