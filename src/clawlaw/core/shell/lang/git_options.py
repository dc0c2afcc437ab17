"""Options of git's subcommands that are understood, as data.

Source: git 2.51 manual pages.
"""

from typing import Final

from clawlaw.core.shell.lang.options import Spec, spec

FORMAT: Final = (
    " --oneline --graph --stat --shortstat --numstat --summary --name-only"
    " --name-status"
    " -p -u --patch --no-patch -s --raw --patch-with-stat --color --no-color --decorate"
    " --no-decorate --abbrev-commit --no-abbrev-commit --no-abbrev --full-index -z"
    " --no-renames -w -b --ignore-all-space --ignore-space-change --ignore-space-at-eol"
    " --ignore-blank-lines --ignore-cr-at-eol --minimal --patience --histogram --check"
    " --cached --staged --merge-base -R --text -a --function-context -W --word-diff"
    " --color-words --compact-summary --no-prefix --relative --no-relative --cc -c -m"
    " --exit-code --quiet -q --no-ext-diff --no-textconv --pickaxe-all --pickaxe-regex"
    " --follow --binary --cumulative --show-signature --no-show-signature --notes"
    " --no-notes --ita-invisible-in-index --root --show-pulls -t -r --default-prefix"
)
FORMAT_VALUES: Final = (
    " --format --pretty --date --diff-filter -S -G -U --unified --inter-hunk-context"
    " --diff-algorithm --word-diff-regex --ws-error-highlight --submodule --line-prefix"
    " --src-prefix --dst-prefix --output --encoding -l -L --anchored"
)
FORMAT_OPTIONAL: Final = (
    " --stat --color --decorate --abbrev --word-diff --color-words --relative"
    " --color-moved -M -C -B --find-renames --find-copies --dirstat --ignore-submodules"
    " --pretty --notes --diff-merges"
)
HISTORY: Final = (
    " --all --branches --tags --remotes --merges --no-merges --first-parent --reverse"
    " --date-order --author-date-order --topo-order --left-right --left-only"
    " --right-only --cherry --cherry-pick --cherry-mark --boundary"
    " --simplify-by-decoration"
    " --full-history --dense --sparse -i --regexp-ignore-case -E --extended-regexp -F"
    " --fixed-strings --all-match --invert-grep --reflog -g --walk-reflogs --source"
    " --no-walk --full-diff --parents --children --ancestry-path --count --objects"
    " --no-mailmap --use-mailmap --log-size --pretty --verify --glob"
)
HISTORY_VALUES: Final = (
    " -n --max-count --skip --since --after --until --before --author --committer"
    " --grep"
    " --min-parents --max-parents --exclude --grep-reflog"
)
HISTORY_OPTIONAL: Final = " --branches --tags --remotes --no-walk --glob"


def _show(extra: str = "", values: str = "", optional: str = "") -> Spec:
    return spec(
        f"{FORMAT} {extra}",
        f"{FORMAT_VALUES} {values}",
        f"{FORMAT_OPTIONAL} {optional}",
        number=True,
    )


_LOG: Final = _show(HISTORY, HISTORY_VALUES, HISTORY_OPTIONAL)

