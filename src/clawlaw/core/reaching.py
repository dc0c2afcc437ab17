"""Which written text, once it runs, would reach out of what a project's work needs.

Tests and builds run without a question inside the executor's sandbox, whatever they
hold: the sandbox bounds them. Text that an agent has just written and that names
credentials, another machine together with a program or what to send there, a place that
starts things later, or the removal of a home is worth a look before it runs all the
same. A match never allows anything; it only asks, once the project's code is run
(pattern write_then_execute).

One linear pass of RE2 a group, over at most `MAX_TEXT` bytes.
"""

from typing import Any, Final

import re2


def _compiled(pattern: str) -> Any:  # noqa: ANN401  # re2 has no types
    """On bytes: RE2's Python form would count the characters of a `str` anew."""
    return re2.compile(pattern.encode())


MAX_TEXT: Final = 1 << 18  # bytes of a text that are looked at; a longer one reaches

_LOCAL: Final = r"(?:localhost|127\.|0\.0\.0\.0|\[::1\]|\$)"
_AFAR: Final = r"(?:https?|ftp|wss?)://"
_FETCHER: Final = (
    r"\b(?:(?:curl|wget|ncat|netcat|socat|scp|sftp)\b|nc\s+(?:-|[a-z0-9.:-]+\s+\d))"
)
_SHELL: Final = r"(?:(?:ba|z|da|k|fi)?sh|python3?|perl|ruby|node)\b"
# By itself: what no ordinary test, build or source of a project does.
_TELLING: Final = (
    rf"{_FETCHER}[^\n|]*\|\s*(?:sudo\s+)?(?:/\w+)*/?{_SHELL}"
    rf"|{_SHELL}\s*<\(\s*(?:curl|wget)|(?:eval|source|\.)\s+[\"'$(`<]+\s*(?:curl|wget)"
    r"|/dev/(?:tcp|udp)/|\b(?:nc|ncat)\s+-[a-z]*e|pty\.spawn|bash\s+-i\b"
    r"|(?:exec|eval|system)\s*\(\s*(?:base64|atob|buffer\.from|bytes\.fromhex|zlib|codecs)"
    rf"|base64\s+(?:-d|--decode)[^\n|]*\|\s*{_SHELL}"
    r"|\bid_(?:rsa|ed25519|ecdsa)\b|\.ssh[/\\\"']|\.aws[/\\\"']|\.gnupg\b|\.kube[/\\]config"
    r"|\.netrc\b|\.git-credentials|/etc/shadow|login\.keychain|find-generic-password"
    r"|169\.254\.169\.254|metadata\.google\.internal|docker\.sock"
    r"|authorized_keys|\bcrontab\b|/etc/cron|launchagents|systemctl\s+(?:--user\s+)?enable"
    r"|\.(?:bashrc|zshrc|bash_profile|zprofile)\b|\.git/hooks"
    r"|rm\s+-[a-z]*[rf][a-z]*\s+(?:--\S+\s+)*[\"']?(?:~|/|\$\{?home)(?:[\s\"'/*;]|$)"
    r"|rmtree\(\s*(?:path\.home|pathlib\.path\.home|os\.path\.expanduser|[\"']/[\"'])"
    r"|rmsync\(\s*(?:os\.)?homedir|\bmkfs\.|of=/dev/(?:sd|nvme|disk)"
    r"|\x60\s*(?:curl|wget|ncat?)\s"
    r"|connect\(\s*\(\s*[\"'](?:[a-z0-9-]+\.)+[a-z]{2,}[\"']"
)
_STARTS: Final = _compiled(
    r"(?i)os\.system|subprocess|popen|child_process|execsync|spawnsync|\bspawn\s*\("
    r"|command::new|processbuilder|getruntime|shell_exec|proc_open|passthru|os/exec"
    r"|exec\.command|\bsystem\s*\(|%x[({\[]|kernel\.`"
)
_SENDING: Final = (
    r"requests\.(?:post|put|patch|get)|httpx\.|urllib|http\.client|aiohttp|urlopen"
    r"|\bfetch\s*\(|axios|xmlhttprequest|http\.request|https\.(?:get|request)"
    r"|require\([\"'](?:node:)?https?[\"']\)"
    r"|socket\.|net\.connect|reqwest|http\.(?:post|get)\b|file_get_contents"
)
_ALONE: Final = _compiled(rf"(?i){_TELLING}")
_SENDS: Final = _compiled(rf"(?i){_SENDING}")
# One pass for most texts, which name nothing of all this.
_ANY: Final = _compiled(rf"(?i){_TELLING}|{_SENDING}|{_FETCHER}")
_FETCHES: Final = _compiled(rf"(?i){_FETCHER}")
_ADDRESS: Final = _compiled(rf"(?i){_AFAR}[^\s\"'`)>]+")
_NEAR: Final = _compiled(_LOCAL)
_HERE: Final = _compiled(rf"(?i)^{_AFAR}{_LOCAL}")
# The whole environment, the home, who and where: what is worth sending.
_LOOT: Final = _compiled(
    r"(?i)os\.environ\s*[),}\]]|os\.environ\.(?:items|copy|values)|process\.env\s*[),}\]]|env::vars|\$_env\s*[),;]"
    r"|expanduser|homedir|home_dir|gethostname|getpass|whoami|[\"'/]\.env\b"
)
# Files that tools run when they are loaded, or whose lines are commands.
_LOADED: Final = frozenset({
    "conftest.py", "setup.py", "noxfile.py", "sitecustomize.py", "usercustomize.py",
    "build.rs", "build.gradle", "build.gradle.kts", "rakefile", "gemfile",
})  # fmt: skip
_COMMANDS: Final = frozenset({
    "makefile", "gnumakefile", "package.json", "justfile", "taskfile.yml", "tox.ini",
    "composer.json", "pyproject.toml", "deno.json", "procfile", "cmakelists.txt",
})  # fmt: skip
_PROSE: Final = (".md", ".rst", ".txt", ".adoc", ".gitignore", ".dockerignore")
# What builds images has a place of its own.
_IMAGES: Final = ("dockerfile", "containerfile")


