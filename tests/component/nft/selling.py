"""Sell shares in this process: masters without a chain, the chain's word made up log by log, buyers with wallets.

Between: the tests of purchases, listings, facts and races, and `paying` (the running service, its neighbours, its
chain).
Shape: `offered` writes what a launch would have written; `Chain` makes facts as a Master or Market contract would and
hands them to the service, or takes them back in the opposite order.
"""

import itertools
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tests.component.nft.paying import CHAIN, Answer, Paying, Person, some_wallet
from tests.support.clock import MovableClock

from audifi.clients.chain.contracts.events import (
    Delisted,
    Event,
    Listed,
    Minted,
    ProceedsSplit,
    PurchaseMinted,
    ShareTransfer,
    Sold,
)
from audifi.clients.chain.mirroring.mirror import Fact
from audifi.kernel.connection import Connection
from audifi.kernel.http import application
from audifi.kernel.ids import new_id
from audifi.kernel.internal import InternalTokens
from audifi.services.nft import purchases_loop
from audifi.services.nft.facts import Facts
from audifi.services.nft.parts import Parts
from audifi.services.nft.routes import OPERATIONS
from audifi.services.nft.rules import money
from audifi.services.nft.sagas import owning
from audifi.services.nft.store import invariants
from audifi.wire import headers
from audifi.wire.events import envelope
from audifi.wire.events.auth import WalletLinked, WalletUnlinked
from audifi.wire.events.chain import ChainSettled

PRICE: Final = 10**16
NOBODY: Final = "0x" + "0" * 40
_blocks = itertools.count(1_000_000)


@dataclass(frozen=True)
class Offered:
    """A master on sale."""

    id: str
    artist_id: str
    ipo_id: str
    contract: str
    public_supply: int


