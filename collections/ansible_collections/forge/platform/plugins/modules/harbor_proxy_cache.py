#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.harbor_proxy_cache``."""

DOCUMENTATION = r"""
module: harbor_proxy_cache
short_description: Have a proxy cache of another registry in Harbor
version_added: "0.1.0"
author: The Forge contributors
description:
  - Makes an endpoint for another registry, and a project that caches what is pulled
    through it.
  - Harbor gives such a project a policy that keeps what was pulled within seven days;
    M(forge.platform.harbor_retention) changes it.
extends_documentation_fragment: [forge.platform.harbor]
options:
  name:
    description: Of the endpoint.
    type: str
    required: true
  project:
    description: Of the project, the first part of what is pulled.
    type: str
    required: true
  type:
    description: Kind of the other registry. It is never changed.
    type: str
    choices: [docker-hub, docker-registry, github-ghcr, harbor, quay]
    required: true
  url:
    description: Of the other registry.
    type: str
    required: true
  description:
    description: Of the endpoint.
    type: str
    default: ""
  insecure:
    description: Harbor does not check the other registry's certificate.
    type: bool
    default: false
  upstream_username:
    description: With which Harbor pulls there; not given, without an account.
    type: str
    default: ""
  upstream_password:
    description: Its password or token. Harbor never tells it again.
    type: str
    default: ""
  update_password:
    description:
      - V(on_create) sends the password with a new endpoint or another username;
        V(always) at every run, which then reports a change.
    type: str
    choices: [on_create, always]
    default: on_create
  public:
    description: Anyone may pull.
    type: bool
    default: false
  scan_on_push:
    description: What is cached is scanned for vulnerabilities.
    type: bool
    default: false
  block_severity:
    description: Images with vulnerabilities this bad or worse cannot be pulled.
    type: str
    choices: [none, low, medium, high, critical]
    default: none
  quota_bytes:
    description: Bytes that the cache may hold, as of M(forge.platform.harbor_project).
    type: int
attributes:
  check_mode:
    description: Reads Harbor, and changes nothing.
    support: full
  diff_mode:
    description: Shows endpoint and project before and after; no password.
    support: full
"""

EXAMPLES = r"""
- name: Cache Docker Hub
  forge.platform.harbor_proxy_cache:
    endpoint: https://harbor.forge.internal
    username: admin
    password: "{{ harbor_admin_password }}"
    name: docker-hub
    project: dockerhub
    type: docker-hub
    url: https://hub.docker.com
    upstream_username: "{{ docker_hub_username }}"
    upstream_password: "{{ docker_hub_token }}"
"""

RETURN = r"""
done:
  description: What was changed, or would be.
  returned: success
  type: list
  elements: str
  sample: [endpoint docker-hub, project dockerhub]
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.forge.platform.plugins.module_utils import harbor_projects
from ansible_collections.forge.platform.plugins.module_utils.harbor_client import (
    Harbor,
    HarborError,
)
from ansible_collections.forge.platform.plugins.module_utils.harbor_module import (
    Plan,
    perform,
)

TEXT = {"type": "str", "required": True}
MAYBE = {"type": "str", "default": ""}
ALWAYS = "always"
KINDS = ["docker-hub", "docker-registry", "github-ghcr", "harbor", "quay"]
SPEC: dict[str, dict[str, Any]] = {
    "name": TEXT,
    "project": TEXT,
    "type": {**TEXT, "choices": KINDS},
    "url": TEXT,
    "description": MAYBE,
    "insecure": {"type": "bool", "default": False},
    "upstream_username": MAYBE,
    "upstream_password": {**MAYBE, "no_log": True},
    "update_password": {
        "type": "str",
        "choices": ["on_create", ALWAYS],
        "default": "on_create",
        "no_log": False,
    },
    **harbor_projects.OPTIONS,
}


def plan(harbor: Harbor, params: dict[str, Any]) -> Plan:
    """Compare endpoint and project with what is declared."""
    name, project_name = params["name"], params["project"]
    what = f"endpoint {name}"
    if bool(params["upstream_username"]) != bool(params["upstream_password"]):
        raise HarborError(
            f"{what}: give both upstream_username and upstream_password, or neither"
        )
    have = _read(harbor, name)
    project = harbor_projects.read(harbor, project_name)
    _check(params, have, project)
    want = harbor_projects.wanted(params, project)
    harbor_projects.check_quota(project_name, project, want["quota_bytes"])
    number = [have["id"]] if have else []  # filled when the endpoint is made
    before, after = _shown(have) if have else {}, _wanted(params)
    found = Plan(
        {"endpoint": before, "project": project.settings if project else {}},
        {"endpoint": after, "project": want},
    )
    if have is None:
        found.steps.append((what, _made(harbor, params, number)))
    elif before != after or params["update_password"] == ALWAYS:
        body = _update(params, secret=before["username"] != after["username"])
        path = f"/registries/{have['id']}"
        found.steps.append((what, lambda: harbor.change(what, path, body)))
    found.steps += harbor_projects.steps(
        harbor, project_name, project, want, lambda: number[0]
    )
    return found


def _read(harbor: Harbor, name: str) -> dict[str, Any] | None:
    # The query of names matches parts of them as well.
    found = harbor.every(f"endpoint {name}", "/registries")
    return next((each for each in found if each["name"] == name), None)


def _check(
    params: dict[str, Any],
    have: dict[str, Any] | None,
    project: harbor_projects.Project | None,
) -> None:
    """Refuse what Harbor never changes.

    Raises:
        HarborError: The endpoint is of another kind, or the project no cache of it.
    """
    if have and have["type"] != params["type"]:
        raise HarborError(
            f"endpoint {params['name']}: is of type {have['type']}, declared is "
            f"{params['type']}; that never changes: choose another name"
        )
    if project and (not have or project.registry_id != have["id"]):
        is_what = "a cache of another endpoint" if project.registry_id else "no cache"
        raise HarborError(
            f"project {params['project']}: is {is_what}, and what a project caches "
            "never changes: choose another project, or empty and remove that one"
        )


def _shown(registry: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": registry["type"],
        "url": registry["url"],
        "description": registry.get("description", ""),
        "insecure": bool(registry.get("insecure")),
        "username": (registry.get("credential") or {}).get("access_key", ""),
    }


def _wanted(params: dict[str, Any]) -> dict[str, Any]:
    same = {name: params[name] for name in ("type", "url", "description", "insecure")}
    # Harbor keeps addresses without a slash at their end.
    return {
        **same,
        "url": params["url"].rstrip("/"),
        "username": params["upstream_username"],
    }


def _made(
    harbor: Harbor, params: dict[str, Any], number: list[int]
) -> Callable[[], None]:
    def act() -> None:
        want = _wanted(params)
        username = want.pop("username")
        body = {"name": params["name"], **want}
        if username:
            body["credential"] = {
                "type": "basic",
                "access_key": username,
                "access_secret": params["upstream_password"],
            }
        what = f"endpoint {params['name']} of {params['url']}"
        number.append(harbor.create(what, "/registries", body)["id"])

    return act


def _update(params: dict[str, Any], *, secret: bool) -> dict[str, Any]:
    """What an endpoint is changed to; its password only if it has to be sent."""
    want = _wanted(params)
    body = {name: want[name] for name in ("url", "description", "insecure")}
    if secret or params["update_password"] == ALWAYS:
        body |= {
            "credential_type": "basic",
            "access_key": params["upstream_username"],
            "access_secret": params["upstream_password"],
        }
    return body


def main() -> None:
    """Have the proxy cache as it is declared."""
    perform(SPEC, plan)


if __name__ == "__main__":
    main()
