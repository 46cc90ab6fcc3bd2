"""Say what is rehearsed: the session, its three decisions, who may vote on which.

Between: acts (plays it) and tests. Pure data, in the fields of the API.
Units: *_s seconds.
Source: domain.md 7 "V Studio rehearsal": 2 h, public view, holders vote; hook A/B and bridge 8/16 bars (holders),
artwork 1-3 (everyone).
"""

from datetime import datetime, timedelta
from typing import Any, Final

TITLE: Final = "Electric Dreams"
LASTS: Final = timedelta(hours=2)
STARTS_IN: Final = timedelta(minutes=10)  # planned for later, and started early: SCHEDULED → ACTIVE
LASTS_S: Final = 3600
OPEN_TO_ALL: Final = {"type": "OPEN"}
HOOK: Final = "Which hook?"
BRIDGE: Final = "How long is the bridge?"
ARTWORK: Final = "Which artwork?"


def session(run: str, *, master_id: str, earlier_id: str, producer_id: str, now: datetime) -> dict[str, Any]:
    """Everybody may watch; who holds a share of the earlier master may vote."""
    start = now + STARTS_IN
    return {
        "masterId": master_id,
        "title": f"{TITLE} {run}",
        "description": "Finish it with us.",
        "scheduledStart": start.isoformat(),
        "scheduledEnd": (start + LASTS).isoformat(),
        "viewGating": OPEN_TO_ALL,
        "voteGating": {"type": "NFT", "requirements": {"nftMasterId": earlier_id}},
        "producerIds": [producer_id],
        "chatEnabled": True,
        "reactionsEnabled": True,
    }


def decisions() -> tuple[dict[str, Any], ...]:
    """Return the three questions, in their order."""
    return (
        _asked(HOOK, "POLL", "Hook A", "Hook B"),  # not BINARY: an accepted contribution becomes a third option
        _asked(BRIDGE, "BINARY", "8 bars", "16 bars"),
        {**_asked(ARTWORK, "POLL", "Artwork 1", "Artwork 2", "Artwork 3"), "gating": OPEN_TO_ALL},
    )


def _asked(question: str, type_: str, *labels: str) -> dict[str, Any]:
    options = [{"label": label} for label in labels]
    return {"type": type_, "question": question, "options": options, "durationSeconds": LASTS_S}
