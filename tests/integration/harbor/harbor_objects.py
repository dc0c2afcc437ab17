"""What the double of Harbor holds, and the rules that Harbor documents for it."""

import itertools
import json
import re
import secrets
import time
from typing import Any

ADMIN = "admin"
NAME = re.compile(r"^[a-z0-9]+(?:[._-][a-z0-9]+)*$")
RULES_MAX = 15
DAY = 86400  # seconds
KINDS = {"docker-hub", "docker-registry", "github-ghcr", "harbor", "quay"}
TEMPLATES = {
    "latestPushedK", "latestPulledN", "nDaysSinceLastPush", "nDaysSinceLastPull",
    "always",
}  # fmt: skip

type Object = dict[str, Any]


class Problem(Exception):  # noqa: N818 - an answer, not a fault of the double
    """An answer that is an error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def bad(message: str) -> Problem:
    return Problem(400, "BAD_REQUEST", message)


def missing(message: str) -> Problem:
    return Problem(404, "NOT_FOUND", message)


def conflict(message: str) -> Problem:
    return Problem(409, "CONFLICT", message)


class Objects:
    """Projects, quotas, robots, endpoints and rules; what is refused is a `Problem`."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)
        self.admin_password = "Harbor-of-the-tests-1"  # noqa: S105 - of the double
        self.prefix = "robot$"
        self.has_quotas = True
        self.projects: dict[str, Object] = {}
        self.quotas: dict[int, Object] = {}
        self.robots: dict[int, Object] = {}
        self.secrets: dict[str, str] = {}
        self.registries: dict[int, Object] = {}
        self.passwords: dict[int, str] = {}  # of endpoints
        self.unhealthy: set[str] = set()  # addresses
        self.retentions: dict[int, Object] = {}
        self.locks: dict[str, dict[int, Object]] = {}
        self.repositories: dict[str, int] = {}  # how many, by project

    def knows(self, name: str, secret: str) -> bool:
        if name == ADMIN:
            return secret == self.admin_password
        robot = next((r for r in self.robots.values() if r["name"] == name), None)
        if robot is None or robot["disable"] or 0 < robot["expires_at"] <= time.time():
            return False
        return self.secrets[name] == secret

    # Projects and quotas.

    def project(self, name: str | int) -> Object:
        for project in self.projects.values():
            if name in (project["name"], project["project_id"]):
                return project
        raise missing(f"project {name} not found")

    def make_project(self, body: Object) -> tuple[int, None]:
        name = body.get("project_name", "")
        if not isinstance(name, str) or len(name) > 255:
            raise Problem(
                422, "UNPROCESSABLE_ENTITY", "project_name in body is too long"
            )
        if not NAME.match(name):
            raise bad(
                "project name is not in lower case or contains illegal characters!"
            )
        if name in self.projects:
            raise conflict(f"The project named {name} already exists")
        registry = body.get("registry_id")
        if registry is not None and registry not in self.registries:
            raise bad(f"registry {registry} not found")
        number = next(self.numbers)
        self.projects[name] = {
            "project_id": number,
            "name": name,
            "metadata": {"public": "false", **_metadata(body)},
            "registry_id": registry or 0,
        }
        self.locks[name] = {}
        if self.has_quotas:
            limit = body.get("storage_limit") or -1
            quota = next(self.numbers)
            self.quotas[quota] = {
                "id": quota, "ref": {"id": number, "name": name},
                "hard": {"storage": limit}, "used": {"storage": 0},
            }  # fmt: skip
        if registry is not None:
            self._default_retention(number)
        return number, None

    def _default_retention(self, number: int) -> None:
        """Of a proxy cache Harbor keeps what was pulled within seven days."""
        selector = {"kind": "doublestar", "pattern": "**"}
        rule = {
            "template": "nDaysSinceLastPull", "action": "retain",
            "params": {"nDaysSinceLastPull": 7},
            "tag_selectors": [{**selector, "decoration": "matches"}],
            "scope_selectors": {
                "repository": [{**selector, "decoration": "repoMatches"}]
            },
        }  # fmt: skip
        self.make_retention({
            "algorithm": "or", "rules": [rule],
            "trigger": {"kind": "Schedule", "settings": {"cron": "0 0 0 * * *"}},
            "scope": {"level": "project", "ref": number},
        })  # fmt: skip

    def change_project(self, name: str | int, body: Object) -> None:
        self.project(name)["metadata"].update(_metadata(body))

    def remove_project(self, name: str | int) -> None:
        project = self.project(name)
        if self.repositories.get(project["name"]):
            raise Problem(
                412, "PRECONDITION", "the project contains repositories"
            )  # fmt: skip
        del self.projects[project["name"]]

    def list_quotas(self, query: dict[str, str]) -> list[Object]:
        if query.get("reference") != "project":
            raise bad("reference is not supported")
        wanted = query.get("reference_id")
        return [q for q in self.quotas.values() if str(q["ref"]["id"]) == wanted]

    def change_quota(self, number: int, body: Object) -> None:
        if number not in self.quotas:
            raise missing(f"quota {number} not found")
        limit = body.get("hard", {}).get("storage")
        if not isinstance(limit, int) or limit == 0 or limit < -1:
            raise bad("invalid hard limit value for resource storage")
        self.quotas[number]["hard"] = {"storage": limit}

    # Robots.

    def list_robots(self, query: dict[str, str]) -> list[Object]:
        said = dict(part.split("=") for part in query.get("q", "").split(",") if part)
        level = said.get("Level", "system")
        if level == "project" and "ProjectID" not in said:
            raise bad("must with project ID when to query project robots")
        found = [r for r in self.robots.values() if r["level"] == level]
        if level == "project":
            number = int(said["ProjectID"])
            found = [r for r in found if r["project_id"] == number]
        return found

    def make_robot(self, body: Object) -> tuple[int, Object]:
        if not NAME.match(body.get("name", "")):
            raise bad("robot name is not in lower case or contains illegal characters")
        owner = self._check_robot(body)
        name = f"{owner['name']}+{body['name']}" if owner else body["name"]
        full = self.prefix + name
        if any(robot["name"] == full for robot in self.robots.values()):
            raise conflict(f"robot account {name} already exists")
        number = next(self.numbers)
        self.robots[number] = {
            **body, "id": number, "name": full, "editable": True,
            "disable": body.get("disable", False),
            "project_id": owner["project_id"] if owner else 0,
            "expires_at": _ends(body["duration"]),
        }  # fmt: skip
        self.secrets[full] = f"Aa1{secrets.token_hex(15)}"
        shown = {"id": number, "name": full, "secret": self.secrets[full]}
        return number, shown

    def _check_robot(self, body: Object) -> Object | None:
        """The project of a robot of one; `None`: it is of the system."""
        level, rights = body.get("level"), body.get("permissions") or []
        if level not in ("project", "system"):
            raise bad(f"bad request error level input: {level}")
        if not isinstance(body.get("duration"), int) or body["duration"] < -1:
            raise bad(f"bad request error duration input: {body.get('duration')}")
        if not rights:
            raise bad("bad request empty permission")
        if not all(each.get("access") for each in rights):
            raise bad("bad request empty access")
        if level == "project" and len(rights) > 1:
            raise bad("bad request permission")
        for each in rights:
            if each["kind"] == "project" and each["namespace"] != "*":
                self.project(each["namespace"])
        return self.project(rights[0]["namespace"]) if level == "project" else None

    def _robot(self, number: int) -> Object:
        if number not in self.robots:
            raise missing(f"robot {number} not found")
        return self.robots[number]

    def change_robot(self, number: int, body: Object) -> None:
        robot = self._robot(number)
        self._check_robot(body)
        if (body.get("level"), body.get("name")) != (robot["level"], robot["name"]):
            raise bad("cannot update the level or name of robot")
        if robot["duration"] != body["duration"]:
            robot["expires_at"] = _ends(body["duration"])
        taken = ("description", "disable", "duration", "permissions")
        robot.update({name: body[name] for name in taken})

    def renew_robot(self, number: int, body: Object) -> Object:
        name, given = self._robot(number)["name"], body.get("secret")
        if given and not re.match(r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9]).{8,}", given):
            raise bad("the secret must longer than 8 chars with at least 1 uppercase")
        self.secrets[name] = given or f"Aa1{secrets.token_hex(15)}"
        return {"secret": "" if given else self.secrets[name]}

    def remove_robot(self, number: int) -> None:
        del self.secrets[self._robot(number)["name"]]
        del self.robots[number]

    # Endpoints.

    def list_registries(self, _: dict[str, str]) -> list[Object]:
        return list(self.registries.values())

    def make_registry(self, body: Object) -> tuple[int, None]:
        if body.get("type") not in KINDS:
            raise bad(f"adapter for {body.get('type')} not found")
        if any(r["name"] == body["name"] for r in self.registries.values()):
            raise conflict(f"registry {body['name']} already exists")
        self._check_health(body["url"])
        number, credential = next(self.numbers), body.get("credential")
        self.registries[number] = {
            **body, "id": number, "url": body["url"].rstrip("/"), "status": "healthy",
        }  # fmt: skip
        if credential:
            self.passwords[number] = credential["access_secret"]
            hidden = {**credential, "access_secret": "*****"}
            self.registries[number]["credential"] = hidden
        return number, None

    def change_registry(self, number: int, body: Object) -> None:
        registry = self.registries[number]
        self._check_health(str(body.get("url", registry["url"])))
        taken = ("name", "description", "url", "insecure")
        registry.update({name: body[name] for name in taken if name in body})
        if "access_key" in body:
            self.passwords[number] = body["access_secret"]
            registry["credential"] = {
                "type": body["credential_type"], "access_key": body["access_key"],
                "access_secret": "*****",
            }  # fmt: skip

    def _check_health(self, url: str) -> None:
        if url in self.unhealthy:
            raise bad("the registry is unhealthy")

    # Retention and immutable tags.

    def retention(self, number: int) -> Object:
        if number not in self.retentions:
            raise missing(f"retention policy {number} not found")
        return self.retentions[number]

    def make_retention(self, body: Object) -> tuple[int, None]:
        project = self._check_retention(body)
        old = project["metadata"].get("retention_id")
        if old:
            raise bad(
                f"project {project['project_id']} already has retention policy {old}"
            )
        number = next(self.numbers)
        self.retentions[number] = {**body, "id": number}
        project["metadata"]["retention_id"] = str(number)
        return number, None

    def change_retention(self, number: int, body: Object) -> None:
        project = self._check_retention(body)
        if project["metadata"].get("retention_id") != str(number):
            raise missing(f"the retention policy id {number} does not match")
        self.retentions[number] = {**body, "id": number}

    def _check_retention(self, body: Object) -> Object:
        if len(body["rules"]) > RULES_MAX:
            raise bad("only 15 rules are allowed at most")
        texts = [json.dumps(rule, sort_keys=True) for rule in body["rules"]]
        if len(set(texts)) != len(texts):
            raise conflict("rule 1 is conflict with rule 0")
        if not {rule["template"] for rule in body["rules"]} <= TEMPLATES:
            raise bad("template is not supported")
        if body["scope"]["level"] != "project":
            raise bad(f"scope {body['scope']['level']} is not support")
        cron = body["trigger"]["settings"]["cron"]
        if cron and len(cron.split()) != 6:
            raise bad(f"invalid cron {cron}")
        return self.project(body["scope"]["ref"])

    def list_locks(self, name: str | int, _: dict[str, str]) -> list[Object]:
        return list(self.locks[self.project(name)["name"]].values())

    def make_lock(self, name: str | int, body: Object) -> tuple[int, None]:
        there = self.locks[self.project(name)["name"]]
        if any(_same(rule, body) for rule in there.values()):
            raise conflict("immutable rule already exists")
        number = next(self.numbers)
        there[number] = {**body, "id": number, "priority": 0}
        return number, None

    def change_lock(self, name: str | int, number: int, body: Object) -> None:
        if body.get("id") != number:
            raise bad("the immutable_rule_id doesn't match the id in the payload body")
        self._lock(name, number).update(body)

    def remove_lock(self, name: str | int, number: int) -> None:
        self._lock(name, number)
        del self.locks[self.project(name)["name"]][number]

    def _lock(self, name: str | int, number: int) -> Object:
        there = self.locks[self.project(name)["name"]]
        if number not in there:
            raise missing(f"project id {name} does not match")
        return there[number]


def _metadata(body: Object) -> dict[str, str]:
    """A project's settings: text, as Harbor has them."""
    found = body.get("metadata") or {}
    for name, value in found.items():
        if not isinstance(value, str):
            raise Problem(
                422, "UNPROCESSABLE_ENTITY", f"metadata.{name} must be of type string"
            )  # fmt: skip
    if found.get("public", "true") not in ("true", "false"):
        raise bad("metadata.public should only be 'true' or 'false'")
    return dict(found)


def _ends(days: int) -> int:
    return -1 if days == -1 else int(time.time()) + days * DAY


def _same(one: Object, other: Object) -> bool:
    names = ("tag_selectors", "scope_selectors")
    return all(one[name] == other[name] for name in names)
