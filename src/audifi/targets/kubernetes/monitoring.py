"""Render who is asked for metrics, and the rules that there are: monitors, public probes, PrometheusRules.

    ServiceMonitor   components whose Services are ours (services, worker, live pods, both Redises)
    PodMonitor       pods that operators make (PostgreSQL, poolers, gateways); charts monitor their own (values)
    Probe            public names, asked by the blackbox exporter
    PrometheusRule   topology.alerts, as targets.prometheus writes them; and what the cluster knows of backups under
                     the names that those alerts read

Between: topology.exposures (what shows metrics where), topology.alerts, targets.prometheus.rules, backups (their jobs).
Shape: every series has `component`, `pod` and `instance` (the pod), as on one machine, so that rules read the same.
Units: seconds.
Invariant: `component` is the pod's label audifi.io/component; a monitor finds its own component only.
Errors: KeyError when an exposure names no component.
Source: https://prometheus-operator.dev/docs/api-reference/api/; https://cloudnative-pg.io/plugin-barman-cloud/docs/
(metrics); kube-state-metrics' README (kube_cronjob_*, kube_job_*).
"""

from collections.abc import Iterator
from typing import Any, cast

import yaml

from audifi.targets.kubernetes import backups
from audifi.targets.kubernetes.documents import (
    NAME,
    Json,
    document,
    identity,
    labels,
    metadata,
    namespace,
    pods_service,
    selector,
)
from audifi.targets.prometheus import rules as written
from audifi.topology import alerts, operators
from audifi.topology.building import BUILDING
from audifi.topology.exposures import PUBLIC, exposures, public_paths
from audifi.topology.model.compute import Kind
from audifi.topology.model.observe import Exposure
from audifi.topology.model.whole import Topology
from audifi.wire import metrics

API = "monitoring.coreos.com/v1"
DAY_S = 86_400
BARMAN_LAST = "barman_cloud_cloudnative_pg_io_last_available_backup_timestamp"


def documents(topology: Topology) -> tuple[Json, ...]:
    """Monitors, probes and rules."""
    return (
        *(_monitor(topology, each) for each in exposures(topology) if each.component not in operators.BY_CHART),
        _public(topology),
        _rules(topology),
    )


def _monitor(topology: Topology, exposure: Exposure) -> Json:
    """A Service's port where the Service is ours, else the pods' port."""
    component = topology.component(exposure.component)
    head = metadata(topology, component)
    where = {"namespaceSelector": {"matchNames": [namespace(topology, component)]}}
    if exposure.component not in operators.OPERATED:
        spec = {
            **where,
            "selector": {"matchLabels": _service(topology, exposure)},
            "endpoints": [_endpoint(topology, exposure)],
        }
        return document(API, "ServiceMonitor", head, spec=spec)
    pods = {"matchLabels": _pods(exposure.component)}
    spec = {**where, "selector": pods, "podMetricsEndpoints": [_endpoint(topology, exposure)]}
    return document(API, "PodMonitor", head, spec=spec)


def _service(topology: Topology, exposure: Exposure) -> dict[str, str]:
    """The Service that every pod is behind: of the queue's only the headless one, the other means the primary."""
    component = topology.component(exposure.component)
    return {NAME: pods_service(component)} if component.kind is Kind.QUEUE else selector(component)


def _pods(component: str) -> dict[str, str]:
    """Of PostgreSQL the cluster's pods only: the restore drill's are its component's too, and have a primary."""
    return {"cnpg.io/cluster": component} if component == "postgres" else {"audifi.io/component": component}


def _endpoint(topology: Topology, exposure: Exposure) -> Json:
    (interval_s,) = [signal.interval_s for signal in topology.telemetry if signal.signal == "metrics"]
    endpoint: Json = {
        "port": exposure.port,
        "path": exposure.path,
        "interval": f"{interval_s}s",
        "scrapeTimeout": f"{min((interval_s or 15) - 1, 10)}s",
        "relabelings": relabelings(exposure.component),
    }
    if exposure.params:
        endpoint["params"] = {name: [value] for name, value in exposure.params}
    return endpoint


def relabelings(component: str) -> list[Json]:
    """The labels that every series has."""
    return [
        {"targetLabel": "component", "replacement": component},
        {"sourceLabels": ["__meta_kubernetes_pod_name"], "targetLabel": "pod"},
        {"sourceLabels": ["__meta_kubernetes_pod_name"], "targetLabel": "instance"},
    ]


def _public(topology: Topology) -> Json:
    """Every public name, as somebody outside asks for it."""
    exporter = topology.component(PUBLIC.through)
    hosts = {each.name: each.host for each in topology.domains}
    urls = [f"https://{hosts[name]}{path}" for name, path in public_paths(topology).items()]
    where = f"{exporter.name}.{namespace(topology, exporter)}.svc.{topology.cluster.dns_domain}"
    spec = {
        "jobName": "public",
        "interval": "30s",
        "module": PUBLIC.module,
        "prober": {"url": f"{where}:{exporter.port('http').number}", "path": PUBLIC.path},
        "targets": {"staticConfig": {"static": urls, "labels": {"component": PUBLIC.component}}},
    }
    return document(API, "Probe", metadata(topology, exporter, "public"), spec=spec)


def _rules(topology: Topology) -> Json:
    text = written.render(alerts.rules(topology), evaluate_s=topology.watching.evaluate_s)
    groups = cast("list[dict[str, Any]]", yaml.safe_load(text)["groups"])
    for rule in (rule for group in groups for rule in group["rules"] if "alert" in rule):
        page = rule["annotations"].pop("runbook")
        rule["annotations"] |= {"runbook": page, "runbook_url": f"{BUILDING.source_url}/blob/main/{page}"}
    kept = {"name": "backups", "interval": "60s", "rules": list(_backups(topology))}
    component = topology.component("prometheus")
    head = {**metadata(topology, component, "audifi"), "labels": {**labels(component), **identity(component)}}
    return document(API, "PrometheusRule", head, spec={"groups": [kept, *groups]})


def _backups(topology: Topology) -> Iterator[Json]:
    """What the cluster knows, under the names that one machine's backups say themselves."""

    def record(name: str, expression: str, component: str) -> Json:
        return {"record": name, "expr": expression, "labels": {"component": component}}

    def jobs(metric: str, name: str) -> str:
        return f'max({metric}{{cronjob="{name}"}})'

    yield record(metrics.BACKUP_AGE.name, f"time() - max({BARMAN_LAST})", "postgres")
    yield record(metrics.BACKUP_PERIOD.name, f"vector({DAY_S // 24})", "postgres")  # a base backup every hour
    for name in (topology.stores.redis_cluster.component, topology.stores.queue.component):
        last = jobs("kube_cronjob_status_last_successful_time", f"{name}-backup")
        failed = f'sum(kube_job_status_failed{{job_name=~"{name}-backup-.+"}})'
        yield record(metrics.BACKUP_AGE.name, f"time() - {last}", name)
        yield record(metrics.BACKUP_PERIOD.name, f"vector({DAY_S})", name)
        yield record(metrics.BACKUP_FAILURES.name, failed, name)
    verified = jobs("kube_cronjob_status_last_successful_time", backups.DRILL)
    yield {"record": metrics.BACKUP_RESTORE_VERIFIED.name, "expr": verified}