# Commands that only tell, with nothing but their options to look at.
TELL: Final[dict[str, Spec]] = {
    "status": spec(
        "-s --short -b --branch -v --verbose -z --long --show-stash --ahead-behind"
        " --no-ahead-behind --renames --no-renames --ignored --porcelain",
        "",
        "--porcelain -u --untracked-files --ignored --ignore-submodules --column"
        " --find-renames",
    ),
    "log": _LOG,
    "whatchanged": _LOG,
    "shortlog": spec(
        "-s --summary -n --numbered -e --email -c --committer" + HISTORY,
        "--since --until --author --format --group",
        "-w",
    ),
    "rev-list": _LOG,
    "rev-parse": spec(
        "--verify --quiet -q --show-toplevel --git-dir --git-common-dir"
        " --is-inside-work-tree"
        " --is-inside-git-dir --is-bare-repository --show-prefix --show-cdup --symbolic"
        " --symbolic-full-name --all --branches --tags --absolute-git-dir --abbrev-ref"
        " --is-shallow-repository --show-object-format --local-env-vars --sq",
        "--git-path --default --prefix",
        "--short --abbrev-ref --path-format --branches --tags --remotes",
    ),
    "describe": spec(
        "--tags --always --long --all --contains --first-parent --exact-match --debug",
        "--match --exclude --candidates",
        "--dirty --broken --abbrev",
    ),
    "ls-files": spec(
        "-c --cached -d --deleted -m --modified -o --others -i --ignored -s --stage -u"
        " --unmerged -k --killed -z -t -v -f --full-name --exclude-standard --directory"
        " --no-empty-directory --error-unmatch --eol --deduplicate --recurse-submodules"
        " --sparse",
        "-x --exclude --format",
        "--abbrev",
    ),
    "ls-tree": spec(
        "-d -r -t -l --long -z --name-only --name-status --full-name --full-tree"
        " --object-only",
        "--format",
        "--abbrev",
    ),
    "archive": spec(
        "-v --verbose -l --list -0 -1 -9 --worktree-attributes",
        "--format --prefix -o --output --mtime",
    ),
    "symbolic-ref": spec("--short -q --quiet --recurse --no-recurse"),
    "name-rev": spec("--tags --all --name-only --always --no-undefined", "--refs"),
    "merge-base": spec("-a --all --octopus --is-ancestor --independent --fork-point"),
    "for-each-ref": spec(
        "--omit-empty --ignore-case",
        "--format --sort --count --points-at --exclude",
        "--merged --no-merged --contains --no-contains --color",
    ),
    "show-ref": spec(
        "--head --heads --tags --branches -d --verify -q -s --exists",
        "",
        "--hash --abbrev",
    ),
    "count-objects": spec("-v -H --verbose --human-readable"),
    "check-ignore": spec("-q -v -n --quiet --verbose --non-matching --no-index -z"),
    "check-attr": spec("-a --all --cached -z"),
    "reflog": _LOG,
    "cherry": spec("-v", "", "--abbrev"),
    "show-branch": spec("-a --all -r --list --sha1-name --current --topics"),
    "version": spec("--build-options"),
    "var": spec("-l"),
    "fsck": spec(
        "--full --no-dangling --unreachable --lost-found --strict --no-progress"
    ),
    "verify-pack": spec("-v --verbose -s --stat-only"),
    "range-diff": _show("--no-dual-color", "--creation-factor"),
    "diff-tree": _show("--stdin --no-commit-id --always -v"),
    "diff-index": _show(),
    "diff-files": _show(),
}

# Commands that print content of the files they are given.
PRINT: Final[dict[str, Spec]] = {
    "show": _LOG,
    "diff": _show("--no-index -0 -1 -2 -3 --base --ours --theirs"),
    "blame": spec(
        "-b -l -t -s -e -w -f -n -c --show-email --show-name --show-number --porcelain"
        " --line-porcelain --incremental --root --show-stats --minimal --first-parent",
        "-L --since --date --ignore-rev",
        "-M -C --abbrev",
    ),
    "cat-file": spec("-t -s -p -e --textconv --allow-unknown-type"),
    "grep": spec(
        "-a --text -i --ignore-case -w --word-regexp -v --invert-match -h -H"
        " --full-name"
        " -E --extended-regexp -G --basic-regexp -P --perl-regexp -F --fixed-strings -n"
        " --line-number --column -l --files-with-matches --name-only -L"
        " --files-without-match -z --null -c --count --color --no-color --break"
        " --heading -p --show-function -W --function-context -q --quiet --cached"
        " --untracked --no-index --exclude-standard --recurse-submodules --and --or"
        " --not"
        " --all-match -o --only-matching -r --recursive -I --textconv --no-textconv",
        "-e -A -B -C --after-context --before-context --context --max-depth"
        " --threads -m"
        " --max-count -f",
        "--color",
        number=True,
    ),
}
PRINT["annotate"] = PRINT["blame"]

