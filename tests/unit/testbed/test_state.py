import stat
from ipaddress import IPv4Network, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge.errors import ForgeError, InputError
from forge.testbed.room import Host, Room
from forge.testbed.rooms import testbed as the_testbed
from forge.testbed.state import POOL, Folder, State, free_block, replace_file

networks = st.builds(
    lambda base, bits: IPv4Network((base, bits), strict=False),
    st.integers(int(IPv4Network(POOL)[0]), int(IPv4Network(POOL)[-1])),
    st.integers(16, 30),
)


@given(st.lists(networks, max_size=12))
def test_the_chosen_block_overlaps_nothing(taken: list[IPv4Network]) -> None:
    block = free_block(taken)
    assert not any(block.overlaps(network) for network in taken)
    assert block.subnet_of(IPv4Network(POOL))


def test_a_full_pool_is_said_so() -> None:
    with pytest.raises(ForgeError, match="no free /20 block"):
        free_block([ip_network("10.0.0.0/8")])


def test_wires_do_not_overlap() -> None:
    wires = State(id="abcdef", block="10.128.16.0/20").wires()
    assert wires == {
        "cluster": "10.128.16.0/24",
        "boundary": "10.128.17.0/24",
        "inference": "10.128.18.0/24",
    }


def test_a_damaged_state_is_named_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FORGE_TESTBED", raising=False)
    folder = Folder(tmp_path)
    (folder / "state.json").write_text('{"id": 1}')
    with pytest.raises(InputError, match=r"state\.json.*\n.*make down"):
        folder.load()
    assert (folder / "state.json").read_text() == '{"id": 1}'


def test_the_folder_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORGE_TESTBED", "a/b")
    folder = Folder(tmp_path)
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert folder.path == tmp_path / "a" / "b"


def test_a_write_that_fails_leaves_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "state.json"
    replace_file(file, b"old")
    monkeypatch.setattr("os.fsync", _full)
    with pytest.raises(OSError, match="No space"):
        replace_file(file, b"new")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def _full(_: int) -> None:
    raise OSError(28, "No space left on device")


def test_written_files_are_private(tmp_path: Path) -> None:
    replace_file(tmp_path / "f", b"x")
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o600


INVENTORY = """
all:
  children:
    k3s_cluster:
      children:
        k3s_server:
          hosts:
            control-01: {forge_addresses: {cluster: 10.20.0.11, boundary: 10.20.1.11}}
    inference:
      hosts:
        mac-studio: {forge_addresses: {inference: 10.20.2.41}}
    control: {hosts: {control-01: {}}}
    linux: {children: {k3s_cluster: {}}}
"""


def test_hosts_keep_their_last_number_in_this_checkouts_subnets(tmp_path: Path) -> None:
    file = tmp_path / "hosts.yml"
    file.write_text(INVENTORY)
    room = the_testbed(State(id="abcdef", block="10.128.16.0/20"), file)
    assert room.name == "forge-abcdef"
    assert room.hosts == [
        Host("control-01", {"cluster": "10.128.16.11", "boundary": "10.128.17.11"}),
        Host("mac-studio", {"inference": "10.128.18.41"}),
    ]
    assert room.gateways()["cluster"] == "10.128.16.1"


@pytest.mark.parametrize(
    ("addresses", "message"),
    [
        ({"cluster": "10.9.9.9"}, "a: 10.9.9.9 is not in cluster"),
        ({"outside": "10.0.0.5"}, "a: wire 'outside' is not in the room"),
    ],
)
def test_a_room_refuses_an_address_off_its_wire(
    addresses: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Room("r", {"cluster": "10.0.0.0/24"}, [Host("a", addresses)])
