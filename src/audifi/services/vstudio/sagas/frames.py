"""Make the frames that say what happened in a session, and show a decision as everybody may see it.

Between: sagas.deciding, sagas.running, sagas.wishes (make events), the snapshot (shows decisions).
Shape: flat frames, `type` first (wire.live.protocol.EVENTS); moments ISO 8601, `ts` milliseconds.
Invariant: a frame holds nothing that only some may see: who may vote is judged at the vote.
Source: domain.md 3.
"""

from datetime import datetime
from typing import Any

import msgspec

from audifi.kernel.clock import iso
from audifi.services.vstudio.rules.tallying import Results
from audifi.services.vstudio.store.decisions import Decision
from audifi.wire.live import protocol

Frame = dict[str, Any]


def frame(type_: str, at: datetime, **fields: Any) -> Frame:
    """Return a frame; its fields in camelCase."""
    assert type_ in protocol.EVENTS, f"{type_} is no event"
    return {"type": type_, "ts": int(at.timestamp() * 1000), **fields}


def moment(value: datetime | None) -> str | None:
    return None if value is None else iso(value)


def shown(decision: Decision) -> Frame:
    """Show a decision; its results once they are final."""
    said: Frame = {
        "id": decision.id,
        "type": decision.type,
        "question": decision.question,
        "description": decision.description,
        "options": msgspec.to_builtins(decision.options),
        "slider": msgspec.to_builtins(decision.slider),
        "votingMode": decision.voting_mode,
        "allowVoteChange": decision.allow_vote_change,
        "durationSeconds": decision.duration_s,
        "status": decision.status,
        "opensAt": moment(decision.opens_at),
        "endsAt": moment(decision.closes_at),
    }
    if decision.results is not None:
        said |= outcome(decision, decision.results)
    return said


def outcome(decision: Decision, found: Results) -> Frame:
    """Show what the votes came to; weights where votes weigh."""
    said: Frame = {
        "results": found.results,
        "totalVotes": found.total_votes,
        "winner": decision.winning_option,
        "tie": found.is_tie,
        "override": decision.is_override,
    }
    if decision.voting_mode == "WEIGHTED":
        said["weights"] = found.weights
    if found.points:
        said["points"] = found.points
    if found.mean is not None:
        said["mean"] = found.mean
    return said
