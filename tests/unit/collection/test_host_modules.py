"""The modules that read and set a host: what they make of what the host says."""

import importlib
import json
import os
import pwd
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

CHECKOUT = Path(__file__).parents[3]
PLUGINS = "ansible_collections.forge.platform.plugins"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="the files are root's")

type Run = Callable[..., tuple[int, dict[str, Any]]]


def plugin(name: str) -> Any:
    return importlib.import_module(f"{PLUGINS}.{name}")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a module once in a play on localhost; return status and answer."""

    def play(module: str, *flags: str, **options: object) -> tuple[int, Any]:
        task = {"name": "Try", f"forge.platform.{module}": options}
        plays = [{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]
        book = tmp_path / "play.yml"
        book.write_text(yaml.safe_dump(plays))
        environment = os.environ | {
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "ANSIBLE_LOCAL_TEMP": str(tmp_path / "ansible"),
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        }
        ansible = Path(sys.executable).with_name("ansible-playbook")
        done = subprocess.run(
            [ansible, "--inventory", "other,", book, *flags],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        answer = json.loads(done.stdout)["plays"][0]["tasks"][0]["hosts"]["localhost"]
        return done.returncode, answer

    return play


# host_probe


@pytest.mark.parametrize(
    ("effective", "holds"),
    [("000001ffffffffff", True), ("000001fffdffffff", False), ("0", False)],
)
def test_a_capability_is_one_bit_of_the_status(effective: str, holds: bool) -> None:  # noqa: FBT001 - the expected value
    probe = plugin("modules.host_probe")
    assert probe.holds(f"CapInh:\t0\nCapEff:\t{effective}\n", 25) is holds


def test_only_the_unified_hierarchy_is_version_2() -> None:
    version = plugin("modules.host_probe").cgroup_version
    assert version("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n") == 2
    assert version("tmpfs /sys/fs/cgroup tmpfs rw 0 0\n") == 1
    # The hybrid form mounts the new hierarchy beside the old ones.
    assert version("cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n") == 1


def test_a_removed_package_is_not_installed() -> None:
    listing = "installed nft\nconfig-files chrony\ninstalled apt\ninstalled nft\n"
    assert plugin("modules.host_probe").installed(listing) == ["apt", "nft"]


@pytest.mark.parametrize(
    ("field", "opens"), [("!", False), ("*", False), ("!$y$j9T$x", False), ("", True),
                         ("$y$j9T$x", True)],
)  # fmt: skip
def test_an_empty_password_opens_too(field: str, opens: bool) -> None:  # noqa: FBT001 - the expected value
    shadow = f"daemon:*:1::::::\nroot:{field}:1::::::\n"
    assert plugin("modules.host_probe").root_password(shadow) is opens


def test_names_of_the_loopback_are_those_of_its_lines() -> None:
    hosts = "127.0.0.1 localhost # a b\n127.0.1.1\tmac mac.local\n1.2.3.4 x\n"
    names = plugin("modules.host_probe").loopback_names(hosts)
    assert names == ["localhost", "mac", "mac.local"]


def test_units_are_enabled_and_active_apart() -> None:
    listing = (
        "Id=a.service\nActiveState=active\nUnitFileState=disabled\n\n"
        "Id=b.service\nActiveState=failed\nUnitFileState=enabled\n\n"
        "Id=absent.service\nActiveState=inactive\nUnitFileState=\n"
    )
    assert plugin("modules.host_probe").unit_states(listing) == {
        "a.service": {"enabled": False, "active": True},
        "b.service": {"enabled": True, "active": False},
        "absent.service": {"enabled": False, "active": False},
    }


def test_addresses_leave_out_the_loopback() -> None:
    links = [
        {"addr_info": [{"local": "127.0.0.1"}]},
        {"addr_info": [{"local": "10.0.0.2"}, {"local": "10.0.0.1"}]},
        {},
    ]
    found = plugin("modules.host_probe").addresses(json.dumps(links))
    assert found == ["10.0.0.1", "10.0.0.2"]
    assert plugin("modules.host_probe").addresses("") == []


def test_the_system_is_named_by_its_release_file() -> None:
    text = 'NAME="Ubuntu"\nID=ubuntu\nVERSION_ID="24.04"\n'
    release = plugin("modules.host_probe").os_release(text)
    assert release == {"id": "ubuntu", "version": "24.04"}


# kernel_settings


@pytest.mark.parametrize(
    ("name", "exists", "writable", "container", "reason"),
    [
        ("vm.panic_on_oom", True, True, False, ""),
        ("vm.panic_on_oom", True, True, True, "it belongs to the machine"),
        ("kernel.panic", True, True, True, ""),
        ("net.ipv4.ip_forward", True, True, True, ""),
        ("net.ipv4.ip_forward", True, False, False, "it can only be read"),
        ("net.bridge.x", False, False, False, "this kernel does not have it"),
    ],
)
def test_a_host_sets_what_is_its_own(
    name: str,
    exists: bool,  # noqa: FBT001 - a column of the table
    writable: bool,  # noqa: FBT001 - a column of the table
    container: bool,  # noqa: FBT001 - a column of the table
    reason: str,
) -> None:
    found = plugin("module_utils.kernel_settings").obstacle(
        name,
        exists=exists,
        writable=writable,
        container=container,
        mounts={"/proc/sys/kernel/panic"},
    )
    assert found.startswith(reason)
    assert bool(found) == bool(reason)


def test_a_dot_of_an_interface_is_written_as_a_slash() -> None:
    path = plugin("module_utils.kernel_settings").path_of
    assert path("net.ipv4.conf.eth0/1.rp_filter") == (
        "/proc/sys/net/ipv4/conf/eth0.1/rp_filter"
    )


def test_tabs_of_the_kernel_are_not_a_difference() -> None:
    same = plugin("module_utils.kernel_settings").same
    assert same("4096\t87380 6291456\n", "4096 87380 6291456")
    assert not same("1", "10")


def test_a_required_setting_that_is_absent_fails(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "sysctl.conf"
    code, answer = run(
        "kernel_settings", settings={"net.no_such": "1"}, required=["net.no_such"],
        path=str(path),
    )  # fmt: skip
    assert code != 0
    assert "net.no_such: this kernel does not have it" in answer["msg"]
    assert not path.exists()


# nft_table


def test_a_table_is_replaced_in_one_file() -> None:
    nft = plugin("module_utils.nft_table")
    body = "chain input {\n}\n"
    text = nft.framed("inet", "forge", body)
    start = ["table inet forge", "delete table inet forge", "table inet forge {"]
    lines = [line for line in text.splitlines() if line]
    assert lines[1:4] == start
    assert nft.digest(body) in lines[4]
    assert "flush" not in text


def test_the_digest_is_that_of_the_loaded_table() -> None:
    nft = plugin("module_utils.nft_table")
    listing = {"nftables": [{"metainfo": {}}, {"table": {"comment": "sha256:1"}}]}
    assert nft.loaded_digest(json.dumps(listing)) == "sha256:1"
    listing["nftables"][1] = {"table": {"name": "forge"}}
    assert nft.loaded_digest(json.dumps(listing)) is None


def test_undo_restores_kernel_and_file() -> None:
    nft = plugin("module_utils.nft_table")
    assert nft.undo_rules("inet", "forge", None).endswith("delete table inet forge\n")
    assert nft.undo_rules("inet", "forge", "table x {}\n").endswith("table x {}\n")
    assert nft.undo_script("/r", "/f", "/k k") == "nft -f /r; cp '/k k' /f"
    assert nft.undo_script("/r", "/f", None) == "nft -f /r; rm -f /f"


# config_files


@needs_root
def test_files_are_written_with_their_folders(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.conf"
    files = [{"path": str(path), "content": "x\n", "mode": "0640"}]
    for flags, changed, present in (
        (["--check"], True, False), ([], True, True), ([], False, True)
    ):  # fmt: skip
        code, answer = run("config_files", *flags, files=files)
        assert (code, answer["changed"], path.exists()) == (0, changed, present)
    assert path.read_text() == "x\n"
    path.chmod(0o644)
    assert run("config_files", files=files)[1]["written"] == [str(path)]
    assert path.stat().st_mode & 0o777 == 0o640


@needs_root
def test_files_and_folders_belong_to_whom_they_must(run: Run, tmp_path: Path) -> None:
    folder, file = tmp_path / "own", tmp_path / "own" / "secret"
    wanted: dict[str, Any] = {
        "folders": [
            {"path": str(folder), "owner": "nobody", "group": "root", "mode": "0710"}
        ],
        "files": [
            {"path": str(file), "content": "x", "owner": "nobody", "mode": "0600"}
        ],
    }
    for flags, changed in ((["--check"], True), ([], True), ([], False)):
        code, answer = run("config_files", *flags, **wanted)
        assert (code, answer["changed"]) == (0, changed), answer
    nobody = pwd.getpwnam("nobody")
    for path, gid, mode in ((folder, 0, 0o710), (file, nobody.pw_gid, 0o600)):
        found = path.stat()
        assert (found.st_uid, found.st_gid) == (nobody.pw_uid, gid)
        assert found.st_mode & 0o777 == mode
    os.chown(folder, 0, 0)
    _, answer = run("config_files", **wanted)
    assert answer["written"] == [str(folder)]


@needs_root
def test_an_account_that_is_not_there_changes_nothing(run: Run, tmp_path: Path) -> None:
    files = [{"path": str(tmp_path / "x"), "content": "x", "owner": "nobody-at-all"}]
    code, answer = run("config_files", files=files)
    assert code != 0
    assert "nobody-at-all" in answer["msg"]
    assert not (tmp_path / "x").exists()
    code, answer = run("config_files", "--check", files=files)
    assert (code, answer["changed"]) == (0, True)


@needs_root
def test_no_file_is_written_if_one_is_refused(run: Run, tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    files = [
        {"path": str(good), "content": "x\n", "validate": "grep -q x %s"},
        {"path": str(bad), "content": "y\n", "validate": "grep -q x %s"},
    ]
    code, answer = run("config_files", files=files)
    assert code != 0
    assert answer["msg"].startswith(f"{bad}: grep refuses the new content")
    assert not good.exists()


@needs_root
def test_other_files_leave_an_exclusive_folder(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "only"
    folder.mkdir()
    (folder / "old").write_text("old")
    files = [{"path": str(folder / "new"), "content": "new\n"}]
    _, answer = run("config_files", files=files, exclusive=str(folder))
    assert answer["removed"] == [str(folder / "old")]
    assert [file.name for file in folder.iterdir()] == ["new"]


@needs_root
def test_a_product_older_than_its_files_is_a_change(run: Run, tmp_path: Path) -> None:
    source, product = tmp_path / "source", tmp_path / "product"
    source.write_text("x\n")
    source.chmod(0o644)
    product.write_text("made")
    options: dict[str, Any] = {
        "files": [{"path": str(source), "content": "x\n"}],
        "product": str(product),
    }
    _, answer = run("config_files", **options)
    assert (answer["changed"], answer["outdated"]) == (False, False)
    os.utime(product, (1, 1))
    _, answer = run("config_files", **options)
    assert (answer["changed"], answer["outdated"]) == (True, True)
    assert answer["written"] == []


@needs_root
def test_inputs_are_compared_and_not_written(run: Run, tmp_path: Path) -> None:
    product, release, link = (tmp_path / n for n in ("product", "release", "link"))
    product.write_text("made")
    release.write_text("older than what runs")
    os.utime(release, (1, 1))
    options: dict[str, Any] = {
        "files": [],
        "product": str(product),
        "inputs": [str(link), str(tmp_path / "missing")],
    }
    assert run("config_files", **options)[1]["outdated"] is False
    os.utime(product, (2, 2))
    # A link to an older release is itself younger.
    link.symlink_to(release)
    assert run("config_files", **options)[1]["outdated"] is True
    os.utime(product)
    assert run("config_files", **options)[1]["outdated"] is False


def test_a_unit_that_does_not_run_reads_nothing() -> None:
    started = plugin("modules.config_files").started
    stamp = "StateChangeTimestamp=Mon 2026-11-23 06:50:30.250000 UTC\n"
    assert started(f"ActiveState=inactive\n{stamp}") is None
    assert started(f"ActiveState=active\n{stamp}") == 1795416630.25
