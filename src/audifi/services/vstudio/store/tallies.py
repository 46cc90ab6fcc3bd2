"""Read how a decision stands, by the votes themselves.

Between: tallies (shows it while votes come), routes.votes, snapshots.
Units: `version` grows with every vote and every change, and with nothing else.
Why changes are read before votes: what is read then is at least as new as its version says; the newest version is
never told with an older tally.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from audifi.kernel.connection import Connection
from audifi.services.vstudio.rules import tallying
from audifi.services.vstudio.rules.deciding import Option
from audifi.services.vstudio.rules.gating import VotingMode
from audifi.services.vstudio.rules.tallying import Results
from audifi.services.vstudio.store import decisions


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How a decision stands."""

    decision_id: str
    mode: VotingMode
    found: Results
    version: int
    live_seq: int  # the session's newest event when this was read

    @property
    def fields(self) -> dict[str, Any]:
        """What everybody may see of it before it is closed; weights only where votes weigh."""
        found = self.found
        shown: dict[str, Any] = {"results": found.results, "totalVotes": found.total_votes}
        if self.mode == "WEIGHTED":
            shown["weights"] = found.weights
        if found.points:
            shown["points"] = found.points
        if found.mean is not None:
            shown["mean"] = found.mean
        return shown


async def of_decision(connection: Connection, decision_id: str) -> Tally | None:
    """Return the tally of a decision as its votes are now."""
    row = await connection.fetchrow(
        """SELECT d.type, d.options, d.voting_mode, s.live_seq,
                  (SELECT count(*) FROM vstudio.vote_changes c WHERE c.decision_id = d.id) AS changes
             FROM vstudio.decisions d JOIN vstudio.sessions s ON s.id = d.session_id WHERE d.id = $1""",
        decision_id,
    )
    if row is None:
        return None
    option_ids = [each.id for each in msgspec.json.decode(row["options"], type=tuple[Option, ...])]
    found = tallying.results(row["type"], option_ids, await decisions.ballots(connection, decision_id))
    return Tally(
        decision_id=decision_id,
        mode=row["voting_mode"],
        found=found,
        version=found.total_votes + row["changes"],
        live_seq=row["live_seq"],
    )
