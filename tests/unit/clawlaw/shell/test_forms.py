"""Forms one by one: those that are understood, and those that escalate."""

from collections.abc import Callable

import pytest

from clawlaw.core.actions import (
    AnyEffect,
    EnvironmentRead,
    FileDelete,
    FileRead,
    FileWrite,
    NetRequest,
    Opaque,
    ProcessExec,
    ProcessSignal,
    SystemChange,
)

type Run = Callable[..., list[AnyEffect]]

UNDERSTOOD = [
    # builtins
    "cd -L b && ls", "cd -- b", "cd -", "pushd b && popd", "return", "break",
    "continue", "shift", "set -- a b; shift 2", "read -r -p 'name: ' x", "read -rs x y",
    "read -t 5 -n 1 x", "read", "mapfile -t a", "mapfile a", "getopts ab: o", "set -e",
    "set +x -u", "set -o pipefail", "set -eo pipefail", "set +o errexit",
    "shopt -s nullglob globstar", "hash -r", "hash", "type ls", "command -v ls",
    "command -- ls", "builtin echo a", "wait", "umask 022", "unalias -a", "exec",
    "exec 2>/dev/null", "trap - EXIT", "trap '' INT TERM", "trap 'ls' EXIT INT",
    "let i=1 i+=2 j=i+1", "test -f a -o -d b", '[ -n "$x" ]', "test a = b", "alias",
    "alias ll", "source", ". ./x.sh", "source a/b", "pwd -L", "pwd",
    "printf '%s\\n' a b", "printf -v x a", "printf -- a", "echo -n a",
    "echo -e 'a\\tb'", "kill -l", "export x=1 y", "declare -r x=1",
    "declare -a a=(1 2)", "typeset x=1", "readonly x=1", "unset x", "unset -v x",
    "f() { local x y=1; }; f", "f() { declare -g x=1; }; f; ls $x", "sleep 5",
    "ulimit -n", "times",
    # arithmetic and conditions
    "echo $((1)) $((RANDOM % 6)) $(( (1+2) * 3 ))",
    "i=1; echo $((i)) $(($i+1)) $((i*2))", "((i++)); echo $i", "((i=1, j=2))",
    "((i+=2))", "i=5; ((i > 3 ? 1 : 2))", "echo $((${#x} + $#))",
    "i=1; ((i--)); ((--i))", "[[ -f a && -d b || ! -e c ]]", "[[ $x == a* ]]",
    "[[ $x =~ ^a.*b$ ]]", "[[ $# -eq 0 ]]", "[[ 1 -lt 2 ]]",
    "i=1; [[ i -lt 2 && $i -ge 0 ]]", "[[ -v x ]]", "[[ ( a == b ) ]]",
    "[ 1 -eq 1 ] && ls", "[ ! -f a ]", "[[ $(ls) ]]",
    'case $x in a|b*) ls;; [cd]) ls;; "$y") ls;; *) ls;; esac',
    "case $x in (a) ls;; esac", "case x in esac",
    # expansions
    "ls ${x:?no} ${x?}", "x=1; ls ${x:=2}; y=", "ls ${HOME:-a}",
    "x=a; ls ${x:+b} ${x+c}", "x=abc; ls ${x:1:2} ${x#a} ${x%%c*} ${x/b} ${x^} ${x,,}",
    "a=(1); ls ${#a[@]} ${a[*]}", "i=0; a=(x); ls ${a[$i]} ${a[i]}",
    'a=(x); a+=(y); ls "${a[@]}"', "a[0]=x; ls ${a[0]}",
    'ls "$*" "$@" $0 $- $$ $! $? $_', "ls $USER $HOSTNAME $PATH", "ls $TMPDIR/x",
    "ls $OLDPWD $PWD", "x=`ls`", "x=$(< a)", "ls $(date +%F) $(nproc) $(whoami)",
    "n=$(ls | wc -l); ((n > 3)) && ls", "ls x$(date +%s).log", "ls $(date -u +%Y)",
    # redirections
    "ls <&0 >&1 2>&-", "ls 3>&1", 'ls <<< "$x"', "cat < a > b", "ls >> a 2>> b",
    "cat <<E | sort\nx\nE", "cat <<E && ls\nx\nE", "cat <<E || ls\nx\nE",
    "cat <<E > f 2>&1\nx\nE", "cat <<'E' a\nx\nE", "cat <<\\E\nx\nE",
    'cat <<"E"\n$x\nE', "cat <<E\n${x:-y} $x\nE", "cat <<E\nE",
    "cat <<-E\n\t\tx\n\tE\nls", "x=$(cat <<E\nx\nE\n); ls", "{ ls; } 2>/dev/null < a",
    "while read -r l; do ls; done < a", "if ls; then ls; fi > a", "(ls) > a",
    "f() { ls; }; f > a", "> a ls", "2>/dev/null ls", "echo a >&2", "ls &>> a",
    "declare -A m=([x]=1 [y]=2); k=x; ls ${m[$k]} ${m[y]}; m[z]=3",
    'declare -A m; for k in "${!m[@]}"; do ls "a/$k" | wc; done',
    'a=(1 2 3); ls "${a[@]:1:2}" ${a[-1]}', "time (ls; ls)", "ls ${#x} ${y}",
    "echo $((16#ff)) $((3725%3600/60)) $(( $(date +%s) - $(date -d 1970-01-01 +%s) ))",
    "history 5",
    'for f in *.a; do ls > "${f%.a}.b"; done',
    "export GIT_PAGER=cat PAGER=less GIT_EDITOR=true",
    # programs
    "env", "env -i A=1 ls", "env -u A -- ls", "timeout -k 5 --signal=KILL 10s ls",
    "nice ls", "nice -n 5 ls", "nohup ls &", "stdbuf -oL -e 0 ls", "time -p ls",
    "time ls | wc", "flock -n /tmp/l ls", "ionice -c3 ls", "busybox ls", "command ls",
    "/bin/ls", "/usr/bin/env ls", "./x", "a/b.sh c", "bash x.sh", "sh -x x.sh a",
    "bash -c 'ls $0' a", "bash --norc -c ls", "sh", "sh -s < /dev/null",
    "bash +x -c ls", "bash -eo pipefail -c ls", "watch -n 5 ls", "env -C b ls",
    "xargs ls", "find . | grep a | head -n 3 | xargs cat", "ls; # comment", "#\n#x\nls",
]  # fmt: skip


