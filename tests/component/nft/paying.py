"""Run nft-service's money paths in this process: real stores, a real chain, and this file in the worker's place.

Between: the tests of revenue, dividends, portfolios and reconciliation, the `stores` fixture, anvil.
Shape: `carry_out` signs what the service asked of the chain (the worker's own calldata), `follow` mirrors the chain's
logs into the service, `tell` says what became of a command. A test decides when, how often and in which order.
Why its own chain id (Base): the mirror's rows of one chain belong to one test folder's chain.
"""

import itertools
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import msgspec
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from tests.component.contracts import world as contracts
from tests.component.contracts.node import Node, Receipt, Reverted, wallet

from audifi.clients.chain.contracts.surface import DividendContract, MasterContract
from audifi.clients.chain.mirroring.messages import Batch, LogBody
from audifi.kernel.encoding import base64url
from audifi.kernel.http import application
from audifi.kernel.identity import Claims, Mfa
from audifi.kernel.ids import new_id
from audifi.kernel.jwks import rsa_jwk
from audifi.kernel.server import Service
from audifi.kernel.sessions import SessionRecord
from audifi.local.waiting import NotReady, wait_for
from audifi.services.nft.parts import Parts
from audifi.services.nft.routes import OPERATIONS
from audifi.services.nft.sagas import dividend
from audifi.services.worker import commands
from audifi.wire.events.chain import AnyCommand, ChainSettled, ChainWanted

CHAIN: Final = 8453
PRICE: Final = contracts.TERMS.mint_price_wei
KID: Final = "test"
ROLES: Final = commands.Roles(signer=contracts.OPERATOR, admin=contracts.ADMIN, treasury=contracts.PLATFORM)
_key = generate_private_key(65537, 2048)
_numbers = itertools.count(1)
# What other modules' tests left behind is theirs.
OWN_KEY: Final = re.compile("nft:(?:revenue|distribution|dividend):")


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: bytes

    @property
    def data(self) -> Any:
        return msgspec.json.decode(self.body)["data"]

    @property
    def code(self) -> str:
        return str(msgspec.json.decode(self.body)["error"]["code"])

    @property
    def details(self) -> Any:
        return msgspec.json.decode(self.body)["error"]["details"]


@dataclass
class Neighbours:
    """What auth-service and coin-service would say; an entry that is missing is not answered."""

    wallets: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])
    coins: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])
    lacking: dict[str, list[str]] = field(default_factory=dict[str, list[str]])  # policies somebody did not accept
    paid: list[dict[str, Any]] | None = None

    def application(self) -> web.Application:
        served = web.Application()
        served.router.add_get("/.well-known/jwks.json", self._keys)
        served.router.add_get("/internal/v1/users/{id}/wallets", self._wallets)
        served.router.add_get("/internal/v1/users/{id}/consents", self._consents)
        served.router.add_get("/internal/v1/users/{id}/coins", self._coins)
        served.router.add_get("/internal/v1/purchases-paid", self._paid)
        return served

    async def _keys(self, _request: web.Request) -> web.Response:
        return web.json_response({"keys": [rsa_jwk(KID, _key.public_key())]})

    async def _wallets(self, request: web.Request) -> web.Response:
        return web.json_response({"data": self.wallets.get(request.match_info["id"], [])})

    async def _consents(self, request: web.Request) -> web.Response:
        missing = [
            {"policyType": each, "policyVersion": "1.0"} for each in self.lacking.get(request.match_info["id"], [])
        ]
        return web.json_response({"data": {"hasAllRequired": not missing, "missing": missing}})

    async def _coins(self, request: web.Request) -> web.Response:
        found = self.coins.get(request.match_info["id"])
        return web.Response(status=503) if found is None else web.json_response({"data": found})

    async def _paid(self, _request: web.Request) -> web.Response:
        return web.Response(status=503) if self.paid is None else web.json_response({"data": self.paid})


@dataclass(frozen=True)
class Launched:
    """A master whose contracts are on the chain."""

    id: str
    artist_id: str
    master: MasterContract
    dividend: DividendContract


