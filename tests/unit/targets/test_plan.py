"""A plan says exactly what differs, and refuses to take too much away.

Between: targets.plan and items made up here.
"""

from audifi.targets.plan import Action, Item, compare, filled, refusal, summary, text


def item(name: str, **body: object) -> Item:
    return Item(kind="setting", name=name, body=body)


def items(count: int) -> list[Item]:
    return [item(str(number), value="on") for number in range(count)]


def test_what_is_as_wanted_is_no_change() -> None:
    plan = compare(items(3), items(3))
    assert not plan.changes
    assert summary(plan) == "Nothing to do: 3 as wanted."


def test_a_field_that_differs_is_named_by_its_way_down() -> None:
    wanted = item("cache", parameters={"ttl": {"default": 30}, "on": [1, 2]})
    found = item("cache", parameters={"ttl": {"default": 60}, "on": [1, 3], "more": True})
    (change,) = compare([wanted], [found]).changes
    assert [(each.field, each.found, each.wanted) for each in change.differences] == [
        ("parameters.ttl.default", 60, 30),
        ("parameters.on.1", 3, 2),
        ("parameters.more", True, None),
    ]


def test_a_person_reads_signs_and_arrows() -> None:
    plan = compare([item("a", value="strict"), item("b", value="on")], [item("a", value="full"), item("c", value="x")])
    assert text(plan) == (
        '~ setting a\n    value: "full" → "strict"\n+ setting b\n    value: "on"\n- setting c\n\n'
        "3 changes: 1 to create, 1 to update, 1 to delete; 0 as wanted.\n"
    )


def test_a_list_of_another_length_is_shown_whole() -> None:
    (change,) = compare([item("a", names=["x"])], [item("a", names=["x", "y"])]).changes
    assert [(each.field, each.wanted) for each in change.differences] == [("names", ["x"])]


def test_too_many_deletions_are_refused_until_they_are_counted() -> None:
    plan = compare(items(6), items(10))
    assert "deletes 4 of 10, and 3 are allowed" in refusal(plan)
    assert "--allow-deletions 4" in refusal(plan)
    assert refusal(plan, deletions_allowed=3)
    assert not refusal(plan, deletions_allowed=4)
    assert not refusal(compare(items(7), items(10)))


def test_many_deletions_are_refused_though_they_are_a_small_share() -> None:
    assert not refusal(compare(items(90), items(100)))
    assert "deletes 11 of 100" in refusal(compare(items(89), items(100)))


def test_what_is_not_known_yet_has_a_name() -> None:
    wanted = item("pool", origins=[{"address": "<load balancer>"}], monitor="<monitor:api>")
    assert compare([wanted], []).unknown == ("load balancer",)
    plan = compare([filled(wanted, {"load balancer": "203.0.113.1"})], [])
    assert plan.unknown == ()
    assert plan.changes[0].item.body == {"origins": [{"address": "203.0.113.1"}], "monitor": "<monitor:api>"}


def test_a_fingerprint_is_of_these_changes_and_no_others() -> None:
    one, again = compare(items(2), []), compare(items(2), [])
    assert one.fingerprint == again.fingerprint
    assert one.fingerprint != compare(items(3), []).fingerprint


def test_an_item_goes_by_kind_and_name() -> None:
    found = Item(kind="rule", name="0", body={"value": "on"})
    actions = [change.action for change in compare(items(1), [found]).changes]
    assert actions == [Action.CREATE, Action.DELETE]
