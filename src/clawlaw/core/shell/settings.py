"""Variables in front of a command: which programs act on what they hold."""

from collections.abc import Sequence
from string import ascii_letters
from typing import Final

from clawlaw.core.shell.address import read_address
from clawlaw.core.shell.words import UNKNOWN, Context, Word

# They change words, colours or the amount of output at most, in any program.
MILD: Final = frozenset({
    "LANG", "LANGUAGE", "LC_ALL", "LC_COLLATE", "LC_CTYPE", "LC_MESSAGES",
    "LC_NUMERIC", "LC_TIME", "TZ", "TERM", "COLUMNS", "LINES", "NO_COLOR",
    "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI", "PYTHONDONTWRITEBYTECODE",
    "PYTHONUNBUFFERED", "PYTHONIOENCODING", "PYTHONUTF8", "PYTHONHASHSEED",
    "PYTHONWARNINGS", "PYTHONFAULTHANDLER", "NODE_ENV", "RAILS_ENV", "MIX_ENV",
    "RUST_BACKTRACE", "RUST_LOG", "CARGO_TERM_COLOR", "CARGO_INCREMENTAL",
    "CGO_ENABLED", "GOOS", "GOARCH", "GOMAXPROCS", "DEBIAN_FRONTEND",
    "GIT_TERMINAL_PROMPT", "DEBUG", "VERBOSE", "GREP_COLORS", "GREP_COLOR",
    "LS_COLORS", "BLOCKSIZE", "BLOCK_SIZE", "TIMEFORMAT", "POSIXLY_CORRECT",
})  # fmt: skip
# By which some program loads, runs or reaches what they name.
LOADING: Final = (
    "LD_", "DYLD_", "BASH_", "GIT_", "PERL5", "RUBY", "JAVA_", "_JAVA", "JDK_",
    "DOTNET_", "npm_", "NPM_", "YARN_", "PNPM_", "CARGO_", "RUSTC", "RUSTDOC",
    "RUSTFLAGS", "PIP_", "PIPX_", "UV_", "POETRY_", "PYTEST_", "TOX_", "NOX_",
    "BUNDLE_", "GEM_", "COMPOSER_", "DOCKER_", "COMPOSE_", "BUILDKIT_", "KUBE",
    "HELM_", "TF_", "ANSIBLE_", "AWS_", "GOOGLE_", "AZURE_", "ELECTRON_", "XDG_",
    "SSH_", "CONDA_", "MAVEN_", "GRADLE_", "CMAKE_", "CTEST_", "GCC_", "COMPILER_",
    "LESS", "MAN", "TAR_", "RSYNC_", "NODE_", "ERL_", "ELIXIR_", "JULIA_", "LUA_",
    "PHP", "COVERAGE_", "MYPY", "DENO_", "BUN_", "HUSKY", "PRE_COMMIT",
    "MAKE", "GNUMAKE", "MFLAGS", "GCONV_", "CGO_", "GO", "RUSTUP_", "BAZEL",
    "USE_BAZEL",
    "JUST_", "SBT_", "LEIN_", "ANT_", "MIX_", "HEX_", "REBAR", "PUB_", "FLUTTER_",
    "DART_", "SWIFT", "ZIG_", "NIM", "CABAL", "STACK_", "GHC", "OPAM", "OCAML",
    "GUNICORN_", "UVICORN_", "STREAMLIT_", "JUPYTER", "IPYTHON", "MPL", "PYLINT",
    "SCONS", "MESON", "NINJA", "TURBO_", "NX_", "CYPRESS_", "PLAYWRIGHT_", "PUPPETEER_",
    "CHROME", "FIREFOX", "TS_NODE_", "TSX_", "COREPACK_", "VOLTA_", "NVM_", "ASDF_",
    "MISE_", "HOMEBREW_", "PKG_CONFIG", "TEX", "openout_", "openin_", "shell_escape",
    "PDM_", "HATCH_", "PIPENV_", "TWINE_", "FLIT_", "GH_", "GITHUB_", "GITLAB_",
    "SUDO_", "VIM", "EMACS", "QT_", "GTK_", "GST_", "LIBGL_", "MALLOC_", "GLIBC_",
)  # fmt: skip
LOADING_NAMES: Final = frozenset({
    "PATH", "ENV", "IFS", "SHELL", "PAGER", "EDITOR", "VISUAL", "BROWSER",
    "PYTHONSTARTUP", "PYTHONHOME", "PYTHONINSPECT", "PYTHONBREAKPOINT", "HOME",
    "PROMPT_COMMAND", "PS4", "CC", "CXX", "CPP", "LD", "AR", "AS", "NM", "STRIP",
    "RANLIB", "OBJCOPY", "FC", "YACC", "LEX", "AWK", "SED", "INSTALL", "PYTHON",
    "NODE", "RUBY", "PERL", "BASH", "SH", "GIT", "DOCKER", "JAVACMD", "CDPATH",
    "HTTP_PROXY",
    "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "GOFLAGS",
    "GOPROXY", "GOENV", "GOROOT", "GOPATH", "GONOSUMDB", "GONOSUMCHECK", "GOPRIVATE",
    "TMPDIR", "ZIPOPT", "UNZIP", "GZIP", "XZ_OPT", "ZSTD_CLEVEL", "CURL_HOME",
    "WGETRC", "OPENSSL_CONF", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "USER",
})  # fmt: skip
# Endings of names whose values choose code or options, also where the name is new.
CHOOSING: Final = ("PATH", "FLAGS", "OPTS", "OPTIONS", "ARGS", "_DIR", "_HOME", "CMD")
EVERYBODY: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104  # who may then connect
PLAIN_FLAGS: Final = (
    "-O", "-g", "-I", "-D", "-U", "-W", "-w", "-std=", "-march=", "-mtune=", "-pipe",
    "-fPIC", "-fno-", "-fsanitize=", "-pthread", "-l", "--coverage",
)  # fmt: skip
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
SILENT_EDITORS: Final = frozenset({"true", ":", "cat"})
HARMLESS_PAGERS: Final = frozenset({"cat", "less", "more", ""})


