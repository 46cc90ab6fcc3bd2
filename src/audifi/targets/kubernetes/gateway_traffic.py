"""Render on which terms requests pass the API's gateway: tokens and CORS by access, limits and retries by traffic.

Between: gateway_routes (labels its routes), targets.envoy (the same rules on one machine), wire.routes (numbers).
Shape: policies select routes by label, so a new row of wire.routes needs none of its own.
Limits here are floods' and each gateway pod's own; the services count exactly, over all pods, in Redis (kernel.limits).
Units: seconds and bytes as Kubernetes writes them.
Invariant: the token is verified here and by every service again; what may have arrived is never repeated.
Errors: KeyError when a domain or component is missing.
Source: https://gateway.envoyproxy.io/docs/ (1.9: SecurityPolicy, BackendTrafficPolicy); domain.md 4, 5.5, 5.7, 5.8.
"""

import json
from collections.abc import Iterator

from audifi.targets.envoy import clusters, replies
from audifi.targets.envoy import routes as local
from audifi.targets.envoy.gateway import Upstream
from audifi.targets.kubernetes import configuration
from audifi.targets.kubernetes.documents import Json, document, metadata
from audifi.targets.kubernetes.gateway_routes import ACCESS, ENVOY, GROUP, TRAFFIC
from audifi.topology.model.compute import Component
from audifi.topology.model.whole import Topology
from audifi.topology.references import PublicUrl
from audifi.wire import routes

REFUSED = (401, 403, 404, 413, 429, 503, 504)  # what Envoy itself says; the rest are the services' answers
TRAFFICS = ("read", "write", "sign-in", "upload", "stream")


def documents(topology: Topology) -> tuple[Json, ...]:
    """A policy per access and per traffic."""
    return (
        *(_security(topology, name, accesses) for name, accesses in TOKENS.items()),
        *(_traffic(topology, name) for name in TRAFFICS),
    )


TOKENS = {"public": ("public", "cookie"), "optional": ("optional",), "token": ("token",)}


def _security(topology: Topology, name: str, accesses: tuple[str, ...]) -> Json:
    spec: Json = {"targetSelectors": [_selected(ACCESS, *accesses)], "cors": cors(topology)}
    if name != "public":
        spec["jwt"] = {**({"optional": True} if name == "optional" else {}), "providers": [_tokens(topology)]}
    return document(ENVOY, "SecurityPolicy", metadata(topology, _api(topology), f"access-{name}"), spec=spec)


def _selected(label: str, *values: str) -> Json:
    return {
        "group": GROUP,
        "kind": "HTTPRoute",
        "matchExpressions": [{"key": label, "operator": "In", "values": list(values)}],
    }


def _api(topology: Topology) -> Component:
    return topology.component("api-gateway")


def cors(topology: Topology) -> Json:
    """Which pages may call us. A pattern with a star inside a label has no word here: such pages get no answer."""
    declared = topology.surface.cors
    return {
        "allowOrigins": [configuration.text(each, topology, _api(topology)) for each in declared.origins],
        "allowMethods": list(declared.methods),
        "allowHeaders": list(declared.request_headers),
        "exposeHeaders": list(declared.exposed_headers),
        "maxAge": f"{declared.max_age_s}s",
        "allowCredentials": declared.credentials,
    }


def _tokens(topology: Topology) -> Json:
    auth = topology.component("auth-service")
    where = configuration.address(topology, auth.name, "http")

    def public(name: str) -> str:
        return configuration.text(PublicUrl(domain=name), topology, auth)

    return {
        "name": "audifi",
        "issuer": public("api"),
        "audiences": [public("apex")],
        "extractFrom": {"headers": [{"name": "Authorization", "valuePrefix": "Bearer "}]},
        "remoteJWKS": {
            "uri": f"http://{where}/.well-known/jwks.json",
            "backendRefs": [{"name": auth.name, "port": auth.port("http").number}],
            "cacheDuration": f"{routes.JWKS_CACHE_S}s",
        },
    }


