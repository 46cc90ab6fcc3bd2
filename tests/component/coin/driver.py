"""Drive coin-service in this process over real stores and a real chain, one step at a time.

Between: tests of this folder, kernel.http (the ASGI application), the `stores` fixture and one anvil.
Shape: a Story is one artist with a coin; a Person has a browser and wallets. `work` does what loops, the worker and
its indexer would: what was wanted becomes transactions (by the worker's own table), their logs come by batches.
Why step by step: a test decides what is confirmed, what fails, what a reorg takes back.
"""

import itertools
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import msgspec
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from tests.component.contracts.node import Node, now, wallet
from tests.support.clock import MovableClock

from audifi.clients.chain.contracts.surface import CoinContract, PoolContract, StakingContract
from audifi.clients.chain.mirroring.messages import Batch, LogBody, Place
from audifi.kernel.encoding import base64url
from audifi.kernel.identity import Mfa
from audifi.kernel.ids import new_id
from audifi.kernel.internal import InternalTokens
from audifi.kernel.queue import Handler
from audifi.kernel.server import Service
from audifi.kernel.sessions import SessionRecord
from audifi.services.coin import loops
from audifi.services.coin.parts import Parts
from audifi.services.coin.rules.keys import Key
from audifi.services.coin.store import coins, pools, stakes
from audifi.services.coin.store.coins import Coin
from audifi.services.coin.store.pools import Pool
from audifi.services.worker.commands import Roles, sending
from audifi.wire import headers
from audifi.wire.events import Event, EventData, envelope
from audifi.wire.events.chain import ChainSettled, ChainWanted
from audifi.wire.events.nft import IpoClosed, IpoLaunched, IpoSoldOut

CHAIN = 1
OPERATOR = wallet("coin operator")
ROLES = Roles(signer=OPERATOR, admin=OPERATOR, treasury=OPERATOR)
_KEY = generate_private_key(65537, 2048)
_CALLER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
_PUBLIC = {
    "kty": "OKP",
    "crv": "Ed25519",
    "kid": "vstudio-service",
    "x": base64url(_CALLER_KEY.public_key().public_bytes_raw()),
}
CALLER_KEYS = msgspec.json.encode({"keys": [_PUBLIC]}).decode()
CALLER = InternalTokens(
    service="vstudio-service",
    signing_key_jwk=msgspec.json.encode({**_PUBLIC, "d": base64url(_CALLER_KEY.private_bytes_raw())}).decode(),
    caller_keys_jwks='{"keys": []}',
)
_addresses = itertools.count(int.from_bytes(os.urandom(2), "big") << 8)


@dataclass
class Neighbours:
    """auth-service and nft-service, as far as coin-service asks them; over HTTP."""

    names: dict[str, str] = field(default_factory=dict[str, str])
    wallets: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    bought: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    is_away: bool = False
    asked: list[str] = field(default_factory=list[str])

    def application(self) -> web.Application:
        served = web.Application()
        served.router.add_get("/.well-known/jwks.json", self._keys)
        served.router.add_get("/internal/v1/users/{id}/artist", self._artist)
        served.router.add_get("/internal/v1/users/{id}/wallets", self._wallets)
        served.router.add_get("/internal/v1/masters/{id}/participants", self._participants)
        return served

    async def _keys(self, _: web.Request) -> web.Response:
        numbers = _KEY.public_key().public_numbers()
        told = {
            name: base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))
            for name, value in (("n", numbers.n), ("e", numbers.e))
        }
        key = {"kty": "RSA", "kid": "tests", "alg": "RS256", "use": "sig", **told}
        return web.json_response({"keys": [key]})

    async def _artist(self, request: web.Request) -> web.Response:
        user_id = request.match_info["id"]
        if user_id not in self.names:
            return self._answer(request, {"error": {"code": "USER_NOT_FOUND", "message": "none"}}, 404)
        return self._answer(request, {"data": {"artistName": self.names[user_id], "slug": "x"}})

    async def _wallets(self, request: web.Request) -> web.Response:
        linked = self.wallets.get(request.match_info["id"], [])
        return self._answer(request, {"data": [{"address": each, "chainId": CHAIN} for each in linked]})

    async def _participants(self, request: web.Request) -> web.Response:
        bought = self.bought.get(request.match_info["id"], {})
        return self._answer(request, {"data": [{"wallet": who, "shares": many} for who, many in bought.items()]})

    def _answer(self, request: web.Request, body: Mapping[str, Any], status: int = 200) -> web.Response:
        assert request.headers[headers.INTERNAL_TOKEN], "services prove who they are"
        self.asked.append(request.path)
        if self.is_away:
            return web.json_response({"error": {"code": "SERVICE_UNAVAILABLE", "message": "away"}}, status=503)
        return web.json_response(body, status=status)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def data(self) -> Any:
        assert self.status < 400, (self.status, self.body)
        return self.json["data"]

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"])


