"""Projects, retention and proxy caches: made, the same again, changed, refused.

Against a double of Harbor's documented contract, never a real Harbor.
"""

from typing import Any

import pytest
import requests
from tests.integration.harbor.conftest import Lab

PROJECT: dict[str, Any] = {"name": "models", "quota_bytes": 1000}
RULES: dict[str, Any] = {
    "project": "models",
    "retention": [
        {"keep": "latestPushedK", "count": 10},
        {"keep": "always", "tags": "v*", "untagged": False},
    ],
    "immutable": [{"tags": "v*"}],
}
CACHE: dict[str, Any] = {
    "name": "docker-hub", "project": "dockerhub", "type": "docker-hub",
    "url": "https://hub.docker.com", "upstream_username": "forge",
    "upstream_password": "token-of-the-hub",
}  # fmt: skip
ALL = (
    {"harbor_project": PROJECT},
    {"harbor_retention": RULES},
    {"harbor_proxy_cache": CACHE},
)


def test_check_make_again_and_check(lab: Lab) -> None:
    checked = lab.run(*ALL, flags=("--check",))
    assert checked.ok, checked.text
    assert checked.changed == [True, True, True]
    assert checked.results[0]["diff"]["after"]["quota_bytes"] == 1000
    assert lab.double.writes == []

    made = lab.run(*ALL)
    assert made.ok, made.text
    assert made.changed == [True, True, True]
    objects = lab.double.objects
    assert set(objects.projects) == {"models", "dockerhub"}
    assert objects.projects["models"]["metadata"]["public"] == "false"
    assert len(objects.locks["models"]) == 1
    [registry] = objects.registries
    assert objects.projects["dockerhub"]["registry_id"] == registry
    assert objects.passwords == {registry: "token-of-the-hub"}
    assert "token-of-the-hub" not in made.text
    assert objects.admin_password not in made.text

    before = len(lab.double.writes)
    for flags in ((), ("--check",)):
        again = lab.run(*ALL, flags=flags)
        assert again.ok, again.text
        assert again.changed == [False, False, False], again.text
    assert len(lab.double.writes) == before


def test_what_others_changed_is_shown_and_put_right(lab: Lab) -> None:
    assert lab.run(*ALL).ok
    objects = lab.double.objects
    objects.projects["models"]["metadata"]["public"] = "true"
    [quota] = [q for q in objects.quotas.values() if q["ref"]["name"] == "models"]
    quota["hard"]["storage"] = -1
    number = int(objects.projects["models"]["metadata"]["retention_id"])
    del objects.retentions[number]["rules"][0]
    [lock] = objects.locks["models"].values()
    lock["disabled"] = True
    [registry] = objects.registries.values()
    registry["url"] = "https://elsewhere.example"

    found = lab.run(*ALL, flags=("--check",))
    assert found.changed == [True, True, True], found.text
    assert found.results[0]["diff"]["before"]["public"] is True
    assert found.results[0]["diff"]["before"]["quota_bytes"] == -1
    assert len(found.results[1]["diff"]["before"]["retention"]["rules"]) == 1
    assert found.results[1]["diff"]["before"]["immutable"][0]["disabled"] is True
    shown = found.results[2]["diff"]["before"]["endpoint"]
    assert shown["url"] == "https://elsewhere.example"

    assert lab.run(*ALL).ok
    assert lab.run(*ALL).changed == [False, False, False]
    assert quota["hard"]["storage"] == 1000
    assert lock["disabled"] is False
    assert registry["url"] == "https://hub.docker.com"


def test_a_projects_policy_stays_one_also_of_a_proxy_cache(lab: Lab) -> None:
    rules = {**RULES, "project": "dockerhub", "immutable": []}
    done = lab.run({"harbor_proxy_cache": CACHE}, {"harbor_retention": rules})
    assert done.ok, done.text
    [policy] = lab.double.objects.retentions.values()
    templates = [rule["template"] for rule in policy["rules"]]
    assert templates == ["latestPushedK", "always"]


def test_undeclared_locks_stay_unless_told(lab: Lab) -> None:
    assert lab.run(*ALL).ok
    other = {**RULES, "immutable": [{"tags": "release-*"}]}
    kept = lab.run({"harbor_retention": other})
    assert kept.results[0]["strangers"] == [
        {"repositories": "repoMatches **", "tags": "matches v*"}
    ]
    assert len(lab.double.objects.locks["models"]) == 2
    assert lab.run({"harbor_retention": {**other, "remove_undeclared": True}}).ok
    [lock] = lab.double.objects.locks["models"].values()
    assert lock["tag_selectors"][0]["pattern"] == "release-*"