class Paying:
    """The running service, its chain and its neighbours."""

    def __init__(self, service: Service, node: Node, neighbours: Neighbours) -> None:
        self.service = service
        self.node = node
        self.neighbours = neighbours
        self.application = application(OPERATIONS, kernel=service.kernel, title="nft", version="test")
        for person in contracts.PEOPLE:
            node.give(person)

    @property
    def parts(self) -> Parts:
        parts: Parts = self.service.kernel.deps
        return parts

    async def person(self, *roles: str, mfa: Mfa = Mfa.PASSED, wallets: Sequence[str] = ()) -> "Person":
        """Somebody who is signed in, with these wallets linked."""
        user_id, session_id = str(new_id()), str(new_id())
        now = int(time.time())
        record = SessionRecord(
            user_id=user_id, roles=("USER", *roles), mfa=mfa, created_s=now, expires_s=now + 900, plan="FREE"
        )
        await self.parts.sessions.put(session_id, record, ttl_s=900)
        found = Person(self, user_id, self._token(user_id, session_id, ("USER", *roles), mfa))
        await found.link(*wallets)
        return found

    def _token(self, user_id: str, session_id: str, roles: tuple[str, ...], mfa: Mfa) -> str:
        settings, now = self.parts.settings, int(time.time())
        claims = Claims(
            iss=settings.token_issuer, aud=settings.token_audience, sub=user_id, sid=session_id, jti=str(new_id()),
            iat=now, exp=now + 900, roles=roles, mfa=mfa,
        )  # fmt: skip
        head = base64url(msgspec.json.encode({"alg": "RS256", "kid": KID, "typ": "JWT"}))
        signed = f"{head}.{base64url(msgspec.json.encode(claims))}"
        return f"{signed}.{base64url(_key.sign(signed.encode(), PKCS1v15(), SHA256()))}"

    async def rows(self, query: str, *arguments: Any) -> list[Any]:
        async with self.parts.database.read_primary() as connection:
            return list(await connection.fetch(query, *arguments))

    async def execute(self, statement: str, *arguments: Any) -> None:
        async with self.parts.database.transaction() as tx:
            await tx.execute(statement, *arguments)

    async def launched(
        self, *, shares: int = 20, reserve: int = 0, artist_id: str | None = None, cut_bps: int = 0
    ) -> Launched:
        """Deploy a master's contracts and write what the launch would have written."""
        master_id, artist = str(new_id()), artist_id or str(new_id())
        block = self.block()
        master = contracts.master_of(
            self.node, contracts.TERMS, master_id=UUID(master_id), max_supply=shares, artist_reserve=reserve
        )
        operator = contracts.OPERATOR
        data = DividendContract.deploy(master=master.address, admin=contracts.ADMIN, allocator=operator)
        paying = DividendContract(self.node.deploy(operator, data).lower())
        master = MasterContract(master.address.lower())
        self.node.send(operator, master.address, master.set_dividend_contract(paying.address))
        self.node.send(operator, master.address, master.unpause())
        async with self.parts.database.transaction() as tx:
            await tx.execute(
                """INSERT INTO nft.masters (id, artist_id, title, type, genre, status)
                   VALUES ($1, $2, $3, 'TRACK', 'Techno', 'LISTED')""",
                master_id, artist, f"Master {next(_numbers)}",
            )  # fmt: skip
            await tx.execute(
                """INSERT INTO nft.ipos (id, master_id, total_shares, artist_reserve, price_wei, currency, chain_id,
                          status, holders_bps, artist_bps, artist_wallet, actual_start)
                   VALUES ($1, $2, $3, $4, $5::text::numeric, 'ETH', $6, 'LIVE', 5000, $7, $8, now())""",
                str(new_id()), master_id, shares, reserve, str(PRICE), CHAIN, 5000 - cut_bps, contracts.ARTIST,
            )  # fmt: skip
            if cut_bps:
                await tx.execute(
                    """INSERT INTO nft.master_collaborators (master_id, position, name, role, split_bps)
                       VALUES ($1, 1, 'Sam', 'producer', $2)""",
                    master_id, cut_bps,
                )  # fmt: skip
            for kind, address in (("MASTER", master.address), ("DIVIDEND", paying.address)):
                await tx.execute(
                    "INSERT INTO nft.contracts VALUES ($1, $2, $3, $4, $5, $6)",
                    master_id, kind, CHAIN, address, "0x" + "00" * 32, self.block(),
                )  # fmt: skip
            await self.parts.mirror.watch(tx, CHAIN, master.address, "Master", block)
            await self.parts.mirror.watch(tx, CHAIN, paying.address, "Dividend", block)
        return Launched(master_id, artist, master, paying)

    def mint(self, of: Launched, to: str, count: int = 1) -> None:
        self.node.give(to)
        self.node.send(to, of.master.address, of.master.mint_batch(to, count), count * PRICE)

    def transfer(self, of: Launched, holder: str, to: str, token_id: int) -> None:
        self.node.give(holder)
        self.node.send(holder, of.master.address, of.master.transfer(holder, to, token_id))

    def block(self) -> int:
        return int(self.node.rpc("eth_blockNumber"), 16)

    def bury(self, blocks: int = 3) -> None:
        """Lay blocks on what happened: what is below them is final."""
        self.node.rpc("anvil_mine", hex(blocks))

    async def final(self) -> None:
        """Bury what happened, mirror it, and wait until the service's own view of the chain has it final."""
        wanted = self.block()
        self.bury(10)  # anvil's `finalized` is two of its epochs behind
        await self.follow()

        async def reached() -> None:
            chain = self.parts.chains[CHAIN]
            # Both: nothing polls here, so its tip may be a second older than its final block.
            final, tip = (await chain.finalized()).number, (await chain.head()).number
            if min(final, tip) < wanted:
                raise NotReady(f"final up to {final}, seen up to {tip}")

        await wait_for(reached, within_s=30, saying=f"block {wanted} is final and seen")

    async def follow(self) -> None:
        """Mirror everything up to the newest block."""
        async with self.parts.database.transaction() as tx:
            known = await self.parts.mirror.watched(tx, CHAIN)
            assert known.checkpoint is not None, "nothing is watched yet"
            newest = self.block()
            if newest < known.next_block:
                return
            span = {"fromBlock": hex(known.next_block), "toBlock": hex(newest)}
            addresses = [each.address for each in known.addresses]
            logs = self.node.rpc("eth_getLogs", {**span, "address": addresses})
            place = self.node.rpc("eth_getBlockByNumber", hex(newest), False)["hash"]
            batch = Batch(
                after=known.checkpoint,
                watches=len(addresses),
                first=known.next_block,
                checkpoint=msgspec.structs.replace(known.checkpoint, block=newest, hash=place),
                logs=tuple(_log_body(each) for each in logs),
            )
            await self.parts.mirror.apply(tx, CHAIN, batch)

    async def follow_back(self) -> None:
        """Roll the mirror back to the chain's newest block, as the indexer does when its own block is gone."""
        async with self.parts.database.transaction() as tx:
            known = await self.parts.mirror.watched(tx, CHAIN)
            assert known.checkpoint is not None, "nothing is watched yet"
            newest = self.block()
            batch = Batch(
                after=known.checkpoint,
                watches=len(known.addresses),
                first=newest + 1,
                checkpoint=msgspec.structs.replace(
                    known.checkpoint,
                    block=newest,
                    hash=self.node.rpc("eth_getBlockByNumber", hex(newest), False)["hash"],
                ),
            )
            await self.parts.mirror.apply(tx, CHAIN, batch)

    async def wanted(self) -> list[ChainWanted]:
        """Take what the service asked of the chain, as the queue would deliver it."""
        async with self.parts.database.transaction() as tx:
            rows = await tx.fetch("DELETE FROM outbox WHERE stream = 'events:chain' RETURNING position, payload")
        events = [msgspec.json.decode(bytes(row["payload"])) for row in sorted(rows, key=lambda row: row["position"])]
        found = [each for each in events if each["type"] == "chain.wanted"]
        return [msgspec.convert(each["data"], ChainWanted) for each in found]

    async def told(self, event_type: str) -> list[dict[str, Any]]:
        """Take what the service told the others."""
        async with self.parts.database.transaction() as tx:
            rows = await tx.fetch(
                """DELETE FROM outbox WHERE convert_from(payload, 'UTF8')::jsonb ->> 'type' = $1
                   RETURNING position, payload""",
                event_type,
            )
        return [msgspec.json.decode(bytes(row["payload"]))["data"] for row in sorted(rows, key=lambda r: r["position"])]

    def carry_out(self, command: AnyCommand) -> Receipt:
        """Do what a command says, as the worker's signer would."""
        made = commands.sending(command, ROLES)
        return self.node.send(contracts.OPERATOR, made.to, made.data, made.value_wei)

    async def tell(self, key: str, state: str, receipt: Receipt | None = None, error: str | None = None) -> None:
        """Say what became of a command, as the queue would deliver it."""
        log = receipt.logs[0] if receipt is not None else None
        told = ChainSettled(
            key=key,
            chain_id=CHAIN,
            state=state,
            tx_hash=None if log is None else log["transactionHash"],
            block_number=None if log is None else int(log["blockNumber"], 16),
            error=error,
        )
        async with self.parts.database.transaction() as tx:
            await dividend.settled(tx, told)

    async def serve(self, *states: str) -> int:
        """Carry out everything this saga asks for and tell its end; return how many commands there were."""
        asked = [each for each in await self.wanted() if OWN_KEY.match(each.key)]
        for each in asked:
            try:
                receipt = self.carry_out(each.command)
            except Reverted as error:
                await self.tell(each.key, "REFUSED", error=str(error))
                continue
            for state in states or ("CONFIRMED", "FINAL"):
                await self.tell(each.key, state, receipt)
        return len(asked)

    async def step(self) -> bool:
        return await dividend.step(self.parts, dividend.depths_of(self.parts))

    async def earned(self, of: Launched, amount: int, admin: "Person") -> str:
        """Record and verify a revenue."""
        body = {"source": "STREAMING", "amountWei": str(amount), "externalReference": f"statement {next(_numbers)}"}
        answer = await admin.post(f"/masters/{of.id}/revenue", body, idempotency_key=str(new_id()))
        assert answer.status == 201, answer.body
        verified = await admin.post(f"/revenue/{answer.data['id']}/verify")
        assert verified.status == 202, verified.body
        return str(answer.data["id"])

    async def distributed(self, of: Launched, amount: int, admin: "Person") -> str:
        """Bring a revenue all the way to its holders; return its distribution."""
        revenue_id = await self.earned(of, amount, admin)
        begun = await admin.post(f"/revenue/{revenue_id}/distribute")
        assert begun.status == 202, begun.body
        await self.settle_all()
        return str(begun.data["distribution"]["id"])

    async def settle_all(self) -> None:
        """Let the chain, the mirror and the saga go on until nobody has anything to do."""
        while True:
            served = await self.serve()
            self.bury()
            await self.follow()
            stepped = await self.step()
            if not served and not stepped:
                return


