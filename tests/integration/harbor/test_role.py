"""The role on a double of Harbor: check, converge, the same again, refusals."""

from typing import Any

from tests.integration.harbor.conftest import Lab, Run
from tests.integration.harbor.harbor_double import Double

TOKEN = "token-of-the-hub"  # noqa: S105 - of the tests
CACHES = {"dockerhub", "ghcr", "quay", "k8s"}


def applied(lab: Lab, *flags: str, plain: bool = True, **changes: Any) -> Run:
    """Run the role with its own projects, robots, rules and caches."""
    variables = {
        "harbor_endpoint": lab.double.url,
        "harbor_password": lab.double.objects.admin_password,
        "harbor_timeout": 5,
        "harbor_secrets_folder": str(lab.folder / "robots"),
        "harbor_upstream_accounts": {
            "docker-hub": {"username": "forge", "password": TOKEN}
        },
        **changes,
    }
    task = {"ansible.builtin.include_role": {"name": "harbor"}, "vars": variables}
    return lab.play({"tasks": [task]}, *flags, plain=plain)


def writes(double: Double) -> int:
    return len(double.writes)


def test_check_converge_again(lab: Lab) -> None:
    checked = applied(lab, "--check")
    assert checked.ok, checked.text
    assert writes(lab.double) == 0
    assert not (lab.folder / "robots").exists()

    made = applied(lab, "-v")
    assert made.ok, made.text
    objects = lab.double.objects
    assert set(objects.projects) == {"platform", "models", *CACHES}
    assert {r["type"] for r in objects.registries.values()} == {
        "docker-hub", "github-ghcr", "quay", "docker-registry"
    }  # fmt: skip
    assert list(objects.passwords.values()) == [TOKEN]
    assert set(objects.secrets) == {
        "robot$platform+ci", "robot$models+models", "robot$nodes"
    }  # fmt: skip
    for secret in (*objects.secrets.values(), TOKEN, objects.admin_password):
        assert secret not in made.text
    files = list((lab.folder / "robots").iterdir())
    assert len(files) == 3
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}

    before = writes(lab.double)
    again = applied(lab)
    assert again.ok, again.text
    assert "changed=0 " in again.text
    assert writes(lab.double) == before


def test_bad_input_is_refused_before_harbor_is_asked(lab: Lab) -> None:
    rules = [{"project": "none", "retention": []}]
    for changes, said in (
        ({"harbor_password": ""}, "harbor_password is empty; give the password of"),
        ({"harbor_rules": rules}, "name none, which neither harbor_projects"),
        ({"harbor_projects": [{"name": "ghcr"}]}, "are the same project"),
        ({"harbor_upstream_accounts": {"hub": {}}}, "its keys are names of caches"),
    ):
        done = applied(lab, plain=False, **changes)
        assert not done.ok
        assert said in done.said
    assert lab.double.asked == []
