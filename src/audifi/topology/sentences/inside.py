"""Promise what the design says about pods, the cluster, live connections, chains and pins.

Between: topology.promises. Units: each budget names its own.
Errors: none.
Source: design.md "Network Topology", "Backend Infrastructure", "Real-Time Connectivity", "External Services".
"""

from audifi.topology.detection import PROCESS_KILLED
from audifi.topology.model.promise import Proof
from audifi.topology.sentences.wording import KUBERNETES, behaves, configured, count, drilled

PODS = "design.md, Network Topology"
TEMPLATE = "design.md, Kubernetes Configuration"
LIVE = "design.md, WebSocket Architecture"
HANDLING = "design.md, Connection Handling"
RPC = "design.md, Blockchain RPC"
IPFS = "design.md, IPFS Pinning"

POD_PROMISES = (
    count("pods-auth", "AUTH SERVICE (3 pods)", "auth-service", 3, "pods", source=PODS),
    count("pods-nft", "NFT/IPO SERVICE (3 pods)", "nft-service", 3, "pods", source=PODS),
    count("pods-vstudio", "V STUDIO SERVICE (3 pods)", "vstudio-service", 3, "pods", source=PODS),
    count("pods-payment", "PAYMENT SERVICE (2 pods)", "payment-service", 2, "pods", source=PODS),
    count("pods-coin", "COIN SERVICE (2 pods)", "coin-service", 2, "pods", source=PODS),
    count("pods-analytics", "ANALYTICS SERVICE (2 pods)", "analytics-service", 2, "pods", source=PODS),
    configured(
        "private-network",
        "Private Network between the cluster and the data layer",
        "postgres",
        source=PODS,
        proof=Proof.CLUSTER,
        awaits=KUBERNETES,
    ),
    behaves(
        "pod-loss",
        "replicas: 3",
        "auth-service",
        fault=PROCESS_KILLED,
        source=f"{TEMPLATE}; architecture.md 4",
        proof=drilled("pods-killed"),
    ),
    behaves(
        "gateway-loss",
        "API GATEWAY",
        "api-gateway",
        fault=PROCESS_KILLED,
        source=f"{PODS}; architecture.md 4",
        proof=drilled("gateway-killed"),
    ),
)

TEMPLATE_PROMISES = (
    configured(
        "image-name",
        "image: ghcr.io/audifi/auth-service",
        "auth-service",
        source=TEMPLATE,
        proof=Proof.CLUSTER,
        awaits=KUBERNETES,
    ),
    configured(
        "port-auth",
        "containerPort: 3001",
        "auth-service",
        amount=3001,
        unit="port",
        source=TEMPLATE,
        proof=Proof.CLUSTER,
        awaits=KUBERNETES,
    ),
    configured(
        "request-memory",
        'requests: memory: "256Mi"',
        "auth-service",
        amount=256,
        unit="MiB",
        source=TEMPLATE,
        proof=Proof.CLUSTER,
        awaits=KUBERNETES,
    ),
    configured(
        "request-cpu",
        'requests: cpu: "100m"',
        "auth-service",
        amount=100,
        unit="m",
        source=TEMPLATE,
        proof=Proof.CLUSTER,
        awaits=KUBERNETES,
    ),
    configured(
        "limit-memory",
        'limits: memory: "512Mi"',
        "auth-service",
        amount=512,
        unit="MiB",
        source=TEMPLATE,
        proof=Proof.CLUSTER,
        awaits=KUBERNETES,
    ),
    configured(
        "limit-cpu",
        'limits: cpu: "500m"',
        "auth-service",
        amount=500,
        unit="m",
        source=TEMPLATE,
        proof=Proof.CLUSTER,
        awaits=KUBERNETES,
    ),
    configured(
        "liveness", "livenessProbe: path: /health, port: 3001", "auth-service", source=TEMPLATE, awaits=KUBERNETES
    ),
    configured(
        "liveness-delay",
        "initialDelaySeconds: 10",
        "auth-service",
        amount=10,
        unit="s",
        source=TEMPLATE,
        proof=Proof.CLUSTER,
        awaits=KUBERNETES,
    ),
    configured(
        "readiness", "readinessProbe: path: /ready, port: 3001", "auth-service", source=TEMPLATE, awaits=KUBERNETES
    ),
    configured(
        "readiness-delay",
        "initialDelaySeconds: 5",
        "auth-service",
        amount=5,
        unit="s",
        source=TEMPLATE,
        proof=Proof.CLUSTER,
        awaits=KUBERNETES,
    ),
    configured(
        "mesh",
        "CURRENT: Start without mesh, add later as needed",
        "api-gateway",
        source="design.md, Service Mesh",
        proof=Proof.DECLARATION,
    ),
)