class Person:
    """Somebody with a token."""

    def __init__(self, world: Paying, user_id: str, token: str) -> None:
        self.world = world
        self.id = user_id
        self.token = token
        self.address = f"10.{next(_numbers) % 250}.{next(_numbers) % 250}.7"

    async def link(self, *addresses: str, payout_enabled_at: str = "2026-01-01T00:00:00.000Z") -> None:
        """Let auth-service know these wallets, and nft-service hear of them."""
        known = self.world.neighbours.wallets.setdefault(self.id, [])
        for address in addresses:
            known.append(
                {"address": address, "chainId": CHAIN, "isPrimary": not known, "payoutEnabledAt": payout_enabled_at}
            )
            await self.world.execute(
                """INSERT INTO nft.wallet_owners VALUES ($1, $2, $3, now())
                   ON CONFLICT (wallet, chain_id) DO UPDATE SET user_id = excluded.user_id""",
                address, CHAIN, self.id,
            )  # fmt: skip

    async def get(self, path: str, **head: str) -> Answer:
        return await self._send("GET", path, None, **head)

    async def post(self, path: str, body: Any = None, **head: str) -> Answer:
        return await self._send("POST", path, body, **head)

    async def delete(self, path: str, **head: str) -> Answer:
        return await self._send("DELETE", path, None, **head)

    async def claim(self, **body: Any) -> Answer:
        return await self.post("/portfolio/dividends/claim", body, idempotency_key=str(new_id()))

    async def _send(self, method: str, path: str, body: Any, **head: str) -> Answer:
        data = b"" if body is None else msgspec.json.encode(body)
        raw_path, _, query = path.partition("?")
        named = {"user-agent": "Test/1.0", "x-forwarded-for": self.address, "authorization": f"Bearer {self.token}"}
        if data:
            named |= {"content-type": "application/json", "content-length": str(len(data))}
        named |= {name.replace("_", "-"): value for name, value in head.items()}
        scope = {
            "type": "http", "method": method, "path": raw_path, "raw_path": raw_path.encode(),
            "query_string": query.encode(), "client": ("127.0.0.1", 1), "http_version": "1.1", "scheme": "http",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in named.items()],
        }  # fmt: skip
        return await _exchanged(self.world.application, scope, data)


def some_wallet(name: str = "") -> str:
    """An address that nobody else uses."""
    return wallet(f"{name}-{new_id()}")


def _log_body(log: dict[str, Any]) -> LogBody:
    return LogBody(
        address=log["address"].lower(),
        topics=tuple(log["topics"]),
        data=log["data"],
        block_number=int(log["blockNumber"], 16),
        block_hash=log["blockHash"],
        tx_hash=log["transactionHash"],
        log_index=int(log["logIndex"], 16),
    )


async def _exchanged(application: Any, scope: dict[str, Any], data: bytes) -> Answer:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": data, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await application(scope, receive, send)
    return Answer(sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:]))
