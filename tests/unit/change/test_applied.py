"""The applied state: what is written is read, and nothing else is."""

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clawlaw.core.canonical import canonical_json
from forge.change import (
    Applied,
    AppliedStateError,
    Surroundings,
    begin,
    finish,
    plan_of,
)
from forge.change.applied import decode, encode
from forge.change.snapshot import read_listing
from forge.change.store import KEY_FILE, RECORD_FILE, Store, state_folder
from forge.errors import InputError

from .conftest import KEY, listing

S = Surroundings(tree={"roles/k3s": "sha256:1"})
OTHER_KEY = b"o" * 32


def record() -> Applied:
    hosts: dict[str, dict[str, Any]] = {"a": {"x": 1, "é": "ü"}, "b": {"x": 1}}
    snapshot = read_listing(listing(hosts, {"k3s_cluster": ["a", "b"]}), S, KEY)
    plan = plan_of(snapshot, None, S)
    begun = begin(None, plan, ["a", "b"], "run-1")
    return finish(begun, snapshot, plan, ["a"], "run-1")


RECORD = record()
DATA = encode(RECORD, KEY)


def test_a_record_survives_its_byte_form() -> None:
    assert decode(DATA, KEY) == RECORD
    assert decode(DATA, KEY).digest() == RECORD.digest()


def test_each_value_is_written_once() -> None:
    assert DATA.count(b"sha256:1") == 1


def test_a_record_of_another_controller_is_refused() -> None:
    with pytest.raises(AppliedStateError, match="MAC"):
        decode(DATA, OTHER_KEY)


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
@settings(deadline=None, max_examples=300)
def test_no_byte_can_be_changed(at: int, mask: int) -> None:
    edited = DATA[:at] + bytes([DATA[at] ^ mask]) + DATA[at + 1 :]
    with pytest.raises(AppliedStateError):
        decode(edited, KEY)


@given(st.integers(0, len(DATA) - 1))
@settings(deadline=None)
def test_no_part_is_enough(length: int) -> None:
    with pytest.raises(AppliedStateError):
        decode(DATA[:length], KEY)


@given(st.binary(max_size=400))
@settings(deadline=None, max_examples=300)
def test_any_bytes_are_refused_with_reason(data: bytes) -> None:
    with pytest.raises(AppliedStateError):
        decode(data, KEY)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["format", "hosts", "values", "a", "facts", "run"]), inner
        )
    ),
    max_leaves=10,
)


@given(JSON)
@settings(deadline=None, max_examples=60)
def test_a_body_of_another_form_is_refused_even_with_its_mac(body: Any) -> None:
    with pytest.raises(AppliedStateError):
        decode(signed(body), KEY)


@given(st.randoms())
@settings(deadline=None)
def test_a_damaged_body_is_refused_even_with_its_mac(chance: random.Random) -> None:
    body = msgspec.json.decode(DATA)["body"]
    node: Any = body
    while isinstance(node, dict) and node:
        name = chance.choice(sorted(node))
        if chance.random() < 0.5 or not isinstance(node[name], dict):
            node[name] = chance.choice([None, -1, 99, [], {}, "x", True])
            break
        node = node[name]
    try:
        found = decode(signed(body), KEY)
    except AppliedStateError:
        return
    assert encode(found, KEY) == signed(body)  # whatever is read is read exactly


def signed(body: Any) -> bytes:
    """An envelope as a controller with the key would write it."""
    import hmac  # noqa: PLC0415 - for this double alone
    from hashlib import sha256  # noqa: PLC0415 - as above

    try:
        data = canonical_json(body)
    except ValueError:
        return msgspec.json.encode({"body": body, "mac": ""})
    mac = hmac.digest(KEY, b"forge applied state\0" + data, sha256).hex()
    return canonical_json({"body": body, "mac": mac}) + b"\n"


def test_a_second_writing_of_the_same_is_refused() -> None:
    spaced = DATA.replace(b'{"body"', b'{ "body"', 1)
    with pytest.raises(AppliedStateError, match="one form"):
        decode(spaced, KEY)


def test_a_store_writes_reads_and_keeps_its_key_to_itself(tmp_path: Path) -> None:
    store = Store(tmp_path / "forge")
    assert store.read() is None
    first = msgspec.structs.replace(RECORD, previous="none", sequence=1)
    store.write(first)
    assert Store(tmp_path / "forge").read() == first
    modes = {f.name: f.stat().st_mode & 0o777 for f in store.folder.iterdir()}
    assert modes == {KEY_FILE: 0o600, RECORD_FILE: 0o600}
    assert store.folder.stat().st_mode & 0o777 == 0o700


def test_a_record_that_does_not_follow_is_not_written(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = msgspec.structs.replace(RECORD, previous="none", sequence=1)
    store.write(first)
    with pytest.raises(AppliedStateError, match="another run"):
        store.write(first)
    store.write(msgspec.structs.replace(first, sequence=2, previous=first.digest()))


def test_a_record_without_its_key_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(msgspec.structs.replace(RECORD, previous="none"))
    (tmp_path / KEY_FILE).unlink()
    with pytest.raises(AppliedStateError, match="missing beside the record"):
        store.read()
    assert not (tmp_path / KEY_FILE).exists()


@pytest.mark.parametrize("name", [KEY_FILE, RECORD_FILE])
def test_files_open_to_others_are_refused(tmp_path: Path, name: str) -> None:
    store = Store(tmp_path)
    store.write(msgspec.structs.replace(RECORD, previous="none"))
    (tmp_path / name).chmod(0o640)
    with pytest.raises(AppliedStateError, match="lets others in"):
        store.read()


def test_a_short_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_bytes(b"short")
    (tmp_path / KEY_FILE).chmod(0o600)
    with pytest.raises(AppliedStateError, match="5 bytes"):
        Store(tmp_path).key()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(AppliedStateError, match="file"):
        Store(tmp_path / "file" / "forge").key()


def test_the_folder_is_named_for_the_platform(tmp_path: Path) -> None:
    base = str(tmp_path)
    assert state_folder("forge", {"FORGE_STATE": base}) == tmp_path / "forge"
    home = state_folder("testbed", {"XDG_STATE_HOME": base})
    assert home == tmp_path / "forge/testbed"


@pytest.mark.parametrize("name", ["", "..", "a/b", "A", "{{ x }}"])
def test_a_name_that_cannot_be_a_folder_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="cannot name a folder"):
        state_folder(name, {})
