"""Write the values of third parties' charts: operators, and what watches the platform.

    values/<chart>.yaml     `helm upgrade --install <release> <chart> --version … --values …` is in its head

Between: topology.operators (which chart, which version), telemetry (retention, sampling), targets.alerting and
targets.prometheus (the same configuration as on one machine), kustomize (includes the files).
Shape: only what differs from a chart's defaults. Pods carry `audifi.io/component`, so policies and monitors mean them;
releases are called like their component.
Units: as each chart writes them.
Invariant: nothing here is a secret: receivers' addresses are files of a Secret. No chart job and no pod that needs more
than `restricted` runs in a namespace of ours.
Errors: KeyError when the topology lacks a component or signal.
Known: charts are not at hand here, so no chart's own schema has judged these (docs/production-checklist.md).
Source: the README of each chart at its version; domain.md 6.1-6.6.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import yaml

from audifi.targets.alerting import alertmanager
from audifi.targets.files import File, header, yaml_text
from audifi.targets.kubernetes.documents import Json, host, identity
from audifi.targets.kubernetes.monitoring import relabelings
from audifi.targets.prometheus import prober
from audifi.topology import operators
from audifi.topology.model.compute import Component
from audifi.topology.model.observe import Telemetry
from audifi.topology.model.operators import Chart
from audifi.topology.model.whole import Topology

RECEIVERS: Final = "/etc/alertmanager/secrets/alertmanager-receivers"
HOURS: Final = 24
# What is kept shorter than errors. Source: domain.md 6.6 (ERROR 90 d, WARN 30 d, INFO 14 d)
KEPT_DAYS: Final = {"warn": 30, "info": 14, "debug": 14}
EVERY_NODE: Final = "collector"

# Each container's log of this node, by the API: no path of the node is mounted. The level is a label, so that it can
# be kept for as long as it deserves.
COLLECT: Final = """\
discovery.kubernetes "pods" {
  role = "pod"
  selectors {
    role  = "pod"
    field = "spec.nodeName=" + coalesce(sys.env("NODE"), constants.hostname)
  }
}

discovery.relabel "pods" {
  targets = discovery.kubernetes.pods.targets
  rule {
    source_labels = ["__meta_kubernetes_namespace"]
    target_label  = "namespace"
  }
  rule {
    source_labels = ["__meta_kubernetes_pod_name"]
    target_label  = "pod"
  }
  rule {
    source_labels = ["__meta_kubernetes_pod_label_audifi_io_component"]
    target_label  = "component"
  }
}

loki.source.kubernetes "pods" {
  targets    = discovery.relabel.pods.output
  forward_to = [loki.process.levels.receiver]
}

loki.process "levels" {
  stage.json {
    expressions = { level = "level" }
  }
  stage.labels {
    values = { level = "" }
  }
  forward_to = [loki.write.loki.receiver]
}

loki.write "loki" {
  endpoint {
    url = "%s/loki/api/v1/push"
  }
}
"""


def files(topology: Topology) -> tuple[File, ...]:
    """One file per chart."""
    return tuple(_file(topology, chart) for chart in operators.CHARTS)


def _file(topology: Topology, chart: Chart) -> File:
    component = COMPONENTS.get(chart.name)
    sources = (f"component {component}",) if component else ("Topology",)
    release = component or chart.name
    how = (
        f"# {chart.purpose}. Chart {chart.name} {chart.version}, from {chart.repository}:\n"
        f"#   helm upgrade --install {release} {chart.name} --version {chart.version}"
        f" --namespace {chart.namespace} --values values/{chart.name}.yaml\n"
    )
    body = yaml_text([VALUES[chart.name](topology)], sources).removeprefix(header(sources))
    return File(path=f"values/{chart.name}.yaml", text=header(sources) + how + body, sources=sources)


def _signal(topology: Topology, name: str) -> Telemetry:
    return next(each for each in topology.telemetry if each.signal == name)


def _sized(component: Component) -> Json:
    size = component.resources
    assert size is not None, f"{component.name} says its size"
    return {
        "requests": {"cpu": f"{size.cpu_request_m}m", "memory": f"{size.memory_request_mib}Mi"},
        "limits": {"memory": f"{size.memory_limit_mib}Mi"},
    }


def _storage_gib(component: Component) -> str:
    return f"{component.resources.storage_gib if component.resources else 10}Gi"


def _claim(component: Component) -> Json:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": _storage_gib(component)}}}
    return {"volumeClaimTemplate": {"spec": spec}}


def _without(*parts: str) -> Json:
    return {part: {"enabled": False} for part in parts}


def _monitored(component: str) -> Json:
    return {"selfMonitor": True, "relabelings": relabelings(component)}


def _url(topology: Topology, name: str, port: str) -> str:
    component = topology.component(name)
    return f"http://{host(topology, component)}:{component.port(port).number}"


def _gateway(topology: Topology) -> Json:  # noqa: ARG001  # every chart has it
    """Proxies stand in their Gateway's namespace, where our policies and quotas are."""
    kubernetes = {"deploy": {"type": "GatewayNamespace"}}
    provider = {"type": "Kubernetes", "kubernetes": kubernetes}
    return {"deployment": {"replicas": 2}, "config": {"envoyGateway": {"provider": provider}}}


