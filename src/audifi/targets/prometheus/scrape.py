"""Write prometheus.yml: one job per component, with the labels that rules and dashboards read.

Between: topology.exposures (what shows metrics where) and Prometheus.
Shape: every target has `component` and `pod`; `instance` is the pod. On one machine addresses are known (Machine); in
a cluster pods are found by name (Cluster).
Units: seconds.
Invariant: no credential: nothing that shows metrics asks for one, and only Prometheus' zone reaches it.
Errors: KeyError when an exposure's exporter has no address.
Source: https://prometheus.io/docs/prometheus/2.42/configuration/configuration/
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from audifi.topology.exposures import PUBLIC, exposures, public_paths
from audifi.topology.model.observe import Exposure
from audifi.topology.model.whole import Topology

# A headless Service per component: its SRV records name each pod and the port of that name.
# Source: https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/ ("SRV records")
PODS: Final = "_{port}._tcp.{component}-pods.audifi.svc.cluster.local"
POD: Final = "__meta_dns_srv_record_target"  # <pod>.<service>.…


@dataclass(frozen=True, kw_only=True)
class Public:
    """A public name and where it is asked: its own address, or one that no name server knows it by."""

    name: str
    host: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Where everything is on one machine."""

    addresses: Mapping[str, Mapping[str, str]]  # component → pod → host:port of its exposure
    exporters: Mapping[str, str]  # component → host:port
    public: tuple[Public, ...]
    alertmanagers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Pods are found by the names of their Services."""

    public: tuple[Public, ...]


Place = Machine | Cluster


def render(topology: Topology, place: Place, *, rule_file: str) -> str:
    """prometheus.yml."""
    (interval_s,) = [signal.interval_s for signal in topology.telemetry if signal.signal == "metrics"]
    jobs = [job for each in exposures(topology) if (job := _job(each, place)) is not None]
    if place.public:
        jobs.append(_public(place))
    written = {
        "global": {
            "scrape_interval": f"{interval_s}s",
            "scrape_timeout": f"{min(interval_s or 1, 10)}s",
            "evaluation_interval": f"{topology.watching.evaluate_s}s",
            "external_labels": {"environment": topology.environment},
        },
        "rule_files": [rule_file],
        "alerting": {"alertmanagers": [_alertmanagers(place)]},
        "scrape_configs": jobs,
    }
    return yaml.safe_dump(written, sort_keys=False, width=120)


def production(topology: Topology) -> Cluster:
    """The cluster's place: public names at their hosts."""
    hosts = {domain.name: domain.host for domain in topology.domains}
    paths = public_paths(topology).items()
    return Cluster(
        public=tuple(Public(name=name, host=hosts[name], url=f"https://{hosts[name]}{path}") for name, path in paths)
    )


def _job(exposure: Exposure, place: Place) -> dict[str, Any] | None:
    job: dict[str, Any] = {"job_name": exposure.component, "metrics_path": exposure.path}
    if exposure.component == "backups":
        job["honor_labels"] = True  # a backup's component is what it is a backup of
    params = {name: [value] for name, value in exposure.params}
    if exposure.module:
        params["module"] = [exposure.module]
    if params:
        job["params"] = params
    if isinstance(place, Cluster):
        return {**job, **_discovered(exposure)}
    pods = place.addresses.get(exposure.component)
    if not pods:
        return None
    job["static_configs"] = [
        {"targets": [f"{exposure.scheme}{address}"], "labels": _labels(exposure.component, pod)}
        for pod, address in pods.items()
    ]
    if exposure.through:
        job["relabel_configs"] = _relabelled(place.exporters[exposure.through])
    return job


def _labels(component: str, pod: str) -> dict[str, str]:
    return {"component": component, "pod": pod, "instance": pod}


def _public(place: Place) -> dict[str, Any]:
    """Every public name, as somebody outside asks for it."""
    exporter = place.exporters[PUBLIC.through] if isinstance(place, Machine) else f"{PUBLIC.through}:9115"
    return {
        "job_name": "public",
        "metrics_path": PUBLIC.path,
        "params": {"module": [PUBLIC.module]},
        "static_configs": [
            {"targets": [each.url], "labels": {**_labels(PUBLIC.component, each.name), "__param_hostname": each.host}}
            for each in place.public
        ],
        "relabel_configs": _relabelled(exporter),
    }


def _relabelled(exporter: str) -> list[dict[str, Any]]:
    """Ask the exporter instead, and tell it whom we mean."""
    return [
        {"source_labels": ["__address__"], "target_label": "__param_target"},
        {"target_label": "__address__", "replacement": exporter},
    ]


def _discovered(exposure: Exposure) -> dict[str, Any]:
    named = [{"source_labels": [POD], "regex": r"([^.]+)\..*", "target_label": name} for name in ("pod", "instance")]
    component = {"target_label": "component", "replacement": exposure.component}
    return {"dns_sd_configs": _pods_of(exposure.component, exposure.port), "relabel_configs": [component, *named]}


def _pods_of(component: str, port: str) -> list[dict[str, Any]]:
    return [{"names": [PODS.format(component=component, port=port)], "type": "SRV"}]


def _alertmanagers(place: Place) -> dict[str, Any]:
    if isinstance(place, Machine):
        return {"static_configs": [{"targets": list(place.alertmanagers)}]}
    return {"dns_sd_configs": _pods_of("alertmanager", "http")}
