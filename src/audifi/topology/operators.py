"""Declare who runs what in the cluster, at which versions, and which connections that takes beyond the links.

    api-gateway, ws-balancer        Envoy Gateway makes their pods from Gateways
    postgres, pgbouncer             CloudNativePG makes theirs from a Cluster and two Poolers
    prometheus, alertmanager, …     third parties' charts
    redis-cluster, redis-queue      StatefulSets of ours
    everything else                 Deployments of ours

Between: targets.kubernetes (renders it), tests/agreement (policies allow the links, these accesses and nothing else).
Invariant: versions are pinned; a port differs from the component's only where its operator decides it.
Errors: none.
Source: kubernetes.md "What is current"; charts' versions as their repositories list them for these applications.
"""

from typing import Final

from audifi.topology.model.compute import Image
from audifi.topology.model.operators import Access, Chart, Outsider

CURRENT: Final = "kubernetes.md, What is current"
GATEWAY: Final = "https://gateway.envoyproxy.io/docs/ (listeners below 1024 are shifted by 10000; metrics on 19001)"
POSTGRES: Final = "https://cloudnative-pg.io/documentation/1.30/ (instance manager: status on 8000; poolers on 5432)"

BY_GATEWAY: Final = ("api-gateway", "ws-balancer")
BY_POSTGRES: Final = ("postgres", "pgbouncer")
BY_CHART: Final = ("prometheus", "alertmanager", "grafana", "loki", "tempo", "blackbox-exporter", "collector")
OPERATED: Final = frozenset({*BY_GATEWAY, *BY_POSTGRES, *BY_CHART})

OBSERVABILITY: Final = "audifi-observability"  # where charts put what watches; topology.cluster names it
HTTPS: Final = 10_443  # of a proxy's pod; its Service and the load balancer say 443
HTTP: Final = 10_080  # answers 301 and nothing else

# Where an operator decides the number. Component and port as the topology names them.
PORTS: Final[dict[tuple[str, str], int]] = {
    **{(name, "http"): HTTPS for name in BY_GATEWAY},
    **{(name, "metrics"): 19_001 for name in BY_GATEWAY},
    ("pgbouncer", "pgbouncer"): 5432,
}

# A layer-4 address for each live pod: ports that the CDN passes HTTPS to. docs/decisions/0046
# Source: https://developers.cloudflare.com/fundamentals/reference/network-ports/
POD_PORTS: Final = (2053, 2083, 2087, 2096, 8443)

# Two poolers stand for one component: a pooler knows one Service, the primary's or the replicas'.
WRITER_POOLER: Final = "pgbouncer"
READER_POOLER: Final = "pgbouncer-ro"

# Source: https://www.cloudflare.com/ips-v4 (15 ranges, unchanged since 2021)
EDGE_NETWORKS: Final = (
    "103.21.244.0/22",
    "103.22.200.0/22",
    "103.31.4.0/22",
    "104.16.0.0/13",
    "104.24.0.0/14",
    "108.162.192.0/18",
    "131.0.72.0/22",
    "141.101.64.0/18",
    "162.158.0.0/15",
    "172.64.0.0/13",
    "173.245.48.0/20",
    "188.114.96.0/20",
    "190.93.240.0/20",
    "197.234.240.0/22",
    "198.41.128.0/17",
)
PRIVATE_NETWORKS: Final = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
# Never a third party: private, shared and link-local addresses (169.254.169.254 hands out a node's credentials).
NOT_PUBLIC: Final = (*PRIVATE_NETWORKS, "100.64.0.0/10", "169.254.0.0/16")

OUTSIDERS: Final = (
    Outsider(name="kube-dns", namespace="kube-system", labels=(("k8s-app", "kube-dns"),)),
    Outsider(name="api-server", networks=PRIVATE_NETWORKS),  # no pod: policies see its address, which a cluster knows
    Outsider(
        name="envoy-gateway", namespace="envoy-gateway-system", labels=(("app.kubernetes.io/name", "gateway-helm"),)
    ),
    Outsider(name="nodes", networks=PRIVATE_NETWORKS),  # the kubelets and what listens on a node's own address
    Outsider(name="prometheus-operator", namespace=OBSERVABILITY, labels=(("app", "kube-prometheus-stack-operator"),)),
    Outsider(
        name="kube-state-metrics",
        namespace=OBSERVABILITY,
        labels=(("app.kubernetes.io/name", "kube-state-metrics"),),
    ),
    # Gives pods the identity of their service account, and nothing of the node's. Source: cloud.google.com, "Workload
    # Identity Federation for GKE" (network policies: 169.254.169.252, ports 987 and 988)
    Outsider(name="workload-identity", networks=("169.254.169.252/32",)),
    Outsider(name="cloudnative-pg", namespace="cnpg-system", labels=(("app.kubernetes.io/name", "cloudnative-pg"),)),
)


def _among(component: str, *ports: int, why: str) -> Access:
    return Access(source=component, target=component, ports=ports, purpose=why, source_text="kubernetes.md, Redis")


