"""The profile of a testbed: asked for once, kept with it, never made smaller."""

from pathlib import Path

import pytest
import yaml

from forge.errors import InputError
from forge.testbed.platform import DEFAULT, PROFILES, Platform, choose, kept_profile


@pytest.mark.parametrize(
    ("asked", "kept", "chosen"),
    [
        (None, None, "core"),
        ("platform", None, "platform"),
        (None, "platform", "platform"),
        ("platform", "core", "platform"),
        ("core", "core", "core"),
    ],
)
def test_the_asked_profile_then_the_testbeds_own_then_the_core(
    asked: str | None, kept: str | None, chosen: str
) -> None:
    assert choose(asked, kept) == chosen


def test_a_profile_that_has_less_is_refused() -> None:
    with pytest.raises(InputError, match=r"more than core\n.*make down"):
        choose("core", "platform")


def test_a_profile_that_is_none_lists_the_others() -> None:
    with pytest.raises(InputError, match=r"no profile 'full'\n.*core, platform"):
        choose("full", None)


def test_the_core_is_minio_registry_and_prometheus() -> None:
    assert PROFILES[DEFAULT] == ("minio", "registry", "prometheus")


def test_the_profile_is_kept_in_the_inventory_source(tmp_path: Path) -> None:
    source = tmp_path / "platform.yml"
    assert kept_profile(source) is None
    found = Platform("platform", PROFILES["platform"], {}, (tmp_path / "crds.yaml",))
    source.write_text(yaml.safe_dump({"all": {"vars": found.variables()}}))
    assert kept_profile(source) == "platform"
    assert found.variables()["platform_crds"] == [str(tmp_path / "crds.yaml")]


def test_a_source_from_before_profiles_is_the_core(tmp_path: Path) -> None:
    source = tmp_path / "platform.yml"
    source.write_text("all: {vars: {platform_components: [minio]}}\n")
    assert kept_profile(source) == "core"


def test_a_source_that_is_none_is_named(tmp_path: Path) -> None:
    source = tmp_path / "platform.yml"
    source.write_text("all: {}\n")
    with pytest.raises(InputError, match=r"platform\.yml: no inventory source"):
        kept_profile(source)
