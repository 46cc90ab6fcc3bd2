"""Measure pods, providers of the chains, and pins.

Between: drills.probes (collects), pods at their own ports, the operator's programs of the data plane (the platform's
own way to chains and pins), the counts of the RPC stand-ins.
Shape: what Kubernetes does with a pod (ports, resources, delays, images) is not here: those promises await it.
Units: what the promise counts; 1 where the sentence is true.
Invariant: what is pinned is a few bytes of our own; nothing is removed that somebody else pinned.
Errors: LocalError of a program that was refused; aiohttp.ClientError of a pod that is away counts as not ready.
Source: design.md "Network Topology", "Kubernetes Configuration", "Blockchain RPC", "IPFS Pinning".
"""

import asyncio
import secrets
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp

from audifi.drills.drill import Scene
from audifi.drills.faults import processes
from audifi.drills.faults.providers import misbehaving, turned
from audifi.drills.journey.stage import Stage
from audifi.drills.probes.probe import Measure, Probe, Weakened
from audifi.drills.probes.visiting import visiting
from audifi.local import console, knobs, resolution
from audifi.local.errors import LocalError
from audifi.wire import environment

CHAINS: Final = "audifi.clients.chain"
WORKER: Final = "audifi.services.worker.console"
TOLD_AS: Final = "worker-1"
MAIN: Final = {"ethereum": 1, "polygon": 137, "base": 8453}
FIRST, SECOND = "alchemy", "infura"
ASKED: Final = "eth_getTransactionCount"  # nothing of ours polls it
NOBODY: Final = "0x000000000000000000000000000000000000dEaD"
OK: Final = 200
POOLED_MAX: Final = 0.2  # new connections per request: a pool opens few, a careless program one each
WINDOW_S: Final = 3.0
CARELESS: Final = 60  # requests, each with a connection of its own
SERVICES: Final = {
    "pods-auth": "auth-service",
    "pods-nft": "nft-service",
    "pods-vstudio": "vstudio-service",
    "pods-payment": "payment-service",
    "pods-coin": "coin-service",
    "pods-analytics": "analytics-service",
    "pods-ws": "ws-gateway",
}


def ready_pods(component: str, path: str = "/ready") -> Measure:
    """How many pods of a component answer that they are."""

    async def measure(stage: Stage) -> float:
        async with visiting(stage) as visitor:
            found = 0
            for pod in stage.topology.component(component).pods:
                try:
                    found += (await visitor.past(pod, path)).status == OK
                except aiohttp.ClientError:
                    continue
        return found

    return measure


def every_pod(component: str, path: str) -> Measure:
    """Whether all of them answer."""

    async def measure(stage: Stage) -> float:
        return await ready_pods(component, path)(stage) == stage.topology.component(component).replicas

    return measure


async def _asked(stage: Stage, module: str, *arguments: str) -> Any:
    """Run an operator's program with what a worker is told."""
    told = resolution.environment(stage.instance, stage.topology, TOLD_AS)
    return await asyncio.to_thread(console.run, module, arguments, told, on_progress=lambda _: None)


async def right_chains(stage: Stage) -> float:
    """Chains that can be read, each with its own id."""
    return sum(await asyncio.gather(*(_is_right(stage, name, number) for name, number in MAIN.items())))


async def _is_right(stage: Stage, chain: str, number: int) -> bool:
    """Its id is known since the pod began; that it can be read now only a provider's answer shows."""
    try:
        await _asked(stage, CHAINS, "call", chain, ASKED, NOBODY, "latest")
        return int(str(await _asked(stage, CHAINS, "call", chain, "eth_chainId")), 16) == number
    except LocalError:
        return False


@asynccontextmanager
async def no_provider(scene: Scene) -> AsyncGenerator[str]:
    """Let both answer nobody: without one of them the other is asked."""
    async with AsyncExitStack() as faults:
        for each in (FIRST, SECOND):
            await faults.enter_async_context(turned(scene.stage, f"{each}-1", drop=True))
        yield "no provider answers"


async def is_first_asked(stage: Stage) -> float:
    """Whether a question about each chain goes to Alchemy, and to nobody else."""
    before = await _seen(stage)
    await asyncio.gather(*(_asked(stage, CHAINS, "call", chain, ASKED, NOBODY, "latest") for chain in MAIN))
    after = await _seen(stage)
    return all(after[FIRST, chain] > before[FIRST, chain] for chain in MAIN) and all(
        after[SECOND, chain] == before[SECOND, chain] for chain in MAIN
    )


async def _seen(stage: Stage) -> dict[tuple[str, str], int]:
    found = {each: await knobs.counts(stage.port(f"{each}-1", "control")) for each in (FIRST, SECOND)}
    return {(each, chain): found[each].total(chain=chain, method=ASKED) for each in found for chain in MAIN}


async def is_second_usable(stage: Stage) -> float:
    """Whether Infura answers for each chain."""
    rows: Sequence[dict[str, Any]] = await _asked(stage, CHAINS, "status")
    usable = {row["chain"] for row in rows if row["provider"] == SECOND and row["usable"]}
    return set(MAIN) <= {_name_of(each) for each in usable}


