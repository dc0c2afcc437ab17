"""Every role's public variables: declared, documented and used under one name."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
ROLES = sorted(path.parent.parent for path in ROOT.glob("roles/*/tasks/main.yml"))
NAMES = [role.name for role in ROLES]

JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
CONDITIONS = {"when", "that", "until", "changed_when", "failed_when"}
READERS = ("tasks", "handlers", "templates", "vars")

# Roles whose readme has a table of variables, made from the specification.
MARK = "<!-- variables -->\n"
READMES = [role / "README.md" for role in ROLES]
TABLED = [file.parent for file in READMES if file.exists() and MARK in file.read_text()]

LONG = 80  # characters of a default that a table still shows
TYPES = {"str", "int", "float", "bool", "list", "dict", "path", "raw"}


def load(file: Path) -> Any:
    return yaml.safe_load(file.read_text()) if file.exists() else {}


def specification(role: Path) -> dict[str, Any]:
    """The options of all entry points, which share the role's defaults."""
    specs = load(role / "meta" / "argument_specs.yml")["argument_specs"]
    return {
        n: o for entry in specs.values() for n, o in entry.get("options", {}).items()
    }


def defaults(role: Path) -> dict[str, Any]:
    return load(role / "defaults" / "main.yml") or {}


def code(role: Path, *folders: str) -> str:
    """Every expression of a role, without prose, comments and quoted words."""
    found: list[str] = []
    for folder in folders:
        for file in sorted((role / folder).rglob("*.*")):
            text = file.read_text()
            found += JINJA.findall(text) if file.suffix == ".j2" else []
            if file.suffix == ".yml":
                found += expressions(yaml.safe_load(text))
    return "\n".join(QUOTED.sub("", text) for text in found)


def expressions(value: Any, key: str = "") -> list[str]:
    """The expressions in a value of YAML: conditions whole, else what is in braces."""
    if isinstance(value, str):
        return [value] if key in CONDITIONS else JINJA.findall(value)
    if isinstance(value, dict):
        return [e for name, item in value.items() for e in expressions(item, name)]
    if isinstance(value, list):
        return [e for item in value for e in expressions(item, key)]
    return []


def public_names(role: str, text: str) -> set[str]:
    """The names ``<role>_x`` in a text, without ``_<role>_x`` and ``__<role>_x``."""
    return set(re.findall(rf"(?<![\w.-])({role}_[a-z0-9_]+)\b", text))


def untyped(options: dict[str, Any], path: str = "") -> list[str]:
    """Options that lack a known type, or a list its element's type."""
    found = []
    for name, option in options.items():
        here = f"{path}{name}"
        if option.get("type") not in TYPES:
            found.append(f"{here}: type")
        if option.get("type") == "list" and option.get("elements") not in TYPES:
            found.append(f"{here}: elements")
        if not option.get("description"):
            found.append(f"{here}: description")
        found += untyped(option.get("options", {}), f"{here}.")
    return found


def undeclared(role: Path) -> set[str]:
    """Names a role reads as its own, but does not declare."""
    read = public_names(role.name, code(role, *READERS, "defaults"))
    tasks = "\n".join(file.read_text() for file in (role / "tasks").rglob("*.yml"))
    loops = set(re.findall(r"loop_var: (\w+)", tasks))
    # A registered or constant name starts with underscores and is not found here.
    return read - set(specification(role)) - loops


def test_there_are_roles() -> None:
    assert "node_base" in NAMES


@pytest.mark.parametrize("role", ROLES, ids=NAMES)
def test_specification_names_what_defaults_name(role: Path) -> None:
    required = {n for n, o in specification(role).items() if o.get("required")}
    # What a role cannot do without has no default; everything else has one.
    assert set(specification(role)) == set(defaults(role)) | required
    assert not required & set(defaults(role))


@pytest.mark.parametrize("role", ROLES, ids=NAMES)
def test_specification_has_the_values_of_defaults(role: Path) -> None:
    declared = {
        name: option.get("default")
        for name, option in specification(role).items()
        if not option.get("required")
    }
    assert declared == defaults(role)


@pytest.mark.parametrize("role", ROLES, ids=NAMES)
def test_options_are_typed_and_described(role: Path) -> None:
    assert untyped(specification(role)) == []


@pytest.mark.parametrize("role", ROLES, ids=NAMES)
def test_variables_that_are_used_are_declared(role: Path) -> None:
    assert undeclared(role) == set()


@pytest.mark.parametrize("role", ROLES, ids=NAMES)
def test_variables_that_are_declared_are_used(role: Path) -> None:
    used = public_names(role.name, code(role, *READERS))
    assert set(specification(role)) - used == set()


def table(options: dict[str, Any]) -> str:
    """The variables as a table of Markdown."""
    rows = ["| Variable | Type | Default | Meaning |", "|---|---|---|---|"]
    for name, option in options.items():
        kind = option["type"] + (f" of {e}" if (e := option.get("elements")) else "")
        default = json.dumps(option.get("default"), ensure_ascii=False)
        shown = "required" if option.get("required") else f"`{default}`"
        words = option["description"]
        text = " ".join([words] if isinstance(words, str) else words)
        # Ansible's marks: C(code), V(value), O(option).
        text = re.sub(r"\b[CVO]\((.+?)\)", r"`\1`", text).replace("|", "\\|")
        if len(shown) > LONG:
            shown = "see the file"
        shown = shown.replace("|", "\\|")
        rows.append(f"| `{name}` | {kind} | {shown} | {text} |")
    return "\n".join(rows)


@pytest.mark.parametrize("role", TABLED, ids=[role.name for role in TABLED])
def test_readme_has_the_table_of_the_specification(role: Path) -> None:
    readme = role / "README.md"
    before, mark, rest = readme.read_text().partition(MARK)
    _, end, after = rest.partition("<!-- end of variables -->")
    wanted = f"{before}{mark}\n{table(specification(role))}\n\n{end}{after}"
    if os.environ.get("FORGE_WRITE_GOLDEN"):
        readme.write_text(wanted)
    assert readme.read_text() == wanted, "write it anew: FORGE_WRITE_GOLDEN=1"


def test_a_misspelt_variable_is_found(tmp_path: Path) -> None:
    """The checks themselves: a role with one fault of each kind."""
    role = tmp_path / "sample"
    for name, content in {
        "meta/argument_specs.yml": {
            "argument_specs": {
                "main": {
                    "options": {
                        "sample_port": {"type": "int", "description": "x"},
                        "sample_list": {"type": "list", "description": "x"},
                        "sample_what": {"type": "integer"},
                    }
                }
            }
        },
        "tasks/main.yml": [
            {"name": "{{ sample_port }} of sample_prose", "tags": ["sample_run"]},
            {"name": "{{ _sample_x }}", "when": ["sample_prot is x"]},
            {"name": "{{ __sample_y.sample_z ~ groups['sample_group'] }}"},
        ],
    }.items():
        file = role / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump(content))
    assert undeclared(role) == {"sample_prot"}
    assert untyped(specification(role)) == [
        "sample_list: elements",
        "sample_what: type",
        "sample_what: description",
    ]