class Selling:
    """The running service, with what its sale needs."""

    def __init__(self, paying: Paying, payment: InternalTokens) -> None:
        # Without the limits of single operations (ten purchases an hour), which these tests are not about.
        bare = tuple(replace(each, limits=()) for each in OPERATIONS)
        self.paying = copy(paying)
        self.paying.application = application(bare, kernel=paying.service.kernel, title="nft", version="test")
        self.parts: Parts = paying.parts
        self.market = some_wallet("market")
        self._payment = payment

    async def buyer(self) -> "Buyer":
        """Somebody with a linked wallet."""
        wallet = some_wallet("buyer")
        return Buyer(await self.paying.person(wallets=[wallet]), wallet)

    async def buyers(self, count: int) -> list["Buyer"]:
        return [await self.buyer() for _ in range(count)]

    async def offered(self, public: int = 50, reserve: int = 0, **changes: Any) -> Offered:
        """Put a master on sale."""
        of = Offered(str(new_id()), str(new_id()), str(new_id()), some_wallet("master"), public)
        await self.paying.execute("INSERT INTO nft.markets (chain_id) VALUES ($1) ON CONFLICT DO NOTHING", CHAIN)
        await self.paying.execute(
            "UPDATE nft.markets SET address = coalesce(address, $2) WHERE chain_id = $1", CHAIN, self.market
        )
        [row] = await self.paying.rows("SELECT address FROM nft.markets WHERE chain_id = $1", CHAIN)
        self.market = row["address"]
        await self.paying.execute(
            """INSERT INTO nft.masters (id, artist_id, title, type, genre, status, vstudio_session_id)
               VALUES ($1, $2, $3, 'TRACK', $4, 'LISTED', $5)""",
            of.id, of.artist_id, changes.get("title", "Midnight Pulse"), changes.get("genre", "Techno"),
            changes.get("session_id"),
        )  # fmt: skip
        await self.paying.execute(
            """INSERT INTO nft.ipos (id, master_id, total_shares, artist_reserve, price_wei, currency, chain_id, status,
                      holders_bps, artist_bps, artist_wallet, actual_start, early_access_hours)
               VALUES ($1, $2, $3, $4, $5::text::numeric, 'ETH', $6, 'LIVE', 5000, 5000, $7, now(), $8)""",
            of.ipo_id, of.id, public + reserve, reserve, str(changes.get("price", PRICE)), CHAIN,
            some_wallet("artist"), changes.get("early_hours", 0),
        )  # fmt: skip
        await self.paying.execute(
            "INSERT INTO nft.contracts VALUES ($1, 'MASTER', $2, $3, $4, 1)",
            of.id,
            CHAIN,
            of.contract,
            "0x" + "00" * 32,
        )
        return of

    async def expire(self) -> None:
        """Let half an hour pass: every reservation nobody paid is let go, other tests' too."""
        in_time = later(self.parts, minutes=31)
        while await purchases_loop.expire(in_time):
            pass

    async def look(self, *, hours: int) -> None:
        """Let the loop look at everything that is due so many hours later, other tests' too."""
        then = later(self.parts, hours=hours)
        while await purchases_loop.look(then):
            pass

    def chain(self, of: Offered) -> "Chain":
        return Chain(self, of)

    async def ipo(self, of: Offered) -> tuple[str, int, int]:
        """(status, sold, reserved)."""
        query = "SELECT status, shares_sold, shares_reserved FROM nft.ipos WHERE master_id = $1"
        [row] = await self.paying.rows(query, of.id)
        return row["status"], row["shares_sold"], row["shares_reserved"]

    async def sound(self, of: Offered) -> None:
        """Assert every invariant of this master."""
        async with self.parts.database.read_primary() as connection:
            found = [each for each in await invariants.violations(connection) if each.subject == of.id]
        assert found == []

    async def told(self, event_type: str, of: Offered) -> list[dict[str, Any]]:
        """What was told of this master; taken out of the outbox."""
        return [each for each in await self.paying.told(event_type) if each.get("masterId") == of.id]

    async def commands(self, purchase_id: str) -> list[str]:
        """The keys of what was asked of the chain for a purchase, without taking them."""
        rows = await self.paying.rows(
            """SELECT convert_from(payload, 'UTF8')::jsonb #>> '{data,key}' AS key FROM outbox
                WHERE stream = 'events:chain' ORDER BY position"""
        )
        return [row["key"] for row in rows if purchase_id in (row["key"] or "")]

    async def ask(self, path: str, body: Any = None) -> Answer:
        """Ask as payment-service: POST with a body, GET without."""
        head = {headers.INTERNAL_TOKEN.lower(): self._payment.mint("nft-service")}
        somebody = Person(self.paying, "", "")
        path = f"/internal/v1{path}"
        return await (somebody.get(path, **head) if body is None else somebody.post(path, body, **head))

    async def pay(self, purchase_id: str, payment_id: str = "pay-1") -> Answer:
        body = {"paymentId": payment_id, "amountCents": 12_000, "currency": "usd"}
        return await self.ask(f"/purchases/{purchase_id}/paid", body)

    async def wallet_event(self, name: str, user_id: str, wallet: str, *, second: int) -> None:
        """Deliver an event of auth-service, said so many seconds after now."""
        at = datetime.now(UTC) + timedelta(seconds=second)
        kind = {"wallet.linked": WalletLinked, "wallet.unlinked": WalletUnlinked}[name]
        more = {"payout_enabled_at": at} if kind is WalletLinked else {}
        data = kind(user_id=user_id, address=wallet, chain_id=CHAIN, **more)
        event = envelope(
            data, event_id=new_id(), producer="auth-service", aggregate_id=user_id, request_id="req_test",
            traceparent="", occurred_at=at,
        )  # fmt: skip
        async with self.parts.database.transaction() as tx:
            await owning.handlers(self.parts)[name](tx, event)


class Buyer:
    """Somebody who buys."""

    def __init__(self, person: Person, wallet: str) -> None:
        self.person = person
        self.wallet = wallet

    async def reserve(self, of: Offered, quantity: int = 1, *, key: str | None = None, **body: Any) -> Answer:
        asked = {
            "kind": "PRIMARY", "masterId": of.id, "quantity": quantity, "wallet": self.wallet,
            "paymentMethod": "WALLET", **body,
        }  # fmt: skip
        return await self.person.post("/marketplace/purchase", asked, idempotency_key=key or str(new_id()))

    async def take(self, listing_id: str, **body: Any) -> Answer:
        asked = {
            "kind": "SECONDARY", "listingId": listing_id, "wallet": self.wallet, "paymentMethod": "WALLET", **body,
        }  # fmt: skip
        return await self.person.post("/marketplace/purchase", asked, idempotency_key=str(new_id()))

    async def confirm(self, purchase_id: str, tx_hash: str) -> Answer:
        path = f"/marketplace/purchase/{purchase_id}/confirm"
        return await self.person.post(path, {"txHash": tx_hash}, idempotency_key=str(new_id()))

    async def look(self, purchase_id: str) -> dict[str, Any]:
        answer = await self.person.get(f"/purchases/{purchase_id}")
        assert answer.status == 200, answer.body
        found: dict[str, Any] = answer.data
        return found


def new_hash() -> str:
    return "0x" + (new_id().hex * 2)


