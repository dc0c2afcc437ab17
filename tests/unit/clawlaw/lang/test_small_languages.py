"""jq, perl, node, make and SQL: what is understood and what asks."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clawlaw.core.actions import ProcessExec
from clawlaw.core.shell.lang.node import NodeError, read_program
from clawlaw.core.shell.lang.perl import harmless
from clawlaw.core.shell.lang.sql import judge_sql
from clawlaw.core.shell.words import Input

from .conftest import Judged

READ = "file.read /workspace/f"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("jq . f", [READ]),
        ("jq -r '.a[] | select(.b == \"x\") | .c' f", [READ]),
        ("jq -n --arg a b --argjson c 1 '$a + .env'", []),
        ("jq --slurpfile a /etc/x '$a' f", ["file.read /etc/x", READ]),
        ("jq --args '$ARGS' a b", []),
        ("jq 'env.HOME' f", ["environment.read ('HOME',)", READ]),
        ("jq '$ENV | keys'", ["environment.read ()"]),
        ("jq '\"\\(env.X)\"'", ["environment.read ('X',)"]),
        ("perl -v", []),
        ("perl -pe 's/a/b/g' f", [READ]),
        ("perl -lane 'print $F[0] if /x$/' f", [READ]),
        ("perl -ne 'print if 5..10; next unless $. > 3' f", [READ]),
        (
            "perl -pi -e 's/foo/$1bar/; tr/a-z/A-Z/' f",
            [READ, "file.write /workspace/f"],
        ),
        (
            "perl -i.bak -pe 's|a|b|' f",
            [
                READ,
                "file.write /workspace/f",
                "file.write /workspace/f.bak how=create source=file",
            ],
        ),
        ("node --version", []),
        ("node -p '1+1'", []),
        ("node -e 'console.log(1 + 1)'", []),
        ("node -p \"process.versions.node.split('.')[0]\"", []),
        ("node --check f", [READ]),
        ("jq --indent 2 -- .a f -", [READ]),
        ("perl -l -0 -ne 'print;' f -", [READ]),
        ("perl", []),
        ("node", []),
        ("node --env-file=f -v", [READ]),
        ("node -p \"Math.max(1, (-2)).toFixed(1) + 'x'.length\"", []),
        ("make --version", []),
        ("dc --version", []),
        ("dc -e '2 3 + p [bigger] sb 1 2 !<b'", []),
        ("dc", []),
        ("make", []),
        ("make -j4 V=1 test", []),
        ("make -C sub", ["file.read /workspace/sub what=list"]),
        ("sqlite f 'SELECT * FROM t'", [READ]),
        ("sqlite -header -csv f .tables", [READ]),
        (
            "sqlite f \"INSERT INTO t VALUES (1,'drop it')\"",
            [READ, "file.write /workspace/f"],
        ),
        ("sqlite :memory: 'select 1'", []),
        ("psql -c 'select 1'", ["net.request localhost port=5432 scheme=postgres"]),
        ("psql -l", []),
        ("psql -c '\\dt'", ["net.request localhost port=5432 scheme=postgres"]),
        (
            "psql postgres://me:pw@db.example/x -c 'update t set a=1 where b=2'",
            [
                (
                    "net.request db.example port=5432 scheme=postgres method=POST"
                    " carries=text"
                )
            ],
        ),
        (
            "mysql -h db.example -e 'show tables' x",
            ["net.request db.example port=3306 scheme=mysql"],
        ),
    ],
)
def test_what_is_understood(judged: Judged, line: str, said: list[str]) -> None:
    found = judged(line)
    assert found.said == said
    assert found.clean


def test_a_json_file_of_node_may_be_a_program(judged: Judged) -> None:
    found = judged("node -p \"require('./package.json').version\"")
    scripts = [e.script for e in found.effects if isinstance(e, ProcessExec)]
    assert scripts == ["", "/workspace/package.json.js"]
    assert "file.read /workspace/package.json" in found.said


@pytest.mark.parametrize(
    "line",
    [
        "jq 'import \"a\" as a; 1' f",
        "jq 'include \"a\"; 1' f",
        "jq -f prog f",
        "jq --from-file prog f",
        "jq -L dir . f",
        "jq -rf prog f",
        "jq '.%%' f",
        "jq %% f",
        "jq . %%",
        "jq --rawfile a",
        "perl -e 'system(\"id\")'",
        "perl -e 'print 1'",
        "perl -pe 's/a/id/e' f",
        "perl -pe 's/a/id/gee' f",
        "perl -pe 's/a/@{[system(1)]}/' f",
        "perl -pe 's/(?{system(1)})//' f",
        "perl -pe 's/a/$h{`id`}/' f",
        "perl -pe 's/a/${\\ system(1)}/' f",
        "perl -pe 's/$ENV{X}/b/' f",
        "perl -pe 's{a}{b}' f",
        "perl -pe '`id`' f",
        "perl -ne 'print if /@{[1]}/' f",
        "perl -ne 'BEGIN{system 1}' f",
        "perl -ne 'print;system 1' f",
        "perl -ne 'print if /x/ && system 1' f",
        "perl -Mre=eval -pe 's/a/b/' f",
        "perl -pie 's/a/b/' f",
        "perl -i/etc/x -pe 's/a/b/' f",
        "perl -pe 's/a/b/' 'id|'",
        "perl -pe 's/a/b/' '>f'",
        "perl -pe 's/a/b/' *",
        "perl -pe 's/a/b/' %%",
        "perl -pe %% f",
        "perl x.pl",
        "perl -d x",
        "perl -S x",
        "node -e \"require('child_process').exec('id')\"",
        "node -p \"require('fs').readFileSync('/etc/shadow')\"",
        "node -p \"require('./x.js')\"",
        "node -p \"require('./x')\"",
        "node -p \"process.mainModule.require('fs')\"",
        "node -p \"''.constructor.constructor('return 1')()\"",
        "node -p \"''['constructor']\"",
        "node -p 'process.env'",
        "node -p 'process.exit(1)'",
        "node -p 'x = 1'",
        "node -p '(() => 1)()'",
        "node -p '`${1}`'",
        "node -p '1 // 2'",
        "node -p %%",
        "node -r ./x -p 1",
        "node --import ./x a.js",
        "node --loader=./x a.js",
        "node x.js",
        "node --inspect x.js",
        "make -f - x",
        "make -f /dev/stdin",
        "make --eval='$(shell id)'",
        "make SHELL=/tmp/x",
        "make MAKEFLAGS=--eval=x",
        "make CFLAGS='$(shell id)'",
        "make CC='rm -rf /'",
        "make 'X=`id`'",
        "node -p '(1'",
        "node -p 'Math.x(1)'",
        "node -p '1 2'",
        "node -p '[1]'",
        "node -p \"'a'[x]\"",
        "node -p \"'a'.b()\"",
        "node -p '" + "(" * 60 + "1" + ")" * 60 + "'",
        "jq --indent",
        "jq . --no-such",
        "perl -0777 -ne 's/(?<x>a)/\\p{L}/ if /@x/' f",
        "perl -F: -lane 'print $F[system(1)]' f",
        "make -f a -f b",
        "make -C %% all",
        "make 'A=b c'",
        "dc -e '!id'",
        "dc -e '2 p !'",
        "dc -e '[id] 33 a x'",
        "dc -e %%",
        "dc -f prog",
        "dc prog",
        "dc --no-such",
        "make deploy",
        "make -f other.mk",
        "make -C /opt/other",
        "make -C ../other",
        "make %%",
        "make --no-such",
        "sqlite f '.shell id'",
        "sqlite f '.system id'",
        "sqlite f '.import \"|id\" t'",
        "sqlite f '.tables |id'",
        "sqlite f '.output /etc/x'",
        "sqlite f '.once |id'",
        "sqlite f '.read x'",
        "sqlite f '.load x'",
        "sqlite f 'DROP TABLE t'",
        "sqlite f 'DELETE FROM t'",
        "sqlite f \"select load_extension('x')\"",
        "sqlite f \"select writefile('/etc/x', 'a')\"",
        "sqlite f \"select readfile('/etc/x')\"",
        "sqlite f \"ATTACH 'x' AS y\"",
        "sqlite f %%",
        "sqlite -init x f",
        "sqlite -cmd '.shell id' f 'select 1'",
        "sqlite --init x f",
        "psql -c '\\! id'",
        "psql -c '\\dt \\! id'",
        "psql -c \"COPY t TO PROGRAM 'id'\"",
        "psql -c '\\copy t from program id'",
        "psql -c '\\o |id'",
        "psql -c '\\i x'",
        "psql -c \"select pg_read_file('/etc/shadow')\"",
        "psql -c 'drop database x'",
        "psql -c 'truncate t'",
        'psql -c "do $$ begin end $$"',
        "psql -c \"select lo_export(1, '/etc/x')\"",
        "psql -f x.sql",
        "psql -h %% -c 'select 1'",
        "psql -o '|id' -c 'select 1'",
        "mysql -e 'system id'",
        "mysql -e '\\! id'",
        "mysql -e \"select load_file('/etc/shadow')\"",
        "mysql -e \"select 1 into outfile '/etc/x'\"",
        "mysql -e 'grant all on *.* to x'",
        "mysql --pager=id -e 'select 1'",
        "mysql --defaults-file=x -e 'select 1'",
        "mysql --init-command=x",
    ],
)
def test_what_is_not_plain_is_not_clean(judged: Judged, line: str) -> None:
    assert not judged(line).clean


@pytest.mark.parametrize(
    "line", ["perl", "node -", "sqlite f", "psql", "mysql x", "dc"]
)
def test_code_on_the_input(judged: Judged, line: str) -> None:
    assert not judged(line, Input("program")).clean


def test_a_calculation_on_the_input(judged: Judged) -> None:
    assert judged("dc", Input("agent", "2 3 + p\n")).clean
    assert not judged("dc", Input("agent", "!id\n")).clean
    assert not judged("dc -", Input("agent", "!id\n")).clean


def test_statements_on_the_input(judged: Judged) -> None:
    assert judged("sqlite f", Input("agent", ".tables\nselect 1;\n")).clean
    assert not judged("sqlite f", Input("agent", "select 1;\n.system id\n")).clean


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("SELECT 'drop'; -- delete\nEXPLAIN SELECT 1", "looks"),
        ("with a as (select 1) select * from a", "looks"),
        ("with a as (select 1) delete from t where x in a", "changes"),
        ("with a as (select 1) delete from t", "destroys"),
        ("PRAGMA table_info(t)", "looks"),
        ("PRAGMA journal_mode=WAL", "changes"),
        ("update t set a = 1; drop table t", "destroys"),
        ("select * into x from y", "changes"),
        ("create function f", "unknown"),
        ("'", "unknown"),
        ("/*! select */", "unknown"),
        ("12", "unknown"),
        ("", "looks"),
    ],
)
def test_kinds_of_statements(text: str, kind: str) -> None:
    assert judge_sql(text) == kind


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet="sprint/ab$@{}[]()`;\\|,#'\"eF0 \n", max_size=20))
def test_no_perl_program_with_code_passes(text: str) -> None:
    for program in (text, f"s/a/{text}/", f"s/{text}/b/"):
        if harmless(program):
            assert "@{" not in program
            assert "${" not in program
            assert "(?{" not in program
            assert not program.startswith("`")


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet="require('./a.json').x[0]console.log+-*/;\"`", max_size=24))
def test_no_node_program_breaks_the_reader(text: str) -> None:
    try:
        files = read_program(text)
    except NodeError:
        return
    assert all(file.endswith(".json") for file in files)
    assert "`" not in text.partition("'")[0].partition('"')[0]


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="select drop*;'-/.!\\\n$", max_size=24))
def test_no_statement_breaks_the_reader(text: str) -> None:
    assert judge_sql(text + ";drop table x") in ("destroys", "unknown", "looks")
    assert judge_sql("drop table x;" + text) in ("destroys", "unknown")


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("make", "CFLAGS", "$(shell id)"),
        ("make", "MAKEFILES", "x.mk"),
        ("make", "MAKEFLAGS", "--eval=x"),
        ("perl -pe 's/a/b/' f", "PERL5OPT", "-Mx"),
        ("perl -pe 's/a/b/' f", "PERLLIB", "x"),
    ],
)
def test_variables_that_are_code(
    judged: Judged, line: str, name: str, value: str
) -> None:
    assert not judged(line, **{name: value}).clean
    assert judged(line, CFLAGS="-O2").clean


@pytest.mark.parametrize(
    ("line", "directory"),
    [
        ("make test", "/workspace"),
        ("make -C sub", "/workspace/sub"),
        ("node --test", "/workspace"),
        ("python3 -m unittest", "/workspace"),
    ],
)
def test_a_runner_says_where_its_project_is(
    judged: Judged, line: str, directory: str
) -> None:
    (first, *_) = judged(line).effects
    assert isinstance(first, ProcessExec)
    assert (first.code, first.runner, first.script) == ("project", True, directory)
