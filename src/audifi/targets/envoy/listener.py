"""Render the public listener: strict HTTP, request identity, access log, tracing.

Between: bootstrap (puts it into the file), filters, routes, replies.
Invariant: what two HTTP parsers could read differently is refused here: folded or underscored headers, escaped
slashes, HTTP/1.0, a Content-Length beside Transfer-Encoding.
Units: *_s seconds, *_kb 1024 bytes.
Source: Envoy 1.40 HTTP connection manager and edge best practices; domain.md 2.0, 5.4, 6.3.
"""

from audifi.targets.envoy import clusters, filters, replies, routes
from audifi.targets.envoy.gateway import Gateway, Json

TYPE = "type.googleapis.com/"
HEADERS_KB = 32  # a token, cookies and a trace fit many times over
HEADERS_MAX = 64
HEADERS_TIMEOUT_S = 10  # slow headers hold a connection this long
STREAM_IDLE_S = 65  # just above the route ceiling (domain.md 5.8)
CONNECTION_IDLE_S = 300  # longer than the edge keeps its side: the edge closes first and loses no request
CONNECTION_BUFFER_BYTES = 1024 * 1024


def access_log(service: str) -> Json:
    """Return domain.md 6.3's fields, one JSON object a line; the query is left out: it may hold a token."""
    fields = {
        "timestamp": "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%",
        "level": "info",
        "service": service,
        "message": "request",
        "requestId": "%REQ(X-REQUEST-ID)%",
        "traceparent": "%REQ(TRACEPARENT)%",
        "method": "%REQ(:METHOD)%",
        "path": "%PATH(NQ:ORIG_OR_PATH)%",
        "statusCode": "%RESPONSE_CODE%",
        "durationMs": "%DURATION%",
        "upstreamMs": "%RESPONSE_DURATION%",
        "ipAddress": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
        "userAgent": "%REQ(USER-AGENT)%",
        "upstream": "%UPSTREAM_CLUSTER%",
        "upstreamPod": "%UPSTREAM_HOST%",
        "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
        "bytesIn": "%BYTES_RECEIVED%",
        "bytesOut": "%BYTES_SENT%",
        "flags": "%RESPONSE_FLAGS%",
        "details": "%RESPONSE_CODE_DETAILS%",
    }
    return {
        "name": "envoy.access_loggers.stdout",
        "typed_config": {
            "@type": f"{TYPE}envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
            "log_format": {"json_format": fields},
        },
    }


def tracing(service: str) -> Json:
    """Return where spans go."""
    kind = "envoy.config.trace.v3.OpenTelemetryConfig"
    collector = {
        "http_uri": {
            "uri": f"http://{clusters.OTLP_CLUSTER}/v1/traces",
            "cluster": clusters.OTLP_CLUSTER,
            "timeout": "1s",
        }
    }
    return {
        "provider": {
            "name": "envoy.tracers.opentelemetry",
            "typed_config": {"@type": TYPE + kind, "http_service": collector, "service_name": service},
        }
    }


def request_ids() -> Json:
    """Return that ids are ours alone to make: filters.request_id."""
    kind = "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig"
    return {
        "typed_config": {"@type": TYPE + kind, "pack_trace_reason": False, "use_request_id_for_trace_sampling": False}
    }


def paths_and_protocol() -> Json:
    """Return what of HTTP is understood here."""
    return {
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "max_request_headers_kb": HEADERS_KB,
        "request_headers_timeout": f"{HEADERS_TIMEOUT_S}s",
        "stream_idle_timeout": f"{STREAM_IDLE_S}s",
        "http_protocol_options": {"accept_http_10": False},
        "common_http_protocol_options": {
            "max_headers_count": HEADERS_MAX,
            "headers_with_underscores_action": "REJECT_REQUEST",
            "idle_timeout": f"{CONNECTION_IDLE_S}s",
        },
    }


def _virtual_host(gateway: Gateway) -> Json:
    return {
        "name": "api",
        "domains": ["*"],
        "routes": routes.entries(gateway),
        "typed_per_filter_config": {"envoy.filters.http.cors": filters.cors_policy(gateway.cors)},
    }


def connection_manager(gateway: Gateway) -> Json:
    """Return the HTTP connection manager."""
    manager: Json = {
        "@type": f"{TYPE}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "public",
        "codec_type": "HTTP1",
        "server_header_transformation": "PASS_THROUGH",
        "use_remote_address": True,
        "xff_num_trusted_hops": gateway.trusted_hops,
        "skip_xff_append": True,
        "generate_request_id": True,
        "preserve_external_request_id": True,
        "always_set_request_id_in_response": True,
        "request_id_extension": request_ids(),
        "early_header_mutation_extensions": filters.early_mutations(),
        "access_log": [access_log("api-gateway")],
        "local_reply_config": replies.local_replies(gateway.version),
        "http_filters": filters.chain(gateway),
        "route_config": {"name": "public", "virtual_hosts": [_virtual_host(gateway)]},
        "strip_any_host_port": True,
        **paths_and_protocol(),
    }
    return {**manager, "tracing": tracing("api-gateway")} if gateway.otlp else manager


def listener(gateway: Gateway) -> Json:
    """Return the public listener."""
    manager = {"name": "envoy.filters.network.http_connection_manager", "typed_config": connection_manager(gateway)}
    return {
        "name": "public",
        "address": {"socket_address": {"address": gateway.listen.host, "port_value": gateway.listen.port}},
        "per_connection_buffer_limit_bytes": CONNECTION_BUFFER_BYTES,
        "filter_chains": [{"filters": [manager]}],
    }
