"""The documentation points at things that exist.

Checked: relative links and heading anchors in every Markdown file, the make
targets that README.md and the guides name, the messages that a runbook quotes, the
requirements and stages that pages repeat, the ADR index and numbering, and the
licence line of plugins that import ``ansible``. Each check runs on this repository
and on a small broken tree, where it has to find the fault.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from forge.testbed import preflight

ROOT = Path(__file__).resolve().parents[3]

FENCE = re.compile(r"^(?P<mark>```+|~~~+).*?^(?P=mark)\s*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
INLINE = re.compile(r"\]\(\s*<?([^)\s>]+)>?[^)]*\)")
REFERENCE = re.compile(r"^\s{0,3}\[[^\]]+\]:\s+<?([^\s>]+)", re.MULTILINE)
ATTRIBUTE = re.compile(r"""\b(?:src|href|srcset)=["']([^"']+)["']""")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
EXTERNAL = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)
TARGET = re.compile(r"^([a-z][a-z0-9-]*):(?!=)", re.MULTILINE)
NAMED = re.compile(r"(?:`|^\s*)(?:sudo )?make ([a-z][a-z0-9-]*)", re.MULTILINE)
TABLE = re.compile(r"^\| Message contains .*\n\|[-|]+\n((?:\|.*\n)+)", re.MULTILINE)
ADR = re.compile(r"^(\d{4})-[a-z0-9-]+\.md$")
IMPORTS_ANSIBLE = re.compile(r"^\s*(?:from|import)\s+ansible\b", re.MULTILINE)
GPL = "SPDX-License-Identifier: GPL-3.0-or-later"
ADR_PARTS = ("## Context", "## Decision", "## Rejected", "## Consequences")


def tracked(root: Path, pattern: str) -> list[Path]:
    """Files that a clone would have: tracked, or new and not ignored."""
    listed = subprocess.run(
        [
            "git",
            "-C",
            str(root),
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
            "--",
            pattern,
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = (root / name for name in listed.split("\0") if name)
    return sorted({path for path in paths if path.is_file()})


def anchors(text: str) -> set[str]:
    """Heading anchors as GitHub makes them, a repeated one gets ``-1``."""
    found: set[str] = set()
    for heading in HEADING.findall(FENCE.sub("", text)):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        number = 0
        while (unique := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(unique)
    return found


def links(text: str) -> Iterator[str]:
    """Link targets outside of code."""
    prose = CODE.sub("", FENCE.sub("", text))
    for pattern in (INLINE, REFERENCE, ATTRIBUTE):
        yield from pattern.findall(prose)


def broken_links(root: Path, pages: list[Path]) -> list[str]:
    """One line for each relative link that leads nowhere."""
    findings = []
    for page in pages:
        for link in links(page.read_text(encoding="utf-8")):
            if EXTERNAL.match(link):
                continue
            name, _, anchor = link.partition("#")
            goal = (page.parent / name).resolve() if name else page
            where = f"{page.relative_to(root)}: {link}"
            if not goal.is_relative_to(root):
                findings.append(f"{where}: leaves the repository")
            elif not goal.exists():
                findings.append(f"{where}: no such file")
            elif anchor and goal.suffix == ".md":
                known = anchors(goal.read_text(encoding="utf-8"))
                findings += [] if anchor in known else [f"{where}: no such heading"]
    return findings


def unknown_targets(text: str, makefile: str) -> set[str]:
    """Make targets named in code that the Makefile does not have."""
    return set(NAMED.findall(text)) - set(TARGET.findall(makefile))


def adr_findings(folder: Path) -> list[str]:
    """One line for each gap, double, missing part or index fault."""
    names = sorted(path.name for path in folder.glob("*.md") if ADR.match(path.name))
    numbers = [int(name[:4]) for name in names]
    findings = []
    if numbers != list(range(1, len(numbers) + 1)):
        findings.append(f"numbers are not 1..{len(numbers)}: {numbers}")
    index = (folder / "README.md").read_text(encoding="utf-8")
    rows = dict(
        re.findall(r"^\| \[\d{4}\]\(([^)]+)\) \| (.+?) \|", index, re.MULTILINE)
    )
    findings += [f"{name}: not in the index" for name in names if name not in rows]
    findings += [f"{name}: in the index only" for name in rows if name not in names]
    for name in names:
        text = (folder / name).read_text(encoding="utf-8")
        if name in rows and not text.startswith(f"# {name[:4]}: {rows[name]}\n"):
            findings.append(f"{name}: title differs from the index")
        findings += [
            f"{name}: no {part!r}" for part in ADR_PARTS if f"\n{part}\n" not in text
        ]
    return findings


def messages(text: str) -> list[str]:
    """The quoted messages of a runbook's ``Message contains`` tables."""
    cells = [
        row.split("|")[1]
        for body in TABLE.findall(text)
        for row in body.split("\n")[:-1]
    ]
    return [word for cell in cells for word in re.findall(r"`([^`]+)`", cell)]


