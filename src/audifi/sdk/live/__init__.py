"""Keep a program in a live V Studio session, whatever happens to connections.

    async with audifi.live(session_id) as live:
        async for event in live:                      # the snapshot first, then every event once and in order
            if event["type"] == "decision_opened":
                ack = await live.vote(event["decisionId"], choice=…)
        live.states["presence"]["viewerCount"]

Between: sdk.client (`audifi.live`), drills, programs of users; gateways.ws and vstudio-service at the other end.
Shape: machine (decides, pure) · order (what is new) · backoff (how long to wait) · signals (what goes in and out) ·
connections (sockets and streams) · session (what programs use).
Invariant: web/src/live is the same machine in TypeScript; tests/vectors/live holds both to it.
Source: domain.md 3; docs/walks/live.md.
"""

from audifi.sdk.live.answers import Ack, VoteAck
from audifi.sdk.live.session import Ended, Live

__all__ = ["Ack", "Ended", "Live", "VoteAck"]
