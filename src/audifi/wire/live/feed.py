"""Say what of a live session travels through Redis, and how.

Between: clients.live (publishes for vstudio-service, follows for the gateway and for SSE).

# One channel per session
`vstudio:{tag}:<session>:events`, sharded (SPUBLISH/SSUBSCRIBE), in the slot of the session's keys. A message is
`e <seq> <json>` for an event, `s <seq> <version> <key> <json>` for a state: readers sort, skip and heal without
parsing JSON. <json> is the flat frame without its numbers, {"type": …, "ts": …, fields}, `type` first: whoever writes
it to a socket adds `seq` (and `version` for states).

# Events are PostgreSQL's
vstudio-service numbers events (sessions.live_seq) and keeps them (live_events) in the transaction of the change, and a
relay in every pod publishes what was committed. Redis only carries and caches: the sorted set `log` (score = seq,
member = the message) answers who missed some; when Redis forgot, GET /internal/v1/sessions/{id}/events answers.
Publishing again changes nothing; messages may arrive in disorder or twice; readers put them in order by seq.

# States
The hash `states` keeps the newest message by key ("vote_update:<decision>", "presence"); a script refuses one whose
version is not newer. Reaction bursts and joins are published and not kept.

Keys, all `vstudio:{tag}:<session>:…` (channels.vstudio): events, log, states, presence, tick:<decision>.
Source: domain.md 3 "Scaling", "Recovery"; realtime.md 3; docs/live.md.
"""

from typing import Final

from audifi.wire import channels

EVENT: Final = b"e"
STATE: Final = b"s"


def channel(session_id: str) -> str:
    return channels.vstudio(session_id, "events")


def log(session_id: str) -> str:
    return channels.vstudio(session_id, "log")


def states(session_id: str) -> str:
    return channels.vstudio(session_id, "states")


def presence(session_id: str) -> str:
    """Hash: pod → "viewers expires_at_ms"."""
    return channels.vstudio(session_id, "presence")


def tick(session_id: str, decision_id: str) -> str:
    """Exists while the decision's last tally is younger than TALLY_EVERY_MS."""
    return channels.vstudio(session_id, f"tick:{decision_id}")


def pods() -> str:
    """Hash of the gateways' pods that take connections: pod → "connections expires_at_ms"."""
    return channels.vstudio("pods", "pods")


def event(seq: int, body: bytes) -> bytes:
    return b"e %d %b" % (seq, body)


def state(seq: int, version: int, key: str, body: bytes) -> bytes:
    return b"s %d %d %b %b" % (seq, version, key.encode(), body)


def parsed_event(message: bytes) -> tuple[int, bytes]:
    """Return (seq, json). Raises ValueError for anything else."""
    kind, seq, body = message.split(b" ", 2)
    if kind != EVENT:
        raise ValueError("not an event")
    return int(seq), body


def parsed_state(message: bytes) -> tuple[int, int, str, bytes]:
    """Return (seq, version, key, json). Raises ValueError for anything else."""
    kind, seq, version, key, body = message.split(b" ", 4)
    if kind != STATE:
        raise ValueError("not a state")
    return int(seq), int(version), key.decode(), body
