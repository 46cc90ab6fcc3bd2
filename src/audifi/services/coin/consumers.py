"""React to what other services and the worker say through the queue.

Between: kernel.queue (delivers, each effect exactly once) and sagas.

ipo.launched              the artist's first makes the coin
ipo.closed, ipo.sold_out  its buyers are due
ipo.cancelled             nobody bought: the next IPO's buyers will be
chain.settled             what we wanted of a chain is so, or never will be
Invariant: a late or repeated event changes nothing; keys of others are left alone.
Errors: Unavailable makes the queue try again; what cannot be understood ends in the dead letters.
Source: domain.md 2.5 "Consumes".
"""

from audifi.kernel.connection import Connection
from audifi.kernel.queue import Handler
from audifi.services.coin.parts import Parts
from audifi.services.coin.rules import steps
from audifi.services.coin.rules.keys import Key
from audifi.services.coin.sagas import deploying, giving, providing
from audifi.services.coin.store import coins
from audifi.wire.events import Event, data_of
from audifi.wire.events.chain import ChainSettled
from audifi.wire.events.nft import IpoCancelled, IpoClosed, IpoLaunched, IpoSoldOut


def handlers(parts: Parts) -> dict[str, Handler]:
    """Return the handlers of the group `coin-service` by event type."""

    async def on_settled(tx: Connection, event: Event) -> None:
        told = data_of(event)
        assert isinstance(told, ChainSettled), "the registry maps this type to this class"
        key = Key.parse(told.key)
        if key is None:
            return
        if key.what in steps.ORDER:
            await deploying.settled(tx, parts.mirror, key, told)
        elif key.what in (providing.APPROVE, providing.PROVIDE):
            await providing.settled(tx, key, told)
        elif key.what == giving.GIVE:
            await giving.settled(tx, key, told)

    return {
        "ipo.launched": _on_launched,
        "ipo.closed": _on_ended,
        "ipo.sold_out": _on_ended,
        "ipo.cancelled": _on_cancelled,
        "chain.settled": on_settled,
    }


async def _on_launched(tx: Connection, event: Event) -> None:
    data = data_of(event)
    assert isinstance(data, IpoLaunched), "the registry maps this type to this class"
    await deploying.launched(tx, data)


async def _on_ended(tx: Connection, event: Event) -> None:
    data = data_of(event)
    assert isinstance(data, IpoClosed | IpoSoldOut), "the registry maps these types to these classes"
    await giving.ended(tx, data.artist_id, data.ipo_id, data.shares_sold)


async def _on_cancelled(tx: Connection, event: Event) -> None:
    data = data_of(event)
    assert isinstance(data, IpoCancelled), "the registry maps this type to this class"
    await coins.forget_ipo(tx, data.ipo_id, data.artist_id)
