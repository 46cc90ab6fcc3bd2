"""Bring a revenue to the holders of a master's shares, step by step, to the last wei.

Between: routes.revenue (begins it), routes.dividends (claims), the queue (`chain.settled`), revenue_facts (what the
chain says), store.distributions, store.claims.

    distribute ─► split ─► chain: DepositRevenue ─FINAL─► snapshot of owners at the deposit's block ─► amounts
      ─► tree ─► chain: PublishRoot ─CONFIRMED─► OPEN ─► claims: chain: ClaimFor ─CONFIRMED─► CLAIMED ─► SETTLED

How it survives. Every arrow is one transaction that leaves a state and asks for the next step in it; the two that only
the database can start (snapshot, root) are taken by `work` in any pod, under a lease. All of it is computed from rows
that cannot change: whoever repeats a step comes to the same amounts and the same root.
The snapshot's block is the deposit's: anybody who reads the chain can repeat the allocation. It is taken once our own
mirror lies so deep on that block that it cannot change there either.
Units: wei.
Invariant: the amounts are the holders' pool (asserted here, and by a deferred trigger); the root is published once per
epoch and a payout id deposited once (the contract sees to both); a claim is asked for once.
Errors: InvalidState for a step that the states do not allow.
Source: domain.md 2.2 "Dividend rule", lifecycles; 2.8 "Dividend"; docs/contracts.md.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Final

from audifi.clients.chain.contracts import merkle
from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.kernel.ids import new_id
from audifi.kernel.logs import log
from audifi.kernel.queue import Handler
from audifi.services.nft.errors import InvalidState
from audifi.services.nft.parts import Parts
from audifi.services.nft.rules.allocation import allocate
from audifi.services.nft.rules.split import split
from audifi.services.nft.store import claims, distributions, revenue, snapshots
from audifi.services.nft.store.claims import Dividend
from audifi.services.nft.store.distributions import Distribution, Payer
from audifi.services.nft.store.revenue import Revenue
from audifi.wire.amounts import wei
from audifi.wire.events import Event, data_of
from audifi.wire.events.chain import AnyCommand, ChainSettled, ChainWanted, ClaimFor, DepositRevenue, PublishRoot
from audifi.wire.events.nft import DividendClaimed, DividendDistributed

POLL_S: Final = 1.0
ROOT_AGAIN_S: Final = 60.0
_KEY: Final = re.compile(r"nft:(?P<noun>revenue|distribution|dividend):(?P<id>[0-9a-f-]{36}):[a-z]+:(?P<ask>[0-9]+)")
_SEEN: Final = ("CONFIRMED", "FINAL")
_LOST: Final = ("FAILED", "REFUSED")


async def begin(tx: Connection, earned: Revenue, payer: Payer) -> None:
    """Split a verified revenue and ask for its deposit; after a deposit that FAILED, ask for it again."""
    if payer.terms is None or payer.dividend is None or payer.chain_id is None:
        raise InvalidState("The master has no dividend contract yet: launch its IPO first.")
    if payer.minted == 0:
        raise InvalidState("Nobody holds a share of this master yet: there is no one to pay.")
    ask = await revenue.ask_deposit(tx, earned.id)
    if ask is None:
        raise InvalidState(f"A revenue that is {earned.status} is not distributed, or it is under way.")
    await distributions.lock_master(tx, payer.master_id)
    parts = split(earned.amount_wei, payer.terms)
    is_new = await distributions.insert(tx, str(new_id()), earned.id, payer, parts)
    assert is_new == (ask == 1), "a revenue has one distribution, made with the first ask"
    # What was promised when it began is what is paid, whenever it is asked for.
    begun = (await distributions.of_revenues(tx, [earned.id]))[earned.id]
    command = DepositRevenue(
        dividend=begun.dividend, payout_id=earned.id, source=earned.source, value_wei=wei(begun.holders_wei)
    )
    await _ask(tx, f"nft:revenue:{earned.id}:deposit:{ask}", begun, command)


async def claim(tx: Connection, each: Dividend, *, by: str) -> bool:
    """Ask the chain to pay a wallet its part; False if somebody asked first."""
    begun = await distributions.find(tx, each.distribution_id)
    assert begun is not None, "an allocation has a distribution"
    leaf = merkle.leaf(each.dividend, each.epoch, each.wallet, each.amount_wei)
    proof = await claims.proof(tx, each.distribution_id, leaf)
    assert proof is not None, f"the tree of distribution {each.distribution_id} has no leaf for {each.wallet}"
    ask = await claims.ask(tx, each.id, by=by)
    if ask is None:
        return False
    command = ClaimFor(
        dividend=each.dividend, wallet=each.wallet, epoch=each.epoch, amount_wei=wei(each.amount_wei), proof=proof
    )
    await _ask(tx, f"nft:dividend:{each.id}:claim:{ask}", begun, command)
    return True


def handlers(_parts: Parts) -> dict[str, Handler]:
    """Return what this saga listens to."""

    async def on_settled(tx: Connection, event: Event) -> None:
        data = data_of(event)
        assert isinstance(data, ChainSettled), "the registry maps this type to this class"
        await settled(tx, data)

    return {"chain.settled": on_settled}


async def settled(tx: Connection, data: ChainSettled) -> None:
    """Take over what became of a deposit, a root or a claim; keys of others are left alone."""
    match = _KEY.fullmatch(data.key)
    if match is None:
        return
    react = {"revenue": _deposit_settled, "distribution": _root_settled, "dividend": _claim_settled}[match["noun"]]
    await react(tx, match["id"], int(match["ask"]), data)


async def _deposit_settled(tx: Connection, revenue_id: str, ask: int, data: ChainSettled) -> None:
    if data.state == "FINAL":
        await revenue.deposited(tx, revenue_id, ask, tx_hash=data.tx_hash)
    elif data.state in _LOST:
        error = data.error or data.state
        if await revenue.deposit_failed(tx, revenue_id, ask, error=error):
            log.error("a deposit of revenue failed", revenue=revenue_id, error=error)
    else:
        await revenue.deposit_seen(tx, revenue_id, ask, tx_hash=data.tx_hash if data.state == "CONFIRMED" else None)


async def _root_settled(tx: Connection, distribution_id: str, ask: int, data: ChainSettled) -> None:
    if data.state in _SEEN:
        if data.tx_hash is not None:  # without one the root was there before we asked: the facts say which
            await open_claims(tx, distribution_id, tx_hash=data.tx_hash, block=data.block_number)
    elif data.state in _LOST:
        error = data.error or data.state
        if await distributions.root_failed(tx, distribution_id, ask, error=error, again_in_s=ROOT_AGAIN_S):
            log.error("the chain did not take a root", distribution=distribution_id, error=error)
    else:
        await distributions.closed_again(tx, distribution_id)


async def _claim_settled(tx: Connection, dividend_id: str, ask: int, data: ChainSettled) -> None:
    if data.state in _SEEN:
        if data.tx_hash is not None:  # without one it was paid before we asked: the facts say where
            await paid(tx, dividend_id, tx_hash=data.tx_hash, block=data.block_number)
    elif data.state in _LOST:
        error = data.error or data.state
        if await claims.refused(tx, dividend_id, ask, error=error):
            log.warning("the chain did not pay a dividend", dividend=dividend_id, error=error)
    else:
        await unpaid(tx, dividend_id, tx_hash=data.tx_hash)


async def open_claims(tx: Connection, distribution_id: str, *, tx_hash: str | None, block: int | None) -> None:
    """The root is on the chain: holders can claim. Told once, however often a reorg makes it happen."""
    if not await distributions.opened(tx, distribution_id, tx_hash=tx_hash, block=block):
        return
    begun = await distributions.find(tx, distribution_id)
    assert begun is not None, "it was just opened"
    await revenue.distributed(tx, begun.revenue_id)
    payer = await distributions.payer(tx, begun.master_id)
    assert payer is not None, "a distribution has a master"
    if await distributions.announce(tx, distribution_id):
        await outbox.add(tx, _distributed(begun, payer), aggregate_id=distribution_id)


async def paid(tx: Connection, dividend_id: str, *, tx_hash: str, block: int | None) -> None:
    """A wallet has its part. Told once; the last one of a distribution settles it."""
    await claims.lock_distribution(tx, dividend_id)  # of the two last claims, the second must see the first
    found = await claims.paid(tx, dividend_id, tx_hash=tx_hash, block=block)
    if found is None:
        return
    await distributions.settle_if_claimed(tx, found.distribution_id)
    if not found.is_first:
        return
    told = DividendClaimed(
        distribution_id=found.distribution_id,
        master_id=found.master_id,
        artist_id=found.artist_id,
        wallet=found.wallet,
        amount_wei=wei(found.amount_wei),
        tx_hash=tx_hash,
        user_id=found.user_id,
    )
    await outbox.add(tx, told, aggregate_id=dividend_id)


async def unpaid(tx: Connection, dividend_id: str, *, tx_hash: str | None) -> None:
    """A reorg took a payment back for now."""
    distribution_id = await claims.lock_distribution(tx, dividend_id)
    if distribution_id is not None and await claims.undone(tx, dividend_id, tx_hash=tx_hash):
        await distributions.unsettle(tx, distribution_id)


async def work(parts: Parts) -> None:
    """Take the steps that nobody's message starts, for ever."""
    depths = depths_of(parts)
    while True:
        if not await step(parts, depths):
            await asyncio.sleep(POLL_S)