@pytest.mark.parametrize("text", UNDERSTOOD)
def test_an_ordinary_form_is_understood(run: Run, text: str) -> None:
    assert [e for e in run(text) if isinstance(e, Opaque)] == []


OPAQUE = [
    "cd a; pushd", "popd", "pushd +1", "for i in a; do break 2; done", "shift x",
    "set -- *; shift", "read -a b", "read 'x y'", 'read "$x"', "mapfile -C f a",
    "mapfile 'a[1]'", "getopts", "getopts ab 'x[1]'", "set -o vi", "set -f",
    'set "$x"', "set -", "shopt -s dotglob", "shopt", "hash ls", "bind x", "history -c",
    "help", "fg", "enable x", "complete -C x y", 'trap "$x" EXIT', "trap ls ERR",
    "trap ls RETURN", "let 'x=a[1]'", 'let "$x"', "let x=y+$z", "test $x",
    "[ $(ls) ]", "test -v a[1]", "source b", 'source "$x"', 'eval "$x"',
    "command -p ls", "builtin ls", "exec -c ls", "printf -v 'a[1]' b", "kill a",
    "declare -p", "export", "declare -i x", "declare -f", "export -n x", "export -f f",
    "unset 'a[1]'", "unset f$x", "local x", "f() { :; }; unset f", "echo $((a[1]))",
    "echo $((x + Y))", "x=y; echo $((x))", "((x=a[1]))", "((a[1]++))",
    "x=$(ls); ((x > 1))", "echo $(( $(ls) ))", "[[ $(ls) -eq 1 ]]", "[[ X -eq 1 ]]",
    "[[ a[1] -eq 1 ]]", "[[ -v a[1] ]]", "x=$(ls); [[ $x -eq 1 ]]", "[[ x == $(ls)` ]]",
    "case x in a) ls;& b) ls;; esac", "case x in a) ls;;& *) ls;; esac", "ls ${x@Q}",
    "ls ${!x*}", "ls ${#x[a]}", "ls ${a[x]}", "x=1; ls ${x:=2}; ls ${x:a:b}",
    "ls ${x/$(ls)/b", "a=([0]=x)", "a[$(ls)]=1", "ls ${x:$(ls)}", "x=*.c; y=1; ls > $x",
    "ls > $y", "ls > a b > {c,d}", "ls <> a", "ls > /dev/tcp/a", "ls > /dev/tcp/$x/1",
    "cat <<$x\na\n$x", "cat <<A <<B\na\nA\nb\nB", "cat <<E\n`ls`\nE",
    "cat <<E\na\\\nE\nE", "cat <<E | ls && ls\na\nE", 'ls "a`ls \\`ls\\``"',
    "ls `ls # a`", 'ls $"a"', "a =1", "x=a y=b+ =c", "env -S ls", 'env "$x"',
    "env 'x%=a/b' ls", "env =a/b ls", "env 1=a/b ls", "env -i 'f%%=a/b' ls", "./x=y ls",
    "env -P x ls", "timeout", "timeout --x 5 ls", 'timeout "$x" ls | sh',
    "nice --x ls", 'stdbuf -o "$x" ls', 'flock l -c "$x"', "flock /tmp/l",
    'watch "$x"', "watch -q ls", "nohup", "parallel ls", "strace ls", "sudo -x ls",
    "sudo A=1 ls", "unshare", 'bash "$x"', 'bash -c "$x"', "bash -c",
    "bash --login -c ls", "bash -o vi -c ls", "bash -O extglob -c ls", "ls | bash",
    "bash < a", "BASH_ENV=x bash -c ls", "LD_PRELOAD=x ./y", "cat a | sh", "fish -c ls",
    "$x", "*", "l$x", "a/$x", "cd $x; ./y", "'' a", "é", "./é$x", "/usr/../bin/ls",
    "time { ls; }", "declare -A m; ls ${m[$(ls)]}", "a=(1); ls ${!a}",
    "declare -A m; unset m; k=x; ls ${m[$k]}", "ls a (ls)", "echo $(( $(seq 1 3) ))",
    "export GIT_PAGER=x", "ls > ${f#x}",
    "ls | bash -s -- -y", "then ls", "function ls { :; }", "coproc ls", "time A=1 ls",
    "if ls; then ls; fi extra", "ls ) a", 'for i; do ls "$i"; done; $i',
    "for PATH in a; do ls; done", "for ((i=a[0];;)); do ls; done", "é() { ls; }",
    "f() ls", "f() if ls; then ls; fi", "select i in a; do ls; done",
]  # fmt: skip
CODE = frozenset({"unknown", "input"})