def without_gpl(paths: list[Path]) -> list[Path]:
    """Files that import ``ansible`` and lack the licence line."""
    texts = ((path, path.read_text(encoding="utf-8")) for path in paths)
    return [
        path for path, text in texts if IMPORTS_ANSIBLE.search(text) and GPL not in text
    ]


def test_every_relative_link_resolves() -> None:
    pages = tracked(ROOT, "*.md")
    assert len(pages) > 20, "the search for Markdown files found too few"
    assert broken_links(ROOT, pages) == []


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"]
)
def test_every_named_make_target_exists(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert NAMED.search(text), f"{page} names no make target"
    assert unknown_targets(text, makefile) == set()


def test_runbooks_name_make_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    pages = tracked(ROOT, "docs/runbooks/*.md")
    assert pages
    texts = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    assert unknown_targets(texts, makefile) == set()


def test_runbooks_quote_messages_that_exist() -> None:
    files = [*tracked(ROOT, "src/forge/*.py"), ROOT / "scripts" / "python"]
    source = "\n".join(file.read_text(encoding="utf-8") for file in files)
    page = (ROOT / "docs/runbooks/testbed-troubleshooting.md").read_text("utf-8")
    quoted = messages(page)
    assert len(quoted) > 10, "the search for messages found too few"
    assert [text for text in quoted if text not in source] == []


def test_readme_names_what_the_preflight_asks_for() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"{preflight.MEMORY_MIB // 1024} GiB of memory available" in readme
    assert f"{preflight.DISK_MIB // 1024} GiB free" in readme
    assert [name for name in preflight.PROGRAMS.values() if name not in readme] == []


def test_architecture_lists_the_stages_of_site() -> None:
    plays = yaml.safe_load((ROOT / "playbooks" / "site.yml").read_text("utf-8"))
    imported = [play["ansible.builtin.import_playbook"] for play in plays]
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.split("## site.yml", 1)[1].split("\n## ", 1)[0]
    assert re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE) == imported


def test_adrs_are_numbered_indexed_and_complete() -> None:
    assert adr_findings(ROOT / "docs" / "adr") == []


def test_plugins_that_import_ansible_are_gpl() -> None:
    plugins = [*tracked(ROOT, "plugins/*.py"), *tracked(ROOT, "collections/*.py")]
    assert len(plugins) > 1
    assert without_gpl(plugins) == []


def test_broken_links_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    (tmp_path / "other.md").write_text("# One heading\n\n# One heading\n")
    page.write_text(
        "[a](other.md) [b](other.md#one-heading-1) [c](https://example.org/x)\n"
        "`[code](nowhere.md)`\n```\n[fenced](nowhere.md)\n```\n"
        '[d](gone.md) ![e](gone.svg) <img src="gone.png">\n'
        "[f](other.md#no-heading) [g](../outside.md) [h](#missing)\n\n[i]: gone.txt\n"
    )
    assert sorted(broken_links(tmp_path, [page])) == [
        "page.md: #missing: no such heading",
        "page.md: ../outside.md: leaves the repository",
        "page.md: gone.md: no such file",
        "page.md: gone.png: no such file",
        "page.md: gone.svg: no such file",
        "page.md: gone.txt: no such file",
        "page.md: other.md#no-heading: no such heading",
    ]


def test_unknown_make_targets_are_found() -> None:
    text = "`make up` and\n```\nsudo make fly\nmake down\n```\nwe make things\n"
    assert unknown_targets(text, "up: venv\nfly := 1\ndown:\n") == {"fly"}


def test_messages_are_read_from_tables() -> None:
    text = (
        "| Message contains | Cause | Remedy |\n|---|---|---|\n"
        "| `one` or `two` | `three` | b |\n| prose | c | d |\n\n| `four` | e | f |\n"
    )
    assert messages(text) == ["one", "two"]


def test_adr_faults_are_found(tmp_path: Path) -> None:
    body = "".join(f"\n{part}\n" for part in ADR_PARTS)
    (tmp_path / "0001-a.md").write_text(f"# 0001: A{body}")
    (tmp_path / "0003-c.md").write_text(f"# 0003: Another{body}")
    (tmp_path / "0004-d.md").write_text("# 0004: D\n\n## Context\n\n## Decision\n")
    (tmp_path / "README.md").write_text(
        "| [0001](0001-a.md) | A | accepted |\n"
        "| [0002](0002-b.md) | B | accepted |\n"
        "| [0003](0003-c.md) | C | accepted |\n"
    )
    assert adr_findings(tmp_path) == [
        "numbers are not 1..3: [1, 3, 4]",
        "0004-d.md: not in the index",
        "0002-b.md: in the index only",
        "0003-c.md: title differs from the index",
        "0004-d.md: no '## Rejected'",
        "0004-d.md: no '## Consequences'",
    ]


def test_a_missing_licence_line_is_found(tmp_path: Path) -> None:
    cases = {
        "bare.py": "from ansible.errors import AnsibleError\n",
        "marked.py": f"# {GPL}\nimport ansible\n",
        "runner.py": "import ansible_runner\n",
    }
    for name, text in cases.items():
        (tmp_path / name).write_text(text)
    assert without_gpl(sorted(tmp_path.glob("*.py"))) == [tmp_path / "bare.py"]
