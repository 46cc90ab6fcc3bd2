"""Take one request through a provider: which chain, which key, which fault, then the node.

Between: server (brings requests, writes replies) and chain (answers them).
Shape: path → key → calls → latency → fault or answer → what is done to the answer.
Invariant: every request is counted once, also one that is never answered.
Errors: what the node cannot answer is 502, as from the provider's own proxy.
"""

import asyncio
from pathlib import Path

from audifi.local.standins.keys import Keys
from audifi.local.standins.rpc import dialect as says
from audifi.local.standins.rpc.calls import Asked, Call, failed, parsed
from audifi.local.standins.rpc.chain import SUCCESS, Chain, Outcome
from audifi.local.standins.rpc.counts import Counts
from audifi.local.standins.rpc.dialect import DIALECTS, Dialect
from audifi.local.standins.rpc.faults import NONE, Faults, Struck
from audifi.local.standins.rpc.garbage import spoiled
from audifi.local.standins.rpc.node import NodeAway
from audifi.local.standins.rpc.options import Options
from audifi.local.standins.rpc.server import CUT, Reply, Request

PARSE_ERROR = {"code": -32700, "message": "Parse error"}
NOBODY = "unknown"  # the chain of a request to no network of ours


class Gate:
    """One provider."""

    def __init__(self, options: Options) -> None:
        self.dialect: Dialect = DIALECTS[options.provider]
        self.chains = {chain.network: Chain(chain, self.dialect) for chain in options.chains}
        self.counts = Counts()
        self._keys = Keys(Path(options.key_file))

    async def answer(self, request: Request) -> Reply | None:
        """The reply to a request, or None: the connection is cut."""
        _, network, version, key, *_ = (*request.path.split("/"), "", "", "", "")
        chain = self.chains.get(network) if version == self.dialect.version else None
        name = chain.name if chain else NOBODY
        counts = self.counts  # a clear replaces it: what arrived before is not counted after
        counts.arrived(name)
        asked = _read(request)
        outcome = Outcome(CUT)
        try:
            outcome = await self._outcome(request, chain, key, asked)
        finally:
            methods = [call.method for call in asked.calls] if asked else [""]
            met = outcome.each or (outcome.fault,) * len(methods)
            status = outcome.reply.status if outcome.reply and not request.gone.is_set() else 0
            counts.ended(name, zip(methods, met, strict=True), status)
        return outcome.reply

    async def _outcome(  # noqa: PLR0911  # one line per refusal
        self, request: Request, chain: Chain | None, key: str, asked: Asked | None
    ) -> Outcome:
        if chain is None:
            return Outcome(says.page(404))
        if chain.is_dead:
            return Outcome(CUT, "flap_ms" if chain.faults.flap_ms else "refuse_connections")
        if asked is None:
            status = 400 if request.method == b"POST" else 405
            return Outcome(Reply(status, failed(Call(), PARSE_ERROR)))
        if not self._keys.accept(key):
            return Outcome(says.unauthorized(self.dialect, asked), "unauthorized")
        try:
            if chain.faults is NONE:
                return await chain.answered(request.body, asked)
            return await self._with_faults(request, chain, asked)
        except NodeAway:
            return Outcome(says.page(502), "node")

    async def _with_faults(self, request: Request, chain: Chain, asked: Asked) -> Outcome:
        dice, faults = chain.dice, chain.faults
        delay_s = dice.delay_s()
        if delay_s:
            await asyncio.sleep(delay_s)
        if not dice.hits(call.method for call in asked.calls):
            return _late(await chain.answered(request.body, asked), delay_s)
        struck = dice.struck(len(asked.calls), asyncio.get_running_loop().time())
        if struck == "hang":
            await request.gone.wait()
        if struck:
            return Outcome(self._said(struck, faults, asked), struck)
        has_own = chain.view is not None or faults.refuse_methods
        outcome = await (chain.shown(asked) if has_own else chain.answered(request.body, asked))
        if faults.drop_after:
            return Outcome(CUT, "drop_after")
        if faults.garbage and outcome.reply and outcome.reply.status == SUCCESS:
            return Outcome(spoiled(outcome.reply, faults.garbage), "garbage")
        return _late(outcome, delay_s)

    def _said(self, struck: Struck, faults: Faults, asked: Asked) -> Reply | None:
        match struck:
            case "rate_limit":
                return says.rate_limited(self.dialect, asked, faults.rate_limit, faults.retry_after_s)
            case "quota":
                return says.out_of_quota(self.dialect, asked, inside=faults.quota == "json")
            case "error_rate":
                return says.broken(asked, faults.error_status)
            case "hang" | "drop" | "":
                return CUT


def _late(outcome: Outcome, delay_s: float) -> Outcome:
    """The same, counted as late where nothing worse happened to it."""
    if not delay_s:
        return outcome
    return Outcome(outcome.reply, outcome.fault or "latency_ms", tuple(fault or "latency_ms" for fault in outcome.each))


def _read(request: Request) -> Asked | None:
    try:
        return parsed(request.body) if request.method == b"POST" else None
    except ValueError:
        return None
