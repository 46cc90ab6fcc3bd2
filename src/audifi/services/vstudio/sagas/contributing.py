"""Let producers offer alternatives for a decision, and its artist take them.

Between: routes.contributions and store.contributions, store.live_events, the outbox (the producer is told by mail).
Shape: an accepted recording becomes an option of a POLL or a RANKING, while nobody has voted; later, and for texts,
accepting is a word of thanks.
Invariant: decided once. The decision's row is locked before its votes are looked for, so that no vote is cast between
the look and the new option.
Errors: InvalidState (decided already, the decision is over, too many), NotFound.
Source: domain.md 2.3 "contributions".
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

import msgspec

from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.services.vstudio.errors import InvalidState, NotFound
from audifi.services.vstudio.rules import deciding as rules
from audifi.services.vstudio.rules.deciding import Option
from audifi.services.vstudio.sagas import frames
from audifi.services.vstudio.sagas.deciding import Both
from audifi.services.vstudio.store import contributions as store
from audifi.services.vstudio.store import live_events
from audifi.services.vstudio.store.contributions import Contribution
from audifi.wire.events.vstudio import ContributionAccepted, ContributionRejected, ContributionSubmitted

EACH_MAX: Final = 5  # of one producer for one decision
_TAKEN: Final = ("PENDING", "OPEN")
_WITH_OPTIONS: Final = ("POLL", "RANKING")
_OVER: Final = ("COMPLETE", "CANCELLED", "LOCKED")


async def submit(tx: Connection, both: Both, new: Contribution) -> None:
    """Offer an alternative."""
    if both.decision.status not in _TAKEN or both.session.status in _OVER:
        raise InvalidState("This decision takes no more contributions.")
    assert new.producer_id is not None, "somebody offers it"
    if await store.count(tx, new.decision_id, new.producer_id) >= EACH_MAX:
        raise InvalidState(f"At most {EACH_MAX} contributions each.")
    await store.insert(tx, new)
    event = ContributionSubmitted(**_ids(both, new))
    await outbox.add(tx, event, aggregate_id=both.session.id, actor_id=new.producer_id)
    await _show(tx, new, new.created_at)


async def decide(tx: Connection, both: Both, contribution_id: str, *, accept: bool, now: datetime) -> Contribution:
    """Accept or reject."""
    found = await store.one(tx, both.decision.id, contribution_id)
    if found is None:
        raise NotFound("There is no such contribution.")
    option = await _option(tx, both, found) if accept else None
    status = "ACCEPTED" if accept else "REJECTED"
    if not await store.decide(tx, found.id, status, None if option is None else option.id, now):
        raise InvalidState("This contribution was decided already.")
    if option is not None:
        options = msgspec.json.encode((*both.decision.options, option)).decode()
        await store.add_option(tx, both.decision.id, options, now)
    kind = ContributionAccepted if accept else ContributionRejected
    if found.producer_id is not None:
        event = kind(**_ids(both, found))
        await outbox.add(tx, event, aggregate_id=both.session.id, actor_id=both.session.artist_id)
    option_id = None if option is None else option.id
    decided = replace(found, status=status, option_id=option_id, decided_at=now)
    await _show(tx, decided, now, option)
    return decided


async def _option(tx: Connection, both: Both, found: Contribution) -> Option | None:
    """Return the option a recording becomes, if it may still become one."""
    decision = both.decision
    if found.audio_url is None or decision.type not in _WITH_OPTIONS or decision.status not in _TAKEN:
        return None
    if len(decision.options) >= rules.OPTIONS_MAX:
        return None
    if await tx.fetchval("SELECT EXISTS (SELECT FROM vstudio.votes WHERE decision_id = $1)", decision.id):
        return None
    name = rules.next_name(decision.options)
    return Option(id=name, label=found.label, audio_url=found.audio_url, contribution_id=found.id)


async def _show(tx: Connection, found: Contribution, at: datetime, option: Option | None = None) -> None:
    more = {} if option is None else {"option": msgspec.to_builtins(option)}
    fields = {"decisionId": found.decision_id, "contributionId": found.id, "status": found.status, **more}
    await live_events.add(tx, found.session_id, frames.frame("contribution_update", at, **fields))


def _ids(both: Both, found: Contribution) -> dict[str, str]:
    session = both.session
    return {
        "session_id": session.id,
        "artist_id": session.artist_id,
        "master_id": session.master_id,
        "contribution_id": found.id,
        "decision_id": found.decision_id,
        "producer_id": found.producer_id or "",
    }
