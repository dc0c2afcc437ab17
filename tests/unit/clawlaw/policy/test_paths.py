"""Sets of paths: every form of an entry, against the paths that it takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawlaw.core.text import fold_path
from clawlaw.policy.paths import Bindings, PathIndex, PathSets, check_entry
from clawlaw.policy.patterns import component_matches, components_meet


def hits(entry: str, path: str) -> tuple[int, int, int]:
    sets = PathSets({"one": [entry]})
    found = sets.folded.hits(fold_path(path).text)
    return found.path, found.tree, found.reach


IN, TREE, REACH = (1, 0, 1), (1, 1, 1), (0, 0, 1)
OUT = (0, 0, 0)


@pytest.mark.parametrize(
    ("entry", "path", "expected"),
    [
        ("/a/b", "/a/b", IN),
        ("/a/b", "/a/b/c", OUT),
        ("/a/b", "/a", REACH),
        ("/a/b", "/", REACH),
        ("/a/b", "/a/bc", OUT),
        ("/a/b/**", "/a/b", TREE),
        ("/a/b/**", "/a/b/c/d", TREE),
        ("/a/b/**", "/a/b-evil/c", OUT),
        ("/a/b/**", "/a", REACH),
        ("/**", "/", TREE),
        ("/**", "/x", TREE),
        ("/", "/", IN),
        ("/", "/x", OUT),
        ("**/.ssh/**", "/home/x/.ssh", TREE),
        ("**/.ssh/**", "/home/x/.ssh/id", TREE),
        ("**/.ssh/**", "/home/x/.SSH/id", TREE),
        ("**/.ssh/**", "/home/x/.sshd", OUT),
        ("**/.ssh/**", "/home/x", OUT),
        ("**/.env", "/w/.env", IN),
        ("**/.env", "/w/.env/x", OUT),
        ("**/.env.*", "/w/a/.env.local", IN),
        ("**/.env.*", "/w/a/.environment", OUT),
        ("**/.env.*", "/w/.env.d/x", OUT),
        ("**/*.egg-info/**", "/w/x.egg-info/PKG", TREE),
        ("**/.git/hooks/**", "/w/.git/hooks", TREE),
        ("**/.git/hooks/**", "/w/sub/.git/hooks/pre", TREE),
        ("**/.git/hooks/**", "/w/hooks/pre", OUT),
        ("**/.git/modules/**/config", "/w/.git/modules/a/b/config", IN),
        ("**/.git/modules/**/config", "/w/.git/modules/config", IN),
        ("/proc/*/environ", "/proc/self/environ", IN),
        ("/proc/*/environ", "/proc/1/task/1/environ", OUT),
        ("/proc/*/environ", "/proc", REACH),
        ("/proc/*/environ", "/", REACH),
        ("/proc/*/environ", "/proc/12", REACH),
        ("/tmp/ssh-*/**", "/tmp/ssh-1/agent", TREE),  # noqa: S108  # a name
        ("/tmp/ssh-*/**", "/tmp", REACH),  # noqa: S108  # a name
        ("/tmp/ssh-*/**", "/tmp/work", OUT),  # noqa: S108  # a name
        ("/a/*/b/**/c", "/a/x", REACH),
        ("/a/*/b/**/c", "/a/x/b/y", REACH),
        ("/a/*/b/**/c", "/a/x/d", OUT),
        ("/etc/shadow*", "/etc/shadow-", IN),
        ("/etc/shadow*", "/etc", REACH),
        ("/a/[bc]?/x", "/a/cd/x", IN),
        ("/a/[!bc]?/x", "/a/cd/x", OUT),
        ("/Users/Me/**", "/users/me/x", TREE),
        ("/private/etc/**", "/etc/x", TREE),
    ],
)
def test_an_entry_takes_what_it_says(
    entry: str, path: str, expected: tuple[int, int, int]
) -> None:
    assert hits(entry, path) == expected


def test_an_exception_is_taken_out_of_its_set_alone() -> None:
    sets = PathSets({"one": ["/w/**", "!/w/.git/**"], "two": ["/w/**"]})
    at = sets.folded.hits
    assert at("/w/x").path == 3
    assert at("/w/.git/config").path == 2
    assert at("/w/.git").path == 2
    # What holds an exception is not covered as a whole, though it is in the set.
    assert at("/w").path == 3
    assert at("/w").tree == 2


def test_an_exception_that_may_be_anywhere_leaves_no_tree_whole() -> None:
    sets = PathSets({"one": ["/w/**", "!**/.env"], "two": ["/w/**"]})
    assert sets.folded.hits("/w/src") == (3, 2, 3)


def test_what_refuses_is_not_reached_where_all_of_it_is_excepted() -> None:
    sets = PathSets({"one": ["**/.env.*", "!**/.env.example"]})
    assert sets.folded.hits("/w/.env.example") == (0, 0, 0)
    assert sets.folded.hits("/w/.env.prod").path == 1


def test_letter_case_counts_where_something_is_allowed() -> None:
    sets = PathSets({"one": ["/Work/**"]})
    assert sets.folded.hits("/work/x").path == 1
    assert sets.plain.hits("/work/x").path == 0
    assert sets.plain.hits("/Work/x").path == 1


@given(
    st.lists(st.sampled_from(["a", "b", ".ssh", ".env", "x.pem"]), max_size=5),
    st.lists(st.sampled_from(["a", "b", ".ssh", ".env", "x.pem"]), max_size=4),
    st.booleans(),
    st.booleans(),
)
def test_the_index_agrees_with_the_definition(
    path: list[str],
    entry: list[str],
    floating: bool,  # noqa: FBT001  # drawn
    tree: bool,  # noqa: FBT001  # drawn
) -> None:
    # Read off the definition, component by component.
    if not entry:
        return
    text = ("**/" if floating else "/") + "/".join(entry) + ("/**" if tree else "")
    n = len(entry)
    starts = range(len(path) - n + 1) if floating else [0]
    expected = any(
        path[at : at + n] == entry and (tree or at + n == len(path)) for at in starts
    )
    assert bool(hits(text, "/" + "/".join(path))[0]) == expected


@given(
    st.text(alphabet="/.ab*?[]!\\", max_size=12), st.text(alphabet="/ab.", max_size=9)
)
def test_no_entry_and_no_path_raises_anything_else(entry: str, path: str) -> None:
    try:
        check_entry(entry)
    except ValueError:
        return
    found = hits(entry, "/" + path)
    assert all(0 <= bits <= 1 for bits in found)


@pytest.mark.parametrize(
    ("glob", "recursive", "found"),
    [
        ("/home/agent/.s?h/*", False, True),
        ("/home/agent/.s[s]h/id", False, True),
        ("/home/agent/.*/id_rsa", False, True),
        ("/home/*/.ssh/id_rsa", False, True),
        ("/home/agent/.*", False, True),
        ("/home/agent/*", False, False),
        ("/home/agent/*", True, False),
        ("/home/a*", True, True),
        ("/*", True, True),
        ("/*", False, False),
        ("/opt/*/x", True, False),
        ("/home/agent/.ssh?", False, False),
        ("/home/agent/.ssh/known*", False, True),
    ],
)
def test_a_glob_is_told_by_its_text_what_it_could_reach(
    glob: str,
    recursive: bool,  # noqa: FBT001  # of the table
    found: bool,  # noqa: FBT001  # of the table
) -> None:
    index = PathIndex([["/home/agent/.ssh/**"]], lambda path: path)
    assert bool(index.overlaps(glob, recursive=recursive)) is found


def test_a_glob_finds_names_that_may_be_anywhere() -> None:
    index = PathIndex([["**/id_rsa", "**/.ssh/**", "**/*.pem"]], lambda path: path)
    assert index.overlaps("/w/id_*", recursive=False)
    assert index.overlaps("/w/*/id_rsa", recursive=False)
    assert index.overlaps("/w/.s*/x", recursive=False)
    assert not index.overlaps("/w/*.py", recursive=False)
    assert not index.overlaps("/w/*", recursive=False)


def test_bindings_take_the_place_of_variables() -> None:
    bound = Bindings(workspace=("/a", "/b/"), home="/h", protect=())
    assert bound.expand("${workspace}/**") == ["/a/**", "/b/**"]
    assert bound.expand("!${home}/x") == ["!/h/x"]
    assert bound.expand("${protect}/**") == []
    assert bound.expand("/x") == ["/x"]
    assert Bindings(workspace=("/",)).expand("${workspace}") == ["/"]
    with pytest.raises(ValueError, match="begins with none"):
        bound.expand("/x/${home}")
    with pytest.raises(ValueError, match="followed by"):
        bound.expand("${home}stead")


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("a*c", "abc", True),
        ("a*c", "ac", True),
        ("a?c", "ac", False),
        ("[a-c]x", "bx", True),
        ("[!a-c]x", "bx", False),
        ("[]a]", "]", True),
        ("a\\*", "a*", True),
        ("a\\*", "ab", False),
        ("*", "anything", True),
        ("a.c", "abc", False),
        ("[", "whatever cannot be read may match", True),
        ("a\\", "likewise", True),
    ],
)
def test_a_component_of_a_pattern_matches(
    pattern: str,
    name: str,
    matches: bool,  # noqa: FBT001  # of the table
) -> None:
    assert component_matches(pattern, name) is matches


WILD = st.text(alphabet="ab*?", min_size=1, max_size=5)


@given(WILD, WILD, st.text(alphabet="ab", max_size=6))
def test_patterns_meet_where_one_name_matches_both(
    first: str, second: str, name: str
) -> None:
    if component_matches(first, name) and component_matches(second, name):
        assert components_meet(first, second)
    if components_meet(first, second):
        assert components_meet(second, first)


@given(st.text(alphabet="ab", max_size=5), WILD)
def test_a_name_meets_a_pattern_as_it_matches(name: str, pattern: str) -> None:
    assert components_meet(name, pattern) == component_matches(pattern, name)
