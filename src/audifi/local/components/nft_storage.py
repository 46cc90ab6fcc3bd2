"""Run the stand-in for NFT.Storage as it is today: a preservation copy, registered after mint.

Between: local.standins.nft_storage (the process), the worker (registers), drills and tests (its control port).
Invariant: listens on loopback only; it preserves only what it can fetch from the other two.
Errors: none of its own.
"""

from audifi.local.components import JobSpec, PodSpec
from audifi.local.components.pinning import Described, described
from audifi.local.state import Instance
from audifi.topology.model.whole import Topology

COMPONENT = "nft-storage"
POD = "nft-storage-1"


def pods(instance: Instance, topology: Topology) -> tuple[PodSpec, ...]:
    """Describe the stand-in."""
    tokens = {"--token-file": "nft-storage-token"}
    peers = ("pinata-1", "pinning-service-1")
    told = Described(COMPONENT, POD, "audifi.local.standins.nft_storage", tokens, peers=peers)
    return (described(instance, topology, told),)


def jobs(instance: Instance, topology: Topology) -> tuple[JobSpec, ...]:
    """There is nothing to do once."""
    del instance, topology
    return ()
