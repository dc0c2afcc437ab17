"""docker and podman: what they tell, build and start, and what they give to it.

Source: Docker Engine 29 command-line reference; podman 5.6 manual pages.
"""

from collections.abc import Sequence
from typing import Final

from clawlaw.core.actions import NetRequest, SystemChange, SystemRead
from clawlaw.core.shell.lang import emit
from clawlaw.core.shell.lang.options import Parsed, Spec, names, parse, spec
from clawlaw.core.shell.words import Context, Invocation, Word

FAMILY: Final = "container"
TELL: Final = spec(
    "-a --all -q --quiet --no-trunc -s --size -l --latest --digests --no-stream"
    " --details -f -t --timestamps --follow -v --verbose --human -H --help",
    "--filter --format -n --last --tail --since --until --type",
)
TELLING: Final[dict[str, Spec]] = {
    **dict.fromkeys(
        ("version", "info", "top", "stats", "port", "diff", "history", "events"),
        TELL,
    ),
    "inspect": spec("-s --size", "-f --format --type"),
    "logs": spec("-f --follow -t --timestamps --details", "-n --tail --since --until"),
    "images": spec(
        "-a --all -q --quiet --no-trunc --digests --tree", "-f --filter --format"
    ),
    "ps": spec(
        "-a --all -q --quiet --no-trunc -s --size -l --latest",
        "-f --filter --format -n --last",
    ),
}
GROUPS: Final = names(
    "container image volume network system context builder buildx compose manifest node"
    " stack swarm secret config plugin service trust pod"
)
GROUP_TELLS: Final = names("ls list ps inspect logs top stats df info events history")
RUN: Final = spec(
    "-d --detach -i --interactive -t --tty --rm --init --no-healthcheck --read-only -P"
    " --publish-all -q --quiet",
    "--name -e --env -w --workdir -p --publish --entrypoint -u --user -h --hostname -l"
    " --label -m --memory --cpus --platform --pull --restart --stop-signal --stop-timeout"
    " --tmpfs --ulimit --shm-size --network --net -v --volume --mount --env-file"
    " --cpu-shares --memory-swap --log-driver --log-opt --health-cmd --pids-limit",
    permute=False,
)
BUILD: Final = spec(
    "--no-cache --pull -q --quiet --rm --force-rm --squash --compress --load",
    "-t --tag -f --file --target --build-arg --label --platform --progress"
    " --cache-from",
)
LIFECYCLE: Final = names("start stop restart pause unpause kill wait rename update")
REMOVAL: Final = names("rm rmi prune")
HOST: Final = ("host", "container:")


def judge(invocation: Invocation, context: Context) -> None:
    """Turn a docker or podman command into effects."""
    emit.start(invocation, context, FAMILY)
    words = list(invocation.arguments)
    if not words or words[0].text in ("--version", "-v", "--help", "-h"):
        return
    verb = words[0].text
    rest = words[1:]
    if verb in ("container", "image") and rest:
        verb, rest = rest[0].text, rest[1:]
        verb = "ps" if verb in ("ls", "list") else verb
    if verb in TELLING:
        if parse(rest, TELLING[verb], context) is not None:
            context.emit(SystemRead("containers"))
    elif verb in GROUPS and rest and rest[0].text in GROUP_TELLS:
        if parse(rest[1:], TELL, context) is not None:
            context.emit(SystemRead("containers"))
    elif verb == "run":
        _run(rest, invocation, context)
    elif verb == "build":
        _build(rest, invocation, context)
    elif verb == "pull":
        _pull(rest, context)
    else:
        _other(verb, rest, context)


def _other(verb: str, rest: Sequence[Word], context: Context) -> None:
    texts = " ".join(word.text for word in rest)
    if verb in LIFECYCLE or verb in REMOVAL:
        context.emit(SystemChange("container", f"{verb} {texts}"))
    emit.give_up(context, "container command asks", f"{verb} {texts}")


def _run(rest: Sequence[Word], invocation: Invocation, context: Context) -> None:
    parsed = parse(rest, RUN, context)
    if parsed is None:
        return
    for mount in parsed.each("-v", "--volume"):
        _volume(mount, invocation, context)
    if parsed.each("--mount"):
        emit.give_up(context, "container: mount", parsed.each("--mount")[0].text)
    for network in parsed.each("--network", "--net"):
        if network.text.startswith(HOST) or not network.known:
            emit.give_up(context, "container: network of the host", network.text)
    for file in parsed.each("--env-file"):
        emit.read(context, file, invocation.cwd)
    image = parsed.operands[0].text if parsed.operands else ""
    context.emit(SystemChange("container", f"run {image}"))
    emit.give_up(context, "container: runs code of an image", image)


def _volume(mount: Word, invocation: Invocation, context: Context) -> None:
    source, colon, rest = mount.text.partition(":")
    if not mount.known:
        emit.give_up(context, "container: mount", mount.text)
    elif colon and source[:1] in ("/", ".", "~"):
        if rest.endswith(":ro"):
            emit.read(context, Word(source), invocation.cwd, recursive=True)
        else:
            emit.write(context, Word(source), invocation.cwd, recursive=True)


def _build(rest: Sequence[Word], invocation: Invocation, context: Context) -> None:
    parsed = parse(rest, BUILD, context)
    if parsed is None:
        return
    for word in parsed.operands:
        if "://" in word.text or word.text == "-":
            emit.give_up(context, "container: build from elsewhere", word.text)
        else:
            emit.read(context, word, invocation.cwd, recursive=True)
    _tags(parsed, context)


def _tags(parsed: Parsed, context: Context) -> None:
    tag = parsed.last("-t", "--tag")
    context.emit(SystemChange("container", f"build {tag.text if tag else ''}"))
    emit.give_up(context, "container: runs recipes of an image", "build")


def _pull(rest: Sequence[Word], context: Context) -> None:
    for word in rest:
        if word.text[:1] == "-":
            continue
        head, slash, _ = word.text.partition("/")
        named = slash and ("." in head or ":" in head or head == "localhost")
        host = head.partition(":")[0] if named else "registry-1.docker.io"
        context.emit(NetRequest(host=host if word.known else "", path=word.text))
