"""What a profile does not list escalates, however harmless its program is."""

import pytest

from clawlaw.policy.profile_examples import effects_of
from clawlaw.policy.profiles import builtin

# Each line is ordinary but for one word, by which the program runs, writes, reads or
# reaches something.
CLOSED = {
    "an option cut short, which may be another one whole": [
        "cut --output x a",
        "sort --compress-prog=./x a",
        "rm --recurs x",
    ],
    "an option of a runner": [
        "just --dotenv-path x test",
        "rake --require x",
        "mvn exec:exec -Dexec.executable=sh",
        "jest --globalSetup=./x",
        "phpunit --bootstrap x",
        "latexmk -pdflatex=x a.tex",
        "checkov --external-checks-git x",
        "protoc --plugin=x a.proto",
        "tox -x testenv.commands=x",
        "vite --host",
        "uvicorn app:app --host 0.0.0.0",
        "gradle --init-script x",
        "django-admin runserver 0.0.0.0:80",
        "vite build --emptyOutDir --outDir src",
        "phpunit -d x=y",
        "cdk synth --app ./x",
        "npm run --script-shell=./x y",
        "dotnet build -p:PreBuildEvent=x",
        "mvn -Dexec.executable=x test",
    ],
    "a letter that means more in one program than in its neighbour": [
        "lshw -dump x",
        "inxi -U",
        "blkid -c x",
        "mlr -n put x",
        "ar -rcs x.a x.o",
        "info -o x y",
        "apt-cache -c x policy y",
        "findmnt -F x",
        "rpm -V x",
    ],
    "a value that names code or another program": [
        "pandoc -t ./x.lua a.md",
        "gcc -fmodule-mapper=x a.cc",
        "clang -mllvm -load=x a.c",
        "java -XX:OnError=x -jar a.jar",
        "eslint --format ./x.js a.js",
        "c8 --reporter=./x.js node --test",
        "uv run --python ./x pytest",
        "virtualenv -p ./x .venv",
        "pyright --pythonpath x",
        "ruby -r./x a.rb",
        "ffmpeg -i a.mp4 -vf frei0r=x b.mp4",
        "hyperfine -L f x true",
        "openssl list -provider x",
        "cargo +/srv/x check",
        "deno run -c /srv/x a.ts",
        "go build -gcflags=-o=x",
    ],
    "a value or an operand that takes a file in or out": [
        "gcc -Wp,-MD,x a.c",
        "gcc -E -",
        "rustc --emit=asm=x a.rs",
        "rsync --filter=x a b",
        "patch --ed a x",
        "fastfetch -c x",
        "pandoc --embed-resources a.md",
        "bq --apilog=x ls",
        "aws s3api get-object --bucket b ./x",
    ],
    "a command that another one hides": [
        "bun create x",
        "rails c",
        "mkdocs gh-deploy",
        "ctr tasks kill x",
        "trivy plugin install x",
        "softwareupdate -l -i",
        "xsv partition x y",
        "kind get kubeconfig",
        "kubectl cluster-info dump",
        "zig cc a.c",
        "mix archive.install x",
        "cargo rustc -- -C linker=./x",
        "mvn dependency:get",
        "gradle publishToMavenLocal",
        "bazel run @x//:y",
        "bazel run //x:deploy",
        "go generate e.example/x",
        "go clean -modcache",
        "ng add x",
        "nx run x:deploy",
        "sequelize db:migrate:undo:all",
        "typeorm query x",
        "kubectl get -f x.yaml",
    ],
}
LINES = [line for lines in CLOSED.values() for line in lines]


@pytest.mark.parametrize("line", LINES)
def test_what_is_not_listed_escalates(line: str) -> None:
    assert "opaque" in effects_of(builtin(), line).found


# The file that an option names is told, so that the laws see it.
TOLD = {
    "scc --output /etc/x": "write /etc/x",
    "zip a.zip b -lf /etc/x": "write /etc/x",
    "ansible-inventory --list --output /etc/x": "exec project runner /etc/x",
    "pytest --cov-report=xml:/etc/x": "exec project runner /etc/x",
    "protoc --go_out=a=b:/etc a.proto": "exec project runner /etc",
    "ctest --test-dir /srv/x": "exec project runner /srv/x",
    "pytest --basetemp=src": "delete -r src",
    "mkdocs build -d src": "delete -r src",
    "nyc --temp-dir=src mocha": "delete -r src",
    "cargo clean --target-dir src": "delete -r src",
    "lolcat /etc/shadow": "read /etc/shadow",
    "svn cat file:///etc/x": "read /etc/x",
    "defaults read ~/x": "read /home/agent/x",
    "figlet -f /etc/shadow x": "read /etc/shadow",
    "who /etc/shadow": "read /etc/shadow",
    "getent -s files shadow": "read /etc/shadow",
    "javac -cp /srv/x.jar A.java": "exec project runner /srv/x.jar",
    "dig -q a.e.example": "net QUERY dns://a.e.example",
    "rpm -qp https://e.example/x": "net GET https://e.example/x",
    "kubectl kustomize https://e.example/x": "net GET https://e.example/x",
    "helm template x oci://e.example/x": "net GET oci://e.example/x",
    "kubectl get pods -o jsonpath-file=/etc/x": "read /etc/x",
    "ansible-playbook -i /srv/x a.yml": "exec project runner /srv/x",
    "terraform providers mirror /etc/x": "exec project runner /etc/x",
    "semgrep --config=https://e.example/x": "net GET https://e.example/x",
    "docker container inspect web": "environment.read",
    "php -i": "environment.read",
    "aws iam delete-user --user-name list": (
        "service.change aws iam delete-user list iam delete-user list"
    ),
}


@pytest.mark.parametrize("line", list(TOLD))
def test_what_an_option_names_is_told(line: str) -> None:
    assert TOLD[line] in effects_of(builtin(), line).found


@pytest.mark.parametrize(
    "name", ["jc", "jo", "teip", "xan", "qsv", "atop", "dlv", "act"]
)
def test_a_program_that_runs_or_writes_by_any_word_is_not_described(name: str) -> None:
    assert builtin().lookup(name) is None


@pytest.mark.parametrize("line", ["dotnet build <", "vitest run <", "gradle build <"])
def test_a_runner_that_reads_its_input_may_run_it(line: str) -> None:
    assert "exec input" in effects_of(builtin(), line).found
