"""The judge finds every kind of wrong history, and nothing in a right one.

Between: drills.swarm.judge, drills.swarm.history and histories made up here: a right one, and doctored ones.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from audifi.drills.swarm.facts import Fact
from audifi.drills.swarm.history import Cast, Counted, History, Life, read, write
from audifi.drills.swarm.judge import verdict

KEY = "vote_update:d"
IN_ORDER = "events in order, none twice, none missing"
NEWER = "states only newer"
SAME = "every viewer ended at the same newest state"
ONCE = "every acknowledged vote counts once"
SEEN = "every viewer saw something"


def right() -> History:
    """Three viewers, three events, three tallies; one viewer went away and came back, one skipped a tally."""
    history = History("s")
    history.batches = [
        (Fact("opened", -1),),  # 0
        (Fact("snapshot", 4),),  # 1
        (Fact("event", 5, "chat_message"), Fact("state", 5, KEY, 1)),  # 2
        (Fact("event", 6, "chat_message"),),  # 3
        (Fact("state", 6, KEY, 2), Fact("event", 7, "chat_message")),  # 4
        (Fact("state", 7, KEY, 3),),  # 5
        (Fact("closed", 1012),),  # 6
        (Fact("opened", 5),),  # 7
        (Fact("event", 7, "chat_message"),),  # 8
    ]
    saw = {0: [0, 1, 2, 3, 4, 5], 1: [0, 1, 2, 6, 7, 3, 8, 5], 2: [0, 1, 2, 3, 8, 5]}
    history.viewers = {viewer: Life(list(range(len(batches))), batches) for viewer, batches in saw.items()}
    history.votes = [
        Cast(user_id="ann", decision_id="d", choice="a", sent_us=1, acked_us=2),
        Cast(user_id="bob", decision_id="d", choice="a", sent_us=2, acked_us=4),
        Cast(user_id="ann", decision_id="d", choice="b", sent_us=5, acked_us=6),
        Cast(user_id="cid", decision_id="d", choice="a", sent_us=7, refused="4012"),
    ]
    history.counted = [Counted(decision_id="d", results={"a": 1, "b": 1}, total_votes=2)]
    return history


def lost_event(history: History) -> None:
    history.viewers[0].batch.remove(3)
    history.viewers[0].at_us.pop()


def swapped(history: History) -> None:
    history.viewers[2].batch[3:5] = [8, 3]


def doubled(history: History) -> None:
    history.viewers[2].batch.insert(4, 3)
    history.viewers[2].at_us.append(9)


def replayed_too_much(history: History) -> None:
    history.viewers[1].batch.insert(5, 2)
    history.viewers[1].at_us.append(9)


def hole_after_resume(history: History) -> None:
    history.viewers[1].batch.remove(3)
    history.viewers[1].at_us.pop()


def old_snapshot(history: History) -> None:
    history.viewers[2].batch[4:4] = [1]
    history.viewers[2].at_us.append(9)


def older_tally(history: History) -> None:
    history.batches.append((Fact("state", 7, KEY, 1),))
    history.viewers[0].batch.insert(5, len(history.batches) - 1)
    history.viewers[0].at_us.append(9)


def left_behind(history: History) -> None:
    history.viewers[2].batch.pop()
    history.viewers[2].at_us.pop()


def without_last_event(history: History) -> None:
    history.viewers[2].batch.remove(8)
    history.viewers[2].at_us.pop()


def deaf(history: History) -> None:
    history.viewers[3] = Life([1], [0])


def lost_vote(history: History) -> None:
    history.counted[0].results["a"] = 0
    history.counted[0].total_votes = 1


def vote_for_another(history: History) -> None:
    history.counted[0].results.update(a=2, b=0)


def counted_twice(history: History) -> None:
    history.counted[0].results["a"] = 2


def lost_change(history: History) -> None:
    """Its voter changed back later, so only the version tells."""
    history.votes[3:3] = [
        Cast(user_id="ann", decision_id="d", choice="a", sent_us=7, acked_us=8),
        Cast(user_id="ann", decision_id="d", choice="b", sent_us=9, acked_us=10),
    ]


def nobody_counted(history: History) -> None:
    history.counted.clear()


DOCTORED = [
    (lost_event, IN_ORDER),
    (swapped, IN_ORDER),
    (doubled, IN_ORDER),
    (replayed_too_much, IN_ORDER),
    (hole_after_resume, IN_ORDER),
    (old_snapshot, IN_ORDER),
    (older_tally, NEWER),
    (left_behind, SAME),
    (without_last_event, SAME),
    (deaf, SEEN),
    (lost_vote, ONCE),
    (vote_for_another, ONCE),
    (counted_twice, ONCE),
    (lost_change, ONCE),
    (nobody_counted, ONCE),
]


def test_a_right_history_has_no_faults() -> None:
    assert not any(verdict(right()).values())


@pytest.mark.parametrize(("doctor", "sentence"), DOCTORED)
def test_a_doctored_history_is_found(doctor: Callable[[History], None], sentence: str) -> None:
    history = right()
    doctor(history)
    assert verdict(history)[sentence]


def test_a_vote_without_an_answer_may_count_or_not() -> None:
    history = right()
    history.votes.append(Cast(user_id="dan", decision_id="d", choice="b", sent_us=9))
    assert not verdict(history)[ONCE]
    history.counted[0].results["b"] = 2
    history.counted[0].total_votes = 3
    assert not verdict(history)[ONCE]
    history.counted[0].results["b"] = 3
    assert verdict(history)[ONCE]


def test_a_viewer_that_was_told_to_read_nothing_is_not_judged() -> None:
    history = right()
    left_behind(history)
    history.stalled.add(2)
    assert not any(verdict(history).values())


def test_parts_of_several_processes_are_one_history() -> None:
    whole, part = right(), right()
    part.viewers = {viewer + 10: life for viewer, life in part.viewers.items()}
    part.votes.clear()
    part.counted.clear()
    whole.add(part)
    assert sorted(whole.viewers) == [0, 1, 2, 10, 11, 12]
    assert not any(verdict(whole).values())
    assert list(whole.seen(10)) == list(right().seen(0))


def test_a_history_comes_back_from_its_file(tmp_path: Path) -> None:
    history = right()
    history.faults.append((3, "kill-pod: ws-gateway-2"))
    history.stalled.add(7)
    write(history, tmp_path / "history.jsonl")
    assert read(tmp_path / "history.jsonl") == history


def test_another_file_is_no_history(tmp_path: Path) -> None:
    (tmp_path / "other.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(ValueError, match="no history"):
        read(tmp_path / "other.jsonl")