def _cert_manager(topology: Topology) -> Json:  # noqa: ARG001
    return {"crds": {"enabled": True}, "replicaCount": 2, "webhook": {"replicaCount": 2}}


def _postgres(topology: Topology) -> Json:  # noqa: ARG001
    return {"replicaCount": 2, "crds": {"create": True}}


def _barman(topology: Topology) -> Json:  # noqa: ARG001
    return {"crds": {"create": True}}


def _external_secrets(topology: Topology) -> Json:  # noqa: ARG001
    return {"installCRDs": True, "replicaCount": 2, "leaderElect": True}


def _stack(topology: Topology) -> Json:
    """Prometheus, Alertmanager, Grafana. No node exporter: it wants the node's network and files; the kubelet knows."""
    absent = _without("kubeControllerManager", "kubeEtcd", "kubeProxy", "kubeScheduler", "nodeExporter")
    return {
        "fullnameOverride": "audifi",
        "defaultRules": {"create": False},  # ours are topology.alerts
        **absent,
        "prometheusOperator": {"admissionWebhooks": {"certManager": {"enabled": True}}},  # and no job in our namespace
        "prometheus": {"prometheusSpec": _prometheus(topology), "serviceMonitor": _monitored("prometheus")},
        "alertmanager": _alertmanager(topology),
        "grafana": _grafana(topology),
    }


def _prometheus(topology: Topology) -> Json:
    component, signal = topology.component("prometheus"), _signal(topology, "metrics")
    selectors = ("serviceMonitor", "podMonitor", "probe", "rule", "scrapeConfig")
    return {
        "replicas": component.replicas,
        "retention": f"{signal.retention_days}d",
        "scrapeInterval": f"{signal.interval_s}s",
        "evaluationInterval": f"{topology.watching.evaluate_s}s",
        "externalLabels": {"environment": topology.environment},
        "podMetadata": {"labels": identity(component)},
        "podAntiAffinity": "hard",
        "priorityClassName": topology.cluster.priority(component.kind).name,
        "resources": _sized(component),
        "storageSpec": _claim(component),
        **{f"{name}SelectorNilUsesHelmValues": False for name in selectors},
    }


def _alertmanager(topology: Topology) -> Json:
    component = topology.component("alertmanager")
    receivers = alertmanager.Receivers(
        slack_webhook_file=f"{RECEIVERS}/slack-webhook-url",
        pagerduty_key_file=f"{RECEIVERS}/pagerduty-routing-key",
    )
    return {
        "serviceMonitor": _monitored("alertmanager"),
        "config": cast("dict[str, Any]", yaml.safe_load(alertmanager.render(topology, receivers))),
        "alertmanagerSpec": {
            "replicas": component.replicas,
            "podMetadata": {"labels": identity(component)},
            "podAntiAffinity": "hard",
            "priorityClassName": topology.cluster.priority(component.kind).name,
            "resources": _sized(component),
            "storage": _claim(component),
            "secrets": ["alertmanager-receivers"],
        },
    }


