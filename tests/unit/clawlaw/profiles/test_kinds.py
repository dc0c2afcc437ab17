"""What words mean by the kind of their place, on programs that have such places."""

import pytest

from clawlaw.core.shell.address import Address, read_address, read_remote
from clawlaw.core.shell.words import UNKNOWN, Input, Invocation, Word
from clawlaw.policy.profile_examples import Recorder, effects_of
from clawlaw.policy.profiles import builtin

CASES = [
    # chmod's modes
    ("chmod 755 a", ["chmod a +x"]),
    ("chmod 0644 a", ["chmod a"]),
    ("chmod 4755 a", ["opaque", "chmod a +x"]),
    ("chmod 666 a", ["opaque", "chmod a"]),
    ("chmod u=rwX,go=r a", ["chmod a +x"]),
    ("chmod o+w a", ["opaque", "chmod a"]),
    ("chmod a+w a", ["opaque", "chmod a"]),
    ("chmod g+s a", ["opaque", "chmod a"]),
    ("chmod u-x a", ["chmod a"]),
    ("chmod 888 a", ["chmod a"]),  # chmod itself refuses it
    ("chmod rwx a", ["chmod a"]),  # likewise
    # expressions
    ("yq '.a.env' f", ["read f"]),
    ("yq 'strenv(HOME)' f", ["opaque", "read f"]),
    ("yq $ f", ["opaque", "opaque", "opaque", "read f"]),
    # settings of the kernel
    ("sysctl kernel.x", ["system.read kernel"]),
    ("sysctl kernel.x=1", ["system.change kernel kernel.x=1", "system.read kernel"]),
    # redis
    ("redis-cli GET a", ["service.read redis get"]),
    ("redis-cli SET a b", ["service.change redis set"]),
    # pages of the manual
    ("man ls", []),
    ("man ./notes", ["read notes"]),
    ("man ~/notes", ["read /home/agent/notes"]),
    # pictures and films
    ("identify -format %w a.png", ["read a.png"]),
    ("identify -format @b a.png", ["opaque", "read a.png"]),
    ("convert label:@b a.png", ["opaque", "write a.png"]),
    ("convert a.png -", ["read a.png"]),
    ("ffmpeg -i a b.mp4", ["read a", "write b.mp4"]),
    ("ffmpeg -i concat:a b.mp4", ["opaque", "write b.mp4"]),
    ("ffmpeg -i a -vf movie=b c.mp4", ["opaque", "read a", "write c.mp4"]),
    ("ffmpeg -i a -f tee b.mp4", ["opaque", "read a", "write b.mp4"]),
    # signals
    ("kill 12 %1", ["process.signal 12 id", "process.signal %1 job"]),
    # packages
    (
        "pip install ./lib.whl",
        ["package.install pip ./lib.whl lib.whl"],
    ),
    (
        "pip install x@https://h.example/x.whl",
        [
            "net GET https://h.example/x.whl",
            "package.install pip x@https://h.example/x.whl x@https://h.example/x.whl",
        ],
    ),
    ("npx tsc -p .", ["run tsc -p ."]),
    ("npx other", ["exec unknown", "package.install npm other"]),
    # code
    ("php -", ["exec input"]),
    ("ruby /dev/stdin", ["exec input"]),
    ("uv run a.py", ["exec project runner", "run python3 a.py"]),
    (
        "uv run https://h.example/a.py",
        ["opaque", "exec project runner", "run python3 https://h.example/a.py"],
    ),
    ("uv run", ["exec project runner"]),
    ("hyperfine ls", ["shell ls"]),
    ('hyperfine "$"', ["opaque", "opaque"]),
    ("gradle build", ["exec project runner"]),
    ("gradle -I /x.gradle", ["opaque", "exec project runner /x.gradle"]),
    ("gradle --project-prop=/w/g", ["opaque", "exec project runner"]),
    ("gradle publish", ["opaque", "exec project runner"]),
    ("gradle $", ["opaque", "opaque", "exec project runner"]),
    ("bazel run h.example/x@v1", ["opaque", "exec project runner"]),
    ("jest https://h.example/", ["net GET https://h.example/", "exec project runner"]),
    ("docker build -", ["exec input"]),
    ("cargo run -- /etc/hosts", ["exec project runner /etc/hosts"]),
    ("cargo run x /etc/hosts --y", ["read /etc/hosts", "exec project runner"]),
    # other machines
    ("dig @h.example MX", ["net QUERY dns://h.example"]),
    ("nc -z h.example 1", ["net PROBE tcp://h.example"]),
    ("nc h.example 1", ["net CONNECT tcp://h.example unknown"]),
    ("kubectl apply -f -", ["kube.apply"]),
    ("kubectl apply -f - <", ["opaque", "kube.apply"]),
    ("kubectl apply -f http://h.example/", None),
    ("wget https://h.example/$", None),
    ("wget https://h.example/d/", None),
    ("scp a b web:", None),
    ("scp web:a web:b here", None),
    ("aws $ x", None),
    ("gcloud", []),
    # addresses in the place of files
    ("pandoc https://h.example/a.md", ["net GET https://h.example/a.md"]),
    ("ffmpeg -i a http://h.example/b", ["read a", "net PUT http://h.example/b file"]),
    ("cat file:///etc/hosts", ["read /etc/hosts", "read file:///etc/hosts"]),
    # servers of data
    ("redis-cli -h h.example get a", None),
    # npm and its like
    ("yarn", ["package.install npm"]),
    ("yarn build:all", ["exec project runner"]),
    ("yarn global add x", ["opaque"]),
    ("npm unheard", ["opaque"]),
    ("pnpm unheard", ["exec project runner"]),
    ("npm run deploy:production", ["opaque", "exec project runner"]),
    ("cmake -DCC=/srv/x -D A=b .", ["exec project runner /srv/x"]),
    ("mvn exec:exec", ["opaque", "exec project runner"]),
    ("gcc @args -c a.c", ["opaque", "read a.c", "write ."]),
    ("ld -plugin x a.o", ["opaque", "read x", "read a.o", "write a.out from agent"]),
    ("as @a.args", ["opaque", "write a.out from agent"]),
    ("nm @/etc/shadow", ["read /etc/shadow", "read @/etc/shadow"]),
    ("sysctl -n /../x", ["opaque", "system.read kernel"]),
    ("chmod -R 000 a", ["opaque", "chmod -r a"]),
    ("chmod a-r a", ["opaque", "chmod a"]),
    ("docker inspect web", ["system.read containers", "environment.read"]),
    ("docker inspect -f {{.State.Status}} web", ["system.read containers"]),
    (
        "docker inspect -f {{json.Config.Env}} web",
        ["environment.read", "system.read containers"],
    ),
    ("npm pkg set scripts.postinstall=x", ["opaque", "write package.json from agent"]),
    ("npm pkg set type=module", ["write package.json from agent"]),
    ("deno run -A npm:x", ["opaque"]),
    ("grep -rn x --include=*.py src", ["read -r src"]),
    ("rg x --glob=.env*", ["read .env*", "read -r ."]),
    ("bazel test //...", ["exec project runner"]),
    ("cmake --build b --target install", ["opaque", "exec project runner", "write b"]),
    ("pip install -r /tmp/r.txt", ["opaque", "package.install pip", "read /tmp/r.txt"]),
    ("svn commit -m x", ["opaque", "exec project runner"]),
    ("getent hosts h.example", ["net QUERY dns://h.example"]),
    ("deno run https://h.example/x", ["opaque", "net GET https://h.example/x"]),
    ("rails db:drop", ["opaque", "exec project runner"]),
    ("mix ecto.reset", ["opaque", "exec project runner"]),
    ("jest reset.test.ts", ["exec project runner"]),
    ("php -S localhost:8000", ["exec project runner"]),
    ("php -S 0.0.0.0:8000", ["opaque", "exec project runner"]),
    ("pytest deploy/test_a.py", ["exec project runner"]),
    ("rspec -r/srv/x.rb", ["opaque", "exec project runner /srv/x.rb"]),
    ("rspec -Ilib", ["exec project runner"]),
    # ends
    ("gzip notes", ["write notes"]),
    ("gunzip notes.gz", ["write notes.gz", "write notes"]),
    ("zip - a", ["read a", "write -"]),
    ("tee /dev/null", []),
    ("make -v", []),
]
NAMED = {
    "redis-cli -h h.example get a": [
        "net GET redis://h.example",
        "service.read redis get",
    ],
    "kubectl apply -f http://h.example/": [
        "opaque",
        "net GET http://h.example/",
        "kube.apply",
    ],
    "wget https://h.example/$": [
        "opaque",
        "opaque",
        f"net GET https://h.example/{UNKNOWN} unknown",
    ],
    "wget https://h.example/d/": [
        "net GET https://h.example/d/",
        "create index.html from network",
    ],
    "scp a b web:": ["read a", "read b", "net PUT ssh://web file"],
    "scp web:a web:b here": [
        "net GET ssh://weba",
        "net GET ssh://webb",
        "write here/a from network",
        "write here/b from network",
    ],
    "aws $ x": ["opaque", "opaque", f"service.change aws {UNKNOWN} x {UNKNOWN} x"],
}


