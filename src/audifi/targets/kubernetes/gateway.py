"""Render both gateways by the Gateway API and Envoy Gateway: listeners, pods, what clients may do, live pods.

    GatewayClass audifi
      ├─ Gateway api-gateway    https: api.…, http: 301        HTTPRoutes of wire.routes (gateway_routes)
      └─ Gateway ws-balancer    https: ws.…, http: 301         one HTTPRoute, sticky by cookie
                                pod-1 … pod-n: TLS ends here, the stream goes to that pod (TCPRoute)

Between: topology (numbers, hosts, TLS), wire.headers, wire.live, targets.envoy (the same rules on one machine).
Why a port per live pod: the address names the pod (docs/decisions/0046), and a proxy that reads no frames cannot read
the path either; the CDN takes `/p/<n>` off and goes to that port.
Units: seconds and bytes as Kubernetes writes them.
Invariant: no plain HTTP but 301; TLS of the topology's versions and ciphers; only the CDN's networks reach us.
Errors: KeyError when a domain or component is missing.
Source: https://gateway.envoyproxy.io/docs/ (1.9); kubernetes.md checklist (Gateway); domain.md 5.2-5.8.
"""

from collections.abc import Iterator

from audifi.targets.envoy import balancer, listener
from audifi.targets.kubernetes import gateway_routes, gateway_traffic
from audifi.targets.kubernetes.confinement import container_security, pod_security
from audifi.targets.kubernetes.documents import Json, document, identity, metadata
from audifi.targets.kubernetes.gateway_routes import API, ENVOY, GROUP
from audifi.targets.kubernetes.policies import ENTRANCE, pod_ports
from audifi.targets.kubernetes.secrets import ORIGIN
from audifi.topology import operators
from audifi.topology.model.compute import Component
from audifi.topology.model.whole import Topology
from audifi.wire import headers
from audifi.wire.live import addresses

CLASS = "audifi"
CONTROLLER = "gateway.envoyproxy.io/gatewayclass-controller"
SCRATCH = "64Mi"


def documents(topology: Topology) -> tuple[Json, ...]:
    """Both gateways, what goes through them, and on which terms."""
    gateways = [topology.component(name) for name in operators.BY_GATEWAY]
    return (
        document(API, "GatewayClass", {"name": CLASS}, spec={"controllerName": CONTROLLER}),
        *(each for gateway in gateways for each in _gateway(topology, gateway)),
        *gateway_routes.documents(topology),
        *gateway_traffic.documents(topology),
        *_live(topology),
    )


def _gateway(topology: Topology, component: Component) -> Iterator[Json]:
    yield _pods(topology, component)
    yield _listeners(topology, component)
    yield _redirect(topology, component)
    yield _clients(topology, component)


def domain(component: Component) -> str:
    """Which of our hosts a gateway answers for."""
    return "ws" if component.name == ENTRANCE else "api"


def _listeners(topology: Topology, component: Component) -> Json:
    host = topology.domain(domain(component)).host
    same = {"namespaces": {"from": "Same"}}
    tls = {"mode": "Terminate", "certificateRefs": [{"kind": "Secret", "name": ORIGIN}]}
    listeners: list[Json] = [
        {"name": "http", "port": 80, "protocol": "HTTP", "hostname": host, "allowedRoutes": same},
        {"name": "https", "port": 443, "protocol": "HTTPS", "hostname": host, "tls": tls, "allowedRoutes": same},
    ]
    if component.name == ENTRANCE:
        kinds = {"kinds": [{"group": GROUP, "kind": "TCPRoute"}], **same}
        listeners += [
            {"name": f"pod-{number}", "port": port, "protocol": "TLS", "tls": tls, "allowedRoutes": kinds}
            for number, port in _live_ports(topology)
        ]
    spec = {
        "gatewayClassName": CLASS,
        "infrastructure": {
            "labels": identity(component),
            "parametersRef": {"group": "gateway.envoyproxy.io", "kind": "EnvoyProxy", "name": component.name},
        },
        "listeners": listeners,
    }
    return document(API, "Gateway", metadata(topology, component), spec=spec)


