"""Commits of the testbed's overlay, for the Git server that Argo CD reads there.

The controller makes the repository. It holds the overlay's chosen components alone, as
the checkout's files are now. A run without a change makes no commit.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from forge.gitops.errors import TreeError

OVERLAY: Final = Path("gitops/overlays/testbed")
BRANCH: Final = "refs/heads/main"
_TIMEOUT: Final = 60  # seconds for one step of git on a few files
# Nothing of the user's: no hooks, no signing, no line endings.
_ENVIRONMENT: Final = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "forge",
    "GIT_AUTHOR_EMAIL": "forge@localhost",
    "GIT_COMMITTER_NAME": "forge",
    "GIT_COMMITTER_EMAIL": "forge@localhost",
}


@dataclass(frozen=True)
class Commit:
    """What the repository ends with.

    Attributes:
        commit: Its id, 40 hexadecimal digits.
        bundle: A file with all commits.
        changed: It was made now.
    """

    commit: str
    bundle: str
    changed: bool


def publish(
    root: Path, components: Sequence[str], repository: Path, message: str
) -> Commit:
    """Commit some components of the overlay, if they differ from the last commit.

    Args:
        root: The checkout.
        components: Folders of the overlay; others are not in the commit.
        repository: A bare repository, made if it is not there; the bundle is beside
            it, with the suffix ``.bundle``.
        message: Of the commit.

    Raises:
        TreeError: A component has no folder, or git fails.
    """
    paths = [OVERLAY / name for name in dict.fromkeys(components)]
    for path in paths:
        if not (root / path / "application.yaml").is_file():
            raise TreeError(
                f"{path}: no application.yaml", remedy="name folders of the overlay"
            )
    if not paths:
        raise TreeError("no components to commit", remedy="name at least one")
    if not (repository / "HEAD").is_file():
        repository.mkdir(parents=True, exist_ok=True)
        _git(repository, ["init", "--quiet", "--bare", "--initial-branch=main", "."])
    tree = _tree(root, paths, repository)
    before = _git(repository, ["rev-parse", "--verify", "--quiet", BRANCH], fails=True)
    is_same = before and _git(repository, ["rev-parse", f"{before}^{{tree}}"]) == tree
    commit = before
    if not is_same:
        parents = ["-p", before] if before else []
        commit = _git(repository, ["commit-tree", *parents, "-m", message, tree])
        _git(repository, ["update-ref", BRANCH, commit])
    bundle = repository.with_suffix(".bundle")
    if not is_same or not bundle.is_file():
        _git(
            repository, ["bundle", "create", "--quiet", str(bundle.absolute()), BRANCH]
        )
    return Commit(commit, str(bundle), changed=not is_same)


def _tree(root: Path, paths: Sequence[Path], repository: Path) -> str:
    """Write the files of some folders as a tree; return its id."""
    with TemporaryDirectory() as scratch:
        own = {
            "GIT_INDEX_FILE": str(Path(scratch) / "index"),
            "GIT_WORK_TREE": str(root.absolute()),
        }
        # --force: what the user's checkout ignores is not the question.
        names = [str(path) for path in paths]
        _git(repository, ["add", "--force", "--", *names], own, folder=root)
        return _git(repository, ["write-tree"], own, folder=root)


def _git(
    repository: Path,
    words: Sequence[str],
    environment: Mapping[str, str] | None = None,
    *,
    folder: Path | None = None,
    fails: bool = False,
) -> str:
    """Run git on the repository; return what it printed, empty if it may fail."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    own = {"GIT_DIR": str(repository.absolute()), **(environment or {})}
    try:
        done = subprocess.run(
            ["git", *words],
            cwd=folder or repository,
            env=kept | _ENVIRONMENT | own,
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TreeError(f"git {words[0]}: {error}", remedy="install git") from error
    if done.returncode != 0 and not fails:
        raise TreeError(
            f"git {words[0]} in {repository}: {done.stderr.strip()}",
            remedy="remove the repository if it is damaged; it is made again",
        )
    return done.stdout.strip() if done.returncode == 0 else ""
