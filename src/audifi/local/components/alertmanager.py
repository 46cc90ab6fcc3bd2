"""Run Alertmanager: groups what Prometheus raises and sends it to the stand-ins of Slack and PagerDuty.

Between: targets.alerting (writes its file), components.receivers (where they are), components.prometheus (sends).
Invariant: listens on loopback only; the webhook's address and the routing key are private files.
Errors: Alertmanager refuses a wrong file at its start; its log says where.
Source: components.md 4a (Debian's 0.25: no pages of its own, amtool shows it).
"""

from functools import partial
from pathlib import Path
from typing import Final

from audifi.local import probes, resolution
from audifi.local.binaries import binary
from audifi.local.components import JobSpec, PodSpec
from audifi.local.components.receivers import SECRETS, events_url, webhook_url
from audifi.local.files import write_private, write_text
from audifi.local.ports import LOOPBACK
from audifi.local.state import Instance
from audifi.targets.alerting import alertmanager
from audifi.topology.model.whole import Topology

COMPONENT: Final = "alertmanager"
POD: Final = "alertmanager-1"


def pods(instance: Instance, topology: Topology) -> tuple[PodSpec, ...]:
    ports = resolution.ports(instance, topology, POD, "http")
    config = instance.config(POD)
    return (
        PodSpec(
            name=POD,
            component=COMPONENT,
            argv=(
                str(binary("prometheus-alertmanager")),
                f"--config.file={config / 'alertmanager.yml'}",
                f"--storage.path={instance.data(POD)}",
                f"--web.listen-address={LOOPBACK}:{ports['http']}",
                "--cluster.listen-address=",  # one of it: nobody to gossip with
                "--log.level=warn",
            ),
            ready=partial(_ready, ports["http"]),
            ports=ports,
            prepare=partial(_prepare, instance, topology, config),
        ),
    )


def jobs(instance: Instance, topology: Topology) -> tuple[JobSpec, ...]:
    """There is nothing to do once."""
    del instance, topology
    return ()


def _prepare(instance: Instance, topology: Topology, config: Path) -> None:
    webhook, key = config / "slack-webhook-url", config / "pagerduty-routing-key"
    write_private(webhook, webhook_url(instance, topology))
    write_private(key, resolution.secret(instance, topology, SECRETS["pagerduty"]))
    receivers = alertmanager.Receivers(
        slack_webhook_file=str(webhook),
        pagerduty_key_file=str(key),
        pagerduty_url=events_url(instance, topology),
    )
    write_text(config / "alertmanager.yml", alertmanager.render(topology, receivers))


async def _ready(port: int) -> str:
    return (await probes.http_get(port, "/-/ready")).strip()
