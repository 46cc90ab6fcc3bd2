"""Render the routing table: match, rewrite, deadline, retries, token demand.

Retries, decided precisely. GET and HEAD are tried again on another pod whenever no response has begun: connection
refused, stream refused, reset, 503. Everything else is tried again only where the request cannot have been seen:
the connection was never made (connect-failure), the stream was refused unprocessed (refused-stream), or it broke
before the first byte was sent (reset-before-request). A write that may have arrived is never repeated here: the
client repeats it with its Idempotency-Key.

Between: wire.routes (rows), filters (names of JWT requirements), bootstrap.
Invariant: every row becomes an entry per address and per method class; the last entry is our 404.
Units: seconds as Envoy writes them ("30s").
Source: domain.md 2.0, 5.8; Envoy 1.40 route and retry reference.
"""

import re
from collections.abc import Iterable, Iterator

from audifi.targets.envoy.gateway import Gateway, Json
from audifi.wire.routes import PREFIXES, ROUTES, SAFE_METHODS, STREAM_IDLE_S, Access, Route

TYPE = "type.googleapis.com/"
NOTHING_SENT = "connect-failure,refused-stream,reset-before-request"
SAFE = "connect-failure,refused-stream,reset,reset-before-request,retriable-status-codes"
ATTEMPTS = 3  # one per pod of the smallest design replica count, plus one


def retry_policy(*, safe: bool) -> Json:
    """Return what may be tried again: see the module's docstring."""
    policy: Json = {
        "retry_on": SAFE if safe else NOTHING_SENT,
        "num_retries": ATTEMPTS,
        "retry_host_predicate": [
            {
                "name": "envoy.retry_host_predicates.previous_hosts",
                "typed_config": {
                    "@type": f"{TYPE}envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
                },
            }
        ],
        "host_selection_retry_max_attempts": 5,
        "retry_back_off": {"base_interval": "0.025s", "max_interval": "0.25s"},
    }
    return {**policy, "retriable_status_codes": [503]} if safe else policy


def _methods(methods: Iterable[str]) -> list[Json]:
    names = sorted(methods)
    matcher: Json = {"exact": names[0]} if len(names) == 1 else {"safe_regex": {"regex": "|".join(names)}}
    return [{"name": ":method", "string_match": matcher}]


def _path(row: Route, public: str) -> Json:
    if row.template:
        prefix = public.removesuffix(row.path)
        return {"safe_regex": {"regex": prefix + row.pattern}}
    return {"path_separated_prefix": public} if row.prefix else {"path": public}


def _rewrite(row: Route, public: str) -> Json:
    seen, served = row.rewrite or ("", "")
    if not row.template:
        return {"prefix_rewrite": row.path.replace(seen, served, 1)} if public != row.path or seen else {}
    prefix = public.removesuffix(row.path)
    return {"regex_rewrite": {"pattern": {"regex": f"^{prefix}{seen}"}, "substitution": served}}


def requirement(row: Route) -> str | None:
    """Return the name of the JWT demand of this row; None: the token is not looked at."""
    return {Access.TOKEN: "token", Access.OPTIONAL: "optional", Access.PUBLIC: None, Access.COOKIE: None}[row.access]


def _per_route(row: Route) -> Json:
    demand = requirement(row)
    jwt: Json = {"requirement_name": demand} if demand else {"disabled": True}
    config: Json = {
        "envoy.filters.http.jwt_authn": {"@type": f"{TYPE}envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig"}
        | jwt,
        "envoy.filters.http.local_ratelimit": local_limit(row.flood_per_s),
    }
    if row.body_bytes != ROUTES[0].body_bytes:
        # Streamed, not buffered: Content-Length is checked here (oversize), the stream is counted by the service.
        config["envoy.filters.http.buffer"] = {
            "@type": f"{TYPE}envoy.extensions.filters.http.buffer.v3.BufferPerRoute",
            "disabled": True,
        }
    return config