@pytest.mark.parametrize(("line", "expected"), CASES, ids=[line for line, _ in CASES])
def test_effects(line: str, expected: list[str] | None) -> None:
    wanted = NAMED[line] if expected is None else expected
    assert sorted(effects_of(builtin(), line).found) == sorted(wanted)


@pytest.mark.parametrize(
    ("source", "from_"),
    [("none", "agent"), ("network", "network"), ("unknown", "unknown")],
)
def test_tee_writes_what_it_reads(source: str, from_: str) -> None:
    profile = builtin().lookup("tee")
    assert profile
    recorder = Recorder()
    stdin = Input(source)  # type: ignore[arg-type]  # of the table above
    profile.apply(Invocation(Word("tee"), [Word("a")], stdin, cwd="/w"), recorder)
    assert recorder.found == [f"write a from {from_}"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://h.example/a?b", Address("https", "h.example", 0, "/a?b")),
        ("HTTP://u@H.Example.:80/", Address("http", "h.example", 80, "/", login=True)),
        ("h.example", Address("https", "h.example")),
        (f"{'x' * 30}://h.example", Address("unknown", "h.example")),
        ("a b://h.example", Address("unknown", "h.example")),
        ("https://[::1]:8443/x", Address("https", "::1", 8443, "/x")),
        ("https://h.example:99999/", Address("https", "", 0, "/")),
        ("https://h.example:8x/", Address("https", "", 0, "/")),
        (f"https://{UNKNOWN}.example/", Address("https", "", 0, "/")),
        (f"https://a{UNKNOWN}@h.example/", Address("https", "", 0, "/", login=True)),
        (f"{UNKNOWN}://h.example", Address("unknown", "h.example")),
        ("https://good.example\\@bad.example/", None),
        ("https://g.example#@b.io", Address("https", "g.example", 0, "#@b.io")),
    ],
)  # fmt: skip
def test_addresses(text: str, address: Address | None) -> None:
    found = read_address(text)
    assert found.host == "" if address is None else found == address


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("a/b", None),
        ("./a:b", None),
        ("file:///a", None),
        ("web:a", "web"),
        ("me@Web:/a", "web"),
        ("ssh://web/a", "web"),
        (f"{UNKNOWN}:a", ""),
    ],
)
def test_places_on_other_machines(text: str, host: str | None) -> None:
    found = read_remote(text)
    assert (found.host if found else None) == host
