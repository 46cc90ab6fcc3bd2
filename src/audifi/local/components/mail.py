"""Run the mail stand-in: a process that takes mail by SMTP and shows it over HTTP (SendGrid in production).

Between: local.standins.mail (the process), auth-service (sends), cli.mail and tests (read).
Invariant: listens on loopback only; what arrived survives a restart of the process.
Errors: none of its own.
"""

import sys

from audifi.local import probes, resolution
from audifi.local.components import JobSpec, PodSpec
from audifi.local.state import Instance
from audifi.topology.model.whole import Topology

COMPONENT = "mail"
POD = "mail-1"


def pods(instance: Instance, topology: Topology) -> tuple[PodSpec, ...]:
    """Describe the stand-in."""
    ports = resolution.ports(instance, topology, POD, "smtp", "http")

    async def ready() -> str:
        await probes.http_get(ports["http"], "/health")
        return await probes.accepts(ports["smtp"])

    options = ("--smtp", str(ports["smtp"]), "--http", str(ports["http"]), "--directory", str(instance.data(POD)))
    return (
        PodSpec(
            name=POD,
            component=COMPONENT,
            argv=(sys.executable, "-m", "audifi.local.standins.mail", *options),
            ready=ready,
            ports=ports,
        ),
    )


def jobs(instance: Instance, topology: Topology) -> tuple[JobSpec, ...]:
    """There is nothing to do once."""
    del instance, topology
    return ()
