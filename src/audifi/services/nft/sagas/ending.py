"""End a sale before everything is sold: because the artist says so, or its time is over.

Between: sagas.offers (calls a step until it waits) and store.

    DRAIN ─► CLOSE ─► MIRROR ─► IPO CLOSED (or CANCELLED), master SOLD, or MINTED with nothing sold

From the first moment nothing may be reserved (`ipos.ending`). DRAIN waits until no reservation is left: each is paid or
expires within half an hour. The contract goes on selling meanwhile, else what was paid by card could not be minted;
Then CLOSE ends it for ever. MIRROR waits until we have read the chain up to that block: then we know what was sold.
Selling out on the way wins: whoever completes the last purchase sets SOLD_OUT, and there is nothing left to end.
Units: seconds.
Source: domain.md 2.2 (lifecycles), 9.55; docs/contracts.md ("Close only after reservations … are settled").
"""

from collections.abc import Mapping
from typing import Final

from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.services.nft.sagas.launch import Step
from audifi.services.nft.sagas.steps import Saga, is_done, look_again, move_to
from audifi.services.nft.store import commands, contracts, ipos, masters
from audifi.wire.events import EventData
from audifi.wire.events.chain import CloseSale
from audifi.wire.events.nft import IpoCancelled, IpoClosed

FIRST: Final = "DRAIN"
LOOK_S: Final = 1.0


async def _drain(tx: Connection, saga: Saga) -> bool:
    if saga.ipo.shares_reserved > 0:
        return await look_again(tx, saga, LOOK_S)
    return await move_to(tx, saga, "CLOSE")


async def _close(tx: Connection, saga: Saga) -> bool:
    return await is_done(tx, saga, "CLOSE", [("", await close_sale(tx, saga))]) and await move_to(tx, saga, "MIRROR")


async def close_sale(tx: Connection, saga: Saga) -> CloseSale:
    """Return the command that ends the sale of this master for ever."""
    [address] = [each.address for each in await contracts.of_master(tx, saga.master.id) if each.kind == "MASTER"]
    return CloseSale(master=address)


async def _mirror(tx: Connection, saga: Saga) -> bool:
    closed = (await commands.parts(tx, saga.master.id, "CLOSE"))["CLOSE"]
    assert closed.block_number is not None, "what is confirmed was mined in a block"
    watched = await saga.parts.mirror.watched(tx, saga.ipo.chain_id)
    if watched.checkpoint is None or watched.checkpoint.block < closed.block_number:
        return await look_again(tx, saga, LOOK_S)
    await _ended(tx, saga)
    return False


async def _ended(tx: Connection, saga: Saga) -> None:
    master, ipo = saga.master, saga.ipo
    is_cancelled = ipo.ending == "CANCEL" and ipo.shares_sold == 0
    if not await ipos.end(tx, ipo.id, "CANCELLED" if is_cancelled else "CLOSED", saga.now):
        return
    await masters.move(tx, master.id, ("LISTED",), "SOLD" if ipo.shares_sold else "MINTED", saga.now)
    said: EventData
    if is_cancelled:
        said = IpoCancelled(master_id=master.id, artist_id=master.artist_id, ipo_id=ipo.id)
    else:
        said = IpoClosed(master_id=master.id, artist_id=master.artist_id, ipo_id=ipo.id, shares_sold=ipo.shares_sold)
    await outbox.add(tx, said, aggregate_id=master.id, actor_id=master.artist_id)


STEPS: Final[Mapping[str, Step]] = {"DRAIN": _drain, "CLOSE": _close, "MIRROR": _mirror}
