"""Describe one pod of a pinning stand-in: ports, tokens and the peers it fetches from.

Between: components.{pinata,pinning_service,nft_storage} and local.supervisor.
Invariant: a token is written to a private file of the pod and named by its path, never an argument itself.
Errors: KeyError for a port or secret that the topology does not declare.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from audifi.local import probes, resolution
from audifi.local.components import PodSpec
from audifi.local.files import write_private
from audifi.local.ports import LOOPBACK
from audifi.local.state import Instance
from audifi.topology.model.whole import Topology


@dataclass(frozen=True)
class Described:
    """What differs between the three."""

    component: str
    pod: str
    module: str
    tokens: Mapping[str, str]  # option → secret
    peers: tuple[str, ...]  # pods


def described(instance: Instance, topology: Topology, told: Described) -> PodSpec:
    """The pod."""
    ports = resolution.ports(instance, topology, told.pod, "http", "control")
    directory, config = instance.data(told.pod), instance.config(told.pod)
    files = {option: config / secret for option, secret in told.tokens.items()}
    peers = [resolution.port(instance, topology, pod, "control") for pod in told.peers]

    def prepare() -> None:
        for option, secret in told.tokens.items():
            write_private(files[option], "\n".join(resolution.accepted(instance, topology, secret)))

    async def ready() -> str:
        await probes.http_get(ports["control"], "/health")
        return await probes.accepts(ports["http"])

    options = [*("--http", str(ports["http"]), "--control", str(ports["control"]), "--directory", str(directory))]
    options += [part for option, path in files.items() for part in (option, str(path))]
    options += [part for port in peers for part in ("--peer", f"http://{LOOPBACK}:{port}")]
    return PodSpec(
        name=told.pod,
        component=told.component,
        argv=(sys.executable, "-m", told.module, *options),
        ready=ready,
        ports=ports,
        prepare=prepare,
    )
