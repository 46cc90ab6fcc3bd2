"""Render the edge's own refusals in the platform's envelope, one location per status.

    error_page 413 =413 /__problem_413;
    location = /__problem_413 { internal; return 413 '{"error":{"code":"PAYLOAD_TOO_LARGE",…},"requestId":"req_…"}'; }

Not named locations: nginx refuses to go to one when the request was so wrong that it has no address (500).

Between: wire.problems by way of targets.envoy.replies (same codes, same sentences), configuration.
Invariant: what the platform behind answers is passed on untouched; only the edge's own words are replaced.
Source: domain.md 2.0 (error envelope), 5.5 (Retry-After).
"""

import json

from audifi.targets.envoy import replies

# nginx's status -> the status we answer. 494: headers too large, 495-496: client certificates, 497: HTTP on the
# TLS port, 499: never sent.
STATUSES = {
    400: 400, 401: 401, 403: 403, 404: 404, 405: 405, 408: 408, 411: 400, 413: 413, 414: 400, 415: 415, 416: 400,
    421: 404, 426: 426, 429: 429, 494: 431, 495: 400, 496: 400, 497: 400, 500: 500, 501: 405, 502: 503, 503: 503,
    504: 504, 505: 400,
}  # fmt: skip


def _body(status: int) -> str:
    if status == 500:  # the one status that is a fault of this program
        error = {"code": "INTERNAL_ERROR", "message": "Something went wrong here."}
        return json.dumps({"error": error, "requestId": "$request_key"}, ensure_ascii=True)
    return json.dumps(replies.envelope(status, "$request_key"), ensure_ascii=True)


def _location(status: int) -> str:
    retry = (
        f"add_header Retry-After {replies.RETRY_AFTER_S} always; include headers.conf; "
        if status in {429, 503, 504}
        else ""
    )
    body = _body(status).replace("'", "\\'")
    return (
        f"    location = /__problem_{status} {{ internal; modsecurity off; default_type application/json; "
        f"{retry}return {status} '{body}'; }}"
    )


def locations() -> str:
    """Return the error pages and the locations that answer them."""
    pages = [f"    error_page {seen} ={answered} /__problem_{answered};" for seen, answered in sorted(STATUSES.items())]
    return "\n".join([*pages, *(_location(status) for status in sorted(set(STATUSES.values())))]) + "\n"
