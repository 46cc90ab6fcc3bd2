"""Who may speak while something is broken, and what a receiver's message says."""

from audifi.drills.alerts import Notice, from_pagerduty, from_slack, hold_s, unexpected
from audifi.topology.declaration import platform

LOCAL = platform("local")


def notice(rule: str, component: str, receiver: str = "pagerduty", *, is_over: bool = False) -> Notice:
    return Notice(receiver, rule, component, is_over, 0)


def test_the_expected_one_its_neighbours_and_what_clients_feel_may_speak() -> None:
    heard = [
        notice("PostgresWithoutPrimary", "postgres"),
        notice("PostgresReplicaMissing", "postgres", "slack"),  # about the same component
        notice("ErrorRatioHigh", "api-gateway"),  # a symptom
        notice("ProcessStarted", "postgres", "slack"),  # information
    ]
    assert unexpected(LOCAL, ("PostgresWithoutPrimary",), heard) == ()


def test_others_must_keep_silent_and_everybody_speaks_to_the_right_one() -> None:
    heard = [notice("RedisShardWithoutMaster", "redis-cluster"), notice("PostgresWithoutPrimary", "postgres", "slack")]
    assert unexpected(LOCAL, ("PostgresWithoutPrimary",), heard) == (
        "RedisShardWithoutMaster about redis-cluster came, and nothing expected explains it",
        "PostgresWithoutPrimary came to slack",
    )
    assert unexpected(LOCAL, (), [notice("TargetDown", "worker")]) != ()
    assert unexpected(LOCAL, (), [notice("TargetDown", "worker", is_over=True)]) == (), "it began before we listened"


def test_a_fault_lasts_until_its_alerts_can_have_come() -> None:
    assert hold_s(LOCAL, ()) == 0
    assert hold_s(LOCAL, ("PostgresReplicaMissing", "TargetDown")) > hold_s(LOCAL, ("TargetDown",)) > 6


def test_messages_of_both_receivers_are_read_and_those_of_others_are_not() -> None:
    told = {"receivedAt": 5, "title": "resolved warning: QueueLong (worker)"}
    assert from_slack(told) == Notice("slack", "QueueLong", "worker", True, 5000)
    assert from_slack({**told, "title": "lunch?"}) is None
    page = {"receivedAt": 5, "class": "TargetDown", "component": "worker", "action": "trigger"}
    assert from_pagerduty(page) == Notice("pagerduty", "TargetDown", "worker", False, 5000)
    assert from_pagerduty({**page, "class": ""}) is None