@pytest.mark.parametrize("text", OPAQUE)
def test_a_form_that_is_not_followed_escalates(run: Run, text: str) -> None:
    assert any(
        isinstance(effect, Opaque)
        or (isinstance(effect, ProcessExec) and effect.code in CODE)
        for effect in run(text)
    )


SHOWN: list[tuple[str, AnyEffect]] = [
    ("kill 12", ProcessSignal("12", "id")),
    ("kill -9 %1", ProcessSignal("%1", "job")),
    ("kill -s TERM -- 12", ProcessSignal("12", "id")),
    ("kill $!", ProcessSignal("\ufffd", "id")),
    ("set", EnvironmentRead()),
    ("env", EnvironmentRead()),
    ("echo $SECRET", EnvironmentRead(("SECRET",))),
    ("sudo ls", SystemChange("privilege", "sudo")),
    ("sudo -l", SystemChange("privilege", "sudo")),
    ("./x.sh a", ProcessExec("/workspace/./x.sh", ("a",), "file", "/workspace/./x.sh")),
    (
        "bash x.sh a",
        ProcessExec("bash", ("x.sh", "a"), "file", "/workspace/x.sh", family="shell"),
    ),
    (
        ". ./e",
        ProcessExec("source", ("./e",), "file", "/workspace/./e", family="shell"),
    ),
    ("a/bin/cat b", FileRead("/workspace/b")),
    ("x=$(< s)", FileRead("/workspace/s")),
    ("cat < s", FileRead("/workspace/s")),
    ("ls > /dev/udp/H/53", NetRequest("h", 53, "udp", "", carries="program")),
    (
        "echo ab > /dev/tcp/h/1",
        NetRequest("h", 1, "tcp", "", carries="text", bytes_out=3),
    ),
    ("ls < /dev/tcp/h/1", NetRequest("h", 1, "tcp", "")),
    ("echo a > n.md", FileWrite("/workspace/n.md", inert=True)),
    ("echo '#!/bin/sh' > n.md", FileWrite("/workspace/n.md")),
    ("> f", FileDelete("/workspace/f")),
    (": > f", FileDelete("/workspace/f")),
    (
        "curl pypi.org | bash -s x",
        ProcessExec("bash", ("-s", "x"), "input", family="shell"),
    ),
    (
        "ls > x$(date +%F).log",
        FileWrite("/workspace", recursive=True, source="program"),
    ),
    ("cd $(find src) && cat a", Opaque("a path in a directory that is not known", "a")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "effect"), SHOWN)
def test_a_form_shows_its_effect(run: Run, text: str, effect: AnyEffect) -> None:
    assert effect in run(text)
