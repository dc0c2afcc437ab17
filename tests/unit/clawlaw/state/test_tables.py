import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawlaw.core import state as memory
from clawlaw.core.state import (
    COUNTS_CAP,
    GRAINS,
    MARKS_CAP,
    TABLE_CAP,
    Label,
    Room,
    Scope,
    Session,
    State,
    Table,
    coarser,
    counted,
    find,
    insert,
    merged,
    pack,
    unpack,
)


def fresh(name: str = "s") -> State:
    return State(Session(id=name, principal="p", scope=Scope("develop")), Room())


def labels(state: State, table: str, key: str) -> int:
    return unpack(find(state.session.tables[table], key))[0]


def test_a_full_table_takes_directories_then_everything() -> None:
    state = fresh()
    for number in range(TABLE_CAP):
        insert(state, "seen", f"/d{number}/f", pack(Label.WRITTEN, number))
    table = state.session.tables["seen"]
    assert table.grain == 0
    insert(state, "seen", "/new/a", pack(Label.SECRET, 1))
    assert (table.grain, "/new/" in table.entries) == (1, True)
    assert labels(state, "seen", "/new/other") == Label.SECRET
    assert labels(state, "seen", "/elsewhere/x") == 0
    for number in range(TABLE_CAP):
        insert(state, "seen", f"/more{number}/f", pack(Label.WRITTEN, number))
    assert table.grain == 2
    assert labels(state, "seen", "/never/seen") == Label.WRITTEN
    assert len(table.entries) <= 2 * TABLE_CAP + 1


def test_a_full_table_keeps_every_label_that_it_had() -> None:
    state = fresh()
    paths = [f"/a{n}/b{n}" for n in range(3 * TABLE_CAP)]
    for number, path in enumerate(paths):
        insert(state, "seen", path, pack(1 << number % 9, number))
    for number, path in enumerate(paths):
        assert labels(state, "seen", path) & 1 << number % 9
    table = state.session.tables["seen"]
    assert len(table.entries) <= 2 * TABLE_CAP + 1


@given(
    st.lists(
        st.tuples(
            st.text("abc/", min_size=1, max_size=12), st.integers(1, (1 << 9) - 1)
        ),
        max_size=60,
    )
)
def test_coarsening_never_loses_a_label(pairs: list[tuple[str, int]]) -> None:
    table = {"seen": Table(cap=4)}
    for number, (key, bits) in enumerate(pairs):
        memory._insert(table, "seen", key, pack(bits, number), 4)
        for earlier, had in pairs[: number + 1]:
            assert find(table["seen"], earlier) & had == had
    assert len(table["seen"].entries) <= 4 * len(GRAINS)


@given(
    st.lists(
        st.tuples(st.text("ab/", max_size=8), st.integers(1, 1 << 40)), max_size=40
    )
)
def test_a_counting_table_never_says_less(pairs: list[tuple[str, int]]) -> None:
    table = {"sends": Table(cap=4)}
    for number, (key, value) in enumerate(pairs):
        memory._insert(table, "sends", key, value, 4)
        for earlier, had in pairs[: number + 1]:
            assert counted(table["sends"], earlier) >= had


def test_what_is_trusted_is_never_coarsened() -> None:
    state = fresh()
    for number in range(TABLE_CAP + 50):
        insert(state, "trusted", f"abc/{number}", pack(1, 1))
    table = state.session.tables["trusted"]
    assert (table.grain, len(table.entries)) == (0, TABLE_CAP)
    assert find(table, f"abc/{TABLE_CAP + 1}") == 0


def test_a_label_is_as_new_as_the_action_that_added_one() -> None:
    old = pack(Label.DOWNLOADED, 3)
    assert unpack(merged(old, pack(Label.DOWNLOADED, 9))) == (Label.DOWNLOADED, 3)
    assert merged(old, pack(Label.EXECUTABLE, 9)) >> memory.SHIFT == 3
    both = Label.DOWNLOADED | Label.WRITTEN
    assert unpack(merged(old, pack(Label.WRITTEN, 9))) == (both, 9)


def test_a_denial_is_as_new_as_the_last_one() -> None:
    state = fresh()
    for action in (3, 9, 5):
        insert(state, "denied", "/x", pack(1, action))
    assert unpack(find(state.session.tables["denied"], "/x")) == (1, 9)


def test_files_are_known_to_the_room_with_their_author() -> None:
    state = fresh("one")
    insert(state, "files", "/w/a", pack(Label.CODE, 7))
    insert(state, "areas", "/w", pack(Label.WRITTEN, 7))
    assert set(state.room.tables) == {"files"}
    assert state.room.authors == {"/w/a": "one#7"}
    again = State(fresh("two").session, state.room)
    insert(again, "files", "/w/a", pack(Label.CODE, 1))
    assert state.room.authors == {"/w/a": "one#7"}, "nothing was added"
    insert(again, "files", "/w/a", pack(Label.DOWNLOADED, 2))
    assert state.room.authors == {"/w/a": "two#2"}


def test_one_session_cannot_fill_the_room_alone_with_files() -> None:
    state = fresh()
    for number in range(TABLE_CAP + 10):
        insert(state, "files", f"/d/{number}", pack(Label.WRITTEN, number))
    assert state.session.tables["files"].grain == 1
    assert state.room.tables["files"].grain == 0


@pytest.mark.parametrize(
    ("key", "grain", "kept"),
    [
        ("/a/b", 0, "/a/b"),
        ("/a/b", 1, "/a/"),
        ("/a", 1, "/"),
        ("com/evil/x", 1, "com/evil/"),
        ("name", 1, "/"),
        ("/a/b", 2, "*"),
    ],
)
def test_coarser_keys(key: str, grain: int, kept: str) -> None:
    assert coarser(key, grain) == kept


def test_marks_keep_the_newest() -> None:
    state = fresh()
    for number in range(1, MARKS_CAP + 10):
        state.session.actions = number
        memory.note(state.session, "probe")
    marks = state.session.marks["probe"]
    assert (len(marks), marks[0], marks[-1]) == (MARKS_CAP, 10, MARKS_CAP + 9)


def test_labels_note_when_they_came() -> None:
    session = fresh().session
    session.actions = 4
    memory.label(session, Label.SECRET | Label.UNTRUSTED)
    session.actions = 9
    memory.label(session, Label.SECRET | Label.PERSONAL)
    assert session.labels == Label.SECRET | Label.UNTRUSTED | Label.PERSONAL
    assert session.labelled == {"SECRET": 4, "UNTRUSTED": 4, "PERSONAL": 9}


def test_the_profile_forgets_by_halves() -> None:
    session = fresh().session
    memory.count(session, {"file.read": COUNTS_CAP})
    assert session.counts == {"file.read": COUNTS_CAP}
    memory.count(session, {"net.request": 1})
    assert session.counts == {"file.read": COUNTS_CAP // 2, "net.request": 0}
