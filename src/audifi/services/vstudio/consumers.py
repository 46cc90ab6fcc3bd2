"""React to what other services say through the queue.

Between: kernel.queue (delivers, each effect exactly once) and store, sagas.standing.

ipo.launched          the sale that followed a session is linked to it
master.updated        a master that left our session by another way: nothing is left to finish, the session is cancelled
subscription.updated  what somebody holds is asked anew in the live sessions they are in
user.deleted          votes keep their weight and lose their person; words and names go
Invariant: a late or repeated event changes nothing.
Source: domain.md 2.3 "Consumes", 2.8 "Account deletion".
"""

from audifi.kernel.connection import Connection
from audifi.kernel.queue import Handler
from audifi.services.vstudio.parts import Parts
from audifi.services.vstudio.rules import states
from audifi.services.vstudio.sagas import running, standing
from audifi.services.vstudio.store import people, sessions
from audifi.wire.events import Event, data_of
from audifi.wire.events.auth import UserDeleted
from audifi.wire.events.nft import IpoLaunched, MasterUpdated
from audifi.wire.events.payment import SubscriptionUpdated


def handlers(parts: Parts) -> dict[str, Handler]:
    """Return the handlers of the group `vstudio-service` by event type."""

    async def on_updated(tx: Connection, event: Event) -> None:
        data = data_of(event)
        assert isinstance(data, MasterUpdated), "the registry maps this type to this class"
        session = await sessions.of_master(tx, data.master_id)
        is_gone = data.status == "ARCHIVED" and session is not None and session.wish is None
        if is_gone and session is not None and session.status in (*states.PLANNED, *states.LIVE):
            await running.cancel(tx, session, "The master was archived.", parts.clock.now())
            parts.wake_live()

    async def on_subscription(tx: Connection, event: Event) -> None:
        data = data_of(event)
        assert isinstance(data, SubscriptionUpdated), "the registry maps this type to this class"
        await standing.forget(parts, await people.live_sessions_of(tx, data.user_id), data.user_id)

    return {
        "ipo.launched": _on_launched,
        "master.updated": on_updated,
        "subscription.updated": on_subscription,
        "user.deleted": _on_deleted,
    }


async def _on_launched(tx: Connection, event: Event) -> None:
    data = data_of(event)
    assert isinstance(data, IpoLaunched), "the registry maps this type to this class"
    await sessions.link_ipo(tx, session_id=data.session_id, master_id=data.master_id, ipo_id=data.ipo_id)


async def _on_deleted(tx: Connection, event: Event) -> None:
    data = data_of(event)
    assert isinstance(data, UserDeleted), "the registry maps this type to this class"
    await people.forget(tx, data.user_id)