class Chain:
    """What the contracts of one master say, one transaction after the other."""

    def __init__(self, world: Selling, of: Offered) -> None:
        self.world = world
        self.of = of
        self.minted = 0

    async def sold(self, wallet: str, quantity: int = 1, *, tx_hash: str | None = None) -> list[Fact]:
        """Somebody paid the contract for so many shares."""
        facts = self.sale(wallet, quantity, tx_hash=tx_hash)
        await self.again(facts)
        return facts

    def sale(self, wallet: str, quantity: int = 1, *, tx_hash: str | None = None) -> list[Fact]:
        """What the chain says of such a payment, mined and not mirrored yet."""
        ids = self._next(quantity)
        total = quantity * PRICE
        split = ProceedsSplit(fee=money.primary_fee(total), artist_part=total - money.primary_fee(total))
        return self._mined([*self._mints(wallet, ids, PRICE), split], tx_hash)

    async def card(self, purchase_id: str, wallet: str, quantity: int = 1) -> list[Fact]:
        """The platform minted what a card paid."""
        ids = self._next(quantity)
        number = "0x" + purchase_id.replace("-", "").rjust(64, "0")
        end = PurchaseMinted(purchase_id=number, minter=wallet, first_id=ids[0], count=quantity)
        return await self.say([*self._mints(wallet, ids, PRICE), end])

    async def reserve(self, wallet: str, first: int, last: int) -> list[Fact]:
        return await self.say(self._mints(wallet, range(first, last + 1), 0))

    async def moved(self, old: str, new: str, token_id: int) -> list[Fact]:
        return await self.say([ShareTransfer(from_=old, to=new, token_id=token_id)])

    async def listed(self, seller: str, token_id: int, price: int) -> list[Fact]:
        return await self.say([Listed(master=self.of.contract, token_id=token_id, seller=seller, price=price)])

    async def delisted(self, seller: str, token_id: int) -> list[Fact]:
        return await self.say([Delisted(master=self.of.contract, token_id=token_id, seller=seller)])

    async def resold(
        self, seller: str, buyer: str, token_id: int, price: int, *, tx_hash: str | None = None
    ) -> list[Fact]:
        bps = money.royalty_bps(money.tier(token_id))
        sold = Sold(
            master=self.of.contract, token_id=token_id, seller=seller, buyer=buyer, price=price,
            royalty=money.part(price, bps), fee=0,
        )  # fmt: skip
        return await self.say([sold, ShareTransfer(from_=seller, to=buyer, token_id=token_id)], tx_hash)

    async def say(self, events: Sequence[Event], tx_hash: str | None = None) -> list[Fact]:
        """Have one transaction mined, and mirrored."""
        facts = self._mined(events, tx_hash)
        await self.again(facts)
        return facts

    async def again(self, facts: Sequence[Fact]) -> None:
        async with self.world.parts.database.transaction() as tx:
            await self.mirrored(tx, facts)

    async def mirrored(self, tx: Connection, facts: Sequence[Fact]) -> None:
        for fact in facts:
            await self._facts.applied(tx, fact)

    def _mined(self, events: Sequence[Event], tx_hash: str | None) -> list[Fact]:
        block, tx_hash = next(_blocks), tx_hash or new_hash()
        return [self._fact(event, tx_hash, index, block) for index, event in enumerate(events)]

    async def undo(self, *transactions: Sequence[Fact]) -> None:
        """Take transactions back, the last one first."""
        async with self.world.parts.database.transaction() as tx:
            for facts in reversed(transactions):
                for fact in reversed(facts):
                    await self._facts.undone(tx, fact)

    @property
    def _facts(self) -> Facts:
        return Facts(self.world.parts.clock)

    def _next(self, quantity: int) -> range:
        first = self.minted + 1
        self.minted += quantity
        return range(first, first + quantity)

    def _mints(self, wallet: str, ids: Sequence[int], price: int) -> list[Event]:
        found: list[Event] = []
        for each in ids:
            found.append(ShareTransfer(from_=NOBODY, to=wallet, token_id=each))
            found.append(Minted(minter=wallet, token_id=each, price=price))
        return found

    def _fact(self, event: Event, tx_hash: str, index: int, block: int) -> Fact:
        is_market = isinstance(event, Listed | Delisted | Sold)
        return Fact(
            chain_id=CHAIN,
            contract="Market" if is_market else "Master",
            address=self.world.market if is_market else self.of.contract,
            event=event,
            tx_hash=tx_hash,
            log_index=index,
            block_number=block,
            block_hash="0x" + f"{block:064x}",
        )


def later(parts: Parts, **units: float) -> Parts:
    """The same parts, so much later."""
    clock = MovableClock()
    clock.advance(**units)
    return replace(parts, clock=clock)


def settled(key: str, state: str, error: str | None = None) -> ChainSettled:
    return ChainSettled(key=key, chain_id=CHAIN, state=state, error=error)
