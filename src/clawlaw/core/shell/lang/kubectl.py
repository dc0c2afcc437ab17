"""kubectl: what it tells and changes of a cluster.

Source: kubectl 1.36 reference.
"""

from collections.abc import Callable
from typing import Final

from clawlaw.core.actions import AnyEffect, KubeApply, KubeDelete, KubeExec, KubeRead
from clawlaw.core.shell.lang import emit
from clawlaw.core.shell.lang.options import (
    Parsed,
    Spec,
    maybe_option,
    names,
    parse,
    spec,
)
from clawlaw.core.shell.words import UNKNOWN, Context, Invocation, Word

FAMILY: Final = "kubernetes"
OPTIONS: Final = spec(
    "-A --all-namespaces -w --watch --show-labels --no-headers --previous --follow"
    " --timestamps --all-containers --prefix --ignore-not-found --all --force --now"
    " --wait --recursive -R --server-side --short --client -h --help"
    " --insecure-skip-tls-verify"
    " --show-managed-fields --watch-only --quiet -q --overwrite --prune --validate"
    " --merge --minify --flatten --raw --containers --sum --namespaced --rm -i -t"
    " --stdin --tty --attach",
    "-n --namespace --context --cluster --user -o --output -l --selector -c --container"
    " --field-selector --sort-by --tail --since --since-time --limit-bytes --timeout"
    " -f --filename -k --kustomize --for --replicas --type -p --patch --grace-period"
    " --cascade --request-timeout --field-manager --revision --to-revision --image"
    " --port --target-port --name --api-group --verbs -v --v --chunk-size --subresource"
    " --template --max-log-requests --address --limits --requests",
    "--dry-run -L --label-columns",
)
# `logs -f` follows, where other commands name a file.
LOGS: Final = Spec(OPTIONS.flags | {"-f", "-p"}, OPTIONS.values - {"-f", "-p"})
READS: Final = names(
    "get describe logs top explain api-resources api-versions version cluster-info"
    " events wait diff auth"
)
CHANGES: Final = names(
    "apply create replace patch edit set label annotate scale autoscale rollout expose"
    " run cordon uncordon drain taint certificate"
)
# Values that are settings of a connection: they lead to another cluster or identity.
ELSEWHERE: Final = ("--context", "--cluster", "--user", "--insecure-skip-tls-verify")


def judge(invocation: Invocation, context: Context) -> None:
    """Turn a kubectl command into effects."""
    emit.start(invocation, context, FAMILY)
    words = list(invocation.arguments)
    texts = [word.text for word in words]
    inner: list[Word] = []
    if "--" in texts:
        inner = words[texts.index("--") + 1 :]
        words = words[: texts.index("--")]
    known = LOGS if "logs" in texts else OPTIONS
    parsed = parse(words, known, context)
    if parsed is None:
        return
    if not parsed.operands or parsed.has("-h", "--help"):
        return
    for name in ELSEWHERE:
        if parsed.has(name):
            emit.give_up(context, "kubectl: another cluster or identity", name)
    verb, *operands = parsed.operands
    for file in parsed.each("-f", "--filename", "-k", "--kustomize"):
        _manifest(file, invocation, context)
    if verb.text == "exec":
        argv = tuple(word.text for word in inner or operands[1:])
        name = _text(operands[0] if operands else None)
        context.emit(KubeExec(_namespace(parsed), name, argv))
    else:
        _verb(verb.text, operands, parsed, context)


def _namespace(parsed: Parsed) -> str:
    if parsed.has("-A", "--all-namespaces"):
        return "*"
    return _text(parsed.last("-n", "--namespace"))


def _verb(verb: str, operands: list[Word], parsed: Parsed, context: Context) -> None:
    namespace = _namespace(parsed)
    resource, name = _object(operands)
    if verb in READS or (verb == "rollout" and resource in ("status", "history")):
        if verb == "get" and parsed.has("--raw"):
            emit.give_up(context, "kubectl: any path of the server", "--raw")
        context.emit(
            KubeRead(verb if verb == "logs" else resource or verb, namespace, name)
        )
    elif verb == "config":
        _config(resource, context)
    elif verb in CHANGES:
        dry = parsed.last("--dry-run")
        kind: Callable[[str, str, str], AnyEffect] = KubeApply
        if dry is not None and dry.text in ("client", "server"):
            kind = KubeRead
        context.emit(kind(resource or "manifest", namespace, name))
    elif verb == "delete":
        context.emit(KubeDelete(resource or "manifest", namespace, name))
    else:
        emit.give_up(context, "kubectl: command is not understood", verb)


def _text(word: Word | None) -> str:
    return "" if word is None else word.text


def _object(operands: list[Word]) -> tuple[str, str]:
    if not operands:
        return "", ""
    if any(maybe_option(word) for word in operands):
        return UNKNOWN, ""
    resource, slash, name = operands[0].text.partition("/")
    if slash:
        return resource, name
    return resource, operands[1].text if operands[1:] else ""


def _manifest(file: Word, invocation: Invocation, context: Context) -> None:
    if "://" in file.text:
        emit.give_up(context, "kubectl: manifest from elsewhere", file.text)
    elif file.text != "-":
        emit.read(context, file, invocation.cwd)


def _config(action: str, context: Context) -> None:
    if action in ("current-context", "get-contexts", "get-clusters", "get-users"):
        context.emit(KubeRead("config"))
    else:
        emit.give_up(
            context, "kubectl: shows or changes credentials", f"config {action}"
        )
