"""Remember a session, and how many watch it, for a second, for those who ask thousands of times about the same one.

Between: sagas.admitting, sagas.chatting, routes.gateway (pulses).
Why that may be a second old: what it decides (is it over, is chat on) is told to everybody by an event anyway; votes
and decisions never look here.
Units: *_S seconds. Errors: SessionNotFound.
"""

from collections import OrderedDict
from typing import Final, TypeVar

from audifi.services.vstudio import audience
from audifi.services.vstudio.errors import SessionNotFound
from audifi.services.vstudio.parts import Parts
from audifi.services.vstudio.store import sessions
from audifi.services.vstudio.store.sessions import Session

T = TypeVar("T")
KEPT_S: Final = 1.0
KEPT_MAX: Final = 1000
_kept: OrderedDict[str, tuple[float, Session]] = OrderedDict()
_watched: OrderedDict[str, tuple[float, int]] = OrderedDict()


async def session(parts: Parts, session_id: str) -> Session:
    """Return a session as it was at most a second ago."""
    now_s = parts.clock.monotonic_s()
    at_s, found = _kept.get(session_id, (0.0, None))
    if found is not None and now_s - at_s < KEPT_S:
        return found
    async with parts.database.read_primary() as connection:
        found = await sessions.one(connection, session_id)
    if found is None:
        raise SessionNotFound
    _keep(_kept, session_id, (now_s, found))
    return found


async def viewers(parts: Parts, session_id: str) -> int:
    """Return how many watched at most a second ago."""
    now_s = parts.clock.monotonic_s()
    at_s, count = _watched.get(session_id, (-KEPT_S, 0))
    if now_s - at_s >= KEPT_S:
        count = await audience.viewers(parts.cache, session_id)
        _keep(_watched, session_id, (now_s, count))
    return count


def _keep(kept: OrderedDict[str, T], session_id: str, value: T) -> None:
    kept[session_id] = value
    kept.move_to_end(session_id)
    while len(kept) > KEPT_MAX:
        kept.popitem(last=False)