def _live_ports(topology: Topology) -> tuple[tuple[int, int], ...]:
    """The number of each live pod and its port."""
    return tuple(enumerate(pod_ports(topology, topology.surface.websocket.component), start=1))


def _pods(topology: Topology, component: Component) -> Json:
    """How the proxies run: as declared, like every other pod of ours."""
    available = component.availability
    assert available is not None, f"{component.name} says how it is kept available"
    scaling = topology.cluster.scaling(component.name)
    deployment: Json = {
        "name": component.name,
        "pod": {
            "labels": identity(component),
            "securityContext": pod_security(topology),
            "topologySpreadConstraints": [
                {
                    "maxSkew": 1,
                    "topologyKey": key,
                    "whenUnsatisfiable": "DoNotSchedule",
                    "labelSelector": {"matchLabels": identity(component)},
                    "matchLabelKeys": ["pod-template-hash"],
                }
                for key in available.spread
            ],
        },
        "container": {"resources": _resources(component), "securityContext": container_security(topology)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
    }
    kubernetes: Json = {
        "envoyDeployment": deployment if scaling else {**deployment, "replicas": component.replicas},
        "envoyPDB": {"maxUnavailable": available.max_unavailable},
        "envoyService": {
            "name": component.name,
            "type": "LoadBalancer",
            "externalTrafficPolicy": "Local",  # keeps the caller's address: policies and limits look at it
            "loadBalancerSourceRanges": list(operators.EDGE_NETWORKS),
        },
    }
    if scaling:
        kubernetes["envoyHpa"] = {
            "minReplicas": component.replicas,
            "maxReplicas": scaling.replicas_max,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {
                        "name": "cpu",
                        "target": {"type": "Utilization", "averageUtilization": scaling.cpu_percent},
                    },
                }
            ],
            "behavior": {
                "scaleUp": {"stabilizationWindowSeconds": scaling.grow_s},
                "scaleDown": {
                    "stabilizationWindowSeconds": scaling.shrink_s,
                    "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}],
                },
            },
        }
    spec: Json = {
        "provider": {"type": "Kubernetes", "kubernetes": kubernetes},
        "shutdown": {
            "drainTimeout": f"{available.grace_s - available.drain_s}s",
            "minDrainDuration": f"{available.drain_s}s",
        },
        "telemetry": {"metrics": {"prometheus": {}}},
    }
    return document(ENVOY, "EnvoyProxy", metadata(topology, component), spec=spec)


def _resources(component: Component) -> Json:
    size = component.resources
    assert size is not None, f"{component.name} says its size"
    return {
        "requests": {
            "cpu": f"{size.cpu_request_m}m",
            "memory": f"{size.memory_request_mib}Mi",
            "ephemeral-storage": SCRATCH,
        },
        "limits": {"memory": f"{size.memory_limit_mib}Mi", "ephemeral-storage": SCRATCH},
    }


def _redirect(topology: Topology, component: Component) -> Json:
    tls = topology.surface.tls
    spec = {
        "parentRefs": [{"name": component.name, "sectionName": "http"}],
        "hostnames": [topology.domain(domain(component)).host],
        "rules": [
            {
                "filters": [
                    {
                        "type": "RequestRedirect",
                        "requestRedirect": {"scheme": "https", "statusCode": tls.redirect_status},
                    }
                ]
            }
        ],
    }
    return document(API, "HTTPRoute", metadata(topology, component, f"{component.name}-to-https"), spec=spec)