LIVE_PROMISES = (
    count("pods-ws", "WS Pod 1, WS Pod 2, WS Pod 3", "ws-gateway", 3, "pods", source=LIVE),
    configured("ws-sticky", "LOAD BALANCER (Sticky sessions enabled)", "ws-balancer", source=LIVE),
    behaves(
        "ws-affinity", "Load balancer sticky sessions", "ws-balancer", unit="requests that changed pod", source=HANDLING
    ),
    behaves(
        "ws-fan-out",
        "Redis Pub/Sub (cross-pod messaging)",
        "ws-gateway",
        unit="viewers that missed a vote",
        source=LIVE,
    ),
    behaves(
        "ws-reconnect",
        "Client-side exponential backoff",
        "ws-gateway",
        unit="viewers not back after a pod died",
        fault=PROCESS_KILLED,
        source=HANDLING,
        proof=drilled("ws-pod-killed"),
    ),
    behaves(
        "ws-scaling", "Redis Pub/Sub for cross-pod", "ws-gateway", unit="viewers that missed a vote", source=HANDLING
    ),
    behaves("ws-health", "Ping/pong frames", "ws-gateway", unit="dead connections kept over 70 s", source=HANDLING),
)

RPC_PROMISES = (
    configured("rpc-primary", "Primary: Alchemy", "alchemy", source=RPC),
    count("rpc-chains", "Ethereum Mainnet, Polygon, Base", "alchemy", 3, "chains", source=RPC),
    configured("rpc-fallback", "Fallback: Infura", "infura", source=RPC),
    behaves(
        "rpc-failover",
        "Automatic failover",
        "alchemy",
        unit="caller errors",
        fault="provider-lost",
        source=RPC,
        proof=drilled("rpc-primary-dead"),
    ),
    behaves(
        "rpc-rate-limit",
        "Rate limit backup",
        "infura",
        unit="caller errors",
        fault="rate-limited",
        source=RPC,
        proof=drilled("rpc-primary-limiting"),
    ),
    configured("rpc-pooling", "Connection pooling", "alchemy", source=RPC),
    configured(
        "rpc-retries",
        "Request retry logic",
        "alchemy",
        amount=3,
        unit="retries",
        source=f"{RPC}; domain.md 5.8",
        proof=Proof.LATER,
        awaits="counted at failing providers, one call was tried until its deadline, up to 20 times: sooner or later "
        "either the number or the pool changes",
    ),
    configured(
        "rpc-breaker",
        "Circuit breaker pattern",
        "alchemy",
        amount=5,
        unit="failures",
        source=f"{RPC}; domain.md 5.8",
        proof=Proof.LATER,
        awaits="its breaker is in the pods and shows itself by metrics: dashboards come later",
    ),
)

PAYMENT_PROMISES = (
    behaves(
        "payments-outage",
        "PAYMENT SERVICE",
        "payment-service",
        unit="purchases refused otherwise than cleanly, lost, or not charged once",
        fault="provider-lost",
        source=f"{PODS}; architecture.md 4: losing a provider loses nothing that was acknowledged",
        proof=drilled("stripe-down"),
    ),
    behaves(
        "payments-webhooks",
        "PAYMENT SERVICE",
        "payment-service",
        unit="purchases that are not finished and charged once",
        fault="webhook-storm",
        source=f"{PODS}; domain.md 2.4: webhooks come twice, late and in any order",
        proof=drilled("stripe-webhook-storm"),
    ),
)

IPFS_PROMISES = (
    configured("ipfs-primary", "Pinning Service: Pinata", "pinata", source=IPFS),
    configured("ipfs-gateway", "Dedicated gateway", "pinata", source=IPFS),
    behaves(
        "ipfs-pinning",
        "Pinning API",
        "pinata",
        unit="pins whose content does not match their CID",
        source=IPFS,
        proof=drilled("pinning-provider-lossy"),
    ),
    configured(
        "ipfs-regions",
        "Regional redundancy",
        "pinata",
        source=IPFS,
        proof=Proof.PROVIDER,
        awaits="Pinata: it has no interface that tells where a pin lies",
    ),
    count(
        "ipfs-backup",
        "Backup: NFT.Storage: Secondary pin locations",
        "nft-storage",
        2,
        "further places",
        source=IPFS,
        proof=Proof.LATER,
        awaits="a probe that mints: NFT.Storage takes its copy only then; a second provider has each pin now",
    ),
)

PROMISES = (*POD_PROMISES, *TEMPLATE_PROMISES, *LIVE_PROMISES, *RPC_PROMISES, *PAYMENT_PROMISES, *IPFS_PROMISES)