@dataclass
class World:
    """One pod without its loops, its neighbours, and a chain."""

    service: Service
    application: Any
    handlers: Mapping[str, Handler]
    clock: MovableClock
    node: Node
    neighbours: Neighbours
    settled: set[str] = field(default_factory=set[str])

    @property
    def parts(self) -> Parts:
        return self.service.kernel.deps

    async def deliver(self, data: EventData, *, gets_lost: bool = False) -> None:
        """Handle an event as the consumer does; `gets_lost`: the pod dies before the commit."""
        event = said(data)
        with suppress(_Killed):
            async with self.parts.database.transaction() as tx:
                await self.handlers[event.type](tx, event)
                if gets_lost:
                    raise _Killed

    async def rows(self, query: str, *arguments: Any) -> list[Any]:
        """Look into the database."""
        async with self.parts.database.read_primary() as connection:
            return list(await connection.fetch(query, *arguments))

    async def events(self, kind: str, aggregate_id: str) -> list[dict[str, Any]]:
        """What we published about something and nobody relayed yet, oldest first."""
        query = (
            "SELECT payload FROM outbox WHERE position(convert_to($1, 'UTF8') in payload) > 0 ORDER BY outbox.position"
        )
        found = [msgspec.json.decode(bytes(row["payload"]), type=Event) for row in await self.rows(query, aggregate_id)]
        return [each.data for each in found if each.type == kind and each.aggregate_id == aggregate_id]

    async def wanted(self, artist_id: str) -> list[ChainWanted]:
        """What was wanted of the chain for an artist's coin, oldest first."""
        return [msgspec.convert(data, ChainWanted) for data in await self.events("chain.wanted", artist_id)]

    async def settle(self, artist_id: str) -> int:
        """Do what was wanted, as the worker would, and tell; return how much."""
        new = [each for each in await self.wanted(artist_id) if each.key not in self.settled]
        for each in new:
            self.settled.add(each.key)
            await self.deliver(self.done(each))
        return len(new)

    def done(self, wanted: ChainWanted) -> ChainSettled:
        """Have it mined, and return what the worker says of it."""
        what = sending(wanted.command, ROLES)
        receipt = self.node.send(OPERATOR, what.to, what.data, what.value_wei)
        block = self.node.rpc("eth_getBlockByNumber", "latest", False)
        return ChainSettled(
            key=wanted.key,
            chain_id=CHAIN,
            state="CONFIRMED",
            tx_hash=block["transactions"][-1],
            block_number=int(block["number"], 16),
            contract=receipt.created.lower() or None,
        )

    async def work(self, artist_id: str) -> None:
        """Do everything that is due for an artist's coin, and read the chain."""
        steps = (loops.name_pending, loops.share_due, loops.give_due)
        while sum([await step(self.parts) for step in steps]) + await self.settle(artist_id) > 0:
            while await self.settle(artist_id) > 0:
                pass
        await self.mirror()

    async def mirror(self, *, undo_from: int | None = None) -> None:
        """Read the chain's logs as the worker's indexer does; first forget what a reorg took back."""
        async with self.parts.database.read_primary() as connection:
            watched = await self.parts.mirror.watched(connection, CHAIN)
        if watched.checkpoint is None:
            return
        after, watches, first = watched.checkpoint, len(watched.addresses), watched.next_block
        if undo_from is not None and undo_from < first:
            until = Place(undo_from - 1)
            await self._apply(Batch(after=after, watches=watches, first=undo_from, checkpoint=until))
            after, first = until, undo_from
        head = self.node.rpc("eth_getBlockByNumber", "latest", False)
        number = int(head["number"], 16)
        if first <= number:
            addresses = [each.address for each in watched.addresses]
            wanted = {"address": addresses, "fromBlock": hex(first), "toBlock": hex(number)}
            logs = tuple(_log_body(each) for each in self.node.rpc("eth_getLogs", wanted))
            until = Place(number, head["hash"])
            await self._apply(Batch(after=after, watches=watches, first=first, checkpoint=until, logs=logs))

    async def _apply(self, batch: Batch) -> None:
        async with self.parts.database.transaction() as tx:
            await self.parts.mirror.apply(tx, CHAIN, batch)

    def send(self, who: str, transactions: Sequence[Mapping[str, Any]]) -> None:
        """Have a wallet send what an answer told it to."""
        for each in transactions:
            data = bytes.fromhex(each["data"].removeprefix("0x"))
            self.node.send(who, each["to"], data, int(each["valueWei"]))

    def pass_s(self, seconds: int) -> None:
        """Let time go by, here and on the chain, whose own runs a second per block at least: both tell the same."""
        self.clock.advance(seconds)
        self.node.mine_at(max(self.node.time_s() + 1, int(self.clock.now_s())))
        self.clock.advance(max(0.0, self.node.time_s() - self.clock.now_s()))

    def someone(self, *roles: str, linked: Sequence[str] | None = None) -> "Person":
        """A new person, with ether in the linked wallets (one, unless said)."""
        person = Person(self, str(uuid4()), ("USER", *roles))
        own = [wallet(f"of {person.user_id}")] if linked is None else list(linked)
        for each in own:
            self.node.give(each)
        self.neighbours.wallets[person.user_id] = own
        return person

    async def story(self, artist_name: str = "Alex Rivera", *, is_deployed: bool = True) -> "Story":
        """A new artist; with a coin, from an IPO that just opened, unless said."""
        artist = self.someone("ARTIST")
        self.neighbours.names[artist.user_id] = artist_name
        story = Story(self, artist)
        if is_deployed:
            await self.deliver(story.launched())
            await self.work(artist.user_id)
        return story


