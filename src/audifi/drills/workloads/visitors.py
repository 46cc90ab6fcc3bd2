"""Read, as a visitor without an account does, something of every service.

Between: drills.catalogue (pods, stores, edges) and the public read operations of each service.
Shape: one errand per service, so that an outage of one service is not hidden by the others' answers.
Invariant: each read reaches a pod and its store; nothing of it is answered by a cache of the edge.
Errors: Problem when the platform cannot be asked at all before the run.
Source: domain.md 2 (who may ask: everybody); domain.md 5.5 (limits per address).
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from audifi.drills.drill import Scene
from audifi.drills.workloads.workload import ONCE, Ask, Company, Errand, Workload
from audifi.sdk import Audifi, RetryPolicy
from audifi.sdk.transport import Request

PER_S: Final = 5.0
VISITORS: Final = 8  # take turns: one address may browse the marketplace 60 times a minute
PAGES: Final = 900_000  # further than anybody turned: a page that is in no cache
READS: Final = {  # the path, and what makes each question another one where the edge keeps answers for seconds
    "auth-service": ("/artists/nobody", ""),
    "nft-service": ("/masters", "page"),
    "vstudio-service": ("/vstudio/sessions", ""),
    "payment-service": ("/payments/plans", "visit"),
    "coin-service": ("/coins", ""),
    "analytics-service": ("/analytics/artists/top", ""),
}


def reading(*services: str, retries: RetryPolicy = ONCE, per_s: float = PER_S) -> Workload:
    """Read from these services, or from all of them; kinds are "read auth-service" and so on."""

    @asynccontextmanager
    async def entered(scene: Scene) -> AsyncGenerator[Company]:
        errands: list[Errand] = []
        for service in services or READS:
            clients = [await scene.stage.client() for _ in range(VISITORS)]
            for client in clients:
                client.transport.policy = retries
            first = scene.dice.randrange(PAGES)
            errands.append(Errand(kind=f"read {service}", per_s=per_s, ask=_asking(clients, first, *READS[service])))
        yield Company(errands=tuple(errands))

    return entered


def _asking(clients: Sequence[Audifi], first: int, path: str, told_apart_by: str) -> Callable[[int], Ask]:
    def ask(number: int) -> Ask:
        client = clients[number % len(clients)]

        async def read() -> str:
            query = {told_apart_by: first + number} if told_apart_by else {}
            await client.transport.answer(Request(method="GET", path=path, query=query, signed_in=False))
            return ""

        return Ask(key=path, make=read)

    return ask
