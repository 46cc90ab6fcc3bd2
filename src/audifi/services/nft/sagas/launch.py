"""Bring a master and its offer to the chain, until the sale is open.

Between: sagas.offers (calls a step until it waits) and store.

    MARKET ─► METADATA ─► MASTER ─► DIVIDEND ─► LINK ─► RESERVE ─► minted: master MINTED, IPO SCHEDULED
    … at startsAt, if a launch was asked for: OPEN ─► IPO LIVE, master LISTED

MARKET waits for the chain's one marketplace, METADATA for the primary pin of the document the shares will point at.
Until a contract of the master exists a failure leads back to DRAFT; from then on a step is asked for again.
Invariant: rights confirmed before anything happens; one Master and one Dividend contract per master.
Source: domain.md 2.8 "Mint/launch"; docs/contracts.md.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.services.nft.rules import ipos as rules
from audifi.services.nft.rules import metadata
from audifi.services.nft.sagas.steps import Saga, is_done, move_to
from audifi.services.nft.store import contents, contracts, ipos, masters
from audifi.wire.amounts import wei
from audifi.wire.events.chain import (
    ChainWanted,
    DeployDividend,
    DeployMarket,
    DeployMaster,
    LinkDividend,
    MintReserve,
    OpenSale,
)
from audifi.wire.events.nft import IpoLaunched, MasterMinted

Step = Callable[[Connection, Saga], Awaitable[bool]]  # True: the saga moved on, look again

FIRST: Final = "MARKET"
REVERSIBLE: Final = ("MARKET", "METADATA", "MASTER")  # nothing of the master's is deployed
DEPLOYS: Final = {"MASTER": "Master", "DIVIDEND": "Dividend"}  # step → contract to be watched
MARKET_KEY: Final = "nft:market:"


async def _market(tx: Connection, saga: Saga) -> bool:
    chain_id = saga.ipo.chain_id
    if await contracts.market(tx, chain_id) is not None:
        return await move_to(tx, saga, "METADATA")
    number = await contracts.ask_market(tx, chain_id)
    if number is not None:
        key = f"{MARKET_KEY}{chain_id}:deploy:{number}"
        await outbox.add(tx, ChainWanted(key=key, chain_id=chain_id, command=DeployMarket()), aggregate_id=key)
    return False


async def _metadata(tx: Connection, saga: Saga) -> bool:
    assert saga.master.metadata_cid is not None, "the document is written before a launch begins"
    if await contents.unpinned(tx, [saga.master.metadata_cid]):
        return False
    return await move_to(tx, saga, "MASTER")


async def _master(tx: Connection, saga: Saga) -> bool:
    master, ipo = saga.master, saga.ipo
    assert ipo.artist_wallet is not None, "the payout wallet is fixed when a launch begins"
    assert master.metadata_cid is not None, "the document is written before a launch begins"
    command = DeployMaster(
        master_id=master.id,
        name=master.title,
        symbol=rules.symbol(master.title),
        artist=ipo.artist_wallet,
        max_supply=ipo.total_shares,
        artist_reserve=ipo.artist_reserve,
        mint_price_wei=wei(ipo.price_wei),
        base_uri=metadata.base_uri(master.metadata_cid),
    )
    return await is_done(tx, saga, "MASTER", [("", command)], is_first=True) and await move_to(tx, saga, "DIVIDEND")


async def _dividend(tx: Connection, saga: Saga) -> bool:
    command = DeployDividend(master=await _address(tx, saga, "MASTER"))
    return await is_done(tx, saga, "DIVIDEND", [("", command)]) and await move_to(tx, saga, "LINK")


async def _link(tx: Connection, saga: Saga) -> bool:
    command = LinkDividend(master=await _address(tx, saga, "MASTER"), dividend=await _address(tx, saga, "DIVIDEND"))
    return await is_done(tx, saga, "LINK", [("", command)]) and await move_to(tx, saga, "RESERVE")


async def _reserve(tx: Connection, saga: Saga) -> bool:
    ipo, address = saga.ipo, await _address(tx, saga, "MASTER")
    assert ipo.artist_wallet is not None, "the payout wallet is fixed when a launch begins"
    wanted = [
        (f"{first}-{last}", MintReserve(master=address, to=ipo.artist_wallet, first_id=first, last_id=last))
        for first, last in rules.reserve_chunks(ipo.public_supply, ipo.total_shares)
    ]
    if not await is_done(tx, saga, "RESERVE", wanted):
        return False
    await _minted(tx, saga)
    return True


async def _minted(tx: Connection, saga: Saga) -> None:
    master, ipo = saga.master, saga.ipo
    is_ours = await ipos.schedule(tx, ipo.id, saga.now) and await masters.publish(tx, master.id, saga.now)
    assert is_ours, "a launch holds its offer's row, and a master in launch leaves LOCKED by it alone"
    minted = MasterMinted(
        master_id=master.id,
        artist_id=master.artist_id,
        chain_id=ipo.chain_id,
        contract=await _address(tx, saga, "MASTER"),
        dividend_contract=await _address(tx, saga, "DIVIDEND"),
    )
    await outbox.add(tx, minted, aggregate_id=master.id, actor_id=master.artist_id)


async def _open(tx: Connection, saga: Saga) -> bool:
    master, ipo = saga.master, saga.ipo
    command = OpenSale(master=await _address(tx, saga, "MASTER"))
    if not await is_done(tx, saga, "OPEN", [("", command)]):
        return False
    is_ours = await ipos.go_live(tx, ipo.id, saga.now) and await masters.move(
        tx, master.id, ("MINTED",), "LISTED", saga.now
    )
    assert is_ours, "an offer that is being opened is SCHEDULED, its master MINTED"
    assert ipo.artist_wallet is not None, "the payout wallet is fixed when a launch begins"
    launched = IpoLaunched(
        master_id=master.id,
        artist_id=master.artist_id,
        ipo_id=ipo.id,
        chain_id=ipo.chain_id,
        artist_wallet=ipo.artist_wallet,
        total_shares=ipo.total_shares,
        public_supply=ipo.public_supply,
        price_wei=wei(ipo.price_wei),
        session_id=master.vstudio_session_id,
    )
    await outbox.add(tx, launched, aggregate_id=master.id, actor_id=master.artist_id)
    return True


async def _address(tx: Connection, saga: Saga, kind: str) -> str:
    found = {each.kind: each.address for each in await contracts.of_master(tx, saga.master.id)}
    return found[kind]


STEPS: Final[Mapping[str, Step]] = {
    "MARKET": _market,
    "METADATA": _metadata,
    "MASTER": _master,
    "DIVIDEND": _dividend,
    "LINK": _link,
    "RESERVE": _reserve,
    "OPEN": _open,
}
