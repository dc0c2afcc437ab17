"""What an inventory, its pins and the tree say about each host, in one comparable form.

A snapshot maps every host to its facts: a subject (``groups``, ``vars.NAME``,
``pins.NAME``, ``tree.FOLDER``, ``ansible``) and a value as canonical JSON text. Equal
texts are equal values, whatever wrote them, in whatever order; and since most hosts
share most values, equal texts are one object, which keeps a thousand hosts cheap.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from ipaddress import ip_interface
from typing import Any

import msgspec

from clawlaw.core.canonical import MAX_INTEGER, canonical_json, digest
from forge.change.secrecy import hide, is_secret_name
from forge.errors import InputError

GROUPS, ANSIBLE = "groups", "ansible"
VARS, PINS, TREE = "vars.", "pins.", "tree."
type Facts = dict[str, str]

_EVERY = frozenset({"all", "ungrouped"})
# What Ansible itself adds to a host's variables; the rest comes from an inventory.
# Source: Ansible, "Special Variables", and VariableManager._get_magic_variables.
_MAGIC = frozenset(
    {
        "ansible_check_mode",
        "ansible_collection_name",
        "ansible_config_file",
        "ansible_dependent_role_names",
        "ansible_diff_mode",
        "ansible_facts",
        "ansible_forks",
        "ansible_inventory_sources",
        "ansible_limit",
        "ansible_local",
        "ansible_parent_role_names",
        "ansible_parent_role_paths",
        "ansible_play_batch",
        "ansible_play_hosts",
        "ansible_play_hosts_all",
        "ansible_play_name",
        "ansible_play_role_names",
        "ansible_playbook_python",
        "ansible_role_name",
        "ansible_role_names",
        "ansible_run_tags",
        "ansible_search_path",
        "ansible_skip_tags",
        "ansible_verbosity",
        "ansible_version",
        "environment",
        "group_names",
        "groups",
        "hostvars",
        "inventory_dir",
        "inventory_file",
        "inventory_hostname",
        "inventory_hostname_short",
        "module_setup",
        "omit",
        "play_hosts",
        "playbook_dir",
        "role_name",
        "role_names",
        "role_path",
        "role_uuid",
        "vars",
    }
)
# Facts that a first play sets; an inventory cannot declare them.
_RUN = frozenset({"forge_topology", "forge_plan", "forge_verdict"})
# Sections of versions.yml whose entries are pins by themselves, and how they begin.
_PARTED = {"artifacts": "", "charts": "charts/", "images": "images/", "crds": "crds/"}
# Read as addresses, so that two spellings of one address are one value.
_ADDRESSES = frozenset(
    {
        "ansible_host",
        "forge_addresses",
        "forge_cluster",
        "forge_controller_addresses",
        "forge_wires",
    }
)


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What a run takes from the checkout and from what is installed.

    Attributes:
        versions: The content of versions.yml.
        pins: Digest of its bytes.
        tree: Folder or file, as in the effects table, to the digest of its content.
        ansible: Distribution with version to the digest of its RECORD.
        extra_vars: Digest of the extra vars; those of an empty list unless given.
    """

    versions: dict[str, Any] = {}
    pins: str = digest(None)
    tree: dict[str, str] = {}
    ansible: dict[str, str] = {}
    extra_vars: str = digest([])


class Snapshot(msgspec.Struct, frozen=True):
    """All hosts with their facts."""

    hosts: dict[str, Facts]

    def digest(self, prefix: str | tuple[str, ...] = "") -> str:
        """Return the digest of all facts whose subject begins so."""
        texts: dict[str, str] = {}
        listed: dict[str, Any] = {}
        for host, facts in self.hosts.items():
            listed[host] = {
                subject: _text_digest(text, texts)
                for subject, text in facts.items()
                if subject.startswith(prefix)
            }
        return digest(listed)


def read_hostvars(
    hostvars: Mapping[str, Any],
    groups: Mapping[str, Iterable[str]],
    surroundings: Surroundings,
    key: bytes,
) -> Snapshot:
    """Take a snapshot of what a run sees.

    Args:
        hostvars: The magic variable of that name, or plain data of its form.
        groups: The magic variable of that name.
        surroundings: Of the same checkout.
        key: For the digests of secrets.

    Raises:
        InputError: A value has no form that could be compared.
    """
    known: dict[tuple[str, int], tuple[object, str]] = {}

    def fact(name: str, value: object) -> str:
        # Hosts share objects of group vars; one is kept, so that its id stays its own.
        place = name, id(value)
        found = known.get(place)
        if found is None:
            found = value, _text(name, plain(value), key)
            if isinstance(value, Mapping | list):
                known[place] = found
        return found[1]

    read = getattr(hostvars, "raw_get", None) or hostvars.__getitem__
    variables = {
        str(host): {str(name): value for name, value in read(host).items()}
        for host in groups["all"]
    }
    return _snapshot(variables, _groups_of(groups), surroundings, fact)