def local_limit(per_s: int) -> Json:
    """Return a bucket that lets one second's worth through at once."""
    return {
        "@type": f"{TYPE}envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
        "stat_prefix": "flood",
        "token_bucket": {"max_tokens": per_s, "tokens_per_fill": per_s, "fill_interval": "1s"},
        "filter_enabled": {"default_value": {"numerator": 100, "denominator": "HUNDRED"}},
        "filter_enforced": {"default_value": {"numerator": 100, "denominator": "HUNDRED"}},
    }


def _deadline(row: Route) -> Json:
    if row.timeout_s is None:
        return {"timeout": "0s", "idle_timeout": f"{STREAM_IDLE_S}s"}
    return {"timeout": f"{row.timeout_s}s", "idle_timeout": f"{row.timeout_s + 5}s"}


def _entry(row: Route, public: str, methods: tuple[str, ...]) -> Json:
    safe = set(methods) <= set(SAFE_METHODS)
    entry: Json = {
        "match": {**_path(row, public), "headers": _methods(methods)},
        "route": {
            "cluster": row.service,
            **_rewrite(row, public),
            **_deadline(row),
            "retry_policy": retry_policy(safe=safe),
        },
        "typed_per_filter_config": _per_route(row),
    }
    if row.access in {Access.TOKEN, Access.COOKIE}:
        entry["response_headers_to_add"] = [
            {
                "header": {"key": "Cache-Control", "value": "no-store"},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        ]
    return entry


def _oversize(row: Route, public: str) -> Json:
    return {
        "match": {
            **_path(row, public),
            "headers": [
                {"name": "content-length", "range_match": {"start": row.body_bytes + 1, "end": 2**62}},
            ],
        },
        "direct_response": {"status": 413},
    }


def _entries(row: Route) -> Iterator[Json]:
    for public in row.public_paths:
        if row.body_bytes != ROUTES[0].body_bytes:
            yield _oversize(row, public)
        for kind in (True, False):
            methods = tuple(name for name in row.methods if (name in SAFE_METHODS) is kind)
            if methods:
                yield _entry(row, public, methods)


def _first(gateway: Gateway) -> Iterator[Json]:
    """Yield what comes before every row: a request with two hosts, and preflights from pages of ours.

    The CORS filter answers them itself, but only on routes that lead somewhere (never followed). Other origins'
    preflights must not meet that filter here: it would answer with half of the headers.
    """
    two_hosts = {"name": ":authority", "string_match": {"contains": ","}}
    yield {"match": {"prefix": "/", "headers": [two_hosts]}, "direct_response": {"status": 400}}
    origins = [re.escape(origin) for origin in gateway.cors.origins] + list(gateway.cors.origin_patterns)
    asked: list[Json] = [
        {"name": "origin", "string_match": {"safe_regex": {"regex": "|".join(origins)}}},
        {"name": "access-control-request-method", "present_match": True},
    ]
    yield {
        "match": {"prefix": "/", "headers": [*_methods(["OPTIONS"]), *asked]},
        "route": {"cluster": gateway.jwks_service},
    }


def _refusals(rows: tuple[Route, ...]) -> Iterator[Json]:
    """Yield what no row takes: other OPTIONS, a method nobody serves, and everything else."""
    yield {"match": {"prefix": "/", "headers": _methods(["OPTIONS"])}, "direct_response": {"status": 204}}
    known = dict.fromkeys((row.template, public, row.prefix) for row in rows for public in row.public_paths)
    by_path = {(public, row.prefix): row for row in rows for public in row.public_paths}
    for _, public, prefix in known:
        yield {"match": _path(by_path[public, prefix], public), "direct_response": {"status": 405}}
    yield {"match": {"prefix": "/"}, "direct_response": {"status": 404}}


def entries(gateway: Gateway) -> list[Json]:
    """Return the routes of every service this gateway has; rows of others answer 503, not 404: they exist."""
    here = {upstream.name for upstream in gateway.upstreams}
    found: list[Json] = list(_first(gateway))
    for row in ROUTES:
        rendered = list(_entries(row))
        if row.service not in here:
            for entry in rendered:
                if "route" in entry:
                    entry.pop("route")
                    entry["direct_response"] = {"status": 503}
        found += rendered
    return [*found, *_refusals(ROUTES)]


__all__ = ["PREFIXES", "entries", "local_limit", "requirement", "retry_policy"]
