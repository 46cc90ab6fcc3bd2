"""Run Prometheus: scrapes everything that runs here, judges the rules, tells Alertmanager.

Between: targets.prometheus (writes its files), topology.{exposures,alerts}, components.alertmanager and drills.alerts.
Shape: it starts after everything it scrapes and stops before it, so that neither start nor stop is an alert.
Invariant: listens on loopback only. It scrapes what this `up` started and keeps only the rules about that: with
`--only` the absence of the rest is no alert.
Units: *_s seconds.
Errors: Prometheus refuses a wrong file at its start; its log says where.
Source: components.md 4a (Debian's 2.42, 76 MB resident at rest).
"""

from functools import partial
from pathlib import Path
from typing import Final

from audifi.local import probes, resolution
from audifi.local.binaries import binary
from audifi.local.components import JobSpec, PodSpec
from audifi.local.files import write_text
from audifi.local.plan import chosen
from audifi.local.ports import LOOPBACK
from audifi.local.state import Instance
from audifi.targets.prometheus import rules, scrape
from audifi.topology import alerts
from audifi.topology.exposures import exposures, public_paths
from audifi.topology.model.whole import Topology

COMPONENT: Final = "prometheus"
POD: Final = "prometheus-1"
KEPT_MAX: Final = "256MB"  # 15 days are production's; a laptop's disk is not
RESEND: Final = "5s"  # Alertmanager forgets what is not mentioned again


def pods(instance: Instance, topology: Topology) -> tuple[PodSpec, ...]:
    ports = resolution.ports(instance, topology, POD, "http")
    config = instance.config(POD)
    return (
        PodSpec(
            name=POD,
            component=COMPONENT,
            argv=(
                str(binary("prometheus")),
                f"--config.file={config / 'prometheus.yml'}",
                f"--storage.tsdb.path={instance.data(POD)}",
                f"--storage.tsdb.retention.size={KEPT_MAX}",
                f"--web.listen-address={LOOPBACK}:{ports['http']}",
                f"--rules.alert.resend-delay={RESEND}",
                "--rules.alert.for-grace-period=0s",  # its own restart must not silence what already waits
                "--log.level=warn",
            ),
            env=lambda: {"GOMAXPROCS": "1", "GOGC": "400"},  # less of a two-core machine for a little memory
            ready=partial(_ready, ports["http"]),
            ports=ports,
            after=tuple(name for name in _watched(topology) if name != COMPONENT),
            prepare=partial(_prepare, instance, topology, config),
        ),
    )


def jobs(instance: Instance, topology: Topology) -> tuple[JobSpec, ...]:
    """There is nothing to do once."""
    del instance, topology
    return ()


def _watched(topology: Topology) -> tuple[str, ...]:
    """Everything it scrapes, and whom it tells."""
    through = ("edge", "redis-exporter", "blackbox-exporter", "alertmanager", "slack", "pagerduty")
    return tuple(dict.fromkeys((*(each.component for each in exposures(topology)), *through)))


def _prepare(instance: Instance, topology: Topology, config: Path) -> None:
    running = instance.running()
    present = chosen(topology, running.only if running else ())
    wanted = [rule for rule in alerts.rules(topology) if not rule.component or rule.component in present]
    write_text(config / "rules.yml", rules.render(wanted, evaluate_s=topology.watching.evaluate_s))
    where = machine(instance, topology, present)
    write_text(config / "prometheus.yml", scrape.render(topology, where, rule_file=str(config / "rules.yml")))


def machine(instance: Instance, topology: Topology, present: list[str]) -> scrape.Machine:
    """Where everything that runs here shows its metrics."""

    def address(pod: str, port: str) -> str:
        return f"{LOOPBACK}:{resolution.port(instance, topology, pod, port)}"

    shown = [each for each in exposures(topology) if each.component in present]
    is_asked = {"edge", "blackbox-exporter"} <= set(present)
    return scrape.Machine(
        addresses={
            each.component: {pod: address(pod, each.port) for pod in topology.component(each.component).pods}
            for each in shown
            if not each.through or each.through in present
        },
        exporters={
            name: address(f"{name}-1", "http") for name in ("redis-exporter", "blackbox-exporter") if name in present
        },
        public=_public(topology, address("edge-1", "https")) if is_asked else (),
        alertmanagers=tuple(address(pod, "http") for pod in topology.component("alertmanager").pods)
        if "alertmanager" in present
        else (),
    )


def _public(topology: Topology, address: str) -> tuple[scrape.Public, ...]:
    """Names below .localhost are in no name server: the edge is asked by its address, for the name."""
    return tuple(
        scrape.Public(name=name, host=topology.domain(name).host, url=f"https://{address}{path}")
        for name, path in public_paths(topology).items()
    )


async def _ready(port: int) -> str:
    await probes.http_get(port, "/-/ready")
    return "ready"
