"""Run the stand-ins that receive alerts: Slack's incoming webhook and PagerDuty's events.

Between: local.standins.{slack,pagerduty} (the processes), alertmanager (sends), drills and tests (their control ports).
Invariant: listens on loopback only; what a sender must know is a private file, never an argument.
Errors: none of its own.
"""

import sys
from functools import partial
from pathlib import Path
from typing import Final

from audifi.local import probes, resolution
from audifi.local.components import JobSpec, PodSpec
from audifi.local.files import write_private
from audifi.local.state import Instance
from audifi.topology.model.whole import Topology

SLACK_PATH: Final = "/services/T00000000/B00000000/"  # workspace and webhook, as the stand-in has them
SECRETS: Final = {"slack": "slack-webhook-url", "pagerduty": "pagerduty-routing-key"}


def pods(instance: Instance, topology: Topology) -> tuple[PodSpec, ...]:
    return tuple(_pod(instance, topology, component) for component in SECRETS)


def jobs(instance: Instance, topology: Topology) -> tuple[JobSpec, ...]:
    """There is nothing to do once."""
    del instance, topology
    return ()


def webhook_url(instance: Instance, topology: Topology) -> str:
    """Slack's address, which is the secret."""
    number = resolution.port(instance, topology, "slack-1", "http")
    secret = resolution.secret(instance, topology, SECRETS["slack"])
    return f"http://127.0.0.1:{number}{SLACK_PATH}{secret}"


def events_url(instance: Instance, topology: Topology) -> str:
    return f"http://127.0.0.1:{resolution.port(instance, topology, 'pagerduty-1', 'http')}/v2/enqueue"


def _pod(instance: Instance, topology: Topology, component: str) -> PodSpec:
    name = f"{component}-1"
    ports = resolution.ports(instance, topology, name, "http", "control")
    secret = instance.config(name) / "secret"
    options = ("--http", str(ports["http"]), "--control", str(ports["control"]))
    return PodSpec(
        name=name,
        component=component,
        argv=(
            *(sys.executable, "-m", f"audifi.local.standins.{component}", *options),
            *("--directory", str(instance.data(name)), "--secret-file", str(secret)),
        ),
        ready=partial(_answers, ports["control"], ports["http"]),
        ports=ports,
        prepare=partial(_prepare, instance, topology, component, secret),
    )


def _prepare(instance: Instance, topology: Topology, component: str, secret: Path) -> None:
    write_private(secret, resolution.secret(instance, topology, SECRETS[component]))


async def _answers(control: int, http: int) -> str:
    await probes.http_get(control, "/health")
    return await probes.accepts(http)
