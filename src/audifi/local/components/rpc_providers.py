"""Run the stand-ins of the RPC providers: one process each, serving every chain by path, in front of the same nodes.

Between: local.standins.rpc (the process), components.chains (the nodes behind) and the worker (calls).
Invariant: loopback only; both providers show the same chain, so that a transaction sent through one is seen at the
other, as on the real network. The key is in a file that only we may read.
Errors: none of its own.
"""

import sys
from functools import partial

import msgspec

from audifi.local import probes, resolution
from audifi.local.components import JobSpec, PodSpec
from audifi.local.files import write_private
from audifi.local.standins.rpc.options import ChainOptions, Options
from audifi.local.state import Instance
from audifi.topology.model.whole import Topology

PROVIDERS = ("alchemy", "infura")


def pods(instance: Instance, topology: Topology) -> tuple[PodSpec, ...]:
    """Describe both."""
    return tuple(_pod(instance, topology, provider) for provider in PROVIDERS)


def jobs(instance: Instance, topology: Topology) -> tuple[JobSpec, ...]:
    """There is nothing to do once."""
    del instance, topology
    return ()


def _pod(instance: Instance, topology: Topology, provider: str) -> PodSpec:
    pod = f"{provider}-1"
    ports = resolution.ports(instance, topology, pod, "http", "control")
    served = [chain for chain in topology.chains if provider in chain.providers]
    told, keys = instance.config(pod) / "options.json", instance.config(pod) / "keys"

    def prepare() -> None:
        options = Options(
            provider="alchemy" if provider == "alchemy" else "infura",
            key_file=str(keys),
            http=ports["http"],
            control=ports["control"],
            chains=tuple(
                ChainOptions(
                    name=chain.name,
                    chain_id=chain.chain_id,
                    network=dict(chain.networks)[provider],
                    node=resolution.port(instance, topology, f"{chain.name}-1", "rpc"),
                )
                for chain in served
            ),
        )
        write_private(keys, "\n".join(resolution.accepted(instance, topology, f"{provider}-api-key")))
        write_private(told, msgspec.json.encode(options).decode())

    return PodSpec(
        name=pod,
        component=provider,
        argv=(sys.executable, "-m", "audifi.local.standins.rpc", "--options", str(told)),
        ready=partial(_ready, ports["control"]),
        ports=ports,
        prepare=prepare,
        after=tuple(chain.name for chain in served),
    )


async def _ready(control: int) -> str:
    # Not its http port: that one may be closed on request, which is no reason to start the process again.
    await probes.http_get(control, "/health")
    return f"knobs on {control}"
