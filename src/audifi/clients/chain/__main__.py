"""Answer an operator about the chains: `python -m audifi.clients.chain status|call|doctor …`.

Between: audifi.local.console (runs it with RPC_PROVIDERS and RPC_KEYS) and the pool; lines of JSON on standard output.
Shape: status [CHAIN] → rows; call CHAIN METHOD [PARAM …] → the result; doctor [CHAIN] → findings.
Invariant: what is shown is what this process sees: the breakers of a running pod are in that pod's metrics.
Errors: wrong settings, an unknown chain or method: one refusal, exit 2.
"""

import argparse
import asyncio
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Final

import msgspec

from audifi.clients.chain.doctor import examine
from audifi.clients.chain.pool.chains import Chain, Chains
from audifi.clients.chain.providers import Provider, chain_id_of, parse_providers
from audifi.kernel import logs
from audifi.kernel.console import answer, progress
from audifi.kernel.settings import Env, Secret, parse
from audifi.wire import environment

CALL_WITHIN_S: Final = 10.0
LOOK_WITHIN_S: Final = 3.0  # a probe is given up after one (pool.probes)
LOOK_EVERY_S: Final = 0.05
UNUSABLE: Final = frozenset({"wrong_chain", "disabled", "open"})


@dataclass(frozen=True, kw_only=True)
class ChainSettings:
    """What this program is told."""

    rpc_providers: Annotated[tuple[str, ...], Env(environment.RPC_PROVIDERS)]
    rpc_keys: Annotated[Secret | None, Env(environment.RPC_KEYS)]


async def work(options: argparse.Namespace) -> Any:
    settings = parse(ChainSettings)
    declared = _chosen(parse_providers(settings.rpc_providers, settings.rpc_keys), options.chain)
    if options.verb == "doctor":
        return [asdict(finding) for finding in await examine(declared, on_progress=progress)]
    chains = await Chains.open(settings.rpc_providers, settings.rpc_keys)
    try:
        if options.verb == "call":
            chain = chains[declared[0].chain_id]
            return await chain.call(options.method, [_param(text) for text in options.params], deadline_s=CALL_WITHIN_S)
        return await _status(chains, dict.fromkeys(provider.chain_id for provider in declared))
    finally:
        await chains.close()


async def _status(chains: Chains, numbers: dict[int, None]) -> list[dict[str, Any]]:
    await asyncio.gather(*(_looked_at(chains[number]) for number in numbers))
    return [
        {
            "chain": row.chain,
            "chainId": row.chain_id,
            "provider": row.provider,
            "state": row.state,
            "usable": row.head is not None and row.state not in UNUSABLE,
            "active": row.is_active,
            "head": row.head,
            "behind": row.lag_blocks,
            "latencyMs": row.latency_ms,
            "detail": row.last_problem,
        }
        for number in numbers
        for row in chains[number].status()
    ]


async def _looked_at(chain: Chain) -> None:
    """Until every provider answered, or was told off: the pool itself would not wait for the slow ones."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LOOK_WITHIN_S):
            await chain.refresh()
            while any(row.head is None and not row.last_problem for row in chain.status()):  # noqa: ASYNC110  # polls
                await asyncio.sleep(LOOK_EVERY_S)


def _chosen(declared: list[Provider], word: str | None) -> list[Provider]:
    """Those of the chain that is meant by a name or a number; all without one."""
    if word is None:
        return declared
    number = chain_id_of(word, (provider.chain_id for provider in declared))
    return [provider for provider in declared if provider.chain_id == number]


def _param(text: str) -> Any:
    """A parameter as JSON; what is not JSON is text, so that addresses and tags need no quotes."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def main() -> None:
    """Read the arguments and answer."""
    logs.configure("error")
    parser = argparse.ArgumentParser(prog="audifi.clients.chain", description="ask the chains")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name in ("status", "doctor"):
        verbs.add_parser(name).add_argument("chain", nargs="?")
    call = verbs.add_parser("call")
    call.add_argument("chain")
    call.add_argument("method")
    call.add_argument("params", nargs="*")
    answer(work(parser.parse_args()))


if __name__ == "__main__":
    main()