def read_listing(
    listing: bytes | str, surroundings: Surroundings, key: bytes
) -> Snapshot:
    """Take a snapshot of the output of ``ansible-inventory --list``.

    Args:
        listing: JSON, as the program writes it.
        surroundings: Of the same checkout.
        key: For the digests of secrets.

    Raises:
        InputError: Not such a listing, or a value that cannot be compared.
    """
    try:
        meta = msgspec.json.decode(listing, type=_Listing).meta.hostvars
        entries = msgspec.json.decode(listing, type=dict[str, _Entry])
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InputError(
            f"this is not a listing of ansible-inventory: {error}",
            remedy="give the output of `ansible-inventory --list`",
        ) from error
    known: dict[tuple[str, bytes], str] = {}

    def fact(name: str, raw: msgspec.Raw) -> str:
        data = bytes(raw)
        found = known.get((name, data))
        if found is None:
            found = known[name, data] = _text(name, msgspec.json.decode(data), key)
        return found

    members = _members({n: e for n, e in entries.items() if n != "_meta"})
    variables = {host: meta.get(host, {}) for host in members.get("all", ())}
    return _snapshot(variables, _groups_of(members), surroundings, fact)


def plain(value: Any) -> Any:  # noqa: ANN401, PLR0911 - any data of YAML; one line a type
    """Return a value of Ansible's types as what JSON of a listing would hold."""
    match value:
        case None | bool():
            return value
        case str():
            return "".join(value)
        case int():
            return int(value)
        case float():
            return float(value)
        case Mapping():
            return {str(plain(name)): plain(item) for name, item in value.items()}
        case dt.datetime() | dt.date():
            return value.isoformat()
        case Sequence() | frozenset() | set():
            return [plain(item) for item in value]
    ciphertext = getattr(value, "_ciphertext", None)  # Ansible's EncryptedString
    if ciphertext is not None:
        return {"__ansible_vault": "".join(ciphertext)}
    return str(value)


class _Meta(msgspec.Struct):
    hostvars: dict[str, dict[str, msgspec.Raw]] = {}


class _Listing(msgspec.Struct):
    meta: _Meta = msgspec.field(name="_meta", default_factory=_Meta)


class _Entry(msgspec.Struct):
    hosts: list[str] = []
    children: list[str] = []


def _snapshot(
    variables: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, list[str]],
    surroundings: Surroundings,
    fact: Callable[[str, Any], str],
) -> Snapshot:
    """Put together what every host has in common and what is its own."""
    if not variables:
        raise InputError("no host in this inventory", remedy="add hosts")
    common = _common(surroundings)
    texts: dict[tuple[str, ...], str] = {}
    hosts = {}
    for host in sorted(variables):
        names = tuple(sorted(groups.get(host, ())))
        facts = {
            VARS + name: fact(name, value)
            for name, value in variables[host].items()
            if name not in _MAGIC and name not in _RUN and not name.startswith("__")
        }
        facts[GROUPS] = texts.setdefault(names, canonical_json(names).decode())
        hosts[host] = facts | common
    return Snapshot(hosts)


def _common(surroundings: Surroundings) -> Facts:
    facts = {}
    for section, content in surroundings.versions.items():
        begin = _PARTED.get(section)
        parts = {section: content} if begin is None else content or {}
        for name, value in parts.items():
            facts[f"{PINS}{begin or ''}{name}"] = _compared(value)
    facts |= {
        TREE + name: _compared(value) for name, value in surroundings.tree.items()
    }
    if surroundings.ansible:
        facts[ANSIBLE] = _compared(surroundings.ansible)
    return facts


def _text(name: str, value: Any, key: bytes) -> str:  # noqa: ANN401 - any data of YAML
    try:
        if name in _ADDRESSES:
            value = _spelled(value)
        return _compared(hide(value, key, secret=is_secret_name(name)))
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"variable {name}: {error}", remedy="write it as plain YAML data"
        ) from error


def _compared(value: Any) -> str:  # noqa: ANN401 - any data of YAML
    return canonical_json(_exact(plain(value))).decode("utf-8")


def _exact(value: Any) -> Any:  # noqa: ANN401 - any data of YAML
    """Return what the canonical form takes: fractions and long integers as text."""
    if isinstance(value, dict):
        return {name: _exact(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_exact(item) for item in value]
    if isinstance(value, float):
        return {"float": repr(value)}
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        return {"integer": str(value)}
    return value


def _spelled(value: Any) -> Any:  # noqa: ANN401 - any data of YAML
    if isinstance(value, dict):
        return {name: _spelled(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_spelled(item) for item in value]
    return spelled(value) if isinstance(value, str) else value


def spelled(text: str) -> str:
    """Return an address in its shortest form; other text as it is.

    An IPv4 address inside an IPv6 one is the IPv4 address.

    Source: RFC 5952; RFC 4291, section 2.5.5.2.
    """
    try:
        found = ip_interface(text.strip().removeprefix("[").removesuffix("]"))
    except ValueError:
        return text
    mapped = getattr(found.ip, "ipv4_mapped", None)
    if "/" in text:
        return str(found)
    return str(mapped or found.ip)


def _groups_of(groups: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for group, members in groups.items():
        if group not in _EVERY:
            for host in members:
                found.setdefault(str(host), []).append(str(group))
    return found


def _members(entries: Mapping[str, _Entry]) -> dict[str, dict[str, None]]:
    """Return every group's members, those of its children included."""
    found: dict[str, dict[str, None]] = {}

    def members(group: str) -> dict[str, None]:
        if group not in found:
            entry = entries.get(group, _Entry())
            found[group] = dict.fromkeys(entry.hosts)
            for child in entry.children:
                found[group] |= members(child)
        return found[group]

    for group in entries:
        members(group)
    return found


def _text_digest(text: str, known: dict[str, str]) -> str:
    if text not in known:
        known[text] = sha256(text.encode("utf-8")).hexdigest()
    return known[text]
