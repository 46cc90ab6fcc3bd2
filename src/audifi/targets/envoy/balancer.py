"""Render the WebSocket pods' balancer: any socket to any pod, and back to the same one by a cookie.

Who connects for the first time gets the pod with the fewest sockets of two, and a cookie that names it. The cookie is
followed while that pod is healthy; when it is not, another is taken and the cookie rewritten. A hash of the cookie
would need no address in it, but moves a share of everybody when a pod is added, and back when one returns; this moves
nobody whose pod lives. The cookie shows a pod's private address and lets its bearer choose among the pods: both
harmless, since the pods take anybody's socket and nothing else listens where the cookie can point.

A pod that refuses a connection, or drops it before it answered, is left for another one within the same request. An
answer, 101 or a refusal, is passed on as it is.

Between: local.components.ws_balancer (writes it, starts Envoy), wire.live (paths, limits), agreement tests.
Invariant: nothing here ends a socket that is quiet: pings are the pods' business. A reader who stops is felt by the
pod within two small buffers here, so that the pod decides about slow viewers, not this program.
Known: an Envoy that stops cuts its sockets in the end; clients come back. Before that it takes no new ones for a while:
locally local.components.envoy waits, in the cluster a preStop hook does.
Source: Envoy 1.40 stateful session, WebSocket upgrade and retry reference; domain.md 3; realtime.md 2.8 (64 KB).
"""

from dataclasses import dataclass

from audifi.targets.envoy import bootstrap, clusters, filters, listener, replies, routes
from audifi.targets.envoy.gateway import Address, Json
from audifi.wire.live import addresses

COMPONENT = "ws-balancer"
CLUSTER = "ws-gateway"
TYPE = "type.googleapis.com/"
COOKIE = "audifi-live"
SOCKETS_MAX = 9_500  # two files each, below the 20,000 a process may hold (components.md 0); two pods: 19,000
BUFFER_BYTES = 32 * 1024  # a viewer's share each way
KERNEL_BYTES = 64 * 1024  # a socket's own; realtime.md 2.8: larger ones hide a reader who stopped
SOL_SOCKET, SO_SNDBUF, SO_RCVBUF = 1, 7, 8  # Linux


@dataclass(frozen=True, kw_only=True, slots=True)
class Balancer:
    """One balancer pod."""

    pod: str
    listen: Address
    admin: Address
    pods: tuple[Address, ...]
    connect_ms: int = 2000  # domain.md 5.8
    trusted_hops: int = 1  # proxies in front that write X-Forwarded-For: the edge
    version: str = "unknown"
    otlp: Address | None = None


def _stickiness() -> Json:
    cookie = {
        "name": COOKIE,
        "path": "/",
        "ttl": "0s",  # for as long as the browser runs
        "attributes": [{"name": "Secure"}, {"name": "SameSite", "value": "Lax"}],
    }
    state = {
        "name": "envoy.http.stateful_session.cookie",
        "typed_config": {
            "@type": f"{TYPE}envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState",
            "cookie": cookie,
        },
    }
    return {
        "name": "envoy.filters.http.stateful_session",
        "typed_config": {
            "@type": f"{TYPE}envoy.extensions.filters.http.stateful_session.v3.StatefulSession",
            "session_state": state,
        },
    }


def _routes() -> list[Json]:
    """Return the sockets' routes, then what is no socket (426) and what is not here (404).

    One entry per path: all in one would be more than RE2 takes.
    """
    upgrade = {"name": "upgrade", "string_match": {"exact": "websocket", "ignore_case": True}}
    route = {
        "cluster": CLUSTER,
        "timeout": "0s",
        "idle_timeout": "0s",
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "retry_policy": routes.retry_policy(safe=False),
    }
    paths: list[Json] = [{"safe_regex": {"regex": pattern}} for pattern in addresses.PATTERNS]
    sockets: list[Json] = [{"match": {**path, "headers": [upgrade]}, "route": route} for path in paths]
    refused: list[Json] = [{"match": path, "direct_response": {"status": 426}} for path in paths]
    return [*sockets, *refused, {"match": {"prefix": "/"}, "direct_response": {"status": 404}}]


def _connection_manager(balancer: Balancer) -> Json:
    router = {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{TYPE}{filters.HTTP}.router.v3.Router"}}
    manager: Json = {
        "@type": f"{TYPE}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "live",
        "codec_type": "HTTP1",
        "server_header_transformation": "PASS_THROUGH",
        "use_remote_address": True,
        "xff_num_trusted_hops": balancer.trusted_hops,
        "skip_xff_append": True,
        "generate_request_id": True,
        "preserve_external_request_id": True,
        "request_id_extension": listener.request_ids(),
        "early_header_mutation_extensions": filters.early_mutations(),
        "access_log": [listener.access_log(COMPONENT)],
        "local_reply_config": replies.local_replies(balancer.version),
        "http_filters": [filters.answer_headers(), filters.request_id(), _stickiness(), router],
        "route_config": {
            "name": "live",
            "virtual_hosts": [{"name": "live", "domains": ["*"], "routes": _routes()}],
        },
        "strip_any_host_port": True,
        **listener.paths_and_protocol(),
        "stream_idle_timeout": "0s",
    }
    return {**manager, "tracing": listener.tracing(COMPONENT)} if balancer.otlp else manager


def _kernel_buffer(option: int) -> Json:
    return {"level": SOL_SOCKET, "name": option, "int_value": KERNEL_BYTES}


def _listener(balancer: Balancer) -> Json:
    manager = {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": _connection_manager(balancer),
    }
    return {
        "name": "live",
        "address": {"socket_address": {"address": balancer.listen.host, "port_value": balancer.listen.port}},
        "per_connection_buffer_limit_bytes": BUFFER_BYTES,
        "socket_options": [_kernel_buffer(SO_SNDBUF)],
        "filter_chains": [{"filters": [manager]}],
    }


def _cluster(balancer: Balancer) -> Json:
    return {
        "name": CLUSTER,
        "type": "STATIC",
        "lb_policy": "LEAST_REQUEST",
        "connect_timeout": f"{balancer.connect_ms / 1000:g}s",
        "per_connection_buffer_limit_bytes": BUFFER_BYTES,
        "upstream_bind_config": {"socket_options": [_kernel_buffer(SO_RCVBUF)]},
        "load_assignment": {
            "cluster_name": CLUSTER,
            "endpoints": [{"lb_endpoints": [clusters.endpoint(pod) for pod in balancer.pods]}],
        },
        "typed_extension_protocol_options": clusters.http_protocol(),
        "health_checks": [clusters.health_check(CLUSTER)],
        "outlier_detection": clusters.outliers(),
        "circuit_breakers": {
            "thresholds": [
                {
                    "max_connections": SOCKETS_MAX,
                    "max_pending_requests": SOCKETS_MAX,
                    "max_requests": SOCKETS_MAX,
                    "max_retries": SOCKETS_MAX,  # a pod that dies is asked for by all who were on it
                }
            ]
        },
        "common_lb_config": {"healthy_panic_threshold": {"value": clusters.PANIC_PERCENT}},
    }


def render(balancer: Balancer) -> str:
    """Return the configuration as Envoy reads it."""
    collector = [clusters.otlp_cluster(balancer.otlp)] if balancer.otlp else []
    resources = {"listeners": [_listener(balancer)], "clusters": [_cluster(balancer), *collector]}
    return bootstrap.text(bootstrap.document(balancer.pod, balancer.admin, resources, connections_max=SOCKETS_MAX))