@dataclass
class Story:
    """One artist, the first IPO, and the coin."""

    world: World
    artist: "Person"
    master_id: str = field(default_factory=lambda: str(uuid4()))
    ipo_id: str = field(default_factory=lambda: str(uuid4()))

    @property
    def path(self) -> str:
        return f"/coins/{self.artist.user_id}"

    async def coin(self) -> Coin:
        async with self.world.parts.database.read_primary() as connection:
            found = await coins.of_artist(connection, self.artist.user_id)
        assert found is not None, "this artist has no coin"
        return found

    async def pool(self) -> Pool:
        coin = await self.coin()
        async with self.world.parts.database.read_primary() as connection:
            found = await pools.of_coin(connection, coin.id)
        assert found is not None, "this coin has no pool contract"
        return found

    def launched(self) -> IpoLaunched:
        return IpoLaunched(
            master_id=self.master_id,
            artist_id=self.artist.user_id,
            ipo_id=self.ipo_id,
            chain_id=CHAIN,
            artist_wallet=self.artist.wallet,
            total_shares=10,
            public_supply=10,
            price_wei="1",
        )

    def ended(self, shares_sold: int = 7, *, is_sold_out: bool = True) -> IpoClosed | IpoSoldOut:
        kind = IpoSoldOut if is_sold_out else IpoClosed
        return kind(
            master_id=self.master_id, artist_id=self.artist.user_id, ipo_id=self.ipo_id, shares_sold=shares_sold
        )

    async def sold_to(self, shares_of: Mapping[str, int]) -> None:
        """End the IPO: these bought."""
        self.world.neighbours.bought[self.master_id] = dict(shares_of)
        await self.world.deliver(self.ended(sum(shares_of.values())))
        await self.world.work(self.artist.user_id)

    async def agrees_with_the_chain(self) -> None:
        """Every row says what the contracts say now."""
        coin, pool, node = await self.coin(), await self.pool(), self.world.node
        assert coin.address is not None
        assert coin.staking_address is not None
        contract, market = CoinContract(coin.address), PoolContract(pool.address)
        staked = StakingContract(coin.staking_address)
        for row in await self.world.rows("SELECT wallet, balance FROM coin.coin_balances WHERE coin_id = $1", coin.id):
            assert int(row["balance"]) == now(contract.balance_of(node, row["wallet"])), row["wallet"]
        for row in await self.world.rows("SELECT wallet, balance FROM coin.pool_shares WHERE coin_id = $1", coin.id):
            assert int(row["balance"]) == now(market.shares_of(node, row["wallet"])), row["wallet"]
        assert (pool.coin_reserve, pool.native_reserve) == now(market.reserves(node))
        query = "SELECT * FROM coin.stakes WHERE coin_id = $1 AND stake_id IS NOT NULL"
        rows = await self.world.rows(query, coin.id)
        for row in rows:
            there = now(staked.stake_of(node, row["stake_id"]))
            assert there.amount_wei == (0 if row["status"] == "CLOSED" else int(row["amount"]))
            assert (there.apy_bps, there.reward_paid_wei) == (row["apy_bps"], int(row["reward_paid"]))
            assert there.started_at_s == row["started_at"].timestamp()
            assert there.unlocks_at_s == row["unlocks_at"].timestamp()
            assert there.staker == row["wallet"]
        assert now(staked.rewards_left_wei(node)) == coin.rewards_left
        async with self.world.parts.database.read_primary() as connection:
            assert now(staked.total_staked_wei(node)) == await stakes.total(connection, coin.id)

    async def fan(self, coins_held: int) -> "Person":
        """Somebody to whom the artist gave coins."""
        person, coin = self.world.someone(), await self.coin()
        assert coin.address is not None
        self.world.node.send(
            self.artist.wallet, coin.address, CoinContract(coin.address).transfer(person.wallet, coins_held)
        )
        await self.world.mirror()
        return person

    async def trade(self, native_wei: int = 25 * 10**18 // 10) -> None:
        """Fill the pool."""
        body = {"poolType": "UNISWAP_V2", "ethWei": str(native_wei), "feeBps": 30}
        answer = await self.artist.post(f"{self.path}/pool", body)
        assert answer.status == 201, answer.body
        await self.world.work(self.artist.user_id)

    def key(self, what: str, attempt: int = 1) -> str:
        return Key(self.artist.user_id, what, attempt=attempt).text

    def told(self, what: str, state: str, *, attempt: int = 1, **more: Any) -> ChainSettled:
        """What the worker would say of a step."""
        return ChainSettled(key=self.key(what, attempt), chain_id=CHAIN, state=state, **more)


@dataclass
class Person:
    """Somebody with a browser."""

    world: World
    user_id: str
    roles: tuple[str, ...]

    @property
    def wallet(self) -> str:
        return self.world.neighbours.wallets[self.user_id][0]

    async def get(self, path: str) -> Answer:
        return await self.world_send("GET", path, None, {})

    async def post(self, path: str, body: Any, *, key: str | None = "new") -> Answer:
        named = str(uuid4()) if key == "new" else key
        return await self.world_send("POST", path, body, {"idempotency-key": named} if named else {})

    async def world_send(self, method: str, path: str, body: Any, head: Mapping[str, str]) -> Answer:
        token = await self._token()
        return await sent(self.world, method, path, body, {"authorization": f"Bearer {token}", **head})

    async def _token(self) -> str:
        settings, session_id = self.world.parts.settings, new_id().hex
        now_s = int(self.world.clock.now_s())
        record = SessionRecord(
            user_id=self.user_id, roles=self.roles, mfa=Mfa.PASSED, created_s=now_s, expires_s=now_s + 900
        )
        await self.world.parts.sessions.put(session_id, record, ttl_s=900)
        claims = {
            "iss": settings.token_issuer, "aud": settings.token_audience, "sub": self.user_id, "sid": session_id,
            "jti": new_id().hex, "iat": now_s, "exp": now_s + 900, "roles": list(self.roles), "mfa": "passed",
        }  # fmt: skip
        head = base64url(json.dumps({"alg": "RS256", "kid": "tests", "typ": "JWT"}).encode())
        text = f"{head}.{base64url(json.dumps(claims).encode())}"
        return f"{text}.{base64url(_KEY.sign(text.encode(), PKCS1v15(), SHA256()))}"


async def as_service(world: World, path: str) -> Answer:
    """Ask an internal route as vstudio-service."""
    return await sent(world, "GET", path, None, {headers.INTERNAL_TOKEN: CALLER.mint("coin-service")})


async def sent(world: World, method: str, path: str, body: Any, head: Mapping[str, str]) -> Answer:
    """Make one request; every one comes from an address of its own."""
    data = b"" if body is None else msgspec.json.encode(body)
    number = next(_addresses)
    named = {
        "user-agent": "Test/1.0",
        "x-forwarded-for": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
        **({"content-type": "application/json", "content-length": str(len(data))} if data else {}),
        **{name.lower(): value for name, value in head.items()},
    }
    raw_path, _, query = path.partition("?")
    scope = {
        "type": "http", "method": method, "path": raw_path, "raw_path": raw_path.encode(),
        "query_string": query.encode(), "client": ("127.0.0.1", 1), "http_version": "1.1", "scheme": "http",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in named.items()],
    }  # fmt: skip
    return await _exchanged(world.application, scope, data)


async def _exchanged(application: Any, scope: dict[str, Any], data: bytes) -> Answer:
    answered: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": data, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        answered.append(message)

    await application(scope, receive, send)
    return Answer(answered[0]["status"], b"".join(message.get("body", b"") for message in answered[1:]))


class _Killed(Exception):
    """The pod died here."""


def said(data: EventData) -> Event:
    """An event as its service would publish it."""
    return envelope(data, event_id=uuid4(), producer="tests", aggregate_id="x", request_id="", traceparent="")


def _log_body(log: Mapping[str, Any]) -> LogBody:
    return LogBody(
        address=log["address"].lower(),
        topics=tuple(log["topics"]),
        data=log["data"],
        block_number=int(log["blockNumber"], 16),
        block_hash=log["blockHash"],
        tx_hash=log["transactionHash"],
        log_index=int(log["logIndex"], 16),
    )