def test_a_removed_project_is_gone_and_one_in_use_stays(lab: Lab) -> None:
    gone = {"harbor_project": {"name": "models", "state": "absent"}}
    assert lab.run({"harbor_project": PROJECT}).ok
    lab.double.objects.repositories["models"] = 1
    refused = lab.run(gone)
    assert not refused.ok
    assert "HTTP 412" in refused.said
    assert "something still uses it" in refused.said
    lab.double.objects.repositories.clear()
    assert lab.run(gone, gone).changed == [True, False]


def test_names_of_digits_and_lists_of_many_pages(lab: Lab) -> None:
    objects = lab.double.objects
    for n in range(250):
        url = f"https://r{n}.example"
        objects.make_registry({"name": f"r{n}", "type": "quay", "url": url})
    last = {**CACHE, "name": "r249", "type": "quay", "url": "https://r249.example"}
    last |= {"upstream_username": "", "upstream_password": ""}
    done = lab.run({"harbor_project": {"name": "7"}}, {"harbor_proxy_cache": last})
    assert done.ok, done.text
    assert len(objects.registries) == 250
    pages = [each for each in lab.double.asked if each.path.endswith("/registries")]
    assert len(pages) == 3
    assert lab.run({"harbor_project": {"name": "7"}}).changed == [False]


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("project", {"name": "Models"}, "project 'Models': a name is 1 to 255"),
    ("project", {**PROJECT, "quota_bytes": 0}, "give more than 0, or -1"),
    ("project", {**PROJECT, "quota_bytes": 5}, "quota exceeded: 50 bytes are st"),
    ("project", {**PROJECT, "password": "no"}, "refuses the credentials: compare"),
    ("project", {**PROJECT, "endpoint": "http://127.0.0.1:1"}, "does not answer"),
    ("retention", {**RULES, "project": "none"}, "it is not there: make it first"),
    ("retention", {**RULES, "schedule": "0 2 * * *"}, "has 5 fields; Harbor wants"),
    (
        "retention",
        {**RULES, "retention": [{"keep": "latestPushedK"}]},
        "a count of",
    ),
    ("retention", {**RULES, "retention": [{"keep": "always"}] * 2}, "are the same"),
    ("proxy_cache", {**CACHE, "project": "models"}, "is no cache, and what a proj"),
    ("proxy_cache", {**CACHE, "upstream_password": ""}, "give both upstream_usern"),
    ("proxy_cache", {**CACHE, "url": "https://dead.example"}, "is unhealthy; look"),
]


def test_errors_say_what_where_and_what_to_do(lab: Lab) -> None:
    objects = lab.double.objects
    objects.make_project({"project_name": "models", "storage_limit": 1000})
    [quota] = objects.quotas.values()
    quota["used"] = {"storage": 50}
    objects.unhealthy.add("https://dead.example")
    before = repr(vars(objects))
    tasks = [{f"harbor_{module}": options} for module, options, _ in REFUSED]
    done = lab.run(*tasks, on_error="go on")
    assert len(done.results) == len(REFUSED)
    for result, (module, options, said) in zip(done.results, REFUSED, strict=True):
        assert result.get("failed"), (module, options)
        assert said in result["msg"]
    assert repr(vars(objects)) == before


@pytest.mark.parametrize(
    ("version", "said"),
    [("v2.1.6-1a2b3c", "is v2.1.6-1a2b3c; 2.2 or newer"), ("v1.10.1", "no API v2")],
)
def test_an_older_version_is_refused(lab: Lab, version: str, said: str) -> None:
    lab.double.version = version
    done = lab.run({"harbor_project": PROJECT})
    assert not done.ok
    assert said in done.said
    assert lab.double.writes == []


def test_read_only_and_conflict_are_told_and_the_rerun_converges(lab: Lab) -> None:
    lab.double.read_only = True
    done = lab.run({"harbor_project": PROJECT})
    assert "HTTP 403, DENIED: The system is in read only mode" in done.said
    assert "see that Harbor is not read-only" in done.said
    lab.double.read_only = False
    # The endpoint is made, its project refused: the next run makes what is missing.
    lab.double.objects.make_project({"project_name": "dockerhub"})
    conflict = lab.run({"harbor_proxy_cache": CACHE})
    assert "project dockerhub: is no cache" in conflict.said
    lab.double.objects.remove_project("dockerhub")
    assert lab.run({"harbor_proxy_cache": CACHE}).ok
    other = {**CACHE, "type": "quay"}
    assert "is of type docker-hub" in lab.run({"harbor_proxy_cache": other}).said


def test_the_double_itself_wants_a_csrf_token_of_sessions(lab: Lab) -> None:
    """What the modules must avoid: a cookie that was kept from an answer."""
    password = lab.double.objects.admin_password
    with requests.Session() as session:
        session.auth = ("admin", password)
        url = f"{lab.double.url}/api/v2.0/projects"
        assert session.post(url, json={"project_name": "one"}).status_code == 201
        refused = session.post(url, json={"project_name": "two"})
        assert refused.status_code == 403
        assert "CSRF" in refused.json()["errors"][0]["message"]
