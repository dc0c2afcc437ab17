"""How many actions of a session may wait for their outcome."""

from clawlaw.gate.allowed import MAX_OPEN, Allowed, AllowedActions


def put(actions: AllowedActions, name: str, permit: str = "") -> None:
    number = len(actions) + 1
    actions.put(name, Allowed("agent", "s", "tool", (), number, permit))


def test_actions_without_a_permit_push_out_none_that_has_one() -> None:
    actions = AllowedActions()
    put(actions, "model", "digest")
    for number in range(3 * MAX_OPEN):
        put(actions, f"call{number}")
    assert actions.get("model")
    # Of their own kind the oldest went, and the newest are there.
    assert len(actions) == 1 + MAX_OPEN
    assert actions.get(f"call{2 * MAX_OPEN - 1}") is None
    assert actions.get(f"call{2 * MAX_OPEN}")


def test_actions_with_a_permit_push_out_none_without() -> None:
    actions = AllowedActions()
    put(actions, "read")
    for number in range(MAX_OPEN + 1):
        put(actions, f"run{number}", "digest")
    assert actions.get("read")
    assert actions.get("run0") is None
    assert actions.get(f"run{MAX_OPEN}")
    assert [name for name, _ in actions.of("s")][:2] == ["read", "run1"]


def test_the_actions_of_another_session_count_for_themselves() -> None:
    actions = AllowedActions()
    actions.put("other", Allowed("agent", "t", "tool", (), 1))
    for number in range(2 * MAX_OPEN):
        put(actions, f"call{number}")
    assert actions.get("other")
    actions.close("s")
    assert len(actions) == 1


def test_what_was_removed_makes_room() -> None:
    actions = AllowedActions()
    for number in range(MAX_OPEN):
        put(actions, f"call{number}")
    actions.remove("call0")
    put(actions, "one more")
    assert actions.get("call1")
    put(actions, "and another")
    assert actions.get("call1") is None
    assert len(actions) == MAX_OPEN


def test_a_session_of_the_same_name_begins_with_none() -> None:
    actions = AllowedActions()
    for number in range(MAX_OPEN):
        put(actions, f"call{number}")
    actions.close("s")
    put(actions, "first")
    assert [name for name, _ in actions.of("s")] == ["first"]