def _name_of(chain: object) -> str:
    return next((name for name, number in MAIN.items() if str(chain) in {name, str(number)}), str(chain))


async def is_pooled(stage: Stage) -> float:
    """Whether far fewer connections to Alchemy are opened than questions asked."""
    return await _is_pooled(stage, careless=0)


async def is_pooled_beside_the_careless(stage: Stage) -> float:
    return await _is_pooled(stage, careless=CARELESS)


async def _is_pooled(stage: Stage, *, careless: int) -> bool:
    port, control = stage.port(f"{FIRST}-1", "http"), stage.port(f"{FIRST}-1", "control")
    before = await asyncio.to_thread(_connections_to, port)
    asked = sum((await knobs.counts(control)).requests.values())
    for _ in range(careless):
        async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/") as answer:
            await answer.read()
    await asyncio.sleep(WINDOW_S)
    questions = sum((await knobs.counts(control)).requests.values()) - asked
    opened = len(await asyncio.to_thread(_connections_to, port) - before)
    return questions > 0 and opened / questions <= POOLED_MAX


def _connections_to(port: int) -> set[str]:
    """Local ends of connections to a port, also of those that have just been closed. Source: proc(5), net/tcp."""
    lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return {fields[1] for fields in lines if fields[2].endswith(f":{port:04X}")}


async def _added(stage: Stage, *, waits: bool) -> dict[str, Any]:
    """Give the worker a few new bytes to pin, and wait until every provider has them."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "probe.txt"
        file.write_text(f"probe {secrets.token_hex(16)}\n")
        found: dict[str, Any] = await _asked(stage, WORKER, "pins-add", str(file), *(["--wait"] if waits else []))
    return found


async def is_pinned_first(stage: Stage) -> float:
    """Whether Pinata has, verified, what is new."""
    return _is_at_pinata(await _added(stage, waits=True))


async def is_pinned_before_the_worker(stage: Stage) -> float:
    return _is_at_pinata(await _added(stage, waits=False))


def _is_at_pinata(found: dict[str, Any]) -> bool:
    return any(each["provider"] == "pinata" and each["state"] == "verified" for each in found["pins"])


async def served_by_the_gateway(stage: Stage) -> float:
    """Whether our own gateway at Pinata serves what is new."""
    return await _served(stage, with_token=True)


async def served_to_a_stranger(stage: Stage) -> float:
    return await _served(stage, with_token=False)


async def _served(stage: Stage, *, with_token: bool) -> bool:
    found = await _added(stage, waits=True)
    told = resolution.environment(stage.instance, stage.topology, TOLD_AS)
    sent = {"x-pinata-gateway-token": told[environment.PINATA_GATEWAY_TOKEN]} if with_token else {}
    url = f"{told[environment.PINATA_GATEWAY_URL]}/ipfs/{found['cid']}"
    async with aiohttp.ClientSession() as http, http.get(url, headers=sent) as answer:
        return answer.status == OK


PROBES: Final = (
    *(
        Probe(
            name=name,
            measure=ready_pods(component),
            sabotage=Weakened(removes=f"{component}-1 is lost", deed=processes.lost(processes.pod(f"{component}-1"))),
            is_quick=name == "pods-auth",
        )
        for name, component in SERVICES.items()
    ),
    *(
        Probe(
            name=name,
            measure=every_pod("auth-service", path),
            sabotage=Weakened(removes="auth-service-1 is lost", deed=processes.lost(processes.pod("auth-service-1"))),
            is_quick=False,
        )
        for name, path in (("liveness", "/health"), ("readiness", "/ready"))
    ),
    Probe(
        name="rpc-chains",
        measure=right_chains,
        sabotage=Weakened(removes="both providers answer nobody", deed=no_provider),
        is_quick=False,
    ),
    Probe(
        name="rpc-primary",
        measure=is_first_asked,
        sabotage=Weakened(removes="Alchemy answers nobody", deed=misbehaving("alchemy-1", drop=True)),
        is_quick=False,
    ),
    Probe(
        name="rpc-fallback",
        measure=is_second_usable,
        sabotage=Weakened(removes="Infura answers nobody", deed=misbehaving("infura-1", drop=True)),
        is_quick=False,
    ),
    Probe(
        name="rpc-pooling",
        measure=is_pooled,
        sabotage=Weakened(
            removes="a program opens a connection for each question", measure=is_pooled_beside_the_careless
        ),
    ),
    Probe(
        name="ipfs-primary",
        measure=is_pinned_first,
        sabotage=Weakened(removes="nobody waits for the worker to pin it", measure=is_pinned_before_the_worker),
        is_quick=False,
    ),
    Probe(
        name="ipfs-gateway",
        measure=served_by_the_gateway,
        sabotage=Weakened(removes="it is asked without our token", measure=served_to_a_stranger),
        is_quick=False,
    ),
)
