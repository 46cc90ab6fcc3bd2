"""Hold every chain that is configured, built from the declared providers.

Between: a process (opens them, runs them, closes them) and chain, which is one of them.
Shape: one Chain per chain id, its endpoints in the declared order; one budget per provider, shared by all its chains.
Errors: SettingsError with every problem, before anything is sent; UnknownChain.
Source: outbound.md 1.3 (limits are of the account, not of the chain).
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Self

from audifi.clients.chain.errors import UnknownChain
from audifi.clients.chain.pool.budget import Bucket
from audifi.clients.chain.pool.chain import Chain
from audifi.clients.chain.pool.endpoint import Endpoint
from audifi.clients.chain.pool.transport import HttpTransport, Transport
from audifi.clients.chain.providers import Provider, parse_providers, secrets_of
from audifi.kernel.settings import Secret, SettingsError
from audifi.wire.chains import CHAINS, ChainFacts

__all__ = ["Chain", "Chains"]

_HTTP: Final[Callable[[Secret], Transport]] = HttpTransport


class Chains:
    """All chains that are configured."""

    def __init__(self, chains: Mapping[int, Chain]) -> None:
        self._chains = dict(chains)

    @classmethod
    async def open(
        cls,
        providers: str | Sequence[str],
        keys: Secret | str | None = None,
        *,
        facts: Mapping[int, ChainFacts] = CHAINS,
        transport: Callable[[Secret], Transport] = _HTTP,
    ) -> Self:
        """Return the chains of RPC_PROVIDERS and RPC_KEYS; nothing is sent before the first call or `run`.

        Raises: SettingsError.
        """
        declared = parse_providers(providers, keys)
        unknown = sorted({each.chain_id for each in declared} - set(facts))
        if unknown:
            raise SettingsError([f"RPC_PROVIDERS: chain {chain_id} is not in wire/chains.py" for chain_id in unknown])
        buckets = _buckets(declared)
        endpoints: dict[int, list[Endpoint]] = {}
        for each in declared:
            endpoint = Endpoint(each.name, transport(each.url), buckets[each.name], secrets=secrets_of(each.url))
            endpoints.setdefault(each.chain_id, []).append(endpoint)
        return cls({chain_id: Chain(facts[chain_id], listed) for chain_id, listed in endpoints.items()})

    def __getitem__(self, chain_id: int) -> Chain:
        found = self._chains.get(chain_id)
        if found is None:
            raise UnknownChain(f"chain {chain_id} has no provider here; configured: {sorted(self._chains)}")
        return found

    def __iter__(self) -> Iterator[int]:
        return iter(self._chains)

    def __contains__(self, chain_id: object) -> bool:
        return chain_id in self._chains

    def __len__(self) -> int:
        return len(self._chains)

    async def run(self) -> None:
        """Watch every chain until cancelled."""
        async with asyncio.TaskGroup() as group:
            for chain in self._chains.values():
                group.create_task(chain.run())

    async def close(self) -> None:
        for chain in self._chains.values():
            await chain.close()


def _buckets(declared: Sequence[Provider]) -> dict[str, Bucket]:
    """Return one budget per provider: the largest plan that any of its entries names."""
    plans: dict[str, float] = {}
    for each in declared:
        plans[each.name] = max(plans.get(each.name, 0.0), each.plan_per_s or 0.0)
    return {name: Bucket(plan or None) for name, plan in plans.items()}
