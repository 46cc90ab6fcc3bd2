"""Run the Pinata stand-in: uploads, listings, its pinning service and a dedicated gateway on one port.

Between: local.standins.pinata (the process), the worker (pins), drills and tests (its control port).
Invariant: listens on loopback only; the tokens are read from private files; what is pinned survives a restart.
Errors: none of its own.
"""

from audifi.local.components import JobSpec, PodSpec
from audifi.local.components.pinning import Described, described
from audifi.local.state import Instance
from audifi.topology.model.whole import Topology

COMPONENT = "pinata"
POD = "pinata-1"


def pods(instance: Instance, topology: Topology) -> tuple[PodSpec, ...]:
    """Describe the stand-in."""
    tokens = {"--token-file": "pinata-token", "--gateway-token-file": "pinata-gateway-token"}
    told = Described(COMPONENT, POD, "audifi.local.standins.pinata", tokens, peers=("pinning-service-1",))
    return (described(instance, topology, told),)


def jobs(instance: Instance, topology: Topology) -> tuple[JobSpec, ...]:
    """There is nothing to do once."""
    del instance, topology
    return ()
