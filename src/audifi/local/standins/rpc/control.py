"""Turn a provider's knobs and read its counts over HTTP, on a port of its own.

Between: local.knobs (tests, drills, benchmarks), and gate and liveness.
Shape: GET /health; GET, PUT, DELETE /faults[?chain=NAME|ID] (without chain: all of them), answered with the faults of
every chain by name; GET, DELETE /counts (see counts).
Invariant: a PUT replaces all faults of the chains it names, or none of them.
Errors: 400 says what is wrong, 404 which chains there are, 409 what the node behind did not answer.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

from audifi.local.standins.rpc.chain import Chain
from audifi.local.standins.rpc.counts import Counts
from audifi.local.standins.rpc.faults import NONE, Faults
from audifi.local.standins.rpc.gate import Gate
from audifi.local.standins.rpc.liveness import Liveness
from audifi.local.standins.rpc.node import NodeAway
from audifi.local.standins.rpc.server import HOST, Reply, Request

# A page on the internet must not turn knobs by pointing a name of its own at us.
NAMES: Final = frozenset({HOST, "localhost"})
Verb = Callable[[Request], Awaitable[Reply]]


def shown(value: Any, status: int = 200) -> Reply:
    return Reply(status, msgspec.json.encode(value))


def refused(status: int, why: str) -> Reply:
    return shown({"error": why}, status)


class Control:
    """The control port of one provider."""

    def __init__(self, gate: Gate, liveness: Liveness) -> None:
        self._gate = gate
        self._liveness = liveness
        self._verbs: dict[tuple[bytes, str], Verb] = {
            (b"GET", "/health"): self._health,
            (b"GET", "/faults"): self._show_faults,
            (b"PUT", "/faults"): self._set_faults,
            (b"DELETE", "/faults"): self._clear_faults,
            (b"GET", "/counts"): self._show_counts,
            (b"DELETE", "/counts"): self._clear_counts,
        }

    async def answer(self, request: Request) -> Reply | None:
        """The reply to one request of the control port."""
        if request.host.decode("latin-1").rpartition(":")[0] not in NAMES:
            return refused(421, f"this is {HOST}")
        verb = self._verbs.get((request.method, request.path))
        if verb is None:
            known = ", ".join(f"{method.decode()} {path}" for method, path in self._verbs)
            return refused(404, f"there is {known}")
        return await verb(request)

    async def _health(self, _: Request) -> Reply:
        chains = {chain.name: "dead on request" if chain.is_dead else "alive" for chain in self._gate.chains.values()}
        return shown({"status": "healthy", "chains": chains})

    async def _show_faults(self, _: Request) -> Reply:
        return self._faults()

    async def _set_faults(self, request: Request) -> Reply:
        try:
            faults = msgspec.json.decode(request.body, type=Faults)
        except msgspec.DecodeError as error:
            return refused(400, str(error))
        if problem := faults.problem():
            return refused(400, problem)
        return await self._replaced(request, faults)

    async def _clear_faults(self, request: Request) -> Reply:
        return await self._replaced(request, NONE)

    async def _replaced(self, request: Request, faults: Faults) -> Reply:
        chains = self._chosen(request)
        if not chains:
            return refused(404, f"there is {', '.join(f'{c.name} ({c.chain_id})' for c in self._gate.chains.values())}")
        try:
            views = [await chain.view_of(faults) for chain in chains]
        except NodeAway as error:
            return refused(409, str(error))
        for chain, view in zip(chains, views, strict=True):
            chain.misbehave(NONE if faults == NONE else faults, view)
        await self._liveness.follow(chains)
        return self._faults()

    async def _show_counts(self, _: Request) -> Reply:
        return shown(self._gate.counts.shown())

    async def _clear_counts(self, _: Request) -> Reply:
        self._gate.counts = Counts()
        return shown(self._gate.counts.shown())

    def _chosen(self, request: Request) -> list[Chain]:
        chains = list(self._gate.chains.values())
        wanted = parse_qs(request.query).get("chain")
        return [chain for chain in chains if {chain.name, str(chain.chain_id)} & set(wanted)] if wanted else chains

    def _faults(self) -> Reply:
        return shown({chain.name: msgspec.to_builtins(chain.faults) for chain in self._gate.chains.values()})
