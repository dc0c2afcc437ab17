"""The command from outside: exit codes, JSON, messages; nothing shows a traceback."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clawlaw.cli import main

type Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    return call


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "work"
    place.mkdir()
    (place / "README.md").write_text("# x\n")
    monkeypatch.chdir(place)
    return place


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


READ = ("--tool", "read", "--arg", "path=README.md")
SECRET = ("--tool", "read", "--arg", "path=~/.ssh/id_rsa")
UNKNOWN = ("--tool", "frobnicate", "--arg", "path=x")


@pytest.mark.parametrize(
    ("asked", "code", "verdict"),
    [(READ, 0, "allow"), (SECRET, 3, "deny"), (UNKNOWN, 4, "escalate")],
)
def test_exit_code_is_the_verdict(
    run: Run, workspace: Path, asked: tuple[str, ...], code: int, verdict: str
) -> None:
    assert workspace.is_dir()
    ended, out, _ = run("decide", *asked)
    assert (ended, out.split()[0]) == (code, verdict.upper())
    ended, out, _ = run("decide", "--json", *asked)
    (record,) = lines(out)
    assert ended == code
    assert record["decision"]["verdict"] == verdict
    assert record["version"] == 1
    assert record["kind"] == "decision"


def test_record_names_everything_that_decided(run: Run, workspace: Path) -> None:
    _, out, _ = run("decide", "--json", *READ)
    (record,) = lines(out)
    assert record["bindings"]["workspace"] == [str(workspace)]
    assert record["facts"]["paths"][f"{workspace}/README.md"]["kind"] == "file"
    assert record["effects"][0]["kind"] == "file.read"
    assert record["decision"]["policy"].startswith("sha256:")
    assert record["decision"]["kernel"].startswith("sha256:")
    assert record["history"].startswith("sha256:")


def test_worst_of_several_proposals_ends_it(run: Run, workspace: Path) -> None:
    several = workspace / "several.jsonl"
    several.write_text(
        '{"tool": "read", "arguments": {"path": "README.md"}}\n'
        '{"tool": "read", "arguments": {"path": "/etc/shadow"}}\n'
        '{"tool": "nonsense"}\n'
    )
    code, out, _ = run("decide", "--json", str(several))
    assert code == 3
    verdicts = [r["decision"]["verdict"] for r in lines(out)]
    assert verdicts == ["allow", "deny", "escalate"]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"{", "not JSON"),
        (b'{"tool": "read", "tool": "exec"}', "twice"),
        (b'{"tool": "read", "arguments": {"path": "a\\u0000b"}}', "NUL"),
        (b'{"tool": "read", "surprise": 1}', "surprise"),
        (b'{"tool": "read", "arguments": {"path": 9007199254740993}}', "2^53"),
        (b"\xff\xfe", "UTF-8"),
        (b"[]", "object"),
        (b"", "not JSON"),
        (b'{"tool": "exec", "arguments": {}}', "command"),
    ],
)
def test_what_is_no_proposal_is_denied(
    run: Run, workspace: Path, raw: bytes, said: str
) -> None:
    file = workspace / "proposal.json"
    file.write_bytes(raw)
    code, out, _ = run("decide", "--json", str(file))
    assert code == 3
    (record,) = lines(out)
    assert (record["kind"], record["verdict"]) == ("refusal", "deny")
    assert said in record["field"] + " " + record["reason"]
    code, out, _ = run("decide", str(file))
    assert code == 3
    assert said in out


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ((), "in one way"),
        (("--tool", "read", "x.json"), "in one way"),
        (("gone.json",), "gone.json"),
        (("--tool", "read", "--arg", "path"), "NAME=TEXT"),
        (("--tool", "read", "--arg", "path:={"), "not JSON"),
        ((*READ, "--policy", "nowhere"), "no such folder"),
        ((*READ, "--policy", "froge"), "no such folder"),
        ((*READ, "--workspace", "nowhere"), "no such directory"),
        ((*READ, "--tools", "gone.yaml"), "gone.yaml"),
        ((*READ, "--principal", "nobody"), "not enrolled"),
        (("--no-such-option",), "No such option"),
    ],
)
def test_bad_question_says_what_and_where(
    run: Run, workspace: Path, asked: tuple[str, ...], said: str
) -> None:
    assert workspace.is_dir()
    code, _, err = run("decide", *asked)
    assert code == 2
    assert said in err


def test_typed_arguments(run: Run, workspace: Path) -> None:
    assert workspace.is_dir()
    _, out, _ = run("decide", "--json", *READ, "--arg", "limit:=5")
    (record,) = lines(out)
    assert record["proposal"]["arguments"] == {"path": "README.md", "limit": 5}


def test_client_tools_are_known(run: Run, workspace: Path) -> None:
    code, out, _ = run(
        "decide",
        "--json",
        "--tool",
        "Read",
        "--arg",
        f"file_path={workspace}/README.md",
    )
    (record,) = lines(out)
    assert (code, record["proposal"]["tool"]) == (0, "read")


def test_real_link_is_followed(run: Run, workspace: Path) -> None:
    (workspace / "notes").symlink_to("/etc/shadow")
    code, out, _ = run("decide", "--json", "--tool", "read", "--arg", "path=notes")
    (record,) = lines(out)
    assert code == 3
    assert record["facts"]["paths"][f"{workspace}/notes"]["resolved"] == "/etc/shadow"


def test_explain_tells_law_and_remedy(run: Run, workspace: Path) -> None:
    assert workspace.is_dir()
    code, out, _ = run("explain", *SECRET)
    assert code == 3
    assert "DENY" in out
    assert "Law 0 Boundary" in out
    assert "What would make it pass" in out
    code, out, _ = run("explain", "--json", *SECRET)
    (told,) = lines(out)
    assert told["against"][0]["title"] == "Boundary"


def test_explain_reads_records(run: Run, workspace: Path) -> None:
    _, out, _ = run("decide", "--json", *SECRET)
    (workspace / "r.jsonl").write_text(out)
    code, told, _ = run("explain", "r.jsonl")
    assert code == 3
    assert "file.read" in told


def test_allowed_action_is_explained_without_objections(
    run: Run, workspace: Path
) -> None:
    assert workspace.is_dir()
    code, out, _ = run("explain", *READ)
    assert code == 0
    assert "speaks against" not in out


def test_replay_is_identical_and_says_the_first_difference(
    run: Run, workspace: Path
) -> None:
    several = workspace / "several.jsonl"
    calls = ["README.md", "/etc/shadow", "a", "b"]
    several.write_text(
        "".join(
            json.dumps({"tool": "read", "arguments": {"path": p}}) + "\n" for p in calls
        )
    )
    _, records, _ = run("decide", "--json", "several.jsonl")
    file = workspace / "records.jsonl"
    file.write_text(records)
    code, out, _ = run("replay", "records.jsonl")
    assert (code, out.strip()) == (0, "4 decisions, identical")

    changed = lines(records)
    changed[2]["decision"]["risk"] += 1
    file.write_text("".join(json.dumps(r) + "\n" for r in changed))
    code, out, _ = run("replay", "--json", "records.jsonl")
    (told,) = lines(out)
    assert code == 1
    assert (told["line"], told["where"], told["decisions"]) == (3, "decision.risk", 2)


def test_replay_sees_a_record_that_was_cut(run: Run, workspace: Path) -> None:
    (workspace / "p.jsonl").write_text(
        '{"tool": "read", "arguments": {"path": "a"}}\n' * 3
    )
    _, records, _ = run("decide", "--json", "p.jsonl")
    kept = records.splitlines(keepends=True)
    (workspace / "r.jsonl").write_text(kept[0] + kept[2])
    code, out, _ = run("replay", "r.jsonl")
    assert code == 1
    assert "came before" in out


def test_records_of_several_runs_replay(run: Run, workspace: Path) -> None:
    text = "".join(run("decide", "--json", *asked)[1] for asked in (READ, SECRET, READ))
    (workspace / "r.jsonl").write_text(text)
    code, out, _ = run("replay", "r.jsonl")
    assert (code, out.strip()) == (0, "3 decisions, identical")


@pytest.mark.parametrize("raw", ["", "{}\n", "not JSON\n", '{"kind": "decision"}\n'])
def test_what_is_no_record_is_said_with_its_line(
    run: Run, workspace: Path, raw: str
) -> None:
    (workspace / "r.jsonl").write_text(raw)
    for command in (("replay",), ("backtest", "--policy", "forge"), ("observe",)):
        code, _, err = run(command[0], "r.jsonl", *command[1:])
        assert code == 2
        assert "r.jsonl" in err


def test_backtest_shows_changed_verdicts(run: Run, workspace: Path) -> None:
    text = "".join(run("decide", "--json", *asked)[1] for asked in (READ, SECRET))
    (workspace / "r.jsonl").write_text(text)
    assert run("backtest", "r.jsonl", "--policy", "forge")[0] == 0

    assert run("init")[0] == 0
    rules = workspace / "clawlaw" / "policy"
    strict = rules / "99-strict.yaml"
    strict.write_text(
        "document: law\nlaw: 0\ntitle: Strict\nrules:\n"
        "  - id: strict.readme\n    on: [file.read]\n    then: escalate\n"
        "    when: {path: {in: [workspace]}}\n"
        "    because: nothing is read without a question here\n"
        '    match: [{effect: {kind: file.read, path: "${workspace}/README.md"}}]\n'
        "    not_match: [{effect: {kind: file.read, path: /etc/hosts}}]\n"
    )
    code, out, err = run("backtest", "r.jsonl", "--policy", str(rules), "--json")
    assert (code, err) == (1, "")
    (told,) = lines(out)
    assert (told["decisions"], told["stricter"], told["looser"]) == (2, 1, 0)
    (row,) = told["changed"]
    assert (row["then"], row["now"], row["line"]) == ("allow", "escalate", 1)
    assert "stricter" in run("backtest", "r.jsonl", "--policy", str(rules))[1]


def test_observe_reports_and_drafts(run: Run, workspace: Path) -> None:
    text = "".join(
        run("decide", "--json", *asked)[1] for asked in (READ, SECRET, UNKNOWN)
    )
    (workspace / "r.jsonl").write_text(text)
    code, out, _ = run("observe", "r.jsonl", "--json")
    (told,) = lines(out)
    assert code == 0
    assert told["verdicts"] == {"allow": 1, "deny": 1, "escalate": 1}
    assert any(rule["verdict"] == "deny" for rule in told["rules"])
    code, out, _ = run("observe", "r.jsonl", "--drafts", "drafts")
    assert code == 0


def test_init_ends_with_a_first_denial(run: Run, workspace: Path) -> None:
    code, out, _ = run("init")
    assert code == 0
    assert "DENY" in out
    assert "clawlaw explain" in out
    assert run("policy", "test", "--policy", "clawlaw/policy")[0] == 0
    assert run("replay", "clawlaw/first.jsonl")[0] == 0
    before = sorted(p.read_bytes() for p in workspace.rglob("*") if p.is_file())
    code, _, err = run("init")
    assert code == 2
    assert "there already" in err
    assert before == sorted(p.read_bytes() for p in workspace.rglob("*") if p.is_file())


def test_init_in_another_folder_says_its_files(run: Run, workspace: Path) -> None:
    code, out, _ = run("init", "--json", str(workspace / "new"))
    (told,) = lines(out)
    assert code == 0
    assert [d["verdict"] for d in told["decisions"]][1] == "deny"
    assert all(Path(file).is_file() for file in told["files"])


@pytest.mark.parametrize("command", ["test", "show", "digest"])
def test_policy_commands(run: Run, command: str) -> None:
    code, out, _ = run("policy", command, "--policy", "forge")
    assert code == 0
    assert out
    code, out, _ = run("policy", command, "--policy", "forge", "--json")
    assert code == 0
    assert len(lines(out)) == 1


def test_policy_error_names_file_and_line(run: Run, workspace: Path) -> None:
    assert run("init")[0] == 0
    file = next((workspace / "clawlaw" / "policy").glob("00-*.yaml"))
    file.write_text(file.read_text().replace("then: allow", "then: alow", 1))
    for command in (("policy", "show"), ("decide", *READ)):
        code, _, err = run(*command)
        assert code == 2
        assert f"{file.name}:" in err
        assert "allow" in err
    code, out, _ = run("policy", "test", "--json")
    assert code == 2
    assert lines(out)[0]["error"]


def test_policy_test_fails_where_an_example_does_not_hold(
    run: Run, workspace: Path
) -> None:
    assert run("init")[0] == 0
    extra = workspace / "clawlaw" / "policy" / "99-wrong.yaml"
    extra.write_text(
        "document: law\nlaw: 0\ntitle: Wrong\nrules:\n"
        "  - id: wrong.example\n    on: [file.read]\n    then: escalate\n"
        "    when: {path: {in: [workspace]}}\n"
        "    because: its example is outside\n"
        "    match: [{effect: {kind: file.read, path: /etc/hosts}}]\n"
        "    not_match: [{effect: {kind: file.read, path: /etc/passwd}}]\n"
    )
    code, out, _ = run("policy", "test")
    assert code == 1
    assert "99-wrong.yaml" in out


def test_decision_does_not_depend_on_process_or_hash_seed(workspace: Path) -> None:
    file = workspace / "p.json"
    file.write_text(
        json.dumps(
            {
                "tool": "exec",
                "arguments": {
                    "command": "cat README.md | sort -u > out && rm -rf /etc"
                },
            }
        )
    )
    printed = set()
    for seed in ("0", "1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": f"UTC{seed[0]}"}
        done = subprocess.run(
            [sys.executable, "-m", "clawlaw", "decide", "--json", "p.json"],
            env=environment,
            capture_output=True,
            check=False,
            cwd=workspace,
        )
        assert done.returncode == 3, done.stderr
        record = json.loads(done.stdout)
        record["facts"]["now"] = 0
        printed.add(json.dumps(record))
    assert len(printed) == 1


def test_reader_that_goes_away_is_no_error(workspace: Path) -> None:
    (workspace / "p.jsonl").write_text(
        '{"tool": "read", "arguments": {"path": "a"}}\n' * 400
    )
    done = subprocess.run(
        [
            "/bin/sh",
            "-c",
            f"{sys.executable} -m clawlaw decide --json p.jsonl | head -1",
        ],
        capture_output=True,
        check=False,
        cwd=workspace,
    )
    assert done.stderr == b""


def test_help_and_version(run: Run) -> None:
    code, out, _ = run("--version")
    assert (code, out.split()[0]) == (0, "clawlaw")
    _, out, _ = run("--help")
    for command in ("init", "decide", "explain", "replay", "backtest", "observe"):
        assert command in out


def test_defect_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("x")

    monkeypatch.delenv("CLAWLAW_DEBUG", raising=False)
    monkeypatch.setattr("clawlaw.cli.policy.find_policy", broken)
    code, _, err = run("policy", "digest")
    assert code == 70
    assert "ZeroDivisionError" in err
