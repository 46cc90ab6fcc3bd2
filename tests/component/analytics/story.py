"""Tell a master's life as its services would: registered, launched, sold, resold, paid.

Between: tests of this folder. Invariant: `expected` is computed here from the same numbers by Python's integers alone.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tests.component.analytics.driver import midday, said, tx_hash, wallet

from audifi.kernel.ids import new_id
from audifi.wire.events import Event
from audifi.wire.events.nft import (
    DividendClaimed,
    DividendDistributed,
    IpoLaunched,
    MasterRegistered,
    PurchaseCompleted,
    RevenueVerified,
    ShareMinted,
    ShareSold,
    ShareTransferred,
)
from audifi.wire.events.vstudio import DecisionOpened, SessionEnded, SessionStarted, VoteCast

PRICE = 50_000_000_000_000_000_001  # odd: a float could not hold it
DAYS_BACK = 3


@dataclass
class Story:
    """One artist, one master, and what was said of them."""

    artist_id: UUID = field(default_factory=new_id)
    master_id: UUID = field(default_factory=new_id)
    session_id: UUID = field(default_factory=new_id)
    title: str = "Midnight Pulse"
    events: list[Event] = field(default_factory=list[Event])

    def say(self, data: Any, at: datetime) -> None:
        self.events.append(said(data, at))

    @property
    def whose(self) -> dict[str, Any]:
        return {"master_id": str(self.master_id), "artist_id": str(self.artist_id)}

    def launched(self, at: datetime | None = None, *, shares: int = 100) -> "Story":
        """Registered and on sale."""
        at = at or midday(DAYS_BACK)
        self.say(MasterRegistered(**self.whose, title=self.title, type="TRACK"), at)
        self.say(
            IpoLaunched(
                **self.whose, ipo_id=str(new_id()), chain_id=1, artist_wallet=wallet(1), total_shares=shares,
                public_supply=shares, price_wei=str(PRICE),
            ),
            at + timedelta(seconds=1),
        )  # fmt: skip
        return self

    def bought(self, first: int, count: int, buyer: int, at: datetime) -> "Story":
        """A primary sale of `count` shares."""
        purchase, transaction, total = str(new_id()), tx_hash(), PRICE * count
        for number in range(count):
            self.say(
                ShareMinted(
                    **self.whose, token_id=first + number, chain_id=1, wallet=wallet(buyer), tier=1,
                    price_wei=str(PRICE), tx_hash=transaction, log_index=number, purchase_id=purchase,
                ),
                at,
            )  # fmt: skip
        self.say(
            PurchaseCompleted(
                **self.whose, purchase_id=purchase, user_id=str(new_id()), kind="PRIMARY", payment_method="WALLET",
                quantity=count, total_wei=str(total), fee_wei=str(total * 250 // 10_000),
                token_ids=tuple(range(first, first + count)), tx_hash=transaction,
            ),
            at,
        )  # fmt: skip
        return self

    def minted_directly(self, token: int, count: int, buyer: int, at: datetime) -> "Story":
        """Somebody called the contract without a purchase of ours."""
        transaction = tx_hash()
        for number in range(count):
            self.say(
                ShareMinted(
                    **self.whose, token_id=token + number, chain_id=1, wallet=wallet(buyer), tier=1,
                    price_wei=str(PRICE), tx_hash=transaction, log_index=number,
                ),
                at,
            )  # fmt: skip
        return self

    def resold(self, token: int, seller: int, buyer: int, at: datetime, *, price: int = 333) -> "Story":
        """A resale, told by the marketplace and by the share's contract."""
        transaction = tx_hash()
        royalty = price // 10
        self.say(
            ShareSold(
                **self.whose, token_id=token, chain_id=1, seller_wallet=wallet(seller), buyer_wallet=wallet(buyer),
                price_wei=str(price), royalty_wei=str(royalty), fee_wei="0", seller_wei=str(price - royalty),
                tx_hash=transaction, log_index=2,
            ),
            at,
        )  # fmt: skip
        self.say(
            ShareTransferred(
                **self.whose, token_id=token, chain_id=1, from_wallet=wallet(seller), to_wallet=wallet(buyer),
                tx_hash=transaction, log_index=1,
            ),
            at,
        )  # fmt: skip
        return self

    def paid(self, gross: int, at: datetime) -> "Story":
        """Revenue, its dividends, one claim."""
        holders, distribution = gross * 4 // 10, str(new_id())
        revenue = str(new_id())
        self.say(RevenueVerified(**self.whose, revenue_id=revenue, source="SYNC", amount_wei=str(gross)), at)
        self.say(
            DividendDistributed(
                **self.whose, distribution_id=distribution, revenue_id=revenue, gross_wei=str(gross),
                holders_wei=str(holders), artist_wei=str(gross - holders), platform_wei="0", collaborators_wei="0",
                wallets=1,
            ),
            at,
        )  # fmt: skip
        self.say(
            DividendClaimed(
                **self.whose, distribution_id=distribution, wallet=wallet(7), amount_wei=str(holders),
                tx_hash=tx_hash(),
            ),
            at,
        )  # fmt: skip
        return self

    def live(self, at: datetime, votes: int) -> "Story":
        """A session with one decision."""
        ids: dict[str, Any] = {**self.whose, "session_id": str(self.session_id)}
        decision_id = str(new_id())
        self.say(SessionStarted(**ids), at)
        self.say(DecisionOpened(**ids, decision_id=decision_id, type="BINARY", closes_at=None), at)
        for _ in range(votes):
            said_by = {"vote_id": str(new_id()), "user_id": str(new_id())}
            self.say(VoteCast(**ids, **said_by, decision_id=decision_id, weight_milli=1000, is_change=False), at)
        ended = SessionEnded(**ids, peak_viewers=votes, unique_viewers=votes, total_votes=votes)
        self.say(ended, at + timedelta(hours=1))
        return self


def whole(story: Story) -> Story:
    """Everything, over four days."""
    story.launched()
    story.bought(1, 7, 7, midday(2)).bought(8, 3, 8, midday(2)).minted_directly(11, 3, 9, midday(1))
    story.resold(1, 7, 9, midday(1)).resold(2, 7, 8, midday(0) - timedelta(hours=13), price=99)
    story.paid(1_000_000_007, midday(1)).live(midday(1), votes=5)
    return story