def shows(name: str, value: Word | None) -> bool:
    """Whether a variable names a pager or an editor that changes nothing."""
    if value is None:
        return False
    if name.endswith("PAGER"):
        return value.text in HARMLESS_PAGERS
    return name.endswith("EDITOR") and value.text in SILENT_EDITORS


def check(
    context: Context,
    program: str,
    given: Sequence[tuple[str, Word]],
    *,
    known: Sequence[str],
    runner: bool,
    cwd: str,
) -> None:
    """Report variables that a program may act on.

    Args:
        context: Of the command.
        program: For the message.
        given: Names with values.
        known: Names that the profile calls harmless.
        runner: The program runs the project's own code, which has variables of its
            own; then only those that choose other code are reported.
        cwd: Directory of the project.
    """
    for name, word in given:
        if name in MILD or name in known:
            continue
        if shows(name, word):
            continue
        if not runner or name in LOADING_NAMES or name.startswith(LOADING):
            context.opaque(f"{program} may act on {name}", word.text)
        elif _leads_away(name, word, cwd) or _passes_on(name, word):
            context.opaque(f"{name} may choose code from elsewhere", word.text)


def _passes_on(name: str, word: Word) -> bool:
    """Whether flags for a compiler hold one that is not listed as plain."""
    flags = word.text.split() if name.endswith("FLAGS") else ()
    return any(not f.startswith(PLAIN_FLAGS) or "," in f for f in flags)


def _leads_away(name: str, word: Word, cwd: str) -> bool:
    """Whether a value names a path outside the directory, or might."""
    text = word.text
    if UNKNOWN in text or not word.known:
        return name.endswith(CHOOSING)
    if "://" in text:
        host = read_address(text).host
        return bool(host) and host not in LOOPBACK
    if text.partition(":")[0] in EVERYBODY or "`" in text or "$(" in text:
        return True
    spaced = text.replace("=", ":").replace(",", ":").replace(" ", ":")
    for word_part in spaced.split(":"):
        part = word_part
        if part.startswith("-"):
            part = part.lstrip("-").lstrip(ascii_letters)  # `-I/srv/include`
        inside = part.startswith(cwd.rstrip("/") + "/") and "/.." not in part
        if part.startswith(("/", "~")) and not inside:
            return True
        if part == ".." or part.startswith("../") or "/../" in part:
            return True
    return False
