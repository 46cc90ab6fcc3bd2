"""Name every HTTP header that crosses a process boundary, and say who may set it.

Between: targets.nginx and targets.envoy (strip, set), kernel.server (reads), sdk (sends).
Invariant: nothing in IDENTITY is believed from outside; the edge and the gateway remove it, and services ignore it.
Source: domain.md 2.0, 4 (response headers), 5.5, 5.7; design.md "Security Headers".
"""

from typing import Final

REQUEST_ID: Final = "X-Request-ID"  # inbound value kept if it matches REQUEST_ID_PATTERN, else replaced
REQUEST_ID_PATTERN: Final = r"^[A-Za-z0-9_-]{8,64}$"
TRACEPARENT: Final = "traceparent"  # W3C Trace Context
DEADLINE: Final = "x-envoy-expected-rq-timeout-ms"  # milliseconds left, set by the gateway per route
CLIENT_IP: Final = "X-Forwarded-For"
INTERNAL_TOKEN: Final = "X-Internal-Token"  # noqa: S105  # 60-second token of the calling service
IDEMPOTENCY_KEY: Final = "Idempotency-Key"
CSRF: Final = "X-CSRF-Token"
LAST_EVENT_ID: Final = "Last-Event-ID"  # a stream's reader goes on after it
AFTER_WRITE: Final = "X-Consistency-Token"  # LSN of the caller's last write: reads are at least that fresh
LIMIT: Final = "X-RateLimit-Limit"
REMAINING: Final = "X-RateLimit-Remaining"
RESET: Final = "X-RateLimit-Reset"  # epoch seconds
RETRY_AFTER: Final = "Retry-After"  # seconds

# Headers that only our own gateway could have meant: removed from every request that comes from outside.
IDENTITY: Final = (
    "X-User-Id",
    "X-User-Roles",
    "X-Session-Id",
    "X-Mfa",
    "X-Plan",
    "X-Internal-Token",
    "X-Jwt-Payload",
)

# The design's five, then ours. X-XSS-Protection is obsolete and sent because the design asks; CSP does the work.
SECURITY: Final = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-XSS-Protection": "1; mode=block",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}
