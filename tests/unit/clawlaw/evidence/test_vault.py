"""Originals: kept, found again, and lost with their key."""

from pathlib import Path

import pytest

from clawlaw.evidence.redact import Redactor
from clawlaw.evidence.vault import Vault, VaultError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "vault"


def _keep(vault: Vault, *texts: str) -> list[str]:
    redactor = Redactor(vault.digest_key)
    tokens = {redactor.token(text): text for text in texts}
    vault.put(tokens)
    return list(tokens)


def test_originals_are_found_after_a_restart(folder: Path) -> None:
    texts = ["correct horse", "b\u00e4ttery", "s" * 100_000]
    tokens = _keep(Vault.open(folder), *texts)
    again = Vault.open(folder)
    assert [again.get(token) for token in tokens] == texts
    assert again.number == 1


def test_nothing_is_readable_on_the_disk(folder: Path) -> None:
    _keep(Vault.open(folder), "correct horse battery")
    stored = b"".join(path.read_bytes() for path in folder.iterdir())
    assert b"correct horse" not in stored
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_the_same_original_is_kept_once(folder: Path) -> None:
    vault = Vault.open(folder)
    _keep(vault, "correct horse")
    size = (folder / "0001.vault").stat().st_size
    _keep(vault, "correct horse")
    _keep(Vault.open(folder), "correct horse")
    assert (folder / "0001.vault").stat().st_size == size


def test_a_destroyed_key_takes_its_originals_with_it(folder: Path) -> None:
    vault = Vault.open(folder)
    [old] = _keep(vault, "correct horse")
    with pytest.raises(VaultError, match="rotate first"):
        vault.destroy(1)
    vault = vault.rotate()
    [new] = _keep(vault, "correct horse")
    assert new != old
    assert (vault.get(old), vault.get(new)) == ("correct horse", "correct horse")
    vault.destroy(1)
    assert vault.get(new) == "correct horse"
    for reader in (vault, Vault.open(folder)):
        with pytest.raises(VaultError, match="its key was destroyed"):
            reader.get(old)


def test_a_vault_without_any_key_begins_another_pair(folder: Path) -> None:
    [old] = _keep(Vault.open(folder), "correct horse")
    (folder / "0001.key").unlink()
    vault = Vault.open(folder)
    assert vault.number == 2
    with pytest.raises(VaultError):
        vault.get(old)


def test_a_key_that_others_may_read_is_refused(folder: Path) -> None:
    Vault.open(folder)
    (folder / "0001.key").chmod(0o644)
    with pytest.raises(VaultError, match="mode 0644"):
        Vault.open(folder)


def test_a_changed_original_is_refused(folder: Path) -> None:
    [token] = _keep(Vault.open(folder), "correct horse")
    path = folder / "0001.vault"
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(VaultError, match="are not what was"):
        Vault.open(folder).get(token)


def test_an_interrupted_record_does_not_hide_those_before(folder: Path) -> None:
    vault = Vault.open(folder)
    [token] = _keep(vault, "correct horse")
    _keep(vault, "battery staple")
    path = folder / "0001.vault"
    path.write_bytes(path.read_bytes()[:-5])
    vault = Vault.open(folder)
    assert vault.get(token) == "correct horse"
    [again] = _keep(vault, "battery staple")
    assert Vault.open(folder).get(again) == "battery staple"