def _grafana(topology: Topology) -> Json:
    component = topology.component("grafana")
    sources = [
        {"name": "Loki", "type": "loki", "uid": "loki", "access": "proxy", "url": _url(topology, "loki", "http")},
        {"name": "Tempo", "type": "tempo", "uid": "tempo", "access": "proxy", "url": _url(topology, "tempo", "http")},
    ]
    return {
        "podLabels": identity(component),
        "resources": _sized(component),
        "persistence": {"enabled": True, "size": _storage_gib(component)},
        "initChownData": {"enabled": False},  # it would run as root; fsGroup does the same
        "testFramework": {"enabled": False},
        "serviceMonitor": {"enabled": False},
        "additionalDataSources": sources,
        "extraSecretMounts": [
            {
                "name": "receivers",
                "secretName": "grafana-receivers",
                "mountPath": "/etc/secrets/receivers",
                "readOnly": True,
            }
        ],
    }


def _blackbox(topology: Topology) -> Json:
    component = topology.component("blackbox-exporter")
    return {
        "fullnameOverride": component.name,
        "pod": {"labels": identity(component)},
        "resources": _sized(component),
        "service": {"port": component.port("http").number},
        "config": cast("dict[str, Any]", yaml.safe_load(prober.render())),
    }


def _loki(topology: Topology) -> Json:
    """One binary on one volume: its loss costs sight, not service (topology.telemetry)."""
    component, signal = topology.component("loki"), _signal(topology, "logs")
    streams = [
        {"selector": f'{{level="{level}"}}', "priority": 1, "period": f"{HOURS * days}h"}
        for level, days in KEPT_DAYS.items()
    ]
    schema = {
        "from": "2026-01-01",
        "store": "tsdb",
        "object_store": "filesystem",
        "schema": "v13",
        "index": {"prefix": "index_", "period": "24h"},
    }
    absent = _without("gateway", "lokiCanary", "test", "chunksCache", "resultsCache")
    return {
        "fullnameOverride": component.name,
        "deploymentMode": "SingleBinary",
        **absent,
        **{name: {"replicas": 0} for name in ("read", "write", "backend")},
        "singleBinary": {
            "replicas": component.replicas,
            "podLabels": identity(component),
            "resources": _sized(component),
            "persistence": {"enabled": True, "size": _storage_gib(component)},
        },
        "loki": {
            "auth_enabled": False,
            "commonConfig": {"replication_factor": 1},
            "storage": {"type": "filesystem"},
            "schemaConfig": {"configs": [schema]},
            "compactor": {"retention_enabled": True, "delete_request_store": "filesystem"},
            "limits_config": {
                "retention_period": f"{HOURS * signal.retention_days}h",
                "retention_stream": streams,
            },
        },
    }


def _tempo(topology: Topology) -> Json:
    """Whoever sends a trace has decided to: sampling is at the source (Telemetry.sample_percent)."""
    component, signal = topology.component("tempo"), _signal(topology, "traces")
    otlp = {"protocols": {"http": {"endpoint": f"0.0.0.0:{component.port('otlp').number}"}}}
    return {
        "fullnameOverride": component.name,
        "podLabels": identity(component),
        "persistence": {"enabled": True, "size": _storage_gib(component)},
        "tempo": {
            "retention": f"{HOURS * signal.retention_days}h",
            "resources": _sized(component),
            "receivers": {"otlp": otlp},
            "reportingEnabled": False,
        },
    }


def _alloy(topology: Topology) -> Json:
    component = topology.component(EVERY_NODE)
    node = {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    return {
        "fullnameOverride": component.name,
        "controller": {"type": "daemonset", "podLabels": identity(component)},
        "alloy": {
            "configMap": {"content": COLLECT % _url(topology, "loki", "http")},
            "enableReporting": False,
            "extraEnv": [node],
            "resources": _sized(component),
        },
    }


COMPONENTS: Final[Mapping[str, str]] = {
    "kube-prometheus-stack": "prometheus",
    "prometheus-blackbox-exporter": "blackbox-exporter",
    "loki": "loki",
    "tempo": "tempo",
    "alloy": EVERY_NODE,
}
VALUES: Final[Mapping[str, Callable[[Topology], Json]]] = {
    "gateway-helm": _gateway,
    "cert-manager": _cert_manager,
    "cloudnative-pg": _postgres,
    "plugin-barman-cloud": _barman,
    "external-secrets": _external_secrets,
    "kube-prometheus-stack": _stack,
    "prometheus-blackbox-exporter": _blackbox,
    "loki": _loki,
    "tempo": _tempo,
    "alloy": _alloy,
}