def _traffic(topology: Topology, kind: str) -> Json:
    """Limits of one kind of request; the numbers are those of targets.envoy."""
    flood = routes.AUTH_FLOOD_PER_S if kind == "sign-in" else routes.FLOOD_PER_S
    spec: Json = {
        "targetSelectors": [_selected(TRAFFIC, kind)],
        **backends(),
        "retry": retry(safe=kind == "read"),
        "rateLimit": {"type": "Local", "local": {"rules": [*_per_caller(topology), _all(flood)]}},
        "responseOverride": [_refusal(status) for status in REFUSED],
    }
    if kind not in {"upload", "stream"}:  # those are counted by the service while they pass
        spec["requestBuffer"] = {"limit": f"{routes.BODY_BYTES // 1024**2}Mi"}
    if kind == "stream":
        spec["timeout"]["http"]["streamIdleTimeout"] = f"{routes.STREAM_IDLE_S}s"
    return document(ENVOY, "BackendTrafficPolicy", metadata(topology, _api(topology), f"traffic-{kind}"), spec=spec)


def backends() -> Json:
    """How pods behind a gateway are treated: as on one machine (targets.envoy.clusters)."""
    same = Upstream(name="any", pods=())
    return {
        "loadBalancer": {"type": "LeastRequest"},
        "timeout": {
            "tcp": {"connectTimeout": f"{routes.CONNECT_TIMEOUT_S}s"},
            "http": {
                "connectionIdleTimeout": f"{clusters.UPSTREAM_IDLE_S}s"
            },  # shorter than the services' keep-alive: we close first
        },
        "circuitBreaker": {
            "maxConnections": same.connections_max,
            "maxPendingRequests": same.pending_max,
            "maxParallelRequests": same.requests_max,
            "retryBudget": {
                "percent": {"numerator": same.retry_budget_percent},
                "minRetryConcurrency": same.retries_min,
            },
        },
        "healthCheck": {
            "panicThreshold": clusters.PANIC_PERCENT,
            "passive": {
                "splitExternalLocalOriginErrors": True,
                "consecutiveLocalOriginFailures": 2,
                "consecutive5XxErrors": 0,  # a 503 with a reason is an answer; readiness decides instead
                "interval": "1s",
                "baseEjectionTime": "2s",
                "maxEjectionPercent": 67,
            },
        },
    }


def retry(*, safe: bool) -> Json:
    """Which attempts are made again. A write that may have arrived is never repeated here (targets.envoy.routes)."""
    triggers = ["connect-failure", "refused-stream", "reset-before-request"]
    again: Json = {"triggers": [*triggers, *(["reset", "retriable-status-codes"] if safe else [])]}
    if safe:
        again["httpStatusCodes"] = [503]
    return {
        "numRetries": local.ATTEMPTS,
        "perRetry": {"backOff": {"baseInterval": "25ms", "maxInterval": "250ms"}},
        "retryOn": again,
    }


def _per_caller(topology: Topology) -> Iterator[Json]:
    """Per address and per bearer: a flood of one caller ends here; what is exact, services count."""
    limits = {limit.name: limit for limit in topology.rate_limits}
    address = {"sourceCIDR": {"type": "Distinct", "value": "0.0.0.0/0"}}
    bearer = {"headers": [{"name": "Authorization", "type": "Distinct"}]}
    for name, who in (("ip", address), ("user", bearer)):
        yield {"clientSelectors": [who], "limit": {"requests": limits[name].count, "unit": "Minute"}}


def _all(per_s: int) -> Json:
    return {"limit": {"requests": per_s, "unit": "Second"}}


def _refusal(status: int) -> Json:
    """Our envelope for what Envoy itself refuses; what a service said is passed on."""
    body = json.dumps(replies.envelope(status, "%REQ(X-REQUEST-ID)%"))
    return {
        "match": {"statusCodes": [{"type": "Value", "value": status}]},
        "source": "Local",
        "response": {"contentType": "application/json", "body": {"type": "Inline", "inline": body}},
    }
