"""Say where everything shows its metrics, and through whom if not by itself.

Between: targets.prometheus (scrapes it), drills.probes.watching (each store and each pod of ours has a target).
Shape: one exposure per component; its pods are found by their place (addresses on one machine, labels in a cluster).
Invariant: every component that Prometheus has a link to is exposed.
Errors: none.
Source: Patroni 4.1 "Monitoring endpoint"; Envoy "/stats/prometheus"; HAProxy "prometheus-exporter"; README of
redis_exporter (multi-target) and blackbox_exporter (modules).
"""

from typing import Final

from audifi.topology.links import SCRAPED
from audifi.topology.model.observe import Exposure
from audifi.topology.model.whole import Topology

# Of Envoy's thousands of series those that rules and dashboards read. Source: domain.md 6.5 "Overview", "API".
ENVOY_FILTER: Final = (
    r"^(http\.[^.]+\.downstream_(rq|cx)"
    r"|cluster\.[^.]+\.(upstream_rq_|upstream_cx_active|membership)"
    r"|server\.(live|uptime|mem))"
)

_PRODUCTION: Final = {name: Exposure(component=name, port="metrics") for name in SCRAPED}
_ENVOY: Final = tuple(
    Exposure(
        component=name, port="metrics", path="/stats/prometheus", params=(("usedonly", ""), ("filter", ENVOY_FILTER))
    )
    for name in ("api-gateway", "ws-balancer")
)
_WATCHERS: Final = tuple(Exposure(component=name, port="http") for name in ("prometheus", "alertmanager"))

# On one machine: Patroni answers for PostgreSQL, one exporter asks every Redis, and what has no metrics is asked to
# accept a connection.
_LOCAL: Final = (
    Exposure(component="postgres", port="rest"),
    Exposure(component="postgres-services", port="metrics"),
    Exposure(component="etcd", port="client"),
    Exposure(component="redis-cluster", port="redis", path="/scrape", through="redis-exporter", scheme="redis://"),
    Exposure(component="redis-queue", port="redis", path="/scrape", through="redis-exporter", scheme="redis://"),
    Exposure(component="pgbouncer", port="pgbouncer", path="/probe", through="blackbox-exporter", module="accepts"),
    Exposure(component="backups", port="control"),
    Exposure(component="node-exporter", port="http"),
)
PUBLIC: Final = Exposure(component="edge", port="https", path="/probe", through="blackbox-exporter", module="public")


def exposures(topology: Topology) -> tuple[Exposure, ...]:
    """Where each component shows its metrics in this environment; the edge's public names are PUBLIC."""
    known = {component.name for component in topology.components}
    found = {**_PRODUCTION, **{each.component: each for each in (*_ENVOY, *_WATCHERS)}}
    if topology.environment == "local":
        found.update({each.component: each for each in _LOCAL})
    return tuple(each for name, each in found.items() if name in known)


def public_paths(topology: Topology) -> dict[str, str]:
    """Which names are asked from outside, and what for; every name's certificate is looked at on the way."""
    paths = {"api": "/health", "apex": "/", "app": "/"}
    return {domain.name: paths[domain.name] for domain in topology.domains if domain.name in paths}
