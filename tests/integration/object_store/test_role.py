"""The role: check, converge, the same again, verify; and what it refuses."""

import subprocess
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from tests.integration.object_store.conftest import DEFAULTS, NAMES, SECRET, Role
from tests.integration.s3.servers import Server, Tls, running

from clawlaw.evidence.anchor_config import StorePart
from clawlaw.evidence.objects import Store

BUCKETS = {each["name"] for each in DEFAULTS["minio_buckets"]}


def recap(done: "subprocess.CompletedProcess[str]") -> dict[str, int]:
    """Ansible's own count of what happened."""
    line = done.stdout[done.stdout.rindex("store ") :].split(":", 1)[1]
    return {name: int(n) for name, n in (word.split("=") for word in line.split())}


def buckets(server: Server) -> set[str]:
    client = server.client()
    try:
        return {each["Name"] for each in client.list_buckets()["Buckets"]} - {"ready"}
    finally:
        client.close()


def started(role: Role, engine: str) -> tuple[Path, Tls]:
    """What a server of this engine is started with: the role made it."""
    data = role.folder / "data"
    data.mkdir()
    role.variables |= {"minio_engine": engine}
    if engine == "seaweedfs":
        role.variables["minio_identities_path"] = str(data / "s3.json")
    done = role.play(entry="bootstrap", minio_endpoint="https://127.0.0.1:1")
    assert done.returncode == 0, done.stdout + done.stderr
    certs = role.folder / "store/certs"
    assert (certs / "private.key").stat().st_mode & 0o777 == 0o600
    tls = Tls(certs / "public.crt", certs / "private.key", certs / "public.crt")
    return data, tls


def test_check_converge_again_verify(role: Role, engine: str, tmp_path: Path) -> None:
    data, tls = started(role, engine)
    with running(engine, data, tls, secret=SECRET) as server:
        role.variables["minio_endpoint"] = server.url
        checked = role.play("--check", minio_folder="")
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert recap(checked)["changed"] == 1, checked.stdout
        assert buckets(server) == set()

        done = role.play(minio_folder="")
        assert done.returncode == 0, done.stdout + done.stderr
        assert buckets(server) == BUCKETS
        again = role.play()
        assert again.returncode == 0, again.stdout + again.stderr
        assert recap(again)["changed"] == 0, again.stdout
        for name in (*NAMES, "root"):
            assert role.variables["minio_secrets"][name] not in done.stdout
        _evidence_is_written_by_its_writer_alone(role, server, tls, tmp_path)


def _evidence_is_written_by_its_writer_alone(
    role: Role, server: Server, tls: Tls, tmp_path: Path
) -> None:
    """The gate's own uploader, with the identity that the role made."""
    file = tmp_path / "segment"
    file.write_bytes(b"evidence")
    for name in NAMES:
        secret = role.variables["minio_secrets"][name]
        credentials = tmp_path / name
        credentials.touch(0o600)
        credentials.write_text(
            f"[default]\naws_access_key_id = {name}\naws_secret_access_key = {secret}\n"
        )
        part = StorePart(
            server.url, "evidence", str(credentials), prefix="gate",
            authority=str(tls.authority),
        )  # fmt: skip
        client = Server(server.name, server.url, name, secret, tls.authority).client()
        if name == "evidence-writer":
            store = Store(part)
            store.check()
            assert store.put("segments/00000000.seg", file)
            (version,) = store.versions("segments/")
            assert store.locked(version) is not None
            with pytest.raises(ClientError):
                client.delete_object(
                    Bucket="evidence", Key="gate/segments/00000000.seg",
                    VersionId=version.id, BypassGovernanceRetention=True,
                )  # fmt: skip
            store.close()
        else:
            with pytest.raises(ClientError, match="AccessDenied"):
                client.put_object(Bucket="evidence", Key="gate/forged", Body=b"x")
        client.close()


def test_wrong_root_changes_nothing_and_the_rerun_converges(role: Role) -> None:
    data, tls = started(role, "minio")
    with running("minio", data, tls, secret=SECRET) as server:
        role.variables["minio_endpoint"] = server.url
        given = role.variables["minio_secrets"]
        done = role.play(
            minio_folder="",
            minio_secrets={**given, "root": "something-else"},
        )
        assert done.returncode != 0
        assert "refuses the credentials: compare the key" in done.stdout
        assert "something-else" not in done.stdout + done.stderr
        assert buckets(server) == set()
        assert role.play(minio_folder="").returncode == 0
        assert buckets(server) == BUCKETS


def test_store_that_is_away_is_said(role: Role) -> None:
    role.variables["minio_authority_path"] = ""
    done = role.play(minio_endpoint="http://127.0.0.1:1", minio_folder="")
    assert done.returncode != 0
    assert "does not answer: look at its Pod" in " ".join(done.stdout.split())


def test_second_writer_of_evidence_is_refused_before_anything(role: Role) -> None:
    more = [
        *DEFAULTS["minio_identities"],
        {"name": "forger", "writes": ["evidence"]},
    ]
    given = {**role.variables["minio_secrets"], "forger": "secret-of-forger"}
    done = role.play(
        minio_endpoint="https://127.0.0.1:1",
        minio_identities=more,
        minio_secrets=given,
    )
    assert done.returncode != 0
    assert "only one identity may write evidence" in " ".join(done.stdout.split())
    assert not (role.folder / "store").exists()
