"""Run the stand-in for the second hot pin: a service that speaks the vendor-neutral pinning API.

Between: local.standins.pinning_service (the process), the worker (pins by CID), drills and tests (its control port).
Invariant: listens on loopback only; it fetches from Pinata's stand-in, as a real one does over the network.
Errors: none of its own.
"""

from audifi.local.components import JobSpec, PodSpec
from audifi.local.components.pinning import Described, described
from audifi.local.state import Instance
from audifi.topology.model.whole import Topology

COMPONENT = "pinning-service"
POD = "pinning-service-1"


def pods(instance: Instance, topology: Topology) -> tuple[PodSpec, ...]:
    """Describe the stand-in."""
    tokens = {"--token-file": "pinning-service-token"}
    told = Described(COMPONENT, POD, "audifi.local.standins.pinning_service", tokens, peers=("pinata-1",))
    return (described(instance, topology, told),)


def jobs(instance: Instance, topology: Topology) -> tuple[JobSpec, ...]:
    """There is nothing to do once."""
    del instance, topology
    return ()
