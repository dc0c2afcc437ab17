"""`clawlaw policy`: check, test, show and name a policy."""

import typer
from msgspec import to_builtins

from clawlaw.cli.bench import HOME, WORKSPACE
from clawlaw.cli.options import JsonOption, PolicyOption, ToolsOption
from clawlaw.cli.output import DIFFERENT, OK, out, print_json, print_table, reported
from clawlaw.cli.policies import PolicyLoader, find_policy
from clawlaw.core.policy import Policy, Rule
from clawlaw.policy.document import LawDocument
from clawlaw.policy.errors import PolicyError
from clawlaw.policy.lint import lint, lint_profiles
from clawlaw.policy.paths import Bindings
from clawlaw.policy.profiles import read_files

app = typer.Typer(
    name="policy",
    help="Check, test, show and name a policy.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _load(policy: str, tools: ToolsOption) -> tuple[PolicyLoader, Policy]:
    loader = PolicyLoader(find_policy(policy), tuple(tools or ()))
    return loader, loader.load(WORKSPACE, HOME)


def rules_of(policy: Policy) -> list[Rule]:
    """Every rule once, by law and id."""
    found = {rule.id: rule for rules in policy.rules.values() for rule in rules}
    return sorted(found.values(), key=lambda rule: (rule.law, rule.id))


@app.command()
def digest(
    *,
    policy: PolicyOption = "",
    tools: ToolsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the digests that every decision under the policy carries."""
    with reported(as_json=as_json):
        _, loaded = _load(policy, tools)
    named = {"name": loaded.name, "version": loaded.version}
    digests = {"policy": loaded.digest, "kernel": loaded.kernel}
    if as_json:
        print_json(named | digests)
    else:
        out.print(f"{loaded.name} {loaded.version}")
        out.print(f"policy {loaded.digest}\nkernel {loaded.kernel}")


@app.command()
def show(
    *,
    policy: PolicyOption = "",
    tools: ToolsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the rules by law, and who may act for what."""
    with reported(as_json=as_json):
        _, loaded = _load(policy, tools)
    rules = rules_of(loaded)
    if as_json:
        print_json(_shown(loaded, rules))
        return
    rows = [
        (r.law, r.id, r.verdict.name.lower(), " ".join(sorted(r.kinds)), r.reason)
        for r in rules
    ]
    title = f"{loaded.name} {loaded.version}: {len(rules)} rules"
    print_table(title, ("law", "rule", "then", "effects", "because"), rows)
    people = [
        (p.name, p.tier, ", ".join(p.purposes), ", ".join(p.ceiling.paths))
        for p in loaded.principals.values()
    ]
    print_table("principals", ("name", "tier", "purposes", "paths"), people)


def _shown(loaded: Policy, rules: list[Rule]) -> dict[str, object]:
    return {
        "name": loaded.name,
        "version": loaded.version,
        "digest": loaded.digest,
        "rules": [
            {
                "law": r.law,
                "id": r.id,
                "then": r.verdict.name.lower(),
                "on": sorted(r.kinds),
                "because": r.reason,
                "remedy": r.remedy,
            }
            for r in rules
        ],
        "principals": sorted(loaded.principals),
        "purposes": sorted(loaded.purposes),
    }


@app.command("lint")
def find_faults(
    *,
    policy: PolicyOption = "",
    tools: ToolsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find what is allowed in a policy and probably not meant.

    The examples of the program profiles are held as well.

    Ends with 1 where there is an error or a warning, with 2 where it does not load.
    """
    with reported(as_json=as_json):
        loader = PolicyLoader(find_policy(policy), tuple(tools or ()))
        found = lint(loader.documents(), Bindings((WORKSPACE,), HOME))
        found += lint_profiles(read_files())
    if as_json:
        print_json({"findings": [to_builtins(finding) for finding in found]})
    elif not found:
        out.print("nothing found")
    else:
        rows = [(f"{f.file}:{f.line}", f.level, f.code, f.message) for f in found]
        print_table("findings", ("where", "level", "code", "what"), rows)
    bad = any(finding.level != "note" for finding in found)
    raise typer.Exit(DIFFERENT if bad else OK)


@app.command("test")
def hold_examples(
    *,
    policy: PolicyOption = "",
    tools: ToolsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold every rule to its examples. Ends with 1 where one does not hold.

    A policy whose examples do not hold is never used: loading is the same test.
    """
    failed = ""
    examples = rules = 0
    with reported(as_json=as_json):
        loader = PolicyLoader(find_policy(policy), tuple(tools or ()))
        documents = loader.documents()
        laws = [d.document for d in documents if isinstance(d.document, LawDocument)]
        rules = sum(len(law.rules) for law in laws)
        examples = sum(
            len(r.match) + len(r.not_match) for law in laws for r in law.rules
        )
        try:
            loader.load(WORKSPACE, HOME)
        except PolicyError as error:
            failed = str(error)
    result = {"rules": rules, "examples": examples, "failed": failed}
    if as_json:
        print_json(result)
    elif failed:
        out.print(failed, style="red", markup=False)
    else:
        out.print(f"{rules} rules hold their {examples} examples")
    raise typer.Exit(DIFFERENT if failed else OK)
