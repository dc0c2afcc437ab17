import pytest

from forge.k3s import version_finding

NOW = "v1.36.4+k3s1"


@pytest.mark.parametrize(
    "wanted",
    [NOW, "v1.36.4+k3s2", "v1.36.5+k3s1", "v1.37.0+k3s1", "v1.36.4+standin1"],
)
def test_same_patch_and_next_minor_are_allowed(wanted: str) -> None:
    assert version_finding(NOW, wanted) == ""


def test_first_install_may_take_any_version() -> None:
    assert version_finding("", "v1.40.0+k3s1") == ""


def test_release_may_follow_its_candidate() -> None:
    assert version_finding("v1.36.4-rc1+k3s1", NOW) == ""


@pytest.mark.parametrize(
    "wanted", ["v1.36.3+k3s1", "v1.35.9+k3s1", "v1.36.4-rc2+k3s1", "v0.36.4+k3s1"]
)
def test_downgrade_is_refused_and_names_both_versions(wanted: str) -> None:
    finding = version_finding(NOW, wanted)

    assert finding.startswith(f"{wanted} is older than {NOW}")
    assert "restore a snapshot" in finding


def test_older_build_of_the_same_flavour_is_a_downgrade() -> None:
    assert "is older" in version_finding("v1.36.4+k3s2", NOW)


@pytest.mark.parametrize("wanted", ["v1.38.0+k3s1", "v1.40.2+k3s1", "v2.0.0+k3s1"])
def test_skipped_minor_names_the_one_to_take_first(wanted: str) -> None:
    finding = version_finding(NOW, wanted)

    assert "skips a minor version" in finding
    assert "v1.37" in finding


@pytest.mark.parametrize("text", ["latest", "1.36.4", "v1.36.4", "v1.36+k3s1", "v1.x"])
def test_what_is_no_version_is_said_with_the_right_form(text: str) -> None:
    assert "v1.36.4+k3s1" in version_finding("", text)
    assert repr(text) in version_finding(text, NOW)
