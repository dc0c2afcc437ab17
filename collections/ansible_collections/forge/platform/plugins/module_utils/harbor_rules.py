# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Retention and immutability of a Harbor project: their rules, compared. Pure.

What is compared is a rule's meaning: numbers and priorities that Harbor gives are not.
"""

import json
from typing import Any

from ansible_collections.forge.platform.plugins.module_utils.harbor_client import (
    HarborError,
)

COUNTED = [
    "latestPushedK", "latestPulledN", "nDaysSinceLastPush", "nDaysSinceLastPull",
]  # fmt: skip
ALWAYS = "always"
RULES_MAX = 15  # of a retention policy
CRON_FIELDS = 6  # seconds first
KIND = "doublestar"
ALL = "**"

type Rule = dict[str, Any]


def check(project: str, rules: list[Rule], cron: str) -> None:
    """Refuse a retention that Harbor would refuse.

    Raises:
        HarborError: A rule, their number or the schedule is none.
    """
    what = f"retention of project {project}"
    if cron and len(cron.split()) != CRON_FIELDS:
        raise HarborError(
            f"{what}: schedule {cron!r} has {len(cron.split())} fields; Harbor wants "
            "six, seconds first, such as 0 0 2 * * *"
        )
    if len(rules) > RULES_MAX:
        raise HarborError(
            f"{what}: {len(rules)} rules; at most {RULES_MAX} are allowed"
        )
    for rule in rules:
        given = rule["count"]
        if rule["keep"] != ALWAYS and (given is None or given < 1):
            raise HarborError(f"{what}: {rule['keep']} wants a count of 1 or more")
        if rule["keep"] == ALWAYS and given is not None:
            raise HarborError(f"{what}: always keeps everything: leave out its count")
    seen = [_key(from_option(rule)) for rule in rules]
    if len(set(seen)) != len(seen):
        raise HarborError(f"{what}: two rules are the same: leave out one of them")


def from_option(rule: Rule) -> Rule:
    """A declared rule of retention, as it is compared."""
    return {
        "keep": rule["keep"],
        "count": rule["count"],
        "repositories": f"repoMatches {rule['repositories']}",
        "tags": f"matches {rule['tags']}",
        "untagged": rule["untagged"],
        "disabled": False,
    }


def from_harbor(rule: Rule) -> Rule:
    """A rule of retention in Harbor's form, as it is compared."""
    tags = (rule.get("tag_selectors") or [{}])[0]
    count = (rule.get("params") or {}).get(rule["template"])
    return {
        "keep": rule["template"],
        "count": None if count is None else int(count),
        "repositories": _scope(rule),
        "tags": f"{tags.get('decoration')} {tags.get('pattern')}",
        "untagged": bool(json.loads(tags.get("extras") or "{}").get("untagged")),
        "disabled": bool(rule.get("disabled")),
    }


def to_harbor(rule: Rule) -> Rule:
    """A declared rule of retention, in Harbor's form."""
    keep, count = rule["keep"], rule["count"]
    return {
        "disabled": False,
        "action": "retain",
        "template": keep,
        "params": {} if count is None else {keep: count},
        "tag_selectors": [{
            "kind": KIND, "decoration": "matches", "pattern": rule["tags"],
            "extras": json.dumps({"untagged": rule["untagged"]}),
        }],
        "scope_selectors": _repositories(rule["repositories"]),
    }  # fmt: skip


def policy(project_id: int, rules: list[Rule], cron: str) -> Rule:
    """A whole policy of retention, in Harbor's form; rules as they are declared."""
    return {
        "algorithm": "or",
        "rules": [to_harbor(rule) for rule in rules],
        "trigger": {"kind": "Schedule", "settings": {"cron": cron}, "references": {}},
        "scope": {"level": "project", "ref": project_id},
    }


def shown(found: Rule | None) -> Rule:
    """What is compared of a policy in Harbor's form; rules in an order of their own."""
    if found is None:
        return {"rules": [], "schedule": ""}
    settings = (found.get("trigger") or {}).get("settings") or {}
    return {
        "rules": sorted(map(from_harbor, found.get("rules") or ()), key=_key),
        "schedule": settings.get("cron") or "",
    }


def immutable_from_harbor(rule: Rule) -> Rule:
    """A rule of immutability in Harbor's form, as it is compared."""
    tags = (rule.get("tag_selectors") or [{}])[0]
    return {
        "repositories": _scope(rule),
        "tags": f"{tags.get('decoration')} {tags.get('pattern')}",
    }


def immutable_from_option(rule: Rule) -> Rule:
    """A declared rule of immutability, as it is compared."""
    return {
        "repositories": f"repoMatches {rule['repositories']}",
        "tags": f"matches {rule['tags']}",
    }


def immutable_to_harbor(rule: Rule) -> Rule:
    """A declared rule of immutability, in Harbor's form."""
    return {
        "disabled": False,
        "action": "immutable",
        "template": "immutable_template",
        "tag_selectors": [
            {"kind": KIND, "decoration": "matches", "pattern": rule["tags"]}
        ],
        "scope_selectors": _repositories(rule["repositories"]),
    }


def _repositories(pattern: str) -> dict[str, list[dict[str, str]]]:
    return {
        "repository": [{"kind": KIND, "decoration": "repoMatches", "pattern": pattern}]
    }


def _scope(rule: Rule) -> str:
    scopes = (rule.get("scope_selectors") or {}).get("repository") or [{}]
    return f"{scopes[0].get('decoration')} {scopes[0].get('pattern')}"


def _key(rule: Rule) -> str:
    return json.dumps(rule, sort_keys=True)
