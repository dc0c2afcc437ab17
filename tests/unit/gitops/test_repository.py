"""Commits of the overlay: of the chosen components, and only where they differ."""

import subprocess
from pathlib import Path

import pytest

from forge.gitops.errors import TreeError
from forge.gitops.repository import OVERLAY, publish


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with two components and a file that it ignores."""
    for name in ("registry", "git"):
        folder = tmp_path / "checkout" / OVERLAY / name
        folder.mkdir(parents=True)
        (folder / "application.yaml").write_text(f"of: {name}\n")
    (tmp_path / "checkout/.gitignore").write_text("*.yaml\n")
    return tmp_path / "checkout"


def files(repository: Path, commit: str) -> dict[str, str]:
    def git(*words: str) -> str:
        return subprocess.run(
            ["git", f"--git-dir={repository}", *words],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip

    names = git("ls-tree", "-r", "--name-only", commit).split()
    return {name: git("show", f"{commit}:{name}") for name in names}


def test_a_commit_has_the_chosen_components_alone(
    checkout: Path, tmp_path: Path
) -> None:
    repository = tmp_path / "overlay.git"
    made = publish(checkout, ["registry"], repository, "first")
    assert made.changed
    assert files(repository, made.commit) == {
        f"{OVERLAY}/registry/application.yaml": "of: registry\n"
    }


def test_without_a_change_there_is_no_commit(checkout: Path, tmp_path: Path) -> None:
    repository = tmp_path / "overlay.git"
    first = publish(checkout, ["registry", "git"], repository, "first")
    again = publish(checkout, ["git", "registry", "git"], repository, "again")
    assert (again.commit, again.changed) == (first.commit, False)


def test_what_is_chosen_no_longer_goes_with_the_next_commit(
    checkout: Path, tmp_path: Path
) -> None:
    repository = tmp_path / "overlay.git"
    publish(checkout, ["registry", "git"], repository, "first")
    made = publish(checkout, ["git"], repository, "second")
    assert list(files(repository, made.commit)) == [f"{OVERLAY}/git/application.yaml"]


def test_the_bundle_gives_a_server_every_commit(checkout: Path, tmp_path: Path) -> None:
    repository, server = tmp_path / "overlay.git", tmp_path / "server.git"
    publish(checkout, ["git"], repository, "first")
    manifest = checkout / OVERLAY / "git/application.yaml"
    manifest.write_text("of: another\n")
    made = publish(checkout, ["git"], repository, "second")
    subprocess.run(["git", "init", "--quiet", "--bare", server], check=True)
    subprocess.run(
        ["git", f"--git-dir={server}", "fetch", "--quiet", made.bundle,
         "refs/heads/main:refs/heads/main"],
        check=True,
    )  # fmt: skip
    assert files(server, "main") == {f"{OVERLAY}/git/application.yaml": "of: another\n"}
    log = ["git", f"--git-dir={server}", "log", "--format=%s", "main"]
    done = subprocess.run(log, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["second", "first"]


@pytest.mark.parametrize("names", [["nothing"], []])
def test_what_is_no_component_is_refused_by_name(
    checkout: Path, tmp_path: Path, names: list[str]
) -> None:
    with pytest.raises(TreeError, match="nothing" if names else "no components"):
        publish(checkout, names, tmp_path / "overlay.git", "first")
    assert not (tmp_path / "overlay.git").exists()


def test_the_users_settings_of_git_do_not_count(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "gitconfig"
    settings.write_text("[commit]\n  gpgSign = true\n[core]\n  autocrlf = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    manifest = checkout / OVERLAY / "git/application.yaml"
    manifest.write_bytes(b"of: git\r\n")
    repository = tmp_path / "overlay.git"
    made = publish(checkout, ["git"], repository, "first")
    done = subprocess.run(
        ["git", f"--git-dir={repository}", "show",
         f"{made.commit}:{OVERLAY}/git/application.yaml"],
        capture_output=True, check=True,
        env={"PATH": "/usr/bin:/bin", "GIT_CONFIG_GLOBAL": "/dev/null"},
    )  # fmt: skip
    assert done.stdout == b"of: git\r\n"
