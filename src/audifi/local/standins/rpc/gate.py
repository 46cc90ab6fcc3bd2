"""Take one request through a provider: which chain, which key, which fault, then the node.

Between: server (brings requests, writes replies) and node (answers them).
Shape: path → key → calls → latency → fault or node → what is done to the answer.
Invariant: without faults the node's answer goes back byte by byte; every request is counted once, also one that is
never answered.
Errors: what the node cannot answer is 502, as from the provider's own proxy.
"""

import asyncio
import secrets
from dataclasses import dataclass

import msgspec

from audifi.local.standins.rpc import dialect as says
from audifi.local.standins.rpc.calls import Asked, Call, failed, parsed
from audifi.local.standins.rpc.counts import Counts
from audifi.local.standins.rpc.dialect import DIALECTS, Dialect
from audifi.local.standins.rpc.faults import NONE, Dice, Faults
from audifi.local.standins.rpc.node import Node, NodeAway
from audifi.local.standins.rpc.options import ChainOptions, Options
from audifi.local.standins.rpc.server import CUT, Reply, Request

PARSE_ERROR = {"code": -32700, "message": "Parse error"}
NOBODY = "unknown"  # the chain of a request to no network of ours


class Chain:
    """One network of the provider."""

    def __init__(self, options: ChainOptions) -> None:
        self.name = options.name
        self.chain_id = options.chain_id
        self.node = Node(options.node)
        self.dice = Dice(NONE, 0.0)
        self.is_dead = False

    @property
    def faults(self) -> Faults:
        return self.dice.faults

    def set(self, faults: Faults) -> None:
        self.dice = Dice(faults, asyncio.get_running_loop().time())


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is answered, and the fault that decided it."""

    reply: Reply | None
    fault: str = ""


class Gate:
    """One provider."""

    def __init__(self, options: Options) -> None:
        self.dialect: Dialect = DIALECTS[options.provider]
        self.chains = {chain.network: Chain(chain) for chain in options.chains}
        self.counts = Counts()
        self._key = options.key

    async def answer(self, request: Request) -> Reply | None:
        """The reply to a request, or None: the connection is cut."""
        _, network, version, key, *_ = (*request.path.split("/"), "", "", "", "")
        chain = self.chains.get(network) if version == self.dialect.version else None
        name = chain.name if chain else NOBODY
        counts = self.counts  # a clear replaces it: what arrived before is not counted after
        counts.arrived(name)
        asked: Asked | None = None
        outcome = Outcome(CUT)
        try:
            asked = _read(request)
            outcome = await self._outcome(request, chain, key, asked)
        finally:
            methods = [call.method for call in asked.calls] if asked else [""]
            gone = request.gone.is_set()
            counts.ended(name, methods, outcome.fault, outcome.reply.status if outcome.reply and not gone else 0)
        return outcome.reply

    async def _outcome(self, request: Request, chain: Chain | None, key: str, asked: Asked | None) -> Outcome:
        if chain is None:
            return Outcome(says.page(404))
        if chain.is_dead:
            return Outcome(CUT, "flap" if chain.faults.flap_ms else "refuse_connections")
        if asked is None:
            status = 400 if request.method == b"POST" else 405
            return Outcome(Reply(status, failed(Call(), PARSE_ERROR)))
        if not secrets.compare_digest(key.encode(), self._key.encode()):
            return Outcome(says.unauthorized(self.dialect, asked), "unauthorized")
        if chain.faults is NONE:
            return Outcome(await self._forwarded(chain, request.body))
        return await self._with_faults(request, chain, asked)

    async def _with_faults(  # noqa: PLR0911  # one line per fault
        self, request: Request, chain: Chain, asked: Asked
    ) -> Outcome:
        dice, faults = chain.dice, chain.faults
        if delay_s := dice.delay_s():
            await asyncio.sleep(delay_s)
        if not dice.hits(call.method for call in asked.calls):
            return Outcome(await self._forwarded(chain, request.body), "latency" if delay_s else "")
        match dice.struck(len(asked.calls), asyncio.get_running_loop().time()):
            case "hang":
                await request.gone.wait()
                return Outcome(CUT, "hang")
            case "drop":
                return Outcome(CUT, "drop")
            case "rate_limit":
                reply = says.rate_limited(self.dialect, asked, faults.rate_limit, faults.retry_after_s)
                return Outcome(reply, "rate_limit")
            case "quota":
                return Outcome(says.out_of_quota(self.dialect, asked, inside=faults.quota == "json"), "quota")
            case "error":
                return Outcome(says.broken(asked, faults.error_status), "error")
            case "":
                reply = await self._forwarded(chain, request.body)
        if faults.drop_after:
            return Outcome(CUT, "drop_after")
        return Outcome(reply, "latency" if delay_s else "")

    async def _forwarded(self, chain: Chain, body: bytes) -> Reply:
        try:
            return Reply(200, await chain.node.post(body))
        except NodeAway:
            return says.page(502)


def _read(request: Request) -> Asked | None:
    try:
        return parsed(request.body) if request.method == b"POST" else None
    except (ValueError, msgspec.DecodeError):
        return None
