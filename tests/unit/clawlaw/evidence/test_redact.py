"""Secrets are found and replaced; nothing that could act is hidden."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawlaw.core.actions import FileRead, NetRequest, ProcessExec
from clawlaw.core.canonical import Json
from clawlaw.evidence.redact import PREFIX, Redactor, is_hidden, may_hold, restore

KEY = bytes(range(32))
TOKEN = re.compile(r"secret:[0-9a-f]{32}")
# Made up, in the form of each issuer; spelt in two so that no scanner takes them for
# real.
SECRETS = [
    "AKIA" + "IOSFODNN7EXAMPLE",
    "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
    "github_pat_" + "11AAAAAAA0aaaaaaaaaaaaaaaa_bbbbbbbbbbbbbb",
    "glpat-" + "aaaaAAAA0000bbbbBBBB",
    "sk-ant-" + "api03-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "xoxb-" + "123456789012-abcdefghijkl",
    "AIza" + "SyA1234567890abcdefghijklmnopqrstuv",
    "sk_live_" + "abcdefghijklmnop1234",
    "npm_" + "abcdefghijklmnopqrstuvwxyz0123456789",
    "hf_" + "abcdefghijklmnopqrstuvwxyzABCDEFGH",
    "hvs." + "CAESIabcdefghijklmnopqrstuvwxyz",
    "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
]


@pytest.fixture
def redactor() -> Redactor:
    return Redactor(KEY)


@pytest.mark.parametrize("secret", SECRETS, ids=lambda text: text[:8])
@pytest.mark.parametrize("around", ["{}", "echo {} | tee x", '{{"a": "{}"}}', "a={}"])
def test_published_formats_are_found(
    redactor: Redactor, secret: str, around: str
) -> None:
    text = around.format(secret)
    value, found = redactor.redact({"command": text})
    assert secret not in str(value)
    assert found == {redactor.token(secret): secret}
    assert restore(value, found) == {"command": text}


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("export DB_PASSWORD=hunter2hunter2", "hunter2hunter2"),
        ("MY_API_KEY='four words in quotes' make", "four words in quotes"),
        ('curl -H "Authorization: Bearer abcdef12345678"', "abcdef12345678"),
        ("curl -H 'authorization: Basic dXNlcjpwYXNz' x", "dXNlcjpwYXNz"),
        ("git clone https://user:s3cretpw@example.org/x", "s3cretpw"),
        ("mysql --password=correcthorse db", "correcthorse"),
        ("tool --api-key correcthorse", "correcthorse"),
        ('{"client_secret": "battery-staple"}', "battery-staple"),
        ("token: correcthorsebattery", "correcthorsebattery"),
    ],
)
def test_secrets_by_name_are_found(redactor: Redactor, text: str, secret: str) -> None:
    value, found = redactor.redact(text)
    assert isinstance(value, str)
    assert secret not in value
    assert TOKEN.search(value)
    assert list(found.values()) == [secret]
    assert restore(value, found) == text


def test_a_private_key_is_one_secret(redactor: Redactor) -> None:
    begin, end = "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"
    text = f"cat <<E\n{begin}\nMIIabc+/=\nDEF\n{end}\nE"
    value, found = redactor.redact(text)
    assert isinstance(value, str)
    assert "MIIabc" not in value
    assert begin in value
    assert len(found) == 1


@pytest.mark.parametrize("key", ["password", "GITHUB_TOKEN", "apiKey", "Authorization"])
def test_values_of_telling_names_are_found(redactor: Redactor, key: str) -> None:
    value, found = redactor.redact({"a": [{key: "any words at all"}]})
    assert value == {"a": [{key: redactor.token("any words at all")}]}
    assert list(found.values()) == ["any words at all"]


@pytest.mark.parametrize(
    "value",
    [
        {"token": "/etc/shadow"},
        {"password": "../../etc/passwd"},
        {"secret": "https://evil.test/x"},
        {"auth_token": "--force"},
        {"token": True},
        {"tokens": 12345678},
        "TOKEN=$(curl evil.test)",
        "TOKEN=`rm -rf /`",
        'PASSWORD="$(rm -rf /)"',
        "TOKEN=$OTHER; ls",
        "SECRET=/usr/bin/curl; $SECRET evil.test",
        "API_KEY='../x'",
        "ls -la src && cat tokens.txt",
        "git commit -m 'rotate the token in the vault'",
    ],
    ids=str,
)
def test_what_could_act_is_never_hidden(redactor: Redactor, value: Json) -> None:
    same, found = redactor.redact(value)
    assert same is value
    assert not found


@pytest.mark.parametrize(
    "after", [";rm -rf /", "&&ls", "|sh", ">x", " rm -rf /", "\nls"]
)
def test_what_follows_a_secret_stays(redactor: Redactor, after: str) -> None:
    value, found = redactor.redact(f"X_TOKEN=correcthorse{after}")
    assert value == f"X_TOKEN={redactor.token('correcthorse')}{after}"
    assert found


def test_tokens_need_the_key() -> None:
    first, second = Redactor(KEY), Redactor(bytes(32))
    assert first.token("x") == first.token("x")
    assert first.token("x") != second.token("x")
    assert TOKEN.fullmatch(first.token("x"))


def test_a_token_is_not_redacted_again(redactor: Redactor) -> None:
    once, _ = redactor.redact({"password": "correcthorse"})
    twice, found = redactor.redact(once)
    assert twice is once
    assert not found


@pytest.mark.parametrize(
    ("effect", "hidden"),
    [
        (FileRead(f"/work/{PREFIX}0"), True),
        (ProcessExec(f"{PREFIX}0"), True),
        (NetRequest(f"{PREFIX}0"), True),
        (NetRequest("example.org", path=f"/x?key={PREFIX}0"), False),
        (ProcessExec("curl", (f"{PREFIX}0",)), False),
    ],
)
def test_effects_that_turn_on_a_token_are_told(
    effect: FileRead | ProcessExec | NetRequest,
    hidden: bool,  # noqa: FBT001  # a parameter of the row
) -> None:
    assert is_hidden([effect]) is hidden


json_values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=60),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["password", "x", "TOKEN", "command"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@given(json_values)
def test_every_value_is_restored(value: Json) -> None:
    redacted, found = Redactor(KEY).redact(value)
    assert restore(redacted, found) == value


@pytest.mark.timeout(60)  # work that grows with the square takes hours
def test_a_long_text_takes_no_long_time(redactor: Redactor) -> None:
    redactor.redact("token: " * 30_000 + "password=" * 10_000 + "a" * 300_000)
    redactor.redact("X_TOKEN=correcthorse " * 20_000)


_TELLING = st.sampled_from(
    [*SECRETS, "password", "--token ", "apiKey", "https://u:pass@h", "auth: ", "\u017f"]
)


@given(
    st.dictionaries(st.text(max_size=8) | _TELLING, st.text(max_size=8) | _TELLING),
    st.lists(_TELLING | st.text(max_size=5), max_size=4),
    st.booleans(),
)
def test_what_need_not_be_searched_holds_nothing(
    named: dict[str, str],
    parts: list[str],
    plain: bool,  # noqa: FBT001  # drawn
) -> None:
    value: Json = {"command": "".join(parts), "more": dict(named)}
    raw = json.dumps(value, ensure_ascii=plain).encode("utf-8", "surrogatepass")
    changed, originals = Redactor(KEY).redact(value)
    assert may_hold(raw) or (changed == value and not originals)


@pytest.mark.parametrize("secret", SECRETS, ids=lambda text: text[:8])
def test_what_holds_a_secret_is_searched(secret: str) -> None:
    assert may_hold(json.dumps({"command": f"echo {secret}"}).encode())
    hidden = "".join(f"\\u{ord(c):04x}" for c in secret)
    assert may_hold(b'{"command":"%s"}' % hidden.encode())
    assert may_hold(b'{"command":"curl https:\\/\\/u:pw1234@h"}')
    assert not may_hold(b'{"command":"git status"}')
