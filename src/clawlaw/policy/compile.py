"""Documents to a policy that judges: everything is looked up and bound once.

What the documents refer to must exist, what they say twice must not contradict, and
every rule must hold its own examples before the policy is given out.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from clawlaw.core.canonical import digest
from clawlaw.core.decision import Verdict
from clawlaw.core.policy import Policy, Rule
from clawlaw.core.prepared import LAWS
from clawlaw.core.state import Label
from clawlaw.policy import profiles
from clawlaw.policy.conditions import Names, Reader
from clawlaw.policy.document import (
    LawDocument,
    Loaded,
    PolicyDocument,
    RuleEntry,
    SetsDocument,
    ToolsDocument,
    decode_document,
)
from clawlaw.policy.errors import PolicyError, nearest
from clawlaw.policy.fields import expand_kinds
from clawlaw.policy.kernel import kernel_digest
from clawlaw.policy.paths import Bindings, PathSets, check_entry
from clawlaw.policy.people import Register
from clawlaw.policy.selftest import check_examples
from clawlaw.policy.sets import HostSets, check_host, check_program, expand_set
from clawlaw.policy.settings import check_setting
from clawlaw.policy.source import Place, Source
from clawlaw.policy.toolmaps import read_tools

VERDICTS = {
    "allow": Verdict.ALLOW,
    "escalate": Verdict.ESCALATE,
    "deny": Verdict.DENY,
}
MAX_DOCUMENTS = 200


def read_folder(folder: Path) -> list[Loaded]:
    """Read every document of a policy's folder, in order of their names.

    Raises:
        PolicyError: No folder, no document, or one that cannot be used.
    """
    if not folder.is_dir():
        raise PolicyError(str(folder), 0, "no such folder")
    files = sorted(folder.rglob("*.yaml"), key=lambda f: f.relative_to(folder).parts)
    if not files:
        raise PolicyError(str(folder), 0, "holds no document (*.yaml)")
    if len(files) > MAX_DOCUMENTS:
        raise PolicyError(str(folder), 0, f"holds more than {MAX_DOCUMENTS} documents")
    return [
        decode_document(str(f.relative_to(folder).as_posix()), f.read_bytes())
        for f in files
    ]


def load(folder: Path | str, bindings: Bindings | None = None) -> Policy:
    """Read, compile and test the policy in a folder.

    Args:
        folder: Holds the documents.
        bindings: What the policy's variables stand for; default: those of the tests.

    Raises:
        PolicyError: What is wrong, with file, line and what was probably meant.
    """
    return compile_policy(read_folder(Path(folder)), bindings or Bindings())


def compile_policy(documents: Sequence[Loaded], bindings: Bindings) -> Policy:
    """Compile documents and hold every rule to its examples.

    Examples are written for the usual bindings, `/workspace` and `/home/agent`, and are
    held to them: where the workspace is elsewhere (in `/tmp`, say), what an example
    calls outside may be inside.

    Raises:
        PolicyError: As for :func:`load`.
    """
    usual = Bindings()
    tested = Compiler(documents, usual).policy()
    check_examples(documents, tested, usual)
    return tested if bindings == usual else Compiler(documents, bindings).policy()


class Compiler:
    """One policy on its way from documents to closures.

    Attributes:
        names: Everything that conditions may refer to.
        head: The one document that names the policy.
        head_source: With its lines.
        heads: It, and those of the policies that it takes in from subfolders.
        entries: Of the sets of paths, by name.
        host_entries: Of the sets of hosts, by name.
    """

    def __init__(self, documents: Sequence[Loaded], bindings: Bindings) -> None:
        """Collect and bind the named sets.

        Raises:
            PolicyError: A set that is wrong or stands twice; not one head.
        """
        self._documents = documents
        self._bindings = bindings
        self.heads = self._find_heads()
        self.head, self.head_source = self.heads[0]
        paths = self._sets("paths", self._bind)
        hosts = self._sets("hosts", lambda entry: [entry])
        programs = self._sets("programs", lambda entry: [entry])
        self.entries = paths
        self.host_entries = hosts
        purposes = frozenset(p.name for h, _ in self.heads for p in h.purposes)
        principals = frozenset(p.name for h, _ in self.heads for p in h.principals)
        self.names = Names(
            paths=PathSets(paths),
            hosts=HostSets(hosts),
            programs={name: frozenset(entries) for name, entries in programs.items()},
            purposes=purposes,
            principals=principals,
        )

    def _of(self, kind: type) -> list[tuple[Any, Source]]:
        return [
            (d.document, d.source)
            for d in self._documents
            if isinstance(d.document, kind)
        ]

    def _find_heads(self) -> list[tuple[PolicyDocument, Source]]:
        """The policy's own head first; a policy in a subfolder has one of its own.

        Of what is taken in, purposes, principals and settings count. What belongs to
        the room as a whole is said in one place, the policy's own head.
        """
        heads = self._of(PolicyDocument)
        own = [head for head in heads if "/" not in head[1].file]
        if len(own) != 1:
            named = ", ".join(source.file for _, source in own) or "none"
            problem = f"one document of kind policy is needed, found {named}"
            raise PolicyError(heads[-1][1].file if heads else ".", 0, problem)
        taken = [head for head in heads if head not in own]
        folders = [source.file.rpartition("/")[0] for _, source in taken]
        for (head, source), folder in zip(taken, folders, strict=True):
            for name in ("labels", "internal", "own"):
                if getattr(head, name):
                    problem = "is said by the policy's own head alone"
                    raise source.error((name,), problem)
            if folders.count(folder) > 1:
                raise source.error((), f"another head is in {folder} as well")
        return [*own, *taken]

    def _bind(self, entry: str) -> list[str]:
        if entry.startswith("@"):
            return [entry]
        bound = self._bindings.expand(entry)
        for one in bound:
            check_entry(one)
        return bound

    def _sets(
        self, family: str, bind: Callable[[str], list[str]]
    ) -> dict[str, tuple[str, ...]]:
        check = {"hosts": check_host, "programs": check_program}
        found: dict[str, list[str]] = {}
        places: dict[str, tuple[Source, Place]] = {}
        for document, source in self._of(SetsDocument):
            for name, entries in getattr(document, family).items():
                place: Place = (family, name)
                if name in found:
                    other = places[name][0].file
                    raise source.error(place, f"set {name!r} is in {other} as well")
                found[name] = []
                places[name] = source, place
                for number, entry in enumerate(entries):
                    try:
                        if not entry.startswith("@") and family in check:
                            check[family](entry)
                        found[name] += bind(entry)
                    except ValueError as error:
                        raise source.error((*place, number), str(error)) from error
        return self._references(found, places)

    @staticmethod
    def _references(
        found: dict[str, list[str]], places: Mapping[str, tuple[Source, Place]]
    ) -> dict[str, tuple[str, ...]]:
        expanded: dict[str, tuple[str, ...]] = {}
        for name in found:
            try:
                expanded[name] = expand_set(name, found)
            except ValueError as error:
                source, place = places[name]
                raise source.error(place, str(error)) from error
        return expanded

    def policy(self) -> Policy:
        """Compile everything.

        Raises:
            PolicyError: As for :func:`load`.
        """
        head = self.head
        laws = self._laws()
        return Policy(
            name=head.name,
            version=head.version,
            digest=self._digest(),
            workspace=self._bindings.workspace,
            home=self._bindings.home,
            rules=self._rules(),
            purposes=self._entries("purposes", lambda of: of.purpose),
            principals=self._entries("principals", lambda of: of.principal),
            settings=self._settings(),
            laws=frozenset(laws),
            profiles=profiles.builtin(),
            tools=read_tools(self._of(ToolsDocument)),
            label_of=self._labels(),
            internal=self._internal(),
            own=self._own(),
            kernel=kernel_digest(),
            touched=self.names.look("path").touched,
        )

    def _laws(self) -> list[int]:
        found = []
        for document, source in self._of(LawDocument):
            if document.law not in LAWS:
                problem = f"law {document.law} is none that judges: {LAWS}"
                raise source.error(("law",), problem)
            found.append(document.law)
        return found

    def _entries[T](
        self, name: str, maker: Callable[[Register], Callable[[int, Any], T]]
    ) -> dict[str, T]:
        """Purposes or principals by name."""
        found: dict[str, T] = {}
        for head, source in self.heads:
            people = Register(source, self.names, self.host_entries, self._bindings)
            make = maker(people)
            for number, entry in enumerate(getattr(head, name)):
                if entry.name in found:
                    problem = f"{name[:-1]} {entry.name!r} stands twice"
                    raise source.error((name, number), problem)
                found[entry.name] = make(number, entry)
        return found

    def _settings(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for head, source in self.heads:
            for name, value in head.settings.items():
                place: Place = ("settings", name)
                try:
                    check_setting(name, value)
                except ValueError as error:
                    raise source.error(place, str(error)) from error
                if found.setdefault(name, value) != value:
                    file = self.head_source.file
                    raise source.error(place, f"{name} is {found[name]} in {file}")
        return found

    def _digest(self) -> str:
        bound = self._bindings
        whole: dict[str, Any] = {
            "bindings": {
                "workspace": bound.workspace,
                "home": bound.home,
                "protect": bound.protect,
                "policy": bound.policy,
            },
            "documents": {d.source.file: d.source.data for d in self._documents},
        }
        return digest(whole)

    def _rules(self) -> dict[str, tuple[Rule, ...]]:
        found: dict[str, tuple[Rule, Source, Place]] = {}
        for document, source in self._of(LawDocument):
            for number, entry in enumerate(document.rules):
                place: Place = ("rules", number)
                if entry.id in found:
                    other = found[entry.id][1].file
                    problem = f"rule {entry.id!r} is in {other} as well"
                    raise source.error((*place, "id"), problem)
                rule = self._rule(document.law, entry, source, place)
                found[entry.id] = rule, source, place
        by_kind: dict[str, list[Rule]] = {}
        for rule, _, _ in sorted(found.values(), key=lambda f: (f[0].law, f[0].id)):
            for kind in sorted(rule.kinds):
                by_kind.setdefault(kind, []).append(rule)
        return {kind: tuple(rules) for kind, rules in sorted(by_kind.items())}

    def _rule(self, law: int, entry: RuleEntry, source: Source, place: Place) -> Rule:
        try:
            kinds = expand_kinds(entry.on)
        except ValueError as error:
            raise source.error((*place, "on"), str(error)) from error
        reader = Reader(source, kinds, self.names)
        when = reader.read(entry.when, (*place, "when"))
        verdict = VERDICTS[entry.then]
        allows = verdict is Verdict.ALLOW
        test = when.sure if allows else when.evident
        if entry.unless:
            unless = reader.read(entry.unless, (*place, "unless"))
            exempt = unless.possible if allows else unless.sure
            applies = test
            test = lambda effect, view: (  # noqa: E731  # one of two
                applies(effect, view) and not exempt(effect, view)
            )
        waivable = (
            entry.then == "escalate" if entry.waivable is None else entry.waivable
        )
        return Rule(
            id=entry.id,
            law=law,
            kinds=frozenset(kinds),
            test=test,
            verdict=verdict,
            reason=entry.because,
            remedy=entry.remedy,
            risk=entry.risk,
            waivable=waivable,
            sets=when.sets,
        )

    def _named(
        self, place: Place, names: Sequence[str], existing: Mapping[str, object]
    ) -> None:
        for name in names:
            if name not in existing:
                near = nearest(name, existing)
                raise self.head_source.error(place, f"no set {name!r}", near)

    def _labels(self) -> Callable[[str], int]:
        """Labels of a folded path that the policy itself gives."""
        given: list[tuple[int, int]] = []
        for label, names in self.head.labels.items():
            self._named(("labels", label), names, self.names.paths.bits)
            self.names.used.update(f"paths {name}" for name in names)
            given.append((self.names.paths.mask(names), int(Label[label.upper()])))
        hits = self.names.paths.folded.hits

        def label_of(path: str) -> int:
            found = hits(path).path
            labels = 0
            for mask, label in given:
                if found & mask:
                    labels |= label
            return labels

        return label_of

    def _internal(self) -> Callable[[str], bool]:
        """Whether a host belongs to the room."""
        hosts = self.names.hosts
        self._named(("internal",), self.head.internal, hosts.bits)
        self.names.used.update(f"hosts {name}" for name in self.head.internal)
        mask = hosts.mask(self.head.internal)

        def internal(host: str) -> bool:
            found, strange = hosts.hits(host)
            return bool(found & mask) and not strange

        return internal

    def _own(self) -> tuple[str, ...]:
        """Directories and files that no rule opens."""
        self._named(("own",), self.head.own, self.names.paths.bits)
        self.names.used.update(f"paths {name}" for name in self.head.own)
        entries = [e for name in self.head.own for e in self.entries[name]]
        named = [e.removesuffix("/**") for e in entries if e.startswith("/")]
        return (*dict.fromkeys((*named, *self._bindings.protect)),)
