"""git: what subcommands reach, and that no setting or option hides a program."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clawlaw.core.actions import ProcessExec
from clawlaw.core.shell.words import UNKNOWN, Word

from .conftest import Judged

LIST = "file.read /workspace recursive what=list"
TREE = "file.write /workspace recursive source=file"
ORIGIN = "net.request  scheme=git"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("git", []),
        ("git --version", []),
        ("git status -sb", [LIST]),
        (
            "git -C sub log --oneline -5",
            ["file.read /workspace/sub recursive what=list"],
        ),
        ("git --no-pager -c color.ui=always -c core.pager=cat diff --stat", [LIST]),
        ("git log -p -S 'rm -rf' --since='2 weeks ago' -- src", [LIST]),
        ("git log -n 3 --format='%h %s' main..HEAD", [LIST]),
        ("git diff HEAD~1 -- src/a.py", [LIST, "file.read /workspace/src/a.py"]),
        (
            "git diff --no-index a /etc/passwd",
            [LIST, "file.read /workspace/a", "file.read /etc/passwd"],
        ),
        ("git show HEAD:.env", [LIST, "file.read /workspace/.env"]),
        ("git show --stat abc123", [LIST]),
        ("git blame -L 1,5 src/a.py", [LIST, "file.read /workspace/src/a.py"]),
        ("git grep -n foo -- src", [LIST, "file.read /workspace/src recursive"]),
        ("git grep --untracked foo", [LIST, "file.read /workspace recursive"]),
        ("git branch -vv --list 'feature/*'", [LIST]),
        ("git rev-parse --abbrev-ref HEAD", [LIST]),
        ("git remote -v", [LIST]),
        ("git config --get remote.origin.url", [LIST]),
        ("git config user.name Me", []),
        (
            "git config --global user.email a@b.example",
            ["file.write /home/agent/.gitconfig inert"],
        ),
        ("git stash list", [LIST]),
        ("git symbolic-ref --short HEAD", [LIST]),
        (
            "git archive --format=tar HEAD src",
            ["file.read /workspace/src recursive", LIST],
        ),
        (
            "git archive -o /opt/x.tar HEAD",
            ["file.write /opt/x.tar how=create source=program", LIST],
        ),
        ("git help commit", []),
        ("git config -z --list", [LIST]),
        ("git config --local --name-only --get-regexp user", [LIST]),
        ("git config user.name", [LIST]),
        ("git config --unset user.name", []),
        ("git remote show", [ORIGIN]),
        ("git reflog", [LIST]),
        ("git var GIT_EDITOR", [LIST]),
        ("git submodule status", [LIST]),
        ("git bisect log", [LIST]),
        ("git bisect start", [TREE]),
        ("git worktree prune", [LIST]),
        ("git notes show", [LIST]),
        ("git notes add -m x", [LIST]),
        ("git tag v1", [LIST]),
        ("git tag -a v1 -m x", [LIST]),
        ("git commit --fixup HEAD~1", [LIST]),
        (
            "git grep -f words.txt src",
            [
                LIST,
                "file.read /workspace/words.txt",
                "file.read /workspace/src recursive",
            ],
        ),
        ("git cat-file -p HEAD", [LIST]),
        ("git reset --keep HEAD", [TREE]),
        ("git gc --auto", [LIST]),
        ("git rm -n a", [LIST]),
        ("git am --abort", [TREE]),
        ("git clean -n", [LIST]),
        (
            "git checkout main src/a.py",
            [TREE, "file.write /workspace/src/a.py recursive source=file"],
        ),
        ("git format-patch --stdout HEAD~1", [LIST]),
        ("git merge -F msg topic", [TREE, "file.read /workspace/msg"]),
        ("git revert --no-edit HEAD", [TREE]),
        ("git fetch https://github.com/a/b main", ["net.request github.com path=/a/b"]),
        (
            "git fetch ssh://git@e.example:2222/x",
            ["net.request e.example port=2222 scheme=ssh path=x"],
        ),
        (
            "git push file:///srv/x.git",
            ["file.write /srv/x.git recursive how=create source=file"],
        ),
        ("git ls-remote", [ORIGIN]),
        ("git ls-remote https://github.com/a/b", ["net.request github.com path=/a/b"]),
        (
            "git clone https://github.com/a/b c",
            [
                "net.request github.com path=/a/b",
                "file.write /workspace/c recursive how=create source=network",
            ],
        ),
        ("git worktree list", [LIST]),
        ("git add -A", [LIST]),
        ("git add src/a.py", [LIST, "file.read /workspace/src/a.py recursive"]),
        ("git commit -am 'fix: x'", [LIST]),
        ("git commit --amend --no-edit", [LIST]),
        ("git commit -F msg", [LIST, "file.read /workspace/msg"]),
        ("git checkout -b topic", [LIST]),
        ("git checkout main", [TREE]),
        (
            "git checkout -- a.txt",
            ["file.write /workspace/a.txt recursive source=file"],
        ),
        ("git restore a.py", ["file.write /workspace/a.py recursive source=file"]),
        ("git restore --staged a.txt", [LIST]),
        ("git reset HEAD~1", [LIST]),
        ("git merge --no-ff topic", [TREE]),
        ("git rebase main", [TREE]),
        ("git stash pop", [TREE]),
        ("git mv a b", ["file.move /workspace/a to=/workspace/b"]),
        ("git rm --cached a", [LIST]),
        ("git rm -r a", ["file.delete /workspace/a recursive"]),
        ("git apply --check p.diff", ["file.read /workspace/p.diff", LIST]),
        (
            "git init -b main sub",
            ["file.write /workspace/sub how=directory source=program"],
        ),
        ("git fetch --prune", [ORIGIN + " path=origin"]),
        ("git pull --rebase", [ORIGIN + " path=origin", TREE]),
        ("git push -u origin main", [ORIGIN + " method=PUT path=origin carries=file"]),
        (
            "git push https://e.example/x HEAD",
            ["net.request e.example method=PUT path=/x carries=file"],
        ),
        (
            "git push git@e.example:a/b.git",
            ["net.request e.example scheme=ssh method=PUT path=a/b.git carries=file"],
        ),
        (
            "git clone --depth 1 https://github.com/a/b.git",
            [
                "net.request github.com path=/a/b.git",
                "file.write /workspace/b recursive how=create source=network",
            ],
        ),
        (
            "git clone /srv/x.git y",
            [
                "file.read /srv/x.git recursive",
                "file.write /workspace/y recursive how=create source=network",
            ],
        ),
        (
            "git log --output=/etc/x",
            ["file.write /etc/x how=create source=program", LIST],
        ),
        (
            "git format-patch -1 -o out",
            [LIST, "file.write /workspace/out recursive how=create source=file"],
        ),
        (
            "git worktree add ../x main",
            ["file.write /workspace/../x recursive how=create source=file"],
        ),
    ],
)
def test_what_a_subcommand_reaches(judged: Judged, line: str, said: list[str]) -> None:
    found = judged(line)
    assert found.said == said
    assert found.clean


@pytest.mark.parametrize(
    "line",
    [
        "git -c core.pager='rm -rf /' log",
        "git -c alias.x='!rm -rf /' x",
        "git -c core.sshCommand=id fetch",
        "git -c core.fsmonitor=/tmp/x status",
        "git -c core.editor=vi commit",
        "git -c diff.external=id diff",
        "git -c CORE.HOOKSPATH=/tmp/h commit -m x",
        "git -c filter.x.clean=id add .",
        "git -c include.path=/tmp/x log",
        "git -c protocol.ext.allow=always clone x",
        "git -c http.proxy=http://e.example pull",
        "git -c credential.helper='!id' fetch",
        "git -c %%=x log",
        "git -ccore.pager=id log",
        "git --config-env=core.pager=X log",
        "git --exec-path=/tmp status",
        "git --git-dir=x status",
        "git --work-tree=/ status",
        "git --namespace=x log",
        "git -C /tmp/evil status",
        "git -C ../evil status",
        "git -C %% status",
        "git %% x",
        "git x",
        "git config core.hooksPath /tmp/h",
        "git config alias.st '!id'",
        "git config --global core.pager id",
        "git config --system user.name x",
        "git config --add filter.x.smudge id",
        "git config --replace-all user.name x",
        "git config -e",
        "git config -f /etc/x user.name y",
        "git config user.name %% x",
        "git config --unset core.hooksPath",
        "git remote add o ext::sh",
        "git remote set-url origin https://e.example/",
        "git clone ext::sh",
        "git clone 'ext::sh -c id' x",
        "git clone --upload-pack=id x y",
        "git clone -u id x y",
        "git clone --template=/tmp/t https://github.com/a/b",
        "git clone -c core.pager=id https://github.com/a/b",
        "git clone --recurse-submodules https://github.com/a/b",
        "git clone https://user@e.example/x",
        "git clone ssh://-oProxyCommand=id/x",
        "git fetch --upload-pack=id origin",
        "git push --receive-pack=id origin",
        "git push --exec=id origin",
        "git push --force origin main",
        "git push origin +main",
        "git push origin :main",
        "git push %%",
        "git ls-remote --upload-pack=id x",
        "git submodule foreach id",
        "git submodule update --init",
        "git rebase -x id main",
        "git rebase --exec=id main",
        "git rebase -i main",
        "git bisect run id",
        "git filter-branch --tree-filter id",
        "git grep -O foo",
        "git grep --open-files-in-pager=id foo",
        "git difftool -x id",
        "git mergetool",
        "git diff --ext-diff",
        "git log --ext-diff -p",
        "git archive --remote=e.example:x HEAD",
        "git archive --exec=id --remote=x HEAD",
        "git symbolic-ref HEAD refs/heads/x",
        "git daemon",
        "git instaweb",
        "git send-email x",
        "git credential fill",
        "git commit",
        "git commit --amend",
        "git commit -S -m x",
        "git tag -a v1",
        "git notes add",
        "git revert HEAD",
        "git merge -s 'x' y",
        "git reset --hard",
        "git clean -fdx",
        "git checkout -f main",
        "git stash drop",
        "git reflog expire --expire=now --all",
        "git gc --prune=now --x",
        "git branch --edit-description",
        "git apply --unsafe-paths p",
        "git apply --directory=/etc p",
        "git add %%",
        "git log %%",
        "git hook run x",
        "git maintenance start",
        "git update-ref x",
        "git p4 clone",
        "git notes merge x",
        "git bisect visualize",
        "git worktree remove x",
        "git worktree add --lock x",
        "git stash branch x",
        "git push 'https://e.example\\x/'",
        "git push ftp://e.example/x",
        "git push -- -x:y",
        "git clone https://github.com/..",
        "git rebase --continue",
        "git fsck --lost-found",
    ],
)
def test_what_may_run_lead_or_lose_is_not_clean(judged: Judged, line: str) -> None:
    assert not judged(line).clean


@pytest.mark.parametrize(
    "name", ["GIT_PAGER", "GIT_SSH_COMMAND", "GIT_DIR", "GIT_EXTERNAL_DIFF"]
)
def test_variables_of_git_are_settings(judged: Judged, name: str) -> None:
    assert not judged("git log", **{name: "id"}).clean
    assert judged("git log", GIT_COMMITTER_DATE="x").clean


def test_a_directory_that_may_be_a_repository_counts_as_a_script(
    judged: Judged,
) -> None:
    (first, *_) = judged("git -C sub status").effects
    assert isinstance(first, ProcessExec)
    assert (first.code, first.script) == ("none", "/workspace/sub/config")


def test_names_are_listed(judged: Judged) -> None:
    assert judged("git ls-files -z '*.py'").listed == ["/workspace"]
    assert judged("git diff --name-only main").listed == ["/workspace"]
    assert judged("git grep -l foo").listed == ["/workspace"]
    assert judged("git ls-files -s").listed == []
    assert judged("git log --name-only").listed == []


def test_clean_never_means_the_whole_directory(judged: Judged) -> None:
    said = judged("git clean -fdx").said
    assert "file.delete /workspace/** recursive" in said


WORD = st.sampled_from(
    [
        "-c",
        "-C",
        "core.pager=id",
        "alias.x=!id",
        "log",
        "diff",
        "config",
        "push",
        "--output",
        "/etc/x",
        "--",
        "-O",
        "--exec=id",
        "x",
        UNKNOWN,
        "",
        "clone",
        "ext::sh",
        "--global",
        "core.hooksPath",
        "-x",
        "rebase",
        "stash",
        "worktree",
        "add",
        "notes",
        "bisect",
        "run",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.builds(Word, WORD, many=st.booleans()), max_size=7))
def test_nothing_breaks_git_and_no_setting_passes(
    judged: Judged, words: list[Word]
) -> None:
    found = judged([Word("git"), *words])
    texts = [word.text for word in words]
    if found.clean and texts[:1] == ["-c"]:
        assert texts[1:2] == [] or not texts[1].endswith("id")


def test_a_directory_that_is_not_known(judged: Judged) -> None:
    found = judged("git -C sub -C %% status")
    assert not found.clean