def depths_of(parts: Parts) -> Mapping[int, int]:
    """Return, per chain, how many mirrored blocks must lie on a block of ours: the mirror itself waits for `act`."""
    facts = {chain_id: parts.chains[chain_id].facts for chain_id in parts.chains}
    return {chain_id: each.final_confirmations - each.act_confirmations for chain_id, each in facts.items()}


async def step(parts: Parts, depths: Mapping[int, int]) -> bool:
    """Take one step of one distribution; False if none is due."""
    for lease, take in ((distributions.lease_for_snapshot, _allocate), (distributions.lease_for_root, _publish)):
        async with parts.database.transaction() as tx:
            leased = await lease(tx, depths)
        if leased is not None:
            await take(parts, leased)
            return True
    return False


async def _allocate(parts: Parts, begun: Distribution) -> None:
    """Take the snapshot and fix what each wallet gets, in one transaction."""
    async with parts.database.transaction() as tx:
        block = begun.snapshot_block
        assert block is not None, "a lease for a snapshot names its block"
        await snapshots.take(tx, begun.master_id, block, "DIVIDEND")
        shares = await snapshots.shares_of(tx, begun.master_id, block)
        if not shares:
            raise InvalidState(f"distribution {begun.id}: nobody held a share at block {block}")
        # Half a second of arithmetic for 100,000 wallets: requests of this pod go on meanwhile.
        amounts = await asyncio.to_thread(allocate, begun.holders_wei, shares)
        assert sum(each.amount_wei for each in amounts) == begun.holders_wei, "the amounts are the pool"
        await claims.insert(tx, begun.id, amounts)
        weight = sum(shares.values())
        if not await distributions.allocated(tx, begun.id, weight=weight, wallets=len(amounts)):
            raise InvalidState(f"distribution {begun.id} was allocated by another pod")
    log.info("a revenue is allocated", distribution=begun.id, wallets=len(amounts), shares=weight)


