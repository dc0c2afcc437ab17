"""What of a home is shown: toolchains and harmless settings, never a secret."""

import os
from pathlib import Path

import pytest

from clawlaw.executor.toolchains import hold, of_home, settings

ME = os.getuid()
SETTINGS = """
[user]
    name = Ann Example
    email = ann@example.org
    signingkey = 0xABCDEF
[core]
    autocrlf = input
    pager = less
    sshCommand = ssh -i ~/.ssh/id_ed25519
    hooksPath = /home/ann/hooks
    fsmonitor = /home/ann/watch
[init]
    defaultBranch = main
[alias]
    st = !rm -rf .
[credential]
    helper = store --file /home/ann/.git-credentials
[http "https://github.com/"]
    extraheader = AUTHORIZATION: basic c2VjcmV0
[url "https://x:ghp_secret@github.com/"]
    insteadOf = https://github.com/
[include]
    path = ~/.gitconfig-secret
[push]
    default = "simple"
"""


def test_only_harmless_settings_are_kept() -> None:
    kept = settings(SETTINGS)
    assert kept == (
        "[user]\n\tname = Ann Example\n[user]\n\temail = ann@example.org\n"
        "[core]\n\tautocrlf = input\n[init]\n\tdefaultbranch = main\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "user.name = x",
        "[user\nname = x",
        '[user]\nname = "x\n',
        "[user]\nname = x \\\n",
        '[user "a"]\nname = x',
        "[user]\nname = a\x1bb",
        "",
    ],
)
def test_what_is_not_plain_is_left_out(text: str) -> None:
    assert settings(text) == ""


def test_only_what_managers_install_is_shown(tmp_path: Path) -> None:
    home = tmp_path.resolve()
    for name in (".pyenv/versions/3.12", ".ssh", ".aws", ".cargo/bin", "go/pkg/mod"):
        (home / name).mkdir(parents=True)
    for name in (".cargo/credentials.toml", ".npmrc", ".netrc", ".git-credentials"):
        (home / name).write_text("secret")
    (home / ".pyenv/versions/3.12/pip.conf").write_text("secret")
    (home / ".gitconfig").write_text(SETTINGS)
    found = of_home(str(home), ME)
    names = [".pyenv/versions", ".cargo/bin", "go/pkg/mod"]
    assert list(found.read) == [f"{home}/{name}" for name in names]
    assert found.hide == (f"{home}/.pyenv/versions/3.12/pip.conf",)
    assert "Ann" in found.git


@pytest.mark.parametrize("name", [".nvm/versions", ".cargo/bin", ".gitconfig"])
def test_a_link_is_not_followed(tmp_path: Path, name: str) -> None:
    home = tmp_path.resolve()
    (home / ".ssh").mkdir()
    (home / ".ssh/config").write_text("[user]\n\tname = x\n")
    (home / name).parent.mkdir(exist_ok=True)
    leads = ".ssh/config" if name == ".gitconfig" else ".ssh"
    (home / name).symlink_to(home / leads)
    found = of_home(str(home), ME)
    assert (found.read, found.git) == ((), "")
    assert hold(f"{home}/{name}", ME) == -1


def test_a_link_above_is_not_followed(tmp_path: Path) -> None:
    home = tmp_path.resolve()
    (home / "elsewhere/versions").mkdir(parents=True)
    (home / ".nvm").symlink_to(home / "elsewhere")
    assert of_home(str(home), ME).read == ()
    assert hold(f"{home}/.nvm/versions", ME) == -1


def test_what_others_own_is_not_shown(tmp_path: Path) -> None:
    home = tmp_path.resolve()
    (home / ".cargo/bin").mkdir(parents=True)
    assert of_home(str(home), ME + 1).read == ()
    assert hold(f"{home}/.cargo/bin", ME + 1) == -1


def test_settings_that_are_too_long_are_left_out(tmp_path: Path) -> None:
    (tmp_path / ".gitconfig").write_text("[user]\n\tname = x\n" + "#" * 70_000)
    assert of_home(str(tmp_path), ME).git == ""
