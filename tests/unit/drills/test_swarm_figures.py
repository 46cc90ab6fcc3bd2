"""Delays and curves are what a history says, by hand-made histories.

Between: drills.swarm.delays, recovery, outcome and seconds.
"""

import pytest

from audifi.drills.swarm.crowd import Tally
from audifi.drills.swarm.crowds import Together
from audifi.drills.swarm.delays import Percentiles, Sent, arrivals, percentile
from audifi.drills.swarm.facts import Fact
from audifi.drills.swarm.history import Cast, Counted, History, Life
from audifi.drills.swarm.outcome import outcome
from audifi.drills.swarm.recovery import Curve, curve, undisturbed
from audifi.drills.swarm.seconds import Seconds

S = 1_000_000
KEY = "vote_update:d"


def vote(user: str, sent_ms: int, acked_ms: int) -> Cast:
    return Cast(user_id=user, decision_id="d", choice="a", sent_us=sent_ms * 1000, acked_us=acked_ms * 1000)


def watched() -> History:
    """Votes at 2.0, 2.1 and 2.2 s; the first tally holds one, the next one the others."""
    history = History("s")
    history.batches = [
        (Fact("opened", -1),),
        (Fact("state", 0, KEY, 1, 2010),),
        (Fact("state", 0, KEY, 3, 2260),),
        (Fact("closed", 1006),),
        (Fact("opened", 4),),
    ]
    history.viewers = {
        0: Life([0, 2_030_000, 2_300_000], [0, 1, 2]),
        1: Life([0, 2_040_000, 2_100_000, 2_400_000, 2_500_000], [0, 1, 3, 4, 2]),
    }
    history.votes = [vote("ann", 2000, 2005), vote("bob", 2100, 2110), vote("cid", 2200, 2210)]
    history.counted = [Counted(decision_id="d", results={"a": 3}, total_votes=3)]
    return history


def test_a_delay_is_from_the_oldest_vote_a_tally_brings() -> None:
    history = watched()
    found = list(arrivals(history, 0, Sent(history)))
    assert [(each.vote_us, each.spread_us) for each in found] == [(30_000, 20_000), (200_000, 40_000)]


def test_what_a_viewer_gets_when_it_comes_back_is_no_delay() -> None:
    history = watched()
    assert [each.vote_us for each in arrivals(history, 1, Sent(history))] == [40_000]


@pytest.mark.parametrize(("percent", "expected"), [(50, 2), (75, 3), (99, 4), (100, 4), (1, 1)])
def test_percentiles_are_of_what_was_measured(percent: float, expected: int) -> None:
    assert percentile([1, 2, 3, 4], percent) == expected


def test_nothing_has_no_percentiles() -> None:
    assert Percentiles.of([]) == Percentiles(0, 0, 0, 0)


def lost_and_back(count: int, lost: int) -> History:
    """Some of them lose their connection at 10 s and come back one a 100 ms, from 11 s on."""
    history = History("s", batches=[(Fact("opened", -1),), (Fact("closed", 1006),)])
    for viewer in range(count):
        life = Life([viewer], [0])
        if viewer < lost:
            life = Life([viewer, 10 * S, 11 * S + viewer * S // 10], [0, 1, 0])
        history.viewers[viewer] = life
    return history


def test_the_curve_of_who_came_back() -> None:
    history = lost_and_back(100, 30)
    assert curve(history, 10 * S - 1, 60 * S) == Curve(30, 10, 3.800001)
    assert len(undisturbed(history, 10 * S)) == 70


def test_who_never_comes_back_is_never_99_percent() -> None:
    assert curve(lost_and_back(100, 30), 10 * S - 1, 12 * S).back_s is None


def test_nobody_lost_is_back_at_once() -> None:
    assert curve(lost_and_back(100, 0), 10 * S, 60 * S) == Curve(0, 0, 0.0)


def test_an_outcome_says_it_all() -> None:
    history = watched()
    history.faults = [(2_050_000, "kill-pod: kill -9 ws-gateway-2")]
    found = outcome(history, until_us=3 * S, trouble={})
    assert (found.votes, found.seen.count, found.connects_per_s) == (3, 3, 2.0)
    [loss] = found.losses
    assert (loss.recovery.lost, loss.recovery.back_s, loss.others_seen.max_ms) == (1, 0.35, 200.0)
    assert found.is_right
    assert found.as_json()["isRight"] is True


def test_a_second_is_the_difference_to_the_one_before() -> None:
    seconds, votes = Seconds(), [vote("ann", 1000, 1005), vote("bob", 1100, 1110)]
    seconds.next(1.0, Together(live=5, opens=5, frames=100), votes[:1])
    tally = Tally(KEY, 2, 1112, 5, 1_120_000, 1_150_000)
    found = seconds.next(2.0, Together(live=6, opens=7, frames=150, tallies=[tally]), votes)
    assert (found.connects_per_s, found.delivered_per_s, found.votes) == (2, 50, 2)
    assert (found.p50_ms, found.p99_ms) == (20.0, 50.0)
