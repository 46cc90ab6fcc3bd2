"""Run the Stripe stand-in: the API and hosted pages on one port, knobs on another, webhooks sent through the edge.

Between: local.standins.stripe (the process), payment-service (asks it, is told by it), drills and tests (its control
port).
Invariant: listens on loopback only; keys are read from private files; webhooks go the public way, so the edge, the
firewall and the gateway are passed as Stripe's are; what happened survives a restart.
Errors: none of its own.
"""

import sys

from audifi.local import certificates, probes, resolution
from audifi.local.components import JobSpec, PodSpec
from audifi.local.files import write_private
from audifi.local.state import Instance
from audifi.topology.model.whole import Topology

COMPONENT = "stripe"
POD = "stripe-1"
WEBHOOK = "/v1/webhooks/stripe"


def pods(instance: Instance, topology: Topology) -> tuple[PodSpec, ...]:
    """Describe the stand-in."""
    ports = resolution.ports(instance, topology, POD, "http", "control")
    config = instance.config(POD)
    authority = certificates.authority_directory(instance.path)
    files = {config / name: name for name in ("stripe-secret-key", "stripe-webhook-secret")}

    def prepare() -> None:
        certificates.authority(authority, topology.domain("apex").host)  # the edge, which signs with it, starts later
        for path, name in files.items():
            write_private(path, "\n".join(resolution.accepted(instance, topology, name)))

    async def ready() -> str:
        await probes.http_get(ports["control"], "/health")
        return await probes.accepts(ports["http"])

    options = (
        *("--http", str(ports["http"]), "--control", str(ports["control"]), "--directory", str(instance.data(POD))),
        *("--key-file", str(config / "stripe-secret-key")),
        *("--webhook", resolution.public_url(instance, topology, "api", WEBHOOK)),
        *("--webhook-secret-file", str(config / "stripe-webhook-secret")),
        *("--ca", str(authority / "ca.pem")),
    )
    return (
        PodSpec(
            name=POD,
            component=COMPONENT,
            argv=(sys.executable, "-m", "audifi.local.standins.stripe", *options),
            ready=ready,
            ports=ports,
            prepare=prepare,
        ),
    )


def jobs(instance: Instance, topology: Topology) -> tuple[JobSpec, ...]:
    """There is nothing to do once."""
    del instance, topology
    return ()