def _clients(topology: Topology, component: Component) -> Json:
    """What we accept from whoever connects: the CDN."""
    tls = topology.surface.tls
    live = component.name == ENTRANCE
    answered = {**headers.SECURITY} if not live else {}
    spec = {
        "targetRefs": [{"group": GROUP, "kind": "Gateway", "name": component.name}],
        "tls": {
            "minVersion": tls.version_min,
            "ciphers": list(tls.ciphers),
            "alpnProtocols": ["http/1.1"] if live or not tls.http2 else ["h2", "http/1.1"],
        },
        # As the CDN wrote it: services take the last address that is no proxy's, which must not become the CDN's own.
        "clientIPDetection": {"xForwardedFor": {"numTrustedHops": 1, "disableXForwardedForAppend": True}},
        "headers": {
            "earlyRequestHeaders": {
                "remove": list(headers.IDENTITY),
                "removeOnMatch": [{"type": "Prefix", "value": "x-envoy-"}],
            },
            "lateResponseHeaders": {
                **({"set": [{"name": name, "value": value} for name, value in answered.items()]} if answered else {}),
                "remove": ["server", "x-powered-by"],
            },
            "requestID": "PreserveOrGenerate",
            "withUnderscoresAction": "RejectRequest",
        },
        "path": {"escapedSlashesAction": "RejectRequest"},
        "timeout": {
            "http": {
                "requestHeadersReceivedTimeout": f"{listener.HEADERS_TIMEOUT_S}s",
                "idleTimeout": "0s" if live else f"{listener.CONNECTION_IDLE_S}s",
            }
        },
        "connection": {"bufferLimit": balancer.BUFFER_BYTES if live else listener.CONNECTION_BUFFER_BYTES},
    }
    return document(ENVOY, "ClientTrafficPolicy", metadata(topology, component), spec=spec)


def _live(topology: Topology) -> Iterator[Json]:
    """Sockets: by cookie for addresses that name no pod, straight to the pod for those that do."""
    entrance = topology.component(ENTRANCE)
    pods = topology.component(topology.surface.websocket.component)
    port = pods.port("http").number
    paths = [
        {"path": {"type": "RegularExpression" if "{" in path else "Exact", "value": pattern}}
        for path, pattern in zip(addresses.PATHS, addresses.PATTERNS, strict=True)
    ]
    spec = {
        **gateway_routes.on(topology, entrance, domain(entrance)),
        "rules": [
            {
                "matches": paths,
                "timeouts": {"request": "0s", "backendRequest": "0s"},
                "backendRefs": [{"name": pods.name, "port": port}],
            }
        ],
    }
    yield document(API, "HTTPRoute", metadata(topology, entrance, "live"), spec=spec)
    yield _sticky(topology, entrance)
    for number, _ in _live_ports(topology):
        name = f"{pods.name}-{number}"
        stream = {
            "parentRefs": [{"name": entrance.name, "sectionName": f"pod-{number}"}],
            "rules": [{"backendRefs": [{"name": name, "port": port}]}],
        }
        yield document(API, "TCPRoute", metadata(topology, entrance, name), spec=stream)


def _sticky(topology: Topology, entrance: Component) -> Json:
    shared = gateway_traffic.backends()
    cookie = {"name": balancer.COOKIE, "ttl": "0s", "attributes": {"SameSite": "Lax", "Secure": "true"}}
    spec = {
        "targetRefs": [{"group": GROUP, "kind": "HTTPRoute", "name": "live"}],
        **shared,
        "loadBalancer": {"type": "ConsistentHash", "consistentHash": {"type": "Cookie", "cookie": cookie}},
        "retry": gateway_traffic.retry(safe=False),
        "circuitBreaker": dict.fromkeys(
            ("maxConnections", "maxPendingRequests", "maxParallelRequests"), balancer.SOCKETS_MAX
        ),
    }
    spec["timeout"] = {"tcp": shared["timeout"]["tcp"], "http": {"streamIdleTimeout": "0s"}}
    return document(ENVOY, "BackendTrafficPolicy", metadata(topology, entrance, "live"), spec=spec)