# Commands that keep to the repository's own store: no file of the tree changes.
STORE: Final[dict[str, Spec]] = {
    "add": spec(
        "-A --all -u --update -v --verbose -n --dry-run -N --intent-to-add -f --force"
        " --no-all --ignore-errors --refresh --renormalize --ignore-removal --sparse"
        " -p --patch",
        "--chmod",
    ),
    "commit": spec(
        "-a --all --amend --no-edit -s --signoff --no-signoff -v --verbose -q --quiet"
        " --allow-empty --allow-empty-message -n --no-verify --verify --dry-run --short"
        " --porcelain --reset-author --no-status --status -i --include -o --only"
        " --no-gpg-sign --no-post-rewrite --long --branch -z",
        "-m --message -F --file -C --reuse-message --author --date --fixup --trailer"
        " --cleanup -t --template",
        "-u --untracked-files",
    ),
    "branch": spec(
        # Not -D: it forgets commits that no other branch has.
        "-a --all -r --remotes -v -vv --verbose -q --quiet -l --list -d --delete -m"
        " --move -M -c --copy -C -f --force --show-current --no-track --unset-upstream"
        " --no-color --no-column -i --ignore-case --create-reflog --omit-empty",
        "--sort --format --points-at -u --set-upstream-to",
        "--color --contains --no-contains --merged --no-merged --abbrev --column -t"
        " --track",
    ),
    "tag": spec(
        "-a --annotate -l --list -d --delete -f --force --no-sign -i --ignore-case"
        " --create-reflog --no-column --omit-empty",
        "-m --message -F --file --sort --format --points-at --cleanup",
        "-n --contains --no-contains --merged --no-merged --column --color",
    ),
    "notes": spec("-f --force --allow-empty -q -v", "-m --message -F --file --ref"),
    "update-index": spec(
        "--refresh -q --really-refresh --unmerged --ignore-missing --assume-unchanged"
        " --no-assume-unchanged --skip-worktree --no-skip-worktree",
        "--chmod",
    ),
    "pack-refs": spec("--all --prune --no-prune"),
    "hash-object": spec("-t -w --stdin --literally --no-filters", "--path"),
    "mktag": spec(""),
    "write-tree": spec(""),
    "rerere": spec(""),
}