async def _publish(parts: Parts, begun: Distribution) -> None:
    """Compute the tree and ask for its root to be published."""
    root, nodes = begun.merkle_root, b""
    if root is None:
        async with parts.database.read_primary() as connection:
            amounts = await claims.amounts(connection, begun.id)
        assert sum(amounts.values()) == begun.holders_wei, "the amounts are the pool"
        nodes = await asyncio.to_thread(_tree, begun.dividend, begun.epoch, amounts)
        root = "0x" + nodes[:32].hex()
    async with parts.database.transaction() as tx:
        if nodes:
            await distributions.keep_tree(tx, begun.id, nodes)
        ask = await distributions.ask_root(tx, begun, root)
        if ask is None:
            return  # another pod was faster
        command = PublishRoot(dividend=begun.dividend, epoch=begun.epoch, root=root, total_wei=wei(begun.holders_wei))
        await _ask(tx, f"nft:distribution:{begun.id}:root:{ask}", begun, command)


def _tree(dividend: str, epoch: int, amounts: Mapping[str, int]) -> bytes:
    # 64 bytes a wallet. Proofs are read from it one by one: all of them at once would take a gigabyte for a million.
    return b"".join(merkle.tree(merkle.leaf(dividend, epoch, wallet, amount) for wallet, amount in amounts.items()))


async def _ask(tx: Connection, key: str, begun: Distribution, command: AnyCommand) -> None:
    await outbox.add(tx, ChainWanted(key=key, chain_id=begun.chain_id, command=command), aggregate_id=begun.id)


def _distributed(begun: Distribution, payer: Payer) -> DividendDistributed:
    return DividendDistributed(
        distribution_id=begun.id,
        revenue_id=begun.revenue_id,
        master_id=begun.master_id,
        artist_id=payer.artist_id,
        gross_wei=wei(begun.gross_wei),
        holders_wei=wei(begun.holders_wei),
        artist_wei=wei(begun.artist_wei),
        platform_wei=wei(begun.platform_wei),
        collaborators_wei=wei(begun.collaborators_wei),
        wallets=begun.wallets or 0,
    )
