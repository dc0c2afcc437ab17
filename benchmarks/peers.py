"""One decision of other policy engines: twenty rules on one write of a file.

Run by `decide.py` in an environment of its own; prints JSON: nanoseconds by name. The
rules are the same for each engine: one allows the workspace, nineteen refuse a
directory or a name in it. Parsing the rules is done once, where the engine lets it.
"""

import argparse
import json
import re
from collections.abc import Callable
from time import perf_counter_ns

PATH = "/workspace/src/app.py"
INSIDE = "/workspace/"
REFUSED = (
    *(f"/workspace/{name}/" for name in (".git", ".ssh", ".claude", "secrets", "keys")),
    *(f"/{name}/" for name in ("etc", "usr", "boot", "proc", "sys", "dev", "root")),
)
ENDINGS = (".env", ".pem", ".key", ".p12", ".kdbx", "id_rsa", ".netrc")

type Decision = Callable[[], bool]


def cedar_text() -> str:
    """The rules for Cedar."""
    who = 'principal, action == Action::"write", resource'
    refused = [f"{place}*" for place in REFUSED] + [f"*{end}" for end in ENDINGS]
    rules = [f'forbid({who}) when {{ context.path like "{p}" }};' for p in refused]
    allow = f'permit({who}) when {{ context.path like "{INSIDE}*" }};'
    return "\n".join([allow, *rules])


def cedar(*, parsed: bool) -> Decision:
    """Cedar by cedarpy, rules and entities parsed once or with each decision."""
    import cedarpy  # noqa: PLC0415  # of this engine alone

    text = cedar_text()
    policies = cedarpy.PolicySet.from_str(text) if parsed else text
    entities = cedarpy.Entities.from_json_str("[]") if parsed else []
    request = {
        "principal": 'Agent::"developer"',
        "action": 'Action::"write"',
        "resource": 'File::"it"',
        "context": {"path": PATH},
    }
    return lambda: bool(cedarpy.is_authorized(request, policies, entities).allowed)


def cel_texts() -> list[str]:
    """The rules for CEL: the first allows, the others refuse."""
    refused = [f"path.startsWith('{place}')" for place in REFUSED]
    refused += [f"path.endsWith('{ending}')" for ending in ENDINGS]
    return [f"path.startsWith('{INSIDE}')", *refused]


def one_program(texts: list[str]) -> str:
    """The rules as one expression."""
    return f"{texts[0]} && !({' || '.join(texts[1:])})"


def cel_cpp(*, one: bool) -> Decision:
    """CEL by Google's C++ implementation, as one program or one a rule."""
    from cel_expr_python import cel  # noqa: PLC0415  # of this engine alone

    env = cel.NewEnv(variables={"path": cel.Type.STRING})
    texts = cel_texts()
    whole = env.compile(one_program(texts))
    each = [env.compile(text) for text in texts]

    def decide_one() -> bool:
        return whole.eval(env.Activation({"path": PATH})).value() is True

    def decide_each() -> bool:
        given = env.Activation({"path": PATH})
        allow, *refused = [program.eval(given).value() for program in each]
        return allow is True and not any(refused)

    return decide_one if one else decide_each


def cel_rust(*, one: bool) -> Decision:
    """CEL by the Rust implementation, as one program or one a rule."""
    import cel  # noqa: PLC0415  # of this engine alone

    texts = cel_texts()
    whole = cel.compile(one_program(texts))
    each = [cel.compile(text) for text in texts]

    def decide_one() -> bool:
        return whole.execute({"path": PATH}) is True

    def decide_each() -> bool:
        allow, *refused = [program.execute({"path": PATH}) for program in each]
        return allow is True and not any(refused)

    return decide_one if one else decide_each


def rego() -> Decision:
    """Rego by rego-cpp, the rules compiled once."""
    import regopy  # noqa: PLC0415  # of this engine alone

    refused = [f'deny if startswith(input.path, "{place}")' for place in REFUSED]
    refused += [f'deny if endswith(input.path, "{ending}")' for ending in ENDINGS]
    module = "\n".join(
        [
            "package gate",
            "import rego.v1",
            "default allow := false",
            "default deny := false",
            f'allow if {{ startswith(input.path, "{INSIDE}"); not deny }}',
            *refused,
        ]
    )
    builder = regopy.Interpreter()
    builder.add_module("gate", module)
    bundle = builder.build(None, ["gate/allow"])
    engine = regopy.Interpreter()

    def decide() -> bool:
        engine.set_input({"path": PATH})
        answer = engine.query_bundle_entrypoint(bundle, "gate/allow")
        return str(answer) == '{"expressions":[true]}'

    return decide


def agent_os() -> Decision:
    """The policy engine of Microsoft's Agent Governance Toolkit, rules loaded once.

    A gate for tool calls, as ours is; the first rule that matches by priority decides.
    """
    from agent_os.policies import (  # noqa: PLC0415  # of this engine alone
        PolicyDocument,
        PolicyEvaluator,
    )

    def rule(pattern: str, action: str, priority: int) -> dict[str, object]:
        return {
            "name": f"{action} {pattern}",
            "condition": {"field": "path", "operator": "matches", "value": pattern},
            "action": action,
            "priority": priority,
        }

    refused = [f"^{re.escape(place)}" for place in REFUSED]
    refused += [f"{re.escape(end)}$" for end in ENDINGS]
    rules = [rule(pattern, "deny", 2) for pattern in refused]
    rules.append(rule(f"^{re.escape(INSIDE)}", "allow", 1))
    document = PolicyDocument.model_validate(
        {"name": "gate", "rules": rules, "defaults": {"action": "deny"}}
    )
    engine = PolicyEvaluator(policies=[document])
    call = {"tool_name": "write", "path": PATH}
    return lambda: bool(engine.evaluate(call).allowed)


PEERS: dict[str, Callable[[], Decision]] = {
    "Cedar, rules parsed once": lambda: cedar(parsed=True),
    "Cedar, rules parsed each time": lambda: cedar(parsed=False),
    "CEL C++, one program": lambda: cel_cpp(one=True),
    "CEL C++, a program a rule": lambda: cel_cpp(one=False),
    "CEL Rust, one program": lambda: cel_rust(one=True),
    "CEL Rust, a program a rule": lambda: cel_rust(one=False),
    "Rego (rego-cpp)": rego,
    "Agent OS (AGT), rules loaded once": agent_os,
}


def main() -> None:
    """Print the times of every engine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=2000)
    times = parser.parse_args().times
    found: dict[str, list[int]] = {}
    for name, make in PEERS.items():
        decide = make()
        if not all(decide() for _ in range(100)):
            raise SystemExit(f"{name}: the write is not allowed")
        row = found.setdefault(name, [])
        for _ in range(times):
            began = perf_counter_ns()
            decide()
            row.append(perf_counter_ns() - began)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
