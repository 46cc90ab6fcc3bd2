"""Take over what dividend contracts tell: money that came in, epochs that opened, wallets that were paid.

Between: facts (calls `applied` and `undone` for logs of Dividend contracts, in the chain's order), sagas.dividend.
Why beside `chain.settled`: a wallet can claim on the chain without us, anybody can pay in, and the operator's key can
publish a root: the chain decides, whoever caused it. Both ways lead to the same conditional updates.
Invariant: a fact that comes, goes and comes again leaves what it left the first time.
Errors: none of its own; what contradicts our rows is logged as critical and changes nothing.
Source: domain.md 2.2 "Chain interactions"; docs/contracts.md.
"""

from audifi.clients.chain.contracts.events import DividendClaimed, RevenueDeposited, RootSet, RootWithdrawn
from audifi.clients.chain.mirroring.mirror import Fact
from audifi.kernel.connection import Connection
from audifi.kernel.logs import log
from audifi.services.nft.sagas import dividend
from audifi.services.nft.store import claims, deposits, distributions
from audifi.services.nft.store.deposits import Deposit


async def applied(tx: Connection, fact: Fact) -> None:
    """A log came."""
    match fact.event:
        case RevenueDeposited() as event:
            await deposits.insert(tx, _deposit(fact, event))
        case RootSet() as event:
            await _root_set(tx, fact, event)
        case RootWithdrawn() as event:
            await _root_gone(tx, fact, event.epoch)
            log.critical("an administrator took a root back", dividend=fact.address, epoch=event.epoch)
        case DividendClaimed() as event:
            await _claimed(tx, fact, event)
        case _:
            pass


async def undone(tx: Connection, fact: Fact) -> None:
    """A reorg took a log away."""
    match fact.event:
        case RevenueDeposited():
            await deposits.delete(tx, fact.chain_id, fact.tx_hash, fact.log_index)
        case RootSet() as event:
            await _root_gone(tx, fact, event.epoch)
        case RootWithdrawn() as event:
            await _root_set(tx, fact, RootSet(epoch=event.epoch, root=event.root, total=event.total))
        case DividendClaimed() as event:
            found = await _dividend_of(tx, fact, event)
            if found is not None:
                await dividend.unpaid(tx, found, tx_hash=fact.tx_hash)
        case _:
            pass


async def _root_set(tx: Connection, fact: Fact, event: RootSet) -> None:
    begun = await distributions.of_epoch(tx, fact.chain_id, fact.address, event.epoch)
    if begun is None or (begun.merkle_root, begun.holders_wei) != (event.root, event.total):
        log.critical("a root is not ours", dividend=fact.address, epoch=event.epoch, root=event.root)
        return
    await dividend.open_claims(tx, begun.id, tx_hash=fact.tx_hash, block=fact.block_number)


async def _root_gone(tx: Connection, fact: Fact, epoch: int) -> None:
    begun = await distributions.of_epoch(tx, fact.chain_id, fact.address, epoch)
    if begun is not None:
        await distributions.closed_again(tx, begun.id)


async def _claimed(tx: Connection, fact: Fact, event: DividendClaimed) -> None:
    found = await _dividend_of(tx, fact, event)
    if found is not None:
        await dividend.paid(tx, found, tx_hash=fact.tx_hash, block=fact.block_number)


async def _dividend_of(tx: Connection, fact: Fact, event: DividendClaimed) -> str | None:
    begun = await distributions.of_epoch(tx, fact.chain_id, fact.address, event.epoch)
    found = None if begun is None else await claims.of_fact(tx, begun.id, event.wallet.lower())
    if found is None or found[1] != event.amount:
        told = {"dividend": fact.address, "epoch": event.epoch, "wallet": event.wallet}
        log.critical("a claim is not of an allocation of ours", **told)
        return None
    return found[0]


def _deposit(fact: Fact, event: RevenueDeposited) -> Deposit:
    return Deposit(
        chain_id=fact.chain_id,
        tx_hash=fact.tx_hash,
        log_index=fact.log_index,
        dividend=fact.address,
        depositor=event.depositor.lower(),
        payout_id=event.payout_id,
        amount_wei=event.amount,
        block_number=fact.block_number,
    )
