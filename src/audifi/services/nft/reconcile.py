"""Compare Postgres with the chains, and tell it so that a finance person can read it.

Between: console (`audifi reconcile`) and app (`work`: once an hour, in whichever pod comes first), store.books,
store.invariants, chain_books, rules.reconciliation.
What is compared, per master, at a final block: who owns each share; how many were minted to buyers and of the reserve;
money of sales that the contract holds, and owes the artist; what was deposited, set aside and claimed, in all and per
epoch. Besides, in Postgres alone: every rule of store.invariants and store.books; and with payment-service, if it
answers: what was paid by card.
The block: the newest that is final on the chain and mirrored here. What happened up to it does not change, so that the
two sides can be read one after the other while sales go on.
Where it reads: replicas that have what the primary had at the start, else the primary: two replicas may differ.
Units: wei; cents; blocks by number.
Invariant: reads only, but for the row that says that this hour was done.
Errors: those of stores and chains; the hourly job logs them and tries again in the next hour.
Source: domain.md 2.2 "Invariants", 6.2 (gauges), 6.4 (Σ dividend mismatch is critical).
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from audifi.clients.chain.contracts.abi import Undecodable
from audifi.kernel.clock import iso
from audifi.kernel.connection import Connection
from audifi.kernel.logs import log
from audifi.kernel.metrics import gauge
from audifi.services.nft import chain_books
from audifi.services.nft.chain_books import Batched
from audifi.services.nft.errors import Problem
from audifi.services.nft.parts import Parts
from audifi.services.nft.rules.reconciliation import Books, Difference, differences, no_contract
from audifi.services.nft.store import books, invariants, snapshots
from audifi.services.nft.store.books import Entry, Sums
from audifi.wire import metrics
from audifi.wire.amounts import wei

LOOK_EVERY_S: Final = 60.0
CARDS_SINCE: Final = timedelta(days=35)  # longer than a month's statement
_RULE_MEANS: Final = "Our own tables contradict each other: a rule that must always hold does not."
_RULE_REMEDY: Final = "Call an engineer with this line; do not distribute or pay out for this master before."

_GAUGES: Final = (  # in the order of books.gauged
    metrics.IPO_SHARES_SOLD, metrics.IPO_SHARES_OFFERED, metrics.DIVIDEND_ALLOCATED, metrics.DIVIDEND_DEPOSITED,
)  # fmt: skip


class ChainLine(msgspec.Struct, rename="camel", kw_only=True):
    """Where the two sides of a chain were compared, and its sums. Amounts are wei, as decimal strings."""

    chain_id: int
    chain: str
    currency: str
    block: int
    mirrored_block: int
    masters: int
    shares_offered: int
    shares_sold: int
    shares_compared: int
    sales_wei: str
    platform_fees_wei: str
    artists_wei: str
    withdrawn_wei: str
    held_wei: str
    deposited_wei: str
    allocated_wei: str
    claimed_wei: str
    unclaimed_wei: str


class DifferenceLine(msgspec.Struct, rename="camel", kw_only=True):
    """One thing that is not equal."""

    subject: str
    title: str
    what: str
    ours: str
    theirs: str
    means: str
    remedy: str


class Report(msgspec.Struct, rename="camel", kw_only=True):
    """What was compared, and what differs."""

    at: str
    chains: list[ChainLine]
    cards_compared: int | None
    differences: list[DifferenceLine]
    not_compared: list[str]


async def compare(parts: Parts) -> Report:
    """Compare everything once."""
    lines: list[ChainLine] = []
    found: list[Difference] = []
    missing: list[str] = []
    after = await parts.database.written_lsn()
    async with parts.database.read(after) as connection:
        entries = await books.entries(connection)
        mirrored = await books.checkpoints(connection)
        broken = [*await invariants.violations(connection), *await books.violations(connection)]
    found.extend(_violation(each) for each in broken)
    for chain_id in sorted({each.chain_id for each in entries}):
        of_chain = [each for each in entries if each.chain_id == chain_id]
        if chain_id not in mirrored or chain_id not in parts.chains:
            missing.append(f"chain {chain_id}: it is not mirrored yet, or no provider of it is configured")
            continue
        lines.append(await _chain(parts, of_chain, mirrored[chain_id], after, found))
    cards = await _cards(parts, found, missing)
    return Report(
        at=iso(parts.clock.now()),
        chains=lines,
        cards_compared=cards,
        differences=[DifferenceLine(**msgspec.to_builtins(each)) for each in found],
        not_compared=missing,
    )


async def _chain(
    parts: Parts, entries: Sequence[Entry], mirrored: int, after: str, found: list[Difference]
) -> ChainLine:
    """Compare the masters of one chain; add what differs to `found`."""
    chain_id = entries[0].chain_id
    chain = parts.chains[chain_id]
    block = min((await chain.finalized()).number, mirrored)
    batched = Batched(chain)
    async with parts.database.read(after) as connection:
        sums = await books.sums(connection, chain_id, block)
    compared = 0
    for entry in entries:
        if entry.deploy_block > block:
            continue  # not final yet: the next comparison has it
        async with parts.database.read(after) as connection:
            ours = await _ours(connection, entry, sums.get(entry.master_id, Sums()), block)
        try:
            theirs = await chain_books.books(batched, entry, block, ours.owners, ours.epochs)
        except Undecodable:
            found.append(no_contract(entry.master_id, entry.title, entry.master))
            continue
        compared += len(ours.owners)
        found.extend(differences(entry.master_id, entry.title, ours, theirs))
    of_chain = [sums.get(each.master_id, Sums()) for each in entries]
    artists, fees = sum(each.artist_wei for each in of_chain), sum(each.fees_wei for each in of_chain)
    withdrawn = sum(each.withdrawn_wei for each in of_chain)
    allocated, claimed = sum(each.allocated_wei for each in of_chain), sum(each.claimed_wei for each in of_chain)
    return ChainLine(
        chain_id=chain_id,
        chain=chain.facts.name,
        currency=entries[0].currency,
        block=block,
        mirrored_block=mirrored,
        masters=len(entries),
        shares_offered=sum(each.offered for each in entries),
        shares_sold=sum(each.sold for each in entries),
        shares_compared=compared,
        sales_wei=wei(artists + fees),
        platform_fees_wei=wei(fees),
        artists_wei=wei(artists),
        withdrawn_wei=wei(withdrawn),
        held_wei=wei(artists + fees - withdrawn),
        deposited_wei=wei(sum(each.deposited_wei for each in of_chain)),
        allocated_wei=wei(allocated),
        claimed_wei=wei(claimed),
        unclaimed_wei=wei(allocated - claimed),
    )


async def _ours(connection: Connection, entry: Entry, sums: Sums, block: int) -> Books:
    owners: dict[int, str] = {}
    for first in range(0, entry.total_shares, snapshots.TOKENS_AT_ONCE):
        last = first + snapshots.TOKENS_AT_ONCE
        owners |= await snapshots.owners(connection, entry.master_id, block, first=first, last=last)
    public = sum(token <= entry.public_supply for token in owners)
    return Books(
        owners=owners,
        public_minted=public,
        reserve_minted=len(owners) - public,
        held_wei=sums.fees_wei + sums.artist_wei - sums.withdrawn_wei,
        owed_artist_wei=sums.artist_wei - sums.withdrawn_artist_wei,
        deposited_wei=sums.deposited_wei,
        allocated_wei=sums.allocated_wei,
        claimed_wei=sums.claimed_wei,
        undivided_wei=sums.deposited_wei - sums.claimed_wei,
        epochs=await books.epochs(connection, entry.master_id, block),
    )


class PaidPurchase(msgspec.Struct, rename="camel"):
    """What payment-service says was paid by card."""

    purchase_id: str
    amount_cents: int


async def _cards(parts: Parts, found: list[Difference], missing: list[str]) -> int | None:
    """Compare what was paid by card; nothing if payment-service does not tell."""
    since = parts.clock.now() - CARDS_SINCE
    try:
        query = {"since": iso(since)}
        theirs = await parts.peers.get(
            "payment-service", "/internal/v1/purchases-paid", list[PaidPurchase], query=query
        )
    except (Problem, KeyError, msgspec.ValidationError) as error:
        missing.append(f"card payments: payment-service does not tell them ({type(error).__name__})")
        return None
    async with parts.database.read_primary() as connection:
        ours = await books.paid_by_card(connection, since)
    paid = {each.purchase_id: each.amount_cents for each in theirs}
    found.extend(
        _card(purchase_id, ours.get(purchase_id), paid.get(purchase_id))
        for purchase_id in sorted({*ours, *paid})
        if ours.get(purchase_id) != paid.get(purchase_id)
    )
    return len(paid)


def _card(purchase_id: str, ours: int | None, theirs: int | None) -> Difference:
    return Difference(
        subject=purchase_id,
        title="a purchase by card",
        what="card payment",
        ours="nothing" if ours is None else f"{ours} cents",
        theirs="nothing" if theirs is None else f"{theirs} cents",
        means="A buyer paid and we do not know it, or we believe a payment that payment-service does not have.",
        remedy="If it is older than some minutes: look for dead letters of payment.succeeded and deliver them again.",
    )


def _violation(each: invariants.Violation) -> Difference:
    return Difference(
        subject=each.subject,
        title="a rule of our own tables",
        what=each.rule,
        ours=each.detail,
        theirs="",
        means=_RULE_MEANS,
        remedy=_RULE_REMEDY,
    )


async def work(parts: Parts) -> None:
    """Set the gauges every minute, and compare once an hour, for ever."""
    while True:
        await measure(parts)
        await take_turn(parts, parts.clock.now())
        await asyncio.sleep(LOOK_EVERY_S)


async def measure(parts: Parts) -> None:
    """Set the gauges of running offers and of dividends."""
    async with parts.database.read() as connection:
        values = await books.gauged(connection)
    kinds = (
        metrics.IPO_SHARES_SOLD,
        metrics.IPO_SHARES_OFFERED,
        metrics.DIVIDEND_ALLOCATED,
        metrics.DIVIDEND_DEPOSITED,
    )
    for kind, value in zip(kinds, values, strict=True):
        gauge(kind).set(value)


async def take_turn(parts: Parts, now: datetime) -> Report | None:
    """Compare, if nobody did in this hour; keep the report, and call for help when something differs."""
    slot = now.replace(minute=0, second=0, microsecond=0)
    async with parts.database.transaction() as tx:
        if not await books.claim_slot(tx, slot, parts.settings.pod):
            return None
    try:
        report = await compare(parts)
    except Problem as problem:
        log.warning("Postgres could not be compared with the chains", error=problem)
        return None
    async with parts.database.transaction() as tx:
        await books.finish_slot(tx, slot, len(report.differences), msgspec.json.encode(report).decode())
    told = {"differences": len(report.differences), "masters": sum(each.masters for each in report.chains)}
    if report.differences:
        first = report.differences[0]
        log.critical("Postgres and the chains differ: audifi reconcile", first=f"{first.subject}: {first.what}", **told)
    else:
        log.info("Postgres and the chains agree", **told)
    return report