ACCESSES: Final = (
    Access(source="*", target="kube-dns", ports=(53,), udp=True, purpose="names", source_text="kubernetes.md, Network"),
    *(
        Access(
            source=name, target="envoy-gateway", ports=(18_000,), purpose="its configuration (xDS)", source_text=GATEWAY
        )
        for name in BY_GATEWAY
    ),
    *(
        Access(source=name, target="api-server", ports=(443, 6443), purpose=why, source_text=text)
        for name, why, text in (
            ("postgres", "who is primary; its own status", POSTGRES),
            ("pgbouncer", "its settings", POSTGRES),
            ("prometheus", "which pods there are", CURRENT),
            ("collector", "which pods there are, and their logs", CURRENT),
            ("grafana", "dashboards that lie in ConfigMaps", CURRENT),
            ("prometheus-operator", "what it makes of monitors and rules", CURRENT),
            ("kube-state-metrics", "the state of every object", CURRENT),
        )
    ),
    Access(
        source="api-server",
        target="prometheus-operator",
        ports=(10_250,),
        purpose="whether a rule is valid (admission)",
        source_text=CURRENT,
    ),
    Access(source="prometheus", target="kube-state-metrics", ports=(8080,), purpose="scrape", source_text=CURRENT),
    Access(
        source="prometheus",
        target="nodes",
        ports=(10_250,),
        purpose="volumes and containers, by the kubelet",
        source_text=CURRENT,
    ),
    Access(
        source="alertmanager",
        target="alertmanager",
        ports=(9094,),
        purpose="who has told whom already",
        source_text=CURRENT,
    ),
    Access(
        source="postgres",
        target="postgres",
        ports=(5432, 8000),
        purpose="replication, and whether a primary is alone",
        source_text=POSTGRES,
    ),
    Access(
        source="cloudnative-pg",
        target="postgres",
        ports=(8000,),
        purpose="status, promotion, backups",
        source_text=POSTGRES,
    ),
    *(
        Access(
            source=name,
            target="workload-identity",
            ports=(987, 988),
            purpose="who it is to the object store",
            source_text="domain.md 5.3 (*.googleapis.com); no key of the store lies in the cluster",
        )
        for name in ("postgres", "redis-cluster", "redis-queue")
    ),
    _among("redis-cluster", 6379, 16379, why="replication and the cluster's bus"),
    _among("redis-queue", 6380, why="replication, and who is primary"),
)

# Beside every Redis. By tag: no digest is known for sure here (docs/production-checklist.md, exceptions).
REDIS_EXPORTER: Final = Image(
    repository="ghcr.io/oliver006/redis_exporter", tag="v1.74.0", source="domain.md 5.3 (exporters: 9121)"
)
# Of the drill that restores PostgreSQL: it makes a cluster and takes it away. By tag, for the same reason.
KUBECTL: Final = Image(
    repository="registry.k8s.io/kubectl", tag="v1.36.2", source="kubernetes.md (checked with 1.36.2's API)"
)

CHARTS: Final = (
    Chart(
        name="gateway-helm",
        repository="oci: envoyproxy",
        version="v1.9.0",
        application="v1.9.0",
        namespace="envoy-gateway-system",
        purpose="makes gateways' pods",
        source=CURRENT,
    ),
    Chart(
        name="cert-manager",
        repository="https://charts.jetstack.io",
        version="v1.21.1",
        application="v1.21.1",
        namespace="cert-manager",
        purpose="certificates",
        source=CURRENT,
    ),
    Chart(
        name="cloudnative-pg",
        repository="https://cloudnative-pg.github.io/charts",
        version="0.29.0",
        application="1.30.0",
        namespace="cnpg-system",
        purpose="PostgreSQL",
        source=CURRENT,
    ),
    Chart(
        name="plugin-barman-cloud",
        repository="https://cloudnative-pg.github.io/charts",
        version="0.7.1",
        application="",
        namespace="cnpg-system",
        purpose="PostgreSQL's backups",
        source=CURRENT,
    ),
    Chart(
        name="external-secrets",
        repository="https://charts.external-secrets.io",
        version="2.9.0",
        application="v2.9.0",
        namespace="external-secrets",
        purpose="secrets from a provider's store",
        source=CURRENT,
    ),
    Chart(
        name="kube-prometheus-stack",
        repository="https://prometheus-community.github.io/helm-charts",
        version="88.1.3",
        application="v0.93.0",
        namespace=OBSERVABILITY,
        purpose="Prometheus, Alertmanager, Grafana",
        source=CURRENT,
    ),
    Chart(
        name="prometheus-blackbox-exporter",
        repository="https://prometheus-community.github.io/helm-charts",
        version="11.18.0",
        application="v0.28.0",
        namespace=OBSERVABILITY,
        purpose="asks from outside",
        source=CURRENT,
    ),
    Chart(
        name="loki",
        repository="https://grafana-community.github.io/helm-charts",
        version="18.11.7",
        application="3.7.7",
        namespace=OBSERVABILITY,
        purpose="logs",
        source=CURRENT,
    ),
    Chart(
        name="tempo",
        repository="https://grafana-community.github.io/helm-charts",
        version="2.3.0",
        application="",
        namespace=OBSERVABILITY,
        purpose="traces",
        source=CURRENT,
    ),
    Chart(
        name="alloy",
        repository="https://grafana.github.io/helm-charts",
        version="1.12.1",
        application="",
        namespace=OBSERVABILITY,
        purpose="takes pods' logs to Loki (Promtail has reached its end)",
        source=CURRENT,
    ),
)


def chart(name: str) -> Chart:
    """The chart of that name."""
    return next(each for each in CHARTS if each.name == name)


def port(component: str, name: str, number: int) -> int:
    """The number a component's port has in its pods."""
    return PORTS.get((component, name), number)


def project(environment: str) -> str:
    """The provider's project: its secrets' store, its buckets and who may read them."""
    return f"audifi-{environment}"
