"""Hand every log of our contracts to who understands it, when it comes and when a reorg takes it away.

Between: clients.chain.mirroring (calls, in the chain's order, in the transaction of its rows) and sagas.minting,
sagas.reselling, revenue_facts.

    Master    Minted, ProceedsSplit, PurchaseMinted, Transfer
    Market    Listed, Delisted, Sold
    Dividend  everything: revenue_facts

Invariant: `undone` is called in the opposite order and leaves what was before; a log of no interest changes nothing.
Source: domain.md 2.2 "Chain interactions".
"""

from audifi.clients.chain.contracts.events import (
    Delisted,
    Listed,
    Minted,
    ProceedsSplit,
    PurchaseMinted,
    ShareTransfer,
    Sold,
)
from audifi.clients.chain.mirroring.mirror import Fact, Mirror
from audifi.kernel.clock import Clock
from audifi.kernel.connection import Connection
from audifi.services.nft import revenue_facts
from audifi.services.nft.sagas import minting, reselling


def mirror(clock: Clock) -> Mirror:
    """Return the mirror of nft-service's contracts."""
    facts = Facts(clock)
    return Mirror(applied=facts.applied, undone=facts.undone)


class Facts:
    """What is done with a log."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def applied(self, tx: Connection, fact: Fact) -> None:
        """A log came."""
        now = self._clock.now()
        match fact.event:
            case Minted() as event:
                await minting.minted(tx, fact, event, now)
            case ProceedsSplit() as event:
                await minting.wallet_paid(tx, fact, event, now)
            case PurchaseMinted() as event:
                await minting.card_minted(tx, fact, event, now)
            case ShareTransfer() as event:
                await reselling.transferred(tx, fact, event, now)
            case Listed() as event:
                await reselling.listed(tx, fact, event, now)
            case Delisted() as event:
                await reselling.delisted(tx, fact, event, now)
            case Sold() as event:
                await reselling.sold(tx, fact, event, now)
            case _:
                await revenue_facts.applied(tx, fact)

    async def undone(self, tx: Connection, fact: Fact) -> None:
        """A reorg took a log away."""
        now = self._clock.now()
        match fact.event:
            case Minted() as event:
                await minting.minted_undone(tx, fact, event)
            case ProceedsSplit() as event:
                await minting.wallet_paid_undone(tx, fact, event, now)
            case PurchaseMinted() as event:
                await minting.card_minted_undone(tx, fact, event, now)
            case ShareTransfer() as event:
                await reselling.transferred_undone(tx, fact, event, now)
            case Listed() as event:
                await reselling.listed_undone(tx, fact, event)
            case Delisted():
                await reselling.delisted_undone(tx, fact)
            case Sold():
                await reselling.sold_undone(tx, fact, now)
            case _:
                await revenue_facts.undone(tx, fact)
