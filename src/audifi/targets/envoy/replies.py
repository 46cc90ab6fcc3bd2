"""Render the gateway's own refusals in the platform's envelope, so that a client never meets two formats.

    {"error": {"code": "UNAUTHORIZED", "message": "A valid access token is required."}, "requestId": "req_…"}

Two answers of Envoy's are corrected here: keys that could not be fetched are our failure (503, not 401), and a
token for another audience is an invalid token (401, not 403).

Between: wire.problems (codes and messages), listener.
Invariant: codes and statuses are those of wire.problems; no reason of an authentication failure is told.
Source: domain.md 2.0 (error envelope), 4 (no hint why); Envoy 1.40 local reply reference.
"""

from collections.abc import Mapping

from audifi.targets.envoy.gateway import Json
from audifi.wire import headers, problems

TYPE = "type.googleapis.com/"
OVERWRITE = "OVERWRITE_IF_EXISTS_OR_ADD"
RETRY_AFTER_S = 1

# Status that Envoy produces -> the problem that it is.
PROBLEMS: Mapping[int, type[problems.Problem]] = {
    400: problems.Invalid,
    401: problems.Unauthorized,
    403: problems.Forbidden,
    404: problems.NotFound,
    405: problems.MethodNotAllowed,
    413: problems.PayloadTooLarge,
    415: problems.UnsupportedMediaType,
    429: problems.RateLimited,
    503: problems.Unavailable,
    504: problems.UpstreamTimedOut,
}
MESSAGES: Mapping[int, str] = {
    400: "The request is not well-formed HTTP.",
    408: "The request did not arrive completely in time.",
    426: "This protocol version is not served.",
    431: "The request has too many or too large headers.",
    502: "The service's answer could not be understood; try again shortly.",
}
UNHEALTHY: Json = {"status": "unhealthy", "checks": {}}


def message(status: int) -> str:
    """Return the sentence for a status: ours where the problem's own would mislead."""
    if status in MESSAGES:
        return MESSAGES[status]
    return (PROBLEMS[status].__doc__ or "").strip()


def code(status: int) -> str:
    """Return the stable code for a status."""
    if status in PROBLEMS:
        return PROBLEMS[status].code
    return problems.Unavailable.code if status >= 500 else problems.Invalid.code


def envelope(status: int, request_id: str) -> Json:
    """Return the envelope; `request_id` is the proxy's own way to say it."""
    return {"error": {"code": code(status), "message": message(status)}, "requestId": request_id}


def security_headers() -> list[Json]:
    """Return the design's headers, each exactly once."""
    pairs = {**headers.SECURITY, "Cache-Control": "no-store"}
    return [{"header": {"key": key, "value": value}, "append_action": OVERWRITE} for key, value in pairs.items()]


def _status_is(status: int) -> Json:
    comparison = {"op": "EQ", "value": {"default_value": status, "runtime_key": f"local_reply.{status}"}}
    return {"status_code_filter": {"comparison": comparison}}


def _details_contain(text: str) -> Json:
    kind = "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"
    return {
        "extension_filter": {
            "name": "cel",
            "typed_config": {"@type": TYPE + kind, "expression": f"response.code_details.contains('{text}')"},
        }
    }


def _path_is(path: str) -> Json:
    return {"header_filter": {"header": {"name": ":path", "string_match": {"prefix": path}}}}


def _mapper(condition: Json, status: int, *, rewrite: bool = False) -> Json:
    extra = [("Retry-After", str(RETRY_AFTER_S))] if status in {429, 503, 504} else []
    mapper: Json = {
        "filter": condition,
        "body_format_override": {
            "json_format": envelope(status, f"%REQ({headers.REQUEST_ID.upper()})%"),
            "content_type": "application/json",
        },
        "headers_to_add": security_headers()
        + [{"header": {"key": key, "value": value}, "append_action": OVERWRITE} for key, value in extra],
    }
    return {**mapper, "status_code": status} if rewrite else mapper


def _health(path: str, version: str) -> Json:
    """Answer for a platform whose services are all gone, in the form that probes expect."""
    body: Json = {**UNHEALTHY, "timestamp": "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%", "version": version}
    return {
        "filter": {"and_filter": {"filters": [_path_is(path), _status_is(503)]}},
        "body_format_override": {"json_format": body, "content_type": "application/json"},
        "headers_to_add": security_headers(),
    }


def local_replies(version: str) -> Json:
    """Return HCM's local_reply_config; the first mapper that fits decides."""
    statuses = sorted({*PROBLEMS, *MESSAGES})
    return {
        "mappers": [
            _mapper(_details_contain("Jwks_remote_fetch"), 503, rewrite=True),
            _mapper(_details_contain("Audiences_in_Jwt"), 401, rewrite=True),
            *(_health(path, version) for path in ("/health", "/v1/health", "/api/v1/health")),
            *(_mapper(_status_is(status), status) for status in statuses),
        ],
        "body_format": {
            "json_format": envelope(503, f"%REQ({headers.REQUEST_ID.upper()})%"),
            "content_type": "application/json",
        },
    }
