"""Who stays away after a lost pod, and who missed a vote, is counted by name."""

from audifi.drills.catalogue.sockets import away, missing_votes
from audifi.drills.swarm.facts import Fact
from audifi.drills.swarm.history import History, Life

OPENED, CLOSED = 0, 1


def test_a_viewer_whose_last_connection_ended_is_away() -> None:
    batches = [(Fact("opened", -1),), (Fact("closed", 1006),)]
    history = History(
        "session",
        batches=batches,
        viewers={
            1: Life([10], [OPENED]),
            2: Life([10, 20], [OPENED, CLOSED]),
            3: Life([10, 20, 30], [OPENED, CLOSED, OPENED]),
        },
    )
    assert away(history) == {2}


def test_a_viewer_counts_once_whatever_is_said_of_it() -> None:
    verdict = {
        "every viewer saw something": [],
        "events in order, none twice, none missing": ["viewer 3 at 5: event 9 came with 2 missing, after 6"],
        "states only newer": ["viewer 4 at 5: tally went back"],
        "every viewer ended at the same newest state": [
            "viewer 3 ended at event 9, others at 12",
            "viewer 5 ended at 1",
        ],
    }
    assert missing_votes(verdict) == {"viewer 3", "viewer 5"}
