"""Render the upstreams: who is healthy, who is ejected, how much may be in flight.

Three mechanisms find a dead pod, each covering what the others miss. A refused or reset connection makes the
request itself go to another pod (routes.py, at once). Outlier ejection takes a pod out after two such failures
(within a request or two under load). The active check on /ready takes out a pod that nobody asks, and one that
says it is draining: a wrong status counts at once, silence after two checks.

Between: bootstrap (collects), balancer (the same three for sockets), gateway.Upstream (numbers).
Invariant: ejection never empties an upstream; when every pod fails its checks, requests go to all of them, so the
caller gets the service's own refusal with its reason instead of the gateway's guess.
Source: Envoy 1.40 cluster, outlier detection and health checking reference; domain.md 5.8, 6.6.
"""

from audifi.targets.envoy.gateway import Address, Gateway, Json, Upstream

HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
CHECK_EVERY_S = 1  # a killed pod that nobody asks is out after two checks
PANIC_PERCENT = 20  # below it health is ignored: one pod of three (33 %) still counts as the healthy rest
UPSTREAM_IDLE_S = 30  # shorter than the services' keep-alive, so that we close first and lose no request to the race
OTLP_CLUSTER = "otlp"


def endpoint(address: Address) -> Json:
    """Return one host of a cluster."""
    socket = {"socket_address": {"address": address.host, "port_value": address.port}}
    return {"endpoint": {"address": socket}}


def http_protocol() -> Json:
    """Return HTTP/1.1 to the services, connections closed by us when idle."""
    return {
        HTTP_OPTIONS: {
            "@type": f"type.googleapis.com/{HTTP_OPTIONS}",
            "common_http_protocol_options": {"idle_timeout": f"{UPSTREAM_IDLE_S}s"},
            "explicit_http_config": {"http_protocol_options": {}},
        }
    }


def health_check(name: str) -> Json:
    """Return the question asked of every pod."""
    return {
        "timeout": "1s",
        "interval": f"{CHECK_EVERY_S}s",
        # Without these two Envoy checks an idle upstream once a minute.
        "no_traffic_interval": f"{CHECK_EVERY_S}s",
        "no_traffic_healthy_interval": f"{CHECK_EVERY_S}s",
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
        "http_health_check": {"path": "/ready", "host": name},
    }


def outliers() -> Json:
    """Return when a pod that refuses connections is left alone, and for how long."""
    return {
        "split_external_local_origin_errors": True,
        "consecutive_local_origin_failure": 2,
        "enforcing_consecutive_local_origin_failure": 100,
        "consecutive_gateway_failure": 5,
        "enforcing_consecutive_gateway_failure": 0,  # a 503 with a reason is an answer; /ready decides instead
        "enforcing_consecutive_5xx": 0,
        "enforcing_success_rate": 0,
        "enforcing_local_origin_success_rate": 0,
        "interval": "1s",
        "base_ejection_time": "2s",
        "max_ejection_time": "30s",
        "max_ejection_percent": 67,
        "always_eject_one_host": True,
    }


def _breakers(upstream: Upstream) -> Json:
    return {
        "thresholds": [
            {
                "max_connections": upstream.connections_max,
                "max_pending_requests": upstream.pending_max,
                "max_requests": upstream.requests_max,
                "retry_budget": {
                    "budget_percent": {"value": upstream.retry_budget_percent},
                    "min_retry_concurrency": upstream.retries_min,
                },
                "track_remaining": True,
            }
        ]
    }


def service_cluster(upstream: Upstream) -> Json:
    """Return the cluster of one service."""
    return {
        "name": upstream.name,
        "type": "STATIC",
        "lb_policy": "LEAST_REQUEST",
        "connect_timeout": f"{upstream.connect_ms / 1000:g}s",
        "load_assignment": {
            "cluster_name": upstream.name,
            "endpoints": [{"lb_endpoints": [endpoint(pod) for pod in upstream.pods]}],
        },
        "typed_extension_protocol_options": http_protocol(),
        "health_checks": [health_check(upstream.name)],
        "outlier_detection": outliers(),
        "circuit_breakers": _breakers(upstream),
        "common_lb_config": {"healthy_panic_threshold": {"value": PANIC_PERCENT}},
    }


def otlp_cluster(address: Address) -> Json:
    """Return the collector's cluster: traces by OTLP over HTTP."""
    return {
        "name": OTLP_CLUSTER,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": OTLP_CLUSTER,
            "endpoints": [{"lb_endpoints": [endpoint(address)]}],
        },
        "typed_extension_protocol_options": http_protocol(),
    }


def clusters(gateway: Gateway) -> list[Json]:
    """Return every upstream of this gateway."""
    services = [service_cluster(upstream) for upstream in gateway.upstreams]
    return [*services, *([otlp_cluster(gateway.otlp)] if gateway.otlp else [])]