def reaches(path: str, text: str) -> bool:
    """Whether a written text reaches out of the project once it runs.

    Args:
        path: Absolute; its name says what would run the text.
        text: What was written: the whole, or what an edit puts in.
    """
    name = _name(path)
    data = text.encode("utf-8", "replace")
    if len(data) > MAX_TEXT:
        return True
    return bool(_ANY.search(data)) and (bool(_ALONE.search(data)) or _both(name, data))


def is_prose(path: str) -> bool:
    """Whether no runner takes a file of this name for code, whatever it holds."""
    name = _name(path)
    return name.endswith((*_PROSE, *_IMAGES)) and name not in _COMMANDS


def _name(path: str) -> str:
    return path.lower().rpartition("/")[2]


def _both(name: str, data: bytes) -> bool:
    """Whether what is ordinary alone stands together."""
    starts = bool(_STARTS.search(data))
    if _FETCHES.search(data):
        lines = [line for line in data.splitlines() if _FETCHES.search(line)]
        if starts or (_commands(name) and not all(map(_near, lines))):
            return True
    if not _SENDS.search(data) or not _names_another(data):
        return False
    return starts or _is_loaded(name) or bool(_LOOT.search(data))


def _near(line: bytes) -> bool:
    return bool(_NEAR.search(line)) and not _names_another(line)


def _names_another(text: bytes) -> bool:
    return any(not _HERE.search(address) for address in _ADDRESS.findall(text))


def _commands(name: str) -> bool:
    return name in _COMMANDS or name.endswith((".mk", ".sh", ".bash", ".zsh"))


def _is_loaded(name: str) -> bool:
    return name in _LOADED or ".config." in name