# Commands that put content of the store into files of the tree.
CHANGE: Final[dict[str, Spec]] = {
    "checkout": spec(
        "-q --quiet --progress --no-progress -f --force --ours --theirs -t --track"
        " --no-track --detach -d -m --merge --guess --no-guess --overwrite-ignore"
        " --ignore-other-worktrees --no-overlay --overlay -l",
        "-b -B --orphan --conflict",
    ),
    "switch": spec(
        "-q --quiet --progress --no-progress -t --track --no-track --detach -d -m"
        " --merge --guess --no-guess -f --force --discard-changes",
        "-c --create -C --force-create --orphan --conflict",
    ),
    "restore": spec(
        "-W --worktree -S --staged -q --quiet --progress --no-progress --ours --theirs"
        " -m --merge --overlay --no-overlay --ignore-unmerged",
        "-s --source --conflict",
    ),
    "reset": spec(
        "-q --quiet --soft --mixed --hard --merge --keep -N --no-refresh --refresh"
    ),
    "merge": spec(
        "--no-edit --no-ff --ff --ff-only --squash --no-squash --no-commit --commit -n"
        " --stat --no-stat --log --no-log --signoff -v --verbose -q --quiet --abort"
        " --continue --quit --no-verify --allow-unrelated-histories --autostash"
        " --no-autostash --progress --no-progress --no-gpg-sign",
        "-m -X --strategy-option -F --file",
    ),
    "rebase": spec(
        "--continue --abort --skip --quit --no-edit -q --quiet -v --verbose --autostash"
        " --no-autostash --autosquash --no-autosquash --no-verify --stat -n --no-stat"
        " --root --keep-base --fork-point --no-fork-point -f --force-rebase --no-ff"
        " --update-refs --committer-date-is-author-date --signoff",
        "--onto -X --strategy-option -C --empty",
        "-r --rebase-merges",
    ),
    "cherry-pick": spec(
        "-x -n --no-commit -s --signoff --ff --allow-empty --keep-redundant-commits"
        " --continue --abort --skip --quit",
        "-m --mainline -X --strategy-option",
    ),
    "revert": spec(
        "--no-edit -n --no-commit -s --signoff --continue --abort --skip --quit",
        "-m --mainline -X --strategy-option",
    ),
    "stash": spec(
        "-u --include-untracked -a --all -k --keep-index --no-keep-index -q --quiet"
        " --index -S --staged -p --patch --stat --name-only --oneline",
        "-m --message",
    ),
    "rm": spec(
        "-f --force -n --dry-run -r --cached --ignore-unmatch -q --quiet --sparse"
    ),
    "mv": spec("-f --force -k -n --dry-run -v --verbose --sparse"),
    "clean": spec("-d -f --force -n --dry-run -q --quiet -x -X", "-e --exclude"),
    "apply": spec(
        "--stat --numstat --summary --check --index --cached -3 --3way -R --reverse"
        " --reject -z -v --verbose -q --recount --ignore-space-change"
        " --ignore-whitespace --inaccurate-eof --allow-empty --unidiff-zero",
        "-p --whitespace --exclude --include -C --directory",
    ),
    "am": spec(
        "--continue --abort --skip --quit -3 --3way -s --signoff -q --quiet -k --keep"
        " --no-verify -r --resolved",
    ),
    "format-patch": spec(
        "-N --no-numbered -n --numbered --stdout -s --signoff --root -q --quiet"
        " --cover-letter --no-cover-letter --zero-commit --no-stat -p --no-renames",
        "-o --output-directory --start-number --subject-prefix -v --reroll-count --base"
        " --suffix",
        "--thread --attach --inline",
        number=True,
    ),
    "gc": spec(
        "--auto --quiet -q --force --keep-largest-pack --aggressive", "", "--prune"
    ),
    "init": spec(
        "-q --quiet --bare", "-b --initial-branch --object-format", "--shared"
    ),
}

NETWORK: Final[dict[str, Spec]] = {
    "clone": spec(
        "-q --quiet -v --verbose --progress --bare --mirror --single-branch"
        " --no-single-branch --no-tags -n --no-checkout --sparse --recurse-submodules"
        " --recursive --shallow-submodules -l --local --no-local --no-hardlinks"
        " --remote-submodules",
        "-b --branch --depth --shallow-since -o --origin --filter -j --jobs",
        "--recurse-submodules",
    ),
    "fetch": spec(
        "--all -a --append -f --force -k --keep -p --prune -P --prune-tags -t --tags -n"
        " --no-tags -u --update-head-ok -q --quiet -v --verbose --progress --dry-run -4"
        " -6 --unshallow --update-shallow --multiple --no-recurse-submodules --atomic",
        "--depth --deepen --shallow-since -j --jobs --filter",
        "--recurse-submodules",
    ),
    "push": spec(
        "--all --branches --prune --mirror -n --dry-run --porcelain -d --delete --tags"
        " --follow-tags --atomic --no-atomic -f --force --force-if-includes -u"
        " --set-upstream --no-verify --verify -q --quiet -v --verbose --progress"
        " --no-progress --thin --no-thin -4 -6",
        "-o --push-option",
        "--force-with-lease --recurse-submodules --signed",
    ),
    "ls-remote": spec(
        "-h --heads -t --tags --branches --refs -q --quiet --exit-code --get-url"
        " --symref",
        "--sort",
    ),
}
NETWORK["pull"] = Spec(
    NETWORK["fetch"].flags | CHANGE["merge"].flags | {"--no-rebase", "-r", "--rebase"},
    NETWORK["fetch"].values | CHANGE["merge"].values,
    NETWORK["fetch"].optional | {"--rebase"},
)

SPECS: Final[dict[str, Spec]] = {**TELL, **PRINT, **STORE, **CHANGE, **NETWORK}
