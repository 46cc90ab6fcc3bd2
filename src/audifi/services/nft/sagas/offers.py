"""Lead each offer through its saga: after an event, when its time has come, or when its artist asks.

Between: routes.ipos, timers, the queue (`chain.settled`, `content.pinned`) and sagas.launch, sagas.ending.
Invariant: every entry here is safe to repeat, in any pod, at any moment.
Errors: none of its own; what a store raises undoes the transaction, and whoever called comes again.
Source: domain.md 2.8.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from audifi.kernel.connection import Connection
from audifi.kernel.logs import log
from audifi.kernel.queue import Handler
from audifi.services.nft.parts import Parts
from audifi.services.nft.sagas import ending, launch, steps
from audifi.services.nft.sagas.launch import Step
from audifi.services.nft.store import commands, contents, contracts, ipos
from audifi.services.nft.store.commands import Asked
from audifi.services.nft.store.contracts import Deployed
from audifi.wire.events import Event, data_of
from audifi.wire.events.chain import ChainSettled, ContentPinned

_STEPS: Final[Mapping[str, Step]] = {**launch.STEPS, **ending.STEPS}
_MOVING: Final = ("LAUNCHING", "SCHEDULED", "LIVE")
_SEEN: Final = ("CONFIRMED", "FINAL")
_LOST: Final = ("FAILED", "REFUSED")


async def advance(tx: Connection, parts: Parts, master_id: str) -> None:
    """Take every step that can be taken now."""
    while (saga := await steps.load(tx, parts, master_id)) is not None:
        if saga.ipo.step is not None and saga.ipo.status not in _MOVING:
            await ipos.set_step(tx, saga.ipo.id, None, due_at=None)  # sold out, or cancelled, on the way
        elif saga.ipo.step is None and saga.ipo.status == "SCHEDULED" and saga.is_due:
            await ipos.set_step(tx, saga.ipo.id, "OPEN", due_at=None)
        elif saga.ipo.step is None or not await _STEPS[saga.ipo.step](tx, saga):
            return


async def look(tx: Connection, parts: Parts, master_id: str) -> None:
    """Do what is due; another pod may have done it meanwhile."""
    saga = await steps.load(tx, parts, master_id, skip_locked=True)
    if saga is None or not saga.is_due:
        return
    if saga.ipo.status not in _MOVING:
        await ipos.set_step(tx, saga.ipo.id, None, due_at=None)
    elif saga.ipo.step is None and saga.ipo.status == "LIVE":
        await _look_at_sale(tx, saga)
    await advance(tx, parts, master_id)


async def _look_at_sale(tx: Connection, saga: steps.Saga) -> None:
    ipo = saga.ipo
    if ipo.ending is not None:  # it was ending, sold out, and a reorg took the last purchase back
        await ipos.set_step(tx, ipo.id, ending.FIRST, due_at=saga.now)
    elif ipo.ends_at is not None and ipo.ends_at <= saga.now:
        await ipos.begin_closing(tx, ipo.master_id, ending.FIRST, saga.now)
    else:
        await ipos.set_step(tx, ipo.id, None, due_at=ipo.ends_at)


def handlers(parts: Parts) -> dict[str, Handler]:
    """Return what moves sagas on."""

    async def on_settled(tx: Connection, event: Event) -> None:
        data = data_of(event)
        assert isinstance(data, ChainSettled), "the registry maps this type to this class"
        if data.key.startswith(launch.MARKET_KEY):
            await _market_settled(tx, parts, data)
        else:
            asked = await commands.find(tx, data.key)
            if asked is not None:
                await _settled(tx, parts, asked, data, event.occurred_at)

    async def on_pinned(tx: Connection, event: Event) -> None:
        data = data_of(event)
        assert isinstance(data, ContentPinned), "the registry maps this type to this class"
        await contents.set_pinned(tx, data.cid, event.occurred_at)
        for master_id in await ipos.waiting_for_content(tx, data.cid):
            await advance(tx, parts, master_id)

    return {"chain.settled": on_settled, "content.pinned": on_pinned}


async def _settled(tx: Connection, parts: Parts, asked: Asked, data: ChainSettled, at: datetime) -> None:
    contract = launch.DEPLOYS.get(asked.step)
    is_deployed = contract is not None and data.state in _SEEN and asked.is_last
    if is_deployed and contract is not None:  # first of all: the mirror's lock comes before the offer's
        await parts.mirror.watch(tx, data.chain_id, _made(data).address, contract, _made(data).deploy_block)
    saga = await steps.load(tx, parts, asked.master_id)
    if saga is None or not await commands.settle(tx, data, at) or not asked.is_last:
        return
    if is_deployed:
        await contracts.put(tx, asked.master_id, _made(data, kind=asked.step))
    if data.state in _LOST:
        await _lost(tx, saga, asked, data)
    elif data.state == "UNDONE":
        log.warning("a reorg took back a step of a launch", master=asked.master_id, step=asked.step, tx=data.tx_hash)
    await advance(tx, parts, asked.master_id)


async def _market_settled(tx: Connection, parts: Parts, data: ChainSettled) -> None:
    if data.state in _SEEN:
        made = _made(data)
        await parts.mirror.watch(tx, data.chain_id, made.address, "Market", made.deploy_block)
        await contracts.put_market(tx, data.chain_id, made.address, made.deploy_tx, made.deploy_block)
    elif data.state in _LOST:
        await contracts.give_market_up(tx, data.chain_id)
    for master_id in await ipos.waiting_for_market(tx, data.chain_id):
        saga = await steps.load(tx, parts, master_id)
        if saga is not None and data.state in _LOST:
            await _fall_back(tx, saga, data)
        await advance(tx, parts, master_id)


async def _lost(tx: Connection, saga: steps.Saga, asked: Asked, data: ChainSettled) -> None:
    """Go back to DRAFT while nothing is deployed; afterwards try again, later each time, and call for a person."""
    step = asked.step.partition(":")[0]
    if saga.ipo.step != step:
        log.error("a step that was taken has failed", master=asked.master_id, step=asked.step, error=data.error)
    elif step in launch.REVERSIBLE:
        await _fall_back(tx, saga, data)
    else:
        tries = (await commands.parts(tx, asked.master_id, step))[asked.step].tries
        due_at = saga.now + timedelta(seconds=steps.again_s(tries))
        await ipos.note_failure(tx, saga.ipo.id, _reason(data), due_at)
        log.error("a step of a sale failed", master=asked.master_id, step=asked.step, tries=tries, error=data.error)


async def _fall_back(tx: Connection, saga: steps.Saga, data: ChainSettled) -> None:
    await ipos.fall_back(tx, saga.ipo.id, _reason(data))
    log.warning("a launch failed before anything was deployed", master=saga.master.id, error=data.error)


def _reason(data: ChainSettled) -> str:
    return f"{data.key.split(':')[-2]}: {data.error or data.state}"


def _made(data: ChainSettled, kind: str = "MARKET") -> Deployed:
    assert data.contract is not None, f"{data.key}: a deployment says where the contract is"
    assert data.tx_hash is not None, f"{data.key}: what is confirmed has a transaction"
    assert data.block_number is not None, f"{data.key}: what is confirmed has a block"
    return Deployed(
        kind=kind,
        chain_id=data.chain_id,
        address=data.contract.lower(),
        deploy_tx=data.tx_hash,
        deploy_block=data.block_number,
    )
